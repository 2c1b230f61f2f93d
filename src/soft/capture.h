/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * capture - a stream's calls become nodes. Driver lock held throughout.
 *
 * Rules of the manual's "Creating a Graph Using Stream Capture" and of
 * cuThreadExchangeStreamCaptureMode: a forbidden call fails and invalidates the captures
 * that forbid it; an invalidated capture says so at each use and at its end.
 */

#include "soft/stream.h"

struct vg_capture {
    unsigned refs;
    uint64_t id;
    struct vg_graph *graph;
    bool owns_graph; /* false: captures to a graph of the program */
    CUstreamCaptureMode mode;
    struct vg_stream *origin;
    struct vg_stream *streams; /* all that take part */
    uint64_t thread;
    bool is_invalid;
    struct vg_capture *next; /* among the open ones */
};

/* A call that may synchronise or is otherwise unsafe while a capture is open. Return:
 * CUDA_SUCCESS or STREAM_CAPTURE_UNSUPPORTED. */
CUresult vg_capture_check_unsafe(void);

/* A call that uses @stream in a way that is not captured (synchronise, query). */
CUresult vg_capture_check_stream(struct vg_stream *stream);
/* The same for a whole context. */
CUresult vg_capture_check_context(struct vg_context *context);
/* Use of the legacy stream while a blocking stream of its context captures. */
CUresult vg_capture_check_legacy(struct vg_stream *stream);

/* Adds a node after the stream's dependencies; takes over @work. */
CUresult vg_capture_add(struct vg_stream *stream, struct vg_work *work);

CUresult vg_capture_record(struct vg_stream *stream, struct vg_event *event);
/* @stream waits for an event; one of the two is captured. */
CUresult vg_capture_wait(struct vg_stream *stream, struct vg_event *event);

/* A stream is destroyed, or its context ends. */
void vg_capture_drop_stream(struct vg_stream *stream);

/* Names what is not carried inside a capture, and invalidates. */
CUresult vg_capture_refuse(struct vg_stream *stream, const char *what);

bool vg_capture_is_open(void);
