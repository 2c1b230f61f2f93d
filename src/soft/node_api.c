/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_api - adding nodes, reading and writing their parameters.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "soft/capture.h"
#include "soft/node.h"

static CUresult
find_deps(struct vg_graph *graph, const CUgraphNode *handles, size_t count,
          struct vg_node **out)
{
    for (size_t i = 0; i < count; i++) {
        if (vg_node_find(handles[i], &out[i]) != CUDA_SUCCESS || out[i]->graph != graph) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

/* Lock held; released while a kernel is prepared, so the graph is held by reference. */
static CUresult
add_locked(CUgraphNode *out, struct vg_graph *graph, const CUgraphNode *dependencies,
           size_t count, const CUgraphNodeParams *params)
{
    struct vg_work work;
    struct vg_context *context;
    CUresult r = vg_node_read(params, &work, &context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_node **deps = malloc((count + 1) * sizeof(struct vg_node *));
    r = deps != NULL ? find_deps(graph, dependencies, count, deps)
                     : CUDA_ERROR_OUT_OF_MEMORY;
    if (r != CUDA_SUCCESS || graph->object.handle == 0) {
        vg_work_fini(&work);
        free(deps);
        return r != CUDA_SUCCESS ? r : CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_node *node;
    r = vg_graph_add(graph, deps, count, &work, context, &node);
    free(deps);
    if (r == CUDA_SUCCESS) {
        if (params->type == CU_GRAPH_NODE_TYPE_MEMCPY) {
            node->copy = params->memcpy.copyParams;
        }
        *out = vg_object_handle(&node->object);
    }
    return r;
}

static CUresult
add(CUgraphNode *out, CUgraph handle, const CUgraphNode *dependencies, size_t count,
    const CUgraphNodeParams *params)
{
    if (out == NULL || (count != 0 && dependencies == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_graph *graph;
    CUresult r = vg_graph_find(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    vg_object_ref(&graph->object);
    r = add_locked(out, graph, dependencies, count, params);
    vg_object_unref(&graph->object);
    return vg_soft_leave(r);
}

/* Lock held. */
static CUresult
set_locked(struct vg_node *node, const CUgraphNodeParams *params)
{
    if (node->type != params->type) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_work work;
    struct vg_context *context;
    CUresult r = vg_node_read(params, &work, &context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    vg_node_set_work(node, &work);
    if (params->type == CU_GRAPH_NODE_TYPE_MEMCPY) {
        node->copy = params->memcpy.copyParams;
    }
    return CUDA_SUCCESS;
}

static CUresult
set(CUgraphNode handle, const CUgraphNodeParams *params)
{
    vg_soft_lock();
    struct vg_node *node;
    CUresult r = vg_node_find(handle, &node);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    vg_object_ref(&node->object);
    r = set_locked(node, params);
    vg_object_unref(&node->object);
    return vg_soft_leave(r);
}

static CUresult
get(CUgraphNode handle, CUgraphNodeType type, CUgraphNodeParams *out)
{
    vg_soft_lock();
    struct vg_node *node;
    CUresult r = vg_node_find(handle, &node);
    if (r == CUDA_SUCCESS && node->type != type) {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    if (r == CUDA_SUCCESS) {
        vg_node_write(node, out);
    }
    return vg_soft_leave(r);
}

/* --- any kind --- */

CUresult
vg_drv_cuGraphAddNode_v2(CUgraphNode *node, CUgraph graph,
                         const CUgraphNode *dependencies, const CUgraphEdgeData *edges,
                         size_t count, CUgraphNodeParams *params)
{
    (void)edges; /* only orders that are kept anyway */
    return params != NULL ? add(node, graph, dependencies, count, params)
                          : CUDA_ERROR_INVALID_VALUE;
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
    return params != NULL ? set(node, params) : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_drv_cuGraphNodeGetParams(CUgraphNode handle, CUgraphNodeParams *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_node *node;
    CUresult r = vg_node_find(handle, &node);
    if (r == CUDA_SUCCESS) {
        vg_node_write(node, params);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph,
                           const CUgraphNode *dependencies, size_t count)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_EMPTY };
    return add(node, graph, dependencies, count, &p);
}

/* --- kernels --- */

CUresult
vg_drv_cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph,
                               const CUgraphNode *dependencies, size_t count,
                               const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_kernel_params(params);
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph,
                            const CUgraphNode *dependencies, size_t count,
                            const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_kernel_params_v1(params);
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphKernelNodeGetParams_v2(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    CUgraphNodeParams p;
    CUresult r = params != NULL ? get(node, CU_GRAPH_NODE_TYPE_KERNEL, &p)
                                : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        memcpy(params, &p.kernel, sizeof *params);
    }
    return r;
}

CUresult
vg_drv_cuGraphKernelNodeGetParams(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUgraphNodeParams p;
    CUresult r = params != NULL ? get(node, CU_GRAPH_NODE_TYPE_KERNEL, &p)
                                : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        memcpy(params, &p.kernel, sizeof *params);
    }
    return r;
}

CUresult
vg_drv_cuGraphKernelNodeSetParams_v2(CUgraphNode node,
                                     const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_kernel_params(params);
    return set(node, &p);
}

CUresult
vg_drv_cuGraphKernelNodeSetParams(CUgraphNode node,
                                  const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_kernel_params_v1(params);
    return set(node, &p);
}

static CUresult
find_kernel_node(CUgraphNode handle, struct vg_node **out)
{
    CUresult r = vg_node_find(handle, out);
    if (r == CUDA_SUCCESS && (*out)->type != CU_GRAPH_NODE_TYPE_KERNEL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return r;
}

CUresult
vg_drv_cuGraphKernelNodeGetAttribute(CUgraphNode handle, CUkernelNodeAttrID attr,
                                     CUkernelNodeAttrValue *value)
{
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_node *node;
    CUresult r = find_kernel_node(handle, &node);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    memset(value, 0, sizeof *value);
    switch ((int)attr) {
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
        value->priority = node->priority;
        break;
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        value->cooperative = node->work.launch.cooperative;
        break;
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        break;
    default:
        r = CUDA_ERROR_INVALID_VALUE;
        break;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphKernelNodeSetAttribute(CUgraphNode handle, CUkernelNodeAttrID attr,
                                     const CUkernelNodeAttrValue *value)
{
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_node *node;
    CUresult r = find_kernel_node(handle, &node);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    switch ((int)attr) {
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
        node->priority = value->priority;
        break;
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        node->work.launch.cooperative = value->cooperative != 0;
        break;
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        break;
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        r = value->clusterDim.x * value->clusterDim.y * value->clusterDim.z <= 1
                ? CUDA_SUCCESS
                : CUDA_ERROR_NOT_SUPPORTED;
        break;
    default:
        r = CUDA_ERROR_INVALID_VALUE;
        break;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphKernelNodeCopyAttributes(CUgraphNode dst, CUgraphNode src)
{
    vg_soft_lock();
    struct vg_node *to = NULL;
    struct vg_node *from = NULL;
    CUresult r = find_kernel_node(dst, &to);
    if (r == CUDA_SUCCESS) {
        r = find_kernel_node(src, &from);
    }
    if (r == CUDA_SUCCESS) {
        to->priority = from->priority;
        to->work.launch.cooperative = from->work.launch.cooperative;
    }
    return vg_soft_leave(r);
}

/* --- copies and fills --- */

CUresult
vg_drv_cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph,
                            const CUgraphNode *dependencies, size_t count,
                            const CUDA_MEMCPY3D *copy, CUcontext context)
{
    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_memcpy_params(copy, context);
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphMemcpyNodeGetParams(CUgraphNode node, CUDA_MEMCPY3D *copy)
{
    CUgraphNodeParams p;
    CUresult r = copy != NULL ? get(node, CU_GRAPH_NODE_TYPE_MEMCPY, &p)
                              : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        *copy = p.memcpy.copyParams;
    }
    return r;
}

CUresult
vg_drv_cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *copy)
{
    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_memcpy_params(copy, NULL);
    return set(node, &p);
}

CUresult
vg_drv_cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph,
                            const CUgraphNode *dependencies, size_t count,
                            const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_memset_params(params, context);
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphMemsetNodeGetParams(CUgraphNode node, CUDA_MEMSET_NODE_PARAMS *params)
{
    CUgraphNodeParams p;
    CUresult r = params != NULL ? get(node, CU_GRAPH_NODE_TYPE_MEMSET, &p)
                                : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        memcpy(params, &p.memset, sizeof *params);
    }
    return r;
}

CUresult
vg_drv_cuGraphMemsetNodeSetParams(CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_memset_params(params, NULL);
    return set(node, &p);
}

/* --- host functions --- */

CUresult
vg_drv_cuGraphAddHostNode(CUgraphNode *node, CUgraph graph,
                          const CUgraphNode *dependencies, size_t count,
                          const CUDA_HOST_NODE_PARAMS *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_host_params(params);
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphHostNodeGetParams(CUgraphNode node, CUDA_HOST_NODE_PARAMS *params)
{
    CUgraphNodeParams p;
    CUresult r = params != NULL ? get(node, CU_GRAPH_NODE_TYPE_HOST, &p)
                                : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        params->fn = p.host.fn;
        params->userData = p.host.userData;
    }
    return r;
}

CUresult
vg_drv_cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_host_params(params);
    return set(node, &p);
}

/* --- child graphs and events --- */

CUresult
vg_drv_cuGraphAddChildGraphNode(CUgraphNode *node, CUgraph graph,
                                const CUgraphNode *dependencies, size_t count,
                                CUgraph child)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_GRAPH };
    p.graph.graph = child;
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphChildGraphNodeGetGraph(CUgraphNode node, CUgraph *child)
{
    CUgraphNodeParams p;
    CUresult r = child != NULL ? get(node, CU_GRAPH_NODE_TYPE_GRAPH, &p)
                               : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        *child = p.graph.graph;
    }
    return r;
}

CUresult
vg_drv_cuGraphAddEventRecordNode(CUgraphNode *node, CUgraph graph,
                                 const CUgraphNode *dependencies, size_t count,
                                 CUevent event)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_EVENT_RECORD };
    p.eventRecord.event = event;
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphEventRecordNodeGetEvent(CUgraphNode node, CUevent *event)
{
    CUgraphNodeParams p;
    CUresult r = event != NULL ? get(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, &p)
                               : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        *event = p.eventRecord.event;
    }
    return r;
}

CUresult
vg_drv_cuGraphEventRecordNodeSetEvent(CUgraphNode node, CUevent event)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_EVENT_RECORD };
    p.eventRecord.event = event;
    return set(node, &p);
}

CUresult
vg_drv_cuGraphAddEventWaitNode(CUgraphNode *node, CUgraph graph,
                               const CUgraphNode *dependencies, size_t count,
                               CUevent event)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_WAIT_EVENT };
    p.eventWait.event = event;
    return add(node, graph, dependencies, count, &p);
}

CUresult
vg_drv_cuGraphEventWaitNodeGetEvent(CUgraphNode node, CUevent *event)
{
    CUgraphNodeParams p;
    CUresult r = event != NULL ? get(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, &p)
                               : CUDA_ERROR_INVALID_VALUE;
    if (r == CUDA_SUCCESS) {
        *event = p.eventWait.event;
    }
    return r;
}

CUresult
vg_drv_cuGraphEventWaitNodeSetEvent(CUgraphNode node, CUevent event)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_WAIT_EVENT };
    p.eventWait.event = event;
    return set(node, &p);
}
