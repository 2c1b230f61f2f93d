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

static double
number(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;

    memcpy(&value, &low, sizeof(value));
    return (double)value;
}

/* p: function, ftz */
static bool
ref_approx(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    bool ftz = form->p[1] != 0;
    double a = number(ftz ? vg_soft_flush(VG_SOFT_F32, in[0]) : in[0]);
    double b = number(ftz ? vg_soft_flush(VG_SOFT_F32, in[1]) : in[1]);
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
    if (fabs(r) >= 0x1.ffffffp127) { /* beyond the largest single */
        r = copysign(INFINITY, r);
    }
    if (fabs(r) < 0x1p-150 && !isnan(r)) {
        r = copysign(0, r);
    }
    memcpy(&out[0], &r, sizeof(r));
    return true;
}

void
vg_table_approx(struct vg_forms *forms)
{
    static const char *const names[] = { "ex2.approx",  "lg2.approx",  "sin.approx",
                                         "cos.approx",  "rcp.approx",  "rsqrt.approx",
                                         "sqrt.approx", "tanh.approx", "div.approx",
                                         "div.full" };

    for (int f = EX2; f <= DIV_FULL; f++) {
        for (int ftz = 0; ftz < (f == TANH ? 1 : 2); ftz++) {
            struct vg_form form = { .ref = ref_approx, .ulp = 2, .p = { f, ftz } };
            snprintf(form.name, sizeof(form.name), "%s%s.f32", names[f],
                     ftz != 0 ? ".ftz" : "");
            snprintf(form.shape, sizeof(form.shape), f >= DIV ? "A=FF" : "A=F");
            vg_forms_add(forms, &form);
        }
    }
}
