/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fatbin - reading containers.
 *
 * Container: u32 magic, u16 version, u16 header size, u64 body size; then the entries.
 * Entry: u16 kind, u16 version, u32 header size, u64 padded payload size, u32 packed size
 * (0: not packed), u32 offset of options, u16 minor, u16 major, u32 arch, u32 name
 * offset, u32 name size, u64 flags, u64 unused, u64 unpacked size.
 */
#include "soft/fatbin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <zstd.h>

#define ENTRY_HEADER 64

#define FLAG_LZ4    0x2000u
#define FLAG_ZSTD   0x8000u
#define FLAG_ARCH   0x100000u
#define FLAG_FAMILY 0x200000u

/* No image of ours unpacks to more; a header that says so is damaged. */
#define MAX_UNPACKED ((uint64_t)2 << 30)

static uint16_t
get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
get32(const uint8_t *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t
get64(const uint8_t *p)
{
    return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32;
}

int
vg_fatbin_size(const void *data, size_t *out_size)
{
    const uint8_t *p = data;
    if (get32(p) != VG_FATBIN_MAGIC) {
        return VG_FATBIN_DAMAGED;
    }
    uint16_t header = get16(p + 6);
    uint64_t body = get64(p + 8);
    if (header < 16 || body > SIZE_MAX / 4) {
        return VG_FATBIN_DAMAGED;
    }
    *out_size = header + (size_t)body;
    return 0;
}

int
vg_fatbin_open(const void *data, size_t size, struct vg_fatbin_reader *out)
{
    size_t whole;
    if (size < 16 || vg_fatbin_size(data, &whole) != 0 || whole > size) {
        return VG_FATBIN_DAMAGED;
    }
    const uint8_t *p = data;
    *out = (struct vg_fatbin_reader){ .data = p, .size = whole, .offset = get16(p + 6) };
    return 0;
}

int
vg_fatbin_next(struct vg_fatbin_reader *reader, struct vg_fatbin_entry *out)
{
    size_t left = reader->size - reader->offset;
    if (left == 0) {
        return VG_FATBIN_END;
    }
    if (left < ENTRY_HEADER) {
        return VG_FATBIN_DAMAGED;
    }
    const uint8_t *p = reader->data + reader->offset;
    uint32_t header = get32(p + 4);
    uint64_t padded = get64(p + 8);
    uint32_t packed = get32(p + 16);
    uint64_t unpacked = get64(p + 56);
    if (header < ENTRY_HEADER || header > left || padded > left - header ||
        packed > padded || unpacked > MAX_UNPACKED) {
        return VG_FATBIN_DAMAGED;
    }
    *out = (struct vg_fatbin_entry){
        .kind = get16(p),
        .arch = get32(p + 28),
        .major = get16(p + 26),
        .minor = get16(p + 24),
        .flags = get64(p + 40),
        .payload = p + header,
        .payload_size = packed != 0 ? packed : (size_t)padded,
        .unpacked_size = packed != 0 ? (size_t)unpacked : (size_t)padded,
    };
    reader->offset += header + (size_t)padded;
    return 0;
}

static bool
is_packed(const struct vg_fatbin_entry *entry)
{
    return (entry->flags & (FLAG_LZ4 | FLAG_ZSTD)) != 0;
}

static bool
unpack_into(const struct vg_fatbin_entry *entry, char *to)
{
    if (!is_packed(entry)) {
        memcpy(to, entry->payload, entry->payload_size);
        return true;
    }
    if ((entry->flags & FLAG_ZSTD) != 0) {
        size_t n = ZSTD_decompress(to, entry->unpacked_size, entry->payload,
                                   entry->payload_size);
        return !ZSTD_isError(n) && n == entry->unpacked_size;
    }
    if (entry->payload_size > INT32_MAX || entry->unpacked_size > INT32_MAX) {
        return false;
    }
    int n = LZ4_decompress_safe((const char *)entry->payload, to,
                                (int)entry->payload_size, (int)entry->unpacked_size);
    return n >= 0 && (size_t)n == entry->unpacked_size;
}

int
vg_fatbin_unpack(const struct vg_fatbin_entry *entry, char **out, size_t *out_size)
{
    size_t size = is_packed(entry) ? entry->unpacked_size : entry->payload_size;
    char *text = malloc(size + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    if (!unpack_into(entry, text)) {
        free(text);
        return VG_FATBIN_DAMAGED;
    }
    text[size] = '\0';
    *out = text;
    *out_size = size;
    return 0;
}

bool
vg_fatbin_ptx_suits(const struct vg_fatbin_entry *entry, unsigned cc)
{
    if (entry->kind != VG_FATBIN_PTX) {
        return false;
    }
    if ((entry->flags & FLAG_ARCH) != 0) {
        return entry->arch == cc;
    }
    if ((entry->flags & FLAG_FAMILY) != 0) {
        return entry->arch / 10 == cc / 10 && entry->arch <= cc;
    }
    return entry->arch <= cc;
}
