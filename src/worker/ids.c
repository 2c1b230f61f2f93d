/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids - slots by (space, type, index), and a hash from object back to slot.
 *
 * A slot remembers the last generation it had, so that a stale id never meets the slot's
 * next owner. Hash chains link whole ids.
 */
#include "worker/ids.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    void *object;
    vg_id self; /* 0: free */
    vg_id context;
    vg_id parent;
    vg_id chain;         /* next id with the same hash */
    uint32_t next_free;  /* server space: index + 1 */
    uint16_t generation; /* of the last owner */
};

struct table {
    struct slot *slots;
    uint32_t count; /* slots allocated */
    uint32_t used;  /* server space: slots ever used */
    uint32_t free;  /* server space: first free slot + 1 */
};

#define BUCKET_BITS 12

struct vg_ids {
    pthread_mutex_t lock;
    struct table tables[2][VG_ID_COUNT];
    vg_id buckets[1u << BUCKET_BITS];
    size_t live;
};

struct vg_ids *
vg_ids_create(void)
{
    struct vg_ids *ids = calloc(1, sizeof(*ids));

    if (ids != NULL) {
        pthread_mutex_init(&ids->lock, NULL);
    }
    return ids;
}

void
vg_ids_destroy(struct vg_ids *ids)
{
    if (ids == NULL) {
        return;
    }
    for (int space = 0; space < 2; space++) {
        for (int type = 0; type < VG_ID_COUNT; type++) {
            free(ids->tables[space][type].slots);
        }
    }
    pthread_mutex_destroy(&ids->lock);
    free(ids);
}

static bool
grow(struct table *table, uint32_t index)
{
    uint32_t count = table->count == 0 ? 64 : table->count;

    while (count <= index) {
        count *= 2;
    }
    struct slot *slots = realloc(table->slots, count * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    memset(slots + table->count, 0, (count - table->count) * sizeof(*slots));
    table->slots = slots;
    table->count = count;
    return true;
}

static bool
is_id(vg_id id)
{
    return vg_id_type_of(id) > VG_ID_NONE && vg_id_type_of(id) < VG_ID_COUNT &&
           vg_id_generation(id) != 0;
}

/* Return: the slot whose owner is exactly @id, or NULL. */
static struct slot *
slot_of(struct vg_ids *ids, vg_id id)
{
    if (!is_id(id)) {
        return NULL;
    }
    struct table *table = &ids->tables[vg_id_is_server(id)][vg_id_type_of(id)];
    if (vg_id_index(id) >= table->count) {
        return NULL;
    }
    struct slot *slot = &table->slots[vg_id_index(id)];
    return slot->self == id ? slot : NULL;
}

static vg_id *
bucket_of(struct vg_ids *ids, enum vg_id_type type, const void *object)
{
    const uint64_t key = (uint64_t)(uintptr_t)object ^ (uint64_t)type << 56;

    return &ids->buckets[(key * 0x9e3779b97f4a7c15u) >> (64 - BUCKET_BITS)];
}

static struct slot *
find_object(struct vg_ids *ids, enum vg_id_type type, const void *object)
{
    struct slot *slot = slot_of(ids, *bucket_of(ids, type, object));

    while (slot != NULL &&
           (slot->object != object || vg_id_type_of(slot->self) != type)) {
        slot = slot_of(ids, slot->chain);
    }
    return slot;
}

static void
unchain(struct vg_ids *ids, struct slot *slot)
{
    vg_id *link = bucket_of(ids, vg_id_type_of(slot->self), slot->object);

    while (*link != slot->self) {
        link = &slot_of(ids, *link)->chain;
    }
    *link = slot->chain;
}

static void
fill(struct vg_ids *ids, struct slot *slot, vg_id id, void *object, vg_id context,
     vg_id parent)
{
    vg_id *bucket = bucket_of(ids, vg_id_type_of(id), object);

    slot->object = object;
    slot->self = id;
    slot->generation = vg_id_generation(id);
    slot->context = context;
    slot->parent = parent;
    slot->chain = *bucket;
    *bucket = id;
    ids->live++;
}

static void
clear(struct vg_ids *ids, struct slot *slot)
{
    const vg_id id = slot->self;

    unchain(ids, slot);
    slot->self = 0;
    slot->object = NULL;
    ids->live--;
    if (vg_id_is_server(id)) {
        struct table *table = &ids->tables[1][vg_id_type_of(id)];
        slot->next_free = table->free;
        table->free = vg_id_index(id) + 1;
    }
}

int
vg_ids_insert(struct vg_ids *ids, vg_id id, void *object, vg_id context)
{
    int r = VG_IDS_TAKEN;

    if (!is_id(id) || vg_id_is_server(id)) {
        return r;
    }
    pthread_mutex_lock(&ids->lock);
    struct table *table = &ids->tables[0][vg_id_type_of(id)];
    if (vg_id_index(id) >= table->count && !grow(table, vg_id_index(id))) {
        r = VG_IDS_FULL;
    } else if (table->slots[vg_id_index(id)].self == 0) {
        fill(ids, &table->slots[vg_id_index(id)], id, object, context, 0);
        r = VG_IDS_OK;
    }
    pthread_mutex_unlock(&ids->lock);
    return r;
}

void *
vg_ids_lookup(struct vg_ids *ids, vg_id id, enum vg_id_type type)
{
    void *object = NULL;

    if (vg_id_type_of(id) != type) {
        return NULL;
    }
    pthread_mutex_lock(&ids->lock);
    const struct slot *slot = slot_of(ids, id);
    if (slot != NULL) {
        object = slot->object;
    }
    pthread_mutex_unlock(&ids->lock);
    return object;
}

/* Return: a free slot of the server space and the id of its next owner, or NULL. */
static struct slot *
new_slot(struct vg_ids *ids, enum vg_id_type type, vg_id *out_id)
{
    struct table *table = &ids->tables[1][type];
    uint32_t index;

    if (table->free != 0) {
        index = table->free - 1;
        table->free = table->slots[index].next_free;
    } else {
        if (table->used > VG_ID_INDEX_MAX ||
            (table->used >= table->count && !grow(table, table->used))) {
            return NULL;
        }
        index = table->used++;
    }

    struct slot *slot = &table->slots[index];
    uint16_t generation = (uint16_t)(slot->generation + 1);
    if (generation == 0) {
        generation = 1;
    }
    *out_id = vg_id_make(type, true, generation, index);
    return slot;
}

vg_id
vg_ids_name(struct vg_ids *ids, enum vg_id_type type, void *object, vg_id context,
            vg_id parent)
{
    vg_id id = 0;

    pthread_mutex_lock(&ids->lock);
    struct slot *slot = find_object(ids, type, object);
    if (slot != NULL) {
        id = slot->self;
    } else {
        slot = new_slot(ids, type, &id);
        if (slot != NULL) {
            fill(ids, slot, id, object, context, parent);
        }
    }
    pthread_mutex_unlock(&ids->lock);
    return id;
}

/* Calls clear() for each live slot that is of @context or has @parent; 0 matches none. */
static void
sweep_table(struct vg_ids *ids, struct table *table, vg_id context, vg_id parent)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct slot *slot = &table->slots[i];
        const bool of_context =
            context != 0 && slot->context == context && slot->self != context;
        const bool of_parent = parent != 0 && slot->parent == parent;
        if (slot->self != 0 && (of_context || of_parent)) {
            clear(ids, slot);
        }
    }
}

static void
sweep(struct vg_ids *ids, vg_id context, vg_id parent)
{
    for (int type = 1; type < VG_ID_COUNT; type++) {
        sweep_table(ids, &ids->tables[0][type], context, parent);
        sweep_table(ids, &ids->tables[1][type], context, parent);
    }
}

/* Objects that others are made from; only these are looked for among parents. */
static bool
is_parent_type(enum vg_id_type type)
{
    return type == VG_ID_GRAPH || type == VG_ID_MODULE || type == VG_ID_LIB;
}

void
vg_ids_forget(struct vg_ids *ids, vg_id id)
{
    pthread_mutex_lock(&ids->lock);
    struct slot *slot = slot_of(ids, id);
    if (slot != NULL) {
        clear(ids, slot);
        if (is_parent_type(vg_id_type_of(id))) {
            sweep(ids, 0, id);
        }
    }
    pthread_mutex_unlock(&ids->lock);
}

void
vg_ids_forget_context(struct vg_ids *ids, vg_id context)
{
    pthread_mutex_lock(&ids->lock);
    sweep(ids, context, 0);
    pthread_mutex_unlock(&ids->lock);
}

size_t
vg_ids_count(struct vg_ids *ids)
{
    pthread_mutex_lock(&ids->lock);
    const size_t count = ids->live;
    pthread_mutex_unlock(&ids->lock);
    return count;
}
