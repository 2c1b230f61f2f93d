/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - sends one call and takes its answer.
 *
 * Room in the ring is held before the ticket is taken, and publishing follows at once, so
 * that the worker never waits long for a ticket that somebody holds.
 */
#include "shim/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cuda_calls.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/ids.h"
#include "shim/stats.h"
#include "wire/internal.h"

/* What every wait answers once the worker is gone. */
#define LOST CUDA_ERROR_LAUNCH_FAILED

void
vg_call_begin(struct vg_call *call, unsigned number)
{
    call->result = CUDA_SUCCESS;
    call->number = (uint16_t)number;
    call->started = vg_stats_now();
    call->reply_size = 0;
    call->posted = false;
    call->sent = false;
    call->relaxed = false;
    call->new_count = 0;
    call->dead_count = 0;
    call->parent = 0;
    call->reply = NULL;
    call->rep = (struct vg_dec){ .failed = true };
    vg_enc_init(&call->req, call->inline_buffer, sizeof(call->inline_buffer));
    (void)vg_enc_reserve(&call->req, sizeof(struct vg_message));
}

void
vg_call_fail(struct vg_call *call, CUresult result)
{
    if (call->result == CUDA_SUCCESS) {
        call->result = result;
    }
}

/* The current context as the worker shall use it. The runtime makes a primary context
 * current before it retains it, and keeps it current after a reset: the calls that are
 * admitted then need none. */
static vg_id
live_context(void)
{
    const CUcontext context = vg_front_current();
    struct vg_context_facts facts;

    if (context == NULL || vg_driver_context_facts(context, &facts) != CUDA_SUCCESS ||
        !facts.is_active) {
        return 0;
    }
    return vg_id_from_handle(context);
}

/* Return: the lane that carries the request now, or NULL and the call has failed. */
static struct vg_client_lane *
send_request(struct vg_call *call, bool posted)
{
    if (call->result != CUDA_SUCCESS) {
        return NULL;
    }
    if (vg_enc_failed(&call->req)) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
        return NULL;
    }
    if (atomic_load_explicit(&vg_conn.lost, memory_order_acquire)) {
        vg_call_fail(call, LOST);
        return NULL;
    }
    struct vg_client_lane *lane = vg_client_lane();
    if (lane == NULL) {
        vg_call_fail(call, CUDA_ERROR_OUT_OF_MEMORY);
        return NULL;
    }

    const bool per_thread = vg_front_default_stream() == CU_STREAM_PER_THREAD;
    const unsigned mode =
        call->relaxed ? CU_STREAM_CAPTURE_MODE_RELAXED : vg_capture_mode();
    struct vg_message head = {
        .size = (uint32_t)call->req.size,
        .call = call->number,
        .flags = (uint16_t)((posted ? VG_MESSAGE_POSTED : 0) |
                            (per_thread ? VG_MESSAGE_PER_THREAD : 0) |
                            mode << VG_MESSAGE_MODE_SHIFT),
        .lane = lane->index,
        .thread = lane->thread,
        .context = live_context(),
    };
    int r = vg_lane_reserve(lane->lane, head.size);
    if (r == 0) {
        /* the release pairs with the acquire in reverse.c: a function that this call sets
         * off sees what the program wrote before */
        head.ticket =
            atomic_fetch_add_explicit(&vg_conn.ticket, 1, memory_order_acq_rel) + 1;
        memcpy(call->req.data, &head, sizeof(head));
        r = vg_lane_send(lane->lane, call->req.data, call->req.size);
    }
    if (r != 0) {
        vg_conn_lost(r == VG_LINK_LOST ? "the link is down" : "it broke the protocol");
        vg_call_fail(call, LOST);
        return NULL;
    }
    call->sent = true;
    call->posted = posted;
    call->ticket = head.ticket;
    return lane;
}

/* The driver has finished what was posted before this returns. */
static void
finish_posted(struct vg_call *call)
{
    struct vg_call sync;

    if (vg_capture_is_open() || vg_front_current() == NULL) {
        return;
    }
    vg_call_begin(&sync, VG_CUDA_cuCtxSynchronize);
    (void)vg_call_wait(&sync, 0);
    vg_call_fail(call, vg_call_end(&sync));
}

void
vg_call_post(struct vg_call *call)
{
    if (send_request(call, true) != NULL && vg_conn.blocking &&
        call->number < VG_CALL_INTERNAL) {
        finish_posted(call);
    }
}

static bool
read_reply(struct vg_call *call, struct vg_client_lane *lane)
{
    struct vg_reply head;
    uint8_t *data = call->reply_inline;

    if (vg_lane_read(lane->lane, &head, sizeof(head)) != 0) {
        vg_conn_lost("the link is down");
        return false;
    }
    if (head.size < sizeof(head) || head.size > VG_MESSAGE_MAX ||
        head.text > head.size - sizeof(head) || head.ticket != call->ticket ||
        head.result < 0) {
        vg_conn_lost("it broke the protocol");
        return false;
    }
    const size_t size = head.size - sizeof(head);
    if (size > sizeof(call->reply_inline)) {
        call->reply = malloc(size);
        data = call->reply;
    }
    if (data == NULL || vg_lane_read(lane->lane, data, size) != 0) {
        vg_conn_lost(data == NULL ? "out of memory" : "the link is down");
        return false;
    }

    if (head.text != 0) { /* what kernels printed belongs on the program's stdout */
        (void)fwrite(data + size - head.text, 1, head.text, stdout);
        (void)fflush(stdout);
    }
    /* pairs with the release in reverse.c: a function that the answer waited for is seen
     * whole */
    (void)atomic_load_explicit(&vg_conn.reverse_done, memory_order_acquire);
    call->reply_size = head.size;
    vg_dec_init(&call->rep, data, size - head.text);
    call->result = (CUresult)head.result;
    return true;
}

bool
vg_call_wait_any(struct vg_call *call)
{
    struct vg_client_lane *lane = send_request(call, false);

    if (lane == NULL) {
        return false;
    }
    if (!read_reply(call, lane)) {
        vg_call_fail(call, LOST);
        return false;
    }
    return call->result == CUDA_SUCCESS;
}

bool
vg_call_wait(struct vg_call *call, size_t reply_size)
{
    if (!vg_call_wait_any(call)) {
        return false;
    }
    if (vg_dec_left(&call->rep) != reply_size) {
        vg_conn_lost("it sent an answer of the wrong size");
        vg_call_fail(call, CUDA_ERROR_UNKNOWN);
        return false;
    }
    return true;
}

bool
vg_call_check(struct vg_call *call)
{
    if (call->result == CUDA_SUCCESS && !vg_dec_done(&call->rep)) {
        vg_conn_lost("it sent an answer that cannot be read");
        vg_call_fail(call, CUDA_ERROR_UNKNOWN);
    }
    return call->result == CUDA_SUCCESS;
}

CUresult
vg_call_end(struct vg_call *call)
{
    const bool done = call->result == CUDA_SUCCESS;

    for (int i = 0; i < call->new_count && !done; i++) {
        vg_client_ids_drop(call->new_ids[i]);
    }
    for (int i = 0; i < call->dead_count && done; i++) {
        vg_client_ids_drop(call->dead_ids[i]);
    }
    if (call->sent && vg_stats_kept()) {
        vg_stats_call(call->number, call->posted, call->started, call->req.size,
                      call->reply_size);
    }
    free(call->reply);
    call->reply = NULL;
    vg_enc_fini(&call->req);
    return call->result;
}
