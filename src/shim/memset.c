/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memset - fills: posted, after the range has been checked.
 *
 * The synchronous forms do not wait for a fill of device memory; they go to the default
 * stream of the called name.
 */
#include "cuda_driver.h"
#include "cuda_send.h"
#include "front/driver.h"
#include "shim/call.h"
#include "shim/range.h"

static CUresult
check_row(CUdeviceptr dst, size_t n, unsigned unit)
{
    if (dst % unit != 0 || n > SIZE_MAX / unit) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return n == 0 ? CUDA_SUCCESS : vg_range_check(dst, n * unit);
}

static CUresult
check_rows(CUdeviceptr dst, size_t pitch, size_t width, size_t height, unsigned unit)
{
    size_t last;

    if (dst % unit != 0 || width > SIZE_MAX / unit) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (width == 0 || height == 0) {
        return CUDA_SUCCESS;
    }
    if (height > 1 && (pitch % unit != 0 || pitch < width * unit)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (__builtin_mul_overflow(pitch, height - 1, &last) ||
        last > SIZE_MAX - width * unit) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return vg_range_check(dst, last + width * unit);
}

CUresult
vg_drv_cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t n, CUstream stream)
{
    const CUresult result = check_row(dst, n, 1);

    if (result != CUDA_SUCCESS || n == 0) {
        return result;
    }
    return vg_send_cuMemsetD8Async(dst, value, n, stream);
}

CUresult
vg_drv_cuMemsetD8_v2(CUdeviceptr dst, unsigned char value, size_t n)
{
    return vg_drv_cuMemsetD8Async(dst, value, n, vg_front_default_stream());
}

CUresult
vg_drv_cuMemsetD2D8Async(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
                         size_t height, CUstream stream)
{
    const CUresult result = check_rows(dst, pitch, width, height, 1);

    if (result != CUDA_SUCCESS || width == 0 || height == 0) {
        return result;
    }
    return vg_send_cuMemsetD2D8Async(dst, pitch, value, width, height, stream);
}

CUresult
vg_drv_cuMemsetD2D8_v2(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
                       size_t height)
{
    return vg_drv_cuMemsetD2D8Async(dst, pitch, value, width, height,
                                    vg_front_default_stream());
}

CUresult
vg_drv_cuMemsetD16Async(CUdeviceptr dst, unsigned short value, size_t n, CUstream stream)
{
    const CUresult result = check_row(dst, n, 2);

    if (result != CUDA_SUCCESS || n == 0) {
        return result;
    }
    return vg_send_cuMemsetD16Async(dst, value, n, stream);
}

CUresult
vg_drv_cuMemsetD16_v2(CUdeviceptr dst, unsigned short value, size_t n)
{
    return vg_drv_cuMemsetD16Async(dst, value, n, vg_front_default_stream());
}

CUresult
vg_drv_cuMemsetD2D16Async(CUdeviceptr dst, size_t pitch, unsigned short value,
                          size_t width, size_t height, CUstream stream)
{
    const CUresult result = check_rows(dst, pitch, width, height, 2);

    if (result != CUDA_SUCCESS || width == 0 || height == 0) {
        return result;
    }
    return vg_send_cuMemsetD2D16Async(dst, pitch, value, width, height, stream);
}

CUresult
vg_drv_cuMemsetD2D16_v2(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width,
                        size_t height)
{
    return vg_drv_cuMemsetD2D16Async(dst, pitch, value, width, height,
                                     vg_front_default_stream());
}

CUresult
vg_drv_cuMemsetD32Async(CUdeviceptr dst, unsigned int value, size_t n, CUstream stream)
{
    const CUresult result = check_row(dst, n, 4);

    if (result != CUDA_SUCCESS || n == 0) {
        return result;
    }
    return vg_send_cuMemsetD32Async(dst, value, n, stream);
}

CUresult
vg_drv_cuMemsetD32_v2(CUdeviceptr dst, unsigned int value, size_t n)
{
    return vg_drv_cuMemsetD32Async(dst, value, n, vg_front_default_stream());
}

CUresult
vg_drv_cuMemsetD2D32Async(CUdeviceptr dst, size_t pitch, unsigned int value, size_t width,
                          size_t height, CUstream stream)
{
    const CUresult result = check_rows(dst, pitch, width, height, 4);

    if (result != CUDA_SUCCESS || width == 0 || height == 0) {
        return result;
    }
    return vg_send_cuMemsetD2D32Async(dst, pitch, value, width, height, stream);
}

CUresult
vg_drv_cuMemsetD2D32_v2(CUdeviceptr dst, size_t pitch, unsigned int value, size_t width,
                        size_t height)
{
    return vg_drv_cuMemsetD2D32Async(dst, pitch, value, width, height,
                                     vg_front_default_stream());
}
