/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - contexts as the client knows them: facts, life and end.
 *
 * Facts are kept from the reply that made the context, so that the front asks nobody.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/ids.h"
#include "shim/range.h"
#include "shim/shadow.h"

static pthread_mutex_t facts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vg_context_facts primary_facts[VG_DEVICE_MAX];

static int
primary_index(vg_id id)
{
    const bool is = vg_id_type_of(id) == VG_ID_CTX && !vg_id_is_server(id) &&
                    vg_id_index(id) < VG_DEVICE_MAX && vg_id_generation(id) == 1;

    return is && (int)vg_id_index(id) < vg_conn.device_count ? (int)vg_id_index(id) : -1;
}

CUresult
vg_driver_context_facts(CUcontext context, struct vg_context_facts *out)
{
    const vg_id id = vg_id_from_handle(context);
    const int primary = primary_index(id);

    if (primary >= 0) {
        pthread_mutex_lock(&facts_lock);
        *out = primary_facts[primary];
        pthread_mutex_unlock(&facts_lock);
        out->physical = primary;
        out->is_primary = true;
        return CUDA_SUCCESS;
    }
    if (!vg_client_ids_alive(id, VG_ID_CTX)) {
        return vg_client_ids_was(id) ? CUDA_ERROR_CONTEXT_IS_DESTROYED
                                     : CUDA_ERROR_INVALID_CONTEXT;
    }
    const struct vg_context_facts *facts = vg_client_ids_data(id);
    if (facts == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    *out = *facts;
    return CUDA_SUCCESS;
}

/* What every reply that makes a context holds. */
static void
get_facts(struct vg_call *call, int physical, struct vg_context_facts *out)
{
    out->physical = physical;
    out->flags = vg_get_u32(&call->rep);
    out->id = vg_get_u64(&call->rep);
    out->api_version = vg_get_u32(&call->rep);
    out->is_active = true;
}

#define FACTS_SIZE 16

void
vg_context_forget(vg_id context)
{
    const int primary = primary_index(context);

    if (primary >= 0) {
        pthread_mutex_lock(&facts_lock);
        primary_facts[primary].is_active = false;
        pthread_mutex_unlock(&facts_lock);
    }
    vg_client_ids_drop_context(context);
    vg_range_forget(0);
    vg_window_free_context(context);
}

CUresult
vg_drv_cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice dev)
{
    const int physical = vg_front_physical(dev);
    struct vg_context_facts facts = { .is_primary = true };
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuDevicePrimaryCtxRetain);
    vg_call_put_device(&call, dev);
    if (vg_call_wait(&call, FACTS_SIZE)) {
        get_facts(&call, physical, &facts);
        pthread_mutex_lock(&facts_lock);
        primary_facts[physical] = facts;
        pthread_mutex_unlock(&facts_lock);
        *context = vg_driver_primary_context(physical);
    }
    return vg_call_end(&call);
}

/* Release and reset: the reply says whether the context is still there. */
static CUresult
end_primary(unsigned number, CUdevice dev)
{
    struct vg_call call;
    bool ended = false;

    vg_call_begin(&call, number);
    vg_call_put_device(&call, dev);
    if (vg_call_wait(&call, 4)) {
        ended = vg_get_u32(&call.rep) == 0;
    }
    const CUresult result = vg_call_end(&call);
    if (ended) {
        const CUcontext context = vg_driver_primary_context(vg_front_physical(dev));
        vg_context_forget(vg_id_from_handle(context));
        vg_front_context_ended(context);
    }
    return result;
}

CUresult
vg_drv_cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
    return end_primary(VG_CUDA_cuDevicePrimaryCtxRelease_v2, dev);
}

CUresult
vg_drv_cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
    return end_primary(VG_CUDA_cuDevicePrimaryCtxReset_v2, dev);
}

CUresult
vg_drv_cuCtxCreate_v2(CUcontext *context, unsigned int flags, CUdevice dev)
{
    struct vg_context_facts *facts = calloc(1, sizeof(*facts));
    struct vg_call call;

    vg_call_begin(&call, VG_CUDA_cuCtxCreate_v2);
    if (facts == NULL) {
        vg_call_fail(&call, CUDA_ERROR_OUT_OF_MEMORY);
    }
    void *handle = vg_call_put_new(&call, VG_ID_CTX);
    vg_put_u32(&call.req, flags);
    vg_call_put_device(&call, dev);
    if (vg_call_wait(&call, FACTS_SIZE) && facts != NULL) {
        get_facts(&call, vg_front_physical(dev), facts);
        (void)vg_client_ids_attach(vg_id_from_handle(handle), facts, free);
        facts = NULL;
        *context = handle;
    }
    free(facts);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuCtxCreate_v3(CUcontext *context, CUexecAffinityParam *affinity,
                      int affinity_count, unsigned int flags, CUdevice dev)
{
    /* affinity limits multiprocessors under MPS, which is not there */
    if (affinity_count != 0) {
        return affinity == NULL || affinity_count < 0
                   ? CUDA_ERROR_INVALID_VALUE
                   : CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
    }
    return vg_drv_cuCtxCreate_v2(context, flags, dev);
}

CUresult
vg_drv_cuCtxCreate_v4(CUcontext *context, CUctxCreateParams *params, unsigned int flags,
                      CUdevice dev)
{
    if (params != NULL &&
        (params->execAffinityParams != NULL || params->cigParams != NULL)) {
        return vg_front_not_carried(VG_CUDA_cuCtxCreate_v4);
    }
    return vg_drv_cuCtxCreate_v2(context, flags, dev);
}

CUresult
vg_drv_cuCtxDestroy_v2(CUcontext context)
{
    struct vg_call call;
    const vg_id id = vg_id_from_handle(context);

    if (primary_index(id) >= 0) {
        return CUDA_ERROR_INVALID_CONTEXT; /* it is released, not destroyed */
    }
    vg_call_begin(&call, VG_CUDA_cuCtxDestroy_v2);
    vg_call_put_dead(&call, VG_ID_CTX, context);
    const bool done = vg_call_wait(&call, 0);
    if (done) {
        vg_context_forget(id);
        vg_front_context_ended(context);
    }
    return vg_call_end(&call);
}

CUresult
vg_drv_cuCtxDetach(CUcontext context)
{
    return vg_drv_cuCtxDestroy_v2(context);
}

CUresult
vg_drv_cuCtxSynchronize(void)
{
    const CUresult result = vg_send_cuCtxSynchronize();

    if (result == CUDA_SUCCESS) {
        vg_shadow_settle();
    }
    return result;
}

CUresult
vg_drv_cuCtxSynchronize_v2(CUcontext context)
{
    struct vg_call call;

    if (context == NULL || context == vg_front_current()) {
        return vg_front_current() != NULL ? vg_drv_cuCtxSynchronize()
                                          : CUDA_ERROR_INVALID_CONTEXT;
    }
    vg_call_begin(&call, VG_CUDA_cuCtxSynchronize_v2);
    vg_call_put_handle(&call, VG_ID_CTX, context);
    (void)vg_call_wait(&call, 0);
    const CUresult result = vg_call_end(&call);
    if (result == CUDA_SUCCESS) {
        vg_shadow_settle();
    }
    return result;
}
