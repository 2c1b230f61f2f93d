/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn - the handshake, and the lane of each thread.
 */
#include "shim/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "shim/call.h"
#include "shim/ids.h"
#include "wire/internal.h"

#define SILENCE_MS 2000
/* A private worker that we started ourselves loads a driver first. */
#define START_MS 60000

struct vg_conn vg_conn = { .control = -1 };

static _Atomic bool conn_open;
static pthread_mutex_t lane_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vg_client_lane *free_lanes;
static uint32_t lane_count;
static struct vg_fd_mark control_mark;
static __thread struct vg_client_lane *my_lane;

bool
vg_conn_is_open(void)
{
    /* pairs with the release in vg_conn_open(): vg_conn is whole */
    return atomic_load_explicit(&conn_open, memory_order_acquire);
}

void
vg_conn_lost(const char *why)
{
    if (!atomic_exchange_explicit(&vg_conn.lost, true, memory_order_acq_rel)) {
        vg_log(VG_LOG_ERROR, "the worker is gone (%s); CUDA is lost to this process",
               why);
    }
}

/* --- handshake --- */

static int
map_shared(int *out_rings, int *out_window)
{
    const int rings = vg_shm_create("vgpu-lanes", VG_SHM_RINGS_SIZE);
    const int window = vg_shm_create("vgpu-window", vg_conn.window_size);
    int r = rings < 0 ? rings : window < 0 ? window : 0;

    if (r == 0) {
        void *at = mmap((void *)(uintptr_t)vg_conn.window_base, vg_conn.window_size,
                        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
                        window, 0);
        r = at == MAP_FAILED ? -errno : 0;
    }
    if (r == 0) {
        vg_conn.rings = mmap(NULL, VG_SHM_RINGS_SIZE, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_NORESERVE, rings, 0);
        r = vg_conn.rings == MAP_FAILED ? -errno : 0;
    }
    if (r != 0) {
        close(rings);
        close(window);
        return r;
    }
    void *base = (void *)(uintptr_t)vg_conn.window_base;
    (void)madvise(base, vg_conn.window_size, MADV_DONTDUMP);
    (void)madvise(base, vg_conn.window_size, MADV_DONTFORK);
    (void)madvise(vg_conn.rings, VG_SHM_RINGS_SIZE, MADV_DONTFORK);
    *out_rings = rings;
    *out_window = window;
    return 0;
}

static int
send_hello(void)
{
    const struct vg_control_hello hello = {
        .header = { VG_CONTROL_HELLO, sizeof(hello) },
        .magic = VG_CONTROL_MAGIC,
        .major = VG_WIRE_MAJOR,
        .minor = VG_WIRE_MINOR,
        .arena_base = vg_conn.arena_base,
        .arena_size = vg_conn.arena_size,
        .window_base = vg_conn.window_base,
        .window_size = vg_conn.window_size,
    };
    int fds[3] = { -1, -1, -1 };

    int r = map_shared(&fds[1], &fds[2]);
    if (r != 0) {
        return r;
    }
    fds[0] = (int)syscall(SYS_pidfd_open, getpid(), 0);
    r = fds[0] < 0 ? -errno
                   : vg_control_send(vg_conn.control, &hello, sizeof(hello), fds, 3);
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return r;
}

static void
unmap_shared(void)
{
    if (vg_conn.rings != NULL && vg_conn.rings != MAP_FAILED) {
        munmap(vg_conn.rings, VG_SHM_RINGS_SIZE);
    }
    vg_conn.rings = NULL;
    vg_address_release();
}

static CUresult
take_welcome(const uint8_t *packet, size_t size)
{
    struct vg_control_welcome head;
    struct vg_control_device device;

    if (size < sizeof(head)) {
        return CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
    }
    memcpy(&head, packet, sizeof(head));
    if (head.major != VG_WIRE_MAJOR || head.device_count > VG_DEVICE_MAX ||
        size != sizeof(head) + head.device_count * sizeof(device)) {
        return CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
    }
    for (uint32_t i = 0; i < head.device_count; i++) {
        struct vg_device_sheet *sheet = &vg_conn.devices[i];
        memcpy(&device, packet + sizeof(head) + i * sizeof(device), sizeof(device));
        memcpy(sheet->name, device.name, sizeof(sheet->name));
        sheet->name[sizeof(sheet->name) - 1] = '\0';
        memcpy(&sheet->uuid, device.uuid, sizeof(sheet->uuid));
        sheet->total_memory = device.total_memory;
        memcpy(sheet->attributes, device.attributes, sizeof(sheet->attributes));
        /* ordinary pages of this process are out of the device's reach */
        sheet->attributes[CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS] = 0;
        sheet->attributes[CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM] =
            0;
        sheet->attributes
            [CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES] = 0;
    }
    vg_conn.driver_version = head.driver_version;
    vg_conn.device_count = (int)head.device_count;
    vg_conn.welcome_flags = head.flags;
    return CUDA_SUCCESS;
}

/* One proposal. Return: CUDA_SUCCESS, or an error; *out_again when another range may do.
 */
static CUresult
propose(int timeout_ms, bool *out_again)
{
    static uint8_t packet[VG_CONTROL_MAX]; /* under the front's lock */
    int fds[VG_CONTROL_FDS_MAX];
    struct vg_control_header header;

    if (send_hello() != 0) {
        return CUDA_ERROR_SYSTEM_NOT_READY;
    }
    const int size =
        vg_control_recv(vg_conn.control, packet, sizeof(packet), fds, timeout_ms);
    for (int i = 0; i < VG_CONTROL_FDS_MAX; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (size <= 0) {
        vg_log(VG_LOG_ERROR, "the worker does not answer: %s",
               size == 0 ? "it has closed the connection" : strerror(-size));
        return CUDA_ERROR_SYSTEM_NOT_READY;
    }
    memcpy(&header, packet, sizeof(header));
    *out_again = header.type == VG_CONTROL_AGAIN;
    if (header.type == VG_CONTROL_WELCOME) {
        return take_welcome(packet, (size_t)size);
    }
    if (header.type == VG_CONTROL_REFUSED &&
        (size_t)size == sizeof(struct vg_control_refused)) {
        struct vg_control_refused refused;
        memcpy(&refused, packet, sizeof(refused));
        refused.text[sizeof(refused.text) - 1] = '\0';
        vg_log(VG_LOG_ERROR, "the worker refuses: %s", refused.text);
        return refused.code > 0 ? (CUresult)refused.code : CUDA_ERROR_NO_DEVICE;
    }
    return *out_again ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
}

static CUresult
shake_hands(int timeout_ms)
{
    for (unsigned attempt = 0;; attempt++) {
        const int r = vg_address_reserve(attempt);
        bool again = false;
        if (r > 0) {
            continue;
        }
        if (r < 0) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        const CUresult result = propose(timeout_ms, &again);
        if (result == CUDA_SUCCESS) {
            return result;
        }
        unmap_shared();
        if (!again) {
            return result;
        }
    }
}

CUresult
vg_conn_open(void)
{
    const char *blocking = getenv("CUDA_LAUNCH_BLOCKING");
    struct vg_endpoint endpoint;

    vg_endpoint_read(&endpoint);
    if (endpoint.kind == VG_ENDPOINT_NONE) {
        vg_log(VG_LOG_ERROR, "no endpoint: set VGPU_ENDPOINT, or use 'vgpu run'");
        return CUDA_ERROR_NO_DEVICE;
    }
    if (endpoint.kind == VG_ENDPOINT_BAD) {
        return CUDA_ERROR_SYSTEM_NOT_READY;
    }
    const bool is_private = endpoint.kind == VG_ENDPOINT_SOFT;
    const int fd = is_private ? vg_worker_spawn() : vg_worker_connect(endpoint.path);
    if (fd < 0) {
        vg_log(VG_LOG_ERROR, "cannot reach the worker: %s", strerror(-fd));
        return CUDA_ERROR_SYSTEM_NOT_READY;
    }

    vg_conn.control = fd;
    vg_fd_note(fd, &control_mark);
    vg_conn.blocking = blocking != NULL && strcmp(blocking, "1") == 0;
    const CUresult result = shake_hands(is_private ? START_MS : SILENCE_MS);
    if (result != CUDA_SUCCESS) {
        close(fd);
        vg_conn.control = -1;
        vg_worker_reap();
        return result;
    }
    for (int i = 0; i < vg_conn.device_count; i++) {
        (void)vg_client_ids_learn(vg_id_make(VG_ID_CTX, false, 1, (uint32_t)i), 0, 0);
    }
    vg_log(VG_LOG_INFO, "GPU at %s: %d device%s, first '%s', CUDA %d.%d",
           is_private ? "a private worker" : endpoint.path, vg_conn.device_count,
           vg_conn.device_count == 1 ? "" : "s",
           vg_conn.device_count > 0 ? vg_conn.devices[0].name : "none",
           vg_conn.driver_version / 1000, vg_conn.driver_version % 1000 / 10);
    /* pairs with the acquire in vg_conn_is_open() */
    atomic_store_explicit(&conn_open, true, memory_order_release);
    return CUDA_SUCCESS;
}

/* The connection is the parent's: its memory is not mapped here, and its socket is only
 * closed. No thread but the calling one is left that could hold a lock. */
void
vg_driver_forked(void)
{
    pthread_mutex_init(&lane_lock, NULL);
    if (!vg_conn_is_open()) {
        return;
    }
    if (vg_fd_same(vg_conn.control, &control_mark)) {
        close(vg_conn.control);
    }
    memset(&vg_conn, 0, sizeof(vg_conn));
    vg_conn.control = -1;
    my_lane = NULL;
    free_lanes = NULL;
    lane_count = 0;
    /* pairs with the acquire in vg_conn_is_open() */
    atomic_store_explicit(&conn_open, false, memory_order_release);
}

/* --- lanes --- */

static struct vg_client_lane *
open_lane(uint32_t index)
{
    const struct vg_control_lane packet = { .header = { VG_CONTROL_LANE, sizeof(packet) },
                                            .lane = index };
    struct vg_client_lane *lane = calloc(1, sizeof(*lane));
    int fds[2]; /* the worker's eventfd, ours */

    if (lane == NULL) {
        return NULL;
    }
    fds[0] = vg_fd_away(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 3);
    fds[1] = vg_fd_away(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 3);
    if (fds[0] < 0 || fds[1] < 0 ||
        vg_shm_lane_create(&vg_conn.rings[index], true, fds[1], fds[0], vg_conn.control,
                           &lane->lane) != 0) {
        goto err_close;
    }
    if (!vg_fd_same(vg_conn.control, &control_mark) ||
        vg_control_send(vg_conn.control, &packet, sizeof(packet), fds, 2) != 0) {
        vg_conn_lost("cannot open a lane");
        vg_lane_destroy(lane->lane);
        goto err_close;
    }
    lane->index = index;
    return lane;

err_close:
    if (fds[0] >= 0) {
        close(fds[0]);
    }
    if (fds[1] >= 0) {
        close(fds[1]);
    }
    free(lane);
    return NULL;
}

struct vg_client_lane *
vg_client_lane(void)
{
    struct vg_client_lane *lane = my_lane;

    if (lane != NULL) {
        return lane;
    }
    pthread_mutex_lock(&lane_lock);
    lane = free_lanes;
    if (lane != NULL) {
        free_lanes = lane->next;
    } else if (lane_count < VG_LANE_MAX) {
        lane = open_lane(lane_count);
        lane_count += lane != NULL;
    }
    pthread_mutex_unlock(&lane_lock);
    if (lane != NULL) {
        lane->thread = vg_front_thread();
        my_lane = lane;
    }
    return lane;
}

void
vg_client_thread_exit(uint64_t thread)
{
    struct vg_client_lane *lane = my_lane;
    struct vg_call call;

    if (lane == NULL || lane->thread != thread) {
        return;
    }
    vg_call_begin(&call, VG_CALL_THREAD_END);
    vg_call_post(&call);
    (void)vg_call_end(&call);
    my_lane = NULL;
    /* its staging may still be read by copies under way: the slots stay marked as used */
    pthread_mutex_lock(&lane_lock);
    lane->next = free_lanes;
    free_lanes = lane;
    pthread_mutex_unlock(&lane_lock);
}
