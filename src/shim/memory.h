/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* memory - host memory that CUDA knows beyond the window. Private to src/shim. */

#include "shim/conn.h"

/* Marks managed memory among the window's blocks. */
#define VG_WINDOW_MANAGED 0x80000000u

/* Ordinary pages that the program has registered. */
bool vg_registered_find(uint64_t address, struct vg_window_block *out);
