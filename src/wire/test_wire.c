/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder, decoder and ids: what was put comes out, and nothing impossible comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire.h"

static void
every_kind_comes_back(void **state)
{
    uint8_t buffer[8]; /* too small on purpose: the message moves to the heap */
    struct vg_enc enc;
    struct vg_dec dec;
    size_t size;

    (void)state;
    vg_enc_init(&enc, buffer, sizeof(buffer));
    vg_put_u8(&enc, 0xab);
    vg_put_u16(&enc, 0xabcd);
    vg_put_u32(&enc, 0xdeadbeef);
    vg_put_u64(&enc, 0x123456789abcdef0);
    vg_put_i32(&enc, -7);
    vg_put_i64(&enc, -8);
    vg_put_f32(&enc, 1.5f);
    vg_put_f64(&enc, -2.25);
    vg_put_string(&enc, "hello");
    vg_put_string(&enc, NULL);
    vg_put_string(&enc, "");
    vg_put_blob(&enc, "xyz", 3);
    assert_false(vg_enc_failed(&enc));

    vg_dec_init(&dec, enc.data, enc.size);
    assert_int_equal(vg_get_u8(&dec), 0xab);
    assert_int_equal(vg_get_u16(&dec), 0xabcd);
    assert_int_equal(vg_get_u32(&dec), 0xdeadbeef);
    assert_true(vg_get_u64(&dec) == 0x123456789abcdef0);
    assert_int_equal(vg_get_i32(&dec), -7);
    assert_true(vg_get_i64(&dec) == -8);
    assert_true(vg_get_f32(&dec) == 1.5f);
    assert_true(vg_get_f64(&dec) == -2.25);
    char *text = vg_get_string(&dec);
    assert_string_equal(text, "hello");
    free(text);
    assert_null(vg_get_string(&dec));
    text = vg_get_string(&dec);
    assert_string_equal(text, "");
    free(text);
    assert_memory_equal(vg_get_blob(&dec, &size), "xyz", 3);
    assert_int_equal(size, 3);
    assert_true(vg_dec_done(&dec));
    vg_enc_fini(&enc);
}

static void
every_truncation_fails_and_sticks(void **state)
{
    uint8_t buffer[64];
    struct vg_enc enc;

    (void)state;
    vg_enc_init(&enc, buffer, sizeof(buffer));
    vg_put_u32(&enc, 1);
    vg_put_string(&enc, "abc");
    vg_put_u64(&enc, 2);
    for (size_t cut = 0; cut < enc.size; cut++) {
        struct vg_dec dec;
        vg_dec_init(&dec, enc.data, cut);
        (void)vg_get_u32(&dec);
        free(vg_get_string(&dec));
        (void)vg_get_u64(&dec);
        assert_true(vg_dec_failed(&dec));
        assert_int_equal(vg_get_u8(&dec), 0);
        assert_false(vg_dec_done(&dec));
    }
    vg_enc_fini(&enc);
}

static void
huge_sizes_are_refused_before_use(void **state)
{
    const uint64_t huge[2] = { UINT64_MAX, 0 };
    const uint32_t count[2] = { 0xffffffff, 0 };
    struct vg_dec dec;
    size_t size = 1;

    (void)state;
    vg_dec_init(&dec, huge, sizeof(huge));
    assert_null(vg_get_blob(&dec, &size));
    assert_int_equal(size, 0);
    assert_true(vg_dec_failed(&dec));

    vg_dec_init(&dec, count, sizeof(count));
    assert_int_equal(vg_get_count(&dec, 8), 0);
    assert_true(vg_dec_failed(&dec));

    vg_dec_init(&dec, count, sizeof(count));
    assert_null(vg_get_string(&dec));
    assert_true(vg_dec_failed(&dec));
}

static void
string_with_a_nul_inside_fails(void **state)
{
    const uint8_t bytes[] = { 4, 0, 0, 0, 'a', 0, 'b' };
    struct vg_dec dec;

    (void)state;
    vg_dec_init(&dec, bytes, sizeof(bytes));
    assert_null(vg_get_string(&dec));
    assert_true(vg_dec_failed(&dec));
}

static void
encoder_refuses_a_message_over_the_limit(void **state)
{
    struct vg_enc enc;

    (void)state;
    vg_enc_init(&enc, NULL, 0);
    assert_null(vg_enc_reserve(&enc, (size_t)VG_MESSAGE_MAX + 1));
    assert_true(vg_enc_failed(&enc));
    assert_null(vg_enc_reserve(&enc, 1));
    vg_enc_fini(&enc);
}

static void
id_keeps_its_parts(void **state)
{
    const vg_id id = vg_id_make(VG_ID_KERN, true, 0xfffe, VG_ID_INDEX_MAX);

    (void)state;
    assert_int_equal(vg_id_type_of(id), VG_ID_KERN);
    assert_true(vg_id_is_server(id));
    assert_int_equal(vg_id_generation(id), 0xfffe);
    assert_int_equal(vg_id_index(id), VG_ID_INDEX_MAX);
    assert_true(id < 1ull << 46);
    assert_int_equal(vg_id_type_of(id | 1), VG_ID_NONE);
    assert_int_equal(vg_id_type_of(id | 1ull << 50), VG_ID_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(every_truncation_fails_and_sticks),
        cmocka_unit_test(huge_sizes_are_refused_before_use),
        cmocka_unit_test(string_with_a_nul_inside_fails),
        cmocka_unit_test(encoder_refuses_a_message_over_the_limit),
        cmocka_unit_test(id_keeps_its_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
