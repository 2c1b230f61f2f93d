/* SPDX-License-Identifier: Apache-2.0 */
/* call - the helpers of dispatch functions: handles, memory, names. */
#include "worker/session.h"

#include <stdlib.h>

#include "worker/driver.h"
#include "worker/manual.h"

int
vg_worker_ready(struct vg_worker_call *call)
{
    if (!vg_dec_done(&call->req)) {
        return VG_CLIENT_VIOLATION;
    }
    return (int)call->stale;
}

void *
vg_worker_own(struct vg_worker_call *call, void *heap)
{
    if (heap == NULL) {
        return NULL;
    }
    if (call->scratch_count == sizeof(call->scratch) / sizeof(call->scratch[0])) {
        free(heap);
        return NULL;
    }
    call->scratch[call->scratch_count++] = heap;
    return heap;
}

void *
vg_worker_alloc(struct vg_worker_call *call, size_t size)
{
    return vg_worker_own(call, calloc(1, size != 0 ? size : 1));
}

static CUresult
stale_result(enum vg_id_type type)
{
    return type == VG_ID_CTX ? CUDA_ERROR_CONTEXT_IS_DESTROYED
                             : CUDA_ERROR_INVALID_HANDLE;
}

static void *
lookup(struct vg_worker_call *call, enum vg_id_type type, vg_id id)
{
    void *object = vg_ids_lookup(vg_session.ids, id, type);

    if (object == NULL) {
        call->stale = stale_result(type);
    } else if (type == VG_ID_GRAPH || type == VG_ID_MODULE || type == VG_ID_LIB) {
        call->parent = id;
    }
    return object;
}

void *
vg_worker_get_handle(struct vg_worker_call *call, enum vg_id_type type)
{
    return lookup(call, type, vg_get_id(&call->req));
}

void *
vg_worker_get_handle_or_null(struct vg_worker_call *call, enum vg_id_type type)
{
    const vg_id id = vg_get_id(&call->req);

    return id != 0 ? lookup(call, type, id) : NULL;
}

CUstream
vg_worker_get_stream(struct vg_worker_call *call)
{
    const vg_id id = vg_get_id(&call->req);

    if (id == 0 || id == (vg_id)(uintptr_t)CU_STREAM_LEGACY) {
        return (CUstream)(uintptr_t)id;
    }
    if (id == (vg_id)(uintptr_t)CU_STREAM_PER_THREAD) {
        CUstream stream = vg_thread_stream(call->thread);
        if (stream == NULL) {
            call->stale = CUDA_ERROR_OUT_OF_MEMORY;
        }
        return stream;
    }
    return lookup(call, VG_ID_STREAM, id);
}

CUfunction
vg_worker_get_function(struct vg_worker_call *call)
{
    const vg_id id = vg_get_id(&call->req);
    const enum vg_id_type type =
        vg_id_type_of(id) == VG_ID_KERN ? VG_ID_KERN : VG_ID_FUNC;

    return lookup(call, type, id);
}

vg_id
vg_worker_peek_id(const struct vg_worker_call *call)
{
    struct vg_dec ahead = call->req;

    return vg_get_id(&ahead);
}

CUdevice
vg_worker_get_device(struct vg_worker_call *call)
{
    const int32_t physical = vg_get_i32(&call->req);

    if (physical < 0 || physical >= vg_session.device_count) {
        call->stale = CUDA_ERROR_INVALID_DEVICE;
        return 0;
    }
    return vg_session.devices[physical];
}

vg_id
vg_worker_get_new(struct vg_worker_call *call, enum vg_id_type type)
{
    const vg_id id = vg_get_id(&call->req);

    if (vg_id_type_of(id) != type || vg_id_is_server(id)) {
        vg_dec_fail(&call->req);
    }
    return id;
}

int
vg_worker_name(struct vg_worker_call *call, vg_id id, void *object)
{
    const enum vg_id_type type = vg_id_type_of(id);
    const bool context_free =
        type == VG_ID_CTX || type == VG_ID_LIB || type == VG_ID_GRAPH;
    const int r =
        vg_ids_insert(vg_session.ids, id, object, context_free ? 0 : call->context);

    if (r == VG_IDS_TAKEN) {
        return VG_CLIENT_VIOLATION;
    }
    return r == VG_IDS_OK ? 0 : CUDA_ERROR_OUT_OF_MEMORY;
}

void *
vg_worker_get_dead(struct vg_worker_call *call, enum vg_id_type type, vg_id *out_id)
{
    const vg_id id = vg_get_id(&call->req);

    *out_id = id;
    return lookup(call, type, id);
}

void
vg_worker_forget(struct vg_worker_call *call, vg_id id)
{
    (void)call;
    vg_ids_forget(vg_session.ids, id);
}

void
vg_worker_put_handle(struct vg_worker_call *call, enum vg_id_type type, void *object)
{
    const uintptr_t value = (uintptr_t)object;
    const bool context_free = type == VG_ID_KERN || type == VG_ID_LIB ||
                              type == VG_ID_GNODE || type == VG_ID_GRAPH ||
                              type == VG_ID_POOL;
    const bool has_parent =
        type == VG_ID_KERN || type == VG_ID_FUNC || type == VG_ID_GNODE;

    if (value == 0 || (type == VG_ID_STREAM && value <= 2)) {
        vg_put_id(&call->rep, value);
        return;
    }
    vg_put_id(&call->rep,
              vg_ids_name(vg_session.ids, type, object, context_free ? 0 : call->context,
                          has_parent ? call->parent : 0));
}
