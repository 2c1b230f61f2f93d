/* SPDX-License-Identifier: Apache-2.0 */
/* graph_facts - attributes of kernel nodes, and a graph as a picture. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call.h"
#include "shim/conn.h"

/* Values that are plain data on both sides; those with handles inside are not carried. */
static bool
is_plain(CUkernelNodeAttrID attr)
{
    return (int)attr >= 0 && attr <= CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN &&
           attr != CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT;
}

CUresult
vg_drv_cuGraphKernelNodeGetAttribute(CUgraphNode node, CUkernelNodeAttrID attr,
                                     CUkernelNodeAttrValue *value)
{
    struct vg_call call;

    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_plain(attr)) {
        return vg_front_not_carried(VG_CUDA_cuGraphKernelNodeGetAttribute);
    }
    vg_call_begin(&call, VG_CUDA_cuGraphKernelNodeGetAttribute);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    vg_put_i32(&call.req, (int32_t)attr);
    if (vg_call_wait(&call, sizeof(*value))) {
        vg_get_copy(&call.rep, value, sizeof(*value));
    }
    return vg_call_end(&call);
}

CUresult
vg_drv_cuGraphKernelNodeSetAttribute(CUgraphNode node, CUkernelNodeAttrID attr,
                                     const CUkernelNodeAttrValue *value)
{
    struct vg_call call;

    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_plain(attr)) {
        return vg_front_not_carried(VG_CUDA_cuGraphKernelNodeSetAttribute);
    }
    vg_call_begin(&call, VG_CUDA_cuGraphKernelNodeSetAttribute);
    vg_call_put_handle(&call, VG_ID_GNODE, node);
    vg_put_i32(&call.req, (int32_t)attr);
    vg_put_bytes(&call.req, value, sizeof(*value));
    (void)vg_call_wait(&call, 0);
    return vg_call_end(&call);
}

/* Return: false when the file cannot be written. */
static bool
write_file(const char *path, const uint8_t *text, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool done = fd >= 0;

    while (done && size != 0) {
        const ssize_t n = write(fd, text, size);
        done = n > 0;
        text += done ? n : 0;
        size -= done ? (size_t)n : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return done;
}

CUresult
vg_drv_cuGraphDebugDotPrint(CUgraph graph, const char *path, unsigned int flags)
{
    struct vg_call call;
    size_t size = 0;

    if (path == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_call_begin(&call, VG_CUDA_cuGraphDebugDotPrint);
    vg_call_put_handle(&call, VG_ID_GRAPH, graph);
    vg_put_u32(&call.req, flags);
    if (vg_call_wait_any(&call)) {
        const uint8_t *text = vg_get_blob(&call.rep, &size);
        if (vg_call_check(&call) && !write_file(path, text, size)) {
            vg_call_fail(&call, CUDA_ERROR_OPERATING_SYSTEM);
        }
    }
    return vg_call_end(&call);
}

/* Each by itself: the sizes differ. */
CUresult
vg_drv_cuMemRangeGetAttributes(void **data, size_t *sizes,
                               CUmem_range_attribute *attributes, size_t attribute_count,
                               CUdeviceptr dptr, size_t count)
{
    if (data == NULL || sizes == NULL || attributes == NULL || attribute_count == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < attribute_count; i++) {
        const CUresult result =
            vg_drv_cuMemRangeGetAttribute(data[i], sizes[i], attributes[i], dptr, count);
        if (result != CUDA_SUCCESS) {
            return result;
        }
    }
    return CUDA_SUCCESS;
}
