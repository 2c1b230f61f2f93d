/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse - what can be refused at once, before anything is sent or queued.
 *
 * Behind the shim these calls are posted: an error that the driver finds would come out
 * of a later call. What the arguments alone tell is therefore told here, for both
 * libraries.
 */

#include <limits.h>

#include "cuda_driver.h"
#include "cuda_front.h"
#include "front/front_priv.h"

#define EVENT_FLAGS \
    (CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING | CU_EVENT_INTERPROCESS)

CUresult
vg_front_cuStreamCreate(CUstream *stream, unsigned int flags)
{
    if (stream == NULL || (flags & ~(unsigned)CU_STREAM_NON_BLOCKING) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return vg_drv_cuStreamCreate(stream, flags);
}

CUresult
vg_front_cuStreamCreateWithPriority(CUstream *stream, unsigned int flags, int priority)
{
    if (stream == NULL || (flags & ~(unsigned)CU_STREAM_NON_BLOCKING) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return vg_drv_cuStreamCreateWithPriority(stream, flags, priority);
}

/* An event that another process may open has no time. */
CUresult
vg_front_cuEventCreate(CUevent *event, unsigned int flags)
{
    if (event == NULL || (flags & ~(unsigned)EVENT_FLAGS) != 0 ||
        ((flags & CU_EVENT_INTERPROCESS) != 0 &&
         (flags & CU_EVENT_DISABLE_TIMING) == 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return vg_drv_cuEventCreate(event, flags);
}

/* Return: false when not all blocks can run at once. Shapes that are wrong in other ways
 * are the driver's to refuse. */
static bool
fits_at_once(CUfunction function, uint64_t blocks, uint64_t threads, size_t shared)
{
    const struct vg_device_sheet *sheet = vg_driver_device(vg_front_current_device());
    int each = 0;

    if (sheet == NULL || threads == 0 || threads > INT_MAX ||
        vg_front_cuOccupancyMaxActiveBlocksPerMultiprocessor(
            &each, function, (int)threads, shared) != CUDA_SUCCESS ||
        each == 0) {
        return true;
    }
    return blocks <=
           (uint64_t)each *
               (uint64_t)sheet->attributes[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT];
}

CUresult
vg_front_cuLaunchCooperativeKernel(CUfunction function, unsigned int grid_x,
                                   unsigned int grid_y, unsigned int grid_z,
                                   unsigned int block_x, unsigned int block_y,
                                   unsigned int block_z, unsigned int shared_bytes,
                                   CUstream stream, void **params)
{
    const uint64_t plane = (uint64_t)grid_x * grid_y;
    const uint64_t threads = (uint64_t)block_x * block_y * block_z;

    if (grid_z != 0 && plane <= UINT64_MAX / grid_z &&
        !fits_at_once(function, plane * grid_z, threads, shared_bytes)) {
        return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
    }
    return vg_drv_cuLaunchCooperativeKernel(function, grid_x, grid_y, grid_z, block_x,
                                            block_y, block_z, shared_bytes, stream,
                                            params);
}
