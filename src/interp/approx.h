/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * approx - powers and logarithms of two, by polynomials in f64. The error lies below
 * 2^-30 of the result, so that the rounded f32 is the right one but for near ties.
 */

#include <stdint.h>
#include <string.h>

/* 2^52 + 2^51: adding it leaves a double's nearest integer in the low bits */
#define VG_INTEGER_MAGIC 6755399441055744.0

static inline double
vg_ex2_double(double x)
{
    /* beyond these bounds every f32 has over- or underflowed */
    x = x > 300.0 ? 300.0 : x;
    x = x < -300.0 ? -300.0 : x;
    const double shifted = x + VG_INTEGER_MAGIC;
    const double t = (x - (shifted - VG_INTEGER_MAGIC)) * 0.6931471805599453094;
    double p = 1.0 / 3628800;
    p = p * t + 1.0 / 362880;
    p = p * t + 1.0 / 40320;
    p = p * t + 1.0 / 5040;
    p = p * t + 1.0 / 720;
    p = p * t + 1.0 / 120;
    p = p * t + 1.0 / 24;
    p = p * t + 1.0 / 6;
    p = p * t + 0.5;
    p = p * t + 1.0;
    p = p * t + 1.0;
    uint64_t n;
    uint64_t bits;
    double scale;
    memcpy(&n, &shifted, 8);
    bits = (n + 1023) << 52;
    memcpy(&scale, &bits, 8);
    return p * scale;
}

static inline float
vg_ex2(float x)
{
    const float r = (float)vg_ex2_double((double)x);
    return x == x ? r : x;
}

static inline float
vg_lg2(float x)
{
    const double v = (double)x;
    uint64_t bits;
    memcpy(&bits, &v, 8);
    /* mantissa in [sqrt(1/2), sqrt(2)) */
    const uint64_t moved = bits - 0x3fe6a09e00000000ull;
    const int64_t exponent = (int64_t)moved >> 52;
    const uint64_t reduced = bits - ((uint64_t)exponent << 52);
    double m;
    memcpy(&m, &reduced, 8);
    const double s = (m - 1.0) / (m + 1.0);
    const double z = s * s;
    double p = 1.0 / 17;
    p = p * z + 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    p = p * z + 1.0;
    /* small integers become doubles without a conversion the older hosts lack */
    const uint64_t biased = (uint64_t)(exponent + 0x4338000000000000ll);
    double e;
    memcpy(&e, &biased, 8);
    const double r = (e - VG_INTEGER_MAGIC) + s * p * 2.8853900817779268147;
    float out = (float)r;
    out = x == 0.0f ? -__builtin_inff() : out;
    out = x < 0.0f ? __builtin_nanf("") : out;
    return x == __builtin_inff() || x != x ? x : out;
}
