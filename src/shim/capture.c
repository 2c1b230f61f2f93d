/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture - stream capture: begin, end, status, and the mode of the client's thread.
 *
 * While no capture is open in the process, status questions are answered here.
 */
#include <stdatomic.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/shadow.h"

static _Atomic int open_captures;
static __thread CUstreamCaptureMode thread_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

bool
vg_capture_is_open(void)
{
    return atomic_load_explicit(&open_captures, memory_order_relaxed) != 0;
}

void
vg_capture_opened(void)
{
    atomic_fetch_add_explicit(&open_captures, 1, memory_order_relaxed);
}

CUstreamCaptureMode
vg_capture_mode(void)
{
    return thread_mode;
}

CUresult
vg_drv_cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
    struct vg_call call;

    if ((int)mode < 0 || (int)mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuStreamBeginCapture_v2);
    vg_call_put_stream(&call, stream);
    vg_put_i32(&call.req, (int32_t)mode);
    if (vg_call_wait(&call, 0)) {
        vg_capture_opened();
    }
    return vg_call_end(&call);
}

CUresult
vg_drv_cuStreamBeginCapture(CUstream stream)
{
    return vg_drv_cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

CUresult
vg_drv_cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    struct vg_call call;

    if (graph == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_shadow_set *shadows = vg_shadow_take_capture(stream);
    vg_call_begin(&call, VG_CUDA_cuStreamEndCapture);
    vg_call_put_stream(&call, stream);
    /* whether it was open is part of the reply, so that a failed end counts too */
    (void)vg_call_wait_any(&call);
    if (vg_dec_left(&call.rep) != 0) {
        if (vg_get_u8(&call.rep) != 0) {
            atomic_fetch_sub_explicit(&open_captures, 1, memory_order_relaxed);
        }
        CUgraph made = vg_call_get_handle(&call, VG_ID_GRAPH, 0);
        if (vg_call_check(&call)) {
            *graph = made;
            vg_shadow_attach(vg_id_from_handle(made), shadows);
            shadows = NULL;
        }
    }
    vg_shadow_set_unref(shadows);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    if (mode == NULL || (int)*mode < 0 || (int)*mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUstreamCaptureMode old = thread_mode;
    thread_mode = *mode;
    *mode = old;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status)
{
    if (status == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!vg_capture_is_open()) {
        *status = CU_STREAM_CAPTURE_STATUS_NONE;
        return CUDA_SUCCESS;
    }
    return vg_send_cuStreamIsCapturing(stream, status);
}

CUresult
vg_capture_of(CUstream stream, bool *out_captured, uint64_t *out_id)
{
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
    cuuint64_t id = 0;

    *out_captured = false;
    if (!vg_capture_is_open()) {
        return CUDA_SUCCESS;
    }
    const CUresult result = vg_send_cuStreamGetCaptureInfo(stream, &status, &id);
    if (result == CUDA_SUCCESS && status == CU_STREAM_CAPTURE_STATUS_ACTIVE) {
        *out_captured = true;
        *out_id = id;
    }
    /* the legacy stream beside an open capture: the copy itself will be refused */
    return result == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT ? CUDA_SUCCESS : result;
}

CUresult
vg_drv_cuStreamGetCaptureInfo(CUstream stream, CUstreamCaptureStatus *status,
                              cuuint64_t *id)
{
    if (status == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!vg_capture_is_open()) {
        *status = CU_STREAM_CAPTURE_STATUS_NONE;
        return CUDA_SUCCESS;
    }
    return vg_send_cuStreamGetCaptureInfo(stream, status, id);
}
