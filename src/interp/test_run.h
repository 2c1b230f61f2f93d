/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * test_run - runs a kernel from its PTX text, for tests.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "interp/interp.h"
#include "ptx/ptx.h"

struct test_run {
    struct vg_ptx_module *module;
    struct vg_interp_kernel *kernel;
    struct vg_interp_fault fault;
    struct vg_interp_range range;
    char why[256];
    char printed[256];
    _Atomic uint64_t steps;
};

#define TEST_HEADER ".version 8.0\n.target sm_80\n.address_size 64\n"

static bool
test_resolve(void *user, uint64_t address, struct vg_interp_range *out)
{
    const struct test_run *run = user;
    if (address < run->range.lo || address >= run->range.hi) {
        return false;
    }
    *out = run->range;
    return true;
}

static inline void
test_print(void *user, const char *format, const void *args, size_t args_size)
{
    struct test_run *run = user;
    uint32_t first = 0;
    if (args_size >= 4) {
        memcpy(&first, args, 4);
    }
    const size_t used = strlen(run->printed);
    snprintf(run->printed + used, sizeof(run->printed) - used, "%s:%u;", format, first);
}

/* Prepares the first entry of @text. Return: what vg_interp_prepare() says. */
static inline int
test_open(struct test_run *run, const char *text)
{
    struct vg_ptx_diag diag;
    struct vg_interp_link link = { 0 };
    memset(run, 0, sizeof(*run));
    int r = vg_ptx_module_parse(text, strlen(text), &run->module, &diag);
    if (r != 0) {
        fail_msg("line %u: %s: %s", diag.line, diag.message, diag.source);
    }
    struct vg_ptx_func *entry = NULL;
    for (uint32_t i = 0; i < run->module->n_funcs; i++) {
        if (run->module->funcs[i].is_entry && entry == NULL) {
            entry = &run->module->funcs[i];
        }
    }
    assert_non_null(entry);
    r = vg_ptx_func_parse(run->module, entry, &diag);
    if (r != 0) {
        fail_msg("line %u: %s: %s", diag.line, diag.message, diag.source);
    }
    return vg_interp_prepare(run->module, entry, &link, &run->kernel, run->why,
                             sizeof(run->why));
}

static inline void
test_close(struct test_run *run)
{
    vg_interp_kernel_destroy(run->kernel);
    vg_ptx_module_destroy(run->module);
}

/* Runs the grid, each block in turn, or all at once. @memory is all that the kernel may
 * touch; its address is the only parameter. */
static inline int
test_launch(struct test_run *run, uint32_t blocks, uint32_t threads, uint32_t dynamic,
            void *memory, size_t size, bool together)
{
    const uint64_t params[1] = { (uint64_t)(uintptr_t)memory };
    struct vg_interp_launch launch = { .kernel = run->kernel,
                                       .grid = { blocks, 1, 1 },
                                       .block = { threads, 1, 1 },
                                       .dynamic_shared = dynamic,
                                       .params = params,
                                       .param_size = sizeof(params),
                                       .n_sm = 2,
                                       .resolve = test_resolve,
                                       .print = test_print,
                                       .user = run,
                                       .warp_instructions = &run->steps };
    run->range.lo = params[0];
    run->range.hi = params[0] + size;
    if (together) {
        return vg_interp_run_grid(&launch, &run->fault);
    }
    int r = 0;
    for (uint32_t i = 0; i < blocks && r == 0; i++) {
        const uint32_t id[3] = { i, 0, 0 };
        r = vg_interp_run_block(&launch, id, &run->fault);
    }
    return r;
}
