/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph_api - the Driver API's calls on graphs as a whole: life, nodes, edges.
 *
 * Edge data only says how kernels may overlap; every edge here is a full one, which is
 * always allowed, and reads back as such.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/graph.h"

CUresult
vg_drv_cuGraphCreate(CUgraph *out, unsigned int flags)
{
    if (out == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_graph *graph = vg_graph_create();
    if (graph == NULL || vg_graph_publish(graph) != 0) {
        vg_graph_drop(graph);
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *out = vg_object_handle(&graph->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* Lock taken on success only. */
static CUresult
enter_graph(CUgraph handle, struct vg_graph **out)
{
    vg_soft_lock();
    CUresult r = vg_graph_find(handle, out);
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

static CUresult
enter_node(CUgraphNode handle, struct vg_node **out)
{
    vg_soft_lock();
    CUresult r = vg_node_find(handle, out);
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphDestroy(CUgraph handle)
{
    struct vg_graph *graph;
    CUresult r = enter_graph(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (graph->parent != NULL || graph->is_capturing) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    vg_graph_drop(graph);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphClone(CUgraph *out, CUgraph handle)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_graph *graph;
    CUresult r = enter_graph(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_graph *copy = vg_graph_copy(graph);
    if (copy == NULL || vg_graph_publish(copy) != 0) {
        vg_graph_drop(copy);
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *out = vg_object_handle(&copy->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphGetId(CUgraph handle, unsigned int *id)
{
    struct vg_graph *graph;
    CUresult r = id != NULL ? enter_graph(handle, &graph) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *id = graph->id;
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- lists: filled up to *count; with no array *count becomes the number --- */

struct list {
    CUgraphNode *nodes, *other;
    CUgraphEdgeData *edges;
    size_t room, n;
};

static void
list_add(struct list *list, const struct vg_node *node, const struct vg_node *other)
{
    if (list->n < list->room) {
        if (list->nodes != NULL) {
            list->nodes[list->n] = vg_object_handle(&node->object);
        }
        if (list->other != NULL) {
            list->other[list->n] = vg_object_handle(&other->object);
        }
        if (list->edges != NULL) {
            memset(&list->edges[list->n], 0, sizeof list->edges[0]);
        }
    }
    list->n++;
}

/* What is behind the last one reads NULL, as CUDA does. */
static CUresult
list_finish(struct list *list, size_t *count)
{
    if (list->nodes != NULL) {
        for (size_t i = list->n; i < list->room; i++) {
            list->nodes[i] = NULL;
            if (list->other != NULL) {
                list->other[i] = NULL;
            }
        }
    }
    *count = list->nodes == NULL || list->n < list->room ? list->n : list->room;
    return vg_soft_leave(CUDA_SUCCESS);
}

static struct list
list_of(CUgraphNode *nodes, const size_t *count)
{
    return (struct list){ .nodes = nodes, .room = nodes != NULL ? *count : 0 };
}

static CUresult
get_nodes(CUgraph handle, CUgraphNode *nodes, size_t *count, bool roots)
{
    struct vg_graph *graph;
    CUresult r = count != NULL ? enter_graph(handle, &graph) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct list list = list_of(nodes, count);
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        if (!roots || n->n_deps == 0) {
            list_add(&list, n, NULL);
        }
    }
    return list_finish(&list, count);
}

CUresult
vg_drv_cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return get_nodes(graph, nodes, count, false);
}

CUresult
vg_drv_cuGraphGetRootNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return get_nodes(graph, nodes, count, true);
}

CUresult
vg_drv_cuGraphGetEdges_v2(CUgraph handle, CUgraphNode *from, CUgraphNode *to,
                          CUgraphEdgeData *edges, size_t *count)
{
    if (count == NULL || (from == NULL) != (to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_graph *graph;
    CUresult r = enter_graph(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct list list = list_of(from, count);
    list.other = to;
    list.edges = edges;
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->n_deps; i++) {
            list_add(&list, n->deps[i], n);
        }
    }
    return list_finish(&list, count);
}

CUresult
vg_drv_cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
    return vg_drv_cuGraphGetEdges_v2(graph, from, to, NULL, count);
}

CUresult
vg_drv_cuGraphNodeGetDependencies_v2(CUgraphNode handle, CUgraphNode *dependencies,
                                     CUgraphEdgeData *edges, size_t *count)
{
    struct vg_node *node;
    CUresult r = count != NULL ? enter_node(handle, &node) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct list list = list_of(dependencies, count);
    list.edges = edges;
    for (size_t i = 0; i < node->n_deps; i++) {
        list_add(&list, node->deps[i], NULL);
    }
    return list_finish(&list, count);
}

CUresult
vg_drv_cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *dependencies,
                                  size_t *count)
{
    return vg_drv_cuGraphNodeGetDependencies_v2(node, dependencies, NULL, count);
}

CUresult
vg_drv_cuGraphNodeGetDependentNodes_v2(CUgraphNode handle, CUgraphNode *dependents,
                                       CUgraphEdgeData *edges, size_t *count)
{
    struct vg_node *node;
    CUresult r = count != NULL ? enter_node(handle, &node) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct list list = list_of(dependents, count);
    list.edges = edges;
    for (struct vg_node *n = node->graph->nodes; n != NULL; n = n->next) {
        if (vg_node_depends(n, node)) {
            list_add(&list, n, NULL);
        }
    }
    return list_finish(&list, count);
}

CUresult
vg_drv_cuGraphNodeGetDependentNodes(CUgraphNode node, CUgraphNode *dependents,
                                    size_t *count)
{
    return vg_drv_cuGraphNodeGetDependentNodes_v2(node, dependents, NULL, count);
}

/* --- edges --- */

/* Does @node come after @target by any way? */
static bool
comes_after(const struct vg_node *node, const struct vg_node *target)
{
    for (size_t i = 0; i < node->n_deps; i++) {
        if (node->deps[i] == target || comes_after(node->deps[i], target)) {
            return true;
        }
    }
    return false;
}

static CUresult
find_pair(struct vg_graph *graph, CUgraphNode from, CUgraphNode to, struct vg_node **a,
          struct vg_node **b)
{
    if (vg_node_find(from, a) != CUDA_SUCCESS || vg_node_find(to, b) != CUDA_SUCCESS ||
        (*a)->graph != graph || (*b)->graph != graph || *a == *b) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuGraphAddDependencies(CUgraph handle, const CUgraphNode *from,
                              const CUgraphNode *to, size_t count)
{
    if (count != 0 && (from == NULL || to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_graph *graph;
    CUresult r = enter_graph(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    for (size_t i = 0; r == CUDA_SUCCESS && i < count; i++) {
        struct vg_node *a, *b;
        r = find_pair(graph, from[i], to[i], &a, &b);
        if (r == CUDA_SUCCESS) {
            r = comes_after(a, b) ? CUDA_ERROR_INVALID_VALUE : vg_node_depend(b, a);
        }
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphAddDependencies_v2(CUgraph graph, const CUgraphNode *from,
                                 const CUgraphNode *to, const CUgraphEdgeData *edges,
                                 size_t count)
{
    (void)edges;
    return vg_drv_cuGraphAddDependencies(graph, from, to, count);
}

CUresult
vg_drv_cuGraphRemoveDependencies(CUgraph handle, const CUgraphNode *from,
                                 const CUgraphNode *to, size_t count)
{
    if (count != 0 && (from == NULL || to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_graph *graph;
    CUresult r = enter_graph(handle, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    for (size_t i = 0; r == CUDA_SUCCESS && i < count; i++) {
        struct vg_node *a, *b;
        r = find_pair(graph, from[i], to[i], &a, &b);
        if (r == CUDA_SUCCESS && !vg_node_undepend(b, a)) {
            r = CUDA_ERROR_INVALID_VALUE;
        }
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphRemoveDependencies_v2(CUgraph graph, const CUgraphNode *from,
                                    const CUgraphNode *to, const CUgraphEdgeData *edges,
                                    size_t count)
{
    (void)edges;
    return vg_drv_cuGraphRemoveDependencies(graph, from, to, count);
}

CUresult
vg_drv_cuGraphDestroyNode(CUgraphNode handle)
{
    struct vg_node *node;
    CUresult r = enter_node(handle, &node);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    vg_node_remove(node);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* --- nodes: what all kinds answer --- */

CUresult
vg_drv_cuGraphNodeGetType(CUgraphNode handle, CUgraphNodeType *type)
{
    struct vg_node *node;
    CUresult r = type != NULL ? enter_node(handle, &node) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *type = node->type;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphNodeFindInClone(CUgraphNode *out, CUgraphNode original, CUgraph clone)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_graph *graph;
    CUresult r = enter_graph(clone, &graph);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_node *node;
    if (vg_node_find(original, &node) != CUDA_SUCCESS ||
        graph->origin_id != node->graph->id) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        if (n->id == node->id) {
            *out = vg_object_handle(&n->object);
            return vg_soft_leave(CUDA_SUCCESS);
        }
    }
    return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
}

CUresult
vg_drv_cuGraphNodeGetLocalId(CUgraphNode handle, unsigned int *id)
{
    struct vg_node *node;
    CUresult r = id != NULL ? enter_node(handle, &node) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *id = node->id;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphNodeGetToolsId(CUgraphNode handle, unsigned long long *id)
{
    struct vg_node *node;
    CUresult r = id != NULL ? enter_node(handle, &node) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *id = (unsigned long long)node->graph->id << 32 | node->id;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuGraphNodeGetContainingGraph(CUgraphNode handle, CUgraph *out)
{
    struct vg_node *node;
    CUresult r = out != NULL ? enter_node(handle, &node) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (node->graph->object.handle == 0 && vg_graph_publish(node->graph) != 0) {
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *out = vg_object_handle(&node->graph->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

static const char *
type_name(CUgraphNodeType type)
{
    static const char *const names[] = {
        [CU_GRAPH_NODE_TYPE_KERNEL] = "KERNEL",
        [CU_GRAPH_NODE_TYPE_MEMCPY] = "MEMCPY",
        [CU_GRAPH_NODE_TYPE_MEMSET] = "MEMSET",
        [CU_GRAPH_NODE_TYPE_HOST] = "HOST",
        [CU_GRAPH_NODE_TYPE_GRAPH] = "GRAPH",
        [CU_GRAPH_NODE_TYPE_EMPTY] = "EMPTY",
        [CU_GRAPH_NODE_TYPE_WAIT_EVENT] = "WAIT_EVENT",
        [CU_GRAPH_NODE_TYPE_EVENT_RECORD] = "EVENT_RECORD",
    };
    const char *name = (size_t)type < sizeof names / sizeof names[0] ? names[type] : NULL;
    return name != NULL ? name : "OTHER";
}

CUresult
vg_drv_cuGraphDebugDotPrint(CUgraph handle, const char *path, unsigned int flags)
{
    (void)flags;
    FILE *file = path != NULL ? fopen(path, "we") : NULL;
    if (file == NULL) {
        return path != NULL ? CUDA_ERROR_OPERATING_SYSTEM : CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_graph *graph;
    CUresult r = enter_graph(handle, &graph);
    if (r != CUDA_SUCCESS) {
        fclose(file);
        return r;
    }
    fprintf(file, "digraph graph_%u {\n", graph->id);
    for (struct vg_node *n = graph->nodes; n != NULL; n = n->next) {
        fprintf(file, "    node_%u [label=\"%u %s\"];\n", n->id, n->id,
                type_name(n->type));
        for (size_t i = 0; i < n->n_deps; i++) {
            fprintf(file, "    node_%u -> node_%u;\n", n->deps[i]->id, n->id);
        }
    }
    fprintf(file, "}\n");
    vg_soft_unlock();
    return fclose(file) == 0 ? CUDA_SUCCESS : CUDA_ERROR_OPERATING_SYSTEM;
}
