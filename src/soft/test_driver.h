/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * test_driver - what the tests over the Driver API share: the exported functions, linked
 * in, and a few kernels as PTX text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "soft_cuda_api.h"

#define OK(call)           assert_int_equal((call), CUDA_SUCCESS)
#define FAILS(call, error) assert_int_equal((call), (error))

#define PTX_HEAD ".version 7.0\n.target sm_80\n.address_size 64\n"

/* c[i] = a[i] + b[i] for i < n */
#define PTX_ADD                                                                         \
    ".visible .entry add(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)\n" \
    "{\n"                                                                               \
    "    .reg .pred %p1;\n    .reg .f32 %f<4>;\n    .reg .b32 %r<6>;\n"                 \
    "    .reg .b64 %d<8>;\n"                                                            \
    "    ld.param.u64 %d1, [a];\n    ld.param.u64 %d2, [b];\n"                          \
    "    ld.param.u64 %d3, [c];\n    ld.param.u32 %r1, [n];\n"                          \
    "    mov.u32 %r2, %ctaid.x;\n    mov.u32 %r3, %ntid.x;\n"                           \
    "    mov.u32 %r4, %tid.x;\n    mad.lo.s32 %r5, %r2, %r3, %r4;\n"                    \
    "    setp.ge.s32 %p1, %r5, %r1;\n    @%p1 bra done;\n"                              \
    "    mul.wide.s32 %d4, %r5, 4;\n"                                                   \
    "    add.s64 %d5, %d1, %d4;\n    add.s64 %d6, %d2, %d4;\n"                          \
    "    add.s64 %d7, %d3, %d4;\n"                                                      \
    "    ld.global.f32 %f1, [%d5];\n    ld.global.f32 %f2, [%d6];\n"                    \
    "    add.f32 %f3, %f1, %f2;\n    st.global.f32 [%d7], %f3;\n"                       \
    "done:\n    ret;\n}\n"

/* *p = *p * 3 + v: the order of two of these shows in the result */
#define PTX_STEP                                                        \
    ".visible .entry step(.param .u64 p, .param .u32 v)\n"              \
    "{\n"                                                               \
    "    .reg .b32 %r<4>;\n    .reg .b64 %d<2>;\n"                      \
    "    ld.param.u64 %d1, [p];\n    ld.param.u32 %r1, [v];\n"          \
    "    ld.global.u32 %r2, [%d1];\n    mad.lo.u32 %r3, %r2, 3, %r1;\n" \
    "    st.global.u32 [%d1], %r3;\n    ret;\n}\n"

#define PTX_TRAP ".visible .entry trap_now()\n{\n    trap;\n    ret;\n}\n"

/* A context of its own for each test. */
static CUcontext test_context;

static inline int
test_begin(void **state)
{
    (void)state;
    if (cuInit(0) != CUDA_SUCCESS) {
        return -1;
    }
    return cuCtxCreate_v2(&test_context, 0, 0) == CUDA_SUCCESS ? 0 : -1;
}

static inline int
test_end(void **state)
{
    (void)state;
    return cuCtxDestroy_v2(test_context) == CUDA_SUCCESS ? 0 : -1;
}

static inline CUfunction
test_function(const char *ptx, const char *name)
{
    CUmodule module;
    CUfunction function;
    OK(cuModuleLoadData(&module, ptx));
    OK(cuModuleGetFunction(&function, module, name));
    return function;
}

static inline CUdeviceptr
test_word(uint32_t value)
{
    CUdeviceptr word;
    OK(cuMemAlloc_v2(&word, sizeof value));
    OK(cuMemcpyHtoD_v2(word, &value, sizeof value));
    return word;
}

static inline uint32_t
test_read(CUdeviceptr word)
{
    uint32_t value;
    OK(cuMemcpyDtoH_v2(&value, word, sizeof value));
    return value;
}

static inline CUresult
test_step(CUfunction step, CUdeviceptr word, uint32_t value, CUstream stream)
{
    void *params[] = { &word, &value };
    return cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, stream, params, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
