/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * call - what every exported function does around its work (generated code calls this).
 */

#include <stdbool.h>
#include <stdint.h>

#include "cuda_types.h"

/* One call in progress; lives on the caller's stack. */
struct vg_front_call {
    int call;              /* enum vg_cuda_call */
    bool per_thread;       /* entered by a _ptsz or _ptds name */
    bool outer_per_thread; /* what held before, restored on leave */
    bool entered;
    uint64_t started; /* monotonic ns when traced, else 0 */
};

/* Checks the process against the call's row. What is not CUDA_SUCCESS ends the call. */
CUresult vg_front_enter(struct vg_front_call *call, int number);
CUresult vg_front_enter_per_thread(struct vg_front_call *call, int number);

/* Traces and restores; called after each enter. Returns @result. */
CUresult vg_front_leave(struct vg_front_call *call, CUresult result);
