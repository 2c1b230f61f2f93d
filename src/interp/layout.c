/* SPDX-License-Identifier: Apache-2.0 */

/*
 * layout - where the variables of a kernel live.
 *
 * Shared variables are laid out once for the kernel and all functions it may call, in the
 * order in which they are first mentioned; unsized ones all begin where the sized ones
 * end. .local and .param variables are laid out for each function.
 */

#include <errno.h>

#include "base/arena.h"
#include "interp/decode.h"
#include "interp/kernel.h"

static uint32_t
align_up(uint32_t value, uint32_t align)
{
    const uint32_t a = align == 0 ? 1 : align;
    return (value + a - 1) / a * a;
}

/* --- shared --- */

struct scan {
    struct vg_interp_kernel *kernel;
    uint8_t *seen; /* by function index */
    int result;
};

static void scan_func(struct scan *s, uint32_t index);

static struct vg_shared_var *
find_shared(const struct vg_interp_kernel *kernel, const struct vg_ptx_func *func,
            uint8_t scope, uint32_t symbol)
{
    const struct vg_ptx_func *owner = scope == VG_PTX_SCOPE_FUNC ? func : NULL;
    for (struct vg_shared_var *v = kernel->shared; v != NULL; v = v->next) {
        if (v->owner == owner && v->symbol == symbol) {
            return v;
        }
    }
    return NULL;
}

static void
note_shared(struct scan *s, const struct vg_ptx_func *func,
            const struct vg_ptx_operand *o)
{
    const struct vg_ptx_var *var;
    if (o->scope == VG_PTX_SCOPE_MODULE) {
        var = &s->kernel->module->vars[o->symbol];
    } else if (o->scope == VG_PTX_SCOPE_FUNC) {
        var = &func->vars[o->symbol];
    } else {
        return;
    }
    if (var->space != VG_PTX_SHARED ||
        find_shared(s->kernel, func, o->scope, o->symbol) != NULL) {
        return;
    }
    struct vg_shared_var *v = vg_arena_alloc(s->kernel->arena, sizeof(*v));
    if (v == NULL) {
        s->result = -ENOMEM;
        return;
    }
    v->owner = o->scope == VG_PTX_SCOPE_FUNC ? func : NULL;
    v->symbol = o->symbol;
    v->is_dynamic = var->is_unsized;
    v->align = var->align;
    v->next = s->kernel->shared;
    s->kernel->shared = v;
    if (!v->is_dynamic) {
        v->offset = align_up(s->kernel->needs.static_shared, var->align);
        s->kernel->needs.static_shared = v->offset + (uint32_t)var->size;
    } else {
        s->kernel->needs.uses_dynamic_shared = true;
    }
}

static void
scan_operand(struct scan *s, const struct vg_ptx_func *func,
             const struct vg_ptx_operand *o)
{
    for (unsigned i = 0; i < o->count && o->elems != NULL; i++) {
        scan_operand(s, func, &o->elems[i]);
    }
    if (o->kind == VG_PTX_OPERAND_FUNC) {
        scan_func(s, o->func);
    }
    if (o->kind == VG_PTX_OPERAND_VAR ||
        (o->kind == VG_PTX_OPERAND_ADDRESS && o->base_kind == VG_PTX_BASE_VAR)) {
        note_shared(s, func, o);
    }
}

/* An indirect call may reach every function of the module. */
static void
scan_all(struct scan *s)
{
    for (uint32_t i = 0; i < s->kernel->module->n_funcs; i++) {
        if (!s->kernel->module->funcs[i].is_entry) {
            scan_func(s, i);
        }
    }
}

static void
scan_body(struct scan *s, const struct vg_ptx_func *func)
{
    for (uint32_t i = 0; i < func->n_insns && s->result == 0; i++) {
        const struct vg_ptx_insn *insn = &func->insns[i];
        if (insn->op == VG_PTX_OP_BAR || insn->op == VG_PTX_OP_BARRIER) {
            s->kernel->needs.uses_barrier = true;
        }
        for (unsigned k = 0; k < insn->n_operands; k++) {
            scan_operand(s, func, &insn->operands[k]);
        }
        if (insn->op == VG_PTX_OP_CALL && insn->n_operands > 1 &&
            insn->operands[1].kind == VG_PTX_OPERAND_REG) {
            scan_all(s);
        }
    }
}

static void
scan_func(struct scan *s, uint32_t index)
{
    struct vg_ptx_func *func = &s->kernel->module->funcs[index];
    struct vg_ptx_diag diag;
    if (s->seen[index] || func->is_declaration || s->result != 0) {
        return;
    }
    s->seen[index] = 1;
    const int r = vg_ptx_func_parse(s->kernel->module, func, &diag);
    if (r == -ENOMEM) {
        s->result = -ENOMEM;
    }
    if (r == 0) {
        scan_body(s, func);
    }
}

int
vg_layout_shared(struct vg_interp_kernel *kernel, struct vg_ptx_func *func)
{
    struct scan s = { .kernel = kernel };
    s.seen = vg_arena_alloc(kernel->arena, (size_t)kernel->module->n_funcs + 1);
    if (s.seen == NULL) {
        return -ENOMEM;
    }
    scan_body(&s, func);
    uint32_t end = kernel->needs.static_shared;
    for (struct vg_shared_var *v = kernel->shared; v != NULL; v = v->next) {
        if (v->is_dynamic) {
            end = align_up(end, v->align < 16 ? 16 : v->align);
        }
    }
    if (kernel->needs.uses_dynamic_shared) {
        kernel->needs.static_shared = end;
    }
    kernel->dynamic_offset = end;
    return s.result;
}

uint32_t
vg_shared_offset(const struct vg_interp_kernel *kernel, const struct vg_ptx_func *func,
                 uint8_t scope, uint32_t symbol)
{
    const struct vg_shared_var *v = find_shared(kernel, func, scope, symbol);
    if (v == NULL) {
        return 0;
    }
    return v->is_dynamic ? kernel->dynamic_offset : v->offset;
}

/* --- .local and .param --- */

static uint32_t
place(uint32_t *end, const struct vg_ptx_var *var)
{
    const uint32_t at = align_up(*end, var->align);
    *end = at + (uint32_t)var->size;
    return at;
}

static int
layout_signature(struct vg_dec *d, uint32_t *end)
{
    const struct vg_ptx_func *func = d->func;
    uint32_t *params = vg_arena_array(d->kernel->arena, (size_t)func->n_params + 1, 4);
    uint32_t *returns = vg_arena_array(d->kernel->arena, (size_t)func->n_returns + 1, 4);
    if (params == NULL || returns == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < func->n_params; i++) {
        params[i] = func->is_entry ? 0 : place(end, &func->params[i]);
    }
    for (uint32_t i = 0; i < func->n_returns; i++) {
        returns[i] = place(end, &func->returns[i]);
    }
    d->code->param_offsets = params;
    d->code->return_offsets = returns;
    return 0;
}

int
vg_layout_frame(struct vg_dec *d)
{
    uint32_t params = 0;
    uint32_t local = 0;
    const int r = layout_signature(d, &params);
    if (r != 0) {
        return r;
    }
    for (uint32_t i = 0; i < d->func->n_vars; i++) {
        const struct vg_ptx_var *var = &d->func->vars[i];
        if (var->space == VG_PTX_PARAM) {
            d->var_offset[i] = place(&params, var);
        } else if (var->space == VG_PTX_LOCAL) {
            d->var_offset[i] = place(&local, var);
        }
    }
    d->code->params_size = align_up(params, 16);
    d->code->local_size = align_up(local, 16);
    return 0;
}
