/* SPDX-License-Identifier: Apache-2.0 */
/* check_guest - the machine or container that the program runs in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/elf.h"
#include "cli/paths.h"

#define GIB           (1ull << 30)
#define ADDRESS_RANGE (340 * GIB) /* what libcuda reserves, without using memory */

/* A preload list that cannot be followed or that loads a GPU library into everything. */
static bool
check_preload_list(struct vg_doctor *d, const char *where, const char *list)
{
    char *copy = strdup(list), *rest = copy, path[PATH_MAX], real[PATH_MAX];
    const char *one;
    bool is_well = true;

    while ((one = strsep(&rest, " \t\n:")) != NULL) {
        if (one[0] == '\0' || one[0] == '#') {
            continue;
        }
        const char *base = strrchr(one, '/') != NULL ? strrchr(one, '/') + 1 : one;
        const bool is_gpu = strstr(base, "cuda") != NULL ||
                            strstr(base, "nvidia") != NULL ||
                            strstr(base, "vgpu") != NULL;
        (void)vg_path_print(path, "%s%s", one[0] == '/' ? d->root : "", one);
        if (one[0] == '/' && !vg_search_resolve(d, path, real)) {
            vg_say_broken(d, "delete the line: every program warns of it",
                          "%s names '%s', which is not there (a stale entry)", where,
                          one);
            is_well = false;
        } else if (is_gpu) {
            vg_say_broken(
                d,
                "remove the entry: libraries are installed, not preloaded; being in "
                "a process's maps then says nothing",
                "%s loads '%s' into every program", where, one);
            is_well = false;
        }
    }
    free(copy);
    return is_well;
}

static void
check_preload(struct vg_doctor *d)
{
    char path[PATH_MAX], text[8192] = "";
    const char *variable = vg_environment_get(d, "LD_PRELOAD");
    bool is_well = true;

    FILE *file = fopen(vg_path_print(path, "%s/etc/ld.so.preload", d->root), "re");
    if (file != NULL) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        (void)fclose(file);
        is_well = check_preload_list(d, "/etc/ld.so.preload", text);
    }
    if (variable != NULL) {
        is_well &= check_preload_list(d, "LD_PRELOAD", variable);
    }
    if (is_well) {
        vg_say_ok(d, "no GPU library is preloaded");
    }
}

static void
check_library_path(struct vg_doctor *d)
{
    const char *variable = vg_environment_get(d, "LD_LIBRARY_PATH");
    char *copy, *rest;
    const char *folder;
    bool is_well = true;

    if (variable == NULL || variable[0] == '\0') {
        vg_say_ok(d, "LD_LIBRARY_PATH of %s is not set", d->environment_of);
        return;
    }
    copy = rest = strdup(variable);
    while ((folder = strsep(&rest, ":")) != NULL) {
        if (strstr(folder, "/stubs") != NULL) {
            vg_say_broken(d,
                          "take the folder out: stubs are for linking, not for running",
                          "LD_LIBRARY_PATH of %s has the stubs folder '%s'",
                          d->environment_of, folder);
            is_well = false;
        } else if (folder[0] == '\0') {
            vg_say_broken(d, "remove the empty entry (a ':' too many)",
                          "LD_LIBRARY_PATH of %s has an empty entry: the current folder",
                          d->environment_of);
            is_well = false;
        } else if (strstr(folder, ".so") != NULL) {
            vg_say_broken(d, "name the folder, not the file",
                          "LD_LIBRARY_PATH of %s has the file '%s'", d->environment_of,
                          folder);
            is_well = false;
        } else if (access(folder, X_OK) != 0) {
            vg_say_unknown(d, "take it out, or make it readable",
                           "LD_LIBRARY_PATH of %s has '%s', which is not there",
                           d->environment_of, folder);
            is_well = false;
        }
    }
    free(copy);
    if (is_well) {
        vg_say_ok(d, "LD_LIBRARY_PATH of %s: '%s'", d->environment_of, variable);
    }
}

/* The limit of the process looked at, else our own. Return: false if it cannot be read.
 */
static bool
read_limit(const struct vg_doctor *d, __rlimit_resource_t which, rlim_t *out)
{
    struct rlimit limit;

    if (prlimit(d->pid, which, NULL, &limit) != 0) {
        return false;
    }
    *out = limit.rlim_cur;
    return true;
}

static void
check_address_space(struct vg_doctor *d)
{
    rlim_t limit;

    if (!read_limit(d, RLIMIT_AS, &limit)) {
        vg_say_unknown(d, "run doctor as the user of the process, or as root",
                       "the limits of process %d cannot be read", (int)d->pid);
    } else if (limit != RLIM_INFINITY && limit < ADDRESS_RANGE) {
        vg_say_broken(d, "ulimit -v unlimited (LimitAS=infinity in a unit)",
                      "the address space is limited to %llu MiB (ulimit -v); libcuda "
                      "reserves 340 GiB of addresses, without using memory",
                      (unsigned long long)limit >> 20);
    } else {
        vg_say_ok(d, "the address space has room for 340 GiB of addresses");
    }
}

static void
check_descriptors(struct vg_doctor *d)
{
    rlim_t limit = 0;

    if (!read_limit(d, RLIMIT_NOFILE, &limit)) {
        vg_say_unknown(d, NULL, "the limits of process %d cannot be read", (int)d->pid);
    } else if (limit < 64) {
        vg_say_broken(d, "ulimit -n 1024 (LimitNOFILE= in a unit)",
                      "only %llu files may be open at a time (ulimit -n)",
                      (unsigned long long)limit);
    } else {
        vg_say_ok(d, "%llu files may be open at a time", (unsigned long long)limit);
    }
}

/* The rings and the window are memory files; a filter may forbid what they need. */
static void
check_system_calls(struct vg_doctor *d)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        vg_say_broken(
            d, "allow socketpair and AF_UNIX in the sandbox (seccomp) of this process",
            "local sockets are forbidden here: %s", strerror(errno));
        return;
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    const int fd = memfd_create("vgpu-doctor", MFD_CLOEXEC);
    if (fd < 0) {
        vg_say_broken(d, "allow memfd_create in the sandbox (seccomp) of this process",
                      "memory files are forbidden here: %s", strerror(errno));
        return;
    }
    (void)close(fd);
    vg_say_ok(d, "local sockets and memory files are allowed");
}

static void
check_shared_memory(struct vg_doctor *d)
{
    const char *folder = vg_environment_get(d, "VGPU_ACCOUNTS");
    struct statvfs info;

    if (folder != NULL && strcmp(folder, "none") == 0) {
        vg_say_ok(d, "accounts are switched off (VGPU_ACCOUNTS=none)");
        return;
    }
    folder = folder != NULL && folder[0] != '\0' ? folder : "/dev/shm";
    if (statvfs(folder, &info) != 0 || access(folder, W_OK) != 0) {
        vg_say_broken(d, "mount a tmpfs there, or name another folder in VGPU_ACCOUNTS",
                      "'%s', for the accounts of device memory, cannot be written: %s",
                      folder, strerror(errno));
    } else if (info.f_bavail * info.f_frsize < 1u << 20) {
        vg_say_broken(d,
                      "free some, enlarge it (docker run --shm-size=1g), or name another "
                      "folder in VGPU_ACCOUNTS",
                      "'%s' is full: %llu KiB left", folder,
                      (unsigned long long)info.f_bavail * info.f_frsize >> 10);
    } else {
        vg_say_ok(d, "'%s' has %llu MiB left", folder,
                  (unsigned long long)info.f_bavail * info.f_frsize >> 20);
    }
}

const struct vg_check vg_checks_guest[] = {
    { "guest", "preload", check_preload },
    { "guest", "library-path", check_library_path },
    { "guest", "address-space", check_address_space },
    { "guest", "descriptors", check_descriptors },
    { "guest", "system-calls", check_system_calls },
    { "guest", "shared-memory", check_shared_memory },
    { NULL, NULL, NULL },
};
