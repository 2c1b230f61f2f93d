/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifetimes: of a client, of its private worker, and what each sees of the other's end.
 *
 * Arguments: the client program, the worker. A worker is found by a token in its
 * environment.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *client_program;
static const char *worker_program;

struct client {
    pid_t pid;
    int out; /* its stdout */
    int in;  /* its stdin */
    char token[64];
};

static int serial;

/* Starts the client in @mode. */
static void
start(struct client *client, const char *mode, const char *argument)
{
    int out[2], in[2];

    snprintf(client->token, sizeof(client->token), "VGPU_TEST_TOKEN=%d.%d", (int)getpid(),
             ++serial);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    client->pid = fork();
    assert_true(client->pid >= 0);
    if (client->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        putenv(client->token);
        execl(client_program, client_program, mode, argument, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    close(in[0]);
    client->out = out[0];
    client->in = in[1];
}

/* Reads one line of the client's. */
static void
expect_line(const struct client *client, const char *wanted)
{
    char line[64];
    size_t size = 0;

    while (size < sizeof(line) - 1 && read(client->out, &line[size], 1) == 1 &&
           line[size] != '\n') {
        size++;
    }
    line[size] = '\0';
    assert_string_equal(line, wanted);
}

static bool
has_token(const char *pid, const char *token)
{
    char path[300], block[65536];

    snprintf(path, sizeof(path), "/proc/%s/environ", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, block, sizeof(block) - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    for (ssize_t at = 0; n > 0 && at < n; at += (ssize_t)strlen(block + at) + 1) {
        block[n] = '\0';
        if (strcmp(block + at, token) == 0) {
            return true;
        }
    }
    return false;
}

/* Return: pid of the client's worker, or 0. */
static pid_t
find_worker(const struct client *client)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc)) != NULL) {
        const pid_t pid = atoi(entry->d_name);
        if (pid > 0 && pid != client->pid && has_token(entry->d_name, client->token)) {
            found = pid;
        }
    }
    closedir(proc);
    return found;
}

/* Waits until the process has ended (a zombie has). Return: false after @ms. */
static bool
ends_within(int pidfd, int ms)
{
    struct pollfd fd = { .fd = pidfd, .events = POLLIN };

    return poll(&fd, 1, ms) == 1;
}

static int
open_process(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Return: exit status, or 128 + signal. */
static int
finish(const struct client *client)
{
    int status = 0;

    assert_int_equal(waitpid(client->pid, &status, 0), client->pid);
    close(client->out);
    close(client->in);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Entries of a folder whose name holds "vgpu". */
static int
count_ours(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        count += strstr(entry->d_name, "vgpu") != NULL;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static void
killed_client_leaves_nothing(void **state)
{
    const int before = count_ours("/tmp") + count_ours("/dev/shm");
    struct client client;

    (void)state;
    start(&client, "hold", NULL);
    expect_line(&client, "ready");
    const pid_t worker = find_worker(&client);
    assert_true(worker > 0);
    const int pidfd = open_process(worker);
    assert_true(pidfd >= 0);
    assert_int_equal(kill(client.pid, SIGKILL), 0);
    assert_true(ends_within(pidfd, 1000));
    assert_int_equal(finish(&client), 128 + SIGKILL);
    assert_int_equal(count_ours("/tmp") + count_ours("/dev/shm"), before);
    close(pidfd);
}

static void
ended_client_ends_its_worker(void **state)
{
    struct client client;
    pid_t left;

    (void)state;
    start(&client, "fork", NULL);
    expect_line(&client, "ready");
    assert_int_equal(finish(&client), 0);
    /* the client's own child, which has the token, too, has ended before it */
    while ((left = find_worker(&client)) != 0) {
        const int pidfd = open_process(left);
        if (pidfd >= 0) { /* else it was faster */
            assert_true(ends_within(pidfd, 1000));
            close(pidfd);
        }
    }
}

/* Kills the worker of a client that then ends by itself with @status. */
static void
kill_worker(const char *mode, const char *line, int status)
{
    struct client client;

    start(&client, mode, NULL);
    expect_line(&client, "ready");
    if (line != NULL) {
        expect_line(&client, line);
    }
    const pid_t worker = find_worker(&client);
    const int pidfd = open_process(client.pid);
    assert_true(worker > 0 && pidfd >= 0);
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_true(ends_within(pidfd, 5000));
    assert_int_equal(finish(&client), status);
    close(pidfd);
}

static void
killed_worker_is_an_error_of_the_next_wait(void **state)
{
    (void)state;
    kill_worker("call-until-lost", NULL, 0);
}

static void
killed_worker_ends_a_wait_under_way(void **state)
{
    (void)state;
    kill_worker("wait-until-lost", "waiting", 0);
}

static void
exit_handlers_survive_a_lost_worker(void **state)
{
    (void)state;
    kill_worker("exit-when-lost", NULL, 24);
}

static void
run(const char *mode, const char *argument, int status)
{
    struct client client;

    start(&client, mode, argument);
    assert_int_equal(finish(&client), status);
}

static void
exit_handlers_may_call(void **state)
{
    (void)state;
    run("exit", NULL, 23);
}

static void
refused_post_is_reported_once(void **state)
{
    (void)state;
    run("refused", NULL, 0);
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
    run("fork", NULL, 0);
    unsetenv("CUDA_LAUNCH_BLOCKING");
}

static void
worker_is_no_child_of_the_program(void **state)
{
    (void)state;
    run("any-child", NULL, 0);
}

static void
worker_is_no_child_of_a_subreaper(void **state)
{
    (void)state;
    run("subreaper", NULL, 0);
}

static int
be_init(void *arg)
{
    (void)arg;
    execl(client_program, client_program, "any-child", (char *)NULL);
    _exit(127);
}

static void
worker_is_no_child_of_pid_1(void **state)
{
    static _Alignas(16) char stack[65536];
    int status = 0;

    (void)state;
    const pid_t pid = clone(be_init, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, NULL);
    if (pid < 0) {
        skip(); /* not allowed here */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
no_endpoint_is_no_device(void **state)
{
    (void)state;
    setenv("VGPU_ENDPOINT", "", 1);
    setenv("HOME", "/nonexistent", 1);
    run("init", "100", 0);
    setenv("VGPU_ENDPOINT", "soft", 1);
}

static void
silent_endpoint_is_not_ready_after_two_seconds(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char endpoint[200];
    struct timespec before, after;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/silent-%d.sock",
             (int)getpid());
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    snprintf(endpoint, sizeof(endpoint), "unix:%s", address.sun_path);
    setenv("VGPU_ENDPOINT", endpoint, 1);
    clock_gettime(CLOCK_MONOTONIC, &before);
    run("init", "802", 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range(after.tv_sec - before.tv_sec, 1, 10);
    close(fd);
    unlink(address.sun_path);
    run("init", "802", 0); /* nobody listens */
    setenv("VGPU_ENDPOINT", "soft", 1);
}

/* A worker that listens serves each connection by a process of its own. */
static void
listening_worker_serves_and_its_sessions_end(void **state)
{
    char path[108], endpoint[200], byte;
    struct client client;
    int ready[2];

    (void)state;
    snprintf(path, sizeof(path), "/tmp/listen-%d.sock", (int)getpid());
    snprintf(endpoint, sizeof(endpoint), "unix:%s", path);
    assert_int_equal(pipe(ready), 0);
    const pid_t listener = fork();
    if (listener == 0) {
        dup2(ready[1], STDOUT_FILENO); /* says a line when it listens */
        execl(worker_program, worker_program, "--listen", path, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    setenv("VGPU_ENDPOINT", endpoint, 1);
    run("fork", NULL, 0);
    run("any-child", NULL, 0);
    start(&client, "hold", NULL);
    expect_line(&client, "ready");
    assert_int_equal(kill(client.pid, SIGKILL), 0);
    assert_int_equal(finish(&client), 128 + SIGKILL);
    setenv("VGPU_ENDPOINT", "soft", 1);
    assert_int_equal(kill(listener, SIGTERM), 0);
    assert_int_equal(waitpid(listener, NULL, 0), listener);
    /* the workers hold the pipe's other end: its end of file is theirs */
    struct pollfd fd = { .fd = ready[0], .events = POLLIN };
    while (poll(&fd, 1, 5000) == 1 && read(ready[0], &byte, 1) == 1) {
    }
    assert_true((fd.revents & POLLHUP) != 0);
    close(ready[0]);
    unlink(path);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_client_leaves_nothing),
        cmocka_unit_test(ended_client_ends_its_worker),
        cmocka_unit_test(killed_worker_is_an_error_of_the_next_wait),
        cmocka_unit_test(killed_worker_ends_a_wait_under_way),
        cmocka_unit_test(exit_handlers_may_call),
        cmocka_unit_test(exit_handlers_survive_a_lost_worker),
        cmocka_unit_test(refused_post_is_reported_once),
        cmocka_unit_test(worker_is_no_child_of_the_program),
        cmocka_unit_test(worker_is_no_child_of_a_subreaper),
        cmocka_unit_test(worker_is_no_child_of_pid_1),
        cmocka_unit_test(no_endpoint_is_no_device),
        cmocka_unit_test(silent_endpoint_is_not_ready_after_two_seconds),
        cmocka_unit_test(listening_worker_serves_and_its_sessions_end),
    };

    if (argc != 3) {
        fprintf(stderr, "usage: test_lifetime CLIENT WORKER\n");
        return 2;
    }
    client_program = argv[1];
    worker_program = argv[2];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
