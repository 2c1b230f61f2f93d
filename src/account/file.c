/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - accounting files on disk: names, checks, and whether a slot's process lives.
 *
 * statx() and not stat(): the latter's symbol is younger than the C library that we load
 * on.
 */
#include "account/file.h"
#include "base/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool
is_folder(const char *path)
{
    struct statx facts;

    return path != NULL && path[0] == '/' &&
           statx(AT_FDCWD, path, 0, STATX_TYPE, &facts) == 0 && S_ISDIR(facts.stx_mode);
}

bool
vg_account_folder(char *out, size_t size)
{
    const char *named = secure_getenv("VGPU_ACCOUNTS");
    const char *folder = named;

    if (named == NULL || named[0] == '\0') {
        folder = "/dev/shm";
        if (!is_folder(folder) || access(folder, R_OK | W_OK | X_OK) != 0) {
            folder = secure_getenv("XDG_RUNTIME_DIR");
        }
    }
    return is_folder(folder) && snprintf(out, size, "%s", folder) < (int)size;
}

void
vg_account_prefix(const uint8_t uuid[16], char out[48])
{
    char *at = out + sprintf(out, "vgpu-");

    for (int i = 0; i < 16; i++) {
        at += sprintf(at, "%02x", uuid[i]);
    }
    at[0] = '-';
    at[1] = '\0';
}

/* A plain file of that user which nobody else can write, with no second name. */
static bool
is_trusted(int fd, uid_t user)
{
    struct statx facts;

    return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &facts) == 0 &&
           S_ISREG(facts.stx_mode) && facts.stx_uid == user && facts.stx_nlink == 1 &&
           (facts.stx_mode & 022) == 0;
}

int
vg_account_open_file(const char *folder, const char *name, uid_t user, bool is_writer)
{
    const int flags =
        O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (is_writer ? O_RDWR : O_RDONLY);
    const int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0) {
        return -errno;
    }
    int fd = openat(dir, name, flags);
    if (fd < 0 && errno == ENOENT && is_writer) {
        fd = openat(dir, name, flags | O_CREAT | O_EXCL, 0644);
        if (fd >= 0) {
            (void)fchmod(fd, 0644); /* whatever the umask: others must read it */
        } else if (errno == EEXIST) {
            fd = openat(dir, name, flags); /* somebody was faster */
        }
    }
    const int error = errno;
    close(dir);
    if (fd < 0) {
        return -error;
    }
    if (!is_trusted(fd, user)) {
        close(fd);
        return -EPERM;
    }
    return fd;
}

bool
vg_account_process(pid_t pid, uid_t user, uint64_t *out_start)
{
    char path[40], text[1024];
    struct statx facts;

    if (pid <= 0) {
        return false;
    }
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    /* a process that may not be traced shows as root's; root's may have become another's
     */
    const bool is_users = statx(fd, "", AT_EMPTY_PATH, STATX_UID, &facts) == 0 &&
                          (facts.stx_uid == user || facts.stx_uid == 0 || user == 0);
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (!is_users || n <= 0) {
        return false;
    }
    text[n] = '\0';
    /* the name, in brackets, may hold anything */
    const char *at = strrchr(text, ')');
    char state = '\0';
    unsigned long long start = 0;
    if (at == NULL ||
        sscanf(at + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
               "%*d %llu",
               &state, &start) != 2) {
        return false;
    }
    *out_start = start;
    return state != 'Z' && state != 'X' && state != 'x';
}

uint64_t
vg_account_space(void)
{
    struct statx facts;

    if (statx(AT_FDCWD, "/proc/self/ns/pid", 0, STATX_INO, &facts) != 0) {
        return 0;
    }
    return facts.stx_ino;
}

bool
vg_account_slot_lives(const struct vg_account_slot *slot, uid_t user)
{
    uint64_t start = 0;

    if (!vg_account_process(slot->owner, user, &start) || start != slot->owner_start) {
        return false;
    }
    const uint64_t expected = slot->client_start;
    return expected == 0 ||
           (vg_account_process(slot->client, 0, &start) && start == expected);
}

uint64_t
vg_account_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t
vg_account_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}
