/* SPDX-License-Identifier: Apache-2.0 */

/*
 * lanes - checks the addresses of a warp's access together: the smallest and the largest
 * lie in one range and all are aligned, or else each lane is looked at.
 */

#include "interp/lanes.h"

struct extent {
    int64_t lo, hi;
    uint64_t bits; /* all bits that are set in any address */
};

static void
gather_rows(const struct vg_warp *w, const struct vg_iop *op, uint64_t at[VG_LANES])
{
    const uint64_t imm = (uint64_t)op->imm;
    if ((op->e & VG_AT_NONE) != 0) {
        VG_VECTOR
        for (uint32_t l = 0; l < VG_LANES; l++) {
            at[l] = imm;
        }
    } else if ((op->e & VG_AT_WIDE) != 0) {
        const uint64_t *a = vg_row64(w, op->a);
        VG_VECTOR
        for (uint32_t l = 0; l < VG_LANES; l++) {
            at[l] = a[l] + imm;
        }
    } else {
        const uint32_t *a = vg_row32(w, op->a);
        VG_VECTOR
        for (uint32_t l = 0; l < VG_LANES; l++) {
            at[l] = (uint32_t)(a[l] + (uint32_t)imm);
        }
    }
}

/* Signed, since that is what hosts compare fast; an address above 2^63 is in no range and
 * below every one. */
static struct extent
extent_of(const uint64_t at[VG_LANES], uint32_t mask)
{
    int64_t lo = INT64_MAX;
    int64_t hi = INT64_MIN;
    uint64_t bits = 0;
    if (mask == VG_FULL) {
        for (uint32_t l = 0; l < VG_LANES; l++) {
            const int64_t v = (int64_t)at[l];
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
            bits |= at[l];
        }
    } else {
        VG_EACH_LANE(l, mask)
        {
            const int64_t v = (int64_t)at[l];
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
            bits |= at[l];
        }
    }
    return (struct extent){ lo, hi, bits };
}

static bool
each_lane(struct vg_warp *w, const struct vg_iop *op, uint32_t mask,
          uint64_t at[VG_LANES])
{
    const enum vg_ptx_space space = op->e / VG_AT_SPACE;
    VG_EACH_LANE(l, mask)
    {
        uint8_t *p;
        if (space == VG_PTX_SHARED || space == VG_PTX_LOCAL || space == VG_PTX_PARAM) {
            p = vg_mem_window(w, op, l, space, at[l], op->f);
        } else {
            p = vg_mem_at(w, op, l, at[l], op->f, (op->e & VG_AT_WRITE) != 0);
        }
        if (p == NULL) {
            return false;
        }
        at[l] = (uint64_t)(uintptr_t)p;
    }
    return true;
}

static bool
in_shared(struct vg_warp *w, const struct vg_iop *op, uint32_t mask,
          uint64_t at[VG_LANES], struct extent x)
{
    const int64_t size = w->block->shared_size;
    if (x.lo < 0 || x.hi > size - (int64_t)op->f || (x.bits & (op->f - 1)) != 0) {
        return each_lane(w, op, mask, at);
    }
    const uint64_t base = (uint64_t)(uintptr_t)w->block->shared;
    VG_VECTOR
    for (uint32_t l = 0; l < VG_LANES; l++) {
        at[l] += base;
    }
    return true;
}

static bool
in_local(struct vg_warp *w, const struct vg_iop *op, uint32_t mask, uint64_t at[VG_LANES],
         struct extent x)
{
    const int64_t size = w->local_size;
    if (x.lo < 0 || x.hi > size - (int64_t)op->f || (x.bits & (op->f - 1)) != 0) {
        return each_lane(w, op, mask, at);
    }
    const uint64_t base = (uint64_t)(uintptr_t)w->local;
    for (uint32_t l = 0; l < VG_LANES; l++) {
        at[l] += base + l * (uint64_t)size;
    }
    return true;
}

static bool
in_global(struct vg_warp *w, const struct vg_iop *op, uint32_t mask,
          uint64_t at[VG_LANES], struct extent x)
{
    if ((x.bits & (op->f - 1)) != 0 || x.lo < 0 || x.lo >= (int64_t)VG_WINDOW_SHARED) {
        return each_lane(w, op, mask, at);
    }
    const struct vg_interp_range *range = vg_mem_range(w->block, (uint64_t)x.lo);
    const uint64_t hi = (uint64_t)x.hi;
    if (range == NULL || hi >= range->hi || op->f > range->hi - hi ||
        (range->read_only && (op->e & VG_AT_WRITE) != 0)) {
        return each_lane(w, op, mask, at);
    }
    return true;
}

bool
vg_lanes_at(struct vg_warp *w, const struct vg_iop *op, uint32_t mask,
            uint64_t at[VG_LANES])
{
    const enum vg_ptx_space space = op->e / VG_AT_SPACE;
    gather_rows(w, op, at);
    struct extent x = extent_of(at, mask);

    if (space == VG_PTX_SHARED) {
        return in_shared(w, op, mask, at, x);
    }
    if (space == VG_PTX_LOCAL) {
        return in_local(w, op, mask, at, x);
    }
    if (space == VG_PTX_PARAM) {
        return each_lane(w, op, mask, at);
    }
    if (x.lo >= (int64_t)VG_WINDOW_SHARED &&
        x.hi < (int64_t)(VG_WINDOW_SHARED + VG_WINDOW_SIZE)) {
        VG_VECTOR
        for (uint32_t l = 0; l < VG_LANES; l++) {
            at[l] -= VG_WINDOW_SHARED;
        }
        x.lo -= (int64_t)VG_WINDOW_SHARED;
        x.hi -= (int64_t)VG_WINDOW_SHARED;
        x.bits &= VG_WINDOW_SIZE - 1;
        return in_shared(w, op, mask, at, x);
    }
    return in_global(w, op, mask, at, x);
}
