/* SPDX-License-Identifier: Apache-2.0 */
/* copies_box - copies between boxes: VG_CALL_COPY_BOX. */
#include <string.h>

#include "wire/box.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

/* Bytes from the base of a side to the end of its box; UINT64_MAX when that overflows. */
static uint64_t
extent(const struct vg_box_side *side, const struct vg_box *box)
{
    uint64_t rows, end;

    if (__builtin_mul_overflow(side->z + box->depth - 1, side->height, &rows) ||
        __builtin_add_overflow(rows, side->y + box->height - 1, &rows) ||
        __builtin_mul_overflow(rows, side->pitch, &end) ||
        __builtin_add_overflow(end, side->x + box->width, &end)) {
        return UINT64_MAX;
    }
    return end;
}

static bool
is_sane(const struct vg_box_side *side, const struct vg_box *box)
{
    const uint64_t big = 1ull << 40;

    if (side->x > big || side->y > big || side->z > big || side->pitch > big ||
        side->height > big || box->width == 0 || box->width > big || box->height == 0 ||
        box->height > big || box->depth == 0 || box->depth > big) {
        return false;
    }
    switch (side->type) {
    case VG_BOX_WINDOW:
        return vg_window_holds(side->base, extent(side, box));
    case VG_BOX_DEVICE:
    case VG_BOX_ARRAY:
        return true;
    default:
        return false;
    }
}

static CUarray
array_of(struct vg_worker_call *call, const struct vg_box_side *side)
{
    CUarray array = vg_ids_lookup(vg_session.ids, side->base, VG_ID_ARRAY);

    if (array == NULL) {
        call->stale = CUDA_ERROR_INVALID_HANDLE;
    }
    return array;
}

static CUDA_MEMCPY3D
describe_sane(struct vg_worker_call *call, const struct vg_box *box)
{
    static const CUmemorytype types[] = {
        [VG_BOX_WINDOW] = CU_MEMORYTYPE_HOST,
        [VG_BOX_DEVICE] = CU_MEMORYTYPE_DEVICE,
        [VG_BOX_ARRAY] = CU_MEMORYTYPE_ARRAY,
    };
    const struct vg_box_side *src = &box->src, *dst = &box->dst;

    return (CUDA_MEMCPY3D){
        .srcXInBytes = src->x,
        .srcY = src->y,
        .srcZ = src->z,
        .srcLOD = src->lod,
        .srcMemoryType = types[src->type],
        .srcHost = (const void *)(uintptr_t)src->base,
        .srcDevice = src->base,
        .srcArray = src->type == VG_BOX_ARRAY ? array_of(call, src) : NULL,
        .srcPitch = src->pitch,
        .srcHeight = src->height,
        .dstXInBytes = dst->x,
        .dstY = dst->y,
        .dstZ = dst->z,
        .dstLOD = dst->lod,
        .dstMemoryType = types[dst->type],
        .dstHost = (void *)(uintptr_t)dst->base,
        .dstDevice = dst->base,
        .dstArray = dst->type == VG_BOX_ARRAY ? array_of(call, dst) : NULL,
        .dstPitch = dst->pitch,
        .dstHeight = dst->height,
        .WidthInBytes = box->width,
        .Height = box->height,
        .Depth = box->depth,
    };
}

int
vg_box_describe(struct vg_worker_call *call, const struct vg_box *box, CUDA_MEMCPY3D *out)
{
    if (!is_sane(&box->src, box) || !is_sane(&box->dst, box)) {
        return VG_CLIENT_VIOLATION;
    }
    *out = describe_sane(call, box);
    return (int)call->stale;
}

int
vg_dispatch_copy_box(struct vg_worker_call *call)
{
    CUDA_MEMCPY3D copy;
    struct vg_box box;

    vg_get_copy(&call->req, &box, sizeof(box));
    CUstream stream = vg_worker_get_stream(call);
    const bool wait = vg_get_u8(&call->req) != 0;
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = vg_box_describe(call, &box, &copy);
    }
    if (r == 0) {
        r = (int)vg_cuda.cuMemcpy3DAsync_v2(&copy, stream);
    }
    if (r != 0) {
        return r;
    }
    if (wait) {
        return (int)vg_cuda.cuStreamSynchronize(stream);
    }
    return box.src.type == VG_BOX_WINDOW ? vg_stage_mark(call, box.src.base, stream) : 0;
}
