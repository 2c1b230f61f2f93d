/* SPDX-License-Identifier: Apache-2.0 */

/*
 * index - the names of a module, and arrays that grow.
 */
#include "ptx/priv.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct name_slot *
find_slot(struct name_slot *slots, uint32_t n_slots, const char *name, size_t size,
          uint32_t hash)
{
    uint32_t at = hash & (n_slots - 1);

    while (slots[at].name != NULL &&
           (slots[at].hash != hash || strncmp(slots[at].name, name, size) != 0 ||
            slots[at].name[size] != '\0')) {
        at = (at + 1) & (n_slots - 1);
    }
    return &slots[at];
}

enum name_kind
vg_ptx_index_find(const struct index *index, const char *name, size_t size,
                  uint32_t *out_index)
{
    const struct name_slot *slot;

    if (index->n_slots == 0) {
        return NAME_NONE;
    }
    slot = find_slot(index->slots, index->n_slots, name, size, hash_bytes(name, size));
    if (slot->name == NULL) {
        return NAME_NONE;
    }
    *out_index = slot->index;
    return slot->kind;
}

static int
grow_slots(struct index *index)
{
    uint32_t n_slots = index->n_slots == 0 ? 256 : 2 * index->n_slots;
    struct name_slot *slots = calloc(n_slots, sizeof(*slots));

    if (slots == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < index->n_slots; i++) {
        const struct name_slot *old = &index->slots[i];
        if (old->name != NULL) {
            *find_slot(slots, n_slots, old->name, strlen(old->name), old->hash) = *old;
        }
    }
    free(index->slots);
    index->slots = slots;
    index->n_slots = n_slots;
    return 0;
}

int
vg_ptx_index_add(struct index *index, const char *name, enum name_kind kind,
                 uint32_t number)
{
    size_t size = strlen(name);
    uint32_t hash = hash_bytes(name, size);

    if (2 * index->n_used >= index->n_slots) {
        int r = grow_slots(index);
        if (r != 0) {
            return r;
        }
    }
    *find_slot(index->slots, index->n_slots, name, size, hash) =
        (struct name_slot){ name, hash, number, kind };
    index->n_used++;
    return 0;
}

void *
vg_ptx_grow_add(struct grow *grow, size_t size, size_t n)
{
    char *items = grow->items;

    if (n > grow->room - grow->count) {
        size_t room = 2 * grow->room + n + 16;
        if (room > SIZE_MAX / size / 2) {
            return NULL;
        }
        items = realloc(items, room * size);
        if (items == NULL) {
            return NULL;
        }
        grow->items = items;
        grow->room = room;
    }
    items += grow->count * size;
    memset(items, 0, n * size);
    grow->count += n;
    return items;
}

bool
vg_ptx_grow_keep(struct grow *grow, size_t size, struct vg_arena *arena, void **out)
{
    void *items = vg_arena_array(arena, grow->count, size);

    if (items != NULL && grow->count > 0) {
        memcpy(items, grow->items, grow->count * size);
    }
    free(grow->items);
    *grow = (struct grow){ 0 };
    *out = items;
    return items != NULL;
}
