/* SPDX-License-Identifier: Apache-2.0 */
/* check_libraries - libcuda.so.1 and libnvidia-ml.so.1 as the loader finds them. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/elf.h"
#include "cli/error.h"
#include "cli/journal.h"
#include "cli/package.h"
#include "cli/paths.h"

/* What clients import or look up; the first that is missing stops them. */
static const char *const cuda_names[] = {
    "cuInit",
    "cuDriverGetVersion",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetName",
    "cuDeviceGetUuid",
    "cuDeviceTotalMem_v2",
    "cuCtxCreate_v3",
    "cuCtxDestroy",
    "cuMemGetInfo_v2",
    "cuGetErrorString",
    "cuMemAddressFree",
    "cuMemAddressReserve",
    "cuMemCreate",
    "cuMemGetAllocationGranularity",
    "cuMemMap",
    "cuMemRelease",
    "cuMemSetAccess",
    "cuMemUnmap",
    "cuGetProcAddress",
    "cuGetProcAddress_v2",
    "cuGetExportTable",
    NULL,
};

static const char *const nvml_names[] = {
    "nvmlInit_v2",
    "nvmlShutdown",
    "nvmlDeviceGetHandleByUUID",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetName",
    "nvmlErrorString",
    "nvmlSystemGetDriverVersion",
    NULL,
};

static const char *
owner(const struct vg_doctor *d, const char *real, char *out, size_t size)
{
    const char *below =
        real + (strncmp(real, d->root, strlen(d->root)) == 0 ? strlen(d->root) : 0);

    return vg_package_owner(d->root, below, out, size) ? out : "no package";
}

static void
check_installation(struct vg_doctor *d)
{
    struct vg_journal journal;
    struct vg_error err;

    if (vg_journal_read(d->root, &journal, &err) != 0) {
        vg_say_unknown(d, "run doctor as root", "%s", err.text);
        return;
    }
    if (journal.state == VG_JOURNAL_INTERRUPTED) {
        vg_say_broken(d, "'vgpu install' begins again, 'vgpu uninstall' takes it back",
                      "an installation was interrupted half-way");
    } else if (journal.state == VG_JOURNAL_DONE) {
        vg_say_ok(d, "vgpu is installed");
    } else {
        vg_say_ok(d, "vgpu is not installed by 'vgpu install'");
    }
    vg_journal_fini(&journal);
}

static void
check_first(struct vg_doctor *d, const struct vg_candidate *first, const char *name)
{
    struct vg_elf elf;
    char package[256];

    if (first->real[0] == '\0') {
        vg_say_broken(d, "delete the link, or call 'vgpu install' again",
                      "'%s' is a link that leads nowhere", first->path);
        return;
    }
    const int r = vg_elf_open(first->real, &elf);
    (void)owner(d, first->real, package, sizeof(package));
    const char *of = owner(d, first->real, package, sizeof(package));
    if (r != 0) {
        vg_say_broken(d, "call 'vgpu install' again", "'%s' is no shared library: %s",
                      first->real, strerror(-r));
        return;
    }
    if (!elf.is_64 || elf.machine != EM_X86_64) {
        vg_say_broken(d, "remove it from the folders of 64-bit libraries",
                      "'%s' has the wrong ELF class: it is %s", first->real,
                      elf.is_64 ? "for another processor" : "a 32-bit library");
    } else if (vg_search_is_stub(first->real)) {
        vg_say_broken(d, "take the stubs folder out of LD_LIBRARY_PATH and ld.so.conf",
                      "the loader takes a stub first: '%s' (package: %s)", first->path,
                      of);
    } else if (!vg_elf_contains(&elf, "VGPU_ENDPOINT")) {
        vg_say_broken(
            d, "'vgpu install --divert' moves it aside; or remove its package",
            "the loader takes another %s first: '%s' leads to '%s' (build id %s, "
            "package: %s)%s",
            name, first->path, first->real,
            elf.build_id[0] != '\0' ? elf.build_id : "none", of,
            vg_elf_contains(&elf, "NVIDIA") ? ", NVIDIA's" : "");
    } else if (elf.soname == NULL || strcmp(elf.soname, name) != 0) {
        vg_say_broken(d, "call 'vgpu install' again", "'%s' calls itself '%s', not %s",
                      first->real, elf.soname != NULL ? elf.soname : "", name);
    } else {
        vg_say_ok(d, "%s: '%s' leads to '%s' (build id %.12s, package: %s)", name,
                  first->path, first->real,
                  elf.build_id[0] != '\0' ? elf.build_id : "none", of);
    }
    vg_elf_close(&elf);
}

/* What the loader passes over: a link to nowhere, a library of another class. */
static bool
is_passed_over(const struct vg_candidate *candidate)
{
    struct vg_elf elf;

    if (candidate->real[0] == '\0') {
        return true;
    }
    if (vg_elf_open(candidate->real, &elf) != 0) {
        return false;
    }
    const bool fits = elf.is_64 && elf.machine == EM_X86_64;
    vg_elf_close(&elf);
    return !fits;
}

/* Leaves the one that is taken at the front; the last stays in any case. */
static void
drop_passed_over(struct vg_doctor *d, struct vg_candidates *found)
{
    while (found->count > 1 && is_passed_over(&found->at[0])) {
        vg_say_unknown(d, "delete it", "the loader passes over '%s': it is %s",
                       found->at[0].path,
                       found->at[0].real[0] == '\0' ? "a link that leads nowhere"
                                                    : "for another processor or 32-bit");
        found->count--;
        memmove(&found->at[0], &found->at[1], found->count * sizeof(found->at[0]));
    }
}

static void
check_library(struct vg_doctor *d, struct vg_candidates *found, const char *name)
{
    vg_search_candidates(d, name, found);
    if (found->count == 0) {
        vg_say_broken(
            d, "'vgpu install' puts it there; or start the program with 'vgpu run'",
            "the loader finds no %s", name);
        return;
    }
    drop_passed_over(d, found);
    check_first(d, &found->at[0], name);
}

static void
check_cuda(struct vg_doctor *d)
{
    check_library(d, &d->cuda, "libcuda.so.1");
}

static void
check_nvml(struct vg_doctor *d)
{
    check_library(d, &d->nvml, "libnvidia-ml.so.1");
}

/* A program that looks in another order, or by path, would take one of these. */
static void
check_others(struct vg_doctor *d)
{
    char package[256];
    bool is_well = true;

    for (size_t i = 1; i < d->cuda.count; i++) {
        const struct vg_candidate *other = &d->cuda.at[i];
        if (other->real[0] == '\0') {
            vg_say_broken(d, "delete the link", "'%s' is a link that leads nowhere",
                          other->path);
        } else if (!vg_search_is_ours(other->real)) {
            vg_say_unknown(
                d, "remove it, or 'vgpu install --divert'",
                "there is another libcuda.so.1, later in the loader's order: '%s' "
                "(package: %s)",
                other->real, owner(d, other->real, package, sizeof(package)));
        } else {
            continue;
        }
        is_well = false;
    }
    if (is_well && d->cuda.count > 0) {
        vg_say_ok(d, "there is no other libcuda.so.1");
    }
}

/* libcuda.so, which programs of some kinds open, must lead to the same file. */
static void
check_plain_links(struct vg_doctor *d)
{
    static const char *const names[] = { "libcuda.so", "libnvidia-ml.so" };
    const struct vg_candidates *expected[] = { &d->cuda, &d->nvml };
    struct vg_candidates found;
    bool is_well = true;

    for (size_t i = 0; i < 2; i++) {
        vg_search_candidates(d, names[i], &found);
        if (expected[i]->count == 0) {
            continue;
        }
        if (found.count > 0 && found.at[0].real[0] == '\0') {
            vg_say_broken(d, "delete the link, or call 'vgpu install' again",
                          "'%s' is a link that leads nowhere", found.at[0].path);
        } else if (found.count > 0 &&
                   strcmp(found.at[0].real, expected[i]->at[0].real) != 0) {
            vg_say_broken(d, "delete the link, or call 'vgpu install' again",
                          "'%s' still leads to another file: '%s'", found.at[0].path,
                          found.at[0].real);
        } else {
            continue;
        }
        is_well = false;
    }
    if (is_well) {
        vg_say_ok(d,
                  "libcuda.so and libnvidia-ml.so lead to the same files, if anywhere");
    }
}

static void
check_names(struct vg_doctor *d, const struct vg_candidates *found,
            const char *const *names)
{
    struct vg_elf elf;
    const char *missing = NULL;

    if (found->count == 0 || vg_elf_open(found->at[0].real, &elf) != 0) {
        return;
    }
    for (size_t i = 0; names[i] != NULL && missing == NULL; i++) {
        missing = vg_elf_defines(&elf, names[i], NULL) ? NULL : names[i];
    }
    if (missing != NULL) {
        vg_say_broken(d, "this library is too old or damaged: call 'vgpu install' again",
                      "'%s' does not export %s", found->at[0].real, missing);
    } else {
        vg_say_ok(d, "'%s' exports what clients look up", found->at[0].real);
    }
    vg_elf_close(&elf);
}

static void
check_cuda_names(struct vg_doctor *d)
{
    check_names(d, &d->cuda, cuda_names);
}

static void
check_nvml_names(struct vg_doctor *d)
{
    check_names(d, &d->nvml, nvml_names);
}

/* Does LD_LIBRARY_PATH lead to it? Then no cache is asked. */
static bool
is_by_variable(const struct vg_doctor *d, const char *path)
{
    const char *variable = vg_environment_get(d, "LD_LIBRARY_PATH");
    const char *slash = strrchr(path, '/');
    const size_t length = (size_t)(slash - path);

    for (const char *at = variable; at != NULL && *at != '\0';) {
        const size_t one = strcspn(at, ":");
        if (one == length && strncmp(at, path, length) == 0) {
            return true;
        }
        at += one + (at[one] == ':' ? 1 : 0);
    }
    return false;
}

/* A library that the loader's cache does not know is found in the built-in folders only.
 */
static void
check_cache(struct vg_doctor *d)
{
    char path[PATH_MAX];
    struct vg_elf cache;

    if (d->cuda.count == 0 || is_by_variable(d, d->cuda.at[0].path)) {
        return;
    }
    const int r = access(vg_path_print(path, "%s/etc/ld.so.cache", d->root), R_OK);
    FILE *file = r == 0 ? fopen(path, "re") : NULL;
    if (file == NULL) {
        vg_say_ok(d, "there is no loader's cache");
        return;
    }
    (void)fclose(file);
    memset(&cache, 0, sizeof(cache));
    if (vg_elf_map(path, &cache) == 0) {
        if (vg_elf_contains(&cache, "libcuda.so.1")) {
            vg_say_ok(d, "the loader's cache knows libcuda.so.1");
        } else {
            vg_say_broken(d, "run ldconfig as root",
                          "the loader's cache does not know libcuda.so.1");
        }
        vg_elf_close(&cache);
    }
}

/* What our own libraries need of the guest: an older C library lacks a version. */
static void
check_needs(struct vg_doctor *d)
{
    const struct vg_candidates *both[] = { &d->cuda, &d->nvml };
    struct vg_candidates libc;
    bool is_well = true;

    vg_search_candidates(d, "libc.so.6", &libc);
    if (libc.count == 0) {
        return; /* not a root that programs run in */
    }
    for (size_t i = 0; i < 2; i++) {
        const struct vg_candidate *first = &both[i]->at[0];
        if (both[i]->count > 0 && first->real[0] != '\0') {
            is_well &= vg_closure_check(d, first->real, NULL);
        }
    }
    if (is_well && d->cuda.count > 0) {
        vg_say_ok(d, "the libraries find all that they need");
    }
}

const struct vg_check vg_checks_libraries[] = {
    { "libraries", "installation", check_installation },
    { "libraries", "libcuda", check_cuda },
    { "libraries", "libnvidia-ml", check_nvml },
    { "libraries", "others", check_others },
    { "libraries", "links", check_plain_links },
    { "libraries", "cuda-names", check_cuda_names },
    { "libraries", "nvml-names", check_nvml_names },
    { "libraries", "needs", check_needs },
    { "libraries", "cache", check_cache },
    { NULL, NULL, NULL },
};
