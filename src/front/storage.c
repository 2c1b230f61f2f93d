/* SPDX-License-Identifier: Apache-2.0 */
#include "front/storage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct entry {
    void *context;
    void *key;
    void *value;
    vg_storage_destructor destroy;
    struct entry *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries; /* under @lock; newest first */

/* Counts the changes of the list, so that a thread knows whether its last answer holds.
 */
static _Atomic uint64_t changes = 1;

/* The last answer of each thread; @change 0 is no answer. */
static __thread struct {
    void *context;
    void *key;
    void *value;
    uint64_t change;
} last;

static struct entry **
find(const void *context, const void *key)
{
    struct entry **at = &entries;

    while (*at != NULL && ((*at)->context != context || (*at)->key != key)) {
        at = &(*at)->next;
    }
    return at;
}

static void
note_change(void)
{
    /* pairs with the acquire load in vg_storage_get: who sees the old number reads a
     * value that was right when the read began */
    atomic_fetch_add_explicit(&changes, 1, memory_order_release);
}

bool
vg_storage_put(void *context, void *key, void *value, vg_storage_destructor destroy)
{
    struct entry *fresh = malloc(sizeof(*fresh));

    if (fresh == NULL) {
        return false;
    }
    pthread_mutex_lock(&lock);
    struct entry **at = find(context, key);
    struct entry *old = *at;
    if (old != NULL) {
        *at = old->next;
    }
    *fresh = (struct entry){ context, key, value, destroy, entries };
    entries = fresh;
    note_change();
    pthread_mutex_unlock(&lock);
    free(old);
    return true;
}

bool
vg_storage_get(void *context, void *key, void **out_value)
{
    /* pairs with the release in note_change */
    uint64_t now = atomic_load_explicit(&changes, memory_order_acquire);

    if (last.change == now && last.context == context && last.key == key) {
        *out_value = last.value;
        return true;
    }
    pthread_mutex_lock(&lock);
    const struct entry *entry = *find(context, key);
    if (entry != NULL) {
        last.context = context;
        last.key = key;
        last.value = entry->value;
        last.change = atomic_load_explicit(&changes, memory_order_relaxed);
        *out_value = entry->value;
    }
    pthread_mutex_unlock(&lock);
    return entry != NULL;
}

bool
vg_storage_remove(void *context, void *key)
{
    pthread_mutex_lock(&lock);
    struct entry **at = find(context, key);
    struct entry *old = *at;
    if (old != NULL) {
        *at = old->next;
        note_change();
    }
    pthread_mutex_unlock(&lock);
    free(old);
    return old != NULL;
}

/* Takes one entry of @context out of the list, or returns NULL. */
static struct entry *
take_any(const void *context)
{
    struct entry **at = &entries;

    pthread_mutex_lock(&lock);
    while (*at != NULL && (*at)->context != context) {
        at = &(*at)->next;
    }
    struct entry *taken = *at;
    if (taken != NULL) {
        *at = taken->next;
        note_change();
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

void
vg_storage_end(void *context)
{
    struct entry *entry = take_any(context);

    while (entry != NULL) {
        if (entry->destroy != NULL) {
            entry->destroy(entry->context, entry->key, entry->value);
        }
        free(entry);
        entry = take_any(context);
    }
}

void
vg_storage_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
}
