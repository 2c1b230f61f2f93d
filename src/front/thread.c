/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread - what the front keeps for each thread, and its end.
 *
 * A thread is numbered at its first use. The C library's own hook for thread-local
 * objects runs at its end: it is older than the symbol versions that we hold to, and it
 * does nothing for a thread that never came here. Destructors of thread keys run after
 * it; a thread that comes back to us in one of them is ended by a key of ours.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/floor.h"
#include "front/front_priv.h"

/* From the C library; declared by no header of its own. */
int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *dso);
extern void *__dso_handle __attribute__((visibility("hidden")));

static __thread struct vg_front_thread self;
static __thread bool has_ended;
static pthread_mutex_t key_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t late_key;
static bool has_late_key;
static _Atomic uint64_t last_id;
static void (*_Atomic thread_exit)(uint64_t thread);

static void
end_thread(void *object)
{
    struct vg_front_thread *thread = object;
    void (*on_exit_of)(uint64_t) =
        atomic_load_explicit(&thread_exit, memory_order_acquire);

    /* the main thread ends with the process: exit handlers still call us, and so does a
     * forked child's only thread, which owns nothing of the driver's */
    if (syscall(SYS_gettid) == getpid()) {
        return;
    }
    has_ended = true;
    if (on_exit_of != NULL) {
        on_exit_of(thread->id);
    }
    free(thread->heap);
    thread->heap = NULL;
    thread->room = 0;
    thread->depth = 0;
    thread->id = 0; /* a later destructor that calls us makes a new thread of it */
}

/* The C library's hook is over for this thread. */
static void
end_late(void)
{
    pthread_mutex_lock(&key_lock);
    if (!has_late_key) {
        has_late_key = pthread_key_create(&late_key, end_thread) == 0;
    }
    if (has_late_key) {
        (void)pthread_setspecific(late_key, &self);
    }
    pthread_mutex_unlock(&key_lock);
}

struct vg_front_thread *
vg_front_self(void)
{
    return &self;
}

uint64_t
vg_front_thread(void)
{
    if (self.id == 0) {
        self.id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
        if (has_ended) {
            end_late();
        } else {
            __cxa_thread_atexit_impl(end_thread, &self, &__dso_handle);
        }
    }
    return self.id;
}

void
vg_front_on_thread_exit(void (*on_exit_of)(uint64_t thread))
{
    /* pairs with the acquire load in end_thread */
    atomic_store_explicit(&thread_exit, on_exit_of, memory_order_release);
}

void
vg_front_callback_begin(void)
{
    self.callbacks++;
}

void
vg_front_callback_end(void)
{
    self.callbacks--;
}

CUstream
vg_front_default_stream(void)
{
    return self.per_thread_stream ? CU_STREAM_PER_THREAD : CU_STREAM_LEGACY;
}

CUstream
vg_front_stream(CUstream stream)
{
    return stream == NULL ? vg_front_default_stream() : stream;
}
