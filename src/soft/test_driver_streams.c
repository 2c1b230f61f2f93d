/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_driver_streams - order. Work is held back by a host function at a gate, so that
 * what must wait is seen to wait; nothing here sleeps.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "test_driver.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open, is_reached;
};

#define GATE                                                                   \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
    }

static void
wait_at(void *data)
{
    struct gate *gate = data;
    pthread_mutex_lock(&gate->lock);
    gate->is_reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void
open_gate(void *data)
{
    struct gate *gate = data;
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static CUstream
new_stream(unsigned flags)
{
    CUstream stream;
    OK(cuStreamCreate(&stream, flags));
    return stream;
}

static void
stream_runs_in_order(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(0);
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    uint32_t want = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        OK(test_step(step, word, i, stream));
        want = want * 3 + i;
    }
    OK(cuStreamSynchronize(stream));
    assert_int_equal(test_read(word), want);
}

static void
blocking_stream_and_legacy_stream_wait_for_each_other(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream a = new_stream(0), b = new_stream(0);
    struct gate gate = GATE;
    OK(cuLaunchHostFunc(a, wait_at, &gate));
    OK(test_step(step, word, 1, a));    /* 4 */
    OK(test_step(step, word, 2, NULL)); /* 14 */
    OK(test_step(step, word, 3, b));    /* 45 */
    FAILS(cuStreamQuery(b), CUDA_ERROR_NOT_READY);
    FAILS(cuStreamQuery(NULL), CUDA_ERROR_NOT_READY);
    open_gate(&gate);
    OK(cuStreamSynchronize(b));
    assert_int_equal(test_read(word), 45);
}

static void
non_blocking_stream_passes_the_legacy_stream(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream free_stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct gate gate = GATE;
    OK(cuLaunchHostFunc(NULL, wait_at, &gate));
    OK(test_step(step, word, 1, free_stream));
    OK(cuStreamSynchronize(free_stream));
    FAILS(cuStreamQuery(NULL), CUDA_ERROR_NOT_READY);
    open_gate(&gate);
    OK(cuStreamSynchronize(NULL));
    assert_int_equal(test_read(word), 4);
}

static void
event_orders_two_streams(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream a = new_stream(CU_STREAM_NON_BLOCKING),
             b = new_stream(CU_STREAM_NON_BLOCKING);
    CUevent event;
    struct gate gate = GATE;
    OK(cuEventCreate(&event, 0));
    OK(cuEventQuery(event));
    OK(cuLaunchHostFunc(a, wait_at, &gate));
    OK(test_step(step, word, 1, a)); /* 4 */
    OK(cuEventRecord(event, a));
    OK(cuStreamWaitEvent(b, event, 0));
    OK(test_step(step, word, 2, b)); /* 14 */
    FAILS(cuEventQuery(event), CUDA_ERROR_NOT_READY);
    FAILS(cuStreamQuery(b), CUDA_ERROR_NOT_READY);
    open_gate(&gate);
    OK(cuEventSynchronize(event));
    OK(cuStreamSynchronize(b));
    assert_int_equal(test_read(word), 14);
}

static void
events_tell_the_time_between(void **state)
{
    (void)state;
    CUevent start, end, untimed;
    float ms = -1;
    OK(cuEventCreate(&start, 0));
    OK(cuEventCreate(&end, 0));
    OK(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
    FAILS(cuEventElapsedTime_v2(&ms, start, end), CUDA_ERROR_INVALID_HANDLE);
    OK(cuEventRecord(start, NULL));
    OK(cuEventRecord(untimed, NULL));
    OK(cuEventRecord(end, NULL));
    OK(cuEventSynchronize(end));
    OK(cuEventElapsedTime_v2(&ms, start, end));
    assert_true(ms >= 0);
    FAILS(cuEventElapsedTime_v2(&ms, start, untimed), CUDA_ERROR_INVALID_HANDLE);
}

static void
ordinary_source_is_read_before_the_call_returns(void **state)
{
    (void)state;
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    CUdeviceptr word = test_word(0);
    struct gate gate = GATE;
    uint32_t value = 11;
    OK(cuLaunchHostFunc(stream, wait_at, &gate));
    OK(cuMemcpyHtoDAsync_v2(word, &value, sizeof value, stream));
    value = 22;
    open_gate(&gate);
    OK(cuStreamSynchronize(stream));
    assert_int_equal(test_read(word), 11);
}

static void
pinned_source_is_read_when_the_stream_is_there(void **state)
{
    (void)state;
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    CUdeviceptr word = test_word(0);
    struct gate gate = GATE;
    uint32_t *value;
    OK(cuMemHostAlloc((void **)&value, sizeof *value, 0));
    *value = 11;
    OK(cuLaunchHostFunc(stream, wait_at, &gate));
    OK(cuMemcpyHtoDAsync_v2(word, value, sizeof *value, stream));
    *value = 22;
    open_gate(&gate);
    OK(cuStreamSynchronize(stream));
    assert_int_equal(test_read(word), 22);
}

static void
call_the_driver(void *data)
{
    CUdeviceptr block;
    *(CUresult *)data = cuMemAlloc_v2(&block, 16);
}

static void
host_function_may_not_call_the_driver(void **state)
{
    (void)state;
    CUresult seen = CUDA_SUCCESS;
    OK(cuLaunchHostFunc(NULL, call_the_driver, &seen));
    OK(cuStreamSynchronize(NULL));
    assert_int_equal(seen, CUDA_ERROR_NOT_PERMITTED);
}

static void
keep_status(CUstream stream, CUresult status, void *data)
{
    (void)stream;
    *(CUresult *)data = status;
}

static void
callback_gets_the_status_after_a_failure(void **state)
{
    (void)state;
    CUfunction trap = test_function(PTX_HEAD PTX_TRAP, "trap_now");
    CUstream stream = new_stream(0);
    CUresult seen = CUDA_SUCCESS;
    struct gate gate = GATE;
    OK(cuLaunchHostFunc(stream, wait_at, &gate));
    OK(cuLaunchKernel(trap, 1, 1, 1, 1, 1, 1, 0, stream, NULL, NULL));
    OK(cuStreamAddCallback(stream, keep_status, &seen, 0));
    open_gate(&gate);
    FAILS(cuStreamSynchronize(stream), CUDA_ERROR_LAUNCH_FAILED);
    assert_int_equal(seen, CUDA_ERROR_LAUNCH_FAILED);
}

static void
stream_destroyed_with_work_finishes_it(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct gate gate = GATE;
    OK(cuLaunchHostFunc(stream, wait_at, &gate));
    OK(test_step(step, word, 1, stream));
    OK(cuStreamDestroy_v2(stream));
    open_gate(&gate);
    OK(cuCtxSynchronize());
    assert_int_equal(test_read(word), 4);
}

static void
freed_in_stream_order(void **state)
{
    (void)state;
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    struct gate gate = GATE;
    CUdeviceptr block;
    size_t before, after, total;
    OK(cuMemGetInfo_v2(&before, &total));
    OK(cuMemAllocAsync(&block, 4096, stream));
    OK(cuLaunchHostFunc(stream, wait_at, &gate));
    OK(cuMemsetD8Async(block, 0, 4096, stream));
    OK(test_step(step, block, 5, stream));
    OK(cuMemFreeAsync(block, stream));
    FAILS(cuMemFreeAsync(block, stream), CUDA_ERROR_INVALID_VALUE);
    open_gate(&gate);
    OK(cuStreamSynchronize(stream));
    OK(cuMemGetInfo_v2(&after, &total));
    assert_int_equal(before, after);
}

/* the names that a program built for per-thread default streams calls */
CUresult
cuLaunchKernel_ptsz(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                    unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                    unsigned int block_z, unsigned int shared_bytes, CUstream stream,
                    void **params, void **extra);
CUresult cuMemcpyDtoH_v2_ptds(void *dst, CUdeviceptr src, size_t count);

struct worker {
    CUfunction step;
    uint32_t got, want;
};

static void *
use_own_default_stream(void *data)
{
    struct worker *worker = data;
    OK(cuCtxSetCurrent(test_context));
    CUdeviceptr word = test_word(0);
    for (uint32_t i = 0; i < 200; i++) {
        void *params[] = { &word, &i };
        OK(cuLaunchKernel_ptsz(worker->step, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
        worker->want = worker->want * 3 + i;
    }
    OK(cuMemcpyDtoH_v2_ptds(&worker->got, word, sizeof worker->got));
    return NULL;
}

static void
eight_threads_have_their_own_order(void **state)
{
    (void)state;
    enum {
        THREADS = 8
    };
    pthread_t threads[THREADS];
    struct worker workers[THREADS] = { 0 };
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    for (int i = 0; i < THREADS; i++) {
        workers[i].step = step;
        assert_int_equal(
            pthread_create(&threads[i], NULL, use_own_default_stream, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].got, workers[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stream_runs_in_order),
        TEST(blocking_stream_and_legacy_stream_wait_for_each_other),
        TEST(non_blocking_stream_passes_the_legacy_stream),
        TEST(event_orders_two_streams),
        TEST(events_tell_the_time_between),
        TEST(ordinary_source_is_read_before_the_call_returns),
        TEST(pinned_source_is_read_when_the_stream_is_there),
        TEST(host_function_may_not_call_the_driver),
        TEST(callback_gets_the_status_after_a_failure),
        TEST(stream_destroyed_with_work_finishes_it),
        TEST(freed_in_stream_order),
        TEST(eight_threads_have_their_own_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
