/* SPDX-License-Identifier: Apache-2.0 */
/* check_process - one process: has it mapped libcuda, and has it ever called it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"

struct maps {
    bool can_read;
    char cuda[PATH_MAX]; /* the file mapped, "" if none */
    bool is_ours, has_lanes;
};

/* Is it the file to which a libcuda.so.1 leads, by whatever name? */
static bool
leads_there(const struct vg_doctor *d, const char *path)
{
    for (size_t i = 0; i < d->cuda.count; i++) {
        if (strcmp(d->cuda.at[i].real, path) == 0) {
            return true;
        }
    }
    return false;
}

static void
read_maps(const struct vg_doctor *d, pid_t pid, struct maps *out)
{
    char path[64], line[PATH_MAX + 128];

    memset(out, 0, sizeof(*out));
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        out->can_read = true;
        line[strcspn(line, "\n")] = '\0';
        const char *name = strchr(line, '/');
        if (name == NULL) {
            continue;
        }
        const char *base = strrchr(name, '/') + 1;
        if (strncmp(name, "/memfd:vgpu-lanes", 17) == 0) {
            out->has_lanes = true;
        } else if (strncmp(base, "libcuda.so", 10) == 0 || leads_there(d, name)) {
            (void)snprintf(out->cuda, sizeof(out->cuda), "%s", name);
        }
    }
    (void)fclose(file);
    out->is_ours = out->cuda[0] != '\0' && vg_search_is_ours(out->cuda);
}

/* "ollama serve", words separated by blanks. */
static void
read_command(pid_t pid, char *out, size_t size)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "re");
    size_t n = file != NULL ? fread(out, 1, size - 1, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    out[n] = '\0';
    while (n > 0 && out[n - 1] == '\0') {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] == '\0' ? ' ' : out[i];
    }
}

/* The children that have mapped a libcuda, as text. */
static void
list_children(const struct vg_doctor *d, pid_t pid, char *out, size_t size)
{
    char path[300], line[512];
    const struct dirent *entry;
    DIR *all = opendir("/proc");
    size_t n = 0;

    out[0] = '\0';
    while (all != NULL && (entry = readdir(all)) != NULL) {
        const pid_t child = (pid_t)atoi(entry->d_name);
        int parent = 0;
        struct maps maps;

        (void)snprintf(path, sizeof(path), "/proc/%.255s/stat", entry->d_name);
        FILE *file = child > 0 ? fopen(path, "re") : NULL;
        if (file == NULL) {
            continue;
        }
        const char *after =
            fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
        if (after == NULL || sscanf(after, ") %*c %d", &parent) != 1) {
            parent = 0;
        }
        (void)fclose(file);
        if (parent != pid || n >= size) {
            continue;
        }
        read_maps(d, child, &maps);
        n += (size_t)snprintf(out + n, size - n, "%s%d%s", n > 0 ? ", " : "", (int)child,
                              maps.cuda[0] != '\0' ? " (has libcuda)" : "");
    }
    if (all != NULL) {
        (void)closedir(all);
    }
}

static void
say_not_mapped(struct vg_doctor *d, const char *command)
{
    char children[256];

    list_children(d, d->pid, children, sizeof(children));
    if (d->for_ollama && d->generation >= 2 && strstr(command, "serve") != NULL) {
        vg_say_unknown(
            d,
            "look at its children while they run, or at the log with "
            "OLLAMA_DEBUG=2",
            "this is the wrong process to look at: '%.100s' never maps libcuda in this "
            "generation, its short-lived children do (now: %s)",
            command, children[0] != '\0' ? children : "none");
    } else {
        vg_say_unknown(
            d,
            "look at the process that opens it; links never show in maps, only the "
            "files where they lead",
            "process %d ('%.100s') has not mapped libcuda; children: %s", (int)d->pid,
            command, children[0] != '\0' ? children : "none");
    }
}

static void
check_maps(struct vg_doctor *d)
{
    struct maps maps;
    char command[512];

    read_maps(d, d->pid, &maps);
    read_command(d->pid, command, sizeof(command));
    if (!maps.can_read) {
        vg_say_unknown(
            d, "look for its number again, or run doctor as root",
            "the maps of process %d cannot be read: it is gone, or somebody else's",
            (int)d->pid);
    } else if (maps.cuda[0] == '\0') {
        say_not_mapped(d, command);
    } else if (!maps.is_ours) {
        vg_say_broken(
            d,
            "start it again after 'vgpu install'; running processes keep what they "
            "have",
            "process %d has mapped another libcuda: '%s'", (int)d->pid, maps.cuda);
    } else if (!maps.has_lanes) {
        vg_say_broken(
            d,
            "'vgpu doctor --ollama' looks for a symbol that is missing in what would "
            "call it; a library that is preloaded shows here without being used",
            "process %d has mapped libcuda ('%s') but never called cuInit with success: "
            "it has no connection to a worker",
            (int)d->pid, maps.cuda);
    } else {
        vg_say_ok(
            d,
            "process %d has mapped '%s' (maps show where links lead) and is connected to "
            "a worker",
            (int)d->pid, maps.cuda);
    }
}

/* In another container the same paths are other files. */
static void
check_namespace(struct vg_doctor *d)
{
    char path[64], theirs[128], ours[128];

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)d->pid);
    const ssize_t n = readlink(path, theirs, sizeof(theirs) - 1);
    const ssize_t m = readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1);
    if (n < 0 || m < 0) {
        return; /* gone, or somebody else's: the maps say so */
    }
    theirs[n] = ours[m] = '\0';
    if (strcmp(theirs, ours) != 0) {
        vg_say_unknown(
            d, "run 'vgpu doctor' inside that container (nsenter -m -t PID)",
            "process %d lives in another container or mount namespace: what is "
            "said of files here need not hold there",
            (int)d->pid);
    }
}

const struct vg_check vg_checks_process[] = {
    { "process", "namespace", check_namespace },
    { "process", "maps", check_maps },
    { NULL, NULL, NULL },
};
