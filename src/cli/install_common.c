/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/install.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/error.h"
#include "cli/paths.h"

extern char **environ;

static bool
is_real_folder(const char *root, const char *path)
{
    char full[PATH_MAX];
    struct stat info;

    (void)vg_path_print(full, "%s%s", root, path);
    return lstat(full, &info) == 0 && S_ISDIR(info.st_mode);
}

void
vg_install_library_folder(const char *root, const char *prefix, char out[PATH_MAX])
{
    static const char multiarch[] = "/usr/lib/x86_64-linux-gnu";

    if (strcmp(prefix, "/usr") != 0) {
        (void)vg_path_print(out, "%s/lib", prefix);
    } else if (!is_real_folder(root, multiarch) && is_real_folder(root, "/usr/lib64")) {
        (void)vg_path_print(out, "/usr/lib64");
    } else {
        (void)vg_path_print(out, "%s", multiarch);
    }
}

int
vg_install_root(const char *given, char out[PATH_MAX], struct vg_error *err)
{
    struct stat info;

    if (realpath(given, out) == NULL) {
        return vg_error_set(err, -errno, "cannot use '%s' as the root: %s", given,
                            strerror(errno));
    }
    if (stat(out, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return vg_error_set(err, -ENOTDIR, "the root '%s' is no folder", given);
    }
    if (strcmp(out, "/") == 0) {
        out[0] = '\0';
    }
    return 0;
}

int
vg_install_lock(const char *root, struct vg_error *err)
{
    const char *path = root[0] != '\0' ? root : "/";
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return vg_error_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)close(fd);
        return vg_error_set(err, -EBUSY, "another vgpu is installing into '%s'", path);
    }
    return fd;
}

void
vg_install_ldconfig(const char *root, bool is_dry)
{
    static char name[] = "ldconfig";
    char *const argv[] = { name, NULL };
    pid_t child;
    int status = 0;

    if (root[0] != '\0') {
        return; /* an image runs its own, or has no cache to update */
    }
    if (is_dry) {
        (void)puts("run    ldconfig");
        return;
    }
    if (posix_spawn(&child, "/sbin/ldconfig", NULL, NULL, argv, environ) != 0) {
        (void)fputs("vgpu: there is no /sbin/ldconfig: the loader may not see the "
                    "libraries\n",
                    stderr);
        return;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) {
        (void)fputs("vgpu: ldconfig failed: the loader may not see the libraries\n",
                    stderr);
    }
}

bool
vg_install_read_endpoint(const char *path, char *out, size_t size)
{
    char line[4300];
    bool found = false;
    FILE *file = fopen(path, "re");

    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        char *value = strchr(line, '=');
        if (value == NULL || line[0] == '#') {
            continue;
        }
        *value++ = '\0';
        const char *name = line + strspn(line, " \t");
        if (strncmp(name, "endpoint", 8) == 0 &&
            name[8 + strspn(name + 8, " \t")] == '\0') {
            value += strspn(value, " \t");
            value[strcspn(value, " \t\r\n")] = '\0';
            (void)snprintf(out, size, "%s", value);
            found = true;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}
