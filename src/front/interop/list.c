/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list - slot 4 would list objects of which we have none.
 *
 * The caller clears both out-parameters first and takes an untouched pair as an empty
 * list. Without the table it goes through NULL.
 */

#include "front/interop/tables.h"

static CUresult
objects(void **list, size_t *count)
{
    (void)list;
    (void)count;
    return CUDA_SUCCESS;
}

const union vg_word vg_table_list[VG_LIST_SLOTS] = {
    { .size = sizeof(vg_table_list) },
    VG_REFUSE,
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(objects),
    VG_REFUSE,
    VG_REFUSE,
    VG_REFUSE,
};
