/* SPDX-License-Identifier: Apache-2.0 */

/*
 * symtab - the names of a function's body: scopes, registers, ranges of registers,
 * variables.
 *
 * %r<100> is one symbol, "%r", with a range; %r7 is looked up as itself and as the 7th of
 * "%r", and the inner declaration of the two wins.
 */
#include "ptx/body.h"

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RENAMED 64u /* bytes that a new name may add to an old one */
#define MAX_REUSE   8u  /* free bindings that are looked at */

/* A name cut into prefix and number. */
struct split {
    uint32_t prefix_size;
    uint32_t number;
    bool has_number; /* ends in digits that a range can stand for */
};

static struct split
split_name(const char *text, size_t size)
{
    struct split split = { .prefix_size = (uint32_t)size };
    uint64_t number = 0;
    size_t digits = 0;

    while (digits < size && digits < 9 && text[size - 1 - digits] >= '0' &&
           text[size - 1 - digits] <= '9') {
        digits++;
    }
    /* %r07 is no name of a range, but 7 behind %r0 is */
    while (digits > 1 && text[size - digits] == '0') {
        digits--;
    }
    if (digits == 0 || digits == size) {
        return split;
    }
    for (size_t i = size - digits; i < size; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    split.prefix_size = (uint32_t)(size - digits);
    split.number = (uint32_t)number;
    split.has_number = true;
    return split;
}

static uint32_t
symbol_slot(const struct body *body, const char *text, size_t size, uint32_t hash)
{
    uint32_t mask = body->n_symbol_slots - 1;
    uint32_t at = hash & mask;

    for (;;) {
        const struct symbol *symbol = body->symbols[at];
        if (symbol == NULL || (symbol->hash == hash && symbol->size == size &&
                               memcmp(symbol->text, text, size) == 0)) {
            return at;
        }
        at = (at + 1) & mask;
    }
}

static struct symbol *
find_symbol(const struct body *body, const char *text, size_t size)
{
    if (body->n_symbol_slots == 0) {
        return NULL;
    }
    return body->symbols[symbol_slot(body, text, size, hash_bytes(text, size))];
}

static int
grow_symbols(struct body *body)
{
    uint32_t n_old = body->n_symbol_slots;
    struct symbol **old = body->symbols;

    body->n_symbol_slots = n_old == 0 ? 128 : 2 * n_old;
    body->symbols = calloc(body->n_symbol_slots, sizeof(struct symbol *));
    if (body->symbols == NULL) {
        body->symbols = old;
        body->n_symbol_slots = n_old;
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i] != NULL) {
            body->symbols[symbol_slot(body, old[i]->text, old[i]->size, old[i]->hash)] =
                old[i];
        }
    }
    free(old);
    return 0;
}

/* Finds or makes a symbol; NULL when memory has run out. @text must live on. */
static struct symbol *
get_symbol(struct body *body, const char *text, size_t size)
{
    struct symbol *symbol = find_symbol(body, text, size);

    if (symbol != NULL) {
        return symbol;
    }
    if (2 * body->n_symbols >= body->n_symbol_slots && grow_symbols(body) != 0) {
        return NULL;
    }
    symbol = vg_arena_alloc(body->scratch, sizeof(*symbol));
    if (symbol == NULL) {
        return NULL;
    }
    symbol->text = text;
    symbol->size = (uint32_t)size;
    symbol->hash = hash_bytes(text, size);
    body->symbols[symbol_slot(body, text, size, symbol->hash)] = symbol;
    body->n_symbols++;
    return symbol;
}

/* Whether something in the function or the module already has this name. */
static bool
is_name_taken(const struct body *body, const char *text, size_t size)
{
    struct split split = split_name(text, size);
    const struct symbol *symbol = find_symbol(body, text, size);
    uint32_t ignored;

    if (symbol != NULL && symbol->is_taken) {
        return true;
    }
    if (split.has_number) {
        symbol = find_symbol(body, text, split.prefix_size);
        if (symbol != NULL && symbol->range > split.number) {
            return true;
        }
    }
    return vg_ptx_index_find(module_index(body->module), text, size, &ignored) !=
           NAME_NONE;
}

/* Marks the name as taken. */
static bool
take_name(struct body *body, const char *text, size_t size)
{
    struct split split = split_name(text, size);
    struct symbol *symbol = get_symbol(body, text, size);
    struct symbol *prefix =
        split.has_number ? get_symbol(body, text, split.prefix_size) : symbol;

    if (symbol == NULL || prefix == NULL) {
        return false;
    }
    symbol->is_taken = true;
    prefix->has_digits = prefix->has_digits || split.has_number;
    return true;
}

/* Gives a declaration its name in the flat function. Return: NULL: no memory. */
static const char *
unique_name(struct body *body, struct symbol *symbol)
{
    struct vg_arena *arena = body->module->arena;
    char *name;
    size_t size = symbol->size;

    if (!is_name_taken(body, symbol->text, size)) {
        return take_name(body, symbol->text, size)
                   ? vg_arena_strndup(arena, symbol->text, size)
                   : NULL;
    }
    name = vg_arena_alloc(arena, size + MAX_RENAMED);
    if (name == NULL) {
        return NULL;
    }
    memcpy(name, symbol->text, size);
    do {
        size = symbol->size + (size_t)snprintf(name + symbol->size, MAX_RENAMED, "$%u",
                                               ++symbol->renames);
    } while (is_name_taken(body, name, size));
    return take_name(body, name, size) ? name : NULL;
}

static bool
is_prefix_taken(const struct body *body, const char *text, size_t size)
{
    const struct symbol *symbol = find_symbol(body, text, size);

    return symbol != NULL && (symbol->range > 0 || symbol->has_digits);
}

/* Gives a range its prefix in the flat function. Return: NULL: no memory. */
static const char *
unique_prefix(struct body *body, struct symbol *symbol, uint32_t count)
{
    char *name = vg_arena_alloc(body->scratch, symbol->size + MAX_RENAMED);
    size_t size = symbol->size;
    struct symbol *prefix;

    if (name == NULL) {
        return NULL;
    }
    memcpy(name, symbol->text, size);
    while (is_prefix_taken(body, name, size)) {
        size = symbol->size + (size_t)snprintf(name + symbol->size, MAX_RENAMED, "$%u_",
                                               ++symbol->renames);
    }
    prefix = get_symbol(body, name, size);
    if (prefix == NULL) {
        return NULL;
    }
    prefix->range = count;
    return name;
}

/* Makes @binding what its symbol stands for from here on. */
static void
bind(struct body *body, struct binding *binding)
{
    struct binding **top = binding->kind == BINDING_RANGE ? &binding->symbol->top_range
                                                          : &binding->symbol->top;

    binding->depth = body->depth;
    binding->outer = *top;
    *top = binding;
    binding->next = body->scope_bindings[body->depth];
    body->scope_bindings[body->depth] = binding;
}

static struct binding *
new_binding(struct body *body, struct symbol *symbol, enum binding_kind kind)
{
    struct binding *binding = vg_arena_alloc(body->scratch, sizeof(*binding));

    if (binding != NULL) {
        binding->symbol = symbol;
        binding->kind = (uint8_t)kind;
    }
    return binding;
}

/* Takes a register or range of an ended scope that has the wanted shape. */
static struct binding *
reuse_binding(struct symbol *symbol, enum binding_kind kind, enum vg_ptx_type type,
              uint8_t vector, uint32_t count)
{
    struct binding **at = &symbol->free;

    for (unsigned i = 0; i < MAX_REUSE && *at != NULL; i++) {
        struct binding *binding = *at;
        if (binding->kind == kind && binding->type == type && binding->vector == vector &&
            binding->count == count) {
            *at = binding->outer;
            return binding;
        }
        at = &binding->outer;
    }
    return NULL;
}

static int
fail_twice(struct body *body, const struct token *token)
{
    return vg_ptx_fail_at(&body->lexer, VG_PTX_SYNTAX, token->text,
                          "'%.*s' is declared twice",
                          token->size < 100 ? (int)token->size : 100, token->text);
}

/* Adds @binding->count registers. */
static int
add_regs(struct body *body, const struct token *token, struct binding *binding)
{
    if (binding->count > VG_PTX_MAX_REGS - body->regs.count) {
        return vg_ptx_fail_at(&body->lexer, VG_PTX_LIMIT, token->text,
                              "more than %u registers in a function", VG_PTX_MAX_REGS);
    }
    binding->index = (uint32_t)body->regs.count;
    return vg_ptx_grow_add(&body->regs, sizeof(struct vg_ptx_reg), binding->count) == NULL
               ? -ENOMEM
               : 0;
}

static void
set_reg(struct body *body, const struct binding *binding, uint32_t number,
        const char *name)
{
    struct vg_ptx_reg *regs = body->regs.items;

    regs[binding->index + number] =
        (struct vg_ptx_reg){ name, (enum vg_ptx_type)binding->type, binding->vector };
}

int
vg_ptx_symtab_reg(struct body *body, const struct token *name, enum vg_ptx_type type,
                  uint8_t vector, uint32_t *out_reg)
{
    struct symbol *symbol = get_symbol(body, name->text, name->size);
    struct binding *binding;
    const char *unique;
    int r;

    if (symbol == NULL) {
        return -ENOMEM;
    }
    if (symbol->top != NULL && symbol->top->depth == body->depth) {
        return fail_twice(body, name);
    }
    binding = reuse_binding(symbol, BINDING_REG, type, vector, 1);
    if (binding == NULL) {
        binding = new_binding(body, symbol, BINDING_REG);
        if (binding == NULL) {
            return -ENOMEM;
        }
        binding->type = (uint8_t)type;
        binding->vector = vector;
        binding->count = 1;
        r = add_regs(body, name, binding);
        if (r != 0) {
            return r;
        }
        unique = unique_name(body, symbol);
        if (unique == NULL) {
            return -ENOMEM;
        }
        set_reg(body, binding, 0, unique);
    }
    bind(body, binding);
    *out_reg = binding->index;
    return 0;
}

static char *
write_number(char *at, uint32_t number)
{
    char digits[10];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (n > 0) {
        *at++ = digits[--n];
    }
    *at++ = '\0';
    return at;
}

/* The registers of a new range, with their names in one piece. */
static int
fill_range(struct body *body, const struct token *token, struct binding *binding)
{
    const char *prefix;
    char *names;
    size_t size;
    int r = add_regs(body, token, binding);

    if (r != 0) {
        return r;
    }
    prefix = unique_prefix(body, binding->symbol, binding->count);
    if (prefix == NULL) {
        return -ENOMEM;
    }
    size = strlen(prefix);
    names = vg_arena_array(body->module->arena, binding->count, size + 8);
    if (names == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < binding->count; i++) {
        set_reg(body, binding, i, names);
        memcpy(names, prefix, size);
        names = write_number(names + size, i);
    }
    return 0;
}

/* r1<10> is r10 to r19, which look like the 10th of r<...>: each for itself */
static int
declare_each(struct body *body, const struct token *prefix, enum vg_ptx_type type,
             uint8_t vector, uint32_t count)
{
    int r = 0;

    for (uint32_t i = 0; i < count && r == 0; i++) {
        struct token name = *prefix;
        uint32_t ignored;
        char *text = vg_arena_alloc(body->scratch, prefix->size + MAX_RENAMED);
        if (text == NULL) {
            return -ENOMEM;
        }
        memcpy(text, prefix->text, prefix->size);
        name.size = (uint32_t)(write_number(text + prefix->size, i) - text) - 1;
        name.text = text;
        r = vg_ptx_symtab_reg(body, &name, type, vector, &ignored);
    }
    return r;
}

int
vg_ptx_symtab_range(struct body *body, const struct token *prefix, enum vg_ptx_type type,
                    uint8_t vector, uint32_t count)
{
    if (char_is(prefix->text[prefix->size - 1], CHAR_DIGIT)) {
        return declare_each(body, prefix, type, vector, count);
    }
    struct symbol *symbol = get_symbol(body, prefix->text, prefix->size);
    struct binding *binding;
    int r;

    if (symbol == NULL) {
        return -ENOMEM;
    }
    if (symbol->top_range != NULL && symbol->top_range->depth == body->depth) {
        return fail_twice(body, prefix);
    }
    binding = reuse_binding(symbol, BINDING_RANGE, type, vector, count);
    if (binding == NULL) {
        binding = new_binding(body, symbol, BINDING_RANGE);
        if (binding == NULL) {
            return -ENOMEM;
        }
        binding->type = (uint8_t)type;
        binding->vector = vector;
        binding->count = count;
        r = fill_range(body, prefix, binding);
        if (r != 0) {
            return r;
        }
    }
    bind(body, binding);
    return 0;
}

static bool
is_same_shape(const struct body *body, uint32_t index, const struct vg_ptx_var *var)
{
    const struct vg_ptx_var *old = (const struct vg_ptx_var *)body->vars.items + index;

    return old->space == var->space && old->type == var->type && old->size == var->size &&
           old->align == var->align && old->vector == var->vector &&
           old->n_dims == var->n_dims && old->n_dims <= 1;
}

/* A .param variable of an ended scope that a new declaration may use again. */
static struct binding *
reuse_var(struct body *body, struct symbol *symbol, const struct vg_ptx_var *var)
{
    struct binding **at = &symbol->free;

    for (unsigned i = 0; i < MAX_REUSE && *at != NULL; i++) {
        struct binding *binding = *at;
        if (binding->kind == BINDING_VAR && is_same_shape(body, binding->index, var)) {
            *at = binding->outer;
            return binding;
        }
        at = &binding->outer;
    }
    return NULL;
}

int
vg_ptx_symtab_var(struct body *body, const struct token *token,
                  const struct vg_ptx_var *var)
{
    struct symbol *symbol = get_symbol(body, token->text, token->size);
    struct binding *binding;
    struct vg_ptx_var *kept;

    if (symbol == NULL) {
        return -ENOMEM;
    }
    if (symbol->top != NULL && symbol->top->depth == body->depth) {
        return fail_twice(body, token);
    }
    binding = reuse_var(body, symbol, var);
    if (binding == NULL) {
        if (body->vars.count == VG_PTX_MAX_VARS) {
            return vg_ptx_fail_at(&body->lexer, VG_PTX_LIMIT, token->text,
                                  "more than %u variables in a function",
                                  VG_PTX_MAX_VARS);
        }
        binding = new_binding(body, symbol, BINDING_VAR);
        if (binding == NULL) {
            return -ENOMEM;
        }
        binding->index = (uint32_t)body->vars.count;
        binding->scope = VG_PTX_SCOPE_FUNC;
        kept = vg_ptx_grow_add(&body->vars, sizeof(*kept), 1);
        if (kept == NULL) {
            return -ENOMEM;
        }
        *kept = *var;
        kept->name = unique_name(body, symbol);
        if (kept->name == NULL) {
            return -ENOMEM;
        }
    }
    bind(body, binding);
    return 0;
}

int
vg_ptx_symtab_param(struct body *body, const struct vg_ptx_var *param,
                    enum vg_ptx_scope scope, uint32_t index)
{
    size_t size = strlen(param->name);
    struct symbol *symbol = get_symbol(body, param->name, size);
    struct binding *binding;

    if (symbol == NULL || !take_name(body, param->name, size)) {
        return -ENOMEM;
    }
    if (symbol->top != NULL) {
        return vg_ptx_fail_at(&body->lexer, VG_PTX_SYNTAX, body->func->body,
                              "parameter '%.100s' is declared twice", param->name);
    }
    binding = new_binding(body, symbol, BINDING_VAR);
    if (binding == NULL) {
        return -ENOMEM;
    }
    binding->scope = (uint8_t)scope;
    binding->index = index;
    bind(body, binding);
    return 0;
}

struct resolved
vg_ptx_symtab_find(struct body *body, const char *text, size_t size)
{
    struct split split = split_name(text, size);
    const struct symbol *symbol = find_symbol(body, text, size);
    const struct binding *found = symbol == NULL ? NULL : symbol->top;
    const struct binding *range = NULL;
    uint32_t number;

    if (split.has_number) {
        symbol = find_symbol(body, text, split.prefix_size);
        range = symbol == NULL ? NULL : symbol->top_range;
        while (range != NULL && split.number >= range->count) {
            range = range->outer;
        }
    }
    if (range != NULL && (found == NULL || found->depth < range->depth)) {
        return (struct resolved){ RESOLVED_REG, range->index + split.number, 0 };
    }
    if (found != NULL) {
        return (struct resolved){ found->kind == BINDING_VAR ? RESOLVED_VAR
                                                             : RESOLVED_REG,
                                  found->index, found->scope };
    }
    switch (vg_ptx_index_find(module_index(body->module), text, size, &number)) {
    case NAME_VAR:
        return (struct resolved){ RESOLVED_VAR, number, VG_PTX_SCOPE_MODULE };
    case NAME_FUNC:
        return (struct resolved){ RESOLVED_FUNC, number, 0 };
    case NAME_NONE:
        break;
    }
    return (struct resolved){ RESOLVED_NONE, 0, 0 };
}

int
vg_ptx_scope_begin(struct body *body)
{
    uint32_t *parent;

    if (body->depth == VG_PTX_MAX_DEPTH) {
        return vg_ptx_fail_at(&body->lexer, VG_PTX_LIMIT, body->lexer.token.text,
                              "more than %u nested scopes", VG_PTX_MAX_DEPTH);
    }
    parent = vg_ptx_grow_add(&body->scope_parents, sizeof(*parent), 1);
    if (parent == NULL) {
        return -ENOMEM;
    }
    *parent = body->scope_ids[body->depth];
    body->depth++;
    body->scope_ids[body->depth] = (uint32_t)body->scope_parents.count - 1;
    body->scope_bindings[body->depth] = NULL;
    return 0;
}

void
vg_ptx_scope_end(struct body *body)
{
    const struct vg_ptx_var *vars = body->vars.items;

    for (struct binding *binding = body->scope_bindings[body->depth]; binding != NULL;) {
        struct binding *next = binding->next;
        struct symbol *symbol = binding->symbol;
        if (binding->kind == BINDING_RANGE) {
            symbol->top_range = binding->outer;
        } else {
            symbol->top = binding->outer;
        }
        if (binding->kind != BINDING_VAR || vars[binding->index].space == VG_PTX_PARAM) {
            binding->outer = symbol->free;
            symbol->free = binding;
        }
        binding = next;
    }
    body->depth--;
}
