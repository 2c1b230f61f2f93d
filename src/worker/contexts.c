/* SPDX-License-Identifier: Apache-2.0 */
/* contexts - made, released, reset and destroyed; what was of them is forgotten. */
#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

/* Facts that the client keeps: flags, id, API version. */
static void
put_facts(struct vg_worker_call *call, CUcontext context, unsigned flags)
{
    unsigned long long id = 0;
    unsigned version = 0;

    (void)vg_cuda.cuCtxGetId(context, &id);
    (void)vg_cuda.cuCtxGetApiVersion(context, &version);
    vg_put_u32(&call->rep, flags);
    vg_put_u64(&call->rep, id);
    vg_put_u32(&call->rep, version);
}

static int
device_index(CUdevice device)
{
    for (int i = 0; i < vg_session.device_count; i++) {
        if (vg_session.devices[i] == device) {
            return i;
        }
    }
    return 0;
}

int
vg_dispatch_cuDevicePrimaryCtxRetain(struct vg_worker_call *call)
{
    const CUdevice device = vg_worker_get_device(call);
    CUcontext context = NULL;
    unsigned flags = 0;
    int active = 0;

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    r = (int)vg_cuda.cuDevicePrimaryCtxRetain(&context, device);
    if (r != 0) {
        return r;
    }
    const vg_id id = vg_primary_id(device_index(device));
    if (vg_ids_lookup(vg_session.ids, id, VG_ID_CTX) != context) {
        vg_ids_forget(vg_session.ids, id);
        if (vg_ids_insert(vg_session.ids, id, context, 0) != 0) {
            (void)vg_cuda.cuDevicePrimaryCtxRelease_v2(device);
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
    }
    (void)vg_cuda.cuDevicePrimaryCtxGetState(device, &flags, &active);
    put_facts(call, context, flags);
    return 0;
}

/* After a release or reset: is it still there? */
static int
answer_state(struct vg_worker_call *call, CUdevice device)
{
    unsigned flags = 0;
    int active = 0;

    (void)vg_cuda.cuDevicePrimaryCtxGetState(device, &flags, &active);
    if (!active) {
        vg_thread_context_ended(call->thread, vg_primary_id(device_index(device)));
    }
    vg_put_u32(&call->rep, active != 0);
    return 0;
}

int
vg_dispatch_cuDevicePrimaryCtxRelease_v2(struct vg_worker_call *call)
{
    const CUdevice device = vg_worker_get_device(call);

    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuDevicePrimaryCtxRelease_v2(device);
    }
    return r != 0 ? r : answer_state(call, device);
}

int
vg_dispatch_cuDevicePrimaryCtxReset_v2(struct vg_worker_call *call)
{
    const CUdevice device = vg_worker_get_device(call);

    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuDevicePrimaryCtxReset_v2(device);
    }
    return r != 0 ? r : answer_state(call, device);
}

int
vg_dispatch_cuCtxCreate_v2(struct vg_worker_call *call)
{
    const vg_id id = vg_worker_get_new(call, VG_ID_CTX);
    const uint32_t flags = vg_get_u32(&call->req);
    const CUdevice device = vg_worker_get_device(call);
    CUcontext context = NULL;

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    call->thread->context_known = false; /* the driver makes it current */
    r = (int)vg_cuda.cuCtxCreate_v2(&context, flags, device);
    if (r != 0) {
        return r;
    }
    /* the client keeps the stack: nothing is pushed here */
    (void)vg_cuda.cuCtxPopCurrent_v2(NULL);
    r = vg_worker_name(call, id, context);
    if (r != 0) {
        (void)vg_cuda.cuCtxDestroy_v2(context);
        return r;
    }
    put_facts(call, context, flags);
    return 0;
}

int
vg_dispatch_cuCtxDestroy_v2(struct vg_worker_call *call)
{
    vg_id id = 0;
    CUcontext context = vg_worker_get_dead(call, VG_ID_CTX, &id);

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    call->thread->context_known = false;
    r = (int)vg_cuda.cuCtxDestroy_v2(context);
    if (r == 0) {
        vg_thread_context_ended(call->thread, id);
        vg_worker_forget(call, id);
    }
    return r;
}

int
vg_dispatch_cuCtxSynchronize_v2(struct vg_worker_call *call)
{
    CUcontext context = vg_worker_get_handle(call, VG_ID_CTX);

    const int r = vg_worker_ready(call);
    return r != 0 ? r : (int)vg_cuda.cuCtxSynchronize_v2(context);
}
