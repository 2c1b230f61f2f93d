/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT  16u
#define CHUNK_SIZE (64u * 1024u)

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

struct vg_arena {
    struct chunk *chunks; /* the first one is the one we allocate from */
    size_t used;
};

struct vg_arena *
vg_arena_create(void)
{
    return calloc(1, sizeof(struct vg_arena));
}

void
vg_arena_destroy(struct vg_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    while (arena->chunks != NULL) {
        struct chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    free(arena);
}

static struct chunk *
add_chunk(struct vg_arena *arena, size_t size)
{
    struct chunk *chunk;

    if (size > SIZE_MAX - sizeof(*chunk)) {
        return NULL;
    }
    chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = size;

    /* an oversized chunk is full at birth: keep allocating from the current one */
    if (arena->chunks != NULL && size > CHUNK_SIZE) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    return chunk;
}

void *
vg_arena_alloc(struct vg_arena *arena, size_t size)
{
    struct chunk *chunk = arena->chunks;
    size_t rounded;

    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    if (chunk == NULL || rounded > chunk->size - chunk->used) {
        chunk = add_chunk(arena, rounded > CHUNK_SIZE ? rounded : CHUNK_SIZE);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *memory = chunk->data + chunk->used;
    chunk->used += rounded;
    arena->used += rounded;
    return memory;
}

void *
vg_arena_array(struct vg_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return vg_arena_alloc(arena, count * size);
}

char *
vg_arena_strndup(struct vg_arena *arena, const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : vg_arena_alloc(arena, length + 1);

    if (copy != NULL) {
        memcpy(copy, text, length);
    }
    return copy;
}

size_t
vg_arena_used(const struct vg_arena *arena)
{
    return arena->used;
}
