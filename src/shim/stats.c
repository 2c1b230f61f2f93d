/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats - counters by call, written whole to a file now and then and at exit.
 *
 * There is no writer thread: the call that finds the file a tenth of a second old writes
 * it, and an exit handler, registered only when counters are kept, writes the last.
 */
#include "shim/stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cuda_calls.h"
#include "front/driver.h"
#include "wire/internal.h"

#define INTERVAL_NS 100000000u
#define INTERNALS   (VG_CALL_INTERNAL_END - VG_CALL_INTERNAL)
#define MISSING_MAX 256

struct counter {
    _Atomic uint64_t count;
    _Atomic uint64_t posted;
    _Atomic uint64_t ns;
};

static char stats_path[4096];
static _Atomic bool kept;
static pid_t owner;
static struct counter api[VG_CUDA_CALL_COUNT];
static struct counter internal[INTERNALS];
static _Atomic uint64_t bytes_out_total, bytes_in_total, written_at;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *missing[MISSING_MAX];
static _Atomic unsigned missing_count;

static const char *const internal_names[INTERNALS] = {
    [VG_CALL_THREAD_END - VG_CALL_INTERNAL] = "(thread end)",
    [VG_CALL_STAGE_WAIT - VG_CALL_INTERNAL] = "(staging)",
    [VG_CALL_COPY - VG_CALL_INTERNAL] = "(copy)",
    [VG_CALL_COPY_STAGED - VG_CALL_INTERNAL] = "(copy in)",
    [VG_CALL_COPY_OUT - VG_CALL_INTERNAL] = "(copy out)",
    [VG_CALL_COPY_OUT_SLOT - VG_CALL_INTERNAL] = "(copy out, staged)",
    [VG_CALL_COPY_BOX - VG_CALL_INTERNAL] = "(copy box)",
    [VG_CALL_KERNEL_SHEET - VG_CALL_INTERNAL] = "(kernel sheet)",
    [VG_CALL_HOST_ALLOC - VG_CALL_INTERNAL] = "(host memory)",
    [VG_CALL_HOST_FREE - VG_CALL_INTERNAL] = "(host memory free)",
};

bool
vg_stats_kept(void)
{
    return atomic_load_explicit(&kept, memory_order_relaxed);
}

uint64_t
vg_stats_now(void)
{
    struct timespec t;

    if (!vg_stats_kept()) {
        return 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t
load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void
write_counter(FILE *file, const char *name, const struct counter *c)
{
    if (name != NULL && load(&c->count) != 0) {
        /* a name is one word in the file */
        char word[64];
        size_t i = 0;
        for (; i < sizeof(word) - 1 && name[i] != '\0'; i++) {
            word[i] = name[i] == ' ' ? '-' : name[i];
        }
        word[i] = '\0';
        fprintf(file, "call\t%s\t%llu\t%llu\t%llu\n", word,
                (unsigned long long)load(&c->count), (unsigned long long)load(&c->posted),
                (unsigned long long)load(&c->ns));
    }
}

static void
write_all(FILE *file)
{
    uint64_t calls = 0, posted = 0;

    for (size_t i = 0; i < VG_CUDA_CALL_COUNT; i++) {
        calls += load(&api[i].count);
        posted += load(&api[i].posted);
    }
    for (size_t i = 0; i < INTERNALS; i++) {
        calls += load(&internal[i].count);
        posted += load(&internal[i].posted);
    }
    fprintf(file, "calls\t%llu\nposted\t%llu\nwaited\t%llu\n", (unsigned long long)calls,
            (unsigned long long)posted, (unsigned long long)(calls - posted));
    fprintf(file, "bytes_out\t%llu\nbytes_in\t%llu\n",
            (unsigned long long)load(&bytes_out_total),
            (unsigned long long)load(&bytes_in_total));
    for (size_t i = 0; i < VG_CUDA_CALL_COUNT; i++) {
        write_counter(file, vg_cuda_call_table[i].name, &api[i]);
    }
    for (size_t i = 0; i < INTERNALS; i++) {
        write_counter(file, internal_names[i], &internal[i]);
    }
    const unsigned count = atomic_load_explicit(&missing_count, memory_order_acquire);
    for (unsigned i = 0; i < count && i < MISSING_MAX; i++) {
        fprintf(file, "not_carried\t%s\n", missing[i] != NULL ? missing[i] : "?");
    }
}

/* Replaces the file whole. */
static void
write_file(void)
{
    char path[sizeof(stats_path) + 16];

    snprintf(path, sizeof(path), "%s.new", stats_path);
    pthread_mutex_lock(&write_lock);
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        write_all(file);
        if (fclose(file) == 0) {
            (void)rename(path, stats_path);
        }
    }
    pthread_mutex_unlock(&write_lock);
}

static void
write_last(void)
{
    if (getpid() == owner) { /* not in a forked child */
        write_file();
    }
}

static void
hear_missing(const char *name)
{
    const unsigned i = atomic_fetch_add_explicit(&missing_count, 1, memory_order_acq_rel);

    if (i < MISSING_MAX) {
        missing[i] = name;
    }
}

void
vg_stats_open(void)
{
    const char *setting = secure_getenv("VGPU_STATS");

    vg_front_on_not_carried(hear_missing);
    if (setting == NULL || setting[0] == '\0' || vg_stats_kept()) {
        return;
    }
    owner = getpid();
    const char *percent = strstr(setting, "%p");
    if (percent != NULL) {
        snprintf(stats_path, sizeof(stats_path), "%.*s%d%s", (int)(percent - setting),
                 setting, (int)owner, percent + 2);
    } else {
        snprintf(stats_path, sizeof(stats_path), "%s", setting);
    }
    (void)atexit(write_last);
    atomic_store_explicit(&kept, true, memory_order_relaxed);
}

void
vg_stats_bytes(size_t out, size_t in)
{
    if (vg_stats_kept()) {
        atomic_fetch_add_explicit(&bytes_out_total, out, memory_order_relaxed);
        atomic_fetch_add_explicit(&bytes_in_total, in, memory_order_relaxed);
    }
}

void
vg_stats_call(unsigned number, bool posted, uint64_t started, size_t bytes_out,
              size_t bytes_in)
{
    struct counter *c = NULL;

    if (number < VG_CUDA_CALL_COUNT) {
        c = &api[number];
    } else if (number >= VG_CALL_INTERNAL && number < VG_CALL_INTERNAL_END) {
        c = &internal[number - VG_CALL_INTERNAL];
    }
    if (c == NULL) {
        return;
    }
    const uint64_t now = vg_stats_now();
    atomic_fetch_add_explicit(&c->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->posted, posted, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->ns, now - started, memory_order_relaxed);
    atomic_fetch_add_explicit(&bytes_out_total, bytes_out, memory_order_relaxed);
    atomic_fetch_add_explicit(&bytes_in_total, bytes_in, memory_order_relaxed);
    uint64_t last = load(&written_at);
    if (now - last >= INTERVAL_NS &&
        atomic_compare_exchange_strong(&written_at, &last, now)) {
        write_file();
    }
}
