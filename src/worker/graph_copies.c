/* SPDX-License-Identifier: Apache-2.0 */
/* graph_copies - copy nodes of graphs: boxes, as other copies. */
#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/session.h"

struct copy_node {
    struct vg_box box;
    CUcontext context;
};

static void
get_copy(struct vg_worker_call *call, struct copy_node *out)
{
    vg_get_copy(&call->req, &out->box, sizeof(out->box));
    out->context = vg_worker_get_handle_or_null(call, VG_ID_CTX);
    if (out->context == NULL) {
        /* the client's current context; the driver wants one */
        out->context = vg_ids_lookup(vg_session.ids, call->context, VG_ID_CTX);
    }
}

int
vg_dispatch_cuGraphAddMemcpyNode(struct vg_worker_call *call)
{
    struct vg_node_place place = { .count = 0 };
    struct copy_node copy;
    CUgraphNode node = NULL;
    CUDA_MEMCPY3D params;

    vg_node_get_place(call, &place);
    get_copy(call, &copy);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = vg_box_describe(call, &copy.box, &params);
    }
    if (r == 0) {
        r = (int)vg_cuda.cuGraphAddMemcpyNode(&node, place.graph, place.dependencies,
                                              place.count, &params, copy.context);
    }
    if (r == 0) {
        vg_worker_put_handle(call, VG_ID_GNODE, node);
    }
    return r;
}

int
vg_dispatch_cuGraphMemcpyNodeSetParams(struct vg_worker_call *call)
{
    struct copy_node copy;
    CUDA_MEMCPY3D params;

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    get_copy(call, &copy);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = vg_box_describe(call, &copy.box, &params);
    }
    return r != 0 ? r : (int)vg_cuda.cuGraphMemcpyNodeSetParams(node, &params);
}

int
vg_dispatch_cuGraphExecMemcpyNodeSetParams(struct vg_worker_call *call)
{
    struct copy_node copy;
    CUDA_MEMCPY3D params;

    CUgraphExec exec = vg_worker_get_handle(call, VG_ID_GEXEC);
    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    get_copy(call, &copy);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = vg_box_describe(call, &copy.box, &params);
    }
    if (r != 0) {
        return r;
    }
    return (int)vg_cuda.cuGraphExecMemcpyNodeSetParams(exec, node, &params, copy.context);
}

static struct vg_box_side
side_of(struct vg_worker_call *call, CUmemorytype type, const void *host,
        CUdeviceptr device, CUarray array)
{
    struct vg_box_side side = { .type = VG_BOX_DEVICE, .base = device };

    if (type == CU_MEMORYTYPE_ARRAY) {
        side.type = VG_BOX_ARRAY;
        side.base = vg_ids_name(vg_session.ids, VG_ID_ARRAY, array, call->context, 0);
    } else if (type == CU_MEMORYTYPE_HOST) {
        side.type = VG_BOX_WINDOW;
        side.base = (uint64_t)(uintptr_t)host;
    } else if (vg_window_holds(device, 1)) {
        side.type = VG_BOX_WINDOW;
    }
    return side;
}

int
vg_dispatch_cuGraphMemcpyNodeGetParams(struct vg_worker_call *call)
{
    CUDA_MEMCPY3D c = { .Depth = 0 };

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphMemcpyNodeGetParams(node, &c);
    }
    if (r != 0) {
        return r;
    }
    struct vg_box box = { .width = c.WidthInBytes, .height = c.Height, .depth = c.Depth };
    box.src = side_of(call, c.srcMemoryType, c.srcHost, c.srcDevice, c.srcArray);
    box.src.x = c.srcXInBytes;
    box.src.y = c.srcY;
    box.src.z = c.srcZ;
    box.src.lod = c.srcLOD;
    box.src.pitch = c.srcPitch;
    box.src.height = c.srcHeight;
    box.dst = side_of(call, c.dstMemoryType, c.dstHost, c.dstDevice, c.dstArray);
    box.dst.x = c.dstXInBytes;
    box.dst.y = c.dstY;
    box.dst.z = c.dstZ;
    box.dst.lod = c.dstLOD;
    box.dst.pitch = c.dstPitch;
    box.dst.height = c.dstHeight;
    vg_put_bytes(&call->rep, &box, sizeof(box));
    return 0;
}
