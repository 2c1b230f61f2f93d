/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * shadow - ordinary memory in graphs.
 *
 * CUDA uses a host address in a graph at each launch. The node has a shadow of it in the
 * window: filled from the program's memory before a launch, and, where the node writes,
 * copied back before a later host function runs and at the synchronise that learns that
 * the launch is complete. A set belongs to the graphs and executables that share its
 * nodes. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"
#include "wire/id.h"

struct vg_shadow_set;

/* Whether @stream is being captured, and into which capture. */
CUresult vg_capture_of(CUstream stream, bool *out_captured, uint64_t *out_id);

/* A shadow of [user, user + size) for a node of capture @capture.
 * @out: the node writes it. Return: CUDA_SUCCESS and its address, or an error. */
CUresult
vg_shadow_add(uint64_t capture, void *user, size_t size, bool out, void **out_shadow);

/* The same for a node that is put into @graph by hand. */
CUresult
vg_shadow_add_to(vg_id graph, void *user, size_t size, bool out, void **out_shadow);

/* The program's memory behind @address of a shadow of @graph, or NULL. */
void *vg_shadow_user_of(vg_id graph, uint64_t address);

/* Takes the shadows of the capture that @stream is in; NULL when it has none. */
struct vg_shadow_set *vg_shadow_take_capture(CUstream stream);

/* Gives a graph or executable its set; @set is taken. NULL does nothing. */
void vg_shadow_attach(vg_id id, struct vg_shadow_set *set);

/* The executable or graph @to is made from @from: they share shadows. */
void vg_shadow_share(vg_id from, vg_id to);

void vg_shadow_set_unref(struct vg_shadow_set *set);

/* Before and after a launch of @exec on @stream was posted. */
CUresult vg_shadow_before_launch(vg_id exec);
void vg_shadow_after_launch(vg_id exec, CUstream stream);

/* After a call that may have learnt of completion: copies back what is complete. */
void vg_shadow_settle(void);

/* Before a host function runs: copies back what its predecessors may have written. */
void vg_shadow_show(void);
