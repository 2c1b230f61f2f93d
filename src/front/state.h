/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* state - whether a call may go on, by what its description says it needs. */

#include "cuda_calls.h"
#include "cuda_types.h"

/* Calls that need nothing are answered always: before cuInit and in a forked child too.
 * Return: CUDA_SUCCESS, or the result that the call ends with. */
CUresult vg_front_admit(enum vg_cuda_needs needs);
