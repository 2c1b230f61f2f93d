/* SPDX-License-Identifier: Apache-2.0 */
/* call_handle - handles in requests and replies, held against the client's table. */
#include "shim/call.h"
#include "shim/conn.h"
#include "shim/ids.h"

static CUresult
refusal(enum vg_id_type type, vg_id id)
{
    if (type == VG_ID_CTX) {
        return vg_client_ids_was(id) ? CUDA_ERROR_CONTEXT_IS_DESTROYED
                                     : CUDA_ERROR_INVALID_CONTEXT;
    }
    return CUDA_ERROR_INVALID_HANDLE;
}

void
vg_call_put_handle(struct vg_call *call, enum vg_id_type type, const void *handle)
{
    const vg_id id = vg_id_from_handle(handle);

    if (!vg_client_ids_alive(id, type)) {
        vg_call_fail(call, refusal(type, id));
    }
    if (type == VG_ID_GRAPH || type == VG_ID_MODULE || type == VG_ID_LIB) {
        call->parent = id;
    }
    vg_put_id(&call->req, id);
}

void
vg_call_put_handle_or_null(struct vg_call *call, enum vg_id_type type, const void *handle)
{
    if (handle == NULL) {
        vg_put_id(&call->req, 0);
        return;
    }
    vg_call_put_handle(call, type, handle);
}

void
vg_call_put_stream(struct vg_call *call, CUstream stream)
{
    const CUstream mapped = vg_front_stream(stream);

    if (mapped == CU_STREAM_LEGACY || mapped == CU_STREAM_PER_THREAD) {
        vg_put_id(&call->req, vg_id_from_handle(mapped));
        return;
    }
    vg_call_put_handle(call, VG_ID_STREAM, mapped);
}

void
vg_call_put_function(struct vg_call *call, const void *function)
{
    const vg_id id = vg_id_from_handle(function);
    const enum vg_id_type type =
        vg_id_type_of(id) == VG_ID_KERN ? VG_ID_KERN : VG_ID_FUNC;

    vg_call_put_handle(call, type, function);
}

void
vg_call_put_device(struct vg_call *call, CUdevice device)
{
    const int physical = vg_front_physical(device);

    if (physical < 0) {
        vg_call_fail(call, CUDA_ERROR_INVALID_DEVICE);
    }
    vg_put_i32(&call->req, physical);
}

void *
vg_call_put_new(struct vg_call *call, enum vg_id_type type)
{
    const bool context_free = type == VG_ID_CTX || type == VG_ID_LIB ||
                              type == VG_ID_GRAPH || type == VG_ID_POOL;
    vg_id id = 0;

    if (call->new_count < VG_CALL_NEW_MAX) {
        id = vg_client_ids_new(type,
                               context_free ? 0 : vg_id_from_handle(vg_front_current()));
    }
    if (id == 0) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
    } else {
        call->new_ids[call->new_count++] = id;
    }
    vg_put_id(&call->req, id);
    return vg_id_to_handle(id);
}

void
vg_call_put_dead(struct vg_call *call, enum vg_id_type type, const void *handle)
{
    vg_call_put_handle(call, type, handle);
    if (call->dead_count < VG_CALL_NEW_MAX) {
        call->dead_ids[call->dead_count++] = vg_id_from_handle(handle);
    }
}

void *
vg_call_get_handle(struct vg_call *call, enum vg_id_type type, vg_id parent)
{
    const vg_id id = vg_get_id(&call->rep);
    const bool has_parent =
        type == VG_ID_KERN || type == VG_ID_FUNC || type == VG_ID_GNODE;
    const bool context_free = has_parent || type == VG_ID_CTX || type == VG_ID_LIB ||
                              type == VG_ID_GRAPH || type == VG_ID_POOL;

    if (id == 0 || (type == VG_ID_STREAM && id <= 2)) {
        return vg_id_to_handle(id);
    }
    if (vg_id_type_of(id) != type) {
        vg_dec_fail(&call->rep);
        return NULL;
    }
    if (parent == 0 && has_parent) {
        parent = call->parent;
    }
    if (!vg_client_ids_learn(id,
                             context_free && type != VG_ID_FUNC
                                 ? 0
                                 : vg_id_from_handle(vg_front_current()),
                             parent)) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
    }
    return vg_id_to_handle(id);
}
