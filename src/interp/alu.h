/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * alu - how a handler is made from an expression.
 *
 * Files that include this are compiled once for each instruction set of the host;
 * VG_ISA() gives their public names a suffix. The loops have no branch, so that the
 * compiler turns them into vector code; lanes outside the mask keep their value by a
 * select, not by a jump.
 */

#include "interp/priv.h"

#if !defined(VG_ISA_NAME)
#define VG_ISA_NAME base
#endif
#define VG_ISA_PASTE(name, isa)  name##_##isa
#define VG_ISA_EXPAND(name, isa) VG_ISA_PASTE(name, isa)
#define VG_ISA(name)             VG_ISA_EXPAND(name, VG_ISA_NAME)

vg_decode_fn VG_ISA(vg_decode_integer), VG_ISA(vg_decode_logic),
    VG_ISA(vg_decode_compare), VG_ISA(vg_decode_floating), VG_ISA(vg_decode_approx),
    VG_ISA(vg_decode_half), VG_ISA(vg_decode_convert), VG_ISA(vg_decode_memory),
    VG_ISA(vg_decode_atomic), VG_ISA(vg_decode_warp), VG_ISA(vg_decode_tensor),
    VG_ISA(vg_decode_control), VG_ISA(vg_decode_video), VG_ISA(vg_decode_move),
    VG_ISA(vg_decode_copy);

__extension__ typedef __int128 vg_s128;
__extension__ typedef unsigned __int128 vg_u128;

/* Every lane of @mask: STATEMENT(l) with full vectors where all lanes run. */
#if defined(__clang_analyzer__)
/* an analyser that walks 32 lanes through hundreds of handlers learns nothing from the
 * second on and takes minutes */
#define VG_LANE_LOOP(mask, RD, d, EXPR)         \
    do {                                        \
        const uint32_t l = (mask) != 0 ? 0 : 1; \
        (d)[l] = (RD)(EXPR);                    \
    } while (0)
#else
#define VG_LANE_LOOP(mask, RD, d, EXPR)                        \
    do {                                                       \
        if ((mask) == VG_FULL) {                               \
            VG_VECTOR                                          \
            for (uint32_t l = 0; l < VG_LANES; l++) {          \
                (d)[l] = (RD)(EXPR);                           \
            }                                                  \
        } else {                                               \
            VG_VECTOR                                          \
            for (uint32_t l = 0; l < VG_LANES; l++) {          \
                const RD r_ = (RD)(EXPR);                      \
                (d)[l] = ((mask) >> l & 1) != 0 ? r_ : (d)[l]; \
            }                                                  \
        }                                                      \
    } while (0)
#endif

/* Only the lanes of the mask: for what is slow or must not run for others. */
#define VG_LANE_EACH(mask, RD, d, EXPR) \
    VG_EACH_LANE(l, mask)               \
    {                                   \
        (d)[l] = (RD)(EXPR);            \
    }

/* R*: row types; T*: what the value is seen as; x, y, z in EXPR are the operands. */
#define VG_HANDLER1(name, RD, RA, TA, EXPR)                                    \
    static inline RD name##_f(TA x)                                            \
    {                                                                          \
        return (RD)(EXPR);                                                     \
    }                                                                          \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        RD *d = VG_ROW(RD, w, op->d);                                          \
        const RA *a = VG_ROW(RA, w, op->a);                                    \
        VG_LANE_LOOP(mask, RD, d, name##_f((TA)a[l]));                         \
        return VG_STEP_NEXT;                                                   \
    }

#define VG_HANDLER2(name, RD, RA, TA, RB, TB, EXPR)                            \
    static inline RD name##_f(TA x, TB y)                                      \
    {                                                                          \
        return (RD)(EXPR);                                                     \
    }                                                                          \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        RD *d = VG_ROW(RD, w, op->d);                                          \
        const RA *a = VG_ROW(RA, w, op->a);                                    \
        const RB *b = VG_ROW(RB, w, op->b);                                    \
        VG_LANE_LOOP(mask, RD, d, name##_f((TA)a[l], (TB)b[l]));               \
        return VG_STEP_NEXT;                                                   \
    }

#define VG_HANDLER3(name, RD, RA, TA, RB, TB, RC, TC, EXPR)                    \
    static inline RD name##_f(TA x, TB y, TC z)                                \
    {                                                                          \
        return (RD)(EXPR);                                                     \
    }                                                                          \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        RD *d = VG_ROW(RD, w, op->d);                                          \
        const RA *a = VG_ROW(RA, w, op->a);                                    \
        const RB *b = VG_ROW(RB, w, op->b);                                    \
        const RC *c = VG_ROW(RC, w, op->c);                                    \
        VG_LANE_LOOP(mask, RD, d, name##_f((TA)a[l], (TB)b[l], (TC)c[l]));     \
        return VG_STEP_NEXT;                                                   \
    }

#define VG_ROW(R, w, slot) ((R *)__builtin_assume_aligned(vg_row(w, slot), 64))

/* Index of a type's width in tables for 16, 32 and 64 bits. */
static inline unsigned
vg_width(unsigned type)
{
    const unsigned bits = vg_ptx_type_bits((enum vg_ptx_type)type);
    return bits <= 16 ? 0 : bits == 32 ? 1 : 2;
}

static inline bool
vg_signed(unsigned type)
{
    return vg_ptx_type_class((enum vg_ptx_type)type) == VG_PTX_SIGNED;
}

static inline uint32_t
vg_f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static inline float
vg_bits_f32(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint64_t
vg_f64_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static inline double
vg_bits_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

/* .ftz: a subnormal becomes zero, its sign stays. */
static inline uint32_t
vg_ftz(uint32_t bits)
{
    return (bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits;
}

/* The decoder's usual end: destination and up to three sources of one type. */
static inline int
vg_dec_plain(struct vg_dec *d, const struct vg_ptx_insn *insn, vg_iop_fn *run,
             enum vg_ptx_type to, enum vg_ptx_type from)
{
    uint32_t slots[4] = { 0, 0, 0, 0 };
    if (run == NULL || insn->n_operands < 2 || insn->n_operands > 4) {
        return vg_dec_refuse(d, NULL);
    }
    for (unsigned i = 1; i < insn->n_operands; i++) {
        slots[i] = vg_dec_src(d, &insn->operands[i], from);
    }
    slots[0] = vg_dec_dst(d, &insn->operands[0], to);
    vg_dec_emit4(d, run, slots);
    return 0;
}
