/* SPDX-License-Identifier: Apache-2.0 */
#include "link/link.h"

int
vg_lane_send(struct vg_lane *lane, const void *data, size_t size)
{
    int r = vg_lane_write(lane, data, size);

    if (r == 0) {
        r = vg_lane_publish(lane);
    }
    return r;
}
