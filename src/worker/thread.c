/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread - a worker thread: reads its lane, waits for its ticket, runs the call, answers.
 */
#include "worker/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cuda_calls.h"
#include "wire/internal.h"
#include "worker/driver.h"
#include "worker/manual.h"

/* These are carried out even when an earlier posted call has failed; the failure is then
 * their result. */
static bool
synchronises(unsigned number)
{
    return number == VG_CUDA_cuCtxSynchronize || number == VG_CUDA_cuCtxSynchronize_v2 ||
           number == VG_CUDA_cuStreamSynchronize || number == VG_CUDA_cuEventSynchronize;
}

/* Calls of ours that the program did not make: they report nothing of its errors. */
static bool
is_silent(unsigned number)
{
    return number == VG_CALL_STAGE_WAIT || number == VG_CALL_KERNEL_SHEET;
}

static const char *
call_name(unsigned number)
{
    return number < VG_CUDA_CALL_COUNT ? vg_cuda_call_table[number].name : "internal";
}

/* How often @context has ended: a primary context lives several times. */
static _Atomic unsigned *
ends_of(vg_id context)
{
    return &vg_session.context_ends[vg_id_index(context) & 63];
}

static unsigned
count_ends(vg_id context)
{
    return atomic_load_explicit(ends_of(context), memory_order_acquire);
}

CUresult
vg_thread_use_context(struct vg_worker_thread *thread, vg_id context)
{
    const unsigned ends = count_ends(context);
    CUcontext object = NULL;

    if (thread->context_known && thread->context == context &&
        thread->context_ends == ends) {
        return CUDA_SUCCESS;
    }
    if (context != 0) {
        object = vg_ids_lookup(vg_session.ids, context, VG_ID_CTX);
        if (object == NULL) {
            return CUDA_ERROR_CONTEXT_IS_DESTROYED;
        }
    }
    const CUresult result = vg_cuda.cuCtxSetCurrent(object);
    thread->context_known = result == CUDA_SUCCESS;
    thread->context = context;
    thread->context_ends = ends;
    return result;
}

/* Streams of contexts that have ended are gone with them. */
static void
drop_dead_streams(struct vg_worker_thread *thread)
{
    struct vg_thread_stream **link = &thread->streams;

    while (*link != NULL) {
        struct vg_thread_stream *s = *link;
        if (s->ends != count_ends(s->context)) {
            *link = s->next;
            free(s);
        } else {
            link = &s->next;
        }
    }
}

CUstream
vg_thread_stream(struct vg_worker_thread *thread)
{
    struct vg_thread_stream *s;

    drop_dead_streams(thread);
    for (s = thread->streams; s != NULL; s = s->next) {
        if (s->context == thread->context) {
            return s->stream;
        }
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL || vg_cuda.cuStreamCreate(&s->stream, 0) != CUDA_SUCCESS) {
        free(s);
        return NULL;
    }
    s->context = thread->context;
    s->ends = count_ends(s->context);
    s->next = thread->streams;
    thread->streams = s;
    return s->stream;
}

void
vg_thread_reset(struct vg_worker_thread *thread)
{
    drop_dead_streams(thread);
    while (thread->streams != NULL) {
        struct vg_thread_stream *s = thread->streams;
        thread->streams = s->next;
        if (vg_thread_use_context(thread, s->context) == CUDA_SUCCESS) {
            (void)vg_cuda.cuStreamDestroy_v2(s->stream);
        }
        free(s);
    }
    thread->deferred = CUDA_SUCCESS;
    thread->client_thread = 0;
    thread->context_known = false;
}

void
vg_thread_context_ended(struct vg_worker_thread *thread, vg_id context)
{
    /* the other threads notice at their next call */
    atomic_fetch_add_explicit(ends_of(context), 1, memory_order_acq_rel);
    thread->context_known = false;
    drop_dead_streams(thread);
    vg_ids_forget_context(vg_session.ids, context);
}

/* The capture mode belongs to the client's thread; each message says it. */
static void
use_mode(struct vg_worker_thread *thread, CUstreamCaptureMode mode)
{
    CUstreamCaptureMode exchanged = mode;

    if (mode != thread->mode && mode <= CU_STREAM_CAPTURE_MODE_RELAXED &&
        vg_cuda.cuThreadExchangeStreamCaptureMode(&exchanged) == CUDA_SUCCESS) {
        thread->mode = mode;
    }
}

int
vg_worker_run(struct vg_worker_call *call)
{
    vg_dispatch_fn fn = NULL;

    if (call->number >= VG_CALL_INTERNAL) {
        fn = vg_dispatch_internal(call->number);
    } else if (call->number < vg_dispatch_count) {
        fn = vg_dispatch_table[call->number];
    }
    if (fn == NULL) {
        vg_log(VG_LOG_ERROR, "worker: the client made a call that is not carried: %s",
               call_name(call->number));
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (call->context != 0 || call->number < VG_CALL_INTERNAL) {
        const CUresult result = vg_thread_use_context(call->thread, call->context);
        if (result != CUDA_SUCCESS) {
            return (int)result;
        }
    }
    use_mode(call->thread, (CUstreamCaptureMode)(call->flags >> VG_MESSAGE_MODE_SHIFT &
                                                 VG_MESSAGE_MODE_MASK));
    return fn(call);
}

static void
end_call(struct vg_worker_call *call)
{
    for (unsigned i = 0; i < call->scratch_count; i++) {
        free(call->scratch[i]);
    }
    vg_enc_fini(&call->rep);
}

static void
run_posted(struct vg_worker_thread *thread, struct vg_worker_call *call)
{
    const int r = vg_worker_run(call);

    if (r < 0) {
        vg_session_end("a posted call was malformed");
    }
    if (r != 0) {
        vg_log(VG_LOG_DEBUG, "worker: posted %s failed: %d", call_name(call->number), r);
        if (thread->deferred == CUDA_SUCCESS) {
            thread->deferred = (CUresult)r;
        }
    }
}

static int
run_waiting(struct vg_worker_thread *thread, struct vg_worker_call *call,
            uint32_t *out_flags)
{
    const CUresult deferred = is_silent(call->number) ? CUDA_SUCCESS : thread->deferred;

    if (deferred == CUDA_SUCCESS) {
        return vg_worker_run(call);
    }
    thread->deferred = CUDA_SUCCESS;
    *out_flags |= VG_REPLY_DEFERRED;
    if (synchronises(call->number)) {
        const int r = vg_worker_run(call);
        if (r != 0) {
            return r;
        }
    }
    return (int)deferred;
}

static void
answer(struct vg_worker_thread *thread, struct vg_worker_call *call, int r,
       uint64_t ticket, uint32_t flags)
{
    uint32_t text_size = 0;
    char *text = is_silent(call->number) ? NULL : vg_text_take(&text_size);
    size_t body = call->rep.size;

    if (vg_enc_failed(&call->rep)) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r != 0) {
        body = vg_enc_failed(&call->rep) || !call->body_on_error ? 0 : body;
    }
    const struct vg_reply reply = {
        .size = (uint32_t)(sizeof(reply) + body + text_size),
        .result = r,
        .flags = flags,
        .text = text_size,
        .ticket = ticket,
    };
    int sent = vg_lane_write(thread->lane, &reply, sizeof(reply));
    if (sent == 0 && body != 0) {
        sent = vg_lane_write(thread->lane, call->rep.data, body);
    }
    if (sent == 0 && text_size != 0) {
        sent = vg_lane_write(thread->lane, text, text_size);
    }
    if (sent == 0) {
        sent = vg_lane_publish(thread->lane);
    }
    free(text);
    if (sent != 0) {
        vg_session_end("cannot answer the client");
    }
}

static void
run_message(struct vg_worker_thread *thread, const struct vg_message *message)
{
    uint8_t reply_buffer[1024];
    struct vg_worker_call call = {
        .number = message->call,
        .flags = message->flags,
        .lane = message->lane,
        .thread_id = message->thread,
        .context = message->context,
        .thread = thread,
    };
    uint32_t flags = 0;

    vg_dec_init(&call.req, thread->buffer, message->size - sizeof(*message));
    vg_enc_init(&call.rep, reply_buffer, sizeof(reply_buffer));
    thread->client_thread = message->thread;
    if (vg_tickets_enter(vg_session.tickets, message->ticket) != 0) {
        vg_session_end("the client used a ticket twice");
    }

    if ((message->flags & VG_MESSAGE_POSTED) != 0) {
        run_posted(thread, &call);
        vg_tickets_leave(vg_session.tickets);
    } else {
        vg_tickets_leave(vg_session.tickets);
        const int r = run_waiting(thread, &call, &flags);
        if (r < 0) {
            vg_session_end("a call was malformed");
        }
        answer(thread, &call, r, message->ticket, flags);
    }
    end_call(&call);
}

static void
read_body(struct vg_worker_thread *thread, size_t size)
{
    if (size > thread->buffer_size) {
        free(thread->buffer);
        thread->buffer = malloc(size);
        thread->buffer_size = size;
        if (thread->buffer == NULL) {
            vg_session_end("out of memory");
        }
    }
    if (vg_lane_read(thread->lane, thread->buffer, size) != 0) {
        vg_session_end("the client is gone");
    }
}

/* A rare big message must not keep its memory for ever. */
static void
trim_buffer(struct vg_worker_thread *thread)
{
    if (thread->buffer_size > 4 * VG_RING_SIZE) {
        free(thread->buffer);
        thread->buffer = NULL;
        thread->buffer_size = 0;
    }
}

static void *
serve(void *arg)
{
    struct vg_worker_thread *thread = arg;
    struct vg_message message;

    for (;;) {
        const int r = vg_lane_read(thread->lane, &message, sizeof(message));
        if (r != 0) {
            vg_session_end(r == VG_LINK_LOST ? "the client is gone" : "impossible ring");
        }
        if (message.size < sizeof(message) || message.size > VG_MESSAGE_MAX ||
            message.lane != thread->index || message.reserved != 0) {
            vg_session_end("impossible message header");
        }
        read_body(thread, message.size - sizeof(message));
        run_message(thread, &message);
        trim_buffer(thread);
    }
    return NULL;
}

int
vg_thread_start(uint32_t index, int wake_mine, int wake_peer)
{
    struct vg_worker_thread *thread = calloc(1, sizeof(*thread));
    pthread_attr_t attributes;
    pthread_t id;

    if (thread == NULL) {
        return -ENOMEM;
    }
    thread->index = index;
    thread->wake_mine = wake_mine;
    thread->wake_peer = wake_peer;
    int r = vg_shm_lane_create(&vg_session.rings[index], false, wake_mine, wake_peer,
                               vg_session.control, &thread->lane);
    if (r != 0) {
        free(thread);
        return r;
    }

    pthread_attr_init(&attributes);
    /* explicit: an unlimited stack limit would otherwise mean 2 MiB or far too much */
    pthread_attr_setstacksize(&attributes, 8u << 20);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    r = pthread_create(&id, &attributes, serve, thread);
    pthread_attr_destroy(&attributes);
    if (r != 0) {
        vg_lane_destroy(thread->lane);
        free(thread);
        return -r;
    }
    vg_session.threads[index] = thread;
    return 0;
}
