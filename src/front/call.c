/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - what happens around every call, and the calls that are not carried.
 *
 * A call that needs no context costs two loads and a compare here. The per-thread flavour
 * holds for the length of the call only, host functions that it runs included, because
 * calls are refused inside of those.
 */

#include "front/call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cuda_calls.h"
#include "front/front_priv.h"
#include "front/state.h"

static _Atomic bool named[VG_CUDA_CALL_COUNT];
static void (*_Atomic hear_not_carried)(const char *name);

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static CUresult
enter(struct vg_front_call *call, int number, bool per_thread)
{
    struct vg_front_thread *self = vg_front_self();

    call->call = number;
    call->per_thread = per_thread;
    call->outer_per_thread = self->per_thread_stream;
    call->entered = true;
    call->started = vg_log_enabled(VG_LOG_DEBUG) ? now_ns() : 0;
    self->per_thread_stream = per_thread;
    return vg_front_admit(vg_cuda_call_table[number].needs);
}

CUresult
vg_front_enter(struct vg_front_call *call, int number)
{
    return enter(call, number, false);
}

CUresult
vg_front_enter_per_thread(struct vg_front_call *call, int number)
{
    return enter(call, number, true);
}

CUresult
vg_front_leave(struct vg_front_call *call, CUresult result)
{
    vg_front_self()->per_thread_stream = call->outer_per_thread;
    if (call->started != 0) {
        const char *name = vg_front_result_name(result);
        const uint64_t elapsed = now_ns() - call->started;
        /* a call that fails is worth more than all the others */
        const bool good = result == CUDA_SUCCESS || result == CUDA_ERROR_NOT_READY;

        vg_log(good ? VG_LOG_TRACE : VG_LOG_DEBUG, "%s%s = %s (%d), %llu.%03llu us",
               vg_cuda_call_table[call->call].name, call->per_thread ? "_ptsz" : "",
               name != NULL ? name : "?", (int)result,
               (unsigned long long)(elapsed / 1000),
               (unsigned long long)(elapsed % 1000));
    }
    return result;
}

/* Return: true the first time that it sees @text; false too when it has seen too many. */
static bool
is_new(const char *text)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char seen[64][64];
    static int count;
    bool fresh = true;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < count && fresh; i++) {
        fresh = strncmp(seen[i], text, sizeof(seen[i]) - 1) != 0;
    }
    fresh = fresh && count < 64;
    if (fresh) {
        strncat(seen[count++], text, sizeof(seen[0]) - 1);
    }
    pthread_mutex_unlock(&lock);
    return fresh;
}

void
vg_front_lacks(const char *what)
{
    if (vg_log_enabled(VG_LOG_INFO) && is_new(what)) {
        vg_log(VG_LOG_INFO, "the program asks for %s, which this version of vgpu lacks",
               what);
    }
}

CUresult
vg_front_not_carried(int call)
{
    if (call >= 0 && call < VG_CUDA_CALL_COUNT &&
        !atomic_exchange_explicit(&named[call], true, memory_order_relaxed)) {
        void (*hear)(const char *) =
            atomic_load_explicit(&hear_not_carried, memory_order_acquire);
        vg_log(VG_LOG_ERROR, "%s: not supported by this version of vgpu",
               vg_cuda_call_table[call].name);
        if (hear != NULL) {
            hear(vg_cuda_call_table[call].name);
        }
    }
    return CUDA_ERROR_NOT_SUPPORTED;
}

void
vg_front_on_not_carried(void (*hear)(const char *name))
{
    /* pairs with the acquire load in vg_front_not_carried */
    atomic_store_explicit(&hear_not_carried, hear, memory_order_release);
}
