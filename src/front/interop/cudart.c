/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cudart - the table of the runtime itself: primary contexts and, for old runtimes,
 * modules.
 *
 * Slot 2 names a primary context without making it active. Slots 1, 6 and 8 load a module
 * into the current context (6: runtime 11.8). Slot 12 is called once by shared runtimes
 * from 13.1 on and must succeed; there is nothing to prepare.
 */

#include <stdint.h>

#include "front/driver.h"
#include "front/interop/tables.h"
#include "front/state.h"

static CUresult
primary_context(CUcontext *out, CUdevice device)
{
    CUresult r = vg_front_admit(VG_CUDA_NEEDS_INIT);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    int physical = vg_front_physical(device);
    if (physical < 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *out = vg_driver_primary_context(physical);
    return CUDA_SUCCESS;
}

static CUresult
load_module(CUmodule *out, const void *image)
{
    CUresult r = vg_front_admit(VG_CUDA_NEEDS_CTX);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (out == NULL || image == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return vg_driver_module_load(out, image);
}

static CUresult
load_module_6(CUmodule *out, const void *image, const void *reserved_1,
              const void *reserved_2, uint32_t reserved_3)
{
    (void)reserved_1;
    (void)reserved_2;
    (void)reserved_3;
    return load_module(out, image);
}

static CUresult
load_module_8(const void *image, CUmodule *out, const void *reserved_1,
              const void *reserved_2, uint32_t reserved_3)
{
    (void)reserved_1;
    (void)reserved_2;
    (void)reserved_3;
    return load_module(out, image);
}

static void
note_size(size_t size)
{
    (void)size;
}

static CUresult
prepare(void)
{
    return CUDA_SUCCESS;
}

const union vg_word vg_table_cudart[VG_CUDART_SLOTS] = {
    { .size = sizeof(vg_table_cudart) },
    VG_SLOT(load_module),
    VG_SLOT(primary_context),
    VG_REFUSE,
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(load_module_6),
    VG_SLOT(note_size),
    VG_SLOT(load_module_8),
    VG_REFUSE,
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(prepare),
};
