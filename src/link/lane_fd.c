/* SPDX-License-Identifier: Apache-2.0 */
#include "link/lane_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fd_lane {
    struct vg_lane lane;
    int fd;
};

static int
fd_reserve(struct vg_lane *lane, size_t size)
{
    (void)lane;
    (void)size; /* the socket's own buffer: write() waits where it must */
    return 0;
}

static int
fd_write(struct vg_lane *lane, const void *data, size_t size)
{
    const struct fd_lane *stream = (const struct fd_lane *)lane;
    const uint8_t *at = data;

    while (size != 0) {
        const long n = syscall(SYS_sendto, stream->fd, at, size, MSG_NOSIGNAL, NULL, 0);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return VG_LINK_LOST;
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static int
fd_publish(struct vg_lane *lane)
{
    (void)lane;
    return 0;
}

static int
fd_read(struct vg_lane *lane, void *data, size_t size)
{
    const struct fd_lane *stream = (const struct fd_lane *)lane;
    uint8_t *at = data;

    while (size != 0) {
        const long n = syscall(SYS_recvfrom, stream->fd, at, size, 0, NULL, NULL);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return VG_LINK_LOST;
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static void
fd_destroy(struct vg_lane *lane)
{
    struct fd_lane *stream = (struct fd_lane *)lane;

    close(stream->fd);
    free(stream);
}

static const struct vg_link_ops fd_ops = {
    .name = "socket",
    .has_window = false,
    .reserve = fd_reserve,
    .write = fd_write,
    .publish = fd_publish,
    .read = fd_read,
    .destroy = fd_destroy,
};

int
vg_fd_lane_create(int fd, struct vg_lane **out_lane)
{
    struct fd_lane *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        return -ENOMEM;
    }
    stream->lane.ops = &fd_ops;
    stream->fd = fd;
    *out_lane = &stream->lane;
    return 0;
}
