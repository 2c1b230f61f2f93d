/* SPDX-License-Identifier: Apache-2.0 */

/* values - the edge values of every operand kind, and reproducible random ones after. */

#include "forms.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint64_t edges16[] = {
    0,      1,      2,      0x7f,   0x80,   0xff,   0x100,
    0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x1234
};

static const uint64_t edges32[] = {
    0,          1,          2,          3,          31,         32,
    0x7f,       0x80,       0xff,       0xffff,     0x10000,    0x7ffffffe,
    0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0xdeadbeef,
    0x55555555, 0xffff8000, 16777219,   0xfefffffd,
};

static const uint64_t edges64[] = {
    0,
    1,
    2,
    3,
    63,
    64,
    0xffffffff,
    0x100000000,
    0x80000000,
    0x7fffffff,
    0xffffffff80000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xfffffffffffffffe,
    0xffffffffffffffff,
    0xdeadbeefcafebabe,
    0x5555555555555555,
};

static const uint64_t edges_shift[] = { 0,   1,   7,          8,          15,
                                        16,  17,  31,         32,         33,
                                        63,  64,  65,         127,        128,
                                        255, 256, 0x80000000, 0xffffffff, 0x100001f };

static const uint64_t edges_selector[] = { 0x0123, 0x3210, 0x7654, 0xffff, 0x8888,
                                           0x89ab, 0xcdef, 0x5410, 0x7632, 0,
                                           1,      2,      3,      0xf0f0, 0x12345678 };

static const uint64_t edges_f16[] = {
    0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400,
    0x3c00, 0xbc00, 0x3c01, 0x3bff, 0x4200, 0xc200, 0x7bff, 0xfbff,
    0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01, 0x3555, 0x6400, 0x3800,
};

static const uint64_t edges_bf16[] = {
    0x0000, 0x8000, 0x0001, 0x8001, 0x007f, 0x807f, 0x0080, 0x8080,
    0x3f80, 0xbf80, 0x3f81, 0x3f7f, 0x4040, 0xc040, 0x7f7f, 0xff7f,
    0x7f80, 0xff80, 0x7fc0, 0xffc1, 0x7f81, 0x3eab, 0x4380, 0x3f00,
};

static const uint64_t edges_f32[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000,
    0x80800000, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x40400000, 0xc0400000,
    0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001,
    0xbcfff1c3, 0xbdfff32f, 0x3eaaaaab, 0x4b000000, 0x4b000001, 0x3f000000, 0xbf000000,
    0x3fc00000, 0x4f000000, 0xcf000000, 0x5f000000, 0x30800000, 0x20000000, 0x33800000,
    0x477fe000, 0x3dfff8f9, 0xc2ff0000, 0xc30c0000,
};

static const uint64_t edges_f64[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x8000000000000001,
    0x000fffffffffffff, 0x800fffffffffffff, 0x0010000000000000, 0x8010000000000000,
    0x3ff0000000000000, 0xbff0000000000000, 0x3ff0000000000001, 0x3fefffffffffffff,
    0x4008000000000000, 0xc008000000000000, 0x7fefffffffffffff, 0xffefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001,
    0x7ff0000000000001, 0x3fd5555555555555, 0x4330000000000000, 0x4330000000000001,
    0x3fe0000000000000, 0xbfe0000000000000, 0x41e0000000000000, 0x43e0000000000000,
    0x47efffffefffffff, 0x47efffffe0000000, 0x36a0000000000000, 0x3690000000000000,
    0x380fffffffffffff, 0x3c90000000000000, 0x3ff8000000000000,
};

struct edge_set {
    const uint64_t *values;
    size_t count;
};

static struct edge_set
edges_of(char kind)
{
    switch (kind) {
    case 'p':
        return (struct edge_set){ edges16, 2 };
    case 'h':
        return (struct edge_set){ edges16, COUNT(edges16) };
    case 'd':
        return (struct edge_set){ edges64, COUNT(edges64) };
    case 's':
    case 'c':
        return (struct edge_set){ edges_shift, COUNT(edges_shift) };
    case 'n':
        return (struct edge_set){ edges_selector, COUNT(edges_selector) };
    case 'H':
    case 'P':
        return (struct edge_set){ edges_f16, COUNT(edges_f16) };
    case 'B':
    case 'Q':
        return (struct edge_set){ edges_bf16, COUNT(edges_bf16) };
    case 'F':
        return (struct edge_set){ edges_f32, COUNT(edges_f32) };
    case 'D':
        return (struct edge_set){ edges_f64, COUNT(edges_f64) };
    default:
        return (struct edge_set){ edges32, COUNT(edges32) };
    }
}

size_t
vg_values_edges(char kind)
{
    return edges_of(kind).count;
}

uint64_t
vg_random(uint64_t seed)
{
    uint64_t z = (seed + 1) * 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Random numbers whose exponents lie close to one, so that operations interact. */
static uint64_t
random_float(unsigned bits, unsigned fraction, uint64_t bias, uint64_t r)
{
    uint64_t sign = (r >> 60 & 1) << (bits - 1);
    uint64_t mantissa = r & (((uint64_t)1 << fraction) - 1);

    if ((r >> 61 & 1) != 0) {
        mantissa &= ~(uint64_t)0 << (fraction - fraction / 3); /* few bits: ties, exact */
    }
    uint64_t exp = bias - 6 + (vg_random(r) >> 8) % 12;
    return sign | exp << fraction | mantissa;
}

uint64_t
vg_value(char kind, uint64_t index)
{
    struct edge_set set = edges_of(kind);
    uint64_t r = vg_random(index * 131 + (uint64_t)(unsigned char)kind);

    if (kind == 'P' || kind == 'Q') { /* two lanes of the scalar kind */
        char one = kind == 'P' ? 'H' : 'B';
        return vg_value(one, index) | vg_value(one, vg_random(index) % 64) << 16;
    }
    if (index < set.count) {
        return set.values[index];
    }
    bool wild = (r >> 62) == 0; /* any bits at all */
    switch (kind) {
    case 'p':
        return r & 1;
    case 'h':
        return r & 0xffff;
    case 'd':
        return r >> (vg_random(r) % 64);
    case 's':
        return (r >> 20) % 72;
    case 'c':
        return (r >> 20) % 300;
    case 'H':
        return wild ? r & 0xffff : random_float(16, 10, 15, r);
    case 'B':
        return wild ? r & 0xffff : random_float(16, 7, 127, r);
    case 'F':
        return wild ? r & 0xffffffff : random_float(32, 23, 127, r);
    case 'D':
        return wild ? r : random_float(64, 52, 1023, r);
    default:
        return (r & 0xffffffff) >> (vg_random(r) % 32);
    }
}
