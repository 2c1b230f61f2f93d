/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fd - descriptors of ours in the table of a program that does not know of them.
 *
 * A program may have its standard files closed, and it may close what it does not know
 * and open its own files under the same numbers.
 */

#include <stdbool.h>
#include <stdint.h>

struct vg_fd_mark {
    uint64_t device;
    uint64_t inode;
    uint32_t mode;
};

/**
 * Moves a descriptor out of a program's way: to a high number where the limit allows it,
 * else to any from @least on. @fd is closed or given back as it is.
 *
 * Return: the descriptor, close-on-exec, or -errno.
 */
int vg_fd_away(int fd, int least);

/** Notes what @fd is; a negative one is nothing. */
void vg_fd_note(int fd, struct vg_fd_mark *out);

/** Return: whether @fd still is what was noted. Leaves errno alone but for a failure. */
bool vg_fd_same(int fd, const struct vg_fd_mark *mark);
