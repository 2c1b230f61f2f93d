/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads - eight threads on their own default streams, one hundred times over.
 *
 * In each round every thread does work of its own; a value goes from thread to thread
 * through a stream that they share, with no synchronisation but the order of the calls;
 * another goes from default stream to default stream by events; two threads are blocked
 * in a wait for a host function that waits for a third thread's finished CUDA calls.
 * All results are exact. Ends at its time limit if anything blocks for good.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "drv.h"

#define THREADS 8
#define N       256
#define LAPS    2

static CUcontext context;
static CUfunction step;
static CUstream shared_stream;
static CUevent passed;
static CUdeviceptr own[THREADS], by_stream, by_event;
static _Atomic unsigned turn; /* release to acquire: the calls before are done */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int open_gates;

static unsigned
step_on_host(unsigned value, unsigned salt)
{
    return value * 1664525u + salt;
}

static void
launch_step(CUdeviceptr data, unsigned salt, CUstream stream)
{
    int n = N;

    LAUNCH(step, N / 128, 128, 0, stream, &data, &salt, &n);
}

static void
wait_for_gate(void *gate)
{
    const int bit = 1 << *(const int *)gate;

    pthread_mutex_lock(&mutex);
    while ((open_gates & bit) == 0) {
        pthread_cond_wait(&opened, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

static void
open_gate(int gate)
{
    pthread_mutex_lock(&mutex);
    open_gates |= 1 << gate;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&mutex);
}

/* Takes its turns in both chains. */
static void
pass_on(unsigned thread)
{
    for (unsigned lap = 0; lap < LAPS; lap++) {
        const unsigned mine = lap * THREADS + thread;
        while (atomic_load_explicit(&turn, memory_order_acquire) != mine) {
            sched_yield();
        }
        launch_step(by_stream, mine, shared_stream);
        CHECK(cuStreamWaitEvent(CU_STREAM_PER_THREAD, passed, 0));
        launch_step(by_event, mine + 100, CU_STREAM_PER_THREAD);
        CHECK(cuEventRecord(passed, CU_STREAM_PER_THREAD));
        atomic_store_explicit(&turn, mine + 1, memory_order_release);
    }
}

static void
own_work(unsigned thread, unsigned steps)
{
    unsigned host[N], want[N];

    for (unsigned i = 0; i < N; i++) {
        host[i] = want[i] = i * 3 + thread;
    }
    CHECK(cuMemcpyHtoDAsync_v2(own[thread], host, sizeof(host), CU_STREAM_PER_THREAD));
    memset(host, 0, sizeof(host)); /* the source was read when the call was made */
    for (unsigned salt = 1; salt <= steps; salt++) {
        launch_step(own[thread], salt, CU_STREAM_PER_THREAD);
        for (int i = 0; i < N; i++) {
            want[i] = step_on_host(want[i], salt);
        }
    }
    CHECK(cuMemcpyDtoHAsync_v2(host, own[thread], sizeof(host), CU_STREAM_PER_THREAD));
    CHECK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
    EXPECT(memcmp(host, want, sizeof(host)) == 0);
}

static void *
runner(void *argument)
{
    const unsigned thread = (unsigned)(size_t)argument;
    static int gates[2] = { 0, 1 };

    CHECK(cuCtxSetCurrent(context));
    pass_on(thread);
    if (thread < 2) {
        CHECK(cuLaunchHostFunc(CU_STREAM_PER_THREAD, wait_for_gate, &gates[thread]));
    }
    own_work(thread, 3); /* of these two, waits for the gate */
    if (thread >= THREADS - 2) {
        own_work(thread, 2);
        open_gate(thread == THREADS - 1 ? 0 : 1);
    }
    return NULL;
}

static void
check_chain(CUdeviceptr data, unsigned value, unsigned salt)
{
    unsigned host[N];

    for (unsigned i = 0; i < LAPS * THREADS; i++) {
        value = step_on_host(value, salt + i);
    }
    CHECK(cuMemcpyDtoH_v2(host, data, sizeof(host)));
    for (int i = 0; i < N; i++) {
        EXPECT(host[i] == value);
    }
}

static void
run_round(unsigned round)
{
    pthread_t threads[THREADS];

    open_gates = 0;
    atomic_store(&turn, 0);
    CHECK(cuMemsetD32_v2(by_stream, round, N));
    CHECK(cuMemsetD32_v2(by_event, round + 7, N));
    CHECK(cuCtxSynchronize());
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, runner, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(cuStreamSynchronize(shared_stream));
    CHECK(cuEventSynchronize(passed));
    check_chain(by_stream, round, 0);
    check_chain(by_event, round + 7, 100);
}

int
main(int argc, char **argv)
{
    const unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 100;

    context = begin();
    step = get(load("threads"), "_Z4stepPjji");
    CHECK(cuStreamCreate(&shared_stream, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&passed, CU_EVENT_DISABLE_TIMING));
    by_stream = reserve(N * sizeof(unsigned));
    by_event = reserve(N * sizeof(unsigned));
    for (int i = 0; i < THREADS; i++) {
        own[i] = reserve(N * sizeof(unsigned));
    }
    for (unsigned round = 0; round < rounds; round++) {
        run_round(round);
    }
    return pass();
}
