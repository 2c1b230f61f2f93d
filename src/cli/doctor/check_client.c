/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_client - Ollama: which one it is, what its CUDA libraries need, and what its
 * service's environment says. docs/ollama.md tells the generations apart.
 */
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/elf.h"
#include "cli/doctor/fatbin.h"
#include "cli/package.h"
#include "cli/paths.h"

/* NVIDIA's driver below which the newest discovery refuses a CUDA 12 library. */
#define DRIVER_FLOOR 550

static bool
is_file(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool
is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void
find_program(struct vg_doctor *d)
{
    static const char *const places[] = { "/usr/local/bin/ollama", "/usr/bin/ollama",
                                          "/opt/ollama/bin/ollama", "/bin/ollama" };
    char path[PATH_MAX], exe[64];

    (void)snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)d->pid);
    if (d->pid != 0 && realpath(exe, d->client_program) != NULL &&
        strcmp(strrchr(d->client_program, '/'), "/ollama") == 0) {
        return;
    }
    d->client_program[0] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        (void)vg_path_print(path, "%s%s", d->root, places[i]);
        if (vg_search_resolve(d, path, d->client_program) && is_file(d->client_program)) {
            return;
        }
    }
    d->client_program[0] = '\0';
}

static void
find_lib(struct vg_doctor *d)
{
    static const char *const places[] = { "../lib/ollama", "lib/ollama",
                                          "build/lib/ollama" };
    char path[PATH_MAX];
    const char *slash = strrchr(d->client_program, '/');

    for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        (void)vg_path_print(path, "%.*s/%s", (int)(slash - d->client_program),
                            d->client_program, places[i]);
        if (is_folder(path) && realpath(path, d->client_lib) != NULL) {
            return;
        }
    }
    d->client_lib[0] = '\0';
}

/* By what the program and its folder hold; its own version is not asked. */
static int
find_generation(const struct vg_doctor *d)
{
    char path[PATH_MAX];
    struct vg_elf program;
    int generation = 0;

    if (d->client_lib[0] != '\0' &&
        is_file(vg_path_print(path, "%s/llama-server", d->client_lib))) {
        return 3;
    }
    if (vg_elf_map(d->client_program, &program) != 0) {
        return 0;
    }
    if (vg_elf_contains(&program, "gpu-discover")) {
        generation = 3;
    } else if (vg_elf_contains(&program, "bootstrap discovery took")) {
        generation = 2;
    } else if (vg_elf_contains(&program, "gpu library search")) {
        generation = 1;
    }
    vg_elf_close(&program);
    return generation;
}

static void
check_program(struct vg_doctor *d)
{
    static const char *const who[] = {
        "its generation is not known",
        "generation 1 (up to 0.12.3): 'ollama serve' itself opens libcuda by its path, for "
        "moments",
        "generation 2 (0.12.4 to 0.24): a short-lived child 'ollama runner' loads libcuda; "
        "'ollama serve' never does",
        "generation 3 (from 0.30): short-lived children 'llama-server' and 'ollama "
        "gpu-discover' load libcuda; 'ollama serve' never does",
    };

    find_program(d);
    if (d->client_program[0] == '\0') {
        vg_say_unknown(d, "say --pid PID of the server, if it is elsewhere",
                       "there is no ollama in the usual places");
        return;
    }
    find_lib(d);
    d->generation = find_generation(d);
    if (d->generation == 0) {
        vg_say_unknown(d, NULL, "'%s': %s", d->client_program, who[0]);
    } else {
        vg_say_ok(d, "'%s': %s", d->client_program, who[d->generation]);
    }
}

/* --- its CUDA libraries --- */

static void
check_archs(struct vg_doctor *d, const struct vg_elf *elf, const char *path)
{
    struct vg_archs archs;
    char ptx[256], machine[256];
    const unsigned device = (unsigned)(d->answer.major * 10 + d->answer.minor);
    const bool is_soft = strcmp(d->endpoint, "soft") == 0;
    bool runs = false, is_listed = false;

    vg_fatbin_read(elf, &archs);
    vg_fatbin_print(archs.ptx, archs.ptx_count, ptx, sizeof(ptx));
    vg_fatbin_print(archs.machine, archs.machine_count, machine, sizeof(machine));
    if (archs.ptx_count + archs.machine_count == 0) {
        return; /* it has no GPU code of its own */
    }
    if (is_soft && archs.ptx_count == 0) {
        vg_say_broken(
            d, "use a build with PTX for this architecture, or a real GPU",
            "'%s' has machine code only (%s), no PTX: the software GPU cannot run it",
            path, machine);
        return;
    }
    if (!d->was_asked) {
        return;
    }
    for (size_t i = 0; i < archs.ptx_count; i++) {
        runs |= archs.ptx[i] <= device;
        is_listed |= archs.ptx[i] == device;
    }
    for (size_t i = 0; i < archs.machine_count; i++) {
        runs |= !is_soft && archs.machine[i] / 10 == device / 10 &&
                archs.machine[i] <= device;
        is_listed |= archs.machine[i] == device;
    }
    if (!runs) {
        vg_say_broken(d, "VGPU_SOFT_CC sets the software GPU's; or use another build",
                      "the device's compute capability %d.%d is below all that '%s' was "
                      "compiled for (PTX %s, machine code %s)",
                      d->answer.major, d->answer.minor, path, ptx, machine);
    } else if (!is_listed && d->generation >= 2) {
        vg_say_broken(
            d, "VGPU_SOFT_CC=8.0 sets the software GPU's to one that is listed",
            "the device's compute capability %d.%d is not in the list that '%s' was "
            "compiled for (PTX %s, machine code %s): Ollama drops the device",
            d->answer.major, d->answer.minor, path, ptx, machine);
    } else {
        vg_say_ok(d, "compute capability %d.%d is in its list (PTX %s, machine code %s)",
                  d->answer.major, d->answer.minor, ptx, machine);
    }
}

static void
check_runtime(struct vg_doctor *d, const struct vg_elf *elf, const char *path)
{
    const char *name;

    for (size_t i = 0; (name = vg_elf_needed(elf, i)) != NULL; i++) {
        if (strncmp(name, "libcudart.so.", 13) != 0 || d->answer.version == 0) {
            continue;
        }
        const int major = atoi(name + 13);
        if (d->answer.version / 1000 < major) {
            vg_say_broken(
                d,
                "use a newer driver on the host, or the folder of an older CUDA "
                "(OLLAMA_LLM_LIBRARY=cuda_v12)",
                "the driver is of CUDA %d.%d, but '%s' needs the runtime %d: cuInit is "
                "never called, the error is 35",
                d->answer.version / 1000, d->answer.version % 1000 / 10, path, major);
        } else {
            vg_say_ok(d, "the driver's CUDA %d.%d serves its runtime %d",
                      d->answer.version / 1000, d->answer.version % 1000 / 10, major);
        }
    }
}

static void
check_backend(struct vg_doctor *d, const char *path)
{
    char folders[2 * PATH_MAX + 2];
    struct vg_elf elf;
    const char *slash = strrchr(path, '/');

    (void)snprintf(folders, sizeof(folders), "%s:%.*s", d->client_lib,
                   (int)(slash - path), path);
    if (vg_closure_check(d, path, folders)) {
        vg_say_ok(d, "'%s' finds all libraries, symbols and versions that it needs",
                  path);
    }
    if (vg_elf_open(path, &elf) == 0) {
        check_runtime(d, &elf, path);
        check_archs(d, &elf, path);
        vg_elf_close(&elf);
    }
}

/* From generation 3 on Ollama takes the first libggml-* of a folder, whatever follows. */
static void
check_leftovers(struct vg_doctor *d)
{
    char pattern[PATH_MAX], real[PATH_MAX], beside[PATH_MAX];
    glob_t found;

    (void)vg_path_print(pattern, "%s/*/libggml-cuda*.so*", d->client_lib);
    if (d->generation < 3 || glob(pattern, 0, NULL, &found) != 0) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        const int folder = (int)(strrchr(path, '/') - path);
        if (strcmp(path + folder, "/libggml-cuda.so") == 0) {
            continue;
        }
        (void)vg_path_print(beside, "%.*s/libggml-cuda.so", folder, path);
        if (realpath(path, real) != NULL && realpath(beside, pattern) != NULL &&
            strcmp(real, pattern) == 0) {
            continue; /* another name of the same file */
        }
        vg_say_broken(
            d, "move it out of lib/ollama",
            "'%s' is a leftover, and Ollama loads it all the same when it comes "
            "first in its folder",
            path);
    }
    globfree(&found);
}

static void
check_backends(struct vg_doctor *d)
{
    char pattern[PATH_MAX];
    glob_t found;

    if (d->client_program[0] == '\0') {
        return;
    }
    if (d->client_lib[0] == '\0') {
        vg_say_broken(d, "unpack the whole archive: bin and lib must be side by side",
                      "there is no lib/ollama beside '%s': it can only use the CPU",
                      d->client_program);
        return;
    }
    if (is_file(vg_path_print(pattern, "%s/libggml-cuda.so", d->client_lib))) {
        vg_say_broken(d, "delete it: the one in the folder cuda_vNN is meant",
                      "'%s' is loaded for every folder: each device appears twice",
                      pattern);
    }
    check_leftovers(d);
    (void)vg_path_print(pattern, "%s/*/libggml-cuda.so", d->client_lib);
    if (glob(pattern, 0, NULL, &found) != 0) {
        vg_say_broken(
            d, "install Ollama's own archive; distributions pack CUDA separately",
            "'%s' has no CUDA library (cuda_v12/libggml-cuda.so): it can only use "
            "the CPU",
            d->client_lib);
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        check_backend(d, found.gl_pathv[i]);
    }
    globfree(&found);
}

/* Ours, or anybody's, in its folder: gone with its next update. */
static void
check_intruders(struct vg_doctor *d)
{
    char pattern[PATH_MAX];
    glob_t found;

    if (d->client_lib[0] == '\0') {
        return;
    }
    (void)vg_path_print(pattern, "%s/{,*/}{libcuda.so,libnvidia-ml.so}*", d->client_lib);
    if (glob(pattern, GLOB_BRACE, NULL, &found) == 0) {
        vg_say_broken(
            d, "delete it; 'vgpu install' puts the libraries where updates leave them",
            "'%s' does not belong into lib/ollama", found.gl_pathv[0]);
        globfree(&found);
    } else {
        vg_say_ok(d, "no driver library is in lib/ollama");
    }
}

/* --- what else decides --- */

static void
check_library_choice(struct vg_doctor *d)
{
    const char *value = vg_environment_get(d, "OLLAMA_LLM_LIBRARY");
    char path[PATH_MAX];

    if (value == NULL || value[0] == '\0') {
        vg_say_ok(d, "OLLAMA_LLM_LIBRARY of %s is not set", d->environment_of);
    } else if (strncmp(value, "cpu", 3) == 0) {
        vg_say_broken(d, "unset OLLAMA_LLM_LIBRARY",
                      "OLLAMA_LLM_LIBRARY=%s asks for the CPU", value);
    } else if (d->client_lib[0] != '\0' && d->generation != 1 &&
               !is_folder(vg_path_print(path, "%s/%s", d->client_lib, value))) {
        vg_say_broken(
            d, "unset it, or name a folder of lib/ollama (cuda_v12)",
            "OLLAMA_LLM_LIBRARY=%s names no folder of '%s': every library is skipped",
            value, d->client_lib);
    } else {
        vg_say_ok(d, "OLLAMA_LLM_LIBRARY=%s", value);
    }
}

static void
check_overrides(struct vg_doctor *d)
{
    static const char *const names[] = { "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                         "GPU_DEVICE_ORDINAL", "OLLAMA_LIBRARY_PATH" };
    bool is_well = true;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = vg_environment_get(d, names[i]);
        if (value != NULL) {
            vg_say_unknown(d, "unset it unless you know why it is there",
                           "%s=%s of %s: it has no effect, or hides devices", names[i],
                           value, d->environment_of);
            is_well = false;
        }
    }
    if (is_well) {
        vg_say_ok(d, "nothing else in the environment of %s hides a device",
                  d->environment_of);
    }
}

static void
say_candidate(struct vg_doctor *d, const char *order, const char *path, const char *real)
{
    struct vg_elf elf;
    char package[256] = "no package", id[48] = "none";
    const size_t skip =
        strncmp(real, d->root, strlen(d->root)) == 0 ? strlen(d->root) : 0;

    if (vg_elf_open(real, &elf) == 0) {
        if (elf.build_id[0] != '\0') {
            (void)snprintf(id, sizeof(id), "%s", elf.build_id);
        }
        vg_elf_close(&elf);
    }
    if (!vg_package_owner(d->root, real + skip, package, sizeof(package))) {
        (void)snprintf(package, sizeof(package), "no package");
    }
    vg_say_ok(d, "in %s order: '%s' leads to '%s' (build id %s, package: %s)", order,
              path, real[0] != '\0' ? real : "nowhere", id, package);
}

static void
list_candidates(struct vg_doctor *d)
{
    for (size_t i = 0; i < d->cuda.count; i++) {
        say_candidate(d, "the loader's", d->cuda.at[i].path, d->cuda.at[i].real);
    }
}

/* Lists what the pattern finds; the first of all goes to @first. */
static void
list_pattern(struct vg_doctor *d, const char *pattern, char first[PATH_MAX])
{
    char real[PATH_MAX];
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (vg_search_resolve(d, found.gl_pathv[i], real)) {
            say_candidate(d, "Ollama's", found.gl_pathv[i], real);
            if (first[0] == '\0') {
                (void)vg_path_print(first, "%s", real);
            }
        }
    }
    globfree(&found);
}

/* What generation 1 opens, in its own order: paths, not the loader's cache. */
static void
check_absolute_search(struct vg_doctor *d)
{
    static const char *const patterns[] = {
        "/usr/local/cuda*/targets/*/lib/libcuda.so*",
        "/usr/lib/*-linux-gnu/nvidia/current/libcuda.so*",
        "/usr/lib/*-linux-gnu/libcuda.so*",
        "/usr/lib/wsl/lib/libcuda.so*",
        "/opt/cuda/lib*/libcuda.so*",
        "/usr/local/cuda/lib*/libcuda.so*",
        "/usr/lib*/libcuda.so*",
        "/usr/local/lib*/libcuda.so*",
    };
    char pattern[PATH_MAX], real[PATH_MAX] = "";

    if (d->generation != 1) {
        return;
    }
    if (d->client_lib[0] != '\0') {
        list_pattern(d, vg_path_print(pattern, "%s/libcuda.so*", d->client_lib), real);
    }
    const char *variable = vg_environment_get(d, "LD_LIBRARY_PATH");
    char *copy = strdup(variable != NULL ? variable : ""), *rest = copy;
    const char *folder;
    while ((folder = strsep(&rest, ":")) != NULL) {
        if (folder[0] != '\0') {
            list_pattern(d, vg_path_print(pattern, "%s/libcuda.so*", folder), real);
        }
    }
    free(copy);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        list_pattern(d, vg_path_print(pattern, "%s%s", d->root, patterns[i]), real);
    }
    if (real[0] == '\0') {
        vg_say_broken(
            d, "'vgpu install' without --prefix",
            "this Ollama opens libcuda by its path, and it is in none of its places");
    } else if (!vg_search_is_ours(real)) {
        vg_say_broken(d, "remove that file, or 'vgpu install --divert'",
                      "this Ollama opens libcuda by its path, and takes '%s' first",
                      real);
    } else {
        vg_say_ok(d, "this Ollama opens libcuda by its path: '%s'", real);
    }
}

static void
check_nvml_place(struct vg_doctor *d)
{
    char path[PATH_MAX];
    const int driver = atoi(d->answer.nvml_driver);

    (void)vg_path_print(path, "%s/usr/lib/wsl/lib/libnvidia-ml.so.1", d->root);
    if (access(path, F_OK) == 0 && !vg_search_is_ours(path)) {
        vg_say_broken(d, "remove it where there is no WSL",
                      "'%s' is opened before every other NVML", path);
    }
    if (d->was_asked && d->answer.has_nvml && driver < DRIVER_FLOOR) {
        vg_say_broken(
            d, "update the host's driver to 570 or newer",
            "the host's driver %s is older than %d, which the newest Ollama asks for",
            d->answer.nvml_driver, DRIVER_FLOOR);
    } else if (d->was_asked && d->answer.has_nvml) {
        vg_say_ok(d, "the driver %s is new enough", d->answer.nvml_driver);
    }
    if (d->was_asked && d->answer.integrated != 0) {
        vg_say_broken(d, "use a driver that calls it discrete (attribute 18 is 0)",
                      "the device calls itself integrated: free memory would be the "
                      "machine's");
    }
}

/* Without it attention goes through cuBLAS, whose kernels are machine code. Some models
 * have it by default, so this cannot be told from here. */
static void
check_attention(struct vg_doctor *d)
{
    const char *value = vg_environment_get(d, "OLLAMA_FLASH_ATTENTION");

    if (strcmp(d->endpoint, "soft") != 0 || d->client_lib[0] == '\0' ||
        (d->generation != 1 && d->generation != 2)) {
        return;
    }
    if (value != NULL && value[0] != '\0' && strchr("1tT", value[0]) != NULL) {
        vg_say_ok(d, "OLLAMA_FLASH_ATTENTION=%s: attention needs no cuBLAS", value);
        return;
    }
    vg_say_unknown(
        d, "set OLLAMA_FLASH_ATTENTION=1 for the server",
        "OLLAMA_FLASH_ATTENTION of %s is not on: in this generation most models "
        "then need cuBLAS, whose machine code the software GPU cannot run: "
        "'CUDA error: the function requires an architectural feature absent from "
        "the device'",
        d->environment_of);
}

/* Virtual machines with a basic CPU model lack these; old versions then refuse any GPU.
 */
static void
check_vectors(struct vg_doctor *d)
{
    if (!__builtin_cpu_supports("avx")) {
        vg_say_unknown(
            d, "give the virtual machine the host's CPU model (host-passthrough)",
            "the CPU has no AVX: Ollama up to 0.5.7 then uses no GPU, and CPU layers "
            "are slow");
    } else {
        vg_say_ok(d, "the CPU has AVX%s",
                  __builtin_cpu_supports("avx2") ? " and AVX2" : "");
    }
}

const struct vg_check vg_checks_client[] = {
    { "client", "program", check_program },
    { "client", "llm-library", check_library_choice },
    { "client", "overrides", check_overrides },
    { "client", "intruders", check_intruders },
    { "client", "backends", check_backends },
    { "client", "candidates", list_candidates },
    { "client", "absolute-search", check_absolute_search },
    { "client", "driver-age", check_nvml_place },
    { "client", "flash-attention", check_attention },
    { "client", "vectors", check_vectors },
    { NULL, NULL, NULL },
};
