/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph_any - nodes by the union of all parameters: each goes to the call of its type.
 *
 * Edges with data other than zero, and types without such a call, are refused by name.
 */
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call.h"
#include "shim/conn.h"

static CUDA_KERNEL_NODE_PARAMS_v2
kernel_of(const CUgraphNodeParams *params)
{
    CUDA_KERNEL_NODE_PARAMS_v2 kernel;

    _Static_assert(sizeof(kernel) == sizeof(params->kernel), "the same members");
    memcpy(&kernel, &params->kernel, sizeof(kernel));
    return kernel;
}

static CUDA_MEMSET_NODE_PARAMS
memset_of(const CUgraphNodeParams *params)
{
    CUDA_MEMSET_NODE_PARAMS fill;

    memcpy(&fill, &params->memset, sizeof(fill));
    return fill;
}

static bool
has_edge_data(const CUgraphEdgeData *edges, size_t count)
{
    static const CUgraphEdgeData plain = { 0 };

    for (size_t i = 0; edges != NULL && i < count; i++) {
        if (memcmp(&edges[i], &plain, sizeof(plain)) != 0) {
            return true;
        }
    }
    return false;
}

CUresult
vg_drv_cuGraphAddNode_v2(CUgraphNode *node, CUgraph graph,
                         const CUgraphNode *dependencies, const CUgraphEdgeData *edges,
                         size_t count, CUgraphNodeParams *params)
{
    if (node == NULL || params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (has_edge_data(edges, count)) {
        return vg_front_not_carried(VG_CUDA_cuGraphAddNode_v2);
    }
    switch ((int)params->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL: {
        const CUDA_KERNEL_NODE_PARAMS_v2 kernel = kernel_of(params);
        return vg_drv_cuGraphAddKernelNode_v2(node, graph, dependencies, count, &kernel);
    }
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return vg_drv_cuGraphAddMemcpyNode(node, graph, dependencies, count,
                                           &params->memcpy.copyParams,
                                           params->memcpy.copyCtx);
    case CU_GRAPH_NODE_TYPE_MEMSET: {
        const CUDA_MEMSET_NODE_PARAMS fill = memset_of(params);
        const CUcontext context =
            params->memset.ctx != NULL ? params->memset.ctx : vg_front_current();
        return vg_drv_cuGraphAddMemsetNode(node, graph, dependencies, count, &fill,
                                           context);
    }
    case CU_GRAPH_NODE_TYPE_HOST: {
        const CUDA_HOST_NODE_PARAMS host = { params->host.fn, params->host.userData };
        return vg_drv_cuGraphAddHostNode(node, graph, dependencies, count, &host);
    }
    case CU_GRAPH_NODE_TYPE_GRAPH:
        return vg_drv_cuGraphAddChildGraphNode(node, graph, dependencies, count,
                                               params->graph.graph);
    case CU_GRAPH_NODE_TYPE_EMPTY:
        return vg_drv_cuGraphAddEmptyNode(node, graph, dependencies, count);
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        return vg_drv_cuGraphAddEventWaitNode(node, graph, dependencies, count,
                                              params->eventWait.event);
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
        return vg_drv_cuGraphAddEventRecordNode(node, graph, dependencies, count,
                                                params->eventRecord.event);
    case CU_GRAPH_NODE_TYPE_MEM_FREE:
        return vg_drv_cuGraphAddMemFreeNode(node, graph, dependencies, count,
                                            params->free.dptr);
    default:
        return vg_front_not_carried(VG_CUDA_cuGraphAddNode_v2);
    }
}

CUresult
vg_drv_cuGraphAddNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies,
                      size_t count, CUgraphNodeParams *params)
{
    return vg_drv_cuGraphAddNode_v2(node, graph, dependencies, NULL, count, params);
}

CUresult
vg_drv_cuGraphNodeSetParams(CUgraphNode node, CUgraphNodeParams *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch ((int)params->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL: {
        const CUDA_KERNEL_NODE_PARAMS_v2 kernel = kernel_of(params);
        return vg_drv_cuGraphKernelNodeSetParams_v2(node, &kernel);
    }
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return vg_drv_cuGraphMemcpyNodeSetParams(node, &params->memcpy.copyParams);
    case CU_GRAPH_NODE_TYPE_MEMSET: {
        const CUDA_MEMSET_NODE_PARAMS fill = memset_of(params);
        return vg_drv_cuGraphMemsetNodeSetParams(node, &fill);
    }
    case CU_GRAPH_NODE_TYPE_HOST: {
        const CUDA_HOST_NODE_PARAMS host = { params->host.fn, params->host.userData };
        return vg_drv_cuGraphHostNodeSetParams(node, &host);
    }
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        return vg_drv_cuGraphEventWaitNodeSetEvent(node, params->eventWait.event);
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
        return vg_drv_cuGraphEventRecordNodeSetEvent(node, params->eventRecord.event);
    default:
        return vg_front_not_carried(VG_CUDA_cuGraphNodeSetParams);
    }
}

CUresult
vg_drv_cuGraphExecNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                CUgraphNodeParams *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch ((int)params->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL: {
        const CUDA_KERNEL_NODE_PARAMS_v2 kernel = kernel_of(params);
        return vg_drv_cuGraphExecKernelNodeSetParams_v2(exec, node, &kernel);
    }
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return vg_drv_cuGraphExecMemcpyNodeSetParams(
            exec, node, &params->memcpy.copyParams, params->memcpy.copyCtx);
    case CU_GRAPH_NODE_TYPE_MEMSET: {
        const CUDA_MEMSET_NODE_PARAMS fill = memset_of(params);
        const CUcontext context =
            params->memset.ctx != NULL ? params->memset.ctx : vg_front_current();
        return vg_drv_cuGraphExecMemsetNodeSetParams(exec, node, &fill, context);
    }
    case CU_GRAPH_NODE_TYPE_HOST: {
        const CUDA_HOST_NODE_PARAMS host = { params->host.fn, params->host.userData };
        return vg_drv_cuGraphExecHostNodeSetParams(exec, node, &host);
    }
    case CU_GRAPH_NODE_TYPE_GRAPH:
        return vg_drv_cuGraphExecChildGraphNodeSetParams(exec, node, params->graph.graph);
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        return vg_drv_cuGraphExecEventWaitNodeSetEvent(exec, node,
                                                       params->eventWait.event);
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
        return vg_drv_cuGraphExecEventRecordNodeSetEvent(exec, node,
                                                         params->eventRecord.event);
    default:
        return vg_front_not_carried(VG_CUDA_cuGraphExecNodeSetParams);
    }
}

/* --- questions about a node of any type --- */

static CUresult
get_kernel(CUgraphNode node, CUgraphNodeParams *out)
{
    CUDA_KERNEL_NODE_PARAMS_v2 kernel;

    const CUresult result = vg_drv_cuGraphKernelNodeGetParams_v2(node, &kernel);
    if (result == CUDA_SUCCESS) {
        memcpy(&out->kernel, &kernel, sizeof(kernel));
    }
    return result;
}

static CUresult
get_memset(CUgraphNode node, CUgraphNodeParams *out)
{
    CUDA_MEMSET_NODE_PARAMS fill;

    const CUresult result = vg_drv_cuGraphMemsetNodeGetParams(node, &fill);
    if (result == CUDA_SUCCESS) {
        memcpy(&out->memset, &fill, sizeof(fill));
    }
    return result;
}

static CUresult
get_host(CUgraphNode node, CUgraphNodeParams *out)
{
    CUDA_HOST_NODE_PARAMS host;

    const CUresult result = vg_drv_cuGraphHostNodeGetParams(node, &host);
    if (result == CUDA_SUCCESS) {
        out->host.fn = host.fn;
        out->host.userData = host.userData;
    }
    return result;
}

CUresult
vg_drv_cuGraphNodeGetParams(CUgraphNode node, CUgraphNodeParams *params)
{
    CUgraphNodeParams out = { 0 };

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult result = vg_drv_cuGraphNodeGetType(node, &out.type);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    switch ((int)out.type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        result = get_kernel(node, &out);
        break;
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        result = vg_drv_cuGraphMemcpyNodeGetParams(node, &out.memcpy.copyParams);
        break;
    case CU_GRAPH_NODE_TYPE_MEMSET:
        result = get_memset(node, &out);
        break;
    case CU_GRAPH_NODE_TYPE_HOST:
        result = get_host(node, &out);
        break;
    case CU_GRAPH_NODE_TYPE_GRAPH:
        result = vg_drv_cuGraphChildGraphNodeGetGraph(node, &out.graph.graph);
        break;
    case CU_GRAPH_NODE_TYPE_EMPTY:
        break;
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        result = vg_drv_cuGraphEventWaitNodeGetEvent(node, &out.eventWait.event);
        break;
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
        result = vg_drv_cuGraphEventRecordNodeGetEvent(node, &out.eventRecord.event);
        break;
    case CU_GRAPH_NODE_TYPE_MEM_FREE:
        result = vg_drv_cuGraphMemFreeNodeGetParams(node, &out.free.dptr);
        break;
    default:
        return vg_front_not_carried(VG_CUDA_cuGraphNodeGetParams);
    }
    if (result == CUDA_SUCCESS) {
        *params = out;
    }
    return result;
}
