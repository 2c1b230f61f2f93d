/* SPDX-License-Identifier: Apache-2.0 */

/*
 * video - the scalar video instructions (PTX ISA, Scalar Video Instructions): operands of
 * a byte, a halfword or a word, a result of up to 34 bits, saturation, and a second
 * operation with c.
 */

#include "interp/alu.h"

enum {
    SECOND_NONE,
    SECOND_ADD,
    SECOND_MIN,
    SECOND_MAX
};

struct video {
    uint16_t op;
    bool a_signed, b_signed, d_signed, saturate, wrap;
    uint8_t a_part, b_part; /* as in a COMPONENT operand; 0xff: the whole word */
    uint8_t second;
};

static int64_t
part(uint32_t x, uint8_t which, bool is_signed)
{
    if (which >= 8 && which <= 9) {
        const uint32_t half = x >> 16 * (which - 8);
        return is_signed ? (int16_t)half : (int64_t)(half & 0xffff);
    }
    if (which >= 4 && which <= 7) {
        const uint32_t byte = x >> 8 * (which - 4);
        return is_signed ? (int8_t)byte : (int64_t)(byte & 0xff);
    }
    return is_signed ? (int32_t)x : (int64_t)x;
}

static int64_t
first(const struct video *v, int64_t a, int64_t b)
{
    const uint32_t n = v->wrap ? (uint32_t)b & 31 : b > 32 || b < 0 ? 32 : (uint32_t)b;
    switch ((enum vg_ptx_op)v->op) {
    case VG_PTX_OP_VADD:
        return a + b;
    case VG_PTX_OP_VSUB:
        return a - b;
    case VG_PTX_OP_VABSDIFF:
        return a > b ? a - b : b - a;
    case VG_PTX_OP_VMIN:
        return a < b ? a : b;
    case VG_PTX_OP_VMAX:
        return a > b ? a : b;
    case VG_PTX_OP_VSHL:
        return (int64_t)((uint64_t)a << n);
    default:
        return a >> n;
    }
}

static int64_t
seen_as(uint32_t x, bool is_signed)
{
    return is_signed ? (int32_t)x : (int64_t)x;
}

static uint32_t
video_one(const struct video *v, uint32_t a, uint32_t b, uint32_t c)
{
    int64_t r =
        first(v, part(a, v->a_part, v->a_signed), part(b, v->b_part, v->b_signed));
    if (v->saturate) {
        const int64_t lo = v->d_signed ? INT32_MIN : 0;
        const int64_t hi = v->d_signed ? INT32_MAX : UINT32_MAX;
        r = r < lo ? lo : r > hi ? hi : r;
    }
    const uint32_t word = (uint32_t)r;
    const int64_t x = seen_as(word, v->d_signed);
    const int64_t y = seen_as(c, v->d_signed);
    switch (v->second) {
    case SECOND_ADD:
        return word + c;
    case SECOND_MIN:
        return (uint32_t)(x < y ? x : y);
    case SECOND_MAX:
        return (uint32_t)(x > y ? x : y);
    default:
        return word;
    }
}

static int
video(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint32_t *d = vg_row32(w, op->d);
    const uint32_t *a = vg_row32(w, op->a);
    const uint32_t *b = vg_row32(w, op->b);
    const uint32_t *c = vg_row32(w, op->c);
    VG_EACH_LANE(l, mask)
    {
        d[l] = video_one(op->ext, a[l], b[l], c[l]);
    }
    return VG_STEP_NEXT;
}

static uint32_t
source(struct vg_dec *d, const struct vg_ptx_operand *o, uint8_t *out_part)
{
    *out_part = 0xff;
    if (o->kind == VG_PTX_OPERAND_COMPONENT && o->component >= 4) {
        *out_part = o->component;
        return vg_dec_reg_slot(d, o->reg);
    }
    return vg_dec_src(d, o, VG_PTX_B32);
}

static unsigned
second_of(const struct vg_ptx_insn *insn)
{
    return vg_ptx_has(insn, VG_PTX_MOD_ADD)   ? SECOND_ADD
           : vg_ptx_has(insn, VG_PTX_MOD_MIN) ? SECOND_MIN
           : vg_ptx_has(insn, VG_PTX_MOD_MAX) ? SECOND_MAX
                                              : SECOND_NONE;
}

int
VG_ISA(vg_decode_video)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const unsigned second = second_of(insn);
    const unsigned n = second == SECOND_NONE ? 3 : 4;
    if (insn->n_types != 3 || insn->n_operands != n ||
        insn->operands[0].kind != VG_PTX_OPERAND_REG) {
        return vg_dec_refuse(d, NULL);
    }
    struct video *v = vg_dec_alloc(d, sizeof(*v));
    if (v == NULL) {
        return 0;
    }
    uint32_t slots[4] = { 0 };
    slots[1] = source(d, &insn->operands[1], &v->a_part);
    slots[2] = source(d, &insn->operands[2], &v->b_part);
    slots[3] = n == 4 ? vg_dec_src(d, &insn->operands[3], VG_PTX_B32) : slots[1];
    slots[0] = vg_dec_dst(d, &insn->operands[0], VG_PTX_B32);
    v->op = insn->op;
    v->second = (uint8_t)second;
    v->d_signed = vg_signed(insn->types[0]);
    v->a_signed = vg_signed(insn->types[1]);
    v->b_signed = vg_signed(insn->types[2]);
    v->saturate = vg_ptx_has(insn, VG_PTX_MOD_SAT);
    v->wrap = vg_ptx_has(insn, VG_PTX_MOD_WRAP);
    vg_dec_emit4(d, video, slots)->ext = v;
    return 0;
}
