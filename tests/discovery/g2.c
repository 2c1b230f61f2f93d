/* SPDX-License-Identifier: Apache-2.0 */
/*
 * g2 - discovery as Ollama did it from 0.12.4 to 0.24: a runner that is asked over HTTP.
 *
 *     g2 TREE            TREE stands for lib/ollama
 *     g2 runner PORT     the child
 *
 * A runner for each folder with a CUDA library; then, side by side, one for each device
 * that was found, which sees only that device, by its UUID. A runner loads the library
 * when it is asked for /info, without a word when that fails, and is killed once it has
 * answered.
 */
#include <dlfcn.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "discovery.h"

#define POLL_MS   10
#define PORT_LOST 3 /* exit status: somebody else has the port by now */

/* --- the child */

static struct {
    int (*init)(void);
    int (*shutdown)(void);
    int (*by_uuid)(const char *uuid, void **out);
    int (*memory)(void *device, unsigned long long out[3]); /* total, free, used */
    int (*name)(void *device, char *out, unsigned size);
    const char *(*text)(int error);
} nvml;

/* Opened for one question and closed again. Return: false when CUDA must be asked. */
static bool
ask_nvml(struct found *device)
{
    const char *root = getenv("DISCOVERY_ROOT");
    unsigned long long memory[3] = { 0 };
    void *handle = NULL;
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/usr/lib/wsl/lib/libnvidia-ml.so.1",
             root != NULL ? root : "");
    void *library = dlopen(path, RTLD_LAZY);
    library = library != NULL ? library : dlopen("libnvidia-ml.so.1", RTLD_LAZY);
    if (library == NULL) {
        return false;
    }
    bool is_good = find(library, "nvmlInit_v2", &nvml.init) &&
                   find(library, "nvmlShutdown", &nvml.shutdown) &&
                   find(library, "nvmlDeviceGetHandleByUUID", &nvml.by_uuid) &&
                   find(library, "nvmlDeviceGetMemoryInfo", &nvml.memory) &&
                   find(library, "nvmlDeviceGetName", &nvml.name) &&
                   find(library, "nvmlErrorString", &nvml.text);
    if (is_good) {
        const int r = nvml.init();
        is_good = r == 0 && nvml.by_uuid(device->id, &handle) == 0 &&
                  nvml.memory(handle, memory) == 0;
        if (r != 0) {
            fprintf(stderr, "nvml: %s\n", nvml.text(r));
        } else {
            (void)nvml.shutdown();
        }
    }
    dlclose(library);
    if (is_good) {
        device->total = (size_t)memory[0];
        device->available = (size_t)memory[1];
        fprintf(stderr,
                "device %s utilizing NVML memory reporting free: %zu total: %zu\n",
                device->id, device->available, device->total);
    }
    return is_good;
}

static bool
is_compiled(const struct found *device, const char *archs)
{
    char number[16];
    const int length =
        snprintf(number, sizeof(number), "%d", device->major * 100 + device->minor * 10);

    for (const char *at = archs; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, number, (size_t)length) == 0 &&
            (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The backends of each folder of OLLAMA_LIBRARY_PATH. Return: how many devices. */
static int
enumerate(struct found *out, int capacity)
{
    const char *text = getenv("OLLAMA_LIBRARY_PATH");
    char *folders = strdup(text != NULL ? text : "");
    char *rest = NULL;
    char path[512];
    int count = 0;

    for (char *at = folders != NULL ? strtok_r(folders, ":", &rest) : NULL; at != NULL;
         at = strtok_r(NULL, ":", &rest)) {
        struct backend backend;
        if (!backend_path(at, path, sizeof(path)) ||
            !backend_open(path, true, &backend)) {
            continue; /* nothing is said about it */
        }
        const int more = backend.devices(out + count, capacity - count);
        fprintf(stderr, "load_backend: loaded CUDA backend from %s\n", path);
        for (int i = 0; i < more; i++) {
            if (getenv("GGML_CUDA_INIT") != NULL &&
                !is_compiled(&out[count + i], backend.archs())) {
                abort();
            }
            if (!ask_nvml(&out[count + i]) &&
                backend.memory(i, &out[count + i].available, &out[count + i].total) !=
                    0) {
                abort();
            }
        }
        count += more > 0 ? more : 0;
    }
    free(folders);
    return count;
}

static int
be_runner(int port)
{
    struct found found[MAX_DEVICES] = { 0 };
    const char *answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    char request[1024];
    int count = -1;
    const int fd = listen_at(port);

    if (fd < 0) {
        return PORT_LOST;
    }
    for (;;) {
        const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) {
            return 1;
        }
        const ssize_t length = read(client, request, sizeof(request) - 1);
        request[length > 0 ? length : 0] = '\0';
        if (strncmp(request, "GET /info ", 10) == 0) {
            count = count >= 0 ? count : enumerate(found, MAX_DEVICES);
            dprintf(client, "%s", answer);
            for (int i = 0; i < count; i++) {
                const struct found *d = &found[i];
                dprintf(client, "%s|%d|%d|%d|%s|%zu|%zu|%s\n", d->id, d->major, d->minor,
                        d->driver, d->pci, d->total, d->available, d->name);
            }
        }
        close(client);
    }
}

/* --- the parent */

struct runner {
    const char *tree, *folder, *visible;
    pid_t child; /* -1: ended and waited for */
    int port;
    long began;
    struct found found[MAX_DEVICES];
    int count; /* -1: no answer */
};

static void
start_runner(struct runner *out)
{
    const char *search = getenv("LD_LIBRARY_PATH");
    char libraries[2048];
    char path[1024];
    char devices[128];
    char port[16];
    static char program[] = "g2", word[] = "runner";
    char *const arguments[] = { program, word, port, NULL };
    const char *settings[] = { libraries, path, NULL, NULL, NULL };

    snprintf(libraries, sizeof(libraries), "LD_LIBRARY_PATH=%s:%s%s%s", out->tree,
             out->folder, search != NULL ? ":" : "", search != NULL ? search : "");
    snprintf(path, sizeof(path), "OLLAMA_LIBRARY_PATH=%s:%s", out->tree, out->folder);
    if (out->visible != NULL) {
        snprintf(devices, sizeof(devices), "CUDA_VISIBLE_DEVICES=%s", out->visible);
        settings[2] = devices;
        settings[3] = "GGML_CUDA_INIT=1";
    }
    out->port = free_port();
    snprintf(port, sizeof(port), "%d", out->port);
    out->count = -1;
    out->child = start(arguments, settings, 0, NULL);
}

/* One request. Return: true when it was answered. */
static bool
ask_runner(struct runner *runner)
{
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)runner->port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char line[1024];

    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    const struct timeval limit = { .tv_sec = DEADLINE_MS / 1000 };
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    dprintf(fd, "GET /info HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    FILE *stream = fdopen(fd, "r");
    bool is_good = stream != NULL && fgets(line, sizeof(line), stream) != NULL &&
                   strncmp(line, "HTTP/1.1 200 ", 13) == 0;
    runner->count = is_good ? 0 : -1;
    while (is_good && runner->count < MAX_DEVICES &&
           fgets(line, sizeof(line), stream) != NULL) {
        struct found *d = &runner->found[runner->count];
        runner->count +=
            sscanf(line, "%47[^|]|%d|%d|%d|%19[^|]|%zu|%zu|%255[^\n]", d->id, &d->major,
                   &d->minor, &d->driver, d->pci, &d->total, &d->available, d->name) == 8;
        snprintf(d->library, sizeof(d->library), "CUDA");
    }
    if (stream != NULL) {
        fclose(stream);
    }
    return is_good;
}

/* Has the runner ended by itself? One that only lost its port gets another. */
static bool
has_ended(struct runner *runner)
{
    int status = 0;

    if (runner->child > 0 && waitpid(runner->child, &status, WNOHANG) == 0) {
        return false;
    }
    runner->child = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == PORT_LOST) {
        start_runner(runner);
    }
    return runner->child < 0;
}

static void
await_runner(struct runner *runner)
{
    const struct timespec tick = { .tv_nsec = POLL_MS * 1000000L };
    bool is_answered = false;

    while (!is_answered && now_ms() - runner->began < DEADLINE_MS && !has_ended(runner)) {
        is_answered = ask_runner(runner);
        if (!is_answered) {
            nanosleep(&tick, NULL);
        }
    }
    if (!is_answered) {
        puts("msg=\"failure during GPU discovery\"");
    }
    printf("msg=\"bootstrap discovery took\" duration=%ldms CUDA_VISIBLE_DEVICES=%s\n",
           now_ms() - runner->began, runner->visible != NULL ? runner->visible : "\"\"");
    end(runner->child);
}

/* Return: is the device confirmed? */
static bool
confirm(const struct found *device, const struct runner *second)
{
    if (second->count == 1 && strcmp(second->found[0].id, device->id) == 0) {
        return true;
    }
    printf("msg=\"filtering device which didn't fully initialize\" id=%s\n", device->id);
    return false;
}

static int
discover(const char *tree, const char *folder)
{
    struct runner first, second[MAX_DEVICES];
    char extra[128];
    int kept = 0;

    first = (struct runner){ .tree = tree, .folder = folder, .began = now_ms() };
    start_runner(&first);
    await_runner(&first);
    printf("msg=\"evaluating which, if any, devices to filter out\" initial_count=%d\n",
           first.count > 0 ? first.count : 0);
    for (int i = 0; i < first.count; i++) {
        second[i] = first;
        second[i].visible = first.found[i].id;
        second[i].began = now_ms();
        start_runner(&second[i]);
    }
    for (int i = 0; i < first.count; i++) {
        await_runner(&second[i]);
    }
    for (int i = 0; i < first.count; i++) {
        if (confirm(&first.found[i], &second[i])) {
            snprintf(extra, sizeof(extra), "name=CUDA%d libdirs=ollama,%s ", i,
                     strrchr(folder, '/') + 1);
            print_compute(&first.found[i], extra);
            kept++;
        }
    }
    return kept;
}

int
main(int argc, char **argv)
{
    char folders[8][256];
    int kept = 0;

    if (argc == 3 && strcmp(argv[1], "runner") == 0) {
        return be_runner(atoi(argv[2]));
    }
    if (argc != 2) {
        fprintf(stderr, "usage: %s TREE\n", argv[0]);
        return 2;
    }
    const int count = library_folders(argv[1], folders, 8);
    for (int i = 0; i < count; i++) {
        kept += discover(argv[1], folders[i]);
    }
    if (kept == 0) {
        puts("msg=\"inference compute\" id=cpu library=cpu");
    }
    return kept > 0 ? 0 : 1;
}
