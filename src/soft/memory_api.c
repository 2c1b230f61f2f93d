/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_api - the Driver API's calls that allocate, free, and tell of addresses.
 */
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/memory.h"
#include "soft/op.h"
#include "soft/pool.h"
#include "soft/stream.h"

CUresult
vg_drv_cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    uint64_t free_now, all;
    vg_memory_info(&free_now, &all);
    if (free_bytes != NULL) {
        *free_bytes = free_now;
    }
    if (total != NULL) {
        *total = all;
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

/* Lock taken on success only. */
static CUresult
enter_unsafe(struct vg_context **out)
{
    CUresult r = vg_soft_enter(out);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_capture_check_unsafe();
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

static CUresult
allocate(size_t size, enum vg_memory_kind kind, CUdeviceptr *out)
{
    struct vg_context *context;
    CUresult r = enter_unsafe(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    uint64_t base;
    r = vg_pool_make_room(context, size);
    if (r == CUDA_SUCCESS) {
        r = vg_memory_alloc(context, size, 0, kind, &base);
    }
    if (r == CUDA_SUCCESS) {
        *out = base;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)
{
    if (dptr == NULL || bytesize == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return allocate(bytesize, VG_MEMORY_DEVICE, dptr);
}

CUresult
vg_drv_cuMemAllocManaged(CUdeviceptr *dptr, size_t bytesize, unsigned int flags)
{
    if (dptr == NULL || bytesize == 0 || (flags != 1 && flags != 2)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return allocate(bytesize, VG_MEMORY_MANAGED, dptr);
}

CUresult
vg_drv_cuMemAllocPitch_v2(CUdeviceptr *dptr, size_t *pitch, size_t width, size_t height,
                          unsigned int element)
{
    if (dptr == NULL || pitch == NULL || width == 0 || height == 0 ||
        (element != 4 && element != 8 && element != 16)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    size_t row = (width + 511) & ~(size_t)511;
    if (row < width || row > SIZE_MAX / height) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    CUresult r = allocate(row * height, VG_MEMORY_DEVICE, dptr);
    if (r == CUDA_SUCCESS) {
        *pitch = row;
    }
    return r;
}

/* Lock held. Frees a block after everything that was issued to its context. */
static CUresult
free_later(struct vg_context *context, uint64_t base)
{
    struct vg_work work = { .kind = VG_WORK_FREE, .address = base };
    struct vg_op *op = vg_op_create(context, &work);
    if (op == NULL || !vg_context_follow(context, op)) {
        vg_op_unref(op);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_op_submit(op);
    vg_op_unref(context->orphans);
    context->orphans = op;
    return CUDA_SUCCESS;
}

/* Waits for the work of the allocation's context, as programs lean on. The pages go back
 * without the lock. */
CUresult
vg_drv_cuMemFree_v2(CUdeviceptr dptr)
{
    if (dptr == 0) {
        return CUDA_SUCCESS;
    }
    struct vg_context *context;
    CUresult r = enter_unsafe(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_memory_facts facts;
    if (!vg_memory_lookup(dptr, &facts) || facts.base != dptr || facts.context == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    bool done;
    r = vg_context_settle(facts.context, &done);
    if (!vg_memory_claim(dptr)) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    if (!done) {
        return vg_soft_leave(free_later(facts.context, dptr));
    }
    vg_soft_unlock();
    vg_memory_release(dptr);
    return r;
}

CUresult
vg_drv_cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *size, CUdeviceptr dptr)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_memory_facts facts;
    if (!vg_memory_lookup(dptr, &facts)) {
        return vg_soft_leave(CUDA_ERROR_NOT_FOUND);
    }
    if (base != NULL) {
        *base = facts.base;
    }
    if (size != NULL) {
        *size = facts.size;
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- host memory --- */

CUresult
vg_drv_cuMemHostAlloc(void **host, size_t bytesize, unsigned int flags)
{
    if (host == NULL || bytesize == 0 || (flags & ~7u) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = enter_unsafe(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    /* with unified addressing all pinned memory is mapped and portable */
    r = vg_memory_alloc_host(context, bytesize, flags, host);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuMemAllocHost_v2(void **host, size_t bytesize)
{
    return vg_drv_cuMemHostAlloc(host, bytesize, 0);
}

CUresult
vg_drv_cuMemFreeHost(void *host)
{
    struct vg_context *context;
    if (host == NULL) {
        return CUDA_SUCCESS;
    }
    CUresult r = enter_unsafe(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_memory_facts facts;
    if (!vg_memory_lookup((uintptr_t)host, &facts) || facts.kind != VG_MEMORY_HOST ||
        facts.base != (uintptr_t)host) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    r = vg_context_drain(facts.context);
    vg_soft_unlock();
    CUresult freed = vg_memory_free_host(host);
    return r != CUDA_SUCCESS ? r : freed;
}

CUresult
vg_drv_cuMemHostRegister_v2(void *host, size_t bytesize, unsigned int flags)
{
    if (host == NULL || bytesize == 0 || (flags & ~0xfu) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return vg_soft_leave(vg_memory_register(context, host, bytesize, flags));
}

CUresult
vg_drv_cuMemHostUnregister(void *host)
{
    struct vg_context *context;
    CUresult r = host != NULL ? vg_soft_enter(&context) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_context_drain(context);
    CUresult ended = vg_memory_unregister(host);
    return vg_soft_leave(r != CUDA_SUCCESS ? r : ended);
}

CUresult
vg_drv_cuMemHostGetDevicePointer_v2(CUdeviceptr *dptr, void *host, unsigned int flags)
{
    if (dptr == NULL || host == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_memory_facts facts;
    if (!vg_memory_lookup((uintptr_t)host, &facts) || facts.kind < VG_MEMORY_HOST) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *dptr = (uintptr_t)host;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuMemHostGetFlags(unsigned int *flags, void *host)
{
    struct vg_memory_facts facts;
    if (flags == NULL || !vg_memory_lookup((uintptr_t)host, &facts) ||
        facts.kind < VG_MEMORY_HOST) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = facts.flags | CU_MEMHOSTALLOC_DEVICEMAP;
    return CUDA_SUCCESS;
}

/* --- advice: accepted for what is ours, since everything is in one place already --- */

static CUresult
check_managed(CUdeviceptr dptr, size_t count)
{
    return count != 0 && vg_memory_contains(dptr, count) ? CUDA_SUCCESS
                                                         : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_drv_cuMemAdvise(CUdeviceptr dptr, size_t count, CUmem_advise advice, CUdevice device)
{
    (void)advice;
    (void)device;
    return check_managed(dptr, count);
}

CUresult
vg_drv_cuMemAdvise_v2(CUdeviceptr dptr, size_t count, CUmem_advise advice,
                      CUmemLocation location)
{
    (void)advice;
    (void)location;
    return check_managed(dptr, count);
}

CUresult
vg_drv_cuMemPrefetchAsync(CUdeviceptr dptr, size_t count, CUdevice device,
                          CUstream stream)
{
    (void)device;
    (void)stream;
    return check_managed(dptr, count);
}

CUresult
vg_drv_cuMemPrefetchAsync_v2(CUdeviceptr dptr, size_t count, CUmemLocation location,
                             unsigned int flags, CUstream stream)
{
    (void)location;
    (void)stream;
    return flags == 0 ? check_managed(dptr, count) : CUDA_ERROR_INVALID_VALUE;
}

/* Nothing is kept of advice, so nothing has been advised. */
static CUresult
range_attribute(void *data, size_t size, CUmem_range_attribute attribute)
{
    int answer;
    switch ((int)attribute) {
    case CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY:
        answer = 0;
        break;
    case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION:
    case CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY:
    case CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION:
        answer = CU_DEVICE_INVALID;
        break;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (data == NULL || size < sizeof answer || size % sizeof answer != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < size; i += sizeof answer) {
        memcpy((char *)data + i, &answer, sizeof answer);
    }
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuMemRangeGetAttribute(void *data, size_t size, CUmem_range_attribute attribute,
                              CUdeviceptr dptr, size_t count)
{
    CUresult r = check_managed(dptr, count);
    return r != CUDA_SUCCESS ? r : range_attribute(data, size, attribute);
}

CUresult
vg_drv_cuMemRangeGetAttributes(void **data, size_t *sizes,
                               CUmem_range_attribute *attributes, size_t attribute_count,
                               CUdeviceptr dptr, size_t count)
{
    if (data == NULL || sizes == NULL || attributes == NULL || attribute_count == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r = check_managed(dptr, count);
    for (size_t i = 0; r == CUDA_SUCCESS && i < attribute_count; i++) {
        r = range_attribute(data[i], sizes[i], attributes[i]);
    }
    return r;
}

/* --- pointer attributes --- */

static void
put_int(void *data, int value)
{
    memcpy(data, &value, sizeof value);
}

static void
put_address(void *data, uint64_t value)
{
    memcpy(data, &value, sizeof value);
}

static bool
is_host(const struct vg_memory_facts *facts)
{
    return facts->kind >= VG_MEMORY_HOST;
}

static CUresult
known_attribute(void *data, CUpointer_attribute attribute, CUdeviceptr ptr,
                const struct vg_memory_facts *facts)
{
    switch ((int)attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        put_address(data, facts->context->object.handle);
        break;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        put_int(data, is_host(facts) ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE);
        break;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
        put_address(data, ptr);
        break;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        if (!is_host(facts) && facts->kind != VG_MEMORY_MANAGED) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        put_address(data, ptr);
        break;
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
        put_int(data, 0);
        break;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
        put_address(data, facts->id);
        break;
    /* truth values are ints: the runtime reads four bytes of what it did not clear */
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
        put_int(data, facts->kind == VG_MEMORY_MANAGED);
        break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        put_int(data, vg_front_ordinal(facts->context->device));
        break;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        put_address(data, facts->base);
        break;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
        put_address(data, facts->size);
        break;
    case CU_POINTER_ATTRIBUTE_MAPPED:
        put_int(data, 1);
        break;
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
        put_address(data, 0);
        break;
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
        put_int(data, 3);
        break;
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
        put_address(data, vg_pool_handle_of(facts));
        break;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

/* What the plural call says of an address that is nobody's: zeros. */
static void
unknown_attribute(void *data, CUpointer_attribute attribute)
{
    switch ((int)attribute) {
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        put_int(data, -2);
        break;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_MAPPED:
        put_int(data, 0);
        break;
    case CU_POINTER_ATTRIBUTE_CONTEXT:
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
        put_address(data, 0);
        break;
    default:
        break;
    }
}

CUresult
vg_drv_cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr ptr)
{
    if (data == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_memory_facts facts;
    CUresult r = CUDA_ERROR_INVALID_VALUE;
    if (vg_memory_lookup(ptr, &facts)) {
        r = known_attribute(data, attribute, ptr, &facts);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuPointerGetAttributes(unsigned int count, CUpointer_attribute *attributes,
                              void **data, CUdeviceptr ptr)
{
    if (attributes == NULL || data == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_memory_facts facts;
    bool known = vg_memory_lookup(ptr, &facts);
    for (unsigned i = 0; i < count; i++) {
        if (data[i] == NULL) {
            continue;
        }
        if (!known || known_attribute(data[i], attributes[i], ptr, &facts) != 0) {
            unknown_attribute(data[i], attributes[i]);
        }
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuPointerSetAttribute(const void *value, CUpointer_attribute attribute,
                             CUdeviceptr ptr)
{
    if (value == NULL || attribute != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS ||
        !vg_memory_is_known(ptr)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}
