/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_matrix - ldmatrix, stmatrix, movmatrix, cp.async (PTX
 * manual 9.7.9.25, 9.7.14.5).
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

/* arg: matrices * 2 + trans. Row r of matrix i goes where lane 8 i + r points. */
static void
run_stmatrix(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    unsigned n = (unsigned)test->arg >> 1;
    bool trans = (test->arg & 1) != 0;
    static const char *const lists[] = { "", "{%r20}", "{%r20, %r21}", "",
                                         "{%r20, %r21, %r22, %r23}" };
    struct vg_launch launch = { .decls = ".shared .align 16 .b8 sm[4096];\n" };

    fill_random();
    vg_text_clear(&text);
    vg_text_add(&text, "mov.u32 %%r1, sm;\nmul.lo.u32 %%r7, %%lane, 80;\n"
                       "add.u32 %%r7, %%r7, %%r1;\n");
    for (unsigned i = 0; i < n; i++) {
        vg_text_add(&text, "ld.global.u32 %%r%u, [%%myin+%u];\n", 20 + i, i * 4);
    }
    vg_text_add(&text, "%s [%%r7], %s;\nbar.sync 0;\n", test->forms, lists[n]);
    for (int i = 0; i < 16; i += 4) {
        vg_text_add(&text,
                    "ld.shared.u32 %%r3, [%%r7+%d];\nst.global.u32 [%%myout+%d], %%r3;\n",
                    i, i);
    }
    launch.body = text.bytes;
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (unsigned lane = 0; lane < n * 8; lane++) {
        for (unsigned col = 0; col < 8; col++) {
            unsigned r = trans ? col : lane % 8; /* as the registers see it */
            unsigned c = trans ? lane % 8 : col;
            uint32_t want = half_at((r * 4 + c / 2) * 128 + lane / 8 * 4 + c % 2 * 2);
            uint32_t got = vg_out32(lane * 32 + col / 2) >> (col % 2 * 16) & 0xffff;
            if (got != want) {
                vg_forms_fail(forms, "row %u column %u: got %x, want %x", lane, col, got,
                              want);
                return;
            }
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
    { "stmatrix.sync.aligned.m8n8.x1.shared.b16", run_stmatrix, 1 * 2, NULL },
    { "stmatrix.sync.aligned.m8n8.x2.shared.b16", run_stmatrix, 2 * 2, NULL },
    { "stmatrix.sync.aligned.m8n8.x4.shared.b16", run_stmatrix, 4 * 2, NULL },
    { "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16", run_stmatrix, 4 * 2 + 1, NULL },
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
