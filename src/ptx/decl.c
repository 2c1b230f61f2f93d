/* SPDX-License-Identifier: Apache-2.0 */

/*
 * decl - declarations of variables and parameters (PTX ISA 5.4), and what is skipped.
 */
#include "ptx/priv.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

int
vg_ptx_decl_name(struct lexer *lexer, const char **out)
{
    const struct token *token = &lexer->token;

    if (token->kind != TOKEN_IDENT) {
        return vg_ptx_fail_expected(lexer, "a name");
    }
    if (token->size > VG_PTX_MAX_NAME) {
        return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, token->text, "a name of %u bytes",
                              token->size);
    }
    *out = vg_arena_strndup(lexer->module->arena, token->text, token->size);
    if (*out == NULL) {
        return -ENOMEM;
    }
    vg_ptx_lex_next(lexer);
    return 0;
}

int
vg_ptx_decl_uint(struct lexer *lexer, uint64_t max, uint64_t *out)
{
    const char *where = lexer->token.text;
    struct number number;
    int r;

    if (lexer->token.kind != TOKEN_NUMBER && !lex_is(lexer, '(')) {
        return vg_ptx_fail_expected(lexer, "an integer");
    }
    r = vg_ptx_expr_parse(lexer, &number);
    if (r != 0) {
        return r;
    }
    if (number.is_float) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "this is no integer");
    }
    if (number.bits > max) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "%llu is more than %llu",
                              (unsigned long long)number.bits, (unsigned long long)max);
    }
    *out = number.bits;
    return 0;
}

enum vg_ptx_space
vg_ptx_decl_space(const struct lexer *lexer)
{
    static const struct {
        const char *word;
        enum vg_ptx_space space;
    } rows[] = {
        { ".reg", VG_PTX_REG },       { ".param", VG_PTX_PARAM },
        { ".global", VG_PTX_GLOBAL }, { ".shared", VG_PTX_SHARED },
        { ".const", VG_PTX_CONST },   { ".local", VG_PTX_LOCAL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (vg_ptx_lex_is_word(lexer, rows[i].word)) {
            return rows[i].space;
        }
    }
    return VG_PTX_GENERIC;
}

static int
take_align(struct lexer *lexer, uint32_t *out)
{
    uint64_t align = 0;
    int r;

    vg_ptx_lex_next(lexer);
    r = vg_ptx_decl_uint(lexer, VG_PTX_MAX_ALIGN, &align);
    if (r != 0) {
        return r;
    }
    if (align == 0 || (align & (align - 1)) != 0) {
        return vg_ptx_fail(lexer, "an alignment that is no power of two");
    }
    *out = (uint32_t)align;
    return 0;
}

/* .ptr, and the space and alignment of what it points to, which say nothing to us */
static int
take_ptr(struct lexer *lexer, struct decl *decl)
{
    uint32_t ignored;

    decl->is_ptr = true;
    vg_ptx_lex_next(lexer);
    if (vg_ptx_decl_space(lexer) != VG_PTX_GENERIC) {
        vg_ptx_lex_next(lexer);
    }
    return vg_ptx_lex_is_word(lexer, ".align") ? take_align(lexer, &ignored) : 0;
}

/* .attribute(.managed), .attribute(.unified(u, u)) */
int
vg_ptx_decl_attribute(struct lexer *lexer, struct decl *decl)
{
    unsigned depth = 0;

    vg_ptx_lex_next(lexer);
    do {
        if (lex_is(lexer, '(')) {
            depth++;
        } else if (lex_is(lexer, ')')) {
            depth--;
        } else if (depth == 0 || lexer->token.kind == TOKEN_END) {
            return vg_ptx_fail_expected(lexer, "'('");
        } else if (vg_ptx_lex_is_word(lexer, ".managed")) {
            decl->is_managed = true;
        }
        vg_ptx_lex_next(lexer);
    } while (depth > 0);
    return 0;
}

static int
take_type(struct lexer *lexer, struct decl *decl)
{
    static const char *const opaque[] = {
        [VG_PTX_TEXREF] = ".texref",
        [VG_PTX_SAMPLERREF] = ".samplerref",
        [VG_PTX_SURFREF] = ".surfref",
    };
    const struct token *token = &lexer->token;
    unsigned value;

    for (unsigned i = VG_PTX_TEXREF; i <= VG_PTX_SURFREF; i++) {
        if (vg_ptx_lex_is_word(lexer, opaque[i])) {
            decl->opaque = (uint8_t)i;
            decl->type = VG_PTX_B64;
            decl->has_type = true;
            vg_ptx_lex_next(lexer);
            return 0;
        }
    }
    switch (vg_ptx_word_find(token->text + 1, token->size - 1, &value)) {
    case WORD_TYPE:
        if (decl->has_type) {
            return vg_ptx_fail(lexer, "a second type");
        }
        decl->type = (enum vg_ptx_type)value;
        decl->has_type = true;
        break;
    case WORD_MOD:
        if (value == VG_PTX_MOD_V2 || value == VG_PTX_MOD_V4) {
            decl->vector = value == VG_PTX_MOD_V2 ? 2 : 4;
            break;
        }
        return vg_ptx_fail_expected(lexer, "a type");
    case WORD_NONE:
        return vg_ptx_fail_expected(lexer, "a type");
    }
    vg_ptx_lex_next(lexer);
    return 0;
}

int
vg_ptx_decl_parse(struct lexer *lexer, struct decl *out)
{
    int r = 0;

    *out = (struct decl){ .vector = 1, .space = vg_ptx_decl_space(lexer) };
    vg_ptx_lex_next(lexer);
    if (lex_is(lexer, '[')) { /* .const[2]: the bank, long deprecated */
        return vg_ptx_fail(lexer, "banks of constants are not supported");
    }
    while (r == 0 && lexer->token.kind == TOKEN_DOT) {
        if (vg_ptx_lex_is_word(lexer, ".align")) {
            r = take_align(lexer, &out->align);
        } else if (vg_ptx_lex_is_word(lexer, ".ptr")) {
            r = take_ptr(lexer, out);
        } else if (vg_ptx_lex_is_word(lexer, ".attribute")) {
            r = vg_ptx_decl_attribute(lexer, out);
        } else {
            r = take_type(lexer, out);
        }
    }
    if (r == 0 && !out->has_type) {
        r = vg_ptx_fail_expected(lexer, "a type");
    }
    return r;
}

/* [4][3], [] */
static int
take_dims(struct lexer *lexer, struct vg_ptx_var *var)
{
    uint64_t dims[VG_PTX_MAX_DIMS];
    uint64_t *kept;
    int r;

    while (lex_take(lexer, '[')) {
        uint64_t dim = 0;
        if (var->n_dims == VG_PTX_MAX_DIMS) {
            return vg_ptx_fail(lexer, "more than %u dimensions", VG_PTX_MAX_DIMS);
        }
        if (!lex_is(lexer, ']')) {
            r = vg_ptx_decl_uint(lexer, VG_PTX_MAX_VAR_SIZE, &dim);
            if (r != 0) {
                return r;
            }
        } else if (var->n_dims > 0) {
            return vg_ptx_fail_expected(lexer, "a size");
        } else {
            var->is_unsized = true;
        }
        r = vg_ptx_lex_want(lexer, ']');
        if (r != 0) {
            return r;
        }
        dims[var->n_dims++] = dim;
    }
    if (var->n_dims == 0) {
        return 0;
    }
    kept = vg_arena_array(lexer->module->arena, var->n_dims, sizeof(*kept));
    if (kept == NULL) {
        return -ENOMEM;
    }
    memcpy(kept, dims, var->n_dims * sizeof(*kept));
    var->dims = kept;
    var->is_array = true;
    return 0;
}

int
vg_ptx_decl_var(struct lexer *lexer, const struct decl *decl, struct vg_ptx_var *var)
{
    const char *where = lexer->token.text;
    unsigned bits = vg_ptx_type_bits(decl->type);
    int r;

    var->line = lexer->token.line;
    r = vg_ptx_decl_name(lexer, &var->name);
    if (r != 0) {
        return r;
    }
    if (bits < 8 && decl->space != VG_PTX_REG) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where,
                              "'%.60s': memory has no type .%s", var->name,
                              vg_ptx_type_name(decl->type));
    }
    var->space = decl->space;
    var->type = decl->type;
    var->vector = decl->vector;
    var->opaque = decl->opaque;
    var->is_ptr = decl->is_ptr;
    var->is_managed = decl->is_managed;
    var->size = (uint64_t)bits / 8 * decl->vector;
    var->align = decl->align != 0 ? decl->align : (uint32_t)var->size;
    r = take_dims(lexer, var);
    if (r != 0) {
        return r;
    }
    for (unsigned i = 0; i < var->n_dims; i++) {
        if (var->dims[i] > 0 && var->size > VG_PTX_MAX_VAR_SIZE / var->dims[i]) {
            return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, where, "'%.60s' is too large",
                                  var->name);
        }
        var->size *= var->dims[i];
    }
    return 0;
}

/* .file N "name" [, time, size] */
static int
skip_file(struct lexer *lexer)
{
    uint64_t ignored;
    int r = vg_ptx_decl_uint(lexer, UINT64_MAX, &ignored);

    if (r != 0) {
        return r;
    }
    if (lexer->token.kind != TOKEN_STRING) {
        return vg_ptx_fail_expected(lexer, "a string");
    }
    vg_ptx_lex_next(lexer);
    while (lex_take(lexer, ',')) {
        r = vg_ptx_decl_uint(lexer, UINT64_MAX, &ignored);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* .section .debug_info { ... } */
static int
skip_section(struct lexer *lexer)
{
    while (!lex_is(lexer, '{')) {
        if (lexer->token.kind != TOKEN_DOT && lexer->token.kind != TOKEN_IDENT) {
            return vg_ptx_fail_expected(lexer, "a section's name");
        }
        vg_ptx_lex_next(lexer);
    }
    if (!vg_ptx_lex_skip_braces(lexer)) {
        return vg_ptx_fail(lexer, "this '{' is not closed");
    }
    vg_ptx_lex_next(lexer);
    return 0;
}

/* .pragma "a", "b"; */
static int
skip_pragma(struct lexer *lexer)
{
    do {
        if (lexer->token.kind != TOKEN_STRING) {
            return vg_ptx_fail_expected(lexer, "a string");
        }
        vg_ptx_lex_next(lexer);
    } while (lex_take(lexer, ','));
    return vg_ptx_lex_want(lexer, ';');
}

int
vg_ptx_decl_skip_debug(struct lexer *lexer, bool *out_skipped)
{
    *out_skipped = true;
    if (vg_ptx_lex_is_word(lexer, ".loc")) {
        vg_ptx_lex_skip_line(lexer);
        return 0;
    }
    if (vg_ptx_lex_is_word(lexer, ".file")) {
        vg_ptx_lex_next(lexer);
        return skip_file(lexer);
    }
    if (vg_ptx_lex_is_word(lexer, ".section")) {
        vg_ptx_lex_next(lexer);
        return skip_section(lexer);
    }
    if (vg_ptx_lex_is_word(lexer, ".pragma")) {
        vg_ptx_lex_next(lexer);
        return skip_pragma(lexer);
    }
    *out_skipped = false;
    return 0;
}
