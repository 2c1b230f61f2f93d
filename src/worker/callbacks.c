/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callbacks - functions of the program behind driver-side functions of ours.
 *
 * The driver calls ours with a small record; ours asks the client and waits. A record
 * that a graph may run again is kept for the life of the session.
 */
#include "worker/callbacks.h"

#include <stdlib.h>

#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/session.h"

void CUDA_CB
vg_callback_run(void *record)
{
    struct vg_callback *callback = record;

    vg_reverse_call(VG_REVERSE_HOST_FUNCTION, callback->function, callback->user, 0, 0);
    if (!callback->kept) {
        free(callback);
    }
}

static void CUDA_CB
run_stream_callback(CUstream stream, CUresult status, void *record)
{
    struct vg_callback *callback = record;

    (void)stream;
    vg_reverse_call(VG_REVERSE_STREAM_CALLBACK, callback->function, callback->user,
                    callback->stream, (int)status);
    free(callback);
}

static void CUDA_CB
run_destructor(void *record)
{
    struct vg_callback *callback = record;

    vg_reverse_call(VG_REVERSE_DESTRUCTOR, callback->function, callback->user, 0, 0);
    free(callback);
}

struct vg_callback *
vg_callback_get(struct vg_worker_call *call)
{
    struct vg_callback *callback = calloc(1, sizeof(*callback));
    const uint64_t function = vg_get_u64(&call->req);
    const uint64_t user = vg_get_u64(&call->req);

    if (callback == NULL) {
        call->stale = CUDA_ERROR_OUT_OF_MEMORY;
        return NULL;
    }
    callback->function = function;
    callback->user = user;
    return callback;
}

static bool
is_captured(CUstream stream)
{
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;

    return vg_cuda.cuStreamIsCapturing(stream, &status) == CUDA_SUCCESS &&
           status != CU_STREAM_CAPTURE_STATUS_NONE;
}

int
vg_dispatch_cuLaunchHostFunc(struct vg_worker_call *call)
{
    CUstream stream = vg_worker_get_stream(call);
    struct vg_callback *callback = vg_callback_get(call);

    int r = vg_worker_ready(call);
    if (r == 0) {
        callback->kept = is_captured(stream);
        r = (int)vg_cuda.cuLaunchHostFunc(stream, vg_callback_run, callback);
    }
    if (r != 0) {
        free(callback);
    }
    return r;
}

int
vg_dispatch_cuStreamAddCallback(struct vg_worker_call *call)
{
    CUstream stream = vg_worker_get_stream(call);
    struct vg_callback *callback = vg_callback_get(call);
    const vg_id shown = vg_get_id(&call->req);

    int r = vg_worker_ready(call);
    if (r == 0) {
        callback->stream = shown;
        r = (int)vg_cuda.cuStreamAddCallback(stream, run_stream_callback, callback, 0);
    }
    if (r != 0) {
        free(callback);
    }
    return r;
}

int
vg_dispatch_cuUserObjectCreate(struct vg_worker_call *call)
{
    struct vg_callback *callback = vg_callback_get(call);
    const uint32_t count = vg_get_u32(&call->req);
    const uint32_t flags = vg_get_u32(&call->req);
    CUuserObject object = NULL;

    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuUserObjectCreate(&object, callback, run_destructor, count,
                                            flags);
    }
    if (r != 0) {
        free(callback);
        return r;
    }
    vg_worker_put_handle(call, VG_ID_UOBJ, object);
    return 0;
}
