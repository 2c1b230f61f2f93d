/* SPDX-License-Identifier: Apache-2.0 */

/*
 * info - `vgpu info`: the device as a program sees it through our libcuda.so.1.
 */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

/* Writes the name of the libcuda.so.1 that the loader takes; in a child of its own. */
static void
tell_loaded(int out)
{
    void *library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    struct link_map *map = NULL;

    if (library != NULL && dlinfo(library, RTLD_DI_LINKMAP, &map) == 0) {
        (void)!write(out, map->l_name, strlen(map->l_name)); /* nothing: nothing found */
    }
    _exit(0);
}

/* Return: what a program started from here would load, or "" when it would find none. */
static void
find_loaded(char *out_path, size_t size)
{
    int fds[2];
    ssize_t length = 0;

    out_path[0] = '\0';
    if (pipe(fds) != 0) {
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)close(fds[0]);
        tell_loaded(fds[1]);
    }
    (void)close(fds[1]);
    if (child > 0) {
        length = read(fds[0], out_path, size - 1);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(fds[0]);
    out_path[length > 0 ? length : 0] = '\0';
}

static void
print_other(const char *ours)
{
    char path[PATH_MAX];

    find_loaded(path, sizeof(path));
    char *real = path[0] != '\0' ? realpath(path, NULL) : NULL;
    char *real_ours = realpath(ours, NULL);
    if (real != NULL && real_ours != NULL && strcmp(real, real_ours) != 0) {
        (void)printf("other:     %s is what a program loads outside 'vgpu run'\n", path);
    }
    free(real);
    free(real_ours);
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
    print_other(path);
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
