/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The form tests' arithmetic against the host's floating-point unit, in all four rounding
 * directions: the reference must be right before it judges.
 */

#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "forms.h"
#include "soft.h"

#define ROUNDS 100000

static const int host_modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };

static uint64_t
draw(uint64_t round, unsigned which)
{
    uint64_t r = vg_random(round * 4 + which);

    /* exponents that meet, few bits, subnormals */
    switch (vg_random(r) % 5) {
    case 0:
        return (r & 0x800fffffffffffff) | (0x3fe + r % 4) << 52;
    case 1:
        return r & 0xfffff00000000000;
    case 2:
        return r & 0x801fffffffffffff;
    default:
        return r;
    }
}

static uint64_t
draw32(uint64_t round, unsigned which)
{
    uint64_t r = draw(round, which);

    return (r >> 32 & 0xff800000) | (r & 0x7fffff);
}

static double
as_double(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

static float
as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float v;

    memcpy(&v, &low, sizeof(v));
    return v;
}

static void
assert_double(struct vg_soft got, int mode, double want)
{
    uint64_t bits = vg_soft_pack(VG_SOFT_F64, (enum vg_soft_mode)mode, got);
    uint64_t want_bits;

    memcpy(&want_bits, &want, sizeof(want_bits));
    if (isnan(want)) {
        assert_true(vg_soft_is_nan(VG_SOFT_F64, bits));
    } else {
        assert_int_equal(bits, want_bits);
    }
}

static void
assert_float(struct vg_soft got, int mode, float want)
{
    uint64_t bits = vg_soft_pack(VG_SOFT_F32, (enum vg_soft_mode)mode, got);
    uint32_t want_bits;

    memcpy(&want_bits, &want, sizeof(want_bits));
    if (isnan(want)) {
        assert_true(vg_soft_is_nan(VG_SOFT_F32, bits));
    } else {
        assert_int_equal(bits, want_bits);
    }
}

static void
double_arithmetic_matches_the_host(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int mode = (int)(i % 4);
        uint64_t bits[3] = { draw(i, 0), draw(i, 1), draw(i, 2) };
        volatile double x = as_double(bits[0]);
        volatile double y = as_double(bits[1]);
        volatile double z = as_double(bits[2]);
        fesetround(host_modes[mode]);
        volatile double want[] = { x + y, x * y, x / y, sqrt(x), fma(x, y, z) };
        volatile float narrow = (float)x;
        fesetround(FE_TONEAREST);
        struct vg_soft a = vg_soft_unpack(VG_SOFT_F64, bits[0]);
        struct vg_soft b = vg_soft_unpack(VG_SOFT_F64, bits[1]);
        struct vg_soft c = vg_soft_unpack(VG_SOFT_F64, bits[2]);
        enum vg_soft_mode m = (enum vg_soft_mode)mode;
        assert_double(vg_soft_add(a, b, m), mode, want[0]);
        assert_double(vg_soft_mul(a, b), mode, want[1]);
        assert_double(vg_soft_div(a, b), mode, want[2]);
        assert_double(vg_soft_sqrt(a), mode, want[3]);
        assert_double(vg_soft_add(vg_soft_mul(a, b), c, m), mode, want[4]);
        assert_float(a, mode, narrow);
    }
}

static void
single_arithmetic_matches_the_host(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int mode = (int)(i % 4);
        uint64_t bits[3] = { draw32(i, 0), draw32(i, 1), draw32(i, 2) };
        volatile float x = as_float(bits[0]);
        volatile float y = as_float(bits[1]);
        volatile float z = as_float(bits[2]);
        fesetround(host_modes[mode]);
        volatile float want[] = { x + y, x * y, x / y, sqrtf(x), fmaf(x, y, z) };
        fesetround(FE_TONEAREST);
        struct vg_soft a = vg_soft_unpack(VG_SOFT_F32, bits[0]);
        struct vg_soft b = vg_soft_unpack(VG_SOFT_F32, bits[1]);
        struct vg_soft c = vg_soft_unpack(VG_SOFT_F32, bits[2]);
        enum vg_soft_mode m = (enum vg_soft_mode)mode;
        assert_float(vg_soft_add(a, b, m), mode, want[0]);
        assert_float(vg_soft_mul(a, b), mode, want[1]);
        assert_float(vg_soft_div(a, b), mode, want[2]);
        assert_float(vg_soft_sqrt(a), mode, want[3]);
        assert_float(vg_soft_add(vg_soft_mul(a, b), c, m), mode, want[4]);
    }
}

static void
integers_match_the_host(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int mode = (int)(i % 4);
        int64_t n = (int64_t)vg_random(i) >> (vg_random(i + 1) % 64);
        uint64_t bits = draw(i, 0);
        volatile double x = as_double(bits);
        volatile int64_t source = n;
        fesetround(host_modes[mode]);
        volatile double wide = (double)source;
        volatile float narrow = (float)source;
        volatile double whole = nearbyint(x);
        fesetround(FE_TONEAREST);
        struct vg_soft a = vg_soft_unpack(VG_SOFT_F64, bits);
        struct vg_soft v = vg_soft_from_int(n < 0, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
        assert_double(v, mode, wide);
        assert_float(v, mode, narrow);
        assert_double(vg_soft_round_int(a, (enum vg_soft_mode)mode), VG_SOFT_RN, whole);
        if (fabs(whole) < 0x1p62) {
            assert_int_equal(vg_soft_to_int(a, (enum vg_soft_mode)mode, 64, true),
                             (uint64_t)(int64_t)whole);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(double_arithmetic_matches_the_host),
        cmocka_unit_test(single_arithmetic_matches_the_host),
        cmocka_unit_test(integers_match_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
