/* SPDX-License-Identifier: Apache-2.0 */

/*
 * float_format - see the header.
 */

#include "interp/float_format.h"

#include <math.h>

/* tf32 is kept in the upper bits of an f32 */
const struct vg_float_format vg_format_f16 = { 10, 5, true, 0x7fff };
const struct vg_float_format vg_format_bf16 = { 7, 8, true, 0x7fff };
const struct vg_float_format vg_format_f32 = { 23, 8, true, 0x7fffffff };
const struct vg_float_format vg_format_tf32 = { 10, 8, true, 0x3ffff };
const struct vg_float_format vg_format_e4m3 = { 3, 4, false, 0x7f };
const struct vg_float_format vg_format_e5m2 = { 2, 5, true, 0x7f };

static bool
round_up(double fraction, bool odd, bool negative, unsigned direction)
{
    switch (direction) {
    case VG_TO_ZERO:
        return false;
    case VG_DOWN:
        return negative && fraction > 0;
    case VG_UP:
        return !negative && fraction > 0;
    case VG_TIES_AWAY:
        return fraction >= 0.5;
    default:
        return fraction > 0.5 || (fraction == 0.5 && odd);
    }
}

static bool
overflow_is_finite(bool negative, unsigned direction)
{
    return direction == VG_TO_ZERO || (direction == VG_DOWN && !negative) ||
           (direction == VG_UP && negative);
}

uint32_t
vg_float_round(double value, const struct vg_float_format *format, unsigned direction,
               bool saturate)
{
    const uint32_t width = (uint32_t)format->mantissa + format->exponent;
    const uint32_t infinity = ((1u << format->exponent) - 1) << format->mantissa;
    /* without infinities only the pattern of all ones is not a number */
    const uint32_t largest = format->has_infinity ? infinity - 1 : format->nan - 1;
    const bool negative = signbit(value) != 0;
    const uint32_t sign = (uint32_t)negative << width;

    if (value != value) {
        return format->nan;
    }
    const double magnitude = fabs(value);
    if (magnitude == 0) {
        return sign;
    }
    const int least = 2 - (1 << (format->exponent - 1));
    uint32_t bits = largest + 1;
    if (!isinf(magnitude)) {
        int exponent;
        frexp(magnitude, &exponent);
        exponent = exponent - 1 < least ? least : exponent - 1;
        const double scaled = ldexp(magnitude, format->mantissa - exponent);
        const double whole = floor(scaled);
        uint64_t count = whole > 1e15 ? 1ull << 52 : (uint64_t)whole;
        count += round_up(scaled - whole, (count & 1) != 0, negative, direction) ? 1 : 0;
        const uint64_t base = (uint64_t)(exponent - least) << format->mantissa;
        const uint64_t all = base + count;
        bits = all > largest ? largest + 1 : (uint32_t)all;
    }
    if (bits > largest) {
        const bool finite =
            saturate || (overflow_is_finite(negative, direction) && !isinf(magnitude));
        bits = finite ? largest : format->has_infinity ? infinity : format->nan;
    }
    return sign | bits;
}

double
vg_float_value(uint32_t bits, const struct vg_float_format *format)
{
    const uint32_t width = (uint32_t)format->mantissa + format->exponent;
    const uint32_t ones = (1u << format->exponent) - 1;
    const uint32_t mantissa = bits & ((1u << format->mantissa) - 1);
    const uint32_t exponent = bits >> format->mantissa & ones;
    const bool negative = (bits >> width & 1) != 0;
    const int least = 2 - (1 << (format->exponent - 1));
    double value;

    if (format->has_infinity && exponent == ones) {
        value = mantissa != 0 ? (double)NAN : (double)INFINITY;
    } else if (!format->has_infinity && (bits & ((1u << width) - 1)) == format->nan) {
        value = (double)NAN;
    } else if (exponent == 0) {
        value = ldexp(mantissa, least - format->mantissa);
    } else {
        value = ldexp((double)(mantissa + (1u << format->mantissa)),
                      least + (int)exponent - 1 - format->mantissa);
    }
    return negative ? -value : value;
}
