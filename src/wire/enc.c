/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enc - builds a message.
 *
 * Starts in the caller's buffer and moves to the heap when it outgrows it; a failure
 * sticks, and what was put before stays where it is.
 */
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

void
vg_enc_init(struct vg_enc *enc, void *buffer, size_t capacity)
{
    *enc = (struct vg_enc){ .data = buffer, .capacity = capacity, .borrowed = buffer };
}

void
vg_enc_fini(struct vg_enc *enc)
{
    if (enc->data != enc->borrowed) {
        free(enc->data);
    }
    *enc = (struct vg_enc){ .failed = true };
}

static bool
grow(struct vg_enc *enc, size_t size)
{
    size_t capacity = enc->capacity < 512 ? 512 : enc->capacity;
    uint8_t *data;

    while (capacity - enc->size < size) {
        capacity *= 2;
    }
    if (enc->data == enc->borrowed) {
        data = malloc(capacity);
        if (data != NULL && enc->size != 0) {
            memcpy(data, enc->data, enc->size);
        }
    } else {
        data = realloc(enc->data, capacity);
    }
    if (data == NULL) {
        return false;
    }

    enc->data = data;
    enc->capacity = capacity;
    return true;
}

void *
vg_enc_reserve(struct vg_enc *enc, size_t size)
{
    if (enc->failed || size > VG_MESSAGE_MAX - enc->size ||
        (size > enc->capacity - enc->size && !grow(enc, size))) {
        enc->failed = true;
        return NULL;
    }

    void *at = enc->data + enc->size;
    enc->size += size;
    return at;
}

void
vg_put_bytes(struct vg_enc *enc, const void *data, size_t size)
{
    void *at = size != 0 ? vg_enc_reserve(enc, size) : NULL;

    if (at != NULL) {
        memcpy(at, data, size);
    }
}

void
vg_put_u8(struct vg_enc *enc, uint8_t value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_u16(struct vg_enc *enc, uint16_t value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_u32(struct vg_enc *enc, uint32_t value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_u64(struct vg_enc *enc, uint64_t value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_i32(struct vg_enc *enc, int32_t value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_i64(struct vg_enc *enc, int64_t value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_f32(struct vg_enc *enc, float value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_f64(struct vg_enc *enc, double value)
{
    vg_put_bytes(enc, &value, sizeof(value));
}

void
vg_put_id(struct vg_enc *enc, vg_id id)
{
    vg_put_u64(enc, id);
}

void
vg_put_blob(struct vg_enc *enc, const void *data, size_t size)
{
    vg_put_u64(enc, size);
    vg_put_bytes(enc, data, size);
}

void
vg_put_string(struct vg_enc *enc, const char *text)
{
    const size_t length = text != NULL ? strlen(text) : 0;

    if (length > VG_STRING_MAX) {
        enc->failed = true;
        return;
    }
    vg_put_u32(enc, text != NULL ? (uint32_t)length + 1 : 0);
    vg_put_bytes(enc, text, length);
}
