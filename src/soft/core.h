/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * core - what all files of the software GPU share: the driver lock and contexts.
 *
 * Locks, outermost first:
 *   image lock (module.h)  one per loaded image; held while PTX is parsed and prepared
 *   driver lock (here)     all books: handles, contexts, streams, operations, graphs
 *   memory lock (memory.c) the arena's and the pinned ranges; interpreter threads take it
 *   print lock (print.c), stats lock (stats.c)
 * The driver lock is held for short steps only: never while a kernel, a copy or a
 * program's function runs, never while waiting (waits release it).
 *
 * An API function is: vg_soft_enter() (takes the lock, finds the current context, refuses
 * with its sticky error), checks, an operation put on a stream, vg_soft_leave().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"

#include "soft/object.h"

struct vg_op;
struct vg_stream;
struct vg_print;

#define VG_LIMIT_COUNT 16

struct vg_context {
    struct vg_object object;
    int device;
    bool is_primary;
    bool is_active; /* a primary context that is not retained is not */
    bool is_ending;
    unsigned retains;
    unsigned flags;
    unsigned api_version;
    uint64_t id;
    CUresult sticky; /* CUDA_SUCCESS, or what every call answers until the end */

    struct vg_context *next; /* among all */
    unsigned generation;     /* a primary context's life, counted */

    struct vg_object *members; /* all that ends with the context */
    struct vg_stream *streams; /* the legacy one and those of threads included */
    struct vg_stream *legacy;
    struct vg_op *orphans; /* done when the work of destroyed streams is */
    unsigned n_running; /* operations that could run or do, functions of the program... */
    unsigned n_calls;   /* ...and how many of them are such functions */

    size_t limits[VG_LIMIT_COUNT];
    int cache_config, shared_config;
    struct vg_print *print;
};

void vg_soft_lock(void);
void vg_soft_unlock(void);

/* Takes the lock and finds the calling thread's current context. On failure the lock is
 * not held. Return: INVALID_CONTEXT, CONTEXT_IS_DESTROYED or the sticky error. */
CUresult vg_soft_enter(struct vg_context **out);
/* The same, but a sticky error does not refuse: for what ends things. */
CUresult vg_soft_enter_any(struct vg_context **out);
/* Releases the lock. Return: @result. */
static inline CUresult
vg_soft_leave(CUresult result)
{
    vg_soft_unlock();
    return result;
}

/* The live, active context of a handle, or NULL. Lock held. */
struct vg_context *vg_context_find(CUcontext handle);

/* What a call should answer for a context handle that is not live. Lock held. */
CUresult vg_context_refusal(CUcontext handle);

/* Waits, without the lock, for all work issued to @context before the call. Lock held at
 * entry and return. Return: the sticky error. */
CUresult vg_context_drain(struct vg_context *context);

/* The same for cuMemFree and its like, which a program may call while one of its own
 * functions, run by a stream, waits for it: when only such functions are left running for
 * a while, gives up. @out_done: false then. */
CUresult vg_context_settle(struct vg_context *context, bool *out_done);

/* Makes @op come after all that was issued to @context. False: no memory. */
bool vg_context_follow(struct vg_context *context, struct vg_op *op);

/* Sets the sticky error if none is set. Lock held. */
void vg_context_fail(struct vg_context *context, CUresult error);

/* The primary context of the one device; made at driver init. */
struct vg_context *vg_context_primary(void);
int vg_context_module_init(void);
/* All contexts that there are, by ->next. Lock held. */
struct vg_context *vg_context_first(void);

/* Monotonic nanoseconds. */
uint64_t vg_soft_now(void);
