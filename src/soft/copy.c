/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - copies and fills of all shapes: arguments checked, turned into work, issued.
 *
 * Ordinary host memory is read before an asynchronous call returns (a snapshot), as CUDA
 * promises, and written before it returns too. Pinned, registered and device memory is
 * used when the stream gets there. In a captured copy the host address is used at each
 * launch.
 */
#include "soft/copy.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "base/log.h"
#include "front/driver.h"
#include "soft/capture.h"
#include "soft/memory.h"
#include "soft/stream.h"

/* Larger snapshots wait for the stream instead. */
#define MAX_SNAPSHOT ((size_t)256 << 20)

enum side {
    SIDE_HOST,   /* any host memory */
    SIDE_DEVICE, /* must be memory that the device reaches */
    SIDE_ANY,    /* by address */
};

static uint64_t
address_of(const void *pointer)
{
    return (uintptr_t)pointer;
}

/* Bytes from the first to the last that a side of a copy touches; SIZE_MAX for more than
 * there can be. */
static size_t
extent(const struct vg_copy *c, size_t pitch, size_t slice)
{
    size_t slices, rows, size, packed;
    if (__builtin_mul_overflow(c->depth - 1, slice, &slices) ||
        __builtin_mul_overflow(c->height - 1, pitch, &rows) ||
        __builtin_add_overflow(slices, rows, &size) ||
        __builtin_add_overflow(size, c->width, &size) ||
        __builtin_mul_overflow(c->width, c->height, &packed) ||
        __builtin_mul_overflow(packed, c->depth, &packed)) {
        return SIZE_MAX;
    }
    return size;
}

static bool
side_is_good(enum side side, uint64_t address, size_t size)
{
    bool known = vg_memory_is_known(address);
    if (side == SIDE_DEVICE || known || vg_memory_is_arena(address)) {
        return vg_memory_contains(address, size);
    }
    return address != 0 && size != SIZE_MAX;
}

static CUresult
check(const struct vg_copy *c, enum side dst, enum side src)
{
    if (!side_is_good(dst, c->dst, extent(c, c->dst_pitch, c->dst_slice)) ||
        !side_is_good(src, c->src, extent(c, c->src_pitch, c->src_slice))) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

static bool
take_snapshot(struct vg_copy *c)
{
    size_t size = c->width * c->height * c->depth;
    char *to = malloc(size + 1);
    if (to == NULL) {
        return false;
    }
    c->snapshot = to;
    for (size_t z = 0; z < c->depth; z++) {
        for (size_t y = 0; y < c->height; y++) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr)
            const char *row = (const char *)(uintptr_t)c->src;
            memcpy(to, row + z * c->src_slice + y * c->src_pitch, c->width);
            to += c->width;
        }
    }
    return true;
}

/* Lock held. */
static CUresult
issue_async(struct vg_stream *stream, struct vg_copy *c)
{
    struct vg_work work = { .kind = VG_WORK_COPY, .copy = *c };
    if (stream->capture != NULL) {
        return vg_stream_issue(stream, &work);
    }
    bool is_clear = vg_stream_is_clear(stream);
    bool from_ordinary = !vg_memory_is_known(c->src);
    bool to_ordinary = !vg_memory_is_known(c->dst);
    size_t size = c->width * c->height * c->depth;
    if (to_ordinary || (from_ordinary && (size > MAX_SNAPSHOT || is_clear))) {
        return vg_stream_run(stream, &work);
    }
    if (from_ordinary && !take_snapshot(&work.copy)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return vg_stream_issue(stream, &work);
}

static CUresult
do_copy(struct vg_copy c, enum side dst, enum side src, const CUstream *stream_handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (c.width == 0 || c.height == 0 || c.depth == 0) {
        return vg_soft_leave(CUDA_SUCCESS);
    }
    struct vg_stream *stream;
    r = stream_handle != NULL ? vg_stream_find(context, *stream_handle, &stream)
                              : vg_stream_default(context, &stream);
    if (r == CUDA_SUCCESS) {
        r = check(&c, dst, src);
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    if (stream_handle != NULL) {
        return vg_soft_leave(issue_async(stream, &c));
    }
    struct vg_memory_facts from, to;
    struct vg_work work = { .kind = VG_WORK_COPY, .copy = c };
    bool inside = vg_memory_lookup(c.src, &from) && from.kind < VG_MEMORY_HOST &&
                  vg_memory_lookup(c.dst, &to) && to.kind < VG_MEMORY_HOST;
    if (inside && stream->capture == NULL) { /* as CUDA: the host does not wait for it */
        return vg_soft_leave(vg_stream_issue(stream, &work));
    }
    return vg_soft_leave(vg_stream_run(stream, &work));
}

static struct vg_copy
flat(uint64_t dst, uint64_t src, size_t count)
{
    return (struct vg_copy){
        .dst = dst, .src = src, .width = count, .height = 1, .depth = 1
    };
}

CUresult
vg_drv_cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t count)
{
    return do_copy(flat(dst, src, count), SIDE_ANY, SIDE_ANY, NULL);
}

CUresult
vg_drv_cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t count, CUstream stream)
{
    return do_copy(flat(dst, src, count), SIDE_ANY, SIDE_ANY, &stream);
}

CUresult
vg_drv_cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t count)
{
    return do_copy(flat(dst, address_of(src), count), SIDE_DEVICE, SIDE_HOST, NULL);
}

CUresult
vg_drv_cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t count,
                            CUstream stream)
{
    return do_copy(flat(dst, address_of(src), count), SIDE_DEVICE, SIDE_HOST, &stream);
}

CUresult
vg_drv_cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t count)
{
    return do_copy(flat(address_of(dst), src, count), SIDE_HOST, SIDE_DEVICE, NULL);
}

CUresult
vg_drv_cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t count, CUstream stream)
{
    return do_copy(flat(address_of(dst), src, count), SIDE_HOST, SIDE_DEVICE, &stream);
}

CUresult
vg_drv_cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t count)
{
    return do_copy(flat(dst, src, count), SIDE_DEVICE, SIDE_DEVICE, NULL);
}

CUresult
vg_drv_cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t count,
                            CUstream stream)
{
    return do_copy(flat(dst, src, count), SIDE_DEVICE, SIDE_DEVICE, &stream);
}

static CUresult
check_peers(CUcontext a, CUcontext b)
{
    vg_soft_lock();
    CUresult r = vg_context_find(a) == NULL   ? vg_context_refusal(a)
                 : vg_context_find(b) == NULL ? vg_context_refusal(b)
                                              : CUDA_SUCCESS;
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuMemcpyPeer(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                    CUcontext src_context, size_t count)
{
    CUresult r = check_peers(dst_context, src_context);
    return r != CUDA_SUCCESS ? r : vg_drv_cuMemcpyDtoD_v2(dst, src, count);
}

CUresult
vg_drv_cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                         CUcontext src_context, size_t count, CUstream stream)
{
    CUresult r = check_peers(dst_context, src_context);
    return r != CUDA_SUCCESS ? r : vg_drv_cuMemcpyDtoDAsync_v2(dst, src, count, stream);
}

/* --- two and three dimensions --- */

struct place {
    uint64_t address;
    size_t x, y, z, pitch, height;
    CUmemorytype type;
};

static CUresult
read_place(const struct place *p, const struct vg_copy *c, enum side *side,
           uint64_t *address, size_t *pitch, size_t *slice)
{
    switch ((int)p->type) {
    case CU_MEMORYTYPE_HOST:
        *side = SIDE_HOST;
        break;
    case CU_MEMORYTYPE_DEVICE:
        *side = SIDE_DEVICE;
        break;
    case CU_MEMORYTYPE_UNIFIED:
        *side = SIDE_ANY;
        break;
    case CU_MEMORYTYPE_ARRAY:
        vg_log(VG_LOG_ERROR, "copies of CUDA arrays are not supported");
        return CUDA_ERROR_NOT_SUPPORTED;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
    size_t rows = p->height != 0 ? p->height : p->y + c->height;
    *pitch = p->pitch != 0 ? p->pitch : p->x + c->width;
    bool wraps = p->x + c->width > *pitch && (c->height > 1 || c->depth > 1);
    if (wraps || (c->depth > 1 && p->y + c->height > rows)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *slice = *pitch * rows;
    *address = p->address + p->z * *slice + p->y * *pitch + p->x;
    return CUDA_SUCCESS;
}

static uint64_t
pick_address(CUmemorytype type, const void *host, CUdeviceptr device)
{
    return type == CU_MEMORYTYPE_HOST ? address_of(host) : device;
}

static CUresult
read_both(const struct place *src, const struct place *dst, struct vg_copy *c,
          enum side *src_side, enum side *dst_side)
{
    CUresult r = read_place(src, c, src_side, &c->src, &c->src_pitch, &c->src_slice);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return read_place(dst, c, dst_side, &c->dst, &c->dst_pitch, &c->dst_slice);
}

static CUresult
read_2d(const CUDA_MEMCPY2D *m, struct vg_copy *c, enum side *dst, enum side *src)
{
    if (m == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *c = (struct vg_copy){ .width = m->WidthInBytes, .height = m->Height, .depth = 1 };
    struct place from = {
        .address = pick_address(m->srcMemoryType, m->srcHost, m->srcDevice),
        .x = m->srcXInBytes,
        .y = m->srcY,
        .pitch = m->srcPitch,
        .type = m->srcMemoryType,
    };
    struct place to = {
        .address = pick_address(m->dstMemoryType, m->dstHost, m->dstDevice),
        .x = m->dstXInBytes,
        .y = m->dstY,
        .pitch = m->dstPitch,
        .type = m->dstMemoryType,
    };
    return read_both(&from, &to, c, src, dst);
}

static CUresult
read_3d(const CUDA_MEMCPY3D *m, struct vg_copy *c, enum side *dst, enum side *src)
{
    if (m == NULL || m->srcLOD != 0 || m->dstLOD != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *c = (struct vg_copy){ .width = m->WidthInBytes,
                           .height = m->Height,
                           .depth = m->Depth };
    struct place from = {
        .address = pick_address(m->srcMemoryType, m->srcHost, m->srcDevice),
        .x = m->srcXInBytes,
        .y = m->srcY,
        .z = m->srcZ,
        .pitch = m->srcPitch,
        .height = m->srcHeight,
        .type = m->srcMemoryType,
    };
    struct place to = {
        .address = pick_address(m->dstMemoryType, m->dstHost, m->dstDevice),
        .x = m->dstXInBytes,
        .y = m->dstY,
        .z = m->dstZ,
        .pitch = m->dstPitch,
        .height = m->dstHeight,
        .type = m->dstMemoryType,
    };
    return read_both(&from, &to, c, src, dst);
}

CUresult
vg_copy_read(const CUDA_MEMCPY3D *params, struct vg_copy *out)
{
    enum side dst, src;
    CUresult r = read_3d(params, out, &dst, &src);
    if (r != CUDA_SUCCESS || out->width == 0 || out->height == 0 || out->depth == 0) {
        return r != CUDA_SUCCESS ? r : CUDA_ERROR_INVALID_VALUE;
    }
    return check(out, dst, src);
}

static CUresult
copy_2d(const CUDA_MEMCPY2D *params, const CUstream *stream)
{
    struct vg_copy c;
    enum side dst, src;
    CUresult r = read_2d(params, &c, &dst, &src);
    return r != CUDA_SUCCESS ? r : do_copy(c, dst, src, stream);
}

static CUresult
copy_3d(const CUDA_MEMCPY3D *params, const CUstream *stream)
{
    struct vg_copy c;
    enum side dst, src;
    CUresult r = read_3d(params, &c, &dst, &src);
    return r != CUDA_SUCCESS ? r : do_copy(c, dst, src, stream);
}

CUresult
vg_drv_cuMemcpy2D_v2(const CUDA_MEMCPY2D *copy)
{
    return copy_2d(copy, NULL);
}

CUresult
vg_drv_cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *copy)
{
    return copy_2d(copy, NULL);
}

CUresult
vg_drv_cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    return copy_2d(copy, &stream);
}

CUresult
vg_drv_cuMemcpy3D_v2(const CUDA_MEMCPY3D *copy)
{
    return copy_3d(copy, NULL);
}

CUresult
vg_drv_cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *copy, CUstream stream)
{
    return copy_3d(copy, &stream);
}

static CUDA_MEMCPY3D
without_peers(const CUDA_MEMCPY3D_PEER *p)
{
    return (CUDA_MEMCPY3D){
        .srcXInBytes = p->srcXInBytes,
        .srcY = p->srcY,
        .srcZ = p->srcZ,
        .srcLOD = p->srcLOD,
        .srcMemoryType = p->srcMemoryType,
        .srcHost = p->srcHost,
        .srcDevice = p->srcDevice,
        .srcPitch = p->srcPitch,
        .srcHeight = p->srcHeight,
        .dstXInBytes = p->dstXInBytes,
        .dstY = p->dstY,
        .dstZ = p->dstZ,
        .dstLOD = p->dstLOD,
        .dstMemoryType = p->dstMemoryType,
        .dstHost = p->dstHost,
        .dstDevice = p->dstDevice,
        .dstPitch = p->dstPitch,
        .dstHeight = p->dstHeight,
        .WidthInBytes = p->WidthInBytes,
        .Height = p->Height,
        .Depth = p->Depth,
    };
}

CUresult
vg_drv_cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *copy)
{
    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUDA_MEMCPY3D plain = without_peers(copy);
    return copy_3d(&plain, NULL);
}

CUresult
vg_drv_cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *copy, CUstream stream)
{
    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUDA_MEMCPY3D plain = without_peers(copy);
    return copy_3d(&plain, &stream);
}
