/* SPDX-License-Identifier: Apache-2.0 */
/*
 * g3 - discovery as Ollama does it from 0.30 on: three children a folder and pass.
 *
 *     g3 TREE                       TREE stands for lib/ollama
 *     g3 server PORT | list | probe the children
 *
 * The server is killed after its `system_info:` line, the list ends by itself, the probe
 * asks libcuda and NVML with symbol lists of its own. The second pass sees one device, by
 * index.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "discovery.h"

#define MIB (1u << 20)

/* --- the children */

static bool
load(struct backend *out)
{
    const char *path = getenv("GGML_BACKEND_PATH");

    return path != NULL && backend_open(path, false, out);
}

static _Noreturn void
be_server(int port)
{
    struct found found[MAX_DEVICES] = { 0 };
    struct backend backend;
    const int fd = listen_at(port); /* nobody asks it anything */
    const bool is_loaded = load(&backend);
    const int count = is_loaded ? backend.devices(found, MAX_DEVICES) : 0;

    fprintf(stderr, "ggml_cuda_init: found %d CUDA devices\n", count);
    fprintf(stderr, "system_info: n_threads = 2 | %s%s\n",
            is_loaded ? "CUDA : ARCHS = " : "CPU", is_loaded ? backend.archs() : "");
    (void)fd;
    for (;;) {
        (void)poll(NULL, 0, -1); /* until we are killed */
    }
}

static int
be_list(void)
{
    struct found found[MAX_DEVICES] = { 0 };
    struct backend backend;
    int count = 0;

    puts("Available devices:");
    if (load(&backend)) {
        count = backend.devices(found, MAX_DEVICES);
    }
    for (int i = 0; i < count; i++) {
        size_t total = 0;
        size_t available = 0;
        if (backend.memory(i, &available, &total) != 0) {
            available = total = 0;
        }
        printf("  CUDA%d: %s (%zu MiB, %zu MiB free)\n", i, found[i].name, total / MIB,
               available / MIB);
    }
    return count < 0 ? 1 : 0;
}

static struct {
    int (*init)(unsigned flags);
    int (*version)(int *out);
    int (*count)(int *out);
    int (*device)(int *out, int ordinal);
    int (*attribute)(int *out, int attribute, int device);
    int (*name)(char *out, int size, int device);
    int (*total)(size_t *out, int device);
    int (*pci)(char *out, int size, int device); /* may be missing */
} cu;

static void *
open_either(const char *first, const char *second)
{
    void *library = dlopen(first, RTLD_NOW | RTLD_LOCAL);

    return library != NULL ? library : dlopen(second, RTLD_NOW | RTLD_LOCAL);
}

/* Return: the first number of the driver's version, 0 when NVML cannot be had. */
static int
nvml_major(void)
{
    int (*init)(void);
    int (*shutdown)(void);
    int (*version)(char *out, unsigned size);
    char text[80] = "";
    void *library = open_either("libnvidia-ml.so.1", "libnvidia-ml.so");

    if (library == NULL || !find(library, "nvmlInit_v2", &init) ||
        !find(library, "nvmlShutdown", &shutdown) ||
        !find(library, "nvmlSystemGetDriverVersion", &version) || init() != 0) {
        return 0;
    }
    const int r = version(text, sizeof(text));
    (void)shutdown();
    dlclose(library);
    return r == 0 ? atoi(text) : 0;
}

static bool
probe_device(int ordinal, int version, int major)
{
    int value[3] = { 0 };
    static const int numbers[3] = { 75, 76, 18 };
    char name[256] = "";
    char pci[32] = "";
    size_t total = 0;
    int device = 0;

    if (cu.device(&device, ordinal) != 0 || cu.name(name, sizeof(name), device) != 0 ||
        cu.total(&total, device) != 0) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (cu.attribute(&value[i], numbers[i], device) != 0) {
            return false;
        }
    }
    if (cu.pci != NULL) {
        (void)cu.pci(pci, sizeof(pci), device);
    }
    for (char *at = pci; *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'F' ? *at + 32 : *at);
    }
    printf("{\"device_id\": \"%s\", \"compute_major\": %d, \"compute_minor\": %d, "
           "\"integrated\": %d, \"driver\": %d, \"nvidia_driver_major\": %d, "
           "\"total\": %zu, \"description\": \"%s\"}\n",
           pci, value[0], value[1], value[2], version, major, total, name);
    return true;
}

static int
be_probe(void)
{
    struct backend backend;
    struct found found[MAX_DEVICES] = { 0 };
    int version = 0;
    int count = 0;

    if (load(&backend)) {
        (void)backend.devices(found, MAX_DEVICES);
    }
    void *library = open_either("libcuda.so.1", "libcuda.so");
    if (library == NULL || !find(library, "cuInit", &cu.init) ||
        !find(library, "cuDriverGetVersion", &cu.version) ||
        !find(library, "cuDeviceGetCount", &cu.count) ||
        !find(library, "cuDeviceGet", &cu.device) ||
        !find(library, "cuDeviceGetAttribute", &cu.attribute) ||
        !find(library, "cuDeviceGetName", &cu.name) ||
        !(find(library, "cuDeviceTotalMem_v2", &cu.total) ||
          find(library, "cuDeviceTotalMem", &cu.total))) {
        return 1;
    }
    (void)find(library, "cuDeviceGetPCIBusId", &cu.pci);
    if (cu.init(0) != 0 || cu.version(&version) != 0) {
        return 1;
    }
    const int major = nvml_major();
    if (cu.count(&count) != 0) {
        return 1;
    }
    for (int i = 0; i < count; i++) {
        if (!probe_device(i, version, major)) {
            return 1;
        }
    }
    return 0;
}

/* --- the parent */

struct look {
    const char *tree, *folder;
    const char *visible; /* NULL: all */
    struct found found[MAX_DEVICES];
    int count;
    char archs[256];
    int driver_major;
};

/* Starts one of the three; @out: its stderr for the server, else its stdout. */
static pid_t
start_child(const struct look *look, char *kind, FILE **out)
{
    const char *search = getenv("LD_LIBRARY_PATH");
    char libraries[2048];
    char file[512];
    char backend[600];
    char devices[128];
    char port[16];
    static char program[] = "g3";
    const bool is_server = strcmp(kind, "server") == 0;
    char *const arguments[] = { program, kind, is_server ? port : NULL, NULL };
    const char *settings[] = { libraries, backend, NULL, NULL, NULL };
    int fd = -1;

    if (!backend_path(look->folder, file, sizeof(file))) {
        return -1;
    }
    snprintf(libraries, sizeof(libraries), "LD_LIBRARY_PATH=%s:%s%s%s", look->tree,
             look->folder, search != NULL ? ":" : "", search != NULL ? search : "");
    snprintf(backend, sizeof(backend), "GGML_BACKEND_PATH=%s", file);
    if (look->visible != NULL) {
        snprintf(devices, sizeof(devices), "CUDA_VISIBLE_DEVICES=%s", look->visible);
        settings[2] = devices;
        settings[3] = "GGML_CUDA_INIT=1";
    }
    snprintf(port, sizeof(port), "%d", free_port());
    const pid_t child = start(arguments, settings, is_server ? 2 : 1, &fd);
    *out = fd >= 0 ? fdopen(fd, "r") : NULL;
    return child;
}

/* A line, or false at the end of the output or when the child takes too long. */
static bool
next_line(FILE *stream, long began, char *line, int size)
{
    int length = 0;

    /* byte by byte: poll sees nothing of what a buffer holds */
    for (;;) {
        struct pollfd ready = { .fd = fileno(stream), .events = POLLIN };
        const long left = DEADLINE_MS - (now_ms() - began);
        if (left <= 0 || poll(&ready, 1, (int)left) != 1 ||
            read(ready.fd, line + length, 1) != 1) {
            return false;
        }
        length += length < size - 2;
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
            return true;
        }
    }
}

static void
see_server(struct look *look)
{
    static char kind[] = "server";
    const long began = now_ms();
    char line[1024];
    FILE *out = NULL;
    const pid_t child = start_child(look, kind, &out);
    bool is_seen = false;

    while (out != NULL && !is_seen && next_line(out, began, line, sizeof(line))) {
        is_seen = strstr(line, "system_info:") != NULL;
        fprintf(stderr, "%s\n", line);
    }
    end(child);
    const char *archs = is_seen ? strstr(line, "ARCHS = ") : NULL;
    snprintf(look->archs, sizeof(look->archs), "%s", archs != NULL ? archs + 8 : "");
    if (!is_seen) {
        puts("msg=\"system_info line not found\"");
    }
    printf("child server killed after %ld ms\n", now_ms() - began);
    if (out != NULL) {
        fclose(out);
    }
}

/* Of a child that ends by itself, unless it takes too long. Return: its status. */
static int
finish_child(const char *kind, pid_t child, FILE *out, long began)
{
    int status = -1;

    if (now_ms() - began >= DEADLINE_MS) {
        end(child);
    } else {
        (void)waitpid(child, &status, 0);
    }
    printf("child %s: status %d after %ld ms\n", kind, status, now_ms() - began);
    if (out != NULL) {
        fclose(out);
    }
    return status;
}

static bool
see_list(struct look *look)
{
    static char kind[] = "list";
    const long began = now_ms();
    char line[1024];
    FILE *out = NULL;
    const pid_t child = start_child(look, kind, &out);

    look->count = 0;
    while (out != NULL && next_line(out, began, line, sizeof(line))) {
        struct found *d = &look->found[look->count];
        const char *size = strrchr(line, '(');
        int index = 0;
        int used = 0;
        if (size == NULL || look->count == MAX_DEVICES ||
            sscanf(line, " CUDA%d: %n", &index, &used) != 1 ||
            sscanf(size, "(%zu MiB, %zu MiB free)", &d->total, &d->available) != 2) {
            continue;
        }
        snprintf(d->id, sizeof(d->id), "%d", index);
        snprintf(d->library, sizeof(d->library), "CUDA");
        snprintf(d->name, sizeof(d->name), "%.*s", (int)(size - line - used - 1),
                 line + used);
        look->count += d->total > 0;
    }
    return finish_child(kind, child, out, began) == 0;
}

static bool
see_probe(struct look *look)
{
    static char kind[] = "probe";
    const long began = now_ms();
    char line[1024];
    FILE *out = NULL;
    const pid_t child = start_child(look, kind, &out);

    for (int i = 0; out != NULL && next_line(out, began, line, sizeof(line)); i++) {
        struct found *d = &look->found[i < MAX_DEVICES ? i : MAX_DEVICES - 1];
        (void)sscanf(line,
                     "{\"device_id\": \"%19[^\"]\", \"compute_major\": %d, "
                     "\"compute_minor\": %d, \"integrated\": 0, \"driver\": %d, "
                     "\"nvidia_driver_major\": %d",
                     d->pci, &d->major, &d->minor, &d->driver, &look->driver_major);
        puts(line);
    }
    const int status = finish_child(kind, child, out, began);
    if (status != 0) {
        puts("msg=\"native GPU discovery failed\"");
    }
    return status == 0;
}

static int
see(struct look *look)
{
    see_server(look);
    if (!see_list(look)) {
        puts("msg=\"failure during llama-server GPU discovery\"");
        return 0;
    }
    (void)see_probe(look);
    return look->count;
}

static bool
is_accepted(const struct look *look, const struct found *device)
{
    char number[16];
    char archs[300];

    snprintf(number, sizeof(number), ",%d%d0,", device->major, device->minor);
    snprintf(archs, sizeof(archs), ",%s,", look->archs);
    if (look->archs[0] != '\0' && strstr(archs, number) == NULL) {
        puts("msg=\"skipping CUDA device - compute capability not in compiled "
             "architectures\"");
        return false;
    }
    if (look->driver_major == 0) {
        puts("msg=\"could not verify NVIDIA driver compatibility for CUDA\"");
    } else if (look->driver_major < 550) {
        puts("msg=\"NVIDIA driver too old\" required_driver=\"550 or newer\"");
        return false;
    }
    return true;
}

static int
discover(const char *tree, const char *folder)
{
    struct look first, second;
    const long began = now_ms();
    char extra[128];
    int kept = 0;

    memset(&first, 0, sizeof(first));
    first.tree = tree;
    first.folder = folder;
    const int count = see(&first);
    for (int i = 0; i < count; i++) {
        memset(&second, 0, sizeof(second));
        second.tree = tree;
        second.folder = folder;
        second.visible = first.found[i].id;
        if (!is_accepted(&first, &first.found[i])) {
            continue;
        }
        if (see(&second) != 1) {
            printf("msg=\"filtering device which didn't fully initialize\" id=%d\n", i);
            continue;
        }
        snprintf(extra, sizeof(extra), "name=CUDA%d libdirs=ollama,%s ", i,
                 strrchr(folder, '/') + 1);
        first.found[i].total *= MIB;
        first.found[i].available *= MIB;
        print_compute(&first.found[i], extra);
        kept++;
    }
    printf("msg=\"bootstrap discovery took\" duration=%ldms\n", now_ms() - began);
    return kept;
}

int
main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    char folders[8][256];
    int kept = 0;

    if (strcmp(kind, "server") == 0 && argc == 3) {
        be_server(atoi(argv[2]));
    }
    if (strcmp(kind, "list") == 0) {
        return be_list();
    }
    if (strcmp(kind, "probe") == 0) {
        return be_probe();
    }
    if (argc != 2) {
        fprintf(stderr, "usage: %s TREE\n", argv[0]);
        return 2;
    }
    const int count = library_folders(kind, folders, 8);
    for (int i = 0; i < count; i++) {
        kept += discover(kind, folders[i]);
    }
    if (kept == 0) {
        puts("msg=\"inference compute\" id=cpu library=cpu");
    }
    return kept > 0 ? 0 : 1;
}
