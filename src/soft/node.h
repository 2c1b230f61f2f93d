/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * node - a node's parameters as a program writes them, turned into work and back. Every
 * typed call goes through the one generic form.
 */

#include "soft/graph.h"

/* Lock held; preparing a kernel releases it. @out_context: where the work runs, or NULL.
 * Return: CUDA_SUCCESS, INVALID_VALUE and what the kind says; NOT_SUPPORTED by name. */
CUresult vg_node_read(const CUgraphNodeParams *params, struct vg_work *out,
                      struct vg_context **out_context);
/* @node's parameters; pointers in them live as long as the node's parameters do. */
void vg_node_write(struct vg_node *node, CUgraphNodeParams *out);

/* What the typed calls are made of. */
CUgraphNodeParams vg_node_kernel_params(const CUDA_KERNEL_NODE_PARAMS_v2 *params);
CUgraphNodeParams vg_node_kernel_params_v1(const CUDA_KERNEL_NODE_PARAMS_v1 *params);
CUgraphNodeParams vg_node_memcpy_params(const CUDA_MEMCPY3D *copy, CUcontext context);
CUgraphNodeParams
vg_node_memset_params(const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context);
CUgraphNodeParams vg_node_host_params(const CUDA_HOST_NODE_PARAMS *params);
