/* SPDX-License-Identifier: Apache-2.0 */
/* graph_host - host nodes: functions of the program in a graph. */
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/conn.h"
#include "shim/graph_node.h"

static void
put_host(struct vg_call *call, const CUDA_HOST_NODE_PARAMS *params)
{
    if (params == NULL || params->fn == NULL) {
        vg_call_fail(call, CUDA_ERROR_INVALID_VALUE);
        return;
    }
    if (vg_reverse_start() != 0) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
    }
    vg_put_u64(&call->req, (uint64_t)(uintptr_t)params->fn);
    vg_put_u64(&call->req, (uint64_t)(uintptr_t)params->userData);
}

CUresult
vg_drv_cuGraphAddHostNode(CUgraphNode *node, CUgraph graph,
                          const CUgraphNode *dependencies, size_t count,
                          const CUDA_HOST_NODE_PARAMS *params)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphAddHostNode);
    vg_node_put_place(&call, graph, dependencies, count);
    put_host(&call, params);
    return vg_node_add(&call, node, graph);
}

CUresult
vg_drv_cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphHostNodeSetParams);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    put_host(&call, params);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuGraphExecHostNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                    const CUDA_HOST_NODE_PARAMS *params)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphExecHostNodeSetParams);
    vg_call_put_handle(&call, VG_ID_GEXEC, exec);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    put_host(&call, params);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuGraphHostNodeGetParams(CUgraphNode node, CUDA_HOST_NODE_PARAMS *params)
{
    struct vg_call call;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuGraphHostNodeGetParams);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    if (vg_call_wait(&call, 16)) {
        params->fn = (CUhostFn)(uintptr_t)vg_get_u64(&call.rep);
        params->userData = (void *)(uintptr_t)vg_get_u64(&call.rep);
    }
    return vg_call_end(&call);
}
