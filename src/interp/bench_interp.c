/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench_interp - processor time per warp instruction for some loops. Built with the tree,
 * run by hand.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interp/interp.h"
#include "ptx/ptx.h"

#define HEAD                                                            \
    ".version 8.0\n.target sm_80\n.address_size 64\n"                   \
    ".visible .entry k(.param .u64 p)\n{\n"                             \
    ".reg .pred %p<8>;\n.reg .b16 %h<8>;\n.reg .b32 %r<64>;\n"          \
    ".reg .f32 %f<64>;\n.reg .b64 %rd<16>;\n.reg .f64 %d<8>;\n"         \
    ".shared .align 16 .b8 buf[4096];\n"                                \
    "ld.param.u64 %rd1, [p];\nmov.u32 %r1, %tid.x;\n"                   \
    "mul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd2, %rd1, %rd2;\n"           \
    "shl.b32 %r2, %r1, 2;\nmov.u32 %r3, buf;\nadd.u32 %r3, %r3, %r2;\n" \
    "cvt.rn.f32.u32 %f1, %r1;\nmov.u32 %r0, 0;\nL:\n"
#define TAIL                                                            \
    "add.u32 %r0, %r0, 1;\nsetp.lt.u32 %p0, %r0, 20000;\n@%p0 bra L;\n" \
    "st.global.u32 [%rd2], %r5;\nst.global.f32 [%rd2], %f5;\nret;\n}\n"
#define FOUR(x)  x x x x
#define EIGHT(x) FOUR(x) FOUR(x)

static const struct {
    const char *name, *body;
} loops[] = {
    { "add.s32", EIGHT("add.s32 %r5, %r5, %r1;\n") },
    { "mad.lo.s32", EIGHT("mad.lo.s32 %r5, %r5, %r1, %r2;\n") },
    { "add.s64", EIGHT("add.s64 %rd5, %rd5, %rd2;\n") },
    { "fma.rn.ftz.f32", EIGHT("fma.rn.ftz.f32 %f5, %f5, %f1, %f1;\n") },
    { "fma.rn.f32", EIGHT("fma.rn.f32 %f5, %f5, %f1, %f1;\n") },
    { "mul.ftz.f32", EIGHT("mul.ftz.f32 %f5, %f1, %f1;\n") },
    { "setp.lt.s32", EIGHT("setp.lt.s32 %p1, %r1, 16;\n") },
    { "selp.b32", EIGHT("selp.b32 %r5, %r1, %r2, %p0;\n") },
    { "cvt.f32.f16", EIGHT("cvt.f32.f16 %f5, %h1;\n") },
    { "cvt.rn.f16.f32", EIGHT("cvt.rn.f16.f32 %h1, %f1;\n") },
    { "dp4a.s32.s32", EIGHT("dp4a.s32.s32 %r5, %r1, %r2, %r5;\n") },
    { "prmt.b32", EIGHT("prmt.b32 %r5, %r1, %r2, 0x5410;\n") },
    { "ex2.approx.ftz", EIGHT("ex2.approx.ftz.f32 %f5, %f1;\n") },
    { "div.s32", EIGHT("div.s32 %r5, %r1, 7;\n") },
    { "ld.global.f32", EIGHT("ld.global.f32 %f5, [%rd2];\n") },
    { "ld.global.v4", EIGHT("ld.global.v4.u32 {%r5,%r6,%r7,%r8}, [%rd1];\n") },
    { "ld.global.u8", EIGHT("ld.global.u8 %h1, [%rd2];\n") },
    { "ld.shared.u32", EIGHT("ld.shared.u32 %r5, [%r3];\n") },
    { "st.shared.u32", EIGHT("st.shared.u32 [%r3], %r5;\n") },
    { "shfl.bfly", EIGHT("shfl.sync.bfly.b32 %r5|%p1, %r1, 8, 31, -1;\n") },
    { "mma.f32.f16",
      EIGHT("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f5,%f6,%f7,%f8}, "
            "{%r5,%r6,%r7,%r8}, {%r9,%r10}, {%f5,%f6,%f7,%f8};\n") },
    { "mma.s32.s8",
      EIGHT("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r5,%r6,%r7,%r8}, "
            "{%r9,%r10,%r11,%r12}, {%r13,%r14}, {%r5,%r6,%r7,%r8};\n") },
    { "ldmatrix.x4",
      EIGHT("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r5,%r6,%r7,%r8}, [buf];\n") },
    { "bar.sync", EIGHT("bar.sync 0;\n") },
};

static bool
resolve(void *user, uint64_t address, struct vg_interp_range *out)
{
    (void)address;
    out->lo = (uint64_t)(uintptr_t)user;
    out->hi = out->lo + 4096;
    out->read_only = false;
    return true;
}

static double
now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
measure(const char *name, const char *body, void *memory)
{
    static char text[16384];
    char why[256];
    struct vg_ptx_module *module;
    struct vg_ptx_diag diag;
    struct vg_interp_link link = { 0 };
    struct vg_interp_kernel *kernel;
    struct vg_interp_fault fault;

    snprintf(text, sizeof(text), "%s%s%s", HEAD, body, TAIL);
    if (vg_ptx_module_parse(text, strlen(text), &module, &diag) != 0 ||
        vg_ptx_func_parse(module, &module->funcs[0], &diag) != 0) {
        fprintf(stderr, "%s: line %u: %s\n", name, diag.line, diag.message);
        return 1;
    }
    if (vg_interp_prepare(module, &module->funcs[0], &link, &kernel, why, sizeof(why)) !=
        0) {
        fprintf(stderr, "%s: %s\n", name, why);
        vg_ptx_module_destroy(module);
        return 1;
    }
    const uint64_t params[1] = { (uint64_t)(uintptr_t)memory };
    _Atomic uint64_t steps = 0;
    struct vg_interp_launch launch = { .kernel = kernel,
                                       .grid = { 1, 1, 1 },
                                       .block = { 64, 1, 1 },
                                       .params = params,
                                       .param_size = sizeof(params),
                                       .resolve = resolve,
                                       .user = memory,
                                       .warp_instructions = &steps };
    const uint32_t id[3] = { 0, 0, 0 };
    const double start = now_ns();
    const int r = vg_interp_run_block(&launch, id, &fault);
    const double ns = now_ns() - start;
    if (r == 0) {
        printf("%-16s %8.1f ns\n", name, ns / (double)steps);
    } else {
        printf("%-16s %s\n", name, fault.text);
    }
    vg_interp_kernel_destroy(kernel);
    vg_ptx_module_destroy(module);
    return r;
}

int
main(void)
{
    void *memory = aligned_alloc(64, 4096);
    int bad = 0;
    if (memory == NULL) {
        return 1;
    }
    memset(memory, 0, 4096);
    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        bad |= measure(loops[i].name, loops[i].body, memory);
    }
    free(memory);
    return bad;
}
