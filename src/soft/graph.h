/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * graph - graphs as data: nodes with work and edges, and their executable copies.
 *
 * A graph is a list of nodes in order of addition; each node knows what it comes after.
 * An executable graph is a copy in topological order, with child graphs flattened; a
 * launch makes an operation of each node. Driver lock held throughout.
 */

#include "soft/core.h"
#include "soft/work.h"

struct vg_op;
struct vg_stream;

struct vg_user_object {
    struct vg_object object;
    unsigned count; /* references of the program and of graphs */
    CUhostFn destructor;
    void *data;
};

struct vg_user_ref {
    struct vg_user_object *user;
    unsigned count;
};

struct vg_node {
    struct vg_object object;
    struct vg_graph *graph; /* compare only; NULL once destroyed */
    struct vg_node *next;
    struct vg_work work;
    CUgraphNodeType type;
    uint32_t id;           /* in its graph, from 0; clones keep it */
    struct vg_node **deps; /* what it comes after */
    size_t n_deps, capacity;
    struct vg_context *context; /* where its work runs; referenced, or NULL */
    void **kernel_params;       /* for queries: pointers into work.launch.params */
    CUDA_MEMCPY3D copy;         /* memcpy nodes, as the program gave it */
    unsigned mark;              /* scratch of walks */
    int priority;
};

struct vg_graph {
    struct vg_object object; /* handle 0 for what a capture or a node owns */
    struct vg_node *nodes, **tail;
    size_t n_nodes;
    uint32_t next_node_id, id;
    struct vg_node *parent; /* the node that owns it, or NULL */
    bool is_capturing;
    uint32_t origin_id; /* of the graph that it was cloned from, or 0 */
    struct vg_user_ref *users;
    size_t n_users;
};

struct vg_exec_node {
    struct vg_work work;
    uint64_t path; /* names the node that it was made from, see exec.c */
    CUgraphNodeType type;
    bool is_disabled;
    struct vg_context *context;
    uint32_t *deps; /* indices of earlier nodes */
    size_t n_deps;
    bool is_leaf;
};

struct vg_exec {
    struct vg_object object;
    struct vg_exec_node *nodes; /* in topological order */
    size_t n_nodes, capacity;
    uint64_t flags;
    uint32_t id, graph_id;
    struct vg_op *last; /* of the last launch: launches of one do not overlap */
    struct vg_user_ref *users;
    size_t n_users;
};

struct vg_graph *vg_graph_create(void);
/* A deep copy with no handle, or NULL. */
struct vg_graph *vg_graph_copy(const struct vg_graph *graph);
/* Drops the owner's reference: handles of it and its nodes end. NULL is a no-op. */
void vg_graph_drop(struct vg_graph *graph);

/* Gives the graph (not yet its nodes) a handle. */
int vg_graph_publish(struct vg_graph *graph);

/* Adds a node; takes over @work, also on failure. @deps must be of this graph.
 * Return: CUDA_SUCCESS, INVALID_VALUE, OUT_OF_MEMORY. */
CUresult
vg_graph_add(struct vg_graph *graph, struct vg_node *const *deps, size_t n_deps,
             struct vg_work *work, struct vg_context *context, struct vg_node **out);
CUresult vg_node_depend(struct vg_node *node, struct vg_node *on);
/* Return: false when there was no such edge. */
bool vg_node_undepend(struct vg_node *node, const struct vg_node *on);
bool vg_node_depends(const struct vg_node *node, const struct vg_node *on);
void vg_node_remove(struct vg_node *node);

/* Replaces a node's work; takes over @work. */
void vg_node_set_work(struct vg_node *node, struct vg_work *work);

/* Finds by handle. Return: CUDA_SUCCESS or INVALID_VALUE (what CUDA says of graphs). */
CUresult vg_graph_find(CUgraph handle, struct vg_graph **out);
CUresult vg_node_find(CUgraphNode handle, struct vg_node **out);

/* --- exec.c --- */

/* @out_bad, @out_why: the node that cannot be, or NULL, and why; on failure. */
CUresult vg_exec_create(struct vg_graph *graph, uint64_t flags, struct vg_exec **out,
                        struct vg_node **out_bad, const char **out_why);
/* Can @other's parameters take the place of @exec's? @out_path: where it fails. */
CUgraphExecUpdateResult vg_exec_compare(const struct vg_exec *exec,
                                        const struct vg_exec *other, uint64_t *out_path);
/* Swaps the nodes of two that compare equal. */
void vg_exec_take(struct vg_exec *exec, struct vg_exec *other);
struct vg_exec_node *vg_exec_find(struct vg_exec *exec, const struct vg_node *node);
CUresult vg_exec_launch(struct vg_exec *exec, struct vg_stream *stream);
uint64_t vg_node_path(const struct vg_node *node);

/* user.c */
bool vg_users_copy(struct vg_user_ref **out, size_t *n_out,
                   const struct vg_user_ref *users, size_t n);
void vg_users_drop(struct vg_user_ref *users, size_t n);
