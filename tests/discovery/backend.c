/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend - stands for libggml-cuda.so: NEEDs libcuda.so.1, imports eleven of its
 * functions directly, and asks the rest through what a runtime would find.
 */
#include "discovery.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "cuda_api.h"

#define EXPORT __attribute__((visibility("default")))
#define PIECE  ((size_t)2 << 20)

EXPORT int backend_devices(struct found *out, int capacity);
EXPORT int backend_memory(int index, size_t *out_free, size_t *out_total);
EXPORT int backend_use(int index, size_t size);
EXPORT const char *backend_archs(void);

static void *driver;

const char *
backend_archs(void)
{
    return "500,610,700,750,800,860,890,900,1000,1200";
}

static CUmemAllocationProp
pinned(int device)
{
    CUmemAllocationProp prop;

    memset(&prop, 0, sizeof(prop));
    prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    prop.location.id = device;
    return prop;
}

int
backend_devices(struct found *out, int capacity)
{
    int version = 0;
    int count = 0;
    int r = startup(&driver, &version, &count, out, capacity);

    for (int i = 0; i < count && r == 0; i++) {
        CUdevice device = -1;
        size_t granularity = 0;
        int has_vmm = 0;
        r = (int)cuDeviceGet(&device, i);
        r = r != 0 ? r
                   : (int)cuDeviceGetAttribute(&has_vmm, (CUdevice_attribute)102, device);
        if (r == 0 && has_vmm != 0) {
            const CUmemAllocationProp prop = pinned(device);
            r = (int)cuMemGetAllocationGranularity(&granularity, &prop,
                                                   CU_MEM_ALLOC_GRANULARITY_RECOMMENDED);
        }
        fprintf(stderr, "  Device %d: %s, compute capability %d.%d, VMM: %s, ID: %s\n", i,
                out[i].name, out[i].major, out[i].minor, has_vmm ? "yes" : "no",
                out[i].id);
    }
    if (r != 0) {
        const char *text = NULL;
        (void)cuGetErrorString((CUresult)r, &text);
        fprintf(stderr, "ggml_cuda_init: failed to initialize CUDA: %d, %s\n", r,
                text != NULL ? text : "an error of the runtime");
        return -1;
    }
    return count;
}

static int
enter_primary(int index)
{
    CUresult (*retain)(CUcontext *, CUdevice);
    CUresult (*set)(CUcontext);
    CUcontext context = NULL;

    if (!find(driver, "cuDevicePrimaryCtxRetain", &retain) ||
        !find(driver, "cuCtxSetCurrent", &set)) {
        return CUDA_ERROR_NOT_FOUND;
    }
    const CUresult r = retain(&context, index);
    return (int)(r != CUDA_SUCCESS ? r : set(context));
}

int
backend_memory(int index, size_t *out_free, size_t *out_total)
{
    CUresult (*info)(size_t *, size_t *);
    const int r = enter_primary(index);

    if (r != 0 || !find(driver, "cuMemGetInfo_v2", &info)) {
        return r != 0 ? r : (int)CUDA_ERROR_NOT_FOUND;
    }
    return (int)info(out_free, out_total);
}

/* A piece of memory in an address range that is larger, as the pool does it where the
 * device says that it can. */
static int
use_mapped(int index)
{
    int has_vmm = 0;

    if (cuDeviceGetAttribute(&has_vmm, (CUdevice_attribute)102, index) != CUDA_SUCCESS ||
        has_vmm == 0) {
        return 0;
    }
    const CUmemAllocationProp prop = pinned(index);
    const CUmemAccessDesc access = { .location = prop.location,
                                     .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
    CUmemGenericAllocationHandle handle = 0;
    CUdeviceptr range = 0;

    CUresult r = cuMemAddressReserve(&range, PIECE * 64, 0, 0, 0);
    if (r != CUDA_SUCCESS) {
        return (int)r;
    }
    r = cuMemCreate(&handle, PIECE, &prop, 0);
    if (r == CUDA_SUCCESS) {
        r = cuMemMap(range, PIECE, 0, handle, 0);
        const CUresult r2 = cuMemRelease(handle);
        r = r != CUDA_SUCCESS ? r : r2;
    }
    r = r != CUDA_SUCCESS ? r : cuMemSetAccess(range, PIECE, &access, 1);
    r = r != CUDA_SUCCESS ? r : cuMemUnmap(range, PIECE);
    const CUresult r3 = cuMemAddressFree(range, PIECE * 64);
    return (int)(r != CUDA_SUCCESS ? r : r3);
}

int
backend_use(int index, size_t size)
{
    CUresult (*alloc)(CUdeviceptr *, size_t);
    CUresult (*fill)(CUdeviceptr, unsigned char, size_t);
    CUresult (*synchronize)(void);
    CUdeviceptr memory = 0;
    const int r = enter_primary(index);

    if (r != 0 || !find(driver, "cuMemAlloc_v2", &alloc) ||
        !find(driver, "cuMemsetD8_v2", &fill) ||
        !find(driver, "cuCtxSynchronize", &synchronize)) {
        return r != 0 ? r : (int)CUDA_ERROR_NOT_FOUND;
    }
    const int r2 = use_mapped(index);
    if (r2 != 0) {
        return r2;
    }
    CUresult r3 = alloc(&memory, size);
    r3 = r3 != CUDA_SUCCESS ? r3 : fill(memory, 1, size);
    return (int)(r3 != CUDA_SUCCESS ? r3 : synchronize());
}
