/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mutate - see the header. The mutated handler stands in front of the real one and looks
 * at one global; nothing else in the interpreter knows of it.
 */

#include "interp/mutate.h"
#include "interp/decode.h"

#if !defined(VG_INTERP_MUTATE)

void
vg_mutate_note(struct vg_dec *d, const struct vg_ptx_insn *insn, uint32_t first_op)
{
    (void)d;
    (void)insn;
    (void)first_op;
}

#else

int vg_interp_mutant;

/* what a mutant does to the first type written; NO_TYPE: opcodes without one */
#define NO_TYPE           VG_PTX_TYPE_COUNT

static const struct {
    uint16_t op;
    uint8_t type;
    const char *name;
} mutants[] = {
#define M(op, type, text) { VG_PTX_OP_##op, VG_PTX_##type, text ": a bit is flipped" },
#define N(op, text)       { VG_PTX_OP_##op, NO_TYPE, text ": left out" },
#include "interp/mutants.h"
#undef M
#undef N
};

unsigned
vg_interp_mutant_count(void)
{
    return sizeof(mutants) / sizeof(mutants[0]);
}

const char *
vg_interp_mutant_name(unsigned number)
{
    return number == 0 || number > vg_interp_mutant_count() ? NULL
                                                            : mutants[number - 1].name;
}

static int
mutated(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    if (vg_interp_mutant != (int)op->mutant.number) {
        return op->mutant.run(w, op, mask);
    }
    if (op->mutant.bits == 0) {
        return VG_STEP_NEXT;
    }
    const int r = op->mutant.run(w, op, mask);
    if (r != VG_STEP_NEXT) {
        return r;
    }
    if (op->mutant.bits == 1) {
        *vg_pred(w, op->mutant.slot) ^= mask;
        return r;
    }
    VG_EACH_LANE(l, mask)
    {
        if (op->mutant.bits == 64) {
            vg_row64(w, op->mutant.slot)[l] ^= op->mutant.flip;
        } else {
            vg_row32(w, op->mutant.slot)[l] ^= (uint32_t)op->mutant.flip;
        }
    }
    return r;
}

static const struct vg_ptx_operand *
result_of(const struct vg_ptx_insn *insn)
{
    const unsigned flags = vg_ptx_op_flags(insn->op);
    if (insn->n_operands == 0 || insn->op == VG_PTX_OP_ST || insn->op == VG_PTX_OP_RED ||
        insn->op == VG_PTX_OP_STMATRIX || insn->op == VG_PTX_OP_CP ||
        insn->op == VG_PTX_OP_CALL || (flags & VG_PTX_FLAG_BRANCH) != 0) {
        return NULL;
    }
    const struct vg_ptx_operand *o = &insn->operands[0];
    if (o->kind == VG_PTX_OPERAND_VECTOR || o->kind == VG_PTX_OPERAND_PAIR) {
        o = &o->elems[0];
    }
    return o->kind == VG_PTX_OPERAND_REG ? o : NULL;
}

/* A low bit of integers; of floats the highest of the mantissa, so that a test with a
 * tolerance notices too. */
static uint64_t
flip_of(unsigned type)
{
    switch (type) {
    case VG_PTX_F64:
        return 1ull << 51;
    case VG_PTX_F32:
    case VG_PTX_TF32:
        return 1u << 22;
    case VG_PTX_F16:
    case VG_PTX_F16X2:
        return 1u << 9;
    case VG_PTX_BF16:
    case VG_PTX_BF16X2:
        return 1u << 6;
    default:
        return 1;
    }
}

void
vg_mutate_note(struct vg_dec *d, const struct vg_ptx_insn *insn, uint32_t first_op)
{
    const unsigned type = insn->n_types == 0 ? NO_TYPE : insn->types[0];
    unsigned number = 0;
    for (unsigned i = 0; i < vg_interp_mutant_count() && number == 0; i++) {
        if (mutants[i].op == insn->op &&
            (mutants[i].type == type || mutants[i].type == NO_TYPE)) {
            number = i + 1;
        }
    }
    if (number == 0 || d->n_ops == first_op || d->failed) {
        return;
    }
    struct vg_iop *op = &d->ops[d->n_ops - 1];
    const struct vg_ptx_operand *o = result_of(insn);
    if (insn->op == VG_PTX_OP_BRX) {
        op = &d->ops[first_op];
    }
    op->mutant.run = op->run;
    op->mutant.number = number;
    if (o != NULL) {
        op->mutant.bits = (uint8_t)vg_dec_reg_bits(d, o->reg);
        op->mutant.slot = vg_dec_reg_slot(d, o->reg);
        op->mutant.flip = flip_of(type);
    }
    op->run = mutated;
}

#endif
