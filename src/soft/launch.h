/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * launch - kernel launches as work: everything that CUDA checks when a launch is made.
 */

#include "soft/core.h"
#include "soft/work.h"

struct vg_launch_request {
    CUfunction function; /* or a CUkernel */
    uint32_t grid[3], block[3];
    uint32_t shared;
    bool cooperative;
    void **params, **extra;
};

/* Resolves, prepares (the driver lock is released meanwhile), checks and copies the
 * parameters. Lock held. Return: CUDA_SUCCESS with @out filled, or what the launch says.
 */
CUresult vg_launch_make(struct vg_context *context,
                        const struct vg_launch_request *request, struct vg_work *out);

/* For the statistics: one launch of @function. Lock held. */
void vg_launch_count(struct vg_function *function);
