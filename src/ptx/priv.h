/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * priv - what the files of the PTX parser share: tokens, the op table's look-up, the
 * module's index and error reporting. Not for other folders.
 *
 * Errors: the functions below return 0, a vg_ptx_condition or -ENOMEM like the public
 * ones; VG_PTX_SYNTAX and VG_PTX_LIMIT come with a filled diagnosis.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ptx/limits.h"
#include "ptx/ptx.h"

/* --- tokens (lex.c) --- */

enum token_kind {
    TOKEN_END,     /* the text is over */
    TOKEN_IDENT,   /* name, %name, $name, _ */
    TOKEN_DOT,     /* .word, with the dot; the word may hold :: */
    TOKEN_NUMBER,  /* digits and what clings to them */
    TOKEN_STRING,  /* "..." with the quotes */
    TOKEN_PUNCT,   /* one character: text[0] */
    TOKEN_INVALID, /* a character that PTX does not have, an open comment or string */
};

struct token {
    enum token_kind kind;
    uint32_t size;
    uint32_t line;
    const char *text;
};

/* A place in the text. @end points to a NUL. */
struct lexer {
    const char *at;
    const char *end;
    uint32_t line;
    struct token token; /* the current one */
    struct vg_ptx_module *module;
    struct vg_ptx_diag *diag;
};

/* Makes the next token the current one. */
void vg_ptx_lex_next(struct lexer *lexer);
/* The current token is an opcode: takes the suffixes that cling to it into the token. */
void vg_ptx_lex_mnemonic(struct lexer *lexer);
/* Goes behind the } that closes a { behind which the lexer stands. Return: false when
 * there is none. */
bool vg_ptx_lex_skip_braces(struct lexer *lexer);
/* Goes to the end of the line. */
void vg_ptx_lex_skip_line(struct lexer *lexer);

static inline bool
lex_is(const struct lexer *lexer, char punct)
{
    return lexer->token.kind == TOKEN_PUNCT && lexer->token.text[0] == punct;
}

bool vg_ptx_lex_is_word(const struct lexer *lexer, const char *word);

/* Takes @punct when it is the current token. */
static inline bool
lex_take(struct lexer *lexer, char punct)
{
    if (!lex_is(lexer, punct)) {
        return false;
    }
    vg_ptx_lex_next(lexer);
    return true;
}

/* A constant (4.5): a 64-bit integer, a double, or the bits of a single. */
struct number {
    uint64_t bits;
    bool is_float;
    bool is_single;
};

/* Reads the constant @token (TOKEN_NUMBER). Return: false when it is malformed. */
bool vg_ptx_lex_number(const struct token *token, struct number *out);

/* Takes a constant expression (4.6), signs included. */
int vg_ptx_expr_parse(struct lexer *lexer, struct number *out);

/* Bit class of characters: may stand in a name; digits. */
extern const uint8_t vg_ptx_char_class[256];
#define CHAR_NAME  1u
#define CHAR_DIGIT 2u
#define CHAR_BLANK 4u
#define CHAR_BRACE 8u /* stops the search for the end of a body */

static inline bool
char_is(char c, unsigned class)
{
    return (vg_ptx_char_class[(uint8_t)c] & class) != 0;
}

static inline uint32_t
hash_bytes(const char *text, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

/* --- errors (diag.c) --- */

/* Fills the diagnosis for the place @where in the module's text. Return: @condition. */
int vg_ptx_fail_at(struct lexer *lexer, int condition, const char *where,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* VG_PTX_SYNTAX at the current token. */
int vg_ptx_fail(struct lexer *lexer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* VG_PTX_SYNTAX: @what was wanted where the current token stands. */
int vg_ptx_fail_expected(struct lexer *lexer, const char *what);
/* Takes @punct or fails. */
int vg_ptx_lex_want(struct lexer *lexer, char punct);

/* --- the op table (op_table.c) --- */

struct op_row {
    const char *name;
    uint8_t min_types, max_types;
    const char *operands;
    uint64_t groups;
    unsigned flags;
};

extern const struct op_row vg_ptx_op_rows[];

/* What the mnemonic of an op must have. */
struct op_need {
    unsigned classes; /* of the first type: bits 1 << enum vg_ptx_type_class; 0: any */
    uint64_t groups;  /* a suffix of one of these; 0: none needed */
};

const struct op_need *vg_ptx_op_need(enum vg_ptx_op op);

/* A word of a mnemonic: what it stands for, found by name. */
enum word_kind {
    WORD_NONE,
    WORD_TYPE, /* value: enum vg_ptx_type */
    WORD_MOD,  /* value: enum vg_ptx_mod */
};

enum vg_ptx_op vg_ptx_op_find(const char *text, size_t size);
enum word_kind vg_ptx_word_find(const char *text, size_t size, unsigned *out_value);
/* Finds a special register by its name without %; splits the number off %envreg3. */
bool
vg_ptx_sreg_find(const char *text, size_t size, unsigned *out_sreg, unsigned *out_number);
const char *vg_ptx_sreg_name(unsigned sreg);
enum vg_ptx_group vg_ptx_mod_group(unsigned mod);

/* One operand that an op takes, decoded from its row. */
struct operand_rule {
    char kind;
    uint8_t bits;     /* width of a register, 0: not checked */
    uint8_t elements; /* how many a vector has, 0: not checked */
    bool at_least;    /* bits is a minimum */
    bool is_optional;
};

/* A mnemonic with all its suffixes, decoded and checked once. */
struct form {
    struct form *next; /* same bucket */
    const char *text;
    uint32_t size, hash;
    struct vg_ptx_insn insn; /* what every instruction of this form begins as */
    uint8_t n_rules, n_required;
    struct operand_rule rules[VG_PTX_MAX_OPERANDS];
};

/* Finds or decodes the mnemonic [text, text + size). */
int vg_ptx_form_get(struct lexer *lexer, const char *text, size_t size,
                    const struct form **out);
/* Holds the operands of @insn against the rules of @form. @places: where the mnemonic and
 * then each operand stands, for the diagnosis. */
int vg_ptx_form_check(struct lexer *lexer, const struct form *form,
                      const struct vg_ptx_reg *regs, const struct vg_ptx_insn *insn,
                      const char *const *places);

/* --- the module's index (index.c) --- */

#define FORM_BUCKETS 512u

enum name_kind {
    NAME_NONE,
    NAME_VAR,
    NAME_FUNC,
};

struct name_slot {
    const char *name;
    uint32_t hash;
    uint32_t index;
    enum name_kind kind;
};

struct index {
    struct name_slot *slots; /* open addressing, a power of two; in the heap */
    uint32_t n_slots, n_used;
    struct form *forms[FORM_BUCKETS];
};

/* Finds a function or variable of the module. */
enum name_kind vg_ptx_index_find(const struct index *index, const char *name, size_t size,
                                 uint32_t *out_index);
/* Return: 0 or -ENOMEM. */
int vg_ptx_index_add(struct index *index, const char *name, enum name_kind kind,
                     uint32_t number);

static inline struct index *
module_index(const struct vg_ptx_module *module)
{
    return module->index;
}

/* --- growing arrays (index.c) --- */

/* An array in the heap that grows while its length is not known; kept in the arena when
 * it is. */
struct grow {
    void *items;
    size_t count, room;
};

/* Adds @n zeroed items of @size bytes. Return: the first; NULL when memory has run out.
 */
void *vg_ptx_grow_add(struct grow *grow, size_t size, size_t n);
/* Copies the items into @arena and frees the heap's. Return: false: no memory. */
bool vg_ptx_grow_keep(struct grow *grow, size_t size, struct vg_arena *arena, void **out);

/* --- declarations (decl.c) --- */

/* The attributes of a variable between its space and its name. */
struct decl {
    enum vg_ptx_type type;
    enum vg_ptx_space space;
    uint8_t vector;
    uint8_t opaque;
    bool is_ptr, is_managed, has_type;
    uint32_t align; /* 0: not written */
};

/* The space that the current token names (.reg .global ...), or VG_PTX_GENERIC. */
enum vg_ptx_space vg_ptx_decl_space(const struct lexer *lexer);
/* Takes the space, which is the current token, and [.align N] [.v4] .type [.ptr ...] in
 * any order, up to the name. */
int vg_ptx_decl_parse(struct lexer *lexer, struct decl *out);
/* Takes name and [dims], and fills @var from @decl; no initialiser. */
int vg_ptx_decl_var(struct lexer *lexer, const struct decl *decl, struct vg_ptx_var *var);
/* Takes .attribute(...). */
int vg_ptx_decl_attribute(struct lexer *lexer, struct decl *decl);
/* Takes an identifier. @out: a copy in the module's arena. */
int vg_ptx_decl_name(struct lexer *lexer, const char **out);
/* Takes an integer not above @max. */
int vg_ptx_decl_uint(struct lexer *lexer, uint64_t max, uint64_t *out);
/* Takes .loc, .file, .section, .pragma: what only debuggers and tuners read.
 * @out_skipped: whether there was one. */
int vg_ptx_decl_skip_debug(struct lexer *lexer, bool *out_skipped);
/* Takes = and an initialiser; the symbols in it become relocs by name, to be resolved
 * with vg_ptx_init_resolve() when all of the module is known. */
int vg_ptx_init_parse(struct lexer *lexer, struct vg_ptx_var *var, struct grow *pending);
int vg_ptx_init_resolve(struct lexer *lexer, const struct grow *pending);
