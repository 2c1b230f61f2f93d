/* SPDX-License-Identifier: Apache-2.0 */
#include "link/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

union fd_space {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * VG_CONTROL_FDS_MAX)];
};

int
vg_control_send(int fd, const void *packet, size_t size, const int *fds, size_t fd_count)
{
    union fd_space space = { 0 };
    struct iovec part = { .iov_len = size };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    memcpy(&part.iov_base, &packet, sizeof(packet)); /* sendmsg does not write to it */
    if (fd_count > VG_CONTROL_FDS_MAX) {
        return -EINVAL;
    }
    if (fd_count != 0) {
        message.msg_control = space.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }

    for (;;) {
        const long n = syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
        if (n >= 0) {
            return (size_t)n == size ? 0 : -EPROTO;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

/* Return: number of fds kept in @out_fds. */
static void
take_fds(struct msghdr *message, int *out_fds)
{
    size_t kept = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
         c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
            if (kept < VG_CONTROL_FDS_MAX) {
                out_fds[kept++] = got;
            } else {
                close(got);
            }
        }
    }
}

static void
drop_fds(int *fds)
{
    for (int i = 0; i < VG_CONTROL_FDS_MAX; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
            fds[i] = -1;
        }
    }
}

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
wait_readable(int fd, int timeout_ms)
{
    const int64_t until = now_ms() + timeout_ms;
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    for (;;) {
        const int64_t left = until - now_ms();
        const int64_t ms = left > 0 ? left : 0;
        const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
        struct timespec copy = t;
        const long n =
            syscall(SYS_ppoll, &poll_fd, 1, timeout_ms >= 0 ? &copy : NULL, NULL, 0);
        if (n > 0) {
            return 0;
        }
        if (n == 0) {
            return -ETIMEDOUT;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

int
vg_control_recv(int fd, void *packet, size_t capacity, int *out_fds, int timeout_ms)
{
    union fd_space space;
    struct iovec part = { .iov_base = packet, .iov_len = capacity };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = space.bytes,
                              .msg_controllen = sizeof(space.bytes) };
    struct vg_control_header header;

    for (int i = 0; i < VG_CONTROL_FDS_MAX; i++) {
        out_fds[i] = -1;
    }
    const int r = wait_readable(fd, timeout_ms);
    if (r != 0) {
        return r;
    }
    const long n = syscall(SYS_recvmsg, fd, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0) {
        return n == 0 || errno == ECONNRESET ? 0 : -errno;
    }

    take_fds(&message, out_fds);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        (size_t)n < sizeof(header)) {
        drop_fds(out_fds);
        return -EPROTO;
    }
    memcpy(&header, packet, sizeof(header));
    if (header.size != (size_t)n) {
        drop_fds(out_fds);
        return -EPROTO;
    }
    return (int)n;
}
