/* SPDX-License-Identifier: Apache-2.0 */

/*
 * copy - cp.async, done at once: a group is complete when it is committed. Cache policies
 * are numbers that nothing looks at.
 */

#include "interp/alu.h"
#include "interp/lanes.h"

static int
nothing(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_NEXT;
}

/* The source is a second decoded instruction, op->ext; op->b, when op->mode is not 0, is
 * the number of bytes to take (the rest becomes zero) or the predicate that ignores. */
enum {
    COPY_ALL,
    COPY_SIZE,
    COPY_IGNORE
};

static int
copy_async(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct vg_iop *source = op->ext;
    uint64_t to[VG_LANES];
    uint64_t from[VG_LANES];
    uint32_t take[VG_LANES];
    uint32_t reads = 0;

    VG_EACH_LANE(l, mask)
    {
        take[l] = op->size;
        if (op->mode == COPY_SIZE) {
            const uint32_t n = vg_row32(w, op->b)[l];
            take[l] = n < op->size ? n : op->size;
        } else if (op->mode == COPY_IGNORE && (*vg_pred(w, op->b) >> l & 1) != 0) {
            take[l] = 0;
        }
        reads |= (uint32_t)(take[l] != 0) << l;
    }
    if (!vg_lanes_at(w, op, mask, to) ||
        (reads != 0 && !vg_lanes_at(w, source, reads, from))) {
        return VG_STEP_FAULT;
    }
    VG_EACH_LANE(l, mask)
    {
        uint8_t bytes[16] = { 0 };
        if (take[l] != 0) {
            memcpy(bytes, vg_host(from[l]), take[l]);
        }
        memcpy(vg_host(to[l]), bytes, op->size);
    }
    return VG_STEP_NEXT;
}

static unsigned
copy_mode(const struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    unsigned n = insn->n_operands;
    n -= vg_ptx_has(insn, VG_PTX_MOD_L2_CACHE_HINT) ? 1 : 0;
    if (n < 4) {
        return COPY_ALL;
    }
    const struct vg_ptx_operand *o = &insn->operands[3];
    return o->kind == VG_PTX_OPERAND_REG && vg_dec_reg_bits(d, o->reg) == 1 ? COPY_IGNORE
                                                                            : COPY_SIZE;
}

static int
decode_async(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    struct vg_dec_address to;
    struct vg_dec_address from;
    if (insn->n_operands < 3 || insn->operands[2].kind != VG_PTX_OPERAND_INT) {
        return vg_dec_refuse(d, NULL);
    }
    const uint64_t size = insn->operands[2].bits;
    int r = size == 4 || size == 8 || size == 16 ? 0 : vg_dec_refuse(d, "size");
    if (r == 0) {
        r = vg_dec_address(d, &insn->operands[0], &to);
    }
    if (r == 0) {
        r = vg_dec_address(d, &insn->operands[1], &from);
    }
    if (r != 0) {
        return r;
    }
    const unsigned mode = copy_mode(d, insn);
    const uint32_t b = mode == COPY_SIZE ? vg_dec_src(d, &insn->operands[3], VG_PTX_B32)
                       : mode == COPY_IGNORE ? vg_dec_pred(d, &insn->operands[3])
                                             : 0;
    struct vg_iop *source = vg_dec_alloc(d, sizeof(*source));
    if (source == NULL) {
        return 0;
    }
    source->line = insn->line;
    source->size = (uint8_t)size;
    vg_lanes_decode(source, &from, VG_PTX_GLOBAL, (uint32_t)size, false);
    struct vg_iop *op = vg_dec_emit(d, copy_async);
    op->ext = source;
    op->mode = (uint8_t)mode;
    op->b = b;
    op->size = (uint8_t)size;
    vg_lanes_decode(op, &to, VG_PTX_SHARED, (uint32_t)size, true);
    return 0;
}

int
VG_ISA(vg_decode_copy)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (vg_ptx_has(insn, VG_PTX_MOD_BULK) || vg_ptx_has(insn, VG_PTX_MOD_MBARRIER) ||
        !vg_ptx_has(insn, VG_PTX_MOD_ASYNC)) {
        return vg_dec_refuse(d, NULL);
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_COMMIT_GROUP) ||
        vg_ptx_has(insn, VG_PTX_MOD_WAIT_GROUP) ||
        vg_ptx_has(insn, VG_PTX_MOD_WAIT_ALL)) {
        vg_dec_emit(d, nothing);
        return 0;
    }
    return decode_async(d, insn);
}
