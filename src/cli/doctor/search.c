/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search - the loader's way to a library: LD_LIBRARY_PATH, the folders of ld.so.conf,
 * the built-in ones. Links are followed below the root.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/elf.h"
#include "cli/paths.h"

bool
vg_search_resolve(const struct vg_doctor *d, const char *path, char out[PATH_MAX])
{
    char at[PATH_MAX], target[PATH_MAX];

    (void)vg_path_print(at, "%s", path);
    for (int depth = 0; depth < 16; depth++) {
        const ssize_t n = readlink(at, target, sizeof(target) - 1);
        if (n < 0) {
            break;
        }
        target[n] = '\0';
        if (target[0] == '/') {
            (void)vg_path_print(at, "%s%s", d->root, target);
        } else {
            char folder[PATH_MAX];
            (void)vg_path_print(folder, "%s", at);
            char *slash = strrchr(folder, '/');
            if (slash == NULL) {
                return false;
            }
            *slash = '\0';
            (void)vg_path_print(at, "%s/%s", folder, target);
        }
    }
    return realpath(at, out) != NULL;
}

struct walk {
    const struct vg_doctor *d;
    bool (*visit)(void *arg, const char *folder);
    void *arg;
};

static bool walk_conf(const struct walk *walk, const char *path, int depth);

static bool
walk_include(const struct walk *walk, const char *pattern, int depth)
{
    char full[PATH_MAX];
    glob_t found;
    bool stop = false;

    (void)vg_path_print(full, "%s%s%s", walk->d->root, pattern[0] == '/' ? "" : "/etc/",
                        pattern);
    if (depth > 4 || glob(full, 0, NULL, &found) != 0) {
        return false;
    }
    for (size_t i = 0; i < found.gl_pathc && !stop; i++) {
        stop = walk_conf(walk, found.gl_pathv[i], depth + 1);
    }
    globfree(&found);
    return stop;
}

static bool
walk_conf(const struct walk *walk, const char *path, int depth)
{
    char line[PATH_MAX], folder[PATH_MAX];
    bool stop = false;
    FILE *file = fopen(path, "re");

    while (file != NULL && !stop && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "#\r\n")] = '\0';
        const char *text = line + strspn(line, " \t");
        if (strncmp(text, "include", 7) == 0) {
            stop = walk_include(walk, text + 7 + strspn(text + 7, " \t"), depth);
        } else if (text[0] == '/') {
            stop = walk->visit(walk->arg,
                               vg_path_print(folder, "%s%s", walk->d->root, text));
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return stop;
}

bool
vg_search_folders(const struct vg_doctor *d, bool (*visit)(void *arg, const char *folder),
                  void *arg)
{
    static const char *const built_in[] = { "/lib/x86_64-linux-gnu",
                                            "/usr/lib/x86_64-linux-gnu",
                                            "/lib64",
                                            "/usr/lib64",
                                            "/lib",
                                            "/usr/lib" };
    const struct walk walk = { d, visit, arg };
    const char *variable = vg_environment_get(d, "LD_LIBRARY_PATH");
    char *copy = strdup(variable != NULL ? variable : "");
    char *rest = copy;
    char path[PATH_MAX];
    const char *folder;
    bool stop = false;

    while (!stop && (folder = strsep(&rest, ":;")) != NULL) {
        if (folder[0] != '\0') {
            stop = visit(arg, folder);
        }
    }
    free(copy);
    stop = stop || walk_conf(&walk, vg_path_print(path, "%s/etc/ld.so.conf", d->root), 0);
    for (size_t i = 0; !stop && i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        stop = visit(arg, vg_path_print(path, "%s%s", d->root, built_in[i]));
    }
    return stop;
}

struct search {
    const struct vg_doctor *d;
    const char *name;
    struct vg_candidates *out;
};

static bool
add_candidate(void *arg, const char *folder)
{
    struct search *search = arg;
    struct vg_candidates *out = search->out;
    struct vg_candidate new;
    struct stat info;

    (void)vg_path_print(new.path, "%s/%s", folder, search->name);
    if (lstat(new.path, &info) != 0) {
        return false;
    }
    if (!vg_search_resolve(search->d, new.path, new.real)) {
        new.real[0] = '\0';
    }
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(new.real, out->at[i].real) == 0 &&
            (new.real[0] != '\0' || strcmp(new.path, out->at[i].path) == 0)) {
            return false;
        }
    }
    out->at[out->count++] = new;
    return out->count == VG_CANDIDATE_MAX;
}

void
vg_search_candidates(const struct vg_doctor *d, const char *name,
                     struct vg_candidates *out)
{
    struct search search = { d, name, out };

    out->count = 0;
    (void)vg_search_folders(d, add_candidate, &search);
}

bool
vg_search_is_ours(const char *real)
{
    struct vg_elf elf;

    if (vg_elf_open(real, &elf) != 0) {
        return false;
    }
    const bool is_ours = vg_elf_contains(&elf, "VGPU_ENDPOINT");
    vg_elf_close(&elf);
    return is_ours;
}

bool
vg_search_is_stub(const char *real)
{
    return strstr(real, "/stubs/") != NULL;
}
