/* SPDX-License-Identifier: Apache-2.0 */
/* streams - order, events, host functions, callbacks, numbers, per-thread defaults. */
#include "drv.h"

CUresult cuLaunchKernel_ptsz(CUfunction f, unsigned gx, unsigned gy, unsigned gz,
                             unsigned bx, unsigned by, unsigned bz, unsigned shared,
                             CUstream stream, void **args, void **extra);
CUresult cuStreamSynchronize_ptsz(CUstream stream);

static CUfunction append;
static CUdeviceptr list, length;

static void
put(CUstream stream, int value)
{
    LAUNCH(append, 1, 1, 0, stream, &list, &length, &value);
}

static void
order_between_streams(void)
{
    CUstream a, b;
    CUevent event;
    int got[3], count = 0;

    CHECK(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
    CHECK(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    CHECK(cuMemsetD32_v2(length, 0, 1));
    CHECK(cuCtxSynchronize());
    put(a, 1);
    CHECK(cuEventRecord(event, a));
    CHECK(cuStreamWaitEvent(b, event, 0));
    put(b, 2);
    CHECK(cuEventRecord(event, b));
    CHECK(cuStreamWaitEvent(a, event, 0));
    put(a, 3);
    CHECK(cuStreamSynchronize(a));
    CHECK(cuStreamQuery(a));
    CHECK(cuEventQuery(event));
    CHECK(cuMemcpyDtoH_v2(&count, length, sizeof(count)));
    CHECK(cuMemcpyDtoH_v2(got, list, sizeof(got)));
    EXPECT(count == 3 && got[0] == 1 && got[1] == 2 && got[2] == 3);
    CHECK(cuEventDestroy_v2(event));
    CHECK(cuStreamDestroy_v2(a));
    CHECK(cuStreamDestroy_v2(b));
    EXPECT(cuStreamSynchronize(a) != CUDA_SUCCESS);
}

static void
default_streams(void)
{
    CUstream a;
    int value = 9, got[3];
    void *args[] = { &list, &length, &value };

    CHECK(cuStreamCreate(&a, CU_STREAM_DEFAULT));
    CHECK(cuMemsetD32_v2(length, 0, 1));
    put(a, 7);
    put(NULL, 8); /* the legacy stream waits for @a */
    CHECK(cuLaunchKernel_ptsz(append, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
    CHECK(cuStreamSynchronize_ptsz(NULL));
    CHECK(cuMemcpyDtoH_v2(got, list, sizeof(got)));
    EXPECT(got[0] == 7 && got[1] == 8 && got[2] == 9);
    put(CU_STREAM_PER_THREAD, 10);
    CHECK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
    CHECK(cuMemcpyDtoH_v2(got, length, sizeof(int)));
    EXPECT(got[0] == 4);
    CHECK(cuStreamDestroy_v2(a));
}

static int heard[4], heard_count;
static CUresult refused_inside;

static void
on_host(void *data)
{
    CUcontext current;

    refused_inside = cuCtxGetCurrent(&current);
    heard[heard_count++] = *(int *)data;
}

static void
on_stream(CUstream stream, CUresult status, void *data)
{
    (void)stream;
    heard[heard_count++] = status == CUDA_SUCCESS ? *(int *)data : -1;
}

static void
host_functions(void)
{
    int values[3] = { 10, 20, 30 };
    CUstream a;

    CHECK(cuStreamCreate(&a, CU_STREAM_DEFAULT));
    CHECK(cuLaunchHostFunc(a, on_host, &values[0]));
    CHECK(cuStreamAddCallback(a, on_stream, &values[1], 0));
    CHECK(cuLaunchHostFunc(a, on_host, &values[2]));
    CHECK(cuStreamSynchronize(a));
    EXPECT(heard_count == 3);
    EXPECT(heard[0] == 10 && heard[1] == 20 && heard[2] == 30);
    EXPECT(refused_inside == CUDA_ERROR_NOT_PERMITTED);
    CHECK(cuStreamDestroy_v2(a));
}

static void
events(void)
{
    CUevent begin_event, end_event;
    float ms = -1;

    CHECK(cuEventCreate(&begin_event, CU_EVENT_DEFAULT));
    CHECK(cuEventCreate(&end_event, CU_EVENT_DEFAULT));
    CHECK(cuEventQuery(begin_event)); /* never recorded */
    CHECK(cuEventSynchronize(begin_event));
    REFUSED(cuEventElapsedTime(&ms, begin_event, end_event), CUDA_ERROR_INVALID_HANDLE);
    CHECK(cuEventRecord(begin_event, NULL));
    put(NULL, 1);
    CHECK(cuEventRecord(end_event, NULL));
    CHECK(cuEventSynchronize(end_event));
    CHECK(cuEventElapsedTime(&ms, begin_event, end_event));
    EXPECT(ms >= 0 && ms < 60000);
    CHECK(cuEventDestroy_v2(begin_event));
    EXPECT(cuEventRecord(begin_event, NULL) != CUDA_SUCCESS);
    CHECK(cuEventDestroy_v2(end_event));
}

static void
questions(void)
{
    CUstream a, b;
    CUcontext context, current;
    CUgreenCtx green = (CUgreenCtx)(void *)&a;
    unsigned long long id_a = 0, id_b = 0;
    unsigned flags = 0;
    int least, greatest, priority;

    CHECK(cuCtxGetStreamPriorityRange(&least, &greatest));
    EXPECT(least == 0 && greatest <= 0);
    CHECK(cuStreamCreateWithPriority(&a, CU_STREAM_NON_BLOCKING, greatest));
    CHECK(cuStreamCreate(&b, CU_STREAM_DEFAULT));
    CHECK(cuStreamGetPriority(a, &priority));
    EXPECT(priority == greatest);
    CHECK(cuStreamGetFlags(a, &flags));
    EXPECT(flags == CU_STREAM_NON_BLOCKING);
    CHECK(cuStreamGetId(a, &id_a));
    CHECK(cuStreamGetId(b, &id_b));
    EXPECT(id_a != id_b);
    CHECK(cuStreamGetCtx(a, &context));
    CHECK(cuCtxGetCurrent(&current));
    EXPECT(context == current);
    CHECK(cuStreamGetGreenCtx(a, &green));
    EXPECT(green == NULL);
    CHECK(cuStreamDestroy_v2(a));
    CHECK(cuStreamDestroy_v2(b));
}

int
main(void)
{
    CUmodule module;

    begin();
    module = load("streams");
    append = get(module, "_Z6appendPiS_i");
    list = reserve(64 * sizeof(int));
    length = reserve(sizeof(int));
    for (int i = 0; i < 20; i++) {
        order_between_streams();
    }
    default_streams();
    host_functions();
    events();
    questions();
    return pass();
}
