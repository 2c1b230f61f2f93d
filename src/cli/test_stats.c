/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tests of the counter files: what adds up, what is passed over, what is printed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/stats.h"

static void
read_text(struct vg_stats *stats, const char *text)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    rewind(file);
    assert_int_equal(vg_stats_read(stats, file), 0);
    (void)fclose(file);
}

static char *
printed(const struct vg_stats *stats, void (*print)(const struct vg_stats *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(stats, out);
    (void)fclose(out);
    return text;
}

static void
lines_of_several_processes_add_up(void **state)
{
    (void)state;
    struct vg_stats stats = { .item_count = { 0 } };

    read_text(&stats,
              "calls\t3\nposted\t1\ncall\tcuInit\t1\t0\t500\n"
              "calls\t4\ncall\tcuInit\t2\t1\t700\nlaunches\t18446744073709551615\n");
    assert_int_equal(stats.value[VG_STAT_CALLS], 7);
    assert_int_equal(stats.value[VG_STAT_POSTED], 1);
    assert_true(stats.value[VG_STAT_LAUNCHES] == UINT64_MAX);
    assert_int_equal(stats.item_count[VG_STAT_CALL], 1);
    assert_string_equal(stats.items[VG_STAT_CALL][0].name, "cuInit");
    assert_int_equal(stats.items[VG_STAT_CALL][0].count, 3);
    assert_int_equal(stats.items[VG_STAT_CALL][0].posted, 1);
    assert_int_equal(stats.items[VG_STAT_CALL][0].ns, 1200);
    vg_stats_fini(&stats);
}

static void
broken_lines_are_passed_over(void **state)
{
    (void)state;
    struct vg_stats stats = { .item_count = { 0 } };

    read_text(&stats, "\n\t\ncalls\nnonsense\t5\ncall\t\nkernel\tk\nwaited\t2");
    assert_int_equal(stats.value[VG_STAT_CALLS], 0);
    assert_int_equal(stats.value[VG_STAT_WAITED], 2);
    assert_int_equal(stats.item_count[VG_STAT_CALL], 0);
    assert_int_equal(stats.items[VG_STAT_KERNEL][0].count, 1);
    vg_stats_fini(&stats);
}

static void
a_name_may_hold_spaces(void **state)
{
    (void)state;
    struct vg_stats stats = { .item_count = { 0 } };

    read_text(&stats, "device\tvGPU software x\nunsupported\tk: no such instruction\t3\n"
                      "unsupported\tk: no such instruction\t1\n");
    assert_string_equal(stats.items[VG_STAT_UNSUPPORTED][0].name,
                        "k: no such instruction");
    assert_int_equal(stats.items[VG_STAT_UNSUPPORTED][0].count, 4);
    vg_stats_fini(&stats);
}

static void
what_is_missing_is_named(void **state)
{
    (void)state;
    struct vg_stats stats = { .item_count = { 0 } };

    read_text(&stats, "sass_only\tgemm\nnot_carried\tcuFoo\nnot_carried\tcuFoo\n");
    char *text = printed(&stats, vg_stats_print_missing);
    assert_string_equal(text, "vgpu: only machine code, no PTX, for kernel gemm (1x)\n"
                              "vgpu: not carried over the link: call cuFoo\n");
    free(text);
    vg_stats_fini(&stats);
}

static void
nothing_missing_prints_nothing(void **state)
{
    (void)state;
    struct vg_stats stats = { .item_count = { 0 } };

    read_text(&stats, "calls\t3\nkernel\tk\t9\n");
    char *text = printed(&stats, vg_stats_print_missing);
    assert_string_equal(text, "");
    free(text);
    vg_stats_fini(&stats);
}

static void
slowest_call_comes_first(void **state)
{
    (void)state;
    struct vg_stats stats = { .item_count = { 0 } };

    read_text(&stats, "call\tcuFast\t1\t0\t10\ncall\tcuSlow\t1\t0\t2000000\n");
    char *text = printed(&stats, vg_stats_print);
    const char *slow = strstr(text, "cuSlow");
    const char *fast = strstr(text, "cuFast");
    assert_non_null(slow);
    assert_non_null(fast);
    assert_true(slow < fast);
    assert_non_null(strstr(text, "       2.000          1          0  cuSlow"));
    free(text);
    vg_stats_fini(&stats);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_several_processes_add_up),
        cmocka_unit_test(broken_lines_are_passed_over),
        cmocka_unit_test(a_name_may_hold_spaces),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(nothing_missing_prints_nothing),
        cmocka_unit_test(slowest_call_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
