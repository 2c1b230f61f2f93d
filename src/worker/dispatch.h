/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dispatch - what a generated or hand-written dispatch function sees of the worker.
 *
 *     int vg_dispatch_cuMemAlloc_v2(struct vg_worker_call *call)
 *     {
 *         const uint64_t bytesize = vg_get_u64(&call->req);
 *         CUdeviceptr dptr = 0;
 *
 *         int r = vg_worker_ready(call);
 *         if (r != 0) {
 *             return r;
 *         }
 *         r = (int)vg_cuda.cuMemAlloc_v2(&dptr, bytesize);
 *         if (r == 0) {
 *             vg_put_u64(&call->rep, dptr);
 *         }
 *         return r;
 *     }
 *
 * It runs on the worker thread of the client thread that called, with that thread's
 * context current. Decode everything, ask vg_worker_ready() once, call the driver, encode
 * the reply only on success. Return: a CUresult (0 or positive) or VG_CLIENT_VIOLATION,
 * which ends the session.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"
#include "wire/wire.h"

struct vg_worker_thread;

struct vg_worker_call {
    struct vg_dec req; /* a private copy of the body */
    struct vg_enc rep; /* the reply's body; ignored for posted calls */
    uint16_t number;   /* enum vg_cuda_call or an internal one */
    uint16_t flags;    /* enum vg_message_flag */
    uint32_t lane;
    uint64_t thread_id; /* the client's thread */
    vg_id context;
    CUresult stale;     /* set by a get that met an id that is not alive */
    vg_id parent;       /* the graph, module or library that was read last */
    bool body_on_error; /* the reply's body travels although the call failed */
    struct vg_worker_thread *thread;
    void *scratch[8]; /* freed after the call: see vg_worker_alloc() */
    unsigned scratch_count;
};

typedef int (*vg_dispatch_fn)(struct vg_worker_call *call);

/* Generated: by call number; NULL where a call is not carried. */
extern const vg_dispatch_fn vg_dispatch_table[];
extern const unsigned vg_dispatch_count;

/* Return: 0; VG_CLIENT_VIOLATION when the body was not read exactly; or the CUresult of a
 * handle that is not alive. */
int vg_worker_ready(struct vg_worker_call *call);

/* Zeroed memory that lives until the reply is sent, or NULL (answer OUT_OF_MEMORY).
 * At most 8 a call. */
void *vg_worker_alloc(struct vg_worker_call *call, size_t size);

/* Takes over a heap pointer (a string of vg_get_string()) to be freed after the call. */
void *vg_worker_own(struct vg_worker_call *call, void *heap);

/* --- handles: each reads one id from the request --- */

/* The driver's object, or NULL and the call is stale. */
void *vg_worker_get_handle(struct vg_worker_call *call, enum vg_id_type type);
void *vg_worker_get_handle_or_null(struct vg_worker_call *call, enum vg_id_type type);

/* A stream; the per-thread default stream becomes the worker thread's own for this
 * context. */
CUstream vg_worker_get_stream(struct vg_worker_call *call);

/* A CUfunction, or a CUkernel in its place. */
CUfunction vg_worker_get_function(struct vg_worker_call *call);

/* A physical device: its CUdevice in the driver. */
CUdevice vg_worker_get_device(struct vg_worker_call *call);

/* The name of an object that is about to be made; reserve nothing yet. A name that is
 * taken, or not a client id of @type, is a violation. */
vg_id vg_worker_get_new(struct vg_worker_call *call, enum vg_id_type type);

/* After the driver has made it. Return: 0, or CUDA_ERROR_OUT_OF_MEMORY (the caller then
 * destroys the object). */
int vg_worker_name(struct vg_worker_call *call, vg_id id, void *object);

/* Like get_handle for a call that destroys: *out_id is passed to vg_worker_forget() when
 * the driver has succeeded. */
void *
vg_worker_get_dead(struct vg_worker_call *call, enum vg_id_type type, vg_id *out_id);
void vg_worker_forget(struct vg_worker_call *call, vg_id id);

/* Puts the id of an object that the driver made or returned: the same object always has
 * the same id. NULL travels as 0; legacy and per-thread streams as 1 and 2. */
void
vg_worker_put_handle(struct vg_worker_call *call, enum vg_id_type type, void *object);
