/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * helpers - what the generated C programs call: PTX operations that C has no operator
 * for, written from the PTX manual. The compiler computes them; the interpreter has its
 * own.
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define THREADS 64

/* not inlined, which makes the compilation of hundreds of programs much faster */
#define HELPER static __attribute__((noinline, unused))

struct state {
    uint32_t r[8];
    uint64_t d[4];
    uint32_t f[4]; /* bits of singles */
    uint32_t p[4];
    uint32_t local[16];
    uint32_t i[4]; /* loop counters */
    uint32_t fuel, tid;
};

#define EACH for (uint32_t t = 0; t < THREADS; t++)

/* The registers of all threads, as the kernel loads them. */
HELPER void
start(struct state *s, const uint32_t *in)
{
    EACH
    {
        const uint32_t *words = in + t * 32;
        memset(&s[t], 0, sizeof(s[t]));
        s[t].tid = t;
        memcpy(s[t].r, words, 32);
        memcpy(s[t].d, words + 8, 32);
        memcpy(s[t].f, words + 16, 16);
        for (uint32_t i = 0; i < 16; i++) {
            s[t].local[i] = i * 77;
            s[t].p[i & 3] = words[20 + (i & 3)] & 1;
        }
    }
}

HELPER void
finish(const struct state *s, uint32_t *out)
{
    EACH
    {
        uint32_t *words = out + t * 32;
        memcpy(words, s[t].r, 32);
        memcpy(words + 8, s[t].d, 32);
        memcpy(words + 16, s[t].f, 16);
        memcpy(words + 20, s[t].p, 16);
        words[24] = s[t].local[5];
    }
}

HELPER float
to_float(uint32_t bits)
{
    float v;

    memcpy(&v, &bits, 4);
    return v;
}

/* NaN is canonical, as PTX says of every single-precision result. */
HELPER uint32_t
from_float(float v)
{
    uint32_t bits;

    memcpy(&bits, &v, 4);
    return v != v ? 0x7fffffff : bits;
}

HELPER uint32_t
flush(uint32_t bits)
{
    return (bits & 0x7f800000) == 0 ? bits & 0x80000000 : bits;
}

HELPER uint32_t
f_add(uint32_t a, uint32_t b)
{
    return from_float(to_float(a) + to_float(b));
}

HELPER uint32_t
f_sub(uint32_t a, uint32_t b)
{
    return from_float(to_float(a) - to_float(b));
}

HELPER uint32_t
f_mul(uint32_t a, uint32_t b)
{
    return from_float(to_float(a) * to_float(b));
}

HELPER uint32_t
f_div(uint32_t a, uint32_t b)
{
    return from_float(to_float(a) / to_float(b));
}

HELPER uint32_t
f_sqrt(uint32_t a)
{
    return from_float(sqrtf(to_float(a)));
}

HELPER uint32_t
f_fma(uint32_t a, uint32_t b, uint32_t c)
{
    return from_float(fmaf(to_float(a), to_float(b), to_float(c)));
}

HELPER uint32_t
f_add_ftz(uint32_t a, uint32_t b)
{
    return flush(f_add(flush(a), flush(b)));
}

HELPER uint32_t
f_mul_ftz(uint32_t a, uint32_t b)
{
    return flush(f_mul(flush(a), flush(b)));
}

/* The order of singles, with -0 below +0. */
HELPER uint32_t
f_pick(uint32_t a, uint32_t b, int max)
{
    float x = to_float(a);
    float y = to_float(b);

    if (x != x) {
        return y != y ? 0x7fffffff : b;
    }
    if (y != y) {
        return a;
    }
    if (x == y) {
        return (a >> 31) != 0 ? (max ? b : a) : (max ? a : b);
    }
    return (x < y) == (max != 0) ? b : a;
}

HELPER uint32_t
f_from_s32(uint32_t a)
{
    return from_float((float)(int32_t)a);
}

HELPER uint32_t
f_from_u32(uint32_t a)
{
    return from_float((float)a);
}

HELPER uint32_t
f_to_s32(uint32_t a)
{
    float v = to_float(a);

    if (v != v) {
        return 0;
    }
    if (v >= 2147483648.0f) {
        return 0x7fffffff;
    }
    return v <= -2147483648.0f ? 0x80000000 : (uint32_t)(int32_t)v;
}

HELPER uint32_t
f_to_u32(uint32_t a)
{
    float v = to_float(a);

    if (v != v || v <= -1.0f) {
        return 0;
    }
    return v >= 4294967296.0f ? 0xffffffff : (uint32_t)v;
}

/* cvt.rzi.s32.f64 of fma.rn.f64 of three integers */
HELPER uint32_t
d_fma_s32(uint32_t a, uint32_t b, uint32_t c)
{
    double v = fma((double)(int32_t)a, (double)(int32_t)b, (double)(int32_t)c);

    if (v >= 2147483647.0) {
        return 0x7fffffff;
    }
    return v <= -2147483648.0 ? 0x80000000 : (uint32_t)(int32_t)v;
}

HELPER uint32_t
shift_left(uint32_t a, uint32_t n)
{
    return n < 32 ? a << n : 0;
}

HELPER uint32_t
shift_right(uint32_t a, uint32_t n)
{
    return n < 32 ? a >> n : 0;
}

HELPER uint32_t
shift_right_signed(uint32_t a, uint32_t n)
{
    return (uint32_t)((int32_t)a >> (n < 32 ? n : 31));
}

HELPER uint64_t
shift_left64(uint64_t a, uint32_t n)
{
    return n < 64 ? a << n : 0;
}

HELPER uint64_t
shift_right64(uint64_t a, uint32_t n)
{
    return n < 64 ? a >> n : 0;
}

HELPER uint64_t
shift_right_signed64(uint64_t a, uint32_t n)
{
    return (uint64_t)((int64_t)a >> (n < 64 ? n : 63));
}

HELPER uint32_t
field(uint32_t a, uint32_t pos, uint32_t len)
{
    pos &= 255;
    len &= 255;
    if (pos > 31 || len == 0) {
        return 0;
    }
    a >>= pos;
    return len < 32 ? a & ((1u << len) - 1) : a;
}

HELPER uint32_t
insert(uint32_t a, uint32_t b, uint32_t pos, uint32_t len)
{
    pos &= 255;
    len &= 255;
    if (pos > 31 || len == 0) {
        return b;
    }
    uint32_t mask = (len < 32 ? (1u << len) - 1 : ~0u) << pos;
    return (b & ~mask) | (a << pos & mask);
}

HELPER uint32_t
reverse(uint32_t a)
{
    uint32_t r = 0;

    for (int i = 0; i < 32; i++) {
        r |= (a >> i & 1) << (31 - i);
    }
    return r;
}

HELPER uint32_t
permute(uint32_t a, uint32_t b, uint32_t selector)
{
    uint64_t both = (uint64_t)b << 32 | a;
    uint32_t r = 0;

    for (int i = 0; i < 4; i++) {
        uint32_t n = selector >> (4 * i) & 15;
        uint32_t byte = (uint32_t)(both >> (8 * (n & 7))) & 255;
        r |= (n < 8 ? byte : byte >= 128 ? 255 : 0) << (8 * i);
    }
    return r;
}

HELPER uint32_t
dot4(uint32_t a, uint32_t b, uint32_t c)
{
    for (int i = 0; i < 32; i += 8) {
        c += (uint32_t)((int8_t)(a >> i) * (int8_t)(b >> i));
    }
    return c;
}

HELPER uint32_t
high_signed(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32);
}

HELPER uint32_t
high_unsigned(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

HELPER uint32_t
min_signed(uint32_t a, uint32_t b)
{
    return (int32_t)a < (int32_t)b ? a : b;
}

HELPER uint32_t
difference(uint32_t a, uint32_t b, uint32_t c)
{
    return c + ((int32_t)a < (int32_t)b ? b - a : a - b);
}

/* compares float bits: -1, 0, 1, 2 unordered */
HELPER int
f_order(uint32_t a, uint32_t b)
{
    float x = to_float(a);
    float y = to_float(b);

    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}
