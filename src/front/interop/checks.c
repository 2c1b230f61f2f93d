/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks - what a context handle stands for: always itself.
 *
 * Slot 2 would unwrap a handle that stands for another context; flags 0 says that this
 * one does not. Slot 3 asks for a restriction of the process; 0 is none.
 */

#include <stdint.h>

#include "front/driver.h"
#include "front/interop/tables.h"

static CUresult
unwrap(CUcontext context, uint32_t *flags, CUcontext *inner)
{
    (void)context;
    (void)inner;
    if (flags != NULL) {
        *flags = 0;
    }
    return CUDA_SUCCESS;
}

static uint32_t
restriction(void)
{
    return 0;
}

const union vg_word vg_table_checks[VG_CHECKS_SLOTS] = {
    { .size = sizeof(vg_table_checks) },
    VG_REFUSE,
    VG_SLOT(unwrap),
    VG_SLOT(restriction),
    VG_REFUSE,
};
