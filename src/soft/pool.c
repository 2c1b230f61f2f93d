/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool - pools as books over the one arena.
 */
#include "soft/pool.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/stream.h"

struct vg_pool {
    struct vg_object object;
    uint64_t used, used_high;
    uint64_t release_threshold;
    int reuse[3]; /* kept and given back */
};

static struct vg_pool *default_pool, *current_pool;

static void
pool_destroy(struct vg_object *object)
{
    free(object);
}

static struct vg_pool *
pool_create(void)
{
    struct vg_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->object.destroy = pool_destroy;
    pool->reuse[0] = pool->reuse[1] = pool->reuse[2] = 1;
    if (vg_object_publish(&pool->object, VG_OBJECT_POOL, NULL) != 0) {
        free(pool);
        return NULL;
    }
    return pool;
}

static struct vg_pool *
get_default(void)
{
    if (default_pool == NULL) {
        default_pool = pool_create();
    }
    return default_pool;
}

static struct vg_pool *
get_current(void)
{
    return current_pool != NULL ? current_pool : get_default();
}

CUresult
vg_pool_make_room(struct vg_context *context, uint64_t size)
{
    if (size <= vg_memory_room()) {
        return CUDA_SUCCESS;
    }
    if (size > vg_memory_total()) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return vg_context_drain(context);
}

uint64_t
vg_pool_handle_of(const struct vg_memory_facts *facts)
{
    const struct vg_pool *pool = facts->pool;
    return facts->kind == VG_MEMORY_POOL && pool != NULL ? pool->object.handle : 0;
}

static CUresult
allocate(struct vg_pool *pool, size_t size, CUstream stream_handle, CUdeviceptr *out)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_stream *stream;
    r = vg_stream_find(context, stream_handle, &stream);
    if (r == CUDA_SUCCESS && stream->capture != NULL) {
        r = vg_capture_refuse(stream, "a stream-ordered allocation");
    }
    if (r == CUDA_SUCCESS) {
        r = vg_pool_make_room(context, size);
    }
    pool = pool != NULL ? pool : get_current();
    uint64_t base;
    if (r == CUDA_SUCCESS && pool == NULL) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r == CUDA_SUCCESS) {
        r = vg_memory_alloc(context, size, 0, VG_MEMORY_POOL, &base);
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    vg_memory_set_pool(base, pool);
    pool->used += size;
    pool->used_high = pool->used > pool->used_high ? pool->used : pool->used_high;
    *out = base;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuMemAllocAsync(CUdeviceptr *dptr, size_t bytesize, CUstream stream)
{
    if (dptr == NULL || bytesize == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return allocate(NULL, bytesize, stream, dptr);
}

CUresult
vg_drv_cuMemAllocFromPoolAsync(CUdeviceptr *dptr, size_t bytesize, CUmemoryPool handle,
                               CUstream stream)
{
    if (dptr == NULL || bytesize == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_pool *pool = vg_object_find(VG_OBJECT_POOL, handle);
    vg_soft_unlock();
    return pool != NULL ? allocate(pool, bytesize, stream, dptr)
                        : CUDA_ERROR_INVALID_VALUE;
}

/* Also frees what cuMemAlloc gave, as CUDA allows. */
CUresult
vg_drv_cuMemFreeAsync(CUdeviceptr dptr, CUstream stream_handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_stream *stream;
    r = vg_stream_find(context, stream_handle, &stream);
    if (r != CUDA_SUCCESS || dptr == 0) {
        return vg_soft_leave(r);
    }
    if (stream->capture != NULL) {
        return vg_soft_leave(vg_capture_refuse(stream, "a stream-ordered free"));
    }
    struct vg_memory_facts facts;
    if (!vg_memory_lookup(dptr, &facts) || !vg_memory_claim(dptr)) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    struct vg_pool *pool = facts.pool;
    if (facts.kind == VG_MEMORY_POOL && pool != NULL) {
        pool->used -= facts.size;
    }
    struct vg_work work = { .kind = VG_WORK_FREE, .address = dptr };
    return vg_soft_leave(vg_stream_issue(stream, &work));
}

/* --- pools --- */

static bool
is_device(CUdevice device)
{
    return vg_front_physical(device) == 0;
}

static CUresult
give_pool(struct vg_pool *pool, CUmemoryPool *out)
{
    if (pool == NULL) {
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *out = vg_object_handle(&pool->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuDeviceGetDefaultMemPool(CUmemoryPool *out, CUdevice device)
{
    if (out == NULL || !is_device(device)) {
        return out == NULL ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    return give_pool(get_default(), out);
}

CUresult
vg_drv_cuDeviceGetMemPool(CUmemoryPool *out, CUdevice device)
{
    if (out == NULL || !is_device(device)) {
        return out == NULL ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    return give_pool(get_current(), out);
}

CUresult
vg_drv_cuDeviceSetMemPool(CUdevice device, CUmemoryPool handle)
{
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    struct vg_pool *pool = vg_object_find(VG_OBJECT_POOL, handle);
    if (pool == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    current_pool = pool;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuMemPoolCreate(CUmemoryPool *out, const CUmemPoolProps *props)
{
    if (out == NULL || props == NULL ||
        props->allocType != CU_MEM_ALLOCATION_TYPE_PINNED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (props->handleTypes != 0 || props->location.type != CU_MEM_LOCATION_TYPE_DEVICE) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    vg_soft_lock();
    return give_pool(pool_create(), out);
}

CUresult
vg_drv_cuMemPoolDestroy(CUmemoryPool handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_pool *pool = vg_object_find(VG_OBJECT_POOL, handle);
    if (pool == NULL || pool == default_pool) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    if (current_pool == pool) {
        current_pool = NULL;
    }
    if (pool->used == 0) {
        vg_object_retire(&pool->object);
        return vg_soft_leave(CUDA_SUCCESS);
    }
    /* blocks still refer to it: the name ends, the books stay */
    vg_object_ref(&pool->object);
    vg_object_retire(&pool->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuMemPoolTrimTo(CUmemoryPool handle, size_t keep)
{
    (void)keep; /* nothing is held back */
    vg_soft_lock();
    bool found = vg_object_find(VG_OBJECT_POOL, handle) != NULL;
    return vg_soft_leave(found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

static CUresult
pool_attribute(struct vg_pool *pool, int attribute, void *value, bool set)
{
    uint64_t *number = NULL, copy = pool->used;
    int *flag = NULL;
    switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        flag = &pool->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES];
        break;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        number = &pool->release_threshold;
        break;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
    case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
        number = &copy;
        break;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
        number = &pool->used_high;
        break;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (set && number == &copy) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (set && number == &pool->used_high) {
        *number = pool->used; /* a high mark can only be reset */
    } else if (set) {
        memcpy(flag != NULL ? (void *)flag : (void *)number, value,
               flag != NULL ? sizeof *flag : sizeof *number);
    } else {
        memcpy(value, flag != NULL ? (void *)flag : (void *)number,
               flag != NULL ? sizeof *flag : sizeof *number);
    }
    return CUDA_SUCCESS;
}

static CUresult
access_attribute(CUmemoryPool handle, CUmemPool_attribute attribute, void *value,
                 bool set)
{
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_pool *pool = vg_object_find(VG_OBJECT_POOL, handle);
    return vg_soft_leave(pool != NULL ? pool_attribute(pool, (int)attribute, value, set)
                                      : CUDA_ERROR_INVALID_VALUE);
}

CUresult
vg_drv_cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
    return access_attribute(pool, attr, value, true);
}

CUresult
vg_drv_cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
    return access_attribute(pool, attr, value, false);
}

CUresult
vg_drv_cuMemPoolSetAccess(CUmemoryPool handle, const CUmemAccessDesc *map, size_t count)
{
    vg_soft_lock();
    bool good = vg_object_find(VG_OBJECT_POOL, handle) != NULL && map != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = map[i].location.type == CU_MEM_LOCATION_TYPE_DEVICE &&
               is_device(map[i].location.id);
    }
    return vg_soft_leave(good ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

CUresult
vg_drv_cuMemPoolGetAccess(CUmemAccess_flags *flags, CUmemoryPool handle,
                          CUmemLocation *location)
{
    vg_soft_lock();
    bool good = vg_object_find(VG_OBJECT_POOL, handle) != NULL && flags != NULL &&
                location != NULL && location->type == CU_MEM_LOCATION_TYPE_DEVICE &&
                is_device(location->id);
    if (good) {
        *flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    }
    return vg_soft_leave(good ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

/* --- by location: only the one device has pools --- */

static CUresult
check_location(const CUmemLocation *location, CUmemAllocationType type)
{
    if (location == NULL || type != CU_MEM_ALLOCATION_TYPE_PINNED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (location->type != CU_MEM_LOCATION_TYPE_DEVICE) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return is_device(location->id) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult
vg_drv_cuMemGetDefaultMemPool(CUmemoryPool *out, CUmemLocation *location,
                              CUmemAllocationType type)
{
    CUresult r = check_location(location, type);
    return r != CUDA_SUCCESS ? r : vg_drv_cuDeviceGetDefaultMemPool(out, location->id);
}

CUresult
vg_drv_cuMemGetMemPool(CUmemoryPool *out, CUmemLocation *location,
                       CUmemAllocationType type)
{
    CUresult r = check_location(location, type);
    return r != CUDA_SUCCESS ? r : vg_drv_cuDeviceGetMemPool(out, location->id);
}

CUresult
vg_drv_cuMemSetMemPool(CUmemLocation *location, CUmemAllocationType type,
                       CUmemoryPool pool)
{
    CUresult r = check_location(location, type);
    return r != CUDA_SUCCESS ? r : vg_drv_cuDeviceSetMemPool(location->id, pool);
}
