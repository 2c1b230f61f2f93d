/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph_copy - copy nodes that a program puts into a graph by hand.
 *
 * Ordinary memory gets a shadow; a region with gaps between its rows does not (the gaps
 * would be written back), and is refused by name.
 */
#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/copy.h"
#include "shim/graph_node.h"
#include "shim/ids.h"
#include "shim/shadow.h"

static CUresult
shadow_side(vg_id graph, struct vg_box_side *side, const struct vg_box *box,
            uint8_t *host, bool out)
{
    const uint64_t rows =
        box->depth > 1 ? side->height * (box->depth - 1) + box->height : box->height;
    const bool gaps = rows > 1 && (side->pitch != box->width ||
                                   (box->depth > 1 && side->height != box->height));
    void *shadow = NULL;

    if (host == NULL) {
        return CUDA_SUCCESS;
    }
    if (gaps) {
        return vg_front_not_carried(VG_CUDA_cuGraphAddMemcpyNode);
    }
    const CUresult result =
        vg_shadow_add_to(graph, host, box->width * rows, out, &shadow);
    if (result == CUDA_SUCCESS) {
        *side = (struct vg_box_side){ .type = VG_BOX_WINDOW,
                                      .base = (uint64_t)(uintptr_t)shadow,
                                      .pitch = side->pitch,
                                      .height = side->height };
    }
    return result;
}

/* @graph: whose shadows they are. */
static void
put_copy(struct vg_call *call, vg_id graph, const CUDA_MEMCPY3D *copy, CUcontext context)
{
    uint8_t *host_dst = NULL, *host_src = NULL;
    struct vg_box box = { .width = 0 };

    CUresult result = vg_box_fill(copy, &box, &host_dst, &host_src);
    if (result == CUDA_SUCCESS && host_dst != NULL && host_src != NULL) {
        result = vg_front_not_carried(VG_CUDA_cuGraphAddMemcpyNode);
    }
    if (result == CUDA_SUCCESS) {
        result = shadow_side(graph, &box.src, &box, host_src, false);
    }
    if (result == CUDA_SUCCESS) {
        result = shadow_side(graph, &box.dst, &box, host_dst, true);
    }
    if (result != CUDA_SUCCESS) {
        vg_call_fail(call, result);
    }
    vg_put_bytes(&call->req, &box, sizeof(box));
    vg_call_put_handle_or_null(call, VG_ID_CTX, context);
}

CUresult
vg_drv_cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph,
                            const CUgraphNode *dependencies, size_t count,
                            const CUDA_MEMCPY3D *copy, CUcontext context)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphAddMemcpyNode);
    vg_node_put_place(&call, graph, dependencies, count);
    put_copy(&call, vg_id_from_handle(graph), copy, context);
    return vg_node_add(&call, node, graph);
}

CUresult
vg_drv_cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *copy)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphMemcpyNodeSetParams);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    put_copy(&call, vg_client_ids_parent(vg_id_from_handle(node)), copy, NULL);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_MEMCPY3D *copy, CUcontext context)
{
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuGraphExecMemcpyNodeSetParams);
    vg_call_put_handle(&call, VG_ID_GEXEC, exec);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    put_copy(&call, vg_id_from_handle(exec), copy, context);
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

/* Back from a box to the program's own addresses. */
static void
show_side(vg_id graph, const struct vg_box_side *side, CUmemorytype *type, void **host,
          CUdeviceptr *device, CUarray *array)
{
    void *user = NULL;

    switch (side->type) {
    case VG_BOX_WINDOW:
        user = vg_shadow_user_of(graph, side->base);
        *type = CU_MEMORYTYPE_HOST;
        *host = user != NULL ? user : (void *)(uintptr_t)side->base;
        break;
    case VG_BOX_DEVICE:
        *type = CU_MEMORYTYPE_DEVICE;
        *device = side->base;
        break;
    default:
        *type = CU_MEMORYTYPE_ARRAY;
        *array = vg_id_to_handle(side->base);
        break;
    }
}

CUresult
vg_drv_cuGraphMemcpyNodeGetParams(CUgraphNode node, CUDA_MEMCPY3D *copy)
{
    const vg_id graph = vg_client_ids_parent(vg_id_from_handle(node));
    void *src_host = NULL, *dst_host = NULL;
    struct vg_box box;
    struct vg_call call;

    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuGraphMemcpyNodeGetParams);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    if (vg_call_wait(&call, sizeof(box))) {
        vg_get_copy(&call.rep, &box, sizeof(box));
        CUDA_MEMCPY3D c = {
            .srcXInBytes = box.src.x,
            .srcY = box.src.y,
            .srcZ = box.src.z,
            .srcLOD = box.src.lod,
            .srcPitch = box.src.pitch,
            .srcHeight = box.src.height,
            .dstXInBytes = box.dst.x,
            .dstY = box.dst.y,
            .dstZ = box.dst.z,
            .dstLOD = box.dst.lod,
            .dstPitch = box.dst.pitch,
            .dstHeight = box.dst.height,
            .WidthInBytes = box.width,
            .Height = box.height,
            .Depth = box.depth,
        };
        show_side(graph, &box.src, &c.srcMemoryType, &src_host, &c.srcDevice,
                  &c.srcArray);
        show_side(graph, &box.dst, &c.dstMemoryType, &dst_host, &c.dstDevice,
                  &c.dstArray);
        c.srcHost = src_host;
        c.dstHost = dst_host;
        *copy = c;
    }
    return vg_call_end(&call);
}
