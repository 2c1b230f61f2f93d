/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_shm - a lane over two rings.
 *
 * A side that must wait spins about 5 us (not at all on one CPU), then says that it
 * sleeps, looks once more, and sleeps in poll on its eventfd and on the peer: no wake is
 * lost, and a dead peer ends every wait. Raw system calls, so that no wait is a
 * cancellation point of the program.
 *
 * Before each sleep and each wake the descriptors are looked at: a program that closed
 * ours and opened its own under their numbers loses CUDA, and its files are not touched.
 */
#include "link/shm.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define SPIN_NS 5000

struct shm_lane {
    struct vg_lane lane;
    struct vg_ring out;
    struct vg_ring in;
    int wake_mine;
    int wake_peer;
    int peer;
    struct vg_fd_mark mine_mark, peer_mark; /* the eventfds are all alike */
    bool spins;
};

static void
wake_peer(const struct shm_lane *shm)
{
    const uint64_t one = 1;

    /* cannot fail in a way that matters: a full counter wakes too */
    if (vg_fd_same(shm->wake_peer, &shm->mine_mark)) {
        (void)syscall(SYS_write, shm->wake_peer, &one, sizeof(one));
    }
}

static void
relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* @ready: bytes readable or writable now, or negative. */
typedef int64_t (*ready_fn)(const struct vg_ring *ring);

static int64_t
spin(const struct shm_lane *shm, const struct vg_ring *ring, ready_fn ready,
     int64_t wanted)
{
    int64_t have = ready(ring);

    if (!shm->spins || have >= wanted || have < 0) {
        return have;
    }
    const uint64_t until = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 32; i++) {
            relax();
            have = ready(ring);
            if (have >= wanted || have < 0) {
                return have;
            }
        }
    } while (now_ns() < until);
    return have;
}

/* Sleeps until something may have changed. Return: 0 or VG_LINK_LOST. */
static int
sleep_once(const struct shm_lane *shm)
{
    struct pollfd fds[2] = {
        { .fd = shm->wake_mine, .events = POLLIN },
        { .fd = shm->peer, .events = 0 },
    };
    uint64_t count;

    if (!vg_fd_same(shm->wake_mine, &shm->mine_mark) ||
        !vg_fd_same(shm->wake_peer, &shm->mine_mark) ||
        !vg_fd_same(shm->peer, &shm->peer_mark)) {
        return VG_LINK_LOST;
    }
    const long n = syscall(SYS_ppoll, fds, 2, NULL, NULL, 0);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? 0 : VG_LINK_LOST;
    }
    if ((fds[0].revents & POLLIN) != 0) {
        (void)syscall(SYS_read, shm->wake_mine, &count, sizeof(count));
        return 0;
    }
    return VG_LINK_LOST; /* POLLHUP of the peer, or a closed fd */
}

/* Waits until @ready gives @wanted. Return: 0 or a condition. */
static int
wait_for(struct shm_lane *shm, const struct vg_ring *ring, ready_fn ready, int64_t wanted,
         _Atomic uint32_t *sleeps)
{
    int64_t have = spin(shm, ring, ready, wanted);
    int r = 0;

    if (have >= wanted) {
        return 0;
    }
    while (have >= 0 && r == 0) {
        atomic_store_explicit(sleeps, 1, memory_order_relaxed);
        /* pairs with the fences in vg_ring_publish() and vg_ring_take() */
        atomic_thread_fence(memory_order_seq_cst);
        have = ready(ring);
        if (have >= wanted || have < 0) {
            break;
        }
        r = sleep_once(shm);
        have = ready(ring); /* what the peer wrote before it died still counts */
        if (have >= wanted) {
            r = 0;
            break;
        }
    }
    atomic_store_explicit(sleeps, 0, memory_order_relaxed);
    return have < 0 ? VG_LINK_VIOLATION : r;
}

static int
shm_publish(struct vg_lane *lane)
{
    struct shm_lane *shm = (struct shm_lane *)lane;

    if (vg_ring_publish(&shm->out)) {
        wake_peer(shm);
    }
    return 0;
}

static int
wait_room(struct shm_lane *shm, size_t size)
{
    const int64_t wanted = size < VG_RING_SIZE ? (int64_t)size : (int64_t)VG_RING_SIZE;

    return wait_for(shm, &shm->out, vg_ring_room, wanted,
                    &shm->out.page->producer_sleeps);
}

static int
shm_reserve(struct vg_lane *lane, size_t size)
{
    return wait_room((struct shm_lane *)lane, size);
}

static int
shm_write(struct vg_lane *lane, const void *data, size_t size)
{
    struct shm_lane *shm = (struct shm_lane *)lane;
    const uint8_t *at = data;

    while (size != 0) {
        const int64_t room = vg_ring_room(&shm->out);
        if (room < 0) {
            return VG_LINK_VIOLATION;
        }
        if (room == 0) {
            (void)shm_publish(lane);
            /* a quarter of the ring at once: fewer wakes for a long message */
            const int r =
                wait_room(shm, size < VG_RING_SIZE / 4 ? size : VG_RING_SIZE / 4);
            if (r != 0) {
                return r;
            }
            continue;
        }
        const uint32_t n = size < (size_t)room ? (uint32_t)size : (uint32_t)room;
        vg_ring_put(&shm->out, at, n);
        at += n;
        size -= n;
    }
    return 0;
}

static int
shm_read(struct vg_lane *lane, void *data, size_t size)
{
    struct shm_lane *shm = (struct shm_lane *)lane;
    uint8_t *at = data;

    while (size != 0) {
        const size_t chunk = size < VG_RING_SIZE / 4 ? size : VG_RING_SIZE / 4;
        const int r = wait_for(shm, &shm->in, vg_ring_used, (int64_t)chunk,
                               &shm->in.page->consumer_sleeps);
        if (r != 0) {
            return r;
        }
        if (vg_ring_take(&shm->in, at, (uint32_t)chunk)) {
            wake_peer(shm);
        }
        at += chunk;
        size -= chunk;
    }
    return 0;
}

static void
shm_destroy(struct vg_lane *lane)
{
    free(lane);
}

static const struct vg_link_ops shm_ops = {
    .name = "shm",
    .has_window = true,
    .reserve = shm_reserve,
    .write = shm_write,
    .publish = shm_publish,
    .read = shm_read,
    .destroy = shm_destroy,
};

int
vg_shm_lane_create(struct vg_shm_lane_page *page, bool is_client, int wake_mine,
                   int wake_peer_fd, int peer, struct vg_lane **out_lane)
{
    struct shm_lane *shm = calloc(1, sizeof(*shm));
    cpu_set_t cpus;

    if (shm == NULL) {
        return -ENOMEM;
    }

    shm->lane.ops = &shm_ops;
    vg_ring_init(&shm->out, is_client ? &page->request : &page->reply);
    vg_ring_init(&shm->in, is_client ? &page->reply : &page->request);
    shm->wake_mine = wake_mine;
    shm->wake_peer = wake_peer_fd;
    shm->peer = peer;
    vg_fd_note(wake_mine, &shm->mine_mark);
    vg_fd_note(peer, &shm->peer_mark);
    shm->spins = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1;
    *out_lane = &shm->lane;
    return 0;
}
