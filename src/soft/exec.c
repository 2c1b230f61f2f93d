/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec - executable graphs: instantiation, update, launch.
 *
 * Nodes stand in topological order. A child graph becomes its nodes between an empty node
 * before and one after them. A node is found again by its path: its id in its graph, and
 * the path of the node that holds that graph.
 */
#include <stdlib.h>
#include <string.h>

#include "soft/graph.h"
#include "soft/launch.h"
#include "soft/module.h"
#include "soft/stream.h"

uint64_t
vg_node_path(const struct vg_node *node)
{
    uint64_t above = node->graph->parent != NULL ? vg_node_path(node->graph->parent) : 0;
    return above * 1000003u + node->id + 1;
}

/* --- instantiation --- */

static struct vg_exec_node *
add_node(struct vg_exec *exec, const struct vg_node *node, size_t max_deps)
{
    if (exec->n_nodes == exec->capacity) {
        size_t capacity = exec->capacity != 0 ? 2 * exec->capacity : 16;
        void *grown = realloc(exec->nodes, capacity * sizeof *exec->nodes);
        if (grown == NULL) {
            return NULL;
        }
        exec->nodes = grown;
        exec->capacity = capacity;
    }
    uint32_t *deps = malloc((max_deps + 1) * sizeof *deps);
    if (deps == NULL) {
        return NULL;
    }
    struct vg_exec_node *n = &exec->nodes[exec->n_nodes++];
    *n = (struct vg_exec_node){ .deps = deps, .is_leaf = true, .type = node->type };
    n->path = vg_node_path(node);
    n->context = node->context;
    if (n->context != NULL) {
        vg_object_ref(&n->context->object);
    }
    return n;
}

static void
depend(struct vg_exec *exec, struct vg_exec_node *node, uint32_t on)
{
    node->deps[node->n_deps++] = on;
    exec->nodes[on].is_leaf = false;
}

struct builder {
    struct vg_exec *exec;
    struct vg_node *bad;
    const char *why;
};

static CUresult flatten(struct builder *b, struct vg_graph *graph, const uint32_t *entry);

/* Return: with *out the index that stands for the child as a whole. */
static CUresult
flatten_child(struct builder *b, struct vg_node *node, uint32_t *out)
{
    struct vg_exec *exec = b->exec;
    uint32_t before = (uint32_t)exec->n_nodes - 1;
    CUresult r = flatten(b, node->work.child, &before);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    size_t n = exec->n_nodes;
    struct vg_exec_node *after = add_node(exec, node, n - before);
    if (after == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    after->path = 0; /* found by nobody */
    after->type = CU_GRAPH_NODE_TYPE_EMPTY;
    for (uint32_t i = before; i < n; i++) {
        if (exec->nodes[i].is_leaf) {
            depend(exec, after, i);
        }
    }
    *out = (uint32_t)n;
    return CUDA_SUCCESS;
}

static CUresult
place(struct builder *b, struct vg_node *node, const uint32_t *entry)
{
    struct vg_exec *exec = b->exec;
    struct vg_exec_node *n = add_node(exec, node, node->n_deps + 1);
    if (n == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    uint32_t index = (uint32_t)exec->n_nodes - 1;
    for (size_t i = 0; i < node->n_deps; i++) {
        depend(exec, n, node->deps[i]->mark);
    }
    if (node->n_deps == 0 && entry != NULL) {
        depend(exec, n, *entry);
    }
    if (node->work.kind == VG_WORK_CHILD) {
        CUresult r = flatten_child(b, node, &index);
        if (r != CUDA_SUCCESS) {
            return r;
        }
    } else if (!vg_work_copy(&n->work, &node->work)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    node->mark = index;
    return CUDA_SUCCESS;
}

#define UNPLACED UINT32_MAX

static bool
is_next(const struct vg_node *node)
{
    for (size_t i = 0; i < node->n_deps; i++) {
        if (node->deps[i]->mark == UNPLACED) {
            return false;
        }
    }
    return true;
}

/* Passes over the list until nothing is left; one pass is enough for what was captured or
 * built in order. */
static CUresult
flatten(struct builder *b, struct vg_graph *graph, const uint32_t *entry)
{
    size_t left = graph->n_nodes;
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        n->mark = UNPLACED;
    }
    while (left > 0) {
        size_t before = left;
        for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
            if (n->mark != UNPLACED || !is_next(n)) {
                continue;
            }
            CUresult r = place(b, n, entry);
            if (r != CUDA_SUCCESS) {
                return r;
            }
            left--;
        }
        if (left == before) {
            b->bad = graph->nodes;
            while (b->bad != NULL && b->bad->mark != UNPLACED) {
                b->bad = b->bad->next;
            }
            b->why = "the graph has a cycle";
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

static void
free_nodes(struct vg_exec *exec)
{
    for (size_t i = 0; i < exec->n_nodes; i++) {
        struct vg_exec_node *n = &exec->nodes[i];
        vg_work_fini(&n->work);
        if (n->context != NULL) {
            vg_object_unref(&n->context->object);
        }
        free(n->deps);
    }
    free(exec->nodes);
}

static void
exec_destroy(struct vg_object *object)
{
    struct vg_exec *exec = (struct vg_exec *)object;
    free_nodes(exec);
    vg_op_unref(exec->last);
    vg_users_drop(exec->users, exec->n_users);
    free(exec->users);
    free(exec);
}

CUresult
vg_exec_create(struct vg_graph *graph, uint64_t flags, struct vg_exec **out,
               struct vg_node **out_bad, const char **out_why)
{
    static uint32_t next_id = 1;
    struct vg_exec *exec = calloc(1, sizeof *exec);
    if (exec == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    exec->object.destroy = exec_destroy;
    exec->object.refs = 1;
    exec->flags = flags;
    exec->id = next_id++;
    exec->graph_id = graph->id;
    struct builder b = { .exec = exec };
    CUresult r = flatten(&b, graph, NULL);
    if (r == CUDA_SUCCESS &&
        !vg_users_copy(&exec->users, &exec->n_users, graph->users, graph->n_users)) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r != CUDA_SUCCESS) {
        *out_bad = b.bad;
        *out_why = b.why != NULL ? b.why : "out of memory";
        vg_object_unref(&exec->object);
        return r;
    }
    *out = exec;
    return CUDA_SUCCESS;
}

/* --- update --- */

CUgraphExecUpdateResult
vg_exec_compare(const struct vg_exec *exec, const struct vg_exec *other,
                uint64_t *out_path)
{
    if (exec->n_nodes != other->n_nodes) {
        return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    }
    for (size_t i = 0; i < exec->n_nodes; i++) {
        const struct vg_exec_node *a = &exec->nodes[i], *b = &other->nodes[i];
        *out_path = b->path;
        if (a->type != b->type) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
        }
        if (a->n_deps != b->n_deps ||
            memcmp(a->deps, b->deps, a->n_deps * sizeof *a->deps) != 0) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
        }
        if (a->context != b->context) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_PARAMETERS_CHANGED;
        }
    }
    return CU_GRAPH_EXEC_UPDATE_SUCCESS;
}

void
vg_exec_take(struct vg_exec *exec, struct vg_exec *other)
{
    struct vg_exec_node *nodes = exec->nodes;
    size_t capacity = exec->capacity;
    for (size_t i = 0; i < exec->n_nodes; i++) {
        other->nodes[i].is_disabled = exec->nodes[i].is_disabled;
        /* the exec keeps answering to the nodes of the graph that it was made from */
        uint64_t path = exec->nodes[i].path;
        exec->nodes[i].path = other->nodes[i].path;
        other->nodes[i].path = path;
    }
    exec->nodes = other->nodes;
    exec->capacity = other->capacity;
    other->nodes = nodes;
    other->capacity = capacity;
}

struct vg_exec_node *
vg_exec_find(struct vg_exec *exec, const struct vg_node *node)
{
    uint64_t path = vg_node_path(node);
    for (size_t i = 0; i < exec->n_nodes; i++) {
        if (exec->nodes[i].path == path) {
            return &exec->nodes[i];
        }
    }
    return NULL;
}

/* --- launch --- */

static struct vg_op *
create_op(struct vg_context *context, const struct vg_exec_node *node)
{
    struct vg_work work = { .kind = VG_WORK_EMPTY };
    struct vg_context *where = context;
    if (node->context != NULL && node->context->is_active) {
        where = node->context;
    }
    if (node->is_disabled) {
        return vg_op_create(where, &work);
    }
    if (node->work.kind == VG_WORK_RECORD) {
        work.kind = VG_WORK_RECORD;
        return vg_op_create(where, &work);
    }
    if (node->work.kind == VG_WORK_WAIT) {
        return vg_op_create(where, &work);
    }
    if (!vg_work_copy(&work, &node->work)) {
        return NULL;
    }
    return vg_op_create(where, &work);
}

static bool
connect(const struct vg_exec_node *node, struct vg_op *op, struct vg_op **ops,
        struct vg_op *begin)
{
    bool ok = node->n_deps > 0 || vg_op_after(op, begin);
    for (size_t i = 0; ok && i < node->n_deps; i++) {
        ok = vg_op_after(op, ops[node->deps[i]]);
    }
    struct vg_event *event = node->work.event;
    if (ok && !node->is_disabled && node->work.kind == VG_WORK_WAIT) {
        ok = vg_op_after(op, event->op);
    }
    if (ok && !node->is_disabled && node->work.kind == VG_WORK_RECORD) {
        vg_op_ref(op);
        vg_op_unref(event->op);
        event->op = op;
        event->capture = 0;
    }
    return ok;
}

static struct vg_op *
empty_op(struct vg_context *context)
{
    struct vg_work nothing = { .kind = VG_WORK_EMPTY };
    return vg_op_create(context, &nothing);
}

/* @ops: room for one a node. */
static bool
make_ops(struct vg_exec *exec, struct vg_context *context, struct vg_op **ops,
         struct vg_op *begin, struct vg_op *end)
{
    for (size_t i = 0; i < exec->n_nodes; i++) {
        const struct vg_exec_node *node = &exec->nodes[i];
        ops[i] = create_op(context, node);
        if (ops[i] == NULL || !connect(node, ops[i], ops, begin) ||
            (node->is_leaf && !vg_op_after(end, ops[i]))) {
            return false;
        }
    }
    return true;
}

static void
count_launches(const struct vg_exec *exec)
{
    for (size_t i = 0; i < exec->n_nodes; i++) {
        const struct vg_exec_node *node = &exec->nodes[i];
        if (node->work.kind == VG_WORK_KERNEL && !node->is_disabled) {
            vg_launch_count(node->work.launch.function);
        }
    }
}

/* A graph whose kernels ended with their context cannot run any more. */
static bool
is_live(const struct vg_exec *exec)
{
    for (size_t i = 0; i < exec->n_nodes; i++) {
        const struct vg_work *work = &exec->nodes[i].work;
        if (work->kind == VG_WORK_KERNEL && !vg_function_is_live(work->launch.function)) {
            return false;
        }
    }
    return true;
}

CUresult
vg_exec_launch(struct vg_exec *exec, struct vg_stream *stream)
{
    struct vg_context *context = stream->context;
    if (!is_live(exec)) {
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    struct vg_op **ops = calloc(exec->n_nodes + 1, sizeof(struct vg_op *));
    struct vg_op *begin = empty_op(context), *end = empty_op(context);
    bool ok = ops != NULL && begin != NULL && end != NULL &&
              vg_op_after(begin, exec->last) && vg_stream_order(stream, begin) &&
              vg_op_after(end, begin) && make_ops(exec, context, ops, begin, end) &&
              vg_stream_order(stream, end);
    if (begin != NULL) {
        vg_op_submit(begin);
    }
    for (size_t i = 0; ops != NULL && i < exec->n_nodes; i++) {
        if (ops[i] != NULL) {
            if (!ok) {
                vg_work_fini(&ops[i]->work);
            }
            vg_op_submit(ops[i]);
            vg_op_unref(ops[i]);
        }
    }
    if (end != NULL) {
        vg_op_submit(end);
    }
    if (ok) {
        count_launches(exec);
        vg_op_ref(end);
        vg_op_unref(exec->last);
        exec->last = end;
    }
    vg_op_unref(begin);
    vg_op_unref(end);
    free(ops);
    return ok ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}
