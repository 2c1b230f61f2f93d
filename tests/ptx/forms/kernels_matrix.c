/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_matrix - ldmatrix, movmatrix, cp.async, wmma (PTX manual 9.7.9.25, 9.7.14.5).
 */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"
#include "text.h"

static struct vg_text text;

static void
fill_random(void)
{
    for (size_t i = 0; i < VG_LAUNCH_BUFFER; i += 8) {
        uint64_t r = vg_random(i + 9);
        memcpy(vg_forms_in + i, &r, 8);
    }
    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
}

/* Code that copies the first 4096 bytes of the input to shared memory. */
static void
add_copy_in(void)
{
    vg_text_add(&text, "mov.u32 %%r1, sm;\nmad.lo.s32 %%r2, %%me, 16, %%r1;\n"
                       "mul.wide.u32 %%d1, %%me, 16;\nadd.s64 %%d1, %%d1, %%in;\n");
    for (int i = 0; i < 4096; i += 512) {
        vg_text_add(&text,
                    "ld.global.v4.u32 {%%r3, %%r4, %%r5, %%r6}, [%%d1+%d];\n"
                    "st.shared.v4.u32 [%%r2+%d], {%%r3, %%r4, %%r5, %%r6};\n",
                    i, i);
    }
    vg_text_add(&text, "bar.sync 0;\n");
}

/* Where lane @l points its row: 16-byte places of shared memory in some order. */
static unsigned
row_offset(unsigned lane)
{
    return (lane * 37 % 32) * 80 % 4080 / 16 * 16;
}

static uint32_t
half_at(unsigned offset)
{
    return vg_forms_in[offset] | (uint32_t)vg_forms_in[offset + 1] << 8;
}

/* arg: matrices * 4 + shared * 2 + trans */
static void
run_ldmatrix(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    unsigned n = (unsigned)test->arg >> 2;
    bool shared = (test->arg & 2) != 0;
    bool trans = (test->arg & 1) != 0;
    static const char *const lists[] = { "", "{%r20}", "{%r20, %r21}", "",
                                         "{%r20, %r21, %r22, %r23}" };
    struct vg_launch launch = { .decls = ".shared .align 16 .b8 sm[4096];\n" };

    fill_random();
    vg_text_clear(&text);
    add_copy_in();
    /* (lane * 37 mod 32) * 80 mod 4080, down to 16 */
    vg_text_add(&text, "mul.lo.u32 %%r7, %%lane, 37;\nand.b32 %%r7, %%r7, 31;\n"
                       "mul.lo.u32 %%r7, %%r7, 80;\nrem.u32 %%r7, %%r7, 4080;\n"
                       "and.b32 %%r7, %%r7, -16;\nadd.u32 %%r7, %%r7, %%r1;\n");
    if (!shared) {
        vg_text_add(&text, "cvt.u64.u32 %%d2, %%r7;\ncvta.shared.u64 %%d2, %%d2;\n");
    }
    vg_text_add(&text, "%s %s, [%s];\n", test->forms, lists[n], shared ? "%r7" : "%d2");
    for (unsigned i = 0; i < n; i++) {
        vg_text_add(&text, "st.global.u32 [%%myout+%u], %%r%u;\n", i * 4, 20 + i);
    }
    launch.body = text.bytes;
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (unsigned lane = 0; lane < 32; lane++) {
        for (unsigned i = 0; i < n; i++) {
            unsigned row = trans ? lane % 4 * 2 : lane / 4;
            unsigned col = trans ? lane / 4 : lane % 4 * 2;
            unsigned row2 = trans ? row + 1 : row;
            unsigned col2 = trans ? col : col + 1;
            uint32_t want = half_at(row_offset(i * 8 + row) + col * 2) |
                            half_at(row_offset(i * 8 + row2) + col2 * 2) << 16;
            if (vg_out32(lane * 32 + i) != want) {
                vg_forms_fail(forms, "lane %u matrix %u: got %x, want %x", lane, i,
                              vg_out32(lane * 32 + i), want);
                return;
            }
        }
    }
}

static void
run_movmatrix(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct vg_launch launch = {
        .body = "ld.global.u32 %r1, [%myin];\n"
                "movmatrix.sync.aligned.m8n8.trans.b16 %r2, %r1;\n"
                "st.global.u32 [%myout], %r2;\n",
    };

    (void)test;
    fill_random();
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (unsigned lane = 0; lane < 32; lane++) {
        uint32_t want = 0;
        for (unsigned h = 0; h < 2;
             h++) { /* element (row, col) is (col, row) of the input */
            unsigned row = lane % 4 * 2 + h;
            unsigned col = lane / 4;
            want |= half_at((row * 4 + col / 2) * 128 + col % 2 * 2) << (16 * h);
        }
        if (vg_out32(lane * 32) != want) {
            vg_forms_fail(forms, "lane %u: got %x, want %x", lane, vg_out32(lane * 32),
                          want);
            return;
        }
    }
}

struct copy {
    const char *form;
    unsigned bytes;
    const char *tail;
    unsigned real; /* bytes read, the rest is zero */
    const char *wait;
};

static const struct copy copies[] = {
    { "cp.async.cg.shared.global.L2::64B", 16, ", 16", 16, "cp.async.wait_all;\n" },
    { "cp.async.cg.shared.global.L2::128B", 16, ", 16", 16, "cp.async.wait_all;\n" },
    { "cp.async.cg.shared.global.L2::256B", 16, ", 16", 16, "cp.async.wait_all;\n" },
    { "cp.async.cg.shared.global", 16, ", 16, 8", 8, "cp.async.wait_all;\n" },
    { "cp.async.ca.shared.global", 16, ", 16", 16,
      "cp.async.commit_group;\ncp.async.wait_group 0;\n" },
    { "cp.async.ca.shared.global", 8, ", 8", 8,
      "cp.async.commit_group;\ncp.async.wait_group 0;\n" },
    { "cp.async.ca.shared.global", 4, ", 4", 4, "cp.async.wait_all;\n" },
    { "cp.async.ca.shared.global", 8, ", 8, 0", 0, "cp.async.wait_all;\n" },
    { "cp.async.ca.shared.global", 4, ", 4, 3", 3, "cp.async.wait_all;\n" },
};

static void
run_copy(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    const struct copy *c = &copies[test->arg];
    struct vg_launch launch = { .decls = ".shared .align 16 .b8 sm[1024];\n" };

    fill_random();
    vg_text_clear(&text);
    vg_text_add(&text, "mov.u32 %%r1, sm;\nmad.lo.s32 %%r2, %%me, 32, %%r1;\n");
    for (int i = 0; i < 32; i += 4) {
        vg_text_add(&text, "mov.u32 %%r3, 0x5a5a5a5a;\nst.shared.u32 [%%r2+%d], %%r3;\n",
                    i);
    }
    vg_text_add(&text,
                "rem.u32 %%r4, %%me, 3;\nsetp.ne.s32 %%p1, %%r4, 0;\n"
                "@%%p1 %s [%%r2], [%%myin+16]%s;\n%sbar.sync 0;\n",
                c->form, c->tail, c->wait);
    for (int i = 0; i < 32; i += 4) {
        vg_text_add(&text,
                    "ld.shared.u32 %%r3, [%%r2+%d];\nst.global.u32 [%%myout+%d], %%r3;\n",
                    i, i);
    }
    launch.body = text.bytes;
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (unsigned lane = 0; lane < 32; lane++) {
        for (unsigned i = 0; i < 32; i++) {
            uint8_t want = vg_forms_in[lane * 128 + 16 + i];
            want = i < c->real ? want : 0;
            if (i >= c->bytes || lane % 3 == 0) {
                want = 0x5a;
            }
            uint8_t got = vg_forms_out[lane * 128 + i];
            if (got != want) {
                vg_forms_fail(forms, "lane %u byte %u: got %x, want %x", lane, i, got,
                              want);
                return;
            }
        }
    }
}

/* a list of eight registers: "%r1" gives %r10 to %r17 */
#define EIGHT(r) "{" r "0, " r "1, " r "2, " r "3, " r "4, " r "5, " r "6, " r "7}"

/* The fragment's layout is nobody's business, so the four are tested together: D = A B +
 * C with C the same everywhere. */
static void
run_wmma(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    static const char body[] =
        "mov.u32 %r9, sm;\nmov.u32 %r8, 16;\n"
        "wmma.load.a.sync.aligned.row.m8n32k16.shared.f16 " EIGHT(
            "%r1") ", [%r9], %r8;\n"
                   "add.u32 %r9, %r9, 1024;\n"
                   "wmma.load.b.sync.aligned.col.m8n32k16.shared.f16 " EIGHT(
                       "%r2") ", [%r9], %r8;\n"
                              "mov.b32 %r7, 0f3FC00000;\n"
                              "wmma.mma.sync.aligned.row.col.m8n32k16.f32.f32 " EIGHT("%r4") ", " EIGHT(
                                  "%r1") ", " EIGHT("%r2") ", {%r7, %r7, %r7, %r7, %r7, %r7, %r7, %r7};\n"
                                                           "add.u32 %r9, %r9, 1024;\nmov.u32 %r8, 32;\n"
                                                           "wmma.store.d.sync.aligned.row.m8n32k16.shared.f32 [%r9], " EIGHT(
                                                               "%r4") ", %r8;\nbar.sync 0;\nmad.lo.u32 %r9, %me, 32, %r9;\n";
    struct vg_launch launch = { .decls = ".shared .align 32 .b8 sm[4096];\n" };

    (void)test;
    fill_random();
    for (size_t i = 0; i < 1024; i++) { /* small integers in f16 */
        uint64_t r = vg_random(i);
        uint64_t bits = vg_soft_pack(VG_SOFT_F16, VG_SOFT_RN,
                                     vg_soft_from_int((r & 1) != 0, r >> 8 & 7));
        memcpy(vg_forms_in + i * 2, &bits, 2);
    }
    vg_text_clear(&text);
    add_copy_in();
    vg_text_add(&text, "%s", body);
    for (int i = 0; i < 32; i += 4) {
        vg_text_add(&text,
                    "ld.shared.u32 %%r3, [%%r9+%d];\nst.global.u32 [%%myout+%d], %%r3;\n",
                    i, i);
    }
    launch.body = text.bytes;
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (unsigned row = 0; row < 8; row++) {
        for (unsigned col = 0; col < 32; col++) {
            struct vg_soft sum = vg_soft_unpack(VG_SOFT_F32, 0x3fc00000);
            for (unsigned k = 0; k < 16; k++) {
                struct vg_soft a =
                    vg_soft_unpack(VG_SOFT_F16, half_at((row * 16 + k) * 2));
                struct vg_soft b =
                    vg_soft_unpack(VG_SOFT_F16, half_at(1024 + (col * 16 + k) * 2));
                sum = vg_soft_add(sum, vg_soft_mul(a, b), VG_SOFT_RN);
            }
            uint32_t want = (uint32_t)vg_soft_pack(VG_SOFT_F32, VG_SOFT_RN, sum);
            unsigned index = row * 32 + col; /* eight words a thread */
            uint32_t got = vg_out32(index / 8 * 32 + index % 8);
            if (got != want) {
                vg_forms_fail(forms, "row %u column %u: got %x, want %x", row, col, got,
                              want);
                return;
            }
        }
    }
}

#define LDM "ldmatrix.sync.aligned.m8n8."

static const struct vg_kernel_test tests[] = {
    { LDM "x1.b16", run_ldmatrix, 1 * 4, NULL },
    { LDM "x2.b16", run_ldmatrix, 2 * 4, NULL },
    { LDM "x4.b16", run_ldmatrix, 4 * 4, NULL },
    { LDM "x1.trans.b16", run_ldmatrix, 1 * 4 + 1, NULL },
    { LDM "x2.trans.b16", run_ldmatrix, 2 * 4 + 1, NULL },
    { LDM "x4.trans.b16", run_ldmatrix, 4 * 4 + 1, NULL },
    { LDM "x1.shared.b16", run_ldmatrix, 1 * 4 + 2, NULL },
    { LDM "x2.shared.b16", run_ldmatrix, 2 * 4 + 2, NULL },
    { LDM "x4.shared.b16", run_ldmatrix, 4 * 4 + 2, NULL },
    { LDM "x4.trans.shared.b16", run_ldmatrix, 4 * 4 + 3, NULL },
    { "movmatrix.sync.aligned.m8n8.trans.b16", run_movmatrix, 0, NULL },
    { "wmma.load.a.sync.aligned.row.m8n32k16.shared.f16\n"
      "wmma.load.b.sync.aligned.col.m8n32k16.shared.f16\n"
      "wmma.mma.sync.aligned.row.col.m8n32k16.f32.f32\n"
      "wmma.store.d.sync.aligned.row.m8n32k16.shared.f32",
      run_wmma, 0, NULL },
    { "cp.async.wait_all\ncp.async.cg.shared.global.L2::64B", run_copy, 0, NULL },
};

void
vg_kernels_matrix(struct vg_forms *forms)
{
    static struct vg_kernel_test copy_tests[sizeof(copies) / sizeof(copies[0])];

    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        copy_tests[i] = (struct vg_kernel_test){ copies[i].form, run_copy, (int)i, NULL };
    }
    vg_forms_add_kernels(forms, tests, sizeof(tests) / sizeof(tests[0]));
    vg_forms_add_kernels(forms, copy_tests, sizeof(copies) / sizeof(copies[0]));
}
