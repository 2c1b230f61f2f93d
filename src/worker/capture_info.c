/* SPDX-License-Identifier: Apache-2.0 */
/* capture_info - what a capture has so far, and captures into a graph that exists. */
#include "cuda_dispatch.h"
#include "cuda_wire.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

struct info {
    CUstreamCaptureStatus status;
    cuuint64_t id;
    CUgraph graph;
    const CUgraphNode *nodes;
    const CUgraphEdgeData *edges;
    size_t count;
};

static int
put_info(struct vg_worker_call *call, const struct info *info)
{
    const vg_id graph = info->graph != NULL
                            ? vg_ids_name(vg_session.ids, VG_ID_GRAPH, info->graph, 0, 0)
                            : 0;

    vg_put_i32(&call->rep, (int32_t)info->status);
    vg_put_u64(&call->rep, info->id);
    vg_put_id(&call->rep, graph);
    call->parent = graph;
    vg_put_u32(&call->rep, (uint32_t)info->count);
    for (size_t i = 0; i < info->count; i++) {
        vg_worker_put_handle(call, VG_ID_GNODE, info->nodes[i]);
    }
    vg_put_u8(&call->rep, info->edges != NULL);
    for (size_t i = 0; info->edges != NULL && i < info->count; i++) {
        vg_wire_put_CUgraphEdgeData(&call->rep, &info->edges[i]);
    }
    return 0;
}

int
vg_dispatch_cuStreamGetCaptureInfo_v2(struct vg_worker_call *call)
{
    struct info info = { .count = 0 };

    CUstream stream = vg_worker_get_stream(call);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuStreamGetCaptureInfo_v2(stream, &info.status, &info.id,
                                                   &info.graph, &info.nodes, &info.count);
    }
    return r != 0 ? r : put_info(call, &info);
}

int
vg_dispatch_cuStreamGetCaptureInfo_v3(struct vg_worker_call *call)
{
    struct info info = { .count = 0 };

    CUstream stream = vg_worker_get_stream(call);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuStreamGetCaptureInfo_v3(stream, &info.status, &info.id,
                                                   &info.graph, &info.nodes, &info.edges,
                                                   &info.count);
    }
    return r != 0 ? r : put_info(call, &info);
}

int
vg_dispatch_cuStreamBeginCaptureToGraph(struct vg_worker_call *call)
{
    struct vg_node_place place = { .count = 0 };
    CUgraphEdgeData *edges = NULL;

    CUstream stream = vg_worker_get_stream(call);
    vg_node_get_place(call, &place);
    if (vg_get_u8(&call->req) != 0) {
        edges = vg_worker_alloc(call, place.count * sizeof(*edges));
        for (size_t i = 0; edges != NULL && i < place.count; i++) {
            vg_wire_get_CUgraphEdgeData(&call->req, &edges[i]);
        }
    }
    const CUstreamCaptureMode mode = (CUstreamCaptureMode)vg_get_i32(&call->req);
    const int r = vg_worker_ready(call);
    return r != 0 ? r
                  : (int)vg_cuda.cuStreamBeginCaptureToGraph(stream, place.graph,
                                                             place.dependencies, edges,
                                                             place.count, mode);
}
