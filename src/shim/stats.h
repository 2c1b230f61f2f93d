/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * stats - the counters that `vgpu run --stats` adds up (docs/settings.md).
 *
 * Kept only when VGPU_STATS names a file; else a call costs one load here. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the setting; once, when the connection is made. */
void vg_stats_open(void);

bool vg_stats_kept(void);

/* Monotonic nanoseconds, 0 when nothing is kept. */
uint64_t vg_stats_now(void);

/* Bytes that went through the window. */
void vg_stats_bytes(size_t out, size_t in);

/* One call has been sent. @started: vg_stats_now() at its begin. */
void vg_stats_call(unsigned number, bool posted, uint64_t started, size_t bytes_out,
                   size_t bytes_in);
