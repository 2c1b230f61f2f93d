/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - order. A stream is the last operation issued to it; what comes next gets an
 * edge from that. The legacy stream's operations come after the last of every blocking
 * stream of the context, and those after its last.
 */
#include "soft/stream.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/memory.h"
#include "soft/print.h"

#define LEAST_PRIORITY    0
#define GREATEST_PRIORITY (-5)

static uint64_t next_stream_id = 1;

/* --- finding --- */

static void
stream_destroy(struct vg_object *object)
{
    struct vg_stream *stream = (struct vg_stream *)object;
    vg_op_unref(stream->last);
    free(stream->deps);
    free(stream);
}

/* Unpublished, with one reference that the context's list holds. */
static struct vg_stream *
add_stream(struct vg_context *context, unsigned flags)
{
    struct vg_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->object.destroy = stream_destroy;
    stream->object.refs = 1;
    stream->context = context;
    stream->flags = flags;
    stream->id = next_stream_id++;
    stream->next = context->streams;
    context->streams = stream;
    return stream;
}

int
vg_stream_init_legacy(struct vg_context *context)
{
    context->legacy = add_stream(context, 0);
    if (context->legacy == NULL) {
        return -1;
    }
    context->legacy->is_legacy = true;
    return 0;
}

static struct vg_stream *
thread_stream(struct vg_context *context)
{
    uint64_t thread = vg_front_thread();
    for (struct vg_stream *s = context->streams; s != NULL; s = s->next) {
        if (s->thread == thread) {
            return s;
        }
    }
    struct vg_stream *stream = add_stream(context, 0);
    if (stream != NULL) {
        stream->thread = thread;
    }
    return stream;
}

CUresult
vg_stream_find(struct vg_context *context, CUstream handle, struct vg_stream **out)
{
    handle = vg_front_stream(handle);
    if (handle == CU_STREAM_LEGACY) {
        *out = context->legacy;
        return CUDA_SUCCESS;
    }
    if (handle == CU_STREAM_PER_THREAD) {
        *out = thread_stream(context);
        return *out != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
    }
    *out = vg_object_find(VG_OBJECT_STREAM, handle);
    if (*out != NULL) {
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_HANDLE;
}

CUresult
vg_stream_default(struct vg_context *context, struct vg_stream **out)
{
    return vg_stream_find(context, vg_front_default_stream(), out);
}

/* --- order --- */

static bool
is_blocking(const struct vg_stream *stream)
{
    return (stream->flags & CU_STREAM_NON_BLOCKING) == 0;
}

bool
vg_stream_order(struct vg_stream *stream, struct vg_op *op)
{
    struct vg_context *context = stream->context;
    bool ok = vg_op_after(op, stream->last);
    if (stream->is_legacy) {
        ok = ok && vg_op_after(op, context->orphans);
        for (struct vg_stream *s = context->streams; ok && s != NULL; s = s->next) {
            if (s != stream && is_blocking(s)) {
                ok = vg_op_after(op, s->last);
            }
        }
    } else if (is_blocking(stream)) {
        ok = ok && vg_op_after(op, context->legacy->last);
    }
    if (ok) {
        vg_op_ref(op);
        vg_op_unref(stream->last);
        stream->last = op;
    }
    return ok;
}

CUresult
vg_stream_issue(struct vg_stream *stream, struct vg_work *work)
{
    if (stream->capture != NULL) {
        return vg_capture_add(stream, work);
    }
    CUresult r = vg_capture_check_legacy(stream);
    if (r != CUDA_SUCCESS) {
        vg_work_fini(work);
        return r;
    }
    struct vg_op *op = vg_op_create(stream->context, work);
    if (op == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    /* an edge that could not be made would be a wait that does not happen: drop it */
    if (!vg_stream_order(stream, op)) {
        vg_work_fini(&op->work);
        vg_op_submit(op);
        vg_op_unref(op);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_op_submit(op);
    vg_op_unref(op);
    return CUDA_SUCCESS;
}

CUresult
vg_stream_run(struct vg_stream *stream, struct vg_work *work)
{
    CUresult r = vg_capture_check_stream(stream);
    if (r == CUDA_SUCCESS) {
        r = vg_capture_check_legacy(stream);
    }
    if (r != CUDA_SUCCESS) {
        vg_work_fini(work);
        return r;
    }
    struct vg_context *context = stream->context;
    struct vg_op *op = vg_op_create(context, work);
    if (op == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    op->is_claimed = true;
    if (!vg_stream_order(stream, op)) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
        vg_work_fini(&op->work);
    }
    vg_object_ref(&context->object);
    vg_op_submit(op);
    vg_op_run_claimed(op);
    vg_op_unref(op);
    r = r != CUDA_SUCCESS ? r : context->sticky;
    vg_object_unref(&context->object);
    return r;
}

CUresult
vg_stream_drain(struct vg_stream *stream)
{
    struct vg_context *context = stream->context;
    struct vg_op *op = NULL;
    if (stream->is_legacy) {
        struct vg_work nothing = { .kind = VG_WORK_EMPTY };
        op = vg_op_create(context, &nothing);
        if (op == NULL || !vg_stream_order(stream, op)) {
            vg_op_unref(op);
            return vg_context_drain(context);
        }
        vg_op_submit(op);
    } else if (stream->last != NULL) {
        op = stream->last;
        vg_op_ref(op);
    }
    vg_object_ref(&context->object);
    if (op != NULL) {
        vg_op_wait(op);
        vg_op_unref(op);
    }
    CUresult r = context->sticky;
    vg_object_unref(&context->object);
    return r;
}

static bool
is_idle(const struct vg_stream *stream)
{
    if (stream->last != NULL && !stream->last->is_done) {
        return false;
    }
    if (!stream->is_legacy) {
        return true;
    }
    for (struct vg_stream *s = stream->context->streams; s != NULL; s = s->next) {
        if (is_blocking(s) && s->last != NULL && !s->last->is_done) {
            return false;
        }
    }
    return true;
}

static bool
is_done(const struct vg_op *op)
{
    return op == NULL || op->is_done;
}

bool
vg_stream_is_clear(const struct vg_stream *stream)
{
    const struct vg_context *context = stream->context;
    if (stream->is_legacy) {
        return is_idle(stream) && is_done(context->orphans);
    }
    return is_done(stream->last) &&
           (!is_blocking(stream) || is_done(context->legacy->last));
}

/* --- life --- */

static void
unlink_stream(struct vg_stream *stream)
{
    struct vg_stream **link = &stream->context->streams;
    while (*link != stream) {
        link = &(*link)->next;
    }
    *link = stream->next;
}

/* Its unfinished work goes on; the context remembers that there is some. */
static void
end_stream(struct vg_stream *stream)
{
    struct vg_context *context = stream->context;
    vg_capture_drop_stream(stream);
    if (stream->last != NULL && !stream->last->is_done) {
        struct vg_work nothing = { .kind = VG_WORK_EMPTY };
        struct vg_op *op = vg_op_create(context, &nothing);
        if (op != NULL && vg_op_after(op, stream->last) &&
            vg_op_after(op, context->orphans)) {
            vg_op_submit(op);
            vg_op_unref(context->orphans);
            context->orphans = op;
        }
    }
    unlink_stream(stream);
    vg_object_retire(&stream->object);
    vg_object_unref(&stream->object);
}

void
vg_stream_end_context(struct vg_context *context)
{
    while (context->streams != NULL) {
        struct vg_stream *stream = context->streams;
        vg_capture_drop_stream(stream);
        context->streams = stream->next;
        vg_object_retire(&stream->object);
        vg_object_unref(&stream->object);
    }
    context->legacy = NULL;
}

static void
end_thread_stream(struct vg_context *context, uint64_t thread)
{
    for (struct vg_stream *s = context->streams; s != NULL; s = s->next) {
        if (s->thread == thread) {
            end_stream(s);
            return;
        }
    }
}

void
vg_stream_thread_ended(uint64_t thread)
{
    vg_soft_lock();
    for (struct vg_context *c = vg_context_first(); c != NULL; c = c->next) {
        if (!c->is_ending) {
            end_thread_stream(c, thread);
        }
    }
    vg_soft_unlock();
}

CUresult
vg_drv_cuStreamCreateWithPriority(CUstream *out, unsigned int flags, int priority)
{
    if (out == NULL || (flags & ~1u) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_stream *stream = add_stream(context, flags);
    if (stream == NULL ||
        vg_object_publish(&stream->object, VG_OBJECT_STREAM, context) != 0) {
        if (stream != NULL) {
            unlink_stream(stream);
            vg_object_unref(&stream->object);
        }
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    stream->priority = priority > LEAST_PRIORITY      ? LEAST_PRIORITY
                       : priority < GREATEST_PRIORITY ? GREATEST_PRIORITY
                                                      : priority;
    *out = vg_object_handle(&stream->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuStreamCreate(CUstream *out, unsigned int flags)
{
    return vg_drv_cuStreamCreateWithPriority(out, flags, 0);
}

/* Takes the lock and finds a stream. On failure the lock is not held. */
static CUresult
enter_stream(CUstream handle, struct vg_stream **out)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_stream_find(context, handle, out);
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamDestroy_v2(CUstream handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter_any(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_stream *stream = vg_object_find(VG_OBJECT_STREAM, handle);
    if (stream == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    end_stream(stream);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuStreamSynchronize(CUstream handle)
{
    struct vg_stream *stream;
    struct vg_context *current;
    /* after a failure too: what was queued, callbacks among it, has been told of it first
     */
    CUresult r = vg_soft_enter_any(&current);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_stream_find(current, handle, &stream);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(current->sticky != CUDA_SUCCESS ? current->sticky : r);
    }
    r = vg_capture_check_stream(stream);
    if (r == CUDA_SUCCESS) {
        r = vg_capture_check_legacy(stream);
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    struct vg_context *context = stream->context;
    vg_object_ref(&context->object);
    r = vg_stream_drain(stream);
    struct vg_print *print = context->print;
    vg_soft_unlock();
    vg_print_flush(print);
    vg_soft_lock();
    vg_object_unref(&context->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamQuery(CUstream handle)
{
    struct vg_stream *stream;
    CUresult r = enter_stream(handle, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_capture_check_stream(stream);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    return vg_soft_leave(is_idle(stream) ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY);
}

CUresult
vg_drv_cuStreamGetPriority(CUstream handle, int *priority)
{
    struct vg_stream *stream;
    CUresult r =
        priority != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *priority = stream->priority;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuStreamGetFlags(CUstream handle, unsigned int *flags)
{
    struct vg_stream *stream;
    CUresult r = flags != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *flags = stream->flags;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuStreamGetId(CUstream handle, unsigned long long *id)
{
    struct vg_stream *stream;
    CUresult r = id != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *id = stream->id;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_driver_stream_id(CUcontext handle, CUstream stream_handle, unsigned long long *out)
{
    vg_soft_lock();
    struct vg_context *context = vg_context_find(handle);
    if (context == NULL) {
        return vg_soft_leave(vg_context_refusal(handle));
    }
    struct vg_stream *stream;
    CUresult r = vg_stream_find(context, stream_handle, &stream);
    if (r == CUDA_SUCCESS) {
        *out = stream->id;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamGetCtx(CUstream handle, CUcontext *out)
{
    struct vg_stream *stream;
    CUresult r = out != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *out = vg_object_handle(&stream->context->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuStreamGetCtx_v2(CUstream handle, CUcontext *out, CUgreenCtx *green)
{
    CUresult r = vg_drv_cuStreamGetCtx(handle, out);
    if (r == CUDA_SUCCESS && green != NULL) {
        *green = NULL;
    }
    return r;
}

CUresult
vg_drv_cuStreamGetDevice(CUstream handle, CUdevice *device)
{
    struct vg_stream *stream;
    CUresult r =
        device != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *device = vg_front_ordinal(stream->context->device);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- attributes: kept and given back; none changes how a stream runs here --- */

static int
attribute_slot(int attribute)
{
    switch (attribute) {
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
        return 0;
    case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
        return 1;
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        return 2;
    default:
        return -1;
    }
}

CUresult
vg_drv_cuStreamGetAttribute(CUstream handle, CUstreamAttrID attr,
                            CUstreamAttrValue *value)
{
    struct vg_stream *stream;
    CUresult r = value != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    int slot = attribute_slot((int)attr);
    if ((int)attr == CU_LAUNCH_ATTRIBUTE_PRIORITY) {
        memset(value, 0, sizeof *value);
        value->priority = stream->priority;
    } else if (slot >= 0) {
        *value = stream->attributes[slot];
    } else {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamSetAttribute(CUstream handle, CUstreamAttrID attr,
                            const CUstreamAttrValue *value)
{
    struct vg_stream *stream;
    CUresult r = value != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    int slot = attribute_slot((int)attr);
    if ((int)attr == CU_LAUNCH_ATTRIBUTE_PRIORITY) {
        stream->priority = value->priority;
    } else if (slot >= 0) {
        stream->attributes[slot] = *value;
    } else {
        r = CUDA_ERROR_INVALID_VALUE;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamCopyAttributes(CUstream dst, CUstream src)
{
    struct vg_stream *from, *to;
    CUresult r = enter_stream(src, &from);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_stream_find(from->context, dst, &to);
    if (r == CUDA_SUCCESS) {
        to->priority = from->priority;
        memcpy(to->attributes, from->attributes, sizeof to->attributes);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamAttachMemAsync(CUstream handle, CUdeviceptr dptr, size_t length,
                              unsigned int flags)
{
    (void)length;
    struct vg_stream *stream;
    CUresult r = enter_stream(handle, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    bool ok = vg_memory_is_known(dptr) && (flags == 1 || flags == 2 || flags == 4);
    return vg_soft_leave(ok ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}
