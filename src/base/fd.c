/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH 512

int
vg_fd_away(int fd, int least)
{
    if (fd < 0) {
        return -errno;
    }
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (moved < 0 && fd >= least) {
        return fd;
    }
    if (moved < 0) {
        moved = fcntl(fd, F_DUPFD_CLOEXEC, least);
    }
    const int error = errno;
    close(fd);
    return moved >= 0 ? moved : -error;
}

void
vg_fd_note(int fd, struct vg_fd_mark *out)
{
    struct stat s;

    *out = (struct vg_fd_mark){ 0 };
    /* raw: fstat is too new a symbol for glibc 2.28 */
    if (fd >= 0 && syscall(SYS_fstat, fd, &s) == 0) {
        *out = (struct vg_fd_mark){ s.st_dev, s.st_ino, s.st_mode };
    }
}

bool
vg_fd_same(int fd, const struct vg_fd_mark *mark)
{
    struct vg_fd_mark now;

    vg_fd_note(fd, &now);
    return now.device == mark->device && now.inode == mark->inode &&
           now.mode == mark->mode;
}
