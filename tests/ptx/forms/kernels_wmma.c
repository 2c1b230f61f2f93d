/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_wmma - wmma (PTX manual 9.7.14.4). How a fragment lies in the registers is
 * nobody's business, so loads, product and store are tested together: D = A B + C, with
 * all four in memory.
 */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"
#include "text.h"

enum element {
    E_F16,
    E_BF16,
    E_TF32,
    E_F32,
    E_S8,
    E_U8,
    E_S32
};

struct element_kind {
    const char *name;
    unsigned bits;
    bool is_int;
    enum vg_soft_format format;
};

static const struct element_kind kinds[] = {
    [E_F16] = { "f16", 16, false, VG_SOFT_F16 },
    [E_BF16] = { "bf16", 16, false, VG_SOFT_BF16 },
    [E_TF32] = { "tf32", 32, false, VG_SOFT_F32 },
    [E_F32] = { "f32", 32, false, VG_SOFT_F32 },
    [E_S8] = { "s8", 8, true, 0 },
    [E_U8] = { "u8", 8, true, 0 },
    [E_S32] = { "s32", 32, true, 0 },
};

struct shape {
    const char *name;
    unsigned m, n, k;
};

static const struct shape shapes[] = {
    { "m8n32k16", 8, 32, 16 },
    { "m16n16k16", 16, 16, 16 },
    { "m32n8k16", 32, 8, 16 },
    { "m16n16k8", 16, 16, 8 },
};

struct wmma {
    char forms[300];
    const struct shape *shape;
    enum element ab, c;
    bool a_col, b_col, c_col;
    const char *space;      /* .shared, .global or generic */
    unsigned n_a, n_b, n_c; /* registers of a fragment */
    char mma[80];
};

#define MAX_WMMA 64
#define AT_B     1024
#define AT_C     2048
#define AT_D     3072

static struct wmma wmmas[MAX_WMMA];
static struct vg_kernel_test tests[MAX_WMMA];
static unsigned n_wmmas;
static struct vg_text text;

/* Registers of A and B: 9.7.14.4.1, table of fragments. */
static unsigned
registers_of(const struct wmma *w, unsigned rows)
{
    if (w->ab == E_F16) {
        return 8; /* A and B are held twice */
    }
    return w->ab == E_TF32 ? 4 : rows * w->shape->k * kinds[w->ab].bits / 1024;
}

/* Small integers, so that every order of additions gives the same. */
static void
put(unsigned at, enum element e, uint64_t r)
{
    const struct element_kind *kind = &kinds[e];
    uint64_t bits = r >> 8 & 7;

    if (kind->is_int) {
        bits = (r & 1) != 0 ? 0 - bits : bits;
        bits = e == E_U8 || e == E_S8 ? r >> 20 & 255 : bits;
    } else {
        bits =
            vg_soft_pack(kind->format, VG_SOFT_RN, vg_soft_from_int((r & 1) != 0, bits));
    }
    memcpy(vg_forms_in + at, &bits, kind->bits / 8);
}

static int64_t
get(const uint8_t *bytes, unsigned at, enum element e)
{
    const struct element_kind *kind = &kinds[e];
    uint64_t bits = 0;

    memcpy(&bits, bytes + at, kind->bits / 8);
    if (kind->is_int) {
        uint64_t sign = e == E_U8 ? 0 : (uint64_t)1 << (kind->bits - 1);
        return (int64_t)(bits ^ sign) - (int64_t)sign;
    }
    struct vg_soft v = vg_soft_unpack(kind->format, bits);
    int64_t magnitude = (int64_t)vg_soft_to_int(v, VG_SOFT_RN, 64, true);
    return magnitude;
}

static void
fill(const struct wmma *w)
{
    const struct shape *s = w->shape;

    memset(vg_forms_in, 0, 4096);
    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
    for (unsigned i = 0; i < s->m * s->k; i++) {
        put(i * kinds[w->ab].bits / 8, w->ab, vg_random(i));
    }
    for (unsigned i = 0; i < s->k * s->n; i++) {
        put(AT_B + i * kinds[w->ab].bits / 8, w->ab, vg_random(i + 5000));
    }
    for (unsigned i = 0; i < s->m * s->n; i++) {
        put(AT_C + i * kinds[w->c].bits / 8, w->c, vg_random(i + 9000));
    }
}

static void
add_list(unsigned first, unsigned count)
{
    vg_text_add(&text, "{");
    for (unsigned i = 0; i < count; i++) {
        vg_text_add(&text, "%s%%r%u", i == 0 ? "" : ", ", first + i);
    }
    vg_text_add(&text, "}");
}

static void
add_load(const struct wmma *w, char which, bool col, enum element e, unsigned first,
         unsigned count, unsigned at, unsigned stride)
{
    bool shared = strcmp(w->space, ".shared") == 0;

    vg_text_add(&text, "wmma.load.%c.sync.aligned.%s.%s%s.%s ", which,
                col ? "col" : "row", w->shape->name, w->space, kinds[e].name);
    add_list(first, count);
    vg_text_add(&text, ", [%s+%u], %u;\n", shared ? "%r1" : "%d2", at, stride);
}

static void
build(const struct wmma *w)
{
    const struct shape *s = w->shape;
    bool shared = strcmp(w->space, ".shared") == 0;

    vg_text_clear(&text);
    vg_text_add(&text, "mov.u32 %%r1, sm;\nmad.lo.s32 %%r2, %%me, 16, %%r1;\n"
                       "mul.wide.u32 %%d1, %%me, 16;\nadd.s64 %%d1, %%d1, %%in;\n"
                       "mov.u64 %%d2, %%in;\n");
    for (int i = 0; i < 4096; i += 512) {
        vg_text_add(&text,
                    "ld.global.v4.u32 {%%r3, %%r4, %%r5, %%r6}, [%%d1+%d];\n"
                    "st.shared.v4.u32 [%%r2+%d], {%%r3, %%r4, %%r5, %%r6};\n",
                    i, i);
    }
    vg_text_add(&text, "bar.sync 0;\n");
    add_load(w, 'a', w->a_col, w->ab, 10, w->n_a, 0, w->a_col ? s->m : s->k);
    add_load(w, 'b', w->b_col, w->ab, 20, w->n_b, AT_B, w->b_col ? s->k : s->n);
    add_load(w, 'c', w->c_col, w->c, 30, w->n_c, AT_C, w->c_col ? s->m : s->n);
    vg_text_add(&text, "%s ", w->mma);
    add_list(40, w->n_c);
    vg_text_add(&text, ", ");
    add_list(10, w->n_a);
    vg_text_add(&text, ", ");
    add_list(20, w->n_b);
    vg_text_add(&text, ", ");
    add_list(30, w->n_c);
    vg_text_add(&text, ";\nwmma.store.d.sync.aligned.%s.%s%s.%s [%s+%u], ",
                w->c_col ? "col" : "row", s->name, w->space, kinds[w->c].name,
                shared ? "%r1" : "%d2", AT_D);
    add_list(40, w->n_c);
    vg_text_add(&text, ", %u;\nbar.sync 0;\n", w->c_col ? s->m : s->n);
    if (!shared) { /* D lies in the input buffer: bring it to the output */
        vg_text_add(&text, "mul.wide.u32 %%d3, %%me, 32;\nadd.s64 %%d3, %%d3, %%in;\n");
    } else {
        vg_text_add(&text, "mad.lo.u32 %%r9, %%me, 32, %%r1;\n");
    }
    for (int i = 0; i < 32; i += 4) {
        vg_text_add(&text,
                    "ld.%s.u32 %%r3, [%s+%d];\nst.global.u32 [%%myout+%d], %%r3;\n",
                    shared ? "shared" : "global", shared ? "%r9" : "%d3", AT_D + i, i);
    }
}

static void
run_wmma(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    const struct wmma *w = &wmmas[test->arg];
    const struct shape *s = w->shape;
    struct vg_launch launch = { .decls = ".shared .align 32 .b8 sm[4096];\n" };
    unsigned bytes = kinds[w->ab].bits / 8;
    unsigned c_bytes = kinds[w->c].bits / 8;

    fill(w);
    build(w);
    launch.body = text.bytes;
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (unsigned row = 0; row < s->m; row++) {
        for (unsigned col = 0; col < s->n; col++) {
            unsigned c_index = w->c_col ? col * s->m + row : row * s->n + col;
            int64_t want = get(vg_forms_in, AT_C + c_index * c_bytes, w->c);
            for (unsigned k = 0; k < s->k; k++) {
                unsigned a_index = w->a_col ? k * s->m + row : row * s->k + k;
                unsigned b_index = w->b_col ? col * s->k + k : k * s->n + col;
                want += get(vg_forms_in, a_index * bytes, w->ab) *
                        get(vg_forms_in, AT_B + b_index * bytes, w->ab);
            }
            unsigned at = c_index * c_bytes; /* 32 bytes a thread, 128 apart */
            int64_t got = get(vg_forms_out, at / 32 * 128 + at % 32, w->c);
            if (got != want) {
                vg_forms_fail(forms, "row %u column %u: got %lld, want %lld", row, col,
                              (long long)got, (long long)want);
                return;
            }
        }
    }
}

static void
add_wmma(unsigned shape, enum element ab, enum element c, int layouts, const char *space)
{
    struct wmma *w = &wmmas[n_wmmas];

    *w = (struct wmma){ .shape = &shapes[shape],
                        .ab = ab,
                        .c = c,
                        .a_col = (layouts & 1) != 0,
                        .b_col = (layouts & 2) != 0,
                        .c_col = (layouts & 4) != 0,
                        .space = space };
    w->n_a = registers_of(w, w->shape->m);
    w->n_b = registers_of(w, w->shape->n);
    w->n_c = c == E_F16 ? 4 : 8;
    const char *a_layout = w->a_col ? "col" : "row";
    const char *b_layout = w->b_col ? "col" : "row";
    const char *c_layout = w->c_col ? "col" : "row";
    const char *n = kinds[ab].name;
    char types[40];
    if (ab == E_F16) {
        snprintf(types, sizeof(types), "%s.%s", kinds[c].name, kinds[c].name);
    } else {
        snprintf(types, sizeof(types), "%s.%s.%s.%s", kinds[c].name, n, n, kinds[c].name);
    }
    char mma[sizeof(w->mma)];
    snprintf(mma, sizeof(mma), "wmma.mma.sync.aligned.%s.%s.%s.%s", a_layout, b_layout,
             w->shape->name, types);
    snprintf(
        w->forms, sizeof(w->forms),
        "wmma.load.a.sync.aligned.%s.%s%s.%s\nwmma.load.b.sync.aligned.%s.%s%s.%s\n"
        "wmma.load.c.sync.aligned.%s.%s%s.%s\n%s\nwmma.store.d.sync.aligned.%s.%s%s.%s",
        a_layout, w->shape->name, space, n, b_layout, w->shape->name, space, n, c_layout,
        w->shape->name, space, kinds[c].name, mma, c_layout, w->shape->name, space,
        kinds[c].name);
    memcpy(w->mma, mma, sizeof(mma));
    tests[n_wmmas] = (struct vg_kernel_test){ w->forms, run_wmma, (int)n_wmmas, NULL };
    n_wmmas++;
}

void
vg_kernels_wmma(struct vg_forms *forms)
{
    static const char *const spaces[] = { ".shared", ".global", "" };

    n_wmmas = 0;
    for (unsigned shape = 0; shape < 3; shape++) {
        for (int layouts = 0; layouts < 8; layouts++) {
            add_wmma(shape, E_F16, E_F32, layouts, spaces[(unsigned)layouts % 3]);
        }
        add_wmma(shape, E_F16, E_F32, 2, ".shared");
        add_wmma(shape, E_F16, E_F16, 2, ".shared");
        add_wmma(shape, E_BF16, E_F32, 2, ".shared");
        add_wmma(shape, E_S8, E_S32, 2, ".shared");
        add_wmma(shape, E_U8, E_S32, 1, ".global");
    }
    add_wmma(3, E_TF32, E_F32, 2, ".shared");
    add_wmma(3, E_TF32, E_F32, 5, ".global");
    vg_forms_add_kernels(forms, tests, n_wmmas);
}
