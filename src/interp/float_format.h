/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * float_format - any float format of up to 32 bits, from and to double, in any rounding
 * direction. Slow and exact: the common conversions have their own code.
 */

#include <stdbool.h>
#include <stdint.h>

#include "interp/directed.h"

struct vg_float_format {
    uint8_t mantissa; /* stored bits */
    uint8_t exponent; /* bits */
    bool has_infinity;
    uint32_t nan;
};

extern const struct vg_float_format vg_format_f16, vg_format_bf16, vg_format_f32,
    vg_format_tf32, vg_format_e4m3, vg_format_e5m2;

#define VG_TIES_AWAY 4 /* beside enum vg_direction */

/* @saturate: what is too large becomes the largest finite number. */
uint32_t vg_float_round(double value, const struct vg_float_format *format,
                        unsigned direction, bool saturate);
double vg_float_value(uint32_t bits, const struct vg_float_format *format);
