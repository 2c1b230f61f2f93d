/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_atomic - atom and red (PTX manual 9.7.13.4, 9.7.13.5): each lane on a word of
 * its own, then some lanes of a warp on one word.
 */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"
#include "text.h"

enum op {
    ADD,
    MIN,
    MAX,
    AND,
    OR,
    XOR,
    INC,
    DEC,
    EXCH,
    CAS
};

static const char *const op_names[] = { "add", "min", "max", "and",  "or",
                                        "xor", "inc", "dec", "exch", "cas" };

struct type {
    const char *name;
    unsigned bits;
    char class; /* u s b f */
};

static const struct type types[] = {
    { "u32", 32, 'u' },         { "s32", 32, 's' },        { "u64", 64, 'u' },
    { "s64", 64, 's' },         { "b32", 32, 'b' },        { "b64", 64, 'b' },
    { "f32", 32, 'f' },         { "f64", 64, 'f' },        { "noftz.f16", 16, 'h' },
    { "noftz.f16x2", 32, 'h' }, { "noftz.bf16", 16, 'h' }, { "noftz.bf16x2", 32, 'h' },
    { "b16", 16, 'c' }
};

enum space {
    GLOBAL,
    SHARED,
    GENERIC
};

static const char *const space_names[] = { ".global", ".shared", "" };

struct atomic {
    bool is_red;
    char spelling[48]; /* the whole form */
    enum op op;
    size_t type;
    enum space space;
};

#define MAX_ATOMICS 256

static struct atomic atomics[MAX_ATOMICS];
static struct vg_kernel_test tests[MAX_ATOMICS];
static size_t n_atomics;
static struct vg_text text;

static enum vg_soft_format
format_of(const struct type *type)
{
    if (type->class == 'h') {
        return strstr(type->name, "bf16") != NULL ? VG_SOFT_BF16 : VG_SOFT_F16;
    }
    return type->bits == 32 ? VG_SOFT_F32 : VG_SOFT_F64;
}

static uint64_t
float_sum(enum vg_soft_format format, uint64_t a, uint64_t b)
{
    return vg_soft_pack(
        format, VG_SOFT_RN,
        vg_soft_add(vg_soft_unpack(format, a), vg_soft_unpack(format, b), VG_SOFT_RN));
}

static uint64_t
sum(const struct type *type, uint64_t a, uint64_t b)
{
    if (type->class == 'h' && type->bits == 32) {
        enum vg_soft_format format = format_of(type);
        return float_sum(format, a & 0xffff, b & 0xffff) |
               float_sum(format, a >> 16, b >> 16) << 16;
    }
    return type->class == 'f' || type->class == 'h'
               ? float_sum(format_of(type), a, b)
               : (a + b) & (UINT64_MAX >> (64 - type->bits));
}

static uint64_t
apply(const struct atomic *a, uint64_t old, uint64_t b, uint64_t c)
{
    const struct type *type = &types[a->type];
    uint64_t flip = type->class == 's' ? (uint64_t)1 << (type->bits - 1) : 0;

    switch (a->op) {
    case ADD:
        return sum(type, old, b);
    case MIN:
        return (old ^ flip) < (b ^ flip) ? old : b;
    case MAX:
        return (old ^ flip) > (b ^ flip) ? old : b;
    case AND:
        return old & b;
    case OR:
        return old | b;
    case XOR:
        return old ^ b;
    case INC:
        return old >= b ? 0 : old + 1;
    case DEC:
        return old == 0 || old > b ? b : old - 1;
    case EXCH:
        return b;
    case CAS:
        return old == b ? c : old;
    }
    return 0;
}

/* Operand @which of @lane. */
static uint64_t
operand(const struct atomic *a, unsigned lane, unsigned which)
{
    const struct type *type = &types[a->type];
    uint64_t r = vg_random(lane * 8 + which);

    if (type->class == 'f' || type->class == 'h') { /* any order gives the same sum */
        uint64_t range = type->class == 'f' ? 1000 : 16;
        uint64_t bits = 0;
        for (unsigned i = 0; i < (type->class == 'h' ? type->bits / 16 : 1); i++) {
            vg_s128 v = (vg_s128)((r >> (20 * i)) % range) - (vg_s128)range / 2;
            bits |= vg_soft_pack(format_of(type), VG_SOFT_RN,
                                 vg_soft_from_int(v < 0, (uint64_t)(v < 0 ? -v : v)))
                    << (16 * i);
        }
        return bits;
    }
    if (a->op == INC || a->op == DEC) {
        return which == 0 ? (lane % 4 == 0 ? 0 : r % 12) : r % 10;
    }
    if (a->op == CAS && which == 1 && lane % 2 == 0) {
        return operand(a, lane, 0);
    }
    return r & (UINT64_MAX >> (64 - type->bits));
}

static uint64_t
input(const struct atomic *a, unsigned lane, unsigned which)
{
    uint64_t v;

    memcpy(&v, vg_forms_in + (size_t)lane * 128 + (size_t)which * 8, 8);
    return v & (UINT64_MAX >> (64 - types[a->type].bits));
}

static void
fill(const struct atomic *a)
{
    for (unsigned lane = 0; lane < 32; lane++) {
        for (unsigned which = 0; which < 3; which++) {
            uint64_t v = operand(a, lane, which);
            memcpy(vg_forms_in + (size_t)lane * 128 + (size_t)which * 8, &v, 8);
        }
    }
    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
}

static const char *
register_of(unsigned bits)
{
    return bits == 64 ? "%d1" : bits == 16 ? "%h1" : "%r1";
}

static void
add_address(const struct atomic *a, bool common)
{
    /* the word lies in the output at byte 64 of the thread, or in shared memory */
    vg_text_add(&text, "add.s64 %%d1, %s, 64;\n", common ? "%out" : "%myout");
    vg_text_add(&text, "mov.u32 %%r9, sm;\n");
    if (!common) {
        vg_text_add(&text, "mad.lo.s32 %%r9, %%me, 8, %%r9;\n");
    }
    vg_text_add(&text, "and.b32 %%r8, %%me, 1;\nsetp.eq.s32 %%p1, %%r8, 0;\n");
    vg_text_add(&text, "cvt.u64.u32 %%d2, %%r9;\ncvta.shared.u64 %%d3, %%d2;\n");
    vg_text_add(&text, "cvta.global.u64 %%d4, %%d1;\n");
    switch (a->space) {
    case GLOBAL:
        vg_text_add(&text, "mov.u64 %%d5, %%d4;\nmov.u64 %%d6, %%d1;\n");
        break;
    case SHARED:
        vg_text_add(&text, "mov.u64 %%d5, %%d3;\nmov.u64 %%d6, %%d2;\n");
        break;
    case GENERIC:
        vg_text_add(&text, "selp.b64 %%d5, %%d4, %%d3, %%p1;\nmov.u64 %%d6, %%d5;\n");
        if (common) {
            vg_text_add(&text, "mov.u64 %%d5, %%d4;\nmov.u64 %%d6, %%d5;\n");
        }
        break;
    }
}

static void
add_instruction(const struct atomic *a)
{
    const char *r = register_of(types[a->type].bits);

    vg_text_add(&text, "%s ", a->spelling);
    if (!a->is_red) {
        vg_text_add(&text, "%s0, ", r);
    }
    vg_text_add(&text, "[%%d6], %s1", r);
    if (a->op == CAS) {
        vg_text_add(&text, ", %s2", r);
    }
    vg_text_add(&text, ";\n");
}

static bool
launch(struct vg_forms *forms, const struct atomic *a, bool common)
{
    unsigned bits = types[a->type].bits;
    const char *r = register_of(bits);
    const char *guard = common ? "@%p2 " : "";
    struct vg_launch l = { .decls = ".shared .align 8 .b8 sm[256];\n" };

    fill(a);
    vg_text_clear(&text);
    add_address(a, common);
    vg_text_add(&text, "ld.global.b%u %s3, [%s];\n", bits, r, common ? "%in" : "%myin");
    vg_text_add(&text, "ld.global.b%u %s1, [%%myin+8];\n", bits, r);
    vg_text_add(&text, "ld.global.b%u %s2, [%%myin+16];\n", bits, r);
    vg_text_add(&text, "mov.b%u %s0, %s1;\n", bits, r, r);
    vg_text_add(&text, "rem.u32 %%r7, %%me, 3;\nsetp.eq.s32 %%p2, %%r7, 0;\n");
    vg_text_add(&text, "st.b%u [%%d5], %s3;\nbar.sync 0;\n%s", bits, r, guard);
    add_instruction(a);
    vg_text_add(&text, "bar.sync 0;\nld.b%u %s3, [%%d5];\n", bits, r);
    vg_text_add(&text, "st.global.b%u [%%myout], %s0;\n", bits, r);
    vg_text_add(&text, "st.global.b%u [%%myout+8], %s3;\n", bits, r);
    l.body = text.bytes;
    return vg_forms_launch(forms, &l) == VG_LAUNCH_OK;
}

static void
check_own(struct vg_forms *forms, const struct atomic *a)
{
    uint64_t mask = UINT64_MAX >> (64 - types[a->type].bits);

    for (unsigned lane = 0; lane < 32; lane++) {
        uint64_t old = input(a, lane, 0);
        uint64_t want = apply(a, old, input(a, lane, 1), input(a, lane, 2));
        uint64_t got_old = vg_out64((size_t)lane * 16) & mask;
        uint64_t got = vg_out64((size_t)lane * 16 + 1) & mask;
        if (got != want || (!a->is_red && got_old != old)) {
            vg_forms_fail(forms, "lane %u: old %llx new %llx, want old %llx new %llx",
                          lane, (unsigned long long)got_old, (unsigned long long)got,
                          (unsigned long long)old, (unsigned long long)want);
            return;
        }
    }
}

/* Lanes 0, 3, 6... on one word: the result in any order, and every old value on the way.
 */
static void
check_common(struct vg_forms *forms, const struct atomic *a)
{
    uint64_t mask = UINT64_MAX >> (64 - types[a->type].bits);
    uint64_t want = input(a, 0, 0);

    for (unsigned lane = 0; lane < 32; lane += 3) {
        want = apply(a, want, input(a, lane, 1), 0);
    }
    for (unsigned lane = 0; lane < 32; lane++) {
        uint64_t got = vg_out64((size_t)lane * 16 + 1) & mask;
        if (got != want) {
            vg_forms_fail(forms, "lanes 0, 3, ... on one word: got %llx, want %llx",
                          (unsigned long long)got, (unsigned long long)want);
            return;
        }
        if (lane % 3 != 0 && (vg_out64((size_t)lane * 16) & mask) != input(a, lane, 1)) {
            vg_forms_fail(forms, "lane %u was masked but got a result", lane);
            return;
        }
    }
}

static void
run_atomic(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    const struct atomic *a = &atomics[test->arg];

    if (!launch(forms, a, false)) {
        return;
    }
    check_own(forms, a);
    if (a->op <= XOR && launch(forms, a, true)) {
        check_common(forms, a);
    }
}

static bool
exists(enum op op, const struct type *type, bool is_red)
{
    switch (op) {
    case ADD:
        return type->class == 'u' || type->class == 'f' || type->class == 'h' ||
               strcmp(type->name, "s32") == 0;
    case MIN:
    case MAX:
        return type->class == 'u' || type->class == 's';
    case AND:
    case OR:
    case XOR:
        return type->class == 'b';
    case INC:
    case DEC:
        return strcmp(type->name, "u32") == 0;
    case EXCH:
        return type->class == 'b' && !is_red;
    case CAS:
        return (type->class == 'b' || type->class == 'c') && !is_red;
    }
    return false;
}

static void
add_atomic(const char *spelling, bool is_red, enum op op, size_t type, enum space space)
{
    struct atomic *a = &atomics[n_atomics];

    *a = (struct atomic){ .is_red = is_red, .op = op, .type = type, .space = space };
    snprintf(a->spelling, sizeof(a->spelling), "%s", spelling);
    tests[n_atomics] =
        (struct vg_kernel_test){ a->spelling, run_atomic, (int)n_atomics, NULL };
    n_atomics++;
}

static void
add_spaces(bool is_red, enum op op, size_t type)
{
    char spelling[48];

    for (enum space s = GLOBAL; s <= GENERIC; s++) {
        snprintf(spelling, sizeof(spelling), "%s%s.%s.%s", is_red ? "red" : "atom",
                 space_names[s], op_names[op], types[type].name);
        add_atomic(spelling, is_red, op, type, s);
    }
}

static void
add_types(bool is_red, enum op op)
{
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        if (exists(op, &types[t], is_red)) {
            add_spaces(is_red, op, t);
        }
    }
}

void
vg_kernels_atomic(struct vg_forms *forms)
{
    n_atomics = 0;
    for (enum op op = ADD; op <= CAS; op++) {
        add_types(false, op);
        add_types(true, op);
    }
    add_atomic("atom.add.release.gpu.u32", false, ADD, 0, GENERIC);
    add_atomic("atom.relaxed.gpu.global.add.u32", false, ADD, 0, GLOBAL);
    add_atomic("atom.acq_rel.gpu.global.cas.b32", false, CAS, 4, GLOBAL);
    add_atomic("atom.acquire.cta.shared.exch.b32", false, EXCH, 4, SHARED);
    add_atomic("red.relaxed.gpu.global.add.u32", true, ADD, 0, GLOBAL);
    add_atomic("red.release.gpu.global.max.s64", true, MAX, 3, GLOBAL);
    vg_forms_add_kernels(forms, tests, n_atomics);
}
