/* SPDX-License-Identifier: Apache-2.0 */

/* kernels_memory - loads, stores, addresses (PTX manual 9.7.9). */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "interp/interp.h"
#include "run.h"
#include "text.h"

#define LANES  32
#define STRIDE 64

struct mem_type {
    const char *name;
    unsigned bytes;
    bool is_signed;
};

static const struct mem_type mem_types[] = {
    { "u8", 1, false },  { "s8", 1, true },   { "b8", 1, false },  { "u16", 2, false },
    { "s16", 2, true },  { "b16", 2, false }, { "u32", 4, false }, { "s32", 4, true },
    { "b32", 4, false }, { "f32", 4, false }, { "u64", 8, false }, { "s64", 8, true },
    { "b64", 8, false }, { "f64", 8, false },
};

#define N_MEM_TYPES (sizeof(mem_types) / sizeof(mem_types[0]))

enum where {
    AT_GLOBAL,
    AT_SHARED,
    AT_LOCAL,
    AT_PARAM,
    AT_GENERIC,
    AT_CONST
};

struct mem_form {
    const char *prefix;
    enum where where;
};

static const struct mem_form loads[] = {
    { "ld.global", AT_GLOBAL },
    { "ld.global.nc", AT_GLOBAL },
    { "ld.volatile.global", AT_GLOBAL },
    { "ld.relaxed.gpu.global", AT_GLOBAL },
    { "ld.acquire.gpu.global", AT_GLOBAL },
    { "ld.global.cg", AT_GLOBAL },
    { "ldu.global", AT_GLOBAL },
    { "ld.shared", AT_SHARED },
    { "ld.volatile.shared", AT_SHARED },
    { "ld.local", AT_LOCAL },
    { "ld.param", AT_PARAM },
    { "ld", AT_GENERIC },
    { "ld.volatile", AT_GENERIC },
    { "ld.relaxed.gpu", AT_GENERIC },
    { "ld.acquire.gpu", AT_GENERIC },
    { "ld.cg", AT_GENERIC },
    { "ld.ca", AT_GENERIC },
    { "ld.const", AT_CONST },
};

static const struct mem_form stores[] = {
    { "st.global", AT_GLOBAL },
    { "st.volatile.global", AT_GLOBAL },
    { "st.relaxed.gpu.global", AT_GLOBAL },
    { "st.release.gpu.global", AT_GLOBAL },
    { "st.shared", AT_SHARED },
    { "st.volatile.shared", AT_SHARED },
    { "st.local", AT_LOCAL },
    { "st", AT_GENERIC },
    { "st.relaxed.gpu", AT_GENERIC },
    { "st.volatile", AT_GENERIC },
    { "st.cg", AT_GENERIC },
};

static struct vg_text text;

static void
fill_in(void)
{
    for (size_t i = 0; i < VG_LAUNCH_BUFFER; i += 8) {
        uint64_t r = vg_random(i);
        memcpy(vg_forms_in + i, &r, 8);
    }
    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
}

/* The element's value as a register of @bits holds it. */
static uint64_t
element(const uint8_t *at, const struct mem_type *type, unsigned bits)
{
    uint64_t v = 0;

    memcpy(&v, at, type->bytes);
    if (type->is_signed && type->bytes < 8 && (v >> (8 * type->bytes - 1) & 1) != 0) {
        v |= ~(uint64_t)0 << (8 * type->bytes);
    }
    return v & (UINT64_MAX >> (64 - bits));
}

/* Code that puts 64 bytes of the thread's input into @where and %d9 on their address. */
static void
add_place(enum where where)
{
    switch (where) {
    case AT_GLOBAL:
        vg_text_add(&text, "mov.u64 %%d9, %%myin;\n");
        break;
    case AT_GENERIC: /* odd lanes in shared memory, even ones in global */
    case AT_SHARED:
        vg_text_add(&text, "mov.u32 %%r9, sm;\nmad.lo.s32 %%r9, %%me, %d, %%r9;\n",
                    STRIDE);
        for (int i = 0; i < STRIDE; i += 4) {
            vg_text_add(
                &text,
                "ld.global.u32 %%r8, [%%myin+%d];\nst.shared.u32 [%%r9+%d], %%r8;\n", i,
                i);
        }
        vg_text_add(&text, "bar.sync 0;\ncvt.u64.u32 %%d9, %%r9;\n");
        if (where == AT_GENERIC) {
            vg_text_add(&text,
                        "cvta.shared.u64 %%d9, %%d9;\nand.b32 %%r8, %%me, 1;\n"
                        "setp.eq.s32 %%p9, %%r8, 0;\n@%%p9 mov.u64 %%d9, %%myin;\n");
        }
        break;
    case AT_LOCAL:
        vg_text_add(&text, "mov.u64 %%d9, loc;\n");
        for (int i = 0; i < STRIDE; i += 4) {
            vg_text_add(
                &text,
                "ld.global.u32 %%r8, [%%myin+%d];\nst.local.u32 [%%d9+%d], %%r8;\n", i,
                i);
        }
        break;
    case AT_PARAM:
        break;
    case AT_CONST:
        vg_text_add(&text, "mov.u64 %%d9, cst;\n");
        break;
    }
}

static const char decls[] = ".shared .align 16 .b8 sm[4096];\n";

static const char *
registers_of(unsigned bits)
{
    return bits == 16 ? "%h" : bits == 32 ? "%r" : "%d";
}

/* Stores element @i from its register to word @i of the output as 64 bits. */
static void
add_result(unsigned i, unsigned bits)
{
    vg_text_add(&text, "st.global.b%u [%%myout+%u], %s%u;\n", bits, i * 8,
                registers_of(bits), i);
}

static void
add_vector(unsigned n, unsigned bits)
{
    vg_text_add(&text, n == 1 ? "" : "{");
    for (unsigned i = 0; i < n; i++) {
        vg_text_add(&text, "%s%s%u", i == 0 ? "" : ", ", registers_of(bits), i);
    }
    vg_text_add(&text, n == 1 ? "" : "}");
}

static const char const_decl[] =
    ".const .align 16 .b8 cst[64] = { 1, 2, 253, 4, 5, 6, 7, 8, 9, 10, 139, 12, 13, 14, "
    "15, 16, 17, 18, 190, 200, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 232, 33, 34, "
    "35, 36, 137, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 251 };\n";
static const uint8_t const_bytes[64] = {
    1,  2,   253, 4,  5,  6,  7,  8,  9,  10, 139, 12, 13, 14, 15,  16, 17,
    18, 190, 200, 21, 22, 23, 24, 25, 26, 27, 28,  29, 30, 31, 232, 33, 34,
    35, 36,  137, 38, 39, 40, 41, 42, 43, 44, 45,  46, 47, 48, 49,  50, 251,
};

struct access {
    const char *prefix;
    enum where where;
    const struct mem_type *type;
    unsigned n;      /* elements */
    unsigned bits;   /* of a register */
    unsigned offset; /* into the thread's 64 bytes */
    bool guarded;    /* only lanes with tid % 3 == 0 */
    bool by_name;    /* [symbol+offset] instead of [register+offset] */
};

static void
add_guard(const struct access *a)
{
    if (a->guarded) {
        vg_text_add(&text, "rem.u32 %%r8, %%me, 3;\nsetp.eq.s32 %%p8, %%r8, 0;\n@%%p8 ");
    }
}

static void
add_address(const struct access *a)
{
    if (a->where == AT_PARAM) {
        vg_text_add(&text, "[p_x+%u]", a->offset % 16);
    } else if (a->by_name) {
        const char *symbol = a->where == AT_SHARED  ? "sm"
                             : a->where == AT_LOCAL ? "loc"
                                                    : "cst";
        vg_text_add(&text, "[%s+%u]", symbol, a->offset);
    } else {
        vg_text_add(&text, "[%%d9%+d]", (int)a->offset);
    }
}

static const uint8_t *
source_of(const struct access *a, unsigned lane)
{
    if (a->where == AT_CONST) {
        return const_bytes + a->offset;
    }
    if (a->by_name && a->where == AT_SHARED) {
        return vg_forms_in + a->offset;
    }
    return vg_forms_in + (size_t)lane * 128 + a->offset;
}

static bool
check_load(struct vg_forms *forms, const struct access *a, const uint8_t *params)
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < a->n; i++) {
            const uint8_t *at =
                a->where == AT_PARAM ? params + a->offset % 16 : source_of(a, lane);
            uint64_t want = element(at + (size_t)i * a->type->bytes, a->type, a->bits);
            if (a->guarded && lane % 3 != 0) {
                want = 0x77;
            }
            uint64_t got =
                vg_out64((size_t)lane * 16 + i) & (UINT64_MAX >> (64 - a->bits));
            if (got != want) {
                vg_forms_fail(forms,
                              "lane %u element %u (%u-bit register%s%s): got %llx, "
                              "want %llx",
                              lane, i, a->bits, a->guarded ? ", guarded" : "",
                              a->by_name ? ", by name" : "", (unsigned long long)got,
                              (unsigned long long)want);
                return false;
            }
        }
    }
    return true;
}

static bool
load_once(struct vg_forms *forms, const struct access *a)
{
    struct vg_launch launch = { .decls = a->where == AT_CONST ? const_decl : decls };

    fill_in();
    memcpy(launch.extra, vg_forms_in + 4096, sizeof(launch.extra));
    vg_text_clear(&text);
    if (a->where == AT_LOCAL) {
        vg_text_add(&text, ".local .align 16 .b8 loc[64];\n");
    }
    add_place(a->where);
    for (unsigned i = 0; i < a->n; i++) {
        vg_text_add(&text, "mov.b%u %s%u, 0x77;\n", a->bits, registers_of(a->bits), i);
    }
    add_guard(a);
    vg_text_add(&text, "%s%s.%s ", a->prefix,
                a->n == 1   ? ""
                : a->n == 2 ? ".v2"
                            : ".v4",
                a->type->name);
    add_vector(a->n, a->bits);
    vg_text_add(&text, ", ");
    add_address(a);
    vg_text_add(&text, ";\n");
    for (unsigned i = 0; i < a->n; i++) {
        add_result(i, a->bits);
    }
    launch.body = text.bytes;
    return vg_forms_launch(forms, &launch) == VG_LAUNCH_OK &&
           check_load(forms, a, launch.extra);
}

/* arg: form * 256 + vector * 16 + type */
static struct access
access_of(const struct mem_form *form, int arg)
{
    const struct mem_type *type = &mem_types[arg & 15];

    return (struct access){
        .prefix = form->prefix,
        .where = form->where,
        .type = type,
        .n = (unsigned)arg >> 4 & 15,
        .bits = type->bytes <= 2 ? 16 : type->bytes * 8,
        .offset = 16,
    };
}

static void
run_load(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct access a = access_of(&loads[test->arg >> 8], test->arg);

    if (!load_once(forms, &a)) {
        return;
    }
    a.offset = 16 + a.type->bytes * a.n;
    a.guarded = true;
    if (!load_once(forms, &a)) {
        return;
    }
    a.guarded = false;
    if (a.where == AT_SHARED || a.where == AT_LOCAL || a.where == AT_CONST) {
        a.by_name = true;
        if (!load_once(forms, &a)) {
            return;
        }
    }
    if (a.type->bytes <= 2) {
        a.bits = 32;
        (void)load_once(forms, &a);
    }
}

/* After a store: the thread's 64 bytes go to the output. */
static void
add_read_back(enum where where)
{
    const char *load = where == AT_LOCAL ? "ld.local" : "ld.shared";

    if (where == AT_GLOBAL) {
        return;
    }
    for (int i = 0; i < STRIDE; i += 4) {
        if (where == AT_GENERIC) { /* even lanes have it already */
            vg_text_add(&text,
                        "@!%%p9 ld.shared.u32 %%r8, [%%r9+%d];\n"
                        "@!%%p9 st.global.u32 [%%myout+%d], %%r8;\n",
                        i, i);
        } else {
            vg_text_add(&text,
                        "%s.u32 %%r8, [%%d9+%d];\nst.global.u32 [%%myout+%d], %%r8;\n",
                        load, i, i);
        }
    }
}

/* The 64 bytes begin as those of the input, their elements as read from byte 64 on. */
static bool
check_store(struct vg_forms *forms, const struct access *a)
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        const uint8_t *in = vg_forms_in + (size_t)lane * 128;
        uint8_t want[STRIDE];
        memcpy(want, in, STRIDE);
        for (unsigned i = 0; i < a->n && (!a->guarded || lane % 3 == 0); i++) {
            memcpy(want + a->offset + (size_t)i * a->type->bytes, in + 64 + (size_t)i * 8,
                   a->type->bytes);
        }
        const uint8_t *got = vg_forms_out + (size_t)lane * 128;
        for (unsigned i = 0; i < STRIDE; i++) {
            if (got[i] != want[i]) {
                vg_forms_fail(forms, "lane %u byte %u%s: got %x, want %x", lane, i,
                              a->guarded ? " (guarded)" : "", got[i], want[i]);
                return false;
            }
        }
    }
    return true;
}

static bool
store_once(struct vg_forms *forms, const struct access *a)
{
    fill_in();
    for (unsigned lane = 0; lane < LANES; lane++) {
        memcpy(vg_forms_out + (size_t)lane * 128, vg_forms_in + (size_t)lane * 128,
               STRIDE);
    }
    vg_text_clear(&text);
    if (a->where == AT_LOCAL) {
        vg_text_add(&text, ".local .align 16 .b8 loc[64];\n");
    }
    add_place(a->where);
    if (a->where == AT_GLOBAL) {
        vg_text_add(&text, "mov.u64 %%d9, %%myout;\n");
    } else if (a->where == AT_GENERIC) {
        vg_text_add(&text, "@%%p9 mov.u64 %%d9, %%myout;\n");
    }
    for (unsigned i = 0; i < a->n; i++) {
        vg_text_add(&text, "ld.global.b%u %s%u, [%%myin+%u];\n", a->bits,
                    registers_of(a->bits), i, 64 + i * 8);
    }
    add_guard(a);
    vg_text_add(&text, "%s%s.%s ", a->prefix,
                a->n == 1   ? ""
                : a->n == 2 ? ".v2"
                            : ".v4",
                a->type->name);
    add_address(a);
    vg_text_add(&text, ", ");
    add_vector(a->n, a->bits);
    vg_text_add(&text, ";\n");
    add_read_back(a->where);
    struct vg_launch launch = { .decls = decls, .body = text.bytes };
    return vg_forms_launch(forms, &launch) == VG_LAUNCH_OK && check_store(forms, a);
}

static void
run_store(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct access a = access_of(&stores[test->arg >> 8], test->arg);

    if (!store_once(forms, &a)) {
        return;
    }
    a.offset = 16 + a.type->bytes * a.n;
    a.guarded = true;
    if (!store_once(forms, &a)) {
        return;
    }
    if (a.type->bytes <= 2) {
        a.bits = 32;
        (void)store_once(forms, &a);
    }
}

#define MAX_GENERATED 1200

typedef void memory_test(struct vg_forms *forms, const struct vg_kernel_test *test);

static struct vg_kernel_test generated[MAX_GENERATED];
static char generated_names[MAX_GENERATED][48];
static size_t n_generated;

static void
generate_one(const char *prefix, int arg, memory_test *run)
{
    static const char *const vectors[] = { "", "", ".v2", "", ".v4" };
    const struct mem_type *type = &mem_types[arg & 15];
    unsigned n = (unsigned)arg >> 4 & 15;
    char *name = generated_names[n_generated];

    if (n * type->bytes > 16) {
        return;
    }
    snprintf(name, sizeof(generated_names[0]), "%s%s.%s", prefix, vectors[n], type->name);
    generated[n_generated++] =
        (struct vg_kernel_test){ .forms = name, .run = run, .arg = arg };
}

static void
generate(const struct mem_form *forms, size_t n_forms, memory_test *run)
{
    for (size_t f = 0; f < n_forms; f++) {
        for (unsigned n = 1; n <= 4; n *= 2) {
            for (size_t t = 0; t < N_MEM_TYPES; t++) {
                generate_one(forms[f].prefix, (int)(f << 8 | n << 4 | t), run);
            }
        }
    }
}

/* Addresses of variables in every space, as written by compilers. */
static void
run_addresses(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct vg_launch launch = {
        .decls =
            ".global .align 8 .b8 pad[24];\n.global .align 4 .u32 table[4] = "
            "{ 11, 22, 33, 44 };\n.global .align 8 .u64 pointer = generic(table)+8;\n.global .f64 minus = -1.5;\n"
            ".shared .align 4 .b8 first[20];\n.shared .align 8 .u32 sm[32];\n",
        .body = test->text,
    };

    fill_in();
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (size_t lane = 0; lane < LANES; lane++) {
        uint32_t want = test->arg != 0 ? (uint32_t)test->arg : (uint32_t)lane * 3 + 1;
        if (vg_out32(lane * 32) != want) {
            vg_forms_fail(forms, "lane %zu: got %x, want %x", lane, vg_out32(lane * 32),
                          want);
            return;
        }
    }
}

#define SHARED_SET "mad.lo.s32 %r1, %me, 3, 1;\nshl.b32 %r2, %me, 2;\n"
#define STORE_R3   "st.global.u32 [%myout], %r3;\n"

static const struct vg_kernel_test tests[] = {
    { "mov.u32 [symaddr]\nst.shared.u32", run_addresses, 0,
      SHARED_SET "mov.u32 %r4, sm;\nadd.s32 %r4, %r4, %r2;\nst.shared.u32 [%r4], %r1;\n"
                 "mov.u32 %r5, sm+4;\nadd.s32 %r5, %r5, %r2;\n"
                 "ld.shared.u32 %r3, [%r5+-4];\n" STORE_R3 },
    { "mov.b32 [symaddr]", run_addresses, 0,
      SHARED_SET "mov.b32 %r4, sm;\nadd.s32 %r4, %r4, %r2;\nst.shared.u32 [%r4], %r1;\n"
                 "ld.shared.u32 %r3, [%r4];\n" STORE_R3 },
    { "mov.u64 [symaddr]\ncvta.shared.u64", run_addresses, 0,
      SHARED_SET "mov.u64 %d1, sm;\ncvta.shared.u64 %d2, %d1;\ncvt.u64.u32 %d3, %r2;\n"
                 "add.s64 %d2, %d2, %d3;\nst.u32 [%d2], %r1;\nadd.s64 %d1, %d1, %d3;\n"
                 "ld.shared.u32 %r3, [%d1];\n" STORE_R3 },
    { "mov.b64 [symaddr]", run_addresses, 33,
      "mov.b64 %d1, table;\nld.global.u32 %r3, [%d1+8];\n" STORE_R3 },
    { "cvta.global.u64", run_addresses, 44,
      "mov.u64 %d1, table;\ncvta.global.u64 %d2, %d1;\nld.u32 %r3, [%d2+12];\n" STORE_R3 },
    { "cvta.global.u64", run_addresses, 22,
      "cvta.global.u64 %d2, table;\nld.u32 %r3, [%d2+4];\n" STORE_R3 },
    { "cvta.to.global.u64", run_addresses, 22,
      "mov.u64 %d1, table;\ncvta.global.u64 %d2, %d1;\ncvta.to.global.u64 %d3, %d2;\n"
      "ld.global.u32 %r3, [%d3+4];\n" STORE_R3 },
    { "cvta.to.global.u64", run_addresses, 33,
      "ld.global.u64 %d1, [pointer];\ncvta.to.global.u64 %d3, %d1;\n"
      "ld.global.u32 %r3, [%d3];\n" STORE_R3 },
    { "cvta.to.shared.u64", run_addresses, 0,
      SHARED_SET "mov.u64 %d1, sm;\ncvta.shared.u64 %d2, %d1;\ncvt.u64.u32 %d3, %r2;\n"
                 "add.s64 %d2, %d2, %d3;\ncvta.to.shared.u64 %d4, %d2;\n"
                 "st.shared.u32 [%d4], %r1;\nld.u32 %r3, [%d2];\n" STORE_R3 },
    { "cvta.local.u64\nld.u32", run_addresses, 0,
      ".local .align 8 .b8 loc[16];\n" SHARED_SET
      "mov.u64 %d1, loc;\ncvta.local.u64 %d2, %d1;\nst.local.u32 [%d1+8], %r1;\n"
      "ld.u32 %r3, [%d2+8];\n" STORE_R3 },
    { "cvta.to.local.u64", run_addresses, 0,
      ".local .align 8 .b8 loc[16];\n" SHARED_SET
      "mov.u64 %d1, loc;\ncvta.local.u64 %d2, %d1;\nst.u32 [%d2+4], %r1;\n"
      "cvta.to.local.u64 %d3, %d2;\nld.local.u32 %r3, [%d3+4];\n" STORE_R3 },
    { "isspacep.global", run_addresses, 1,
      "mov.u64 %d1, table;\ncvta.global.u64 %d2, %d1;\nisspacep.global %p1, %d2;\n"
      "mov.u64 %d3, sm;\ncvta.shared.u64 %d4, %d3;\nisspacep.global %p2, %d4;\n"
      "not.pred %p2, %p2;\nand.pred %p1, %p1, %p2;\nselp.u32 %r3, 1, 2, %p1;\n" STORE_R3 },
    { "isspacep.shared", run_addresses, 1,
      "mov.u64 %d1, table;\ncvta.global.u64 %d2, %d1;\nisspacep.shared %p2, %d2;\n"
      "mov.u64 %d3, sm;\ncvta.shared.u64 %d4, %d3;\nisspacep.shared %p1, %d4;\n"
      "not.pred %p2, %p2;\nand.pred %p1, %p1, %p2;\nselp.u32 %r3, 1, 2, %p1;\n" STORE_R3 },
    { "isspacep.local", run_addresses, 1,
      ".local .align 8 .b8 loc[16];\nmov.u64 %d1, loc;\ncvta.local.u64 %d2, %d1;\n"
      "isspacep.local %p1, %d2;\nmov.u64 %d3, sm;\ncvta.shared.u64 %d4, %d3;\n"
      "isspacep.local %p2, %d4;\nnot.pred %p2, %p2;\nand.pred %p1, %p1, %p2;\n"
      "selp.u32 %r3, 1, 2, %p1;\n" STORE_R3 },
    { "negative decimal float immediates", run_addresses, 1,
      "mov.f64 %d1, -1.5;\nmov.b64 {%r4, %r5}, %d1;\nsetp.eq.b32 %p1, %r5, 0xBFF80000;\n"
      "mov.f64 %d2, -0.0;\nmov.b64 {%r4, %r5}, %d2;\nsetp.eq.and.b32 %p1, %r5, "
      "0x80000000, %p1;\nmov.f32 %r6, 1e-3;\nsetp.eq.and.b32 %p1, %r6, 0x3A83126F, %p1;\n"
      "ld.global.u64 %d3, [minus];\nmov.b64 {%r4, %r5}, %d3;\n"
      "setp.eq.and.b32 %p1, %r5, 0xBFF80000, %p1;\nselp.u32 %r3, 1, 2, %p1;\n" STORE_R3 },
    { "createpolicy.fractional.L2::evict_last.b64\nld.global.L2::cache_hint.u32\n"
      "st.global.L2::cache_hint.u32",
      run_addresses, 44,
      "mov.u64 %d1, table;\ncreatepolicy.fractional.L2::evict_last.b64 %d2, 1.0;\n"
      "ld.global.L2::cache_hint.u32 %r3, [%d1+12], %d2;\n"
      "st.global.L2::cache_hint.u32 [%myout], %r3, %d2;\n" },
    { "prefetch.global.L2\nprefetchu.L1", run_addresses, 5,
      "prefetch.global.L2 [%myin];\nprefetchu.L1 [%myin];\nmov.u32 %r3, 5;\n" STORE_R3 },
};

struct fault {
    const char *name;
    int kind;
    const char *body;
};

static const struct fault faults[] = {
    { "fault: global address 0", VG_INTERP_FAULT_ADDRESS,
      "mov.u64 %d1, 0;\nld.global.u32 %r1, [%d1];\nst.global.u32 [%myout], %r1;\n" },
    { "fault: global address beyond the buffer", VG_INTERP_FAULT_ADDRESS,
      "add.s64 %d1, %in, 1073741824;\nst.global.u32 [%d1], %r1;\n" },
    { "fault: misaligned word", VG_INTERP_FAULT_MISALIGNED,
      "ld.global.u32 %r1, [%myin+2];\nst.global.u32 [%myout], %r1;\n" },
    { "fault: misaligned vector", VG_INTERP_FAULT_MISALIGNED,
      "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%myin+8];\nst.global.u32 [%myout], %r1;\n" },
    { "fault: shared address beyond the window", VG_INTERP_FAULT_SPACE,
      "mov.u32 %r2, sm;\nadd.s32 %r2, %r2, 1048576;\nld.shared.u32 %r1, [%r2];\n"
      "st.global.u32 [%myout], %r1;\n" },
    { "trap", VG_INTERP_FAULT_TRAP, "trap;\n" },
};

static void
run_fault(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct vg_launch launch = { .decls = decls, .body = faults[test->arg].body };

    (void)vg_forms_launch_fault(forms, &launch, faults[test->arg].kind);
}

void
vg_kernels_memory(struct vg_forms *forms)
{
    static struct vg_kernel_test fault_tests[sizeof(faults) / sizeof(faults[0])];

    n_generated = 0;
    generate(loads, sizeof(loads) / sizeof(loads[0]), run_load);
    generate(stores, sizeof(stores) / sizeof(stores[0]), run_store);
    vg_forms_add_kernels(forms, generated, n_generated);
    vg_forms_add_kernels(forms, tests, sizeof(tests) / sizeof(tests[0]));
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fault_tests[i] =
            (struct vg_kernel_test){ faults[i].name, run_fault, (int)i, NULL };
    }
    vg_forms_add_kernels(forms, fault_tests, sizeof(faults) / sizeof(faults[0]));
}
