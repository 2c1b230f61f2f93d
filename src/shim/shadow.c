/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shadow - shadows in the window for ordinary memory that graphs use.
 *
 * A shadow that is written is filled from the program's memory first, so copying it back
 * too early changes nothing: the region belongs to the launch until it is complete.
 */
#include "shim/shadow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/conn.h"
#include "shim/ids.h"
#include "shim/memory.h"
#include "wire/internal.h"

struct shadow {
    struct shadow *next;
    void *user;
    void *window;
    size_t size;
    bool out;
};

/* Lists and flags: under the lock. */
struct vg_shadow_set {
    struct vg_shadow_set *next; /* pending captures, or launches under way, or dead */
    struct shadow *shadows;
    uint64_t capture;
    unsigned refs;
    CUevent done; /* recorded after the last launch */
    bool launched;
};

static pthread_mutex_t shadow_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vg_shadow_set *captures; /* not ended yet */
static struct vg_shadow_set *launches; /* perhaps not complete */
static struct vg_shadow_set *dead;     /* to be freed when nothing can use them */
static _Atomic int launch_count;

static void destroy_attached(void *data);

static struct vg_shadow_set *
capture_locked(uint64_t capture)
{
    struct vg_shadow_set *set = captures;

    while (set != NULL && set->capture != capture) {
        set = set->next;
    }
    if (set == NULL) {
        set = calloc(1, sizeof(*set));
        if (set != NULL) {
            set->capture = capture;
            set->refs = 1;
            set->next = captures;
            captures = set;
        }
    }
    return set;
}

/* Makes a shadow that is in no set yet. */
static CUresult
make_shadow(void *user, size_t size, bool out, struct shadow **out_shadow)
{
    struct shadow *shadow = calloc(1, sizeof(*shadow));
    void *window = shadow != NULL ? vg_window_alloc(size, 0) : NULL;

    if (window == NULL) {
        free(shadow);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    const CUresult result = vg_memory_register(VG_CALL_HOST_ALLOC, window, size, true);
    if (result != CUDA_SUCCESS) {
        (void)vg_window_free(window);
        free(shadow);
        return result;
    }
    *shadow = (struct shadow){ NULL, user, window, size, out };
    *out_shadow = shadow;
    return CUDA_SUCCESS;
}

static void
drop_shadow(struct shadow *shadow)
{
    (void)vg_memory_register(VG_CALL_HOST_FREE, shadow->window, shadow->size, true);
    (void)vg_window_free(shadow->window);
    free(shadow);
}

static void
put_in_locked(struct vg_shadow_set *set, struct shadow *shadow)
{
    shadow->next = set->shadows;
    set->shadows = shadow;
}

CUresult
vg_shadow_add(uint64_t capture, void *user, size_t size, bool out, void **out_shadow)
{
    struct shadow *shadow = NULL;

    const CUresult result = make_shadow(user, size, out, &shadow);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    pthread_mutex_lock(&shadow_lock);
    struct vg_shadow_set *set = capture_locked(capture);
    if (set != NULL) {
        put_in_locked(set, shadow);
    }
    pthread_mutex_unlock(&shadow_lock);
    if (set == NULL) {
        drop_shadow(shadow);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *out_shadow = shadow->window;
    return CUDA_SUCCESS;
}

CUresult
vg_shadow_add_to(vg_id graph, void *user, size_t size, bool out, void **out_shadow)
{
    struct vg_shadow_set *set = vg_client_ids_data(graph);
    struct shadow *shadow = NULL;

    if (set == NULL) {
        set = calloc(1, sizeof(*set));
        if (set == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        set->refs = 1;
        set = vg_client_ids_attach(graph, set, destroy_attached);
    }
    const CUresult result =
        set != NULL ? make_shadow(user, size, out, &shadow) : CUDA_ERROR_INVALID_HANDLE;
    if (result != CUDA_SUCCESS) {
        return result;
    }
    pthread_mutex_lock(&shadow_lock);
    put_in_locked(set, shadow);
    pthread_mutex_unlock(&shadow_lock);
    *out_shadow = shadow->window;
    return CUDA_SUCCESS;
}

void *
vg_shadow_user_of(vg_id graph, uint64_t address)
{
    struct vg_shadow_set *set = vg_client_ids_data(graph);
    void *user = NULL;

    pthread_mutex_lock(&shadow_lock);
    for (const struct shadow *s = set != NULL ? set->shadows : NULL; s != NULL;
         s = s->next) {
        const uint64_t offset = address - (uint64_t)(uintptr_t)s->window;
        if (offset < s->size) {
            user = (uint8_t *)s->user + offset;
        }
    }
    pthread_mutex_unlock(&shadow_lock);
    return user;
}

struct vg_shadow_set *
vg_shadow_take_capture(CUstream stream)
{
    struct vg_shadow_set *found = NULL;
    bool captured = false;
    uint64_t id = 0;

    pthread_mutex_lock(&shadow_lock);
    const bool any = captures != NULL;
    pthread_mutex_unlock(&shadow_lock);
    if (!any || vg_capture_of(stream, &captured, &id) != CUDA_SUCCESS || !captured) {
        return NULL;
    }
    pthread_mutex_lock(&shadow_lock);
    struct vg_shadow_set **link = &captures;
    while (*link != NULL && (*link)->capture != id) {
        link = &(*link)->next;
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
        found->next = NULL;
    }
    pthread_mutex_unlock(&shadow_lock);
    return found;
}

static void
unlink_launch_locked(struct vg_shadow_set *set)
{
    struct vg_shadow_set **link = &launches;

    while (*link != NULL && *link != set) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = set->next;
        set->next = NULL;
        set->launched = false;
        atomic_fetch_sub_explicit(&launch_count, 1, memory_order_relaxed);
    }
}

/* Its windows may still be read by a launch under way: they are freed after a
 * synchronise, by settle(). */
void
vg_shadow_set_unref(struct vg_shadow_set *set)
{
    if (set == NULL) {
        return;
    }
    pthread_mutex_lock(&shadow_lock);
    if (--set->refs == 0) {
        unlink_launch_locked(set);
        set->next = dead;
        dead = set;
    }
    pthread_mutex_unlock(&shadow_lock);
}

static void
destroy_attached(void *data)
{
    vg_shadow_set_unref(data);
}

void
vg_shadow_attach(vg_id id, struct vg_shadow_set *set)
{
    if (set != NULL) {
        (void)vg_client_ids_attach(id, set, destroy_attached);
    }
}

void
vg_shadow_share(vg_id from, vg_id to)
{
    struct vg_shadow_set *set = vg_client_ids_data(from);

    if (set == NULL || vg_client_ids_data(to) == set) {
        return;
    }
    pthread_mutex_lock(&shadow_lock);
    set->refs++;
    pthread_mutex_unlock(&shadow_lock);
    vg_client_ids_put(to, set, destroy_attached);
}

static void
copy_back_locked(const struct vg_shadow_set *set)
{
    for (const struct shadow *s = set->shadows; s != NULL; s = s->next) {
        if (s->out) {
            memcpy(s->user, s->window, s->size);
        }
    }
}

CUresult
vg_shadow_before_launch(vg_id exec)
{
    struct vg_shadow_set *set = vg_client_ids_data(exec);
    CUresult result = CUDA_SUCCESS;

    if (set == NULL) {
        return CUDA_SUCCESS;
    }
    if (set->done == NULL) {
        result = vg_drv_cuEventCreate(&set->done, CU_EVENT_DISABLE_TIMING);
    } else if (set->launched) {
        /* the last launch still reads what we are about to fill; not under the lock: a
         * host function of that launch may need it */
        result = vg_send_cuEventSynchronize(set->done);
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    vg_shadow_settle();
    pthread_mutex_lock(&shadow_lock);
    for (const struct shadow *s = set->shadows; s != NULL; s = s->next) {
        memcpy(s->window, s->user, s->size);
    }
    pthread_mutex_unlock(&shadow_lock);
    return CUDA_SUCCESS;
}

void
vg_shadow_after_launch(vg_id exec, CUstream stream)
{
    struct vg_shadow_set *set = vg_client_ids_data(exec);

    if (set == NULL || vg_drv_cuEventRecord(set->done, stream) != CUDA_SUCCESS) {
        return;
    }
    pthread_mutex_lock(&shadow_lock);
    if (!set->launched) {
        set->launched = true;
        set->next = launches;
        launches = set;
        atomic_fetch_add_explicit(&launch_count, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&shadow_lock);
}

/* Frees what no launch uses any more. */
static void
bury(struct vg_shadow_set *set)
{
    while (set != NULL) {
        struct vg_shadow_set *next = set->next;
        while (set->shadows != NULL) {
            struct shadow *s = set->shadows;
            set->shadows = s->next;
            drop_shadow(s);
        }
        if (set->done != NULL) {
            (void)vg_drv_cuEventDestroy_v2(set->done);
        }
        free(set);
        set = next;
    }
}

void
vg_shadow_settle(void)
{
    struct vg_shadow_set *buried;

    if (atomic_load_explicit(&launch_count, memory_order_relaxed) == 0 && dead == NULL) {
        return;
    }
    pthread_mutex_lock(&shadow_lock);
    struct vg_shadow_set *set = launches;
    while (set != NULL) {
        struct vg_shadow_set *next = set->next;
        if (vg_send_cuEventQuery(set->done) == CUDA_SUCCESS) {
            copy_back_locked(set);
            unlink_launch_locked(set);
        }
        set = next;
    }
    buried = dead; /* the worker waits for their readers before it forgets a block */
    dead = NULL;
    pthread_mutex_unlock(&shadow_lock);
    bury(buried);
}

void
vg_shadow_show(void)
{
    if (atomic_load_explicit(&launch_count, memory_order_relaxed) == 0) {
        return;
    }
    pthread_mutex_lock(&shadow_lock);
    for (const struct vg_shadow_set *s = launches; s != NULL; s = s->next) {
        copy_back_locked(s);
    }
    pthread_mutex_unlock(&shadow_lock);
}
