/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch - checks, parameters, and the calls that launch.
 *
 * What is wrong with a launch is said by the call and is not sticky; what a kernel does
 * wrong when it runs is (op.c). An instruction that the interpreter does not know is
 * found when the kernel is first prepared: the launch answers NOT_SUPPORTED, and the log
 * and the statistics name the instruction.
 */
#include "soft/launch.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "base/log.h"
#include "front/driver.h"
#include "soft/capture.h"
#include "soft/module.h"
#include "soft/settings.h"
#include "soft/stats.h"
#include "soft/stream.h"

#define MAX_SHARED 101376u

static CUresult
check_shape(const struct vg_launch_request *request, const struct vg_function *function)
{
    const uint32_t *grid = request->grid, *block = request->block;
    for (int i = 0; i < 3; i++) {
        if (grid[i] == 0 || block[i] == 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    if (grid[0] > 0x7fffffffu || grid[1] > 65535 || grid[2] > 65535 || block[0] > 1024 ||
        block[1] > 1024 || block[2] > 64) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    uint64_t threads = (uint64_t)block[0] * block[1] * block[2];
    if (threads > (uint64_t)vg_function_max_threads(function)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const uint32_t *required = function->entry.func->reqntid;
    if (required[0] != 0) {
        for (int i = 0; i < 3; i++) {
            if (block[i] != (required[i] != 0 ? required[i] : 1)) {
                return CUDA_ERROR_INVALID_VALUE;
            }
        }
    }
    int allowed = 0;
    vg_function_attribute((struct vg_function *)(uintptr_t)function,
                          CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, &allowed);
    return request->shared <= (uint32_t)allowed ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* All blocks of a cooperative launch must fit the device at once; by shared memory and
 * threads, as the occupancy calls count them. */
static CUresult
check_cooperative(const struct vg_launch_request *request,
                  const struct vg_function *function)
{
    uint64_t threads =
        (uint64_t)request->block[0] * request->block[1] * request->block[2];
    threads = (threads + 31) / 32 * 32;
    uint64_t per_sm = 2048 / threads;
    uint64_t shared = function->needs.static_shared + request->shared + 1024u;
    uint64_t by_shared = 102400 / shared;
    per_sm = by_shared < per_sm ? by_shared : per_sm;
    per_sm = per_sm < 32 ? per_sm : 32;
    uint64_t blocks = (uint64_t)request->grid[0] * request->grid[1] * request->grid[2];
    return blocks <= per_sm * vg_settings_get()->sms
               ? CUDA_SUCCESS
               : CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
}

static CUresult
copy_extra(void **extra, const struct vg_ptx_func *func, uint8_t *out)
{
    const void *buffer = NULL;
    size_t size = 0;
    for (size_t i = 0; extra[i] != CU_LAUNCH_PARAM_END; i += 2) {
        if (extra[i] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
            buffer = extra[i + 1];
        } else if (extra[i] == CU_LAUNCH_PARAM_BUFFER_SIZE) {
            size = *(const size_t *)extra[i + 1];
        } else {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    if (size > 0 && buffer == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (size < func->param_size) {
        /* a buffer may leave out the padding at the end, not parameters */
        const struct vg_ptx_var *last =
            func->n_params > 0 ? &func->params[func->n_params - 1] : NULL;
        if (last != NULL && size < last->offset + last->size) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    if (size > 0) {
        memcpy(out, buffer, size < func->param_size ? size : func->param_size);
    }
    return CUDA_SUCCESS;
}

static CUresult
copy_params(void **params, const struct vg_ptx_func *func, uint8_t *out)
{
    if (params == NULL) {
        return func->n_params == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    }
    for (uint32_t i = 0; i < func->n_params; i++) {
        const struct vg_ptx_var *param = &func->params[i];
        if (params[i] == NULL) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        memcpy(out + param->offset, params[i], param->size);
    }
    return CUDA_SUCCESS;
}

static CUresult
fill_launch(const struct vg_launch_request *request, struct vg_function *function,
            struct vg_work *out)
{
    const struct vg_ptx_func *func = function->entry.func;
    CUresult r = check_shape(request, function);
    if (r == CUDA_SUCCESS && request->cooperative) {
        r = check_cooperative(request, function);
    }
    if (r == CUDA_SUCCESS && request->params != NULL && request->extra != NULL) {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    if (r != CUDA_SUCCESS) {
        return r;
    }
    uint8_t *block = calloc(1, func->param_size + 1);
    if (block == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    r = request->extra != NULL ? copy_extra(request->extra, func, block)
                               : copy_params(request->params, func, block);
    if (r != CUDA_SUCCESS) {
        free(block);
        return r;
    }
    *out = (struct vg_work){ .kind = VG_WORK_KERNEL };
    struct vg_launch *launch = &out->launch;
    launch->function = function;
    memcpy(launch->grid, request->grid, sizeof launch->grid);
    memcpy(launch->block, request->block, sizeof launch->block);
    launch->shared = request->shared;
    launch->cooperative = request->cooperative;
    launch->params = block;
    launch->param_size = func->param_size;
    if (vg_object_find(VG_OBJECT_KERNEL, request->function) != NULL) {
        launch->kernel = (CUkernel)request->function;
    }
    vg_object_ref(&function->object);
    return CUDA_SUCCESS;
}

CUresult
vg_launch_make(struct vg_context *context, const struct vg_launch_request *request,
               struct vg_work *out)
{
    if (request->function == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    struct vg_function *function;
    CUresult r = vg_function_find(context, request->function, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    vg_object_ref(&function->object);
    r = vg_function_ready(function);
    if (r == CUDA_SUCCESS) {
        r = fill_launch(request, function, out);
    } else if (r == CUDA_ERROR_NO_BINARY_FOR_GPU) {
        vg_stats_sass_only(vg_function_name(function));
    } else {
        vg_stats_unsupported(vg_function_name(function), function->why);
    }
    vg_object_unref(&function->object);
    return r;
}

void
vg_launch_count(struct vg_function *function)
{
    if (function->stats == NULL) {
        function->stats = vg_stats_kernel(vg_function_name(function));
    }
    vg_stats_launch(function->stats);
}

static CUresult
launch(const struct vg_launch_request *request, CUstream stream_handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_stream *stream;
    r = vg_stream_find(context, stream_handle, &stream);
    if (r == CUDA_SUCCESS && stream->context != context) {
        r = CUDA_ERROR_INVALID_HANDLE;
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    struct vg_work work;
    vg_object_ref(&stream->object); /* preparing a kernel releases the lock */
    r = vg_launch_make(context, request, &work);
    if (r == CUDA_SUCCESS && (stream->context != context || !context->is_active)) {
        vg_work_fini(&work);
        r = CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    if (r == CUDA_SUCCESS) {
        if (stream->capture == NULL) {
            vg_launch_count(work.launch.function);
        }
        r = vg_stream_issue(stream, &work);
    }
    vg_object_unref(&stream->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuLaunchKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                      unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                      unsigned int block_z, unsigned int shared_bytes, CUstream stream,
                      void **params, void **extra)
{
    struct vg_launch_request request = {
        .function = function,
        .grid = { grid_x, grid_y, grid_z },
        .block = { block_x, block_y, block_z },
        .shared = shared_bytes,
        .params = params,
        .extra = extra,
    };
    return launch(&request, stream);
}

CUresult
vg_drv_cuLaunchCooperativeKernel(CUfunction function, unsigned int grid_x,
                                 unsigned int grid_y, unsigned int grid_z,
                                 unsigned int block_x, unsigned int block_y,
                                 unsigned int block_z, unsigned int shared_bytes,
                                 CUstream stream, void **params)
{
    struct vg_launch_request request = {
        .function = function,
        .grid = { grid_x, grid_y, grid_z },
        .block = { block_x, block_y, block_z },
        .shared = shared_bytes,
        .cooperative = true,
        .params = params,
    };
    return launch(&request, stream);
}

static CUresult
refuse_attribute(const char *what)
{
    vg_log(VG_LOG_ERROR, "a launch with %s is not supported", what);
    return CUDA_ERROR_NOT_SUPPORTED;
}

/* Attributes that only hint, or order what is in order here anyway, are accepted: work of
 * a stream never overlaps, which is what programmatic serialization allows but does not
 * demand. */
static CUresult
read_attribute(const CUlaunchAttribute *attribute, struct vg_launch_request *request)
{
    const CUlaunchAttributeValue *value = &attribute->value;
    switch ((int)attribute->id) {
    case CU_LAUNCH_ATTRIBUTE_IGNORE:
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
    case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        return CUDA_SUCCESS;
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        request->cooperative = value->cooperative != 0;
        return CUDA_SUCCESS;
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        if (value->clusterDim.x <= 1 && value->clusterDim.y <= 1 &&
            value->clusterDim.z <= 1) {
            return CUDA_SUCCESS;
        }
        return refuse_attribute("a cluster of more than one block");
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
        return refuse_attribute("a programmatic event");
    case CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT:
        return refuse_attribute("a launch completion event");
    case CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE:
        return refuse_attribute("a device-updatable node");
    default:
        return refuse_attribute("an unknown attribute");
    }
}

CUresult
vg_drv_cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **params,
                        void **extra)
{
    if (config == NULL || (config->numAttrs != 0 && config->attrs == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_launch_request request = {
        .function = function,
        .grid = { config->gridDimX, config->gridDimY, config->gridDimZ },
        .block = { config->blockDimX, config->blockDimY, config->blockDimZ },
        .shared = config->sharedMemBytes,
        .params = params,
        .extra = extra,
    };
    for (unsigned i = 0; i < config->numAttrs; i++) {
        CUresult r = read_attribute(&config->attrs[i], &request);
        if (r != CUDA_SUCCESS) {
            return r;
        }
    }
    return launch(&request, config->hStream);
}

/* --- functions of the program --- */

static CUresult
issue_call(CUstream handle, struct vg_call call)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_stream *stream;
    r = vg_stream_find(context, handle, &stream);
    if (r == CUDA_SUCCESS && call.callback != NULL && stream->capture != NULL) {
        r = vg_capture_refuse(stream, "a stream callback");
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    struct vg_work work = { .kind = VG_WORK_CALL, .call = call };
    work.call.stream = handle;
    return vg_soft_leave(vg_stream_issue(stream, &work));
}

CUresult
vg_drv_cuLaunchHostFunc(CUstream stream, CUhostFn fn, void *user)
{
    if (fn == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return issue_call(stream, (struct vg_call){ .function = fn, .data = user });
}

CUresult
vg_drv_cuLaunchHostFunc_v2(CUstream stream, CUhostFn fn, void *user,
                           unsigned int sync_mode)
{
    return sync_mode <= 1 ? vg_drv_cuLaunchHostFunc(stream, fn, user)
                          : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_drv_cuStreamAddCallback(CUstream stream, CUstreamCallback callback, void *user,
                           unsigned int flags)
{
    if (callback == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return issue_call(stream, (struct vg_call){ .callback = callback, .data = user });
}
