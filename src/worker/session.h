/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * session - the one client that this process serves.
 *
 * Private to src/worker. Everything up to `running` is written before the first worker
 * thread starts. The session ends with the process: vg_session_end() or the end of the
 * client, whichever comes first; nothing is torn down, the kernel does that.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/control.h"
#include "link/link.h"
#include "link/shm.h"
#include "worker/dispatch.h"
#include "worker/ids.h"
#include "worker/tickets.h"

#define VG_SESSION_DEVICES 16

/* The per-thread default stream of one context. */
struct vg_thread_stream {
    struct vg_thread_stream *next;
    vg_id context;
    unsigned ends; /* how often that context had ended when this was made */
    CUstream stream;
};

struct vg_stage_reader;

/* One worker thread: serves one lane, that is one client thread at a time. Owned by its
 * own thread. */
struct vg_worker_thread {
    uint32_t index;
    struct vg_lane *lane;
    int wake_mine;
    int wake_peer;
    uint64_t client_thread; /* 0: none yet */
    vg_id context;          /* what is current in the driver */
    bool context_known;
    unsigned context_ends;    /* value when it was made current */
    CUstreamCaptureMode mode; /* of the driver's thread; global at first */
    CUresult deferred;        /* first error of a posted call, not yet reported */
    struct vg_thread_stream *streams;
    bool stage_registered;
    struct vg_stage_reader *stage_readers[VG_STAGE_SLOTS]; /* copies.c */
    uint8_t *buffer;                                       /* body of the request */
    size_t buffer_size;
};

struct vg_session {
    int control;
    int client_pid; /* pidfd */
    int text;       /* memfd behind fd 1 */
    struct vg_shm_lane_page *rings;
    uint64_t window_base;
    uint64_t window_size;
    uint64_t arena_base;
    uint64_t arena_size;
    struct vg_tickets *tickets;
    struct vg_ids *ids;
    int device_count;
    bool reads_sass;
    CUdevice devices[VG_SESSION_DEVICES];
    _Atomic unsigned context_ends[64]; /* by context index: bumped when one ends */
    struct vg_worker_thread *threads[VG_LANE_MAX]; /* main thread only */
};

extern struct vg_session vg_session;

/* Ends the process. @why is logged at debug level. */
_Noreturn void vg_session_end(const char *why);

/* Handshake on @control. Return: 0, or -errno and the session cannot be. */
int vg_session_open(int control, const char *driver_path);

/* Serves the control socket until the client is gone. */
_Noreturn void vg_session_run(void);

/* --- worker threads (thread.c) --- */

/* Starts the worker thread of lane @index; takes both eventfds. Return: 0 or -errno. */
int vg_thread_start(uint32_t index, int wake_mine, int wake_peer);

/* Runs one decoded request. Return: CUresult or VG_CLIENT_VIOLATION. */
int vg_worker_run(struct vg_worker_call *call);

/* Makes @context current in the driver. Return: CUresult. */
CUresult vg_thread_use_context(struct vg_worker_thread *thread, vg_id context);

/* The client thread of @thread has ended: its streams, events and errors go. */
void vg_thread_reset(struct vg_worker_thread *thread);

/* Context @context is about to end, or has ended: forget its ids and streams. */
void vg_thread_context_ended(struct vg_worker_thread *thread, vg_id context);

/* The per-thread default stream of the current context; NULL when it cannot be made. */
CUstream vg_thread_stream(struct vg_worker_thread *thread);

/* --- device printf (text.c) --- */

/* Puts a memfd behind fd 1. Return: 0 or -errno. */
int vg_text_open(void);

/* Takes what was printed since the last time. Return: heap bytes, NULL when none. */
char *vg_text_take(uint32_t *out_size);

/* --- reverse calls (reverse.c) --- */

/* Runs @function in the client; waits for it unless it is a destructor. Called on threads
 * of the driver. */
void vg_reverse_call(enum vg_reverse_kind kind, uint64_t function, uint64_t user,
                     vg_id stream, int status);

/* The client has answered. Main thread. */
void vg_reverse_done(uint64_t serial);

/* --- windows --- */

/* True when [address, address + size) lies in the window. */
bool vg_window_holds(uint64_t address, uint64_t size);

/* Staging slot of a lane: an address in the window. */
uint64_t vg_stage_address(uint32_t lane, uint32_t slot);
