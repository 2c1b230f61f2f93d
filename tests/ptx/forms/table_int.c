/* SPDX-License-Identifier: Apache-2.0 */

/* table_int - integer arithmetic (PTX manual 9.7.1, 9.7.2), on 128-bit integers. */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"

enum op {
    ADD,
    SUB,
    MUL_LO,
    MUL_HI,
    MUL_WIDE,
    MAD_LO,
    MAD_HI,
    MAD_WIDE,
    DIV,
    REM,
    MIN,
    MAX,
    SAD,
    ABS,
    NEG,
    ADD_SAT,
    SUB_SAT,
    MAD_HI_SAT,
    MUL24_LO,
    MUL24_HI,
    MAD24_LO,
    MAD24_HI,
};

struct int_type {
    const char *name;
    char kind;
    int bits;
    bool is_signed;
};

static const struct int_type int_types[] = {
    { "s16", 'h', 16, true },  { "u16", 'h', 16, false }, { "s32", 'r', 32, true },
    { "u32", 'r', 32, false }, { "s64", 'd', 64, true },  { "u64", 'd', 64, false },
};

/* p: op, bits, is_signed */
static vg_s128
value(const struct vg_form *form, uint64_t bits)
{
    int width = form->p[1];
    bool negative = form->p[2] != 0 && (bits >> (width - 1) & 1) != 0;

    return (vg_s128)bits - (negative ? (vg_s128)1 << width : 0);
}

static vg_s128
low24(const struct vg_form *form, uint64_t bits)
{
    vg_s128 v = (vg_s128)(bits & 0xffffff);

    return form->p[2] != 0 && (bits >> 23 & 1) != 0 ? v - 0x1000000 : v;
}

static vg_s128
clamp(const struct vg_form *form, vg_s128 v)
{
    vg_s128 max = ((vg_s128)1 << (form->p[1] - 1)) - 1;

    return v > max ? max : v < -max - 1 ? -max - 1 : v;
}

/* The product modulo 2^128. */
static vg_s128
product(vg_s128 a, vg_s128 b)
{
    return (vg_s128)((vg_u128)a * (vg_u128)b);
}

static uint64_t
upper(const struct vg_form *form, vg_s128 v)
{
    return (uint64_t)((vg_u128)v >> form->p[1]);
}

static bool
ref_division(const struct vg_form *form, vg_s128 a, vg_s128 b, uint64_t *out)
{
    if (b == 0) {
        return false; /* unspecified; it must only not stop the program */
    }
    out[0] = (uint64_t)(form->p[0] == DIV ? a / b : a % b);
    return true;
}

static bool
ref_int(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    vg_s128 a = value(form, in[0]);
    vg_s128 b = value(form, in[1]);
    vg_s128 c = value(form, in[2]);
    uint64_t mask = UINT64_MAX >> (64 - form->p[1]);
    uint64_t r = 0;

    switch ((enum op)form->p[0]) {
    case ADD:
        r = (uint64_t)(a + b);
        break;
    case SUB:
        r = (uint64_t)(a - b);
        break;
    case MUL_LO:
        r = (uint64_t)product(a, b);
        break;
    case MUL_HI:
        r = upper(form, product(a, b));
        break;
    case MAD_LO:
        r = (uint64_t)(product(a, b) + c);
        break;
    case MAD_HI:
        r = upper(form, product(a, b)) + in[2];
        break;
    case MAD_HI_SAT:
        r = (uint64_t)clamp(form, (product(a, b) >> form->p[1]) + c);
        break;
    case MUL_WIDE:
    case MAD_WIDE: /* the third operand has twice the bits */
        out[0] = (uint64_t)product(a, b) + (form->p[0] == MAD_WIDE ? in[2] : 0);
        out[0] &= UINT64_MAX >> (64 - 2 * form->p[1]);
        return true;
    case DIV:
    case REM:
        if (!ref_division(form, a, b, &r)) {
            return false;
        }
        break;
    case MIN:
        r = (uint64_t)(a < b ? a : b);
        break;
    case MAX:
        r = (uint64_t)(a > b ? a : b);
        break;
    case SAD:
        r = in[2] + (uint64_t)(a < b ? b - a : a - b);
        break;
    case ABS:
        r = (uint64_t)(a < 0 ? -a : a);
        break;
    case NEG:
        r = (uint64_t)-a;
        break;
    case ADD_SAT:
        r = (uint64_t)clamp(form, a + b);
        break;
    case SUB_SAT:
        r = (uint64_t)clamp(form, a - b);
        break;
    case MUL24_LO:
    case MAD24_LO:
        r = (uint64_t)(low24(form, in[0]) * low24(form, in[1]));
        r += form->p[0] == MAD24_LO ? in[2] : 0;
        break;
    case MUL24_HI:
    case MAD24_HI:
        r = (uint64_t)(low24(form, in[0]) * low24(form, in[1]) >> 16);
        r += form->p[0] == MAD24_HI ? in[2] : 0;
        break;
    }
    out[0] = r & mask;
    return true;
}

/* types: first letters of the bits (1 3 6) and signs that exist, as "su136" */
struct int_op {
    const char *stem;
    enum op op;
    int n_in;
    const char *types;
};

static const struct int_op int_ops[] = {
    { "add", ADD, 2, "su136" },          { "sub", SUB, 2, "su136" },
    { "mul.lo", MUL_LO, 2, "su136" },    { "mul.hi", MUL_HI, 2, "su136" },
    { "mul.wide", MUL_WIDE, 2, "su13" }, { "mad.lo", MAD_LO, 3, "su136" },
    { "mad.hi", MAD_HI, 3, "su136" },    { "mad.wide", MAD_WIDE, 3, "su13" },
    { "div", DIV, 2, "su136" },          { "rem", REM, 2, "su136" },
    { "min", MIN, 2, "su136" },          { "max", MAX, 2, "su136" },
    { "sad", SAD, 3, "su136" },          { "abs", ABS, 1, "s136" },
    { "neg", NEG, 1, "s136" },           { "add.sat", ADD_SAT, 2, "s3" },
    { "sub.sat", SUB_SAT, 2, "s3" },     { "mad.hi.sat", MAD_HI_SAT, 3, "s3" },
    { "mul24.lo", MUL24_LO, 2, "su3" },  { "mul24.hi", MUL24_HI, 2, "su3" },
    { "mad24.lo", MAD24_LO, 3, "su3" },  { "mad24.hi", MAD24_HI, 3, "su3" },
};

static char
twice(char kind)
{
    return kind == 'h' ? 'r' : 'd';
}

static void
add_int_op(struct vg_forms *forms, const struct int_op *op, const struct int_type *type)
{
    struct vg_form form = { .ref = ref_int, .p = { (int)op->op, type->bits, 0, 0 } };
    bool wide = op->op == MUL_WIDE || op->op == MAD_WIDE;
    size_t n = 0;

    form.p[2] = type->is_signed;
    snprintf(form.name, sizeof(form.name), "%s.%s", op->stem, type->name);
    form.shape[n++] = wide ? twice(type->kind) : type->kind;
    form.shape[n++] = '=';
    for (int i = 0; i < op->n_in; i++) {
        form.shape[n++] = wide && i == 2 ? twice(type->kind) : type->kind;
    }
    vg_forms_add(forms, &form);
}

/* Chains through the carry flag: two words, then the carry itself as a third. */
enum chain {
    CHAIN_ADD,
    CHAIN_SUB,
    CHAIN_MAD
};

static bool
ref_chain(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    int width = form->p[1];
    uint64_t mask = UINT64_MAX >> (64 - width);
    vg_s128 carry = 0;
    vg_s128 sum;

    switch ((enum chain)form->p[0]) {
    case CHAIN_ADD:
        sum = (vg_s128)in[0] + (vg_s128)in[1];
        out[0] = (uint64_t)sum & mask;
        sum = (vg_s128)in[2] + (vg_s128)in[3] + (sum >> width);
        out[1] = (uint64_t)sum & mask;
        out[2] = (in[0] + in[3] + (uint64_t)(sum >> width)) & mask;
        return true;
    case CHAIN_SUB:
        sum = (vg_s128)in[0] - (vg_s128)in[1];
        out[0] = (uint64_t)sum & mask;
        sum = (vg_s128)in[2] - (vg_s128)in[3] - (sum < 0);
        out[1] = (uint64_t)sum & mask;
        out[2] = (in[0] - in[3] - (uint64_t)(sum < 0)) & mask;
        return true;
    case CHAIN_MAD: {
        vg_s128 a = value(form, in[0]);
        vg_s128 b = value(form, in[1]);
        uint64_t low = (uint64_t)product(a, b) & mask;
        uint64_t high = upper(form, product(a, b)) & mask;
        sum = (vg_s128)low + (vg_s128)in[2];
        out[0] = (uint64_t)sum & mask;
        carry = sum >> width;
        sum = (vg_s128)high + (vg_s128)in[3] + carry;
        out[1] = (uint64_t)sum & mask;
        carry = sum >> width;
        sum = (vg_s128)low + (vg_s128)in[3] + carry;
        out[2] = (uint64_t)sum & mask;
        carry = sum >> width;
        out[3] = (high + in[2] + (uint64_t)carry) & mask;
        return true;
    }
    }
    return false;
}

static void
add_chain(struct vg_forms *forms, const struct int_type *type)
{
    const char *t = type->name;
    char kind = type->kind;
    struct vg_form form = { .ref = ref_chain,
                            .p = { CHAIN_ADD, type->bits, type->is_signed, 0 },
                            .flags = VG_FORM_SEVERAL };

    snprintf(form.shape, sizeof(form.shape), "%c%c%c=%c%c%c%c", kind, kind, kind, kind,
             kind, kind, kind);
    snprintf(form.name, sizeof(form.name), "add.cc.%s\naddc.cc.%s\naddc.%s", t, t, t);
    snprintf(form.text, sizeof(form.text),
             "add.cc.%s %%o0, %%a0, %%a1;\naddc.cc.%s %%o1, %%a2, %%a3;\n"
             "addc.%s %%o2, %%a0, %%a3;",
             t, t, t);
    vg_forms_add(forms, &form);
    form.p[0] = CHAIN_SUB;
    snprintf(form.name, sizeof(form.name), "sub.cc.%s\nsubc.cc.%s\nsubc.%s", t, t, t);
    snprintf(form.text, sizeof(form.text),
             "sub.cc.%s %%o0, %%a0, %%a1;\nsubc.cc.%s %%o1, %%a2, %%a3;\n"
             "subc.%s %%o2, %%a0, %%a3;",
             t, t, t);
    vg_forms_add(forms, &form);
    form.p[0] = CHAIN_MAD;
    snprintf(form.shape, sizeof(form.shape), "%c%c%c%c=%c%c%c%c", kind, kind, kind, kind,
             kind, kind, kind, kind);
    snprintf(form.name, sizeof(form.name),
             "mad.lo.cc.%s\nmadc.hi.cc.%s\nmadc.lo.cc.%s\nmadc.hi.%s", t, t, t, t);
    snprintf(form.text, sizeof(form.text),
             "mad.lo.cc.%s %%o0, %%a0, %%a1, %%a2;\n"
             "madc.hi.cc.%s %%o1, %%a0, %%a1, %%a3;\n"
             "madc.lo.cc.%s %%o2, %%a0, %%a1, %%a3;\n"
             "madc.hi.%s %%o3, %%a0, %%a1, %%a2;",
             t, t, t, t);
    vg_forms_add(forms, &form);
}

/* dp4a, dp2a: p[0] bytes per step of b's start (4: dp4a; 0, 2: dp2a.lo, .hi),
 * p[1], p[2]: a, b signed */
static int64_t
part(uint64_t word, int index, int bits, bool is_signed)
{
    uint64_t v = word >> (index * bits) & ((1u << bits) - 1);

    return (int64_t)v - (is_signed && v >> (bits - 1) != 0 ? (int64_t)1 << bits : 0);
}

static bool
ref_dot(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    bool is_dp4a = form->p[0] == 4;
    int64_t sum = 0;

    for (int i = 0; i < (is_dp4a ? 4 : 2); i++) {
        int64_t a = part(in[0], i, is_dp4a ? 8 : 16, form->p[1] != 0);
        int64_t b = part(in[1], is_dp4a ? i : form->p[0] + i, 8, form->p[2] != 0);
        sum += a * b;
    }
    out[0] = (in[2] + (uint64_t)sum) & 0xffffffff;
    return true;
}

static void
add_dots(struct vg_forms *forms)
{
    static const char *const stems[] = { "dp2a.lo", "dp2a.hi", "dp4a" };

    for (int stem = 0; stem < 3; stem++) {
        for (int signs = 0; signs < 4; signs++) {
            struct vg_form form = { .ref = ref_dot,
                                    .shape = "r=rrr",
                                    .p = { 2 * stem, signs & 1, signs >> 1, 0 } };
            snprintf(form.name, sizeof(form.name), "%s.%s.%s", stems[stem],
                     (signs & 1) != 0 ? "s32" : "u32", (signs & 2) != 0 ? "s32" : "u32");
            vg_forms_add(forms, &form);
        }
    }
}

/* two 16-bit lanes in a word; p: op, 16, is_signed */
static bool
ref_two(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t low[3] = { in[0] & 0xffff, in[1] & 0xffff, 0 };
    uint64_t high[3] = { in[0] >> 16, in[1] >> 16, 0 };
    uint64_t upper_lane = 0;

    (void)ref_int(form, low, &out[0]);
    (void)ref_int(form, high, &upper_lane);
    out[0] |= upper_lane << 16;
    return true;
}

static void
add_twos(struct vg_forms *forms)
{
    static const char *const names[] = { "add", "min", "max" };
    static const int ops[] = { ADD, MIN, MAX };

    for (int i = 0; i < 6; i++) {
        struct vg_form form = { .ref = ref_two,
                                .shape = "r=rr",
                                .p = { ops[i / 2], 16, 0 } };
        form.p[2] = i & 1;
        snprintf(form.name, sizeof(form.name), "%s.%s", names[i / 2],
                 (i & 1) != 0 ? "s16x2" : "u16x2");
        vg_forms_add(forms, &form);
    }
}

void
vg_table_int(struct vg_forms *forms)
{
    for (size_t o = 0; o < sizeof(int_ops) / sizeof(int_ops[0]); o++) {
        for (size_t t = 0; t < sizeof(int_types) / sizeof(int_types[0]); t++) {
            const char *name = int_types[t].name;
            if (strchr(int_ops[o].types, name[0]) != NULL &&
                strchr(int_ops[o].types, name[1]) != NULL) {
                add_int_op(forms, &int_ops[o], &int_types[t]);
            }
        }
    }
    for (size_t t = 2; t < sizeof(int_types) / sizeof(int_types[0]); t++) {
        add_chain(forms, &int_types[t]);
    }
    add_dots(forms);
    add_twos(forms);
}
