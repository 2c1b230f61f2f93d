/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * control - the SEQPACKET socket between client and worker: handshake, new lanes, reverse
 * calls. One packet is one message; fds travel with it. docs/wire.md has the order.
 */

#include <stddef.h>
#include <stdint.h>

#include "wire/id.h"
#include "wire/limits.h"

#define VG_CONTROL_MAGIC   0x31555047u /* GPU1 */
#define VG_CONTROL_FDS_MAX 4
#define VG_CONTROL_MAX     65536

enum vg_control_type {
    VG_CONTROL_HELLO = 1, /* client: proposal; fds: pidfd, rings, window */
    VG_CONTROL_AGAIN,     /* worker: that address range is taken here, try another */
    VG_CONTROL_WELCOME,   /* worker: agreed; then the device sheets */
    VG_CONTROL_REFUSED,   /* worker: no session; code says why */
    VG_CONTROL_LANE,      /* client: opens lane @value; fds: worker's, client's eventfd */
    VG_CONTROL_REVERSE,   /* worker: run a function in the client */
    VG_CONTROL_REVERSE_END, /* client: it has run */
    VG_CONTROL_LOOK, /* client, instead of HELLO: only the sheets, then no session */
    VG_CONTROL_NVML, /* client, instead of HELLO: questions to the host's NVML; fd: pidfd
                      */
    VG_CONTROL_ASK,  /* client: one question; worker: its answer */
};

struct vg_control_header {
    uint32_t type;
    uint32_t size; /* whole packet */
};

struct vg_control_hello {
    struct vg_control_header header;
    uint32_t magic;
    uint16_t major;
    uint16_t minor;
    uint64_t arena_base; /* device memory: [base, base + size) */
    uint64_t arena_size;
    uint64_t window_base; /* shared pinned memory, in the window memfd */
    uint64_t window_size;
    uint32_t flags;
    uint32_t reserved;
};

/* Answered by an ASK with serial 0, or by REFUSED. */
struct vg_control_nvml {
    struct vg_control_header header;
    uint32_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t calls; /* how many the client's description has */
    uint32_t reserved;
};

/* Then the parameters, or the results. */
struct vg_control_ask {
    struct vg_control_header header;
    int32_t call;    /* in an answer: the result */
    uint32_t serial; /* the answer has its question's */
};

/* Answered by WELCOME or REFUSED. */
struct vg_control_look {
    struct vg_control_header header;
    uint32_t magic;
    uint16_t major;
    uint16_t minor;
};

struct vg_control_welcome {
    struct vg_control_header header;
    uint16_t major;
    uint16_t minor;
    int32_t driver_version; /* cuDriverGetVersion of the worker's driver */
    uint32_t device_count;
    uint32_t flags; /* enum vg_welcome_flag */
};

enum vg_welcome_flag {
    VG_WELCOME_READS_PTX = 1,
    VG_WELCOME_READS_SASS = 2,
};

/* In WELCOME, device_count times after the header (fixed size, so that a sheet is copied
 * without a parser). */
#define VG_CONTROL_ATTRIBUTES 192
struct vg_control_device {
    char name[256];
    uint8_t uuid[16];
    uint64_t total_memory;
    int32_t attributes[VG_CONTROL_ATTRIBUTES];
};

struct vg_control_refused {
    struct vg_control_header header;
    int32_t code; /* CUresult */
    char text[252];
};

struct vg_control_lane {
    struct vg_control_header header;
    uint32_t lane;
    uint32_t reserved;
};

enum vg_reverse_kind {
    VG_REVERSE_HOST_FUNCTION = 1, /* function(user) */
    VG_REVERSE_STREAM_CALLBACK,   /* function(stream, status, user) */
    VG_REVERSE_DESTRUCTOR,        /* function(user); nobody waits */
};

struct vg_control_reverse {
    struct vg_control_header header;
    uint32_t kind;
    int32_t status;
    uint64_t serial; /* comes back in REVERSE_END */
    uint64_t function;
    uint64_t user;
    vg_id stream;
};

struct vg_control_reverse_end {
    struct vg_control_header header;
    uint64_t serial;
};

/* Sends one packet. Return: 0 or -errno; never a signal. */
int
vg_control_send(int fd, const void *packet, size_t size, const int *fds, size_t fd_count);

/* Receives one packet; fds are close-on-exec, surplus ones are closed.
 * @out_fds: VG_CONTROL_FDS_MAX entries, -1 where nothing came.
 * @timeout_ms: -1 waits for ever.
 * Return: its size (at least a header that names the same size), 0 at the end of the
 * connection, -ETIMEDOUT, -EPROTO, or another -errno. */
int vg_control_recv(int fd, void *packet, size_t capacity, int *out_fds, int timeout_ms);
