/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_print - device printf's formats and argument buffer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "soft/print.h"

static void
expect(const char *want, const char *format, const void *args, size_t size)
{
    char text[256];
    size_t n = vg_print_format(text, sizeof text, format, args, size);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(text, want, n);
}

static void
integers_take_their_size(void **state)
{
    (void)state;
    struct {
        int a;
        unsigned b;
        long long c;
    } args = { -5, 0xffffffffu, -6000000000 };
    expect("-5 4294967295 -6000000000", "%d %u %lld", &args, sizeof args);
    expect("   -5|ffffffff", "%5d|%x", &args, sizeof args);
}

static void
wide_arguments_are_aligned(void **state)
{
    (void)state;
    struct {
        int a;
        double b;
        int c;
    } args = { 1, 2.5, 3 };
    expect("1 2.50 3", "%d %.2f %d", &args, sizeof args);
}

static void
star_takes_an_argument(void **state)
{
    (void)state;
    int args[] = { 6, 42 };
    expect("[    42]", "[%*d]", args, sizeof args);
}

static void
percent_and_unknown_are_text(void **state)
{
    (void)state;
    int args[] = { 7 };
    expect("100% %n 7", "100%% %n %d", args, sizeof args);
}

static void
missing_arguments_read_zero(void **state)
{
    (void)state;
    expect("0 (null)", "%d %s", NULL, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_their_size),
        cmocka_unit_test(wide_arguments_are_aligned),
        cmocka_unit_test(star_takes_an_argument),
        cmocka_unit_test(percent_and_unknown_are_text),
        cmocka_unit_test(missing_arguments_read_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
