/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph - nodes and edges. A graph owns its nodes; an edge is a pointer in the later
 * node.
 *
 * Node handles end with the node; a node never outlives its graph.
 */
#include "soft/graph.h"

#include <stdlib.h>
#include <string.h>

#include "soft/module.h"

static uint32_t next_graph_id = 1;

static void
node_destroy(struct vg_object *object)
{
    struct vg_node *node = (struct vg_node *)object;
    vg_work_fini(&node->work);
    if (node->context != NULL) {
        vg_object_unref(&node->context->object);
    }
    free(node->kernel_params);
    free(node->deps);
    free(node);
}

static void
graph_destroy(struct vg_object *object)
{
    struct vg_graph *graph = (struct vg_graph *)object;
    while (graph->nodes != NULL) {
        struct vg_node *node = graph->nodes;
        graph->nodes = node->next;
        node->graph = NULL;
        vg_object_retire(&node->object);
        vg_object_unref(&node->object);
    }
    vg_users_drop(graph->users, graph->n_users);
    free(graph->users);
    free(graph);
}

struct vg_graph *
vg_graph_create(void)
{
    struct vg_graph *graph = calloc(1, sizeof *graph);
    if (graph != NULL) {
        graph->object.destroy = graph_destroy;
        graph->object.refs = 1;
        graph->tail = &graph->nodes;
        graph->id = next_graph_id++;
    }
    return graph;
}

int
vg_graph_publish(struct vg_graph *graph)
{
    return vg_object_publish(&graph->object, VG_OBJECT_GRAPH, NULL);
}

void
vg_graph_drop(struct vg_graph *graph)
{
    if (graph != NULL) {
        vg_object_retire(&graph->object);
        vg_object_unref(&graph->object);
    }
}

CUresult
vg_graph_find(CUgraph handle, struct vg_graph **out)
{
    *out = vg_object_find(VG_OBJECT_GRAPH, handle);
    return *out != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_node_find(CUgraphNode handle, struct vg_node **out)
{
    *out = vg_object_find(VG_OBJECT_NODE, handle);
    return *out != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUgraphNodeType
type_of(const struct vg_work *work)
{
    switch (work->kind) {
    case VG_WORK_KERNEL:
        return CU_GRAPH_NODE_TYPE_KERNEL;
    case VG_WORK_COPY:
        return CU_GRAPH_NODE_TYPE_MEMCPY;
    case VG_WORK_FILL:
        return CU_GRAPH_NODE_TYPE_MEMSET;
    case VG_WORK_CALL:
        return CU_GRAPH_NODE_TYPE_HOST;
    case VG_WORK_RECORD:
        return CU_GRAPH_NODE_TYPE_EVENT_RECORD;
    case VG_WORK_WAIT:
        return CU_GRAPH_NODE_TYPE_WAIT_EVENT;
    case VG_WORK_CHILD:
        return CU_GRAPH_NODE_TYPE_GRAPH;
    case VG_WORK_FREE:
        return CU_GRAPH_NODE_TYPE_MEM_FREE;
    case VG_WORK_EMPTY:
        break;
    }
    return CU_GRAPH_NODE_TYPE_EMPTY;
}

/* What a captured copy looks like to a program that asks. */
static void
describe_copy(struct vg_node *node)
{
    const struct vg_copy *c = &node->work.copy;
    node->copy = (CUDA_MEMCPY3D){
        .srcMemoryType = CU_MEMORYTYPE_UNIFIED,
        .srcDevice = c->src,
        .srcPitch = c->src_pitch,
        .srcHeight = c->src_pitch != 0 ? c->src_slice / c->src_pitch : 0,
        .dstMemoryType = CU_MEMORYTYPE_UNIFIED,
        .dstDevice = c->dst,
        .dstPitch = c->dst_pitch,
        .dstHeight = c->dst_pitch != 0 ? c->dst_slice / c->dst_pitch : 0,
        .WidthInBytes = c->width,
        .Height = c->height,
        .Depth = c->depth,
    };
}

/* Programs keep the array of a kernel node's parameters beyond a change of them, so for
 * the same kernel the block and the array stay where they are. */
static void
keep_params(struct vg_node *node, struct vg_work *work)
{
    struct vg_launch *old = &node->work.launch, *launch = &work->launch;
    if (node->work.kind != VG_WORK_KERNEL || work->kind != VG_WORK_KERNEL ||
        old->function->entry.func != launch->function->entry.func) {
        free(node->kernel_params);
        node->kernel_params = NULL;
        return;
    }
    const struct vg_ptx_func *func = launch->function->entry.func;
    void *block = old->params;
    memcpy(block, launch->params, launch->param_size);
    old->params = launch->params;
    launch->params = block;
    for (uint32_t i = 0; node->kernel_params != NULL && i < func->n_params; i++) {
        node->kernel_params[i] = (char *)block + func->params[i].offset;
    }
}

void
vg_node_set_work(struct vg_node *node, struct vg_work *work)
{
    keep_params(node, work);
    vg_work_fini(&node->work);
    node->work = *work;
    work->kind = VG_WORK_EMPTY;
    if (node->work.kind == VG_WORK_COPY) {
        describe_copy(node);
    }
    if (node->work.kind == VG_WORK_CHILD) {
        node->work.child->parent = node;
    }
}

CUresult
vg_graph_add(struct vg_graph *graph, struct vg_node *const *deps, size_t n_deps,
             struct vg_work *work, struct vg_context *context, struct vg_node **out)
{
    struct vg_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        vg_work_fini(work);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    node->object.destroy = node_destroy;
    node->object.refs = 1;
    node->type = type_of(work);
    vg_node_set_work(node, work);
    if (context != NULL) {
        node->context = context;
        vg_object_ref(&context->object);
    }
    CUresult r = CUDA_SUCCESS;
    for (size_t i = 0; r == CUDA_SUCCESS && i < n_deps; i++) {
        r = vg_node_depend(node, deps[i]);
    }
    if (r == CUDA_SUCCESS &&
        vg_object_publish(&node->object, VG_OBJECT_NODE, NULL) != 0) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r != CUDA_SUCCESS) {
        vg_object_unref(&node->object);
        return r;
    }
    node->graph = graph;
    node->id = graph->next_node_id++;
    *graph->tail = node;
    graph->tail = &node->next;
    graph->n_nodes++;
    *out = node;
    return CUDA_SUCCESS;
}

bool
vg_node_depends(const struct vg_node *node, const struct vg_node *on)
{
    for (size_t i = 0; i < node->n_deps; i++) {
        if (node->deps[i] == on) {
            return true;
        }
    }
    return false;
}

/* INVALID_VALUE for an edge that is there already, as CUDA says. */
CUresult
vg_node_depend(struct vg_node *node, struct vg_node *on)
{
    if (vg_node_depends(node, on) || node == on) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (node->n_deps == node->capacity) {
        size_t capacity = node->capacity != 0 ? 2 * node->capacity : 2;
        void *grown = realloc(node->deps, capacity * sizeof(struct vg_node *));
        if (grown == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        node->deps = grown;
        node->capacity = capacity;
    }
    node->deps[node->n_deps++] = on;
    return CUDA_SUCCESS;
}

bool
vg_node_undepend(struct vg_node *node, const struct vg_node *on)
{
    for (size_t i = 0; i < node->n_deps; i++) {
        if (node->deps[i] == on) {
            node->n_deps--;
            memmove(&node->deps[i], &node->deps[i + 1],
                    (node->n_deps - i) * sizeof(struct vg_node *));
            return true;
        }
    }
    return false;
}

void
vg_node_remove(struct vg_node *node)
{
    struct vg_graph *graph = node->graph;
    struct vg_node **link = &graph->nodes;
    while (*link != node) {
        link = &(*link)->next;
    }
    *link = node->next;
    if (graph->tail == &node->next) {
        graph->tail = link;
    }
    graph->n_nodes--;
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        vg_node_undepend(n, node);
    }
    node->graph = NULL;
    vg_object_retire(&node->object);
    vg_object_unref(&node->object);
}

/* Nodes of the copy by position of the original's: deps may point forwards. */
static bool
copy_edges(struct vg_graph *to, const struct vg_graph *from)
{
    struct vg_node *copy = to->nodes;
    for (const struct vg_node *n = from->nodes; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->n_deps; i++) {
            struct vg_node *target = to->nodes;
            while (target->id != n->deps[i]->id) {
                target = target->next;
            }
            if (vg_node_depend(copy, target) != CUDA_SUCCESS) {
                return false;
            }
        }
        copy = copy->next;
    }
    return true;
}

struct vg_graph *
vg_graph_copy(const struct vg_graph *graph)
{
    struct vg_graph *copy = vg_graph_create();
    if (copy == NULL) {
        return NULL;
    }
    copy->origin_id = graph->id;
    for (const struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        struct vg_work work;
        struct vg_node *added;
        if (!vg_work_copy(&work, &n->work) ||
            vg_graph_add(copy, NULL, 0, &work, n->context, &added) != CUDA_SUCCESS) {
            vg_graph_drop(copy);
            return NULL;
        }
        added->id = n->id;
        added->copy = n->copy;
        added->priority = n->priority;
    }
    copy->next_node_id = graph->next_node_id;
    if (!copy_edges(copy, graph) ||
        !vg_users_copy(&copy->users, &copy->n_users, graph->users, graph->n_users)) {
        vg_graph_drop(copy);
        return NULL;
    }
    return copy;
}
