/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * copy - a copy or fill as a program describes it, checked and turned into work. For
 * graph nodes; the calls themselves are in copy.c and fill.c.
 */

#include "cuda_types.h"

#include "soft/work.h"

CUresult vg_copy_read(const CUDA_MEMCPY3D *params, struct vg_copy *out);
CUresult vg_fill_read(const CUDA_MEMSET_NODE_PARAMS *params, struct vg_fill *out);
