/* SPDX-License-Identifier: Apache-2.0 */

/*
 * frame - a warp's call stack: registers and parameters of each function that its lanes
 * are in. Memory of a depth is kept for the next call that gets there.
 */

#include <stdlib.h>

#include "interp/decode.h"
#include "interp/kernel.h"

static bool
reserve(uint8_t **bytes, size_t *cap, size_t size)
{
    const size_t need = (size + 63) & ~(size_t)63;
    if (need <= *cap) {
        return true;
    }
    uint8_t *p = aligned_alloc(64, need);
    if (p == NULL) {
        return false;
    }
    free(*bytes);
    *bytes = p;
    *cap = need;
    return true;
}

static struct vg_frame *
frame_at(struct vg_warp *w, uint32_t depth)
{
    if (w->frames[depth] == NULL) {
        w->frames[depth] = calloc(1, sizeof(struct vg_frame));
    }
    return w->frames[depth];
}

/* Makes @f, at @depth, the frame that runs. */
static void
frame_use(struct vg_warp *w, struct vg_frame *f, uint32_t depth)
{
    w->frame = f;
    w->depth = depth;
    w->base[0] = f->regs;
    w->base[1] = f->code->consts;
}

/* What needs no room may have none. */
static void
clear(uint8_t *bytes, size_t size)
{
    if (bytes != NULL) {
        memset(bytes, 0, size);
    }
}

static int
frame_open(struct vg_warp *w, const struct vg_code *code, uint32_t mask, uint32_t depth,
           uint32_t local_base)
{
    struct vg_frame *f = frame_at(w, depth);
    if (f == NULL || !reserve(&f->regs, &f->regs_cap, code->regs_size) ||
        !reserve(&f->params, &f->params_cap, (size_t)code->params_size * VG_LANES)) {
        return VG_STEP_FAULT;
    }
    clear(f->regs, code->regs_size);
    clear(f->params, (size_t)code->params_size * VG_LANES);
    f->code = code;
    f->call_mask = mask;
    f->caller = 0;
    f->local_base = local_base;
    f->n_groups = 1;
    f->groups[0] = (struct vg_group){ .mask = mask, .state = VG_GROUP_READY };
    frame_use(w, f, depth);
    vg_sreg_fill(w, code, f->regs);
    return 0;
}

int
vg_frame_push(struct vg_warp *w, const struct vg_code *code, uint32_t mask)
{
    const struct vg_frame *f = w->frame;
    const uint32_t local = f->local_base + f->code->local_size;
    if (w->depth + 1 >= VG_MAX_DEPTH || code->local_size > w->local_size - local) {
        return VG_STEP_FAULT;
    }
    return frame_open(w, code, mask, w->depth + 1, local);
}

void
vg_frame_pop(struct vg_warp *w)
{
    frame_use(w, w->frames[w->depth - 1], w->depth - 1);
}

int
vg_warp_begin(struct vg_warp *w, struct vg_block *block, uint32_t index)
{
    const struct vg_interp_kernel *kernel = block->kernel;
    const uint32_t rest = block->n_threads - index * VG_LANES;

    w->block = block;
    w->index = index;
    w->first_thread = index * VG_LANES;
    w->all = rest >= VG_LANES ? VG_FULL : (1u << rest) - 1;
    w->live = w->all;
    w->turn = 0;
    w->local_size = kernel->needs.local;
    if (!reserve(&w->local, &w->local_cap, (size_t)w->local_size * VG_LANES)) {
        return VG_STEP_FAULT;
    }
    if (w->local_size != 0) {
        memset(w->local, 0, (size_t)w->local_size * VG_LANES);
    }
    return frame_open(w, kernel->entry, w->all, 0, 0);
}

void
vg_warp_free(struct vg_warp *w)
{
    for (uint32_t k = 0; k < VG_MAX_DEPTH && w->frames[k] != NULL; k++) {
        free(w->frames[k]->regs);
        free(w->frames[k]->params);
        free(w->frames[k]);
    }
    free(w->local);
}

/* --- arguments and results --- */

static uint8_t *
row_of(const struct vg_frame *f, uint32_t slot)
{
    return ((slot & 1) != 0 ? f->code->consts : f->regs) + (slot & ~1u);
}

static void
copy_row(const struct vg_call_copy *copy, const struct vg_frame *to,
         const struct vg_frame *from, uint32_t mask)
{
    uint8_t *d = row_of(to, copy->to);
    const uint8_t *s = row_of(from, copy->from);
    if (copy->row == 1) {
        uint32_t bits;
        uint32_t old;
        memcpy(&bits, s, 4);
        memcpy(&old, d, 4);
        bits = (old & ~mask) | (bits & mask);
        memcpy(d, &bits, 4);
        return;
    }
    VG_EACH_LANE(l, mask)
    {
        memcpy(d + (size_t)l * copy->row / 8, s + (size_t)l * copy->row / 8,
               copy->row / 8u);
    }
}

static void
copy_one(const struct vg_call_copy *copy, const struct vg_frame *to,
         const struct vg_frame *from, uint32_t mask)
{
    if (copy->row != 0) {
        copy_row(copy, to, from, mask);
        return;
    }
    VG_EACH_LANE(l, mask)
    {
        memcpy(to->params + (size_t)l * to->code->params_size + copy->to,
               from->params + (size_t)l * from->code->params_size + copy->from,
               copy->size);
    }
}

void
vg_call_enter(struct vg_warp *w, const struct vg_frame *caller)
{
    struct vg_frame *f = w->frame;
    const struct vg_call *call = w->call;
    f->call = call;
    for (uint32_t i = 0; i < call->n_args; i++) {
        copy_one(&call->args[i], f, caller, f->call_mask);
    }
}

void
vg_call_leave(struct vg_warp *w, const struct vg_frame *callee)
{
    const struct vg_call *call = callee->call;
    for (uint32_t i = 0; i < call->n_results; i++) {
        copy_one(&call->results[i], w->frame, callee, callee->call_mask);
    }
}
