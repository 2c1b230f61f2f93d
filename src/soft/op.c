/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op - the engine: edges, the queue of what may start, and the threads that run it.
 *
 * A queued operation stays in the queue until nothing of it is left to take. A thread
 * picks the one with the fewest threads on it, so that a small kernel runs beside a large
 * one; between blocks it looks whether somebody waits for a thread.
 */
#include "soft/op.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/account.h"
#include "base/log.h"
#include "front/driver.h"
#include "interp/interp.h"
#include "soft/memory.h"
#include "soft/module.h"
#include "soft/print.h"
#include "soft/settings.h"
#include "soft/stats.h"
#include "soft/stream.h"

/* A kernel in flight. Blocks are handed out by @next; the rest is set before the first.
 */
struct vg_grid {
    struct vg_interp_launch launch;
    uint64_t n_blocks;
    _Atomic uint64_t next;
    _Atomic bool stop;
    bool is_cooperative;
    bool has_fault;
    struct vg_interp_fault fault;
    struct vg_context *context;
};

#define MAX_CALL_THREADS 64

static struct {
    pthread_mutex_t lock; /* the driver lock */
    pthread_cond_t work, calls, done;
    struct vg_op *head, *tail;           /* to be run by the pool */
    struct vg_op *call_head, *call_tail; /* to be run by call threads */
    unsigned n_threads, n_idle;
    unsigned n_call_threads, n_call_idle;
    unsigned n_waiters;
    unsigned n_running;           /* operations that run or are queued */
    _Atomic unsigned n_untouched; /* queued operations without a thread */
    _Atomic uint64_t warp_instructions;
    uint64_t next_grid_id;
} engine = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .calls = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
};

static void finish(struct vg_op *op);

void
vg_soft_lock(void)
{
    pthread_mutex_lock(&engine.lock);
}

void
vg_soft_unlock(void)
{
    pthread_mutex_unlock(&engine.lock);
}

uint64_t
vg_soft_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t
vg_op_warp_instructions(void)
{
    return atomic_load_explicit(&engine.warp_instructions, memory_order_relaxed);
}

bool
vg_op_engine_is_busy(void)
{
    vg_soft_lock();
    bool busy = engine.n_running != 0;
    vg_soft_unlock();
    return busy;
}

struct vg_op *
vg_op_create(struct vg_context *context, struct vg_work *work)
{
    struct vg_op *op = calloc(1, sizeof *op);
    if (op == NULL) {
        vg_work_fini(work);
        return NULL;
    }
    op->work = *work;
    work->kind = VG_WORK_EMPTY;
    op->context = context;
    vg_object_ref(&context->object);
    op->refs = 1;
    op->pending = 1;
    return op;
}

void
vg_op_ref(struct vg_op *op)
{
    op->refs++;
}

void
vg_op_unref(struct vg_op *op)
{
    if (op == NULL || --op->refs != 0) {
        return;
    }
    vg_work_fini(&op->work);
    vg_object_unref(&op->context->object);
    free(op->next);
    free(op);
}

bool
vg_op_after(struct vg_op *op, struct vg_op *before)
{
    if (before == NULL || before->is_done) {
        return true;
    }
    /* the same edge twice in a row is common: a stream after itself and the legacy one */
    if (before->n_next > 0 && before->next[before->n_next - 1] == op) {
        return true;
    }
    if (before->n_next == before->next_capacity) {
        size_t capacity = before->next_capacity != 0 ? 2 * before->next_capacity : 2;
        void *grown = realloc(before->next, capacity * sizeof(struct vg_op *));
        if (grown == NULL) {
            return false;
        }
        before->next = grown;
        before->next_capacity = capacity;
    }
    before->next[before->n_next++] = op;
    vg_op_ref(op);
    op->pending++;
    return true;
}

/* --- threads --- */

static bool
start_thread(void *(*main)(void *))
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, (size_t)8 << 20);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    int r = pthread_create(&thread, &attr, main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (r != 0) {
        vg_log(VG_LOG_ERROR, "cannot start a thread: %s", strerror(r));
    }
    return r == 0;
}

static void
append(struct vg_op **head, struct vg_op **tail, struct vg_op *op)
{
    op->queue_next = NULL;
    if (*head == NULL) {
        *head = op;
    } else {
        (*tail)->queue_next = op;
    }
    *tail = op;
    op->is_queued = true;
}

static void
unqueue(struct vg_op *op)
{
    struct vg_op *before = NULL;
    for (struct vg_op *o = engine.head; o != op; o = o->queue_next) {
        before = o;
    }
    if (before == NULL) {
        engine.head = op->queue_next;
    } else {
        before->queue_next = op->queue_next;
    }
    if (engine.tail == op) {
        engine.tail = before;
    }
    op->is_queued = false;
}

static struct vg_op *
pick(void)
{
    struct vg_op *best = NULL;
    for (struct vg_op *op = engine.head; op != NULL; op = op->queue_next) {
        if (best == NULL || op->attached < best->attached) {
            best = op;
        }
    }
    return best;
}

/* --- kernels --- */

static bool
grid_resolve(void *user, uint64_t address, struct vg_interp_range *out)
{
    (void)user;
    return vg_memory_resolve(address, &out->lo, &out->hi, &out->read_only);
}

static void
grid_print(void *user, const char *format, const void *args, size_t args_size)
{
    struct vg_grid *grid = user;
    vg_print_add(grid->context->print, format, args, args_size);
}

static struct vg_grid *
create_grid(struct vg_op *op)
{
    const struct vg_launch *launch = &op->work.launch;
    struct vg_grid *grid = calloc(1, sizeof *grid);
    if (grid == NULL) {
        return NULL;
    }
    grid->launch = (struct vg_interp_launch){
        .kernel = vg_function_kernel(launch->function),
        .dynamic_shared = launch->shared,
        .params = launch->params,
        .param_size = launch->param_size,
        .grid_id = ++engine.next_grid_id,
        .n_sm = vg_settings_get()->sms,
        .resolve = grid_resolve,
        .print = grid_print,
        .user = grid,
        .stop = &grid->stop,
        .warp_instructions = &engine.warp_instructions,
    };
    memcpy(grid->launch.grid, launch->grid, sizeof launch->grid);
    memcpy(grid->launch.block, launch->block, sizeof launch->block);
    grid->is_cooperative = launch->cooperative;
    grid->n_blocks = launch->cooperative
                         ? 1
                         : (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
    grid->context = op->context;
    return grid;
}

static int
run_one(struct vg_grid *grid, uint64_t index, struct vg_interp_fault *fault)
{
    if (grid->is_cooperative) {
        return vg_interp_run_grid(&grid->launch, fault);
    }
    const uint32_t *dims = grid->launch.grid;
    uint32_t block[3] = {
        (uint32_t)(index % dims[0]),
        (uint32_t)(index / dims[0] % dims[1]),
        (uint32_t)(index / dims[0] / dims[1]),
    };
    return vg_interp_run_block(&grid->launch, block, fault);
}

static CUresult
fault_error(const struct vg_interp_fault *fault)
{
    switch (fault->kind) {
    case VG_INTERP_FAULT_ADDRESS:
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    case VG_INTERP_FAULT_MISALIGNED:
        return CUDA_ERROR_MISALIGNED_ADDRESS;
    case VG_INTERP_FAULT_TRAP:
        return CUDA_ERROR_LAUNCH_FAILED;
    case VG_INTERP_FAULT_ASSERT:
        return CUDA_ERROR_ASSERT;
    case VG_INTERP_FAULT_SPACE:
        return CUDA_ERROR_INVALID_ADDRESS_SPACE;
    case VG_INTERP_FAULT_DEADLOCK:
        return CUDA_ERROR_LAUNCH_TIMEOUT;
    case VG_INTERP_FAULT_MEMORY:
        return CUDA_ERROR_LAUNCH_FAILED;
    }
    return CUDA_ERROR_LAUNCH_FAILED;
}

/* Takes blocks until none is left or another operation waits for a thread. No lock. */
static void
run_blocks(struct vg_grid *grid, struct vg_interp_fault *fault, int *out_result)
{
    while (!atomic_load_explicit(&grid->stop, memory_order_relaxed)) {
        uint64_t index = atomic_fetch_add_explicit(&grid->next, 1, memory_order_relaxed);
        if (index >= grid->n_blocks) {
            return;
        }
        int r = run_one(grid, index, fault);
        if (r != 0) {
            *out_result = r;
            atomic_store_explicit(&grid->stop, true, memory_order_relaxed);
            return;
        }
        if (atomic_load_explicit(&engine.n_untouched, memory_order_relaxed) != 0) {
            return;
        }
    }
}

static bool
grid_is_taken(struct vg_grid *grid)
{
    return atomic_load_explicit(&grid->stop, memory_order_relaxed) ||
           atomic_load_explicit(&grid->next, memory_order_relaxed) >= grid->n_blocks;
}

static void
report_fault(struct vg_op *op, const struct vg_interp_fault *fault)
{
    const struct vg_function *function = op->work.launch.function;
    vg_log(
        VG_LOG_ERROR,
        "kernel %s, block (%u,%u,%u), thread (%u,%u,%u): %s (PTX line %u, address %#llx)",
        vg_function_name(function), fault->block[0], fault->block[1], fault->block[2],
        fault->thread[0], fault->thread[1], fault->thread[2], fault->text, fault->line,
        (unsigned long long)fault->address);
    vg_context_fail(op->context, fault_error(fault));
    op->status = op->context->sticky;
}

/* Lock held at entry and return. */
static void
run_kernel(struct vg_op *op)
{
    if (op->grid == NULL) {
        op->grid = create_grid(op);
        if (op->grid == NULL) {
            vg_context_fail(op->context, CUDA_ERROR_LAUNCH_FAILED);
            unqueue(op);
            return;
        }
    }
    struct vg_grid *grid = op->grid;
    struct vg_interp_fault fault = { 0 };
    int result = 0;
    vg_soft_unlock();
    run_blocks(grid, &fault, &result);
    vg_soft_lock();
    if (result == VG_INTERP_FAULT && !grid->has_fault) {
        grid->has_fault = true;
        report_fault(op, &fault);
    } else if (result != 0 && result != VG_INTERP_STOPPED) {
        vg_context_fail(op->context, CUDA_ERROR_LAUNCH_FAILED);
    }
    if (op->is_queued && grid_is_taken(grid)) {
        unqueue(op);
    }
}

/* Lock held at entry and return; the caller holds a reference by the queue. */
static void
run_on_pool(struct vg_op *op)
{
    if (op->attached++ == 0) {
        atomic_fetch_sub_explicit(&engine.n_untouched, 1, memory_order_relaxed);
    }
    if (op->context->sticky != CUDA_SUCCESS && op->grid == NULL) {
        op->status = op->context->sticky;
        unqueue(op);
    } else if (op->work.kind == VG_WORK_KERNEL) {
        run_kernel(op);
    } else {
        unqueue(op);
        vg_soft_unlock();
        vg_work_run(&op->work);
        vg_soft_lock();
    }
    op->attached--;
    if (op->attached > 0) {
        return;
    }
    if (op->is_queued) {
        atomic_fetch_add_explicit(&engine.n_untouched, 1, memory_order_relaxed);
        return;
    }
    free(op->grid);
    op->grid = NULL;
    finish(op);
}

static void *
pool_main(void *unused)
{
    (void)unused;
    vg_soft_lock();
    for (;;) {
        struct vg_op *op = pick();
        if (op != NULL) {
            run_on_pool(op);
            continue;
        }
        engine.n_idle++;
        pthread_cond_wait(&engine.work, &engine.lock);
        engine.n_idle--;
    }
    return NULL;
}

static void
queue_on_pool(struct vg_op *op)
{
    append(&engine.head, &engine.tail, op);
    atomic_fetch_add_explicit(&engine.n_untouched, 1, memory_order_relaxed);
    unsigned wanted = vg_settings_get()->threads;
    while (engine.n_threads < wanted && start_thread(pool_main)) {
        engine.n_threads++;
    }
    bool many = op->work.kind == VG_WORK_KERNEL && !op->work.launch.cooperative &&
                (op->work.launch.grid[0] > 1 || op->work.launch.grid[1] > 1 ||
                 op->work.launch.grid[2] > 1);
    if (engine.n_idle > 0) {
        if (many) {
            pthread_cond_broadcast(&engine.work);
        } else {
            pthread_cond_signal(&engine.work);
        }
    }
}

/* --- functions of the program --- */

static void
run_call(struct vg_op *op)
{
    struct vg_call call = op->work.call;
    CUresult status = op->context->sticky;
    if (call.callback == NULL && status != CUDA_SUCCESS) {
        return;
    }
    vg_soft_unlock();
    vg_front_callback_begin();
    if (call.callback != NULL) {
        call.callback(call.stream, status, call.data);
    } else {
        call.function(call.data);
    }
    vg_front_callback_end();
    vg_soft_lock();
}

static void *
call_main(void *unused)
{
    (void)unused;
    vg_soft_lock();
    for (;;) {
        struct vg_op *op = engine.call_head;
        if (op != NULL) {
            engine.call_head = op->queue_next;
            op->is_queued = false;
            run_call(op);
            finish(op);
            continue;
        }
        engine.n_call_idle++;
        pthread_cond_wait(&engine.calls, &engine.lock);
        engine.n_call_idle--;
    }
    return NULL;
}

static void
queue_call(struct vg_op *op)
{
    append(&engine.call_head, &engine.call_tail, op);
    unsigned queued = 0;
    for (struct vg_op *o = engine.call_head; o != NULL; o = o->queue_next) {
        queued++;
    }
    if (queued > engine.n_call_idle && engine.n_call_threads < MAX_CALL_THREADS &&
        start_thread(call_main)) {
        engine.n_call_threads++;
    }
    pthread_cond_signal(&engine.calls);
}

/* --- life --- */

/* Return: true when @op is done at once. */
static bool
make_ready(struct vg_op *op)
{
    op->is_ready = true;
    if (op->is_claimed) {
        pthread_cond_broadcast(&engine.done);
        return false;
    }
    switch (op->work.kind) {
    case VG_WORK_EMPTY:
    case VG_WORK_RECORD:
    case VG_WORK_WAIT:
    case VG_WORK_CHILD:
        return true;
    case VG_WORK_CALL:
        queue_call(op);
        break;
    case VG_WORK_KERNEL:
    case VG_WORK_COPY:
    case VG_WORK_FILL:
    case VG_WORK_FREE:
        queue_on_pool(op);
        break;
    }
    if (engine.n_running++ == 0) {
        vg_account_set_busy(true);
    }
    op->context->n_running++;
    op->context->n_calls += op->work.kind == VG_WORK_CALL;
    return false;
}

/* Done, with all that is done because of it; a list instead of recursion, since a chain
 * may be thousands long. */
static void
settle(struct vg_op *first)
{
    struct vg_op *list = first;
    first->queue_next = NULL;
    while (list != NULL) {
        struct vg_op *op = list;
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): its submission's reference is held
        list = op->queue_next;
        op->is_done = true;
        op->finished_ns = op->work.kind == VG_WORK_RECORD ? vg_soft_now() : 0;
        if (op->status == CUDA_SUCCESS) {
            op->status = op->context->sticky;
        }
        for (size_t i = 0; i < op->n_next; i++) {
            struct vg_op *next = op->next[i];
            if (--next->pending == 0 && make_ready(next)) {
                next->queue_next = list;
                list = next;
            }
            vg_op_unref(next); /* the edge's; the one of its submission remains */
        }
        op->n_next = 0;
        vg_op_unref(op); /* of its submission */
    }
    if (engine.n_waiters > 0) {
        pthread_cond_broadcast(&engine.done);
    }
}

static void
finish(struct vg_op *op)
{
    if (--engine.n_running == 0) {
        vg_account_set_busy(false);
    }
    op->context->n_running--;
    op->context->n_calls -= op->work.kind == VG_WORK_CALL;
    if (op->work.kind == VG_WORK_KERNEL) {
        vg_stats_touch();
    }
    settle(op);
}

void
vg_op_submit(struct vg_op *op)
{
    vg_op_ref(op); /* until it is done */
    if (--op->pending == 0 && make_ready(op)) {
        settle(op);
    }
}

void
vg_op_wait(struct vg_op *op)
{
    engine.n_waiters++;
    while (!op->is_done) {
        pthread_cond_wait(&engine.done, &engine.lock);
    }
    engine.n_waiters--;
}

bool
vg_op_wait_any(uint64_t timeout_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + timeout_ns;
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    engine.n_waiters++;
    int r = pthread_cond_timedwait(&engine.done, &engine.lock, &until);
    engine.n_waiters--;
    return r == 0;
}

void
vg_op_run_claimed(struct vg_op *op)
{
    engine.n_waiters++;
    while (!op->is_ready) {
        pthread_cond_wait(&engine.done, &engine.lock);
    }
    engine.n_waiters--;
    if (op->context->sticky == CUDA_SUCCESS) {
        vg_soft_unlock();
        vg_work_run(&op->work);
        vg_soft_lock();
    }
    settle(op);
}
