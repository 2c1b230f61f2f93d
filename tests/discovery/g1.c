/* SPDX-License-Identifier: Apache-2.0 */
/*
 * g1 - discovery as Ollama did it up to 0.12.3: in its own process, by absolute path.
 *
 *     g1 ROOT PASSES     ROOT stands for /
 *
 * Each pass looks through a list of folders, opens the first library that has all ten
 * names and answers, asks it, and closes it. Prints a line a device, and what is left of
 * the pass.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "discovery.h"

#define MAX_PATHS 64
#define MIB       (1u << 20)

static const char *const globs[] = { "/usr/local/cuda*/targets/*/lib/libcuda.so*",
                                     "/usr/lib/*-linux-gnu/nvidia/current/libcuda.so*",
                                     "/usr/lib/*-linux-gnu/libcuda.so*",
                                     "/usr/lib/wsl/lib/libcuda.so*",
                                     "/usr/lib/wsl/drivers/*/libcuda.so*",
                                     "/opt/cuda/lib*/libcuda.so*",
                                     "/usr/local/cuda/lib*/libcuda.so*",
                                     "/usr/lib*/libcuda.so*",
                                     "/usr/local/lib*/libcuda.so*" };

static struct {
    int (*init)(unsigned flags);
    int (*version)(int *out);
    int (*count)(int *out);
    int (*device)(int *out, int ordinal);
    int (*attribute)(int *out, int attribute, int device);
    int (*uuid)(unsigned char *out, int device);
    int (*name)(char *out, int size, int device);
    int (*create)(void **out, void *params, int param_count, unsigned flags, int device);
    int (*memory)(size_t *out_free, size_t *out_total);
    int (*destroy)(void *context);
} cu;

static const struct {
    const char *name;
    void *function;
} wanted[] = { { "cuInit", &cu.init },
               { "cuDriverGetVersion", &cu.version },
               { "cuDeviceGetCount", &cu.count },
               { "cuDeviceGet", &cu.device },
               { "cuDeviceGetAttribute", &cu.attribute },
               { "cuDeviceGetUuid", &cu.uuid },
               { "cuDeviceGetName", &cu.name },
               { "cuCtxCreate_v3", &cu.create },
               { "cuMemGetInfo_v2", &cu.memory },
               { "cuCtxDestroy", &cu.destroy } };

struct paths {
    char path[MAX_PATHS][PATH_MAX];
    int count;
};

/* Follows links one by one, by their text. */
static void
resolve(char path[PATH_MAX])
{
    char target[PATH_MAX];

    for (int i = 0; i < 16; i++) {
        const ssize_t length = readlink(path, target, sizeof(target) - 1);
        if (length < 0) {
            return;
        }
        target[length] = '\0';
        char *name = target[0] == '/' ? path : strrchr(path, '/') + 1;
        snprintf(name, (size_t)(path + PATH_MAX - name), "%s", target);
    }
}

static void
add(struct paths *paths, const char *pattern)
{
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && paths->count < MAX_PATHS; i++) {
            char *path = paths->path[paths->count];
            int same = 0;
            snprintf(path, PATH_MAX, "%s", found.gl_pathv[i]);
            resolve(path);
            while (same < paths->count && strcmp(paths->path[same], path) != 0) {
                same++;
            }
            paths->count += same == paths->count;
        }
    }
    globfree(&found);
}

static void
find_libraries(const char *root, struct paths *paths)
{
    const char *search = getenv("LD_LIBRARY_PATH");
    char pattern[PATH_MAX];

    paths->count = 0;
    snprintf(pattern, sizeof(pattern), "%s/usr/local/lib/ollama/libcuda.so*", root);
    add(paths, pattern);
    char *folders = strdup(search != NULL ? search : "");
    char *rest = NULL;
    for (char *at = folders != NULL ? strtok_r(folders, ":", &rest) : NULL; at != NULL;
         at = strtok_r(NULL, ":", &rest)) {
        snprintf(pattern, sizeof(pattern), "%s/libcuda.so*", at);
        add(paths, pattern);
    }
    free(folders);
    for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++) {
        snprintf(pattern, sizeof(pattern), "%s%s", root, globs[i]);
        add(paths, pattern);
    }
}

/* Return: the library, or NULL when it is not taken. */
static void *
open_library(const char *path, int *out_version, int *out_count)
{
    void *library = strstr(path, "PhysX") != NULL ? NULL : dlopen(path, RTLD_LAZY);

    if (library == NULL) {
        printf("msg=\"Unable to load %s\"\n", path);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (!find(library, wanted[i].name, wanted[i].function)) {
            printf(
                "msg=\"Unable to load cudart library %s: symbol lookup for %s failed\"\n",
                path, wanted[i].name);
            dlclose(library);
            return NULL;
        }
    }
    const int r = cu.init(0);
    if (r == 0) {
        (void)cu.version(out_version);
    }
    if (r != 0 || cu.count(out_count) != 0) {
        printf("msg=\"Unable to load cudart library %s: init failure: %d\"\n", path, r);
        dlclose(library);
        return NULL;
    }
    return library;
}

/* Return: false when the device is passed over. */
static bool
ask(int ordinal, struct found *out)
{
    unsigned char uuid[16];
    void *context = NULL;
    int device = 0;

    if (cu.device(&device, ordinal) != 0) {
        return false;
    }
    if (cu.attribute(&out->major, 75, device) != 0 ||
        cu.attribute(&out->minor, 76, device) != 0) {
        out->major = 0;
    }
    if (cu.uuid(uuid, device) == 0) {
        uuid_text(uuid, out->id);
    } else {
        snprintf(out->id, sizeof(out->id), "%d", ordinal);
    }
    (void)cu.name(out->name, sizeof(out->name), device);
    int r = cu.create(&context, NULL, 0, 0, device);
    if (r == 0) {
        r = cu.memory(&out->available, &out->total);
        const int r2 = cu.destroy(context);
        r = r != 0 ? r : r2;
    }
    if (r != 0) {
        printf("msg=\"error looking up nvidia GPU memory\" error=%d\n", r);
        return false;
    }
    if (out->major < 5) {
        printf("[%d] CUDA GPU is too old: %d.%d\n", ordinal, out->major, out->minor);
    }
    return out->major >= 5;
}

static const char *
variant(const struct found *device)
{
    const bool is_12 = device->major * 10 + device->minor < 75 || device->driver < 13000;

    return is_12 ? "variant=v12 " : "variant=v13 ";
}

static int
entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static int
mappings(const char *path)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 128];
    int count = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        count += strstr(line, path) != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static int
pass(const char *root, int number)
{
    static struct paths paths;
    void *library = NULL;
    int version = 0;
    int count = 0;
    int found = 0;
    int taken = 0;
    const long began = now_ms();

    find_libraries(root, &paths);
    for (; taken < paths.count && library == NULL; taken++) {
        printf("library %s\n", paths.path[taken]);
        library = open_library(paths.path[taken], &version, &count);
    }
    for (int i = 0; i < count && i < MAX_DEVICES; i++) {
        struct found device = { .library = "cuda", .driver = version };
        if (ask(i, &device)) {
            print_compute(&device, variant(&device));
            found++;
        }
    }
    if (library != NULL) {
        dlclose(library);
    }
    if (found == 0) {
        puts("msg=\"inference compute\" id=0 library=cpu");
    }
    printf("pass %d: %ld ms, threads %d, fds %d, mappings %d\n", number, now_ms() - began,
           entries("/proc/self/task") - 2, entries("/proc/self/fd") - 3,
           library != NULL ? mappings(paths.path[taken - 1]) : 0);
    return found;
}

int
main(int argc, char **argv)
{
    const int passes = argc > 2 ? atoi(argv[2]) : 0;
    int found = 0;

    if (passes < 1) {
        fprintf(stderr, "usage: %s ROOT PASSES\n", argv[0]);
        return 2;
    }
    for (int i = 1; i <= passes; i++) {
        found = pass(argv[1], i);
    }
    return found > 0 ? 0 : 1;
}
