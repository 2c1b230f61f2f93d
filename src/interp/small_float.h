/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * small_float - conversions that half.h lacks: f64 to f16, and 8-bit floats.
 *
 * Exact towards f32; from f64 rounded to nearest even, once.
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "interp/half.h"

/* f64 to f32 rounded to odd: a second rounding to fewer bits is then exact. */
static inline float
vg_f64_to_f32_odd(double value)
{
    float near = (float)value;
    uint32_t bits;

    if ((double)near == value || isnan(value)) {
        return near;
    }
    memcpy(&bits, &near, 4);
    if (fabs((double)near) > fabs(value)) {
        bits--;
    }
    bits |= 1u;
    memcpy(&near, &bits, 4);
    return near;
}

static inline uint16_t
vg_f64_to_half(double value)
{
    return (uint16_t)vg_float_half(vg_f64_to_f32_odd(value));
}

/* OCP 8-bit floats: no infinity in e4m3; e5m2 is the upper half of an f16. */
static inline float
vg_e4m3_to_f32(uint8_t bits)
{
    const int exponent = bits >> 3 & 15;
    const int fraction = bits & 7;
    float value;
    if (exponent == 15 && fraction == 7) {
        return (float)NAN;
    }
    value = exponent == 0 ? ldexpf((float)fraction, -9)
                          : ldexpf((float)(8 + fraction), exponent - 10);
    return (bits & 0x80) != 0 ? -value : value;
}

static inline float
vg_e5m2_to_f32(uint8_t bits)
{
    return vg_half_float((uint32_t)bits << 8);
}
