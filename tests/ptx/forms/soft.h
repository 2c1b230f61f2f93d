/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * soft - IEEE-style arithmetic on integers only: the reference of the form tests.
 *
 * A number is a sign, an exponent and up to 126 bits whose lowest one may be sticky, so
 * that one rounding at the end gives the correctly rounded result in every format and
 * direction. It uses no floating-point instruction and no code of the interpreter.
 */

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 vg_u128;
__extension__ typedef __int128 vg_s128;

enum vg_soft_format {
    VG_SOFT_F16,
    VG_SOFT_BF16,
    VG_SOFT_F32,
    VG_SOFT_F64,
    VG_SOFT_TF32, /* the 19 upper bits of a single, kept in 32 */
    VG_SOFT_E5M2,
    VG_SOFT_E4M3, /* no infinity; 0x7f is NaN */
};

enum vg_soft_mode {
    VG_SOFT_RN, /* nearest, ties to even */
    VG_SOFT_RZ,
    VG_SOFT_RM,  /* down */
    VG_SOFT_RP,  /* up */
    VG_SOFT_RNA, /* nearest, ties away from zero */
};

enum vg_soft_kind {
    VG_SOFT_ZERO,
    VG_SOFT_FINITE,
    VG_SOFT_INF,
    VG_SOFT_NAN
};

/* (negative ? -1 : 1) * sig * 2^exp; of a finite number bit 125 of sig is its highest. */
struct vg_soft {
    enum vg_soft_kind kind;
    bool negative;
    int exp;
    vg_u128 sig;
};

struct vg_soft vg_soft_unpack(enum vg_soft_format format, uint64_t bits);
uint64_t
vg_soft_pack(enum vg_soft_format format, enum vg_soft_mode mode, struct vg_soft value);

/* Mode matters only for the sign of an exact zero sum. */
struct vg_soft vg_soft_add(struct vg_soft a, struct vg_soft b, enum vg_soft_mode mode);
struct vg_soft vg_soft_mul(struct vg_soft a, struct vg_soft b);
struct vg_soft vg_soft_div(struct vg_soft a, struct vg_soft b);
struct vg_soft vg_soft_sqrt(struct vg_soft a);
struct vg_soft vg_soft_neg(struct vg_soft a);

/* -1, 0, 1, or 2 when unordered. */
int vg_soft_compare(struct vg_soft a, struct vg_soft b);

struct vg_soft vg_soft_from_int(bool negative, uint64_t magnitude);
/* Rounded to an integer and clamped to the range of a @bits wide integer; NaN gives 0
 * (the caller knows the exceptions). */
uint64_t
vg_soft_to_int(struct vg_soft a, enum vg_soft_mode mode, unsigned bits, bool is_signed);
/* Rounded to an integer that stays a number; keeps the sign of zero. */
struct vg_soft vg_soft_round_int(struct vg_soft a, enum vg_soft_mode mode);

/* A subnormal becomes a zero of the same sign. */
uint64_t vg_soft_flush(enum vg_soft_format format, uint64_t bits);
bool vg_soft_is_nan(enum vg_soft_format format, uint64_t bits);
/* The NaN that PTX calls canonical. */
uint64_t vg_soft_nan(enum vg_soft_format format);
unsigned vg_soft_bits(enum vg_soft_format format);
