/* SPDX-License-Identifier: Apache-2.0 */
/* graph_facts - attributes of kernel nodes, and a graph as a picture. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/session.h"

#define PICTURE_MAX (64u << 20)

int
vg_dispatch_cuGraphKernelNodeGetAttribute(struct vg_worker_call *call)
{
    CUkernelNodeAttrValue value = { 0 };

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    const CUkernelNodeAttrID attr = (CUkernelNodeAttrID)vg_get_i32(&call->req);
    int r = vg_worker_ready(call);
    if (r == 0) {
        r = (int)vg_cuda.cuGraphKernelNodeGetAttribute(node, attr, &value);
    }
    if (r == 0) {
        vg_put_bytes(&call->rep, &value, sizeof(value));
    }
    return r;
}

int
vg_dispatch_cuGraphKernelNodeSetAttribute(struct vg_worker_call *call)
{
    CUkernelNodeAttrValue value;

    CUgraphNode node = vg_worker_get_handle(call, VG_ID_GNODE);
    const CUkernelNodeAttrID attr = (CUkernelNodeAttrID)vg_get_i32(&call->req);
    vg_get_copy(&call->req, &value, sizeof(value));
    const int r = vg_worker_ready(call);
    return r != 0 ? r : (int)vg_cuda.cuGraphKernelNodeSetAttribute(node, attr, &value);
}

/* The driver writes a file; here it is one that nobody else sees. */
int
vg_dispatch_cuGraphDebugDotPrint(struct vg_worker_call *call)
{
    char path[64];

    CUgraph graph = vg_worker_get_handle(call, VG_ID_GRAPH);
    const uint32_t flags = vg_get_u32(&call->req);
    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    const int fd = memfd_create("vgpu-picture", MFD_CLOEXEC);
    if (fd < 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = (int)vg_cuda.cuGraphDebugDotPrint(graph, path, flags);
    const off_t size = r == 0 ? lseek(fd, 0, SEEK_END) : 0;
    if (r == 0 && (size < 0 || size > (off_t)PICTURE_MAX)) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r == 0) {
        vg_put_u64(&call->rep, (uint64_t)size);
        void *text = size != 0 ? vg_enc_reserve(&call->rep, (size_t)size) : NULL;
        if (size != 0 &&
            (text == NULL || pread(fd, text, (size_t)size, 0) != (ssize_t)size)) {
            r = CUDA_ERROR_OPERATING_SYSTEM;
        }
    }
    close(fd);
    return r;
}
