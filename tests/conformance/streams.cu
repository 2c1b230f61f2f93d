/* SPDX-License-Identifier: Apache-2.0 */
/* streams - order within and between streams, events, queries, callbacks, priorities. */
#include <vector>

#include "check.cuh"

__global__ void
append(int *list, int *length, int value)
{
    list[(*length)++] = value;
}

__global__ void
busy(unsigned *out, int rounds)
{
    unsigned x = threadIdx.x + 1;

    for (int i = 0; i < rounds; i++) {
        x = x * 1664525u + 1013904223u;
    }
    out[threadIdx.x] = x;
}

static std::vector<int> heard;

static void
on_host(void *data)
{
    heard.push_back(*(int *)data);
}

static void
on_stream(cudaStream_t, cudaError_t status, void *data)
{
    heard.push_back(status == cudaSuccess ? *(int *)data : -1);
}

static void
order_between_streams(int *list, int *length)
{
    cudaStream_t a, b;
    cudaEvent_t event;
    int got[3], count = 0;
    unsigned *out;

    CHECK(cudaMalloc(&out, 256 * sizeof(*out)));
    CHECK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    CHECK(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
    CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    CHECK(cudaMemset(length, 0, sizeof(int)));
    CHECK(cudaDeviceSynchronize());
    busy<<<1, 256, 0, a>>>(out, 2000);
    append<<<1, 1, 0, a>>>(list, length, 1);
    CHECK(cudaEventRecord(event, a));
    CHECK(cudaStreamWaitEvent(b, event, 0));
    append<<<1, 1, 0, b>>>(list, length, 2);
    CHECK(cudaEventRecord(event, b));
    CHECK(cudaStreamWaitEvent(a, event, 0));
    append<<<1, 1, 0, a>>>(list, length, 3);
    CHECK(cudaStreamSynchronize(a));
    EXPECT(cudaStreamQuery(a) == cudaSuccess);
    CHECK(cudaMemcpy(&count, length, sizeof(count), cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(got, list, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(count == 3 && got[0] == 1 && got[1] == 2 && got[2] == 3);
    CHECK(cudaEventDestroy(event));
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaStreamDestroy(b));
    CHECK(cudaFree(out));
}

static void
legacy_stream_joins_blocking_ones(int *list, int *length)
{
    cudaStream_t a;
    int got[2];

    CHECK(cudaStreamCreate(&a));
    CHECK(cudaMemset(length, 0, sizeof(int)));
    append<<<1, 1, 0, a>>>(list, length, 7);
    append<<<1, 1>>>(list, length, 8);
    CHECK(cudaMemcpy(got, list, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(got[0] == 7 && got[1] == 8);
    CHECK(cudaStreamDestroy(a));
}

static void
events(void)
{
    cudaEvent_t begin, end;
    unsigned *out;
    float ms = -1;

    CHECK(cudaMalloc(&out, 256 * sizeof(*out)));
    CHECK(cudaEventCreate(&begin));
    CHECK(cudaEventCreate(&end));
    EXPECT(cudaEventQuery(begin) == cudaSuccess); /* never recorded */
    EXPECT_ERROR(cudaEventElapsedTime(&ms, begin, end), cudaErrorInvalidResourceHandle);
    CHECK(cudaEventRecord(begin));
    busy<<<1, 256>>>(out, 1000);
    CHECK(cudaEventRecord(end));
    CHECK(cudaEventSynchronize(end));
    EXPECT(cudaEventQuery(end) == cudaSuccess);
    CHECK(cudaEventElapsedTime(&ms, begin, end));
    EXPECT(ms >= 0 && ms < 60000);
    CHECK(cudaEventDestroy(begin));
    CHECK(cudaEventDestroy(end));
    CHECK(cudaFree(out));
}

static void
host_functions(void)
{
    static int values[3] = { 10, 20, 30 };
    cudaStream_t a;

    CHECK(cudaStreamCreate(&a));
    CHECK(cudaLaunchHostFunc(a, on_host, &values[0]));
    CHECK(cudaStreamAddCallback(a, on_stream, &values[1], 0));
    CHECK(cudaLaunchHostFunc(a, on_host, &values[2]));
    CHECK(cudaStreamSynchronize(a));
    EXPECT(heard.size() == 3 && heard[0] == 10 && heard[1] == 20 && heard[2] == 30);
    CHECK(cudaStreamDestroy(a));
}

static void
priorities(void)
{
    cudaStream_t a;
    int least, greatest, got;
    unsigned flags;

    CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    EXPECT(least == 0 && greatest <= 0);
    CHECK(cudaStreamCreateWithPriority(&a, cudaStreamNonBlocking, greatest));
    CHECK(cudaStreamGetPriority(a, &got));
    EXPECT(got == greatest);
    CHECK(cudaStreamGetFlags(a, &flags));
    EXPECT(flags == cudaStreamNonBlocking);
    CHECK(cudaStreamDestroy(a));
}

int
main()
{
    int *list, *length;

    CHECK(cudaMalloc(&list, 64 * sizeof(int)));
    CHECK(cudaMalloc(&length, sizeof(int)));
    for (int i = 0; i < 10; i++) {
        order_between_streams(list, length);
    }
    legacy_stream_joins_blocking_ones(list, length);
    events();
    host_functions();
    priorities();
    return pass();
}
