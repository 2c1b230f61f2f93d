/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_api - the Driver API's calls on executable graphs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/node.h"

#define FLAGS_CARRIED                                  \
    (CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH | \
     CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD | CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY)

struct failure {
    CUgraphNode node;
    const char *why;
};

static CUresult
instantiate(CUgraphExec *out, CUgraph handle, uint64_t flags, struct failure *failure)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if ((flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH) != 0) {
        failure->why = "launches from the device are not supported";
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if ((flags & ~(uint64_t)FLAGS_CARRIED) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_graph *graph;
    CUresult r = vg_graph_find(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    struct vg_exec *exec;
    struct vg_node *bad = NULL;
    r = vg_exec_create(graph, flags, &exec, &bad, &failure->why);
    if (r != CUDA_SUCCESS) {
        failure->node = bad != NULL ? vg_object_handle(&bad->object) : NULL;
        return vg_soft_leave(r);
    }
    if (vg_object_publish(&exec->object, VG_OBJECT_EXEC, NULL) != 0) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    } else {
        *out = vg_object_handle(&exec->object);
    }
    vg_object_unref(&exec->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphInstantiate(CUgraphExec *exec, CUgraph graph, CUgraphNode *error_node,
                          char *log, size_t log_size)
{
    struct failure failure = { 0 };
    CUresult r = instantiate(exec, graph, 0, &failure);
    if (r != CUDA_SUCCESS && error_node != NULL) {
        *error_node = failure.node;
    }
    if (r != CUDA_SUCCESS && log != NULL && log_size > 0) {
        snprintf(log, log_size, "%s",
                 failure.why != NULL ? failure.why : "the graph cannot be instantiated");
    }
    return r;
}

CUresult
vg_drv_cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph,
                                   unsigned long long flags)
{
    struct failure failure = { 0 };
    return instantiate(exec, graph, flags, &failure);
}

CUresult
vg_drv_cuGraphInstantiateWithParams(CUgraphExec *exec, CUgraph graph,
                                    CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct failure failure = { 0 };
    CUresult r = instantiate(exec, graph, params->flags, &failure);
    params->hErrNode_out = failure.node;
    params->result_out = r == CUDA_SUCCESS      ? CUDA_GRAPH_INSTANTIATE_SUCCESS
                         : failure.node != NULL ? CUDA_GRAPH_INSTANTIATE_INVALID_STRUCTURE
                         : r == CUDA_ERROR_NOT_SUPPORTED
                             ? CUDA_GRAPH_INSTANTIATE_NODE_OPERATION_NOT_SUPPORTED
                             : CUDA_GRAPH_INSTANTIATE_ERROR;
    return r;
}

/* Lock taken on success only. */
static CUresult
enter_exec(CUgraphExec handle, struct vg_exec **out)
{
    vg_soft_lock();
    *out = vg_object_find(VG_OBJECT_EXEC, handle);
    return *out != NULL ? CUDA_SUCCESS : vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
}

CUresult
vg_drv_cuGraphExecGetFlags(CUgraphExec handle, cuuint64_t *flags)
{
    struct vg_exec *exec;
    CUresult r = flags != NULL ? enter_exec(handle, &exec) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *flags = exec->flags;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphExecGetId(CUgraphExec handle, unsigned int *id)
{
    struct vg_exec *exec;
    CUresult r = id != NULL ? enter_exec(handle, &exec) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *id = exec->id;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphExecDestroy(CUgraphExec handle)
{
    struct vg_exec *exec;
    CUresult r = enter_exec(handle, &exec);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    vg_object_retire(&exec->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- update --- */

static CUgraphNode
node_at(struct vg_graph *graph, uint64_t path)
{
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        if (vg_node_path(n) == path) {
            return vg_object_handle(&n->object);
        }
    }
    return NULL;
}

CUresult
vg_drv_cuGraphExecUpdate_v2(CUgraphExec handle, CUgraph graph_handle,
                            CUgraphExecUpdateResultInfo *info)
{
    struct vg_exec *exec, *other;
    CUresult r = info != NULL ? enter_exec(handle, &exec) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    memset(info, 0, sizeof *info);
    struct vg_graph *graph;
    struct vg_node *bad = NULL;
    const char *why;
    r = vg_graph_find(graph_handle, &graph);
    if (r == CUDA_SUCCESS) {
        r = vg_exec_create(graph, exec->flags, &other, &bad, &why);
    }
    if (r != CUDA_SUCCESS) {
        info->result = CU_GRAPH_EXEC_UPDATE_ERROR;
        return vg_soft_leave(r);
    }
    uint64_t path = 0;
    info->result = vg_exec_compare(exec, other, &path);
    if (info->result == CU_GRAPH_EXEC_UPDATE_SUCCESS) {
        vg_exec_take(exec, other);
    } else {
        info->errorNode = node_at(graph, path);
        r = CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
    }
    vg_object_unref(&other->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphNode *error_node,
                         CUgraphExecUpdateResult *result)
{
    CUgraphExecUpdateResultInfo info = { 0 };
    CUresult r = vg_drv_cuGraphExecUpdate_v2(exec, graph, &info);
    if (error_node != NULL) {
        *error_node = info.errorNode;
    }
    if (result != NULL) {
        *result = info.result;
    }
    return r;
}

/* --- parameters of one node --- */

/* Lock held. A node of the graph that it was made from. */
static CUresult
find_exec_node(struct vg_exec *exec, CUgraphNode handle, struct vg_exec_node **out)
{
    struct vg_node *node;
    CUresult r = vg_node_find(handle, &node);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    const struct vg_graph *top = node->graph;
    while (top->parent != NULL) {
        top = top->parent->graph;
    }
    *out = top->id == exec->graph_id ? vg_exec_find(exec, node) : NULL;
    return *out != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult
exec_set(CUgraphExec handle, CUgraphNode node_handle, const CUgraphNodeParams *params)
{
    struct vg_exec *exec;
    CUresult r = enter_exec(handle, &exec);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    vg_object_ref(&exec->object);
    struct vg_exec_node *node;
    struct vg_work work = { 0 };
    struct vg_context *context;
    r = find_exec_node(exec, node_handle, &node);
    if (r == CUDA_SUCCESS && node->type != params->type) {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    if (r == CUDA_SUCCESS) {
        r = vg_node_read(params, &work, &context);
    }
    if (r == CUDA_SUCCESS) {
        r = find_exec_node(exec, node_handle, &node); /* the lock was released */
        if (r == CUDA_SUCCESS) {
            vg_work_fini(&node->work);
            node->work = work;
        } else {
            vg_work_fini(&work);
        }
    }
    vg_object_unref(&exec->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphExecKernelNodeSetParams_v2(CUgraphExec exec, CUgraphNode node,
                                         const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_kernel_params(params);
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecKernelNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_kernel_params_v1(params);
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_MEMCPY3D *copy, CUcontext context)
{
    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_memcpy_params(copy, context);
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecMemsetNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_MEMSET_NODE_PARAMS *params,
                                      CUcontext context)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_memset_params(params, context);
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecHostNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                    const CUDA_HOST_NODE_PARAMS *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUgraphNodeParams p = vg_node_host_params(params);
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecEventRecordNodeSetEvent(CUgraphExec exec, CUgraphNode node,
                                          CUevent event)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_EVENT_RECORD };
    p.eventRecord.event = event;
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecEventWaitNodeSetEvent(CUgraphExec exec, CUgraphNode node, CUevent event)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_WAIT_EVENT };
    p.eventWait.event = event;
    return exec_set(exec, node, &p);
}

CUresult
vg_drv_cuGraphExecNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                CUgraphNodeParams *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (params->type == CU_GRAPH_NODE_TYPE_GRAPH) {
        return vg_drv_cuGraphExecChildGraphNodeSetParams(exec, node, params->graph.graph);
    }
    return exec_set(exec, node, params);
}

/* The child's nodes stand between an empty node before and one after: the same topology
 * in the same order, so their work can be taken over one by one. */
CUresult
vg_drv_cuGraphExecChildGraphNodeSetParams(CUgraphExec handle, CUgraphNode node_handle,
                                          CUgraph child)
{
    struct vg_exec *exec, *other;
    CUresult r = enter_exec(handle, &exec);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_exec_node *node;
    struct vg_graph *graph;
    struct vg_node *bad = NULL;
    const char *why;
    r = find_exec_node(exec, node_handle, &node);
    if (r == CUDA_SUCCESS && node->type != CU_GRAPH_NODE_TYPE_GRAPH) {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    if (r == CUDA_SUCCESS) {
        r = vg_graph_find(child, &graph);
    }
    if (r == CUDA_SUCCESS) {
        r = vg_exec_create(graph, 0, &other, &bad, &why);
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    size_t first = (size_t)(node - exec->nodes) + 1;
    r = first + other->n_nodes <= exec->n_nodes ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; r == CUDA_SUCCESS && i < other->n_nodes; i++) {
        if (exec->nodes[first + i].type != other->nodes[i].type) {
            r = CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
        }
    }
    for (size_t i = 0; r == CUDA_SUCCESS && i < other->n_nodes; i++) {
        struct vg_work work = exec->nodes[first + i].work;
        exec->nodes[first + i].work = other->nodes[i].work;
        other->nodes[i].work = work;
    }
    vg_object_unref(&other->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphNodeSetEnabled(CUgraphExec handle, CUgraphNode node_handle,
                             unsigned int enabled)
{
    struct vg_exec *exec;
    CUresult r = enter_exec(handle, &exec);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_exec_node *node;
    r = find_exec_node(exec, node_handle, &node);
    if (r == CUDA_SUCCESS && node->type != CU_GRAPH_NODE_TYPE_KERNEL &&
        node->type != CU_GRAPH_NODE_TYPE_MEMCPY &&
        node->type != CU_GRAPH_NODE_TYPE_MEMSET) {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    if (r == CUDA_SUCCESS) {
        node->is_disabled = enabled == 0;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphNodeGetEnabled(CUgraphExec handle, CUgraphNode node_handle,
                             unsigned int *enabled)
{
    struct vg_exec *exec;
    CUresult r = enabled != NULL ? enter_exec(handle, &exec) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_exec_node *node;
    r = find_exec_node(exec, node_handle, &node);
    if (r == CUDA_SUCCESS) {
        *enabled = !node->is_disabled;
    }
    return vg_soft_leave(r);
}

/* --- launch --- */

static CUresult
enter_launch(CUgraphExec handle, CUstream stream_handle, struct vg_exec **exec,
             struct vg_stream **stream)
{
    struct vg_context *context = NULL;
    CUcontext current = vg_front_current();
    vg_soft_lock();
    *exec = vg_object_find(VG_OBJECT_EXEC, handle);
    if (*exec == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    context = vg_context_find(current);
    if (context == NULL) {
        return vg_soft_leave(vg_context_refusal(current));
    }
    CUresult r = context->sticky;
    if (r == CUDA_SUCCESS) {
        r = vg_stream_find(context, stream_handle, stream);
    }
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphUpload(CUgraphExec handle, CUstream stream_handle)
{
    struct vg_exec *exec;
    struct vg_stream *stream;
    CUresult r = enter_launch(handle, stream_handle, &exec, &stream);
    return r != CUDA_SUCCESS ? r : vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphLaunch(CUgraphExec handle, CUstream stream_handle)
{
    struct vg_exec *exec;
    struct vg_stream *stream = NULL;
    CUresult r = enter_launch(handle, stream_handle, &exec, &stream);
    if (r != CUDA_SUCCESS || stream == NULL) {
        return r;
    }
    if (stream->capture != NULL) {
        return vg_soft_leave(vg_capture_refuse(stream, "a graph launch"));
    }
    r = vg_capture_check_legacy(stream);
    return vg_soft_leave(r == CUDA_SUCCESS ? vg_exec_launch(exec, stream) : r);
}
