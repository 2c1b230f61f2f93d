/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session - handshake, then the control socket until the client is gone.
 */
#include "worker/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/driver.h"
#include "worker/manual.h"
#include "worker/nvml_host.h"

struct vg_session vg_session;

_Static_assert(sizeof(union {
                   struct vg_control_welcome w;
                   char c[1];
               }) + VG_SESSION_DEVICES * sizeof(struct vg_control_device) <=
                   VG_CONTROL_MAX,
               "a welcome is one packet");

void
vg_session_end(const char *why)
{
    static _Atomic bool ending;
    const struct itimerval limit = { .it_value = { .tv_usec = 400000 } };

    if (atomic_exchange(&ending, true)) {
        for (;;) {
            pause(); /* another thread is at it */
        }
    }
    vg_log(VG_LOG_DEBUG, "worker: session ends: %s", why);
    if (getenv("VGPU_SOFT_STATS") != NULL) {
        /* let the driver write its last counters, but not for ever: SIGALRM kills */
        (void)setitimer(ITIMER_REAL, &limit, NULL);
        exit(0);
    }
    _exit(0);
}

bool
vg_window_holds(uint64_t address, uint64_t size)
{
    return address >= vg_session.window_base && size <= vg_session.window_size &&
           address - vg_session.window_base <= vg_session.window_size - size;
}

uint64_t
vg_stage_address(uint32_t lane, uint32_t slot)
{
    /* staging lies at the start of the window, lane by lane */
    return vg_session.window_base + (uint64_t)lane * VG_STAGE_SIZE +
           (uint64_t)slot * VG_STAGE_SLOT_SIZE;
}

static void
refuse(int control, int code, const char *text)
{
    struct vg_control_refused packet = { .header = { VG_CONTROL_REFUSED, sizeof(packet) },
                                         .code = code };

    snprintf(packet.text, sizeof(packet.text), "%s", text);
    (void)vg_control_send(control, &packet, sizeof(packet), NULL, 0);
}

static bool
range_is_sane(uint64_t base, uint64_t size)
{
    return base != 0 && size != 0 && (base & 4095) == 0 && (size & 4095) == 0 &&
           base < 1ull << 47 && size < (1ull << 47) - base;
}

static bool
hello_is_sane(const struct vg_control_hello *hello, int size, const int *fds)
{
    return size == (int)sizeof(*hello) && hello->header.type == VG_CONTROL_HELLO &&
           hello->magic == VG_CONTROL_MAGIC && hello->major == VG_WIRE_MAJOR &&
           range_is_sane(hello->arena_base, hello->arena_size) &&
           range_is_sane(hello->window_base, hello->window_size) &&
           hello->window_size >= (uint64_t)VG_LANE_MAX * VG_STAGE_SIZE && fds[0] >= 0 &&
           fds[1] >= 0 && fds[2] >= 0;
}

/* Takes the proposed addresses. Return: 0; 1 when they are taken here; -errno. */
static int
take_addresses(const struct vg_control_hello *hello, const int *fds)
{
    int r = vg_shm_check(fds[1], VG_SHM_RINGS_SIZE);
    if (r == 0) {
        r = vg_shm_check(fds[2], hello->window_size);
    }
    if (r != 0) {
        return r;
    }

    void *window = mmap((void *)(uintptr_t)hello->window_base, hello->window_size,
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fds[2], 0);
    if (window != (void *)(uintptr_t)hello->window_base) {
        if (window != MAP_FAILED) {
            munmap(window, hello->window_size);
        }
        return 1;
    }
    /* the driver takes the arena itself; whether it is free is asked now */
    void *arena =
        mmap((void *)(uintptr_t)hello->arena_base, hello->arena_size, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (arena != MAP_FAILED) {
        munmap(arena, hello->arena_size);
    }
    if (arena != (void *)(uintptr_t)hello->arena_base) {
        munmap(window, hello->window_size);
        return 1;
    }
    void *rings = mmap(NULL, VG_SHM_RINGS_SIZE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_NORESERVE, fds[1], 0);
    if (rings == MAP_FAILED) {
        munmap(window, hello->window_size);
        return -errno;
    }

    vg_session.rings = rings;
    vg_session.window_base = hello->window_base;
    vg_session.window_size = hello->window_size;
    vg_session.arena_base = hello->arena_base;
    vg_session.arena_size = hello->arena_size;
    return 0;
}

static bool
is_look(const void *packet, int size)
{
    struct vg_control_look look;

    if (size != (int)sizeof(look)) {
        return false;
    }
    memcpy(&look, packet, sizeof(look));
    return look.header.type == VG_CONTROL_LOOK && look.magic == VG_CONTROL_MAGIC &&
           look.major == VG_WIRE_MAJOR;
}

static bool
asks_nvml(const void *packet, int size)
{
    struct vg_control_nvml hello;

    if (size != (int)sizeof(hello)) {
        return false;
    }
    memcpy(&hello, packet, sizeof(hello));
    return hello.header.type == VG_CONTROL_NVML && hello.magic == VG_CONTROL_MAGIC &&
           hello.major == VG_WIRE_MAJOR && hello.calls == vg_host_calls;
}

/* Receives proposals until one fits. Return: 0; 1 when the client only wants to look; 2
 * when it asks for NVML; -errno. */
static int
agree_on_addresses(int control)
{
    const struct vg_control_header again = { VG_CONTROL_AGAIN, sizeof(again) };
    struct vg_control_hello hello;
    int fds[VG_CONTROL_FDS_MAX];

    for (int i = 0; i < 8; i++) {
        const int size = vg_control_recv(control, &hello, sizeof(hello), fds, -1);
        if (size <= 0) {
            return size == 0 ? -EPIPE : size;
        }
        if (i == 0 && is_look(&hello, size)) {
            return 1;
        }
        if (i == 0 && asks_nvml(&hello, size)) {
            vg_session.client_pid = fds[0];
            return 2;
        }
        if (!hello_is_sane(&hello, size, fds)) {
            refuse(control, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
                   "the client speaks another protocol version");
            return -EPROTO;
        }
        const int r = take_addresses(&hello, fds);
        close(fds[1]);
        close(fds[2]);
        if (r < 0) {
            refuse(control, CUDA_ERROR_OPERATING_SYSTEM, "bad shared memory");
            return r;
        }
        if (r == 0) {
            vg_session.client_pid = fds[0];
            return 0;
        }
        close(fds[0]);
        const int sent = vg_control_send(control, &again, sizeof(again), NULL, 0);
        if (sent != 0) {
            return sent;
        }
    }
    return -EPROTO;
}

static CUresult
read_device(int ordinal, struct vg_control_device *out)
{
    CUdevice *device = &vg_session.devices[ordinal];
    CUuuid uuid;
    size_t bytes = 0;

    CUresult result = vg_cuda.cuDeviceGet(device, ordinal);
    if (result == CUDA_SUCCESS) {
        result = vg_cuda.cuDeviceGetName(out->name, sizeof(out->name), *device);
    }
    if (result == CUDA_SUCCESS) {
        result = vg_cuda.cuDeviceGetUuid_v2(&uuid, *device);
        memcpy(out->uuid, &uuid, sizeof(out->uuid));
    }
    if (result == CUDA_SUCCESS) {
        result = vg_cuda.cuDeviceTotalMem_v2(&bytes, *device);
        out->total_memory = bytes;
    }
    for (int i = 1; i < VG_CONTROL_ATTRIBUTES && result == CUDA_SUCCESS; i++) {
        int value = 0;
        if (vg_cuda.cuDeviceGetAttribute(&value, (CUdevice_attribute)i, *device) ==
            CUDA_SUCCESS) {
            out->attributes[i] = value;
        }
    }
    return result;
}

/* Primary contexts have fixed names: client id, index = device, generation 1. */
vg_id
vg_primary_id(int device)
{
    return vg_id_make(VG_ID_CTX, false, 1, (uint32_t)device);
}

static int
welcome(int control)
{
    static _Alignas(8) uint8_t packet[VG_CONTROL_MAX];
    struct vg_control_welcome *head = (struct vg_control_welcome *)packet;
    struct vg_control_device *sheets = (struct vg_control_device *)(head + 1);
    int count = 0, version = 0;

    CUresult result = vg_cuda.cuInit(0);
    if (result == CUDA_SUCCESS) {
        result = vg_cuda.cuDriverGetVersion(&version);
    }
    if (result == CUDA_SUCCESS) {
        result = vg_cuda.cuDeviceGetCount(&count);
    }
    if (count > VG_SESSION_DEVICES) {
        count = VG_SESSION_DEVICES;
    }
    for (int i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = read_device(i, &sheets[i]);
    }
    if (result != CUDA_SUCCESS) {
        vg_log(VG_LOG_ERROR, "worker: the driver does not start: error %d", (int)result);
        refuse(control, (int)result, "the worker's driver does not start");
        return -ENODEV;
    }

    vg_session.device_count = count;
    head->header.type = VG_CONTROL_WELCOME;
    head->header.size =
        (uint32_t)(sizeof(*head) + (size_t)count * sizeof(struct vg_control_device));
    head->major = VG_WIRE_MAJOR;
    head->minor = VG_WIRE_MINOR;
    head->driver_version = version;
    head->device_count = (uint32_t)count;
    head->flags =
        VG_WELCOME_READS_PTX | (vg_session.reads_sass ? VG_WELCOME_READS_SASS : 0u);
    return vg_control_send(control, packet, head->header.size, NULL, 0);
}

/* Nobody asked for counters of a look. Return: 0. */
static int
hide_counters(void)
{
    return unsetenv("VGPU_SOFT_STATS");
}

/* The driver accounts what it does to the client. */
static void
name_client(int control)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    char number[16];

    if (getsockopt(control, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0) {
        snprintf(number, sizeof(number), "%d", (int)peer.pid);
        (void)setenv("VGPU_CLIENT_PID", number, 1);
    }
}

int
vg_session_open(int control, const char *driver_path)
{
    const char *error = NULL;
    char arena[64];

    name_client(control);
    vg_session.control = control;
    vg_session.tickets = vg_tickets_create();
    vg_session.ids = vg_ids_create();
    if (vg_session.tickets == NULL || vg_session.ids == NULL) {
        return -ENOMEM;
    }
    int r = agree_on_addresses(control);
    if (r < 0) {
        return r;
    }
    if (r == 2) {
        vg_host_serve(control, vg_session.client_pid, driver_path);
    }
    const bool is_look = r == 1;

    snprintf(arena, sizeof(arena), "0x%llx:0x%llx",
             (unsigned long long)vg_session.arena_base,
             (unsigned long long)vg_session.arena_size);
    r = is_look ? hide_counters() : setenv("VGPU_SOFT_ARENA", arena, 1);
    if (r != 0) {
        return -ENOMEM;
    }
    const char *base = strrchr(driver_path, '/');
    base = base != NULL ? base + 1 : driver_path;
    vg_session.reads_sass = strncmp(base, "libvgpu-soft", 12) != 0;
    r = vg_driver_open(driver_path, &error);
    if (r != 0) {
        vg_log(VG_LOG_ERROR, "worker: cannot load '%s': %s", driver_path, error);
        refuse(control, CUDA_ERROR_NO_DEVICE, error);
        return r;
    }
    r = welcome(control);
    if (r == 0 && is_look) {
        vg_session_end("the client only looked");
    }
    return r;
}

static void
handle_packet(void)
{
    union {
        struct vg_control_header header;
        struct vg_control_lane lane;
        struct vg_control_reverse_end end;
    } packet;
    int fds[VG_CONTROL_FDS_MAX];

    const int size =
        vg_control_recv(vg_session.control, &packet, sizeof(packet), fds, -1);
    if (size <= 0) {
        vg_session_end(size == 0 ? "the client closed its socket" : "bad packet");
    }
    if (packet.header.type == VG_CONTROL_LANE && size == (int)sizeof(packet.lane) &&
        packet.lane.lane < VG_LANE_MAX && vg_session.threads[packet.lane.lane] == NULL &&
        fds[0] >= 0 && fds[1] >= 0) {
        if (vg_thread_start(packet.lane.lane, fds[0], fds[1]) != 0) {
            vg_session_end("cannot start a worker thread");
        }
        return;
    }
    if (packet.header.type == VG_CONTROL_REVERSE_END && size == (int)sizeof(packet.end)) {
        vg_reverse_done(packet.end.serial);
        return;
    }
    vg_session_end("the client sent an impossible packet");
}

void
vg_session_run(void)
{
    struct pollfd fds[2] = {
        { .fd = vg_session.control, .events = POLLIN },
        { .fd = vg_session.client_pid, .events = POLLIN },
    };

    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            vg_session_end("poll failed");
        }
        /* the socket may live on in a forked child of the client: the pidfd decides */
        if (fds[1].revents != 0) {
            vg_session_end("the client has exited");
        }
        if (fds[0].revents != 0) {
            handle_packet();
        }
    }
}
