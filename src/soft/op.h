/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * op - operations: work with an order.
 *
 * An operation starts when all those it comes after are done. Streams, events, the legacy
 * stream's rule and graphs are nothing but such edges, made under the driver lock when
 * the operation is issued; so a wait in one stream cannot hold up another.
 *
 * Kernels, copies and fills run on a pool of threads (VGPU_SOFT_THREADS, CPUs by default)
 * that take the blocks of a grid in order; functions of the program run on other threads,
 * made as needed, so that one that waits holds up nobody. All are made at first use with
 * every signal blocked.
 *
 * Driver lock held for every function here, unless said otherwise.
 */

#include "soft/core.h"
#include "soft/work.h"

struct vg_grid;

struct vg_op {
    struct vg_work work;
    struct vg_context *context;
    unsigned refs;
    unsigned pending; /* unfinished predecessors; one more until it is submitted */
    bool is_done, is_ready;
    bool is_claimed; /* the thread that issued it runs it */
    bool is_queued;
    unsigned attached; /* threads at work on it */
    CUresult status;
    uint64_t finished_ns; /* RECORD */
    struct vg_grid *grid; /* while a kernel runs */
    struct vg_op **next;  /* successors */
    size_t n_next, next_capacity;
    struct vg_op *queue_next;
};

/* A new operation with one reference; takes over @work, also on failure. NULL: no memory.
 */
struct vg_op *vg_op_create(struct vg_context *context, struct vg_work *work);
void vg_op_ref(struct vg_op *op);
void vg_op_unref(struct vg_op *op); /* NULL is a no-op */

/* @op starts after @before (NULL, or done: nothing to wait for). False: no memory. */
bool vg_op_after(struct vg_op *op, struct vg_op *before);

/* All edges are made: it may start as soon as they allow. */
void vg_op_submit(struct vg_op *op);

/* Waits until @op is done; releases the lock meanwhile. The caller holds a reference. */
void vg_op_wait(struct vg_op *op);

/* Waits for something to be done, @timeout_ns at most. Return: false when time ran out.
 */
bool vg_op_wait_any(uint64_t timeout_ns);

/* For an operation that was marked claimed before it was submitted: waits for its turn
 * and runs it in the calling thread. */
void vg_op_run_claimed(struct vg_op *op);

/* Counters for statistics; no lock. */
uint64_t vg_op_warp_instructions(void);
bool vg_op_engine_is_busy(void);
