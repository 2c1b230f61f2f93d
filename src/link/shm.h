/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * shm - lanes in a sealed memfd, with an eventfd a side to wake a sleeper.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link.h"
#include "link/ring.h"

/* Lane i of a session lies at i * sizeof(struct vg_shm_lane_page) in the rings' memfd. */
struct vg_shm_lane_page {
    struct vg_ring_page request;
    struct vg_ring_page reply;
};

#define VG_SHM_RINGS_SIZE ((size_t)VG_LANE_MAX * sizeof(struct vg_shm_lane_page))

/* A memfd of @size bytes that can neither shrink nor grow. Return: fd or -errno. */
int vg_shm_create(const char *name, uint64_t size);

/* Return: 0 when @fd is a memfd of exactly @size bytes sealed against a change of size,
 * else -EPROTO or another -errno. */
int vg_shm_check(int fd, uint64_t size);

/**
 * vg_shm_lane_create() - one side of a lane
 * @page:      borrowed, must outlive the lane
 * @is_client: writes requests and reads replies; the worker the other way round
 * @wake_mine: eventfd on which this side sleeps; borrowed
 * @wake_peer: eventfd that wakes the peer; borrowed
 * @peer:      fd that reports POLLHUP when the peer is gone; borrowed
 *
 * Return: 0 or -ENOMEM.
 */
int vg_shm_lane_create(struct vg_shm_lane_page *page, bool is_client, int wake_mine,
                       int wake_peer, int peer, struct vg_lane **out_lane);
