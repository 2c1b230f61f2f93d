/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - nvmlInit and nvmlShutdown, which are counted, and what every call passes.
 *
 * Nothing happens when the library is loaded. The host is asked once for a process: after
 * the last nvmlShutdown its answer stays, and the next nvmlInit is free.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/log.h"
#include "nvml/ask.h"
#include "nvml/nvml_priv.h"

struct vg_nvml_host vg_nvml_host;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool has_looked;
static _Atomic bool is_far;
static _Atomic unsigned init_count;
static _Atomic bool is_named[VG_NVML_CALL_COUNT];

nvmlReturn_t
vg_nvml_enter(enum vg_nvml_call call)
{
    /* pairs with the release in init(): the devices are whole */
    if (vg_nvml_call_table[call].needs != VG_NVML_NEEDS_NONE &&
        atomic_load_explicit(&init_count, memory_order_acquire) == 0) {
        return NVML_ERROR_UNINITIALIZED;
    }
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_leave(enum vg_nvml_call call, nvmlReturn_t result)
{
    vg_log(result == NVML_SUCCESS ? VG_LOG_TRACE : VG_LOG_DEBUG, "%s: %d",
           vg_nvml_call_table[call].name, (int)result);
    return result;
}

nvmlReturn_t
vg_nvml_absent(enum vg_nvml_call call)
{
    if (atomic_load_explicit(&init_count, memory_order_acquire) == 0) {
        return NVML_ERROR_UNINITIALIZED;
    }
    if (!atomic_exchange_explicit(&is_named[call], true, memory_order_relaxed)) {
        vg_log(VG_LOG_INFO, "%s is not carried", vg_nvml_call_table[call].name);
    }
    return NVML_ERROR_NOT_SUPPORTED;
}

bool
vg_nvml_is_far(void)
{
    return atomic_load_explicit(&is_far, memory_order_acquire);
}

/* The host's library is started by a client's first nvmlInit and stopped by its last
 * nvmlShutdown; what is between is counted here. Under the lock. */
static nvmlReturn_t
init_far(enum vg_nvml_call call, unsigned flags)
{
    if (init_count > 0) {
        return NVML_SUCCESS;
    }
    nvmlReturn_t result = call == VG_NVML_nvmlInit ? vg_nvml_carry_nvmlInit()
                          : call == VG_NVML_nvmlInit_v2
                              ? vg_nvml_carry_nvmlInit_v2()
                              : vg_nvml_carry_nvmlInitWithFlags(flags);
    if (result == NVML_SUCCESS) {
        vg_nvml_ask_started();
    } else {
        vg_nvml_ask_close();
    }
    return result;
}

static nvmlReturn_t
init(enum vg_nvml_call call, unsigned flags)
{
    nvmlReturn_t result = NVML_SUCCESS;

    pthread_mutex_lock(&lock);
    if (!has_looked && vg_nvml_wants_far()) {
        atomic_store_explicit(&is_far, true, memory_order_release);
        has_looked = true;
    }
    if (vg_nvml_is_far()) {
        result = init_far(call, flags);
    } else if (!has_looked) {
        result = vg_nvml_look(&vg_nvml_host);
        has_looked = result == NVML_SUCCESS;
    }
    if (result == NVML_SUCCESS) {
        /* pairs with the acquire in vg_nvml_enter() */
        atomic_fetch_add_explicit(&init_count, 1, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

nvmlReturn_t
vg_nvml_nvmlInit(void)
{
    return init(VG_NVML_nvmlInit, 0);
}

nvmlReturn_t
vg_nvml_nvmlInit_v2(void)
{
    return init(VG_NVML_nvmlInit_v2, 0);
}

/* The flags say what to do without a GPU, or without attaching to it: as we always do
 * here; a host's own NVML is told. */
nvmlReturn_t
vg_nvml_nvmlInitWithFlags(unsigned int flags)
{
    return init(VG_NVML_nvmlInitWithFlags, flags);
}

nvmlReturn_t
vg_nvml_nvmlShutdown(void)
{
    nvmlReturn_t result = NVML_ERROR_UNINITIALIZED;

    pthread_mutex_lock(&lock);
    if (init_count > 0) {
        atomic_fetch_sub_explicit(&init_count, 1, memory_order_release);
        result = NVML_SUCCESS;
        if (init_count == 0 && vg_nvml_is_far()) {
            result = vg_nvml_carry_nvmlShutdown();
            vg_nvml_ask_close();
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* NVIDIA's own tools look here for tables that nobody else has. */
nvmlReturn_t
vg_nvml_nvmlInternalGetExportTable(const void **table, const void *id)
{
    if (table == NULL || id == NULL) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    *table = NULL;
    return NVML_ERROR_FUNCTION_NOT_FOUND;
}
