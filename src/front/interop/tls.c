/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - slot 2 gives the current context of the calling thread, as cuCtxGetCurrent does.
 */

#include "front/driver.h"
#include "front/interop/tables.h"

static CUresult
current_context(CUcontext *out)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *out = vg_front_current();
    return CUDA_SUCCESS;
}

const union vg_word vg_table_tls[VG_TLS_SLOTS] = {
    { .size = sizeof(vg_table_tls) },
    VG_REFUSE,
    VG_SLOT(current_context),
    VG_REFUSE,
};
