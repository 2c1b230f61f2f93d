/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory - pinned memory out of the window, freeing, registered pages.
 *
 * Pinned memory has the same address on both sides, so its pointer is a device pointer
 * too. Registered ordinary pages stay ordinary: copies snapshot them, kernels cannot
 * reach them.
 */
#include <pthread.h>
#include <stdlib.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call.h"
#include "shim/conn.h"
#include "shim/memory.h"
#include "shim/range.h"
#include "wire/internal.h"

#define ALLOC_FLAGS \
    (CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED)

CUresult
vg_memory_register(unsigned number, const void *address, size_t size, bool ours)
{
    struct vg_call call;

    vg_call_begin(&call, number);
    call.relaxed = ours;
    vg_put_u64(&call.req, (uint64_t)(uintptr_t)address);
    vg_put_u64(&call.req, size);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

static CUresult
alloc_pinned(void **host, size_t size, unsigned flags)
{
    if (host == NULL || size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    void *address = vg_window_alloc(size, flags);
    if (address == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    const CUresult result = vg_memory_register(VG_CALL_HOST_ALLOC, address, size, false);
    if (result != CUDA_SUCCESS) {
        (void)vg_window_free(address);
        return result;
    }
    *host = address;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuMemHostAlloc(void **host, size_t bytesize, unsigned int flags)
{
    if ((flags & ~(unsigned)ALLOC_FLAGS) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    /* with unified addressing all pinned memory is mapped and portable */
    return alloc_pinned(host, bytesize,
                        flags | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_PORTABLE);
}

CUresult
vg_drv_cuMemAllocHost_v2(void **host, size_t bytesize)
{
    return vg_drv_cuMemHostAlloc(host, bytesize, 0);
}

static CUresult
free_pinned(void *host, unsigned flags)
{
    struct vg_window_block block;
    const uint64_t address = (uint64_t)(uintptr_t)host;

    if (!vg_window_find(address, &block) || block.base != address ||
        (block.flags & VG_WINDOW_MANAGED) != flags) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result =
        vg_memory_register(VG_CALL_HOST_FREE, host, block.size, false);
    if (result == CUDA_SUCCESS) {
        (void)vg_window_free(host);
    }
    return result;
}

CUresult
vg_drv_cuMemFreeHost(void *host)
{
    return free_pinned(host, 0);
}

CUresult
vg_drv_cuMemAllocManaged(CUdeviceptr *dptr, size_t bytesize, unsigned int flags)
{
    const struct vg_device_sheet *sheet = vg_driver_device(vg_front_current_device());
    void *address = NULL;

    if (dptr == NULL || (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (sheet == NULL || sheet->attributes[CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY] == 0) {
        return vg_front_not_carried(VG_CUDA_cuMemAllocManaged);
    }
    const CUresult result = alloc_pinned(&address, bytesize, VG_WINDOW_MANAGED);
    if (result == CUDA_SUCCESS) {
        *dptr = (CUdeviceptr)(uintptr_t)address;
    }
    return result;
}

CUresult
vg_drv_cuMemFree_v2(CUdeviceptr dptr)
{
    if (dptr == 0) {
        return CUDA_SUCCESS;
    }
    if (vg_is_window_address(dptr)) {
        return free_pinned((void *)(uintptr_t)dptr, VG_WINDOW_MANAGED);
    }
    const CUresult result = vg_send_cuMemFree_v2(dptr);
    if (result == CUDA_SUCCESS) {
        vg_range_forget(dptr);
    }
    return result;
}

CUresult
vg_drv_cuMemHostGetDevicePointer_v2(CUdeviceptr *dptr, void *host, unsigned int flags)
{
    struct vg_window_block block;

    if (dptr == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!vg_window_find((uint64_t)(uintptr_t)host, &block)) {
        /* the worker cannot reach pages that are ordinary memory of this process */
        return vg_registered_find((uint64_t)(uintptr_t)host, &block)
                   ? vg_front_not_carried(VG_CUDA_cuMemHostGetDevicePointer_v2)
                   : CUDA_ERROR_INVALID_VALUE;
    }
    *dptr = (CUdeviceptr)(uintptr_t)host;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuMemHostGetFlags(unsigned int *flags, void *host)
{
    struct vg_window_block block;

    const uint64_t address = (uint64_t)(uintptr_t)host;

    if (flags == NULL ||
        (!vg_window_find(address, &block) && !vg_registered_find(address, &block)) ||
        (block.flags & VG_WINDOW_MANAGED) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = block.flags;
    return CUDA_SUCCESS;
}

/* --- registered ordinary pages --- */

struct registered {
    struct registered *next;
    uint64_t base;
    uint64_t size;
    unsigned flags;
    vg_id context;
};

static pthread_mutex_t registered_lock = PTHREAD_MUTEX_INITIALIZER;
static struct registered *registered;

CUresult
vg_drv_cuMemHostRegister_v2(void *host, size_t bytesize, unsigned int flags)
{
    struct registered *r = calloc(1, sizeof(*r));
    const uint64_t base = (uint64_t)(uintptr_t)host;
    CUresult result = CUDA_SUCCESS;

    if (host == NULL || bytesize == 0 || bytesize > UINT64_MAX - base ||
        (flags & ~0xfu) != 0 || vg_is_window_address(base)) {
        free(r);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (r == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *r = (struct registered){ .base = base,
                              .size = bytesize,
                              .flags = flags,
                              .context = vg_id_from_handle(vg_front_current()) };
    pthread_mutex_lock(&registered_lock);
    for (const struct registered *o = registered; o != NULL; o = o->next) {
        if (base < o->base + o->size && o->base < base + bytesize) {
            result = CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
        }
    }
    if (result == CUDA_SUCCESS) {
        r->next = registered;
        registered = r;
        r = NULL;
    }
    pthread_mutex_unlock(&registered_lock);
    free(r);
    return result;
}

CUresult
vg_drv_cuMemHostUnregister(void *host)
{
    struct registered **link = &registered;

    pthread_mutex_lock(&registered_lock);
    while (*link != NULL && (*link)->base != (uint64_t)(uintptr_t)host) {
        link = &(*link)->next;
    }
    struct registered *found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    pthread_mutex_unlock(&registered_lock);
    free(found);
    return found != NULL ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
}

bool
vg_registered_find(uint64_t address, struct vg_window_block *out)
{
    bool found = false;

    pthread_mutex_lock(&registered_lock);
    for (const struct registered *r = registered; r != NULL && !found; r = r->next) {
        if (address - r->base < r->size) {
            *out = (struct vg_window_block){ r->base, r->size, r->flags, r->context };
            found = true;
        }
    }
    pthread_mutex_unlock(&registered_lock);
    return found;
}
