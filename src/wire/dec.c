/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dec - takes a message apart.
 *
 * Works on a private copy. Every size in the message is a claim: it is held against the
 * bytes that are really there before it is used.
 */
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

void
vg_dec_init(struct vg_dec *dec, const void *data, size_t size)
{
    *dec = (struct vg_dec){ .at = data };
    dec->end = size != 0 ? dec->at + size : dec->at;
}

bool
vg_dec_done(const struct vg_dec *dec)
{
    return !dec->failed && dec->at == dec->end;
}

void
vg_dec_fail(struct vg_dec *dec)
{
    dec->failed = true;
}

const void *
vg_get_bytes(struct vg_dec *dec, size_t size)
{
    if (dec->failed || size > (size_t)(dec->end - dec->at)) {
        dec->failed = true;
        return NULL;
    }

    const void *at = dec->at;
    dec->at += size;
    return at;
}

void
vg_get_copy(struct vg_dec *dec, void *out, size_t size)
{
    if (size == 0) {
        return;
    }
    const void *at = vg_get_bytes(dec, size);
    if (at != NULL) {
        memcpy(out, at, size);
    } else {
        memset(out, 0, size);
    }
}

uint8_t
vg_get_u8(struct vg_dec *dec)
{
    uint8_t value;

    vg_get_copy(dec, &value, sizeof(value));
    return value;
}

uint16_t
vg_get_u16(struct vg_dec *dec)
{
    uint16_t value;

    vg_get_copy(dec, &value, sizeof(value));
    return value;
}

uint32_t
vg_get_u32(struct vg_dec *dec)
{
    uint32_t value;

    vg_get_copy(dec, &value, sizeof(value));
    return value;
}

uint64_t
vg_get_u64(struct vg_dec *dec)
{
    uint64_t value;

    vg_get_copy(dec, &value, sizeof(value));
    return value;
}

int32_t
vg_get_i32(struct vg_dec *dec)
{
    return (int32_t)vg_get_u32(dec);
}

int64_t
vg_get_i64(struct vg_dec *dec)
{
    return (int64_t)vg_get_u64(dec);
}

float
vg_get_f32(struct vg_dec *dec)
{
    float value;

    vg_get_copy(dec, &value, sizeof(value));
    return value;
}

double
vg_get_f64(struct vg_dec *dec)
{
    double value;

    vg_get_copy(dec, &value, sizeof(value));
    return value;
}

vg_id
vg_get_id(struct vg_dec *dec)
{
    return vg_get_u64(dec);
}

const void *
vg_get_blob(struct vg_dec *dec, size_t *out_size)
{
    const uint64_t size = vg_get_u64(dec);
    const void *data = size != 0 ? vg_get_bytes(dec, size) : NULL;

    *out_size = data != NULL ? size : 0;
    return data;
}

char *
vg_get_string(struct vg_dec *dec)
{
    const uint32_t stamped = vg_get_u32(dec);

    if (stamped == 0) {
        return NULL;
    }
    const uint32_t length = stamped - 1;
    if (length > VG_STRING_MAX) {
        dec->failed = true;
        return NULL;
    }

    const char *text = vg_get_bytes(dec, length);
    if (text == NULL || memchr(text, 0, length) != NULL) {
        dec->failed = true;
        return NULL;
    }
    char *copy = malloc((size_t)length + 1);
    if (copy == NULL) {
        dec->failed = true;
        return NULL;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

uint32_t
vg_get_count(struct vg_dec *dec, size_t element)
{
    const uint32_t count = vg_get_u32(dec);

    if (count > VG_ARRAY_MAX || (element != 0 && count > vg_dec_left(dec) / element)) {
        dec->failed = true;
        return 0;
    }
    return count;
}
