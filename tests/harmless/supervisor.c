/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - what a service manager does at its start: a session of its own, orphans
 * adopted, descriptors closed, signals by descriptor. Prints what it finds, so that a run
 * with another library in the process can be compared byte for byte.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void
list(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    printf("%s: %u entries\n", path, count);
}

/* A child whose own child outlives it. Both come back to us and nothing else does. */
static void
adopt(void)
{
    int status = 0, seen = 0;

    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            setsid();
            _exit(5);
        }
        _exit(4);
    }
    while (waitpid(-1, &status, __WALL) > 0) {
        seen += WEXITSTATUS(status);
    }
    printf("reaped: %d\n", seen);
}

static void
listen_to_signals(void)
{
    struct signalfd_siginfo info;
    struct epoll_event event = { .events = EPOLLIN };
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    const int signals = signalfd(-1, &all, SFD_CLOEXEC);
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    printf("fds: %d %d %d\n", signals, timer, epoll);
    epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event);
    kill(getpid(), SIGTERM);
    if (epoll_wait(epoll, &event, 1, 10000) == 1 &&
        read(signals, &info, sizeof(info)) == sizeof(info)) {
        printf("signal: %u\n", info.ssi_signo);
    }
}

int
main(void)
{
    printf("close_range: %ld\n", syscall(SYS_close_range, 3, ~0u, 0));
    fflush(stdout);
    if (fork() != 0) {
        int status = 0;
        wait(&status);
        return WEXITSTATUS(status);
    }
    printf("session: %d\n", setsid() == getpid());
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    listen_to_signals();
    adopt();
    list("/proc/self/fd");
    list("/proc/self/task");
    printf("dumpable: %d\n", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    fflush(stdout);
    return 3;
}
