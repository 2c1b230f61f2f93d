/* SPDX-License-Identifier: Apache-2.0 */

/*
 * operand - operands of instructions (PTX ISA 6): registers, constants, addresses,
 * vectors, pairs.
 *
 * Vectors hold scalars, and an address holds scalars and vectors: nothing nests deeper.
 */
#include "ptx/body.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

static int
parse_number(struct lexer *lexer, struct vg_ptx_operand *out)
{
    struct number number;
    int r = vg_ptx_expr_parse(lexer, &number);

    if (r != 0) {
        return r;
    }
    out->kind = number.is_float ? VG_PTX_OPERAND_FLOAT : VG_PTX_OPERAND_INT;
    out->is_single = number.is_single;
    out->bits = number.bits;
    return 0;
}

/* +8, -8, +-8, +4*2 */
static int
parse_offset(struct lexer *lexer, int64_t *out)
{
    uint64_t offset = 0;

    while (lex_is(lexer, '+') || lex_is(lexer, '-')) {
        struct vg_ptx_operand number = { 0 };
        int r = parse_number(lexer, &number);
        if (r != 0) {
            return r;
        }
        if (number.kind != VG_PTX_OPERAND_INT) {
            return vg_ptx_fail(lexer, "an offset that is no integer");
        }
        offset += number.bits;
    }
    *out = (int64_t)offset;
    return 0;
}

/* .x .y .z .w, .b0 .. .b3, .h0 .h1 behind a register. Return: -1: none of these. */
static int
component_number(const struct token *token)
{
    static const char letters[] = "xyzw";

    if (token->kind != TOKEN_DOT) {
        return -1;
    }
    if (token->size == 2) {
        const char *at = memchr(letters, token->text[1], 4);
        return at == NULL ? -1 : (int)(at - letters);
    }
    if (token->size == 3 && token->text[1] == 'b' && token->text[2] >= '0' &&
        token->text[2] <= '3') {
        return 4 + token->text[2] - '0';
    }
    if (token->size == 3 && token->text[1] == 'h' &&
        (token->text[2] == '0' || token->text[2] == '1')) {
        return 8 + token->text[2] - '0';
    }
    return -1;
}

static int
parse_component(struct lexer *lexer, struct vg_ptx_operand *out)
{
    int component = component_number(&lexer->token);

    if (component < 0) {
        return vg_ptx_fail_expected(lexer, "a component");
    }
    out->component = (uint8_t)component;
    vg_ptx_lex_next(lexer);
    return 0;
}

static int
fail_unknown(struct body *body, const struct token *name)
{
    return vg_ptx_fail_at(&body->lexer, VG_PTX_SYNTAX, name->text, "unknown name '%.*s'",
                          name->size < 100 ? (int)name->size : 100, name->text);
}

/* A name that is nothing that was declared: a special register or constant. */
static int
parse_special(struct body *body, const struct token *name, struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;
    unsigned sreg, number;

    if (name->size == 7 && memcmp(name->text, "WARP_SZ", 7) == 0) {
        out->kind = VG_PTX_OPERAND_INT;
        out->bits = 32;
        return 0;
    }
    if (name->text[0] != '%' ||
        !vg_ptx_sreg_find(name->text + 1, name->size - 1, &sreg, &number)) {
        return fail_unknown(body, name);
    }
    out->kind = VG_PTX_OPERAND_SREG;
    out->sreg = (uint8_t)sreg;
    out->component = (uint8_t)number;
    return lexer->token.kind == TOKEN_DOT ? parse_component(lexer, out) : 0;
}

/* A register, or what a name stands for. */
static int
parse_name(struct body *body, struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;
    struct token name = lexer->token;
    struct resolved resolved;

    vg_ptx_lex_next(lexer);
    if (name.size == 1 && name.text[0] == '_') {
        out->kind = VG_PTX_OPERAND_SINK;
        return 0;
    }
    resolved = vg_ptx_symtab_find(body, name.text, name.size);
    switch (resolved.kind) {
    case RESOLVED_REG:
        out->kind = VG_PTX_OPERAND_REG;
        out->reg = resolved.index;
        if (lexer->token.kind == TOKEN_DOT) {
            out->kind = VG_PTX_OPERAND_COMPONENT;
            return parse_component(lexer, out);
        }
        return 0;
    case RESOLVED_VAR:
        out->kind = VG_PTX_OPERAND_VAR;
        out->scope = resolved.scope;
        out->symbol = resolved.index;
        return parse_offset(lexer, &out->offset);
    case RESOLVED_FUNC:
        out->kind = VG_PTX_OPERAND_FUNC;
        out->func = resolved.index;
        return 0;
    case RESOLVED_NONE:
        break;
    }
    return parse_special(body, &name, out);
}

/* A constant, a name, !name */
static int
parse_scalar(struct body *body, struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;

    if (lexer->token.kind == TOKEN_IDENT) {
        return parse_name(body, out);
    }
    if (lexer->token.kind == TOKEN_NUMBER || lex_is(lexer, '-') || lex_is(lexer, '+') ||
        lex_is(lexer, '(') || lex_is(lexer, '~')) {
        return parse_number(lexer, out);
    }
    if (lex_take(lexer, '!')) {
        if (lexer->token.kind != TOKEN_IDENT) {
            return vg_ptx_fail_expected(lexer, "a predicate");
        }
        out->negated = true;
        int r = parse_name(body, out);
        if (r == 0 && out->kind != VG_PTX_OPERAND_REG) {
            r = vg_ptx_fail(lexer, "'!' before something that is no register");
        }
        return r;
    }
    return vg_ptx_fail_expected(lexer, "an operand");
}

/* Keeps the elements of a vector, pair, list or address. */
static int
keep_elements(struct body *body, const struct vg_ptx_operand *elems, size_t count,
              struct vg_ptx_operand *out)
{
    out->elems = vg_arena_array(body->module->arena, count, sizeof(*elems));
    if (out->elems == NULL) {
        return -ENOMEM;
    }
    memcpy(out->elems, elems, count * sizeof(*elems));
    out->count = (uint8_t)count;
    return 0;
}

/* a, b ... up to @close, which is taken */
static int
parse_elements(struct body *body, char close, enum vg_ptx_operand_kind kind,
               struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;
    struct vg_ptx_operand elems[VG_PTX_MAX_ELEMENTS];
    size_t count = 0;
    int r;

    vg_ptx_lex_next(lexer);
    out->kind = (uint8_t)kind;
    while (!lex_is(lexer, close)) {
        if (count == VG_PTX_MAX_ELEMENTS) {
            return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, lexer->token.text,
                                  "more than %u items", VG_PTX_MAX_ELEMENTS);
        }
        elems[count] = (struct vg_ptx_operand){ 0 };
        r = parse_scalar(body, &elems[count++]);
        if (r == 0 && !lex_is(lexer, close)) {
            r = vg_ptx_lex_want(lexer, ',');
        }
        if (r != 0) {
            return r;
        }
    }
    vg_ptx_lex_next(lexer);
    return keep_elements(body, elems, count, out);
}

/* What stands first in [ ] */
static int
parse_base(struct body *body, struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;
    const char *where = lexer->token.text;
    struct vg_ptx_operand base = { 0 };
    int r = parse_scalar(body, &base);

    if (r != 0) {
        return r;
    }
    out->kind = VG_PTX_OPERAND_ADDRESS;
    switch (base.kind) {
    case VG_PTX_OPERAND_REG:
        out->base_kind = VG_PTX_BASE_REG;
        out->reg = base.reg;
        return base.negated ? vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where,
                                             "an address that is a predicate")
                            : parse_offset(lexer, &out->offset);
    case VG_PTX_OPERAND_VAR:
        out->base_kind = VG_PTX_BASE_VAR;
        out->scope = base.scope;
        out->symbol = base.symbol;
        out->offset = base.offset;
        return 0;
    case VG_PTX_OPERAND_INT:
        out->base_kind = VG_PTX_BASE_INT;
        r = parse_offset(lexer, &out->offset);
        out->offset = (int64_t)((uint64_t)out->offset + base.bits);
        return r;
    default:
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "this cannot be an address");
    }
}

/* [base + offset], [base, elem ...] */
static int
parse_address(struct body *body, struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;
    struct vg_ptx_operand elems[VG_PTX_MAX_OPERANDS];
    size_t count = 0;
    int r;

    vg_ptx_lex_next(lexer);
    r = parse_base(body, out);
    while (r == 0 && lex_take(lexer, ',')) {
        if (count == VG_PTX_MAX_OPERANDS) {
            return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, lexer->token.text,
                                  "more than %u items", VG_PTX_MAX_OPERANDS);
        }
        elems[count] = (struct vg_ptx_operand){ 0 };
        r = lex_is(lexer, '{')
                ? parse_elements(body, '}', VG_PTX_OPERAND_VECTOR, &elems[count])
                : parse_scalar(body, &elems[count]);
        count++;
    }
    if (r == 0) {
        r = vg_ptx_lex_want(lexer, ']');
    }
    return r == 0 && count > 0 ? keep_elements(body, elems, count, out) : r;
}

/* d|p behind d */
static int
parse_pair(struct body *body, struct vg_ptx_operand *out)
{
    struct vg_ptx_operand elems[2] = { *out, { 0 } };
    int r;

    vg_ptx_lex_next(&body->lexer);
    r = parse_scalar(body, &elems[1]);
    if (r != 0) {
        return r;
    }
    *out = (struct vg_ptx_operand){ .kind = VG_PTX_OPERAND_PAIR };
    return keep_elements(body, elems, 2, out);
}

int
vg_ptx_operand_parse(struct body *body, struct vg_ptx_operand *out)
{
    struct lexer *lexer = &body->lexer;
    int r;

    if (lex_is(lexer, '{')) {
        return parse_elements(body, '}', VG_PTX_OPERAND_VECTOR, out);
    }
    if (lex_is(lexer, '[')) {
        return parse_address(body, out);
    }
    r = parse_scalar(body, out);
    return r == 0 && lex_is(lexer, '|') ? parse_pair(body, out) : r;
}

int
vg_ptx_operand_parse_list(struct body *body, struct vg_ptx_operand *out)
{
    return parse_elements(body, ')', VG_PTX_OPERAND_LIST, out);
}
