/* SPDX-License-Identifier: Apache-2.0 */

/*
 * equal - structural equality of modules.
 *
 * Functions are matched by name, all else by position; names inside functions and lines
 * of the text do not matter.
 */
#include "ptx/priv.h"

#include <string.h>

/* The two functions that are compared, in their modules. */
struct pair {
    const struct vg_ptx_module *a, *b;
};

static bool
text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
func_name_equal(const struct pair *pair, uint32_t a, uint32_t b)
{
    return text_equal(pair->a->funcs[a].name, pair->b->funcs[b].name);
}

static bool
scalar_equal(const struct pair *pair, const struct vg_ptx_operand *a,
             const struct vg_ptx_operand *b)
{
    if (a->kind != b->kind || a->base_kind != b->base_kind || a->scope != b->scope ||
        a->sreg != b->sreg || a->component != b->component || a->negated != b->negated ||
        a->is_single != b->is_single || a->count != b->count || a->reg != b->reg ||
        a->symbol != b->symbol || a->target != b->target || a->offset != b->offset ||
        a->bits != b->bits) {
        return false;
    }
    return a->kind != VG_PTX_OPERAND_FUNC || func_name_equal(pair, a->func, b->func);
}

/* Operands nest two levels deep at most: an address with vectors. */
static bool
operand_equal(const struct pair *pair, const struct vg_ptx_operand *a,
              const struct vg_ptx_operand *b)
{
    if (!scalar_equal(pair, a, b)) {
        return false;
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (!scalar_equal(pair, &a->elems[i], &b->elems[i])) {
            return false;
        }
        for (unsigned k = 0; k < a->elems[i].count; k++) {
            if (!scalar_equal(pair, &a->elems[i].elems[k], &b->elems[i].elems[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool
insn_equal(const struct pair *pair, const struct vg_ptx_insn *a,
           const struct vg_ptx_insn *b)
{
    if (a->op != b->op || a->n_types != b->n_types || a->n_operands != b->n_operands ||
        a->n_suffixes != b->n_suffixes || a->guard_negated != b->guard_negated ||
        a->vector != b->vector || a->space != b->space || a->guard != b->guard ||
        memcmp(a->types, b->types, sizeof(a->types)) != 0 ||
        memcmp(a->mods, b->mods, sizeof(a->mods)) != 0 || !text_equal(a->text, b->text)) {
        return false;
    }
    for (unsigned i = 0; i < a->n_suffixes; i++) {
        if (a->suffixes[i] != b->suffixes[i]) {
            return false;
        }
    }
    for (unsigned i = 0; i < a->n_operands; i++) {
        if (!operand_equal(pair, &a->operands[i], &b->operands[i])) {
            return false;
        }
    }
    return true;
}

static bool
init_equal(const struct pair *pair, const struct vg_ptx_var *a,
           const struct vg_ptx_var *b)
{
    if ((a->init == NULL) != (b->init == NULL) || a->n_relocs != b->n_relocs ||
        (a->init != NULL && memcmp(a->init, b->init, a->size) != 0)) {
        return false;
    }
    for (size_t i = 0; i < a->n_relocs; i++) {
        const struct vg_ptx_reloc *x = &a->relocs[i];
        const struct vg_ptx_reloc *y = &b->relocs[i];
        if (x->offset != y->offset || x->var != y->var || x->addend != y->addend ||
            x->generic != y->generic || x->size != y->size ||
            (x->func == UINT32_MAX) != (y->func == UINT32_MAX) ||
            (x->func != UINT32_MAX && !func_name_equal(pair, x->func, y->func))) {
            return false;
        }
    }
    return true;
}

static bool
vars_equal(const struct pair *pair, const struct vg_ptx_var *a,
           const struct vg_ptx_var *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, a++, b++) {
        if (a->space != b->space || a->linkage != b->linkage || a->type != b->type ||
            a->vector != b->vector || a->is_array != b->is_array ||
            a->is_unsized != b->is_unsized || a->is_managed != b->is_managed ||
            a->opaque != b->opaque || a->is_ptr != b->is_ptr || a->align != b->align ||
            a->size != b->size || a->offset != b->offset || a->reg != b->reg ||
            a->n_dims != b->n_dims) {
            return false;
        }
        for (unsigned d = 0; d < a->n_dims; d++) {
            if (a->dims[d] != b->dims[d]) {
                return false;
            }
        }
        if (!init_equal(pair, a, b)) {
            return false;
        }
    }
    return true;
}

static bool
targets_equal(const struct pair *pair, const struct vg_ptx_targets *a,
              const struct vg_ptx_targets *b)
{
    if (a->n_targets != b->n_targets || a->is_call != b->is_call) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_targets; i++) {
        if (a->is_call ? !func_name_equal(pair, a->targets[i], b->targets[i])
                       : a->targets[i] != b->targets[i]) {
            return false;
        }
    }
    return true;
}

static bool
body_equal(const struct pair *pair, const struct vg_ptx_func *a,
           const struct vg_ptx_func *b)
{
    if (a->n_regs != b->n_regs || a->n_vars != b->n_vars || a->n_labels != b->n_labels ||
        a->n_insns != b->n_insns || a->n_targets != b->n_targets ||
        a->n_prototypes != b->n_prototypes ||
        !vars_equal(pair, a->vars, b->vars, a->n_vars)) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_regs; i++) {
        if (a->regs[i].type != b->regs[i].type ||
            a->regs[i].vector != b->regs[i].vector) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_labels; i++) {
        if (a->labels[i].target != b->labels[i].target) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_targets; i++) {
        if (!targets_equal(pair, &a->targets[i], &b->targets[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_prototypes; i++) {
        if (!text_equal(a->prototypes[i].text, b->prototypes[i].text)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_insns; i++) {
        if (!insn_equal(pair, &a->insns[i], &b->insns[i])) {
            return false;
        }
    }
    return true;
}

static bool
func_equal(const struct pair *pair, const struct vg_ptx_func *a,
           const struct vg_ptx_func *b)
{
    if (a->is_entry != b->is_entry || a->is_declaration != b->is_declaration ||
        a->is_parsed != b->is_parsed || a->linkage != b->linkage ||
        a->n_params != b->n_params || a->n_returns != b->n_returns ||
        a->param_size != b->param_size || a->minnctapersm != b->minnctapersm ||
        a->maxnreg != b->maxnreg || a->noreturn != b->noreturn ||
        memcmp(a->maxntid, b->maxntid, sizeof(a->maxntid)) != 0 ||
        memcmp(a->reqntid, b->reqntid, sizeof(a->reqntid)) != 0) {
        return false;
    }
    return vars_equal(pair, a->params, b->params, a->n_params) &&
           vars_equal(pair, a->returns, b->returns, a->n_returns) &&
           body_equal(pair, a, b);
}

bool
vg_ptx_module_equal(const struct vg_ptx_module *a, const struct vg_ptx_module *b)
{
    struct pair pair = { a, b };

    if (a->version_major != b->version_major || a->version_minor != b->version_minor ||
        !text_equal(a->target, b->target) || a->address_size != b->address_size ||
        a->n_vars != b->n_vars || a->n_funcs != b->n_funcs ||
        !vars_equal(&pair, a->vars, b->vars, a->n_vars)) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_vars; i++) {
        if (!text_equal(a->vars[i].name, b->vars[i].name)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_funcs; i++) {
        const struct vg_ptx_func *other = vg_ptx_find_func(b, a->funcs[i].name);
        if (other == NULL || !func_equal(&pair, &a->funcs[i], other)) {
            return false;
        }
    }
    return true;
}
