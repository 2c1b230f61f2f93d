/* SPDX-License-Identifier: Apache-2.0 */
/* shm - memory that two processes share and neither can shrink under the other. */
#include "link/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

int
vg_shm_create(const char *name, uint64_t size)
{
    struct rlimit limit;

    /* growing past this limit is a signal, which kills a program that expects none */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size) {
        return -EFBIG;
    }
    const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -errno;
    }
    if (ftruncate(fd, (off_t)size) != 0 ||
        fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) != 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int
vg_shm_check(int fd, uint64_t size)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS) {
        return -EPROTO;
    }
    const off_t have = lseek(fd, 0, SEEK_END); /* fstat is too new a symbol for 2.28 */
    if (have < 0) {
        return -errno;
    }
    return (uint64_t)have == size ? 0 : -EPROTO;
}
