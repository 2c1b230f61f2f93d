/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill - memory set. Never waits: what it needs travels with the call.
 */
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/copy.h"
#include "soft/memory.h"
#include "soft/stream.h"

static CUresult
check(const struct vg_fill *fill)
{
    size_t row, size;
    if (__builtin_mul_overflow(fill->width, (size_t)fill->element, &row) ||
        __builtin_mul_overflow(fill->height - 1, fill->pitch, &size) ||
        __builtin_add_overflow(size, row, &size) || fill->dst % fill->element != 0 ||
        (fill->height > 1 && (fill->pitch < row || fill->pitch % fill->element != 0))) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return vg_memory_contains(fill->dst, size) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_fill_read(const CUDA_MEMSET_NODE_PARAMS *params, struct vg_fill *out)
{
    if (params == NULL || (params->elementSize != 1 && params->elementSize != 2 &&
                           params->elementSize != 4)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *out = (struct vg_fill){
        .dst = params->dst,
        .pitch = params->pitch,
        .width = params->width,
        .height = params->height,
        .value = params->value,
        .element = (uint8_t)params->elementSize,
    };
    if (out->width == 0 || out->height == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return check(out);
}

static CUresult
fill(struct vg_fill f, const CUstream *stream_handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (f.width == 0 || f.height == 0) {
        return vg_soft_leave(CUDA_SUCCESS);
    }
    struct vg_stream *stream;
    r = stream_handle != NULL ? vg_stream_find(context, *stream_handle, &stream)
                              : vg_stream_default(context, &stream);
    if (r == CUDA_SUCCESS) {
        r = check(&f);
    }
    if (r == CUDA_SUCCESS && stream_handle == NULL) {
        r = vg_capture_check_stream(stream);
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    struct vg_work work = { .kind = VG_WORK_FILL, .fill = f };
    return vg_soft_leave(vg_stream_issue(stream, &work));
}

static struct vg_fill
row(CUdeviceptr dst, uint32_t value, size_t n, uint8_t element)
{
    return (struct vg_fill){
        .dst = dst, .value = value, .width = n, .height = 1, .element = element
    };
}

static struct vg_fill
rows(CUdeviceptr dst, size_t pitch, uint32_t value, size_t width, size_t height,
     uint8_t element)
{
    struct vg_fill f = row(dst, value, width, element);
    f.height = height;
    f.pitch = pitch;
    return f;
}

CUresult
vg_drv_cuMemsetD8_v2(CUdeviceptr dst, unsigned char value, size_t n)
{
    return fill(row(dst, value, n, 1), NULL);
}

CUresult
vg_drv_cuMemsetD16_v2(CUdeviceptr dst, unsigned short value, size_t n)
{
    return fill(row(dst, value, n, 2), NULL);
}

CUresult
vg_drv_cuMemsetD32_v2(CUdeviceptr dst, unsigned int value, size_t n)
{
    return fill(row(dst, value, n, 4), NULL);
}

CUresult
vg_drv_cuMemsetD2D8_v2(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
                       size_t height)
{
    return fill(rows(dst, pitch, value, width, height, 1), NULL);
}

CUresult
vg_drv_cuMemsetD2D16_v2(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width,
                        size_t height)
{
    return fill(rows(dst, pitch, value, width, height, 2), NULL);
}

CUresult
vg_drv_cuMemsetD2D32_v2(CUdeviceptr dst, size_t pitch, unsigned int value, size_t width,
                        size_t height)
{
    return fill(rows(dst, pitch, value, width, height, 4), NULL);
}

CUresult
vg_drv_cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t n, CUstream stream)
{
    return fill(row(dst, value, n, 1), &stream);
}

CUresult
vg_drv_cuMemsetD16Async(CUdeviceptr dst, unsigned short value, size_t n, CUstream stream)
{
    return fill(row(dst, value, n, 2), &stream);
}

CUresult
vg_drv_cuMemsetD32Async(CUdeviceptr dst, unsigned int value, size_t n, CUstream stream)
{
    return fill(row(dst, value, n, 4), &stream);
}

CUresult
vg_drv_cuMemsetD2D8Async(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
                         size_t height, CUstream stream)
{
    return fill(rows(dst, pitch, value, width, height, 1), &stream);
}

CUresult
vg_drv_cuMemsetD2D16Async(CUdeviceptr dst, size_t pitch, unsigned short value,
                          size_t width, size_t height, CUstream stream)
{
    return fill(rows(dst, pitch, value, width, height, 2), &stream);
}

CUresult
vg_drv_cuMemsetD2D32Async(CUdeviceptr dst, size_t pitch, unsigned int value, size_t width,
                          size_t height, CUstream stream)
{
    return fill(rows(dst, pitch, value, width, height, 4), &stream);
}
