/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processes - fork before and after use, end of the program, and what a wait for any
 * child sees. Each case is a process of its own, because each spoils its process.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"

/* Return: the exit status of a child that runs @body; it must not end by a signal. */
#if defined(__SANITIZE_ADDRESS__)
/* A forked child of a program with threads cannot look for leaks: the sanitizer's own
 * lock may have been held at the fork. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
    return 1;
}
#endif

static int
in_child(int (*body)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        exit(body());
    }
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
    EXPECT(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
use(void)
{
    unsigned got = 0;

    begin();
    CUdeviceptr data = reserve(64);
    CHECK(cuMemsetD32_v2(data, 0x12345678u, 16));
    CHECK(cuMemcpyDtoH_v2(&got, data + 60, sizeof(got)));
    EXPECT(got == 0x12345678u);
    CHECK(cuMemFree_v2(data));
    return 0;
}

/* The parent has only asked: the child may start. */
static int
fork_before_use(void)
{
    int value;

    CHECK(cuDriverGetVersion(&value));
    REFUSED(cuDeviceGetCount(&value), CUDA_ERROR_NOT_INITIALIZED);
    EXPECT(in_child(use) == 0);
    EXPECT(in_child(use) == 0);
    return use();
}

static int
use_is_refused(void)
{
    CUdeviceptr data;
    int value;

    REFUSED(cuMemAlloc_v2(&data, 64), CUDA_ERROR_NOT_INITIALIZED);
    REFUSED(cuInit(0), CUDA_ERROR_NOT_INITIALIZED);
    REFUSED(cuDeviceGetCount(&value), CUDA_ERROR_NOT_INITIALIZED);
    CHECK(cuDriverGetVersion(&value));
    return 7;
}

/* The parent's session goes on while children are refused and end. */
static int
fork_after_use(void)
{
    unsigned got = 0;

    begin();
    CUdeviceptr data = reserve(64);
    CHECK(cuMemsetD32_v2(data, 42, 16));
    for (int i = 0; i < 3; i++) {
        EXPECT(in_child(use_is_refused) == 7);
    }
    CHECK(cuMemcpyDtoH_v2(&got, data, sizeof(got)));
    EXPECT(got == 42);
    CHECK(cuMemFree_v2(data));
    return 0;
}

/* Whatever works for us in the background is no child of the program. */
static int
no_child_is_seen(void)
{
    int status;

    use();
    EXPECT(waitpid(-1, &status, WNOHANG) == -1);
    return 0;
}

static CUdeviceptr left_over;
static CUmodule left_loaded;
static const char *late_failure;

/* Calls of exit handlers work or say that all is over; they never crash or hang. */
static void
at_exit(void)
{
    unsigned flags = 0;
    int active = 0;
    CUresult r = cuModuleUnload(left_loaded);

    if (r != CUDA_SUCCESS && r != CUDA_ERROR_DEINITIALIZED) {
        late_failure = "cuModuleUnload";
    }
    r = cuMemFree_v2(left_over);
    if (r != CUDA_SUCCESS && r != CUDA_ERROR_DEINITIALIZED) {
        late_failure = "cuMemFree";
    }
    r = cuDevicePrimaryCtxGetState(0, &flags, &active);
    if (r != CUDA_SUCCESS && r != CUDA_ERROR_DEINITIALIZED) {
        late_failure = "cuDevicePrimaryCtxGetState";
    }
    if (late_failure != NULL) {
        fprintf(stderr, "FAIL: %s at exit: %d\n", late_failure, (int)r);
        _exit(3);
    }
}

static int
calls_at_exit(void)
{
    atexit(at_exit); /* runs last */
    begin();
    left_over = reserve(1024);
    left_loaded = load("vector_add");
    return 0;
}

/* Ends with work under way and everything left behind. */
static int
leaves_everything(void)
{
    CUstream stream;

    begin();
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CUdeviceptr data = reserve((size_t)32 << 20);
    for (int i = 0; i < 20; i++) {
        CHECK(cuMemsetD8Async(data, (unsigned char)i, (size_t)32 << 20, stream));
    }
    return 5;
}

int
main(void)
{
    EXPECT(in_child(fork_before_use) == 0);
    EXPECT(in_child(fork_after_use) == 0);
    EXPECT(in_child(no_child_is_seen) == 0);
    EXPECT(in_child(calls_at_exit) == 0);
    EXPECT(in_child(leaves_everything) == 5);
    return pass();
}
