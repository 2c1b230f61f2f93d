/* SPDX-License-Identifier: Apache-2.0 */

/*
 * module - the index of a PTX module: directives, variables, functions without bodies.
 *
 * Bodies are skipped here and parsed on demand (body.c).
 */
#include "ptx/priv.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct lexer lexer;
    struct vg_ptx_module *module;
    struct grow vars, funcs;
    struct grow pending; /* symbols of initialisers */
};

static int
parse_version(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    const char *at;
    unsigned numbers[2] = { 0 };

    vg_ptx_lex_next(lexer);
    at = lexer->token.text;
    for (unsigned i = 0; i < 2; i++) {
        size_t digits = 0;
        while (digits < 3 && char_is(at[digits], CHAR_DIGIT)) {
            numbers[i] = 10 * numbers[i] + (unsigned)(at[digits++] - '0');
        }
        at += digits;
        if (digits == 0 || (i == 0 && *at++ != '.')) {
            return vg_ptx_fail_expected(lexer, "a version like 8.5");
        }
    }
    if (lexer->token.kind != TOKEN_NUMBER ||
        at != lexer->token.text + lexer->token.size) {
        return vg_ptx_fail_expected(lexer, "a version like 8.5");
    }
    if (numbers[0] < 1 || numbers[0] > 9) {
        return vg_ptx_fail(lexer, "PTX version %u.%u is not supported; 1.0 to 9.9 are",
                           numbers[0], numbers[1]);
    }
    parser->module->version_major = (uint16_t)numbers[0];
    parser->module->version_minor = (uint16_t)numbers[1];
    vg_ptx_lex_next(lexer);
    return 0;
}

static int
parse_target(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    struct vg_ptx_module *module = parser->module;
    int r;

    vg_ptx_lex_next(lexer);
    do {
        bool is_sm = lexer->token.kind == TOKEN_IDENT && lexer->token.size > 3 &&
                     memcmp(lexer->token.text, "sm_", 3) == 0;
        const char *name;
        if (!is_sm && module->target == NULL) {
            return vg_ptx_fail_expected(lexer, "a target like sm_80");
        }
        r = vg_ptx_decl_name(lexer, &name);
        if (r != 0) {
            return r;
        }
        if (is_sm && module->target == NULL) {
            char *end;
            unsigned long sm = strtoul(name + 3, &end, 10);
            if (end == name + 3 || sm > 9999 || strlen(end) > 1) {
                return vg_ptx_fail(lexer, "unknown target '%.60s'", name);
            }
            module->target = name;
            module->target_sm = (uint32_t)sm;
        }
    } while (lex_take(lexer, ','));
    return 0;
}

static int
parse_address_size(struct parser *parser)
{
    uint64_t size;
    int r;

    vg_ptx_lex_next(&parser->lexer);
    r = vg_ptx_decl_uint(&parser->lexer, 64, &size);
    if (r == 0 && size != 32 && size != 64) {
        r = vg_ptx_fail_expected(&parser->lexer, "an address size of 32 or 64");
    }
    if (r == 0) {
        parser->module->address_size = (uint8_t)size;
    }
    return r;
}

static bool
take_linkage(struct lexer *lexer, enum vg_ptx_linkage *out)
{
    static const char *const words[] = {
        [VG_PTX_EXTERN] = ".extern",
        [VG_PTX_VISIBLE] = ".visible",
        [VG_PTX_WEAK] = ".weak",
        [VG_PTX_COMMON] = ".common",
    };

    for (unsigned i = VG_PTX_EXTERN; i <= VG_PTX_COMMON; i++) {
        if (vg_ptx_lex_is_word(lexer, words[i])) {
            *out = (enum vg_ptx_linkage)i;
            vg_ptx_lex_next(lexer);
            return true;
        }
    }
    return false;
}

/* An extern that was declared before may be declared again or defined. */
static int
add_var(struct parser *parser, const struct vg_ptx_var *var, const char *where)
{
    struct index *index = module_index(parser->module);
    uint32_t number;

    switch (vg_ptx_index_find(index, var->name, strlen(var->name), &number)) {
    case NAME_FUNC:
        return vg_ptx_fail_at(&parser->lexer, VG_PTX_SYNTAX, where,
                              "'%.100s' is a function already", var->name);
    case NAME_VAR: {
        struct vg_ptx_var *old = (struct vg_ptx_var *)parser->vars.items + number;
        if (old->linkage != VG_PTX_EXTERN && var->linkage != VG_PTX_EXTERN) {
            return vg_ptx_fail_at(&parser->lexer, VG_PTX_SYNTAX, where,
                                  "'%.100s' is defined twice", var->name);
        }
        if (var->linkage != VG_PTX_EXTERN) {
            *old = *var;
        }
        return 0;
    }
    case NAME_NONE:
        break;
    }
    if (parser->vars.count == VG_PTX_MAX_SYMBOLS) {
        return vg_ptx_fail_at(&parser->lexer, VG_PTX_LIMIT, where, "too many variables");
    }
    number = (uint32_t)parser->vars.count;
    struct vg_ptx_var *kept = vg_ptx_grow_add(&parser->vars, sizeof(*kept), 1);
    if (kept == NULL) {
        return -ENOMEM;
    }
    *kept = *var;
    return vg_ptx_index_add(index, var->name, NAME_VAR, number);
}

/* .global .align 4 .b8 name[16] = {...}, name2; */
static int
parse_vars(struct parser *parser, enum vg_ptx_linkage linkage)
{
    struct lexer *lexer = &parser->lexer;
    struct decl decl;
    int r = vg_ptx_decl_parse(lexer, &decl);

    if (r != 0) {
        return r;
    }
    if (decl.space != VG_PTX_GLOBAL && decl.space != VG_PTX_CONST &&
        decl.space != VG_PTX_SHARED) {
        return vg_ptx_fail(lexer,
                           "only .global, .const and .shared variables stand here");
    }
    do {
        struct vg_ptx_var var = { .linkage = linkage };
        const char *where = lexer->token.text;
        r = vg_ptx_decl_var(lexer, &decl, &var);
        if (r == 0 && lex_is(lexer, '=')) {
            r = vg_ptx_init_parse(lexer, &var, &parser->pending);
        }
        if (r == 0 && linkage == VG_PTX_EXTERN && var.is_array && var.dims[0] == 0) {
            var.is_unsized = true; /* x[0] is x[] */
        }
        if (r == 0 && var.is_unsized && linkage != VG_PTX_EXTERN) {
            r = vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "'%.100s' has no size",
                               var.name);
        }
        if (r == 0) {
            r = add_var(parser, &var, where);
        }
        if (r != 0) {
            return r;
        }
    } while (lex_take(lexer, ','));
    return vg_ptx_lex_want(lexer, ';');
}

/* Gives each parameter its place (5.1.6.1). Return: the size of the block. */
static uint64_t
place_params(struct vg_ptx_var *params, size_t count)
{
    uint64_t offset = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t align = params[i].align > 0 ? params[i].align : 1;
        offset = (offset + align - 1) & ~(align - 1);
        params[i].offset = offset;
        offset += params[i].size;
    }
    return offset;
}

/* (.param .u64 a, .reg .b32 %x) */
static int
parse_params(struct parser *parser, struct vg_ptx_var **out, uint32_t *out_count,
             uint64_t *out_size)
{
    struct lexer *lexer = &parser->lexer;
    struct grow params = { 0 };
    void *kept;
    int r = 0;

    vg_ptx_lex_next(lexer); /* ( */
    while (r == 0 && !lex_is(lexer, ')')) {
        struct decl decl;
        struct vg_ptx_var *param = vg_ptx_grow_add(&params, sizeof(*param), 1);
        if (param == NULL) {
            r = -ENOMEM;
        } else if (params.count > VG_PTX_MAX_PARAMS) {
            r = vg_ptx_fail_at(lexer, VG_PTX_LIMIT, lexer->token.text,
                               "more than %u parameters", VG_PTX_MAX_PARAMS);
        } else if (!vg_ptx_lex_is_word(lexer, ".param") &&
                   !vg_ptx_lex_is_word(lexer, ".reg")) {
            r = vg_ptx_fail_expected(lexer, "a parameter");
        } else {
            r = vg_ptx_decl_parse(lexer, &decl);
        }
        if (r == 0) {
            r = vg_ptx_decl_var(lexer, &decl, param);
        }
        if (r == 0 && !lex_is(lexer, ')')) {
            r = vg_ptx_lex_want(lexer, ',');
        }
    }
    if (r != 0) {
        free(params.items);
        return r;
    }
    vg_ptx_lex_next(lexer);
    *out_count = (uint32_t)params.count;
    *out_size = place_params(params.items, params.count);
    if (!vg_ptx_grow_keep(&params, sizeof(struct vg_ptx_var), parser->module->arena,
                          &kept)) {
        return -ENOMEM;
    }
    *out = kept;
    return 0;
}

/* 128, 1, 1: sizes of a block are at least 1 */
static int
parse_triple(struct lexer *lexer, uint64_t least, uint32_t out[3])
{
    unsigned count = 0;

    out[0] = out[1] = out[2] = 1;
    do {
        uint64_t value = 0;
        if (count == 3) {
            return vg_ptx_fail(lexer, "more than three numbers");
        }
        const char *where = lexer->token.text;
        int r = vg_ptx_decl_uint(lexer, UINT32_MAX, &value);
        if (r == 0 && value < least) {
            r = vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "a block of no threads");
        }
        if (r != 0) {
            return r;
        }
        out[count++] = (uint32_t)value;
    } while (lex_take(lexer, ','));
    return 0;
}

/* One performance directive (11.4). Those that we have no use for are read and dropped.
 */
static int
parse_directive(struct lexer *lexer, struct vg_ptx_func *func)
{
    uint32_t ignored[3] = { 0 };
    uint32_t *numbers = ignored;
    bool is_skipped;
    int r = vg_ptx_decl_skip_debug(lexer, &is_skipped);

    if (r != 0 || is_skipped) {
        return r;
    }
    if (vg_ptx_lex_is_word(lexer, ".maxntid")) {
        numbers = func->maxntid;
    } else if (vg_ptx_lex_is_word(lexer, ".reqntid")) {
        numbers = func->reqntid;
    } else if (vg_ptx_lex_is_word(lexer, ".noreturn")) {
        func->noreturn = true;
    } else if (vg_ptx_lex_is_word(lexer, ".attribute")) {
        struct decl decl;
        return vg_ptx_decl_attribute(lexer, &decl);
    }
    bool is_minnctapersm = vg_ptx_lex_is_word(lexer, ".minnctapersm");
    bool is_maxnreg = vg_ptx_lex_is_word(lexer, ".maxnreg");
    vg_ptx_lex_next(lexer);
    if (lexer->token.kind != TOKEN_NUMBER) {
        return numbers != ignored || is_minnctapersm || is_maxnreg
                   ? vg_ptx_fail_expected(lexer, "an integer")
                   : 0;
    }
    r = parse_triple(lexer, numbers == ignored ? 0 : 1, numbers);
    if (r == 0 && is_minnctapersm) {
        func->minnctapersm = ignored[0];
    }
    if (r == 0 && is_maxnreg) {
        func->maxnreg = ignored[0];
    }
    return r;
}

/* The body, or the semicolon of a declaration. */
static int
parse_body_range(struct parser *parser, struct vg_ptx_func *func)
{
    struct lexer *lexer = &parser->lexer;
    const char *begin = lexer->token.text;

    func->body_line = lexer->token.line;
    if (lex_take(lexer, ';')) {
        func->is_declaration = true;
        return 0;
    }
    if (!lex_is(lexer, '{')) {
        return vg_ptx_fail_expected(lexer, func->is_entry ? "'{'" : "'{' or ';'");
    }
    if (!vg_ptx_lex_skip_braces(lexer)) {
        return vg_ptx_fail(lexer, "this '{' is not closed");
    }
    func->body = begin;
    func->body_size = (size_t)(lexer->at - begin);
    vg_ptx_lex_next(lexer);
    return 0;
}

static int
add_func(struct parser *parser, const struct vg_ptx_func *func, const char *where)
{
    struct index *index = module_index(parser->module);
    uint32_t number;

    switch (vg_ptx_index_find(index, func->name, strlen(func->name), &number)) {
    case NAME_VAR:
        return vg_ptx_fail_at(&parser->lexer, VG_PTX_SYNTAX, where,
                              "'%.100s' is a variable already", func->name);
    case NAME_FUNC: {
        struct vg_ptx_func *old = (struct vg_ptx_func *)parser->funcs.items + number;
        if (!old->is_declaration && !func->is_declaration) {
            return vg_ptx_fail_at(&parser->lexer, VG_PTX_SYNTAX, where,
                                  "'%.100s' is defined twice", func->name);
        }
        if (old->n_params != func->n_params || old->n_returns != func->n_returns ||
            old->is_entry != func->is_entry) {
            return vg_ptx_fail_at(&parser->lexer, VG_PTX_SYNTAX, where,
                                  "'%.100s' was declared otherwise in line %u",
                                  func->name, old->line);
        }
        if (!func->is_declaration) {
            *old = *func;
        }
        return 0;
    }
    case NAME_NONE:
        break;
    }
    if (parser->funcs.count == VG_PTX_MAX_SYMBOLS) {
        return vg_ptx_fail_at(&parser->lexer, VG_PTX_LIMIT, where, "too many functions");
    }
    number = (uint32_t)parser->funcs.count;
    struct vg_ptx_func *kept = vg_ptx_grow_add(&parser->funcs, sizeof(*kept), 1);
    if (kept == NULL) {
        return -ENOMEM;
    }
    *kept = *func;
    return vg_ptx_index_add(index, func->name, NAME_FUNC, number);
}

/* .entry name (params) directives body; .func (results) name (params) ... */
static int
parse_func(struct parser *parser, enum vg_ptx_linkage linkage)
{
    struct lexer *lexer = &parser->lexer;
    struct vg_ptx_func func = { .linkage = linkage, .line = lexer->token.line };
    uint64_t ignored;
    int r = 0;

    func.is_entry = vg_ptx_lex_is_word(lexer, ".entry");
    vg_ptx_lex_next(lexer);
    while (r == 0 && !func.is_entry && lexer->token.kind == TOKEN_DOT) {
        r = parse_directive(lexer, &func); /* .attribute(...) */
    }
    if (r == 0 && !func.is_entry && lex_is(lexer, '(')) {
        r = parse_params(parser, &func.returns, &func.n_returns, &ignored);
    }
    const char *where = lexer->token.text;
    if (r == 0) {
        r = vg_ptx_decl_name(lexer, &func.name);
    }
    if (r == 0 && lex_is(lexer, '(')) {
        r = parse_params(parser, &func.params, &func.n_params, &func.param_size);
    }
    while (r == 0 && lexer->token.kind == TOKEN_DOT) {
        r = parse_directive(lexer, &func);
    }
    if (r == 0) {
        r = parse_body_range(parser, &func);
    }
    return r == 0 ? add_func(parser, &func, where) : r;
}

/* .alias a, b; (10.1.5): a, declared before, is what b is */
static int
parse_alias(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    struct vg_ptx_func *funcs = parser->funcs.items;
    uint32_t numbers[2];
    int r;

    vg_ptx_lex_next(lexer);
    for (unsigned i = 0; i < 2; i++) {
        if (lexer->token.kind != TOKEN_IDENT ||
            vg_ptx_index_find(module_index(parser->module), lexer->token.text,
                              lexer->token.size, &numbers[i]) != NAME_FUNC) {
            return vg_ptx_fail_expected(lexer, "a function that was declared");
        }
        vg_ptx_lex_next(lexer);
        r = vg_ptx_lex_want(lexer, i == 0 ? ',' : ';');
        if (r != 0) {
            return r;
        }
    }
    struct vg_ptx_func *alias = &funcs[numbers[0]];
    const char *name = alias->name;
    enum vg_ptx_linkage linkage = alias->linkage;
    *alias = funcs[numbers[1]];
    alias->name = name;
    alias->linkage = linkage;
    return 0;
}

static int
parse_item(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    enum vg_ptx_linkage linkage = VG_PTX_LOCAL_LINKAGE;
    bool is_skipped;
    int r = vg_ptx_decl_skip_debug(lexer, &is_skipped);

    if (r != 0 || is_skipped) {
        return r;
    }
    if (vg_ptx_lex_is_word(lexer, ".version")) {
        return parse_version(parser);
    }
    if (vg_ptx_lex_is_word(lexer, ".target")) {
        return parse_target(parser);
    }
    if (vg_ptx_lex_is_word(lexer, ".address_size")) {
        return parse_address_size(parser);
    }
    if (vg_ptx_lex_is_word(lexer, ".alias")) {
        return parse_alias(parser);
    }
    while (take_linkage(lexer, &linkage)) {
    }
    if (vg_ptx_lex_is_word(lexer, ".entry") || vg_ptx_lex_is_word(lexer, ".func")) {
        return parse_func(parser, linkage);
    }
    if (vg_ptx_decl_space(lexer) != VG_PTX_GENERIC) {
        return parse_vars(parser, linkage);
    }
    return vg_ptx_fail_expected(lexer, "a directive");
}

static int
parse_items(struct parser *parser)
{
    struct vg_ptx_module *module = parser->module;
    struct lexer *lexer = &parser->lexer;
    void *kept;
    int r = 0;

    while (r == 0 && lexer->token.kind != TOKEN_END) {
        r = parse_item(parser);
    }
    if (r == 0 && module->target == NULL) {
        r = vg_ptx_fail(lexer, "no .target");
    }
    if (r == 0) {
        r = vg_ptx_init_resolve(lexer, &parser->pending);
    }
    if (r != 0) {
        return r;
    }
    module->n_vars = (uint32_t)parser->vars.count;
    module->n_funcs = (uint32_t)parser->funcs.count;
    if (!vg_ptx_grow_keep(&parser->vars, sizeof(struct vg_ptx_var), module->arena,
                          &kept)) {
        return -ENOMEM;
    }
    module->vars = kept;
    if (!vg_ptx_grow_keep(&parser->funcs, sizeof(struct vg_ptx_func), module->arena,
                          &kept)) {
        return -ENOMEM;
    }
    module->funcs = kept;
    return 0;
}

/* Makes an empty module with its own copy of the text. */
static int
create_module(const char *text, size_t size, struct vg_ptx_module **out)
{
    struct vg_arena *arena = vg_arena_create();
    struct vg_ptx_module *module;

    if (arena == NULL) {
        return -ENOMEM;
    }
    module = vg_arena_alloc(arena, sizeof(*module));
    if (module == NULL) {
        goto err_arena;
    }
    module->arena = arena;
    module->index = vg_arena_alloc(arena, sizeof(struct index));
    module->text = vg_arena_strndup(arena, text, size);
    if (module->index == NULL || module->text == NULL) {
        goto err_arena;
    }
    module->text_size = size;
    module->address_size = 32; /* the manual's default */
    *out = module;
    return 0;

err_arena:
    vg_arena_destroy(arena);
    return -ENOMEM;
}

int
vg_ptx_module_parse(const char *text, size_t size, struct vg_ptx_module **out,
                    struct vg_ptx_diag *out_diag)
{
    struct parser parser = { 0 };
    struct vg_ptx_module *module;
    int r;

    size = strnlen(text, size);
    if (size > VG_PTX_MAX_TEXT) {
        if (out_diag != NULL) {
            *out_diag = (struct vg_ptx_diag){ .message = "the text is too large" };
        }
        return VG_PTX_LIMIT;
    }
    r = create_module(text, size, &module);
    if (r != 0) {
        return r;
    }
    parser.module = module;
    parser.lexer = (struct lexer){ .at = module->text,
                                   .end = module->text + size,
                                   .line = 1,
                                   .module = module,
                                   .diag = out_diag };
    vg_ptx_lex_next(&parser.lexer);
    r = vg_ptx_lex_is_word(&parser.lexer, ".version") ? parse_items(&parser)
                                                      : VG_PTX_NOT_PTX;
    free(parser.vars.items);
    free(parser.funcs.items);
    free(parser.pending.items);
    if (r != 0) {
        vg_ptx_module_destroy(module);
        return r;
    }
    *out = module;
    return 0;
}

void
vg_ptx_module_destroy(struct vg_ptx_module *module)
{
    if (module == NULL) {
        return;
    }
    free(module_index(module)->slots);
    vg_arena_destroy(module->arena);
}

struct vg_ptx_func *
vg_ptx_find_func(const struct vg_ptx_module *module, const char *name)
{
    uint32_t number;

    return vg_ptx_index_find(module_index(module), name, strlen(name), &number) ==
                   NAME_FUNC
               ? &module->funcs[number]
               : NULL;
}

struct vg_ptx_var *
vg_ptx_find_var(const struct vg_ptx_module *module, const char *name)
{
    uint32_t number;

    return vg_ptx_index_find(module_index(module), name, strlen(name), &number) ==
                   NAME_VAR
               ? &module->vars[number]
               : NULL;
}
