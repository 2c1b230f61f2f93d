/* SPDX-License-Identifier: Apache-2.0 */

/*
 * logic - bitwise and bit-field instructions (PTX ISA, Logic and Shift Instructions).
 *
 * Shift amounts are unsigned and clamp at the width: the result is then 0, or the sign.
 */

#include "interp/alu.h"

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define BIT2(name, EXPR)                                                      \
    VG_HANDLER2(name##_32, u32, u32, u32, u32, u32, EXPR)                     \
    VG_HANDLER2(name##_64, u64, u64, u64, u64, u64, EXPR)                     \
    static int name##_p(struct vg_warp *w, const struct vg_iop *op, u32 mask) \
    {                                                                         \
        const u32 x = *vg_pred(w, op->a);                                     \
        const u32 y = *vg_pred(w, op->b);                                     \
        vg_pred_set(w, op->d, mask, (EXPR));                                  \
        return VG_STEP_NEXT;                                                  \
    }

BIT2(and, x &y)
BIT2(or, x | y)
BIT2(xor, x ^ y)

VG_HANDLER1(not_16, u32, u32, u16, (u16)~x)
VG_HANDLER1(not_32, u32, u32, u32, ~x)
VG_HANDLER1(not_64, u64, u64, u64, ~x)
VG_HANDLER1(cnot_16, u32, u32, u16, x == 0)
VG_HANDLER1(cnot_32, u32, u32, u32, x == 0)
VG_HANDLER1(cnot_64, u64, u64, u64, x == 0)

static int
not_p(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    vg_pred_set(w, op->d, mask, ~*vg_pred(w, op->a));
    return VG_STEP_NEXT;
}

/* --- shifts --- */

VG_HANDLER2(shl_16, u32, u32, u16, u32, u32, (u16)(y > 15 ? 0 : (u32)x << (y & 15)))
VG_HANDLER2(shl_32, u32, u32, u32, u32, u32, y > 31 ? 0 : x << (y & 31))
VG_HANDLER2(shl_64, u64, u64, u64, u32, u32, y > 63 ? 0 : x << (y & 63))
VG_HANDLER2(shr_u_16, u32, u32, u16, u32, u32, y > 15 ? 0 : x >> (y & 15))
VG_HANDLER2(shr_u_32, u32, u32, u32, u32, u32, y > 31 ? 0 : x >> (y & 31))
VG_HANDLER2(shr_u_64, u64, u64, u64, u32, u32, y > 63 ? 0 : x >> (y & 63))
VG_HANDLER2(shr_s_16, u32, u32, int16_t, u32, u32, (u16)(x >> (y > 15 ? 15 : y)))
VG_HANDLER2(shr_s_32, u32, u32, int32_t, u32, u32, x >> (y > 31 ? 31 : y))
VG_HANDLER2(shr_s_64, u64, u64, int64_t, u32, u32, x >> (y > 63 ? 63 : y))

static inline u64
both(u32 low, u32 high)
{
    return (u64)high << 32 | low;
}

/* shf.l takes the upper, shf.r the lower word of the shifted pair */
VG_HANDLER3(shf_l_wrap, u32, u32, u32, u32, u32, u32, u32, both(x, y) << (z & 31) >> 32)
VG_HANDLER3(shf_l_clamp, u32, u32, u32, u32, u32, u32, u32,
            both(x, y) << (z > 32 ? 32 : z) >> 32)
VG_HANDLER3(shf_r_wrap, u32, u32, u32, u32, u32, u32, u32, both(x, y) >> (z & 31))
VG_HANDLER3(shf_r_clamp, u32, u32, u32, u32, u32, u32, u32,
            both(x, y) >> (z > 32 ? 32 : z))

/* --- bit fields --- */

static inline u64
field(u64 x, u32 pos, u32 len, unsigned width, bool is_signed)
{
    pos &= 0xff;
    len &= 0xff;
    /* the sign bit is that of the field, or the last bit of the value when the field
     * reaches past it */
    const u32 last = pos + len > width ? width - 1 : pos + len - 1;
    const u64 sign = is_signed && len != 0 && (x >> last & 1) != 0 ? ~0ull : 0;
    u64 r = pos >= width ? 0 : x >> pos;
    const u32 have = pos >= width ? 0 : width - pos;
    const u32 take = len < have ? len : have;
    r = take >= 64 ? r : r & ((1ull << take) - 1);
    if (len > take || take < width) {
        /* what lies above the bits taken is sign */
        r |= take >= 64 ? 0 : sign << take;
    }
    return len == 0 ? 0 : r;
}

VG_HANDLER3(bfe_u_32, u32, u32, u32, u32, u32, u32, u32, field(x, y, z, 32, false))
VG_HANDLER3(bfe_s_32, u32, u32, u32, u32, u32, u32, u32, field(x, y, z, 32, true))
VG_HANDLER3(bfe_u_64, u64, u64, u64, u32, u32, u32, u32, field(x, y, z, 64, false))
VG_HANDLER3(bfe_s_64, u64, u64, u64, u32, u32, u32, u32, field(x, y, z, 64, true))

static inline u64
insert(u64 f, u64 into, u32 pos, u32 len, unsigned width)
{
    pos &= 0xff;
    len &= 0xff;
    if (pos >= width || len == 0) {
        return into;
    }
    const u64 ones = len >= 64 ? ~0ull : (1ull << len) - 1;
    return (into & ~(ones << pos)) | (f & ones) << pos;
}

static int
bfi_32(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u32 *d = vg_row32(w, op->d);
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    const u32 *c = vg_row32(w, op->c);
    const u32 *e = vg_row32(w, op->e);
    VG_EACH_LANE(l, mask)
    {
        d[l] = (u32)insert(a[l], b[l], c[l], e[l], 32);
    }
    return VG_STEP_NEXT;
}

static int
bfi_64(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u64 *d = vg_row64(w, op->d);
    const u64 *a = vg_row64(w, op->a);
    const u64 *b = vg_row64(w, op->b);
    const u32 *c = vg_row32(w, op->c);
    const u32 *e = vg_row32(w, op->e);
    VG_EACH_LANE(l, mask)
    {
        d[l] = insert(a[l], b[l], c[l], e[l], 64);
    }
    return VG_STEP_NEXT;
}

static inline u32
bmsk(u32 pos, u32 len, bool wrap)
{
    if (wrap) {
        pos &= 31;
        len &= 31;
    }
    if (pos >= 32 || len == 0) {
        return 0;
    }
    return (len >= 32 ? VG_FULL : (1u << len) - 1) << pos;
}

VG_HANDLER2(bmsk_clamp, u32, u32, u32, u32, u32, bmsk(x, y, false))
VG_HANDLER2(bmsk_wrap, u32, u32, u32, u32, u32, bmsk(x, y, true))

static inline u32
szext(u32 x, u32 n, bool wrap, bool is_signed)
{
    n = wrap ? n & 31 : n;
    if (n >= 32) {
        return x;
    }
    const u32 low = x & ((1u << n) - 1);
    const bool sign = is_signed && n != 0 && (x >> (n - 1) & 1) != 0;
    return sign ? low | VG_FULL << n : low;
}

VG_HANDLER2(szext_u_clamp, u32, u32, u32, u32, u32, szext(x, y, false, false))
VG_HANDLER2(szext_u_wrap, u32, u32, u32, u32, u32, szext(x, y, true, false))
VG_HANDLER2(szext_s_clamp, u32, u32, u32, u32, u32, szext(x, y, false, true))
VG_HANDLER2(szext_s_wrap, u32, u32, u32, u32, u32, szext(x, y, true, true))

/* --- counting --- */

static inline u32
find_top(u64 x, unsigned width, bool shiftamt)
{
    if (x == 0) {
        return VG_FULL;
    }
    const u32 at = 63u - (u32)__builtin_clzll(x);
    return shiftamt ? width - 1 - at : at;
}

#define FIND(name, amount)                                                               \
    VG_HANDLER1(name##_u_32, u32, u32, u32, find_top(x, 32, amount))                     \
    VG_HANDLER1(name##_s_32, u32, u32, u32, find_top(x >> 31 ? (u32)~x : x, 32, amount)) \
    VG_HANDLER1(name##_u_64, u32, u64, u64, find_top(x, 64, amount))                     \
    VG_HANDLER1(name##_s_64, u32, u64, u64, find_top(x >> 63 ? ~x : x, 64, amount))
FIND(bfind, false)
FIND(bfind_shift, true)

static inline u64
reverse64(u64 x)
{
    x = (x >> 1 & 0x5555555555555555ull) | (x & 0x5555555555555555ull) << 1;
    x = (x >> 2 & 0x3333333333333333ull) | (x & 0x3333333333333333ull) << 2;
    x = (x >> 4 & 0x0f0f0f0f0f0f0f0full) | (x & 0x0f0f0f0f0f0f0f0full) << 4;
    return __builtin_bswap64(x);
}

VG_HANDLER1(brev_32, u32, u32, u32, reverse64(x) >> 32)
VG_HANDLER1(brev_64, u64, u64, u64, reverse64(x))
VG_HANDLER1(clz_32, u32, u32, u32, x == 0 ? 32 : (u32)__builtin_clz(x))
VG_HANDLER1(clz_64, u32, u64, u64, x == 0 ? 64 : (u32)__builtin_clzll(x))
VG_HANDLER1(popc_32, u32, u32, u32, (u32)__builtin_popcount(x))
VG_HANDLER1(popc_64, u32, u64, u64, (u32)__builtin_popcountll(x))

/* find the n-th set bit from base, upwards for a positive n, downwards for a negative */
static inline u32
find_nth(u32 x, u32 base, int32_t n)
{
    if (base > 31) {
        return VG_FULL;
    }
    if (n == 0) {
        return x >> base & 1 ? base : VG_FULL;
    }
    const int32_t step = n > 0 ? 1 : -1;
    u32 left = n > 0 ? (u32)n : 0u - (u32)n;
    for (int32_t at = (int32_t)base; at >= 0 && at < 32; at += step) {
        if ((x >> at & 1) != 0 && --left == 0) {
            return (u32)at;
        }
    }
    return VG_FULL;
}

VG_HANDLER3(fns_32, u32, u32, u32, u32, u32, u32, int32_t, find_nth(x, y, z))

/* --- permute and three-input logic --- */

static inline u32
permute(u64 pair, u32 select)
{
    u32 r = 0;
    for (unsigned i = 0; i < 4; i++) {
        const u32 s = select >> 4 * i & 15;
        const u32 byte = (u32)(pair >> 8 * (s & 7)) & 0xff;
        const u32 value = (s & 8) != 0 ? (byte & 0x80 ? 0xff : 0) : byte;
        r |= value << 8 * i;
    }
    return r;
}

/* The selectors that the named modes stand for, by the two low bits of c. */
static inline u32
mode_select(unsigned mode, u32 c)
{
    static const u16 selects[6][4] = {
        { 0x3210, 0x4321, 0x5432, 0x6543 }, /* f4e */
        { 0x5670, 0x6701, 0x7012, 0x0123 }, /* b4e */
        { 0x0000, 0x1111, 0x2222, 0x3333 }, /* rc8 */
        { 0x3210, 0x3211, 0x3222, 0x3333 }, /* ecl */
        { 0x0000, 0x1110, 0x2210, 0x3210 }, /* ecr */
        { 0x1010, 0x3232, 0x1010, 0x3232 }, /* rc16 */
    };
    return selects[mode][c & 3];
}

VG_HANDLER3(prmt, u32, u32, u32, u32, u32, u32, u32, permute(both(x, y), z))

static int
prmt_mode(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u32 *d = vg_row32(w, op->d);
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    const u32 *c = vg_row32(w, op->c);
    VG_EACH_LANE(l, mask)
    {
        d[l] = permute(both(a[l], b[l]), mode_select(op->mode, c[l]));
    }
    return VG_STEP_NEXT;
}

static inline u32
lookup3(u32 a, u32 b, u32 c, unsigned table)
{
    const u32 t[8] = { table & 1 ? VG_FULL : 0,  table & 2 ? VG_FULL : 0,
                       table & 4 ? VG_FULL : 0,  table & 8 ? VG_FULL : 0,
                       table & 16 ? VG_FULL : 0, table & 32 ? VG_FULL : 0,
                       table & 64 ? VG_FULL : 0, table & 128 ? VG_FULL : 0 };
    return (t[0] & ~a & ~b & ~c) | (t[1] & ~a & ~b & c) | (t[2] & ~a & b & ~c) |
           (t[3] & ~a & b & c) | (t[4] & a & ~b & ~c) | (t[5] & a & ~b & c) |
           (t[6] & a & b & ~c) | (t[7] & a & b & c);
}

static int
lop3(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u32 *d = vg_row32(w, op->d);
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    const u32 *c = vg_row32(w, op->c);
    const unsigned table = (unsigned)op->imm;
    VG_LANE_LOOP(mask, u32, d, lookup3(a[l], b[l], c[l], table));
    return VG_STEP_NEXT;
}

/* lop3.BoolOp d|p: p = (d != 0) BoolOp q */
static int
lop3_pred(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    lop3(w, op, mask);
    const u32 *d = vg_row32(w, op->d);
    const u32 q = *vg_pred(w, op->e);
    u32 bits = 0;
    for (u32 l = 0; l < VG_LANES; l++) {
        bits |= (u32)(d[l] != 0) << l;
    }
    vg_pred_set(w, op->f, mask, op->mode == 0 ? bits | q : bits & q);
    return VG_STEP_NEXT;
}

/* --- decoding --- */

static int
decode_lop3(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const struct vg_ptx_operand *dst = &insn->operands[0];
    const bool has_pred = dst->kind == VG_PTX_OPERAND_PAIR;
    if (insn->n_operands < 5 || insn->operands[4].kind != VG_PTX_OPERAND_INT ||
        has_pred != (insn->n_operands == 6)) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t slots[4];
    for (unsigned i = 1; i < 4; i++) {
        slots[i] = vg_dec_src(d, &insn->operands[i], VG_PTX_B32);
    }
    slots[0] = vg_dec_dst(d, has_pred ? &dst->elems[0] : dst, VG_PTX_B32);
    uint32_t p = 0;
    uint32_t q = 0;
    if (has_pred) {
        p = vg_dec_dst(d, &dst->elems[1], VG_PTX_PRED);
        q = vg_dec_pred(d, &insn->operands[5]);
    }
    struct vg_iop *op = vg_dec_emit4(d, has_pred ? lop3_pred : lop3, slots);
    op->imm = (int64_t)(insn->operands[4].bits & 0xff);
    op->e = q;
    op->f = p;
    op->mode = vg_ptx_has(insn, VG_PTX_MOD_AND);
    return 0;
}

/* d, a of the instruction's type, then 32-bit sources */
static int
decode_mixed(struct vg_dec *d, const struct vg_ptx_insn *insn, vg_iop_fn *run,
             enum vg_ptx_type to, unsigned n_typed)
{
    uint32_t slots[6] = { 0 };
    if (run == NULL || insn->n_operands < 2 || insn->n_operands > 5) {
        return vg_dec_refuse(d, NULL);
    }
    for (unsigned i = 1; i < insn->n_operands; i++) {
        slots[i] =
            vg_dec_src(d, &insn->operands[i],
                       i <= n_typed ? (enum vg_ptx_type)insn->types[0] : VG_PTX_B32);
    }
    slots[0] = vg_dec_dst(d, &insn->operands[0], to);
    vg_dec_emit4(d, run, slots)->e = slots[4];
    return 0;
}

static int
decode_prmt(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static const uint16_t modes[6] = { VG_PTX_MOD_F4E, VG_PTX_MOD_B4E, VG_PTX_MOD_RC8,
                                       VG_PTX_MOD_ECL, VG_PTX_MOD_ECR, VG_PTX_MOD_RC16 };
    for (unsigned i = 0; i < 6; i++) {
        if (vg_ptx_has(insn, modes[i])) {
            const int r = decode_mixed(d, insn, prmt_mode, VG_PTX_B32, 2);
            if (r == 0) {
                vg_dec_last(d)->mode = (uint8_t)i;
            }
            return r;
        }
    }
    return decode_mixed(d, insn, prmt, VG_PTX_B32, 2);
}

static int
decode_bits(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[5][4] = {
        { and_p, and_32, and_32, and_64 },   { or_p, or_32, or_32, or_64 },
        { xor_p, xor_32, xor_32, xor_64 },   { not_p, not_16, not_32, not_64 },
        { NULL, cnot_16, cnot_32, cnot_64 },
    };
    const enum vg_ptx_type type = insn->types[0];
    const unsigned row = insn->op == VG_PTX_OP_AND   ? 0
                         : insn->op == VG_PTX_OP_OR  ? 1
                         : insn->op == VG_PTX_OP_XOR ? 2
                         : insn->op == VG_PTX_OP_NOT ? 3
                                                     : 4;
    const unsigned col = type == VG_PTX_PRED ? 0 : vg_width(type) + 1;
    return vg_dec_plain(d, insn, fns[row][col], type, type);
}

static vg_iop_fn *
pick_shift(const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[3][3] = { { shl_16, shl_32, shl_64 },
                                          { shr_u_16, shr_u_32, shr_u_64 },
                                          { shr_s_16, shr_s_32, shr_s_64 } };
    const unsigned row = insn->op == VG_PTX_OP_SHL   ? 0
                         : vg_signed(insn->types[0]) ? 2
                                                     : 1;
    return fns[row][vg_width(insn->types[0])];
}

static vg_iop_fn *
pick_funnel(const struct vg_ptx_insn *insn)
{
    const bool wrap = vg_ptx_has(insn, VG_PTX_MOD_WRAP);
    if (vg_ptx_has(insn, VG_PTX_MOD_L)) {
        return wrap ? shf_l_wrap : shf_l_clamp;
    }
    return wrap ? shf_r_wrap : shf_r_clamp;
}

static vg_iop_fn *
pick_counting(const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const finds[2][2][2] = {
        { { bfind_u_32, bfind_u_64 }, { bfind_s_32, bfind_s_64 } },
        { { bfind_shift_u_32, bfind_shift_u_64 },
          { bfind_shift_s_32, bfind_shift_s_64 } },
    };
    const bool wide = vg_width(insn->types[0]) == 2;
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_BFIND:
        return finds[vg_ptx_has(insn, VG_PTX_MOD_SHIFTAMT)][vg_signed(insn->types[0])]
                    [wide];
    case VG_PTX_OP_CLZ:
        return wide ? clz_64 : clz_32;
    default:
        return wide ? popc_64 : popc_32;
    }
}

static vg_iop_fn *
pick_extend(const struct vg_ptx_insn *insn)
{
    const bool wrap = vg_ptx_has(insn, VG_PTX_MOD_WRAP);
    if (insn->op == VG_PTX_OP_BMSK) {
        return wrap ? bmsk_wrap : bmsk_clamp;
    }
    if (vg_signed(insn->types[0])) {
        return wrap ? szext_s_wrap : szext_s_clamp;
    }
    return wrap ? szext_u_wrap : szext_u_clamp;
}

int
VG_ISA(vg_decode_logic)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_types == 0) {
        return vg_dec_refuse(d, NULL);
    }
    const enum vg_ptx_type type = insn->types[0];
    const bool wide = vg_width(type) == 2;
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_SHL:
    case VG_PTX_OP_SHR:
        return decode_mixed(d, insn, pick_shift(insn), type, 1);
    case VG_PTX_OP_SHF:
        return decode_mixed(d, insn, pick_funnel(insn), type, 2);
    case VG_PTX_OP_BFE: {
        static vg_iop_fn *const fns[2][2] = { { bfe_u_32, bfe_u_64 },
                                              { bfe_s_32, bfe_s_64 } };
        return decode_mixed(d, insn, fns[vg_signed(type)][wide], type, 1);
    }
    case VG_PTX_OP_BFI:
        return decode_mixed(d, insn, wide ? bfi_64 : bfi_32, type, 2);
    case VG_PTX_OP_BREV:
        return decode_mixed(d, insn, wide ? brev_64 : brev_32, type, 1);
    case VG_PTX_OP_BFIND:
    case VG_PTX_OP_CLZ:
    case VG_PTX_OP_POPC:
        return decode_mixed(d, insn, pick_counting(insn), VG_PTX_B32, 1);
    case VG_PTX_OP_BMSK:
    case VG_PTX_OP_SZEXT:
        return decode_mixed(d, insn, pick_extend(insn), type, 1);
    case VG_PTX_OP_FNS:
        return decode_mixed(d, insn, fns_32, VG_PTX_B32, 3);
    case VG_PTX_OP_PRMT:
        return decode_prmt(d, insn);
    case VG_PTX_OP_LOP3:
        return decode_lop3(d, insn);
    default:
        return decode_bits(d, insn);
    }
}
