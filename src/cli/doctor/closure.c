/* SPDX-License-Identifier: Apache-2.0 */
/*
 * closure - a library and all that it needs, as the loader would bind them; `ldd -r` that
 * runs nothing and works in a root that is not ours.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/elf.h"
#include "cli/paths.h"

#define OBJECT_MAX 128
#define SAID_MAX   8 /* of a kind; the rest is counted */

struct object {
    char name[256]; /* as it was needed */
    char path[PATH_MAX];
    struct vg_elf elf;
};

struct closure {
    struct vg_doctor *d;
    const char *first; /* a folder to search before all others, or NULL */
    struct object *objects;
    size_t count;
    unsigned missing;
    const char *lost[OBJECT_MAX]; /* what was not found, said once */
    size_t lost_count;
    bool lacks_loader;
};

struct lookup {
    const char *name;
    char *out;
    const struct vg_doctor *d;
};

/* A library of another class is passed over, as the loader does. */
static bool
try_folder(void *arg, const char *folder)
{
    struct lookup *lookup = arg;
    char path[PATH_MAX];
    struct vg_elf elf;

    (void)vg_path_print(path, "%s/%s", folder, lookup->name);
    if (!vg_search_resolve(lookup->d, path, lookup->out) ||
        vg_elf_open(lookup->out, &elf) != 0) {
        return false;
    }
    const bool fits = elf.is_64;
    vg_elf_close(&elf);
    return fits;
}

/* RUNPATH with $ORIGIN, before the loader's folders of the system. */
static bool
try_runpath(struct lookup *lookup, const struct object *from)
{
    char *copy = strdup(from->elf.search != NULL ? from->elf.search : "");
    char *rest = copy, folder[PATH_MAX];
    const char *one;
    bool found = false;
    const char *slash = strrchr(from->path, '/');
    const int length = slash != NULL ? (int)(slash - from->path) : 0;

    while (!found && (one = strsep(&rest, ":")) != NULL) {
        if (strncmp(one, "$ORIGIN", 7) == 0) {
            (void)vg_path_print(folder, "%.*s%s", length, from->path, one + 7);
        } else if (one[0] == '/') {
            (void)vg_path_print(folder, "%s%s", lookup->d->root, one);
        } else {
            continue;
        }
        found = try_folder(lookup, folder);
    }
    free(copy);
    return found;
}

static bool
find_library(const struct closure *c, const char *name, const struct object *from,
             char out[PATH_MAX])
{
    struct lookup lookup = { name, out, c->d };
    char *copy, *rest;
    const char *one;
    bool found = false;

    copy = rest = strdup(c->first != NULL ? c->first : "");
    while (!found && (one = strsep(&rest, ":")) != NULL) {
        found = one[0] != '\0' && try_folder(&lookup, one);
    }
    free(copy);
    return found || try_runpath(&lookup, from) ||
           vg_search_folders(c->d, try_folder, &lookup);
}

static bool
has_object(const struct closure *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->objects[i].name, name) == 0 ||
            (c->objects[i].elf.soname != NULL &&
             strcmp(c->objects[i].elf.soname, name) == 0)) {
            return true;
        }
    }
    return false;
}

static void
add_object(struct closure *c, const char *name, const char *path)
{
    struct object *new = &c->objects[c->count];

    if (c->count == OBJECT_MAX || vg_elf_open(path, &new->elf) != 0) {
        return;
    }
    (void)snprintf(new->name, sizeof(new->name), "%s", name);
    (void)vg_path_print(new->path, "%s", path);
    c->count++;
}

/* There before any library: a root without it is none that programs run in. */
static bool
is_loader(const char *name)
{
    return strncmp(name, "ld-linux", 8) == 0;
}

/* Several may need what is missing; the loader stops at the first. */
static bool
was_said(struct closure *c, const char *name)
{
    for (size_t i = 0; i < c->lost_count; i++) {
        if (strcmp(c->lost[i], name) == 0) {
            return true;
        }
    }
    if (c->lost_count < OBJECT_MAX) {
        c->lost[c->lost_count++] = name;
    }
    return false;
}

static void
load_needed(struct closure *c, size_t index)
{
    char path[PATH_MAX];
    const char *name;

    for (size_t i = 0; (name = vg_elf_needed(&c->objects[index].elf, i)) != NULL; i++) {
        if (has_object(c, name)) {
            continue;
        }
        if (find_library(c, name, &c->objects[index], path)) {
            add_object(c, name, path);
            continue;
        }
        if (is_loader(name)) {
            c->lacks_loader = true;
            continue;
        }
        c->missing++;
        if (was_said(c, name)) {
            continue;
        }
        vg_say_broken(
            c->d,
            strncmp(name, "libcuda.so", 10) == 0
                ? "'vgpu install' puts it where the loader looks"
                : "install what brings it, or unpack the whole archive again",
            "'%s' needs %s, which the loader does not find: it cannot be loaded",
            c->objects[index].path, name);
    }
}

/* Versions first: one that is missing explains all of its symbols. */
static void
check_versions(struct closure *c, const struct object *object)
{
    const char *library, *version;

    for (size_t i = 0; vg_elf_needed_version(&object->elf, i, &library, &version); i++) {
        const struct object *by = NULL;
        for (size_t n = 0; n < c->count; n++) {
            if (strcmp(c->objects[n].name, library) == 0) {
                by = &c->objects[n];
            }
        }
        if (by == NULL || vg_elf_defines_version(&by->elf, version)) {
            continue;
        }
        c->missing++;
        vg_say_broken(
            c->d,
            "put the original of that library back: only libcuda.so.1 and "
            "libnvidia-ml.so.1 are to be replaced",
            "'%s' cannot be loaded: it needs the symbol version %s, which '%s' does "
            "not have; nothing in libcuda is ever called then",
            object->path, version, by->path);
    }
}

static bool
is_defined(const struct closure *c, const struct vg_elf_symbol *symbol)
{
    for (size_t i = 0; i < c->count; i++) {
        if (vg_elf_defines(&c->objects[i].elf, symbol->name, symbol->version)) {
            return true;
        }
    }
    return false;
}

static void
check_symbols(struct closure *c, const struct object *object)
{
    struct vg_elf_symbol symbol;
    unsigned missing = 0;

    for (size_t i = 0; vg_elf_symbol(&object->elf, i, &symbol); i++) {
        if (symbol.is_defined || symbol.is_weak || symbol.name[0] == '\0' ||
            is_defined(c, &symbol)) {
            continue;
        }
        if (missing++ < SAID_MAX) {
            vg_say_broken(
                c->d,
                "use libraries of one version: the first symbol that is missing "
                "makes the loader give up",
                "'%s' cannot be loaded: the symbol %s%s%s is nowhere; nothing in "
                "libcuda is ever called then",
                object->path, symbol.name, symbol.version != NULL ? "@" : "",
                symbol.version != NULL ? symbol.version : "");
        }
    }
    if (missing > SAID_MAX) {
        vg_say_broken(c->d, "as above", "'%s': %u symbols more", object->path,
                      missing - SAID_MAX);
    }
    c->missing += missing;
}

bool
vg_closure_check(struct vg_doctor *d, const char *path, const char *first)
{
    struct closure c = { .d = d, .first = first };

    c.objects = calloc(OBJECT_MAX, sizeof(*c.objects));
    if (c.objects == NULL) {
        abort();
    }
    add_object(&c, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, path);
    if (c.count == 0 || !c.objects[0].elf.is_64) {
        vg_say_broken(d, "install it again", "'%s' is no 64-bit shared library", path);
        c.missing++;
    }
    for (size_t i = 0; i < c.count && c.objects[i].elf.is_64; i++) {
        load_needed(&c, i);
    }
    if (c.missing == 0) {
        check_versions(&c, &c.objects[0]);
    }
    if (c.missing == 0 && !c.lacks_loader) { /* what is missing explains its symbols */
        check_symbols(&c, &c.objects[0]);
    }
    for (size_t i = 0; i < c.count; i++) {
        vg_elf_close(&c.objects[i].elf);
    }
    free(c.objects);
    return c.missing == 0;
}
