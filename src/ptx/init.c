/* SPDX-License-Identifier: Apache-2.0 */

/*
 * init - initialisers of module variables (PTX ISA 5.4.4).
 *
 * Values go to their bytes at once; symbols are resolved when the whole module is known.
 */
#include "ptx/priv.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A symbol of an initialiser, until its module is known. */
struct pending_reloc {
    struct vg_ptx_reloc *reloc;
    const char *name;
    uint32_t size;
};

struct init {
    struct lexer *lexer;
    struct vg_ptx_var *var;
    struct grow bytes;
    struct grow relocs; /* struct vg_ptx_reloc */
    struct grow names;  /* struct pending_reloc, reloc unset; one for each reloc */
};

/* +8, -8, +-8 behind a symbol */
static int
take_addend(struct lexer *lexer, int64_t *out)
{
    const char *where = lexer->token.text;
    struct number number;
    int r = vg_ptx_expr_parse(lexer, &number);

    if (r != 0) {
        return r;
    }
    if (number.is_float) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "this is no integer");
    }
    *out = (int64_t)((uint64_t)*out + number.bits);
    return 0;
}

/* name, generic(name), with +N */
static int
take_symbol(struct init *init, size_t offset)
{
    struct lexer *lexer = init->lexer;
    size_t width = vg_ptx_type_bits(init->var->type) / 8;
    struct vg_ptx_reloc *reloc = vg_ptx_grow_add(&init->relocs, sizeof(*reloc), 1);
    struct pending_reloc *name = vg_ptx_grow_add(&init->names, sizeof(*name), 1);

    if (reloc == NULL || name == NULL) {
        return -ENOMEM;
    }
    if (width != 4 && width != 8) {
        return vg_ptx_fail(lexer, "an address in a variable of type .%s",
                           vg_ptx_type_name(init->var->type));
    }
    *reloc = (struct vg_ptx_reloc){
        .offset = offset, .var = UINT32_MAX, .func = UINT32_MAX, .size = (uint8_t)width
    };
    if (vg_ptx_lex_is_word(lexer, "generic")) {
        vg_ptx_lex_next(lexer);
        int r = vg_ptx_lex_want(lexer, '(');
        if (r != 0) {
            return r;
        }
        reloc->generic = true;
    }
    if (lexer->token.kind != TOKEN_IDENT) {
        return vg_ptx_fail_expected(lexer, "a name");
    }
    name->name = lexer->token.text;
    name->size = lexer->token.size;
    vg_ptx_lex_next(lexer);
    for (unsigned i = 0; i < 2; i++) { /* the addend in the parentheses or behind them */
        if (lex_is(lexer, '+') || lex_is(lexer, '-')) {
            int r = take_addend(lexer, &reloc->addend);
            if (r != 0) {
                return r;
            }
        }
        if (i == 0 && reloc->generic) {
            int r = vg_ptx_lex_want(lexer, ')');
            if (r != 0) {
                return r;
            }
        }
    }
    return 0;
}

/* The bytes of a number as the variable's type wants them. */
static bool
convert_number(enum vg_ptx_type type, const struct number *number, uint64_t *out)
{
    double value;
    float single;

    *out = number->bits;
    if (!number->is_float) {
        if (type == VG_PTX_F64) {
            value = (double)(int64_t)*out;
            memcpy(out, &value, sizeof(value));
        } else if (type == VG_PTX_F32) {
            single = (float)(int64_t)*out;
            *out = 0;
            memcpy(out, &single, sizeof(single));
        }
        return true; /* of the small float types, integers are the bits */
    }
    if (number->is_single) {
        if (type != VG_PTX_F64) {
            return vg_ptx_type_bits(type) == 32;
        }
        memcpy(&single, out, sizeof(single));
        value = (double)single;
        memcpy(out, &value, sizeof(value));
        return true;
    }
    if (type == VG_PTX_F32) {
        memcpy(&value, out, sizeof(value));
        single = (float)value;
        *out = 0;
        memcpy(out, &single, sizeof(single));
        return true;
    }
    return vg_ptx_type_bits(type) == 64;
}

/* One number or symbol, to @offset. */
static int
take_scalar(struct init *init, size_t offset)
{
    struct lexer *lexer = init->lexer;
    size_t width = vg_ptx_type_bits(init->var->type) / 8;
    struct number number;
    uint64_t value;
    const char *where = lexer->token.text;
    char *bytes;
    int r;

    if (offset + width > init->bytes.count) {
        size_t more = offset + width - init->bytes.count;
        if (offset + width > VG_PTX_MAX_INIT_SIZE) {
            return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, lexer->token.text,
                                  "an initialiser that is too large");
        }
        if (vg_ptx_grow_add(&init->bytes, 1, more) == NULL) {
            return -ENOMEM;
        }
    }
    if (lexer->token.kind == TOKEN_IDENT) {
        return take_symbol(init, offset);
    }
    r = vg_ptx_expr_parse(lexer, &number);
    if (r != 0) {
        return r;
    }
    if (!convert_number(init->var->type, &number, &value)) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where,
                              "a constant that does not fit type .%s",
                              vg_ptx_type_name(init->var->type));
    }
    bytes = init->bytes.items;
    if (bytes == NULL) {
        return -ENOMEM;
    }
    memcpy(bytes + offset, &value, width < 8 ? width : 8);
    return 0;
}

/* What { and , do: how far each level of braces reaches. Levels are the dimensions, then
 * the components of a vector. */
struct levels {
    uint64_t unit[VG_PTX_MAX_DIMS + 2]; /* bytes that an item of this level takes */
    uint64_t begin[VG_PTX_MAX_DIMS + 2];
    unsigned depth, max_depth;
};

static void
fill_levels(const struct vg_ptx_var *var, struct levels *levels)
{
    uint64_t width = vg_ptx_type_bits(var->type) / 8;

    levels->max_depth = var->n_dims + (var->vector > 1);
    for (unsigned i = 0; i <= levels->max_depth; i++) {
        uint64_t unit =
            i < levels->max_depth || var->vector == 1 ? width * var->vector : width;
        for (unsigned d = i; d < var->n_dims; d++) {
            unit *= var->dims[d];
        }
        levels->unit[i] = unit;
    }
}

/* The items of { ... }, nested as the dimensions are; without recursion. */
static int
take_items(struct init *init, struct levels *levels)
{
    struct lexer *lexer = init->lexer;
    uint64_t width = vg_ptx_type_bits(init->var->type) / 8;
    uint64_t offset = 0;
    int r;

    for (;;) {
        while (lex_is(lexer, '{')) {
            if (levels->depth == levels->max_depth) {
                return vg_ptx_fail(lexer, "more braces than dimensions");
            }
            levels->begin[levels->depth++] = offset;
            vg_ptx_lex_next(lexer);
        }
        if (!lex_is(lexer, '}')) {
            r = take_scalar(init, offset);
            if (r != 0) {
                return r;
            }
            offset += width;
        }
        while (lex_is(lexer, '}')) {
            uint64_t begin = levels->begin[--levels->depth];
            uint64_t unit = levels->unit[levels->depth];
            bool is_open = levels->depth == 0 && init->var->is_unsized;
            if (!is_open && offset > begin + unit) {
                return vg_ptx_fail(lexer, "more values than '%.60s' has room for",
                                   init->var->name);
            }
            offset = is_open ? offset : begin + unit;
            vg_ptx_lex_next(lexer);
            if (levels->depth == 0) {
                return 0;
            }
        }
        r = vg_ptx_lex_want(lexer, ',');
        if (r != 0) {
            return r;
        }
    }
}

/* An array without a size gets the one of its initialiser. */
static int
set_unsized(struct init *init)
{
    struct vg_ptx_var *var = init->var;
    uint64_t item = (uint64_t)vg_ptx_type_bits(var->type) / 8 * var->vector;
    uint64_t *dims =
        vg_arena_array(init->lexer->module->arena, var->n_dims, sizeof(*dims));

    if (dims == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 1; i < var->n_dims; i++) {
        dims[i] = var->dims[i];
        item *= dims[i];
    }
    dims[0] = item == 0 ? 0 : (init->bytes.count + item - 1) / item;
    var->dims = dims;
    var->size = dims[0] * item;
    var->is_unsized = false;
    return 0;
}

static int
keep_init(struct init *init, struct grow *pending)
{
    struct vg_ptx_var *var = init->var;
    struct vg_arena *arena = init->lexer->module->arena;
    const struct pending_reloc *names = init->names.items;
    struct pending_reloc *kept = NULL;
    size_t n_relocs = init->relocs.count;
    uint8_t *bytes;
    void *relocs;

    if (var->is_unsized) {
        int r = set_unsized(init);
        if (r != 0) {
            return r;
        }
    }
    bytes = vg_arena_alloc(arena, var->size);
    if (bytes == NULL ||
        !vg_ptx_grow_keep(&init->relocs, sizeof(struct vg_ptx_reloc), arena, &relocs)) {
        return -ENOMEM;
    }
    if (init->bytes.count > 0) {
        memcpy(bytes, init->bytes.items,
               init->bytes.count < var->size ? init->bytes.count : var->size);
    }
    if (n_relocs > 0) {
        kept = vg_ptx_grow_add(pending, sizeof(*kept), n_relocs);
        if (kept == NULL) {
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < n_relocs; i++) {
        kept[i] = names[i];
        kept[i].reloc = (struct vg_ptx_reloc *)relocs + i;
    }
    var->init = bytes;
    var->relocs = relocs;
    var->n_relocs = n_relocs;
    return 0;
}

int
vg_ptx_init_parse(struct lexer *lexer, struct vg_ptx_var *var, struct grow *pending)
{
    struct init init = { .lexer = lexer, .var = var };
    struct levels levels = { 0 };
    int r;

    vg_ptx_lex_next(lexer); /* = */
    if (var->size > VG_PTX_MAX_INIT_SIZE) {
        return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, lexer->token.text,
                              "an initialiser that is too large");
    }
    if (var->opaque != VG_PTX_NOT_OPAQUE) {
        return vg_ptx_fail(lexer, "an initialiser of an opaque variable");
    }
    fill_levels(var, &levels);
    r = lex_is(lexer, '{') ? take_items(&init, &levels) : take_scalar(&init, 0);
    if (r == 0) {
        r = keep_init(&init, pending);
    }
    free(init.bytes.items);
    free(init.relocs.items);
    free(init.names.items);
    return r;
}

int
vg_ptx_init_resolve(struct lexer *lexer, const struct grow *pending)
{
    const struct pending_reloc *names = pending->items;
    const struct index *index = module_index(lexer->module);

    for (size_t i = 0; i < pending->count; i++) {
        uint32_t number;
        switch (vg_ptx_index_find(index, names[i].name, names[i].size, &number)) {
        case NAME_VAR:
            names[i].reloc->var = number;
            break;
        case NAME_FUNC:
            names[i].reloc->func = number;
            break;
        case NAME_NONE:
            return vg_ptx_fail_at(
                lexer, VG_PTX_SYNTAX, names[i].name, "unknown name '%.*s'",
                names[i].size < 100 ? (int)names[i].size : 100, names[i].name);
        }
    }
    return 0;
}
