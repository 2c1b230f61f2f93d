/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - linear copies, by where each side lies.
 *
 *   both sides in arena or window     one call, posted when CUDA would not wait either
 *   from ordinary memory              snapshotted into this lane's staging, posted
 *   to ordinary memory                waits: through the reply or a staging slot
 *
 * Staging is a piece of the window that the lane owns, in slots. A slot is filled front
 * to back; before it is used again the worker waits until the copies out of it are
 * complete.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/copy.h"
#include "shim/range.h"
#include "shim/shadow.h"
#include "shim/stats.h"
#include "wire/internal.h"

/* Up to here an answer carries the bytes itself. */
#define INLINE_MAX 65536u

enum vg_place
vg_place_of(uint64_t address)
{
    if (vg_is_device_address(address)) {
        return VG_PLACE_DEVICE;
    }
    return vg_is_window_address(address) ? VG_PLACE_WINDOW : VG_PLACE_ORDINARY;
}

CUresult
vg_stage_next(struct vg_client_lane *lane)
{
    const uint32_t slot = (lane->stage_next + 1) % VG_STAGE_SLOTS;
    struct vg_call call;

    lane->stage_next = slot;
    lane->stage_fill = 0;
    if (!lane->stage_used[slot]) {
        return CUDA_SUCCESS;
    }
    vg_call_begin(&call, VG_CALL_STAGE_WAIT);
    call.relaxed = true;
    vg_put_u32(&call.req, slot);
    if (vg_call_wait(&call, 0)) {
        lane->stage_used[slot] = false;
    }
    return vg_call_end(&call);
}

void
vg_stage_took(struct vg_client_lane *lane, uint32_t size)
{
    vg_stats_bytes(size, 0);
    lane->stage_used[lane->stage_next] = true;
    lane->stage_fill += (size + 63) & ~63u; /* keeps the next piece aligned */
    if (lane->stage_fill > VG_STAGE_SLOT_SIZE) {
        lane->stage_fill = VG_STAGE_SLOT_SIZE;
    }
}

static CUresult
post_staged(struct vg_client_lane *lane, uint64_t dst, uint32_t size, CUstream stream)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CALL_COPY_STAGED);
    vg_put_u32(&call.req, lane->stage_next);
    vg_put_u32(&call.req, lane->stage_fill);
    vg_put_u32(&call.req, size);
    vg_put_u64(&call.req, dst);
    vg_call_put_stream(&call, stream);
    vg_call_post(&call);
    return vg_call_end(&call);
}

static CUresult
copy_in(uint64_t dst, const void *src, size_t size, CUstream stream)
{
    struct vg_client_lane *lane = vg_client_lane();
    const uint8_t *from = src;
    CUresult result = CUDA_SUCCESS;

    if (lane == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    while (size != 0 && result == CUDA_SUCCESS) {
        uint32_t room = VG_STAGE_SLOT_SIZE - lane->stage_fill;
        if (room == 0 || (room < 4096 && size > room)) {
            result = vg_stage_next(lane);
            continue;
        }
        const uint32_t piece = size < room ? (uint32_t)size : room;
        uint8_t *slot = vg_stage_slot(lane, lane->stage_next);
        memcpy(slot + lane->stage_fill, from, piece);
        result = post_staged(lane, dst, piece, stream);
        vg_stage_took(lane, piece);
        from += piece;
        dst += piece;
        size -= piece;
    }
    return result;
}

static CUresult
copy_out_inline(void *dst, uint64_t src, uint32_t size, CUstream stream)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CALL_COPY_OUT);
    vg_put_u64(&call.req, src);
    vg_put_u32(&call.req, size);
    vg_call_put_stream(&call, stream);
    if (vg_call_wait(&call, size)) {
        vg_get_copy(&call.rep, dst, size);
    }
    return vg_call_end(&call);
}

static CUresult
copy_out(void *dst, uint64_t src, size_t size, CUstream stream)
{
    struct vg_client_lane *lane = vg_client_lane();
    uint8_t *to = dst;
    struct vg_call call;

    if (size <= INLINE_MAX) {
        return copy_out_inline(dst, src, (uint32_t)size, stream);
    }
    if (lane == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    CUresult result = vg_stage_next(lane);
    while (size != 0 && result == CUDA_SUCCESS) {
        const uint32_t piece =
            size < VG_STAGE_SLOT_SIZE ? (uint32_t)size : VG_STAGE_SLOT_SIZE;
        vg_call_begin(&call, VG_CALL_COPY_OUT_SLOT);
        vg_put_u32(&call.req, lane->stage_next);
        vg_put_u32(&call.req, piece);
        vg_put_u64(&call.req, src);
        vg_call_put_stream(&call, stream);
        /* the reply was read with acquire: the window's bytes are visible */
        if (vg_call_wait(&call, 0)) {
            memcpy(to, vg_stage_slot(lane, lane->stage_next), piece);
            vg_stats_bytes(0, piece);
        }
        result = vg_call_end(&call);
        to += piece;
        src += piece;
        size -= piece;
    }
    return result;
}

static CUresult
copy_direct(uint64_t dst, uint64_t src, size_t size, CUstream stream, bool wait)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CALL_COPY);
    vg_put_u64(&call.req, dst);
    vg_put_u64(&call.req, src);
    vg_put_u64(&call.req, size);
    vg_call_put_stream(&call, stream);
    vg_put_u8(&call.req, wait);
    if (wait) {
        (void)vg_call_wait(&call, 0);
    } else {
        vg_call_post(&call);
    }
    return vg_call_end(&call);
}

/* Ordinary memory in a graph would have to be read at each launch. */
CUresult
vg_copy_refuse_in_capture(CUstream stream, int number)
{
    bool captured = false;
    uint64_t id = 0;

    const CUresult result = vg_capture_of(stream, &captured, &id);
    return captured ? vg_front_not_carried(number) : result;
}

/* The node copies from or to a shadow in the window; the program's memory is read and
 * written at each launch. */
static CUresult
copy_in_capture(uint64_t dst, uint64_t src, size_t size, CUstream stream,
                uint64_t capture, int number)
{
    const bool out = vg_place_of(dst) == VG_PLACE_ORDINARY;
    void *shadow = NULL;

    if (out && vg_place_of(src) == VG_PLACE_ORDINARY) {
        return vg_front_not_carried(number);
    }
    const CUresult result =
        vg_shadow_add(capture, (void *)(uintptr_t)(out ? dst : src), size, out, &shadow);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    const uint64_t at = (uint64_t)(uintptr_t)shadow;
    return out ? copy_direct(at, src, size, stream, false)
               : copy_direct(dst, at, size, stream, false);
}

static CUresult
copy(uint64_t dst, uint64_t src, size_t size, CUstream stream, bool is_async, int number)
{
    const enum vg_place to = vg_place_of(dst), from = vg_place_of(src);
    CUresult result = CUDA_SUCCESS;

    if (size == 0) {
        return CUDA_SUCCESS;
    }
    if (to != VG_PLACE_ORDINARY) {
        result = vg_range_check(dst, size);
    }
    if (result == CUDA_SUCCESS && from != VG_PLACE_ORDINARY) {
        result = vg_range_check(src, size);
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (to != VG_PLACE_ORDINARY && from != VG_PLACE_ORDINARY) {
        const bool wait = !is_async && (to == VG_PLACE_WINDOW || from == VG_PLACE_WINDOW);
        return copy_direct(dst, src, size, stream, wait);
    }
    bool captured = false;
    uint64_t capture = 0;
    result = vg_capture_of(stream, &captured, &capture);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (captured) {
        return is_async ? copy_in_capture(dst, src, size, stream, capture, number)
                        : CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (to != VG_PLACE_ORDINARY) {
        return copy_in(dst, (const void *)(uintptr_t)src, size, stream);
    }
    if (from != VG_PLACE_ORDINARY) {
        return copy_out((void *)(uintptr_t)dst, src, size, stream);
    }
    result = vg_drv_cuStreamSynchronize(stream);
    if (result == CUDA_SUCCESS) {
        memmove((void *)(uintptr_t)dst, (const void *)(uintptr_t)src, size);
    }
    return result;
}

/* A device pointer argument must be one: the window counts, being mapped on both sides.
 */
static bool
is_bad_device_side(uint64_t address, size_t size)
{
    return size != 0 && vg_place_of(address) == VG_PLACE_ORDINARY;
}

CUresult
vg_drv_cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t count,
                            CUstream stream)
{
    if (is_bad_device_side(dst, count) || (src == NULL && count != 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy(dst, (uint64_t)(uintptr_t)src, count, stream, true,
                VG_CUDA_cuMemcpyHtoDAsync_v2);
}

CUresult
vg_drv_cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t count)
{
    if (is_bad_device_side(dst, count) || (src == NULL && count != 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy(dst, (uint64_t)(uintptr_t)src, count, vg_front_default_stream(), false,
                VG_CUDA_cuMemcpyHtoD_v2);
}

CUresult
vg_drv_cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t count, CUstream stream)
{
    if (is_bad_device_side(src, count) || (dst == NULL && count != 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy((uint64_t)(uintptr_t)dst, src, count, stream, true,
                VG_CUDA_cuMemcpyDtoHAsync_v2);
}

CUresult
vg_drv_cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t count)
{
    if (is_bad_device_side(src, count) || (dst == NULL && count != 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy((uint64_t)(uintptr_t)dst, src, count, vg_front_default_stream(), false,
                VG_CUDA_cuMemcpyDtoH_v2);
}

CUresult
vg_drv_cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t count,
                            CUstream stream)
{
    if (is_bad_device_side(dst, count) || is_bad_device_side(src, count)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy(dst, src, count, stream, true, VG_CUDA_cuMemcpyDtoDAsync_v2);
}

CUresult
vg_drv_cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t count)
{
    /* between device addresses CUDA does not wait either */
    return vg_drv_cuMemcpyDtoDAsync_v2(dst, src, count, vg_front_default_stream());
}

CUresult
vg_drv_cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t count, CUstream stream)
{
    if (count != 0 && (dst == 0 || src == 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy(dst, src, count, stream, true, VG_CUDA_cuMemcpyAsync);
}

CUresult
vg_drv_cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t count)
{
    if (count != 0 && (dst == 0 || src == 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy(dst, src, count, vg_front_default_stream(), false, VG_CUDA_cuMemcpy);
}

CUresult
vg_drv_cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                         CUcontext src_context, size_t count, CUstream stream)
{
    (void)dst_context; /* one address space: the addresses say it all */
    (void)src_context;
    return vg_drv_cuMemcpyAsync(dst, src, count, stream);
}

CUresult
vg_drv_cuMemcpyPeer(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                    CUcontext src_context, size_t count)
{
    (void)dst_context;
    (void)src_context;
    return vg_drv_cuMemcpy(dst, src, count);
}
