/* SPDX-License-Identifier: Apache-2.0 */
/* handshake - digest vectors of RFC 1319, appendix A.5, and the shape of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "front/interop/handshake.h"

static const struct {
    const char *text;
    const char *digest;
} vectors[] = {
    { "", "8350e5a3e24c153df2275c9f80692773" },
    { "a", "32ec01ec4a6dac72c0ab96fb34c0b5d1" },
    { "abc", "da853b0d3f88d99b30283a69e6ded6bb" },
    { "message digest", "ab4f496bfb2a530b219ff33031fe06b0" },
    { "abcdefghijklmnopqrstuvwxyz", "4e8ddff3650292ab5a4108c3aa47940b" },
    { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
      "da33def2a42df13975352846c30338cd" },
    { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "d5976f79d83d3a0dc9806c3c66f3efd8" },
};

static void
to_text(const uint8_t digest[VG_MD2_SIZE], char text[2 * VG_MD2_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < VG_MD2_SIZE; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[2 * VG_MD2_SIZE] = '\0';
}

static void
md2_matches_the_published_vectors(void **state)
{
    uint8_t digest[VG_MD2_SIZE];
    char text[2 * VG_MD2_SIZE + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        vg_md2(vectors[i].text, strlen(vectors[i].text), digest);
        to_text(digest, text);
        assert_string_equal(text, vectors[i].digest);
    }
}

/* RFC 2104 spelled out with the plain digest. */
static void
hmac_is_two_nested_digests(void **state)
{
    const uint8_t key[16] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
                              0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
    uint8_t inner[16 + 8];
    uint8_t outer[16 + VG_MD2_SIZE];
    uint8_t expected[VG_MD2_SIZE];
    uint8_t actual[VG_MD2_SIZE];

    (void)state;
    for (int i = 0; i < 16; i++) {
        inner[i] = key[i] ^ 0x36;
        outer[i] = key[i] ^ 0x5c;
    }
    memcpy(inner + 16, "Hi There", 8);
    vg_md2(inner, sizeof(inner), outer + 16);
    vg_md2(outer, sizeof(outer), expected);
    vg_hmac_md2(key, sizeof(key), "Hi There", 8, actual);
    assert_memory_equal(actual, expected, VG_MD2_SIZE);
}

static void
every_fact_changes_the_answer(void **state)
{
    const struct vg_handshake facts = { 13050, 13052, 17, 23, 29, 31, 37, 41 };
    const struct vg_handshake_device device = { { 1, 2, 3 }, 0, 1, 2 };
    uint8_t answer[VG_MD2_SIZE];
    uint8_t other[VG_MD2_SIZE];

    (void)state;
    vg_handshake_answer(&facts, &device, 1, answer);
    for (size_t at = 0; at < sizeof(facts); at += 4) {
        struct vg_handshake changed = facts;
        ((uint8_t *)&changed)[at + 1] ^= 0x40;
        if (changed.version % 10 < 2) {
            changed.version += 2;
        }
        vg_handshake_answer(&changed, &device, 1, other);
        assert_memory_not_equal(answer, other, VG_MD2_SIZE);
    }
    for (size_t at = 0; at < sizeof(device); at++) {
        struct vg_handshake_device changed = device;
        ((uint8_t *)&changed)[at] ^= 1;
        vg_handshake_answer(&facts, &changed, 1, other);
        assert_memory_not_equal(answer, other, VG_MD2_SIZE);
    }
    vg_handshake_answer(&facts, &device, 0, other);
    assert_memory_not_equal(answer, other, VG_MD2_SIZE);
}

static void
first_two_answers_are_fixed(void **state)
{
    struct vg_handshake facts = { .version = 13050 };
    uint8_t first[VG_MD2_SIZE];
    uint8_t second[VG_MD2_SIZE];
    uint8_t again[VG_MD2_SIZE];

    (void)state;
    vg_handshake_answer(&facts, NULL, 0, first);
    facts.seconds = 5;
    vg_handshake_answer(&facts, NULL, 0, again);
    assert_memory_equal(first, again, VG_MD2_SIZE);
    facts.version = 13051;
    vg_handshake_answer(&facts, NULL, 0, second);
    assert_memory_not_equal(first, second, VG_MD2_SIZE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md2_matches_the_published_vectors),
        cmocka_unit_test(hmac_is_two_nested_digests),
        cmocka_unit_test(every_fact_changes_the_answer),
        cmocka_unit_test(first_two_answers_are_fixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
