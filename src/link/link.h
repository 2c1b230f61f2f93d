/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * link - lanes between a client process and its worker.
 *
 * A lane is a byte stream each way. On either side exactly one thread at a time writes to
 * it and one reads from it (usually the same). Sleepers notice the peer's death: a call
 * that cannot finish returns VG_LINK_LOST and never hangs. Everything read from a peer is
 * a private copy. Everything above this header is the same for every link.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vg_link_condition {
    VG_LINK_OK = 0,
    VG_LINK_LOST,      /* the peer has gone */
    VG_LINK_VIOLATION, /* the peer wrote what no honest peer writes */
};

struct vg_lane;

struct vg_link_ops {
    const char *name;
    bool has_window; /* memory is shared at the same address on both sides */

    /* Waits until min(@size, what fits) bytes can be written without waiting. */
    int (*reserve)(struct vg_lane *lane, size_t size);
    /* Writes all of @data, waiting for room as needed. The peer may not see it before
     * publish(). */
    int (*write)(struct vg_lane *lane, const void *data, size_t size);
    int (*publish)(struct vg_lane *lane);
    /* Reads exactly @size bytes, waiting for them. */
    int (*read)(struct vg_lane *lane, void *data, size_t size);
    void (*destroy)(struct vg_lane *lane);
};

/* First member of every kind of lane. */
struct vg_lane {
    const struct vg_link_ops *ops;
};

/* Return (all): 0, a vg_link_condition, or a negative errno code. */
static inline int
vg_lane_reserve(struct vg_lane *lane, size_t size)
{
    return lane->ops->reserve(lane, size);
}

static inline int
vg_lane_write(struct vg_lane *lane, const void *data, size_t size)
{
    return lane->ops->write(lane, data, size);
}

static inline int
vg_lane_publish(struct vg_lane *lane)
{
    return lane->ops->publish(lane);
}

static inline int
vg_lane_read(struct vg_lane *lane, void *data, size_t size)
{
    return lane->ops->read(lane, data, size);
}

static inline void
vg_lane_destroy(struct vg_lane *lane)
{
    if (lane != NULL) {
        lane->ops->destroy(lane);
    }
}

/* Writes and publishes @size bytes. */
int vg_lane_send(struct vg_lane *lane, const void *data, size_t size);
