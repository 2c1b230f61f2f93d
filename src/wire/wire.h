/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * wire - the messages between client and worker: encoder, decoder, headers.
 *
 * Little-endian, packed, no padding between fields; docs/wire.md is normative. The
 * encoder grows and never fails half way: vg_enc_failed() is asked once, at the end. The
 * decoder reads a private copy of what the peer sent and is sticky: after the first
 * impossible field every get returns zero, and vg_dec_failed() is asked once, at the end.
 * Neither is shared between threads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/id.h"
#include "wire/limits.h"

/* What a dispatch function returns for bytes that no honest client sends. */
#define VG_CLIENT_VIOLATION (-71)

/* Request header. Calls from VG_CALL_INTERNAL on are ours (src/wire/internal.h). */
#define VG_CALL_INTERNAL 0xf000u

enum vg_message_flag {
    VG_MESSAGE_POSTED = 1,     /* no reply */
    VG_MESSAGE_PER_THREAD = 2, /* called by a name with _ptsz or _ptds */
};

/* The capture mode of the client thread (CUstreamCaptureMode), two bits of the flags. */
#define VG_MESSAGE_MODE_SHIFT 4
#define VG_MESSAGE_MODE_MASK  3u

struct vg_message {
    uint32_t size; /* of the whole message, this header included */
    uint16_t call;
    uint16_t flags;
    uint32_t lane;
    uint32_t reserved; /* 0 */
    uint64_t thread;   /* client thread; never used twice */
    uint64_t ticket;   /* process-wide order, from 1 */
    vg_id context;     /* current context of the client thread, or 0 */
};

enum vg_reply_flag {
    VG_REPLY_DEFERRED = 1, /* result is that of an earlier posted call of this thread */
};

struct vg_reply {
    uint32_t size;  /* whole reply: header, body, text */
    int32_t result; /* CUresult */
    uint32_t flags;
    uint32_t text; /* bytes of device printf at the end */
    uint64_t ticket;
};

_Static_assert(sizeof(struct vg_message) == 40, "part of the wire format");
_Static_assert(sizeof(struct vg_reply) == 24, "part of the wire format");

/* --- encoder --- */

struct vg_enc {
    uint8_t *data;
    size_t size;
    size_t capacity;
    uint8_t *borrowed; /* the caller's first buffer; never freed */
    bool failed;       /* memory ran out, or a limit was passed */
};

/* @buffer is borrowed and may be NULL; a message that outgrows it moves to the heap. */
void vg_enc_init(struct vg_enc *enc, void *buffer, size_t capacity);
void vg_enc_fini(struct vg_enc *enc);

/* Return: @size writable bytes at the end of the message, or NULL and the encoder failed.
 * Valid until the next put. */
void *vg_enc_reserve(struct vg_enc *enc, size_t size);

static inline bool
vg_enc_failed(const struct vg_enc *enc)
{
    return enc->failed;
}

void vg_put_u8(struct vg_enc *enc, uint8_t value);
void vg_put_u16(struct vg_enc *enc, uint16_t value);
void vg_put_u32(struct vg_enc *enc, uint32_t value);
void vg_put_u64(struct vg_enc *enc, uint64_t value);
void vg_put_i32(struct vg_enc *enc, int32_t value);
void vg_put_i64(struct vg_enc *enc, int64_t value);
void vg_put_f32(struct vg_enc *enc, float value);
void vg_put_f64(struct vg_enc *enc, double value);
void vg_put_id(struct vg_enc *enc, vg_id id);
/* Exactly @size bytes, no length in front. */
void vg_put_bytes(struct vg_enc *enc, const void *data, size_t size);
/* u64 length, then the bytes. */
void vg_put_blob(struct vg_enc *enc, const void *data, size_t size);
/* u32 length + 1, then the bytes without the NUL; 0 for NULL. */
void vg_put_string(struct vg_enc *enc, const char *text);

/* --- decoder --- */

struct vg_dec {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

/* @data is borrowed; the pointers that gets return point into it. */
void vg_dec_init(struct vg_dec *dec, const void *data, size_t size);

static inline bool
vg_dec_failed(const struct vg_dec *dec)
{
    return dec->failed;
}

/* True when nothing failed and nothing is left: ask it once, after the last get. */
bool vg_dec_done(const struct vg_dec *dec);

/* Marks the message as impossible. */
void vg_dec_fail(struct vg_dec *dec);

static inline size_t
vg_dec_left(const struct vg_dec *dec)
{
    return dec->failed ? 0 : (size_t)(dec->end - dec->at);
}

uint8_t vg_get_u8(struct vg_dec *dec);
uint16_t vg_get_u16(struct vg_dec *dec);
uint32_t vg_get_u32(struct vg_dec *dec);
uint64_t vg_get_u64(struct vg_dec *dec);
int32_t vg_get_i32(struct vg_dec *dec);
int64_t vg_get_i64(struct vg_dec *dec);
float vg_get_f32(struct vg_dec *dec);
double vg_get_f64(struct vg_dec *dec);
vg_id vg_get_id(struct vg_dec *dec);
/* Return: @size bytes inside the message (unaligned), or NULL and the decoder failed. */
const void *vg_get_bytes(struct vg_dec *dec, size_t size);
/* Copies @size bytes to @out; zeroes it when the message is too short. */
void vg_get_copy(struct vg_dec *dec, void *out, size_t size);
/* A blob: NULL and *out_size 0 when it is empty or the decoder failed. */
const void *vg_get_blob(struct vg_dec *dec, size_t *out_size);
/* A string as a NUL-terminated copy on the heap (the caller frees it), or NULL for NULL
 * and for a failed decoder. Embedded NULs fail. */
char *vg_get_string(struct vg_dec *dec);
/* A count of elements of at least @element bytes each that the rest can really hold. */
uint32_t vg_get_count(struct vg_dec *dec, size_t element);
