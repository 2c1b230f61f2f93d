/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules - slot 7 calls back for each function of a module until the callback returns 0.
 */

#include "front/driver.h"
#include "front/interop/tables.h"

static int
each_function(CUcontext context, CUmodule module, int (*visit)(void *user, CUfunction f),
              void *user)
{
    (void)context;
    return vg_driver_module_functions(module, visit, user);
}

const union vg_word vg_table_modules[VG_MODULES_SLOTS] = {
    { .size = sizeof(vg_table_modules) },
    VG_REFUSE_4,
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(each_function),
    VG_REFUSE_4,
};
