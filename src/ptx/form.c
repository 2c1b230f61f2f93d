/* SPDX-License-Identifier: Apache-2.0 */

/*
 * form - mnemonics with their suffixes, decoded once per module, and the check of
 * operands against them.
 *
 * A kernel of 20,000 instructions has some 100 forms, so what can be known from the
 * mnemonic alone is worked out once: types, suffixes and the width of each operand.
 */
#include "ptx/priv.h"

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void
set_mod(struct vg_ptx_insn *insn, unsigned mod)
{
    insn->mods[mod / 64] |= UINT64_C(1) << mod % 64;
}

/* The spaces and vectors that a suffix writes down. */
static void
note_mod(struct vg_ptx_insn *insn, unsigned mod)
{
    static const uint8_t spaces[VG_PTX_MOD_COUNT] = {
        [VG_PTX_MOD_GLOBAL] = VG_PTX_GLOBAL,
        [VG_PTX_MOD_SHARED] = VG_PTX_SHARED,
        [VG_PTX_MOD_SHARED_CTA] = VG_PTX_SHARED,
        [VG_PTX_MOD_SHARED_CLUSTER] = VG_PTX_SHARED,
        [VG_PTX_MOD_LOCAL] = VG_PTX_LOCAL,
        [VG_PTX_MOD_PARAM] = VG_PTX_PARAM,
        [VG_PTX_MOD_PARAM_ENTRY] = VG_PTX_PARAM,
        [VG_PTX_MOD_PARAM_FUNC] = VG_PTX_PARAM,
        [VG_PTX_MOD_CONST] = VG_PTX_CONST,
    };

    set_mod(insn, mod);
    if (insn->space == VG_PTX_GENERIC) {
        insn->space = spaces[mod];
    }
    if (mod == VG_PTX_MOD_V2) {
        insn->vector = 2;
    } else if (mod == VG_PTX_MOD_V4) {
        insn->vector = 4;
    } else if (mod == VG_PTX_MOD_V8) {
        insn->vector = 8;
    }
}

/* What the decoding of one mnemonic needs. */
struct decoder {
    struct lexer *lexer;
    struct vg_ptx_insn *insn;
    uint16_t suffixes[VG_PTX_MAX_SUFFIXES];
    const char *misplaced; /* the first suffix that the op does not take */
    int misplaced_size;
    bool is_unknown;
    uint64_t groups; /* of the suffixes that were read */
};

static int
decode_suffix(struct decoder *decoder, const char *text, size_t size)
{
    struct vg_ptx_insn *insn = decoder->insn;
    const struct op_row *row = &vg_ptx_op_rows[insn->op];
    unsigned value;

    switch (vg_ptx_word_find(text, size, &value)) {
    case WORD_NONE:
        decoder->is_unknown = true;
        return 0;
    case WORD_TYPE:
        if (insn->n_types == VG_PTX_MAX_TYPES) {
            return vg_ptx_fail_at(decoder->lexer, VG_PTX_SYNTAX, text,
                                  "more than %d types in one instruction",
                                  VG_PTX_MAX_TYPES);
        }
        insn->types[insn->n_types++] = (uint8_t)value;
        decoder->suffixes[insn->n_suffixes++] = (uint16_t)value;
        return 0;
    case WORD_MOD:
        break;
    }
    if ((row->groups >> vg_ptx_mod_group(value) & 1) == 0 && decoder->misplaced == NULL) {
        decoder->misplaced = text;
        decoder->misplaced_size = (int)size;
    }
    decoder->groups |= UINT64_C(1) << vg_ptx_mod_group(value);
    if (vg_ptx_mod_group(value) == VG_PTX_GROUP_PACKED) {
        decoder->is_unknown = true; /* a type, and one that nobody here computes with */
        return 0;
    }
    note_mod(insn, value);
    decoder->suffixes[insn->n_suffixes++] = (uint16_t)(VG_PTX_TYPE_COUNT + value);
    return 0;
}

/* Reads all suffixes behind the opcode. */
static int
decode_suffixes(struct decoder *decoder, const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t begin = ++at; /* behind the dot */
        while (at < size && text[at] != '.') {
            at++;
        }
        if (decoder->insn->n_suffixes == VG_PTX_MAX_SUFFIXES) {
            return vg_ptx_fail_at(decoder->lexer, VG_PTX_LIMIT, text,
                                  "more than %u suffixes", VG_PTX_MAX_SUFFIXES);
        }
        int r = decode_suffix(decoder, text + begin, at - begin);
        if (r != 0 || decoder->is_unknown) {
            return r;
        }
    }
    return 0;
}

static void
set_rule_bits(struct operand_rule *rule, char width, const struct vg_ptx_insn *insn)
{
    unsigned first = insn->n_types > 0 ? vg_ptx_type_bits(insn->types[0]) : 0;
    unsigned second = insn->n_types > 1 ? vg_ptx_type_bits(insn->types[1]) : first;

    switch (width) {
    case '1':
    case 'n':
        rule->bits = (uint8_t)first;
        rule->at_least = width == 'n';
        break;
    case '2':
    case 'm':
        rule->bits = (uint8_t)second;
        rule->at_least = width == 'm';
        break;
    case 'L':
        rule->bits = insn->n_types > 0
                         ? (uint8_t)vg_ptx_type_bits(insn->types[insn->n_types - 1])
                         : 0;
        break;
    case 'w':
        rule->bits = (uint8_t)(vg_ptx_has(insn, VG_PTX_MOD_WIDE) ? 2 * first : first);
        break;
    case 'b':
        rule->bits = 32;
        break;
    case 'q':
        rule->bits = 64;
        break;
    case 'p':
        rule->bits = 1;
        break;
    case 'a':
        rule->bits = 32;
        rule->at_least = true;
        break;
    default:
        break;
    }
}

/* The shape of the matrices: m16n8k16. Return: false when no suffix tells. */
static bool
find_shape(const struct vg_ptx_insn *insn, unsigned *m, unsigned *n, unsigned *k)
{
    for (unsigned i = 0; i < insn->n_suffixes; i++) {
        unsigned suffix = insn->suffixes[i];
        if (suffix >= VG_PTX_TYPE_COUNT &&
            sscanf(vg_ptx_mod_name((enum vg_ptx_mod)(suffix - VG_PTX_TYPE_COUNT)),
                   "m%un%uk%u", m, n, k) == 3) {
            return true;
        }
    }
    return false;
}

/* How many registers each lane gives to d, a, b and c of mma (9.7.15): a 32nd of the
 * matrix, packed into 32 bits. */
static void
set_mma_elements(struct form *form)
{
    const struct vg_ptx_insn *insn = &form->insn;
    unsigned m, n, k;

    if (!find_shape(insn, &m, &n, &k) || vg_ptx_has(insn, VG_PTX_MOD_SP)) {
        return;
    }
    const unsigned sizes[] = { m * n, m * k, k * n, m * n };
    for (unsigned i = 0; i < 4; i++) {
        unsigned bits = vg_ptx_type_bits(insn->types[i]);
        unsigned width = bits > 32 ? bits : 32;
        form->rules[i].elements = (uint8_t)(sizes[i] * bits / 32 / width);
        if (m == 8 && n == 8 && k == 4 && bits < 64) { /* four matrices at once */
            form->rules[i].elements = (uint8_t)(i == 1 || i == 2 ? 2 : bits / 4);
        }
    }
}

static void
decode_rules(struct form *form)
{
    const char *at = vg_ptx_op_rows[form->insn.op].operands;

    while (*at != '\0') {
        struct operand_rule *rule = &form->rules[form->n_rules++];
        rule->is_optional = *at == '?';
        at += rule->is_optional;
        rule->kind = at[0];
        set_rule_bits(rule, at[1], &form->insn);
        form->n_required += !rule->is_optional;
        at += at[2] == ' ' ? 3 : 2;
    }
    if (form->insn.op == VG_PTX_OP_MMA) {
        set_mma_elements(form);
    }
}

/* @what of which there are @count, and not @range[0] to @range[1] */
static int
fail_count(struct lexer *lexer, const struct form *form, const char *where,
           const char *what, unsigned count, const unsigned range[2])
{
    if (range[0] == range[1]) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where, "'%.*s' takes %u %s%s, not %u",
                              (int)form->size, form->text, range[0], what,
                              range[0] == 1 ? "" : "s", count);
    }
    return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where,
                          "'%.*s' takes %u to %u %ss, not %u", (int)form->size,
                          form->text, range[0], range[1], what, count);
}

/* Holds the types and suffixes against what the op must have. */
static int
check_needs(const struct decoder *decoder, const struct form *form)
{
    const struct vg_ptx_insn *insn = &form->insn;
    const struct op_row *row = &vg_ptx_op_rows[insn->op];
    const struct op_need *need = vg_ptx_op_need((enum vg_ptx_op)insn->op);
    uint64_t groups = need->groups;

    if (decoder->misplaced != NULL) {
        return vg_ptx_fail_at(decoder->lexer, VG_PTX_SYNTAX, decoder->misplaced,
                              "'%s' does not take the suffix '.%.*s'", row->name,
                              decoder->misplaced_size, decoder->misplaced);
    }
    if (insn->n_types < row->min_types || insn->n_types > row->max_types) {
        return fail_count(decoder->lexer, form, form->text, "type", insn->n_types,
                          (const unsigned[]){ row->min_types, row->max_types });
    }
    if (need->classes != 0 && insn->n_types > 0 &&
        (need->classes >> vg_ptx_type_class(insn->types[0]) & 1) == 0) {
        return vg_ptx_fail_at(decoder->lexer, VG_PTX_SYNTAX, form->text,
                              "'%s' has no type .%s", row->name,
                              vg_ptx_type_name(insn->types[0]));
    }
    /* the product of integers has two halves, and one must be chosen */
    if ((insn->op == VG_PTX_OP_MUL || insn->op == VG_PTX_OP_MAD) &&
        vg_ptx_type_class(insn->types[0]) != VG_PTX_FLOAT) {
        groups = UINT64_C(1) << VG_PTX_GROUP_HALF;
    }
    if (groups != 0 && (groups & decoder->groups) == 0) {
        return vg_ptx_fail_at(decoder->lexer, VG_PTX_SYNTAX, form->text,
                              "'%.*s' lacks a suffix", (int)form->size, form->text);
    }
    return 0;
}

static int
decode_form(struct lexer *lexer, struct form *form)
{
    struct decoder decoder = { .lexer = lexer, .insn = &form->insn };
    const char *dot = memchr(form->text, '.', form->size);
    size_t op_size = dot == NULL ? form->size : (size_t)(dot - form->text);
    struct vg_ptx_insn *insn = &form->insn;
    int r;

    insn->guard = -1;
    insn->vector = 1;
    insn->op = (uint16_t)vg_ptx_op_find(form->text, op_size);
    decoder.is_unknown = insn->op == VG_PTX_OP_UNKNOWN;
    if (!decoder.is_unknown) {
        r = decode_suffixes(&decoder, form->text + op_size, form->size - op_size);
        if (r != 0) {
            return r;
        }
    }
    if (decoder.is_unknown) {
        *insn = (struct vg_ptx_insn){ .guard = -1, .vector = 1 };
        insn->text = vg_arena_strndup(lexer->module->arena, form->text, form->size);
        return insn->text == NULL ? -ENOMEM : 0;
    }
    r = check_needs(&decoder, form);
    if (r != 0) {
        return r;
    }
    uint16_t *suffixes =
        vg_arena_array(lexer->module->arena, insn->n_suffixes, sizeof(*suffixes));
    if (suffixes == NULL) {
        return -ENOMEM;
    }
    memcpy(suffixes, decoder.suffixes, insn->n_suffixes * sizeof(*suffixes));
    insn->suffixes = suffixes;
    decode_rules(form);
    return 0;
}

int
vg_ptx_form_get(struct lexer *lexer, const char *text, size_t size,
                const struct form **out)
{
    struct index *index = module_index(lexer->module);
    uint32_t hash = hash_bytes(text, size);
    struct form **bucket = &index->forms[hash % FORM_BUCKETS];
    int r;

    for (const struct form *form = *bucket; form != NULL; form = form->next) {
        if (form->hash == hash && form->size == size &&
            memcmp(form->text, text, size) == 0) {
            *out = form;
            return 0;
        }
    }
    if (size > VG_PTX_MAX_MNEMONIC) {
        return vg_ptx_fail_at(lexer, VG_PTX_LIMIT, text, "a mnemonic of %zu bytes", size);
    }
    struct form *form = vg_arena_alloc(lexer->module->arena, sizeof(*form));
    if (form == NULL) {
        return -ENOMEM;
    }
    form->text = text;
    form->size = (uint32_t)size;
    form->hash = hash;
    r = decode_form(lexer, form);
    if (r != 0) {
        return r;
    }
    form->next = *bucket;
    *bucket = form;
    *out = form;
    return 0;
}

static bool
kind_fits(char rule, const struct vg_ptx_operand *operand)
{
    enum vg_ptx_operand_kind kind = (enum vg_ptx_operand_kind)operand->kind;

    if (operand->negated && rule != 'p' && rule != 'x') {
        return false;
    }
    switch (rule) {
    case 'd':
        return kind == VG_PTX_OPERAND_REG || kind == VG_PTX_OPERAND_SINK ||
               kind == VG_PTX_OPERAND_COMPONENT;
    case 'D':
        return kind == VG_PTX_OPERAND_VECTOR || kind == VG_PTX_OPERAND_PAIR ||
               kind_fits('d', operand);
    case 's':
        return kind == VG_PTX_OPERAND_REG || kind == VG_PTX_OPERAND_INT ||
               kind == VG_PTX_OPERAND_FLOAT || kind == VG_PTX_OPERAND_SREG ||
               kind == VG_PTX_OPERAND_VAR || kind == VG_PTX_OPERAND_FUNC ||
               kind == VG_PTX_OPERAND_COMPONENT;
    case 'S':
    case 'v':
        return kind == VG_PTX_OPERAND_VECTOR || kind_fits('s', operand);
    case 'P':
        return kind == VG_PTX_OPERAND_PAIR || kind_fits('d', operand);
    case 'p':
        return kind == VG_PTX_OPERAND_REG || kind == VG_PTX_OPERAND_INT;
    case 'm':
        return kind == VG_PTX_OPERAND_ADDRESS;
    case 'i':
        return kind == VG_PTX_OPERAND_INT || kind == VG_PTX_OPERAND_FLOAT;
    case 'l':
        return kind == VG_PTX_OPERAND_LABEL || kind == VG_PTX_OPERAND_TARGETS;
    default:
        return kind != VG_PTX_OPERAND_NONE && kind != VG_PTX_OPERAND_LIST;
    }
}

static const char *
kind_text(char rule)
{
    switch (rule) {
    case 'd':
        return "a register";
    case 'D':
        return "a register, vector or pair";
    case 's':
        return "a register or constant";
    case 'S':
    case 'v':
        return "a register, constant or vector";
    case 'P':
        return "a predicate or a pair of them";
    case 'p':
        return "a predicate";
    case 'm':
        return "an address";
    case 'i':
        return "a constant";
    case 'l':
        return "a label";
    default:
        return "an operand";
    }
}

/* Holds one register against the width of the rule. */
static bool
width_fits(const struct operand_rule *rule, const struct vg_ptx_reg *reg)
{
    unsigned bits = vg_ptx_type_bits(reg->type);

    if (rule->bits == 0) {
        return true;
    }
    if (reg->vector > 1) {
        return true; /* its components are what is read */
    }
    if (rule->at_least) {
        return bits >= rule->bits && (bits == 1) == (rule->bits == 1);
    }
    return bits == rule->bits;
}

static const struct operand_rule predicate_rule = { .bits = 1 };

static int
fail_width(struct lexer *lexer, const struct form *form, const struct operand_rule *rule,
           const struct vg_ptx_reg *reg, unsigned number, const char *where)
{
    char wanted[32];

    if (rule->bits == 1) {
        snprintf(wanted, sizeof(wanted), "a predicate");
    } else {
        snprintf(wanted, sizeof(wanted), "%s%u bits wide",
                 rule->at_least ? "at least " : "", rule->bits);
    }
    return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where,
                          "operand %u of '%.*s': register '%.60s' is .%s, not %s",
                          number + 1, (int)form->size, form->text, reg->name,
                          vg_ptx_type_name(reg->type), wanted);
}

/* The element of a vector or pair that does not fit: each is of the type's width in ld.v4
 * and st.v4; in d|p the second is a predicate. Return: NULL when all fit. */
static const struct vg_ptx_reg *
misfit_element(const struct form *form, const struct operand_rule *rule,
               const struct vg_ptx_reg *regs, const struct vg_ptx_operand *operand)
{
    bool is_pair = operand->kind == VG_PTX_OPERAND_PAIR;

    if (!is_pair && form->insn.vector == 1) {
        return NULL;
    }
    for (unsigned i = 0; i < operand->count; i++) {
        const struct vg_ptx_operand *elem = &operand->elems[i];
        if (elem->kind == VG_PTX_OPERAND_REG &&
            !width_fits(is_pair && i == 1 ? &predicate_rule : rule, &regs[elem->reg])) {
            return &regs[elem->reg];
        }
    }
    return NULL;
}

/* mov packs and unpacks: the elements together are as wide as the type. */
static bool
packing_fits(const struct form *form, const struct operand_rule *rule,
             const struct vg_ptx_reg *regs, const struct vg_ptx_operand *operand)
{
    unsigned bits = 0;

    if (form->insn.op != VG_PTX_OP_MOV || operand->kind != VG_PTX_OPERAND_VECTOR ||
        form->insn.vector > 1) {
        return true;
    }
    for (unsigned i = 0; i < operand->count; i++) {
        const struct vg_ptx_operand *elem = &operand->elems[i];
        if (elem->kind != VG_PTX_OPERAND_REG) {
            return true;
        }
        bits += vg_ptx_type_bits(regs[elem->reg].type);
    }
    return bits == rule->bits;
}

static int
check_operand(struct lexer *lexer, const struct form *form, const struct vg_ptx_reg *regs,
              const struct vg_ptx_insn *insn, unsigned number, const char *where)
{
    const struct operand_rule *rule = &form->rules[number];
    const struct vg_ptx_operand *operand = &insn->operands[number];
    const struct vg_ptx_reg *misfit = NULL;

    if (!kind_fits(rule->kind, operand)) {
        return vg_ptx_fail_at(lexer, VG_PTX_SYNTAX, where,
                              "operand %u of '%.*s' is not %s", number + 1,
                              (int)form->size, form->text, kind_text(rule->kind));
    }
    if (operand->kind == VG_PTX_OPERAND_REG) {
        misfit = width_fits(rule, &regs[operand->reg]) ? NULL : &regs[operand->reg];
    } else if (operand->kind == VG_PTX_OPERAND_VECTOR ||
               operand->kind == VG_PTX_OPERAND_PAIR) {
        misfit = misfit_element(form, rule, regs, operand);
    }
    if (rule->elements > 0 && operand->kind == VG_PTX_OPERAND_VECTOR &&
        operand->count != rule->elements) {
        return vg_ptx_fail_at(
            lexer, VG_PTX_SYNTAX, where, "operand %u of '%.*s' has %u elements, not %u",
            number + 1, (int)form->size, form->text, rule->elements, operand->count);
    }
    if (!packing_fits(form, rule, regs, operand)) {
        return vg_ptx_fail_at(
            lexer, VG_PTX_SYNTAX, where,
            "operand %u of '%.*s': the elements are not %u bits together", number + 1,
            (int)form->size, form->text, rule->bits);
    }
    if (misfit == NULL) {
        return 0;
    }
    if (operand->kind == VG_PTX_OPERAND_PAIR && misfit == &regs[operand->elems[1].reg]) {
        rule = &predicate_rule;
    }
    return fail_width(lexer, form, rule, misfit, number, where);
}

int
vg_ptx_form_check(struct lexer *lexer, const struct form *form,
                  const struct vg_ptx_reg *regs, const struct vg_ptx_insn *insn,
                  const char *const *places)
{
    int r;

    if (insn->op == VG_PTX_OP_UNKNOWN || insn->op == VG_PTX_OP_CALL) {
        return 0;
    }
    if (insn->n_operands < form->n_required || insn->n_operands > form->n_rules) {
        return fail_count(lexer, form, places[0], "operand", insn->n_operands,
                          (const unsigned[]){ form->n_required, form->n_rules });
    }
    for (unsigned i = 0; i < insn->n_operands; i++) {
        r = check_operand(lexer, form, regs, insn, i, places[i + 1]);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int
vg_ptx_insn_form(const struct vg_ptx_insn *insn, char *buffer, size_t size)
{
    const char *name = insn->op == VG_PTX_OP_UNKNOWN && insn->text != NULL
                           ? insn->text
                           : vg_ptx_op_name((enum vg_ptx_op)insn->op);
    int length = snprintf(buffer, size, "%s", name);

    for (unsigned i = 0; i < insn->n_suffixes; i++) {
        unsigned suffix = insn->suffixes[i];
        size_t at = (size_t)length < size ? (size_t)length : size;
        name = suffix < VG_PTX_TYPE_COUNT
                   ? vg_ptx_type_name((enum vg_ptx_type)suffix)
                   : vg_ptx_mod_name((enum vg_ptx_mod)(suffix - VG_PTX_TYPE_COUNT));
        length += snprintf(buffer + at, size - at, ".%s", name);
    }
    return length;
}
