/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cls - the table over front/storage.h: put, delete and get by context and key.
 *
 * Without a size word. A missing value must be an error: the runtime goes through what a
 * success gives it.
 */

#include "front/driver.h"
#include "front/interop/tables.h"
#include "front/storage.h"

static CUcontext
or_current(CUcontext context)
{
    return context == NULL ? vg_front_current() : context;
}

static CUresult
put(CUcontext context, void *key, void *value, vg_storage_destructor destroy)
{
    context = or_current(context);
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return vg_storage_put(context, key, value, destroy) ? CUDA_SUCCESS
                                                        : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult
forget(CUcontext context, void *key)
{
    context = or_current(context);
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return vg_storage_remove(context, key) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static CUresult
get(void **out_value, CUcontext context, void *key)
{
    context = or_current(context);
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return vg_storage_get(context, key, out_value) ? CUDA_SUCCESS
                                                   : CUDA_ERROR_INVALID_HANDLE;
}

const union vg_word vg_table_storage[VG_STORAGE_SLOTS] = {
    VG_SLOT(put),
    VG_SLOT(forget),
    VG_SLOT(get),
    { .call = NULL },
};
