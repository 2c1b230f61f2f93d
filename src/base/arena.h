/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * arena - memory that is given back all at once.
 *
 * Everything that belongs to one module, one parse or one client is allocated from one
 * arena and dies with it, so nothing inside needs an owner. An arena is owned by one
 * thread at a time.
 */

#include <stddef.h>

struct vg_arena;

/* Return: a new arena, or NULL when memory has run out. */
struct vg_arena *vg_arena_create(void);

/* Frees every allocation made from @arena. NULL is a no-op. */
void vg_arena_destroy(struct vg_arena *arena);

/* Return: @size zeroed bytes aligned to 16, or NULL when memory has run out. */
void *vg_arena_alloc(struct vg_arena *arena, size_t size);

/* Like vg_arena_alloc() for @count elements; NULL too when the product overflows. */
void *vg_arena_array(struct vg_arena *arena, size_t count, size_t size);

/* Return: a NUL-terminated copy of the first @length bytes of @text, or NULL. */
char *vg_arena_strndup(struct vg_arena *arena, const char *text, size_t length);

/* Bytes handed out so far: what a caller charges to a client. */
size_t vg_arena_used(const struct vg_arena *arena);
