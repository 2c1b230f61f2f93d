/* SPDX-License-Identifier: Apache-2.0 */
/* stream - waits and questions about streams and events. */
#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/shadow.h"

/* A success has told the program that something is complete. */
static CUresult
settled(CUresult result)
{
    if (result == CUDA_SUCCESS) {
        vg_shadow_settle();
    }
    return result;
}

CUresult
vg_drv_cuStreamSynchronize(CUstream stream)
{
    return settled(vg_send_cuStreamSynchronize(stream));
}

CUresult
vg_drv_cuStreamQuery(CUstream stream)
{
    return settled(vg_send_cuStreamQuery(stream));
}

CUresult
vg_drv_cuEventSynchronize(CUevent event)
{
    return settled(vg_send_cuEventSynchronize(event));
}

CUresult
vg_drv_cuEventQuery(CUevent event)
{
    return settled(vg_send_cuEventQuery(event));
}

CUresult
vg_drv_cuStreamGetDevice(CUstream stream, CUdevice *device)
{
    CUcontext context = NULL;
    struct vg_context_facts facts = { .physical = -1 };

    if (device == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult result = vg_drv_cuStreamGetCtx(stream, &context);
    if (result == CUDA_SUCCESS) {
        result = vg_driver_context_facts(context, &facts);
    }
    if (result == CUDA_SUCCESS) {
        *device = vg_front_ordinal(facts.physical);
    }
    return result;
}

CUresult
vg_drv_cuStreamGetCtx_v2(CUstream stream, CUcontext *context, CUgreenCtx *green)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result = vg_drv_cuStreamGetCtx(stream, context);
    if (result == CUDA_SUCCESS && green != NULL) {
        *green = NULL;
    }
    return result;
}

CUresult
vg_driver_stream_id(CUcontext context, CUstream stream, unsigned long long *out)
{
    (void)context;
    return vg_drv_cuStreamGetId(stream, out);
}
