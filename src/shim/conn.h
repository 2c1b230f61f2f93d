/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * conn - the connection of this process to its worker: one a process, made by cuInit.
 *
 * Private to src/shim. What is written by vg_conn_open() is constant afterwards; tickets
 * and the lost flag are atomic; lanes belong to their threads; everything else says which
 * lock it needs. Nothing is torn down: the end of the process does that.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cuda_types.h"
#include "front/driver.h"
#include "link/control.h"
#include "link/link.h"
#include "link/shm.h"

/* A lane and the client thread that has it now. */
struct vg_client_lane {
    struct vg_lane *lane;
    struct vg_client_lane *next; /* free lanes */
    uint32_t index;
    uint64_t thread;
    uint32_t stage_next;             /* slot in use */
    uint32_t enqueued;               /* launches since the last throttle */
    CUevent throttle;                /* behind the launches before those */
    uint32_t stage_fill;             /* bytes of it that are taken */
    bool stage_used[VG_STAGE_SLOTS]; /* copies out of it may be under way */
};

struct vg_conn {
    int control;
    uint64_t arena_base;
    uint64_t arena_size;
    uint64_t window_base;
    uint64_t window_size;
    struct vg_shm_lane_page *rings;
    int driver_version;
    int device_count;
    uint32_t welcome_flags;
    bool blocking; /* CUDA_LAUNCH_BLOCKING=1 */
    struct vg_device_sheet devices[VG_DEVICE_MAX];
    _Atomic uint64_t ticket;       /* last one taken */
    _Atomic uint64_t reverse_done; /* functions of the program that have returned */
    _Atomic bool lost;
};

extern struct vg_conn vg_conn;

/* Connects as the settings say. Return: CUDA_SUCCESS, NO_DEVICE without an endpoint,
 * SYSTEM_NOT_READY (802) for one that does not answer, OUT_OF_MEMORY without address
 * space. Called once at a time, under the front's lock; again after a failure. */
CUresult vg_conn_open(void);
bool vg_conn_is_open(void);

/* The worker or the link is gone: every later wait answers LAUNCH_FAILED (719). */
void vg_conn_lost(const char *why);

/* The lane of the calling thread; NULL when none can be had. */
struct vg_client_lane *vg_client_lane(void);

/* The thread is ending: its lane becomes free, its worker thread starts clean. */
void vg_client_thread_exit(uint64_t thread);

/* --- endpoint.c --- */

enum vg_endpoint_kind {
    VG_ENDPOINT_NONE,
    VG_ENDPOINT_SOFT,
    VG_ENDPOINT_UNIX,
    VG_ENDPOINT_BAD,
};

struct vg_endpoint {
    enum vg_endpoint_kind kind;
    char path[4096];
};

/* VGPU_ENDPOINT, else the configuration files. */
void vg_endpoint_read(struct vg_endpoint *out);

/* --- spawn.c --- */

/* Starts a private worker that the program never sees. Return: our end of its socket, or
 * -errno. */
int vg_worker_spawn(void);

/** Leaves no zombie of a worker that was started and is not wanted any more: call it
 * after its socket is closed. Waits a little where we are a subreaper. */
void vg_worker_reap(void);

/* Connects to a worker that listens. Return: socket or -errno. */
int vg_worker_connect(const char *path);

/* --- address.c --- */

/* Reserves the range number @attempt for arena and window. Return: 0; 1 when that range
 * is taken here; -ENOENT when there are no more; -ENOMEM. */
int vg_address_reserve(unsigned attempt);
void vg_address_release(void);

static inline bool
vg_is_device_address(uint64_t address)
{
    return address - vg_conn.arena_base < vg_conn.arena_size;
}

/* --- window.c: pinned memory --- */

/* Return: @size bytes of window, page-aligned and zero, or NULL. Any thread. */
void *vg_window_alloc(size_t size, unsigned flags);
/* Gives a block of vg_window_alloc() back. Return: 0, or -ENOENT for anything else. */
int vg_window_free(void *address);
/* Gives back all blocks of a context that has ended. */
void vg_window_free_context(vg_id context);
/* Finds the block that holds @address. Return: true and its facts. */
struct vg_window_block {
    uint64_t base;
    uint64_t size;
    unsigned flags;
    vg_id context;
};
bool vg_window_find(uint64_t address, struct vg_window_block *out);

static inline bool
vg_is_window_address(uint64_t address)
{
    return address - vg_conn.window_base < vg_conn.window_size;
}

/* Address of a staging slot of a lane. */
static inline void *
vg_stage_slot(const struct vg_client_lane *lane, uint32_t slot)
{
    return (void *)(uintptr_t)(vg_conn.window_base +
                               (uint64_t)lane->index * VG_STAGE_SIZE +
                               (uint64_t)slot * VG_STAGE_SLOT_SIZE);
}

/* --- reverse.c --- */

/* Starts the thread that runs functions of the program, once. Return: 0 or -errno. */
int vg_reverse_start(void);
