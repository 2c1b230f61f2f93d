/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reverse - functions of the program, run in the client.
 *
 * A thread of the driver asks over the control socket and sleeps until the client says
 * that the function has returned: the stream waits with it.
 */
#include "worker/session.h"

#include "link/control.h"

struct pending {
    uint64_t serial;
    bool done;
    struct pending *next;
};

static pthread_mutex_t reverse_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reverse_changed = PTHREAD_COND_INITIALIZER;
static struct pending *reverse_list;
static uint64_t reverse_serial;

void
vg_reverse_call(enum vg_reverse_kind kind, uint64_t function, uint64_t user, vg_id stream,
                int status)
{
    struct vg_control_reverse packet = {
        .header = { VG_CONTROL_REVERSE, sizeof(packet) },
        .kind = kind,
        .status = status,
        .function = function,
        .user = user,
        .stream = stream,
    };
    struct pending self = { 0 };
    const bool waits = kind != VG_REVERSE_DESTRUCTOR;

    pthread_mutex_lock(&reverse_lock);
    self.serial = packet.serial = ++reverse_serial;
    if (waits) {
        self.next = reverse_list;
        reverse_list = &self;
    }
    /* under the lock: the order of the requests is the order of their serials */
    if (vg_control_send(vg_session.control, &packet, sizeof(packet), NULL, 0) != 0) {
        vg_session_end("cannot reach the client");
    }
    while (waits && !self.done) {
        pthread_cond_wait(&reverse_changed, &reverse_lock);
    }
    if (waits) {
        struct pending **link = &reverse_list;
        while (*link != &self) {
            link = &(*link)->next;
        }
        *link = self.next;
    }
    pthread_mutex_unlock(&reverse_lock);
}

void
vg_reverse_done(uint64_t serial)
{
    pthread_mutex_lock(&reverse_lock);
    for (struct pending *p = reverse_list; p != NULL; p = p->next) {
        if (p->serial == serial) {
            p->done = true;
        }
    }
    pthread_cond_broadcast(&reverse_changed);
    pthread_mutex_unlock(&reverse_lock);
}
