/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * manual - hand-written parts of the dispatcher, private to src/worker.
 */

#include "wire/box.h"
#include "wire/internal.h"
#include "worker/dispatch.h"

/* Return: the function of one of our own calls (wire/internal.h), or NULL. */
vg_dispatch_fn vg_dispatch_internal(unsigned number);

int vg_dispatch_stage_wait(struct vg_worker_call *call);
int vg_dispatch_copy(struct vg_worker_call *call);
int vg_dispatch_copy_staged(struct vg_worker_call *call);
int vg_dispatch_copy_out(struct vg_worker_call *call);
int vg_dispatch_copy_out_slot(struct vg_worker_call *call);
int vg_dispatch_copy_box(struct vg_worker_call *call);
int vg_dispatch_host_alloc(struct vg_worker_call *call);
int vg_dispatch_host_free(struct vg_worker_call *call);

/* A copy out of @address was enqueued on @stream: its staging slot, if it is in one, is
 * in use until that is complete. Return: CUresult. */
int vg_stage_mark(struct vg_worker_call *call, uint64_t address, CUstream stream);

/* A box of the client as the driver wants it. Return: 0, VG_CLIENT_VIOLATION or a
 * CUresult. */
int vg_box_describe(struct vg_worker_call *call, const struct vg_box *box,
                    CUDA_MEMCPY3D *out);

/* Where a node of a graph goes. */
struct vg_node_place {
    CUgraph graph;
    CUgraphNode *dependencies;
    size_t count;
};
void vg_node_get_place(struct vg_worker_call *call, struct vg_node_place *out);

/* The fixed id of a device's primary context. */
vg_id vg_primary_id(int device);

/* The id that the next get reads, without reading it; 0 at the end. */
vg_id vg_worker_peek_id(const struct vg_worker_call *call);
