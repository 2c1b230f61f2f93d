/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window - pinned memory: page-granular first fit over the window behind the staging
 * area.
 *
 * A sorted list of blocks. Freed pages are given back to the system at once.
 */
#include "shim/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct block {
    struct block *next;
    uint64_t base;
    uint64_t size;   /* rounded to pages */
    uint64_t wanted; /* as asked */
    unsigned flags;
    vg_id context;
};

static pthread_mutex_t window_lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks; /* sorted by base */

void *
vg_window_alloc(size_t size, unsigned flags)
{
    const uint64_t start = vg_conn.window_base + (uint64_t)VG_LANE_MAX * VG_STAGE_SIZE;
    const uint64_t end = vg_conn.window_base + vg_conn.window_size;
    struct block *block = calloc(1, sizeof(*block));
    uint64_t at = start;

    if (block == NULL || size == 0 || size > end - start) {
        free(block);
        return NULL;
    }
    const uint64_t rounded = (size + 4095) & ~(uint64_t)4095;
    pthread_mutex_lock(&window_lock);
    struct block **link = &blocks;
    while (*link != NULL && (*link)->base - at < rounded) {
        at = (*link)->base + (*link)->size;
        link = &(*link)->next;
    }
    if (rounded > end - at) {
        pthread_mutex_unlock(&window_lock);
        free(block);
        return NULL;
    }
    *block = (struct block){ .next = *link,
                             .base = at,
                             .size = rounded,
                             .wanted = size,
                             .flags = flags,
                             .context = vg_id_from_handle(vg_front_current()) };
    *link = block;
    pthread_mutex_unlock(&window_lock);
    return (void *)(uintptr_t)at;
}

int
vg_window_free(void *address)
{
    struct block **link = &blocks;
    int r = -ENOENT;

    pthread_mutex_lock(&window_lock);
    while (*link != NULL && (*link)->base != (uint64_t)(uintptr_t)address) {
        link = &(*link)->next;
    }
    struct block *block = *link;
    if (block != NULL) {
        *link = block->next;
        (void)madvise(address, block->size, MADV_REMOVE);
        r = 0;
    }
    pthread_mutex_unlock(&window_lock);
    free(block);
    return r;
}

void
vg_window_free_context(vg_id context)
{
    struct block **link = &blocks, *gone = NULL;

    pthread_mutex_lock(&window_lock);
    while (*link != NULL) {
        struct block *block = *link;
        if (block->context != context) {
            link = &block->next;
            continue;
        }
        *link = block->next;
        (void)madvise((void *)(uintptr_t)block->base, block->size, MADV_REMOVE);
        block->next = gone;
        gone = block;
    }
    pthread_mutex_unlock(&window_lock);
    while (gone != NULL) {
        struct block *next = gone->next;
        free(gone);
        gone = next;
    }
}

bool
vg_window_find(uint64_t address, struct vg_window_block *out)
{
    bool found = false;

    pthread_mutex_lock(&window_lock);
    for (const struct block *b = blocks; b != NULL && b->base <= address; b = b->next) {
        if (address - b->base < b->wanted) {
            *out = (struct vg_window_block){ b->base, b->wanted, b->flags, b->context };
            found = true;
            break;
        }
    }
    pthread_mutex_unlock(&window_lock);
    return found;
}
