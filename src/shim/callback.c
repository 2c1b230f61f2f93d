/* SPDX-License-Identifier: Apache-2.0 */
/* callback - calls that hand a function of the program to a stream, graph or object. */
#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call.h"
#include "shim/conn.h"

static void
put_function(struct vg_call *call, uintptr_t function, const void *user)
{
    if (vg_reverse_start() != 0) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
    }
    vg_put_u64(&call->req, function);
    vg_put_u64(&call->req, (uint64_t)(uintptr_t)user);
}

CUresult
vg_drv_cuLaunchHostFunc_v2(CUstream stream, CUhostFn fn, void *user,
                           unsigned int sync_mode)
{
    struct vg_call call;

    if (fn == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    (void)sync_mode; /* how a driver waits for it; we always sleep */
    vg_call_begin(&call, VG_CUDA_cuLaunchHostFunc);
    vg_call_put_stream(&call, stream);
    put_function(&call, (uintptr_t)fn, user);
    vg_call_post(&call);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuLaunchHostFunc(CUstream stream, CUhostFn fn, void *user)
{
    return vg_drv_cuLaunchHostFunc_v2(stream, fn, user, 0);
}

CUresult
vg_drv_cuStreamAddCallback(CUstream stream, CUstreamCallback callback, void *user,
                           unsigned int flags)
{
    struct vg_call call;

    if (callback == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuStreamAddCallback);
    vg_call_put_stream(&call, stream);
    put_function(&call, (uintptr_t)callback, user);
    vg_put_u64(&call.req, vg_id_from_handle(stream)); /* as the callback wants it */
    vg_call_post(&call);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuUserObjectCreate(CUuserObject *object, void *pointer, CUhostFn destroy,
                          unsigned int count, unsigned int flags)
{
    struct vg_call call;

    if (object == NULL || destroy == NULL || count == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuUserObjectCreate);
    put_function(&call, (uintptr_t)destroy, pointer);
    vg_put_u32(&call.req, count);
    vg_put_u32(&call.req, flags);
    if (vg_call_wait(&call, 8)) {
        *object = vg_call_get_handle(&call, VG_ID_UOBJ, 0);
    }
    return vg_call_end(&call);
}
