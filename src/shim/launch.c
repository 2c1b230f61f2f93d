/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch - kernel launches: posted, with their parameters laid out here.
 *
 * What CUDA refuses at once (an empty grid, a block too large, a missing parameter) is
 * refused from the kernel's sheet; what fails later is reported by a later call.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/kernel.h"

#define THROTTLE 500u

struct launch {
    const void *function;
    unsigned grid[3];
    unsigned block[3];
    unsigned shared;
    CUstream stream;
    const CUlaunchAttribute *attributes;
    unsigned attribute_count;
};

static int
fact(const struct vg_kernel *kernel, CUfunction_attribute attribute)
{
    return atomic_load_explicit(&kernel->attributes[attribute], memory_order_relaxed);
}

static CUresult
check(const struct launch *launch, const struct vg_kernel *kernel)
{
    const struct vg_device_sheet *device = vg_driver_device(vg_front_current_device());
    uint64_t threads = 1;

    for (int i = 0; i < 3; i++) {
        if (launch->grid[i] == 0 || launch->block[i] == 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (device != NULL &&
            (launch->block[i] >
                 (unsigned)device->attributes[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X + i] ||
             launch->grid[i] >
                 (unsigned)device->attributes[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X + i])) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        threads *= launch->block[i];
    }
    if (device != NULL &&
        threads >
            (unsigned)device->attributes[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK]) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (threads > (unsigned)fact(kernel, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)) {
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    }
    const bool known =
        (kernel->known >> CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES & 1) != 0;
    if (known &&
        launch->shared >
            (unsigned)fact(kernel, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

static CUresult
put_attributes(struct vg_call *call, const struct launch *launch)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < launch->attribute_count; i++) {
        count += launch->attributes[i].id != CU_LAUNCH_ATTRIBUTE_IGNORE;
    }
    vg_put_u32(&call->req, count);
    for (unsigned i = 0; i < launch->attribute_count; i++) {
        const CUlaunchAttribute *a = &launch->attributes[i];
        switch ((int)a->id) {
        case CU_LAUNCH_ATTRIBUTE_IGNORE:
            continue;
        case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
        case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
        case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
        case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
        case CU_LAUNCH_ATTRIBUTE_PRIORITY:
        case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
        case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
            /* plain values; those with handles inside would need their own encoding */
            vg_put_i32(&call->req, (int32_t)a->id);
            vg_put_bytes(&call->req, &a->value, sizeof(a->value));
            break;
        default:
            return vg_front_not_carried(VG_CUDA_cuLaunchKernelEx);
        }
    }
    return CUDA_SUCCESS;
}

/* Keeps what a thread has enqueued and not finished below about a thousand: a driver's
 * queue is finite, and a posted call must not block in it. */
static CUresult
throttle(CUstream stream)
{
    struct vg_client_lane *lane = vg_client_lane();
    CUresult result = CUDA_SUCCESS;

    if (lane == NULL || ++lane->enqueued < THROTTLE || vg_capture_is_open()) {
        return CUDA_SUCCESS;
    }
    lane->enqueued = 0;
    if (lane->throttle != NULL) {
        /* its error, if any, comes from the stream and is reported again later */
        (void)vg_send_cuEventSynchronize(lane->throttle);
        (void)vg_drv_cuEventDestroy_v2(lane->throttle);
        lane->throttle = NULL;
    }
    result = vg_drv_cuEventCreate(&lane->throttle, CU_EVENT_DISABLE_TIMING);
    if (result == CUDA_SUCCESS) {
        result = vg_drv_cuEventRecord(lane->throttle, stream);
    } else {
        lane->throttle = NULL;
    }
    return result;
}

static CUresult
post(const struct launch *launch, void **params, void **extra)
{
    struct vg_kernel *kernel = NULL;
    uint8_t small[1024], *block = small;
    uint32_t size = 0;
    struct vg_call call;

    CUresult result = vg_kernel_get(launch->function, &kernel);
    if (result == CUDA_SUCCESS) {
        result = check(launch, kernel);
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (kernel->param_size > sizeof(small)) {
        block = malloc(kernel->param_size);
        if (block == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
    }
    result = vg_kernel_pack(kernel, params, extra, block, &size);
    if (result == CUDA_SUCCESS) {
        vg_call_begin(&call, VG_CUDA_cuLaunchKernel);
        vg_call_put_function(&call, launch->function);
        for (int i = 0; i < 3; i++) {
            vg_put_u32(&call.req, launch->grid[i]);
        }
        for (int i = 0; i < 3; i++) {
            vg_put_u32(&call.req, launch->block[i]);
        }
        vg_put_u32(&call.req, launch->shared);
        vg_call_put_stream(&call, launch->stream);
        vg_call_fail(&call, put_attributes(&call, launch));
        vg_put_blob(&call.req, block, size);
        vg_call_post(&call);
        result = vg_call_end(&call);
    }
    if (block != small) {
        free(block);
    }
    if (result == CUDA_SUCCESS) {
        (void)throttle(launch->stream);
    }
    return result;
}

CUresult
vg_drv_cuLaunchKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                      unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                      unsigned int block_z, unsigned int shared_bytes, CUstream stream,
                      void **params, void **extra)
{
    const struct launch launch = {
        .function = function,
        .grid = { grid_x, grid_y, grid_z },
        .block = { block_x, block_y, block_z },
        .shared = shared_bytes,
        .stream = stream,
    };

    return post(&launch, params, extra);
}

CUresult
vg_drv_cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **params,
                        void **extra)
{
    if (config == NULL || (config->numAttrs != 0 && config->attrs == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const struct launch launch = {
        .function = function,
        .grid = { config->gridDimX, config->gridDimY, config->gridDimZ },
        .block = { config->blockDimX, config->blockDimY, config->blockDimZ },
        .shared = config->sharedMemBytes,
        .stream = config->hStream,
        .attributes = config->attrs,
        .attribute_count = config->numAttrs,
    };

    return post(&launch, params, extra);
}

CUresult
vg_drv_cuLaunchCooperativeKernel(CUfunction function, unsigned int grid_x,
                                 unsigned int grid_y, unsigned int grid_z,
                                 unsigned int block_x, unsigned int block_y,
                                 unsigned int block_z, unsigned int shared_bytes,
                                 CUstream stream, void **params)
{
    const CUlaunchAttribute cooperative = { .id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE,
                                            .value = { .cooperative = 1 } };
    const struct launch launch = {
        .function = function,
        .grid = { grid_x, grid_y, grid_z },
        .block = { block_x, block_y, block_z },
        .shared = shared_bytes,
        .stream = stream,
        .attributes = &cooperative,
        .attribute_count = 1,
    };

    return post(&launch, params, NULL);
}
