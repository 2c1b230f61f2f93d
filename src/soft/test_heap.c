/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_heap - the books of the device arena against a plain model of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "soft/heap.h"

#define BASE ((uint64_t)0x550000000000)

static struct vg_heap_block
take(struct vg_heap *heap, uint64_t size)
{
    struct vg_heap_block *block;
    assert_int_equal(vg_heap_alloc(heap, size, 0, &block), 0);
    return *block;
}

static void
blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    struct vg_heap heap;
    vg_heap_init(&heap, BASE, 1 << 20);
    struct vg_heap_block a = take(&heap, 1), b = take(&heap, 257), c = take(&heap, 256);
    assert_int_equal(a.base % VG_HEAP_ALIGN, 0);
    assert_int_equal(b.base, a.base + 256);
    assert_int_equal(c.base, b.base + 512);
    assert_int_equal(heap.used, 256 + 512 + 256);
    assert_int_not_equal(a.id, b.id);
    vg_heap_fini(&heap);
}

static void
look_up_ends_where_the_program_asked(void **state)
{
    (void)state;
    struct vg_heap heap;
    vg_heap_init(&heap, BASE, 1 << 20);
    struct vg_heap_block a = take(&heap, 100);
    assert_non_null(vg_heap_find(&heap, a.base));
    assert_non_null(vg_heap_find(&heap, a.base + 99));
    assert_null(vg_heap_find(&heap, a.base + 100));
    assert_null(vg_heap_find(&heap, a.base - 1));
    assert_null(vg_heap_find(&heap, 0));
    vg_heap_fini(&heap);
}

static void
freed_block_is_used_again(void **state)
{
    (void)state;
    struct vg_heap heap;
    vg_heap_init(&heap, BASE, 1024);
    struct vg_heap_block a = take(&heap, 512), b = take(&heap, 512), *c;
    assert_int_not_equal(vg_heap_alloc(&heap, 1, 0, &c), 0);
    assert_true(vg_heap_free(&heap, a.base, NULL));
    assert_int_equal(take(&heap, 512).base, a.base);
    assert_true(vg_heap_free(&heap, b.base, NULL));
    vg_heap_fini(&heap);
}

static void
only_a_first_byte_is_freed(void **state)
{
    (void)state;
    struct vg_heap heap;
    vg_heap_init(&heap, BASE, 1 << 20);
    struct vg_heap_block a = take(&heap, 1000);
    assert_false(vg_heap_free(&heap, a.base + 4, NULL));
    assert_false(vg_heap_free(&heap, 0, NULL));
    assert_true(vg_heap_free(&heap, a.base, NULL));
    assert_false(vg_heap_free(&heap, a.base, NULL));
    assert_int_equal(heap.used, 0);
    vg_heap_fini(&heap);
}

static void
too_much_is_refused(void **state)
{
    (void)state;
    struct vg_heap heap;
    struct vg_heap_block *block;
    vg_heap_init(&heap, BASE, 4096);
    assert_int_not_equal(vg_heap_alloc(&heap, 0, 0, &block), 0);
    assert_int_not_equal(vg_heap_alloc(&heap, 4097, 0, &block), 0);
    assert_int_not_equal(vg_heap_alloc(&heap, UINT64_MAX, 0, &block), 0);
    assert_int_equal(vg_heap_alloc(&heap, 4096, 0, &block), 0);
    vg_heap_fini(&heap);
}

static void
alignment_is_kept(void **state)
{
    (void)state;
    struct vg_heap heap;
    struct vg_heap_block *block;
    vg_heap_init(&heap, BASE, 1 << 20);
    take(&heap, 1);
    assert_int_equal(vg_heap_alloc(&heap, 10, 65536, &block), 0);
    assert_int_equal(block->base % 65536, 0);
    vg_heap_fini(&heap);
}

/* Ten thousand steps; every unit of 256 bytes has at most one owner. */
static void
random_use_agrees_with_a_model(void **state)
{
    (void)state;
    enum {
        UNITS = 512,
        SLOTS = 64
    };
    struct vg_heap heap;
    uint8_t owner[UNITS] = { 0 };
    uint64_t base[SLOTS] = { 0 };
    uint32_t seed = 12345;
    vg_heap_init(&heap, BASE, UNITS * 256);
    for (int step = 0; step < 10000; step++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned slot = seed >> 8 & (SLOTS - 1);
        uint64_t units = 1 + (seed >> 16) % 20;
        struct vg_heap_block *block;
        if (base[slot] != 0) {
            assert_true(vg_heap_free(&heap, base[slot], NULL));
            for (int i = 0; i < UNITS; i++) {
                owner[i] = owner[i] == slot + 1 ? 0 : owner[i];
            }
            base[slot] = 0;
        } else if (vg_heap_alloc(&heap, units * 256 - 17, 0, &block) == 0) {
            base[slot] = block->base;
            for (uint64_t i = 0; i < units; i++) {
                uint64_t unit = (block->base - BASE) / 256 + i;
                assert_in_range(unit, 0, UNITS - 1);
                assert_int_equal(owner[unit], 0);
                owner[unit] = (uint8_t)(slot + 1);
            }
        } else {
            unsigned longest = 0, run = 0;
            for (int i = 0; i < UNITS; i++) {
                run = owner[i] == 0 ? run + 1 : 0;
                longest = run > longest ? run : longest;
            }
            assert_in_range(longest, 0, units - 1);
        }
    }
    vg_heap_fini(&heap);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(look_up_ends_where_the_program_asked),
        cmocka_unit_test(freed_block_is_used_again),
        cmocka_unit_test(only_a_first_byte_is_freed),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(alignment_is_kept),
        cmocka_unit_test(random_use_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
