/* SPDX-License-Identifier: Apache-2.0 */

/*
 * approx - the .approx functions of f32 and f64.
 *
 * Computed in f64 and rounded once, so nearer to the true value than the device, whose
 * bits are not documented; the special values are those of the manual's tables. ex2 and
 * lg2 are polynomials, since kernels call them for every element and the compiler makes
 * vector code of them; without a fused step their bits are the same on every host.
 */

#include "interp/approx.h"
#include "interp/alu.h"

#include <math.h>

typedef uint32_t u32;
typedef uint64_t u64;

static inline u32
canon(float v)
{
    return v == v ? vg_f32_bits(v) : 0x7fffffffu;
}

static inline float
rsqrt_f32(float v)
{
    return (float)(1.0 / __builtin_sqrt((double)v));
}

/* The device multiplies by a reciprocal that underflows for the largest divisors. */
static inline float
div_f32(float x, float y)
{
    const u32 magnitude = vg_f32_bits(y) & 0x7fffffffu;
    const bool huge = magnitude > 0x7e800000u && magnitude < 0x7f800000u;
    const u32 sign = (vg_f32_bits(x) ^ vg_f32_bits(y)) & 0x80000000u;
    const u32 small = (vg_f32_bits(x) & 0x7fffffffu) >= 0x7f800000u ? 0x7fffffffu : sign;
    return huge ? vg_bits_f32(small) : x / y;
}

#define F(bits) vg_bits_f32(bits)
#define Z(bits) vg_bits_f32(vg_ftz(bits))

#define APPROX1(name, fn)                             \
    VG_HANDLER1(name, u32, u32, u32, canon(fn(F(x)))) \
    VG_HANDLER1(name##_z, u32, u32, u32, vg_ftz(canon(fn(Z(x)))))
#define RECIPROCAL(v) (1.0f / (v))

APPROX1(ex2, vg_ex2)
APPROX1(lg2, vg_lg2)
APPROX1(rsqrt, rsqrt_f32)
APPROX1(rcp, RECIPROCAL)
APPROX1(sqrt_f, __builtin_sqrtf)
VG_HANDLER2(div_approx, u32, u32, u32, u32, u32, canon(div_f32(F(x), F(y))))
VG_HANDLER2(div_approx_z, u32, u32, u32, u32, u32, vg_ftz(canon(div_f32(Z(x), Z(y)))))
VG_HANDLER2(div_full, u32, u32, u32, u32, u32, canon(F(x) / F(y)))
VG_HANDLER2(div_full_z, u32, u32, u32, u32, u32, vg_ftz(canon(Z(x) / Z(y))))

#define LIBRARY(name, fn)                                                      \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        u32 *d = vg_row32(w, op->d);                                           \
        const u32 *a = vg_row32(w, op->a);                                     \
        VG_EACH_LANE(l, mask)                                                  \
        {                                                                      \
            d[l] = canon((float)fn((double)F(a[l])));                          \
        }                                                                      \
        return VG_STEP_NEXT;                                                   \
    }                                                                          \
    static int name##_z(struct vg_warp *w, const struct vg_iop *op, u32 mask)  \
    {                                                                          \
        u32 *d = vg_row32(w, op->d);                                           \
        const u32 *a = vg_row32(w, op->a);                                     \
        VG_EACH_LANE(l, mask)                                                  \
        {                                                                      \
            d[l] = vg_ftz(canon((float)fn((double)Z(a[l]))));                  \
        }                                                                      \
        return VG_STEP_NEXT;                                                   \
    }
LIBRARY(sin_f, sin)
LIBRARY(cos_f, cos)
LIBRARY(tanh_f, tanh)

/* --- f64: only the upper word of the operand counts, the result's lower word is 0 --- */

static inline double
upper(u64 bits)
{
    const bool subnormal = (bits & 0x7ff0000000000000ull) == 0;
    return vg_bits_f64(subnormal ? bits & 1ull << 63 : bits & 0xffffffff00000000ull);
}

static inline u64
upper_bits(double v)
{
    const u64 bits = vg_f64_bits(v) & 0xffffffff00000000ull;
    if (v != v) {
        return 0x7fffffff00000000ull;
    }
    return (bits & 0x7ff0000000000000ull) == 0 ? bits & 1ull << 63 : bits;
}

VG_HANDLER1(rcp_d, u64, u64, u64, upper_bits(1.0 / upper(x)))
VG_HANDLER1(rsqrt_d_z, u64, u64, u64, upper_bits(1.0 / __builtin_sqrt(upper(x))))

static inline u64
rsqrt_f64(u64 bits)
{
    const double v = 1.0 / __builtin_sqrt(vg_bits_f64(bits));
    return v == v ? vg_f64_bits(v) : 0xfff8000000000000ull;
}

VG_HANDLER1(rsqrt_d, u64, u64, u64, rsqrt_f64(x))

/* --- decoding --- */

static vg_iop_fn *
pick_f64(const struct vg_ptx_insn *insn)
{
    const bool ftz = vg_ptx_has(insn, VG_PTX_MOD_FTZ);
    if (insn->op == VG_PTX_OP_RCP) {
        return ftz ? rcp_d : NULL;
    }
    if (insn->op == VG_PTX_OP_RSQRT) {
        return ftz ? rsqrt_d_z : rsqrt_d;
    }
    return NULL;
}

static vg_iop_fn *
pick_f32(const struct vg_ptx_insn *insn)
{
    const bool ftz = vg_ptx_has(insn, VG_PTX_MOD_FTZ);
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_EX2:
        return ftz ? ex2_z : ex2;
    case VG_PTX_OP_LG2:
        return ftz ? lg2_z : lg2;
    case VG_PTX_OP_RSQRT:
        return ftz ? rsqrt_z : rsqrt;
    case VG_PTX_OP_RCP:
        return ftz ? rcp_z : rcp;
    case VG_PTX_OP_SQRT:
        return ftz ? sqrt_f_z : sqrt_f;
    case VG_PTX_OP_SIN:
        return ftz ? sin_f_z : sin_f;
    case VG_PTX_OP_COS:
        return ftz ? cos_f_z : cos_f;
    case VG_PTX_OP_TANH:
        return ftz ? tanh_f_z : tanh_f;
    case VG_PTX_OP_DIV:
        if (vg_ptx_has(insn, VG_PTX_MOD_FULL)) {
            return ftz ? div_full_z : div_full;
        }
        return ftz ? div_approx_z : div_approx;
    default:
        return NULL;
    }
}

int
VG_ISA(vg_decode_approx)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_types != 1) {
        return vg_dec_refuse(d, NULL);
    }
    const enum vg_ptx_type type = insn->types[0];
    vg_iop_fn *run = type == VG_PTX_F64   ? pick_f64(insn)
                     : type == VG_PTX_F32 ? pick_f32(insn)
                                          : NULL;
    return vg_dec_plain(d, insn, run, type, type);
}
