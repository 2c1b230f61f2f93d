/* SPDX-License-Identifier: Apache-2.0 */

/* table_bits - bits, shifts, bit fields, permutations (PTX manual 9.7.1, 9.7.8). */

#include <stdio.h>
#include <string.h>

#include "forms.h"

static uint64_t
mask_of(int bits)
{
    return UINT64_MAX >> (64 - bits);
}

/* p: bits. Predicates are one bit wide. */
static bool
ref_and(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[0] & in[1];
    return true;
}

static bool
ref_or(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[0] | in[1];
    return true;
}

static bool
ref_xor(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[0] ^ in[1];
    return true;
}

static bool
ref_not(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = ~in[0] & mask_of(form->p[0]);
    return true;
}

static bool
ref_cnot(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = in[0] == 0;
    return true;
}

static bool
ref_shl(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t v = in[0];

    for (uint64_t i = 0; i < in[1] && i < 64; i++) {
        v = v * 2 & mask_of(form->p[0]);
    }
    out[0] = v;
    return true;
}

/* p[1]: arithmetic */
static bool
ref_shr(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t top = (uint64_t)1 << (form->p[0] - 1);
    uint64_t fill = form->p[1] != 0 ? in[0] & top : 0;
    uint64_t v = in[0];

    for (uint64_t i = 0; i < in[1] && i < 64; i++) {
        v = v / 2 | fill;
    }
    out[0] = v;
    return true;
}

/* p[0]: left, p[1]: wrap. d = 32 bits of {b, a} shifted by c. */
static bool
ref_shf(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t both = in[1] << 32 | in[0];
    uint64_t n = form->p[1] != 0 ? in[2] % 32 : in[2] < 32 ? in[2] : 32;

    out[0] = form->p[0] != 0 ? (n == 0 ? in[1] : both >> (32 - n) & 0xffffffff)
                             : both >> n & 0xffffffff;
    return true;
}

static int
count_ones(uint64_t v)
{
    int n = 0;

    for (; v != 0; v &= v - 1) {
        n++;
    }
    return n;
}

static bool
ref_popc(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    (void)form;
    out[0] = (uint64_t)count_ones(in[0]);
    return true;
}

/* The position of the highest bit that is set, or -1. */
static int
highest(uint64_t v)
{
    int at = -1;

    for (int i = 0; i < 64; i++) {
        at = (v >> i & 1) != 0 ? i : at;
    }
    return at;
}

static bool
ref_clz(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = (uint64_t)(form->p[0] - 1 - highest(in[0]));
    return true;
}

/* p: bits, signed, shiftamt */
static bool
ref_bfind(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    bool negative = form->p[1] != 0 && (in[0] >> (form->p[0] - 1) & 1) != 0;
    int at = highest(negative ? ~in[0] & mask_of(form->p[0]) : in[0]);

    if (at >= 0 && form->p[2] != 0) {
        at = form->p[0] - 1 - at;
    }
    out[0] = (uint32_t)at;
    return true;
}

static bool
ref_brev(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = 0;
    for (int i = 0; i < form->p[0]; i++) {
        out[0] |= (in[0] >> i & 1) << (form->p[0] - 1 - i);
    }
    return true;
}

/* p: bits, signed. 9.7.1.19: position and length are the low 8 bits of b and c. */
static bool
ref_bfe(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    int msb = form->p[0] - 1;
    int pos = (int)(in[1] & 255);
    int len = (int)(in[2] & 255);
    int last = pos + len - 1 < msb ? pos + len - 1 : msb;
    uint64_t sign = form->p[1] == 0 || len == 0 ? 0 : in[0] >> last & 1;

    out[0] = 0;
    for (int i = 0; i <= msb; i++) {
        bool inside = i < len && pos + i <= msb;
        out[0] |= (inside ? in[0] >> (pos + i) & 1 : sign) << i;
    }
    return true;
}

static bool
ref_bfi(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    int pos = (int)(in[2] & 255);
    int len = (int)(in[3] & 255);

    out[0] = in[1];
    for (int i = 0; i < len && pos + i < form->p[0]; i++) {
        out[0] &= ~((uint64_t)1 << (pos + i));
        out[0] |= (in[0] >> i & 1) << (pos + i);
    }
    return true;
}

/* p[0]: wrap. @a is where the mask begins, @b how long it is. */
static bool
ref_bmsk(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t first = form->p[0] != 0 ? in[0] % 32 : in[0];
    uint64_t length = form->p[0] != 0 ? in[1] % 32 : in[1];

    out[0] = 0;
    for (uint64_t i = 0; i < 32; i++) {
        if (i >= first && i - first < length) {
            out[0] |= (uint64_t)1 << i;
        }
    }
    return true;
}

/* p: wrap, signed */
static bool
ref_szext(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t n = form->p[0] != 0 ? in[1] % 32 : in[1] < 32 ? in[1] : 32;
    uint64_t sign = form->p[1] == 0 || n == 0 ? 0 : in[0] >> (n - 1) & 1;

    out[0] = 0;
    for (uint64_t i = 0; i < 32; i++) {
        out[0] |= (i < n ? in[0] >> i & 1 : sign) << i;
    }
    return true;
}

/* The n-th set bit of @a from bit @b on: 9.7.1.17. */
static bool
ref_fns(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    int32_t offset = (int32_t)in[2];
    int base = (int)in[1];
    int step = offset < 0 ? -1 : 1;
    int64_t left = offset < 0 ? -(int64_t)offset : offset;

    (void)form;
    if (in[1] > 31) {
        return false;
    }
    out[0] = 0xffffffff;
    if (offset == 0) {
        out[0] = (in[0] >> base & 1) != 0 ? (uint64_t)base : 0xffffffff;
        return true;
    }
    for (int i = base; i >= 0 && i < 32; i += step) {
        left -= (int64_t)(in[0] >> i & 1);
        if (left == 0) {
            out[0] = (uint64_t)i;
            return true;
        }
    }
    return true;
}

enum prmt {
    PRMT_PLAIN,
    PRMT_F4E,
    PRMT_B4E,
    PRMT_RC8,
    PRMT_ECL,
    PRMT_ECR,
    PRMT_RC16
};

static bool
ref_prmt(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    static const uint8_t picks[][4][4] = {
        /* mode, low selector bits, byte of result */
        [PRMT_F4E] = { { 0, 1, 2, 3 }, { 1, 2, 3, 4 }, { 2, 3, 4, 5 }, { 3, 4, 5, 6 } },
        [PRMT_B4E] = { { 0, 7, 6, 5 }, { 1, 0, 7, 6 }, { 2, 1, 0, 7 }, { 3, 2, 1, 0 } },
        [PRMT_RC8] = { { 0, 0, 0, 0 }, { 1, 1, 1, 1 }, { 2, 2, 2, 2 }, { 3, 3, 3, 3 } },
        [PRMT_ECL] = { { 0, 1, 2, 3 }, { 1, 1, 2, 3 }, { 2, 2, 2, 3 }, { 3, 3, 3, 3 } },
        [PRMT_ECR] = { { 0, 0, 0, 0 }, { 0, 1, 1, 1 }, { 0, 1, 2, 2 }, { 0, 1, 2, 3 } },
        [PRMT_RC16] = { { 0, 1, 0, 1 }, { 2, 3, 2, 3 }, { 0, 1, 0, 1 }, { 2, 3, 2, 3 } },
    };
    uint64_t bytes = in[1] << 32 | in[0];

    out[0] = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t select = in[2] >> (4 * i) & 15;
        if (form->p[0] != PRMT_PLAIN) {
            select = picks[form->p[0]][in[2] & 3][i];
        }
        uint64_t byte = bytes >> ((select & 7) * 8) & 255;
        if ((select & 8) != 0) {
            byte = byte >= 128 ? 255 : 0;
        }
        out[0] |= byte << (8 * i);
    }
    return true;
}

/* p[0]: immLut; lop3: bit by bit, the table indexed by a, b, c. */
static bool
ref_lop3(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    out[0] = 0;
    for (int i = 0; i < 32; i++) {
        uint64_t index = (in[0] >> i & 1) * 4 + (in[1] >> i & 1) * 2 + (in[2] >> i & 1);
        out[0] |= (uint64_t)((unsigned)form->p[0] >> index & 1) << i;
    }
    return true;
}

/* vshr.u32.u32.u32.clamp.add: (a >> min(b, 32)) + c */
static bool
ref_vshr(const struct vg_form *form, const uint64_t *in, uint64_t *out)
{
    uint64_t n = form->p[0] != 0 ? in[1] % 32 : in[1] < 32 ? in[1] : 32;

    out[0] = ((in[0] >> n) + in[2]) & 0xffffffff;
    return true;
}

struct row {
    const char *name;
    const char *shape;
    vg_form_ref *ref;
    int p[3];
};

static const struct row rows[] = {
    { "and.pred", "p=pp", ref_and, { 1 } },
    { "and.b16", "h=hh", ref_and, { 16 } },
    { "and.b32", "r=rr", ref_and, { 32 } },
    { "and.b64", "d=dd", ref_and, { 64 } },
    { "or.pred", "p=pp", ref_or, { 1 } },
    { "or.b16", "h=hh", ref_or, { 16 } },
    { "or.b32", "r=rr", ref_or, { 32 } },
    { "or.b64", "d=dd", ref_or, { 64 } },
    { "xor.pred", "p=pp", ref_xor, { 1 } },
    { "xor.b16", "h=hh", ref_xor, { 16 } },
    { "xor.b32", "r=rr", ref_xor, { 32 } },
    { "xor.b64", "d=dd", ref_xor, { 64 } },
    { "not.pred", "p=p", ref_not, { 1 } },
    { "not.b16", "h=h", ref_not, { 16 } },
    { "not.b32", "r=r", ref_not, { 32 } },
    { "not.b64", "d=d", ref_not, { 64 } },
    { "cnot.b16", "h=h", ref_cnot, { 16 } },
    { "cnot.b32", "r=r", ref_cnot, { 32 } },
    { "cnot.b64", "d=d", ref_cnot, { 64 } },
    { "shl.b16", "h=hs", ref_shl, { 16 } },
    { "shl.b32", "r=rs", ref_shl, { 32 } },
    { "shl.b64", "d=ds", ref_shl, { 64 } },
    { "shr.b16", "h=hs", ref_shr, { 16, 0 } },
    { "shr.b32", "r=rs", ref_shr, { 32, 0 } },
    { "shr.b64", "d=ds", ref_shr, { 64, 0 } },
    { "shr.u16", "h=hs", ref_shr, { 16, 0 } },
    { "shr.u32", "r=rs", ref_shr, { 32, 0 } },
    { "shr.u64", "d=ds", ref_shr, { 64, 0 } },
    { "shr.s16", "h=hs", ref_shr, { 16, 1 } },
    { "shr.s32", "r=rs", ref_shr, { 32, 1 } },
    { "shr.s64", "d=ds", ref_shr, { 64, 1 } },
    { "shf.l.clamp.b32", "r=rrs", ref_shf, { 1, 0 } },
    { "shf.l.wrap.b32", "r=rrs", ref_shf, { 1, 1 } },
    { "shf.r.clamp.b32", "r=rrs", ref_shf, { 0, 0 } },
    { "shf.r.wrap.b32", "r=rrs", ref_shf, { 0, 1 } },
    { "popc.b32", "r=r", ref_popc, { 32 } },
    { "popc.b64", "r=d", ref_popc, { 64 } },
    { "clz.b32", "r=r", ref_clz, { 32 } },
    { "clz.b64", "r=d", ref_clz, { 64 } },
    { "bfind.u32", "r=r", ref_bfind, { 32, 0, 0 } },
    { "bfind.s32", "r=r", ref_bfind, { 32, 1, 0 } },
    { "bfind.u64", "r=d", ref_bfind, { 64, 0, 0 } },
    { "bfind.s64", "r=d", ref_bfind, { 64, 1, 0 } },
    { "bfind.shiftamt.u32", "r=r", ref_bfind, { 32, 0, 1 } },
    { "bfind.shiftamt.s32", "r=r", ref_bfind, { 32, 1, 1 } },
    { "bfind.shiftamt.u64", "r=d", ref_bfind, { 64, 0, 1 } },
    { "bfind.shiftamt.s64", "r=d", ref_bfind, { 64, 1, 1 } },
    { "brev.b32", "r=r", ref_brev, { 32 } },
    { "brev.b64", "d=d", ref_brev, { 64 } },
    { "bfe.u32", "r=rcc", ref_bfe, { 32, 0 } },
    { "bfe.s32", "r=rcc", ref_bfe, { 32, 1 } },
    { "bfe.u64", "d=dcc", ref_bfe, { 64, 0 } },
    { "bfe.s64", "d=dcc", ref_bfe, { 64, 1 } },
    { "bfi.b32", "r=rrcc", ref_bfi, { 32 } },
    { "bfi.b64", "d=ddcc", ref_bfi, { 64 } },
    { "bmsk.clamp.b32", "r=ss", ref_bmsk, { 0 } },
    { "bmsk.wrap.b32", "r=ss", ref_bmsk, { 1 } },
    { "szext.clamp.u32", "r=rs", ref_szext, { 0, 0 } },
    { "szext.clamp.s32", "r=rs", ref_szext, { 0, 1 } },
    { "szext.wrap.u32", "r=rs", ref_szext, { 1, 0 } },
    { "szext.wrap.s32", "r=rs", ref_szext, { 1, 1 } },
    { "fns.b32", "r=rss", ref_fns, { 0 } },
    { "prmt.b32", "r=rrn", ref_prmt, { PRMT_PLAIN } },
    { "prmt.b32.f4e", "r=rrn", ref_prmt, { PRMT_F4E } },
    { "prmt.b32.b4e", "r=rrn", ref_prmt, { PRMT_B4E } },
    { "prmt.b32.rc8", "r=rrn", ref_prmt, { PRMT_RC8 } },
    { "prmt.b32.ecl", "r=rrn", ref_prmt, { PRMT_ECL } },
    { "prmt.b32.ecr", "r=rrn", ref_prmt, { PRMT_ECR } },
    { "prmt.b32.rc16", "r=rrn", ref_prmt, { PRMT_RC16 } },
    { "vshr.u32.u32.u32.clamp.add", "r=rsr", ref_vshr, { 0 } },
    { "vshr.u32.u32.u32.wrap.add", "r=rsr", ref_vshr, { 1 } },
};

void
vg_table_bits(struct vg_forms *forms)
{
    static const int tables[] = { 0x00, 0xff, 0xc0, 0x3c, 0x96, 0xe8, 0xca, 0x1b, 0x80 };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vg_form form = { .ref = rows[i].ref };
        memcpy(form.p, rows[i].p, sizeof(rows[i].p));
        snprintf(form.name, sizeof(form.name), "%s", rows[i].name);
        snprintf(form.shape, sizeof(form.shape), "%s", rows[i].shape);
        vg_forms_add(forms, &form);
    }
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct vg_form form = { .ref = ref_lop3, .shape = "r=rrr", .p = { tables[i] } };
        snprintf(form.name, sizeof(form.name), "lop3.b32");
        snprintf(form.text, sizeof(form.text), "lop3.b32 %%o0, %%a0, %%a1, %%a2, 0x%x;",
                 (unsigned)tables[i]);
        vg_forms_add(forms, &form);
    }
}
