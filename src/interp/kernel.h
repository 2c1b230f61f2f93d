/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * kernel - a prepared kernel. Read-only once prepared, but for the pool of blocks, which
 * has its own lock.
 */

#include <pthread.h>

#include "interp/priv.h"

struct vg_shared_var {
    const struct vg_ptx_func *owner; /* NULL: a variable of the module */
    uint32_t symbol;
    uint32_t offset;
    uint32_t align;
    bool is_dynamic;
    struct vg_shared_var *next;
};

/* Memory of blocks that have ended, kept for the next ones. */
struct vg_pool {
    pthread_mutex_t lock;
    struct vg_block *blocks;
    uint32_t count;
};

struct vg_interp_kernel {
    struct vg_ptx_module *module;
    struct vg_ptx_func *func;
    struct vg_arena *arena;
    struct vg_code *entry;
    struct vg_code **codes; /* by function index; NULL: not called */
    struct vg_interp_needs needs;
    struct vg_shared_var *shared;
    uint32_t dynamic_offset;
    bool is_recursive;
    struct vg_pool *pool;
};

/* A call: what to copy between the two frames, bytes of their .param areas or, where the
 * function has .reg parameters, rows. */
struct vg_call_copy {
    uint32_t from, to;
    uint32_t size; /* bytes of a lane */
    uint8_t row;   /* 0: bytes; else bits of the rows: 1, 32 or 64 */
};

struct vg_call {
    const struct vg_code *code;
    struct vg_call_copy *args, *results;
    uint32_t n_args, n_results;
};

/* The functions that an indirect call may reach, by index; NULL: not with its arguments.
 */
struct vg_call_table {
    struct vg_call **calls;
    uint32_t n_calls;
};

/* frame.c */
int vg_warp_begin(struct vg_warp *w, struct vg_block *block, uint32_t index);
void vg_warp_free(struct vg_warp *w);

/* block.c */
void vg_pool_fini(struct vg_pool *pool);
/* prepare.c */
struct vg_pool *vg_kernel_pool(const struct vg_interp_kernel *kernel);
