/* SPDX-License-Identifier: Apache-2.0 */

/*
 * info - `vgpu info`: the device as a program sees it through our libcuda.so.1.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/error.h"
#include "cli/paths.h"
#include "cli/probe.h"

static void
print_device(const struct vg_probe *probe, const char *path)
{
    const unsigned char *u = probe->uuid;

    (void)printf("device:    %s\n", probe->name);
    (void)printf("compute:   %d.%d\n", probe->major, probe->minor);
    (void)printf("memory:    %.2f GiB\n", (double)probe->memory / (1u << 30));
    (void)printf("uuid:      GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                 "%02x%02x%02x%02x%02x%02x\n",
                 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
                 u[12], u[13], u[14], u[15]);
    (void)printf("pci:       %s\n", probe->pci);
    (void)printf("driver:    CUDA %d.%d\n", probe->driver_version / 1000,
                 probe->driver_version % 1000 / 10);
    (void)printf("endpoint:  %s\n", getenv("VGPU_ENDPOINT"));
    (void)printf("library:   %s\n", path);
}

/* Is @path, or what it links to, some file other than @ours? */
static bool
is_other(const char *path, const char *ours)
{
    char *real = realpath(path, NULL);
    char *real_ours = realpath(ours, NULL);
    const bool other = real != NULL && real_ours != NULL && strcmp(real, real_ours) != 0;

    free(real);
    free(real_ours);
    return other;
}

static bool
report_other(const char *folder, const char *ours)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/libcuda.so.1", folder);
    if (access(path, F_OK) != 0 || !is_other(path, ours)) {
        return false;
    }
    (void)printf("other:     %s would be loaded first by a program of yours\n", path);
    return true;
}

/* The loader looks at LD_LIBRARY_PATH in order, then at its cache, then at the defaults.
 */
static void
print_others(const char *ours)
{
    static const char *const defaults[] = { "/usr/lib/x86_64-linux-gnu/nvidia/current",
                                            "/lib/x86_64-linux-gnu",
                                            "/usr/lib/x86_64-linux-gnu",
                                            "/usr/local/lib",
                                            "/lib64",
                                            "/usr/lib64" };
    const char *variable = getenv("LD_LIBRARY_PATH");
    char *folders = variable != NULL ? strdup(variable) : NULL;
    char *rest = folders;
    const char *folder;
    bool found = false;
    bool ours_first = false;

    while ((folder = strsep(&rest, ":")) != NULL) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/libcuda.so.1",
                       folder[0] != '\0' ? folder : ".");
        if (access(path, F_OK) == 0 && !is_other(path, ours)) {
            ours_first = true;
            break;
        }
        found |= report_other(folder[0] != '\0' ? folder : ".", ours);
    }
    for (size_t i = 0; !ours_first && i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        found |= report_other(defaults[i], ours);
    }
    if (found) {
        (void)printf("           'vgpu run -- PROGRAM' puts ours before it\n");
    }
    free(folders);
}

static int
run_info(int argc, char **argv, struct vg_error *err)
{
    struct vg_probe probe;
    char *lib = NULL;
    char path[PATH_MAX];

    if (argc > 1) {
        return vg_error_set(err, -EINVAL, "info takes no argument '%s'", argv[1]);
    }
    int r = vg_paths_lib(&lib, err);
    if (r != 0) {
        return r;
    }
    (void)snprintf(path, sizeof(path), "%s/libcuda.so.1", lib);
    free(lib);
    if (setenv("VGPU_ENDPOINT", "soft", 0) != 0) {
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    r = vg_probe_driver(path, &probe, err);
    if (r == 0) {
        print_device(&probe, path);
    }
    print_others(path);
    return r;
}

const struct vg_command vg_command_info = {
    .name = "info",
    .synopsis = "",
    .summary = "Show the device as a program sees it",
    .details =
        "\nAlso where the link goes (VGPU_ENDPOINT, 'soft' unless it is set) and any\n"
        "other libcuda.so.1 that the loader would take first outside 'vgpu run'.\n",
    .run = run_info,
};
