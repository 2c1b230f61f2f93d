/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that lies: the worker ends that session in good order, or answers with an
 * error, and never dies of it.
 *
 * Arguments: the worker, the driver. Each test speaks the protocol by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuda_calls.h"
#include "cuda_types.h"
#include "link/control.h"
#include "link/shm.h"
#include "wire/internal.h"

static const char *worker_program, *driver_path;

#define WINDOW_SIZE ((uint64_t)8 << 30)

struct session {
    pid_t pid;
    int control;
    int rings_fd, window_fd;
    int wakes[2]; /* the worker's, ours */
    struct vg_shm_lane_page *rings;
    struct vg_lane *lane;
    uint64_t ticket;
};

static void
start(struct session *s)
{
    char number[16];
    int fds[2];

    memset(s, 0, sizeof(*s));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        close(fds[0]);
        snprintf(number, sizeof(number), "%d", fds[1]);
        execl(worker_program, worker_program, "--fd", number, "--driver", driver_path,
              (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    (void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    s->control = fds[0];
    s->rings_fd = vg_shm_create("test-rings", VG_SHM_RINGS_SIZE);
    s->window_fd = vg_shm_create("test-window", WINDOW_SIZE);
    assert_true(s->rings_fd >= 0 && s->window_fd >= 0);
}

static struct vg_control_hello
make_hello(void)
{
    return (struct vg_control_hello){
        .header = { VG_CONTROL_HELLO, sizeof(struct vg_control_hello) },
        .magic = VG_CONTROL_MAGIC,
        .major = VG_WIRE_MAJOR,
        .arena_base = 0x550000000000,
        .arena_size = (uint64_t)64 << 30,
        .window_base = 0x551000000000,
        .window_size = WINDOW_SIZE,
    };
}

static void
send_hello(struct session *s, const struct vg_control_hello *hello, int rings_fd)
{
    const int fds[3] = { (int)syscall(SYS_pidfd_open, getpid(), 0), rings_fd,
                         s->window_fd };

    assert_int_equal(vg_control_send(s->control, hello, sizeof(*hello), fds, 3), 0);
    close(fds[0]);
}

/* Return: type of the next packet, 0 at the end of the connection. */
static uint32_t
next_packet(struct session *s)
{
    static uint8_t packet[VG_CONTROL_MAX];
    struct vg_control_header header;
    int fds[VG_CONTROL_FDS_MAX];

    const int size = vg_control_recv(s->control, packet, sizeof(packet), fds, 20000);
    if (size <= 0) {
        assert_int_equal(size, 0);
        return 0;
    }
    memcpy(&header, packet, sizeof(header));
    return header.type;
}

/* The worker has ended by itself: an exit, not a signal. */
static void
expect_orderly_end(struct session *s)
{
    int status = 0;

    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFEXITED(status));
    close(s->control);
    close(s->rings_fd);
    close(s->window_fd);
    if (s->lane != NULL) {
        vg_lane_destroy(s->lane);
        close(s->wakes[0]);
        close(s->wakes[1]);
    }
    if (s->rings != NULL) {
        munmap(s->rings, VG_SHM_RINGS_SIZE);
    }
}

/* Handshake and one lane. */
static void
open_session(struct session *s)
{
    const struct vg_control_hello hello = make_hello();
    const struct vg_control_lane lane = { .header = { VG_CONTROL_LANE, sizeof(lane) } };

    start(s);
    send_hello(s, &hello, s->rings_fd);
    assert_int_equal(next_packet(s), VG_CONTROL_WELCOME);
    s->rings =
        mmap(NULL, VG_SHM_RINGS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->rings_fd, 0);
    assert_true(s->rings != MAP_FAILED);
    s->wakes[0] = eventfd(0, EFD_CLOEXEC);
    s->wakes[1] = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(vg_shm_lane_create(&s->rings[0], true, s->wakes[1], s->wakes[0],
                                        s->control, &s->lane),
                     0);
    assert_int_equal(vg_control_send(s->control, &lane, sizeof(lane), s->wakes, 2), 0);
}

static void
send_message(struct session *s, unsigned number, uint32_t size, const void *body,
             size_t body_size)
{
    const struct vg_message head = {
        .size = size, .call = (uint16_t)number, .thread = 1, .ticket = ++s->ticket
    };

    assert_int_equal(vg_lane_write(s->lane, &head, sizeof(head)), 0);
    assert_int_equal(vg_lane_write(s->lane, body, body_size), 0);
    assert_int_equal(vg_lane_publish(s->lane), 0);
}

/* Return: the result of the answer. */
static int
ask(struct session *s, unsigned number, const void *body, size_t size)
{
    struct vg_reply reply;

    send_message(s, number, (uint32_t)(sizeof(struct vg_message) + size), body, size);
    assert_int_equal(vg_lane_read(s->lane, &reply, sizeof(reply)), 0);
    for (size_t left = reply.size - sizeof(reply); left != 0; left--) {
        uint8_t byte;
        assert_int_equal(vg_lane_read(s->lane, &byte, 1), 0);
    }
    return reply.result;
}

static void
expect_lost(struct session *s)
{
    struct vg_reply reply;

    assert_int_equal(vg_lane_read(s->lane, &reply, sizeof(reply)), VG_LINK_LOST);
    expect_orderly_end(s);
}

static void
garbage_instead_of_hello_is_refused(void **state)
{
    struct session s;
    struct vg_control_header rubbish = { 77, sizeof(rubbish) };

    (void)state;
    start(&s);
    assert_int_equal(vg_control_send(s.control, &rubbish, sizeof(rubbish), NULL, 0), 0);
    assert_int_equal(next_packet(&s), VG_CONTROL_REFUSED);
    expect_orderly_end(&s);
}

static void
other_version_and_impossible_ranges_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct vg_control_hello hello = make_hello();
        struct session s;
        hello.major = i == 0 ? VG_WIRE_MAJOR + 1 : hello.major;
        hello.arena_size = i == 1 ? UINT64_MAX - 4095 : hello.arena_size;
        hello.window_size = i == 2 ? 4096 : hello.window_size; /* no room for staging */
        hello.window_base = i == 3 ? 12345 : hello.window_base;
        start(&s);
        send_hello(&s, &hello, s.rings_fd);
        assert_int_equal(next_packet(&s), VG_CONTROL_REFUSED);
        expect_orderly_end(&s);
    }
}

static void
memory_that_can_shrink_is_refused(void **state)
{
    const struct vg_control_hello hello = make_hello();
    struct session s;

    (void)state;
    start(&s);
    const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, VG_SHM_RINGS_SIZE), 0);
    send_hello(&s, &hello, fd);
    assert_int_equal(next_packet(&s), VG_CONTROL_REFUSED);
    close(fd);
    expect_orderly_end(&s);
}

static void
impossible_packet_ends_the_session(void **state)
{
    struct vg_control_lane lane = { .header = { VG_CONTROL_LANE, sizeof(lane) },
                                    .lane = VG_LANE_MAX };
    struct session s;

    (void)state;
    open_session(&s);
    assert_int_equal(vg_control_send(s.control, &lane, sizeof(lane), s.wakes, 2), 0);
    expect_lost(&s);
}

static void
impossible_index_ends_the_session(void **state)
{
    const uint64_t one = 1;
    struct session s;

    (void)state;
    open_session(&s);
    atomic_store(&s.rings[0].request.tail, VG_RING_SIZE + 1);
    assert_int_equal(write(s.wakes[0], &one, sizeof(one)), sizeof(one));
    expect_lost(&s);
}

static void
impossible_sizes_end_the_session(void **state)
{
    (void)state;
    const uint32_t sizes[] = { 0, sizeof(struct vg_message) - 1, VG_MESSAGE_MAX + 1,
                               UINT32_MAX };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct session s;
        open_session(&s);
        send_message(&s, VG_CUDA_cuMemAlloc_v2, sizes[i], NULL, 0);
        expect_lost(&s);
    }
}

static void
every_truncated_body_ends_the_session(void **state)
{
    const uint64_t bytes[4] = { 0 };

    (void)state;
    for (unsigned number = VG_CALL_STAGE_WAIT; number < VG_CALL_INTERNAL_END; number++) {
        struct session s;
        open_session(&s);
        send_message(&s, number, sizeof(struct vg_message) + 3, bytes, 3);
        expect_lost(&s);
    }
}

static void
ticket_used_twice_ends_the_session(void **state)
{
    struct session s;

    (void)state;
    open_session(&s);
    assert_int_equal(ask(&s, VG_CUDA_CALL_COUNT, NULL, 0), CUDA_ERROR_NOT_SUPPORTED);
    s.ticket = 0;
    send_message(&s, VG_CUDA_CALL_COUNT, sizeof(struct vg_message), NULL, 0);
    expect_lost(&s);
}

static void
addresses_outside_the_window_end_the_session(void **state)
{
    const uint64_t bad[2] = { 0x7fff00000000, 4096 };
    const uint64_t wraps[2] = { 0x551000000000, UINT64_MAX };
    struct session s;

    (void)state;
    open_session(&s);
    send_message(&s, VG_CALL_HOST_ALLOC, sizeof(struct vg_message) + 16, bad, 16);
    expect_lost(&s);
    open_session(&s);
    send_message(&s, VG_CALL_HOST_ALLOC, sizeof(struct vg_message) + 16, wraps, 16);
    expect_lost(&s);
}

/* cuLibraryLoadData as a client sends it: id, options, two log sizes, image. */
static size_t
put_load(uint8_t *body, const uint32_t *option, const void *image, uint64_t size)
{
    const uint64_t id = vg_id_make(VG_ID_LIB, false, 1, 1);
    const uint64_t value = 0x1000;
    const uint32_t count = option != NULL ? 1 : 0;
    const uint32_t none = 0;
    size_t at = 0;

#define PUT(from, bytes) (memcpy(body + at, from, bytes), at += (bytes))
    PUT(&id, 8);
    PUT(&count, 4);
    if (option != NULL) {
        PUT(option, 4);
        PUT(&value, 8);
    }
    PUT(&none, 4);
    PUT(&none, 4);
    PUT(&size, 8);
    PUT(image, size);
#undef PUT
    return at;
}

static void
images_that_lie_are_refused(void **state)
{
    /* a container whose body is longer than what came; a wrapper with a pointer in it */
    const uint32_t container[4] = { 0xba55ed50, 0x00100001, 0x10000000, 0 };
    const uint32_t wrapper[6] = { 0x466243b1, 1, 0x41414141, 0x41, 0, 0 };
    uint8_t body[128];
    struct session s;

    (void)state;
    open_session(&s);
    size_t size = put_load(body, NULL, container, sizeof(container));
    assert_int_equal(ask(&s, VG_CUDA_cuLibraryLoadData, body, size),
                     CUDA_ERROR_INVALID_IMAGE);
    size = put_load(body, NULL, wrapper, sizeof(wrapper));
    assert_int_equal(ask(&s, VG_CUDA_cuLibraryLoadData, body, size),
                     CUDA_ERROR_INVALID_IMAGE);
    close(s.control);
    s.control = -1;
    expect_orderly_end(&s);
}

static void
addresses_among_jit_options_end_the_session(void **state)
{
    const uint32_t options[] = { CU_JIT_INFO_LOG_BUFFER, CU_JIT_GLOBAL_SYMBOL_NAMES,
                                 UINT32_MAX };
    uint8_t body[128];

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct session s;
        open_session(&s);
        const size_t size = put_load(body, &options[i], "x", 2);
        send_message(&s, VG_CUDA_cuLibraryLoadData,
                     (uint32_t)(sizeof(struct vg_message) + size), body, size);
        expect_lost(&s);
    }
}

static void
unknown_call_and_dead_handle_are_errors_of_the_call(void **state)
{
    const uint64_t dead = vg_id_make(VG_ID_EVENT, false, 9, 12345);
    const uint64_t rubbish = UINT64_MAX;
    struct session s;

    (void)state;
    open_session(&s);
    assert_int_equal(ask(&s, 0xffff, NULL, 0), CUDA_ERROR_NOT_SUPPORTED);
    assert_int_equal(ask(&s, VG_CUDA_cuEventQuery, &dead, 8), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(ask(&s, VG_CUDA_cuEventQuery, &rubbish, 8),
                     CUDA_ERROR_INVALID_HANDLE);
    close(s.control); /* the client hangs up */
    s.control = -1;
    expect_orderly_end(&s);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_instead_of_hello_is_refused),
        cmocka_unit_test(other_version_and_impossible_ranges_are_refused),
        cmocka_unit_test(memory_that_can_shrink_is_refused),
        cmocka_unit_test(impossible_packet_ends_the_session),
        cmocka_unit_test(impossible_index_ends_the_session),
        cmocka_unit_test(impossible_sizes_end_the_session),
        cmocka_unit_test(every_truncated_body_ends_the_session),
        cmocka_unit_test(ticket_used_twice_ends_the_session),
        cmocka_unit_test(addresses_outside_the_window_end_the_session),
        cmocka_unit_test(images_that_lie_are_refused),
        cmocka_unit_test(addresses_among_jit_options_end_the_session),
        cmocka_unit_test(unknown_call_and_dead_handle_are_errors_of_the_call),
    };

    if (argc != 3) {
        fprintf(stderr, "usage: test_hostile WORKER DRIVER\n");
        return 2;
    }
    worker_program = argv[1];
    driver_path = argv[2];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
