/* SPDX-License-Identifier: Apache-2.0 */

/*
 * run - `vgpu run -- PROGRAM ARGS`: one program on the vGPU, nothing installed.
 *
 * Sets the environment for that program alone, stays as its parent and ends as it ended.
 * Everything it says goes to stderr. The counters come in files of a folder of ours, one
 * of each kind from each process that used a GPU, which is removed at the end.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/command.h"
#include "cli/error.h"
#include "cli/paths.h"
#include "cli/probe.h"
#include "cli/stats.h"

/* Where the processes leave their counters; our own folder unless the user named a file.
 */
struct counters {
    char folder[PATH_MAX];
};

/* What a process puts for %p is its number, so that none overwrites another's. */
static const struct {
    const char *variable;
    const char *file;
} counter_files[] = {
    { "VGPU_STATS", "shim.%p" },
    { "VGPU_SOFT_STATS", "soft.%p" },
};
#define COUNTER_FILE_COUNT (sizeof(counter_files) / sizeof(counter_files[0]))

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

static bool
is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL && value[0] != '\0';
}

static int
open_counters(struct counters *counters, struct vg_error *err)
{
    const char *top = is_set("TMPDIR") ? getenv("TMPDIR") : P_tmpdir;
    char path[PATH_MAX + 16];

    (void)snprintf(counters->folder, sizeof(counters->folder), "%s/vgpu-run-XXXXXX", top);
    if (mkdtemp(counters->folder) == NULL) {
        (void)vg_error_set(err, -errno, "cannot make a folder in '%s': %s", top,
                           strerror(errno));
        vg_error_hint(err, "TMPDIR names a folder for small temporary files");
        counters->folder[0] = '\0';
        return err->code;
    }
    for (size_t i = 0; i < COUNTER_FILE_COUNT; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", counters->folder,
                       counter_files[i].file);
        if (setenv(counter_files[i].variable, path, 0) != 0) {
            return vg_error_set(err, -ENOMEM, "out of memory");
        }
    }
    return 0;
}

static void
read_counters(struct vg_stats *stats, const char *path)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return; /* no process got as far as to count */
    }
    if (vg_stats_read(stats, file) != 0) {
        (void)fputs("vgpu: out of memory for the statistics\n", stderr);
    }
    (void)fclose(file);
}

/* Reads and removes what is in our folder, and the folder. */
static void
collect_counters(const struct counters *counters, struct vg_stats *stats)
{
    DIR *folder = opendir(counters->folder);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[PATH_MAX + sizeof(entry->d_name) + 1];

        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", counters->folder, entry->d_name);
        read_counters(stats, path);
        (void)unlink(path);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    (void)rmdir(counters->folder);
    for (size_t i = 0; i < COUNTER_FILE_COUNT; i++) {
        const char *path = getenv(counter_files[i].variable);
        if (path != NULL &&
            strncmp(path, counters->folder, strlen(counters->folder)) != 0) {
            read_counters(stats, path);
        }
    }
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
report(const struct counters *counters, bool is_wanted, bool with_stats)
{
    struct vg_stats stats = { .item_count = { 0 } };

    collect_counters(counters, &stats);
    if (is_wanted) {
        vg_stats_print_missing(&stats, stderr);
    }
    if (is_wanted && with_stats) {
        vg_stats_print(&stats, stderr);
    }
    vg_stats_fini(&stats);
}

static int
run_program(char **argv, const char *lib, bool with_stats, struct vg_error *err)
{
    struct counters counters = { .folder = "" };
    int status = open_counters(&counters, err);

    if (counters.folder[0] == '\0') {
        return status;
    }
    if (status == 0) {
        status = set_environment(lib, err);
    }
    if (status == 0) {
        announce(lib);
        status = vg_child_run(argv, "vgpu-worker", err);
        if (status > 0 && err->code != 0) {
            vg_error_print(err);
        }
    }
    report(&counters, status >= 0 && err->code == 0, with_stats);
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
