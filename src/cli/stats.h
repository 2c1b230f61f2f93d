/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * stats - the counters that the shim and the software GPU leave in files.
 *
 * A file has one counter a line, fields separated by tabs (docs/settings.md). Any number
 * of processes append to it, so lines of the same name add up. What a line says is a
 * claim: an unknown or broken one is passed over.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Counters without a name of their own; the order is that of the table in stats.c. */
enum vg_stat {
    VG_STAT_CALLS,
    VG_STAT_POSTED,
    VG_STAT_WAITED,
    VG_STAT_BYTES_OUT,
    VG_STAT_BYTES_IN,
    VG_STAT_LAUNCHES,
    VG_STAT_WARP_INSTRUCTIONS,
    VG_STAT_COUNT,
};

enum vg_stat_list {
    VG_STAT_CALL,        /* count, posted, nanoseconds */
    VG_STAT_KERNEL,      /* launches */
    VG_STAT_NOT_CARRIED, /* no such call over the link */
    VG_STAT_SASS_ONLY,   /* kernels without PTX */
    VG_STAT_UNSUPPORTED, /* kernels that wanted what we lack, and what that is */
    VG_STAT_LIST_COUNT,
};

struct vg_stat_item {
    char *name;
    uint64_t count;
    uint64_t posted;
    uint64_t ns;
};

struct vg_stats {
    uint64_t value[VG_STAT_COUNT];
    struct vg_stat_item *items[VG_STAT_LIST_COUNT];
    size_t item_count[VG_STAT_LIST_COUNT];
};

/* Adds what @file holds from its current position to @stats. Return: 0 or -ENOMEM. */
int vg_stats_read(struct vg_stats *stats, FILE *file);

/* Lists what the program wanted and did not get; prints nothing when there is nothing. */
void vg_stats_print_missing(const struct vg_stats *stats, FILE *out);

/* Prints the totals and the calls that took longest. */
void vg_stats_print(const struct vg_stats *stats, FILE *out);

/* Frees what the lists hold, not @stats itself. */
void vg_stats_fini(struct vg_stats *stats);
