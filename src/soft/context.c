/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - contexts and what ends with them.
 *
 * The primary context is one object for the life of the process, so that its handle never
 * changes; it is active while it is retained. Ending a context (destroy, reset, last
 * release) waits for its work, then retires everything that was of it.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/account.h"
#include "soft/capture.h"
#include "soft/memory.h"
#include "soft/print.h"

#define API_VERSION 3020

static struct vg_context *primary, *all;
static uint64_t next_id = 1;

struct vg_context *
vg_context_primary(void)
{
    return primary;
}

struct vg_context *
vg_context_find(CUcontext handle)
{
    struct vg_context *context = vg_object_find(VG_OBJECT_CONTEXT, handle);
    return context != NULL && context->is_active ? context : NULL;
}

struct vg_context *
vg_context_first(void)
{
    return all;
}

CUresult
vg_context_refusal(CUcontext handle)
{
    if (handle == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (vg_object_find(VG_OBJECT_CONTEXT, handle) != NULL ||
        vg_object_has_ended(VG_OBJECT_CONTEXT, handle)) {
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    return CUDA_ERROR_INVALID_CONTEXT;
}

CUresult
vg_soft_enter_any(struct vg_context **out)
{
    CUcontext handle = vg_front_current();
    if (handle == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    vg_soft_lock();
    *out = vg_context_find(handle);
    return *out != NULL ? CUDA_SUCCESS : vg_soft_leave(vg_context_refusal(handle));
}

CUresult
vg_soft_enter(struct vg_context **out)
{
    CUresult r = vg_soft_enter_any(out);
    if (r == CUDA_SUCCESS && (*out)->sticky != CUDA_SUCCESS) {
        return vg_soft_leave((*out)->sticky);
    }
    return r;
}

void
vg_context_fail(struct vg_context *context, CUresult error)
{
    if (context->sticky == CUDA_SUCCESS) {
        context->sticky = error;
    }
}

/* --- beginning and end --- */

static void
context_destroy(struct vg_object *object)
{
    struct vg_context *context = (struct vg_context *)object;
    struct vg_context **link = &all;
    while (*link != context) {
        link = &(*link)->next;
    }
    *link = context->next;
    vg_print_destroy(context->print);
    free(context);
}

static void
set_defaults(struct vg_context *context)
{
    memset(context->limits, 0, sizeof context->limits);
    context->limits[CU_LIMIT_STACK_SIZE] = 1024;
    context->limits[CU_LIMIT_PRINTF_FIFO_SIZE] = (size_t)1 << 20;
    context->limits[CU_LIMIT_MALLOC_HEAP_SIZE] = (size_t)8 << 20;
    context->limits[CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2;
    context->limits[CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048;
    context->limits[CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64;
    context->cache_config = 0;
    context->shared_config = 1; /* four-byte banks */
    context->sticky = CUDA_SUCCESS;
}

static struct vg_context *
context_create(void)
{
    struct vg_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        return NULL;
    }
    context->object.destroy = context_destroy;
    context->print = vg_print_create();
    context->api_version = API_VERSION;
    context->id = next_id++;
    set_defaults(context);
    if (context->print == NULL ||
        vg_object_publish(&context->object, VG_OBJECT_CONTEXT, NULL) != 0) {
        vg_print_destroy(context->print);
        free(context);
        return NULL;
    }
    context->next = all;
    all = context;
    return context;
}

int
vg_context_module_init(void)
{
    vg_soft_lock();
    if (primary == NULL) {
        primary = context_create();
        if (primary != NULL) {
            primary->is_primary = true;
        }
    }
    vg_soft_unlock();
    return primary != NULL ? 0 : -1;
}

bool
vg_context_follow(struct vg_context *context, struct vg_op *op)
{
    bool ok = vg_op_after(op, context->orphans);
    for (struct vg_stream *s = context->streams; ok && s != NULL; s = s->next) {
        ok = vg_op_after(op, s->last);
    }
    return ok;
}

static bool
is_idle(const struct vg_context *context)
{
    for (const struct vg_stream *s = context->streams; s != NULL; s = s->next) {
        if (s->last != NULL && !s->last->is_done) {
            return false;
        }
    }
    return context->orphans == NULL || context->orphans->is_done;
}

/* An operation that is done when all that was issued is; what others issue meanwhile does
 * not prolong a wait for it. */
static struct vg_op *
make_barrier(struct vg_context *context)
{
    struct vg_work nothing = { .kind = VG_WORK_EMPTY };
    struct vg_op *op = vg_op_create(context, &nothing);
    if (op != NULL && !vg_context_follow(context, op)) {
        vg_op_unref(op);
        return NULL;
    }
    if (op != NULL) {
        vg_op_submit(op);
    }
    return op;
}

/* Lock held; released while the text is written. */
static void
flush_print(struct vg_context *context)
{
    if (vg_print_has_text(context->print)) {
        vg_soft_unlock();
        vg_print_flush(context->print);
        vg_soft_lock();
    }
}

CUresult
vg_context_drain(struct vg_context *context)
{
    vg_object_ref(&context->object);
    CUresult r = CUDA_SUCCESS;
    if (!is_idle(context)) {
        struct vg_op *barrier = make_barrier(context);
        if (barrier != NULL) {
            vg_op_wait(barrier);
            vg_op_unref(barrier);
        } else {
            r = CUDA_ERROR_OUT_OF_MEMORY;
        }
    }
    flush_print(context);
    r = context->sticky != CUDA_SUCCESS ? context->sticky : r;
    vg_object_unref(&context->object);
    return r;
}

#define PATIENCE_NS 100000000u

CUresult
vg_context_settle(struct vg_context *context, bool *out_done)
{
    uint64_t stuck_since = 0;
    struct vg_op *barrier = is_idle(context) ? NULL : make_barrier(context);
    *out_done = true;
    vg_object_ref(&context->object);
    while (barrier != NULL && !barrier->is_done) {
        uint64_t now = vg_soft_now();
        if (context->n_running != context->n_calls) {
            stuck_since = 0;
        } else if (stuck_since == 0) {
            stuck_since = now;
        } else if (now - stuck_since >= PATIENCE_NS) {
            *out_done = false;
            break;
        }
        vg_op_wait_any(PATIENCE_NS / 10);
    }
    vg_op_unref(barrier);
    flush_print(context);
    CUresult r = context->sticky;
    vg_object_unref(&context->object);
    return r;
}

/* Waits, then ends all that is of the context. Lock held; released for the runtime's
 * destructors, which run on this thread. */
static void
end_context(struct vg_context *context)
{
    context->is_ending = true;
    vg_context_drain(context);
    vg_soft_unlock();
    vg_front_context_ended(vg_object_handle(&context->object));
    vg_soft_lock();
    vg_context_drain(context);
    while (context->members != NULL) {
        vg_object_retire(context->members);
    }
    vg_stream_end_context(context);
    vg_op_unref(context->orphans);
    context->orphans = NULL;
    vg_memory_end_context(context);
    context->is_active = false;
    context->is_ending = false;
    vg_soft_account_context(-1);
    context->generation++;
    context->retains = 0;
    set_defaults(context);
}

static CUresult
begin_context(struct vg_context *context)
{
    if (vg_stream_init_legacy(context) != 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    context->is_active = true;
    vg_soft_account_context(1);
    return CUDA_SUCCESS;
}

/* --- the front's questions --- */

CUcontext
vg_driver_primary_context(int physical)
{
    return physical == 0 && primary != NULL ? vg_object_handle(&primary->object) : NULL;
}

CUresult
vg_driver_context_facts(CUcontext handle, struct vg_context_facts *out)
{
    vg_soft_lock();
    struct vg_context *context = vg_object_find(VG_OBJECT_CONTEXT, handle);
    if (context == NULL) {
        return vg_soft_leave(vg_context_refusal(handle));
    }
    *out = (struct vg_context_facts){
        .physical = context->device,
        .is_primary = context->is_primary,
        .is_active = context->is_active,
        .flags = context->flags,
        .id = context->id,
        .api_version = context->api_version,
    };
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- primary context --- */

static bool
is_device(CUdevice device)
{
    return vg_front_physical(device) == 0;
}

CUresult
vg_drv_cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice device)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    CUresult r = primary->is_active ? CUDA_SUCCESS : begin_context(primary);
    if (r == CUDA_SUCCESS) {
        primary->retains++;
        *out = vg_object_handle(&primary->object);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    if (primary->retains == 0) {
        return vg_soft_leave(CUDA_ERROR_INVALID_CONTEXT);
    }
    if (--primary->retains == 0) {
        end_context(primary);
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuDevicePrimaryCtxReset_v2(CUdevice device)
{
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    if (primary->is_active) {
        end_context(primary);
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

static bool
are_flags(unsigned flags)
{
    return (flags & ~0xffu) == 0 && (flags & 7) != 3 && (flags & 7) < 5;
}

CUresult
vg_drv_cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned int flags)
{
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (!are_flags(flags)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    primary->flags = flags;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuDevicePrimaryCtxGetState(CUdevice device, unsigned int *flags, int *active)
{
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (flags == NULL || active == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    *flags = primary->flags;
    *active = primary->is_active;
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- other contexts; the front makes a new one current --- */

CUresult
vg_drv_cuCtxCreate_v2(CUcontext *out, unsigned int flags, CUdevice device)
{
    if (out == NULL || !are_flags(flags)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    vg_soft_lock();
    struct vg_context *context = context_create();
    if (context == NULL) {
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    context->flags = flags;
    CUresult r = begin_context(context);
    if (r != CUDA_SUCCESS) {
        vg_object_retire(&context->object);
        return vg_soft_leave(r);
    }
    *out = vg_object_handle(&context->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxCreate_v3(CUcontext *out, CUexecAffinityParam *affinity, int affinity_count,
                      unsigned int flags, CUdevice device)
{
    if (affinity != NULL && affinity_count > 0) {
        return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
    }
    return vg_drv_cuCtxCreate_v2(out, flags, device);
}

CUresult
vg_drv_cuCtxCreate_v4(CUcontext *out, CUctxCreateParams *params, unsigned int flags,
                      CUdevice device)
{
    if (params != NULL && params->execAffinityParams != NULL &&
        params->numExecAffinityParams > 0) {
        return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
    }
    if (params != NULL && params->cigParams != NULL) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return vg_drv_cuCtxCreate_v2(out, flags, device);
}

CUresult
vg_drv_cuCtxDestroy_v2(CUcontext handle)
{
    vg_soft_lock();
    struct vg_context *context = vg_context_find(handle);
    if (context == NULL) {
        return vg_soft_leave(vg_context_refusal(handle));
    }
    if (context->is_primary || context->is_ending) {
        return vg_soft_leave(CUDA_ERROR_INVALID_CONTEXT);
    }
    end_context(context);
    vg_object_retire(&context->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- the current one --- */

CUresult
vg_drv_cuCtxSynchronize_v2(CUcontext handle)
{
    vg_soft_lock();
    struct vg_context *context =
        vg_context_find(handle != NULL ? handle : vg_front_current());
    if (context == NULL) {
        return vg_soft_leave(
            vg_context_refusal(handle != NULL ? handle : vg_front_current()));
    }
    CUresult r = vg_capture_check_context(context);
    return vg_soft_leave(r == CUDA_SUCCESS ? vg_context_drain(context) : r);
}

CUresult
vg_drv_cuCtxSynchronize(void)
{
    return vg_drv_cuCtxSynchronize_v2(NULL);
}

CUresult
vg_drv_cuCtxSetFlags(unsigned int flags)
{
    if (!are_flags(flags)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    context->flags = flags;
    return vg_soft_leave(CUDA_SUCCESS);
}

static bool
is_limit(int limit)
{
    return limit >= CU_LIMIT_STACK_SIZE && limit <= CU_LIMIT_PERSISTING_L2_CACHE_SIZE;
}

/* The interpreter gives each thread what its kernel needs, and its printf buffer grows:
 * the numbers are kept and given back. */
CUresult
vg_drv_cuCtxSetLimit(CUlimit limit, size_t value)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (!is_limit((int)limit)) {
        return vg_soft_leave(CUDA_ERROR_UNSUPPORTED_LIMIT);
    }
    context->limits[limit] = limit == CU_LIMIT_PERSISTING_L2_CACHE_SIZE ? 0 : value;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxGetLimit(size_t *value, CUlimit limit)
{
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (!is_limit((int)limit)) {
        return vg_soft_leave(CUDA_ERROR_UNSUPPORTED_LIMIT);
    }
    *value = context->limits[limit];
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxGetCacheConfig(CUfunc_cache *config)
{
    struct vg_context *context;
    CUresult r = config != NULL ? vg_soft_enter(&context) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *config = (CUfunc_cache)context->cache_config;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxSetCacheConfig(CUfunc_cache config)
{
    struct vg_context *context;
    CUresult r =
        (unsigned)config <= 3 ? vg_soft_enter(&context) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    context->cache_config = (int)config;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxGetSharedMemConfig(CUsharedconfig *config)
{
    struct vg_context *context;
    CUresult r = config != NULL ? vg_soft_enter(&context) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *config = (CUsharedconfig)context->shared_config;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxSetSharedMemConfig(CUsharedconfig config)
{
    struct vg_context *context;
    CUresult r =
        (unsigned)config <= 2 ? vg_soft_enter(&context) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    context->shared_config = config != 0 ? (int)config : 1;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxResetPersistingL2Cache(void)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    return r != CUDA_SUCCESS ? r : vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuCtxGetExecAffinity(CUexecAffinityParam *affinity, CUexecAffinityType type)
{
    (void)type;
    return affinity != NULL ? CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY
                            : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_drv_cuProfilerStart(void)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    return r != CUDA_SUCCESS ? r : vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuProfilerStop(void)
{
    return vg_drv_cuProfilerStart();
}
