/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * call - one remoted call, as generated stubs and hand-written calls make it.
 *
 *     struct vg_call call;
 *
 *     vg_call_begin(&call, VG_CUDA_cuMemAlloc_v2);
 *     vg_put_u64(&call.req, bytesize);
 *     if (vg_call_wait(&call, 8)) {
 *         *dptr = vg_get_u64(&call.rep);
 *     }
 *     return vg_call_end(&call);
 *
 * Begin and end always stand together. Whatever fails in between (a bad handle, no
 * memory, a lost link) sticks: post and wait then do nothing, and end returns the first
 * failure. A call lives on the stack of the calling thread; the request is sent by post
 * or wait, once. Include "cuda_types.h" types through this header.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"
#include "wire/wire.h"

#define VG_CALL_NEW_MAX 4

struct vg_call {
    struct vg_enc req;
    struct vg_dec rep;
    CUresult result;
    uint16_t number; /* enum vg_cuda_call or an internal one */
    bool sent;
    bool posted;
    bool relaxed; /* made on our own account: capture modes do not matter */
    uint8_t new_count;
    uint8_t dead_count;
    vg_id new_ids[VG_CALL_NEW_MAX];
    vg_id dead_ids[VG_CALL_NEW_MAX];
    vg_id parent;    /* the graph, module or library that was put last */
    uint64_t ticket; /* of the request, once sent */
    uint64_t started;
    size_t reply_size;
    uint8_t *reply; /* heap, when the reply outgrew reply_inline */
    uint8_t inline_buffer[VG_MESSAGE_INLINE];
    uint8_t reply_inline[256];
};

/* Takes the current context and the kind of default stream of the calling thread. */
void vg_call_begin(struct vg_call *call, unsigned number);

/* Makes the call fail with @result unless it has failed already. */
void vg_call_fail(struct vg_call *call, CUresult result);

/* Sends without waiting. (CUDA_LAUNCH_BLOCKING=1 makes the driver finish it first.) */
void vg_call_post(struct vg_call *call);

/* Sends and waits for the answer.
 * Return: true when it succeeded and its body has exactly @reply_size bytes; a success of
 * another size is a lost link (UNKNOWN). */
bool vg_call_wait(struct vg_call *call, size_t reply_size);

/* The same for replies of variable size; the caller decodes and then asks
 * vg_call_check(). */
bool vg_call_wait_any(struct vg_call *call);

/* After the gets of vg_call_wait_any(): fails the call unless the body was read exactly.
 * Return: true when it was. */
bool vg_call_check(struct vg_call *call);

/* Frees what the call held, settles its new and dead ids.
 * Return: the remote result, or the first failure. */
CUresult vg_call_end(struct vg_call *call);

/* --- handles --- */

/* Puts a handle that must be alive; anything else fails the call (INVALID_HANDLE; for
 * contexts INVALID_CONTEXT or CONTEXT_IS_DESTROYED). */
void vg_call_put_handle(struct vg_call *call, enum vg_id_type type, const void *handle);

/* The same, where NULL is allowed and travels as 0. */
void vg_call_put_handle_or_null(struct vg_call *call, enum vg_id_type type,
                                const void *handle);

/* A stream argument: NULL, legacy and per-thread are understood as the called name says
 * (vg_front_stream()). */
void vg_call_put_stream(struct vg_call *call, CUstream stream);

/* A CUfunction argument, which may also be a CUkernel. */
void vg_call_put_function(struct vg_call *call, const void *function);

/* A device argument: visible ordinal in, physical index on the wire; INVALID_DEVICE. */
void vg_call_put_device(struct vg_call *call, CUdevice device);

/* Names a new object of the current context: allocates a client id and puts it. The id
 * dies again when the call fails. Return: the handle to hand out on success. */
void *vg_call_put_new(struct vg_call *call, enum vg_id_type type);

/* Puts a handle that the call destroys: it is dead for everyone once the call has been
 * posted or has succeeded. */
void vg_call_put_dead(struct vg_call *call, enum vg_id_type type, const void *handle);

/* Reads a server id from the reply and makes it known. NULL for 0. @parent (or 0): the
 * object is forgotten with it (a node with its graph, a function with its module). */
void *vg_call_get_handle(struct vg_call *call, enum vg_id_type type, vg_id parent);
