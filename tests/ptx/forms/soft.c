/* SPDX-License-Identifier: Apache-2.0 */
#include "soft.h"

#define TOP 125

struct layout {
    unsigned bits;     /* of the whole number */
    unsigned low;      /* bits below the fraction that must be zero (tf32) */
    unsigned fraction; /* stored bits of the significand */
    int bias;
    unsigned max_exp; /* largest exponent field of a finite number */
    uint64_t max_bits;
    uint64_t nan;
};

static const struct layout layouts[] = {
    [VG_SOFT_F16] = { 16, 0, 10, 15, 30, 0x7bff, 0x7fff },
    [VG_SOFT_BF16] = { 16, 0, 7, 127, 254, 0x7f7f, 0x7fff },
    [VG_SOFT_F32] = { 32, 0, 23, 127, 254, 0x7f7fffff, 0x7fffffff },
    [VG_SOFT_F64] = { 64, 0, 52, 1023, 2046, 0x7fefffffffffffff, 0x7fffffffffffffff },
    [VG_SOFT_TF32] = { 32, 13, 10, 127, 254, 0x7f7fe000, 0x7fffffff },
    [VG_SOFT_E5M2] = { 8, 0, 2, 15, 30, 0x7b, 0x7f },
    [VG_SOFT_E4M3] = { 8, 0, 3, 7, 15, 0x7e, 0x7f },
};

static vg_u128
one_at(unsigned bit)
{
    return (vg_u128)1 << bit;
}

/* Shifts right and keeps in the lowest bit whether anything was lost. */
static vg_u128
shift_jam(vg_u128 value, unsigned count)
{
    if (count == 0) {
        return value;
    }
    if (count > 127) {
        return value != 0;
    }
    return value >> count | ((value & (one_at(count) - 1)) != 0);
}

static struct vg_soft
normalized(bool negative, int exp, vg_u128 sig)
{
    struct vg_soft result = { VG_SOFT_FINITE, negative, exp, sig };

    if (sig == 0) {
        result.kind = VG_SOFT_ZERO;
        return result;
    }
    while (result.sig >= one_at(TOP + 1)) {
        result.sig = shift_jam(result.sig, 1);
        result.exp++;
    }
    while (result.sig < one_at(TOP)) {
        result.sig <<= 1;
        result.exp--;
    }
    return result;
}

unsigned
vg_soft_bits(enum vg_soft_format format)
{
    return layouts[format].bits;
}

uint64_t
vg_soft_nan(enum vg_soft_format format)
{
    return layouts[format].nan;
}

struct vg_soft
vg_soft_unpack(enum vg_soft_format format, uint64_t bits)
{
    const struct layout *l = &layouts[format];
    bool negative = (bits >> (l->bits - 1) & 1) != 0;
    uint64_t body = (bits & (((uint64_t)1 << (l->bits - 1)) - 1)) >> l->low;
    uint64_t fraction = body & (((uint64_t)1 << l->fraction) - 1);
    int exp = (int)(body >> l->fraction);
    bool has_inf = format != VG_SOFT_E4M3;

    if (has_inf && exp > (int)l->max_exp) {
        return (struct vg_soft){ fraction != 0 ? VG_SOFT_NAN : VG_SOFT_INF, negative, 0,
                                 0 };
    }
    if (!has_inf && body == l->nan) {
        return (struct vg_soft){ VG_SOFT_NAN, negative, 0, 0 };
    }
    if (exp == 0) {
        return normalized(negative, 1 - l->bias - (int)l->fraction, fraction);
    }
    fraction |= (uint64_t)1 << l->fraction;
    return normalized(negative, exp - l->bias - (int)l->fraction, fraction);
}

bool
vg_soft_is_nan(enum vg_soft_format format, uint64_t bits)
{
    return vg_soft_unpack(format, bits).kind == VG_SOFT_NAN;
}

uint64_t
vg_soft_flush(enum vg_soft_format format, uint64_t bits)
{
    const struct layout *l = &layouts[format];
    uint64_t sign = (uint64_t)1 << (l->bits - 1);
    uint64_t body = bits & (sign - 1);

    return body >> (l->fraction + l->low) == 0 ? bits & sign : bits;
}

/* What @mode does to the kept bits, given what was cut off. */
static bool
rounds_up(enum vg_soft_mode mode, bool negative, bool odd, vg_u128 rest, vg_u128 half)
{
    switch (mode) {
    case VG_SOFT_RN:
        return rest > half || (rest == half && odd);
    case VG_SOFT_RNA:
        return rest >= half;
    case VG_SOFT_RZ:
        return false;
    case VG_SOFT_RM:
        return negative && rest != 0;
    case VG_SOFT_RP:
        return !negative && rest != 0;
    }
    return false;
}

/* Drops @shift low bits by @mode. */
static vg_u128
round_off(vg_u128 sig, unsigned shift, enum vg_soft_mode mode, bool negative)
{
    if (shift == 0) {
        return sig;
    }
    if (shift > 127) { /* less than a quarter of the last place */
        return rounds_up(mode, negative, false, sig != 0, 2);
    }
    vg_u128 kept = sig >> shift;
    vg_u128 rest = sig & (one_at(shift) - 1);
    return kept + rounds_up(mode, negative, (kept & 1) != 0, rest, one_at(shift - 1));
}

uint64_t
vg_soft_pack(enum vg_soft_format format, enum vg_soft_mode mode, struct vg_soft value)
{
    const struct layout *l = &layouts[format];
    uint64_t sign = (uint64_t)value.negative << (l->bits - 1);
    uint64_t inf = format == VG_SOFT_E4M3
                       ? l->nan
                       : (uint64_t)(l->max_exp + 1) << (l->fraction + l->low);

    if (value.kind == VG_SOFT_NAN) {
        return l->nan;
    }
    if (value.kind == VG_SOFT_ZERO) {
        return sign;
    }
    if (value.kind == VG_SOFT_INF) {
        return sign | inf;
    }
    int exp = value.exp + TOP;
    int min_exp = 1 - l->bias;
    int last = (exp > min_exp ? exp : min_exp) - (int)l->fraction;
    uint64_t kept = (uint64_t)round_off(value.sig, (unsigned)(last - value.exp), mode,
                                        value.negative);
    uint64_t body = kept;
    uint64_t implied = (uint64_t)1 << l->fraction;

    if (kept >= implied) {
        int biased = last + (int)l->fraction + l->bias;
        body = ((uint64_t)biased << l->fraction) + (kept - implied);
    }
    body <<= l->low;
    if (body > l->max_bits) {
        bool stays = mode == VG_SOFT_RZ || (mode == VG_SOFT_RM && !value.negative) ||
                     (mode == VG_SOFT_RP && value.negative);
        body = stays ? l->max_bits : inf;
    }
    return sign | body;
}

struct vg_soft
vg_soft_neg(struct vg_soft a)
{
    a.negative = !a.negative;
    return a;
}

static struct vg_soft
soft_nan(void)
{
    return (struct vg_soft){ VG_SOFT_NAN, false, 0, 0 };
}

struct vg_soft
vg_soft_add(struct vg_soft a, struct vg_soft b, enum vg_soft_mode mode)
{
    if (a.kind == VG_SOFT_NAN || b.kind == VG_SOFT_NAN) {
        return soft_nan();
    }
    if (a.kind == VG_SOFT_INF) {
        return b.kind == VG_SOFT_INF && a.negative != b.negative ? soft_nan() : a;
    }
    if (b.kind == VG_SOFT_INF) {
        return b;
    }
    if (a.kind == VG_SOFT_ZERO && b.kind == VG_SOFT_ZERO) {
        if (a.negative != b.negative) {
            a.negative = mode == VG_SOFT_RM;
        }
        return a;
    }
    if (a.kind == VG_SOFT_ZERO) {
        return b;
    }
    if (b.kind == VG_SOFT_ZERO) {
        return a;
    }
    if (a.exp < b.exp) {
        struct vg_soft t = a;
        a = b;
        b = t;
    }
    vg_u128 small = shift_jam(b.sig, (unsigned)(a.exp - b.exp));
    if (a.negative == b.negative) {
        return normalized(a.negative, a.exp, a.sig + small);
    }
    if (a.sig == small) {
        return (struct vg_soft){ VG_SOFT_ZERO, mode == VG_SOFT_RM, 0, 0 };
    }
    if (a.sig > small) {
        return normalized(a.negative, a.exp, a.sig - small);
    }
    return normalized(b.negative, a.exp, small - a.sig);
}

/* Moves the significand down as far as no bit is lost. */
static void
lower(struct vg_soft *a)
{
    while ((a->sig & 1) == 0) {
        a->sig >>= 1;
        a->exp++;
    }
}

struct vg_soft
vg_soft_mul(struct vg_soft a, struct vg_soft b)
{
    bool negative = a.negative != b.negative;

    if (a.kind == VG_SOFT_NAN || b.kind == VG_SOFT_NAN) {
        return soft_nan();
    }
    if (a.kind == VG_SOFT_INF || b.kind == VG_SOFT_INF) {
        bool zero = a.kind == VG_SOFT_ZERO || b.kind == VG_SOFT_ZERO;
        return zero ? soft_nan() : (struct vg_soft){ VG_SOFT_INF, negative, 0, 0 };
    }
    if (a.kind == VG_SOFT_ZERO || b.kind == VG_SOFT_ZERO) {
        return (struct vg_soft){ VG_SOFT_ZERO, negative, 0, 0 };
    }
    lower(&a); /* at most 64 bits each: no format has more than 53 */
    lower(&b);
    return normalized(negative, a.exp + b.exp, a.sig * b.sig);
}

struct vg_soft
vg_soft_div(struct vg_soft a, struct vg_soft b)
{
    bool negative = a.negative != b.negative;

    if (a.kind == VG_SOFT_NAN || b.kind == VG_SOFT_NAN) {
        return soft_nan();
    }
    if (a.kind == VG_SOFT_INF) {
        return b.kind == VG_SOFT_INF ? soft_nan()
                                     : (struct vg_soft){ VG_SOFT_INF, negative, 0, 0 };
    }
    if (b.kind == VG_SOFT_ZERO) {
        return a.kind == VG_SOFT_ZERO ? soft_nan()
                                      : (struct vg_soft){ VG_SOFT_INF, negative, 0, 0 };
    }
    if (a.kind == VG_SOFT_ZERO || b.kind == VG_SOFT_INF) {
        return (struct vg_soft){ VG_SOFT_ZERO, negative, 0, 0 };
    }
    lower(&b);
    vg_u128 quotient = a.sig / b.sig; /* at least 73 bits */
    bool rest = a.sig % b.sig != 0;
    return normalized(negative, a.exp - b.exp - 1, quotient << 1 | rest);
}

struct vg_soft
vg_soft_sqrt(struct vg_soft a)
{
    if (a.kind == VG_SOFT_NAN || a.kind == VG_SOFT_ZERO) {
        return a;
    }
    if (a.negative) {
        return soft_nan();
    }
    if (a.kind == VG_SOFT_INF) {
        return a;
    }
    if ((a.exp & 1) != 0) {
        a.sig <<= 1;
        a.exp--;
    }
    vg_u128 root = 0;
    vg_u128 rest = a.sig;
    for (int bit = 63; bit >= 0; bit--) {
        vg_u128 step = (root << (bit + 1)) + one_at(2 * (unsigned)bit);
        if (rest >= step) {
            rest -= step;
            root += one_at((unsigned)bit);
        }
    }
    return normalized(false, a.exp / 2 - 1, root << 1 | (rest != 0));
}

int
vg_soft_compare(struct vg_soft a, struct vg_soft b)
{
    if (a.kind == VG_SOFT_NAN || b.kind == VG_SOFT_NAN) {
        return 2;
    }
    if (a.kind == VG_SOFT_INF && b.kind == VG_SOFT_INF) {
        return (int)b.negative - (int)a.negative;
    }
    if (a.kind == VG_SOFT_INF) {
        return a.negative ? -1 : 1;
    }
    if (b.kind == VG_SOFT_INF) {
        return b.negative ? 1 : -1;
    }
    struct vg_soft difference = vg_soft_add(a, vg_soft_neg(b), VG_SOFT_RN);
    if (difference.kind == VG_SOFT_ZERO) {
        return 0;
    }
    return difference.negative ? -1 : 1;
}

struct vg_soft
vg_soft_from_int(bool negative, uint64_t magnitude)
{
    return normalized(negative && magnitude != 0, 0, magnitude);
}

/* The magnitude as an integer, or UINT64_MAX + 1 (bit 64) when it does not fit. */
static vg_u128
magnitude_of(struct vg_soft a, enum vg_soft_mode mode)
{
    if (a.exp + TOP > 64) {
        return one_at(64);
    }
    return round_off(a.sig, (unsigned)-a.exp, mode, a.negative);
}

uint64_t
vg_soft_to_int(struct vg_soft a, enum vg_soft_mode mode, unsigned bits, bool is_signed)
{
    uint64_t max = UINT64_MAX >> (64 - bits + is_signed);
    uint64_t mask = UINT64_MAX >> (64 - bits);

    if (a.kind == VG_SOFT_NAN || a.kind == VG_SOFT_ZERO) {
        return 0;
    }
    vg_u128 magnitude = a.kind == VG_SOFT_INF ? one_at(64) : magnitude_of(a, mode);
    if (!a.negative) {
        return magnitude > max ? max : (uint64_t)magnitude;
    }
    if (!is_signed) {
        return 0;
    }
    if (magnitude > (vg_u128)max + 1) {
        magnitude = (vg_u128)max + 1;
    }
    return (0 - (uint64_t)magnitude) & mask;
}

struct vg_soft
vg_soft_round_int(struct vg_soft a, enum vg_soft_mode mode)
{
    if (a.kind != VG_SOFT_FINITE || a.exp >= 0) {
        return a;
    }
    if (a.exp + TOP > 64) { /* 53 bits at most: an integer already */
        return a;
    }
    vg_u128 magnitude = magnitude_of(a, mode);
    return normalized(a.negative, 0, magnitude);
}
