/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* refs - reference functions that several tables use. */

#include "forms.h"
#include "soft.h"

enum vg_ref_op {
    VG_REF_ADD,
    VG_REF_SUB,
    VG_REF_MUL,
    VG_REF_FMA,
    VG_REF_MAD,
    VG_REF_DIV,
    VG_REF_RCP,
    VG_REF_SQRT,
    VG_REF_NEG,
    VG_REF_ABS,
    VG_REF_MIN,
    VG_REF_MAX,
};

enum vg_ref_flag {
    VG_REF_FTZ = 1,
    VG_REF_SAT = 2,
    VG_REF_NAN_WINS = 4, /* .NaN: NaN when either operand is */
    VG_REF_XORSIGN = 8,  /* .xorsign.abs */
    VG_REF_RELU = 16,    /* negative results become +0 */
    VG_REF_PACKED = 32,  /* two numbers of 16 bits in a word */
};

/* form->p: op, format, mode, flags */
vg_form_ref vg_ref_float;

/* Clamped to [0, 1], NaN to +0. */
uint64_t vg_ref_saturate(enum vg_soft_format format, uint64_t bits);
