/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reverse - functions of the program that a stream runs: host functions, callbacks,
 * destructors.
 *
 * One thread, made at first use with all signals blocked, reads the control socket and
 * runs them one after the other. CUDA calls inside of them are refused by the front.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "base/log.h"
#include "shim/conn.h"
#include "shim/floor.h"
#include "shim/shadow.h"

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;

static void
run(const struct vg_control_reverse *packet)
{
    void *user = (void *)(uintptr_t)packet->user;

    vg_shadow_show();
    vg_front_callback_begin();
    switch (packet->kind) {
    case VG_REVERSE_HOST_FUNCTION:
    case VG_REVERSE_DESTRUCTOR: {
        CUhostFn function = (CUhostFn)(uintptr_t)packet->function;
        function(user);
        break;
    }
    case VG_REVERSE_STREAM_CALLBACK: {
        CUstreamCallback function = (CUstreamCallback)(uintptr_t)packet->function;
        function((CUstream)vg_id_to_handle(packet->stream), (CUresult)packet->status,
                 user);
        break;
    }
    default:
        vg_conn_lost("it asked for a function of an unknown kind");
        break;
    }
    vg_front_callback_end();
}

static void *
serve(void *arg)
{
    struct vg_control_reverse packet;
    int fds[VG_CONTROL_FDS_MAX];

    (void)arg;
    for (;;) {
        const int size =
            vg_control_recv(vg_conn.control, &packet, sizeof(packet), fds, -1);
        if (size != (int)sizeof(packet) || packet.header.type != VG_CONTROL_REVERSE) {
            vg_conn_lost(size == 0 ? "the link is down" : "it broke the protocol");
            return NULL;
        }
        /* pairs with the release of the ticket in call.c */
        (void)atomic_load_explicit(&vg_conn.ticket, memory_order_acquire);
        run(&packet);
        /* pairs with the acquire in read_reply() */
        atomic_fetch_add_explicit(&vg_conn.reverse_done, 1, memory_order_release);
        const struct vg_control_reverse_end end = {
            .header = { VG_CONTROL_REVERSE_END, sizeof(end) }, .serial = packet.serial
        };
        if (packet.kind != VG_REVERSE_DESTRUCTOR) {
            (void)vg_control_send(vg_conn.control, &end, sizeof(end), NULL, 0);
        }
    }
}

int
vg_reverse_start(void)
{
    sigset_t all, old;
    pthread_attr_t detached;
    pthread_t thread;
    int r = 0;

    pthread_mutex_lock(&start_lock);
    if (!started) {
        sigfillset(&all);
        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        /* sigprocmask is the thread's own here, and an older symbol */
        sigprocmask(SIG_BLOCK, &all, &old);
        r = pthread_create(&thread, &detached, serve, NULL);
        sigprocmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&detached);
        started = r == 0;
    }
    pthread_mutex_unlock(&start_lock);
    return -r;
}
