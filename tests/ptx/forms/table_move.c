/* SPDX-License-Identifier: Apache-2.0 */

/* table_move - mov in all its forms but addresses (PTX manual 9.7.9.2, 9.7.9.3). */

#include <stdio.h>
#include <string.h>

#include "forms.h"

static bool
ref_copy(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[0];
    return true;
}

/* p: bits of a part, parts */
static bool
ref_join(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = 0;
    for (int i = 0; i < form->p[1]; i++) {
        out[0] |= in[i] << (form->p[0] * i);
    }
    return true;
}

static bool
ref_split(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    for (int i = 0; i < form->p[1]; i++) {
        out[i] = in[0] >> (form->p[0] * i) & (UINT64_MAX >> (64 - form->p[0]));
    }
    return true;
}

/* the lower half of a, the upper half of b */
static bool
ref_upper(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[0] >> 16;
    return true;
}

struct row {
    const char *name;
    const char *shape;
    vg_form_ref *ref;
    int p[2];
    const char *text;
};

static const struct row rows[] = {
    { "mov.pred", "p=p", ref_copy, { 0 }, "" },
    { "mov.b16", "h=h", ref_copy, { 0 }, "" },
    { "mov.u16", "h=h", ref_copy, { 0 }, "" },
    { "mov.s16", "h=h", ref_copy, { 0 }, "" },
    { "mov.b32", "r=r", ref_copy, { 0 }, "" },
    { "mov.u32", "r=r", ref_copy, { 0 }, "" },
    { "mov.s32", "r=r", ref_copy, { 0 }, "" },
    { "mov.b64", "d=d", ref_copy, { 0 }, "" },
    { "mov.u64", "d=d", ref_copy, { 0 }, "" },
    { "mov.s64", "d=d", ref_copy, { 0 }, "" },
    { "mov.f32", "r=F", ref_copy, { 0 }, "" },
    { "mov.f64", "d=D", ref_copy, { 0 }, "" },
    { "mov.b32 [pack2]", "r=hh", ref_join, { 16, 2 }, "mov.b32 %o0, {%a0, %a1};" },
    { "mov.b64 [pack2]", "d=rr", ref_join, { 32, 2 }, "mov.b64 %o0, {%a0, %a1};" },
    { "mov.b64 [pack4]",
      "d=hhhh",
      ref_join,
      { 16, 4 },
      "mov.b64 %o0, {%a0, %a1, %a2, %a3};" },
    { "mov.b32 [unpack2]", "hh=r", ref_split, { 16, 2 }, "mov.b32 {%o0, %o1}, %a0;" },
    { "mov.b64 [unpack2]", "rr=d", ref_split, { 32, 2 }, "mov.b64 {%o0, %o1}, %a0;" },
    { "mov.b64 [unpack4]",
      "hhhh=d",
      ref_split,
      { 16, 4 },
      "mov.b64 {%o0, %o1, %o2, %o3}, %a0;" },
    { "mov.b32 [unpack2]", "h=r", ref_upper, { 0 }, "mov.b32 {_, %o0}, %a0;" },
    { "mov.b32 [unpack2]",
      "h=r",
      ref_upper,
      { 0 },
      "{\n.reg .b16 low;\nmov.b32 {low, %o0}, %a0;\n}" },
    { "mov.b16 [symaddr]",
      "h=h",
      ref_copy,
      { 0 },
      "{\n.reg .b16 low;\nmov.b16 low, %a0;\nmov.b16 %o0, low;\n}" },
    { "mov.f32 [symaddr]",
      "r=r",
      ref_copy,
      { 0 },
      "{\n.reg .f32 low;\nmov.f32 low, %a0;\nmov.f32 %o0, low;\n}" },
    { "mov.s32 [symaddr]",
      "r=r",
      ref_copy,
      { 0 },
      "{\n.reg .s32 x;\n{\n.reg .s32 x;\nmov.s32 x, 17;\n}\nmov.s32 x, %a0;\n"
      "{\n.reg .s32 x;\nmov.s32 x, 19;\n}\nmov.s32 %o0, x;\n}" },
};

void
vg_table_move(struct vg_forms *forms)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vg_form form = { .ref = rows[i].ref, .p = { rows[i].p[0], rows[i].p[1] } };
        snprintf(form.name, sizeof(form.name), "%s", rows[i].name);
        snprintf(form.shape, sizeof(form.shape), "%s", rows[i].shape);
        snprintf(form.text, sizeof(form.text), "%s", rows[i].text);
        form.flags = rows[i].text[0] == '{' ? VG_FORM_SEVERAL : 0;
        vg_forms_add(forms, &form);
    }
}
