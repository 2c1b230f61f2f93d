/* SPDX-License-Identifier: Apache-2.0 */

/*
 * diag - where a PTX text is wrong, and why.
 */
#include "ptx/priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies the line around @where, so that the column stays visible. */
static void
fill_source(const char *text, const char *where, struct vg_ptx_diag *diag)
{
    const char *begin = where;
    size_t size = 0;
    size_t skipped;

    while (begin > text && begin[-1] != '\n') {
        begin--;
    }
    diag->column = (uint32_t)(where - begin) + 1;
    skipped = diag->column > sizeof(diag->source) / 2
                  ? diag->column - sizeof(diag->source) / 2
                  : 0;
    begin += skipped;
    while (begin[size] != '\0' && begin[size] != '\n' &&
           size + 1 < sizeof(diag->source)) {
        /* a tab would move the caret, and control bytes do worse */
        diag->source[size] = (uint8_t)begin[size] < 0x20 ? ' ' : begin[size];
        size++;
    }
    diag->source[size] = '\0';
}

static bool
is_inside(const struct vg_ptx_module *module, const char *where)
{
    uintptr_t begin = (uintptr_t)module->text;

    return (uintptr_t)where >= begin && (uintptr_t)where <= begin + module->text_size;
}

/* The place that a diagnosis shows. Names that were made (the registers of r1<10>, .reg
 * parameters) are not in the text: they stand where the lexer is. */
static const char *
place_in_text(const struct lexer *lexer, const char *where)
{
    if (is_inside(lexer->module, where)) {
        return where;
    }
    return is_inside(lexer->module, lexer->token.text) ? lexer->token.text : lexer->at;
}

static int __attribute__((format(printf, 4, 0)))
fail_va(struct lexer *lexer, int condition, const char *where, const char *format,
        va_list args)
{
    struct vg_ptx_diag *diag = lexer->diag;
    const char *text = lexer->module->text;

    if (diag == NULL) {
        return condition;
    }
    where = place_in_text(lexer, where);
    /* counted from the start: errors are rare, and lines are then right by construction
     */
    diag->line = 1;
    for (const char *at = text; at < where; at++) {
        diag->line += *at == '\n';
    }
    vsnprintf(diag->message, sizeof(diag->message), format, args);
    fill_source(text, where, diag);
    return condition;
}

int
vg_ptx_fail_at(struct lexer *lexer, int condition, const char *where, const char *format,
               ...)
{
    va_list args;

    va_start(args, format);
    fail_va(lexer, condition, where, format, args);
    va_end(args);
    return condition;
}

int
vg_ptx_fail(struct lexer *lexer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_va(lexer, VG_PTX_SYNTAX, lexer->token.text, format, args);
    va_end(args);
    return VG_PTX_SYNTAX;
}

int
vg_ptx_fail_expected(struct lexer *lexer, const char *what)
{
    const struct token *token = &lexer->token;

    if (token->kind == TOKEN_END) {
        return vg_ptx_fail(lexer, "expected %s, but the text ends", what);
    }
    if (token->kind == TOKEN_INVALID) {
        return vg_ptx_fail(lexer, "expected %s, not a character or comment like this",
                           what);
    }
    return vg_ptx_fail(lexer, "expected %s, not '%.*s'", what,
                       token->size < 60 ? (int)token->size : 60, token->text);
}

int
vg_ptx_lex_want(struct lexer *lexer, char punct)
{
    char what[] = { '\'', punct, '\'', '\0' };

    if (!lex_take(lexer, punct)) {
        return vg_ptx_fail_expected(lexer, what);
    }
    return 0;
}

int
vg_ptx_diag_format(const struct vg_ptx_diag *diag, char *buffer, size_t size)
{
    size_t skipped = diag->column > sizeof(diag->source) / 2
                         ? diag->column - sizeof(diag->source) / 2
                         : 0;

    return snprintf(buffer, size, "line %u, column %u: %s\n  %s\n  %*s\n", diag->line,
                    diag->column, diag->message, diag->source,
                    (int)(diag->column - skipped), "^");
}
