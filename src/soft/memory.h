/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * memory - which addresses a device may use, and whose they are.
 *
 * Device memory is one arena, mapped where VGPU_SOFT_ARENA says or where no program
 * lives; a device address is the host address of its bytes. Pinned and registered host
 * memory are ranges of their own at their host address. Any address that a program hands
 * in is looked up here before it is used.
 *
 * Has its own lock, the innermost one: every function may be called with or without the
 * driver lock, and from interpreter threads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"

struct vg_context;

enum vg_memory_kind {
    VG_MEMORY_NONE, /* ordinary host memory, or nothing at all */
    VG_MEMORY_DEVICE,
    VG_MEMORY_MANAGED,
    VG_MEMORY_POOL,     /* stream-ordered */
    VG_MEMORY_GLOBAL,   /* a variable of a module */
    VG_MEMORY_CONSTANT, /* the same, read-only for kernels */
    VG_MEMORY_FREEING,  /* being freed: no program may use it any more */
    VG_MEMORY_HOST,     /* cuMemHostAlloc */
    VG_MEMORY_REGISTERED,
};

struct vg_memory_facts {
    enum vg_memory_kind kind;
    uint64_t base, size;
    struct vg_context *context; /* compare only */
    void *pool;                 /* compare only */
    uint64_t id;
    unsigned flags;
};

/* Maps the arena. Return: CUDA_SUCCESS or OUT_OF_MEMORY, with the reason in the log. */
CUresult vg_memory_init(uint64_t size);

CUresult vg_memory_alloc(struct vg_context *context, uint64_t size, uint64_t align,
                         enum vg_memory_kind kind, uint64_t *out);
/* Marks a block that a program made as being freed. Return: false when @base is no such
 * block's first byte or it is being freed already. */
bool vg_memory_claim(uint64_t base);
/* Gives the pages and the range of a claimed block back. May take a while: no lock. */
void vg_memory_release(uint64_t base);

CUresult vg_memory_alloc_host(struct vg_context *context, uint64_t size, unsigned flags,
                              void **out);
CUresult vg_memory_free_host(void *pointer);
CUresult vg_memory_register(struct vg_context *context, void *pointer, uint64_t size,
                            unsigned flags);
CUresult vg_memory_unregister(void *pointer);

/* Frees all that belongs to an ended context. */
void vg_memory_end_context(struct vg_context *context);

bool vg_memory_lookup(uint64_t address, struct vg_memory_facts *out);
/* For kernels: the whole range that may be touched around @address. */
bool vg_memory_resolve(uint64_t address, uint64_t *lo, uint64_t *hi, bool *read_only);
/* True when [address, address + size) lies in one block or range. */
bool vg_memory_contains(uint64_t address, uint64_t size);
/* True when the device can reach it without asking: pinned, registered or its own. */
bool vg_memory_is_known(uint64_t address);

/* True in the device's arena, whether somebody owns the place or not. */
bool vg_memory_is_arena(uint64_t address);

void vg_memory_info(uint64_t *out_free, uint64_t *out_total);
/* What is free, as of 20 ms ago at most as far as other processes are concerned. */
uint64_t vg_memory_room(void);
/* All that the device has. */
uint64_t vg_memory_total(void);
/* Ties a block to a pool; NULL for none. */
void vg_memory_set_pool(uint64_t base, void *pool);
