/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sreg - special registers. Those that do not change are rows, filled when a frame is
 * entered; clocks are read where they stand. %clock counts the warp's instructions, so
 * that it does not depend on the host.
 */

#include <time.h>

#include "interp/decode.h"
#include "interp/kernel.h"

bool
vg_sreg_is_clock(enum vg_ptx_sreg sreg)
{
    return sreg == VG_PTX_SREG_CLOCK || sreg == VG_PTX_SREG_CLOCK_HI ||
           sreg == VG_PTX_SREG_CLOCK64 || sreg == VG_PTX_SREG_GLOBALTIMER ||
           sreg == VG_PTX_SREG_GLOBALTIMER_LO || sreg == VG_PTX_SREG_GLOBALTIMER_HI;
}

uint64_t
vg_sreg_now(const struct vg_warp *w, unsigned sreg)
{
    if (sreg == VG_PTX_SREG_CLOCK || sreg == VG_PTX_SREG_CLOCK64) {
        return w->steps;
    }
    if (sreg == VG_PTX_SREG_CLOCK_HI) {
        return w->steps >> 32;
    }
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    const uint64_t now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
    return sreg == VG_PTX_SREG_GLOBALTIMER_HI ? now >> 32 : now;
}

static uint32_t
thread_component(const struct vg_warp *w, uint32_t lane, unsigned component)
{
    const uint32_t *size = w->block->launch->block;
    const uint32_t t = w->first_thread + lane;
    switch (component) {
    case 0:
        return t % size[0];
    case 1:
        return t / size[0] % size[1];
    default:
        return t / size[0] / size[1];
    }
}

static uint32_t
lane_value(uint32_t lane, unsigned sreg)
{
    switch (sreg) {
    case VG_PTX_SREG_LANEMASK_EQ:
        return 1u << lane;
    case VG_PTX_SREG_LANEMASK_LT:
        return (1u << lane) - 1;
    case VG_PTX_SREG_LANEMASK_LE:
        return (uint32_t)((2ull << lane) - 1);
    case VG_PTX_SREG_LANEMASK_GT:
        return ~(uint32_t)((2ull << lane) - 1);
    case VG_PTX_SREG_LANEMASK_GE:
        return ~((1u << lane) - 1);
    default:
        return lane;
    }
}

static uint64_t
block_value(const struct vg_warp *w, unsigned sreg, unsigned component)
{
    const struct vg_block *block = w->block;
    const struct vg_interp_launch *launch = block->launch;
    const unsigned xyz = component < 3 ? component : 0;

    switch (sreg) {
    case VG_PTX_SREG_NTID:
        return component < 3 ? launch->block[xyz] : 0;
    case VG_PTX_SREG_CTAID:
    case VG_PTX_SREG_CLUSTERID:
        return component < 3 ? block->id[xyz] : 0;
    case VG_PTX_SREG_NCTAID:
    case VG_PTX_SREG_NCLUSTERID:
        return component < 3 ? launch->grid[xyz] : 0;
    case VG_PTX_SREG_WARPID:
        return w->index;
    case VG_PTX_SREG_NWARPID:
        return block->n_warps;
    case VG_PTX_SREG_SMID:
        return launch->n_sm == 0
                   ? 0
                   : (block->id[0] + block->id[1] + block->id[2]) % launch->n_sm;
    case VG_PTX_SREG_NSMID:
        return launch->n_sm;
    case VG_PTX_SREG_GRIDID:
        return launch->grid_id;
    case VG_PTX_SREG_DYNAMIC_SMEM_SIZE:
        return launch->dynamic_shared;
    case VG_PTX_SREG_TOTAL_SMEM_SIZE:
        return block->shared_size;
    case VG_PTX_SREG_CLUSTER_NCTAID:
        return 1;
    case VG_PTX_SREG_CLUSTER_NCTARANK:
        return 1;
    case VG_PTX_SREG_ENVREG:
        /* cooperative groups: the grid's workspace, high word in 1, low word in 2 */
        return component == 1   ? (uint32_t)(block->workspace >> 32)
               : component == 2 ? (uint32_t)block->workspace
                                : 0;
    default:
        return 0;
    }
}

static void
fill_row(struct vg_warp *w, const struct vg_sreg_row *s, uint8_t *row)
{
    for (uint32_t l = 0; l < VG_LANES; l++) {
        uint64_t value;
        if (s->sreg == VG_PTX_SREG_TID) {
            value = s->component < 3 ? thread_component(w, l, s->component) : 0;
        } else if (s->sreg >= VG_PTX_SREG_LANEMASK_EQ &&
                   s->sreg <= VG_PTX_SREG_LANEMASK_GT) {
            value = lane_value(l, s->sreg);
        } else if (s->sreg == VG_PTX_SREG_LANEID) {
            value = l;
        } else {
            value = block_value(w, s->sreg, s->component);
        }
        if (s->wide) {
            memcpy(row + (size_t)l * 8, &value, 8);
        } else {
            memcpy(row + (size_t)l * 4, &value, 4);
        }
    }
}

void
vg_sreg_fill(struct vg_warp *w, const struct vg_code *code, uint8_t *regs)
{
    for (uint32_t i = 0; i < code->n_sregs; i++) {
        fill_row(w, &code->sregs[i], regs + code->sregs[i].slot);
    }
    if (code->local_row != UINT32_MAX) {
        uint32_t *row = (uint32_t *)(void *)(regs + code->local_row);
        for (uint32_t l = 0; l < VG_LANES; l++) {
            row[l] = w->frame->local_base;
        }
    }
}
