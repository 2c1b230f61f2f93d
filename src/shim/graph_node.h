/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* graph_node - how the parameters of graph nodes travel. Private to src/shim. */

#include "shim/call.h"

/* Puts the graph and the array of dependencies of a node that is added. */
void vg_node_put_place(struct vg_call *call, CUgraph graph,
                       const CUgraphNode *dependencies, size_t count);

/* After the puts of an add: sends it and takes the node. */
CUresult vg_node_add(struct vg_call *call, CUgraphNode *node, CUgraph graph);
