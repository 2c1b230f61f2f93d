/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mem_access - from an address to host bytes, or to a fault.
 *
 * The high bits of a generic address tell a window; everything else must lie in a range
 * that the launch resolves. Resolved ranges are kept for the block, newest first.
 */

#include <stdio.h>

#include "interp/kernel.h"
#include "interp/priv.h"

int
vg_fault(struct vg_warp *w, const struct vg_iop *op, uint32_t lane,
         enum vg_interp_fault_kind kind, uint64_t address, const char *text)
{
    struct vg_interp_fault *fault = w->block->fault;
    const uint32_t *size = w->block->launch->block;
    const uint32_t t = w->first_thread + lane;

    *fault =
        (struct vg_interp_fault){ .kind = kind, .line = op->line, .address = address };
    memcpy(fault->block, w->block->id, sizeof(fault->block));
    fault->thread[0] = t % size[0];
    fault->thread[1] = t / size[0] % size[1];
    fault->thread[2] = t / size[0] / size[1];
    snprintf(fault->text, sizeof(fault->text),
             "%s: %s, line %u, block (%u,%u,%u), thread (%u,%u,%u)",
             w->block->kernel->func->name, text, op->line, fault->block[0],
             fault->block[1], fault->block[2], fault->thread[0], fault->thread[1],
             fault->thread[2]);
    return VG_STEP_FAULT;
}

static int
fault_access(struct vg_warp *w, const struct vg_iop *op, uint32_t lane,
             enum vg_interp_fault_kind kind, uint64_t address, uint32_t size)
{
    char text[128];
    const char *what = kind == VG_INTERP_FAULT_MISALIGNED ? "misaligned" : "illegal";
    snprintf(text, sizeof(text), "%s address 0x%llx, %u bytes", what,
             (unsigned long long)address, size);
    return vg_fault(w, op, lane, kind, address, text);
}

const struct vg_interp_range *
vg_mem_range(struct vg_block *block, uint64_t address)
{
    for (uint32_t i = 0; i < block->n_ranges; i++) {
        if (address >= block->ranges[i].lo && address < block->ranges[i].hi) {
            return &block->ranges[i];
        }
    }
    struct vg_interp_range range;
    const struct vg_interp_launch *launch = block->launch;
    if (launch->resolve == NULL || !launch->resolve(launch->user, address, &range) ||
        address < range.lo || address >= range.hi) {
        return NULL;
    }
    uint32_t at = block->n_ranges;
    if (at < VG_RANGE_CACHE) {
        block->n_ranges++;
    } else {
        at = block->next_range++ % VG_RANGE_CACHE;
    }
    block->ranges[at] = range;
    return &block->ranges[at];
}

uint8_t *
vg_mem_window(struct vg_warp *w, const struct vg_iop *op, uint32_t lane,
              enum vg_ptx_space space, uint64_t offset, uint32_t size)
{
    uint8_t *base = NULL;
    uint64_t limit = 0;

    if (space == VG_PTX_SHARED) {
        base = w->block->shared;
        limit = w->block->shared_size;
    } else if (space == VG_PTX_LOCAL) {
        base = w->local + (size_t)lane * w->local_size;
        limit = w->local_size;
    } else if (space == VG_PTX_PARAM) {
        /* read-only by the text of the manual; the decoder refuses stores */
        base = (uint8_t *)(uintptr_t)w->block->launch->params;
        limit = w->block->launch->param_size;
    }
    if ((offset & (size - 1)) != 0) {
        fault_access(w, op, lane, VG_INTERP_FAULT_MISALIGNED, offset, size);
        return NULL;
    }
    if (offset > limit || size > limit - offset) {
        fault_access(w, op, lane, VG_INTERP_FAULT_SPACE, offset, size);
        return NULL;
    }
    return base + offset;
}

static uint8_t *
workspace_at(struct vg_warp *w, uint64_t offset, uint32_t size)
{
    if (w->block->workspace_bytes == NULL || offset > 256 || size > 256 - offset) {
        return NULL;
    }
    return w->block->workspace_bytes + offset;
}

uint8_t *
vg_mem_at(struct vg_warp *w, const struct vg_iop *op, uint32_t lane, uint64_t address,
          uint32_t size, bool is_write)
{
    const uint64_t window = address & ~(VG_WINDOW_SIZE - 1);
    const uint64_t offset = address & (VG_WINDOW_SIZE - 1);

    if (window == VG_WINDOW_SHARED) {
        return vg_mem_window(w, op, lane, VG_PTX_SHARED, offset, size);
    }
    if (window == VG_WINDOW_LOCAL) {
        return vg_mem_window(w, op, lane, VG_PTX_LOCAL, offset, size);
    }
    if (window == VG_WINDOW_PARAM && !is_write) {
        return vg_mem_window(w, op, lane, VG_PTX_PARAM, offset, size);
    }
    if ((address & (size - 1)) != 0) {
        fault_access(w, op, lane, VG_INTERP_FAULT_MISALIGNED, address, size);
        return NULL;
    }
    if (window == VG_WINDOW_GRID) {
        uint8_t *p = workspace_at(w, offset, size);
        if (p != NULL) {
            return p;
        }
    }
    const struct vg_interp_range *range = vg_mem_range(w->block, address);
    if (range == NULL || size > range->hi - address || (is_write && range->read_only)) {
        fault_access(w, op, lane, VG_INTERP_FAULT_ADDRESS, address, size);
        return NULL;
    }
    return (uint8_t *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
}
