/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* check - every program here prints PASS and exits 0, or says what failed and exits 1. */

#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(call)                                                             \
    do {                                                                        \
        cudaError_t error_ = (call);                                            \
        if (error_ != cudaSuccess) {                                            \
            fprintf(stderr, "FAIL: %s:%d: %s: %s\n", __FILE__, __LINE__, #call, \
                    cudaGetErrorName(error_));                                  \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

#define EXPECT(condition)                                                         \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "FAIL: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* The call must end with exactly this error, which is then forgotten. */
#define EXPECT_ERROR(call, wanted)                                                      \
    do {                                                                                \
        cudaError_t error_ = (call);                                                    \
        if (error_ != (wanted)) {                                                       \
            fprintf(stderr, "FAIL: %s:%d: %s: %s, not %s\n", __FILE__, __LINE__, #call, \
                    cudaGetErrorName(error_), #wanted);                                 \
            exit(1);                                                                    \
        }                                                                               \
        (void)cudaGetLastError();                                                       \
    } while (0)

static inline int
pass(void)
{
    printf("PASS\n");
    return 0;
}
