/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * body - what the files that parse a function's body share.
 *
 * Scopes { } are flattened: each register and variable of the function has one name. A
 * name that is declared again where it hides another, or after its scope has ended, keeps
 * its text if no one else had it, else it gets "$1", "$2" ... behind it. Registers and
 * .param variables whose scope has ended are used again by a later declaration of the
 * same name and shape: their value is undefined at that point by the manual's rules.
 */

#include "ptx/priv.h"

enum binding_kind {
    BINDING_REG,   /* index: register */
    BINDING_RANGE, /* %r<count>: index is the register of %r0 */
    BINDING_VAR,   /* index: variable in @scope */
};

/* What a name stands for, while its scope lasts. */
struct binding {
    struct symbol *symbol;
    struct binding *outer; /* hidden by this one; or the next free one */
    struct binding *next;  /* declared before it in the same scope */
    uint8_t kind;          /* enum binding_kind */
    uint8_t type, vector;
    uint8_t scope; /* enum vg_ptx_scope */
    uint32_t depth;
    uint32_t index, count;
};

/* A name of the body, or a prefix of names with a number behind. */
struct symbol {
    const char *text;
    uint32_t size, hash;
    bool is_taken;   /* some register or variable of the function has this name */
    bool has_digits; /* and some has this name with a number behind */
    uint32_t range;  /* and the range <range> of such names is taken */
    uint32_t renames;
    struct binding *top, *top_range;
    struct binding *free; /* of ended scopes */
};

enum label_kind {
    LABEL_TARGET = 1, /* index: instruction, by way of labels */
    LABEL_TARGETS = 2,
    LABEL_PROTOTYPE = 4,
};

/* A label in its scope; or, with scope UINT32_MAX, a label name that is taken. */
struct label_slot {
    const char *text;
    uint32_t size, hash;
    uint32_t scope;
    uint32_t index;
    uint8_t kind; /* enum label_kind */
};

/* A reference to a label, resolved at the end. */
struct label_ref {
    struct vg_ptx_operand *operand; /* or */
    uint32_t *target;
    const char *text;
    uint32_t size;
    uint32_t scope;
    uint8_t kinds; /* what it may be, enum label_kind ored */
};

struct body {
    struct lexer lexer;
    struct vg_ptx_module *module;
    struct vg_ptx_func *func;
    struct vg_arena *scratch; /* dies with the parse */

    struct symbol **symbols; /* open addressing, a power of two */
    uint32_t n_symbols, n_symbol_slots;
    struct binding *scope_bindings[VG_PTX_MAX_DEPTH + 1];
    uint32_t scope_ids[VG_PTX_MAX_DEPTH + 1];
    uint32_t depth;

    struct label_slot *label_slots;
    uint32_t n_label_slots, n_labels_used;
    struct grow scope_parents; /* uint32_t by scope id */
    struct grow label_refs;

    struct grow regs, vars, insns, labels, targets, prototypes;
};

/* --- names (symtab.c) --- */

/* What a name in the body stands for. */
struct resolved {
    enum {
        RESOLVED_NONE,
        RESOLVED_REG,
        RESOLVED_VAR,
        RESOLVED_FUNC
    } kind;
    uint32_t index;
    uint8_t scope; /* enum vg_ptx_scope */
};

int vg_ptx_symtab_reg(struct body *body, const struct token *name, enum vg_ptx_type type,
                      uint8_t vector, uint32_t *out_reg);
int vg_ptx_symtab_range(struct body *body, const struct token *prefix,
                        enum vg_ptx_type type, uint8_t vector, uint32_t count);
/* Declares a variable of the body, whose name is @token; gives it its final name. */
int vg_ptx_symtab_var(struct body *body, const struct token *token,
                      const struct vg_ptx_var *var);
/* Declares a parameter or result of the function. */
int vg_ptx_symtab_param(struct body *body, const struct vg_ptx_var *param,
                        enum vg_ptx_scope scope, uint32_t index);
struct resolved vg_ptx_symtab_find(struct body *body, const char *text, size_t size);
int vg_ptx_scope_begin(struct body *body);
void vg_ptx_scope_end(struct body *body);

/* --- labels (label.c) --- */

/* The label @token stands here. */
int vg_ptx_label_add(struct body *body, const struct token *token, enum label_kind kind,
                     uint32_t index);
/* Notes a reference to the label @token: from an operand, or to be stored in @target. */
int vg_ptx_label_refer(struct body *body, const struct token *token, unsigned kinds,
                       struct vg_ptx_operand *operand, uint32_t *target);
int vg_ptx_label_resolve(struct body *body);

/* --- operands (operand.c) --- */

/* Takes one operand, with its vectors, pairs and address. */
int vg_ptx_operand_parse(struct body *body, struct vg_ptx_operand *out);
/* Takes ( a, b ... ) */
int vg_ptx_operand_parse_list(struct body *body, struct vg_ptx_operand *out);
