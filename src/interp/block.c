/* SPDX-License-Identifier: Apache-2.0 */

/*
 * block - runs blocks to their end: one alone, or a whole grid side by side.
 *
 * The warps of a block take turns of a fixed number of instructions, so that warps may
 * wait for each other in loops; the order depends on nothing but the program.
 *
 * After a barrier each warp first gets a short turn. On a device the warps of a block go
 * on almost in step, and programs rely on it unawares: one that reads shared memory right
 * after a barrier and reuses it some fifty instructions later, without another barrier,
 * is right there, and would not be if a warp ran on alone. A stock client's softmax,
 * which reduces twice in the same words, is one.
 */

#include <errno.h>
#include <fenv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "interp/kernel.h"
#include "interp/priv.h"

#define SLICE           8192
#define GRID_SLICE      2048
#define BARRIER_SLICE   16
#define POOL_MAX        64
#define WORKSPACE_BYTES 256

enum {
    RUN_DONE,
    RUN_GOING,
    RUN_FAULT
};

/* --- memory of blocks --- */

static void
block_free(struct vg_block *block)
{
    if (block == NULL) {
        return;
    }
    for (uint32_t i = 0; i < VG_MAX_WARPS; i++) {
        vg_warp_free(&block->warps[i]);
    }
    free(block->warps);
    free(block->shared);
    free(block);
}

void
vg_pool_fini(struct vg_pool *pool)
{
    while (pool->blocks != NULL) {
        struct vg_block *block = pool->blocks;
        pool->blocks = block->next;
        block_free(block);
    }
    pthread_mutex_destroy(&pool->lock);
}

static struct vg_block *
block_take(struct vg_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct vg_block *block = pool->blocks;
    if (block != NULL) {
        pool->blocks = block->next;
        pool->count--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (block != NULL) {
        return block;
    }
    block = calloc(1, sizeof(*block));
    struct vg_warp *warps = calloc(VG_MAX_WARPS, sizeof(*warps));
    if (block == NULL || warps == NULL) {
        free(block);
        free(warps);
        return NULL;
    }
    block->warps = warps;
    return block;
}

static void
block_give(struct vg_pool *pool, struct vg_block *block)
{
    pthread_mutex_lock(&pool->lock);
    const bool keep = pool->count < POOL_MAX;
    if (keep) {
        block->next = pool->blocks;
        pool->blocks = block;
        pool->count++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!keep) {
        block_free(block);
    }
}

static int
fault_memory(struct vg_interp_fault *fault)
{
    *fault = (struct vg_interp_fault){ .kind = VG_INTERP_FAULT_MEMORY };
    snprintf(fault->text, sizeof(fault->text),
             "the host has no memory for a block's registers");
    return VG_INTERP_FAULT;
}

static int
block_begin(struct vg_block *block, const struct vg_interp_launch *launch,
            const uint32_t id[3], struct vg_interp_fault *fault)
{
    const struct vg_interp_kernel *kernel = launch->kernel;
    const uint64_t threads =
        (uint64_t)launch->block[0] * launch->block[1] * launch->block[2];
    const uint32_t size = kernel->needs.static_shared + launch->dynamic_shared;

    block->launch = launch;
    block->kernel = kernel;
    block->fault = fault;
    memcpy(block->id, id, sizeof(block->id));
    block->n_threads = (uint32_t)threads;
    block->n_warps = (uint32_t)((threads + VG_LANES - 1) / VG_LANES);
    block->n_ranges = 0;
    block->next_range = 0;
    block->workspace = 0;
    block->workspace_bytes = NULL;
    memset(block->barriers, 0, sizeof(block->barriers));
    block->short_turns = 0;
    if (threads == 0 || block->n_warps > VG_MAX_WARPS) {
        return fault_memory(fault);
    }
    if (size > block->shared_cap) {
        free(block->shared);
        block->shared_cap = 0;
        block->shared = aligned_alloc(64, ((size_t)size + 63) & ~(size_t)63);
        if (block->shared == NULL) {
            return fault_memory(fault);
        }
        block->shared_cap = size;
    }
    block->shared_size = size;
    if (size != 0) {
        memset(block->shared, 0, size);
    }
    return 0;
}

static int
block_start_warps(struct vg_block *block)
{
    for (uint32_t i = 0; i < block->n_warps; i++) {
        block->warps[i].live = 0;
    }
    for (uint32_t i = 0; i < block->n_warps; i++) {
        block->warps[i].steps = 0;
        if (vg_warp_begin(&block->warps[i], block, i) != 0) {
            return fault_memory(block->fault);
        }
    }
    return 0;
}

/* --- running --- */

static int
deadlock(struct vg_block *block)
{
    for (uint32_t i = 0; i < block->n_warps; i++) {
        struct vg_warp *w = &block->warps[i];
        if (w->live == 0 || w->frame->n_groups == 0) {
            continue;
        }
        const struct vg_group *g = &w->frame->groups[0];
        const char *text = g->state == VG_GROUP_BARRIER
                               ? "a barrier waits for threads that never arrive"
                               : "a warp operation waits for lanes that never arrive";
        vg_fault(w, &w->frame->code->ops[g->pc], (uint32_t)__builtin_ctz(g->mask),
                 VG_INTERP_FAULT_DEADLOCK, 0, text);
        return RUN_FAULT;
    }
    return RUN_DONE;
}

/* How much of @slice the next turn gets. */
static uint64_t
turn_slice(struct vg_block *block, uint64_t slice)
{
    if (block->short_turns == 0) {
        return slice;
    }
    block->short_turns--;
    return BARRIER_SLICE;
}

/* One turn for each warp. */
static int
block_turn(struct vg_block *block, uint64_t slice)
{
    bool moved = false;
    bool alive = false;
    for (uint32_t i = 0; i < block->n_warps; i++) {
        struct vg_warp *w = &block->warps[i];
        if (w->live == 0) {
            continue;
        }
        const uint64_t before = w->steps;
        const int r = vg_warp_run(w, turn_slice(block, slice));
        if (r == VG_STEP_FAULT) {
            return RUN_FAULT;
        }
        moved |= w->steps != before;
        alive |= w->live != 0;
    }
    if (!alive) {
        return RUN_DONE;
    }
    return moved ? RUN_GOING : deadlock(block);
}

static uint64_t
block_steps(const struct vg_block *block)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < block->n_warps; i++) {
        n += block->warps[i].steps;
    }
    return n;
}

static void
count_steps(const struct vg_interp_launch *launch, uint64_t steps)
{
    if (launch->warp_instructions != NULL) {
        /* a statistic: partners only read it */
        atomic_fetch_add_explicit(launch->warp_instructions, steps, memory_order_relaxed);
    }
}

static bool
stopped(const struct vg_interp_launch *launch)
{
    /* a hint: whoever sets it orders nothing else by it */
    return launch->stop != NULL &&
           atomic_load_explicit(launch->stop, memory_order_relaxed);
}

static int
run_one(struct vg_block *block, const struct vg_interp_launch *launch)
{
    for (;;) {
        const int r = block_turn(block, SLICE);
        if (r == RUN_DONE) {
            return VG_INTERP_OK;
        }
        if (r == RUN_FAULT) {
            return VG_INTERP_FAULT;
        }
        if (stopped(launch)) {
            return VG_INTERP_STOPPED;
        }
    }
}

int
vg_interp_run_block(const struct vg_interp_launch *launch, const uint32_t block[3],
                    struct vg_interp_fault *out_fault)
{
    struct vg_pool *pool = vg_kernel_pool(launch->kernel);
    struct vg_block *b = block_take(pool);
    fenv_t env;

    if (b == NULL) {
        return fault_memory(out_fault);
    }
    fegetenv(&env);
    fesetenv(FE_DFL_ENV);
    int r = block_begin(b, launch, block, out_fault);
    if (r == 0) {
        r = block_start_warps(b);
    }
    if (r == 0) {
        r = run_one(b, launch);
        count_steps(launch, block_steps(b));
    }
    fesetenv(&env);
    block_give(pool, b);
    return r;
}

/* --- a grid whose blocks wait for each other --- */

struct grid {
    const struct vg_interp_launch *launch;
    struct vg_block **blocks;
    uint64_t n_blocks;
    uint8_t *workspace;
};

static int
grid_begin(struct grid *grid, struct vg_interp_fault *fault)
{
    const struct vg_interp_launch *launch = grid->launch;
    struct vg_pool *pool = vg_kernel_pool(launch->kernel);
    for (uint64_t i = 0; i < grid->n_blocks; i++) {
        const uint64_t gx = launch->grid[0];
        const uint64_t gy = launch->grid[1];
        const uint32_t id[3] = { (uint32_t)(i % gx), (uint32_t)(i / gx % gy),
                                 (uint32_t)(i / gx / gy) };
        struct vg_block *b = block_take(pool);
        if (b == NULL) {
            return fault_memory(fault);
        }
        grid->blocks[i] = b;
        int r = block_begin(b, launch, id, fault);
        b->workspace = VG_WINDOW_GRID;
        b->workspace_bytes = grid->workspace;
        if (r == 0) {
            r = block_start_warps(b);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static int
grid_run(struct grid *grid)
{
    for (;;) {
        bool going = false;
        for (uint64_t i = 0; i < grid->n_blocks; i++) {
            if (grid->blocks[i] == NULL) {
                continue;
            }
            const int r = block_turn(grid->blocks[i], GRID_SLICE);
            if (r == RUN_FAULT) {
                return VG_INTERP_FAULT;
            }
            if (r == RUN_DONE) {
                count_steps(grid->launch, block_steps(grid->blocks[i]));
                block_give(vg_kernel_pool(grid->launch->kernel), grid->blocks[i]);
                grid->blocks[i] = NULL;
            }
            going |= r == RUN_GOING;
        }
        if (!going) {
            return VG_INTERP_OK;
        }
        if (stopped(grid->launch)) {
            return VG_INTERP_STOPPED;
        }
    }
}

int
vg_interp_run_grid(const struct vg_interp_launch *launch,
                   struct vg_interp_fault *out_fault)
{
    struct grid grid = { .launch = launch };
    fenv_t env;

    grid.n_blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
    grid.blocks = calloc(grid.n_blocks + 1, sizeof(struct vg_block *));
    grid.workspace = aligned_alloc(64, WORKSPACE_BYTES);
    if (grid.blocks == NULL || grid.workspace == NULL) {
        free(grid.blocks);
        free(grid.workspace);
        return fault_memory(out_fault);
    }
    memset(grid.workspace, 0, WORKSPACE_BYTES);
    fegetenv(&env);
    fesetenv(FE_DFL_ENV);
    int r = grid_begin(&grid, out_fault);
    if (r == 0) {
        r = grid_run(&grid);
    }
    fesetenv(&env);
    for (uint64_t i = 0; i < grid.n_blocks; i++) {
        if (grid.blocks[i] != NULL) {
            block_give(vg_kernel_pool(launch->kernel), grid.blocks[i]);
        }
    }
    free(grid.blocks);
    free(grid.workspace);
    return r;
}
