/* SPDX-License-Identifier: Apache-2.0 */
#include "front/test_driver.h"

#include <stdio.h>
#include <string.h>

#include "cuda_driver.h"

#define CONTEXTS 32 /* the first TEST_DEVICES are primary ones */

int test_driver_inits;
CUresult test_driver_init_result = CUDA_SUCCESS;
int test_driver_function[32];

static struct vg_device_sheet sheets[TEST_DEVICES];

/* A handle is the address of its context. */
static struct {
    bool made;
    int retained; /* primary */
    bool ended;
    int physical;
    unsigned flags;
} contexts[CONTEXTS];

CUresult
vg_driver_version(int *out_version)
{
    *out_version = 13050;
    return CUDA_SUCCESS;
}

CUresult
vg_driver_init(void)
{
    test_driver_inits++;
    for (int i = 0; i < TEST_DEVICES; i++) {
        int32_t *a = sheets[i].attributes;
        snprintf(sheets[i].name, sizeof(sheets[i].name), "test device %d", i);
        memset(&sheets[i].uuid, 0x10 + i, sizeof(sheets[i].uuid));
        sheets[i].total_memory = (uint64_t)6 << 30;
        a[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID] = 0x4b - i; /* the second one comes first */
        a[CU_DEVICE_ATTRIBUTE_WARP_SIZE] = 32;
        a[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT] = 108;
        a[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR] = 2048;
        a[CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR] = 32;
        a[CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR] = 65536;
        a[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR] = 167936;
        a[CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK] = 1024;
        contexts[i].made = true;
        contexts[i].physical = i;
    }
    return test_driver_init_result;
}

int
vg_driver_device_count(void)
{
    return TEST_DEVICES;
}

const struct vg_device_sheet *
vg_driver_device(int physical)
{
    return physical < 0 || physical >= TEST_DEVICES ? NULL : &sheets[physical];
}

static CUcontext
handle(int index)
{
    return (CUcontext)(void *)&contexts[index];
}

/* Return: index, or -1 for what never was a context. */
static int
find(CUcontext context)
{
    for (int i = 0; i < CONTEXTS; i++) {
        if (contexts[i].made && handle(i) == context) {
            return i;
        }
    }
    return -1;
}

CUcontext
vg_driver_primary_context(int physical)
{
    return handle(physical);
}

CUresult
vg_driver_context_facts(CUcontext context, struct vg_context_facts *out)
{
    const int i = find(context);

    if (i < 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (contexts[i].ended) {
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    *out = (struct vg_context_facts){
        .physical = contexts[i].physical,
        .is_primary = i < TEST_DEVICES,
        .is_active = i >= TEST_DEVICES || contexts[i].retained > 0,
        .flags = contexts[i].flags,
        .id = (uint64_t)i + 1,
        .api_version = 3020,
    };
    return CUDA_SUCCESS;
}

CUresult
vg_driver_stream_id(CUcontext context, CUstream stream, unsigned long long *out)
{
    (void)context;
    *out = (unsigned long long)(uintptr_t)stream;
    return CUDA_SUCCESS;
}

CUresult
vg_driver_module_load(CUmodule *out_module, const void *image)
{
    (void)out_module;
    (void)image;
    return CUDA_ERROR_INVALID_IMAGE;
}

int
vg_driver_module_functions(CUmodule module, int (*visit)(void *user, CUfunction f),
                           void *user)
{
    (void)module;
    return visit(user, NULL) == 0 ? 1 : 0;
}

CUresult
vg_drv_cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice dev)
{
    const int physical = vg_front_physical(dev);

    contexts[physical].retained++;
    *context = handle(physical);
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
    const int physical = vg_front_physical(dev);

    contexts[physical].retained = 0;
    vg_front_context_ended(handle(physical));
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuCtxCreate_v2(CUcontext *context, unsigned int flags, CUdevice dev)
{
    for (int i = TEST_DEVICES; i < CONTEXTS; i++) {
        if (!contexts[i].made) {
            contexts[i].made = true;
            contexts[i].flags = flags;
            contexts[i].physical = vg_front_physical(dev);
            *context = handle(i);
            return CUDA_SUCCESS;
        }
    }
    return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult
vg_drv_cuCtxDestroy_v2(CUcontext context)
{
    const int i = find(context);

    if (i < TEST_DEVICES || contexts[i].ended) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    contexts[i].ended = true;
    vg_front_context_ended(context);
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuCtxSynchronize(void)
{
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuFuncGetAttribute(int *value, CUfunction_attribute attrib, CUfunction function)
{
    if (function == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *value = test_driver_function[attrib];
    return CUDA_SUCCESS;
}
