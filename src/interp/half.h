/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * half - 16-bit floats and back, by integer arithmetic: the same bits on every host.
 *
 * Rounding to nearest, ties to even. A NaN becomes the canonical 0x7fff.
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float
vg_half_float(uint32_t h)
{
    const uint32_t sign = (h & 0x8000u) << 16;
    const uint32_t body = (h & 0x7fffu) << 13;
    /* a subnormal half is a small number times 2^-112 once its exponent is moved */
    const uint32_t normal = body + ((127u - 15u) << 23);
    const uint32_t special = body | 0x7f800000u;
    const uint32_t magic = (127u - 15u + 1u) << 23;
    const uint32_t low_bits = body + magic;
    float low;
    float base;
    float value;
    memcpy(&low, &low_bits, 4);
    memcpy(&base, &magic, 4);
    low -= base;
    uint32_t low_out;
    memcpy(&low_out, &low, 4);
    const uint32_t exponent = h & 0x7c00u;
    const uint32_t out = exponent == 0 ? low_out : exponent == 0x7c00u ? special : normal;
    const uint32_t bits = out | sign;
    memcpy(&value, &bits, 4);
    return value;
}

/* With .ftz a subnormal half counts as zero. */
static inline float
vg_half_float_ftz(uint32_t h)
{
    return vg_half_float((h & 0x7c00u) == 0 ? h & 0x8000u : h);
}

static inline float
vg_bf16_float(uint32_t h)
{
    const uint32_t bits = h << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t
vg_float_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t abs = bits & 0x7fffffffu;

    /* normal: add half of the last place, ties to even, and move the exponent */
    const uint32_t odd = abs >> 13 & 1;
    const uint32_t normal = (abs + 0xfffu + odd - ((127u - 15u) << 23)) >> 13;
    /* subnormal: let the addition of 0.5 do the rounding (its last place is 2^-24) */
    float small;
    memcpy(&small, &abs, 4);
    small += 0.5f;
    uint32_t small_bits;
    memcpy(&small_bits, &small, 4);
    const uint32_t subnormal = small_bits - 0x3f000000u;

    uint32_t out = abs < 0x38800000u ? subnormal : normal;
    out = abs >= 0x477ff000u ? 0x7c00u : out;
    out = abs > 0x7f800000u ? 0x7fffu : out | sign;
    return out;
}

static inline uint32_t
vg_float_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    const uint32_t odd = bits >> 16 & 1;
    const uint32_t out = (bits + 0x7fffu + odd) >> 16;
    return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : out;
}

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
