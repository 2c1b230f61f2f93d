/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors - what CUDA refuses at once is refused by that call; what a kernel does wrong is
 * reported by the next wait and stays. Each sticky case has a process of its own.
 */
#include <cstdint>
#include <sys/wait.h>
#include <unistd.h>

#include "check.cuh"

__global__ void
store(int *where, int value)
{
    *where = value;
}

__global__ void
trap(void)
{
    asm volatile("trap;");
}

__global__ void __launch_bounds__(128) bounded(int *out)
{
    out[threadIdx.x] = 1;
}

/* The runtime hands on what the driver says of a bad shape. */
static void
refused_shape(void)
{
    cudaError_t error = cudaGetLastError();

    EXPECT(error == cudaErrorInvalidConfiguration || error == cudaErrorInvalidValue);
}

static void
refused_at_once(void)
{
    int *data, value = 0;
    void *pointer = nullptr;
    cudaStream_t stream;

    CHECK(cudaMalloc(&data, 4096));
    store<<<1, 1025>>>(data, 1);
    refused_shape();
    store<<<0, 1>>>(data, 1);
    refused_shape();
    store<<<dim3(1, 70000), 1>>>(data, 1);
    refused_shape();
    store<<<1, dim3(1, 1, 65)>>>(data, 1);
    refused_shape();
    store<<<1, 1, 1 << 20>>>(data, 1);
    EXPECT_ERROR(cudaGetLastError(), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMalloc(&pointer, (size_t)1 << 46), cudaErrorMemoryAllocation);
    EXPECT_ERROR(cudaFree((void *)((char *)data + 4)), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaSetDevice(99), cudaErrorInvalidDevice);
    EXPECT_ERROR(cudaStreamCreateWithFlags(&stream, 0x100), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMemcpy(data, &value, 4, (cudaMemcpyKind)77),
                 cudaErrorInvalidMemcpyDirection);
    EXPECT_ERROR(cudaMemset((void *)16, 0, 16), cudaErrorInvalidValue);

    /* nothing of that disturbed the device */
    store<<<1, 1>>>(data, 5);
    CHECK(cudaMemcpy(&value, data, sizeof(value), cudaMemcpyDeviceToHost));
    EXPECT(value == 5);
    CHECK(cudaFree(data));
}

/* Runs @body in a process that has not used CUDA yet. */
static void
in_child(int (*body)(void), const char *name)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        _exit(body());
    }
    EXPECT(waitpid(pid, &status, 0) == pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "FAIL: %s: status %x\n", name, status);
        exit(1);
    }
}

/* The error must come from the wait and from everything after it. */
static int
sticky(cudaError_t wanted)
{
    void *pointer;
    cudaError_t error = cudaDeviceSynchronize();

    if (error != wanted) {
        fprintf(stderr, "synchronise: %s\n", cudaGetErrorName(error));
        return 2;
    }
    (void)cudaGetLastError();
    return cudaMalloc(&pointer, 16) == wanted && cudaDeviceSynchronize() == wanted ? 0
                                                                                   : 3;
}

static int
bad_address(void)
{
    store<<<1, 1>>>((int *)64, 1);
    return cudaGetLastError() == cudaSuccess ? sticky(cudaErrorIllegalAddress) : 1;
}

static int
freed_address(void)
{
    int *data;

    CHECK(cudaMalloc(&data, 64 << 20));
    CHECK(cudaFree(data));
    store<<<1, 1>>>(data, 1);
    return cudaGetLastError() == cudaSuccess ? sticky(cudaErrorIllegalAddress) : 1;
}

static int
misaligned(void)
{
    char *data;

    CHECK(cudaMalloc(&data, 64));
    store<<<1, 1>>>((int *)(data + 2), 1);
    return cudaGetLastError() == cudaSuccess ? sticky(cudaErrorMisalignedAddress) : 1;
}

static int
trapped(void)
{
    trap<<<1, 1>>>();
    return cudaGetLastError() == cudaSuccess ? sticky(cudaErrorLaunchFailure) : 1;
}

static int
reset_heals(void)
{
    int *data, value = 0;

    store<<<1, 1>>>((int *)64, 1);
    if (cudaDeviceSynchronize() != cudaErrorIllegalAddress) {
        return 1;
    }
    (void)cudaDeviceReset();
    (void)cudaGetLastError();
    CHECK(cudaMalloc(&data, 64));
    store<<<1, 1>>>(data, 9);
    CHECK(cudaMemcpy(&value, data, sizeof(value), cudaMemcpyDeviceToHost));
    return value == 9 ? 0 : 2;
}

static int
fork_after_use(void)
{
    int status = 0, count;
    pid_t pid;

    CHECK(cudaFree(nullptr));
    pid = fork();
    if (pid == 0) {
        void *pointer;
        _exit(cudaMalloc(&pointer, 16) == cudaErrorInitializationError ? 0 : 1);
    }
    EXPECT(waitpid(pid, &status, 0) == pid);
    CHECK(cudaGetDeviceCount(&count));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

static int
in_process(void)
{
    int *data;

    refused_at_once();
    CHECK(cudaMalloc(&data, 4096));
    bounded<<<1, 256>>>(data);
    EXPECT(cudaGetLastError() != cudaSuccess);
    bounded<<<1, 128>>>(data);
    CHECK(cudaDeviceSynchronize());
    return 0;
}

int
main()
{
    in_child(in_process, "refused at once");
    in_child(bad_address, "bad address");
    in_child(freed_address, "freed address");
    in_child(misaligned, "misaligned");
    in_child(trapped, "trap");
    in_child(reset_heals, "reset heals");
    in_child(fork_after_use, "fork after use");
    return pass();
}
