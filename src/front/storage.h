/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * storage - values that the runtime ties to a context, with destructors.
 *
 * Nearly every call of the runtime reads one, so a read that repeats the thread's last
 * one takes no lock. Any thread. Destructors run without a lock held.
 */

#include <stdbool.h>

typedef void (*vg_storage_destructor)(void *context, void *key, void *value);

/* Replaces what stands under @key. Return: false when memory has run out. */
bool vg_storage_put(void *context, void *key, void *value, vg_storage_destructor destroy);

/* Return: false when there is nothing under @key; @out_value is then left alone. */
bool vg_storage_get(void *context, void *key, void **out_value);

/* Forgets @key without running its destructor. Return: false when it was not there. */
bool vg_storage_remove(void *context, void *key);

/* Forgets all of @context and runs the destructors, newest first. */
void vg_storage_end(void *context);

/* In a forked child: another thread of the parent may have held the lock. */
void vg_storage_after_fork(void);
