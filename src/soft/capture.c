/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture - open captures, the streams that take part, and who forbids what.
 */
#include "soft/capture.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "base/log.h"
#include "front/driver.h"
#include "soft/graph.h"

static struct vg_capture *open_captures;
static uint64_t next_capture_id = 1;
static _Thread_local CUstreamCaptureMode thread_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

bool
vg_capture_is_open(void)
{
    return open_captures != NULL;
}

/* --- dependencies of a stream --- */

static CUresult
set_deps(struct vg_node ***list, size_t *n, struct vg_node *const *deps, size_t n_deps)
{
    struct vg_node **copy = malloc((n_deps + 1) * sizeof(struct vg_node *));
    if (copy == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (n_deps > 0) {
        memcpy(copy, deps, n_deps * sizeof(struct vg_node *));
    }
    free(*list);
    *list = copy;
    *n = n_deps;
    return CUDA_SUCCESS;
}

static CUresult
merge_deps(struct vg_stream *stream, struct vg_node *const *deps, size_t n_deps)
{
    size_t n = stream->n_deps;
    struct vg_node **merged = malloc((n + n_deps + 1) * sizeof(struct vg_node *));
    if (merged == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (n > 0) {
        memcpy(merged, stream->deps, n * sizeof(struct vg_node *));
    }
    for (size_t i = 0; i < n_deps; i++) {
        bool known = false;
        for (size_t k = 0; k < n; k++) {
            known |= merged[k] == deps[i];
        }
        if (!known) {
            merged[n++] = deps[i];
        }
    }
    free(stream->deps);
    stream->deps = merged;
    stream->n_deps = n;
    return CUDA_SUCCESS;
}

/* --- streams that take part --- */

static void
join(struct vg_capture *capture, struct vg_stream *stream)
{
    stream->capture = capture;
    stream->capture_next = capture->streams;
    capture->streams = stream;
    stream->n_deps = 0;
}

static void
leave(struct vg_stream *stream)
{
    struct vg_capture *capture = stream->capture;
    if (capture == NULL) {
        return;
    }
    for (struct vg_stream **link = &capture->streams; *link != NULL;
         link = &(*link)->capture_next) {
        if (*link == stream) {
            *link = stream->capture_next;
            break;
        }
    }
    stream->capture = NULL;
    free(stream->deps);
    stream->deps = NULL;
    stream->n_deps = 0;
}

static void
close_capture(struct vg_capture *capture)
{
    while (capture->streams != NULL) {
        leave(capture->streams);
    }
    for (struct vg_capture **link = &open_captures; *link != NULL;
         link = &(*link)->next) {
        if (*link == capture) {
            *link = capture->next;
            break;
        }
    }
    free(capture);
}

void
vg_capture_drop_stream(struct vg_stream *stream)
{
    struct vg_capture *capture = stream->capture;
    if (capture == NULL) {
        return;
    }
    capture->is_invalid = true;
    if (capture->origin != stream) {
        leave(stream);
        return;
    }
    /* nobody can end it any more */
    if (capture->owns_graph) {
        vg_graph_drop(capture->graph);
    } else {
        capture->graph->is_capturing = false;
    }
    close_capture(capture);
}

/* --- who forbids what --- */

/* Does @capture forbid the calling thread what may synchronise? */
static bool
forbids(const struct vg_capture *capture)
{
    if (thread_mode == CU_STREAM_CAPTURE_MODE_RELAXED) {
        return false;
    }
    if (capture->thread == vg_front_thread()) {
        return capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
    }
    return thread_mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
           capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL;
}

CUresult
vg_capture_check_unsafe(void)
{
    CUresult r = CUDA_SUCCESS;
    for (struct vg_capture *c = open_captures; c != NULL; c = c->next) {
        if (forbids(c)) {
            c->is_invalid = true;
            r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    }
    return r;
}

CUresult
vg_capture_check_stream(struct vg_stream *stream)
{
    if (stream->capture == NULL) {
        return CUDA_SUCCESS;
    }
    if (stream->capture->is_invalid) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    stream->capture->is_invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult
vg_capture_check_context(struct vg_context *context)
{
    CUresult r = CUDA_SUCCESS;
    for (struct vg_capture *c = open_captures; c != NULL; c = c->next) {
        if (c->origin->context == context) {
            c->is_invalid = true;
            r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    }
    return r;
}

CUresult
vg_capture_check_legacy(struct vg_stream *stream)
{
    if (!stream->is_legacy) {
        return CUDA_SUCCESS;
    }
    CUresult r = CUDA_SUCCESS;
    for (struct vg_capture *c = open_captures; c != NULL; c = c->next) {
        for (struct vg_stream *s = c->streams; s != NULL; s = s->capture_next) {
            if (s->context == stream->context &&
                (s->flags & CU_STREAM_NON_BLOCKING) == 0) {
                c->is_invalid = true;
                r = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
            }
        }
    }
    return r;
}

CUresult
vg_capture_refuse(struct vg_stream *stream, const char *what)
{
    vg_log(VG_LOG_ERROR, "%s inside a stream capture is not supported", what);
    if (stream->capture != NULL) {
        stream->capture->is_invalid = true;
    }
    return CUDA_ERROR_NOT_SUPPORTED;
}

/* --- what is captured --- */

CUresult
vg_capture_add(struct vg_stream *stream, struct vg_work *work)
{
    struct vg_capture *capture = stream->capture;
    if (capture->is_invalid) {
        vg_work_fini(work);
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    struct vg_node *node;
    CUresult r = vg_graph_add(capture->graph, stream->deps, stream->n_deps, work,
                              stream->context, &node);
    if (r == CUDA_SUCCESS) {
        node->priority = stream->priority;
        r = set_deps(&stream->deps, &stream->n_deps, &node, 1);
    }
    if (r != CUDA_SUCCESS) {
        capture->is_invalid = true;
    }
    return r;
}

CUresult
vg_capture_record(struct vg_stream *stream, struct vg_event *event)
{
    if (stream->capture->is_invalid) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    CUresult r = set_deps(&event->deps, &event->n_deps, stream->deps, stream->n_deps);
    if (r == CUDA_SUCCESS) {
        event->capture = stream->capture->id;
    }
    return r;
}

static struct vg_capture *
find_capture(uint64_t id)
{
    struct vg_capture *c = open_captures;
    while (c != NULL && c->id != id) {
        c = c->next;
    }
    return c;
}

CUresult
vg_capture_wait(struct vg_stream *stream, struct vg_event *event)
{
    struct vg_capture *theirs = event->capture != 0 ? find_capture(event->capture) : NULL;
    struct vg_capture *ours = stream->capture;
    if (event->capture == 0) { /* what is captured cannot depend on what is not */
        ours->is_invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    if (theirs == NULL) { /* that capture has ended */
        if (ours != NULL) {
            ours->is_invalid = true;
            return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
        }
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (theirs->is_invalid) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    if (ours == NULL) {
        if (stream->is_legacy) {
            theirs->is_invalid = true;
            return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
        }
        join(theirs, stream);
    } else if (ours != theirs) {
        ours->is_invalid = true;
        theirs->is_invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_MERGE;
    }
    return merge_deps(stream, event->deps, event->n_deps);
}

/* --- begin and end --- */

static CUresult
enter_stream(CUstream handle, struct vg_stream **out)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_stream_find(context, handle, out);
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

/* @graph: NULL for a new one. Lock held. */
static CUresult
begin(struct vg_stream *stream, struct vg_graph *graph, CUstreamCaptureMode mode)
{
    if (stream->is_legacy) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->capture != NULL || (graph != NULL && graph->is_capturing)) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    struct vg_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    capture->owns_graph = graph == NULL;
    capture->graph = graph != NULL ? graph : vg_graph_create();
    if (capture->graph == NULL) {
        free(capture);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    capture->graph->is_capturing = true;
    capture->id = next_capture_id++;
    capture->mode = mode;
    capture->thread = vg_front_thread();
    capture->origin = stream;
    capture->next = open_captures;
    open_captures = capture;
    join(capture, stream);
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode)
{
    if ((unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_stream *stream;
    CUresult r = enter_stream(handle, &stream);
    return r != CUDA_SUCCESS ? r : vg_soft_leave(begin(stream, NULL, mode));
}

CUresult
vg_drv_cuStreamBeginCapture(CUstream handle)
{
    return vg_drv_cuStreamBeginCapture_v2(handle, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

/* Finds @count nodes of @graph. The caller frees *out. */
static CUresult
find_nodes(struct vg_graph *graph, const CUgraphNode *handles, size_t count,
           struct vg_node ***out)
{
    if (count != 0 && handles == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *out = malloc((count + 1) * sizeof(struct vg_node *));
    if (*out == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (vg_node_find(handles[i], &(*out)[i]) != CUDA_SUCCESS ||
            (*out)[i]->graph != graph) {
            free(*out);
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuStreamBeginCaptureToGraph(CUstream handle, CUgraph graph_handle,
                                   const CUgraphNode *dependencies,
                                   const CUgraphEdgeData *edges, size_t count,
                                   CUstreamCaptureMode mode)
{
    (void)edges; /* only orders that are kept anyway */
    if ((unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_stream *stream;
    CUresult r = enter_stream(handle, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_graph *graph;
    struct vg_node **nodes;
    r = vg_graph_find(graph_handle, &graph);
    if (r == CUDA_SUCCESS) {
        r = find_nodes(graph, dependencies, count, &nodes);
    }
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    r = begin(stream, graph, mode);
    if (r == CUDA_SUCCESS) {
        r = set_deps(&stream->deps, &stream->n_deps, nodes, count);
    }
    free(nodes);
    return vg_soft_leave(r);
}

static void
mark_ancestors(struct vg_node *node, unsigned mark)
{
    if (node->mark == mark) {
        return;
    }
    node->mark = mark;
    for (size_t i = 0; i < node->n_deps; i++) {
        mark_ancestors(node->deps[i], mark);
    }
}

/* Every stream that took part must have come back to the origin. */
static bool
is_joined(const struct vg_capture *capture)
{
    static unsigned mark = 1u << 31;
    mark++;
    for (size_t i = 0; i < capture->origin->n_deps; i++) {
        mark_ancestors(capture->origin->deps[i], mark);
    }
    for (const struct vg_stream *s = capture->streams; s != NULL; s = s->capture_next) {
        for (size_t i = 0; i < s->n_deps; i++) {
            if (s->deps[i]->mark != mark) {
                return false;
            }
        }
    }
    return true;
}

static CUresult
end(struct vg_stream *stream, struct vg_graph **out)
{
    struct vg_capture *capture = stream->capture;
    if (capture == NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    if (capture->origin != stream) {
        capture->is_invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    }
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
        capture->thread != vg_front_thread()) {
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    CUresult r = CUDA_SUCCESS;
    if (capture->is_invalid) {
        r = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    } else if (!is_joined(capture)) {
        r = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    }
    struct vg_graph *graph = capture->graph;
    bool owns = capture->owns_graph;
    graph->is_capturing = false;
    close_capture(capture);
    if (r != CUDA_SUCCESS && owns) {
        vg_graph_drop(graph);
    }
    *out = r == CUDA_SUCCESS ? graph : NULL;
    return r;
}

CUresult
vg_drv_cuStreamEndCapture(CUstream handle, CUgraph *out)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_stream *stream;
    CUresult r = enter_stream(handle, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_graph *graph = NULL;
    r = end(stream, &graph);
    *out = NULL;
    if (r == CUDA_SUCCESS && graph->object.handle == 0 && vg_graph_publish(graph) != 0) {
        vg_graph_drop(graph);
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r == CUDA_SUCCESS) {
        *out = vg_object_handle(&graph->object);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    if (mode == NULL || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUstreamCaptureMode old = thread_mode;
    thread_mode = *mode;
    *mode = old;
    return CUDA_SUCCESS;
}

/* --- questions --- */

static CUstreamCaptureStatus
status_of(const struct vg_stream *stream)
{
    if (stream->capture == NULL) {
        return CU_STREAM_CAPTURE_STATUS_NONE;
    }
    return stream->capture->is_invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                       : CU_STREAM_CAPTURE_STATUS_ACTIVE;
}

/* The legacy stream cannot be asked while a blocking stream captures. */
static CUresult
check_question(struct vg_stream *stream)
{
    for (struct vg_capture *c = open_captures; stream->is_legacy && c != NULL;
         c = c->next) {
        for (struct vg_stream *s = c->streams; s != NULL; s = s->capture_next) {
            if (s->context == stream->context &&
                (s->flags & CU_STREAM_NON_BLOCKING) == 0) {
                return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
            }
        }
    }
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status)
{
    struct vg_stream *stream;
    CUresult r =
        status != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = check_question(stream);
    if (r == CUDA_SUCCESS) {
        *status = status_of(stream);
    }
    return vg_soft_leave(r);
}

/* The array of handles lives until the thread's next question. */
static CUresult
list_deps(const struct vg_stream *stream, const CUgraphNode **out)
{
    static _Thread_local CUgraphNode *handles;
    static _Thread_local size_t capacity;
    if (stream->n_deps > capacity) {
        void *grown = realloc(handles, stream->n_deps * sizeof *handles);
        if (grown == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        handles = grown;
        capacity = stream->n_deps;
    }
    for (size_t i = 0; i < stream->n_deps; i++) {
        handles[i] = vg_object_handle(&stream->deps[i]->object);
    }
    *out = handles;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuStreamGetCaptureInfo_v2(CUstream handle, CUstreamCaptureStatus *status,
                                 cuuint64_t *id, CUgraph *graph,
                                 const CUgraphNode **dependencies, size_t *count)
{
    struct vg_stream *stream;
    CUresult r =
        status != NULL ? enter_stream(handle, &stream) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = check_question(stream);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    *status = status_of(stream);
    struct vg_capture *capture = stream->capture;
    if (*status != CU_STREAM_CAPTURE_STATUS_ACTIVE) {
        return vg_soft_leave(CUDA_SUCCESS);
    }
    if (id != NULL) {
        *id = capture->id;
    }
    if (graph != NULL) {
        if (capture->graph->object.handle == 0 && vg_graph_publish(capture->graph) != 0) {
            return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
        }
        *graph = vg_object_handle(&capture->graph->object);
    }
    if (dependencies != NULL) {
        r = list_deps(stream, dependencies);
    }
    if (count != NULL) {
        *count = stream->n_deps;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamGetCaptureInfo(CUstream handle, CUstreamCaptureStatus *status,
                              cuuint64_t *id)
{
    return vg_drv_cuStreamGetCaptureInfo_v2(handle, status, id, NULL, NULL, NULL);
}

CUresult
vg_drv_cuStreamGetCaptureInfo_v3(CUstream handle, CUstreamCaptureStatus *status,
                                 cuuint64_t *id, CUgraph *graph,
                                 const CUgraphNode **dependencies,
                                 const CUgraphEdgeData **edges, size_t *count)
{
    if (edges != NULL) {
        *edges = NULL; /* every edge is a plain one */
    }
    return vg_drv_cuStreamGetCaptureInfo_v2(handle, status, id, graph, dependencies,
                                            count);
}

CUresult
vg_drv_cuStreamUpdateCaptureDependencies(CUstream handle, CUgraphNode *dependencies,
                                         size_t count, unsigned int flags)
{
    if (flags > CU_STREAM_SET_CAPTURE_DEPENDENCIES) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_stream *stream;
    CUresult r = enter_stream(handle, &stream);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (status_of(stream) != CU_STREAM_CAPTURE_STATUS_ACTIVE) {
        return vg_soft_leave(CUDA_ERROR_ILLEGAL_STATE);
    }
    struct vg_node **nodes;
    r = find_nodes(stream->capture->graph, dependencies, count, &nodes);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    if (flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES) {
        r = set_deps(&stream->deps, &stream->n_deps, nodes, count);
    } else {
        r = merge_deps(stream, nodes, count);
    }
    free(nodes);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuStreamUpdateCaptureDependencies_v2(CUstream handle, CUgraphNode *dependencies,
                                            const CUgraphEdgeData *edges, size_t count,
                                            unsigned int flags)
{
    (void)edges;
    return vg_drv_cuStreamUpdateCaptureDependencies(handle, dependencies, count, flags);
}
