/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * stats - counters for people, in the file that VGPU_SOFT_STATS names.
 *
 * Text, one fact a line, fields separated by tabs; rewritten whole (a new file renamed
 * over the old) at most every 100 ms while something changes, and at exit:
 *
 *   device NAME
 *   running 0|1            1 while a kernel, a copy or a function of the program runs
 *   launches N
 *   warp_instructions N
 *   kernel NAME N          launches by kernel, in order of first launch
 *   sass_only NAME N       a kernel that came as machine code only
 *   unsupported WHAT N     launches refused: kernel and why
 *
 * Own lock, innermost. Without the variable nothing is kept.
 */

#include <stdint.h>

struct vg_stats_kernel;

/* Starts the writer; called once at driver init. */
void vg_stats_init(const char *device_name);

/* The row of a kernel name: the same for all functions of that name. NULL: not kept. */
struct vg_stats_kernel *vg_stats_kernel(const char *name);
void vg_stats_launch(struct vg_stats_kernel *kernel);
void vg_stats_sass_only(const char *name);
void vg_stats_unsupported(const char *name, const char *why);

/* Something changed. */
void vg_stats_touch(void);
