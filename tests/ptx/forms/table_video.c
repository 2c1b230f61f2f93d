/* SPDX-License-Identifier: Apache-2.0 */

/* table_video - the scalar video instructions (PTX manual 9.7.17.1). */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"

enum op {
    VADD,
    VSUB,
    VABSDIFF,
    VMIN,
    VMAX,
    VSHL,
    VSHR
};

static const char *const op_names[] = { "vadd", "vsub", "vabsdiff", "vmin",
                                        "vmax", "vshl", "vshr" };

/* what of a source counts: all, a half, a byte */
static const char *const part_names[] = { "", ".h0", ".h1", ".b0", ".b1", ".b2", ".b3" };
static const char *const second_names[] = { "", ".add", ".min", ".max" };

enum {
    D_SIGNED = 1,
    A_SIGNED = 2,
    B_SIGNED = 4,
    SAT = 8,
    WRAP = 16
};

static vg_s128
extended(uint64_t bits, int width, bool is_signed)
{
    bits &= UINT64_MAX >> (64 - width);
    bool negative = is_signed && (bits >> (width - 1) & 1) != 0;

    return (vg_s128)bits - (negative ? (vg_s128)1 << width : 0);
}

static vg_s128
part_of(uint64_t word, int part, bool is_signed)
{
    if (part == 0) {
        return extended(word, 32, is_signed);
    }
    if (part < 3) {
        return extended(word >> (16 * (part - 1)), 16, is_signed);
    }
    return extended(word >> (8 * (part - 3)), 8, is_signed);
}

static vg_s128
primary(enum op op, vg_s128 a, vg_s128 b, bool wrap)
{
    vg_s128 n = wrap ? b & 31 : b > 32 ? 32 : b;

    switch (op) {
    case VADD:
        return a + b;
    case VSUB:
        return a - b;
    case VABSDIFF:
        return a > b ? a - b : b - a;
    case VMIN:
        return a < b ? a : b;
    case VMAX:
        return a > b ? a : b;
    case VSHL:
        return a * ((vg_s128)1 << n);
    case VSHR:
        return a >> n;
    }
    return 0;
}

/* p: op, flags, part of a, part of b, second operation */
static bool
ref_video(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    int flags = form->p[1];
    bool is_signed = (flags & D_SIGNED) != 0;
    vg_s128 r =
        primary((enum op)form->p[0], part_of(in[0], form->p[2], (flags & A_SIGNED) != 0),
                part_of(in[1], form->p[3], (flags & B_SIGNED) != 0), (flags & WRAP) != 0);
    vg_s128 max = ((vg_s128)1 << (is_signed ? 31 : 32)) - 1;
    vg_s128 min = is_signed ? -max - 1 : 0;

    if ((flags & SAT) != 0) {
        r = r > max ? max : r < min ? min : r;
    }
    vg_s128 d = extended((uint64_t)r, 32, is_signed);
    vg_s128 c = extended(in[2], 32, is_signed);
    switch (form->p[4]) {
    case 1:
        d = d + c;
        break;
    case 2:
        d = d < c ? d : c;
        break;
    case 3:
        d = d > c ? d : c;
        break;
    default:
        break;
    }
    out[0] = (uint64_t)d & 0xffffffff;
    return true;
}

static void
add_video(struct vg_forms *forms, enum op op, int flags, int second, unsigned variant)
{
    struct vg_form form = { .ref = ref_video, .flags = VG_FORM_LIGHT };
    bool shift = op >= VSHL;
    int part_a = (int)(vg_random(variant * 8 + 1) % 7);
    int part_b = (int)(vg_random(variant * 8 + 2) % 7);

    form.p[0] = (int)op;
    form.p[1] = flags;
    form.p[2] = part_a;
    form.p[3] = part_b;
    form.p[4] = second;
    snprintf(form.name, sizeof(form.name), "%s.%s.%s.%s%s%s%s", op_names[op],
             (flags & D_SIGNED) != 0 ? "s32" : "u32",
             (flags & A_SIGNED) != 0 ? "s32" : "u32",
             (flags & B_SIGNED) != 0 ? "s32" : "u32", (flags & SAT) != 0 ? ".sat" : "",
             !shift                ? ""
             : (flags & WRAP) != 0 ? ".wrap"
                                   : ".clamp",
             second_names[second]);
    snprintf(form.text, sizeof(form.text), "%s %%o0, %%a0%s, %%a1%s%s;", form.name,
             part_names[part_a], part_names[part_b], second != 0 ? ", %a2" : "");
    snprintf(form.shape, sizeof(form.shape), "r=r%cr", shift ? 's' : 'r');
    vg_forms_add(forms, &form);
}

void
vg_table_video(struct vg_forms *forms)
{
    unsigned variant = 0;

    for (enum op op = VADD; op <= VSHR; op++) {
        for (int flags = 0; flags < 32; flags++) {
            bool shift = op >= VSHL;
            if ((shift && (flags & B_SIGNED) != 0) || (!shift && (flags & WRAP) != 0)) {
                continue;
            }
            variant++;
            add_video(forms, op, flags, (int)(variant % 4), variant);
        }
    }
}
