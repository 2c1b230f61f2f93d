/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - an event is the operation that last recorded it.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/print.h"

static void
event_destroy(struct vg_object *object)
{
    struct vg_event *event = (struct vg_event *)object;
    vg_op_unref(event->op);
    vg_object_unref(&event->context->object);
    free(event->deps);
    free(event);
}

CUresult
vg_drv_cuEventCreate(CUevent *out, unsigned int flags)
{
    if (out == NULL || (flags & ~7u) != 0 || (flags & 6u) == CU_EVENT_INTERPROCESS) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if ((flags & CU_EVENT_INTERPROCESS) != 0) {
        return vg_soft_leave(CUDA_ERROR_NOT_SUPPORTED);
    }
    struct vg_event *event = calloc(1, sizeof *event);
    if (event == NULL) {
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    event->object.destroy = event_destroy;
    event->context = context;
    event->flags = flags;
    if (vg_object_publish(&event->object, VG_OBJECT_EVENT, context) != 0) {
        free(event);
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    vg_object_ref(&context->object);
    *out = vg_object_handle(&event->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* Lock held. */
static CUresult
find_event(CUevent handle, struct vg_event **out)
{
    *out = vg_object_find(VG_OBJECT_EVENT, handle);
    if (*out != NULL) {
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_HANDLE;
}

CUresult
vg_drv_cuEventDestroy_v2(CUevent handle)
{
    vg_soft_lock();
    struct vg_event *event;
    CUresult r = find_event(handle, &event);
    if (r == CUDA_SUCCESS) {
        vg_object_retire(&event->object);
    }
    return vg_soft_leave(r);
}

static CUresult
record(struct vg_stream *stream, struct vg_event *event)
{
    if (stream->capture != NULL) {
        return vg_capture_record(stream, event);
    }
    if (stream->context != event->context) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    CUresult r = vg_capture_check_legacy(stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    /* the operation keeps the time; the event refers to it, not the other way round */
    struct vg_work work = { .kind = VG_WORK_RECORD, .event = NULL };
    struct vg_op *op = vg_op_create(stream->context, &work);
    if (op == NULL || !vg_stream_order(stream, op)) {
        vg_op_unref(op);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_op_submit(op);
    vg_op_unref(event->op);
    event->op = op;
    event->capture = 0;
    event->n_deps = 0;
    return CUDA_SUCCESS;
}

/* Takes the lock and finds both. On failure the lock is not held. */
static CUresult
enter_event(CUevent handle, CUstream stream_handle, struct vg_event **event,
            struct vg_stream **stream)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = find_event(handle, event);
    if (r == CUDA_SUCCESS) {
        r = vg_stream_find(context, stream_handle, stream);
    }
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

CUresult
vg_drv_cuEventRecordWithFlags(CUevent handle, CUstream stream_handle, unsigned int flags)
{
    if (flags > CU_EVENT_RECORD_EXTERNAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_event *event;
    struct vg_stream *stream;
    CUresult r = enter_event(handle, stream_handle, &event, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (flags == CU_EVENT_RECORD_EXTERNAL && stream->capture != NULL) {
        struct vg_work work = { .kind = VG_WORK_RECORD, .event = event };
        vg_object_ref(&event->object);
        return vg_soft_leave(vg_capture_add(stream, &work));
    }
    return vg_soft_leave(record(stream, event));
}

CUresult
vg_drv_cuEventRecord(CUevent event, CUstream stream)
{
    return vg_drv_cuEventRecordWithFlags(event, stream, 0);
}

static CUresult
wait_event(struct vg_stream *stream, struct vg_event *event)
{
    if (stream->capture != NULL || event->capture != 0) {
        return vg_capture_wait(stream, event);
    }
    CUresult r = vg_capture_check_legacy(stream);
    if (r != CUDA_SUCCESS || event->op == NULL || event->op->is_done) {
        return r;
    }
    struct vg_work nothing = { .kind = VG_WORK_EMPTY };
    struct vg_op *op = vg_op_create(stream->context, &nothing);
    if (op == NULL || !vg_op_after(op, event->op) || !vg_stream_order(stream, op)) {
        vg_op_unref(op);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_op_submit(op);
    vg_op_unref(op);
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuStreamWaitEvent(CUstream stream_handle, CUevent handle, unsigned int flags)
{
    if (flags > CU_EVENT_WAIT_EXTERNAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_event *event;
    struct vg_stream *stream;
    CUresult r = enter_event(handle, stream_handle, &event, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (flags == CU_EVENT_WAIT_EXTERNAL && stream->capture != NULL) {
        struct vg_work work = { .kind = VG_WORK_WAIT, .event = event };
        vg_object_ref(&event->object);
        return vg_soft_leave(vg_capture_add(stream, &work));
    }
    return vg_soft_leave(wait_event(stream, event));
}

CUresult
vg_drv_cuEventQuery(CUevent handle)
{
    vg_soft_lock();
    struct vg_event *event;
    CUresult r = find_event(handle, &event);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    if (event->capture != 0) {
        return vg_soft_leave(CUDA_ERROR_CAPTURED_EVENT);
    }
    if (event->context->sticky != CUDA_SUCCESS) {
        return vg_soft_leave(event->context->sticky);
    }
    bool done = event->op == NULL || event->op->is_done;
    return vg_soft_leave(done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY);
}

CUresult
vg_drv_cuEventSynchronize(CUevent handle)
{
    vg_soft_lock();
    struct vg_event *event;
    CUresult r = find_event(handle, &event);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    if (event->capture != 0) {
        return vg_soft_leave(CUDA_ERROR_CAPTURED_EVENT);
    }
    struct vg_context *context = event->context;
    struct vg_op *op = event->op;
    vg_object_ref(&context->object);
    if (op != NULL) {
        vg_op_ref(op);
        vg_op_wait(op);
        vg_op_unref(op);
    }
    r = context->sticky;
    vg_soft_unlock();
    vg_print_flush(context->print);
    vg_soft_lock();
    vg_object_unref(&context->object);
    return vg_soft_leave(r);
}

static CUresult
check_timed(const struct vg_event *event)
{
    if ((event->flags & CU_EVENT_DISABLE_TIMING) != 0 ||
        (event->op == NULL && event->capture == 0)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (event->capture != 0) {
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    return event->op->is_done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult
vg_drv_cuEventElapsedTime_v2(float *milliseconds, CUevent start, CUevent end)
{
    if (milliseconds == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_event *from = NULL;
    struct vg_event *to = NULL;
    CUresult r = find_event(start, &from);
    if (r == CUDA_SUCCESS) {
        r = find_event(end, &to);
    }
    if (r == CUDA_SUCCESS && from->context != to->context) {
        r = CUDA_ERROR_INVALID_HANDLE;
    }
    if (r == CUDA_SUCCESS && from->context->sticky != CUDA_SUCCESS) {
        r = from->context->sticky;
    }
    if (r == CUDA_SUCCESS) {
        r = check_timed(from);
    }
    if (r == CUDA_SUCCESS) {
        r = check_timed(to);
    }
    if (r == CUDA_SUCCESS) {
        int64_t ns = (int64_t)(to->op->finished_ns - from->op->finished_ns);
        *milliseconds = (float)ns / 1e6f;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
    return vg_drv_cuEventElapsedTime_v2(milliseconds, start, end);
}

CUresult
vg_drv_cuCtxRecordEvent(CUcontext handle, CUevent event_handle)
{
    vg_soft_lock();
    struct vg_context *context = vg_context_find(handle);
    struct vg_event *event = NULL;
    CUresult r =
        context != NULL ? find_event(event_handle, &event) : vg_context_refusal(handle);
    if (r == CUDA_SUCCESS && context != NULL && event != NULL) {
        r = record(context->legacy, event);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuCtxWaitEvent(CUcontext handle, CUevent event_handle)
{
    vg_soft_lock();
    struct vg_context *context = vg_context_find(handle);
    struct vg_event *event = NULL;
    CUresult r =
        context != NULL ? find_event(event_handle, &event) : vg_context_refusal(handle);
    if (r == CUDA_SUCCESS && context != NULL && event != NULL) {
        r = wait_event(context->legacy, event);
    }
    return vg_soft_leave(r);
}
