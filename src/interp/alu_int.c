/* SPDX-License-Identifier: Apache-2.0 */

/*
 * alu_int - integer arithmetic (PTX ISA, Integer Arithmetic Instructions; Extended-
 * Precision Integer Arithmetic Instructions).
 *
 * Division by zero gives all ones and a remainder of the dividend; the most negative
 * number divided by -1 is itself, with remainder 0.
 */

#include "interp/alu.h"

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* the three widths: row types u32, u32, u64 */
#define UN3(name, T16, T32, T64, EXPR)                 \
    VG_HANDLER1(name##_16, u32, u32, T16, (u16)(EXPR)) \
    VG_HANDLER1(name##_32, u32, u32, T32, (EXPR))      \
    VG_HANDLER1(name##_64, u64, u64, T64, (EXPR))
#define BIN3(name, T16, T32, T64, EXPR)                          \
    VG_HANDLER2(name##_16, u32, u32, T16, u32, T16, (u16)(EXPR)) \
    VG_HANDLER2(name##_32, u32, u32, T32, u32, T32, (EXPR))      \
    VG_HANDLER2(name##_64, u64, u64, T64, u64, T64, (EXPR))
#define TRI3(name, T16, T32, T64, EXPR)                                    \
    VG_HANDLER3(name##_16, u32, u32, T16, u32, T16, u32, T16, (u16)(EXPR)) \
    VG_HANDLER3(name##_32, u32, u32, T32, u32, T32, u32, T32, (EXPR))      \
    VG_HANDLER3(name##_64, u64, u64, T64, u64, T64, u64, T64, (EXPR))
#define ALL3(name)                      \
    {                                   \
        name##_16, name##_32, name##_64 \
    }

BIN3(add, u16, u32, u64, x + y)
BIN3(sub, u16, u32, u64, x - y)
BIN3(mul_lo, u16, u32, u64, 1u * x * y)
TRI3(mad_lo, u16, u32, u64, 1u * x * y + z)
UN3(neg, u16, u32, u64, 0u - x)
UN3(abs, u16, u32, u64, x >> (sizeof(x) * 8 - 1) != 0 ? 0u - x : x)
BIN3(min_u, u16, u32, u64, x < y ? x : y)
BIN3(max_u, u16, u32, u64, x > y ? x : y)
BIN3(min_s, s16, s32, s64, x < y ? x : y)
BIN3(max_s, s16, s32, s64, x > y ? x : y)
TRI3(sad_u, u16, u32, u64, z + (x > y ? x - y : y - x))

static inline u64
sad_s(s64 x, s64 y, u64 z)
{
    return z + (x > y ? (u64)x - (u64)y : (u64)y - (u64)x);
}
TRI3(sad_s, s16, s32, s64, sad_s(x, y, (u64)z))

/* --- high halves and double width --- */

VG_HANDLER2(mul_hi_u_16, u32, u32, u16, u32, u16, (u16)((u32)x *y >> 16))
VG_HANDLER2(mul_hi_u_32, u32, u32, u32, u32, u32, (u64)x *y >> 32)
VG_HANDLER2(mul_hi_s_16, u32, u32, s16, u32, s16, (u16)((u32)((s32)x *y) >> 16))
VG_HANDLER2(mul_hi_s_32, u32, u32, s32, u32, s32, (u64)((s64)x *y) >> 32)

static inline u64
mul_high_u(u64 x, u64 y)
{
    return (u64)((vg_u128)x * y >> 64);
}

static inline u64
mul_high_s(u64 x, u64 y)
{
    return (u64)((vg_s128)(s64)x * (s64)y >> 64);
}

VG_HANDLER2(mul_hi_u_64, u64, u64, u64, u64, u64, mul_high_u(x, y))
VG_HANDLER2(mul_hi_s_64, u64, u64, u64, u64, u64, mul_high_s(x, y))

VG_HANDLER3(mad_hi_u_16, u32, u32, u16, u32, u16, u32, u16, (u16)(((u32)x * y >> 16) + z))
VG_HANDLER3(mad_hi_s_16, u32, u32, s16, u32, s16, u32, u16,
            (u16)(((u32)((s32)x * y) >> 16) + z))
VG_HANDLER3(mad_hi_u_32, u32, u32, u32, u32, u32, u32, u32, ((u64)x * y >> 32) + z)
VG_HANDLER3(mad_hi_s_32, u32, u32, s32, u32, s32, u32, u32, ((u64)((s64)x * y) >> 32) + z)
VG_HANDLER3(mad_hi_u_64, u64, u64, u64, u64, u64, u64, u64, mul_high_u(x, y) + z)
VG_HANDLER3(mad_hi_s_64, u64, u64, u64, u64, u64, u64, u64, mul_high_s(x, y) + z)

static inline u32
saturate(s64 x)
{
    return x > INT32_MAX ? (u32)INT32_MAX : x < INT32_MIN ? (u32)INT32_MIN : (u32)x;
}

VG_HANDLER2(add_sat, u32, u32, s32, u32, s32, saturate((s64)x + y))
VG_HANDLER2(sub_sat, u32, u32, s32, u32, s32, saturate((s64)x - y))
VG_HANDLER3(mad_hi_sat, u32, u32, s32, u32, s32, u32, s32,
            saturate(((s64)x * y >> 32) + z))

VG_HANDLER2(mul_wide_u_16, u32, u32, u16, u32, u16, (u32)x *y)
VG_HANDLER2(mul_wide_s_16, u32, u32, s16, u32, s16, (u32)((s32)x *y))
VG_HANDLER2(mul_wide_u_32, u64, u32, u32, u32, u32, (u64)x *y)
VG_HANDLER2(mul_wide_s_32, u64, u32, s32, u32, s32, (u64)((s64)x *y))
VG_HANDLER3(mad_wide_u_16, u32, u32, u16, u32, u16, u32, u32, (u32)x *y + z)
VG_HANDLER3(mad_wide_s_16, u32, u32, s16, u32, s16, u32, u32, (u32)((s32)x *y) + z)
VG_HANDLER3(mad_wide_u_32, u64, u32, u32, u32, u32, u64, u64, (u64)x *y + z)
VG_HANDLER3(mad_wide_s_32, u64, u32, s32, u32, s32, u64, u64, (u64)((s64)x *y) + z)

/* 24-bit products: the operands' upper bits do not count */
static inline s64
low24(s32 x)
{
    return (s32)((u32)x << 8) >> 8;
}

VG_HANDLER2(mul24_lo_u, u32, u32, u32, u32, u32, (u64)(x & 0xffffff) * (y & 0xffffff))
VG_HANDLER2(mul24_hi_u, u32, u32, u32, u32, u32,
            (u64)(x & 0xffffff) * (y & 0xffffff) >> 16)
VG_HANDLER2(mul24_lo_s, u32, u32, s32, u32, s32, (u64)(low24(x) * low24(y)))
VG_HANDLER2(mul24_hi_s, u32, u32, s32, u32, s32, (u64)(low24(x) * low24(y)) >> 16)
VG_HANDLER3(mad24_lo_u, u32, u32, u32, u32, u32, u32, u32,
            (u64)(x & 0xffffff) * (y & 0xffffff) + z)
VG_HANDLER3(mad24_hi_u, u32, u32, u32, u32, u32, u32, u32,
            ((u64)(x & 0xffffff) * (y & 0xffffff) >> 16) + z)
VG_HANDLER3(mad24_lo_s, u32, u32, s32, u32, s32, u32, u32, (u64)(low24(x) * low24(y)) + z)
VG_HANDLER3(mad24_hi_s, u32, u32, s32, u32, s32, u32, u32,
            ((u64)(low24(x) * low24(y)) >> 16) + z)
VG_HANDLER3(mad24_hi_sat, u32, u32, s32, u32, s32, u32, s32,
            saturate((low24(x) * low24(y) >> 16) + z))

/* --- division --- */

#define EACH2(name, R, T, U, EXPR)                                             \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        R *d = VG_ROW(R, w, op->d);                                            \
        const R *a = VG_ROW(R, w, op->a);                                      \
        const R *b = VG_ROW(R, w, op->b);                                      \
        VG_EACH_LANE(l, mask)                                                  \
        {                                                                      \
            const T x = (T)a[l];                                               \
            const T y = (T)b[l];                                               \
            d[l] = (R)(U)(EXPR);                                               \
        }                                                                      \
        return VG_STEP_NEXT;                                                   \
    }

#define DIVISIONS(bits, R)                                                     \
    EACH2(div_u_##bits, R, u##bits, u##bits, y == 0 ? (u##bits) ~0ull : x / y) \
    EACH2(rem_u_##bits, R, u##bits, u##bits, y == 0 ? x : x % y)               \
    EACH2(div_s_##bits, R, s##bits, u##bits,                                   \
          y == 0    ? (s##bits) - 1                                            \
          : y == -1 ? (s##bits)(0u - (u##bits)x)                               \
                    : x / y)                                                   \
    EACH2(rem_s_##bits, R, s##bits, u##bits, y == 0 ? x : y == -1 ? 0 : x % y)

DIVISIONS(16, u32)
DIVISIONS(32, u32)
DIVISIONS(64, u64)

/* --- carries: op->e is the predicate that holds the carry flag --- */

enum {
    CARRY_IN = 1,
    CARRY_OUT = 2,
    CARRY_SUB = 4
};

#define CARRY(name, R, W)                                                               \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)          \
    {                                                                                   \
        R *d = VG_ROW(R, w, op->d);                                                     \
        const R *a = VG_ROW(R, w, op->a);                                               \
        const R *b = VG_ROW(R, w, op->b);                                               \
        const uint32_t in = (op->mode & CARRY_IN) ? *vg_pred(w, op->e) : 0;             \
        uint32_t out = 0;                                                               \
        VG_EACH_LANE(l, mask)                                                           \
        {                                                                               \
            const W flag = in >> l & 1;                                                 \
            const W r =                                                                 \
                (op->mode & CARRY_SUB) ? (W)a[l] - b[l] - flag : (W)a[l] + b[l] + flag; \
            d[l] = (R)r;                                                                \
            out |= (uint32_t)(r >> (sizeof(R) * 8) & 1) << l;                           \
        }                                                                               \
        if (op->mode & CARRY_OUT) {                                                     \
            vg_pred_set(w, op->e, mask, out);                                           \
        }                                                                               \
        return VG_STEP_NEXT;                                                            \
    }

CARRY(carry_32, u32, u64)
CARRY(carry_64, u64, vg_u128)

/* mad.cc and madc: the product's half goes to a temporary, then the carry add */
static vg_iop_fn *const mul_lo_fns[3] = ALL3(mul_lo);
static vg_iop_fn *const mul_hi_fns[2][3] = { ALL3(mul_hi_u), ALL3(mul_hi_s) };

static int
decode_carry(struct vg_dec *d, const struct vg_ptx_insn *insn, unsigned mode)
{
    const enum vg_ptx_type type = insn->types[0];
    const unsigned width = vg_width(type);
    const unsigned last = insn->n_operands - 1u;
    if (width == 0 || insn->n_operands < 3) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t a = vg_dec_src(d, &insn->operands[1], type);
    const uint32_t b = vg_dec_src(d, &insn->operands[2], type);
    const uint32_t c = vg_dec_src(d, &insn->operands[last], type);
    if (insn->n_operands == 4) {
        const uint32_t temp = vg_dec_temp(d, vg_ptx_type_bits(type));
        struct vg_iop *mul = vg_dec_emit(d, vg_ptx_has(insn, VG_PTX_MOD_HI)
                                                ? mul_hi_fns[vg_signed(type)][width]
                                                : mul_lo_fns[width]);
        mul->d = temp;
        mul->a = a;
        mul->b = b;
        a = temp;
    }
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], type);
    const uint32_t flag = vg_dec_carry(d);
    struct vg_iop *op = vg_dec_emit(d, width == 1 ? carry_32 : carry_64);
    op->d = dst;
    op->a = a;
    op->b = insn->n_operands == 4 ? c : b;
    op->e = flag;
    op->mode = (uint8_t)(mode | (vg_ptx_has(insn, VG_PTX_MOD_CC) ? CARRY_OUT : 0));
    return 0;
}

/* --- dot products of bytes and halfwords --- */

static inline u32
dot4(u32 x, u32 y, u32 z, bool sx, bool sy)
{
    u32 sum = z;
    for (unsigned i = 0; i < 32; i += 8) {
        const s32 p = sx ? (s32)(int8_t)(x >> i) : (s32)(x >> i & 0xff);
        const s32 q = sy ? (s32)(int8_t)(y >> i) : (s32)(y >> i & 0xff);
        sum += (u32)(p * q);
    }
    return sum;
}

static inline u32
dot2(u32 x, u32 y, u32 z, bool sx, bool sy, bool high)
{
    u32 sum = z;
    const u32 bytes = high ? y >> 16 : y;
    for (unsigned i = 0; i < 2; i++) {
        const s32 p = sx ? (s32)(s16)(x >> 16 * i) : (s32)(x >> 16 * i & 0xffff);
        const s32 q = sy ? (s32)(int8_t)(bytes >> 8 * i) : (s32)(bytes >> 8 * i & 0xff);
        sum += (u32)p * (u32)q;
    }
    return sum;
}

#define DOT(name, EXPR) VG_HANDLER3(name, u32, u32, u32, u32, u32, u32, u32, EXPR)
DOT(dp4a_uu, dot4(x, y, z, false, false))
DOT(dp4a_us, dot4(x, y, z, false, true))
DOT(dp4a_su, dot4(x, y, z, true, false))
DOT(dp4a_ss, dot4(x, y, z, true, true))
DOT(dp2a_lo_uu, dot2(x, y, z, false, false, false))
DOT(dp2a_lo_us, dot2(x, y, z, false, true, false))
DOT(dp2a_lo_su, dot2(x, y, z, true, false, false))
DOT(dp2a_lo_ss, dot2(x, y, z, true, true, false))
DOT(dp2a_hi_uu, dot2(x, y, z, false, false, true))
DOT(dp2a_hi_us, dot2(x, y, z, false, true, true))
DOT(dp2a_hi_su, dot2(x, y, z, true, false, true))
DOT(dp2a_hi_ss, dot2(x, y, z, true, true, true))

static int
decode_dot(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[3][4] = {
        { dp4a_uu, dp4a_us, dp4a_su, dp4a_ss },
        { dp2a_lo_uu, dp2a_lo_us, dp2a_lo_su, dp2a_lo_ss },
        { dp2a_hi_uu, dp2a_hi_us, dp2a_hi_su, dp2a_hi_ss },
    };
    const unsigned kind = insn->op == VG_PTX_OP_DP4A        ? 0
                          : vg_ptx_has(insn, VG_PTX_MOD_HI) ? 2
                                                            : 1;
    if (insn->n_types < 2) {
        return vg_dec_refuse(d, NULL);
    }
    const unsigned which = vg_signed(insn->types[0]) * 2u + vg_signed(insn->types[1]);
    return vg_dec_plain(d, insn, fns[kind][which], VG_PTX_B32, VG_PTX_B32);
}

/* --- two halfwords in a word --- */

#define HALVES(expr_low, expr_high) (((expr_low)&0xffffu) | (expr_high) << 16)
#define PACKED(name, T, EXPR)                  \
    static inline u32 name##_of(T x, T y)      \
    {                                          \
        return (u16)(EXPR);                    \
    }                                          \
    VG_HANDLER2(name, u32, u32, u32, u32, u32, \
                HALVES(name##_of((T)x, (T)y), name##_of((T)(x >> 16), (T)(y >> 16))))
PACKED(add_x2, u16, x + y)
PACKED(min_u_x2, u16, x < y ? x : y)
PACKED(max_u_x2, u16, x > y ? x : y)
PACKED(min_s_x2, s16, x < y ? x : y)
PACKED(max_s_x2, s16, x > y ? x : y)
PACKED(min_r_x2, s16, x < 0 || y < 0 ? 0 : x < y ? x : y)
PACKED(max_r_x2, s16, x < 0 && y < 0 ? 0 : x > y ? x : y)

static int
decode_packed(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const bool is_signed = vg_ptx_has(insn, VG_PTX_MOD_S16X2);
    const bool relu = vg_ptx_has(insn, VG_PTX_MOD_RELU);
    vg_iop_fn *run = NULL;
    if (insn->n_operands != 3 || (relu && !is_signed)) {
        return vg_dec_refuse(d, NULL);
    }
    if (insn->op == VG_PTX_OP_ADD && !relu) {
        run = add_x2;
    } else if (insn->op == VG_PTX_OP_MIN) {
        run = relu ? min_r_x2 : is_signed ? min_s_x2 : min_u_x2;
    } else if (insn->op == VG_PTX_OP_MAX) {
        run = relu ? max_r_x2 : is_signed ? max_s_x2 : max_u_x2;
    }
    return vg_dec_plain(d, insn, run, VG_PTX_B32, VG_PTX_B32);
}

/* min.relu, max.relu: no result below zero */
VG_HANDLER2(min_relu, u32, u32, s32, u32, s32, x < 0 || y < 0 ? 0 : x < y ? x : y)
VG_HANDLER2(max_relu, u32, u32, s32, u32, s32, x < 0 && y < 0 ? 0 : x > y ? x : y)

static int
decode_relu(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->types[0] != VG_PTX_S32 || insn->n_operands != 3) {
        return vg_dec_refuse(d, NULL);
    }
    return vg_dec_plain(d, insn, insn->op == VG_PTX_OP_MIN ? min_relu : max_relu,
                        VG_PTX_S32, VG_PTX_S32);
}

/* --- the decoder --- */

static vg_iop_fn *
pick_product(const struct vg_ptx_insn *insn, bool is_mad)
{
    static vg_iop_fn *const mad_lo_fns[3] = ALL3(mad_lo);
    static vg_iop_fn *const mad_hi_fns[2][3] = { ALL3(mad_hi_u), ALL3(mad_hi_s) };
    static vg_iop_fn *const wide[2][2][2] = {
        { { mul_wide_u_16, mul_wide_u_32 }, { mul_wide_s_16, mul_wide_s_32 } },
        { { mad_wide_u_16, mad_wide_u_32 }, { mad_wide_s_16, mad_wide_s_32 } },
    };
    const unsigned width = vg_width(insn->types[0]);
    const bool is_signed = vg_signed(insn->types[0]);

    if (vg_ptx_has(insn, VG_PTX_MOD_WIDE)) {
        return width > 1 ? NULL : wide[is_mad][is_signed][width];
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_HI)) {
        if (vg_ptx_has(insn, VG_PTX_MOD_SAT)) {
            return is_mad && width == 1 && is_signed ? mad_hi_sat : NULL;
        }
        return is_mad ? mad_hi_fns[is_signed][width] : mul_hi_fns[is_signed][width];
    }
    return is_mad ? mad_lo_fns[width] : mul_lo_fns[width];
}

static enum vg_ptx_type
wide_type(enum vg_ptx_type type)
{
    return vg_ptx_type_bits(type) == 16 ? VG_PTX_B32 : VG_PTX_B64;
}

static int
decode_product(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type type = insn->types[0];
    const bool is_mad = insn->op == VG_PTX_OP_MAD;
    vg_iop_fn *run = pick_product(insn, is_mad);
    if (run == NULL || insn->n_operands != (is_mad ? 4 : 3)) {
        return vg_dec_refuse(d, NULL);
    }
    const enum vg_ptx_type to =
        vg_ptx_has(insn, VG_PTX_MOD_WIDE) ? wide_type(type) : type;
    uint32_t slots[4] = { 0 };
    slots[1] = vg_dec_src(d, &insn->operands[1], type);
    slots[2] = vg_dec_src(d, &insn->operands[2], type);
    if (is_mad) {
        slots[3] = vg_dec_src(d, &insn->operands[3], to);
    }
    slots[0] = vg_dec_dst(d, &insn->operands[0], to);
    vg_dec_emit4(d, run, slots);
    return 0;
}

static vg_iop_fn *
pick_24(const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[2][2][2] = {
        { { mul24_lo_u, mul24_lo_s }, { mul24_hi_u, mul24_hi_s } },
        { { mad24_lo_u, mad24_lo_s }, { mad24_hi_u, mad24_hi_s } },
    };
    if (vg_ptx_has(insn, VG_PTX_MOD_SAT)) {
        return mad24_hi_sat;
    }
    return fns[insn->op == VG_PTX_OP_MAD24][vg_ptx_has(insn, VG_PTX_MOD_HI)]
              [vg_signed(insn->types[0])];
}

static vg_iop_fn *
pick_simple(const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[][2][3] = {
        [0] = { ALL3(add), ALL3(add) },     [1] = { ALL3(sub), ALL3(sub) },
        [2] = { ALL3(neg), ALL3(neg) },     [3] = { ALL3(abs), ALL3(abs) },
        [4] = { ALL3(min_u), ALL3(min_s) }, [5] = { ALL3(max_u), ALL3(max_s) },
        [6] = { ALL3(sad_u), ALL3(sad_s) }, [7] = { ALL3(div_u), ALL3(div_s) },
        [8] = { ALL3(rem_u), ALL3(rem_s) },
    };
    static const struct {
        uint16_t op, row;
    } rows[] = {
        { VG_PTX_OP_ADD, 0 }, { VG_PTX_OP_SUB, 1 }, { VG_PTX_OP_NEG, 2 },
        { VG_PTX_OP_ABS, 3 }, { VG_PTX_OP_MIN, 4 }, { VG_PTX_OP_MAX, 5 },
        { VG_PTX_OP_SAD, 6 }, { VG_PTX_OP_DIV, 7 }, { VG_PTX_OP_REM, 8 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].op == insn->op) {
            return fns[rows[i].row][vg_signed(insn->types[0])][vg_width(insn->types[0])];
        }
    }
    return NULL;
}

static vg_iop_fn *
pick_sum(const struct vg_ptx_insn *insn)
{
    if (vg_ptx_has(insn, VG_PTX_MOD_SAT)) {
        if (insn->types[0] != VG_PTX_S32) {
            return NULL;
        }
        return insn->op == VG_PTX_OP_ADD ? add_sat : sub_sat;
    }
    return pick_simple(insn);
}

int
VG_ISA(vg_decode_integer)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type type = insn->types[0];
    if (vg_ptx_has(insn, VG_PTX_MOD_U16X2) || vg_ptx_has(insn, VG_PTX_MOD_S16X2)) {
        return decode_packed(d, insn);
    }
    if (insn->n_types == 0) {
        return vg_dec_refuse(d, NULL);
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_RELU)) {
        return decode_relu(d, insn);
    }
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_ADDC:
        return decode_carry(d, insn, CARRY_IN);
    case VG_PTX_OP_SUBC:
        return decode_carry(d, insn, CARRY_IN | CARRY_SUB);
    case VG_PTX_OP_MADC:
        return decode_carry(d, insn, CARRY_IN);
    case VG_PTX_OP_ADD:
    case VG_PTX_OP_SUB:
        if (vg_ptx_has(insn, VG_PTX_MOD_CC)) {
            return decode_carry(d, insn, insn->op == VG_PTX_OP_SUB ? CARRY_SUB : 0);
        }
        return vg_dec_plain(d, insn, pick_sum(insn), type, type);
    case VG_PTX_OP_MAD:
        if (vg_ptx_has(insn, VG_PTX_MOD_CC)) {
            return decode_carry(d, insn, 0);
        }
        return decode_product(d, insn);
    case VG_PTX_OP_MUL:
        return decode_product(d, insn);
    case VG_PTX_OP_MIN:
    case VG_PTX_OP_MAX:
        if (insn->n_operands != 3) {
            return vg_dec_refuse(d, "three sources");
        }
        return vg_dec_plain(d, insn, pick_simple(insn), type, type);
    case VG_PTX_OP_MUL24:
    case VG_PTX_OP_MAD24:
        return vg_dec_plain(d, insn, pick_24(insn), type, type);
    case VG_PTX_OP_DP4A:
    case VG_PTX_OP_DP2A:
        return decode_dot(d, insn);
    default:
        return vg_dec_plain(d, insn, pick_simple(insn), type, type);
    }
}
