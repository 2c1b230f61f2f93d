/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph_kernel - kernel nodes: parameters are laid out by the kernel, as at a launch.
 *
 * What a get returns points into memory that lives as long as the node's handle.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/graph_node.h"
#include "shim/ids.h"
#include "shim/kernel.h"

void
vg_node_put_place(struct vg_call *call, CUgraph graph, const CUgraphNode *dependencies,
                  size_t count)
{
    if (count != 0 && dependencies == NULL) {
        vg_call_fail(call, CUDA_ERROR_INVALID_VALUE);
        count = 0;
    }
    vg_put_u32(&call->req, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        vg_call_put_handle(call, VG_ID_GNODE, dependencies[i]);
    }
    vg_call_put_handle(call, VG_ID_GRAPH, graph);
}

CUresult
vg_node_add(struct vg_call *call, CUgraphNode *node, CUgraph graph)
{
    if (node == NULL) {
        vg_call_fail(call, CUDA_ERROR_INVALID_VALUE);
    }
    if (vg_call_wait(call, 8) && node != NULL) {
        *node = vg_call_get_handle(call, VG_ID_GNODE, vg_id_from_handle(graph));
    }
    return vg_call_end(call);
}

/* Function, geometry and parameters. */
static void
put_kernel(struct vg_call *call, const CUDA_KERNEL_NODE_PARAMS_v2 *p)
{
    const void *function = p != NULL && p->func == NULL ? (const void *)p->kern : NULL;
    struct vg_kernel *kernel = NULL;
    uint8_t small[1024], *block = small;
    uint32_t size = 0;

    if (p == NULL) {
        vg_call_fail(call, CUDA_ERROR_INVALID_VALUE);
        return;
    }
    if (function == NULL) {
        function = p->func;
    }
    CUresult result = vg_kernel_get(function, &kernel);
    if (result == CUDA_SUCCESS && kernel->param_size > sizeof(small)) {
        block = malloc(kernel->param_size);
        result = block != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (result == CUDA_SUCCESS) {
        result = vg_kernel_pack(kernel, p->kernelParams, p->extra, block, &size);
    }
    if (result != CUDA_SUCCESS) {
        vg_call_fail(call, result);
    } else {
        vg_call_put_function(call, function);
        const unsigned words[] = { p->gridDimX,      p->gridDimY,  p->gridDimZ,
                                   p->blockDimX,     p->blockDimY, p->blockDimZ,
                                   p->sharedMemBytes };
        vg_put_bytes(&call->req, words, sizeof(words));
        vg_put_blob(&call->req, block, size);
    }
    if (block != small) {
        free(block);
    }
}

static CUDA_KERNEL_NODE_PARAMS_v2
widen(const CUDA_KERNEL_NODE_PARAMS_v1 *p)
{
    CUDA_KERNEL_NODE_PARAMS_v2 wide = { 0 };

    memcpy(&wide, p, sizeof(*p)); /* the new members stand behind the old ones */
    return wide;
}

CUresult
vg_drv_cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph,
                               const CUgraphNode *dependencies, size_t count,
                               const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphAddKernelNode_v2);
    vg_node_put_place(&call, graph, dependencies, count);
    put_kernel(&call, params);
    return vg_node_add(&call, node, graph);
}

CUresult
vg_drv_cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph,
                            const CUgraphNode *dependencies, size_t count,
                            const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUDA_KERNEL_NODE_PARAMS_v2 wide = widen(params);

    return vg_drv_cuGraphAddKernelNode_v2(node, graph, dependencies, count, &wide);
}

CUresult
vg_drv_cuGraphKernelNodeSetParams_v2(CUgraphNode node,
                                     const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphKernelNodeSetParams_v2);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    put_kernel(&call, params);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuGraphKernelNodeSetParams(CUgraphNode node,
                                  const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUDA_KERNEL_NODE_PARAMS_v2 wide = widen(params);

    return vg_drv_cuGraphKernelNodeSetParams_v2(node, &wide);
}

CUresult
vg_drv_cuGraphExecKernelNodeSetParams_v2(CUgraphExec exec, CUgraphNode node,
                                         const CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphExecKernelNodeSetParams_v2);
    vg_call_put_handle(&call, VG_ID_GEXEC, exec);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    put_kernel(&call, params);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuGraphExecKernelNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUDA_KERNEL_NODE_PARAMS_v2 wide = widen(params);

    return vg_drv_cuGraphExecKernelNodeSetParams_v2(exec, node, &wide);
}

/* The parameters of a node as the program sees them: pointers into one block. */
static void **
keep_params(CUgraphNode node, const struct vg_kernel *kernel, const void *data)
{
    const size_t pointers = (kernel->param_count + 1) * sizeof(void *);
    void **kept = calloc(1, pointers + kernel->param_size);

    if (kept == NULL) {
        return NULL;
    }
    uint8_t *block = (uint8_t *)kept + pointers;
    if (kernel->param_size != 0) {
        memcpy(block, data, kernel->param_size);
    }
    for (uint32_t i = 0; i < kernel->param_count; i++) {
        kept[i] = block + kernel->params[i].offset;
    }
    vg_client_ids_put(vg_id_from_handle(node), kept, free);
    return kept;
}

CUresult
vg_drv_cuGraphKernelNodeGetParams_v2(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v2 *params)
{
    CUDA_KERNEL_NODE_PARAMS_v2 p = { 0 };
    struct vg_kernel *kernel = NULL;
    unsigned words[7] = { 0 };
    struct vg_call call;
    size_t size = 0;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuGraphKernelNodeGetParams_v2);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    if (vg_call_wait_any(&call)) {
        p.func = vg_call_get_handle(&call, VG_ID_FUNC, 0);
        p.kern = vg_call_get_handle(&call, VG_ID_KERN, 0);
        vg_get_copy(&call.rep, words, sizeof(words));
        const void *data = vg_get_blob(&call.rep, &size);
        if (vg_call_check(&call)) {
            vg_call_fail(&call, vg_kernel_get(p.func != NULL ? (const void *)p.func
                                                             : (const void *)p.kern,
                                              &kernel));
        }
        if (kernel != NULL && size == kernel->param_size) {
            p.kernelParams = keep_params(node, kernel, data);
        }
    }
    if (call.result == CUDA_SUCCESS && p.kernelParams == NULL) {
        vg_call_fail(&call, CUDA_ERROR_OUT_OF_MEMORY);
    }
    const CUresult result = vg_call_end(&call);
    if (result == CUDA_SUCCESS) {
        p.gridDimX = words[0];
        p.gridDimY = words[1];
        p.gridDimZ = words[2];
        p.blockDimX = words[3];
        p.blockDimY = words[4];
        p.blockDimZ = words[5];
        p.sharedMemBytes = words[6];
        *params = p;
    }
    return result;
}

CUresult
vg_drv_cuGraphKernelNodeGetParams(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUDA_KERNEL_NODE_PARAMS_v2 wide;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult result = vg_drv_cuGraphKernelNodeGetParams_v2(node, &wide);
    if (result == CUDA_SUCCESS) {
        memcpy(params, &wide, sizeof(*params));
    }
    return result;
}
