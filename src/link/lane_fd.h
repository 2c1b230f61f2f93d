/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * lane_fd - a lane over one stream socket: no shared memory. For tests, and for links
 * that have nothing better.
 */

#include "link/link.h"

/* @fd: a connected stream socket; taken. Return: 0 or -ENOMEM (then @fd is still the
 * caller's). */
int vg_fd_lane_create(int fd, struct vg_lane **out_lane);
