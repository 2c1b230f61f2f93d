/* SPDX-License-Identifier: Apache-2.0 */

/*
 * directed - see the header. Operands and results are volatile, and the mode is set by a
 * library call: a compiler can move the operation across neither.
 */

#include "interp/directed.h"

#include <fenv.h>
#include <math.h>

static int
begin(unsigned direction)
{
    static const int modes[4] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };
    const int before = fegetround();
    fesetround(modes[direction & 3]);
    return before;
}

#define OPERATE(T, FMA, SQRT)            \
    volatile T vx = x;                   \
    volatile T vy = y;                   \
    volatile T vz = z;                   \
    volatile T r = 0;                    \
    const int before = begin(direction); \
    switch ((enum vg_directed_op)what) { \
    case VG_DIRECTED_ADD:                \
        r = vx + vy;                     \
        break;                           \
    case VG_DIRECTED_SUB:                \
        r = vx - vy;                     \
        break;                           \
    case VG_DIRECTED_MUL:                \
        r = vx * vy;                     \
        break;                           \
    case VG_DIRECTED_FMA:                \
        r = FMA(vx, vy, vz);             \
        break;                           \
    case VG_DIRECTED_DIV:                \
        r = vx / vy;                     \
        break;                           \
    case VG_DIRECTED_RCP:                \
        r = 1 / vx;                      \
        break;                           \
    case VG_DIRECTED_SQRT:               \
        r = SQRT(vx);                    \
        break;                           \
    }                                    \
    fesetround(before);                  \
    return r

float
vg_directed_f32(unsigned what, unsigned direction, float x, float y, float z)
{
    OPERATE(float, fmaf, sqrtf);
}

double
vg_directed_f64(unsigned what, unsigned direction, double x, double y, double z)
{
    OPERATE(double, fma, sqrt);
}

#define CONVERT(name, FROM)                     \
    double name(FROM value, unsigned direction) \
    {                                           \
        volatile FROM v = value;                \
        const int before = begin(direction);    \
        volatile double r = (double)v;          \
        fesetround(before);                     \
        return r;                               \
    }

CONVERT(vg_directed_s64_f64, long long)
CONVERT(vg_directed_u64_f64, unsigned long long)
