/* SPDX-License-Identifier: Apache-2.0 */
/* graph_nodes - kernel and host nodes of graphs. */
#include <stdlib.h>
#include <string.h>

#include "cuda_dispatch.h"
#include "worker/callbacks.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

void
vg_node_get_place(struct vg_worker_call *call, struct vg_node_place *out)
{
    out->count = vg_get_count(&call->req, 8);
    out->dependencies = vg_worker_alloc(call, out->count * sizeof(CUgraphNode));
    if (out->dependencies == NULL) {
        call->stale = CUDA_ERROR_OUT_OF_MEMORY;
        vg_dec_fail(&call->req);
        return;
    }
    for (size_t i = 0; i < out->count; i++) {
        out->dependencies[i] = vg_worker_get_handle(call, VG_ID_GNODE);
    }
    out->graph = vg_worker_get_handle(call, VG_ID_GRAPH);
}

static int
put_node(struct vg_worker_call *call, int r, CUgraphNode node)
{
    if (r == 0) {
        vg_worker_put_handle(call, VG_ID_GNODE, node);
    }
    return r;
}

/* Parameters with their block behind a launch's extra array. */
struct kernel_node {
    CUDA_KERNEL_NODE_PARAMS_v2 params;
    size_t size;
    void *extra[5];
};

static void
get_kernel(struct vg_worker_call *call, struct kernel_node *out)
{
    const bool is_kernel = vg_id_type_of(vg_worker_peek_id(call)) == VG_ID_KERN;
    unsigned words[7];

    *out = (struct kernel_node){ .size = 0 };
    CUfunction function = vg_worker_get_function(call);
    vg_get_copy(&call->req, words, sizeof(words));
    const void *data = vg_get_blob(&call->req, &out->size);
    void *block = vg_worker_alloc(call, out->size);
    if (block == NULL) {
        call->stale = CUDA_ERROR_OUT_OF_MEMORY;
        return;
    }
    if (out->size != 0) {
        memcpy(block, data, out->size);
    }
    out->params = (CUDA_KERNEL_NODE_PARAMS_v2){
        .func = is_kernel ? NULL : function,
        .kern = is_kernel ? (CUkernel)(void *)function : NULL,
        .gridDimX = words[0],
        .gridDimY = words[1],
        .gridDimZ = words[2],
        .blockDimX = words[3],
        .blockDimY = words[4],
        .blockDimZ = words[5],
        .sharedMemBytes = words[6],
        .extra = out->extra,
    };
    out->extra[0] = CU_LAUNCH_PARAM_BUFFER_POINTER;
    out->extra[1] = block;
    out->extra[2] = CU_LAUNCH_PARAM_BUFFER_SIZE;
    out->extra[3] = &out->size;
    out->extra[4] = CU_LAUNCH_PARAM_END;
}

int
vg_dispatch_cuGraphAddKernelNode_v2(struct vg_worker_call *call)
{
    struct kernel_node kernel;
    struct vg_node_place place = { .count = 0 };
    CUgraphNode node = NULL;

    vg_node_get_place(call, &place);
    get_kernel(call, &kernel);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphAddKernelNode_v2(&node, place.graph, place.dependencies,
                                                 place.count, &kernel.params);
    }
    return put_node(call, r, node);
}

int
vg_dispatch_cuGraphKernelNodeSetParams_v2(struct vg_worker_call *call)
{
    struct kernel_node kernel;

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    get_kernel(call, &kernel);
    const int r = vg_worker_ready(call);
    return r != 0 ? r : (int)vg_cuda.cuGraphKernelNodeSetParams_v2(node, &kernel.params);
}

int
vg_dispatch_cuGraphExecKernelNodeSetParams_v2(struct vg_worker_call *call)
{
    struct kernel_node kernel;

    CUgraphExec exec = vg_worker_get_handle(call, VG_ID_GEXEC);
    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    get_kernel(call, &kernel);
    const int r = vg_worker_ready(call);
    return r != 0 ? r
                  : (int)vg_cuda.cuGraphExecKernelNodeSetParams_v2(exec, node,
                                                                   &kernel.params);
}

/* Packs what the driver gives as an array of pointers, or as a block. */
static int
put_params(struct vg_worker_call *call, CUfunction function,
           const CUDA_KERNEL_NODE_PARAMS_v2 *p)
{
    uint8_t block[VG_PARAMS_MAX + 1] = { 0 };
    size_t used = 0, offset, size;

    for (size_t i = 0;
         vg_cuda.cuFuncGetParamInfo(function, i, &offset, &size) == CUDA_SUCCESS; i++) {
        if (offset > VG_PARAMS_MAX || size > VG_PARAMS_MAX - offset) {
            return CUDA_ERROR_UNKNOWN;
        }
        if (p->kernelParams != NULL) {
            memcpy(block + offset, p->kernelParams[i], size);
        }
        used = used > offset + size ? used : offset + size;
    }
    for (void **e = p->extra; p->kernelParams == NULL && e != NULL && e[0] != NULL;
         e += 2) {
        if (e[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
            memcpy(block, e[1], used);
        }
    }
    vg_put_blob(&call->rep, block, used);
    return 0;
}

int
vg_dispatch_cuGraphKernelNodeGetParams_v2(struct vg_worker_call *call)
{
    CUDA_KERNEL_NODE_PARAMS_v2 p = { 0 };

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphKernelNodeGetParams_v2(node, &p);
    }
    CUfunction function = p.func;
    if (r == 0 && function == NULL) {
        r = (int)vg_cuda.cuKernelGetFunction(&function, p.kern);
    }
    if (r != 0) {
        return r;
    }
    const unsigned words[] = { p.gridDimX,  p.gridDimY,  p.gridDimZ,      p.blockDimX,
                               p.blockDimY, p.blockDimZ, p.sharedMemBytes };
    call->parent = 0;
    vg_worker_put_handle(call, VG_ID_FUNC, p.func);
    vg_worker_put_handle(call, VG_ID_KERN, p.kern);
    vg_put_bytes(&call->rep, words, sizeof(words));
    return put_params(call, function, &p);
}

/* --- host nodes --- */

static struct vg_callback *
get_host(struct vg_worker_call *call)
{
    struct vg_callback *callback = vg_callback_get(call);

    if (callback != NULL) {
        callback->kept = true;
    }
    return callback;
}

int
vg_dispatch_cuGraphAddHostNode(struct vg_worker_call *call)
{
    CUgraphNode node = NULL;
    struct vg_node_place place = { .count = 0 };

    vg_node_get_place(call, &place);
    struct vg_callback *callback = get_host(call);
    const CUDA_HOST_NODE_PARAMS params = { .fn = vg_callback_run, .userData = callback };
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphAddHostNode(&node, place.graph, place.dependencies,
                                            place.count, &params);
    }
    if (r != 0) {
        free(callback);
    }
    return put_node(call, r, node);
}

int
vg_dispatch_cuGraphHostNodeSetParams(struct vg_worker_call *call)
{
    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    struct vg_callback *callback = get_host(call);
    const CUDA_HOST_NODE_PARAMS params = { .fn = vg_callback_run, .userData = callback };

    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphHostNodeSetParams(node, &params);
    }
    if (r != 0) {
        free(callback);
    }
    return r;
}

int
vg_dispatch_cuGraphExecHostNodeSetParams(struct vg_worker_call *call)
{
    CUgraphExec exec = vg_worker_get_handle(call, VG_ID_GEXEC);
    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    struct vg_callback *callback = get_host(call);
    const CUDA_HOST_NODE_PARAMS params = { .fn = vg_callback_run, .userData = callback };

    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphExecHostNodeSetParams(exec, node, &params);
    }
    if (r != 0) {
        free(callback);
    }
    return r;
}

int
vg_dispatch_cuGraphHostNodeGetParams(struct vg_worker_call *call)
{
    CUDA_HOST_NODE_PARAMS params = { 0 };

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphHostNodeGetParams(node, &params);
    }
    if (r != 0) {
        return r;
    }
    const struct vg_callback *callback = params.userData;
    vg_put_u64(&call->rep, callback->function);
    vg_put_u64(&call->rep, callback->user);
    return 0;
}
