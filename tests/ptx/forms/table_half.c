/* SPDX-License-Identifier: Apache-2.0 */

/* table_half - f16, f16x2, bf16, bf16x2 arithmetic (PTX manual 9.7.4). */

#include <stdio.h>
#include <string.h>

#include "refs.h"

struct half_type {
    const char *name;
    char kind;
    enum vg_soft_format format;
    int packed;
};

static const struct half_type half_types[] = {
    { "f16", 'H', VG_SOFT_F16, 0 },
    { "f16x2", 'P', VG_SOFT_F16, VG_REF_PACKED },
    { "bf16", 'B', VG_SOFT_BF16, 0 },
    { "bf16x2", 'Q', VG_SOFT_BF16, VG_REF_PACKED },
};

struct half_op {
    const char *stem;
    enum vg_ref_op op;
    int n_in;
    int f16_flags;  /* suffixes that may be there */
    int bf16_flags; /* likewise */
};

static const struct half_op half_ops[] = {
    { "add", VG_REF_ADD, 2, VG_REF_FTZ | VG_REF_SAT, 0 },
    { "add.rn", VG_REF_ADD, 2, VG_REF_FTZ | VG_REF_SAT, 0 },
    { "sub", VG_REF_SUB, 2, VG_REF_FTZ | VG_REF_SAT, 0 },
    { "mul", VG_REF_MUL, 2, VG_REF_FTZ | VG_REF_SAT, 0 },
    { "fma.rn", VG_REF_FMA, 3, VG_REF_FTZ | VG_REF_SAT | VG_REF_RELU, VG_REF_RELU },
    { "neg", VG_REF_NEG, 1, VG_REF_FTZ, 0 },
    { "abs", VG_REF_ABS, 1, VG_REF_FTZ, 0 },
    { "min", VG_REF_MIN, 2, VG_REF_FTZ | VG_REF_NAN_WINS | VG_REF_XORSIGN,
      VG_REF_NAN_WINS | VG_REF_XORSIGN },
    { "max", VG_REF_MAX, 2, VG_REF_FTZ | VG_REF_NAN_WINS | VG_REF_XORSIGN,
      VG_REF_NAN_WINS | VG_REF_XORSIGN },
};

static void
add_half(struct vg_forms *forms, const struct half_op *op, const struct half_type *type,
         int flags)
{
    struct vg_form form = { .ref = vg_ref_float, .flags = VG_FORM_LIGHT };
    char k = type->kind;

    form.p[0] = (int)op->op;
    form.p[1] = (int)type->format;
    form.p[3] = flags | type->packed;
    snprintf(form.name, sizeof(form.name), "%s%s%s%s%s%s.%s", op->stem,
             (flags & VG_REF_FTZ) != 0 ? ".ftz" : "",
             (flags & VG_REF_SAT) != 0 ? ".sat" : "",
             (flags & VG_REF_RELU) != 0 ? ".relu" : "",
             (flags & VG_REF_NAN_WINS) != 0 ? ".NaN" : "",
             (flags & VG_REF_XORSIGN) != 0 ? ".xorsign.abs" : "", type->name);
    snprintf(form.shape, sizeof(form.shape), "%c=%c%c%c", k, k, k, k);
    form.shape[2 + op->n_in] = '\0';
    vg_forms_add(forms, &form);
}

/* With every set of suffixes that may be there; .sat and .relu exclude each other. */
static void
add_suffixes(struct vg_forms *forms, const struct half_op *op,
             const struct half_type *type)
{
    int allowed = type->format == VG_SOFT_F16 ? op->f16_flags : op->bf16_flags;
    int both = VG_REF_SAT | VG_REF_RELU;

    for (int flags = 0; flags < 32; flags++) {
        if ((flags & ~allowed) == 0 && (flags & both) != both) {
            add_half(forms, op, type, flags);
        }
    }
}

void
vg_table_half(struct vg_forms *forms)
{
    for (size_t o = 0; o < sizeof(half_ops) / sizeof(half_ops[0]); o++) {
        for (size_t t = 0; t < sizeof(half_types) / sizeof(half_types[0]); t++) {
            add_suffixes(forms, &half_ops[o], &half_types[t]);
        }
    }
}
