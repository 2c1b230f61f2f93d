/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_control - branches, calls, barriers, fences, special registers (PTX
 * manual 9.7.12, 9.7.13, 10). Each kernel leaves one word per thread; a C function says
 * which.
 */

#include <string.h>

#include "forms.h"
#include "interp/interp.h"
#include "run.h"

struct kernel {
    const char *forms;
    uint32_t (*want)(uint32_t thread); /* number in the grid */
    unsigned threads, blocks;
    const char *decls;
    const char *body;
};

#define STORE "st.global.u32 [%myout], %r1;\n"

static uint32_t
want_branch(uint32_t t)
{
    return t % 5 == 2 ? 100 + t : t % 3 == 0 ? 200 + t : 300 + t;
}

static uint32_t
want_loop(uint32_t t)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < t % 7; i++) {
        sum += i * t;
    }
    return sum;
}

static uint32_t
want_ret(uint32_t t)
{
    return t % 4 == 1 ? 0xa5a5a5a5 : t + 9;
}

static uint32_t
want_seven(uint32_t t)
{
    (void)t;
    return 7;
}

static uint32_t
want_func(uint32_t t)
{
    return t % 3 == 0 ? t * 5 + 3 : 1000 + t;
}

/* thread t reads what thread 255 - t wrote */
static uint32_t
want_reverse(uint32_t t)
{
    return (255 - t) * 3 + 1;
}

static uint32_t
want_producer(uint32_t t)
{
    return t < 32 ? t : (t - 32) * 11;
}

static uint32_t
want_and(uint32_t t)
{
    (void)t;
    return 1 | 0 << 1 | 1 << 2 | 0 << 3;
}

static uint32_t
want_popc(uint32_t t)
{
    (void)t;
    return 22 + 1000 * 64;
}

static uint32_t
want_warp_exchange(uint32_t t)
{
    return (t ^ 1) * 7;
}

static uint32_t
want_irreducible(uint32_t t)
{
    uint32_t x = t;
    uint32_t n = 0;

    if (t % 2 == 0) {
        goto second;
    }
first:
    x = x * 3 + 1;
    if (++n > 5 + t % 4) {
        return x;
    }
second:
    x ^= n;
    n++;
    if (x % 3 != 0 && n < 9) {
        goto second;
    }
    goto first;
}

static uint32_t
want_sreg(uint32_t t)
{
    uint32_t tid = t % 70;
    uint32_t lane = tid % 32;
    uint32_t hash = tid;

    hash = hash * 31 + 70;
    hash = hash * 31 + t / 70;
    hash = hash * 31 + 3;
    hash = hash * 31 + lane;
    hash = hash * 31 + tid / 32;
    hash = hash * 31 + (1u << lane);
    hash = hash * 31 + (uint32_t)((2ull << lane) - 1);
    hash = hash * 31 + ((1u << lane) - 1);
    hash = hash * 31 + ~((1u << lane) - 1);
    hash = hash * 31 + (lane == 31 ? 0 : ~(uint32_t)((2ull << lane) - 1));
    hash = hash * 31 + 0; /* tid.y */
    hash = hash * 31 + 1; /* ntid.z */
    return hash;
}

/* the lock's counter once all have left */
static uint32_t
want_count(uint32_t t)
{
    (void)t;
    return 64;
}

/* threads from 40 on have left before the barrier */
static uint32_t
want_early(uint32_t t)
{
    return t < 40 ? 39 - t : 0xa5a5a5a5;
}

static uint32_t
want_blocks(uint32_t t)
{
    return t / 32 * 100 + 4;
}

static uint32_t
want_factorial(uint32_t t)
{
    uint32_t product = 1;

    for (uint32_t i = 2; i <= t % 9; i++) {
        product *= i;
    }
    return product;
}

static uint32_t
want_indirect(uint32_t t)
{
    return t % 3 == 0 ? t + 7 : t * 13;
}

/* the lane's word from the end of the dynamic shared memory, and that memory's size */
static uint32_t
want_dynamic(uint32_t t)
{
    return (63 - t) * 5 + 256;
}

static uint32_t
want_select(uint32_t t)
{
    static const uint32_t results[] = { 10, 21, 32, 43 };

    return results[t % 4] + t;
}

#define HASH(reg) "mov.u32 %r2, " reg ";\nmad.lo.u32 %r1, %r1, 31, %r2;\n"

static const struct kernel kernels[] = {
    { "@p bra\nbra.uni\nbra\nret", want_branch, 64, 1, "",
      "rem.u32 %r2, %me, 5;\nrem.u32 %r3, %me, 3;\nsetp.eq.s32 %p1, %r2, 2;\n"
      "setp.ne.s32 %p2, %r3, 0;\n@%p1 bra A;\n@%p2 bra B;\nadd.s32 %r1, %me, 200;\n"
      "bra.uni C;\nA:\nadd.s32 %r1, %me, 100;\nbra C;\nB:\nadd.s32 %r1, %me, 300;\nC:\n" STORE },
    { "@p bra", want_branch, 64, 1, "", /* targets that lie before the branch */
      "bra START;\nA:\nadd.s32 %r1, %me, 100;\nbra C;\nB:\nadd.s32 %r1, %me, 300;\n"
      "bra C;\nSTART:\nrem.u32 %r2, %me, 5;\nrem.u32 %r3, %me, 3;\n"
      "setp.eq.s32 %p1, %r2, 2;\nsetp.eq.s32 %p2, %r3, 0;\n@%p1 bra A;\n@!%p2 bra B;\n"
      "add.s32 %r1, %me, 200;\nC:\n" STORE },
    { "@p bra", want_loop, 64, 1, "",
      "rem.u32 %r2, %me, 7;\nmov.u32 %r3, 0;\nmov.u32 %r1, 0;\n"
      "LOOP:\nsetp.ge.u32 %p1, %r3, %r2;\n@%p1 bra DONE;\nmad.lo.u32 %r1, %r3, %me, %r1;\n"
      "add.u32 %r3, %r3, 1;\nbra LOOP;\nDONE:\n" STORE },
    { "@p bra", want_irreducible, 64, 1, "",
      "mov.u32 %r1, %me;\nmov.u32 %r2, 0;\nand.b32 %r3, %me, 1;\nsetp.eq.s32 %p1, %r3, 0;\n"
      "and.b32 %r4, %me, 3;\nadd.u32 %r4, %r4, 5;\n@%p1 bra SECOND;\n"
      "FIRST:\nmad.lo.u32 %r1, %r1, 3, 1;\nadd.u32 %r2, %r2, 1;\nsetp.gt.u32 %p2, %r2, %r4;\n"
      "@%p2 bra DONE;\nSECOND:\nxor.b32 %r1, %r1, %r2;\nadd.u32 %r2, %r2, 1;\n"
      "rem.u32 %r5, %r1, 3;\nsetp.ne.u32 %p3, %r5, 0;\nsetp.lt.u32 %p4, %r2, 9;\n"
      "and.pred %p3, %p3, %p4;\n@%p3 bra SECOND;\nbra FIRST;\nDONE:\n" STORE },
    { "ret", want_ret, 64, 1, "",
      "and.b32 %r2, %me, 3;\nsetp.eq.s32 %p1, %r2, 1;\n@%p1 ret;\nadd.s32 %r1, %me, 9;\n" STORE },
    { "exit", want_ret, 64, 1, "",
      "and.b32 %r2, %me, 3;\nsetp.eq.s32 %p1, %r2, 1;\n@%p1 exit;\nadd.s32 %r1, %me, 9;\n" STORE },
    { "brx.idx", want_select, 64, 1, "",
      "and.b32 %r2, %me, 3;\nts: .branchtargets L0, L1, L2, L3;\nbrx.idx %r2, ts;\n"
      "L0: mov.u32 %r1, 10; bra L4;\nL1: mov.u32 %r1, 21; bra L4;\n"
      "L2: mov.u32 %r1, 32; bra L4;\nL3: mov.u32 %r1, 43;\nL4: add.u32 %r1, %r1, %me;\n" STORE },
    { "spin lock among the lanes of a warp", want_count, 64, 1,
      ".shared .align 4 .u32 lock;\n.shared .align 4 .u32 count;\n",
      "mov.u32 %r2, 0;\nst.shared.u32 [lock], %r2;\nst.shared.u32 [count], %r2;\nbar.sync 0;\n"
      "AGAIN:\natom.shared.cas.b32 %r3, [lock], 0, 1;\nsetp.ne.s32 %p1, %r3, 0;\n"
      "@%p1 bra AGAIN;\nld.volatile.shared.u32 %r4, [count];\nadd.s32 %r4, %r4, 1;\n"
      "st.volatile.shared.u32 [count], %r4;\nmembar.cta;\n"
      "atom.shared.exch.b32 %r5, [lock], 0;\nbar.sync 0;\nld.shared.u32 %r1, [count];\n" STORE },
    { "barrier of those that are left", want_early, 64, 1,
      ".shared .align 4 .b8 sm[256];\n",
      "setp.ge.u32 %p1, %me, 40;\n@%p1 bra END;\nshl.b32 %r2, %me, 2;\nmov.u32 %r3, sm;\n"
      "add.s32 %r4, %r3, %r2;\nst.shared.u32 [%r4], %me;\nbar.sync 0;\n"
      "sub.s32 %r4, 156, %r2;\nadd.s32 %r4, %r4, %r3;\nld.shared.u32 %r1, [%r4];\n" STORE
      "END:\n" },
    { "blocks that wait for each other", want_blocks, 32, 4,
      ".global .align 4 .u32 arrived = 0;\n",
      "setp.ne.s32 %p1, %lane, 0;\n@%p1 bra MEET;\natom.global.add.u32 %r2, [arrived], 1;\n"
      "WAIT:\nld.volatile.global.u32 %r3, [arrived];\nsetp.lt.u32 %p2, %r3, 4;\n"
      "@%p2 bra WAIT;\nMEET:\nbar.sync 0;\nld.volatile.global.u32 %r3, [arrived];\n"
      "mov.u32 %r4, %ctaid.x;\nmad.lo.u32 %r1, %r4, 100, %r3;\n" STORE },
    { "call.uni\nst.param.b32\nld.param.b32", want_func, 64, 1,
      ".func (.param .b32 res) twist(.param .b32 a, .param .b64 b)\n{\n.reg .b32 %r<4>;\n"
      ".reg .b64 %d<2>;\n.reg .pred %p<2>;\nld.param.b32 %r1, [a];\nld.param.b64 %d1, [b];\n"
      "cvt.u32.u64 %r2, %d1;\nmad.lo.u32 %r3, %r1, 5, %r2;\nst.param.b32 [res], %r3;\nret;\n}\n",
      "rem.u32 %r2, %me, 3;\nsetp.ne.s32 %p1, %r2, 0;\nadd.u32 %r1, %me, 1000;\n"
      "@%p1 bra SKIP;\nmov.u64 %d1, 3;\n{\n.param .b32 a0;\nst.param.b32 [a0], %me;\n"
      ".param .b64 a1;\nst.param.b64 [a1], %d1;\n.param .b32 r0;\n"
      "call.uni (r0), twist, (a0, a1);\nld.param.b32 %r1, [r0];\n}\nSKIP:\n" STORE },
    { "call.uni (recursive)", want_factorial, 64, 1,
      ".func (.param .b32 res) factorial(.param .b32 a)\n{\n.reg .b32 %r<6>;\n.reg .pred %p<2>;\n"
      "ld.param.b32 %r1, [a];\nmov.u32 %r2, 1;\nsetp.lt.u32 %p1, %r1, 2;\n@%p1 bra DONE;\n"
      "sub.u32 %r3, %r1, 1;\n{\n.param .b32 a0;\nst.param.b32 [a0], %r3;\n.param .b32 r0;\n"
      "call.uni (r0), factorial, (a0);\nld.param.b32 %r4, [r0];\n}\n"
      "mul.lo.u32 %r2, %r4, %r1;\nDONE:\nst.param.b32 [res], %r2;\nret;\n}\n",
      "rem.u32 %r2, %me, 9;\n{\n.param .b32 a0;\nst.param.b32 [a0], %r2;\n.param .b32 r0;\n"
      "call.uni (r0), factorial, (a0);\nld.param.b32 %r1, [r0];\n}\n" STORE },
    { "call (indirect)", want_indirect, 64, 1,
      ".func (.param .b32 res) plus(.param .b32 a)\n{\n.reg .b32 %r<4>;\n"
      "ld.param.b32 %r1, [a];\nadd.u32 %r1, %r1, 7;\nst.param.b32 [res], %r1;\nret;\n}\n"
      ".func (.param .b32 res) times(.param .b32 a)\n{\n.reg .b32 %r<4>;\n"
      "ld.param.b32 %r1, [a];\nmul.lo.u32 %r1, %r1, 13;\nst.param.b32 [res], %r1;\nret;\n}\n",
      "rem.u32 %r2, %me, 3;\nsetp.eq.s32 %p1, %r2, 0;\nmov.u64 %d1, plus;\n"
      "mov.u64 %d2, times;\nselp.b64 %d3, %d1, %d2, %p1;\n{\n.param .b32 a0;\n"
      "st.param.b32 [a0], %me;\n.param .b32 r0;\n"
      "proto: .callprototype (.param .b32 _) _ (.param .b32 _);\n"
      "call (r0), %d3, (a0), proto;\nld.param.b32 %r1, [r0];\n}\n" STORE },
    { "dynamic shared memory", want_dynamic, 64, 1,
      ".shared .align 4 .b8 fixed[100];\n.extern .shared .align 16 .b8 dyn[];\n",
      "mov.u32 %r2, dyn;\nmad.lo.u32 %r3, %me, 4, %r2;\nmul.lo.u32 %r4, %me, 5;\n"
      "st.shared.u32 [fixed+96], %r4;\nst.shared.u32 [%r3], %r4;\nbar.sync 0;\n"
      "sub.s32 %r5, 63, %me;\nmad.lo.u32 %r5, %r5, 4, %r2;\nld.shared.u32 %r1, [%r5];\n"
      "mov.u32 %r6, %dynamic_smem_size;\nadd.u32 %r1, %r1, %r6;\n" STORE },
    { "call", want_func, 64, 1, /* divergent inside the callee */
      ".func (.reg .b32 res) twist(.reg .b32 a)\n{\n.reg .b32 %r<4>;\n.reg .pred %p<2>;\n"
      "rem.u32 %r1, a, 3;\nsetp.ne.s32 %p1, %r1, 0;\n@%p1 bra OTHER;\n"
      "mad.lo.u32 res, a, 5, 3;\nret;\nOTHER:\nadd.u32 res, a, 1000;\nret;\n}\n",
      "call (%r1), twist, (%me);\n" STORE },
    { "bar.sync\nbarrier.sync", want_reverse, 256, 1, ".shared .align 4 .b8 sm[1024];\n",
      "shl.b32 %r2, %me, 2;\nmov.u32 %r3, sm;\nadd.s32 %r4, %r3, %r2;\n"
      "mad.lo.u32 %r5, %me, 3, 1;\nst.shared.u32 [%r4], %r5;\nbar.sync 0;\n"
      "sub.s32 %r6, 1020, %r2;\nadd.s32 %r6, %r6, %r3;\nld.shared.u32 %r1, [%r6];\n"
      "barrier.sync 0;\nst.shared.u32 [%r4], %r1;\nbarrier.sync 3;\n"
      "ld.shared.u32 %r1, [%r4];\n" STORE },
    { "bar.sync [threads]\nbar.arrive", want_producer, 64, 1,
      ".shared .align 4 .b8 sm[128];\n",
      "shl.b32 %r2, %lane, 2;\nmov.u32 %r3, sm;\nadd.s32 %r4, %r3, %r2;\n"
      "setp.ge.u32 %p1, %me, 32;\nmov.u32 %r1, %me;\n@%p1 bra WAIT;\n"
      "mul.lo.u32 %r5, %me, 11;\nst.shared.u32 [%r4], %r5;\nbar.arrive 2, 64;\nbra DONE;\n"
      "WAIT:\nbar.sync 2, 64;\nld.shared.u32 %r1, [%r4];\nDONE:\n" STORE },
    { "bar.red.and.pred (n)\nbar.red.or.pred (n)\nbar.red.and.pred\nbar.red.or.pred",
      want_and, 64, 1, "",
      "setp.lt.u32 %p1, %me, 64;\nsetp.lt.u32 %p2, %me, 63;\nsetp.eq.u32 %p3, %me, 40;\n"
      "setp.gt.u32 %p4, %me, 64;\nbar.red.and.pred %p5, 0, 64, %p1;\n"
      "bar.red.and.pred %p6, 0, %p2;\nbar.red.or.pred %p7, 1, 64, %p3;\n"
      "bar.red.or.pred %p8, 0, %p4;\nselp.u32 %r1, 1, 0, %p5;\nselp.u32 %r2, 2, 0, %p6;\n"
      "selp.u32 %r3, 4, 0, %p7;\nselp.u32 %r4, 8, 0, %p8;\nor.b32 %r1, %r1, %r2;\n"
      "or.b32 %r1, %r1, %r3;\nor.b32 %r1, %r1, %r4;\n" STORE },
    { "bar.red.popc.u32", want_popc, 64, 1, "",
      "rem.u32 %r2, %me, 3;\nsetp.eq.u32 %p1, %r2, 0;\nbar.red.popc.u32 %r1, 0, %p1;\n"
      "setp.lt.u32 %p2, %me, 100;\nbar.red.popc.u32 %r3, 0, %p2;\n"
      "mad.lo.u32 %r1, %r3, 1000, %r1;\n" STORE },
    { "bar.warp.sync", want_warp_exchange, 64, 1, ".shared .align 4 .b8 sm[256];\n",
      "shl.b32 %r2, %me, 2;\nmov.u32 %r3, sm;\nadd.s32 %r4, %r3, %r2;\nxor.b32 %r5, %r2, 4;\n"
      "add.s32 %r5, %r5, %r3;\nmul.lo.u32 %r6, %me, 7;\nand.b32 %r7, %me, 1;\n"
      "setp.eq.s32 %p1, %r7, 0;\n@%p1 bra EVEN;\nst.shared.u32 [%r4], %r6;\n"
      "bar.warp.sync -1;\nld.shared.u32 %r1, [%r5];\nbra DONE;\n"
      "EVEN:\nst.shared.u32 [%r4], %r6;\nbar.warp.sync 0xffffffff;\n"
      "ld.shared.u32 %r1, [%r5];\nDONE:\n" STORE },
    { "membar.cta\nmembar.gl\nmembar.sys\nfence.acq_rel.gpu\nfence.sc.cta\nnanosleep.u32\n"
      "griddepcontrol.wait\ngriddepcontrol.launch_dependents",
      want_seven, 64, 1, "",
      "mov.u32 %r1, 7;\nmembar.cta;\nmembar.gl;\nmembar.sys;\nfence.acq_rel.gpu;\n"
      "fence.sc.cta;\nnanosleep.u32 20;\nnanosleep.u32 %r1;\ngriddepcontrol.wait;\n"
      "griddepcontrol.launch_dependents;\n" STORE },
    { "%me %ntid %ctaid %nctaid %laneid %warpid %lanemask", want_sreg, 70, 3, "",
      "mov.u32 %r1, %tid.x;\n" HASH("%ntid.x") HASH("%ctaid.x") HASH("%nctaid.x")
          HASH("%laneid") HASH("%warpid") HASH("%lanemask_eq") HASH("%lanemask_le")
              HASH("%lanemask_lt") HASH("%lanemask_ge") HASH("%lanemask_gt")
                  HASH("%tid.y") HASH("%ntid.z") STORE },
};

static void
run_kernel(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    const struct kernel *k = &kernels[test->arg];
    struct vg_launch launch = {
        .decls = k->decls,
        .body = k->body,
        .threads = k->threads,
        .blocks = k->blocks,
        .whole_grid = k->want == want_blocks,
        .dynamic_shared = k->want == want_dynamic ? 256 : 0,
    };

    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (uint32_t t = 0; t < k->threads * k->blocks; t++) {
        uint32_t got = vg_out32((size_t)t * 32);
        if (got != k->want(t)) {
            vg_forms_fail(forms, "thread %u: got %x, want %x", t, got, k->want(t));
            return;
        }
    }
}

/* vprintf as nvcc calls it: format and argument buffer by generic address. The format is
 * "%d %s %f %lld %c %%\n", the arguments an int, a pointer to "hi", a double, a long long
 * and a char. */
static void
run_print(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct vg_launch launch = {
        .decls =
            ".extern .func (.param .b32 res) vprintf(.param .b64 f, .param .b64 a);\n"
            ".global .align 1 .b8 str[22] = { 37, 100, 32, 37, 115, 32, 37, 102, 32, 37, "
            "108, 108, 100, 32, 37, 99, 32, 37, 37, 10, 0 };\n"
            ".global .align 1 .b8 word[3] = { 104, 105, 0 };\n",
        .body =
            ".local .align 8 .b8 args[40];\nsetp.ne.s32 %p1, %me, 0;\n@%p1 bra END;\n"
            "mov.u64 %d1, args;\ncvta.local.u64 %d2, %d1;\nmov.u32 %r1, 4711;\n"
            "st.local.u32 [%d1], %r1;\nmov.u64 %d5, word;\ncvta.global.u64 %d5, %d5;\n"
            "st.local.u64 [%d1+8], %d5;\nmov.f64 %d6, 0d3FF8000000000000;\n"
            "st.local.f64 [%d1+16], %d6;\nmov.u64 %d7, -12345678901;\n"
            "st.local.u64 [%d1+24], %d7;\nmov.u32 %r1, 120;\nst.local.u32 [%d1+32], %r1;\n"
            "mov.u64 %d3, str;\ncvta.global.u64 %d4, %d3;\n{\n"
            ".param .b64 p0;\nst.param.b64 [p0], %d4;\n.param .b64 p1;\n"
            "st.param.b64 [p1], %d2;\n.param .b32 r0;\ncall.uni (r0), vprintf, (p0, p1);\n"
            "ld.param.b32 %r2, [r0];\n}\nst.global.u32 [%myout], %r2;\nEND:\n",
    };
    struct {
        int32_t number, pad;
        uint64_t word;
        double half;
        int64_t large;
        int32_t letter;
    } args;

    (void)test;
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    memset(&args, 0, sizeof(args));
    memcpy(&args, vg_forms_report.print_args,
           sizeof(args) < sizeof(vg_forms_report.print_args)
               ? sizeof(args)
               : sizeof(vg_forms_report.print_args));
    bool same = args.number == 4711 && args.half == 1.5 && args.large == -12345678901 &&
                args.letter == 'x';
    if (strcmp(vg_forms_report.printed, "%d %s %f %lld %c %%\n") != 0 || !same ||
        vg_forms_report.print_args_size < 36) {
        vg_forms_fail(forms, "printed '%s' with %d %g %lld, %zu bytes",
                      vg_forms_report.printed, args.number, args.half,
                      (long long)args.large, vg_forms_report.print_args_size);
    }
}

/* 2 x 2 x 2 blocks of 5 x 3 x 2 threads: every index, and the lanes counted along x, y,
 * z. */
static void
run_dimensions(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct vg_launch launch = {
        .blocks = 2,
        .blocks_y = 2,
        .blocks_z = 2,
        .threads = 5,
        .threads_y = 3,
        .threads_z = 2,
        .body =
            "mov.u32 %r2, %tid.x;\nmov.u32 %r3, %tid.y;\nmov.u32 %r4, %tid.z;\n"
            "mov.u32 %r5, %ctaid.x;\nmov.u32 %r6, %ctaid.y;\nmov.u32 %r7, %ctaid.z;\n"
            "mad.lo.u32 %r8, %r4, 3, %r3;\nmad.lo.u32 %r8, %r8, 5, %r2;\n"
            "mad.lo.u32 %r9, %r7, 2, %r6;\nmad.lo.u32 %r9, %r9, 2, %r5;\n"
            "mad.lo.u32 %r9, %r9, 30, %r8;\nmul.wide.u32 %d1, %r9, 128;\n"
            "add.s64 %d1, %d1, %out;\nst.global.v4.u32 [%d1], {%r2, %r3, %r4, %lane};\n"
            "st.global.v4.u32 [%d1+16], {%r5, %r6, %r7, %r8};\nmov.u32 %r2, %ntid.y;\n"
            "mov.u32 %r3, %nctaid.z;\nst.global.v2.u32 [%d1+32], {%r2, %r3};\n",
    };

    (void)test;
    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
    if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
        return;
    }
    for (uint32_t i = 0; i < 240; i++) {
        uint32_t t = i % 30;
        uint32_t b = i / 30;
        uint32_t want[] = {
            t % 5, t / 5 % 3, t / 15, t, b % 2, b / 2 % 2, b / 4, t, 3, 2
        };
        for (size_t k = 0; k < sizeof(want) / sizeof(want[0]); k++) {
            if (vg_out32((size_t)i * 32 + k) != want[k]) {
                vg_forms_fail(forms, "thread %u word %zu: got %u, want %u", i, k,
                              vg_out32((size_t)i * 32 + k), want[k]);
                return;
            }
        }
    }
}

static void
run_deadlock(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    struct vg_launch launch = { .threads = 64,
                                .body = "setp.ge.u32 %p1, %me, 32;\n@%p1 bra WAIT;\n"
                                        "bar.sync 1, 96;\nWAIT:\nbar.sync 2, 96;\n" };

    (void)test;
    (void)vg_forms_launch_fault(forms, &launch, VG_INTERP_FAULT_DEADLOCK);
}

static const struct vg_kernel_test others[] = {
    { "call.uni\nst.param.b64\ncall.uni(vprintf)", run_print, 0, NULL },
    { "blocks and threads in three dimensions", run_dimensions, 0, NULL },
    { "fault: barrier that nobody else reaches", run_deadlock, 0, NULL },
};

void
vg_kernels_control(struct vg_forms *forms)
{
    static struct vg_kernel_test tests[sizeof(kernels) / sizeof(kernels[0])];
    size_t count = sizeof(kernels) / sizeof(kernels[0]);

    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct vg_kernel_test){ kernels[i].forms, run_kernel, (int)i, NULL };
    }
    vg_forms_add_kernels(forms, tests, count);
    vg_forms_add_kernels(forms, others, sizeof(others) / sizeof(others[0]));
}
