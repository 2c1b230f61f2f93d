/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvml_host - the host's own NVML, asked by one client: the library that belongs to the
 * driver, its handles, and what happens when it crashes or hangs.
 *
 * This process is the client's alone. A crash ends it, a hang too (after LIMIT_S, or as
 * soon as the client goes), and the client sees its connection end.
 */
#include "worker/nvml_host.h"

#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "link/control.h"

#define LIMIT_S   75 /* longer than any client waits */
#define SPARE     65536u
#define LIST_MAX  49152u /* bytes of lists in an answer */
#define NAMES_MAX 256u

static void *library;
static int client_socket;
static int client_process;

/* What has a name: the index in it is that in this table, devices first in their order,
 * so that a client that connects again knows them by the same names. */
static struct {
    nvmlDevice_t object;
    unsigned kind;
} names[NAMES_MAX];
static unsigned name_count;

const unsigned vg_host_calls = VG_NVML_CALL_COUNT;

/* --- the library --- */

static bool
is_software(const char *driver)
{
    const char *slash = strrchr(driver, '/');

    return strncmp(slash != NULL ? slash + 1 : driver, "libvgpu-soft", 12) == 0;
}

static void *
open_beside(const char *driver)
{
    static const char name[] = "libnvidia-ml.so.1";
    const char *slash = strrchr(driver, '/');
    char path[PATH_MAX];

    if (slash == NULL) {
        return NULL;
    }
    const int n =
        snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - driver), driver, name);
    return n > 0 && (size_t)n < sizeof(path) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

/* The one that is named; else the one beside the driver; else, for a driver that is not
 * ours, the loader's. */
static void
open_library(const char *driver)
{
    const char *named = getenv("VGPU_NVML");

    /* ours asks the driver of this worker, on this machine */
    (void)unsetenv("VGPU_INSIDE_WORKER");
    (void)setenv("VGPU_ENDPOINT", "soft", 1);
    (void)setenv("VGPU_DRIVER", driver, 1);
    if (named != NULL && named[0] != '\0') {
        library = dlopen(named, RTLD_NOW | RTLD_LOCAL);
    } else {
        library = open_beside(driver);
        if (library == NULL && !is_software(driver)) {
            library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
        }
    }
    if (library == NULL) {
        const char *why = dlerror();
        vg_log(VG_LOG_ERROR, "worker: no NVML for '%s': %s", driver,
               why != NULL ? why : "none beside it");
    }
}

/* --- a question's parameters --- */

bool
vg_host_flag(struct vg_host_call *call)
{
    const uint8_t value = vg_get_u8(&call->req);

    if (value > 1) {
        vg_dec_fail(&call->req);
    }
    return value == 1;
}

static uint64_t
make_name(unsigned kind, unsigned index)
{
    /* kind, generation 1, index; no address that a program could have */
    return 0x4eull << 40 | (uint64_t)kind << 36 | 1ull << 20 | (uint64_t)index << 4;
}

nvmlDevice_t
vg_host_handle(struct vg_host_call *call, unsigned kind)
{
    const uint64_t name = vg_get_u64(&call->req);
    const unsigned index = (unsigned)(name >> 4) & 0xffff;

    if (index >= name_count || names[index].kind != kind ||
        make_name(kind, index) != name) {
        return NULL; /* which the library refuses in its own order of checks */
    }
    return names[index].object;
}

uint64_t
vg_host_name(nvmlDevice_t object, unsigned kind)
{
    unsigned i = 0;

    while (i < name_count && (names[i].object != object || names[i].kind != kind)) {
        i++;
    }
    if (object == NULL || i == NAMES_MAX) {
        return 0;
    }
    if (i == name_count) {
        names[i].object = object;
        names[i].kind = kind;
        name_count++;
    }
    return make_name(kind, i);
}

static void *
keep(struct vg_host_call *call, void *room)
{
    if (room == NULL ||
        call->room_count == sizeof(call->rooms) / sizeof(call->rooms[0])) {
        free(room);
        call->is_short = true;
        return NULL;
    }
    call->rooms[call->room_count++] = room;
    return room;
}

const char *
vg_host_string(struct vg_host_call *call)
{
    char *text = vg_get_string(&call->req);

    if (text == NULL) {
        vg_dec_fail(&call->req);
        return NULL;
    }
    return keep(call, text);
}

void *
vg_host_room(struct vg_host_call *call, size_t size)
{
    static char nowhere[4096]; /* decoded into, and never given to the library */
    void *room = keep(call, calloc(1, size + SPARE));

    return room != NULL ? room : nowhere;
}

unsigned
vg_host_limit(unsigned count, size_t size)
{
    const size_t most = LIST_MAX / size;

    return count < most ? count : (unsigned)most;
}

unsigned
vg_host_version(unsigned version, size_t size)
{
    return (version & 0xffffff) == size ? version : (unsigned)size | 0xffu << 24;
}

/* --- around a call --- */

nvmlReturn_t
vg_host_find(struct vg_host_call *call, const char *name, void *out_function, size_t size)
{
    void *found;

    if (!vg_dec_done(&call->req)) {
        vg_log(VG_LOG_ERROR, "worker: the client sent an impossible question");
        _exit(1);
    }
    if (library == NULL) {
        return NVML_ERROR_LIBRARY_NOT_FOUND;
    }
    found = dlsym(library, name);
    if (found == NULL) {
        return NVML_ERROR_FUNCTION_NOT_FOUND;
    }
    memcpy(out_function, &found, size);
    return NVML_SUCCESS;
}

bool
vg_host_begin(struct vg_host_call *call)
{
    if (!call->is_short) {
        (void)alarm(LIMIT_S);
    }
    return !call->is_short;
}

void
vg_host_end(struct vg_host_call *call)
{
    (void)call;
    (void)alarm(0);
}

/* --- processes --- */

static bool
is_worker(unsigned pid)
{
    struct stat self, other;
    char path[40];

    snprintf(path, sizeof(path), "/proc/%u/exe", pid);
    return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 &&
           self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

unsigned
vg_host_process(unsigned pid)
{
    static const char mark[] = "--client";
    char path[40], text[4096];

    if (!is_worker(pid)) {
        return pid;
    }
    snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pid;
    }
    const size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    for (size_t i = 0; i < size; i += strlen(text + i) + 1) {
        if (strcmp(text + i, mark) == 0 && i + sizeof(mark) < size) {
            const int client = atoi(text + i + sizeof(mark));
            return client > 0 ? (unsigned)client : pid;
        }
    }
    return pid;
}

/* --- the connection --- */

/* The library may be in a call for long: the end of the client is seen all the same. */
static void *
watch_client(void *arg)
{
    struct pollfd fds[2] = { { .fd = client_socket, .events = POLLRDHUP },
                             { .fd = client_process, .events = POLLIN } };

    (void)arg;
    while (poll(fds, 2, -1) <= 0 || (fds[0].revents == 0 && fds[1].revents == 0)) {
    }
    _exit(0);
}

/* Names the devices in their order before anything else has a name. */
static void
name_devices(void)
{
    nvmlReturn_t (*count_devices)(unsigned *) = NULL;
    nvmlReturn_t (*get_device)(unsigned, nvmlDevice_t *) = NULL;
    struct vg_host_call none = { 0 };
    nvmlDevice_t device;
    unsigned count = 0;

    if (name_count > 0 ||
        vg_host_find(&none, "nvmlDeviceGetCount_v2", &count_devices,
                     sizeof(count_devices)) != NVML_SUCCESS ||
        vg_host_find(&none, "nvmlDeviceGetHandleByIndex_v2", &get_device,
                     sizeof(get_device)) != NVML_SUCCESS ||
        count_devices(&count) != NVML_SUCCESS) {
        return;
    }
    for (unsigned i = 0; i < count && i < NAMES_MAX; i++) {
        if (get_device(i, &device) == NVML_SUCCESS) {
            (void)vg_host_name(device, 1);
        }
    }
}

static nvmlReturn_t
answer(struct vg_host_call *call, const struct vg_control_ask *head)
{
    if (head->call < 0 || head->call >= VG_NVML_CALL_COUNT ||
        vg_host_table[head->call] == NULL) {
        return NVML_ERROR_NOT_SUPPORTED;
    }
    const nvmlReturn_t result = vg_host_table[head->call](call);
    if (result == NVML_SUCCESS &&
        vg_nvml_call_table[head->call].needs == VG_NVML_NEEDS_NONE) {
        (void)alarm(LIMIT_S);
        name_devices();
        (void)alarm(0);
    }
    return result;
}

static int
serve_one(const uint8_t *packet, size_t size)
{
    struct vg_control_ask head;
    struct vg_host_call call = { 0 };

    memcpy(&head, packet, sizeof(head));
    vg_dec_init(&call.req, packet + sizeof(head), size - sizeof(head));
    vg_enc_init(&call.rep, NULL, 0);
    vg_put_bytes(&call.rep, &head, sizeof(head));
    head.call = (int32_t)answer(&call, &head);
    if (vg_enc_failed(&call.rep) || call.rep.size > VG_CONTROL_MAX) {
        head.call = NVML_ERROR_MEMORY;
        call.rep.size = call.rep.size < sizeof(head) ? 0 : sizeof(head);
    }
    head.header.size = (uint32_t)call.rep.size;
    int r = -1;
    if (call.rep.size >= sizeof(head)) {
        memcpy(call.rep.data, &head, sizeof(head));
        r = vg_control_send(client_socket, call.rep.data, call.rep.size, NULL, 0);
    }
    vg_enc_fini(&call.rep);
    while (call.room_count > 0) {
        free(call.rooms[--call.room_count]);
    }
    return r;
}

void
vg_host_serve(int control, int client_pidfd, const char *driver_path)
{
    static _Alignas(8) uint8_t packet[VG_CONTROL_MAX];
    const struct vg_control_ask greeting = { .header = { VG_CONTROL_ASK,
                                                         sizeof(greeting) } };
    struct vg_control_header header;
    int fds[VG_CONTROL_FDS_MAX];
    pthread_t watcher;

    client_socket = control;
    client_process = client_pidfd;
    (void)signal(SIGALRM, SIG_DFL);
    if (pthread_create(&watcher, NULL, watch_client, NULL) != 0 ||
        vg_control_send(control, &greeting, sizeof(greeting), NULL, 0) != 0) {
        _exit(1);
    }
    open_library(driver_path);
    for (;;) {
        const int size = vg_control_recv(control, packet, sizeof(packet), fds, -1);
        if (size < (int)sizeof(struct vg_control_ask)) {
            _exit(size == 0 ? 0 : 1);
        }
        memcpy(&header, packet, sizeof(header));
        if (header.type != VG_CONTROL_ASK || serve_one(packet, (size_t)size) != 0) {
            _exit(1);
        }
        for (int i = 0; i < VG_CONTROL_FDS_MAX; i++) {
            if (fds[i] >= 0) {
                close(fds[i]);
            }
        }
    }
}
