/* SPDX-License-Identifier: Apache-2.0 */

/*
 * exec - one warp: groups of lanes that share a program counter.
 *
 * The ready group with the smallest counter runs until it reaches the next group's
 * counter, where the two become one. That is how lanes meet again at the first common
 * instruction in text order, whatever the graph of branches looks like. When a slice is
 * used up, another group gets a turn, so that lanes of one warp may wait for each other.
 */

#include "interp/decode.h"
#include "interp/kernel.h"

#define SHORT_SLICE 512

int
vg_step_return(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_RETURN;
}

/* --- groups of the current frame --- */

static void
group_remove(struct vg_frame *f, uint32_t i)
{
    f->groups[i] = f->groups[--f->n_groups];
}

/* Adds lanes at a counter; they join a ready group that is there. */
static void
group_add(struct vg_frame *f, uint32_t pc, uint32_t mask)
{
    if (mask == 0) {
        return;
    }
    for (uint32_t i = 0; i < f->n_groups; i++) {
        if (f->groups[i].state == VG_GROUP_READY && f->groups[i].pc == pc) {
            f->groups[i].mask |= mask;
            return;
        }
    }
    f->groups[f->n_groups++] =
        (struct vg_group){ .pc = pc, .mask = mask, .state = VG_GROUP_READY };
}

/* The ready group to run: smallest counter, or the one after it when it has had its
 * slice. Return: UINT32_MAX when none is ready. */
static uint32_t
group_pick(const struct vg_frame *f, uint32_t turn)
{
    uint32_t ready = 0;
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < f->n_groups; i++) {
        if (f->groups[i].state == VG_GROUP_READY) {
            ready++;
            if (best == UINT32_MAX || f->groups[i].pc < f->groups[best].pc) {
                best = i;
            }
        }
    }
    uint32_t skip = ready > 1 ? turn % ready : 0;
    while (skip-- > 0) {
        uint32_t next = UINT32_MAX;
        for (uint32_t i = 0; i < f->n_groups; i++) {
            if (f->groups[i].state == VG_GROUP_READY &&
                f->groups[i].pc > f->groups[best].pc &&
                (next == UINT32_MAX || f->groups[i].pc < f->groups[next].pc)) {
                next = i;
            }
        }
        if (next != UINT32_MAX) {
            best = next;
        }
    }
    return best;
}

/* The smallest counter of a ready group that lies after @pc. */
static uint32_t
next_counter(const struct vg_frame *f, uint32_t pc)
{
    uint32_t limit = UINT32_MAX;
    for (uint32_t i = 0; i < f->n_groups; i++) {
        if (f->groups[i].state == VG_GROUP_READY && f->groups[i].pc > pc &&
            f->groups[i].pc < limit) {
            limit = f->groups[i].pc;
        }
    }
    return limit;
}

static void
lanes_end(struct vg_warp *w, uint32_t mask)
{
    w->live &= ~mask;
    for (uint32_t k = 0; k <= w->depth; k++) {
        struct vg_frame *f = w->frames[k];
        f->call_mask &= w->live;
        for (uint32_t i = f->n_groups; i-- > 0;) {
            f->groups[i].mask &= w->live;
            /* a caller's empty group stays: it is what the frame above returns to */
            if (f->groups[i].mask == 0 && f->groups[i].state != VG_GROUP_CALL) {
                group_remove(f, i);
            }
        }
    }
}

/* All lanes of @want that are alive wait in bar.warp.sync, wherever that stands. */
static bool
meet_complete(const struct vg_warp *w, const struct vg_frame *f, uint32_t want)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < f->n_groups; i++) {
        if (f->groups[i].state == VG_GROUP_MEET && f->groups[i].want == want) {
            there |= f->groups[i].mask;
        }
    }
    return (want & w->live & ~there) == 0;
}

static void
gather_join(struct vg_frame *f, uint32_t i)
{
    for (uint32_t k = f->n_groups; k-- > i + 1;) {
        if (f->groups[k].state == VG_GROUP_GATHER && f->groups[k].pc == f->groups[i].pc) {
            f->groups[i].mask |= f->groups[k].mask;
            group_remove(f, k);
        }
    }
}

/* All that wait for @want in bar.warp.sync go on behind it. */
static void
meet_release(struct vg_frame *f, uint32_t want)
{
    for (uint32_t i = 0; i < f->n_groups; i++) {
        struct vg_group *g = &f->groups[i];
        if (g->state == VG_GROUP_MEET && g->want == want) {
            g->state = VG_GROUP_READY;
            g->pc++;
        }
    }
}

void
vg_groups_check(struct vg_warp *w)
{
    struct vg_frame *f = w->frame;
    for (uint32_t i = 0; i < f->n_groups; i++) {
        struct vg_group *g = &f->groups[i];
        if (g->state == VG_GROUP_GATHER) {
            gather_join(f, i);
            if ((g->want & w->live & ~g->mask) == 0) {
                g->state = VG_GROUP_READY;
            }
        } else if (g->state == VG_GROUP_MEET && meet_complete(w, f, g->want)) {
            meet_release(f, g->want);
        }
    }
}

/* --- what a handler asked for --- */

static void
park(struct vg_frame *f, uint32_t pc, uint32_t mask, struct vg_group state)
{
    state.pc = pc;
    state.mask = mask;
    f->groups[f->n_groups++] = state;
}

static int
enter_call(struct vg_warp *w, const struct vg_iop *op, uint32_t pc, uint32_t lanes)
{
    struct vg_frame *f = w->frame;
    group_add(f, pc + 1, lanes & ~(w->taken | w->want));
    group_add(f, pc, w->want);
    park(f, pc, w->taken, (struct vg_group){ .state = VG_GROUP_CALL });
    if (vg_frame_push(w, w->call->code, w->taken) != 0) {
        return vg_fault(w, op, (uint32_t)__builtin_ctz(w->taken), VG_INTERP_FAULT_MEMORY,
                        0, "the call stack is used up");
    }
    w->frame->caller = pc;
    vg_call_enter(w, f);
    return VG_STEP_NEXT;
}

/* The group of @lanes stands at @op; @active of them have executed it. */
static int
apply(struct vg_warp *w, const struct vg_iop *op, uint32_t lanes, uint32_t active,
      int step)
{
    struct vg_frame *f = w->frame;
    const uint32_t pc = (uint32_t)(op - f->code->ops);

    switch ((enum vg_step)step) {
    case VG_STEP_NEXT:
    case VG_STEP_YIELD:
        group_add(f, pc + 1, lanes);
        break;
    case VG_STEP_BRANCH:
        group_add(f, pc + 1, lanes & ~active);
        group_add(f, (uint32_t)op->imm, active);
        break;
    case VG_STEP_INDEXED:
        group_add(f, pc + 1, lanes & ~active);
        group_add(f, pc, active & ~w->taken);
        group_add(f, w->target, w->taken);
        break;
    case VG_STEP_RETURN:
        group_add(f, pc + 1, lanes & ~active);
        if (w->depth > 0) {
            break;
        }
        lanes_end(w, active);
        vg_barrier_check(w->block);
        break;
    case VG_STEP_EXIT:
        group_add(f, pc + 1, lanes & ~active);
        lanes_end(w, active);
        vg_barrier_check(w->block);
        break;
    case VG_STEP_CALL:
        return enter_call(w, op, pc, lanes);
    case VG_STEP_BARRIER:
        group_add(f, pc + 1, lanes & ~active);
        park(f, pc, active,
             (struct vg_group){ .state = VG_GROUP_BARRIER,
                                .barrier = (uint8_t)w->barrier });
        vg_barrier_arrive(w, op, active);
        break;
    case VG_STEP_GATHER:
    case VG_STEP_MEET:
        group_add(f, pc + 1, lanes & ~active);
        park(f, pc, active,
             (struct vg_group){ .state = step == VG_STEP_MEET ? VG_GROUP_MEET
                                                              : VG_GROUP_GATHER,
                                .want = w->want });
        break;
    case VG_STEP_FAULT:
        return VG_STEP_FAULT;
    }
    vg_groups_check(w);
    return VG_STEP_NEXT;
}

static inline uint32_t
guarded(const struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t p = *vg_pred(w, op->guard);
    return mask & (op->guard_kind == VG_GUARD_IF ? p : ~p);
}

/* Runs group @i until it meets another, splits, waits, ends or has used @left. */
static int
run_group(struct vg_warp *w, uint32_t i, uint64_t *left)
{
    struct vg_frame *f = w->frame;
    const uint32_t mask = f->groups[i].mask;
    const struct vg_iop *const ops = f->code->ops;
    const struct vg_iop *op = ops + f->groups[i].pc;
    uint64_t n = *left;

    group_remove(f, i);
    const uint32_t next = next_counter(f, (uint32_t)(op - ops));
    const struct vg_iop *const limit =
        next == UINT32_MAX ? ops + f->code->n_ops : ops + next;
    uint32_t active;
    int r;

    for (;;) {
        active = mask;
        if (op->guard_kind != VG_GUARD_NONE) {
            active = guarded(w, op, mask);
        }
        r = active != 0 ? op->run(w, op, active) : VG_STEP_NEXT;
        n--;
        if (__builtin_expect(r == VG_STEP_NEXT, 1)) {
            op++;
        } else if (r == VG_STEP_BRANCH && active == mask) {
            op = ops + op->imm;
        } else {
            break;
        }
        if (__builtin_expect(op >= limit || n == 0, 0)) {
            w->steps += *left - n;
            *left = n;
            group_add(f, (uint32_t)(op - ops), mask);
            vg_groups_check(w);
            return VG_STEP_NEXT;
        }
    }
    w->steps += *left - n;
    *left = r == VG_STEP_YIELD ? 0 : n;
    return apply(w, op, mask, active, r);
}

/* Every lane of the frame has returned: back to the caller. */
static void
leave_frame(struct vg_warp *w)
{
    struct vg_frame *callee = w->frame;
    const uint32_t back = callee->call_mask;
    vg_frame_pop(w);
    struct vg_frame *f = w->frame;
    for (uint32_t i = 0; i < f->n_groups; i++) {
        if (f->groups[i].state == VG_GROUP_CALL) {
            group_remove(f, i);
            break;
        }
    }
    if (back != 0) {
        vg_call_leave(w, callee);
        group_add(f, callee->caller + 1, back);
    }
}

int
vg_warp_run(struct vg_warp *w, uint64_t slice)
{
    uint64_t left = slice;
    uint32_t turn = 0;
    /* the few instructions after a barrier are no turn in this sense */
    const bool whole = slice >= SHORT_SLICE;
    if (whole && w->turn % 4 == 3 && w->frame->n_groups > 1) {
        /* for once not the smallest counter: it may be waiting for the others */
        turn = w->turn / 4 + 1;
        left = SHORT_SLICE;
    }
    while (left > 0) {
        if (w->frame->n_groups == 0) {
            if (w->depth == 0) {
                return VG_STEP_EXIT;
            }
            leave_frame(w);
            continue;
        }
        const uint32_t i = group_pick(w->frame, turn);
        turn = 0;
        if (i == UINT32_MAX) {
            return VG_STEP_BARRIER;
        }
        const uint32_t short_turns = w->block->short_turns;
        const int r = run_group(w, i, &left);
        if (r != VG_STEP_NEXT) {
            return r;
        }
        if (w->block->short_turns > short_turns) {
            /* a barrier opened: the others go on from it too */
            return VG_STEP_YIELD;
        }
    }
    w->turn += whole ? 1 : 0;
    return VG_STEP_YIELD;
}
