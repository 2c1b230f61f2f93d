/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * kernel - what the client knows of a kernel: one reply, kept with its handle.
 *
 * Immutable after it was made, but for the attributes that a program may set and the
 * name; those are atomic. Lives until the handle's slot gets another owner.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "cuda_types.h"
#include "wire/id.h"

#define VG_KERNEL_ATTRIBUTES 16

struct vg_kernel_param {
    uint32_t offset;
    uint32_t size;
};

struct vg_kernel {
    _Atomic int attributes[VG_KERNEL_ATTRIBUTES]; /* by CUfunction_attribute */
    uint32_t known;                               /* bit per attribute */
    uint32_t param_count;
    uint32_t param_size;      /* bytes of the whole parameter block */
    const char *_Atomic name; /* kept for good (name.c); NULL until it is asked for */
    struct vg_kernel_param params[];
};

/* The sheet of a CUfunction or CUkernel, asked for at first use.
 * Return: CUDA_SUCCESS, or why there is none. */
CUresult vg_kernel_get(const void *function, struct vg_kernel **out);

/* Lays the parameters out as the kernel wants them.
 * @params or @extra as in cuLaunchKernel; @out has room for param_size bytes.
 * Return: CUDA_SUCCESS or INVALID_VALUE; *out_size bytes are used. */
CUresult vg_kernel_pack(const struct vg_kernel *kernel, void **params, void **extra,
                        uint8_t *out, uint32_t *out_size);
