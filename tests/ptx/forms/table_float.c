/* SPDX-License-Identifier: Apache-2.0 */

/* table_float - exactly rounded f32 and f64 arithmetic (PTX manual 9.7.3), by soft. */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "refs.h"
#include "soft.h"

/* [0, 1], NaN to +0 */
uint64_t
vg_ref_saturate(enum vg_soft_format format, uint64_t bits)
{
    struct vg_soft v = vg_soft_unpack(format, bits);
    struct vg_soft one = vg_soft_from_int(false, 1);

    if (v.kind == VG_SOFT_NAN || v.kind == VG_SOFT_ZERO || v.negative) {
        return 0;
    }
    return vg_soft_compare(v, one) > 0 ? vg_soft_pack(format, VG_SOFT_RN, one) : bits;
}

static uint64_t
ref_minmax(enum vg_soft_format format, bool max, int flags, uint64_t a, uint64_t b)
{
    uint64_t sign = (uint64_t)1 << (vg_soft_bits(format) - 1);
    uint64_t sign_of_result = (a ^ b) & sign;

    if ((flags & VG_REF_XORSIGN) != 0) {
        a &= ~sign;
        b &= ~sign;
    }
    bool a_nan = vg_soft_is_nan(format, a);
    bool b_nan = vg_soft_is_nan(format, b);
    if ((a_nan && b_nan) || ((flags & VG_REF_NAN_WINS) != 0 && (a_nan || b_nan))) {
        return vg_soft_nan(format);
    }
    uint64_t r = a;
    if (a_nan) {
        r = b;
    } else if (!b_nan) {
        int o = vg_soft_compare(vg_soft_unpack(format, a), vg_soft_unpack(format, b));
        if (o == 0) { /* +0 > -0 */
            r = (max ? (a & sign) != 0 : (a & sign) == 0) ? b : a;
        } else {
            r = (o < 0) == max ? b : a;
        }
    }
    return (flags & VG_REF_XORSIGN) != 0 ? r | sign_of_result : r;
}

/* p: op, format, mode, flags */
static uint64_t
compute(const struct vg_form *form, const uint64_t *in)
{
    enum vg_soft_format format = (enum vg_soft_format)form->p[1];
    enum vg_soft_mode mode = (enum vg_soft_mode)form->p[2];
    uint64_t sign = (uint64_t)1 << (vg_soft_bits(format) - 1);
    struct vg_soft v[3];
    uint64_t bits[3];
    struct vg_soft r = { VG_SOFT_NAN, false, 0, 0 };
    uint64_t result = 0;

    for (int i = 0; i < 3; i++) {
        bits[i] = (form->p[3] & VG_REF_FTZ) != 0 ? vg_soft_flush(format, in[i]) : in[i];
        v[i] = vg_soft_unpack(format, bits[i]);
    }
    bool rounded = true;
    switch ((enum vg_ref_op)form->p[0]) {
    case VG_REF_ADD:
        r = vg_soft_add(v[0], v[1], mode);
        break;
    case VG_REF_SUB:
        r = vg_soft_add(v[0], vg_soft_neg(v[1]), mode);
        break;
    case VG_REF_MUL:
        r = vg_soft_mul(v[0], v[1]);
        break;
    case VG_REF_FMA:
    case VG_REF_MAD:
        r = vg_soft_add(vg_soft_mul(v[0], v[1]), v[2], mode);
        break;
    case VG_REF_DIV:
        r = vg_soft_div(v[0], v[1]);
        break;
    case VG_REF_RCP:
        r = vg_soft_div(vg_soft_from_int(false, 1), v[0]);
        break;
    case VG_REF_SQRT:
        r = vg_soft_sqrt(v[0]);
        break;
    case VG_REF_NEG:
        result = bits[0] ^ sign;
        rounded = false;
        break;
    case VG_REF_ABS:
        result = bits[0] & ~sign;
        rounded = false;
        break;
    case VG_REF_MIN:
    case VG_REF_MAX:
        result =
            ref_minmax(format, form->p[0] == VG_REF_MAX, form->p[3], bits[0], bits[1]);
        rounded = false;
        break;
    }
    result = rounded ? vg_soft_pack(format, mode, r) : result;
    if ((form->p[3] & VG_REF_FTZ) != 0) {
        result = vg_soft_flush(format, result);
    }
    if ((form->p[3] & VG_REF_SAT) != 0) {
        result = vg_ref_saturate(format, result);
    }
    if ((form->p[3] & VG_REF_RELU) != 0 && (result & sign) != 0 &&
        !vg_soft_is_nan(format, result)) {
        result = 0;
    }
    return result;
}

bool
vg_ref_float(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    if ((form->p[3] & VG_REF_PACKED) == 0) {
        out[0] = compute(form, in);
        return true;
    }
    uint64_t low[3] = { in[0] & 0xffff, in[1] & 0xffff, in[2] & 0xffff };
    uint64_t high[3] = { in[0] >> 16, in[1] >> 16, in[2] >> 16 };
    out[0] = compute(form, low) | compute(form, high) << 16;
    return true;
}

struct float_op {
    const char *stem;
    enum vg_ref_op op;
    int n_in;
    bool has_default; /* exists without rounding suffix */
    bool has_sat;
};

static const struct float_op rounded_ops[] = {
    { "add", VG_REF_ADD, 2, true, true },   { "sub", VG_REF_SUB, 2, true, true },
    { "mul", VG_REF_MUL, 2, true, true },   { "fma", VG_REF_FMA, 3, false, true },
    { "mad", VG_REF_MAD, 3, false, true },  { "div", VG_REF_DIV, 2, false, false },
    { "rcp", VG_REF_RCP, 1, false, false }, { "sqrt", VG_REF_SQRT, 1, false, false },
};

static const char *const mode_names[] = { ".rn", ".rz", ".rm", ".rp" };

static void
add_one(struct vg_forms *forms, const struct float_op *op, const char *mode_name,
        enum vg_soft_mode mode, bool f64, int flags)
{
    struct vg_form form = {
        .ref = vg_ref_float,
        .p = { (int)op->op, f64 ? VG_SOFT_F64 : VG_SOFT_F32, (int)mode, flags },
    };
    char k = f64 ? 'D' : 'F';

    snprintf(form.name, sizeof(form.name), "%s%s%s%s.%s", op->stem, mode_name,
             (flags & VG_REF_FTZ) != 0 ? ".ftz" : "",
             (flags & VG_REF_SAT) != 0 ? ".sat" : "", f64 ? "f64" : "f32");
    snprintf(form.shape, sizeof(form.shape), "%c=%c%.*s", k, k, op->n_in - 1,
             f64 ? "DDD" : "FFF");
    vg_forms_add(forms, &form);
}

static void
add_rounded(struct vg_forms *forms, const struct float_op *op)
{
    for (int m = op->has_default ? -1 : 0; m < 4; m++) {
        const char *name = m < 0 ? "" : mode_names[m];
        enum vg_soft_mode mode = m < 0 ? VG_SOFT_RN : (enum vg_soft_mode)m;
        add_one(forms, op, name, mode, true, 0);
        for (int flags = 0; flags <= (op->has_sat ? VG_REF_FTZ | VG_REF_SAT : VG_REF_FTZ);
             flags++) {
            add_one(forms, op, name, mode, false, flags);
        }
    }
}

static void
add_exact(struct vg_forms *forms)
{
    static const struct float_op ops[] = { { "neg", VG_REF_NEG, 1, true, false },
                                           { "abs", VG_REF_ABS, 1, true, false },
                                           { "min", VG_REF_MIN, 2, true, false },
                                           { "max", VG_REF_MAX, 2, true, false } };

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        add_one(forms, &ops[i], "", VG_SOFT_RN, false, 0);
        add_one(forms, &ops[i], "", VG_SOFT_RN, false, VG_REF_FTZ);
        add_one(forms, &ops[i], "", VG_SOFT_RN, true, 0);
    }
}

static void
add_minmax(struct vg_forms *forms)
{
    for (int max = 0; max < 2; max++) {
        for (int f = 0; f < 8; f++) {
            int flags = (f & 1 ? VG_REF_FTZ : 0) | (f & 2 ? VG_REF_NAN_WINS : 0) |
                        (f & 4 ? VG_REF_XORSIGN : 0);
            if ((flags & ~VG_REF_FTZ) == 0) {
                continue;
            }
            struct vg_form form = { .ref = vg_ref_float,
                                    .shape = "F=FF",
                                    .p = { max ? VG_REF_MAX : VG_REF_MIN, VG_SOFT_F32, 0,
                                           flags } };
            snprintf(form.name, sizeof(form.name), "%s%s%s%s.f32", max ? "max" : "min",
                     (flags & VG_REF_FTZ) != 0 ? ".ftz" : "",
                     (flags & VG_REF_NAN_WINS) != 0 ? ".NaN" : "",
                     (flags & VG_REF_XORSIGN) != 0 ? ".xorsign.abs" : "");
            vg_forms_add(forms, &form);
        }
    }
}

/* Several directions and flush modes side by side: none leaks into the next. p: op,
 * packed list of (mode * 2 + ftz), three bits each, one per output. */
static bool
ref_mixed(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    for (int i = 0; i < form->p[2]; i++) {
        int how = form->p[1] >> (3 * i) & 7;
        struct vg_form one = { .p = { form->p[0], VG_SOFT_F32, how >> 1,
                                      (how & 1) != 0 ? VG_REF_FTZ : 0 } };
        (void)vg_ref_float(&one, in, &out[i]);
    }
    return true;
}

static void
add_mixed(struct vg_forms *forms)
{
    static const struct {
        const char *name;
        enum vg_ref_op op;
        int how;
        const char *text;
    } rows[] = {
        { "mul.f32 mul.ftz.f32", VG_REF_MUL, 0 | 1 << 3 | 0 << 6 | 1 << 9,
          "mul.f32 %o0, %a0, %a1;\nmul.ftz.f32 %o1, %a0, %a1;\n"
          "mul.f32 %o2, %a0, %a1;\nmul.rn.ftz.f32 %o3, %a0, %a1;" },
        { "add.rn.f32 add.rm.f32 add.rp.f32 add.rz.f32", VG_REF_ADD,
          0 | 4 << 3 | 6 << 6 | 2 << 9,
          "add.rn.f32 %o0, %a0, %a1;\nadd.rm.f32 %o1, %a0, %a1;\n"
          "add.rp.f32 %o2, %a0, %a1;\nadd.rz.f32 %o3, %a0, %a1;" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vg_form form = { .ref = ref_mixed,
                                .shape = "FFFF=FF",
                                .p = { (int)rows[i].op, rows[i].how, 4 },
                                .flags = VG_FORM_SEVERAL };
        snprintf(form.name, sizeof(form.name), "%s", rows[i].name);
        snprintf(form.text, sizeof(form.text), "%s", rows[i].text);
        vg_forms_add(forms, &form);
    }
}

void
vg_table_float(struct vg_forms *forms)
{
    add_mixed(forms);
    for (size_t i = 0; i < sizeof(rounded_ops) / sizeof(rounded_ops[0]); i++) {
        add_rounded(forms, &rounded_ops[i]);
    }
    add_exact(forms);
    add_minmax(forms);
}
