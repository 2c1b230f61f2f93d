/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ids - the client's table of handles: which are alive, whose they are.
 *
 * What CUDA refuses at once is refused from here. Any thread; one lock inside.
 */

#include <stdbool.h>
#include <stddef.h>

#include "wire/id.h"

/* A new name. @context: dies with it; 0 = never. Return: 0 when there is no room. */
vg_id vg_client_ids_new(enum vg_id_type type, vg_id context);

/* Makes an id alive that came from the worker, or that is fixed. False: no memory. */
bool vg_client_ids_learn(vg_id id, vg_id context, vg_id parent);

bool vg_client_ids_alive(vg_id id, enum vg_id_type type);

/* Was alive once, and is not any more. */
bool vg_client_ids_was(vg_id id);

/* Forgets @id and what has it as parent. */
void vg_client_ids_drop(vg_id id);

/* Forgets all that was of @context, except the context. */
void vg_client_ids_drop_context(vg_id context);

/* Data that goes with an id. @destroy is called for it when the slot gets its next owner,
 * without the table's lock. Attach: the first one wins, and is returned; NULL when @id is
 * dead. */
void *vg_client_ids_attach(vg_id id, void *data, void (*destroy)(void *data));
/* The same, in place of what was there. */
void vg_client_ids_put(vg_id id, void *data, void (*destroy)(void *data));
void *vg_client_ids_data(vg_id id);

/* What @id dies with, or 0. */
vg_id vg_client_ids_parent(vg_id id);
