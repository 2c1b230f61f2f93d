/* SPDX-License-Identifier: Apache-2.0 */

/* table_compare - set, setp, selp, slct, testp, copysign (PTX manual 9.7.6, 9.7.3). */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"

enum cmp {
    EQ,
    NE,
    LT,
    LE,
    GT,
    GE,
    LO,
    LS,
    HI,
    HS,
    EQU,
    NEU,
    LTU,
    LEU,
    GTU,
    GEU,
    NUM,
    NAN_CMP,
};

static const char *const cmp_names[] = {
    "eq", "ne",  "lt",  "le",  "gt",  "ge",  "lo",  "ls",  "hi",
    "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan",
};

enum class {
    CLASS_BITS,
    CLASS_SIGNED,
    CLASS_UNSIGNED,
    CLASS_FLOAT
};

struct cmp_type {
    const char *name; /* with .ftz where it is there */
    char kind;
    int bits;
    enum class class;
    enum vg_soft_format format;
    bool ftz;
};

static const struct cmp_type cmp_types[] = {
    { "b16", 'h', 16, CLASS_BITS, 0, false },
    { "b32", 'r', 32, CLASS_BITS, 0, false },
    { "b64", 'd', 64, CLASS_BITS, 0, false },
    { "u16", 'h', 16, CLASS_UNSIGNED, 0, false },
    { "u32", 'r', 32, CLASS_UNSIGNED, 0, false },
    { "u64", 'd', 64, CLASS_UNSIGNED, 0, false },
    { "s16", 'h', 16, CLASS_SIGNED, 0, false },
    { "s32", 'r', 32, CLASS_SIGNED, 0, false },
    { "s64", 'd', 64, CLASS_SIGNED, 0, false },
    { "f32", 'F', 32, CLASS_FLOAT, VG_SOFT_F32, false },
    { "ftz.f32", 'F', 32, CLASS_FLOAT, VG_SOFT_F32, true },
    { "f64", 'D', 64, CLASS_FLOAT, VG_SOFT_F64, false },
    { "f16", 'H', 16, CLASS_FLOAT, VG_SOFT_F16, false },
    { "ftz.f16", 'H', 16, CLASS_FLOAT, VG_SOFT_F16, true },
    { "bf16", 'B', 16, CLASS_FLOAT, VG_SOFT_BF16, false },
};

#define N_CMP_TYPES (sizeof(cmp_types) / sizeof(cmp_types[0]))

static bool
cmp_exists(enum cmp cmp, enum class class)
{
    switch (class) {
    case CLASS_BITS:
        return cmp <= NE;
    case CLASS_SIGNED:
        return cmp <= GE;
    case CLASS_UNSIGNED:
        return cmp <= HS;
    case CLASS_FLOAT:
        return cmp <= GE || cmp >= EQU;
    }
    return false;
}

/* -1, 0, 1 or 2 for unordered */
static int
order(const struct cmp_type *type, uint64_t a, uint64_t b)
{
    if (type->class == CLASS_FLOAT) {
        if (type->ftz) {
            a = vg_soft_flush(type->format, a);
            b = vg_soft_flush(type->format, b);
        }
        return vg_soft_compare(vg_soft_unpack(type->format, a),
                               vg_soft_unpack(type->format, b));
    }
    if (type->class == CLASS_SIGNED) {
        a ^= (uint64_t)1 << (type->bits - 1);
        b ^= (uint64_t)1 << (type->bits - 1);
    }
    return a < b ? -1 : a > b;
}

static bool
holds(enum cmp cmp, int o)
{
    switch (cmp) {
    case EQ:
        return o == 0;
    case NE:
        return o == -1 || o == 1;
    case LT:
    case LO:
        return o == -1;
    case LE:
    case LS:
        return o == -1 || o == 0;
    case GT:
    case HI:
        return o == 1;
    case GE:
    case HS:
        return o == 1 || o == 0;
    case EQU:
        return o == 0 || o == 2;
    case NEU:
        return o != 0;
    case LTU:
        return o == -1 || o == 2;
    case LEU:
        return o != 1;
    case GTU:
        return o == 1 || o == 2;
    case GEU:
        return o != -1;
    case NUM:
        return o != 2;
    case NAN_CMP:
        return o == 2;
    }
    return false;
}

enum join {
    JOIN_NONE,
    JOIN_AND,
    JOIN_OR,
    JOIN_XOR
};

static bool
joined(enum join join, bool a, bool b)
{
    switch (join) {
    case JOIN_AND:
        return a && b;
    case JOIN_OR:
        return a || b;
    case JOIN_XOR:
        return a != b;
    case JOIN_NONE:
        break;
    }
    return a;
}

/* p: type, cmp, join, whether c is negated */
static bool
ref_setp(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    bool r = holds((enum cmp)form->p[1], order(&cmp_types[form->p[0]], in[0], in[1]));
    bool c = (in[2] != 0) != (form->p[3] != 0);

    out[0] = joined((enum join)form->p[2], r, c);
    out[1] = joined((enum join)form->p[2], !r, c);
    return true;
}

/* p[4]: what true is; the destination is 32 bits */
static bool
ref_set(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)ref_setp(form, in, out);
    out[0] = out[0] != 0 ? (uint32_t)form->p[4] : 0;
    return true;
}

static void
add_setp(struct vg_forms *forms, size_t t, enum cmp cmp)
{
    static const char *const joins[] = { "", ".and", ".or", ".xor" };
    const struct cmp_type *type = &cmp_types[t];
    struct vg_form form = { .ref = ref_setp, .p = { (int)t, (int)cmp, 0, 0 } };
    char k = type->kind;

    snprintf(form.name, sizeof(form.name), "setp.%s.%s", cmp_names[cmp], type->name);
    snprintf(form.shape, sizeof(form.shape), "p=%c%c", k, k);
    vg_forms_add(forms, &form);
    if (type->bits != 32 || (cmp != EQ && cmp != LT && cmp != GEU && cmp != HS)) {
        return;
    }
    form.flags = VG_FORM_LIGHT;
    snprintf(form.name, sizeof(form.name), "setp.%s.%s |p", cmp_names[cmp], type->name);
    snprintf(form.shape, sizeof(form.shape), "pp=%c%c", k, k);
    vg_forms_add(forms, &form);
    for (form.p[2] = JOIN_AND; form.p[2] <= JOIN_XOR; form.p[2]++) {
        snprintf(form.name, sizeof(form.name), "setp.%s%s.%s |p", cmp_names[cmp],
                 joins[form.p[2]], type->name);
        snprintf(form.shape, sizeof(form.shape), "pp=%c%cp", k, k);
        vg_forms_add(forms, &form);
    }
    form.p[2] = JOIN_AND;
    form.p[3] = 1;
    snprintf(form.name, sizeof(form.name), "setp.%s.and.%s", cmp_names[cmp], type->name);
    snprintf(form.text, sizeof(form.text), "setp.%s.and.%s %%o0, %%a0, %%a1, !%%a2;",
             cmp_names[cmp], type->name);
    snprintf(form.shape, sizeof(form.shape), "p=%c%cp", k, k);
    vg_forms_add(forms, &form);
}

static void
add_set(struct vg_forms *forms, size_t t, enum cmp cmp)
{
    static const char *const names[] = { "u32", "s32", "f32" };
    static const uint32_t yes[] = { 0xffffffff, 0xffffffff, 0x3f800000 };
    const struct cmp_type *type = &cmp_types[t];
    bool ftz = strncmp(type->name, "ftz.", 4) == 0;

    for (int d = 0; d < 3; d++) {
        struct vg_form form = { .ref = ref_set,
                                .p = { (int)t, (int)cmp, 0, 0, (int)yes[d] },
                                .flags = VG_FORM_LIGHT };
        snprintf(form.name, sizeof(form.name), "set.%s%s.%s.%s", cmp_names[cmp],
                 ftz ? ".ftz" : "", names[d], ftz ? type->name + 4 : type->name);
        snprintf(form.shape, sizeof(form.shape), "r=%c%c", type->kind, type->kind);
        vg_forms_add(forms, &form);
    }
}

/* Two numbers in a word; p: type, cmp, join: a predicate for the lower and one for the
 * upper. */
static bool
ref_setp_pair(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    const struct cmp_type *type = &cmp_types[form->p[0]];

    for (int i = 0; i < 2; i++) {
        int o = order(type, in[0] >> (16 * i) & 0xffff, in[1] >> (16 * i) & 0xffff);
        out[i] =
            joined((enum join)form->p[2], holds((enum cmp)form->p[1], o), in[2] != 0);
    }
    return true;
}

/* p[4]: what true is in each half */
static bool
ref_set_pair(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t yes[2] = { 0, 0 };

    (void)ref_setp_pair(form, in, yes);
    out[0] = (yes[0] != 0 ? (uint64_t)form->p[4] : 0) |
             (yes[1] != 0 ? (uint64_t)form->p[4] : 0) << 16;
    return true;
}

static void
add_pairs(struct vg_forms *forms, size_t t, enum cmp cmp)
{
    const struct cmp_type *type = &cmp_types[t];
    bool ftz = type->ftz;
    bool bf = type->format == VG_SOFT_BF16;
    const char *name = bf ? "bf16x2" : "f16x2";
    char k = bf ? 'Q' : 'P';
    struct vg_form form = { .ref = ref_setp_pair, .p = { (int)t, (int)cmp, 0 } };

    form.flags = VG_FORM_LIGHT;
    snprintf(form.name, sizeof(form.name), "setp.%s%s.%s |p", cmp_names[cmp],
             ftz ? ".ftz" : "", name);
    snprintf(form.shape, sizeof(form.shape), "pp=%c%c", k, k);
    vg_forms_add(forms, &form);
    form.p[2] = JOIN_XOR;
    snprintf(form.name, sizeof(form.name), "setp.%s.xor%s.%s |p", cmp_names[cmp],
             ftz ? ".ftz" : "", name);
    snprintf(form.shape, sizeof(form.shape), "pp=%c%cp", k, k);
    vg_forms_add(forms, &form);
    form.ref = ref_set_pair;
    form.p[2] = JOIN_NONE;
    form.p[4] = 0xffff;
    snprintf(form.name, sizeof(form.name), "set.%s%s.u32.%s", cmp_names[cmp],
             ftz ? ".ftz" : "", name);
    snprintf(form.shape, sizeof(form.shape), "r=%c%c", k, k);
    vg_forms_add(forms, &form);
    form.p[4] = bf ? 0x3f80 : 0x3c00;
    snprintf(form.name, sizeof(form.name), "set.%s%s.%s.%s", cmp_names[cmp],
             ftz ? ".ftz" : "", name, name);
    vg_forms_add(forms, &form);
}

/* set of half types: one number, p[4]: what true is, 16 or 32 bits */
static void
add_set_half(struct vg_forms *forms, size_t t, enum cmp cmp)
{
    static const char *const names[] = { "u16", "s16", "u32", "s32", NULL };
    const struct cmp_type *type = &cmp_types[t];
    bool bf = type->format == VG_SOFT_BF16;
    const char *source = bf ? "bf16" : "f16";

    for (int d = 0; d < 5; d++) {
        struct vg_form form = { .ref = ref_set, .p = { (int)t, (int)cmp, 0, 0, -1 } };
        form.flags = VG_FORM_LIGHT;
        form.p[4] = d < 2 ? 0xffff : d < 4 ? -1 : bf ? 0x3f80 : 0x3c00;
        snprintf(form.name, sizeof(form.name), "set.%s%s.%s.%s", cmp_names[cmp],
                 type->ftz ? ".ftz" : "", d < 4 ? names[d] : source, source);
        snprintf(form.shape, sizeof(form.shape), "%c=%c%c", d == 2 || d == 3 ? 'r' : 'h',
                 type->kind, type->kind);
        vg_forms_add(forms, &form);
    }
}

static bool
ref_selp(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[2] != 0 ? in[0] : in[1];
    return true;
}

static void
add_selp(struct vg_forms *forms)
{
    static const char *const names[] = { "b16", "b32", "b64", "u16", "u32", "u64",
                                         "s16", "s32", "s64", "f32", "f64" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char kind = names[i][1] == '1' ? 'h' : names[i][1] == '3' ? 'r' : 'd';
        char in = names[i][0] != 'f' ? kind : kind == 'r' ? 'F' : 'D';
        struct vg_form form = { .ref = ref_selp };
        snprintf(form.name, sizeof(form.name), "selp.%s", names[i]);
        snprintf(form.shape, sizeof(form.shape), "%c=%c%cp", kind, in, in);
        vg_forms_add(forms, &form);
    }
}

/* slct: a when c >= 0, else b; NaN takes b; p: 0 s32, 1 f32, 2 ftz.f32 */
static bool
ref_slct(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    bool take_a = (in[2] >> 31 & 1) == 0;

    if (form->p[0] != 0) {
        uint64_t c = form->p[0] == 2 ? vg_soft_flush(VG_SOFT_F32, in[2]) : in[2];
        int o = vg_soft_compare(vg_soft_unpack(VG_SOFT_F32, c),
                                vg_soft_unpack(VG_SOFT_F32, 0));
        take_a = o == 0 || o == 1;
    }
    out[0] = take_a ? in[0] : in[1];
    return true;
}

static void
add_slct(struct vg_forms *forms)
{
    static const char *const names[] = { "b16", "b32", "b64", "u16", "u32", "u64",
                                         "s16", "s32", "s64", "f32", "f64" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char kind = names[i][1] == '1' ? 'h' : names[i][1] == '3' ? 'r' : 'd';
        for (int c = 0; c < 3; c++) {
            struct vg_form form = { .ref = ref_slct, .p = { c } };
            snprintf(form.name, sizeof(form.name), "slct%s.%s.%s", c == 2 ? ".ftz" : "",
                     names[i], c == 0 ? "s32" : "f32");
            char in = names[i][0] != 'f' ? kind : kind == 'r' ? 'F' : 'D';
            snprintf(form.shape, sizeof(form.shape), "%c=%c%c%c", kind, in, in,
                     c == 0 ? 'r' : 'F');
            vg_forms_add(forms, &form);
        }
    }
}

/* p: format, which */
static bool
ref_testp(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    enum vg_soft_format format = (enum vg_soft_format)form->p[0];
    struct vg_soft a = vg_soft_unpack(format, in[0]);
    bool subnormal = a.kind == VG_SOFT_FINITE && vg_soft_flush(format, in[0]) != in[0];

    switch (form->p[1]) {
    case 0:
        out[0] = a.kind == VG_SOFT_ZERO || a.kind == VG_SOFT_FINITE;
        break;
    case 1:
        out[0] = a.kind == VG_SOFT_INF;
        break;
    case 2:
        out[0] = a.kind != VG_SOFT_NAN;
        break;
    case 3:
        out[0] = a.kind == VG_SOFT_NAN;
        break;
    case 4: /* zero counts as neither normal nor subnormal */
        out[0] = a.kind == VG_SOFT_FINITE && !subnormal;
        break;
    default:
        out[0] = subnormal;
        break;
    }
    return a.kind != VG_SOFT_ZERO || form->p[1] < 4; /* the manual does not say */
}

static bool
ref_copysign(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t sign = (uint64_t)1 << (vg_soft_bits((enum vg_soft_format)form->p[0]) - 1);

    out[0] = (in[1] & ~sign) | (in[0] & sign); /* the sign of a, the magnitude of b */
    return true;
}

static void
add_tests(struct vg_forms *forms)
{
    static const char *const names[] = { "finite",     "infinite", "number",
                                         "notanumber", "normal",   "subnormal" };

    for (int f = 0; f < 2; f++) {
        struct vg_form form = { .p = { f == 0 ? VG_SOFT_F32 : VG_SOFT_F64 } };
        const char *type = f == 0 ? "f32" : "f64";
        form.ref = ref_testp;
        snprintf(form.shape, sizeof(form.shape), "p=%c", f == 0 ? 'F' : 'D');
        for (form.p[1] = 0; form.p[1] < 6; form.p[1]++) {
            snprintf(form.name, sizeof(form.name), "testp.%s.%s", names[form.p[1]], type);
            vg_forms_add(forms, &form);
        }
        form.ref = ref_copysign;
        snprintf(form.name, sizeof(form.name), "copysign.%s", type);
        snprintf(form.shape, sizeof(form.shape), f == 0 ? "F=FF" : "D=DD");
        vg_forms_add(forms, &form);
    }
}

void
vg_table_compare(struct vg_forms *forms)
{
    for (size_t t = 0; t < N_CMP_TYPES; t++) {
        for (enum cmp cmp = EQ; cmp <= NAN_CMP; cmp++) {
            if (!cmp_exists(cmp, cmp_types[t].class)) {
                continue;
            }
            add_setp(forms, t, cmp);
            if (cmp_types[t].bits == 16 && cmp_types[t].class == CLASS_FLOAT) {
                add_pairs(forms, t, cmp);
                add_set_half(forms, t, cmp);
            }
            if (cmp_types[t].bits >= 32 && (cmp == EQ || cmp == LT || cmp == GEU)) {
                add_set(forms, t, cmp);
            }
        }
    }
    add_selp(forms);
    add_slct(forms);
    add_tests(forms);
}
