/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fatbin - containers as compilers write them, cut at every byte and spoiled at
 * every word. Each read is from a buffer of exactly the size that the reader was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>
#include <zstd.h>

#include "soft/fatbin.h"

static const char text[] = ".version 8.0\n.target sm_80\n.address_size 64\n"
                           "// the same again and again and again and again and again\n"
                           ".visible .entry nothing()\n{\n    ret;\n}\n";

struct container {
    uint8_t bytes[4096];
    size_t size;
};

static void
put(struct container *c, size_t at, uint64_t value, size_t size)
{
    memcpy(c->bytes + at, &value, size);
}

static void
begin(struct container *c)
{
    memset(c, 0, sizeof *c);
    put(c, 0, VG_FATBIN_MAGIC, 4);
    put(c, 4, 1, 2);
    put(c, 6, 16, 2);
    c->size = 16;
}

static void
add(struct container *c, unsigned kind, unsigned arch, uint64_t flags)
{
    char packed[1024];
    size_t size = sizeof text;
    if ((flags & 0x8000) != 0) {
        size = ZSTD_compress(packed, sizeof packed, text, sizeof text, 3);
    } else if ((flags & 0x2000) != 0) {
        size = (size_t)LZ4_compress_default(text, packed, sizeof text, sizeof packed);
    } else {
        memcpy(packed, text, sizeof text);
    }
    size_t at = c->size, padded = (size + 7) & ~(size_t)7;
    bool is_packed = (flags & 0xa000) != 0;
    put(c, at, kind, 2);
    put(c, at + 2, 0x0101, 2);
    put(c, at + 4, 64, 4);
    put(c, at + 8, padded, 8);
    put(c, at + 16, is_packed ? size : 0, 4);
    put(c, at + 24, 0, 2);
    put(c, at + 26, 8, 2);
    put(c, at + 28, arch, 4);
    put(c, at + 40, flags | 0x11, 8);
    put(c, at + 56, is_packed ? sizeof text : 0, 8);
    memcpy(c->bytes + at + 64, packed, size);
    c->size += 64 + padded;
    put(c, 8, c->size - 16, 8);
}

/* Reads everything there is; returns the condition that ended it. */
static int
walk(const uint8_t *bytes, size_t size, unsigned *out_good)
{
    struct vg_fatbin_reader reader;
    struct vg_fatbin_entry entry;
    *out_good = 0;
    int r = vg_fatbin_open(bytes, size, &reader);
    while (r == 0 && (r = vg_fatbin_next(&reader, &entry)) == 0) {
        char *unpacked;
        size_t unpacked_size;
        r = vg_fatbin_unpack(&entry, &unpacked, &unpacked_size);
        if (r == 0) {
            *out_good += strcmp(unpacked, text) == 0;
            free(unpacked);
        }
    }
    return r;
}

static void
make_whole(struct container *c)
{
    begin(c);
    add(c, VG_FATBIN_PTX, 75, 0);
    add(c, VG_FATBIN_PTX, 80, 0x8000);
    add(c, VG_FATBIN_PTX, 90, 0x2000);
}

static void
every_packing_is_read(void **state)
{
    (void)state;
    struct container c;
    unsigned good;
    make_whole(&c);
    assert_int_equal(walk(c.bytes, c.size, &good), VG_FATBIN_END);
    assert_int_equal(good, 3);
}

static void
container_cut_at_any_byte_is_damaged(void **state)
{
    (void)state;
    struct container c;
    unsigned good;
    make_whole(&c);
    for (size_t size = 0; size < c.size; size++) {
        uint8_t *exact = malloc(size + (size == 0));
        assert_non_null(exact);
        memcpy(exact, c.bytes, size);
        assert_int_equal(walk(exact, size, &good), VG_FATBIN_DAMAGED);
        free(exact);
    }
}

static void
spoiled_word_is_never_read_past(void **state)
{
    (void)state;
    static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
    struct container c;
    unsigned good, noticed = 0;
    make_whole(&c);
    for (size_t at = 0; at + 4 <= c.size; at += 4) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            uint8_t *exact = malloc(c.size);
            assert_non_null(exact);
            memcpy(exact, c.bytes, c.size);
            memcpy(exact + at, &values[v], 4);
            int r = walk(exact, c.size, &good);
            assert_true(r == VG_FATBIN_END || r == VG_FATBIN_DAMAGED);
            noticed += r == VG_FATBIN_DAMAGED || good != 3;
            free(exact);
        }
    }
    assert_in_range(noticed, 100, UINT32_MAX);
}

static struct vg_fatbin_entry
ptx(unsigned arch, uint64_t flags)
{
    return (
        struct vg_fatbin_entry){ .kind = VG_FATBIN_PTX, .arch = arch, .flags = flags };
}

static void
plain_ptx_suits_up_to_the_device(void **state)
{
    (void)state;
    struct vg_fatbin_entry older = ptx(75, 0), same = ptx(80, 0), newer = ptx(90, 0);
    assert_true(vg_fatbin_ptx_suits(&older, 80));
    assert_true(vg_fatbin_ptx_suits(&same, 80));
    assert_false(vg_fatbin_ptx_suits(&newer, 80));
}

static void
specific_ptx_suits_its_own_only(void **state)
{
    (void)state;
    struct vg_fatbin_entry arch = ptx(90, 0x100000), family = ptx(100, 0x200000);
    assert_true(vg_fatbin_ptx_suits(&arch, 90));
    assert_false(vg_fatbin_ptx_suits(&arch, 100));
    assert_true(vg_fatbin_ptx_suits(&family, 103));
    assert_false(vg_fatbin_ptx_suits(&family, 120));
}

static void
machine_code_never_suits(void **state)
{
    (void)state;
    struct vg_fatbin_entry elf = { .kind = VG_FATBIN_ELF, .arch = 80 };
    assert_false(vg_fatbin_ptx_suits(&elf, 80));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packing_is_read),
        cmocka_unit_test(container_cut_at_any_byte_is_damaged),
        cmocka_unit_test(spoiled_word_is_never_read_past),
        cmocka_unit_test(plain_ptx_suits_up_to_the_device),
        cmocka_unit_test(specific_ptx_suits_its_own_only),
        cmocka_unit_test(machine_code_never_suits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
