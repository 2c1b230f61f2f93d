/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * pool - stream-ordered allocation. Driver lock held for every function here.
 *
 * An allocation has its address at once; a free takes effect when its stream gets there.
 * So a block is never handed out again before everybody is done with it, and the order
 * that CUDA promises holds without a word more. A pool is a name and numbers: freed
 * memory goes back to the device at once, whatever the release threshold says.
 */

#include "soft/core.h"
#include "soft/memory.h"

/* When @size does not fit: waits for frees under way in @context. */
CUresult vg_pool_make_room(struct vg_context *context, uint64_t size);

/* The handle of the pool that a block came from, or 0. */
uint64_t vg_pool_handle_of(const struct vg_memory_facts *facts);
