/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap - blocks in an array sorted by address; the gaps between them are what is free, so
 * that there is one truth and no free list that could disagree with it.
 */
#include "soft/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
vg_heap_init(struct vg_heap *heap, uint64_t base, uint64_t size)
{
    *heap = (struct vg_heap){ .base = base, .size = size, .next_id = 1 };
}

void
vg_heap_fini(struct vg_heap *heap)
{
    free(heap->blocks);
    *heap = (struct vg_heap){ 0 };
}

/* Index of the first block whose base is above @address. */
static size_t
upper_bound(const struct vg_heap *heap, uint64_t address)
{
    size_t low = 0, high = heap->n_blocks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (heap->blocks[middle].base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t
gap_start(const struct vg_heap *heap, size_t index)
{
    if (index == 0) {
        return heap->base;
    }
    const struct vg_heap_block *before = &heap->blocks[index - 1];
    return before->base + before->reserved;
}

static uint64_t
gap_end(const struct vg_heap *heap, size_t index)
{
    return index < heap->n_blocks ? heap->blocks[index].base : heap->base + heap->size;
}

static int
insert(struct vg_heap *heap, size_t index, const struct vg_heap_block *block)
{
    if (heap->n_blocks == heap->capacity) {
        size_t capacity = heap->capacity != 0 ? 2 * heap->capacity : 64;
        void *blocks = realloc(heap->blocks, capacity * sizeof *heap->blocks);
        if (blocks == NULL) {
            return -ENOMEM;
        }
        heap->blocks = blocks;
        heap->capacity = capacity;
    }
    memmove(&heap->blocks[index + 1], &heap->blocks[index],
            (heap->n_blocks - index) * sizeof *heap->blocks);
    heap->blocks[index] = *block;
    heap->n_blocks++;
    heap->used += block->reserved;
    return 0;
}

int
vg_heap_alloc(struct vg_heap *heap, uint64_t size, uint64_t align,
              struct vg_heap_block **out)
{
    if (size == 0 || size > heap->size) {
        return -ENOMEM;
    }
    uint64_t reserved = (size + VG_HEAP_ALIGN - 1) & ~(VG_HEAP_ALIGN - 1);
    align = align < VG_HEAP_ALIGN ? VG_HEAP_ALIGN : align;
    bool tight = true; /* every gap so far is smaller than the smallest block */
    for (size_t i = heap->hint; i <= heap->n_blocks; i++) {
        uint64_t start = gap_start(heap, i), end = gap_end(heap, i);
        if (tight && end - start < VG_HEAP_ALIGN) {
            heap->hint = i;
        } else {
            tight = false;
        }
        uint64_t aligned = (start + align - 1) & ~(align - 1);
        if (aligned > end || end - aligned < reserved) {
            continue;
        }
        struct vg_heap_block block = {
            .base = aligned, .size = size, .reserved = reserved, .id = heap->next_id
        };
        int r = insert(heap, i, &block);
        if (r != 0) {
            return r;
        }
        heap->next_id++;
        *out = &heap->blocks[i];
        return 0;
    }
    return -ENOMEM;
}

struct vg_heap_block *
vg_heap_find(const struct vg_heap *heap, uint64_t address)
{
    size_t index = upper_bound(heap, address);
    if (index == 0) {
        return NULL;
    }
    struct vg_heap_block *block = &heap->blocks[index - 1];
    return address - block->base < block->size ? block : NULL;
}

bool
vg_heap_free(struct vg_heap *heap, uint64_t base, struct vg_heap_block *out_block)
{
    size_t index = upper_bound(heap, base);
    if (index == 0 || heap->blocks[index - 1].base != base) {
        return false;
    }
    index--;
    if (out_block != NULL) {
        *out_block = heap->blocks[index];
    }
    heap->used -= heap->blocks[index].reserved;
    heap->n_blocks--;
    memmove(&heap->blocks[index], &heap->blocks[index + 1],
            (heap->n_blocks - index) * sizeof *heap->blocks);
    if (index < heap->hint) {
        heap->hint = index;
    }
    return true;
}
