/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * heap - who owns which part of an address range: the allocator of the device arena.
 *
 * It keeps books only and never touches the memory, so that it serves a range that is
 * mapped elsewhere. Blocks are multiples of 256 bytes, as a device's are; what is asked
 * for and what is reserved are both kept, since a range look-up must end where the
 * program's own size ends. First fit by address. Not locked: the owner is (memory.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VG_HEAP_ALIGN ((uint64_t)256)

struct vg_heap_block {
    uint64_t base;
    uint64_t size;      /* as asked for */
    uint64_t reserved;  /* rounded up */
    void *owner, *pool; /* the user's, not looked at */
    uint32_t tag;       /* the user's */
    uint64_t id;        /* never used twice */
};

struct vg_heap {
    uint64_t base, size;
    uint64_t used; /* sum of reserved */
    uint64_t next_id;
    struct vg_heap_block *blocks; /* sorted by base */
    size_t n_blocks, capacity;
    size_t hint; /* no gap of a block's size lies before this index; see heap.c */
};

void vg_heap_init(struct vg_heap *heap, uint64_t base, uint64_t size);
void vg_heap_fini(struct vg_heap *heap);

/* @align: a power of two. Return: 0, -ENOMEM when no gap is large enough. */
int vg_heap_alloc(struct vg_heap *heap, uint64_t size, uint64_t align,
                  struct vg_heap_block **out);

/* The block that holds @address (its asked-for bytes), or NULL. Valid until the next
 * allocation or free. */
struct vg_heap_block *vg_heap_find(const struct vg_heap *heap, uint64_t address);

/* @base: a block's first byte. Return: false when it is none; else @out_block, which may
 * be NULL, gets a copy of what was freed. */
bool vg_heap_free(struct vg_heap *heap, uint64_t base, struct vg_heap_block *out_block);
