/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/error.h"

enum {
    STATUS_NOT_EXECUTABLE = 126,
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128,
};

/* What a supervisor or a shell may send to us and means for the program. */
static const int forwarded[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH,
};

static void
fill_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++) {
        (void)sigaddset(set, forwarded[i]);
    }
    (void)sigaddset(set, SIGCHLD);
}

static int
status_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? STATUS_SIGNAL + WTERMSIG(wait_status)
                                    : WEXITSTATUS(wait_status);
}

/* Waits for @child; passes on what is sent to us and to us alone. */
static int
stand_in(pid_t child, const sigset_t *set)
{
    for (;;) {
        siginfo_t info;
        int wait_status;

        const int number = sigwaitinfo(set, &info);
        if (number == SIGCHLD) {
            if (waitpid(child, &wait_status, WNOHANG) == child) {
                return status_of(wait_status);
            }
        } else if (number > 0 && (info.si_code == SI_USER || info.si_code == SI_QUEUE)) {
            (void)kill(child, number); /* it may just have ended; SIGCHLD follows */
        }
    }
}

static int
explain_exec(const char *program, int code, struct vg_error *err)
{
    (void)vg_error_set(err, -code, "cannot run '%s': %s", program, strerror(code));
    if (code == ENOENT) {
        vg_error_hint(err, "is it in PATH? a program in this folder is './%s'", program);
        return STATUS_NOT_FOUND;
    }
    vg_error_hint(err, "it must be an executable file for this machine");
    return STATUS_NOT_EXECUTABLE;
}

int
vg_child_run(char **argv, struct vg_error *err)
{
    sigset_t set;
    sigset_t before;
    int fds[2];
    int code = 0;

    if (pipe2(fds, O_CLOEXEC) != 0) {
        return vg_error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
    }
    fill_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, &before);

    const pid_t child = fork();
    if (child == 0) {
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        (void)execvp(argv[0], argv);
        code = errno;
        (void)!write(fds[1], &code, sizeof(code));
        _exit(STATUS_NOT_FOUND);
    }
    code = child < 0 ? errno : 0;
    (void)close(fds[1]);

    int result;
    if (child < 0) {
        result = vg_error_set(err, -code, "cannot fork: %s", strerror(code));
    } else {
        /* the pipe closes when the program starts, or tells why it does not */
        const bool failed = read(fds[0], &code, sizeof(code)) == (ssize_t)sizeof(code);
        result = stand_in(child, &set);
        if (failed) {
            result = explain_exec(argv[0], code, err);
        }
    }
    (void)close(fds[0]);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}
