/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* memory - host memory that CUDA knows beyond the window. Private to src/shim. */

#include "shim/conn.h"

/* Marks managed memory among the window's blocks. */
#define VG_WINDOW_MANAGED 0x80000000u

/* VG_CALL_HOST_ALLOC or VG_CALL_HOST_FREE: makes a block of the window known to the
 * worker's driver, or unknown. @ours: not a call of the program. */
CUresult vg_memory_register(unsigned number, const void *address, size_t size, bool ours);

/* Ordinary pages that the program has registered. */
bool vg_registered_find(uint64_t address, struct vg_window_block *out);
