/* SPDX-License-Identifier: Apache-2.0 */

/*
 * table_approx - the .approx and .full functions (PTX manual 9.7.3), by the host's double
 * precision: 2 units in the last place, and the manual's special values exactly.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refs.h"

enum function {
    EX2,
    LG2,
    SIN,
    COS,
    RCP,
    RSQRT,
    SQRT,
    TANH,
    DIV,
    DIV_FULL
};

/* The number that @bits are in @format, which has no more digits than a double. */
static double
number(enum vg_soft_format format, uint64_t bits)
{
    struct vg_soft v = vg_soft_unpack(format, bits);
    double magnitude = v.kind == VG_SOFT_NAN   ? (double)NAN
                       : v.kind == VG_SOFT_INF ? (double)INFINITY
                       : v.kind == VG_SOFT_ZERO
                           ? 0
                           : ldexp((double)(uint64_t)(v.sig >> 62), v.exp + 62);

    return v.negative ? -magnitude : magnitude;
}

/* Beyond the largest number of @format, or too small for its last place. */
static double
bounded(enum vg_soft_format format, double r)
{
    double largest = format == VG_SOFT_F16    ? 0x1.ffep15
                     : format == VG_SOFT_BF16 ? 0x1.ffp127
                     : format == VG_SOFT_F32  ? 0x1.ffffffp127
                                              : (double)INFINITY;
    double smallest = format == VG_SOFT_F16    ? 0x1p-25
                      : format == VG_SOFT_BF16 ? 0x1p-134
                      : format == VG_SOFT_F32  ? 0x1p-150
                                               : 0x1p-1022;

    if (fabs(r) >= largest) {
        return copysign(INFINITY, r);
    }
    return fabs(r) < smallest ? copysign(0, r) : r;
}

/* p: function, ftz, format */
static bool
ref_approx(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    bool ftz = form->p[1] != 0;
    enum vg_soft_format format = (enum vg_soft_format)form->p[2];
    /* of a double only the upper word counts */
    uint64_t word = format == VG_SOFT_F64 ? in[0] & 0xffffffff00000000 : in[0];
    double a = number(format, ftz ? vg_soft_flush(format, word) : word);
    double b = number(format, ftz ? vg_soft_flush(format, in[1]) : in[1]);
    double r = 0;

    switch ((enum function)form->p[0]) {
    case EX2:
        r = exp2(a);
        break;
    case LG2:
        r = log2(a);
        break;
    case SIN:
        r = sin(a);
        break;
    case COS:
        r = cos(a);
        break;
    case RCP:
        r = 1 / a;
        break;
    case RSQRT:
        r = a == 0 ? copysign(INFINITY, a) : 1 / sqrt(a);
        break;
    case SQRT:
        r = sqrt(a);
        break;
    case TANH:
        r = tanh(a);
        break;
    case DIV:
        if (fabs(b) > 0x1p126 && !isinf(b)) {
            return false; /* the manual lets it be zero there */
        }
        r = a / b;
        break;
    case DIV_FULL:
        r = a / b;
        break;
    }
    r = bounded(format, r);
    memcpy(&out[0], &r, sizeof(r));
    return true;
}

struct other {
    const char *name;
    const char *shape;
    enum function function;
    enum vg_soft_format format;
};

static const struct other others[] = {
    { "ex2.approx.f16", "x=H", EX2, VG_SOFT_F16 },
    { "ex2.approx.ftz.bf16", "y=B", EX2, VG_SOFT_BF16 },
    { "tanh.approx.f16", "x=H", TANH, VG_SOFT_F16 },
    { "tanh.approx.bf16", "y=B", TANH, VG_SOFT_BF16 },
    { "rcp.approx.ftz.f64", "U=D", RCP, VG_SOFT_F64 },
    { "rsqrt.approx.ftz.f64", "U=D", RSQRT, VG_SOFT_F64 },
};

void
vg_table_approx(struct vg_forms *forms)
{
    static const char *const names[] = { "ex2.approx",  "lg2.approx",  "sin.approx",
                                         "cos.approx",  "rcp.approx",  "rsqrt.approx",
                                         "sqrt.approx", "tanh.approx", "div.approx",
                                         "div.full" };

    for (int f = EX2; f <= DIV_FULL; f++) {
        for (int ftz = 0; ftz < (f == TANH ? 1 : 2); ftz++) {
            struct vg_form form = { .ref = ref_approx,
                                    .ulp = 2,
                                    .p = { f, ftz, VG_SOFT_F32 } };
            snprintf(form.name, sizeof(form.name), "%s%s.f32", names[f],
                     ftz != 0 ? ".ftz" : "");
            snprintf(form.shape, sizeof(form.shape), f >= DIV ? "A=FF" : "A=F");
            vg_forms_add(forms, &form);
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct vg_form form = { .ref = ref_approx, .ulp = 2, .flags = VG_FORM_LIGHT };
        form.p[0] = (int)others[i].function;
        form.p[1] = strstr(others[i].name, ".ftz") != NULL;
        form.p[2] = (int)others[i].format;
        snprintf(form.name, sizeof(form.name), "%s", others[i].name);
        snprintf(form.shape, sizeof(form.shape), "%s", others[i].shape);
        vg_forms_add(forms, &form);
    }
}
