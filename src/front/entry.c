/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry - cuGetProcAddress: which exported function a name, version and flavour mean.
 *
 * The highest variant whose version is at most the requested one, however far that lies
 * in the future. A name that has per-thread variants gives nothing else when those are
 * asked for: an older request is "version not sufficient", never silently the legacy
 * flavour.
 */

#include "front/entry.h"

#include <string.h>

#include "cuda_front.h"
#include "front/front_priv.h"

#define FLAG_PER_THREAD 2u
#define FLAGS_KNOWN     3u

/* Return: index of the first row whose base name is not below @name. */
static size_t
lower_bound(const char *name)
{
    size_t low = 0;
    size_t high = vg_entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(vg_entry_table[middle].base, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Return: the row to hand out, or NULL with the reason in @status. */
static const struct vg_entry *
choose(const char *name, int version, bool per_thread,
       CUdriverProcAddressQueryResult *status)
{
    const struct vg_entry *plain = NULL;
    const struct vg_entry *twin = NULL;
    bool known = false;
    bool has_twin = false;

    for (size_t i = lower_bound(name);
         i < vg_entry_count && strcmp(vg_entry_table[i].base, name) == 0; i++) {
        const struct vg_entry *row = &vg_entry_table[i];

        known = true;
        has_twin = has_twin || row->per_thread;
        if (row->version <= version) {
            *(row->per_thread ? &twin : &plain) = row;
        }
    }
    const struct vg_entry *chosen = per_thread && has_twin ? twin : plain;
    if (chosen != NULL) {
        *status = CU_GET_PROC_ADDRESS_SUCCESS;
    } else {
        *status = known ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
                        : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    }
    return chosen;
}

CUresult
vg_front_cuGetProcAddress_v2(const char *symbol, void **function, int version,
                             cuuint64_t flags, CUdriverProcAddressQueryResult *status)
{
    CUdriverProcAddressQueryResult found;

    if (symbol == NULL || function == NULL || (flags & ~(cuuint64_t)FLAGS_KNOWN) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const struct vg_entry *row =
        choose(symbol, version, (flags & FLAG_PER_THREAD) != 0, &found);
    *function = NULL;
    if (row != NULL) {
        memcpy(function, &row->function, sizeof(*function));
    } else if (symbol[0] != '\0') {
        vg_front_lacks(symbol);
    }
    if (status != NULL) {
        *status = found;
    }
    return CUDA_SUCCESS;
}

/* The first form has no status: what is not there is an error. */
CUresult
vg_front_cuGetProcAddress(const char *symbol, void **function, int version,
                          cuuint64_t flags)
{
    void *found;
    CUresult r = vg_front_cuGetProcAddress_v2(symbol, function != NULL ? &found : NULL,
                                              version, flags, NULL);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (found == NULL) {
        return CUDA_ERROR_NOT_FOUND;
    }
    *function = found;
    return CUDA_SUCCESS;
}
