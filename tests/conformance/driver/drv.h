/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * drv - what the driver-API tests share: checks, the golden PTX, launches.
 *
 * Each program prints PASS and exits 0, or says what failed and exits 1. It links against
 * libcuda.so.1, so the same binary runs on whichever one the loader finds. The folder of
 * the PTX files is in VG_TEST_PTX. With VG_TEST_RENAMED set, every function of the PTX
 * gets another name before it is loaded: nothing may depend on what a kernel is called.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_api.h"

#define CHECK(call)      vg_drv_check((call), CUDA_SUCCESS, #call, __FILE__, __LINE__)
#define REFUSED(call, e) vg_drv_check((call), (e), #call, __FILE__, __LINE__)
#define EXPECT(condition)                                                         \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "FAIL: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

static inline void
vg_drv_check(CUresult result, CUresult wanted, const char *call, const char *file,
             int line)
{
    const char *name = NULL;

    if (result != wanted) {
        cuGetErrorName(result, &name);
        fprintf(stderr, "FAIL: %s:%d: %s: %s (%d), not %d\n", file, line, call,
                name != NULL ? name : "?", (int)result, (int)wanted);
        exit(1);
    }
}

/* cuInit, and the primary context of device 0 current. */
static inline CUcontext
begin(void)
{
    CUcontext context;

    CHECK(cuInit(0));
    CHECK(cuDevicePrimaryCtxRetain(&context, 0));
    CHECK(cuCtxSetCurrent(context));
    return context;
}

/* Gives compiled names ("_Z...") other letters, in place: nothing of them is left to
 * know. */
static inline void
rename_functions(char *text)
{
    if (getenv("VG_TEST_RENAMED") == NULL) {
        return;
    }
    for (char *at = strstr(text, "_Z"); at != NULL; at = strstr(at, "_Z")) {
        for (; isalnum((unsigned char)*at) || *at == '_' || *at == '$'; at++) {
            if (isalpha((unsigned char)*at)) {
                const char first = islower((unsigned char)*at) ? 'a' : 'A';
                *at = (char)(first + (*at - first + 7) % 26);
            }
        }
    }
}

/* The text of a golden file; the caller frees it. */
static inline char *
read_ptx(const char *name)
{
    char path[4096];
    const char *folder = getenv("VG_TEST_PTX");
    FILE *file;
    long size;
    char *text;

    snprintf(path, sizeof(path), "%s/%s.ptx", folder != NULL ? folder : ".", name);
    file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "FAIL: cannot open %s (VG_TEST_PTX names its folder)\n", path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    text = calloc(1, (size_t)size + 1);
    EXPECT(text != NULL && fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    rename_functions(text);
    return text;
}

static inline CUmodule
load(const char *name)
{
    CUmodule module;
    char *text = read_ptx(name);

    CHECK(cuModuleLoadData(&module, text));
    free(text);
    return module;
}

static inline CUfunction
get(CUmodule module, const char *compiled_name)
{
    char name[256];
    CUfunction function;

    snprintf(name, sizeof(name), "%s", compiled_name);
    rename_functions(name);
    CHECK(cuModuleGetFunction(&function, module, name));
    return function;
}

static inline CUkernel
get_kernel(CUlibrary library, const char *compiled_name)
{
    char name[256];
    CUkernel kernel;

    snprintf(name, sizeof(name), "%s", compiled_name);
    rename_functions(name);
    CHECK(cuLibraryGetKernel(&kernel, library, name));
    return kernel;
}

static inline CUdeviceptr
reserve(size_t size)
{
    CUdeviceptr pointer;

    CHECK(cuMemAlloc_v2(&pointer, size));
    return pointer;
}

static inline CUdeviceptr
upload(const void *from, size_t size)
{
    CUdeviceptr pointer = reserve(size);

    CHECK(cuMemcpyHtoD_v2(pointer, from, size));
    return pointer;
}

static inline CUresult
try_launch(CUfunction f, unsigned grid, unsigned block, unsigned shared, CUstream stream,
           void **args)
{
    return cuLaunchKernel(f, grid, 1, 1, block, 1, 1, shared, stream, args, NULL);
}

#define LAUNCH(f, grid, block, shared, stream, ...) \
    CHECK(try_launch((f), (grid), (block), (shared), (stream), (void *[]){ __VA_ARGS__ }))

static inline int
pass(void)
{
    printf("PASS\n");
    return 0;
}
