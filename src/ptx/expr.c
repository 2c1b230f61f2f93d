/* SPDX-License-Identifier: Apache-2.0 */

/*
 * expr - constant expressions (PTX ISA 4.6): integers with the operators of C, and
 * floating-point constants with a sign.
 *
 * Two stacks instead of recursion, both of fixed depth.
 */
#include "ptx/priv.h"

#include <string.h>

#define MAX_STACK 32u

/* An operator on the stack: '<' and '>' are the shifts; unary ones have is_unary. */
struct operator
{
    char text;
    bool is_unary;
};

struct expr {
    struct lexer *lexer;
    struct number values[MAX_STACK];
    struct operator operators[MAX_STACK];
    unsigned n_values, n_operators;
};

static unsigned precedence(struct operator op)
{
    if (op.is_unary) {
        return 7;
    }
    switch (op.text) {
    case '*':
    case '/':
    case '%':
        return 6;
    case '+':
    case '-':
        return 5;
    case '<':
    case '>':
        return 4;
    case '&':
        return 3;
    case '^':
        return 2;
    case '|':
        return 1;
    default:
        return 0; /* the parenthesis */
    }
}

static bool
apply_unary(char op, struct number *value)
{
    if (value->is_float) {
        uint64_t sign = value->is_single ? UINT64_C(1) << 31 : UINT64_C(1) << 63;
        value->bits ^= op == '-' ? sign : 0;
        return op == '-' || op == '+';
    }
    switch (op) {
    case '-':
        value->bits = 0 - value->bits;
        break;
    case '~':
        value->bits = ~value->bits;
        break;
    case '!':
        value->bits = value->bits == 0;
        break;
    default:
        break;
    }
    return true;
}

/* @a becomes a op b. Return: false when that has no value. */
static bool
apply_binary(char op, uint64_t *a, uint64_t b)
{
    bool divides = b != 0 && !((int64_t)*a == INT64_MIN && (int64_t)b == -1);

    switch (op) {
    case '*':
        *a *= b;
        return true;
    case '/':
        *a = divides ? (uint64_t)((int64_t)*a / (int64_t)b) : 0;
        return divides;
    case '%':
        *a = divides ? (uint64_t)((int64_t)*a % (int64_t)b) : 0;
        return divides;
    case '+':
        *a += b;
        return true;
    case '-':
        *a -= b;
        return true;
    case '<':
        *a = b < 64 ? *a << b : 0;
        return true;
    case '>':
        *a = (uint64_t)((int64_t)*a >> (b < 63 ? b : 63));
        return true;
    case '&':
        *a &= b;
        return true;
    case '^':
        *a ^= b;
        return true;
    default:
        *a |= b;
        return true;
    }
}

/* Applies the topmost operator. */
static int
reduce(struct expr *expr)
{
    struct operator op = expr->operators[--expr->n_operators];
    struct number *top = &expr->values[expr->n_values - 1];

    if (op.is_unary) {
        return apply_unary(op.text, top)
                   ? 0
                   : vg_ptx_fail(expr->lexer, "'%c' of a floating-point constant",
                                 op.text);
    }
    if (top[0].is_float || top[-1].is_float) {
        return vg_ptx_fail(expr->lexer, "an expression of floating-point constants");
    }
    expr->n_values--;
    return apply_binary(op.text, &top[-1].bits, top[0].bits)
               ? 0
               : vg_ptx_fail(expr->lexer, "a division without a result");
}

/* Puts @op on the stack, after what binds as tightly. */
static int
push_operator(struct expr *expr, struct operator op)
{
    while (!op.is_unary && expr->n_operators > 0 && op.text != '(' &&
           precedence(expr->operators[expr->n_operators - 1]) >= precedence(op)) {
        int r = reduce(expr);
        if (r != 0) {
            return r;
        }
    }
    if (expr->n_operators == MAX_STACK) {
        return vg_ptx_fail_at(expr->lexer, VG_PTX_LIMIT, expr->lexer->token.text,
                              "an expression that is too deep");
    }
    expr->operators[expr->n_operators++] = op;
    return 0;
}

/* Signs and parentheses, and the constant behind them. */
static int
take_value(struct expr *expr)
{
    struct lexer *lexer = expr->lexer;

    while (lexer->token.kind == TOKEN_PUNCT && lexer->token.text[0] != '\0' &&
           strchr("+-~!(", lexer->token.text[0]) != NULL) {
        char text = lexer->token.text[0];
        int r = push_operator(expr, (struct operator){ text, text != '(' });
        if (r != 0) {
            return r;
        }
        vg_ptx_lex_next(lexer);
    }
    if (expr->n_values == MAX_STACK || lexer->token.kind != TOKEN_NUMBER ||
        !vg_ptx_lex_number(&lexer->token, &expr->values[expr->n_values])) {
        return vg_ptx_fail_expected(lexer, "a constant");
    }
    expr->n_values++;
    vg_ptx_lex_next(lexer);
    return 0;
}

/* ) as long as they close one of ours */
static int
close_parentheses(struct expr *expr)
{
    while (lex_is(expr->lexer, ')')) {
        unsigned open = expr->n_operators;
        while (open > 0 && expr->operators[open - 1].text != '(') {
            open--;
        }
        if (open == 0) {
            return 0;
        }
        while (expr->n_operators > open) {
            int r = reduce(expr);
            if (r != 0) {
                return r;
            }
        }
        expr->n_operators--;
        vg_ptx_lex_next(expr->lexer);
    }
    return 0;
}

/* Takes a binary operator. Return: false when none stands here. */
static bool
take_binary(struct lexer *lexer, struct operator* out)
{
    char text = lexer->token.kind == TOKEN_PUNCT ? lexer->token.text[0] : '\0';

    if (text == '<' || text == '>') {
        if (lexer->token.text[1] != text) {
            return false;
        }
        vg_ptx_lex_next(lexer);
    } else if (text == '\0' || strchr("*/%+-&^|", text) == NULL) {
        return false;
    }
    *out = (struct operator){ text, false };
    vg_ptx_lex_next(lexer);
    return true;
}

int
vg_ptx_expr_parse(struct lexer *lexer, struct number *out)
{
    struct expr expr;
    struct operator op;
    int r;

    /* nearly all are one number */
    if (lexer->token.kind == TOKEN_NUMBER && (*lexer->at == ',' || *lexer->at == ';' ||
                                              *lexer->at == '}' || *lexer->at == ']')) {
        if (!vg_ptx_lex_number(&lexer->token, out)) {
            return vg_ptx_fail_expected(lexer, "a constant");
        }
        vg_ptx_lex_next(lexer);
        return 0;
    }
    expr.lexer = lexer;
    expr.n_values = 0;
    expr.n_operators = 0;
    do {
        r = take_value(&expr);
        if (r == 0) {
            r = close_parentheses(&expr);
        }
        if (r != 0 || !take_binary(lexer, &op)) {
            break;
        }
        r = push_operator(&expr, op);
    } while (r == 0);
    while (r == 0 && expr.n_operators > 0) {
        if (expr.operators[expr.n_operators - 1].text == '(') {
            return vg_ptx_fail_expected(lexer, "')'");
        }
        r = reduce(&expr);
    }
    if (r == 0) {
        *out = expr.values[0];
    }
    return r;
}
