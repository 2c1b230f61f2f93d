/* SPDX-License-Identifier: Apache-2.0 */

/* table_cvt - every conversion (PTX manual 9.7.9.21 cvt). */

#include <stdio.h>
#include <string.h>

#include "refs.h"

struct cvt_type {
    const char *name;
    char kind; /* of the register */
    int bits;
    bool is_signed;
    bool is_float;
    enum vg_soft_format format;
};

enum type {
    U8,
    S8,
    U16,
    S16,
    U32,
    S32,
    U64,
    S64,
    F16,
    BF16,
    F32,
    F64,
    N_TYPES
};

static const struct cvt_type cvt_types[N_TYPES] = {
    [U8] = { "u8", 'h', 8, false, false, 0 },
    [S8] = { "s8", 'h', 8, true, false, 0 },
    [U16] = { "u16", 'h', 16, false, false, 0 },
    [S16] = { "s16", 'h', 16, true, false, 0 },
    [U32] = { "u32", 'r', 32, false, false, 0 },
    [S32] = { "s32", 'r', 32, true, false, 0 },
    [U64] = { "u64", 'd', 64, false, false, 0 },
    [S64] = { "s64", 'd', 64, true, false, 0 },
    [F16] = { "f16", 'H', 16, true, true, VG_SOFT_F16 },
    [BF16] = { "bf16", 'B', 16, true, true, VG_SOFT_BF16 },
    [F32] = { "f32", 'F', 32, true, true, VG_SOFT_F32 },
    [F64] = { "f64", 'D', 64, true, true, VG_SOFT_F64 },
};

enum {
    FLAG_INT_ROUND = 64
};

static uint64_t
sign_extended(const struct cvt_type *t, uint64_t bits)
{
    uint64_t mask = UINT64_MAX >> (64 - t->bits);

    bits &= mask;
    return t->is_signed && (bits >> (t->bits - 1) & 1) != 0 ? bits | ~mask : bits;
}

/* NaN to integer: 9.7.9.21, 0 unless one side has 64 bits */
static uint64_t
nan_to_int(const struct cvt_type *to, const struct cvt_type *from)
{
    return from->format == VG_SOFT_F64 || to->bits == 64 ? (uint64_t)1 << (to->bits - 1)
                                                         : 0;
}

static uint64_t
int_to_int(const struct cvt_type *to, const struct cvt_type *from, uint64_t bits,
           bool sat)
{
    vg_s128 v = from->is_signed ? (vg_s128)(int64_t)bits : (vg_s128)bits;
    vg_s128 max = ((vg_s128)1 << (to->bits - to->is_signed)) - 1;
    vg_s128 min = to->is_signed ? -max - 1 : 0;

    if (sat) {
        v = v > max ? max : v < min ? min : v;
    }
    return sign_extended(to, (uint64_t)v);
}

/* p: to, from, mode, flags (vg_ref_flag and FLAG_INT_ROUND), register bits of the result
 */
static bool
ref_cvt(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    const struct cvt_type *to = &cvt_types[form->p[0]];
    const struct cvt_type *from = &cvt_types[form->p[1]];
    enum vg_soft_mode mode = (enum vg_soft_mode)form->p[2];
    int flags = form->p[3];
    uint64_t bits = sign_extended(from, in[0]);
    uint64_t register_mask = UINT64_MAX >> (64 - form->p[4]);

    if (!from->is_float) {
        if (!to->is_float) {
            out[0] =
                int_to_int(to, from, bits, (flags & VG_REF_SAT) != 0) & register_mask;
            return true;
        }
        bool negative = from->is_signed && (int64_t)bits < 0;
        struct vg_soft v = vg_soft_from_int(negative, negative ? 0 - bits : bits);
        out[0] = vg_soft_pack(to->format, mode, v);
        out[0] = (flags & VG_REF_SAT) != 0 ? vg_ref_saturate(to->format, out[0]) : out[0];
        return true;
    }
    bits = in[0];
    if ((flags & VG_REF_FTZ) != 0 && from->format == VG_SOFT_F32) {
        bits = vg_soft_flush(VG_SOFT_F32, bits);
    }
    struct vg_soft v = vg_soft_unpack(from->format, bits);
    if (!to->is_float) {
        if (v.kind == VG_SOFT_NAN && to->bits < 32 && from->bits == 64) {
            return false;
        }
        out[0] = v.kind == VG_SOFT_NAN
                     ? nan_to_int(to, from)
                     : vg_soft_to_int(v, mode, (unsigned)to->bits, to->is_signed);
        out[0] = sign_extended(to, out[0]) & register_mask;
        return true;
    }
    if ((flags & FLAG_INT_ROUND) != 0) {
        v = vg_soft_round_int(v, mode);
    }
    out[0] = vg_soft_pack(to->format, mode, v);
    if ((flags & VG_REF_FTZ) != 0 && to->format == VG_SOFT_F32) {
        out[0] = vg_soft_flush(VG_SOFT_F32, out[0]);
    }
    if ((flags & VG_REF_SAT) != 0) {
        out[0] = vg_ref_saturate(to->format, out[0]);
    }
    if ((flags & VG_REF_RELU) != 0 && v.negative && v.kind != VG_SOFT_NAN) {
        out[0] = 0;
    }
    return true;
}

static unsigned
kind_bits(char kind)
{
    return kind == 'h' ? 16 : kind == 'd' || kind == 'D' ? 64 : 32;
}

static void
add_cvt(struct vg_forms *forms, int to, int from, const char *mode, int mode_value,
        int flags)
{
    const struct cvt_type *t = &cvt_types[to];
    const struct cvt_type *f = &cvt_types[from];
    struct vg_form form = { .ref = ref_cvt, .flags = VG_FORM_LIGHT };

    form.p[0] = to;
    form.p[1] = from;
    form.p[2] = mode_value;
    form.p[3] = flags;
    snprintf(form.name, sizeof(form.name), "cvt%s%s%s%s.%s.%s", mode,
             (flags & VG_REF_FTZ) != 0 ? ".ftz" : "",
             (flags & VG_REF_SAT) != 0 ? ".sat" : "",
             (flags & VG_REF_RELU) != 0 ? ".relu" : "", t->name, f->name);
    /* what is narrower than its register comes in two widths of register */
    for (int wide = 0; wide < 4; wide++) {
        bool wide_to = (wide & 1) != 0;
        bool wide_from = (wide & 2) != 0;
        if ((wide_to && (t->is_float || t->bits > 16)) ||
            (wide_from && (f->is_float || f->bits > 16))) {
            continue;
        }
        char to_kind = wide_to ? 'r' : t->kind;
        char from_kind = wide_from ? 'r' : f->kind;
        form.p[4] = (int)kind_bits(to_kind);
        snprintf(form.shape, sizeof(form.shape), "%c=%c", to_kind, from_kind);
        vg_forms_add(forms, &form);
    }
}

static const char *const float_modes[] = { ".rn", ".rz", ".rm", ".rp" };
static const char *const int_modes[] = { ".rni", ".rzi", ".rmi", ".rpi" };

static void
add_int_cvts(struct vg_forms *forms)
{
    for (int to = U8; to <= S64; to++) {
        for (int from = U8; from <= S64; from++) {
            add_cvt(forms, to, from, "", 0, 0);
            if (to != from) {
                add_cvt(forms, to, from, "", 0, VG_REF_SAT);
            }
        }
    }
    for (int m = 0; m < 4; m++) {
        for (int i = U8; i <= S64; i++) {
            add_cvt(forms, F16, i, float_modes[m], m, 0);
            add_cvt(forms, F32, i, float_modes[m], m, 0);
            add_cvt(forms, F64, i, float_modes[m], m, 0);
            add_cvt(forms, i, F16, int_modes[m], m, 0);
            add_cvt(forms, i, F32, int_modes[m], m, 0);
            add_cvt(forms, i, F32, int_modes[m], m, VG_REF_FTZ);
            add_cvt(forms, i, F64, int_modes[m], m, 0);
        }
    }
    add_cvt(forms, F32, S32, ".rn", 0, VG_REF_SAT);
}

static void
add_float_cvts(struct vg_forms *forms)
{
    for (int m = 0; m < 4; m++) {
        for (int f = 0; f < 4; f++) {
            add_cvt(forms, F32, F64, float_modes[m], m, f);
            add_cvt(forms, F32, F32, int_modes[m], m, f | FLAG_INT_ROUND);
        }
        add_cvt(forms, F64, F64, int_modes[m], m, FLAG_INT_ROUND);
        add_cvt(forms, F16, F16, int_modes[m], m, FLAG_INT_ROUND);
        add_cvt(forms, F16, F32, float_modes[m], m, 0);
        add_cvt(forms, F16, F32, float_modes[m], m, VG_REF_FTZ);
        add_cvt(forms, F16, F64, float_modes[m], m, 0);
    }
    for (int m = 0; m < 4; m++) {
        for (int i = U8; i <= S64; i++) {
            add_cvt(forms, BF16, i, float_modes[m], m, 0);
            add_cvt(forms, i, BF16, int_modes[m], m, 0);
        }
    }
    add_cvt(forms, BF16, F16, ".rn", 0, 0);
    add_cvt(forms, F16, BF16, ".rn", 0, 0);
    add_cvt(forms, F64, BF16, "", 0, 0);
    add_cvt(forms, BF16, F64, ".rn", 0, 0);
    add_cvt(forms, F16, F32, ".rn", 0, VG_REF_SAT);
    add_cvt(forms, F16, F32, ".rn", 0, VG_REF_RELU);
    add_cvt(forms, F64, F32, "", 0, 0);
    add_cvt(forms, F64, F32, "", 0, VG_REF_FTZ);
    add_cvt(forms, F64, F32, "", 0, VG_REF_SAT);
    add_cvt(forms, F32, F16, "", 0, 0);
    add_cvt(forms, F32, F16, "", 0, VG_REF_FTZ);
    add_cvt(forms, F64, F16, "", 0, 0);
    add_cvt(forms, F32, F32, "", 0, VG_REF_SAT);
    add_cvt(forms, F32, F32, "", 0, VG_REF_FTZ);
    add_cvt(forms, F32, F32, "", 0, VG_REF_FTZ | VG_REF_SAT);
    add_cvt(forms, F32, BF16, "", 0, 0);
    add_cvt(forms, BF16, F32, ".rn", VG_SOFT_RN, 0);
    add_cvt(forms, BF16, F32, ".rz", VG_SOFT_RZ, 0);
    add_cvt(forms, BF16, F32, ".rn", VG_SOFT_RN, VG_REF_RELU);
    add_cvt(forms, BF16, F32, ".rz", VG_SOFT_RZ, VG_REF_RELU);
}

/* Two singles into one word, the first one into the upper half. p: format, mode, relu. */
static bool
ref_pack(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = 0;
    for (int i = 0; i < 2; i++) {
        struct vg_soft v = vg_soft_unpack(VG_SOFT_F32, in[i]);
        uint64_t bits = vg_soft_pack((enum vg_soft_format)form->p[0],
                                     (enum vg_soft_mode)form->p[1], v);
        if (form->p[2] != 0 && v.negative && v.kind != VG_SOFT_NAN) {
            bits = 0;
        }
        out[0] |= bits << (i == 0 ? 16 : 0);
    }
    return true;
}

static void
add_packs(struct vg_forms *forms)
{
    for (int i = 0; i < 8; i++) {
        bool bf = (i & 1) != 0;
        bool rz = (i & 2) != 0;
        bool relu = (i & 4) != 0;
        struct vg_form form = { .ref = ref_pack, .flags = VG_FORM_NO_IMMEDIATE };
        form.p[0] = bf ? VG_SOFT_BF16 : VG_SOFT_F16;
        form.p[1] = rz ? VG_SOFT_RZ : VG_SOFT_RN;
        form.p[2] = relu;
        snprintf(form.name, sizeof(form.name), "cvt.%s%s.%s.f32", rz ? "rz" : "rn",
                 relu ? ".relu" : "", bf ? "bf16x2" : "f16x2");
        snprintf(form.shape, sizeof(form.shape), bf ? "Q=FF" : "P=FF");
        vg_forms_add(forms, &form);
    }
}

/* p: mode. The upper 19 bits of the result count; the others are unspecified. */
static bool
ref_tf32(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = vg_soft_pack(VG_SOFT_TF32, (enum vg_soft_mode)form->p[0],
                          vg_soft_unpack(VG_SOFT_F32, in[0]));
    return true;
}

/* Two small floats in 16 bits to f16x2, low to low. p: format, relu */
static bool
ref_from_small(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = 0;
    for (int i = 0; i < 2; i++) {
        struct vg_soft v =
            vg_soft_unpack((enum vg_soft_format)form->p[0], in[0] >> (8 * i) & 255);
        uint64_t bits = vg_soft_pack(VG_SOFT_F16, VG_SOFT_RN, v);
        if (form->p[1] != 0 && v.negative && v.kind != VG_SOFT_NAN) {
            bits = 0;
        }
        out[0] |= bits << (16 * i);
    }
    return true;
}

/* Two singles to 16 bits, the first into the upper byte, too large ones to the largest.
 * p: format, relu */
static bool
ref_to_small(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    enum vg_soft_format format = (enum vg_soft_format)form->p[0];

    out[0] = 0;
    for (int i = 0; i < 2; i++) {
        struct vg_soft v = vg_soft_unpack(VG_SOFT_F32, in[i]);
        uint64_t bits = vg_soft_pack(format, VG_SOFT_RN, v);
        uint64_t largest = format == VG_SOFT_E4M3 ? 0x7e : 0x7b;
        if (v.kind != VG_SOFT_NAN && (bits & 0x7f) > largest) {
            bits = (bits & 0x80) | largest;
        }
        if (form->p[1] != 0 && v.negative && v.kind != VG_SOFT_NAN) {
            bits = 0;
        }
        out[0] |= bits << (i == 0 ? 8 : 0);
    }
    return true;
}

static void
add_small(struct vg_forms *forms)
{
    for (int i = 0; i < 4; i++) {
        const char *relu = (i & 1) != 0 ? ".relu" : "";
        const char *type = (i & 2) != 0 ? "e5m2x2" : "e4m3x2";
        struct vg_form form = { .ref = ref_from_small, .shape = "P=h" };
        form.p[0] = (i & 2) != 0 ? VG_SOFT_E5M2 : VG_SOFT_E4M3;
        form.p[1] = i & 1;
        snprintf(form.name, sizeof(form.name), "cvt.rn%s.f16x2.%s", relu, type);
        vg_forms_add(forms, &form);
        form.ref = ref_to_small;
        form.flags = VG_FORM_NO_IMMEDIATE;
        snprintf(form.shape, sizeof(form.shape), "h=FF");
        snprintf(form.name, sizeof(form.name), "cvt.rn.satfinite%s.%s.f32", relu, type);
        vg_forms_add(forms, &form);
    }
}

void
vg_table_cvt(struct vg_forms *forms)
{
    static const char *const tf32_names[] = { "cvt.rn.tf32.f32", "cvt.rz.tf32.f32",
                                              "cvt.rna.tf32.f32" };
    static const int tf32_modes[] = { VG_SOFT_RN, VG_SOFT_RZ, VG_SOFT_RNA };

    add_int_cvts(forms);
    add_float_cvts(forms);
    add_packs(forms);
    for (int i = 0; i < 3; i++) {
        struct vg_form form = { .ref = ref_tf32, .shape = "F=F", .p = { tf32_modes[i] } };
        snprintf(form.name, sizeof(form.name), "%s", tf32_names[i]);
        vg_forms_add(forms, &form);
    }
    add_small(forms);
}
