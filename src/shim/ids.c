/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/ids.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    vg_id context;
    vg_id parent;
    void *data;
    void (*destroy)(void *data);
    uint32_t next_free; /* client space: index + 1 */
    uint16_t generation;
    bool live;
};

struct table {
    struct slot *slots;
    uint32_t count;
    uint32_t used;
    uint32_t free;
};

static pthread_mutex_t ids_lock = PTHREAD_MUTEX_INITIALIZER;
static struct table tables[2][VG_ID_COUNT];

static struct table *
table_of(vg_id id)
{
    const enum vg_id_type type = vg_id_type_of(id);

    return type > VG_ID_NONE && type < VG_ID_COUNT ? &tables[vg_id_is_server(id)][type]
                                                   : NULL;
}

static bool
grow(struct table *table, uint32_t index)
{
    uint32_t count = table->count == 0 ? 64 : table->count;

    while (count <= index) {
        count *= 2;
    }
    if (count == table->count) {
        return true;
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

static struct slot *
slot_of(vg_id id)
{
    struct table *table = table_of(id);

    if (table == NULL || vg_id_index(id) >= table->count) {
        return NULL;
    }
    struct slot *slot = &table->slots[vg_id_index(id)];
    return slot->live && slot->generation == vg_id_generation(id) ? slot : NULL;
}

/* What an earlier owner of a slot left behind; destroyed outside the lock. */
struct leftover {
    void *data;
    void (*destroy)(void *data);
};

static void
discard(struct leftover leftover)
{
    if (leftover.data != NULL) {
        leftover.destroy(leftover.data);
    }
}

static struct leftover
own(struct slot *slot, uint16_t generation, vg_id context, vg_id parent)
{
    const struct leftover leftover = { slot->data, slot->destroy };

    *slot = (struct slot){
        .generation = generation, .context = context, .parent = parent, .live = true
    };
    return leftover;
}

vg_id
vg_client_ids_new(enum vg_id_type type, vg_id context)
{
    struct table *table = &tables[0][type];
    uint32_t index;
    vg_id id = 0;

    pthread_mutex_lock(&ids_lock);
    if (type == VG_ID_CTX && table->used < 16) {
        table->used = 16; /* the first ones are the devices' primary contexts */
    }
    if (table->free != 0) {
        index = table->free - 1;
        table->free = table->slots[index].next_free;
    } else if (table->used <= VG_ID_INDEX_MAX && grow(table, table->used)) {
        index = table->used++;
    } else {
        pthread_mutex_unlock(&ids_lock);
        return 0;
    }
    struct slot *slot = &table->slots[index];
    uint16_t generation = (uint16_t)(slot->generation + 1);
    if (generation == 0) {
        generation = 1;
    }
    const struct leftover leftover = own(slot, generation, context, 0);
    id = vg_id_make(type, false, generation, index);
    pthread_mutex_unlock(&ids_lock);
    discard(leftover);
    return id;
}

bool
vg_client_ids_learn(vg_id id, vg_id context, vg_id parent)
{
    struct table *table = table_of(id);
    struct leftover leftover = { NULL, NULL };
    bool done = false;

    if (table == NULL) {
        return false;
    }
    pthread_mutex_lock(&ids_lock);
    if (grow(table, vg_id_index(id))) {
        struct slot *slot = &table->slots[vg_id_index(id)];
        if (!slot->live || slot->generation != vg_id_generation(id)) {
            leftover = own(slot, vg_id_generation(id), context, parent);
        }
        done = true;
    }
    pthread_mutex_unlock(&ids_lock);
    discard(leftover);
    return done;
}

bool
vg_client_ids_alive(vg_id id, enum vg_id_type type)
{
    if (vg_id_type_of(id) != type) {
        return false;
    }
    pthread_mutex_lock(&ids_lock);
    const bool alive = slot_of(id) != NULL;
    pthread_mutex_unlock(&ids_lock);
    return alive;
}

bool
vg_client_ids_was(vg_id id)
{
    const struct table *table = table_of(id);
    bool was = false;

    if (table == NULL) {
        return false;
    }
    pthread_mutex_lock(&ids_lock);
    if (vg_id_index(id) < table->count) {
        const struct slot *slot = &table->slots[vg_id_index(id)];
        was = vg_id_generation(id) != 0 && slot->generation >= vg_id_generation(id) &&
              !(slot->live && slot->generation == vg_id_generation(id));
    }
    pthread_mutex_unlock(&ids_lock);
    return was;
}

static void
kill_slot(struct table *table, struct slot *slot, bool server)
{
    slot->live = false;
    if (!server) {
        slot->next_free = table->free;
        table->free = (uint32_t)(slot - table->slots) + 1;
    }
}

static void
sweep_table(struct table *table, bool server, vg_id context, vg_id parent)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct slot *slot = &table->slots[i];
        const bool of_context = context != 0 && slot->context == context;
        const bool of_parent = parent != 0 && slot->parent == parent;
        if (slot->live && (of_context || of_parent)) {
            kill_slot(table, slot, server);
        }
    }
}

static void
sweep(vg_id context, vg_id parent)
{
    for (int type = 1; type < VG_ID_COUNT; type++) {
        sweep_table(&tables[0][type], false, context, parent);
        sweep_table(&tables[1][type], true, context, parent);
    }
}

void
vg_client_ids_drop(vg_id id)
{
    const enum vg_id_type type = vg_id_type_of(id);

    pthread_mutex_lock(&ids_lock);
    struct slot *slot = slot_of(id);
    if (slot != NULL) {
        kill_slot(table_of(id), slot, vg_id_is_server(id));
        if (type == VG_ID_GRAPH || type == VG_ID_MODULE || type == VG_ID_LIB) {
            sweep(0, id);
        }
    }
    pthread_mutex_unlock(&ids_lock);
}

void
vg_client_ids_drop_context(vg_id context)
{
    pthread_mutex_lock(&ids_lock);
    sweep(context, 0);
    pthread_mutex_unlock(&ids_lock);
}

void *
vg_client_ids_attach(vg_id id, void *data, void (*destroy)(void *data))
{
    void *winner = NULL;

    pthread_mutex_lock(&ids_lock);
    struct slot *slot = slot_of(id);
    if (slot != NULL) {
        if (slot->data == NULL) {
            slot->data = data;
            slot->destroy = destroy;
        }
        winner = slot->data;
    }
    pthread_mutex_unlock(&ids_lock);
    if (winner != data) {
        destroy(data);
    }
    return winner;
}

void
vg_client_ids_put(vg_id id, void *data, void (*destroy)(void *data))
{
    void *old = data;
    void (*destroy_old)(void *) = destroy;

    pthread_mutex_lock(&ids_lock);
    struct slot *slot = slot_of(id);
    if (slot != NULL) {
        old = slot->data;
        destroy_old = slot->destroy;
        slot->data = data;
        slot->destroy = destroy;
    }
    pthread_mutex_unlock(&ids_lock);
    if (old != NULL) {
        destroy_old(old);
    }
}

void *
vg_client_ids_data(vg_id id)
{
    pthread_mutex_lock(&ids_lock);
    const struct slot *slot = slot_of(id);
    void *data = slot != NULL ? slot->data : NULL;
    pthread_mutex_unlock(&ids_lock);
    return data;
}

vg_id
vg_client_ids_parent(vg_id id)
{
    pthread_mutex_lock(&ids_lock);
    const struct slot *slot = slot_of(id);
    const vg_id parent = slot != NULL ? slot->parent : 0;
    pthread_mutex_unlock(&ids_lock);
    return parent;
}
