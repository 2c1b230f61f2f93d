/* SPDX-License-Identifier: Apache-2.0 */
/* captures - begin and end of stream capture. */
#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/session.h"

int
vg_dispatch_cuStreamBeginCapture_v2(struct vg_worker_call *call)
{
    CUstream stream = vg_worker_get_stream(call);
    const CUstreamCaptureMode mode = (CUstreamCaptureMode)vg_get_i32(&call->req);

    const int r = vg_worker_ready(call);
    return r != 0 ? r : (int)vg_cuda.cuStreamBeginCapture_v2(stream, mode);
}

int
vg_dispatch_cuStreamEndCapture(struct vg_worker_call *call)
{
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
    CUstream stream = vg_worker_get_stream(call);
    CUgraph graph = NULL;

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    (void)vg_cuda.cuStreamIsCapturing(stream, &status);
    r = (int)vg_cuda.cuStreamEndCapture(stream, &graph);
    call->body_on_error = true;
    vg_put_u8(&call->rep, status != CU_STREAM_CAPTURE_STATUS_NONE);
    vg_worker_put_handle(call, VG_ID_GRAPH, graph);
    return r;
}
