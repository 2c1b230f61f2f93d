/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture_info - what a capture has so far, and captures into a graph that exists.
 *
 * The array of dependencies that is handed out lives until the thread's next question.
 */
#include <stdlib.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_wire.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/graph_node.h"

static __thread CUgraphNode *last_nodes;
static __thread CUgraphEdgeData *last_edges;

struct info {
    CUstreamCaptureStatus status;
    cuuint64_t id;
    CUgraph graph;
    uint32_t count;
    bool has_edges;
};

static bool
keep_room(uint32_t count)
{
    CUgraphNode *nodes = realloc(last_nodes, (count + 1) * sizeof(*nodes));

    if (nodes == NULL) {
        return false;
    }
    last_nodes = nodes;
    CUgraphEdgeData *edges = realloc(last_edges, (count + 1) * sizeof(*edges));
    if (edges == NULL) {
        return false;
    }
    last_edges = edges;
    return true;
}

static void
read_info(struct vg_call *call, struct info *out)
{
    out->status = (CUstreamCaptureStatus)vg_get_i32(&call->rep);
    out->id = vg_get_u64(&call->rep);
    out->graph = vg_call_get_handle(call, VG_ID_GRAPH, 0);
    out->count = vg_get_count(&call->rep, 8);
    if (!keep_room(out->count)) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
        return;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        last_nodes[i] =
            vg_call_get_handle(call, VG_ID_GNODE, vg_id_from_handle(out->graph));
    }
    out->has_edges = vg_get_u8(&call->rep) != 0;
    for (uint32_t i = 0; out->has_edges && i < out->count; i++) {
        vg_wire_get_CUgraphEdgeData(&call->rep, &last_edges[i]);
    }
}

static CUresult
ask(unsigned number, CUstream stream, struct info *out)
{
    struct vg_call call;

    *out = (struct info){ .status = CU_STREAM_CAPTURE_STATUS_NONE };
    if (!vg_capture_is_open()) {
        return CUDA_SUCCESS;
    }
    vg_call_begin(&call, number);
    vg_call_put_stream(&call, stream);
    if (vg_call_wait_any(&call)) {
        read_info(&call, out);
        (void)vg_call_check(&call);
    }
    return vg_call_end(&call);
}

static void
show(const struct info *info, CUstreamCaptureStatus *status, cuuint64_t *id,
     CUgraph *graph, const CUgraphNode **dependencies, size_t *count)
{
    *status = info->status;
    if (info->status != CU_STREAM_CAPTURE_STATUS_ACTIVE) {
        return;
    }
    if (id != NULL) {
        *id = info->id;
    }
    if (graph != NULL) {
        *graph = info->graph;
    }
    if (dependencies != NULL) {
        *dependencies = last_nodes;
    }
    if (count != NULL) {
        *count = info->count;
    }
}

CUresult
vg_drv_cuStreamGetCaptureInfo_v2(CUstream stream, CUstreamCaptureStatus *status,
                                 cuuint64_t *id, CUgraph *graph,
                                 const CUgraphNode **dependencies, size_t *count)
{
    struct info info;

    if (status == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result = ask(VG_CUDA_cuStreamGetCaptureInfo_v2, stream, &info);
    if (result == CUDA_SUCCESS) {
        show(&info, status, id, graph, dependencies, count);
    }
    return result;
}

CUresult
vg_drv_cuStreamGetCaptureInfo_v3(CUstream stream, CUstreamCaptureStatus *status,
                                 cuuint64_t *id, CUgraph *graph,
                                 const CUgraphNode **dependencies,
                                 const CUgraphEdgeData **edges, size_t *count)
{
    struct info info;

    if (status == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result = ask(VG_CUDA_cuStreamGetCaptureInfo_v3, stream, &info);
    if (result == CUDA_SUCCESS) {
        show(&info, status, id, graph, dependencies, count);
        if (edges != NULL && info.status == CU_STREAM_CAPTURE_STATUS_ACTIVE) {
            *edges = info.has_edges ? last_edges : NULL;
        }
    }
    return result;
}

CUresult
vg_drv_cuStreamBeginCaptureToGraph(CUstream stream, CUgraph graph,
                                   const CUgraphNode *dependencies,
                                   const CUgraphEdgeData *edges, size_t count,
                                   CUstreamCaptureMode mode)
{
    struct vg_call call;

    if ((int)mode < 0 || (int)mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuStreamBeginCaptureToGraph);
    vg_call_put_stream(&call, stream);
    vg_node_put_place(&call, graph, dependencies, count);
    vg_put_u8(&call.req, edges != NULL);
    for (size_t i = 0; edges != NULL && i < count; i++) {
        vg_wire_put_CUgraphEdgeData(&call.req, &edges[i]);
    }
    vg_put_i32(&call.req, (int32_t)mode);
    if (vg_call_wait(&call, 0)) {
        vg_capture_opened();
    }
    return vg_call_end(&call);
}
