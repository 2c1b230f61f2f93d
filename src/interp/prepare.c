/* SPDX-License-Identifier: Apache-2.0 */

/*
 * prepare - makes and ends kernels.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "interp/decode.h"
#include "interp/kernel.h"

#define CALL_RESERVE 4096

struct vg_pool *
vg_kernel_pool(const struct vg_interp_kernel *kernel)
{
    return kernel->pool;
}

static uint32_t
count_registers(const struct vg_ptx_func *func)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < func->n_regs; i++) {
        n += vg_ptx_type_bits(func->regs[i].type) > 32 ? 2 : 1;
    }
    return n;
}

static void
finish_needs(struct vg_interp_kernel *kernel)
{
    uint32_t local = kernel->entry->local_size;
    bool calls = false;
    for (uint32_t i = 0; i < kernel->module->n_funcs; i++) {
        if (kernel->codes[i] != NULL && kernel->codes[i] != kernel->entry) {
            local += kernel->codes[i]->local_size;
            calls |= kernel->codes[i]->local_size != 0;
        }
    }
    /* functions may recurse */
    kernel->needs.local = local + (calls ? CALL_RESERVE : 0);
    kernel->needs.registers = count_registers(kernel->func);
}

static struct vg_interp_kernel *
kernel_alloc(struct vg_ptx_module *module, struct vg_ptx_func *func)
{
    struct vg_arena *arena = vg_arena_create();
    if (arena == NULL) {
        return NULL;
    }
    struct vg_interp_kernel *kernel = vg_arena_alloc(arena, sizeof(*kernel));
    struct vg_code *entry = vg_arena_alloc(arena, sizeof(*entry));
    struct vg_code **codes =
        vg_arena_array(arena, (size_t)module->n_funcs + 1, sizeof(*codes));
    struct vg_pool *pool = vg_arena_alloc(arena, sizeof(*pool));
    if (kernel == NULL || entry == NULL || codes == NULL || pool == NULL) {
        vg_arena_destroy(arena);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    kernel->arena = arena;
    kernel->module = module;
    kernel->func = func;
    kernel->entry = entry;
    kernel->codes = codes;
    kernel->pool = pool;
    entry->func = func;
    return kernel;
}

int
vg_interp_prepare(struct vg_ptx_module *module, struct vg_ptx_func *func,
                  const struct vg_interp_link *link, struct vg_interp_kernel **out,
                  char *why, size_t why_size)
{
    char scratch[8];
    if (why == NULL || why_size == 0) {
        why = scratch;
        why_size = sizeof(scratch);
    }
    why[0] = '\0';
    struct vg_interp_kernel *kernel = kernel_alloc(module, func);
    if (kernel == NULL) {
        return -ENOMEM;
    }
    struct vg_dec root = { .kernel = kernel,
                           .link = link,
                           .isa = vg_isa_pick(),
                           .why = why,
                           .why_size = why_size };
    int r = vg_layout_shared(kernel, func);
    if (r == 0) {
        r = vg_code_decode(&root, kernel->entry, func);
    }
    if (r != 0) {
        vg_interp_kernel_destroy(kernel);
        return r;
    }
    finish_needs(kernel);
    *out = kernel;
    return 0;
}

void
vg_interp_kernel_destroy(struct vg_interp_kernel *kernel)
{
    if (kernel == NULL) {
        return;
    }
    vg_pool_fini(kernel->pool);
    free(kernel->entry->consts);
    for (uint32_t i = 0; i < kernel->module->n_funcs; i++) {
        if (kernel->codes[i] != NULL && kernel->codes[i] != kernel->entry) {
            free(kernel->codes[i]->consts);
        }
    }
    vg_arena_destroy(kernel->arena);
}

uint64_t
vg_interp_func_address(uint32_t index)
{
    return VG_FUNC_TAG + index;
}

void
vg_interp_kernel_needs(const struct vg_interp_kernel *kernel, struct vg_interp_needs *out)
{
    *out = kernel->needs;
}
