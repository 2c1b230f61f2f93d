/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * log - lines for people, to stderr or to the file that VGPU_LOG_FILE names.
 *
 * Silent unless VGPU_LOG is set to error, info, debug or trace. Read once, at the first
 * message, so that loading a library touches nothing. Any thread; one write per line.
 */

#include <stdbool.h>

enum vg_log_level {
    VG_LOG_NONE = 0,
    VG_LOG_ERROR,
    VG_LOG_INFO,
    VG_LOG_DEBUG,
    VG_LOG_TRACE,
};

/* Cheap enough for every API call: one relaxed load after the first use. */
bool vg_log_enabled(enum vg_log_level level);

/* Writes "vgpu: <level>: <message>\n"; does nothing when @level is not enabled. */
void vg_log(enum vg_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
