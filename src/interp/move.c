/* SPDX-License-Identifier: Apache-2.0 */

/*
 * move - mov with packing and unpacking, cvta, isspacep.
 *
 * A window's base has no low bits, so that a generic address of shared memory that is cut
 * to 32 bits is the shared address.
 */

#include "interp/alu.h"

VG_HANDLER1(move_32, uint32_t, uint32_t, uint32_t, x)
VG_HANDLER1(move_16, uint32_t, uint32_t, uint16_t, x)
VG_HANDLER1(move_64, uint64_t, uint64_t, uint64_t, x)

static int
move_pred(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    vg_pred_set(w, op->d, mask, *vg_pred(w, op->a));
    return VG_STEP_NEXT;
}

/* --- vectors: count elements of size bits, first element lowest --- */

static uint64_t
element_get(const struct vg_warp *w, uint32_t slot, unsigned bits, uint32_t l)
{
    const uint64_t v = bits == 64 ? vg_row64(w, slot)[l] : vg_row32(w, slot)[l];
    return bits >= 64 ? v : v & ((1ull << bits) - 1);
}

static int
pack(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    VG_EACH_LANE(l, mask)
    {
        uint64_t value = 0;
        for (uint32_t i = 0; i < op->count; i++) {
            value |= element_get(w, op->slots[i], op->size, l) << i * op->size;
        }
        if (op->mode == 64) {
            vg_row64(w, op->d)[l] = value;
        } else {
            vg_row32(w, op->d)[l] = (uint32_t)value;
        }
    }
    return VG_STEP_NEXT;
}

static int
unpack(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    VG_EACH_LANE(l, mask)
    {
        const uint64_t value =
            op->mode == 64 ? vg_row64(w, op->a)[l] : vg_row32(w, op->a)[l];
        for (uint32_t i = 0; i < op->count; i++) {
            if (op->slots[i] != UINT32_MAX) {
                const uint64_t part = value >> i * op->size & ((1ull << op->size) - 1);
                vg_row32(w, op->slots[i])[l] = (uint32_t)part;
            }
        }
    }
    return VG_STEP_NEXT;
}

VG_HANDLER2(pack_16_16, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t,
            (x & 0xffff) | y << 16)
VG_HANDLER2(pack_32_32, uint64_t, uint32_t, uint32_t, uint32_t, uint32_t,
            x | (uint64_t)y << 32)
VG_HANDLER1(low_16, uint32_t, uint32_t, uint32_t, x & 0xffff)
VG_HANDLER1(high_16, uint32_t, uint32_t, uint32_t, x >> 16)
VG_HANDLER1(low_32, uint32_t, uint64_t, uint64_t, x)
VG_HANDLER1(high_32, uint32_t, uint64_t, uint64_t, x >> 32)

static int
decode_pack(struct vg_dec *d, const struct vg_ptx_insn *insn, unsigned bits)
{
    const struct vg_ptx_operand *v = &insn->operands[1];
    const unsigned each = v->count == 0 ? 0 : bits / v->count;
    const enum vg_ptx_type type = each == 32   ? VG_PTX_B32
                                  : each == 16 ? VG_PTX_B16
                                               : VG_PTX_B8;
    uint32_t slots[8];
    if (each < 8 || each > 32 || v->count > 8) {
        return vg_dec_refuse(d, NULL);
    }
    for (unsigned i = 0; i < v->count; i++) {
        slots[i] = vg_dec_src(d, &v->elems[i], type);
    }
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], insn->types[0]);
    if (v->count == 2 && each >= 16) {
        const uint32_t four[4] = { dst, slots[0], slots[1], 0 };
        vg_dec_emit4(d, each == 16 ? pack_16_16 : pack_32_32, four);
        return 0;
    }
    const uint32_t *copy = vg_dec_slots(d, slots, v->count);
    struct vg_iop *op = vg_dec_emit(d, pack);
    op->d = dst;
    op->slots = copy;
    op->count = v->count;
    op->size = (uint8_t)each;
    op->mode = bits == 64 ? 64 : 32;
    return 0;
}

/* Two elements: one handler each; the second must not read what the first wrote. */
static int
decode_unpack2(struct vg_dec *d, const uint32_t slots[2], uint32_t src, unsigned each)
{
    vg_iop_fn *const fns[2][2] = { { low_16, high_16 }, { low_32, high_32 } };
    const unsigned first = slots[0] == src ? 1 : 0;
    for (unsigned k = 0; k < 2; k++) {
        const unsigned i = k == 0 ? first : 1 - first;
        if (slots[i] != UINT32_MAX) {
            const uint32_t four[4] = { slots[i], src, 0, 0 };
            vg_dec_emit4(d, fns[each == 32][i], four);
        }
    }
    return 0;
}

static int
decode_unpack(struct vg_dec *d, const struct vg_ptx_insn *insn, unsigned bits)
{
    const struct vg_ptx_operand *v = &insn->operands[0];
    const unsigned each = v->count == 0 ? 0 : bits / v->count;
    uint32_t slots[8];
    if (each < 8 || each > 32 || v->count > 8) {
        return vg_dec_refuse(d, NULL);
    }
    for (unsigned i = 0; i < v->count; i++) {
        const enum vg_ptx_type type = each == 32 ? VG_PTX_B32 : VG_PTX_B16;
        slots[i] = v->elems[i].kind == VG_PTX_OPERAND_SINK
                       ? UINT32_MAX
                       : vg_dec_dst(d, &v->elems[i], type);
    }
    const uint32_t src = vg_dec_src(d, &insn->operands[1], insn->types[0]);
    if (v->count == 2 && each >= 16) {
        return decode_unpack2(d, slots, src, each);
    }
    const uint32_t *copy = vg_dec_slots(d, slots, v->count);
    struct vg_iop *op = vg_dec_emit(d, unpack);
    op->a = src;
    op->slots = copy;
    op->count = v->count;
    op->size = (uint8_t)each;
    op->mode = bits == 64 ? 64 : 32;
    return 0;
}

/* A symbol's address is moved as it is in its own space; a kernel parameter's is an
 * offset that ld.param takes. */
static int
decode_mov(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type type = insn->types[0];
    const unsigned bits = vg_ptx_type_bits(type);
    if (insn->n_operands != 2) {
        return vg_dec_refuse(d, NULL);
    }
    if (insn->operands[0].kind == VG_PTX_OPERAND_VECTOR) {
        return decode_unpack(d, insn, bits);
    }
    if (insn->operands[1].kind == VG_PTX_OPERAND_VECTOR) {
        return decode_pack(d, insn, bits);
    }
    vg_iop_fn *run = bits == 1    ? move_pred
                     : bits == 16 ? move_16
                     : bits == 32 ? move_32
                     : bits == 64 ? move_64
                                  : NULL;
    return vg_dec_plain(d, insn, run, type, type);
}

/* --- generic addresses --- */

VG_HANDLER2(to_generic_64, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, x + y)
VG_HANDLER2(from_generic_64, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, x - y)

static uint64_t
window_base(enum vg_ptx_space space)
{
    switch (space) {
    case VG_PTX_SHARED:
        return VG_WINDOW_SHARED;
    case VG_PTX_LOCAL:
        return VG_WINDOW_LOCAL;
    case VG_PTX_PARAM:
        return VG_WINDOW_PARAM;
    default:
        return 0;
    }
}

static int
decode_cvta(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const uint64_t base = window_base(insn->space);
    if (insn->n_types == 0 || vg_ptx_type_bits(insn->types[0]) != 64 ||
        insn->n_operands != 2) {
        return vg_dec_refuse(d, "32-bit generic addresses");
    }
    const uint32_t a = vg_dec_src(d, &insn->operands[1], VG_PTX_B64);
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], VG_PTX_B64);
    vg_iop_fn *run = base == 0                         ? move_64
                     : vg_ptx_has(insn, VG_PTX_MOD_TO) ? from_generic_64
                                                       : to_generic_64;
    const uint32_t slots[4] = { dst, a, vg_dec_const(d, base, 64), 0 };
    vg_dec_emit4(d, run, slots);
    return 0;
}

static int
is_space(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint64_t *a = vg_row64(w, op->a);
    uint32_t bits = 0;
    VG_EACH_LANE(l, mask)
    {
        const uint64_t window = a[l] & ~(VG_WINDOW_SIZE - 1);
        const bool in_window = window == VG_WINDOW_SHARED || window == VG_WINDOW_LOCAL ||
                               window == VG_WINDOW_PARAM;
        const bool yes = op->imm == 0 ? !in_window : window == (uint64_t)op->imm;
        bits |= (uint32_t)yes << l;
    }
    vg_pred_set(w, op->d, mask, bits);
    return VG_STEP_NEXT;
}

static int
decode_isspacep(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_operands != 2 || insn->space == VG_PTX_CONST) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t a = vg_dec_src(d, &insn->operands[1], VG_PTX_B64);
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], VG_PTX_PRED);
    struct vg_iop *op = vg_dec_emit(d, is_space);
    op->d = dst;
    op->a = a;
    op->imm = (int64_t)window_base(insn->space);
    return 0;
}

int
VG_ISA(vg_decode_move)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_MOV:
        return insn->n_types == 0 ? vg_dec_refuse(d, NULL) : decode_mov(d, insn);
    case VG_PTX_OP_CVTA:
        return decode_cvta(d, insn);
    case VG_PTX_OP_ISSPACEP:
        return decode_isspacep(d, insn);
    default:
        return vg_dec_refuse(d, NULL);
    }
}
