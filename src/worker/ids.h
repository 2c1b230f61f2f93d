/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ids - which driver object an id of the client stands for, and back.
 *
 * One table for the session. Client ids come in by name, server ids are made here; the
 * same object always has the same id. Any thread, one lock inside, held for a few loads.
 * An object that dies with another (a node with its graph, all with their context) is
 * forgotten with it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "wire/id.h"

enum vg_ids_condition {
    VG_IDS_OK = 0,
    VG_IDS_TAKEN, /* the id is in use, or is no id that a client may choose */
    VG_IDS_FULL,
};

struct vg_ids;

struct vg_ids *vg_ids_create(void);
void vg_ids_destroy(struct vg_ids *ids);

/* Gives @object the name @id. @context: it is forgotten with that context; 0 = never. */
int vg_ids_insert(struct vg_ids *ids, vg_id id, void *object, vg_id context);

/* Return: the object, or NULL when @id is not alive or not of @type. */
void *vg_ids_lookup(struct vg_ids *ids, vg_id id, enum vg_id_type type);

/* Return: the id of @object; a new server id when it has none; 0 when there is no room.
 * @parent: forgotten with that id; 0 = none. */
vg_id vg_ids_name(struct vg_ids *ids, enum vg_id_type type, void *object, vg_id context,
                  vg_id parent);

/* Forgets @id and what has it as parent. Unknown ids are ignored. */
void vg_ids_forget(struct vg_ids *ids, vg_id id);

/* Forgets all that was of @context, but not the context's own id. */
void vg_ids_forget_context(struct vg_ids *ids, vg_id context);

/* Number of live ids; for tests and statistics. */
size_t vg_ids_count(struct vg_ids *ids);
