/* SPDX-License-Identifier: Apache-2.0 */
/* threads - eight threads, per-thread streams, hand-over, and waits for one another. */
#include <pthread.h>

#include "drv.h"

#define THREADS 8
#define N       2048
#define LAPS    5

static CUcontext context;
static CUfunction step;

static unsigned
step_on_host(unsigned value, unsigned salt)
{
    return value * 1664525u + salt;
}

static void
own_work(unsigned thread, CUdeviceptr data)
{
    unsigned host[N], want[N];
    int n = N;

    for (unsigned i = 0; i < N; i++) {
        host[i] = want[i] = i + thread;
    }
    CHECK(cuMemcpyHtoDAsync_v2(data, host, sizeof(host), CU_STREAM_PER_THREAD));
    for (unsigned salt = 1; salt <= 10; salt++) {
        unsigned mixed = salt + thread;
        LAUNCH(step, N / 128, 128, 0, CU_STREAM_PER_THREAD, &data, &mixed, &n);
        for (int i = 0; i < N; i++) {
            want[i] = step_on_host(want[i], mixed);
        }
    }
    CHECK(cuMemcpyDtoHAsync_v2(host, data, sizeof(host), CU_STREAM_PER_THREAD));
    CHECK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
    EXPECT(memcmp(host, want, sizeof(host)) == 0);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    unsigned turn;
    CUdeviceptr data;
    CUevent done;
    int gate_reached, gate_open;
} shared = { .mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };

/* Own work, then a value passes through all threads without host synchronisation. */
static void *
runner(void *argument)
{
    const unsigned thread = (unsigned)(size_t)argument;
    int n = N;

    CHECK(cuCtxSetCurrent(context));
    CUdeviceptr own = reserve(N * sizeof(unsigned));
    own_work(thread, own);
    CHECK(cuMemFree_v2(own));
    for (int lap = 0; lap < LAPS; lap++) {
        pthread_mutex_lock(&shared.mutex);
        while (shared.turn % THREADS != thread) {
            pthread_cond_wait(&shared.moved, &shared.mutex);
        }
        CHECK(cuStreamWaitEvent(CU_STREAM_PER_THREAD, shared.done, 0));
        LAUNCH(step, N / 128, 128, 0, CU_STREAM_PER_THREAD, &shared.data, &shared.turn,
               &n);
        CHECK(cuEventRecord(shared.done, CU_STREAM_PER_THREAD));
        shared.turn++;
        pthread_cond_broadcast(&shared.moved);
        pthread_mutex_unlock(&shared.mutex);
    }
    return NULL;
}

static void
run_all(void)
{
    pthread_t threads[THREADS];
    unsigned host[N], want = 12345;

    shared.turn = 0;
    for (int i = 0; i < N; i++) {
        host[i] = want;
    }
    shared.data = upload(host, sizeof(host));
    CHECK(cuEventCreate(&shared.done, CU_EVENT_DISABLE_TIMING));
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, runner, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned turn = 0; turn < LAPS * THREADS; turn++) {
        want = step_on_host(want, turn);
    }
    CHECK(cuEventSynchronize(shared.done));
    CHECK(cuMemcpyDtoH_v2(host, shared.data, sizeof(host)));
    for (int i = 0; i < N; i++) {
        EXPECT(host[i] == want);
    }
    CHECK(cuEventDestroy_v2(shared.done));
    CHECK(cuMemFree_v2(shared.data));
}

static void
wait_at_gate(void *data)
{
    (void)data;
    pthread_mutex_lock(&shared.mutex);
    shared.gate_reached = 1;
    pthread_cond_broadcast(&shared.moved);
    while (!shared.gate_open) {
        pthread_cond_wait(&shared.moved, &shared.mutex);
    }
    pthread_mutex_unlock(&shared.mutex);
}

static void *
blocked(void *argument)
{
    (void)argument;
    CHECK(cuCtxSetCurrent(context));
    CHECK(cuLaunchHostFunc(CU_STREAM_PER_THREAD, wait_at_gate, NULL));
    CHECK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
    return NULL;
}

/* One thread is blocked until another one has made whole CUDA calls. (No free among them:
 * that one waits for all work.) */
static void
wait_for_another(void)
{
    CUdeviceptr own = reserve(N * sizeof(unsigned));
    pthread_t thread;

    shared.gate_reached = shared.gate_open = 0;
    EXPECT(pthread_create(&thread, NULL, blocked, NULL) == 0);
    pthread_mutex_lock(&shared.mutex);
    while (!shared.gate_reached) {
        pthread_cond_wait(&shared.moved, &shared.mutex);
    }
    pthread_mutex_unlock(&shared.mutex);
    own_work(3, own);
    pthread_mutex_lock(&shared.mutex);
    shared.gate_open = 1;
    pthread_cond_broadcast(&shared.moved);
    pthread_mutex_unlock(&shared.mutex);
    pthread_join(thread, NULL);
    CHECK(cuMemFree_v2(own));
}

int
main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 5;

    context = begin();
    step = get(load("threads"), "_Z4stepPjji");
    for (int round = 0; round < rounds; round++) {
        run_all();
        wait_for_another();
    }
    return pass();
}
