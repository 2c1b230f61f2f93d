/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake - HMAC-MD2 over what the runtime knows of the driver it has loaded.
 *
 * The digest is written from RFC 1319 and RFC 2104. The key and the two fixed answers are
 * facts published by the ZLUDA project (dark_api/src/lib.rs, function integrity_check,
 * MIT or Apache-2.0) and by scuda (client.cpp); no code of either is used. See
 * docs/interop.md.
 */

#include "front/interop/handshake.h"

#include <string.h>

#define BLOCK 16

struct md2 {
    uint8_t state[3 * BLOCK];
    uint8_t checksum[BLOCK];
    uint8_t pending[BLOCK];
    size_t used; /* bytes of @pending, below BLOCK */
};

/* RFC 1319, section 3.2: a permutation of 0..255 drawn from the digits of pi. */
static const uint8_t pi_table[256] = {
    0x29, 0x2e, 0x43, 0xc9, 0xa2, 0xd8, 0x7c, 0x01, 0x3d, 0x36, 0x54, 0xa1, 0xec, 0xf0,
    0x06, 0x13, 0x62, 0xa7, 0x05, 0xf3, 0xc0, 0xc7, 0x73, 0x8c, 0x98, 0x93, 0x2b, 0xd9,
    0xbc, 0x4c, 0x82, 0xca, 0x1e, 0x9b, 0x57, 0x3c, 0xfd, 0xd4, 0xe0, 0x16, 0x67, 0x42,
    0x6f, 0x18, 0x8a, 0x17, 0xe5, 0x12, 0xbe, 0x4e, 0xc4, 0xd6, 0xda, 0x9e, 0xde, 0x49,
    0xa0, 0xfb, 0xf5, 0x8e, 0xbb, 0x2f, 0xee, 0x7a, 0xa9, 0x68, 0x79, 0x91, 0x15, 0xb2,
    0x07, 0x3f, 0x94, 0xc2, 0x10, 0x89, 0x0b, 0x22, 0x5f, 0x21, 0x80, 0x7f, 0x5d, 0x9a,
    0x5a, 0x90, 0x32, 0x27, 0x35, 0x3e, 0xcc, 0xe7, 0xbf, 0xf7, 0x97, 0x03, 0xff, 0x19,
    0x30, 0xb3, 0x48, 0xa5, 0xb5, 0xd1, 0xd7, 0x5e, 0x92, 0x2a, 0xac, 0x56, 0xaa, 0xc6,
    0x4f, 0xb8, 0x38, 0xd2, 0x96, 0xa4, 0x7d, 0xb6, 0x76, 0xfc, 0x6b, 0xe2, 0x9c, 0x74,
    0x04, 0xf1, 0x45, 0x9d, 0x70, 0x59, 0x64, 0x71, 0x87, 0x20, 0x86, 0x5b, 0xcf, 0x65,
    0xe6, 0x2d, 0xa8, 0x02, 0x1b, 0x60, 0x25, 0xad, 0xae, 0xb0, 0xb9, 0xf6, 0x1c, 0x46,
    0x61, 0x69, 0x34, 0x40, 0x7e, 0x0f, 0x55, 0x47, 0xa3, 0x23, 0xdd, 0x51, 0xaf, 0x3a,
    0xc3, 0x5c, 0xf9, 0xce, 0xba, 0xc5, 0xea, 0x26, 0x2c, 0x53, 0x0d, 0x6e, 0x85, 0x28,
    0x84, 0x09, 0xd3, 0xdf, 0xcd, 0xf4, 0x41, 0x81, 0x4d, 0x52, 0x6a, 0xdc, 0x37, 0xc8,
    0x6c, 0xc1, 0xab, 0xfa, 0x24, 0xe1, 0x7b, 0x08, 0x0c, 0xbd, 0xb1, 0x4a, 0x78, 0x88,
    0x95, 0x8b, 0xe3, 0x63, 0xe8, 0x6d, 0xe9, 0xcb, 0xd5, 0xfe, 0x3b, 0x00, 0x1d, 0x39,
    0xf2, 0xef, 0xb7, 0x0e, 0x66, 0x58, 0xd0, 0xe4, 0xa6, 0x77, 0x72, 0xf8, 0xeb, 0x75,
    0x4b, 0x0a, 0x31, 0x44, 0x50, 0xb4, 0x8f, 0xed, 0x1f, 0x1a, 0xdb, 0x99, 0x8d, 0x33,
    0x9f, 0x11, 0x83, 0x14,
};

/* Published facts, see above. */
static const uint8_t key[BLOCK] = {
    0x14, 0x6a, 0xdd, 0xae, 0x53, 0xa9, 0xa7, 0x52,
    0xaa, 0x08, 0x41, 0x36, 0x0b, 0xf5, 0x5a, 0x9f,
};
static const uint64_t fixed_answers[2][2] = {
    { 0x3341181c03cb675cu, 0x8ed383aa1f4cd1e8u },
    { 0x1841181c03cb675cu, 0x8ed383aa1f4cd1e8u },
};

/* RFC 1319, sections 3.2 and 3.4 for one block. */
static void
md2_block(struct md2 *md, const uint8_t block[BLOCK])
{
    uint8_t last = md->checksum[BLOCK - 1];
    uint8_t t = 0;

    for (int i = 0; i < BLOCK; i++) {
        md->checksum[i] ^= pi_table[block[i] ^ last];
        last = md->checksum[i];
        md->state[BLOCK + i] = block[i];
        md->state[2 * BLOCK + i] = md->state[i] ^ block[i];
    }
    for (int round = 0; round < 18; round++) {
        for (int i = 0; i < 3 * BLOCK; i++) {
            md->state[i] ^= pi_table[t];
            t = md->state[i];
        }
        t = (uint8_t)(t + round);
    }
}

static void
md2_add(struct md2 *md, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++) {
        md->pending[md->used++] = bytes[i];
        if (md->used == BLOCK) {
            md2_block(md, md->pending);
            md->used = 0;
        }
    }
}

static void
md2_end(struct md2 *md, uint8_t out[VG_MD2_SIZE])
{
    uint8_t padding[BLOCK];
    uint8_t checksum[BLOCK];
    size_t count = BLOCK - md->used;

    memset(padding, (int)count, sizeof(padding));
    md2_add(md, padding, count);
    memcpy(checksum, md->checksum, sizeof(checksum));
    md2_block(md, checksum);
    memcpy(out, md->state, VG_MD2_SIZE);
}

static void
hmac_begin(struct md2 *md, const uint8_t padded_key[BLOCK], uint8_t mask)
{
    uint8_t block[BLOCK];

    for (int i = 0; i < BLOCK; i++) {
        block[i] = padded_key[i] ^ mask;
    }
    memset(md, 0, sizeof(*md));
    md2_add(md, block, sizeof(block));
}

static void
hmac_end(struct md2 *inner, const uint8_t padded_key[BLOCK], uint8_t out[VG_MD2_SIZE])
{
    uint8_t digest[VG_MD2_SIZE];
    struct md2 outer;

    md2_end(inner, digest);
    hmac_begin(&outer, padded_key, 0x5c);
    md2_add(&outer, digest, sizeof(digest));
    md2_end(&outer, out);
}

void
vg_md2(const void *data, size_t size, uint8_t out[VG_MD2_SIZE])
{
    struct md2 md = { .used = 0 };

    md2_add(&md, data, size);
    md2_end(&md, out);
}

void
vg_hmac_md2(const void *hmac_key, size_t key_size, const void *data, size_t size,
            uint8_t out[VG_MD2_SIZE])
{
    uint8_t padded_key[BLOCK] = { 0 };
    struct md2 md;

    if (key_size <= BLOCK) {
        memcpy(padded_key, hmac_key, key_size);
    } else {
        vg_md2(hmac_key, key_size, padded_key);
    }
    hmac_begin(&md, padded_key, 0x36);
    md2_add(&md, data, size);
    hmac_end(&md, padded_key, out);
}

static void
add_u32(struct md2 *md, uint32_t value)
{
    const uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8),
                               (uint8_t)(value >> 16), (uint8_t)(value >> 24) };

    md2_add(md, bytes, sizeof(bytes));
}

static void
add_u64(struct md2 *md, uint64_t value)
{
    add_u32(md, (uint32_t)value);
    add_u32(md, (uint32_t)(value >> 32));
}

void
vg_handshake_answer(const struct vg_handshake *facts,
                    const struct vg_handshake_device *devices, size_t count,
                    uint8_t out[VG_MD2_SIZE])
{
    const uint32_t step = facts->version % 10;
    struct md2 md;

    if (step < 2) {
        for (int i = 0; i < VG_MD2_SIZE; i++) {
            out[i] = (uint8_t)(fixed_answers[step][i / 8] >> (8 * (i % 8)));
        }
        return;
    }
    hmac_begin(&md, key, 0x36);
    add_u32(&md, facts->driver_version);
    add_u32(&md, facts->version);
    add_u32(&md, facts->process);
    add_u32(&md, facts->thread);
    add_u64(&md, facts->cudart_table);
    add_u64(&md, facts->integrity_table);
    add_u64(&md, facts->function);
    add_u64(&md, facts->seconds);
    for (size_t i = 0; i < count; i++) {
        md2_add(&md, devices[i].uuid, sizeof(devices[i].uuid));
        add_u32(&md, (uint32_t)devices[i].pci_domain);
        add_u32(&md, (uint32_t)devices[i].pci_bus);
        add_u32(&md, (uint32_t)devices[i].pci_device);
    }
    hmac_end(&md, key, out);
}
