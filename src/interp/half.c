/* SPDX-License-Identifier: Apache-2.0 */

/*
 * half - arithmetic of f16 and bf16, one or two in a register (PTX ISA, Half Precision
 * Floating Point Instructions).
 *
 * Sums and products of two halves go through f32, whose 24 bits make the second rounding
 * harmless. A fused product is exact in f64; its sum is rounded to odd, then once to 16
 * bits.
 */

#include "interp/half.h"
#include "interp/alu.h"
#include "interp/approx.h"

#include <math.h>

typedef uint32_t u32;
typedef uint64_t u64;

/* one number of either format; ftz is a constant at every call */
static inline float
value_h(u32 x, bool ftz)
{
    return ftz ? vg_half_float_ftz(x) : vg_half_float(x);
}

static inline u32
round_h(float v, bool ftz)
{
    const u32 h = vg_float_half(v);
    return ftz && (h & 0x7c00u) == 0 ? h & 0x8000u : h;
}

static inline float
value_b(u32 x, bool ftz)
{
    return vg_bf16_float(ftz && (x & 0x7f80u) == 0 ? x & 0x8000u : x);
}

static inline u32
round_b(float v, bool ftz)
{
    const u32 b = vg_float_bf16(v);
    return ftz && (b & 0x7f80u) == 0 ? b & 0x8000u : b;
}

static inline float
sat(float v)
{
    v = v > 0.0f ? v : 0.0f;
    return v < 1.0f ? v : 1.0f;
}

/* a * b + c, rounded to odd in f32 */
static inline float
fused(float a, float b, float c)
{
    const double p = (double)a * (double)b;
    const double z = (double)c;
    double s = p + z;
    const double back = s - p;
    const double lost = (p - (s - back)) + (z - back);
    u64 bits = vg_f64_bits(s);
    if (lost == lost && lost != 0 && (bits & 1) == 0) {
        bits = (lost > 0) == (s > 0) ? bits + 1 : bits - 1;
        s = vg_bits_f64(bits);
    }
    return vg_f64_to_f32_odd(s);
}

static inline float
relu(float v)
{
    return v < 0.0f || v == 0.0f ? 0.0f : v;
}

/* Three numbers in, one out; unused ones are zero. Last: whether the bf16 form flushes,
 * which only ex2.approx.ftz does. */
#define OPERATIONS(X)                        \
    X(add, a + b, false)                     \
    X(sub, a - b, false)                     \
    X(mul, a *b, false)                      \
    X(fma, fused(a, b, c), false)            \
    X(add_sat, sat(a + b), false)            \
    X(sub_sat, sat(a - b), false)            \
    X(mul_sat, sat(a *b), false)             \
    X(fma_sat, sat(fused(a, b, c)), false)   \
    X(fma_relu, relu(fused(a, b, c)), false) \
    X(ex2, vg_ex2(a), true)                  \
    X(tanh, (float)tanh((double)a), false)

#define PAIR(fn, x, y, z)                                                            \
    (fn((x)&0xffffu, (y)&0xffffu, (z)&0xffffu) | fn((x) >> 16, (y) >> 16, (z) >> 16) \
                                                     << 16)

#define ONE(name, EXPR, id, VALUE, ROUND, FTZ)                     \
    static inline u32 name##_##id##_one(u32 x, u32 y, u32 z)       \
    {                                                              \
        const float a = VALUE(x & 0xffffu, FTZ);                   \
        const float b = VALUE(y & 0xffffu, FTZ);                   \
        const float c = VALUE(z & 0xffffu, FTZ);                   \
        (void)b;                                                   \
        (void)c;                                                   \
        return ROUND(EXPR, FTZ);                                   \
    }                                                              \
    VG_HANDLER3(name##_##id, u32, u32, u32, u32, u32, u32, u32,    \
                name##_##id##_one(x, y, z))                        \
    VG_HANDLER3(name##_##id##2, u32, u32, u32, u32, u32, u32, u32, \
                PAIR(name##_##id##_one, x, y, z))

#define ALL(name, EXPR, BF16_FTZ)               \
    ONE(name, EXPR, h, value_h, round_h, false) \
    ONE(name, EXPR, hz, value_h, round_h, true) \
    ONE(name, EXPR, b, value_b, round_b, BF16_FTZ)
OPERATIONS(ALL)

/* --- sign and order --- */

VG_HANDLER3(neg_1, u32, u32, u32, u32, u32, u32, u32, ((void)y, (void)z, x ^ 0x8000u))
VG_HANDLER3(neg_2, u32, u32, u32, u32, u32, u32, u32, ((void)y, (void)z, x ^ 0x80008000u))
VG_HANDLER3(abs_1, u32, u32, u32, u32, u32, u32, u32, ((void)y, (void)z, x & 0x7fffu))
VG_HANDLER3(abs_2, u32, u32, u32, u32, u32, u32, u32, ((void)y, (void)z, x & 0x7fff7fffu))

static inline u32
flush_h(u32 x, bool ftz)
{
    return ftz && (x & 0x7c00u) == 0 ? x & 0x8000u : x;
}

#define NEG_Z(v) (flush_h(v, true) ^ 0x8000u)
#define ABS_Z(v) (flush_h(v, true) & 0x7fffu)
VG_HANDLER3(neg_z1, u32, u32, u32, u32, u32, u32, u32,
            ((void)y, (void)z, NEG_Z(x & 0xffffu)))
VG_HANDLER3(neg_z2, u32, u32, u32, u32, u32, u32, u32,
            ((void)y, (void)z, NEG_Z(x & 0xffffu) | NEG_Z(x >> 16) << 16))
VG_HANDLER3(abs_z1, u32, u32, u32, u32, u32, u32, u32,
            ((void)y, (void)z, ABS_Z(x & 0xffffu)))
VG_HANDLER3(abs_z2, u32, u32, u32, u32, u32, u32, u32,
            ((void)y, (void)z, ABS_Z(x & 0xffffu) | ABS_Z(x >> 16) << 16))

enum {
    ORDER_MAX = 1,
    ORDER_NAN = 2,
    ORDER_XORSIGN = 4,
    ORDER_FTZ = 8,
    ORDER_BF16 = 16
};

static inline u32
order_one(u32 x, u32 y, unsigned how)
{
    const u32 sign = (x ^ y) & 0x8000u;
    if ((how & ORDER_FTZ) != 0) {
        x = flush_h(x, true);
        y = flush_h(y, true);
    }
    const bool xorsign = (how & ORDER_XORSIGN) != 0;
    x = xorsign ? x & 0x7fffu : x;
    y = xorsign ? y & 0x7fffu : y;
    const float a = (how & ORDER_BF16) != 0 ? vg_bf16_float(x) : vg_half_float(x);
    const float b = (how & ORDER_BF16) != 0 ? vg_bf16_float(y) : vg_half_float(y);
    u32 r;
    if (a != a || b != b) {
        if ((how & ORDER_NAN) != 0 || (a != a && b != b)) {
            return 0x7fffu;
        }
        r = a != a ? y : x;
    } else if ((how & ORDER_MAX) != 0) {
        r = a > b ? x : b > a ? y : x & y;
    } else {
        r = a < b ? x : b < a ? y : x | y;
    }
    return xorsign ? (r & 0x7fffu) | sign : r;
}

static int
order_1(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u32 *d = vg_row32(w, op->d);
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    VG_EACH_LANE(l, mask)
    {
        d[l] = order_one(a[l] & 0xffffu, b[l] & 0xffffu, op->mode);
    }
    return VG_STEP_NEXT;
}

static int
order_2(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u32 *d = vg_row32(w, op->d);
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    VG_EACH_LANE(l, mask)
    {
        d[l] = order_one(a[l] & 0xffffu, b[l] & 0xffffu, op->mode) |
               order_one(a[l] >> 16, b[l] >> 16, op->mode) << 16;
    }
    return VG_STEP_NEXT;
}

static int
decode_order(struct vg_dec *d, const struct vg_ptx_insn *insn, bool is_bf16, bool pair)
{
    if (insn->n_operands != 3) {
        return vg_dec_refuse(d, "three sources");
    }
    const enum vg_ptx_type type = insn->types[0];
    const int r = vg_dec_plain(d, insn, pair ? order_2 : order_1, type, type);
    if (r == 0) {
        vg_dec_last(d)->mode =
            (uint8_t)((insn->op == VG_PTX_OP_MAX ? ORDER_MAX : 0) |
                      (vg_ptx_has(insn, VG_PTX_MOD_NAN_RESULT) ? ORDER_NAN : 0) |
                      (vg_ptx_has(insn, VG_PTX_MOD_XORSIGN) ? ORDER_XORSIGN : 0) |
                      (vg_ptx_has(insn, VG_PTX_MOD_FTZ) ? ORDER_FTZ : 0) |
                      (is_bf16 ? ORDER_BF16 : 0));
    }
    return r;
}

/* --- setp of two halves: p|q, the lower and the upper one --- */

static bool
compare_one(float x, float y, unsigned mod)
{
    const bool nan = x != x || y != y;
    switch (mod) {
    case VG_PTX_MOD_EQ:
        return x == y;
    case VG_PTX_MOD_NE:
        return !nan && x != y;
    case VG_PTX_MOD_LT:
        return x < y;
    case VG_PTX_MOD_LE:
        return x <= y;
    case VG_PTX_MOD_GT:
        return x > y;
    case VG_PTX_MOD_GE:
        return x >= y;
    case VG_PTX_MOD_EQU:
        return nan || x == y;
    case VG_PTX_MOD_NEU:
        return nan || x != y;
    case VG_PTX_MOD_LTU:
        return nan || x < y;
    case VG_PTX_MOD_LEU:
        return nan || x <= y;
    case VG_PTX_MOD_GTU:
        return nan || x > y;
    case VG_PTX_MOD_GEU:
        return nan || x >= y;
    case VG_PTX_MOD_NUM:
        return !nan;
    default:
        return nan;
    }
}

/* op->size: bit 0 ftz, bit 1 bf16; op->mode: 1 and, 2 or, 3 xor with op->c */
/* The comparison of half @i of each lane, before any other predicate. */
static u32
compare_half(const struct vg_warp *w, const struct vg_iop *op, uint32_t mask, unsigned i)
{
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    const bool ftz = (op->size & 1) != 0;
    u32 bits = 0;
    VG_EACH_LANE(l, mask)
    {
        const u32 x = a[l] >> 16 * i & 0xffffu;
        const u32 y = b[l] >> 16 * i & 0xffffu;
        const bool yes =
            (op->size & 2) != 0
                ? compare_one(vg_bf16_float(x), vg_bf16_float(y), (unsigned)op->imm)
                : compare_one(value_h(x, ftz), value_h(y, ftz), (unsigned)op->imm);
        bits |= (u32)yes << l;
    }
    const u32 with = op->mode != 0 ? *vg_pred(w, op->c) : 0;
    return op->mode == 1   ? bits & with
           : op->mode == 2 ? bits | with
           : op->mode == 3 ? bits ^ with
                           : bits;
}

static int
setp_2(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const u32 low = compare_half(w, op, mask, 0);
    const u32 high = compare_half(w, op, mask, 1);
    vg_pred_set(w, op->d, mask, low);
    vg_pred_set(w, op->e, mask, high);
    return VG_STEP_NEXT;
}

/* op->f: what a half becomes where the comparison holds */
static int
set_2(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const u32 low = compare_half(w, op, mask, 0);
    const u32 high = compare_half(w, op, mask, 1);
    u32 *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] =
            ((low >> l & 1) != 0 ? op->f : 0) | ((high >> l & 1) != 0 ? op->f << 16 : 0);
    }
    return VG_STEP_NEXT;
}

/* set and setp of pairs: the comparison, its other predicate, the flags of the format */
static int
decode_compare2(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static const uint16_t mods[] = { VG_PTX_MOD_EQ,  VG_PTX_MOD_NE,  VG_PTX_MOD_LT,
                                     VG_PTX_MOD_LE,  VG_PTX_MOD_GT,  VG_PTX_MOD_GE,
                                     VG_PTX_MOD_EQU, VG_PTX_MOD_NEU, VG_PTX_MOD_LTU,
                                     VG_PTX_MOD_LEU, VG_PTX_MOD_GTU, VG_PTX_MOD_GEU,
                                     VG_PTX_MOD_NUM, VG_PTX_MOD_NAN };
    const bool is_set = insn->op == VG_PTX_OP_SET;
    const unsigned type = insn->types[is_set ? 1 : 0];
    const unsigned mode = vg_ptx_has(insn, VG_PTX_MOD_AND)   ? 1
                          : vg_ptx_has(insn, VG_PTX_MOD_OR)  ? 2
                          : vg_ptx_has(insn, VG_PTX_MOD_XOR) ? 3
                                                             : 0;
    const struct vg_ptx_operand *dst = &insn->operands[0];
    unsigned i = 0;
    while (i < sizeof(mods) / sizeof(mods[0]) && !vg_ptx_has(insn, mods[i])) {
        i++;
    }
    if (i == sizeof(mods) / sizeof(mods[0]) || insn->n_operands != (mode == 0 ? 3 : 4) ||
        (!is_set && dst->kind != VG_PTX_OPERAND_PAIR)) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t slots[4] = { 0 };
    slots[1] = vg_dec_src(d, &insn->operands[1], VG_PTX_B32);
    slots[2] = vg_dec_src(d, &insn->operands[2], VG_PTX_B32);
    slots[3] = mode == 0 ? 0 : vg_dec_pred(d, &insn->operands[3]);
    slots[0] = is_set ? vg_dec_dst(d, dst, VG_PTX_B32)
                      : vg_dec_dst(d, &dst->elems[0], VG_PTX_PRED);
    const uint32_t q = is_set ? 0 : vg_dec_dst(d, &dst->elems[1], VG_PTX_PRED);
    struct vg_iop *op = vg_dec_emit4(d, is_set ? set_2 : setp_2, slots);
    op->e = q;
    op->f = insn->types[0] == VG_PTX_F16X2    ? 0x3c00
            : insn->types[0] == VG_PTX_BF16X2 ? 0x3f80
                                              : 0xffff;
    op->imm = mods[i];
    op->mode = (uint8_t)mode;
    op->size = (uint8_t)((vg_ptx_has(insn, VG_PTX_MOD_FTZ) ? 1 : 0) |
                         (type == VG_PTX_BF16X2 ? 2 : 0));
    return 0;
}

/* --- decoding --- */

/* f16, f16x2, the same with .ftz, bf16, bf16x2 */
#define SIX(name)                                                       \
    {                                                                   \
        name##_h, name##_h2, name##_hz, name##_hz2, name##_b, name##_b2 \
    }

static vg_iop_fn *
pick(const struct vg_ptx_insn *insn, unsigned column)
{
    static vg_iop_fn *const fns[][6] = {
        SIX(add),     SIX(sub),     SIX(mul),      SIX(fma), SIX(add_sat), SIX(sub_sat),
        SIX(mul_sat), SIX(fma_sat), SIX(fma_relu), SIX(ex2), SIX(tanh),
    };
    static const struct {
        uint16_t op;
        uint8_t plain, sat;
    } rows[] = {
        { VG_PTX_OP_ADD, 0, 4 }, { VG_PTX_OP_SUB, 1, 5 }, { VG_PTX_OP_MUL, 2, 6 },
        { VG_PTX_OP_FMA, 3, 7 }, { VG_PTX_OP_EX2, 9, 9 }, { VG_PTX_OP_TANH, 10, 10 },
    };
    static vg_iop_fn *const signs[2][6] = {
        { neg_1, neg_2, neg_z1, neg_z2, neg_1, neg_2 },
        { abs_1, abs_2, abs_z1, abs_z2, abs_1, abs_2 },
    };
    if (insn->op == VG_PTX_OP_NEG || insn->op == VG_PTX_OP_ABS) {
        return signs[insn->op == VG_PTX_OP_ABS][column];
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_RELU)) {
        return insn->op == VG_PTX_OP_FMA ? fns[8][column] : NULL;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].op == insn->op) {
            const bool is_sat = vg_ptx_has(insn, VG_PTX_MOD_SAT);
            return fns[is_sat ? rows[i].sat : rows[i].plain][column];
        }
    }
    return NULL;
}

int
VG_ISA(vg_decode_half)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type type = insn->types[0];
    const bool is_bf16 = type == VG_PTX_BF16 || type == VG_PTX_BF16X2;
    const bool pair = type == VG_PTX_F16X2 || type == VG_PTX_BF16X2;
    const bool ftz = vg_ptx_has(insn, VG_PTX_MOD_FTZ) && !is_bf16;

    if (insn->op == VG_PTX_OP_SETP || insn->op == VG_PTX_OP_SET) {
        return decode_compare2(d, insn);
    }
    if (insn->n_types != 1 || (!is_bf16 && type != VG_PTX_F16 && type != VG_PTX_F16X2) ||
        vg_ptx_has(insn, VG_PTX_MOD_RZ)) {
        return vg_dec_refuse(d, NULL);
    }
    if (insn->op == VG_PTX_OP_MIN || insn->op == VG_PTX_OP_MAX) {
        return decode_order(d, insn, is_bf16, pair);
    }
    const unsigned column = (is_bf16 ? 4u : ftz ? 2u : 0u) + pair;
    const int r = vg_dec_plain(d, insn, pick(insn, column), type, type);
    if (r == 0) {
        /* operands that the form lacks read a row that exists */
        struct vg_iop *op = vg_dec_last(d);
        op->b = insn->n_operands < 3 ? op->a : op->b;
        op->c = insn->n_operands < 4 ? op->a : op->c;
    }
    return r;
}
