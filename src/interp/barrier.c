/* SPDX-License-Identifier: Apache-2.0 */

/*
 * barrier - the sixteen barriers of a block.
 *
 * A barrier is complete when every thread that lives has arrived, or, with a count, when
 * that many threads have. A warp of which all living lanes have arrived counts as 32
 * threads, since counts are multiples of the warp's size and a last warp may be short.
 */

#include "interp/kernel.h"
#include "interp/priv.h"

/* modes of a barrier instruction: what it does, and what it reduces */
static uint32_t
arrivals(const struct vg_block *block, const struct vg_barrier *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < block->n_warps; i++) {
        if (b->arrived[i] != 0) {
            const bool whole = (block->warps[i].live & ~b->arrived[i]) == 0;
            n += whole ? VG_LANES : (uint32_t)__builtin_popcount(b->arrived[i]);
        }
    }
    return n;
}

static bool
everyone(const struct vg_block *block, const struct vg_barrier *b)
{
    for (uint32_t i = 0; i < block->n_warps; i++) {
        if ((block->warps[i].live & ~b->arrived[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void
deliver(struct vg_warp *w, struct vg_frame *f, const struct vg_group *g,
        const struct vg_barrier *b)
{
    const struct vg_iop *op = &f->code->ops[g->pc];
    uint8_t *regs = f->regs;
    if (op->mode == VG_BARRIER_AND || op->mode == VG_BARRIER_OR) {
        const uint32_t bits =
            (op->mode == VG_BARRIER_AND ? b->all : b->any) != 0 ? VG_FULL : 0;
        uint32_t *p = (uint32_t *)(void *)(regs + op->d);
        *p = (*p & ~g->mask) | (bits & g->mask);
    } else if (op->mode == VG_BARRIER_POPC) {
        uint32_t *row = (uint32_t *)(void *)(regs + op->d);
        VG_EACH_LANE(l, g->mask)
        {
            row[l] = b->count;
        }
    }
    (void)w;
}

static void
release_warp(struct vg_warp *w, uint32_t id, const struct vg_barrier *b)
{
    for (uint32_t k = 0; k <= w->depth; k++) {
        struct vg_frame *f = w->frames[k];
        for (uint32_t i = 0; i < f->n_groups; i++) {
            struct vg_group *g = &f->groups[i];
            if (g->state == VG_GROUP_BARRIER && g->barrier == id) {
                deliver(w, f, g, b);
                g->state = VG_GROUP_READY;
                g->pc++;
            }
        }
    }
}

void
vg_barrier_check(struct vg_block *block)
{
    for (uint32_t id = 0; id < VG_MAX_BARRIERS; id++) {
        struct vg_barrier *b = &block->barriers[id];
        if (!b->busy ||
            (b->expect == 0 ? !everyone(block, b) : arrivals(block, b) < b->expect)) {
            continue;
        }
        for (uint32_t i = 0; i < block->n_warps; i++) {
            release_warp(&block->warps[i], id, b);
        }
        memset(b, 0, sizeof(*b));
        /* a block of one warp has nobody to keep in step with */
        block->short_turns = block->n_warps > 1 ? block->n_warps : 0;
    }
}

void
vg_barrier_arrive(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    struct vg_barrier *b = &w->block->barriers[w->barrier];
    if (!b->busy) {
        b->busy = true;
        b->all = VG_FULL;
    }
    b->expect = w->want;
    b->arrived[w->index] |= mask;
    if (op->mode >= VG_BARRIER_AND) {
        const uint32_t p = *vg_pred(w, op->c) & mask;
        b->any |= p;
        b->all = p == mask ? b->all : 0;
        b->count += (uint32_t)__builtin_popcount(p);
    }
    vg_barrier_check(w->block);
}
