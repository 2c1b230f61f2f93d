/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * stream - streams and events over operations. Driver lock held throughout.
 */

#include "soft/core.h"
#include "soft/op.h"

struct vg_capture;
struct vg_node;

struct vg_stream {
    struct vg_object object; /* handle 0: the legacy stream, or a thread's */
    struct vg_context *context;
    struct vg_stream *next; /* among the context's */
    uint64_t id;
    uint64_t thread; /* whose default stream it is, or 0 */
    unsigned flags;
    int priority;
    bool is_legacy;
    struct vg_op *last; /* referenced; NULL: idle */

    struct vg_capture *capture; /* or NULL */
    struct vg_stream *capture_next;
    struct vg_node **deps; /* what the next captured node comes after */
    size_t n_deps, deps_capacity;

    CUlaunchAttributeValue attributes[3]; /* see stream.c */
};

struct vg_event {
    struct vg_object object;
    struct vg_context *context;
    unsigned flags;
    struct vg_op *op; /* the last record, referenced; NULL: never recorded */
    uint64_t capture; /* id of the capture it was recorded in, or 0 */
    struct vg_node **deps;
    size_t n_deps;
};

/* Maps the handle as the called name says. Return: CUDA_SUCCESS, INVALID_HANDLE or
 * OUT_OF_MEMORY. */
CUresult
vg_stream_find(struct vg_context *context, CUstream handle, struct vg_stream **out);
/* The stream of synchronous calls: legacy, or the thread's. */
CUresult vg_stream_default(struct vg_context *context, struct vg_stream **out);

/* Makes the legacy stream of a context that becomes active. */
int vg_stream_init_legacy(struct vg_context *context);
/* Forgets all streams of an ended context. */
void vg_stream_end_context(struct vg_context *context);

/* Issues @work on @stream: an operation behind what the stream's order demands, or a node
 * while the stream captures. Takes over @work, also on failure. */
CUresult vg_stream_issue(struct vg_stream *stream, struct vg_work *work);

/* Runs @work in stream order in the calling thread and returns when it is done. Not while
 * capturing. Takes over @work. Return: the context's sticky error. */
CUresult vg_stream_run(struct vg_stream *stream, struct vg_work *work);

/* Puts edges on @op for its place in @stream and makes it the stream's last. */
bool vg_stream_order(struct vg_stream *stream, struct vg_op *op);

/* True when what is issued now starts at once. */
bool vg_stream_is_clear(const struct vg_stream *stream);

/* Waits for what was issued to the stream. Return: the sticky error. */
CUresult vg_stream_drain(struct vg_stream *stream);

void vg_stream_thread_ended(uint64_t thread);
