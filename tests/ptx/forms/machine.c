/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include "ptx/ptx.h"

#define VAR_SPACE 65536

uint64_t vg_machine_hash;

struct memory {
    const struct vg_machine_job *job;
    const struct vg_ptx_module *module;
    struct vg_machine_report *report;
};

/* module variables, laid out in the order of the module */
static _Alignas(256) uint8_t variables[VAR_SPACE];

static uint64_t
var_address(void *user, const struct vg_ptx_var *var)
{
    struct memory *memory = user;
    uint64_t at = 0;

    for (uint32_t i = 0; i < memory->module->n_vars; i++) {
        const struct vg_ptx_var *v = &memory->module->vars[i];
        if (v->space != VG_PTX_GLOBAL && v->space != VG_PTX_CONST) {
            continue;
        }
        uint64_t align = v->align != 0 ? v->align : 1;
        at = (at + align - 1) / align * align;
        if (v == var || strcmp(v->name, var->name) == 0) {
            return at + v->size <= VAR_SPACE ? (uint64_t)(uintptr_t)(variables + at) : 0;
        }
        at += v->size;
    }
    return 0;
}

static void
init_variables(struct memory *memory)
{
    memset(variables, 0, sizeof(variables));
    for (uint32_t i = 0; i < memory->module->n_vars; i++) {
        const struct vg_ptx_var *v = &memory->module->vars[i];
        uint64_t address = var_address(memory, v);
        if (address == 0 || v->init == NULL) {
            continue;
        }
        uint8_t *bytes = variables + (address - (uint64_t)(uintptr_t)variables);
        memcpy(bytes, v->init, v->size);
        for (size_t k = 0; k < v->n_relocs; k++) {
            const struct vg_ptx_reloc *r = &v->relocs[k];
            uint64_t word = r->var == UINT32_MAX
                                ? 0
                                : var_address(memory, &memory->module->vars[r->var]) +
                                      (uint64_t)r->addend;
            memcpy(bytes + r->offset, &word, r->size);
        }
    }
}

static bool
within(uint64_t address, const uint8_t *bytes, size_t size, struct vg_interp_range *out)
{
    uint64_t lo = (uint64_t)(uintptr_t)bytes;

    if (address < lo || address >= lo + size) {
        return false;
    }
    *out = (struct vg_interp_range){ .lo = lo, .hi = lo + size };
    return true;
}

static bool
resolve(void *user, uint64_t address, struct vg_interp_range *out)
{
    struct memory *memory = user;

    return within(address, memory->job->in, memory->job->in_size, out) ||
           within(address, memory->job->out, memory->job->out_size, out) ||
           within(address, variables, VAR_SPACE, out);
}

static void
print(void *user, const char *format, const void *args, size_t args_size)
{
    struct vg_machine_report *report = ((struct memory *)user)->report;

    snprintf(report->printed, sizeof(report->printed), "%s", format);
    report->print_args_size = args_size;
    if (args_size > sizeof(report->print_args)) {
        args_size = sizeof(report->print_args);
    }
    if (args_size > 0) {
        memcpy(report->print_args, args, args_size);
    }
}

static enum vg_machine_result
execute(struct memory *memory, const struct vg_interp_kernel *kernel)
{
    const struct vg_machine_job *job = memory->job;
    struct vg_interp_launch launch = {
        .kernel = kernel,
        .dynamic_shared = job->dynamic_shared,
        .params = job->params,
        .param_size = job->param_size,
        .grid_id = 7,
        .n_sm = 4,
        .resolve = resolve,
        .print = print,
        .user = memory,
    };
    int r = 0;

    for (int i = 0; i < 3; i++) {
        launch.grid[i] = job->grid[i] != 0 ? job->grid[i] : 1;
        launch.block[i] = job->block[i] != 0 ? job->block[i] : 1;
    }
    uint32_t blocks = launch.grid[0] * launch.grid[1] * launch.grid[2];
    if (job->whole_grid) {
        r = vg_interp_run_grid(&launch, &memory->report->fault);
    }
    for (uint32_t b = 0; !job->whole_grid && b < blocks && r == 0; b++) {
        uint32_t plane = launch.grid[0] * launch.grid[1];
        uint32_t block[3] = { b % launch.grid[0], b % plane / launch.grid[0], b / plane };
        r = vg_interp_run_block(&launch, block, &memory->report->fault);
    }
    if (r == 0) {
        return VG_MACHINE_OK;
    }
    snprintf(memory->report->why, sizeof(memory->report->why), "%s (line %u)",
             memory->report->fault.text, memory->report->fault.line);
    return r == VG_INTERP_UNSUPPORTED ? VG_MACHINE_UNSUPPORTED : VG_MACHINE_FAULT;
}

static enum vg_machine_result
prepare_and_execute(struct memory *memory, struct vg_ptx_module *module)
{
    struct vg_machine_report *out = memory->report;
    struct vg_ptx_func *func = vg_ptx_find_func(module, "k");
    struct vg_ptx_diag diag;
    struct vg_interp_kernel *kernel = NULL;

    for (uint32_t i = 0; i < module->n_funcs; i++) {
        if (module->funcs[i].is_declaration) {
            continue;
        }
        if (vg_ptx_func_parse(module, &module->funcs[i], &diag) != 0) {
            snprintf(out->why, sizeof(out->why), "line %u: %s: %s", diag.line,
                     diag.message, diag.source);
            return VG_MACHINE_SYNTAX;
        }
    }
    struct vg_interp_link link = { .address = var_address, .user = memory };
    int r = vg_interp_prepare(module, func, &link, &kernel, out->why, sizeof(out->why));
    if (r != 0) {
        return VG_MACHINE_UNSUPPORTED;
    }
    vg_interp_kernel_needs(kernel, &out->needs);
    enum vg_machine_result result = execute(memory, kernel);
    vg_interp_kernel_destroy(kernel);
    return result;
}

static void
add_to_hash(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof(word));
        vg_machine_hash = (vg_machine_hash ^ word) * 0x9e3779b97f4a7c15;
        vg_machine_hash ^= vg_machine_hash >> 32;
    }
}

enum vg_machine_result
vg_machine_run(const struct vg_machine_job *job, struct vg_machine_report *out)
{
    struct vg_ptx_module *module = NULL;
    struct vg_ptx_diag diag;

    memset(out, 0, sizeof(*out));
    memset(&diag, 0, sizeof(diag));
    if (vg_ptx_module_parse(job->text, strlen(job->text), &module, &diag) != 0) {
        snprintf(out->why, sizeof(out->why), "line %u: %s: %s", diag.line, diag.message,
                 diag.source);
        return VG_MACHINE_SYNTAX;
    }
    struct memory memory = { .job = job, .module = module, .report = out };
    init_variables(&memory);
    enum vg_machine_result result = prepare_and_execute(&memory, module);
    vg_ptx_module_destroy(module);
    if (result == VG_MACHINE_OK) {
        add_to_hash(job->out, job->hash_size);
    }
    return result;
}
