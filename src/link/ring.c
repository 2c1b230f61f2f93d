/* SPDX-License-Identifier: Apache-2.0 */
#include "link/ring.h"

#include <string.h>

void
vg_ring_init(struct vg_ring *ring, struct vg_ring_page *page)
{
    *ring = (struct vg_ring){ .page = page };
}

int64_t
vg_ring_room(const struct vg_ring *ring)
{
    /* pairs with the release in vg_ring_take(): the consumer has copied what we reuse */
    const uint32_t head = atomic_load_explicit(&ring->page->head, memory_order_acquire);
    const uint32_t used = ring->index - head;

    return used <= VG_RING_SIZE ? (int64_t)(VG_RING_SIZE - used) : -1;
}

void
vg_ring_put(struct vg_ring *ring, const void *data, uint32_t size)
{
    const uint32_t at = ring->index & (VG_RING_SIZE - 1);
    const uint32_t first = size < VG_RING_SIZE - at ? size : VG_RING_SIZE - at;

    memcpy(ring->page->data + at, data, first);
    memcpy(ring->page->data, (const uint8_t *)data + first, size - first);
    ring->index += size;
}

bool
vg_ring_publish(struct vg_ring *ring)
{
    if (ring->published == ring->index) {
        return false;
    }
    ring->published = ring->index;
    /* pairs with the acquire in vg_ring_used(): bytes are visible before the tail */
    atomic_store_explicit(&ring->page->tail, ring->index, memory_order_release);
    /* pairs with the fence of the sleeper (lane_shm.c): it sees our tail or we its flag
     */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&ring->page->consumer_sleeps, memory_order_relaxed) != 0;
}

int64_t
vg_ring_used(const struct vg_ring *ring)
{
    /* pairs with the release in vg_ring_publish() */
    const uint32_t tail = atomic_load_explicit(&ring->page->tail, memory_order_acquire);
    const uint32_t used = tail - ring->index;

    return used <= VG_RING_SIZE ? (int64_t)used : -1;
}

bool
vg_ring_take(struct vg_ring *ring, void *data, uint32_t size)
{
    const uint32_t at = ring->index & (VG_RING_SIZE - 1);
    const uint32_t first = size < VG_RING_SIZE - at ? size : VG_RING_SIZE - at;

    memcpy(data, ring->page->data + at, first);
    memcpy((uint8_t *)data + first, ring->page->data, size - first);
    ring->index += size;
    /* pairs with the acquire in vg_ring_room(): our reads are done before the reuse */
    atomic_store_explicit(&ring->page->head, ring->index, memory_order_release);
    /* pairs with the fence of the sleeper (lane_shm.c) */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&ring->page->producer_sleeps, memory_order_relaxed) != 0;
}
