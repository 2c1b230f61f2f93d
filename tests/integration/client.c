/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - a CUDA program for the lifetime tests: one mode a run, named by its argument.
 *
 * Says "ready" on stdout when it has a context, then does what the mode says. The exit
 * status is 0 when all was as it must be.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuda_api.h"

#define EXPECT(condition)                                                   \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "client: line %d: %s\n", __LINE__, #condition); \
            _exit(1);                                                       \
        }                                                                   \
    } while (0)

static volatile sig_atomic_t child_signals;

static void
begin(void)
{
    CUcontext context;

    EXPECT(cuInit(0) == CUDA_SUCCESS);
    EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
    EXPECT(cuCtxSetCurrent(context) == CUDA_SUCCESS);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
    puts("ready");
    fflush(stdout);
}

/* Waits to be killed. */
static int
hold(void)
{
    begin();
    for (;;) {
        pause();
    }
    return 1;
}

/* Calls until the worker is gone. */
static int
call_until_lost(void)
{
    CUdeviceptr memory;
    CUresult result;

    begin();
    do {
        result = cuCtxSynchronize();
    } while (result == CUDA_SUCCESS);
    EXPECT(result == CUDA_ERROR_LAUNCH_FAILED);
    EXPECT(cuMemAlloc_v2(&memory, 16) == CUDA_ERROR_LAUNCH_FAILED);
    EXPECT(cuCtxSynchronize() == CUDA_ERROR_LAUNCH_FAILED);
    return 0;
}

static void
block(void *user)
{
    char byte;

    /* the other end is held by the test until the process ends */
    (void)!read(*(int *)user, &byte, 1);
}

/* A wait that is under way when the worker is killed. */
static int
wait_until_lost(void)
{
    int fd = STDIN_FILENO;
    CUstream stream;

    begin();
    EXPECT(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
    EXPECT(cuLaunchHostFunc(stream, block, &fd) == CUDA_SUCCESS);
    puts("waiting");
    fflush(stdout);
    EXPECT(cuStreamSynchronize(stream) == CUDA_ERROR_LAUNCH_FAILED);
    return 0;
}

static void
count_child(int signal)
{
    (void)signal;
    child_signals++;
}

/* Only our own child may be seen, by wait and by signal. */
static int
wait_for_any_child(void)
{
    const struct sigaction action = { .sa_handler = count_child };
    int status = 0;

    EXPECT(sigaction(SIGCHLD, &action, NULL) == 0);
    begin();
    EXPECT(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(7);
    }
    pid_t seen;
    do {
        seen = waitpid(-1, &status, 0);
    } while (seen < 0 && errno == EINTR);
    EXPECT(seen == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    EXPECT(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    EXPECT(child_signals == 1);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
    return 0;
}

static int
wait_as_subreaper(void)
{
    EXPECT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    return wait_for_any_child();
}

/* A forked child is refused; the parent goes on. */
static int
fork_after_init(void)
{
    int status = 0;

    begin();
    const pid_t pid = fork();
    if (pid == 0) {
        int count = 0;
        EXPECT(cuCtxSynchronize() == CUDA_ERROR_NOT_INITIALIZED);
        EXPECT(cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED);
        exit(0); /* exit handlers and all */
    }
    EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
    return 0;
}

/* A posted call that the driver refuses is reported once, by the next waiting call: a
 * synchronise is carried out first, any other call is not. */
static int
refused_later(void)
{
    CUdeviceptr bad, other = 0;

    begin();
    EXPECT(cuMemAlloc_v2(&bad, 4096) == CUDA_SUCCESS);
    bad += 64; /* not the start of an allocation */
    EXPECT(cuMemFreeAsync(bad, NULL) == CUDA_SUCCESS);
    EXPECT(cuMemAlloc_v2(&other, 4096) != CUDA_SUCCESS && other == 0);
    EXPECT(cuMemAlloc_v2(&other, 4096) == CUDA_SUCCESS && other != 0);
    EXPECT(cuMemFreeAsync(bad, NULL) == CUDA_SUCCESS);
    EXPECT(cuCtxSynchronize() != CUDA_SUCCESS);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
    return 0;
}

static CUdeviceptr exit_memory;

static void
free_at_exit(void)
{
    const CUresult result = cuMemFree_v2(exit_memory);

    EXPECT(result == CUDA_SUCCESS || result == CUDA_ERROR_DEINITIALIZED ||
           result == CUDA_ERROR_LAUNCH_FAILED);
    exit_memory = 0; /* the handler is registered twice */
}

static int
call_at_exit(void)
{
    EXPECT(atexit(free_at_exit) == 0);
    begin();
    EXPECT(cuMemAlloc_v2(&exit_memory, 4096) == CUDA_SUCCESS);
    EXPECT(atexit(free_at_exit) == 0);
    exit(23);
}

/* Exit handlers with a worker that is gone. */
static int
exit_when_lost(void)
{
    CUdeviceptr other;

    EXPECT(atexit(free_at_exit) == 0);
    begin();
    exit_memory = 1; /* whatever: there is nobody to free it */
    while (cuMemAlloc_v2(&other, 4096) == CUDA_SUCCESS &&
           cuMemFree_v2(other) == CUDA_SUCCESS && cuCtxSynchronize() == CUDA_SUCCESS) {
    }
    exit(24);
}

static int
init_gives(const char *wanted)
{
    const CUresult result = cuInit(0);

    if ((int)result != atoi(wanted)) {
        fprintf(stderr, "client: cuInit gave %d, not %s\n", (int)result, wanted);
        return 1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {
        { "hold", hold },
        { "call-until-lost", call_until_lost },
        { "wait-until-lost", wait_until_lost },
        { "any-child", wait_for_any_child },
        { "subreaper", wait_as_subreaper },
        { "fork", fork_after_init },
        { "refused", refused_later },
        { "exit", call_at_exit },
        { "exit-when-lost", exit_when_lost },
    };

    if (argc == 3 && strcmp(argv[1], "init") == 0) {
        return init_gives(argv[2]);
    }
    for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            return modes[i].run();
        }
    }
    fprintf(stderr, "usage: client MODE\n");
    return 2;
}
