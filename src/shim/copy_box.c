/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_box - two- and three-dimensional copies, and copies to and from arrays.
 *
 * Everything becomes one box. Where a side is ordinary memory, the box goes in pieces of
 * whole rows (or of parts of a row) that are packed tightly in a staging slot.
 */
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call.h"
#include "shim/copy.h"
#include "wire/box.h"
#include "wire/internal.h"

struct job {
    struct vg_box box;
    uint8_t *host_dst; /* ordinary memory, or NULL */
    uint8_t *host_src; /* ordinary memory, or NULL */
    CUstream stream;
    bool is_async;
    int number;
};

/* Fills a side that is memory; an ordinary host side becomes *@out_host. */
static CUresult
fill_memory(struct vg_box_side *side, uint64_t address, uint64_t width, uint64_t rows,
            uint8_t **out_host)
{
    if (address == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (side->pitch == 0) {
        side->pitch = side->x + width;
    }
    if (side->height == 0) {
        side->height = side->y + rows;
    }
    if (side->pitch < side->x + width) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    side->base = address;
    switch (vg_place_of(address)) {
    case VG_PLACE_DEVICE:
        side->type = VG_BOX_DEVICE;
        break;
    case VG_PLACE_WINDOW:
        side->type = VG_BOX_WINDOW;
        break;
    case VG_PLACE_ORDINARY:
        side->type = VG_BOX_WINDOW; /* a staging slot will stand there */
        *out_host = (uint8_t *)(uintptr_t)(address + side->x + side->y * side->pitch +
                                           side->z * side->pitch * side->height);
        break;
    }
    return CUDA_SUCCESS;
}

static CUresult
fill_side(struct vg_box_side *side, CUmemorytype type, const void *host,
          CUdeviceptr device, CUarray array, const struct vg_box *box, uint8_t **out_host)
{
    switch (type) {
    case CU_MEMORYTYPE_HOST:
        return fill_memory(side, (uint64_t)(uintptr_t)host, box->width, box->height,
                           out_host);
    case CU_MEMORYTYPE_DEVICE:
        if (vg_place_of(device) == VG_PLACE_ORDINARY) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        return fill_memory(side, device, box->width, box->height, out_host);
    case CU_MEMORYTYPE_UNIFIED:
        return fill_memory(side, device, box->width, box->height, out_host);
    case CU_MEMORYTYPE_ARRAY:
        side->type = VG_BOX_ARRAY;
        side->base = vg_id_from_handle(array);
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* Sends one box. */
static CUresult
send_box(const struct job *job, const struct vg_box *box, bool wait)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CALL_COPY_BOX);
    vg_put_bytes(&call.req, box, sizeof(*box));
    vg_call_put_stream(&call, job->stream);
    vg_put_u8(&call.req, wait);
    if (wait) {
        (void)vg_call_wait(&call, 0);
    } else {
        vg_call_post(&call);
    }
    return vg_call_end(&call);
}

/* Copies @rows rows of @width bytes between a tight buffer and pitched memory. */
static void
move_rows(uint8_t *dst, uint64_t dst_pitch, const uint8_t *src, uint64_t src_pitch,
          uint64_t width, uint64_t rows)
{
    for (uint64_t i = 0; i < rows; i++) {
        memcpy(dst + i * dst_pitch, src + i * src_pitch, width);
    }
}

/* One piece: @width bytes at @x of @rows rows from @y of slice @z. */
static CUresult
copy_piece(struct job *job, struct vg_client_lane *lane, uint64_t x, uint64_t width,
           uint64_t y, uint64_t rows, uint64_t z)
{
    struct vg_box piece = job->box;
    const bool in = job->host_src != NULL;
    struct vg_box_side *far = in ? &piece.dst : &piece.src;
    struct vg_box_side *near = in ? &piece.src : &piece.dst;
    const struct vg_box_side *host = in ? &job->box.src : &job->box.dst;
    const uint64_t at = x + y * host->pitch + z * host->pitch * host->height;

    uint8_t *slot = (uint8_t *)vg_stage_slot(lane, lane->stage_next) + lane->stage_fill;
    far->x += x;
    far->y += y;
    far->z += z;
    *near = (struct vg_box_side){ .type = VG_BOX_WINDOW,
                                  .base = (uint64_t)(uintptr_t)slot,
                                  .pitch = width,
                                  .height = rows };
    piece.width = width;
    piece.height = rows;
    piece.depth = 1;
    if (in) {
        move_rows(slot, width, job->host_src + at, host->pitch, width, rows);
        const CUresult result = send_box(job, &piece, false);
        vg_stage_took(lane, (uint32_t)(width * rows));
        return result;
    }
    const CUresult result = send_box(job, &piece, true);
    if (result == CUDA_SUCCESS) {
        move_rows(job->host_dst + at, host->pitch, slot, width, width, rows);
    }
    return result;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static CUresult
copy_slice(struct job *job, struct vg_client_lane *lane, uint64_t z)
{
    const struct vg_box *box = &job->box;
    CUresult result = CUDA_SUCCESS;

    for (uint64_t x = 0; x < box->width && result == CUDA_SUCCESS;) {
        const uint64_t width = smaller(box->width - x, VG_STAGE_SLOT_SIZE);
        for (uint64_t y = 0; y < box->height && result == CUDA_SUCCESS;) {
            uint64_t fit = (VG_STAGE_SLOT_SIZE - lane->stage_fill) / width;
            if (fit == 0) {
                result = vg_stage_next(lane);
                continue;
            }
            const uint64_t rows = smaller(box->height - y, fit);
            result = copy_piece(job, lane, x, width, y, rows, z);
            y += rows;
        }
        x += width;
    }
    return result;
}

static CUresult
run(struct job *job)
{
    const struct vg_box *box = &job->box;
    struct vg_client_lane *lane = vg_client_lane();

    if (box->width == 0 || box->height == 0 || box->depth == 0) {
        return CUDA_SUCCESS;
    }
    if (job->host_dst == NULL && job->host_src == NULL) {
        const bool host =
            box->dst.type == VG_BOX_WINDOW || box->src.type == VG_BOX_WINDOW;
        return send_box(job, box, !job->is_async && host);
    }
    CUresult result = vg_copy_refuse_in_capture(job->stream, job->number);
    if (result == CUDA_SUCCESS && job->host_dst != NULL && job->host_src != NULL) {
        result = vg_drv_cuStreamSynchronize(job->stream);
        for (uint64_t z = 0; z < box->depth && result == CUDA_SUCCESS; z++) {
            move_rows(job->host_dst + z * box->dst.pitch * box->dst.height,
                      box->dst.pitch,
                      job->host_src + z * box->src.pitch * box->src.height,
                      box->src.pitch, box->width, box->height);
        }
        return result;
    }
    if (lane == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (result == CUDA_SUCCESS && job->host_dst != NULL) {
        result = vg_stage_next(lane); /* answers come back into a slot of their own */
    }
    for (uint64_t z = 0; z < box->depth && result == CUDA_SUCCESS; z++) {
        result = copy_slice(job, lane, z);
    }
    return result;
}

CUresult
vg_box_fill(const CUDA_MEMCPY3D *c, struct vg_box *box, uint8_t **out_host_dst,
            uint8_t **out_host_src)
{
    if (c == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    box->width = c->WidthInBytes;
    box->height = c->Height;
    box->depth = c->Depth;
    box->src = (struct vg_box_side){ .x = c->srcXInBytes,
                                     .y = c->srcY,
                                     .z = c->srcZ,
                                     .lod = c->srcLOD,
                                     .pitch = c->srcPitch,
                                     .height = c->srcHeight };
    box->dst = (struct vg_box_side){ .x = c->dstXInBytes,
                                     .y = c->dstY,
                                     .z = c->dstZ,
                                     .lod = c->dstLOD,
                                     .pitch = c->dstPitch,
                                     .height = c->dstHeight };
    CUresult result = fill_side(&box->src, c->srcMemoryType, c->srcHost, c->srcDevice,
                                c->srcArray, box, out_host_src);
    if (result == CUDA_SUCCESS) {
        result = fill_side(&box->dst, c->dstMemoryType, c->dstHost, c->dstDevice,
                           c->dstArray, box, out_host_dst);
    }
    return result;
}

static CUresult
copy_3d(const CUDA_MEMCPY3D *c, CUstream stream, bool is_async, int number)
{
    struct job job = { .stream = stream, .is_async = is_async, .number = number };

    const CUresult result = vg_box_fill(c, &job.box, &job.host_dst, &job.host_src);
    return result == CUDA_SUCCESS ? run(&job) : result;
}

static CUresult
copy_2d(const CUDA_MEMCPY2D *c, CUstream stream, bool is_async, int number)
{
    if (c == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUDA_MEMCPY3D box = {
        .srcXInBytes = c->srcXInBytes,
        .srcY = c->srcY,
        .srcMemoryType = c->srcMemoryType,
        .srcHost = c->srcHost,
        .srcDevice = c->srcDevice,
        .srcArray = c->srcArray,
        .srcPitch = c->srcPitch,
        .dstXInBytes = c->dstXInBytes,
        .dstY = c->dstY,
        .dstMemoryType = c->dstMemoryType,
        .dstHost = c->dstHost,
        .dstDevice = c->dstDevice,
        .dstArray = c->dstArray,
        .dstPitch = c->dstPitch,
        .WidthInBytes = c->WidthInBytes,
        .Height = c->Height,
        .Depth = 1,
    };

    return copy_3d(&box, stream, is_async, number);
}

CUresult
vg_drv_cuMemcpy2D_v2(const CUDA_MEMCPY2D *copy)
{
    return copy_2d(copy, vg_front_default_stream(), false, VG_CUDA_cuMemcpy2D_v2);
}

CUresult
vg_drv_cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *copy)
{
    return copy_2d(copy, vg_front_default_stream(), false,
                   VG_CUDA_cuMemcpy2DUnaligned_v2);
}

CUresult
vg_drv_cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    return copy_2d(copy, stream, true, VG_CUDA_cuMemcpy2DAsync_v2);
}

CUresult
vg_drv_cuMemcpy3D_v2(const CUDA_MEMCPY3D *copy)
{
    return copy_3d(copy, vg_front_default_stream(), false, VG_CUDA_cuMemcpy3D_v2);
}

CUresult
vg_drv_cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *copy, CUstream stream)
{
    return copy_3d(copy, stream, true, VG_CUDA_cuMemcpy3DAsync_v2);
}

/* One address space: the contexts of a copy between peers say nothing new. */
static CUresult
copy_peer(const CUDA_MEMCPY3D_PEER *c, CUstream stream, bool is_async, int number)
{
    CUDA_MEMCPY3D plain;

    if (c == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    _Static_assert(sizeof(plain) == sizeof(*c), "contexts stand where nothing stands");
    memcpy(&plain, c, sizeof(plain));
    return copy_3d(&plain, stream, is_async, number);
}

CUresult
vg_drv_cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *copy)
{
    return copy_peer(copy, vg_front_default_stream(), false, VG_CUDA_cuMemcpy3DPeer);
}

CUresult
vg_drv_cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *copy, CUstream stream)
{
    return copy_peer(copy, stream, true, VG_CUDA_cuMemcpy3DPeerAsync);
}

/* A linear piece of an array is a box of one row. */
static CUresult
copy_row(CUarray dst_array, void *dst, size_t dst_offset, CUarray src_array,
         const void *src, size_t src_offset, size_t count, CUstream stream, bool is_async)
{
    const CUDA_MEMCPY3D box = {
        .srcXInBytes = src_offset,
        .srcMemoryType = src_array != NULL ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_HOST,
        .srcHost = src,
        .srcArray = src_array,
        .dstXInBytes = dst_offset,
        .dstMemoryType = dst_array != NULL ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_HOST,
        .dstHost = dst,
        .dstArray = dst_array,
        .WidthInBytes = count,
        .Height = 1,
        .Depth = 1,
    };

    return copy_3d(&box, stream, is_async, VG_CUDA_cuMemcpyHtoAAsync_v2);
}

CUresult
vg_drv_cuMemcpyHtoA_v2(CUarray dst, size_t offset, const void *src, size_t count)
{
    return copy_row(dst, NULL, offset, NULL, src, 0, count, vg_front_default_stream(),
                    false);
}

CUresult
vg_drv_cuMemcpyAtoH_v2(void *dst, CUarray src, size_t offset, size_t count)
{
    return copy_row(NULL, dst, 0, src, NULL, offset, count, vg_front_default_stream(),
                    false);
}

CUresult
vg_drv_cuMemcpyHtoAAsync_v2(CUarray dst, size_t offset, const void *src, size_t count,
                            CUstream stream)
{
    return copy_row(dst, NULL, offset, NULL, src, 0, count, stream, true);
}

CUresult
vg_drv_cuMemcpyAtoHAsync_v2(void *dst, CUarray src, size_t offset, size_t count,
                            CUstream stream)
{
    return copy_row(NULL, dst, 0, src, NULL, offset, count, stream, true);
}
