/* SPDX-License-Identifier: Apache-2.0 */

/*
 * run - `vgpu run -- PROGRAM ARGS`: one program on the vGPU, nothing installed.
 *
 * Sets the environment for that program alone, stays as its parent and ends as it ended.
 * Everything it says goes to stderr. The counters travel through memory files of ours, so
 * that nothing is left behind however we end.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/command.h"
#include "cli/error.h"
#include "cli/paths.h"
#include "cli/probe.h"
#include "cli/stats.h"

/* A file of counters: the user's own, if the variable is set, else ours. */
struct counters {
    const char *variable;
    FILE *file;
};

static const char *
endpoint(void)
{
    const char *value = getenv("VGPU_ENDPOINT");

    return value != NULL && value[0] != '\0' ? value : "soft";
}

static int
count_cpus(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* One line; a device that does not answer is the program's to report. */
static void
announce(const char *lib)
{
    struct vg_probe probe;
    struct vg_error err;
    char path[4096];

    if (strcmp(endpoint(), "soft") != 0) {
        (void)fprintf(stderr, "vgpu: GPU at %s\n", endpoint());
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/libvgpu-soft.so", lib);
    if (vg_probe_driver(path, &probe, &err) != 0) {
        vg_error_print(&err);
        return;
    }
    (void)fprintf(
        stderr, "vgpu: software GPU, CC %d.%d, %.3g GiB, %d CPUs, runs PTX only\n",
        probe.major, probe.minor, (double)probe.memory / (1u << 30), count_cpus());
}

static int
open_counters(struct counters *counters, struct vg_error *err)
{
    const char *set = getenv(counters->variable);
    char path[64];

    if (set != NULL && set[0] != '\0') {
        counters->file = fopen(set, "a+e");
        if (counters->file == NULL || fseek(counters->file, 0, SEEK_END) != 0) {
            return vg_error_set(err, -errno, "cannot open '%s' of %s: %s", set,
                                counters->variable, strerror(errno));
        }
        return 0;
    }
    const int fd = memfd_create(counters->variable, MFD_CLOEXEC);
    if (fd < 0) {
        return vg_error_set(err, -errno, "cannot make a memory file: %s",
                            strerror(errno));
    }
    counters->file = fdopen(fd, "r+");
    if (counters->file == NULL) {
        (void)close(fd);
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    (void)snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(), fd);
    return setenv(counters->variable, path, 1) == 0
               ? 0
               : vg_error_set(err, -ENOMEM, "out of memory");
}

static int
set_environment(const char *lib, struct vg_error *err)
{
    const char *old = getenv("LD_LIBRARY_PATH");
    char *path = NULL;

    if (old != NULL && old[0] != '\0') {
        if (asprintf(&path, "%s:%s", lib, old) < 0) {
            return vg_error_set(err, -ENOMEM, "out of memory");
        }
    }
    const int r = setenv("LD_LIBRARY_PATH", path != NULL ? path : lib, 1);
    free(path);
    if (r != 0 || setenv("VGPU_ENDPOINT", endpoint(), 1) != 0) {
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int
parse_arguments(int argc, char **argv, bool *with_stats, struct vg_error *err)
{
    int at = 1;

    *with_stats = false;
    while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--") != 0) {
        if (strcmp(argv[at], "--stats") != 0) {
            return vg_error_set(err, -EINVAL, "run has no option '%s'", argv[at]);
        }
        *with_stats = true;
        at++;
    }
    if (at < argc && strcmp(argv[at], "--") == 0) {
        at++;
    }
    if (at == argc) {
        return vg_error_set(err, -EINVAL, "run needs a program");
    }
    return at;
}

static void
report(struct counters *counters, size_t count, bool with_stats)
{
    struct vg_stats stats = { .item_count = { 0 } };

    for (size_t i = 0; i < count; i++) {
        if (fileno(counters[i].file) >= 0 &&
            vg_stats_read(&stats, counters[i].file) != 0) {
            (void)fputs("vgpu: out of memory for the statistics\n", stderr);
        }
    }
    vg_stats_print_missing(&stats, stderr);
    if (with_stats) {
        vg_stats_print(&stats, stderr);
    }
    vg_stats_fini(&stats);
}

static int
run_program(char **argv, const char *lib, bool with_stats, struct vg_error *err)
{
    struct counters counters[] = { { .variable = "VGPU_STATS" },
                                   { .variable = "VGPU_SOFT_STATS" } };
    const size_t count = sizeof(counters) / sizeof(counters[0]);
    int status = 0;

    for (size_t i = 0; i < count && status == 0; i++) {
        status = open_counters(&counters[i], err);
    }
    if (status == 0) {
        status = set_environment(lib, err);
    }
    if (status == 0) {
        announce(lib);
        status = vg_child_run(argv, err);
        if (status > 0 && err->code != 0) {
            vg_error_print(err);
        } else if (status >= 0) {
            report(counters, count, with_stats);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (counters[i].file != NULL) {
            (void)fclose(counters[i].file);
        }
    }
    return status;
}

static int
run_run(int argc, char **argv, struct vg_error *err)
{
    bool with_stats;
    char *lib = NULL;

    const int at = parse_arguments(argc, argv, &with_stats, err);
    if (at < 0) {
        return at;
    }
    int r = vg_paths_lib(&lib, err);
    if (r == 0) {
        r = run_program(argv + at, lib, with_stats, err);
    }
    free(lib);
    return r;
}

const struct vg_command vg_command_run = {
    .name = "run",
    .synopsis = "[--stats] -- PROGRAM [ARGUMENT...]",
    .summary = "Run a program on the vGPU",
    .details =
        "\nThe program finds our libcuda.so.1 first; nothing on the machine is changed.\n"
        "Its exit status is kept (128+n after signal n), and signals reach it.\n"
        "VGPU_ENDPOINT says where the GPU is; 'soft', the software GPU, unless it is set.\n"
        "\n  --stats   print calls, bytes, launches and time by call at the end\n",
    .run = run_run,
};
