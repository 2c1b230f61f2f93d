/* SPDX-License-Identifier: Apache-2.0 */
/* launches - kernels, and the sheet that the client wants of each before the first. */
#include <stdlib.h>
#include <string.h>

#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

#define ATTRIBUTES_MAX   16u
#define SHEET_ATTRIBUTES 16

int
vg_dispatch_cuLaunchKernel(struct vg_worker_call *call)
{
    CUlaunchAttribute attributes[ATTRIBUTES_MAX];
    CUlaunchConfig config = { .attrs = attributes };
    size_t size = 0;

    CUfunction function = vg_worker_get_function(call);
    config.gridDimX = vg_get_u32(&call->req);
    config.gridDimY = vg_get_u32(&call->req);
    config.gridDimZ = vg_get_u32(&call->req);
    config.blockDimX = vg_get_u32(&call->req);
    config.blockDimY = vg_get_u32(&call->req);
    config.blockDimZ = vg_get_u32(&call->req);
    config.sharedMemBytes = vg_get_u32(&call->req);
    config.hStream = vg_worker_get_stream(call);
    config.numAttrs = vg_get_count(&call->req, 4 + sizeof(attributes[0].value));
    if (config.numAttrs > ATTRIBUTES_MAX) {
        return VG_CLIENT_VIOLATION;
    }
    memset(attributes, 0, sizeof(attributes));
    for (unsigned i = 0; i < config.numAttrs; i++) {
        attributes[i].id = (CUlaunchAttributeID)vg_get_i32(&call->req);
        vg_get_copy(&call->req, &attributes[i].value, sizeof(attributes[i].value));
    }
    const void *data = vg_get_blob(&call->req, &size);
    if (size > VG_PARAMS_MAX) {
        return VG_CLIENT_VIOLATION;
    }
    const int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }

    /* aligned: the message is packed */
    _Alignas(16) uint8_t params[VG_PARAMS_MAX + 4];
    if (size != 0) {
        memcpy(params, data, size);
    }
    void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, params, CU_LAUNCH_PARAM_BUFFER_SIZE,
                      &size, CU_LAUNCH_PARAM_END };
    if (config.numAttrs != 0) {
        return (int)vg_cuda.cuLaunchKernelEx(&config, function, NULL, extra);
    }
    return (int)vg_cuda.cuLaunchKernel(
        function, config.gridDimX, config.gridDimY, config.gridDimZ, config.blockDimX,
        config.blockDimY, config.blockDimZ, config.sharedMemBytes, config.hStream, NULL,
        extra);
}

/* Layout of the parameters, until the driver says that there are no more. */
static int
put_params(struct vg_worker_call *call, CUfunction function)
{
    size_t offsets[1024], sizes[1024];
    uint32_t count = 0;

    while (count < 1024) {
        const CUresult result =
            vg_cuda.cuFuncGetParamInfo(function, count, &offsets[count], &sizes[count]);
        if (result == CUDA_ERROR_INVALID_VALUE) {
            break;
        }
        if (result != CUDA_SUCCESS) {
            return (int)result;
        }
        count++;
    }
    vg_put_u32(&call->rep, count);
    for (uint32_t i = 0; i < count; i++) {
        vg_put_u32(&call->rep, (uint32_t)offsets[i]);
        vg_put_u32(&call->rep, (uint32_t)sizes[i]);
    }
    return 0;
}

/* Internal: everything that the client wants to know of a kernel, in one reply. */
static int
dispatch_kernel_sheet(struct vg_worker_call *call)
{
    int values[SHEET_ATTRIBUTES] = { 0 };
    uint32_t known = 0;
    const bool is_kernel = vg_dec_left(&call->req) >= 8 &&
                           vg_id_type_of(vg_worker_peek_id(call)) == VG_ID_KERN;

    CUfunction function = vg_worker_get_function(call);
    int r = vg_worker_ready(call);
    if (r == 0 && is_kernel) {
        /* the same bits are a CUkernel; its function is that of the current context */
        r = (int)vg_cuda.cuKernelGetFunction(&function, (CUkernel)(void *)function);
    }
    if (r != 0) {
        return r;
    }
    for (int i = 0; i < SHEET_ATTRIBUTES; i++) {
        if (vg_cuda.cuFuncGetAttribute(&values[i], (CUfunction_attribute)i, function) ==
            CUDA_SUCCESS) {
            known |= 1u << i;
        }
    }
    vg_put_u32(&call->rep, known);
    for (int i = 0; i < SHEET_ATTRIBUTES; i++) {
        vg_put_i32(&call->rep, values[i]);
    }
    return put_params(call, function);
}

/* Strings of the driver travel as they are. */
int
vg_dispatch_cuFuncGetName(struct vg_worker_call *call)
{
    const char *name = NULL;

    CUfunction function = vg_worker_get_function(call);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuFuncGetName(&name, function);
    }
    if (r == 0) {
        vg_put_string(&call->rep, name);
    }
    return r;
}

int
vg_dispatch_cuKernelGetName(struct vg_worker_call *call)
{
    const char *name = NULL;

    CUkernel kernel = vg_worker_get_handle(call, VG_ID_KERN);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuKernelGetName(&name, kernel);
    }
    if (r == 0) {
        vg_put_string(&call->rep, name);
    }
    return r;
}

static int
dispatch_thread_end(struct vg_worker_call *call)
{
    const int r = vg_worker_ready(call);

    if (r == 0) {
        vg_thread_reset(call->thread);
    }
    return r;
}

vg_dispatch_fn
vg_dispatch_internal(unsigned number)
{
    static const vg_dispatch_fn table[] = {
        [VG_CALL_THREAD_END - VG_CALL_INTERNAL] = dispatch_thread_end,
        [VG_CALL_STAGE_WAIT - VG_CALL_INTERNAL] = vg_dispatch_stage_wait,
        [VG_CALL_COPY - VG_CALL_INTERNAL] = vg_dispatch_copy,
        [VG_CALL_COPY_STAGED - VG_CALL_INTERNAL] = vg_dispatch_copy_staged,
        [VG_CALL_COPY_OUT - VG_CALL_INTERNAL] = vg_dispatch_copy_out,
        [VG_CALL_COPY_OUT_SLOT - VG_CALL_INTERNAL] = vg_dispatch_copy_out_slot,
        [VG_CALL_COPY_BOX - VG_CALL_INTERNAL] = vg_dispatch_copy_box,
        [VG_CALL_KERNEL_SHEET - VG_CALL_INTERNAL] = dispatch_kernel_sheet,
        [VG_CALL_HOST_ALLOC - VG_CALL_INTERNAL] = vg_dispatch_host_alloc,
        [VG_CALL_HOST_FREE - VG_CALL_INTERNAL] = vg_dispatch_host_free,
    };
    const unsigned index = number - VG_CALL_INTERNAL;

    return index < sizeof(table) / sizeof(table[0]) ? table[index] : NULL;
}
