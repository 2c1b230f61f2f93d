/* SPDX-License-Identifier: Apache-2.0 */

/*
 * convert - cvt (PTX ISA, Data Movement and Conversion: cvt).
 *
 * The conversions that kernels are full of have handlers of their own; all others go
 * through one exact routine, lane by lane: an integer of 128 bits or a double, which
 * holds every source, then one rounding to the destination.
 */

#include "interp/alu.h"
#include "interp/float_format.h"
#include "interp/half.h"

#include <math.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* --- integer to integer: to narrower types and to registers of the same row --- */

#define FROM(id, RA, T)                                    \
    VG_HANDLER1(id##_u8, u32, RA, T, (u8)x)                \
    VG_HANDLER1(id##_s8, u32, RA, T, (u32)(s32)(s8)x)      \
    VG_HANDLER1(id##_s8_16, u32, RA, T, (u16)(s8)x)        \
    VG_HANDLER1(id##_16, u32, RA, T, (u16)x)               \
    VG_HANDLER1(id##_s16_32, u32, RA, T, (u32)(s32)(s16)x) \
    VG_HANDLER1(id##_32, u32, RA, T, (u32)x)               \
    VG_HANDLER1(id##_64, u64, RA, T, (u64)x)

FROM(u8, u32, u8)
FROM(s8, u32, s8)
FROM(u16, u32, u16)
FROM(s16, u32, s16)
FROM(u32, u32, u32)
FROM(s32, u32, s32)
FROM(u64, u64, u64)
FROM(s64, u64, s64)

#define ROW(id)                                                              \
    {                                                                        \
        id##_u8, id##_s8, id##_s8_16, id##_16, id##_s16_32, id##_32, id##_64 \
    }

static unsigned
source_index(enum vg_ptx_type type)
{
    const unsigned bits = vg_ptx_type_bits(type);
    return (bits == 8 ? 0u : bits == 16 ? 2u : bits == 32 ? 4u : 6u) + vg_signed(type);
}

/* Return: NULL where the general routine has to do it. */
static vg_iop_fn *
pick_integer(enum vg_ptx_type to, enum vg_ptx_type from, unsigned reg_bits)
{
    static vg_iop_fn *const fns[8][7] = { ROW(u8),  ROW(s8),  ROW(u16), ROW(s16),
                                          ROW(u32), ROW(s32), ROW(u64), ROW(s64) };
    vg_iop_fn *const *row = fns[source_index(from)];
    const unsigned bits = vg_ptx_type_bits(to);
    const bool is_signed = vg_signed(to);

    if (bits == 64) {
        return row[6];
    }
    if (reg_bits == 64) {
        return NULL;
    }
    switch (bits) {
    case 8:
        return !is_signed ? row[0] : reg_bits == 16 ? row[2] : row[1];
    case 16:
        return is_signed && reg_bits == 32 ? row[4] : row[3];
    default:
        return row[5];
    }
}

/* --- common floats --- */

static inline u32
canon(float v)
{
    return v == v ? vg_f32_bits(v) : 0x7fffffffu;
}

VG_HANDLER1(f32_u8, u32, u32, u8, vg_f32_bits((float)x))
VG_HANDLER1(f32_s8, u32, u32, s8, vg_f32_bits((float)x))
VG_HANDLER1(f32_u16, u32, u32, u16, vg_f32_bits((float)x))
VG_HANDLER1(f32_s16, u32, u32, s16, vg_f32_bits((float)x))
VG_HANDLER1(f32_s32, u32, u32, s32, vg_f32_bits((float)x))
VG_HANDLER1(f32_u32, u32, u32, u32, vg_f32_bits((float)x))
VG_HANDLER1(f32_f16, u32, u32, u16, canon(vg_half_float(x)))
VG_HANDLER1(f32_bf16, u32, u32, u16, canon(vg_bf16_float(x)))
VG_HANDLER1(f16_f32, u32, u32, u32, vg_float_half(vg_bits_f32(x)))
VG_HANDLER1(f16_f32_z, u32, u32, u32, vg_float_half(vg_bits_f32(vg_ftz(x))))
VG_HANDLER1(bf16_f32, u32, u32, u32, vg_float_bf16(vg_bits_f32(x)))
VG_HANDLER2(f16x2_f32, u32, u32, u32, u32, u32,
            vg_float_half(vg_bits_f32(y)) | vg_float_half(vg_bits_f32(x)) << 16)
VG_HANDLER2(bf16x2_f32, u32, u32, u32, u32, u32,
            vg_float_bf16(vg_bits_f32(y)) | vg_float_bf16(vg_bits_f32(x)) << 16)

static inline u32
to_s32(float v)
{
    const float safe = v >= -2147483648.0f && v < 2147483648.0f ? v : 0.0f;
    const u32 r = (u32)(s32)safe;
    return v >= 2147483648.0f ? 0x7fffffffu : v < -2147483648.0f ? 0x80000000u : r;
}

VG_HANDLER1(s32_f32_rzi, u32, u32, u32, to_s32(vg_bits_f32(x)))
VG_HANDLER1(f32_f32_rzi, u32, u32, u32, canon(__builtin_truncf(vg_bits_f32(x))))
VG_HANDLER1(f32_f32_rzi_z, u32, u32, u32, canon(__builtin_truncf(vg_bits_f32(vg_ftz(x)))))

static vg_iop_fn *
pick_common(const struct vg_ptx_insn *insn)
{
    static const struct {
        uint8_t to, from;
        uint16_t mod;
        bool ftz_matters;
        vg_iop_fn *run, *run_ftz;
    } table[] = {
        { VG_PTX_F32, VG_PTX_U8, VG_PTX_MOD_RN, false, f32_u8, f32_u8 },
        { VG_PTX_F32, VG_PTX_S8, VG_PTX_MOD_RN, false, f32_s8, f32_s8 },
        { VG_PTX_F32, VG_PTX_U16, VG_PTX_MOD_RN, false, f32_u16, f32_u16 },
        { VG_PTX_F32, VG_PTX_S16, VG_PTX_MOD_RN, false, f32_s16, f32_s16 },
        { VG_PTX_F32, VG_PTX_U32, VG_PTX_MOD_RN, false, f32_u32, f32_u32 },
        { VG_PTX_F32, VG_PTX_S32, VG_PTX_MOD_RN, false, f32_s32, f32_s32 },
        { VG_PTX_F32, VG_PTX_F16, VG_PTX_MOD_COUNT, false, f32_f16, f32_f16 },
        { VG_PTX_F32, VG_PTX_BF16, VG_PTX_MOD_COUNT, true, f32_bf16, NULL },
        { VG_PTX_F16, VG_PTX_F32, VG_PTX_MOD_RN, false, f16_f32, f16_f32_z },
        { VG_PTX_BF16, VG_PTX_F32, VG_PTX_MOD_RN, true, bf16_f32, NULL },
        { VG_PTX_F16X2, VG_PTX_F32, VG_PTX_MOD_RN, true, f16x2_f32, NULL },
        { VG_PTX_BF16X2, VG_PTX_F32, VG_PTX_MOD_RN, true, bf16x2_f32, NULL },
        { VG_PTX_S32, VG_PTX_F32, VG_PTX_MOD_RZI, false, s32_f32_rzi, s32_f32_rzi },
        { VG_PTX_F32, VG_PTX_F32, VG_PTX_MOD_RZI, false, f32_f32_rzi, f32_f32_rzi_z },
    };
    if (vg_ptx_has(insn, VG_PTX_MOD_SAT) || vg_ptx_has(insn, VG_PTX_MOD_RELU) ||
        vg_ptx_has(insn, VG_PTX_MOD_SATFINITE)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].to == insn->types[0] && table[i].from == insn->types[1] &&
            (table[i].mod == VG_PTX_MOD_COUNT || vg_ptx_has(insn, table[i].mod))) {
            return vg_ptx_has(insn, VG_PTX_MOD_FTZ) ? table[i].run_ftz : table[i].run;
        }
    }
    return NULL;
}

/* --- everything else --- */

enum {
    INT_NONE,
    INT_NEAREST,
    INT_ZERO,
    INT_DOWN,
    INT_UP
};

struct plan {
    uint8_t to, from; /* enum vg_ptx_type of one element */
    uint8_t direction, integral;
    bool ftz, sat, relu, finite;
    uint8_t reg_bits, from_bits;
};

static const struct vg_float_format *
format_of(unsigned type)
{
    switch (type) {
    case VG_PTX_F16:
        return &vg_format_f16;
    case VG_PTX_BF16:
        return &vg_format_bf16;
    case VG_PTX_F32:
        return &vg_format_f32;
    case VG_PTX_TF32:
        return &vg_format_tf32;
    case VG_PTX_E4M3:
        return &vg_format_e4m3;
    case VG_PTX_E5M2:
        return &vg_format_e5m2;
    default:
        return NULL;
    }
}

static bool
is_float(unsigned type)
{
    return vg_ptx_type_class((enum vg_ptx_type)type) == VG_PTX_FLOAT;
}

static double
source_double(const struct plan *p, u64 bits)
{
    if (p->from == VG_PTX_F64) {
        return vg_bits_f64(bits);
    }
    if (p->from == VG_PTX_F32) {
        return (double)vg_bits_f32(p->ftz ? vg_ftz((u32)bits) : (u32)bits);
    }
    return vg_float_value((u32)bits & (p->from_bits == 8 ? 0xffu : 0xffffu),
                          format_of(p->from));
}

static vg_s128
source_integer(const struct plan *p, u64 bits)
{
    const unsigned n = p->from_bits;
    const u64 low = n == 64 ? bits : bits & ((1ull << n) - 1);
    if (vg_signed(p->from)) {
        return (s64)(low << (64 - n)) >> (64 - n);
    }
    return (vg_s128)low;
}

static double
to_integral(double v, unsigned how)
{
    switch (how) {
    case INT_NEAREST:
        return nearbyint(v);
    case INT_ZERO:
        return trunc(v);
    case INT_DOWN:
        return floor(v);
    case INT_UP:
        return ceil(v);
    default:
        return v;
    }
}

static vg_s128
clamp(vg_s128 v, unsigned to)
{
    const unsigned bits = vg_ptx_type_bits((enum vg_ptx_type)to);
    const vg_s128 one = 1;
    const vg_s128 lo = vg_signed(to) ? -(one << (bits - 1)) : 0;
    const vg_s128 hi = vg_signed(to) ? (one << (bits - 1)) - 1 : (one << bits) - 1;
    return v < lo ? lo : v > hi ? hi : v;
}

/* An integer as a double whose last bit stands for all that did not fit, so that the one
 * rounding that follows is right. */
static double
sticky_double(vg_s128 v)
{
    const bool negative = v < 0;
    vg_u128 m = negative ? (vg_u128)-v : (vg_u128)v;
    int shift = 0;
    bool lost = false;
    while (m >> 53 != 0) {
        lost |= (m & 1) != 0;
        m >>= 1;
        shift++;
    }
    const double d = ldexp((double)(u64)(m | (lost ? 1 : 0)), shift);
    return negative ? -d : d;
}

static u64
finish_float(const struct plan *p, double v)
{
    if (p->sat) {
        v = v > 0 ? v < 1 ? v : 1 : 0;
    }
    if (p->relu && v < 0) {
        v = 0;
    }
    if (p->relu && v == 0) {
        v = 0;
    }
    if (p->to == VG_PTX_F64) {
        return v == v ? vg_f64_bits(v) : 0xfff8000000000000ull;
    }
    u32 bits = vg_float_round(v, format_of(p->to), p->direction, p->finite);
    if (p->to == VG_PTX_TF32) {
        return (u64)bits << 13 | (v != v ? 0x1fff : 0);
    }
    return p->to == VG_PTX_F32 && p->ftz ? vg_ftz(bits) : bits;
}

static u64
extend(const struct plan *p, u64 value)
{
    const unsigned bits = vg_ptx_type_bits((enum vg_ptx_type)p->to);
    if (bits < 64) {
        value &= (1ull << bits) - 1;
        if (vg_signed(p->to)) {
            value = (u64)((s64)(value << (64 - bits)) >> (64 - bits));
        }
    }
    return p->reg_bits == 64 ? value : value & ((1ull << p->reg_bits) - 1);
}

static u64
convert_one(const struct plan *p, u64 bits)
{
    if (is_float(p->from)) {
        double v = to_integral(source_double(p, bits), p->integral);
        if (is_float(p->to)) {
            return finish_float(p, v);
        }
        if (v != v) {
            /* the manual: 0, but for f64 sources and 64-bit results */
            const unsigned n = vg_ptx_type_bits((enum vg_ptx_type)p->to);
            return p->from == VG_PTX_F64 || n == 64 ? extend(p, 1ull << (n - 1)) : 0;
        }
        const double bound = 1e30;
        v = v > bound ? bound : v < -bound ? -bound : v;
        return extend(p, (u64)clamp((vg_s128)v, p->to));
    }
    const vg_s128 v = source_integer(p, bits);
    if (!is_float(p->to)) {
        return extend(p, (u64)(p->sat ? clamp(v, p->to) : v));
    }
    if (p->to == VG_PTX_F64) {
        return vg_f64_bits(
            vg_signed(p->from)
                ? vg_directed_s64_f64((long long)v, p->direction)
                : vg_directed_u64_f64((unsigned long long)v, p->direction));
    }
    return finish_float(p, sticky_double(v));
}

static u64
row_value(const struct vg_warp *w, uint32_t slot, bool wide, uint32_t l)
{
    return wide ? vg_row64(w, slot)[l] : vg_row32(w, slot)[l];
}

static int
general(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct plan *p = op->ext;
    VG_EACH_LANE(l, mask)
    {
        const u64 r = convert_one(p, row_value(w, op->a, p->from_bits == 64, l));
        if (p->reg_bits == 64) {
            vg_row64(w, op->d)[l] = r;
        } else {
            vg_row32(w, op->d)[l] = (u32)r;
        }
    }
    return VG_STEP_NEXT;
}

/* d = {a, b}: a is the upper half; op->size bits each */
static int
general_pair(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct plan *p = op->ext;
    u32 *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        const u32 high = (u32)convert_one(p, vg_row32(w, op->a)[l]);
        const u32 low = (u32)convert_one(p, vg_row32(w, op->b)[l]);
        d[l] = high << op->size | low;
    }
    return VG_STEP_NEXT;
}

/* {b8 b8} or {b16 b16} in, two of the other out */
static int
general_packed(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct plan *p = op->ext;
    u32 *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        const u32 x = vg_row32(w, op->a)[l];
        const u32 low = (u32)convert_one(p, x & ((1u << p->from_bits) - 1));
        const u32 high = (u32)convert_one(p, x >> p->from_bits);
        d[l] = high << op->size | low;
    }
    return VG_STEP_NEXT;
}

/* --- decoding --- */

static struct plan *
make_plan(struct vg_dec *d, const struct vg_ptx_insn *insn, unsigned to, unsigned from)
{
    struct plan *p = vg_dec_alloc(d, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->to = (uint8_t)to;
    p->from = (uint8_t)from;
    p->direction = vg_ptx_has(insn, VG_PTX_MOD_RZ)    ? VG_TO_ZERO
                   : vg_ptx_has(insn, VG_PTX_MOD_RM)  ? VG_DOWN
                   : vg_ptx_has(insn, VG_PTX_MOD_RP)  ? VG_UP
                   : vg_ptx_has(insn, VG_PTX_MOD_RNA) ? VG_TIES_AWAY
                                                      : VG_NEAREST;
    p->integral = vg_ptx_has(insn, VG_PTX_MOD_RNI)   ? INT_NEAREST
                  : vg_ptx_has(insn, VG_PTX_MOD_RZI) ? INT_ZERO
                  : vg_ptx_has(insn, VG_PTX_MOD_RMI) ? INT_DOWN
                  : vg_ptx_has(insn, VG_PTX_MOD_RPI) ? INT_UP
                                                     : INT_NONE;
    p->ftz = vg_ptx_has(insn, VG_PTX_MOD_FTZ);
    p->sat = vg_ptx_has(insn, VG_PTX_MOD_SAT);
    p->relu = vg_ptx_has(insn, VG_PTX_MOD_RELU);
    p->finite = vg_ptx_has(insn, VG_PTX_MOD_SATFINITE);
    p->from_bits = (uint8_t)vg_ptx_type_bits((enum vg_ptx_type)from);
    p->reg_bits = 32;
    return p;
}

static unsigned
element_of(unsigned type)
{
    switch (type) {
    case VG_PTX_F16X2:
        return VG_PTX_F16;
    case VG_PTX_BF16X2:
        return VG_PTX_BF16;
    case VG_PTX_E4M3X2:
        return VG_PTX_E4M3;
    case VG_PTX_E5M2X2:
        return VG_PTX_E5M2;
    default:
        return VG_PTX_TYPE_COUNT;
    }
}

static int
decode_pair(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type to = insn->types[0];
    vg_iop_fn *common = pick_common(insn);
    if (insn->n_operands != 3 || insn->types[1] != VG_PTX_F32) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t slots[4] = { 0 };
    slots[1] = vg_dec_src(d, &insn->operands[1], VG_PTX_F32);
    slots[2] = vg_dec_src(d, &insn->operands[2], VG_PTX_F32);
    slots[0] = vg_dec_dst(d, &insn->operands[0], to);
    struct plan *p = make_plan(d, insn, element_of(to), VG_PTX_F32);
    struct vg_iop *op = vg_dec_emit4(d, common != NULL ? common : general_pair, slots);
    op->ext = p;
    op->size = (uint8_t)(vg_ptx_type_bits(to) / 2);
    return 0;
}

static int
decode_packed(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type to = insn->types[0];
    const enum vg_ptx_type from = insn->types[1];
    if (insn->n_operands != 2 || element_of(from) == VG_PTX_TYPE_COUNT) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t slots[4] = { 0 };
    slots[1] = vg_dec_src(d, &insn->operands[1], from);
    slots[0] = vg_dec_dst(d, &insn->operands[0], to);
    struct plan *p = make_plan(d, insn, element_of(to), element_of(from));
    struct vg_iop *op = vg_dec_emit4(d, general_packed, slots);
    op->ext = p;
    op->size = (uint8_t)(vg_ptx_type_bits(to) / 2);
    return 0;
}

static bool
is_scalar(unsigned type)
{
    return element_of(type) == VG_PTX_TYPE_COUNT && type != VG_PTX_PRED &&
           vg_ptx_type_bits((enum vg_ptx_type)type) >= 8 &&
           vg_ptx_type_bits((enum vg_ptx_type)type) <= 64;
}

static int
decode_scalar(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type to = insn->types[0];
    const enum vg_ptx_type from = insn->types[1];
    const struct vg_ptx_operand *dst = &insn->operands[0];
    if (insn->n_operands != 2 || !is_scalar(to) || !is_scalar(from)) {
        return vg_dec_refuse(d, NULL);
    }
    unsigned reg_bits = vg_ptx_type_bits(to);
    uint32_t to_slot;
    const uint32_t from_slot = vg_dec_src(d, &insn->operands[1], from);
    if (dst->kind == VG_PTX_OPERAND_REG) {
        reg_bits = vg_dec_reg_bits(d, dst->reg);
        to_slot = vg_dec_reg_slot(d, dst->reg);
    } else {
        to_slot = vg_dec_dst(d, dst, to);
    }
    if (reg_bits == 1 || reg_bits < vg_ptx_type_bits(to)) {
        return vg_dec_refuse(d, "operand");
    }
    vg_iop_fn *run = NULL;
    if (!is_float(to) && !is_float(from) && !vg_ptx_has(insn, VG_PTX_MOD_SAT)) {
        run = pick_integer(to, from, reg_bits);
    } else if (reg_bits <= 32) {
        run = pick_common(insn);
    }
    struct plan *p = make_plan(d, insn, to, from);
    if (p != NULL) {
        p->reg_bits = (uint8_t)(reg_bits < 16 ? 16 : reg_bits);
    }
    struct vg_iop *op = vg_dec_emit(d, run != NULL ? run : general);
    op->d = to_slot;
    op->a = from_slot;
    op->ext = p;
    return 0;
}

int
VG_ISA(vg_decode_convert)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_types != 2 || vg_ptx_has(insn, VG_PTX_MOD_PACK) ||
        vg_ptx_has(insn, VG_PTX_MOD_RS)) {
        return vg_dec_refuse(d, NULL);
    }
    if (element_of(insn->types[0]) == VG_PTX_TYPE_COUNT) {
        return decode_scalar(d, insn);
    }
    return insn->types[1] == VG_PTX_F32 ? decode_pair(d, insn) : decode_packed(d, insn);
}
