/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask - the connection to the host's own NVML: one a process, from the first nvmlInit to
 * the last nvmlShutdown.
 *
 * A forked child lets go of its parent's connection and makes one of its own; so does
 * every process whose connection broke, or whose descriptor a program has closed and
 * used again. The devices have the same names in each.
 */
#include "nvml/ask.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "link/control.h"
#include "nvml/nvml_priv.h"
#include "shim/conn.h"

/* A worker says at once that it is there; a GPU that sleeps takes its time to start. */
#define SILENCE_MS 2000
#define START_MS   60000
#define ANSWER_MS  8000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fd = -1;
static pid_t owner;
static struct vg_fd_mark mark; /* a number may come to mean another file */
static bool is_started;
static bool is_watched;
static uint32_t serial;
static _Alignas(8) uint8_t packet[VG_CONTROL_MAX];

static void
start_clean(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

    memcpy(&lock, &fresh, sizeof(lock)); /* another thread may have held it in fork */
}

static bool
is_ours(void)
{
    return fd >= 0 && vg_fd_same(fd, &mark);
}

static void
drop(void)
{
    if (is_ours()) {
        close(fd);
    }
    fd = -1;
}

/* Sends @size bytes, if any, and receives the answer to packet. Return: its size or
 * -errno; the connection is dropped then. */
static int
exchange(const void *question, size_t size, uint32_t number, int timeout_ms)
{
    struct vg_control_ask head;
    int fds[VG_CONTROL_FDS_MAX];

    int r = question != NULL ? vg_control_send(fd, question, size, NULL, 0) : 0;
    if (r == 0) {
        r = vg_control_recv(fd, packet, sizeof(packet), fds, timeout_ms);
        for (int i = 0; i < VG_CONTROL_FDS_MAX; i++) {
            if (fds[i] >= 0) {
                close(fds[i]);
            }
        }
        r = r == 0 ? -EPIPE : r;
    }
    if (r >= (int)sizeof(head)) {
        memcpy(&head, packet, sizeof(head));
        if (head.header.type == VG_CONTROL_ASK && head.serial == number) {
            return r;
        }
    }
    r = r >= 0 ? -EPROTO : r;
    vg_log(VG_LOG_ERROR, "nvml: the worker does not answer: %s", strerror(-r));
    drop();
    return r;
}

/* Says what we want; the answer is a greeting. Return: 0 or -errno. */
static int
greet(void)
{
    const struct vg_control_nvml hello = { .header = { VG_CONTROL_NVML, sizeof(hello) },
                                           .magic = VG_CONTROL_MAGIC,
                                           .major = VG_WIRE_MAJOR,
                                           .minor = VG_WIRE_MINOR,
                                           .calls = VG_NVML_CALL_COUNT };
    const int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

    int r = vg_control_send(fd, &hello, sizeof(hello), &self, self >= 0 ? 1 : 0);
    if (self >= 0) {
        close(self);
    }
    if (r != 0) {
        drop();
        return r;
    }
    r = exchange(NULL, 0, 0, SILENCE_MS);
    return r < 0 ? r : 0;
}

static nvmlReturn_t
result_of(int error)
{
    return error == -ETIMEDOUT ? NVML_ERROR_TIMEOUT
           : error == -EPROTO  ? NVML_ERROR_LIB_RM_VERSION_MISMATCH
                               : NVML_ERROR_UNKNOWN;
}

/* The host's library was started before: start it behind the new connection too. */
static nvmlReturn_t
start_again(void)
{
    const uint32_t number = ++serial;
    struct vg_control_ask ask = { .header = { VG_CONTROL_ASK, sizeof(ask) },
                                  .call = VG_NVML_nvmlInit_v2,
                                  .serial = number };

    const int r = exchange(&ask, sizeof(ask), number, START_MS);
    if (r < 0) {
        return result_of(r);
    }
    memcpy(&ask, packet, sizeof(ask));
    if (ask.call != NVML_SUCCESS) {
        drop();
    }
    return (nvmlReturn_t)ask.call;
}

static nvmlReturn_t
connect_worker(void)
{
    const nvmlReturn_t unreachable =
        is_started ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_DRIVER_NOT_LOADED;
    struct vg_endpoint endpoint;

    if (fd >= 0 && owner == getpid() && is_ours()) {
        return NVML_SUCCESS;
    }
    drop();
    if (!is_watched) {
        is_watched = pthread_atfork(NULL, NULL, start_clean) == 0;
    }
    vg_endpoint_read(&endpoint);
    if (endpoint.kind != VG_ENDPOINT_UNIX) {
        return unreachable;
    }
    fd = vg_worker_connect(endpoint.path);
    if (fd < 0) {
        vg_log(VG_LOG_ERROR, "nvml: cannot reach the worker at %s", endpoint.path);
        fd = -1;
        return unreachable;
    }
    owner = getpid();
    vg_fd_note(fd, &mark);
    const int r = greet();
    if (r != 0) {
        return r == -ETIMEDOUT || r == -EPROTO ? result_of(r) : unreachable;
    }
    return is_started ? start_again() : NVML_SUCCESS;
}

void
vg_nvml_ask_begin(struct vg_nvml_ask *ask, enum vg_nvml_call call)
{
    const struct vg_control_ask head = { .header = { VG_CONTROL_ASK, 0 },
                                         .call = (int32_t)call };

    ask->call = call;
    ask->result = NVML_SUCCESS;
    vg_enc_init(&ask->req, ask->first, sizeof(ask->first));
    vg_dec_init(&ask->rep, NULL, 0);
    vg_put_bytes(&ask->req, &head, sizeof(head));
}

nvmlReturn_t
vg_nvml_ask_wait(struct vg_nvml_ask *ask)
{
    struct vg_control_ask head;
    const bool is_slow = vg_nvml_call_table[ask->call].needs == VG_NVML_NEEDS_NONE;

    pthread_mutex_lock(&lock);
    if (vg_enc_failed(&ask->req) || ask->req.size > VG_CONTROL_MAX) {
        ask->result = NVML_ERROR_INVALID_ARGUMENT;
        return ask->result;
    }
    ask->result = connect_worker();
    if (ask->result != NVML_SUCCESS) {
        return ask->result;
    }
    memcpy(&head, ask->req.data, sizeof(head));
    head.header.size = (uint32_t)ask->req.size;
    head.serial = ++serial;
    memcpy(ask->req.data, &head, sizeof(head));
    const int size = exchange(ask->req.data, ask->req.size, head.serial,
                              is_slow ? START_MS : ANSWER_MS);
    if (size < 0) {
        ask->result = result_of(size);
        return ask->result;
    }
    memcpy(&head, packet, sizeof(head));
    ask->result = (nvmlReturn_t)head.call;
    vg_dec_init(&ask->rep, packet + sizeof(head), (size_t)size - sizeof(head));
    return ask->result;
}

nvmlReturn_t
vg_nvml_ask_end(struct vg_nvml_ask *ask)
{
    if (!vg_dec_done(&ask->rep)) {
        ask->result = NVML_ERROR_LIB_RM_VERSION_MISMATCH;
        drop();
    }
    pthread_mutex_unlock(&lock);
    vg_enc_fini(&ask->req);
    return ask->result;
}

uint32_t
vg_nvml_ask_count(struct vg_nvml_ask *ask, unsigned capacity)
{
    const uint32_t count = vg_get_u32(&ask->rep);

    if (count > capacity) {
        vg_dec_fail(&ask->rep);
        return 0;
    }
    return count;
}

void
vg_nvml_ask_text(struct vg_nvml_ask *ask, char *out, unsigned capacity)
{
    const uint32_t size = vg_get_u32(&ask->rep); /* length + 1 */
    const void *text = size > 0 ? vg_get_bytes(&ask->rep, size - 1) : NULL;

    if (text == NULL || size > capacity) {
        vg_dec_fail(&ask->rep);
        return;
    }
    memcpy(out, text, size - 1);
    out[size - 1] = '\0';
}

void
vg_nvml_ask_started(void)
{
    pthread_mutex_lock(&lock);
    is_started = true;
    pthread_mutex_unlock(&lock);
}

void
vg_nvml_ask_close(void)
{
    pthread_mutex_lock(&lock);
    is_started = false;
    drop();
    pthread_mutex_unlock(&lock);
}
