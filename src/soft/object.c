/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object - the one table of handles. A slot is used again as late as possible, and with a
 * new generation.
 *
 * A handle: bits 0..25 index, 26..31 type, 32..55 generation (from 1). So none is below
 * 2^32, where the numbers with a meaning of their own are (streams 1 and 2).
 */
#include "soft/object.h"

#include <errno.h>
#include <stdlib.h>

#include "soft/core.h"

#define INDEX_BITS      26
#define TYPE_BITS       6
#define GENERATION_MASK 0xffffffu

struct slot {
    struct vg_object *object;
    uint32_t generation; /* of the object in it, else of the last one */
    uint32_t next_free;
    uint8_t type;
};

static struct slot *slots;
static uint32_t n_slots, capacity;
static uint32_t free_head = UINT32_MAX, free_tail = UINT32_MAX;
static uint32_t n_free;

static int
take_slot(uint32_t *out)
{
    /* a few free slots are kept back, so that a stale handle is not soon valid again */
    if (n_free > 64 || (n_free > 0 && n_slots == 1u << INDEX_BITS)) {
        *out = free_head;
        free_head = slots[free_head].next_free;
        n_free--;
        return 0;
    }
    if (n_slots == 1u << INDEX_BITS) {
        return -ENOMEM;
    }
    if (n_slots == capacity) {
        uint32_t bigger = capacity != 0 ? 2 * capacity : 256;
        void *grown = realloc(slots, bigger * sizeof *slots);
        if (grown == NULL) {
            return -ENOMEM;
        }
        slots = grown;
        capacity = bigger;
    }
    slots[n_slots] = (struct slot){ 0 };
    *out = n_slots++;
    return 0;
}

static void
give_slot(uint32_t index)
{
    slots[index].next_free = UINT32_MAX;
    if (n_free++ == 0) {
        free_head = index;
    } else {
        slots[free_tail].next_free = index;
    }
    free_tail = index;
}

int
vg_object_publish(struct vg_object *object, enum vg_object_type type,
                  struct vg_context *context)
{
    uint32_t index;
    int r = take_slot(&index);
    if (r != 0) {
        return r;
    }
    struct slot *slot = &slots[index];
    slot->generation = (slot->generation + 1) & GENERATION_MASK;
    slot->generation += slot->generation == 0;
    slot->object = object;
    slot->type = (uint8_t)type;
    object->handle =
        (uint64_t)slot->generation << 32 | (uint64_t)type << INDEX_BITS | index;
    object->type = type;
    object->refs++;
    object->context = context;
    object->prev = NULL;
    object->next = NULL;
    if (context != NULL) {
        object->next = context->members;
        if (object->next != NULL) {
            object->next->prev = object;
        }
        context->members = object;
    }
    return 0;
}

/* Return: the slot that @handle names, of any generation, or NULL. */
static struct slot *
slot_of(enum vg_object_type type, uint64_t handle)
{
    uint32_t index = (uint32_t)handle & ((1u << INDEX_BITS) - 1);
    uint32_t its_type = (uint32_t)handle >> INDEX_BITS;
    if (its_type != (uint32_t)type || index >= n_slots || handle >> 56 != 0 ||
        handle >> 32 == 0) {
        return NULL;
    }
    return &slots[index];
}

void *
vg_object_find(enum vg_object_type type, const void *handle)
{
    uint64_t value = (uintptr_t)handle;
    struct slot *slot = slot_of(type, value);
    if (slot == NULL || slot->object == NULL || slot->object->handle != value) {
        return NULL;
    }
    return slot->object;
}

bool
vg_object_has_ended(enum vg_object_type type, const void *handle)
{
    uint64_t value = (uintptr_t)handle;
    struct slot *slot = slot_of(type, value);
    if (slot == NULL) {
        return false;
    }
    uint32_t generation = (uint32_t)(value >> 32);
    if (slot->object != NULL) {
        return generation < slot->generation;
    }
    return generation <= slot->generation;
}

void
vg_object_ref(struct vg_object *object)
{
    object->refs++;
}

void
vg_object_unref(struct vg_object *object)
{
    if (object != NULL && --object->refs == 0) {
        object->destroy(object);
    }
}

static void
unlink_member(struct vg_object *object)
{
    if (object->context == NULL) {
        return;
    }
    if (object->prev != NULL) {
        object->prev->next = object->next;
    } else {
        object->context->members = object->next;
    }
    if (object->next != NULL) {
        object->next->prev = object->prev;
    }
    object->prev = NULL;
    object->next = NULL;
}

void
vg_object_retire(struct vg_object *object)
{
    if (object->handle == 0) {
        return;
    }
    uint32_t index = (uint32_t)object->handle & ((1u << INDEX_BITS) - 1);
    slots[index].object = NULL;
    give_slot(index);
    unlink_member(object);
    object->handle = 0;
    vg_object_unref(object);
}
