/* SPDX-License-Identifier: Apache-2.0 */

/*
 * body - statements of a function's body.
 */
#include "ptx/body.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* .reg .b32 %r<10>, %x; the .reg and its type have been read */
static int
parse_regs(struct body *body, const struct decl *decl)
{
    struct lexer *lexer = &body->lexer;
    int r;

    if (decl->align != 0 || decl->opaque != VG_PTX_NOT_OPAQUE) {
        return vg_ptx_fail(lexer, "a register with attributes of memory");
    }
    do {
        struct token name = lexer->token;
        uint32_t ignored;
        uint64_t count;
        if (name.kind != TOKEN_IDENT) {
            return vg_ptx_fail_expected(lexer, "a register's name");
        }
        vg_ptx_lex_next(lexer);
        if (!lex_take(lexer, '<')) {
            r = vg_ptx_symtab_reg(body, &name, decl->type, decl->vector, &ignored);
        } else {
            r = vg_ptx_decl_uint(lexer, VG_PTX_MAX_REGS, &count);
            if (r == 0) {
                r = vg_ptx_lex_want(lexer, '>');
            }
            if (r == 0 && count > 0) {
                r = vg_ptx_symtab_range(body, &name, decl->type, decl->vector,
                                        (uint32_t)count);
            }
        }
        if (r != 0) {
            return r;
        }
    } while (lex_take(lexer, ','));
    return vg_ptx_lex_want(lexer, ';');
}

/* .reg, .shared, .local, .param in a body */
static int
parse_declaration(struct body *body)
{
    struct lexer *lexer = &body->lexer;
    enum vg_ptx_linkage linkage = VG_PTX_LOCAL_LINKAGE;
    struct decl decl;
    int r;

    if (vg_ptx_lex_is_word(lexer, ".extern")) {
        linkage = VG_PTX_EXTERN;
        vg_ptx_lex_next(lexer);
    }
    if (vg_ptx_decl_space(lexer) == VG_PTX_GENERIC ||
        vg_ptx_decl_space(lexer) == VG_PTX_GLOBAL ||
        vg_ptx_decl_space(lexer) == VG_PTX_CONST) {
        return vg_ptx_fail_expected(lexer, "a statement");
    }
    r = vg_ptx_decl_parse(lexer, &decl);
    if (r != 0) {
        return r;
    }
    if (decl.space == VG_PTX_REG) {
        return parse_regs(body, &decl);
    }
    do {
        struct vg_ptx_var var = { .linkage = linkage };
        struct token name = lexer->token;
        r = vg_ptx_decl_var(lexer, &decl, &var);
        if (r == 0 && var.is_unsized && linkage != VG_PTX_EXTERN &&
            var.space != VG_PTX_PARAM) {
            r = vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, name.text, "'%.100s' has no size",
                               var.name);
        }
        if (r == 0) {
            r = vg_ptx_symtab_var(body, &name, &var);
        }
        if (r != 0) {
            return r;
        }
    } while (lex_take(lexer, ','));
    return vg_ptx_lex_want(lexer, ';');
}

/* label: .branchtargets a, b; or .calltargets f, g; */
static int
parse_targets(struct body *body, const struct token *label, bool is_call)
{
    struct lexer *lexer = &body->lexer;
    struct vg_ptx_targets *targets;
    struct grow names = { 0 };
    uint32_t *kept;
    int r = 0;

    vg_ptx_lex_next(lexer);
    do {
        struct token *name = vg_ptx_grow_add(&names, sizeof(*name), 1);
        if (name == NULL) {
            r = -ENOMEM;
        } else if (lexer->token.kind != TOKEN_IDENT) {
            r = vg_ptx_fail_expected(lexer, "a name");
        } else {
            *name = lexer->token;
            vg_ptx_lex_next(lexer);
        }
    } while (r == 0 && lex_take(lexer, ','));
    if (r == 0) {
        r = vg_ptx_lex_want(lexer, ';');
    }
    kept = vg_arena_array(body->module->arena, names.count, sizeof(*kept));
    targets = vg_ptx_grow_add(&body->targets, sizeof(*targets), 1);
    if (r == 0 && (kept == NULL || targets == NULL)) {
        r = -ENOMEM;
    }
    for (size_t i = 0; i < names.count && r == 0; i++) {
        const struct token *name = (const struct token *)names.items + i;
        if (!is_call) {
            r = vg_ptx_label_refer(body, name, LABEL_TARGET, NULL, &kept[i]);
        } else if (vg_ptx_index_find(module_index(body->module), name->text, name->size,
                                     &kept[i]) != NAME_FUNC) {
            r = vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, name->text,
                               "unknown function '%.*s'",
                               name->size < 100 ? (int)name->size : 100, name->text);
        }
    }
    if (r == 0) {
        *targets = (struct vg_ptx_targets){ .targets = kept,
                                            .n_targets = (uint32_t)names.count,
                                            .is_call = is_call };
        r = vg_ptx_label_add(body, label, LABEL_TARGETS,
                             (uint32_t)body->targets.count - 1);
    }
    free(names.items);
    return r;
}

/* label: .callprototype ...; */
static int
parse_prototype(struct body *body, const struct token *label)
{
    struct lexer *lexer = &body->lexer;
    const char *begin = lexer->token.text;
    struct vg_ptx_prototype *prototype =
        vg_ptx_grow_add(&body->prototypes, sizeof(*prototype), 1);

    if (prototype == NULL) {
        return -ENOMEM;
    }
    while (!lex_is(lexer, ';')) {
        if (lexer->token.kind == TOKEN_END || lexer->token.kind == TOKEN_INVALID ||
            lex_is(lexer, '}')) {
            return vg_ptx_fail_expected(lexer, "';'");
        }
        vg_ptx_lex_next(lexer);
    }
    prototype->text =
        vg_arena_strndup(body->module->arena, begin, (size_t)(lexer->token.text - begin));
    if (prototype->text == NULL) {
        return -ENOMEM;
    }
    vg_ptx_lex_next(lexer);
    return vg_ptx_label_add(body, label, LABEL_PROTOTYPE,
                            (uint32_t)body->prototypes.count - 1);
}

/* What stands behind "name:". */
static int
parse_label(struct body *body, const struct token *name)
{
    struct lexer *lexer = &body->lexer;

    vg_ptx_lex_next(lexer); /* : */
    if (vg_ptx_lex_is_word(lexer, ".branchtargets")) {
        return parse_targets(body, name, false);
    }
    if (vg_ptx_lex_is_word(lexer, ".calltargets")) {
        return parse_targets(body, name, true);
    }
    if (vg_ptx_lex_is_word(lexer, ".callprototype")) {
        return parse_prototype(body, name);
    }
    return vg_ptx_label_add(body, name, LABEL_TARGET, (uint32_t)body->insns.count);
}

/* An instruction while it is read: its operands and where each thing stands. */
struct reading {
    struct vg_ptx_operand operands[VG_PTX_MAX_OPERANDS];
    const char *places[VG_PTX_MAX_OPERANDS + 1];
    struct token labels[VG_PTX_MAX_OPERANDS]; /* of operands that are labels */
    uint16_t label_kinds[VG_PTX_MAX_OPERANDS];
    unsigned count;
};

/* Return: the next operand; NULL with @out_r set when there are too many. */
static struct vg_ptx_operand *
add_operand(struct body *body, struct reading *reading, int *out_r)
{
    unsigned count = reading->count;

    if (count == VG_PTX_MAX_OPERANDS) {
        *out_r = vg_ptx_fail_at(&body->lexer, VG_PTX_LIMIT, body->lexer.token.text,
                                "more than %u operands", VG_PTX_MAX_OPERANDS);
        return NULL;
    }
    reading->operands[count] = (struct vg_ptx_operand){ 0 };
    reading->places[count + 1] = body->lexer.token.text;
    reading->label_kinds[count] = 0;
    reading->count++;
    return &reading->operands[count];
}

/* A label, resolved later. */
static int
read_label(struct body *body, struct reading *reading, unsigned kinds)
{
    int r = 0;
    struct vg_ptx_operand *operand = add_operand(body, reading, &r);

    if (operand == NULL) {
        return r;
    }
    if (body->lexer.token.kind != TOKEN_IDENT) {
        return vg_ptx_fail_expected(&body->lexer, "a label");
    }
    operand->kind = VG_PTX_OPERAND_LABEL;
    reading->labels[reading->count - 1] = body->lexer.token;
    reading->label_kinds[reading->count - 1] = (uint16_t)kinds;
    vg_ptx_lex_next(&body->lexer);
    return 0;
}

/* ( ... ) of a call, or an empty list when there is none */
static int
read_list(struct body *body, struct reading *reading, bool is_written)
{
    int r = 0;
    struct vg_ptx_operand *operand = add_operand(body, reading, &r);

    if (operand == NULL) {
        return r;
    }
    operand->kind = VG_PTX_OPERAND_LIST;
    return is_written ? vg_ptx_operand_parse_list(body, operand) : 0;
}

static int
read_callee(struct body *body, struct reading *reading)
{
    const char *where = body->lexer.token.text;
    int r = 0;
    struct vg_ptx_operand *operand = add_operand(body, reading, &r);

    if (operand == NULL) {
        return r;
    }
    r = vg_ptx_operand_parse(body, operand);
    if (r == 0 && operand->kind != VG_PTX_OPERAND_FUNC &&
        operand->kind != VG_PTX_OPERAND_REG) {
        r = vg_ptx_fail_at(&body->lexer, VG_PTX_SYNTAX, where,
                           "this is neither a function nor a register");
    }
    return r;
}

/* call (results), callee, (arguments), prototype: three operands always */
static int
read_call(struct body *body, struct reading *reading)
{
    struct lexer *lexer = &body->lexer;
    bool is_written = lex_is(lexer, '(');
    bool has_more;
    int r = read_list(body, reading, is_written);

    if (r == 0 && is_written) {
        r = vg_ptx_lex_want(lexer, ',');
    }
    if (r == 0) {
        r = read_callee(body, reading);
    }
    if (r != 0) {
        return r;
    }
    has_more = lex_take(lexer, ',');
    is_written = has_more && lex_is(lexer, '(');
    r = read_list(body, reading, is_written);
    if (r == 0 && is_written) {
        has_more = lex_take(lexer, ',');
    }
    return r == 0 && has_more ? read_label(body, reading, LABEL_TARGETS | LABEL_PROTOTYPE)
                              : r;
}

static int
read_operands(struct body *body, const struct form *form, struct reading *reading)
{
    struct lexer *lexer = &body->lexer;
    int r = 0;

    if (form->insn.op == VG_PTX_OP_CALL) {
        return read_call(body, reading);
    }
    if (lex_is(lexer, ';')) {
        return 0;
    }
    do {
        if (reading->count < form->n_rules && form->rules[reading->count].kind == 'l') {
            r = read_label(body, reading,
                           form->insn.op == VG_PTX_OP_BRX ? LABEL_TARGETS : LABEL_TARGET);
        } else {
            struct vg_ptx_operand *operand = add_operand(body, reading, &r);
            if (operand != NULL) {
                r = vg_ptx_operand_parse(body, operand);
            }
        }
        if (r != 0) {
            return r;
        }
    } while (lex_take(lexer, ','));
    return 0;
}

/* Moves what was read into the arena. */
static int
keep_operands(struct body *body, const struct reading *reading, struct vg_ptx_insn *insn)
{
    size_t size = reading->count * sizeof(struct vg_ptx_operand);

    if (reading->count == 0) {
        return 0;
    }
    insn->operands = vg_arena_alloc(body->module->arena, size);
    if (insn->operands == NULL) {
        return -ENOMEM;
    }
    memcpy(insn->operands, reading->operands, size);
    for (unsigned i = 0; i < reading->count; i++) {
        if (reading->label_kinds[i] != 0) {
            int r = vg_ptx_label_refer(body, &reading->labels[i], reading->label_kinds[i],
                                       &insn->operands[i], NULL);
            if (r != 0) {
                return r;
            }
        }
    }
    return 0;
}

/* @p, @!p. @out: the register. */
static int
parse_guard(struct body *body, int32_t *out, bool *out_negated)
{
    struct lexer *lexer = &body->lexer;
    const struct vg_ptx_reg *regs = body->regs.items;
    const char *where;
    struct vg_ptx_operand operand = { 0 };
    int r;

    vg_ptx_lex_next(lexer); /* @ */
    where = lexer->token.text;
    r = vg_ptx_operand_parse(body, &operand);
    if (r != 0) {
        return r;
    }
    if (operand.kind != VG_PTX_OPERAND_REG || regs[operand.reg].type != VG_PTX_PRED) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "the guard is no predicate");
    }
    *out = (int32_t)operand.reg;
    *out_negated = operand.negated;
    return 0;
}

/* The mnemonic is the current token. */
static int
parse_insn(struct body *body, int32_t guard, bool guard_negated)
{
    struct lexer *lexer = &body->lexer;
    struct reading reading;
    const struct form *form;
    struct vg_ptx_insn *insn;
    uint32_t line = lexer->token.line;
    int r;

    if (lexer->token.kind != TOKEN_IDENT) {
        return vg_ptx_fail_expected(lexer, "an instruction");
    }
    vg_ptx_lex_mnemonic(lexer);
    r = vg_ptx_form_get(lexer, lexer->token.text, lexer->token.size, &form);
    if (r != 0) {
        return r;
    }
    reading.count = 0;
    reading.places[0] = lexer->token.text;
    vg_ptx_lex_next(lexer);
    r = read_operands(body, form, &reading);
    if (r == 0) {
        r = vg_ptx_lex_want(lexer, ';');
    }
    if (r != 0) {
        return r;
    }
    insn = vg_ptx_grow_add(&body->insns, sizeof(*insn), 1);
    if (insn == NULL) {
        return -ENOMEM;
    }
    *insn = form->insn;
    insn->guard = guard;
    insn->guard_negated = guard_negated;
    insn->line = line;
    insn->n_operands = (uint8_t)reading.count;
    r = keep_operands(body, &reading, insn);
    return r == 0 ? vg_ptx_form_check(lexer, form, body->regs.items, insn, reading.places)
                  : r;
}

/* A statement that begins with a name: a label or an instruction. */
static int
parse_named(struct body *body)
{
    struct lexer *lexer = &body->lexer;

    /* an instruction's name is followed by a suffix, mostly: do not look for a colon */
    if (*lexer->at != '.') {
        struct lexer before = *lexer;
        vg_ptx_lex_next(lexer);
        if (lex_is(lexer, ':')) {
            return parse_label(body, &before.token);
        }
        *lexer = before;
    }
    return parse_insn(body, -1, false);
}

static int
parse_statement(struct body *body)
{
    struct lexer *lexer = &body->lexer;
    bool is_skipped;
    int r;

    switch (lexer->token.kind) {
    case TOKEN_IDENT:
        return parse_named(body);
    case TOKEN_DOT:
        r = vg_ptx_decl_skip_debug(lexer, &is_skipped);
        return r != 0 || is_skipped ? r : parse_declaration(body);
    case TOKEN_PUNCT:
        break;
    case TOKEN_END:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_INVALID:
        return vg_ptx_fail_expected(lexer, "a statement");
    }
    switch (lexer->token.text[0]) {
    case '@': {
        int32_t guard = -1;
        bool negated = false;
        r = parse_guard(body, &guard, &negated);
        return r != 0 ? r : parse_insn(body, guard, negated);
    }
    case '{':
        r = vg_ptx_scope_begin(body);
        vg_ptx_lex_next(lexer);
        return r;
    case '}':
        vg_ptx_scope_end(body);
        /* what follows the body's end is not ours to read */
        if (body->depth > 0) {
            vg_ptx_lex_next(lexer);
        }
        return 0;
    case ';':
        vg_ptx_lex_next(lexer);
        return 0;
    default:
        return vg_ptx_fail_expected(lexer, "a statement");
    }
}

static int
declare_params(struct body *body, struct vg_ptx_var *vars, uint32_t count,
               enum vg_ptx_scope scope)
{
    for (uint32_t i = 0; i < count; i++) {
        int r;
        if (vars[i].space == VG_PTX_REG) {
            struct token name = { TOKEN_IDENT, (uint32_t)strlen(vars[i].name),
                                  vars[i].line, vars[i].name };
            r = vg_ptx_symtab_reg(body, &name, vars[i].type, vars[i].vector,
                                  &vars[i].reg);
        } else {
            r = vg_ptx_symtab_param(body, &vars[i], scope, i);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static int
parse_body(struct body *body)
{
    struct vg_ptx_func *func = body->func;
    uint32_t *root = vg_ptx_grow_add(&body->scope_parents, sizeof(*root), 1);
    int r;

    if (root == NULL) {
        return -ENOMEM;
    }
    r = declare_params(body, func->returns, func->n_returns, VG_PTX_SCOPE_RETURN);
    if (r == 0) {
        r = declare_params(body, func->params, func->n_params, VG_PTX_SCOPE_PARAM);
    }
    if (r == 0) {
        vg_ptx_lex_next(&body->lexer);
        r = parse_statement(body); /* the opening brace */
    }
    while (r == 0 && body->depth > 0) {
        r = parse_statement(body);
    }
    return r == 0 ? vg_ptx_label_resolve(body) : r;
}

static bool
keep(struct body *body, struct grow *grow, size_t size, void *out, uint32_t *out_count)
{
    void *items;

    *out_count = (uint32_t)grow->count;
    if (!vg_ptx_grow_keep(grow, size, body->module->arena, &items)) {
        return false;
    }
    memcpy(out, &items, sizeof(items));
    return true;
}

/* Hands what was parsed over to the function. */
static int
keep_body(struct body *body)
{
    struct vg_ptx_func result = *body->func;

    if (!keep(body, &body->regs, sizeof(*result.regs), &result.regs, &result.n_regs) ||
        !keep(body, &body->vars, sizeof(*result.vars), &result.vars, &result.n_vars) ||
        !keep(body, &body->insns, sizeof(*result.insns), &result.insns,
              &result.n_insns) ||
        !keep(body, &body->labels, sizeof(*result.labels), &result.labels,
              &result.n_labels) ||
        !keep(body, &body->targets, sizeof(*result.targets), &result.targets,
              &result.n_targets) ||
        !keep(body, &body->prototypes, sizeof(*result.prototypes), &result.prototypes,
              &result.n_prototypes)) {
        return -ENOMEM;
    }
    result.is_parsed = true;
    *body->func = result;
    return 0;
}

static void
fini_body(struct body *body)
{
    vg_arena_destroy(body->scratch);
    free(body->symbols);
    free(body->label_slots);
    free(body->scope_parents.items);
    free(body->label_refs.items);
    free(body->regs.items);
    free(body->vars.items);
    free(body->insns.items);
    free(body->labels.items);
    free(body->targets.items);
    free(body->prototypes.items);
}

int
vg_ptx_func_parse(struct vg_ptx_module *module, struct vg_ptx_func *func,
                  struct vg_ptx_diag *out_diag)
{
    struct body body = { .module = module, .func = func };
    int r;

    if (func->is_parsed || func->is_declaration) {
        return 0;
    }
    body.scratch = vg_arena_create();
    if (body.scratch == NULL) {
        return -ENOMEM;
    }
    body.lexer = (struct lexer){ .at = func->body,
                                 .end = func->body + func->body_size,
                                 .line = func->body_line,
                                 .module = module,
                                 .diag = out_diag };
    r = parse_body(&body);
    if (r == 0) {
        r = keep_body(&body);
    }
    fini_body(&body);
    return r;
}
