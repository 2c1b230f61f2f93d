/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * tensor - what matrix.c, mma.c and wmma.c share: elements of matrices as numbers.
 *
 * Products and sums are formed in f64, in the order of k, and rounded once to the type of
 * the result. Products of two f16, bf16, tf32 or 8-bit floats are exact there, and 32 of
 * them add up with an error far below the result's last bit; the hardware's own order and
 * rounding are not documented.
 */

#include "interp/alu.h"
#include "interp/float_format.h"
#include "interp/half.h"

#define VG_TENSOR_MAX_K 64

struct vg_mma {
    enum vg_ptx_type a_type, b_type, c_type, d_type;
    uint8_t m, k;
    bool saturate;
    bool a_col, b_row; /* m8n8k4 of f16 only */
    uint32_t a[8], b[8], c[8], d[8];
};

/* The handler for the shapes that kernels are full of, or NULL (mma_fast.c). */
vg_iop_fn *VG_ISA(vg_mma_fast)(const struct vg_mma *x);

vg_decode_fn VG_ISA(vg_decode_mma), VG_ISA(vg_decode_wmma);
int VG_ISA(vg_tensor_together)(struct vg_warp *w, uint32_t mask);

static inline bool
vg_tensor_is_integer(enum vg_ptx_type type)
{
    const enum vg_ptx_type_class class = vg_ptx_type_class(type);
    return class == VG_PTX_SIGNED || class == VG_PTX_UNSIGNED;
}

/* @count elements of a float type, packed at @from. */
static inline void
vg_tensor_floats(enum vg_ptx_type type, const void *from, unsigned count, double *out)
{
    uint16_t h[VG_LANES];
    uint8_t b[VG_LANES];
    uint32_t s[VG_LANES];

    if (type == VG_PTX_F64) {
        memcpy(out, from, (size_t)count * 8);
    } else if (type == VG_PTX_F16 || type == VG_PTX_BF16) {
        memcpy(h, from, (size_t)count * 2);
        for (unsigned i = 0; i < count; i++) {
            out[i] =
                (double)(type == VG_PTX_F16 ? vg_half_float(h[i]) : vg_bf16_float(h[i]));
        }
    } else if (type == VG_PTX_TF32 || type == VG_PTX_F32) {
        /* the low 13 bits of a tf32 operand are ignored */
        const uint32_t keep = type == VG_PTX_TF32 ? 0xffffe000u : UINT32_MAX;
        memcpy(s, from, (size_t)count * 4);
        for (unsigned i = 0; i < count; i++) {
            out[i] = (double)vg_bits_f32(s[i] & keep);
        }
    } else {
        memcpy(b, from, count);
        for (unsigned i = 0; i < count; i++) {
            out[i] = vg_float_value(b[i], type == VG_PTX_E4M3 ? &vg_format_e4m3
                                                              : &vg_format_e5m2);
        }
    }
}

/* @count elements of an integer type of 8 or 4 bits, packed at @from. */
static inline void
vg_tensor_integers(enum vg_ptx_type type, const void *from, unsigned count, int16_t *out)
{
    const uint8_t *p = from;
    for (unsigned i = 0; i < count; i++) {
        switch (type) {
        case VG_PTX_S8:
            out[i] = (int16_t)((p[i] ^ 0x80) - 0x80);
            break;
        case VG_PTX_U8:
            out[i] = p[i];
            break;
        case VG_PTX_S4:
            out[i] = (int16_t)(((p[i / 2] >> (i % 2 * 4) & 15) ^ 8) - 8);
            break;
        default:
            out[i] = p[i / 2] >> (i % 2 * 4) & 15;
            break;
        }
    }
}

static inline uint32_t
vg_tensor_f32(double value)
{
    return isnan(value) ? 0x7fffffffu : vg_f32_bits((float)value);
}

static inline uint32_t
vg_tensor_s32(int64_t value, bool saturate)
{
    if (saturate) {
        value = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value;
    }
    return (uint32_t)value;
}
