/* SPDX-License-Identifier: Apache-2.0 */
/* Rings and lanes: wrap, full, an impossible peer, a dead peer, sealed memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/control.h"
#include "link/lane_fd.h"
#include "link/ring.h"
#include "link/shm.h"

static struct vg_ring_page *
new_page(void)
{
    struct vg_ring_page *page = aligned_alloc(4096, sizeof(*page));

    assert_non_null(page);
    memset(page, 0, sizeof(*page));
    return page;
}

static void
bytes_survive_the_wrap(void **state)
{
    struct vg_ring_page *page = new_page();
    uint8_t in[1000], out[1000];
    struct vg_ring producer, consumer;

    (void)state;
    /* free-running indices close to their own overflow */
    atomic_store(&page->tail, UINT32_MAX - 500);
    atomic_store(&page->head, UINT32_MAX - 500);
    vg_ring_init(&producer, page);
    vg_ring_init(&consumer, page);
    producer.index = producer.published = consumer.index = UINT32_MAX - 500;
    for (int round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof(in); i++) {
            in[i] = (uint8_t)(round * 7 + (int)i);
        }
        assert_int_equal(vg_ring_room(&producer), VG_RING_SIZE);
        vg_ring_put(&producer, in, sizeof(in));
        assert_int_equal(vg_ring_used(&consumer), 0);
        assert_false(vg_ring_publish(&producer));
        assert_int_equal(vg_ring_used(&consumer), sizeof(in));
        (void)vg_ring_take(&consumer, out, sizeof(out));
        assert_memory_equal(in, out, sizeof(in));
    }
    free(page);
}

static void
full_ring_has_no_room(void **state)
{
    struct vg_ring_page *page = new_page();
    uint8_t *data = calloc(1, VG_RING_SIZE);
    struct vg_ring producer, consumer;

    (void)state;
    vg_ring_init(&producer, page);
    vg_ring_init(&consumer, page);
    vg_ring_put(&producer, data, VG_RING_SIZE);
    (void)vg_ring_publish(&producer);
    assert_int_equal(vg_ring_room(&producer), 0);
    assert_int_equal(vg_ring_used(&consumer), VG_RING_SIZE);
    (void)vg_ring_take(&consumer, data, 1);
    assert_int_equal(vg_ring_room(&producer), 1);
    free(data);
    free(page);
}

static void
impossible_index_is_a_violation(void **state)
{
    struct vg_ring_page *page = new_page();
    struct vg_ring producer, consumer;

    (void)state;
    vg_ring_init(&producer, page);
    vg_ring_init(&consumer, page);
    atomic_store(&page->tail, VG_RING_SIZE + 1);
    assert_int_equal(vg_ring_used(&consumer), -1);
    atomic_store(&page->head, 1); /* consumed what was never produced */
    assert_int_equal(vg_ring_room(&producer), -1);
    free(page);
}

static void
sleeper_must_be_woken(void **state)
{
    struct vg_ring_page *page = new_page();
    struct vg_ring producer;

    (void)state;
    vg_ring_init(&producer, page);
    atomic_store(&page->consumer_sleeps, 1);
    vg_ring_put(&producer, "x", 1);
    assert_true(vg_ring_publish(&producer));
    assert_false(vg_ring_publish(&producer)); /* nothing new */
    free(page);
}

/* --- lanes --- */

struct pair {
    struct vg_shm_lane_page *page;
    int wakes[2];
    int peers[2];
    struct vg_lane *client;
    struct vg_lane *worker;
};

static void
open_pair(struct pair *pair)
{
    pair->page = mmap(NULL, sizeof(*pair->page), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(pair->page != MAP_FAILED);
    pair->wakes[0] = eventfd(0, EFD_CLOEXEC);
    pair->wakes[1] = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair->peers), 0);
    assert_int_equal(vg_shm_lane_create(pair->page, true, pair->wakes[0], pair->wakes[1],
                                        pair->peers[0], &pair->client),
                     0);
    assert_int_equal(vg_shm_lane_create(pair->page, false, pair->wakes[1], pair->wakes[0],
                                        pair->peers[1], &pair->worker),
                     0);
}

static void
close_pair(struct pair *pair)
{
    vg_lane_destroy(pair->client);
    vg_lane_destroy(pair->worker);
    for (int i = 0; i < 2; i++) {
        close(pair->wakes[i]);
        if (pair->peers[i] >= 0) {
            close(pair->peers[i]);
        }
    }
    munmap(pair->page, sizeof(*pair->page));
}

#define ECHO_SIZE  (3 * VG_RING_SIZE + 12345)
#define ECHO_COUNT 20

static void *
echo(void *arg)
{
    struct vg_lane *lane = arg;
    uint8_t *data = malloc(ECHO_SIZE);
    long failed = 0;

    for (int i = 0; i < ECHO_COUNT; i++) {
        failed |= vg_lane_read(lane, data, ECHO_SIZE);
        failed |= vg_lane_send(lane, data, ECHO_SIZE);
    }
    free(data);
    return (void *)failed;
}

static void
exchange(struct vg_lane *client, struct vg_lane *worker)
{
    uint8_t *out = malloc(ECHO_SIZE), *in = malloc(ECHO_SIZE);
    pthread_t thread;
    void *failed;

    assert_int_equal(pthread_create(&thread, NULL, echo, worker), 0);
    for (uint32_t i = 0; i < ECHO_COUNT; i++) {
        for (uint32_t k = 0; k < ECHO_SIZE; k++) {
            out[k] = (uint8_t)(k * 31 + i);
        }
        assert_int_equal(vg_lane_reserve(client, ECHO_SIZE), 0);
        assert_int_equal(vg_lane_send(client, out, ECHO_SIZE), 0);
        assert_int_equal(vg_lane_read(client, in, ECHO_SIZE), 0);
        assert_memory_equal(in, out, ECHO_SIZE);
    }
    pthread_join(thread, &failed);
    assert_null(failed);
    free(out);
    free(in);
}

static void
message_larger_than_the_ring_streams_through(void **state)
{
    struct pair pair;

    (void)state;
    open_pair(&pair);
    exchange(pair.client, pair.worker);
    close_pair(&pair);
}

static void
socket_lane_carries_the_same(void **state)
{
    struct vg_lane *client, *worker;
    int fds[2];
    uint8_t byte;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(vg_fd_lane_create(fds[0], &client), 0);
    assert_int_equal(vg_fd_lane_create(fds[1], &worker), 0);
    exchange(client, worker);
    vg_lane_destroy(worker);
    assert_int_equal(vg_lane_read(client, &byte, 1), VG_LINK_LOST);
    assert_int_equal(vg_lane_send(client, "x", 1), VG_LINK_LOST);
    vg_lane_destroy(client);
}

static void *
close_peer(void *arg)
{
    close(*(int *)arg);
    *(int *)arg = -1;
    return NULL;
}

static void
dead_peer_ends_a_wait_but_not_what_it_wrote(void **state)
{
    struct pair pair;
    pthread_t thread;
    uint8_t bytes[4];

    (void)state;
    open_pair(&pair);
    assert_int_equal(vg_lane_send(pair.worker, "abcd", 4), 0);
    assert_int_equal(pthread_create(&thread, NULL, close_peer, &pair.peers[1]), 0);
    pthread_join(thread, NULL);
    assert_int_equal(vg_lane_read(pair.client, bytes, 4), 0);
    assert_memory_equal(bytes, "abcd", 4);
    assert_int_equal(vg_lane_read(pair.client, bytes, 1), VG_LINK_LOST);
    close_pair(&pair);
}

static void
lane_reports_an_impossible_peer(void **state)
{
    struct pair pair;
    uint8_t byte;

    (void)state;
    open_pair(&pair);
    atomic_store(&pair.page->reply.tail, VG_RING_SIZE + 1);
    atomic_store(&pair.page->request.head, 77);
    assert_int_equal(vg_lane_read(pair.client, &byte, 1), VG_LINK_VIOLATION);
    assert_int_equal(vg_lane_send(pair.client, "x", 1), VG_LINK_VIOLATION);
    close_pair(&pair);
}

static void
unsealed_memory_is_refused(void **state)
{
    (void)state;
    const int good = vg_shm_create("vgpu-test", 8192);
    assert_true(good >= 0);
    assert_int_equal(vg_shm_check(good, 8192), 0);
    assert_int_equal(vg_shm_check(good, 4096), -EPROTO);
    assert_int_not_equal(ftruncate(good, 4096), 0);

    const int bad = memfd_create("vgpu-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(bad, 8192), 0);
    assert_int_equal(vg_shm_check(bad, 8192), -EPROTO);
    close(good);
    close(bad);
}

static void
packet_carries_its_fds(void **state)
{
    struct vg_control_lane packet = { .header = { VG_CONTROL_LANE, sizeof(packet) },
                                      .lane = 5 };
    struct vg_control_lane got;
    int fds[2], passed[VG_CONTROL_FDS_MAX];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    assert_int_equal(vg_control_send(fds[0], &packet, sizeof(packet), fds, 2), 0);
    assert_int_equal(vg_control_recv(fds[1], &got, sizeof(got), passed, 1000),
                     sizeof(got));
    assert_int_equal(got.lane, 5);
    assert_true(passed[0] >= 0 && passed[1] >= 0 && passed[2] == -1);
    close(passed[0]);
    close(passed[1]);

    packet.header.size = 7; /* lies about its size */
    assert_int_equal(vg_control_send(fds[0], &packet, sizeof(packet), NULL, 0), 0);
    assert_int_equal(vg_control_recv(fds[1], &got, sizeof(got), passed, 1000), -EPROTO);
    assert_int_equal(vg_control_recv(fds[1], &got, sizeof(got), passed, 0), -ETIMEDOUT);
    close(fds[0]);
    assert_int_equal(vg_control_recv(fds[1], &got, sizeof(got), passed, 1000), 0);
    close(fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_survive_the_wrap),
        cmocka_unit_test(full_ring_has_no_room),
        cmocka_unit_test(impossible_index_is_a_violation),
        cmocka_unit_test(sleeper_must_be_woken),
        cmocka_unit_test(message_larger_than_the_ring_streams_through),
        cmocka_unit_test(socket_lane_carries_the_same),
        cmocka_unit_test(dead_peer_ends_a_wait_but_not_what_it_wrote),
        cmocka_unit_test(lane_reports_an_impossible_peer),
        cmocka_unit_test(unsealed_memory_is_refused),
        cmocka_unit_test(packet_carries_its_fds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
