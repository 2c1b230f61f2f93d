/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copies - between device memory, the window and the lane's staging slots.
 *
 * A slot is free when the copies out of it have completed on their streams: each slot
 * remembers one event for each stream that read it.
 */
#include <stdlib.h>

#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

/* A reader of a slot: the last copy on one stream of one context. */
struct vg_stage_reader {
    struct vg_stage_reader *next;
    vg_id context;
    CUstream stream;
    CUevent event;
};

/* Staging must be known to the driver once, so that copies out of it are asynchronous. */
static CUresult
register_staging(struct vg_worker_thread *thread)
{
    void *base = (void *)(uintptr_t)vg_stage_address(thread->index, 0);

    if (thread->stage_registered) {
        return CUDA_SUCCESS;
    }
    const CUresult result = vg_cuda.cuMemHostRegister_v2(
        base, VG_STAGE_SIZE, CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP);
    if (result == CUDA_SUCCESS || result == CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED) {
        thread->stage_registered = true;
        return CUDA_SUCCESS;
    }
    return result;
}

static CUresult
mark_reader(struct vg_worker_thread *thread, uint32_t slot, CUstream stream)
{
    struct vg_stage_reader *r = thread->stage_readers[slot];

    while (r != NULL && (r->context != thread->context || r->stream != stream)) {
        r = r->next;
    }
    if (r == NULL) {
        r = calloc(1, sizeof(*r));
        if (r == NULL ||
            vg_cuda.cuEventCreate(&r->event, CU_EVENT_DISABLE_TIMING) != CUDA_SUCCESS) {
            free(r);
            return vg_cuda.cuStreamSynchronize(stream);
        }
        r->context = thread->context;
        r->stream = stream;
        r->next = thread->stage_readers[slot];
        thread->stage_readers[slot] = r;
    }
    return vg_cuda.cuEventRecord(r->event, stream);
}

int
vg_stage_mark(struct vg_worker_call *call, uint64_t address, CUstream stream)
{
    const uint64_t offset = address - vg_stage_address(call->lane, 0);

    if (offset >= VG_STAGE_SIZE) {
        return 0; /* pinned memory of the program */
    }
    return (int)mark_reader(call->thread, (uint32_t)(offset / VG_STAGE_SLOT_SIZE),
                            stream);
}

int
vg_dispatch_stage_wait(struct vg_worker_call *call)
{
    const uint32_t slot = vg_get_u32(&call->req);

    const int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    if (slot >= VG_STAGE_SLOTS) {
        return VG_CLIENT_VIOLATION;
    }
    while (call->thread->stage_readers[slot] != NULL) {
        struct vg_stage_reader *reader = call->thread->stage_readers[slot];
        /* a failure means a dead or faulted context: nothing reads the slot any more */
        (void)vg_cuda.cuEventSynchronize(reader->event);
        (void)vg_cuda.cuEventDestroy_v2(reader->event);
        call->thread->stage_readers[slot] = reader->next;
        free(reader);
    }
    return 0;
}

int
vg_dispatch_copy(struct vg_worker_call *call)
{
    const uint64_t dst = vg_get_u64(&call->req);
    const uint64_t src = vg_get_u64(&call->req);
    const uint64_t size = vg_get_u64(&call->req);
    CUstream stream = vg_worker_get_stream(call);
    const bool wait = vg_get_u8(&call->req) != 0;

    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuMemcpyAsync(dst, src, size, stream);
    }
    if (r == 0 && wait) {
        r = (int)vg_cuda.cuStreamSynchronize(stream);
    }
    return r;
}

int
vg_dispatch_copy_staged(struct vg_worker_call *call)
{
    const uint32_t slot = vg_get_u32(&call->req);
    const uint32_t offset = vg_get_u32(&call->req);
    const uint32_t size = vg_get_u32(&call->req);
    const uint64_t dst = vg_get_u64(&call->req);
    CUstream stream = vg_worker_get_stream(call);

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    if (slot >= VG_STAGE_SLOTS || offset > VG_STAGE_SLOT_SIZE ||
        size > VG_STAGE_SLOT_SIZE - offset) {
        return VG_CLIENT_VIOLATION;
    }
    r = (int)register_staging(call->thread);
    if (r != 0) {
        return r;
    }
    const void *from =
        (const void *)(uintptr_t)(vg_stage_address(call->lane, slot) + offset);
    if (vg_window_holds(dst, size)) { /* pinned or managed memory as the target */
        r = (int)vg_cuda.cuMemcpyAsync(dst, (CUdeviceptr)(uintptr_t)from, size, stream);
    } else {
        r = (int)vg_cuda.cuMemcpyHtoDAsync_v2(dst, from, size, stream);
    }
    return r != 0 ? r : (int)mark_reader(call->thread, slot, stream);
}

static CUresult
copy_out(void *to, uint64_t src, size_t size, CUstream stream)
{
    CUresult result;

    if (vg_window_holds(src, size)) {
        result = vg_cuda.cuMemcpyAsync((CUdeviceptr)(uintptr_t)to, src, size, stream);
    } else {
        result = vg_cuda.cuMemcpyDtoHAsync_v2(to, src, size, stream);
    }
    return result == CUDA_SUCCESS ? vg_cuda.cuStreamSynchronize(stream) : result;
}

int
vg_dispatch_copy_out(struct vg_worker_call *call)
{
    const uint64_t src = vg_get_u64(&call->req);
    const uint32_t size = vg_get_u32(&call->req);
    CUstream stream = vg_worker_get_stream(call);

    const int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    if (size > VG_STAGE_SLOT_SIZE) {
        return VG_CLIENT_VIOLATION;
    }
    void *to = vg_enc_reserve(&call->rep, size);
    return to != NULL ? (int)copy_out(to, src, size, stream) : CUDA_ERROR_OUT_OF_MEMORY;
}

int
vg_dispatch_copy_out_slot(struct vg_worker_call *call)
{
    const uint32_t slot = vg_get_u32(&call->req);
    const uint32_t size = vg_get_u32(&call->req);
    const uint64_t src = vg_get_u64(&call->req);
    CUstream stream = vg_worker_get_stream(call);

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    if (slot >= VG_STAGE_SLOTS || size > VG_STAGE_SLOT_SIZE) {
        return VG_CLIENT_VIOLATION;
    }
    r = (int)register_staging(call->thread);
    void *to = (void *)(uintptr_t)vg_stage_address(call->lane, slot);
    return r != 0 ? r : (int)copy_out(to, src, size, stream);
}

int
vg_dispatch_host_alloc(struct vg_worker_call *call)
{
    const uint64_t address = vg_get_u64(&call->req);
    const uint64_t size = vg_get_u64(&call->req);

    const int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    if (size == 0 || !vg_window_holds(address, size)) {
        return VG_CLIENT_VIOLATION;
    }
    const CUresult result = vg_cuda.cuMemHostRegister_v2(
        (void *)(uintptr_t)address, size,
        CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP);
    if (result == CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED) {
        return 0; /* of a context that was reset */
    }
    return (int)result;
}

int
vg_dispatch_host_free(struct vg_worker_call *call)
{
    const uint64_t address = vg_get_u64(&call->req);
    const uint64_t size = vg_get_u64(&call->req);

    const int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    if (!vg_window_holds(address, size)) {
        return VG_CLIENT_VIOLATION;
    }
    /* copies and kernels may still use it */
    const CUresult result = vg_cuda.cuCtxSynchronize();
    (void)vg_cuda.cuMemHostUnregister((void *)(uintptr_t)address);
    return (int)result;
}
