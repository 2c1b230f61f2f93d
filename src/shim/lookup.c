/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup - functions, kernels and variables by name: asked for once.
 *
 * Answers about owners that have ended go when their chain gets a new one.
 */
#include "shim/lookup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/conn.h"
#include "shim/ids.h"

#define CHAINS 1024u

struct answer {
    struct answer *next;
    vg_id owner;
    unsigned number;
    struct vg_found found;
    char name[];
};

static pthread_mutex_t answers_lock = PTHREAD_MUTEX_INITIALIZER; /* outside the ids' */
static struct answer *answers[CHAINS];

static struct answer **
chain_of(unsigned number, vg_id owner, const char *name)
{
    uint64_t hash = owner * 31 + number;

    for (; *name != '\0'; name++) {
        hash = hash * 33 + (unsigned char)*name;
    }
    return &answers[(hash ^ hash >> 32) % CHAINS];
}

static bool
is_alive(vg_id id)
{
    return vg_client_ids_alive(id, vg_id_type_of(id));
}

bool
vg_lookup_find(unsigned number, const void *owner, const char *name, struct vg_found *out)
{
    const vg_id id = vg_id_from_handle(owner);
    const struct answer *at;

    if (name == NULL || !is_alive(id) ||
        atomic_load_explicit(&vg_conn.lost, memory_order_relaxed)) {
        return false;
    }
    pthread_mutex_lock(&answers_lock);
    at = *chain_of(number, id, name);
    while (at != NULL &&
           (at->owner != id || at->number != number || strcmp(at->name, name) != 0)) {
        at = at->next;
    }
    const bool found = at != NULL && (at->found.id == 0 || is_alive(at->found.id));
    if (found) {
        *out = at->found;
    }
    pthread_mutex_unlock(&answers_lock);
    return found;
}

void
vg_lookup_keep(unsigned number, const void *owner, const char *name,
               const struct vg_found *found)
{
    const vg_id id = vg_id_from_handle(owner);
    const size_t size = strlen(name) + 1;
    struct answer *answer = malloc(sizeof(*answer) + size);

    if (answer == NULL) {
        return;
    }
    *answer = (struct answer){ .owner = id, .number = number, .found = *found };
    memcpy(answer->name, name, size);
    pthread_mutex_lock(&answers_lock);
    struct answer **head = chain_of(number, id, name);
    for (struct answer **at = head; *at != NULL;) {
        struct answer *old = *at;
        const bool same =
            old->owner == id && old->number == number && strcmp(old->name, name) == 0;
        if (same || !is_alive(old->owner)) {
            *at = old->next;
            free(old);
        } else {
            at = &old->next;
        }
    }
    answer->next = *head;
    *head = answer;
    pthread_mutex_unlock(&answers_lock);
}

/* --- the calls --- */

CUresult
vg_drv_cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    struct vg_found found = { 0 };

    if (function != NULL &&
        vg_lookup_find(VG_CUDA_cuModuleGetFunction, module, name, &found)) {
        *function = vg_id_to_handle(found.id);
        return CUDA_SUCCESS;
    }
    const CUresult result = vg_send_cuModuleGetFunction(function, module, name);
    if (result == CUDA_SUCCESS && function != NULL) {
        found.id = vg_id_from_handle(*function);
        vg_lookup_keep(VG_CUDA_cuModuleGetFunction, module, name, &found);
    }
    return result;
}

CUresult
vg_drv_cuLibraryGetKernel(CUkernel *kernel, CUlibrary library, const char *name)
{
    struct vg_found found = { 0 };

    if (kernel != NULL &&
        vg_lookup_find(VG_CUDA_cuLibraryGetKernel, library, name, &found)) {
        *kernel = vg_id_to_handle(found.id);
        return CUDA_SUCCESS;
    }
    const CUresult result = vg_send_cuLibraryGetKernel(kernel, library, name);
    if (result == CUDA_SUCCESS && kernel != NULL) {
        found.id = vg_id_from_handle(*kernel);
        vg_lookup_keep(VG_CUDA_cuLibraryGetKernel, library, name, &found);
    }
    return result;
}

CUresult
vg_drv_cuModuleGetGlobal_v2(CUdeviceptr *dptr, size_t *bytes, CUmodule module,
                            const char *name)
{
    struct vg_found found = { 0 };

    if (!vg_lookup_find(VG_CUDA_cuModuleGetGlobal_v2, module, name, &found)) {
        CUdeviceptr address = 0;
        size_t size = 0;
        const CUresult result =
            vg_send_cuModuleGetGlobal_v2(&address, &size, module, name);
        if (result != CUDA_SUCCESS) {
            return result;
        }
        found.address = address;
        found.size = size;
        vg_lookup_keep(VG_CUDA_cuModuleGetGlobal_v2, module, name, &found);
    }
    if (dptr != NULL) {
        *dptr = found.address;
    }
    if (bytes != NULL) {
        *bytes = found.size;
    }
    return CUDA_SUCCESS;
}

/* What made the function is what it dies with. */
CUresult
vg_drv_cuFuncGetModule(CUmodule *module, CUfunction function)
{
    const vg_id owner = vg_client_ids_parent(vg_id_from_handle(function));

    if (module != NULL && vg_id_type_of(owner) == VG_ID_MODULE &&
        vg_id_type_of(vg_id_from_handle(function)) == VG_ID_FUNC) {
        *module = vg_id_to_handle(owner);
        return CUDA_SUCCESS;
    }
    return vg_send_cuFuncGetModule(module, function);
}
