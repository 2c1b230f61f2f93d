/* SPDX-License-Identifier: Apache-2.0 */
/* errors - refused at once or sticky; each sticky case has a process of its own. */
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"

static int
refused_at_once(void)
{
    CUmodule module, bad;
    CUfunction store, missing;
    int one = 1, value = 0;
    char *text;

    begin();
    module = load("errors");
    store = get(module, "_Z5storePii");
    CUdeviceptr data = reserve(4096);
    void *args[] = { &data, &one };
    REFUSED(try_launch(store, 1, 1025, 0, NULL, args), CUDA_ERROR_INVALID_VALUE);
    REFUSED(try_launch(store, 0, 1, 0, NULL, args), CUDA_ERROR_INVALID_VALUE);
    REFUSED(try_launch(store, 1, 1, 1 << 20, NULL, args), CUDA_ERROR_INVALID_VALUE);
    REFUSED(try_launch(NULL, 1, 1, 0, NULL, args), CUDA_ERROR_INVALID_HANDLE);
    REFUSED(cuModuleGetFunction(&missing, module, "nothing"), CUDA_ERROR_NOT_FOUND);
    REFUSED(
        cuModuleLoadData(&bad, ".version 7.0\n.target sm_80\n.address_size 64\nrubbish"),
        CUDA_ERROR_INVALID_PTX);
    REFUSED(cuDeviceGet(&one, 99), CUDA_ERROR_INVALID_DEVICE);
    REFUSED(cuMemsetD8_v2(16, 0, 16), CUDA_ERROR_INVALID_VALUE);

    text = read_ptx("errors");
    char *found = strstr(text, "sm_80");
    EXPECT(found != NULL);
    memcpy(found, "sm_99", 5); /* newer than the device */
    EXPECT(cuModuleLoadData(&bad, text) != CUDA_SUCCESS);
    free(text);

    CHECK(try_launch(store, 1, 1, 0, NULL, args));
    CHECK(cuMemcpyDtoH_v2(&value, data, sizeof(value)));
    EXPECT(value == 1);
    return 0;
}

/* Launches store(@address) and expects @wanted from the wait and everything after it. */
static void
sticky(const char *kernel, CUdeviceptr address, CUresult wanted)
{
    int one = 1;
    CUdeviceptr other;
    CUmodule module = load("errors");

    LAUNCH(get(module, kernel), 1, 1, 0, NULL, &address, &one);
    REFUSED(cuCtxSynchronize(), wanted);
    REFUSED(cuMemAlloc_v2(&other, 16), wanted);
    REFUSED(cuCtxSynchronize(), wanted);
}

static int
bad_address(void)
{
    begin();
    sticky("_Z5storePii", 64, CUDA_ERROR_ILLEGAL_ADDRESS);
    return 0;
}

static int
misaligned(void)
{
    begin();
    sticky("_Z5storePii", reserve(64) + 2, CUDA_ERROR_MISALIGNED_ADDRESS);
    return 0;
}

static int
trapped(void)
{
    CUmodule module;

    begin();
    module = load("errors");
    CHECK(try_launch(get(module, "_Z4trapv"), 1, 1, 0, NULL, NULL));
    REFUSED(cuCtxSynchronize(), CUDA_ERROR_LAUNCH_FAILED);
    return 0;
}

static int
reset_heals(void)
{
    int nine = 9, value = 0;
    CUcontext context = begin();

    sticky("_Z5storePii", 64, CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuDevicePrimaryCtxReset_v2(0));
    EXPECT(begin() == context);
    CUdeviceptr data = reserve(64);
    LAUNCH(get(load("errors"), "_Z5storePii"), 1, 1, 0, NULL, &data, &nine);
    CHECK(cuMemcpyDtoH_v2(&value, data, sizeof(value)));
    EXPECT(value == 9);
    return 0;
}

static int
contexts(void)
{
    CUcontext a, b;
    CUdeviceptr in_b;

    CHECK(cuInit(0));
    REFUSED(cuMemAlloc_v2(&in_b, 16), CUDA_ERROR_INVALID_CONTEXT);
    CHECK(cuCtxCreate_v2(&a, 0, 0));
    CHECK(cuCtxCreate_v2(&b, 0, 0));
    in_b = reserve(16);
    CHECK(cuCtxDestroy_v2(b));
    CHECK(cuCtxSynchronize()); /* @a is current again */
    REFUSED(cuMemFree_v2(in_b), CUDA_ERROR_INVALID_VALUE);
    REFUSED(cuCtxSetCurrent(b), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    CHECK(cuCtxDestroy_v2(a));
    return 0;
}

static void
in_child(int (*body)(void), const char *name)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        exit(body());
    }
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "FAIL: %s: status %x\n", name, (unsigned)status);
        exit(1);
    }
}

int
main(void)
{
    in_child(refused_at_once, "refused at once");
    in_child(bad_address, "bad address");
    in_child(misaligned, "misaligned");
    in_child(trapped, "trap");
    in_child(reset_heals, "reset heals");
    in_child(contexts, "contexts");
    return pass();
}
