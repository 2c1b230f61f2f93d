/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - parameters to work and back.
 */
#include "soft/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "front/driver.h"
#include "soft/copy.h"
#include "soft/launch.h"
#include "soft/module.h"
#include "soft/stream.h"

CUgraphNodeParams
vg_node_kernel_params(const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_KERNEL };
    memcpy(&p.kernel, params, sizeof p.kernel);
    return p;
}

CUgraphNodeParams
vg_node_kernel_params_v1(const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_KERNEL };
    memcpy(&p.kernel, params, sizeof *params);
    return p;
}

CUgraphNodeParams
vg_node_memcpy_params(const CUDA_MEMCPY3D *copy, CUcontext context)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_MEMCPY };
    p.memcpy.copyCtx = context;
    p.memcpy.copyParams = *copy;
    return p;
}

CUgraphNodeParams
vg_node_memset_params(const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_MEMSET };
    memcpy(&p.memset, params, sizeof *params);
    p.memset.ctx = context;
    return p;
}

CUgraphNodeParams
vg_node_host_params(const CUDA_HOST_NODE_PARAMS *params)
{
    CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_HOST };
    p.host.fn = params->fn;
    p.host.userData = params->userData;
    return p;
}

/* --- to work --- */

/* The named context, else the current one, else NULL. */
static CUresult
pick_context(CUcontext named, struct vg_context **out)
{
    CUcontext handle = named != NULL ? named : vg_front_current();
    *out = vg_context_find(handle);
    return *out == NULL && named != NULL ? vg_context_refusal(named) : CUDA_SUCCESS;
}

static CUresult
read_kernel(const CUgraphNodeParams *p, struct vg_work *out, struct vg_context **context)
{
    CUfunction function = p->kernel.func;
    if (function == NULL) {
        function = (CUfunction)p->kernel.kern;
    }
    struct vg_function *found = vg_object_find(VG_OBJECT_FUNCTION, function);
    CUresult r = pick_context(p->kernel.ctx, context);
    if (found != NULL) { /* a function knows its context */
        *context = found->module->context;
    }
    if (r != CUDA_SUCCESS || *context == NULL) {
        return r != CUDA_SUCCESS ? r : CUDA_ERROR_INVALID_CONTEXT;
    }
    struct vg_launch_request request = {
        .function = function,
        .grid = { p->kernel.gridDimX, p->kernel.gridDimY, p->kernel.gridDimZ },
        .block = { p->kernel.blockDimX, p->kernel.blockDimY, p->kernel.blockDimZ },
        .shared = p->kernel.sharedMemBytes,
        .params = p->kernel.kernelParams,
        .extra = p->kernel.extra,
    };
    return vg_launch_make(*context, &request, out);
}

static CUresult
read_event(CUevent handle, enum vg_work_kind kind, struct vg_work *out)
{
    struct vg_event *event = vg_object_find(VG_OBJECT_EVENT, handle);
    if (event == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *out = (struct vg_work){ .kind = kind, .event = event };
    vg_object_ref(&event->object);
    return CUDA_SUCCESS;
}

static CUresult
read_child(const CUgraphNodeParams *p, struct vg_work *out)
{
    struct vg_graph *graph;
    CUresult r = vg_graph_find(p->graph.graph, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (p->graph.ownership != CU_GRAPH_CHILD_GRAPH_OWNERSHIP_CLONE) {
        vg_log(VG_LOG_ERROR, "a child graph that is moved, not cloned, is not supported");
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    struct vg_graph *copy = vg_graph_copy(graph);
    if (copy == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *out = (struct vg_work){ .kind = VG_WORK_CHILD, .child = copy };
    return CUDA_SUCCESS;
}

CUresult
vg_node_read(const CUgraphNodeParams *p, struct vg_work *out,
             struct vg_context **out_context)
{
    CUresult r;
    pick_context(NULL, out_context);
    *out = (struct vg_work){ .kind = VG_WORK_EMPTY };
    switch ((int)p->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return read_kernel(p, out, out_context);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        r = pick_context(p->memcpy.copyCtx, out_context);
        out->kind = VG_WORK_COPY;
        return r != CUDA_SUCCESS ? r : vg_copy_read(&p->memcpy.copyParams, &out->copy);
    case CU_GRAPH_NODE_TYPE_MEMSET:
        r = pick_context(p->memset.ctx, out_context);
        out->kind = VG_WORK_FILL;
        CUDA_MEMSET_NODE_PARAMS fill;
        memcpy(&fill, &p->memset, sizeof fill);
        return r != CUDA_SUCCESS ? r : vg_fill_read(&fill, &out->fill);
    case CU_GRAPH_NODE_TYPE_HOST:
        out->kind = VG_WORK_CALL;
        out->call.function = p->host.fn;
        out->call.data = p->host.userData;
        return p->host.fn != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    case CU_GRAPH_NODE_TYPE_GRAPH:
        return read_child(p, out);
    case CU_GRAPH_NODE_TYPE_EMPTY:
        return CUDA_SUCCESS;
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        return read_event(p->eventWait.event, VG_WORK_WAIT, out);
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
        return read_event(p->eventRecord.event, VG_WORK_RECORD, out);
    default:
        vg_log(VG_LOG_ERROR, "a graph node of type %d is not supported", (int)p->type);
        return CUDA_ERROR_NOT_SUPPORTED;
    }
}

/* --- and back --- */

static void
write_kernel(struct vg_node *node, CUgraphNodeParams *out)
{
    const struct vg_launch *launch = &node->work.launch;
    const struct vg_ptx_func *func = launch->function->entry.func;
    if (node->kernel_params == NULL) {
        node->kernel_params = calloc((size_t)func->n_params + 1, sizeof(void *));
        for (uint32_t i = 0; node->kernel_params != NULL && i < func->n_params; i++) {
            node->kernel_params[i] = (char *)launch->params + func->params[i].offset;
        }
    }
    out->kernel = (CUDA_KERNEL_NODE_PARAMS_v3){
        .func = vg_object_handle(&launch->function->object),
        .gridDimX = launch->grid[0],
        .gridDimY = launch->grid[1],
        .gridDimZ = launch->grid[2],
        .blockDimX = launch->block[0],
        .blockDimY = launch->block[1],
        .blockDimZ = launch->block[2],
        .sharedMemBytes = launch->shared,
        .kernelParams = node->kernel_params,
        .kern = launch->kernel,
    };
    if (node->context != NULL) {
        out->kernel.ctx = vg_object_handle(&node->context->object);
    }
}

static void
write_fill(const struct vg_node *node, CUgraphNodeParams *out)
{
    const struct vg_fill *fill = &node->work.fill;
    out->memset = (CUDA_MEMSET_NODE_PARAMS_v2){
        .dst = fill->dst,
        .pitch = fill->pitch,
        .value = fill->value,
        .elementSize = fill->element,
        .width = fill->width,
        .height = fill->height,
    };
    if (node->context != NULL) {
        out->memset.ctx = vg_object_handle(&node->context->object);
    }
}

void
vg_node_write(struct vg_node *node, CUgraphNodeParams *out)
{
    memset(out, 0, sizeof *out);
    out->type = node->type;
    switch (node->work.kind) {
    case VG_WORK_KERNEL:
        write_kernel(node, out);
        break;
    case VG_WORK_COPY:
        out->memcpy.copyParams = node->copy;
        if (node->context != NULL) {
            out->memcpy.copyCtx = vg_object_handle(&node->context->object);
        }
        break;
    case VG_WORK_FILL:
        write_fill(node, out);
        break;
    case VG_WORK_CALL:
        out->host.fn = node->work.call.function;
        out->host.userData = node->work.call.data;
        break;
    case VG_WORK_CHILD:
        if (node->work.child->object.handle == 0) {
            vg_graph_publish(node->work.child);
        }
        out->graph.graph = vg_object_handle(&node->work.child->object);
        break;
    case VG_WORK_RECORD:
        out->eventRecord.event = vg_object_handle(&node->work.event->object);
        break;
    case VG_WORK_WAIT:
        out->eventWait.event = vg_object_handle(&node->work.event->object);
        break;
    case VG_WORK_EMPTY:
    case VG_WORK_FREE:
        break;
    }
}
