/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * box - a copy between two boxes of memory or arrays, as VG_CALL_COPY_BOX carries it.
 *
 * Plain 64-bit fields, copied as one block.
 */

#include <stdint.h>

enum vg_box_side_type {
    VG_BOX_WINDOW = 1, /* address in the window */
    VG_BOX_DEVICE,     /* device address */
    VG_BOX_ARRAY,      /* id of an array */
};

struct vg_box_side {
    uint64_t type; /* enum vg_box_side_type */
    uint64_t base; /* address or id */
    uint64_t x;    /* bytes */
    uint64_t y;
    uint64_t z;
    uint64_t lod;
    uint64_t pitch;
    uint64_t height;
};

struct vg_box {
    struct vg_box_side dst;
    struct vg_box_side src;
    uint64_t width; /* bytes */
    uint64_t height;
    uint64_t depth;
};

_Static_assert(sizeof(struct vg_box) == 19 * 8, "part of the wire format");
