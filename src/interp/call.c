/* SPDX-License-Identifier: Apache-2.0 */

/*
 * call - calls of functions with bodies, and of the few that the device's run time gives:
 * vprintf and __assertfail. Any other function without a body is refused by its name.
 *
 * Arguments and results are .param variables of the caller, copied lane by lane between
 * the frames. An indirect call enters one target at a time.
 */

#include <stdio.h>

#include "interp/decode.h"
#include "interp/kernel.h"

/* --- calls of PTX functions --- */

static int
call_direct(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    w->call = op->ext;
    w->taken = mask;
    w->want = 0;
    return VG_STEP_CALL;
}

static int
call_indirect(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct vg_call_table *table = op->ext;
    const uint64_t *a = vg_row64(w, op->a);
    const uint32_t first = (uint32_t)__builtin_ctz(mask);
    const uint64_t index = a[first] - VG_FUNC_TAG;
    uint32_t same = 0;

    if (index >= table->n_calls || table->calls[index] == NULL) {
        return vg_fault(w, op, first, VG_INTERP_FAULT_TRAP, a[first],
                        "call of what is not a function of this type");
    }
    VG_EACH_LANE(l, mask)
    {
        same |= (uint32_t)(a[l] == a[first]) << l;
    }
    w->call = table->calls[index];
    w->taken = same;
    w->want = mask & ~same;
    return VG_STEP_CALL;
}

static const struct vg_ptx_var *
frame_var(const struct vg_dec *d, const struct vg_ptx_operand *o)
{
    if (o->kind != VG_PTX_OPERAND_VAR) {
        return NULL;
    }
    switch ((enum vg_ptx_scope)o->scope) {
    case VG_PTX_SCOPE_FUNC:
        return &vg_dec_func(d)->vars[o->symbol];
    case VG_PTX_SCOPE_PARAM:
        return &vg_dec_func(d)->params[o->symbol];
    case VG_PTX_SCOPE_RETURN:
        return &vg_dec_func(d)->returns[o->symbol];
    case VG_PTX_SCOPE_MODULE:
        break;
    }
    return NULL;
}

/* A .reg parameter: the caller's row and the callee's. */
static bool
copy_of_row(struct vg_dec *d, const struct vg_ptx_operand *o,
            const struct vg_ptx_var *var, uint32_t slot, bool is_result,
            struct vg_call_copy *c)
{
    const unsigned bits = vg_ptx_type_bits(var->type);
    if (o->kind == VG_PTX_OPERAND_VAR || var->vector > 1) {
        return false;
    }
    const uint32_t mine =
        is_result ? vg_dec_dst(d, o, var->type) : vg_dec_src(d, o, var->type);
    c->from = is_result ? slot : mine;
    c->to = is_result ? mine : slot;
    c->row = bits == 1 ? 1 : bits <= 32 ? 32 : 64;
    return true;
}

static bool
copy_of_bytes(struct vg_dec *d, const struct vg_ptx_operand *o,
              const struct vg_ptx_var *var, uint32_t offset, bool is_result,
              struct vg_call_copy *c)
{
    const struct vg_ptx_var *own = frame_var(d, o);
    if (own == NULL || own->space != VG_PTX_PARAM || own->size < var->size ||
        (o->scope == VG_PTX_SCOPE_PARAM && vg_dec_func(d)->is_entry)) {
        return false;
    }
    const uint32_t mine = vg_dec_param_offset(d, o->scope, o->symbol);
    c->from = is_result ? offset : mine;
    c->to = is_result ? mine : offset;
    c->size = (uint32_t)var->size;
    return true;
}

/* Arguments, or results, of a call of @code. Return: NULL when they do not fit. */
static struct vg_call_copy *
copies(struct vg_dec *d, const struct vg_ptx_operand *list, const struct vg_code *code,
       bool is_result)
{
    const struct vg_ptx_func *func = code->func;
    const uint32_t n = is_result ? func->n_returns : func->n_params;
    const struct vg_ptx_var *vars = is_result ? func->returns : func->params;
    const uint32_t *offsets = is_result ? code->return_offsets : code->param_offsets;
    const uint32_t *slots = is_result ? code->return_slots : code->param_slots;
    struct vg_call_copy *c = vg_dec_alloc(d, sizeof(*c) * (n + 1u));
    if (c == NULL || list->count != n || offsets == NULL || slots == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct vg_ptx_operand *o = &list->elems[i];
        const bool ok = vars[i].space == VG_PTX_REG
                            ? copy_of_row(d, o, &vars[i], slots[i], is_result, &c[i])
                            : copy_of_bytes(d, o, &vars[i], offsets[i], is_result, &c[i]);
        if (!ok) {
            return NULL;
        }
    }
    return c;
}

/* Return: NULL when the arguments do not fit the function. */
static struct vg_call *
make_call(struct vg_dec *d, const struct vg_ptx_insn *insn, const struct vg_code *code)
{
    const struct vg_ptx_func *func = code->func;
    struct vg_call *call = vg_dec_alloc(d, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->code = code;
    call->n_args = func->n_params;
    call->n_results = func->n_returns;
    call->args = copies(d, &insn->operands[2], code, false);
    call->results = copies(d, &insn->operands[0], code, true);
    return call->args == NULL || call->results == NULL ? NULL : call;
}

static bool
same_size(const struct vg_dec *d, const struct vg_ptx_operand *o,
          const struct vg_ptx_var *var)
{
    const struct vg_ptx_var *mine = frame_var(d, o);
    return mine != NULL && mine->size == var->size;
}

static bool
same_shape(const struct vg_dec *d, const struct vg_ptx_func *func,
           const struct vg_ptx_insn *insn)
{
    const struct vg_ptx_operand *args = &insn->operands[2];
    const struct vg_ptx_operand *results = &insn->operands[0];
    bool same = !func->is_entry && !func->is_declaration &&
                func->n_params == args->count && func->n_returns == results->count;
    for (uint32_t i = 0; same && i < func->n_params; i++) {
        same = same_size(d, &args->elems[i], &func->params[i]);
    }
    for (uint32_t i = 0; same && i < func->n_returns; i++) {
        same = same_size(d, &results->elems[i], &func->returns[i]);
    }
    return same;
}

/* Every function with parameters of these sizes may be the target. */
static int
decode_indirect(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const struct vg_ptx_module *module = vg_dec_module(d);
    struct vg_call_table *table = vg_dec_alloc(d, sizeof(*table));
    struct vg_call **calls = vg_dec_alloc(d, sizeof(*calls) * (module->n_funcs + 1u));
    bool any = false;
    if (table == NULL || calls == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < module->n_funcs; i++) {
        if (!same_shape(d, &module->funcs[i], insn)) {
            continue;
        }
        struct vg_code *code = vg_dec_callee(d, i);
        if (code == NULL) {
            return vg_dec_refuse(d, module->funcs[i].name);
        }
        calls[i] = make_call(d, insn, code);
        any |= calls[i] != NULL;
    }
    if (!any) {
        return vg_dec_refuse(d, "no function has these parameters");
    }
    table->calls = calls;
    table->n_calls = module->n_funcs;
    const uint32_t a = vg_dec_src(d, &insn->operands[1], VG_PTX_B64);
    struct vg_iop *op = vg_dec_emit(d, call_indirect);
    op->a = a;
    op->ext = table;
    return 0;
}

static int
decode_direct(struct vg_dec *d, const struct vg_ptx_insn *insn, uint32_t func)
{
    struct vg_code *code = vg_dec_callee(d, func);
    if (code == NULL) {
        return vg_dec_refuse(d, vg_dec_module(d)->funcs[func].name);
    }
    struct vg_call *call = make_call(d, insn, code);
    if (call == NULL) {
        return vg_dec_refuse(d, "arguments");
    }
    vg_dec_emit(d, call_direct)->ext = call;
    return 0;
}

/* --- vprintf and __assertfail: slots are offsets in the frame's .param area --- */

static uint64_t
param_value(const struct vg_warp *w, uint32_t offset, uint32_t lane, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, w->frame->params + (size_t)lane * w->frame->code->params_size + offset,
           size);
    return value;
}

/* Copies a string of the device. Return: false when it cannot be read. */
static bool
copy_string(struct vg_warp *w, const struct vg_iop *op, uint32_t lane, uint64_t address,
            char *to, size_t size)
{
    size_t i = 0;
    for (; i + 1 < size; i++) {
        const uint8_t *p = vg_mem_at(w, op, lane, address + i, 1, false);
        if (p == NULL) {
            return false;
        }
        to[i] = (char)*p;
        if (*p == 0) {
            return true;
        }
    }
    to[i] = '\0';
    return true;
}

/* Bytes that the argument buffer of @format has, by the rules of C. */
static uint32_t
arguments_size(const char *format, uint32_t *out_count)
{
    uint32_t at = 0;
    *out_count = 0;
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            continue;
        }
        p++;
        if (*p == '%' || *p == '\0') {
            p -= *p == '\0' ? 1 : 0;
            continue;
        }
        bool is_long = false;
        for (; *p != '\0' && strchr("-+ #0123456789.*hljztLq", *p) != NULL; p++) {
            is_long |= strchr("ljztq", *p) != NULL;
            if (*p == '*') {
                at = ((at + 3) & ~3u) + 4;
                ++*out_count;
            }
        }
        if (*p == '\0') {
            break;
        }
        const bool wide = strchr("aAeEfFgGspn", *p) != NULL ||
                          (is_long && strchr("diouxX", *p) != NULL);
        at = wide ? ((at + 7) & ~7u) + 8 : ((at + 3) & ~3u) + 4;
        ++*out_count;
    }
    return at;
}

static int
print_lane(struct vg_warp *w, const struct vg_iop *op, uint32_t lane, uint32_t *out_count)
{
    char format[1024];
    uint8_t args[512];
    const struct vg_interp_launch *launch = w->block->launch;
    const uint64_t from = param_value(w, op->slots[1], lane, 8);

    if (!copy_string(w, op, lane, param_value(w, op->slots[0], lane, 8), format,
                     sizeof(format))) {
        return VG_STEP_FAULT;
    }
    uint32_t size = arguments_size(format, out_count);
    size = size > sizeof(args) ? (uint32_t)sizeof(args) : size;
    for (uint32_t i = 0; i < size; i++) {
        const uint8_t *p = vg_mem_at(w, op, lane, from + i, 1, false);
        if (p == NULL) {
            return VG_STEP_FAULT;
        }
        args[i] = *p;
    }
    if (launch->print != NULL) {
        launch->print(launch->user, format, args, size);
    }
    return VG_STEP_NEXT;
}

static int
call_print(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    VG_EACH_LANE(l, mask)
    {
        uint32_t count = 0;
        if (print_lane(w, op, l, &count) != VG_STEP_NEXT) {
            return VG_STEP_FAULT;
        }
        if (op->count == 3) {
            memcpy(w->frame->params + (size_t)l * w->frame->code->params_size +
                       op->slots[2],
                   &count, 4);
        }
    }
    return VG_STEP_NEXT;
}

static int
call_assert(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t lane = (uint32_t)__builtin_ctz(mask);
    char message[96];
    char file[64];
    char text[192];
    if (!copy_string(w, op, lane, param_value(w, op->slots[0], lane, 8), message,
                     sizeof(message)) ||
        !copy_string(w, op, lane, param_value(w, op->slots[1], lane, 8), file,
                     sizeof(file))) {
        return VG_STEP_FAULT;
    }
    snprintf(text, sizeof(text), "%s:%u: assertion `%s` failed", file,
             (uint32_t)param_value(w, op->slots[2], lane, 4), message);
    return vg_fault(w, op, lane, VG_INTERP_FAULT_ASSERT, 0, text);
}

static int
decode_builtin(struct vg_dec *d, const struct vg_ptx_insn *insn, vg_iop_fn *run,
               unsigned n_args)
{
    const struct vg_ptx_operand *args = &insn->operands[2];
    const struct vg_ptx_operand *results = &insn->operands[0];
    uint32_t slots[8] = { 0 };
    unsigned n = 0;

    if (args->count != n_args || results->count > 1) {
        return vg_dec_refuse(d, "arguments");
    }
    for (unsigned i = 0; i < n_args + results->count; i++) {
        const struct vg_ptx_operand *o =
            i < n_args ? &args->elems[i] : &results->elems[0];
        const struct vg_ptx_var *var = frame_var(d, o);
        if (var == NULL || var->space != VG_PTX_PARAM ||
            (o->scope == VG_PTX_SCOPE_PARAM && vg_dec_func(d)->is_entry)) {
            return vg_dec_refuse(d, "arguments");
        }
        slots[n++] = vg_dec_param_offset(d, o->scope, o->symbol);
    }
    const uint32_t *copy = vg_dec_slots(d, slots, n);
    struct vg_iop *op = vg_dec_emit(d, run);
    op->slots = copy;
    op->count = (uint8_t)n;
    return 0;
}

int
vg_decode_call(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_operands < 3) {
        return vg_dec_refuse(d, NULL);
    }
    const struct vg_ptx_operand *callee = &insn->operands[1];
    if (callee->kind == VG_PTX_OPERAND_REG) {
        return decode_indirect(d, insn);
    }
    if (callee->kind != VG_PTX_OPERAND_FUNC) {
        return vg_dec_refuse(d, NULL);
    }
    const struct vg_ptx_func *func = &vg_dec_module(d)->funcs[callee->func];
    if (!func->is_declaration) {
        return decode_direct(d, insn, callee->func);
    }
    if (strcmp(func->name, "vprintf") == 0) {
        return decode_builtin(d, insn, call_print, 2);
    }
    if (strcmp(func->name, "__assertfail") == 0) {
        return decode_builtin(d, insn, call_assert, 5);
    }
    return vg_dec_refuse(d, func->name);
}
