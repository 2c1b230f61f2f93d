/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * settings - what the environment says about the software GPU. Read once, at the first
 * question; the same answers for the life of the process.
 *
 *   VGPU_SOFT_CC       compute capability, "8.0" by default
 *   VGPU_SOFT_MEMORY   bytes of device memory, with K, M, G or T; 0: no device at all
 *   VGPU_SOFT_SMS      multiprocessors that the device reports; CPUs by default
 *   VGPU_SOFT_THREADS  threads that run blocks; CPUs by default
 *   VGPU_SOFT_ARENA    base:size, where device memory lies (both in C notation)
 *   VGPU_SOFT_STATS    a file that gets the counters of stats.h; %p is the process number
 */

#include <stdbool.h>
#include <stdint.h>

struct vg_settings {
    unsigned cc_major, cc_minor;
    uint64_t memory;
    bool memory_is_set; /* by the user, not by what is free just now */
    unsigned sms;
    unsigned threads;
    uint64_t arena_base, arena_size; /* 0: not set */
    const char *stats;               /* or NULL */
};

const struct vg_settings *vg_settings_get(void);

/* Parses "512M" and the like. Return: true on success. */
bool vg_settings_parse_size(const char *text, uint64_t *out);
