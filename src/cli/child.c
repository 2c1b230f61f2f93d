/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/error.h"

enum {
    STATUS_NOT_EXECUTABLE = 126,
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128,
};

/* How long a worker gets to end after its client: two seconds, looked at 40 times. */
enum {
    PAUSE_NS = 50000000,
    HELPER_PAUSES = 40,
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

/* Reaps whatever ended. Return: true when @child did, with its status. */
static bool
reap(pid_t child, int *out_status)
{
    int wait_status;
    pid_t ended;

    while ((ended = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (ended == child) {
            *out_status = status_of(wait_status);
            return true;
        }
    }
    return false;
}

/* Waits for @child; passes on what is sent to us and to us alone. */
static int
stand_in(pid_t child, const sigset_t *set)
{
    for (;;) {
        siginfo_t info;
        int status;

        const int number = sigwaitinfo(set, &info);
        if (number == SIGCHLD && reap(child, &status)) {
            return status;
        }
        if (number > 0 && number != SIGCHLD &&
            (info.si_code == SI_USER || info.si_code == SI_QUEUE)) {
            (void)kill(child, number); /* it may just have ended; SIGCHLD follows */
        }
    }
}

/* Is process @pid a child of ours that runs a program called @name? */
static bool
is_child_named(const char *pid, const char *name)
{
    char path[64];
    char text[512];
    int parent = -1;

    (void)snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
    const ssize_t length = readlink(path, text, sizeof(text) - 1);
    if (length < 0) {
        return false; /* gone, or somebody else's */
    }
    text[length] = '\0';
    const char *slash = strrchr(text, '/');
    if (slash == NULL || strcmp(slash + 1, name) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const char *line = fgets(text, sizeof(text), file);
    const char *after = line != NULL ? strrchr(line, ')') : NULL;
    if (after != NULL && strlen(after) > 4) {
        parent = (int)strtol(after + 4, NULL, 10);
    }
    (void)fclose(file);
    return parent == (int)getpid();
}

static bool
has_child_named(const char *name)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    bool found = false;

    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                is_child_named(entry->d_name, name);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return found;
}

/* Gives what the program left the time to end on its own; SIGCHLD cuts the wait short. */
static void
wait_for_helpers(const char *name, const sigset_t *set)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NS };

    for (int i = 0; i < HELPER_PAUSES && has_child_named(name); i++) {
        (void)sigtimedwait(set, NULL, &pause);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
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
vg_child_run(char **argv, const char *helper, struct vg_error *err)
{
    sigset_t set;
    sigset_t before;
    int fds[2];
    int code = 0;

    if (pipe2(fds, O_CLOEXEC) != 0) {
        return vg_error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
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
        wait_for_helpers(helper, &set);
        if (failed) {
            result = explain_exec(argv[0], code, err);
        }
    }
    (void)close(fds[0]);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}
