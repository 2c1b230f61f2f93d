/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/error.h"

/* in the build folder, of a package, by `vgpu install` */
static const char *const candidates[] = { "lib", "../" VGPU_PRIVATE_DIR, "../lib/vgpu" };

int
vg_paths_lib(char **out_dir, struct vg_error *err)
{
    char self[PATH_MAX];
    char path[PATH_MAX + 64];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length < 0) {
        return vg_error_set(err, -ENOENT,
                            "cannot read /proc/self/exe: is /proc mounted?");
    }
    self[length] = '\0';
    *strrchr(self, '/') = '\0';

    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s/libcuda.so.1", self, candidates[i]);
        if (access(path, R_OK) != 0) {
            continue;
        }
        *strrchr(path, '/') = '\0';
        *out_dir = realpath(path, NULL);
        return *out_dir != NULL ? 0
                                : vg_error_set(err, -errno, "cannot resolve '%s'", path);
    }
    (void)vg_error_set(err, -ENOENT, "there is no libcuda.so.1 in '%s/lib'", self);
    vg_error_hint(err, "run 'make' to build it");
    return err->code;
}

char *
vg_path_print(char out[PATH_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(out, PATH_MAX, format, args);
    va_end(args);
    if (n < 0 || n >= PATH_MAX) {
        out[0] = '\0';
    }
    return out;
}
