/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads - eight threads with per-thread default streams.
 *
 * Built with --default-stream per-thread. Own work in each thread, hand-over between
 * threads without synchronisation, one thread blocked in a wait, host functions that wait
 * for another thread's CUDA call. Exact results, every time; a deadlock is the caller's
 * timeout.
 */
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "check.cuh"

#define THREADS 8
#define N       4096

static int rounds = 20;

__global__ void
step(unsigned *data, unsigned salt, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        data[i] = data[i] * 1664525u + salt;
    }
}

static unsigned
step_on_host(unsigned value, unsigned salt)
{
    return value * 1664525u + salt;
}

/* Each thread works on its own stream, which no other thread's synchronise waits for. */
static void
own_work(int thread, unsigned *data)
{
    std::vector<unsigned> host(N), want(N);

    for (int i = 0; i < N; i++) {
        host[i] = want[i] = (unsigned)(i + thread);
    }
    CHECK(
        cudaMemcpyAsync(data, host.data(), N * sizeof(unsigned), cudaMemcpyHostToDevice));
    for (unsigned salt = 1; salt <= 10; salt++) {
        step<<<N / 128, 128>>>(data, salt + (unsigned)thread, N);
        for (int i = 0; i < N; i++) {
            want[i] = step_on_host(want[i], salt + (unsigned)thread);
        }
    }
    CHECK(cudaMemcpy(host.data(), data, N * sizeof(unsigned), cudaMemcpyDeviceToHost));
    EXPECT(host == want);
}

static void
own_work_and_memory(int thread)
{
    unsigned *data;

    CHECK(cudaMalloc(&data, N * sizeof(unsigned)));
    own_work(thread, data);
    CHECK(cudaFree(data));
}

/* A value passes through all threads: each issues its step and tells the next one, with
 * events between the streams and no host synchronisation. */
struct relay {
    std::mutex mutex;
    std::condition_variable moved;
    int turn = 0;
    unsigned *data = nullptr;
    cudaEvent_t done = nullptr;
};

static void
hand_over(relay *r, int thread)
{
    for (int lap = 0; lap < 5; lap++) {
        std::unique_lock<std::mutex> lock(r->mutex);
        r->moved.wait(lock, [&] { return r->turn % THREADS == thread; });
        CHECK(cudaStreamWaitEvent(cudaStreamPerThread, r->done, 0));
        step<<<N / 128, 128>>>(r->data, (unsigned)r->turn, N);
        CHECK(cudaEventRecord(r->done, cudaStreamPerThread));
        r->turn++;
        r->moved.notify_all();
    }
}

static void
relay_race(void)
{
    relay r;
    std::vector<std::thread> threads;
    std::vector<unsigned> host(N);
    unsigned want = 12345;

    CHECK(cudaEventCreateWithFlags(&r.done, cudaEventDisableTiming));
    CHECK(cudaMalloc(&r.data, N * sizeof(unsigned)));
    for (unsigned &value : host) {
        value = want;
    }
    /* a copy from pageable memory may still be on its way when it returns */
    CHECK(cudaMemcpy(r.data, host.data(), N * sizeof(unsigned), cudaMemcpyHostToDevice));
    CHECK(cudaStreamSynchronize(cudaStreamPerThread));
    for (int i = 0; i < THREADS; i++) {
        threads.emplace_back(hand_over, &r, i);
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (unsigned turn = 0; turn < 5 * THREADS; turn++) {
        want = step_on_host(want, turn);
    }
    CHECK(cudaEventSynchronize(r.done));
    CHECK(cudaMemcpy(host.data(), r.data, N * sizeof(unsigned), cudaMemcpyDeviceToHost));
    for (unsigned value : host) {
        EXPECT(value == want);
    }
    CHECK(cudaFree(r.data));
    CHECK(cudaEventDestroy(r.done));
}

/* A host function in one thread's stream that ends only when another thread's call has.
 */
struct gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
    std::atomic<bool> waited{ false };
};

static void
wait_at_gate(void *data)
{
    gate *g = (gate *)data;
    std::unique_lock<std::mutex> lock(g->mutex);

    g->waited = true;
    g->opened.wait(lock, [&] { return g->open; });
}

static void
blocked_wait(void)
{
    gate g;
    unsigned *data;

    CHECK(cudaMalloc(&data, N * sizeof(unsigned)));
    std::thread waiter([&] {
        CHECK(cudaLaunchHostFunc(cudaStreamPerThread, wait_at_gate, &g));
        CHECK(cudaStreamSynchronize(
            cudaStreamPerThread)); /* blocked until the gate opens */
    });
    std::thread worker([&] {
        while (!g.waited) {
            std::this_thread::yield();
        }
        own_work(3,
                 data); /* whole CUDA calls (but no free: that one waits for all work) */
        std::lock_guard<std::mutex> lock(g.mutex);
        g.open = true;
        g.opened.notify_all();
    });

    waiter.join();
    worker.join();
    CHECK(cudaFree(data));
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        rounds = atoi(argv[1]);
    }
    CHECK(cudaFree(nullptr));
    for (int round = 0; round < rounds; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < THREADS; i++) {
            threads.emplace_back(own_work_and_memory, i);
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        relay_race();
        blocked_wait();
    }
    return pass();
}
