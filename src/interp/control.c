/* SPDX-License-Identifier: Apache-2.0 */

/*
 * control - branches, barriers and the ends of threads.
 */

#include "interp/alu.h"
#include "interp/decode.h"
#include "interp/kernel.h"

static int
branch(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_BRANCH;
}

static int
end_threads(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_EXIT;
}

static int
trap(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    return vg_fault(w, op, (uint32_t)__builtin_ctz(mask), VG_INTERP_FAULT_TRAP, 0,
                    "trap");
}

static int
nothing(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_NEXT;
}

static int
yield(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_YIELD;
}

/* --- barriers: a the number, b the thread count, c the predicate --- */

static int
barrier(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t lane = (uint32_t)__builtin_ctz(mask);
    const uint32_t id = vg_row32(w, op->a)[lane];
    const uint32_t count = vg_row32(w, op->b)[lane];
    if (id >= VG_MAX_BARRIERS || count % VG_LANES != 0) {
        return vg_fault(w, op, lane, VG_INTERP_FAULT_TRAP, id, "no such barrier");
    }
    w->barrier = id;
    w->want = count;
    if (op->mode == VG_BARRIER_ARRIVE) {
        vg_barrier_arrive(w, op, mask);
        return VG_STEP_NEXT;
    }
    return VG_STEP_BARRIER;
}

static int
decode_red(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const unsigned n = insn->n_operands;
    const bool counted = n == 4;
    if (n < 3 || n > 4) {
        return vg_dec_refuse(d, NULL);
    }
    const bool is_popc = vg_ptx_has(insn, VG_PTX_MOD_POPC);
    const uint32_t id = vg_dec_src(d, &insn->operands[1], VG_PTX_B32);
    const uint32_t count =
        counted ? vg_dec_src(d, &insn->operands[2], VG_PTX_B32) : vg_dec_const(d, 0, 32);
    const uint32_t p = vg_dec_pred(d, &insn->operands[n - 1]);
    const uint32_t dst =
        vg_dec_dst(d, &insn->operands[0], is_popc ? VG_PTX_B32 : VG_PTX_PRED);
    struct vg_iop *op = vg_dec_emit(d, barrier);
    op->d = dst;
    op->a = id;
    op->b = count;
    op->c = p;
    op->mode = is_popc                            ? VG_BARRIER_POPC
               : vg_ptx_has(insn, VG_PTX_MOD_AND) ? VG_BARRIER_AND
                                                  : VG_BARRIER_OR;
    return 0;
}

static int
meet(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    w->want = vg_row32(w, op->a)[__builtin_ctz(mask)];
    return VG_STEP_MEET;
}

static int
decode_barrier(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (vg_ptx_has(insn, VG_PTX_MOD_CLUSTER)) {
        return vg_dec_refuse(d, "clusters");
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_WARP)) {
        const uint32_t a = vg_dec_src(d, &insn->operands[0], VG_PTX_B32);
        vg_dec_emit(d, meet)->a = a;
        return insn->n_operands == 1 ? 0 : vg_dec_refuse(d, NULL);
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_RED)) {
        return decode_red(d, insn);
    }
    if (insn->n_operands < 1 || insn->n_operands > 2) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t id = vg_dec_src(d, &insn->operands[0], VG_PTX_B32);
    const uint32_t count = insn->n_operands > 1
                               ? vg_dec_src(d, &insn->operands[1], VG_PTX_B32)
                               : vg_dec_const(d, 0, 32);
    struct vg_iop *op = vg_dec_emit(d, barrier);
    op->a = id;
    op->b = count;
    op->mode = vg_ptx_has(insn, VG_PTX_MOD_ARRIVE) ? VG_BARRIER_ARRIVE : VG_BARRIER_SYNC;
    return 0;
}

/* --- branches --- */

static int
decode_branch(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_operands != 1 || insn->operands[0].kind != VG_PTX_OPERAND_LABEL) {
        return vg_dec_refuse(d, NULL);
    }
    struct vg_iop *op = vg_dec_emit(d, branch);
    vg_dec_target(d, op, insn->operands[0].target);
    return 0;
}

/* brx.idx: the lanes with the first lane's index go, the others come again */
static int
branch_indexed(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t *a = vg_row32(w, op->a);
    const uint32_t first = (uint32_t)__builtin_ctz(mask);
    const struct vg_iop *table = w->frame->code->ops + op->imm;
    uint32_t same = 0;
    if (a[first] >= op->f) {
        return vg_fault(w, op, first, VG_INTERP_FAULT_TRAP, a[first],
                        "branch index past the end of its table");
    }
    VG_EACH_LANE(l, mask)
    {
        same |= (uint32_t)(a[l] == a[first]) << l;
    }
    w->taken = same;
    w->target = (uint32_t)table[a[first]].imm;
    return VG_STEP_INDEXED;
}

/* The table is a row of branches behind a jump over it, so that its targets are filled in
 * like any other. */
static int
decode_indexed(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const struct vg_ptx_func *func = vg_dec_func(d);
    if (insn->n_operands != 2 || insn->operands[1].kind != VG_PTX_OPERAND_TARGETS) {
        return vg_dec_refuse(d, NULL);
    }
    const struct vg_ptx_targets *targets = &func->targets[insn->operands[1].symbol];
    const uint32_t a = vg_dec_src(d, &insn->operands[0], VG_PTX_B32);
    struct vg_iop *op = vg_dec_emit(d, branch_indexed);
    op->a = a;
    op->f = targets->n_targets;
    op->imm = d->n_ops + 1; /* the jump over the table comes first */
    d->guard_kind = VG_GUARD_NONE;
    op = vg_dec_emit(d, branch);
    op->imm = d->n_ops + targets->n_targets;
    for (uint32_t i = 0; i < targets->n_targets; i++) {
        struct vg_iop *entry = vg_dec_emit(d, branch);
        vg_dec_target(d, entry, targets->targets[i]);
    }
    return 0;
}

static vg_iop_fn *
simple(const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_RET:
        return vg_step_return;
    case VG_PTX_OP_EXIT:
        return end_threads;
    case VG_PTX_OP_TRAP:
    case VG_PTX_OP_BRKPT:
        return trap;
    case VG_PTX_OP_NANOSLEEP:
        return yield;
    case VG_PTX_OP_GRIDDEPCONTROL:
    case VG_PTX_OP_PMEVENT:
    case VG_PTX_OP_SETMAXNREG:
        return nothing;
    default:
        return NULL;
    }
}

int
VG_ISA(vg_decode_control)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_BRA:
        return decode_branch(d, insn);
    case VG_PTX_OP_BAR:
    case VG_PTX_OP_BARRIER:
        return decode_barrier(d, insn);
    case VG_PTX_OP_CALL:
        return vg_decode_call(d, insn);
    case VG_PTX_OP_BRX:
        return decode_indexed(d, insn);
    default:
        break;
    }
    vg_iop_fn *run = simple(insn);
    if (run == NULL) {
        return vg_dec_refuse(d, NULL);
    }
    vg_dec_emit(d, run);
    return 0;
}
