/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ring - one direction of a lane in shared memory.
 *
 * Exactly one thread produces and exactly one consumes. The peer may write anything into
 * the shared page at any time: every value read from it is a claim, never a fact. Indices
 * run free modulo 2^32; each side keeps its own index privately and never reads back what
 * it wrote. Copies are made into private memory before anything is checked.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"

/* The shared part; one writer per line, 128 bytes apart (hardware pulls lines in pairs).
 * Changing it is a change of the wire format: docs/wire.md. */
struct vg_ring_page {
    _Alignas(128) _Atomic uint32_t tail;            /* written by the producer */
    _Alignas(128) _Atomic uint32_t head;            /* written by the consumer */
    _Alignas(128) _Atomic uint32_t producer_sleeps; /* written by the producer */
    _Alignas(128) _Atomic uint32_t consumer_sleeps; /* written by the consumer */
    _Alignas(4096) uint8_t data[VG_RING_SIZE];
};

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "ring indices must be lock-free");

/* One side's private view. */
struct vg_ring {
    struct vg_ring_page *page; /* borrowed */
    uint32_t index;            /* ours: tail of a producer, head of a consumer */
    uint32_t published;        /* what the peer has been told */
};

void vg_ring_init(struct vg_ring *ring, struct vg_ring_page *page);

/* Producer. Return: free bytes, or -1 when the peer's index is impossible. */
int64_t vg_ring_room(const struct vg_ring *ring);
/* Copies @size bytes, at most the room; not visible before vg_ring_publish(). */
void vg_ring_put(struct vg_ring *ring, const void *data, uint32_t size);
/* Return: true when the consumer sleeps and must be woken. */
bool vg_ring_publish(struct vg_ring *ring);

/* Consumer. Return: readable bytes, or -1 when the peer's index is impossible. */
int64_t vg_ring_used(const struct vg_ring *ring);
/* Copies @size bytes out, at most what is readable, and frees their room.
 * Return: true when the producer sleeps and must be woken. */
bool vg_ring_take(struct vg_ring *ring, void *data, uint32_t size);
