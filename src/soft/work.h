/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * work - one thing that a stream or a graph node does: run a kernel, copy, fill, call the
 * program. Plain data; it is the same in an operation (op.h) and in a node (graph.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"

struct vg_event;
struct vg_function;
struct vg_graph;

enum vg_work_kind {
    VG_WORK_EMPTY,
    VG_WORK_KERNEL,
    VG_WORK_COPY,
    VG_WORK_FILL,
    VG_WORK_CALL,   /* a host function or a stream callback */
    VG_WORK_RECORD, /* an event gets the time */
    VG_WORK_WAIT,   /* a graph node that waits for an event */
    VG_WORK_FREE,   /* stream-ordered free */
    VG_WORK_CHILD,  /* a graph node that is a graph */
};

/* Addresses are host addresses of live ranges: checked when the work was made. */
struct vg_copy {
    uint64_t dst, src;
    size_t width, height, depth; /* bytes, rows, slices */
    size_t dst_pitch, dst_slice, src_pitch, src_slice;
    void *snapshot; /* owned: the source's bytes as they were, or NULL */
};

struct vg_fill {
    uint64_t dst;
    size_t pitch, width, height; /* width in elements */
    uint32_t value;
    uint8_t element; /* bytes: 1, 2 or 4 */
};

struct vg_call {
    CUhostFn function;
    CUstreamCallback callback; /* or NULL; then @function */
    CUstream stream;           /* as the program named it */
    void *data;
};

struct vg_launch {
    struct vg_function *function; /* referenced */
    uint32_t grid[3], block[3];
    uint32_t shared; /* dynamic */
    bool cooperative;
    void *params; /* owned: the parameter block */
    size_t param_size;
    CUkernel kernel; /* as named, when it was a CUkernel */
};

struct vg_work {
    enum vg_work_kind kind;
    union {
        struct vg_copy copy;
        struct vg_fill fill;
        struct vg_call call;
        struct vg_launch launch;
        struct vg_event
            *event;       /* RECORD, WAIT in a node: referenced; NULL in an operation */
        uint64_t address; /* FREE */
        struct vg_graph *child; /* CHILD: owned by the node */
    };
};

/* Takes references and copies what is owned. Return: false when memory ran out; @out is
 * then EMPTY. Driver lock held. */
bool vg_work_copy(struct vg_work *out, const struct vg_work *work);
/* Drops what is owned. Driver lock held. */
void vg_work_fini(struct vg_work *work);

/* Does a copy, fill or free now, in the calling thread, without the lock. */
void vg_work_run(const struct vg_work *work);
