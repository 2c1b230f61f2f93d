/* SPDX-License-Identifier: Apache-2.0 */

/* Scheduling of warps and blocks: divergence, barriers, faults. */

#include "interp/test_run.h"

#include <fenv.h>

#define ENTRY        ".visible .entry k(.param .u64 p)\n{\n"
#define LOAD_POINTER "ld.param.u64 %rd1, [p];\ncvta.to.global.u64 %rd1, %rd1;\n"
#define REGS \
    ".reg .pred %p<8>;\n.reg .b32 %r<32>;\n.reg .b64 %rd<16>;\n.reg .f32 %f<8>;\n"
/* %r1 = global thread number, %rd2 = address of its word */
#define MY_WORD                        \
    "mov.u32 %r2, %tid.x;\n"           \
    "mov.u32 %r3, %ctaid.x;\n"         \
    "mov.u32 %r4, %ntid.x;\n"          \
    "mad.lo.s32 %r1, %r3, %r4, %r2;\n" \
    "mul.wide.u32 %rd2, %r1, 4;\n"     \
    "add.s64 %rd2, %rd1, %rd2;\n"
#define KERNEL(body) TEST_HEADER ENTRY REGS LOAD_POINTER MY_WORD body "ret;\n}\n"

static void
open_ok(struct test_run *run, const char *text)
{
    const int r = test_open(run, text);
    if (r != 0) {
        fail_msg("%s", run->why);
    }
}

static void
adds_to_every_word(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[200];
    open_ok(&run, KERNEL("ld.global.u32 %r5, [%rd2];\n"
                         "add.s32 %r5, %r5, 7;\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    for (uint32_t i = 0; i < 200; i++) {
        memory[i] = i * 3;
    }
    assert_int_equal(test_launch(&run, 2, 100, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(memory[i], i * 3 + 7);
    }
    assert_true(run.steps > 0);
    test_close(&run);
}

/* Each lane loops as often as its number says; all meet again. */
static void
lanes_loop_apart_and_meet(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL("mov.u32 %r5, 0;\n"
                         "mov.u32 %r6, 0;\n"
                         "L1: setp.ge.u32 %p1, %r6, %r2;\n"
                         "@%p1 bra L2;\n"
                         "add.u32 %r5, %r5, %r6;\n"
                         "add.u32 %r6, %r6, 1;\n"
                         "bra L1;\n"
                         "L2: activemask.b32 %r7;\n"
                         "and.b32 %r7, %r7, 1;\n"
                         "add.u32 %r5, %r5, %r7;\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    assert_int_equal(test_launch(&run, 1, 64, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(memory[i], i * (i == 0 ? 0 : i - 1) / 2 + 1);
    }
    test_close(&run);
}

/* goto that enters a loop in its middle */
static void
irreducible_graphs_run(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(&run, KERNEL("mov.u32 %r5, 0;\n"
                         "and.b32 %r6, %r2, 1;\n"
                         "setp.eq.u32 %p1, %r6, 0;\n"
                         "@%p1 bra B;\n"
                         "A: add.u32 %r5, %r5, 1;\n"
                         "B: add.u32 %r5, %r5, 100;\n"
                         "setp.lt.u32 %p2, %r5, 300;\n"
                         "@%p2 bra A;\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], i % 2 == 0 ? 302 : 303);
    }
    test_close(&run);
}

/* Reverses a block's values through shared memory. */
static void
barrier_orders_shared_memory(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[96] = { 0 };
    open_ok(&run, KERNEL(".shared .align 4 .b8 buf[384];\n"
                         "mov.u32 %r8, buf;\n"
                         "mad.lo.u32 %r9, %r2, 4, %r8;\n"
                         "st.shared.u32 [%r9], %r2;\n"
                         "bar.sync 0;\n"
                         "sub.u32 %r10, 95, %r2;\n"
                         "mad.lo.u32 %r9, %r10, 4, %r8;\n"
                         "ld.shared.u32 %r11, [%r9];\n"
                         "st.global.u32 [%rd2], %r11;\n"));
    assert_int_equal(test_launch(&run, 1, 96, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 96; i++) {
        assert_int_equal(memory[i], 95 - i);
    }
    test_close(&run);
}

/*
 * A word for each warp is read by all right after a barrier and overwritten some forty
 * instructions later. A device's warps are almost in step there; ours have to be as well.
 */
static void
warps_leave_a_barrier_together(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[128] = { 0 };
#define FIVE                      \
    "mul.lo.u32 %r12, %r12, 3;\n" \
    "add.u32 %r12, %r12, 1;\n"    \
    "xor.b32 %r12, %r12, %r2;\n"  \
    "shl.b32 %r12, %r12, 1;\n"    \
    "shr.u32 %r12, %r12, 1;\n"
    open_ok(&run,
            KERNEL(".shared .align 4 .b8 buf[16];\n"
                   "mov.u32 %r8, buf;\n"
                   "shr.u32 %r9, %r2, 5;\n"
                   "mad.lo.u32 %r10, %r9, 4, %r8;\n"
                   "st.shared.u32 [%r10], 1;\n"
                   "bar.sync 0;\n"
                   "ld.shared.u32 %r11, [%r8];\n"
                   "ld.shared.u32 %r13, [%r8+4];\n"
                   "ld.shared.u32 %r14, [%r8+8];\n"
                   "ld.shared.u32 %r15, [%r8+12];\n" /**/
                   FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE "st.shared.u32 [%r10], 100;\n"
                   "add.u32 %r11, %r11, %r13;\n"
                   "add.u32 %r11, %r11, %r14;\n"
                   "add.u32 %r11, %r11, %r15;\n"
                   "st.global.u32 [%rd2], %r11;\n"));
#undef FIVE
    assert_int_equal(test_launch(&run, 1, 128, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 128; i++) {
        assert_int_equal(memory[i], 4);
    }
    test_close(&run);
}

/* Threads that have ended do not hold up a barrier; 70 is no multiple of 32. */
static void
ended_threads_count_as_arrived(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[70] = { 0 };
    open_ok(&run, KERNEL("setp.gt.u32 %p1, %r2, 40;\n"
                         "@%p1 exit;\n"
                         "bar.sync 0;\n"
                         "st.global.u32 [%rd2], 5;\n"));
    assert_int_equal(test_launch(&run, 1, 70, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 70; i++) {
        assert_int_equal(memory[i], i > 40 ? 0 : 5);
    }
    test_close(&run);
}

static void
named_barrier_counts_threads(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[128] = { 0 };
    /* warps 0 and 1 meet at barrier 1 without the others */
    open_ok(&run, KERNEL(".shared .align 4 .b8 flag[4];\n"
                         "setp.ge.u32 %p1, %r2, 64;\n"
                         "@%p1 bra L2;\n"
                         "setp.eq.u32 %p2, %r2, 63;\n"
                         "@%p2 st.shared.u32 [flag], 9;\n"
                         "bar.sync 1, 64;\n"
                         "ld.shared.u32 %r5, [flag];\n"
                         "st.global.u32 [%rd2], %r5;\n"
                         "L2: bar.sync 0;\n"));
    assert_int_equal(test_launch(&run, 1, 128, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 128; i++) {
        assert_int_equal(memory[i], i < 64 ? 9 : 0);
    }
    test_close(&run);
}

static void
arrive_does_not_wait(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    /* warp 0 produces and goes on, warp 1 waits for it */
    open_ok(&run, KERNEL(".shared .align 4 .b8 flag[4];\n"
                         "setp.ge.u32 %p1, %r2, 32;\n"
                         "@%p1 bra L2;\n"
                         "st.shared.u32 [flag], 3;\n"
                         "bar.arrive 2, 64;\n"
                         "ret;\n"
                         "L2: bar.sync 2, 64;\n"
                         "ld.shared.u32 %r5, [flag];\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    assert_int_equal(test_launch(&run, 1, 64, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(memory[i], i < 32 ? 0 : 3);
    }
    test_close(&run);
}

static void
barrier_reduces(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL("setp.lt.u32 %p1, %r2, 40;\n"
                         "bar.red.popc.u32 %r5, 0, %p1;\n"
                         "bar.red.and.pred %p2, 0, %p1;\n"
                         "bar.red.or.pred %p3, 0, %p1;\n"
                         "selp.u32 %r6, 1000, 0, %p2;\n"
                         "selp.u32 %r7, 2000, 0, %p3;\n"
                         "add.u32 %r5, %r5, %r6;\n"
                         "add.u32 %r5, %r5, %r7;\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    assert_int_equal(test_launch(&run, 1, 64, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(memory[i], 2040);
    }
    test_close(&run);
}

static void
missing_thread_is_a_deadlock(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL("setp.ge.u32 %p1, %r2, 32;\n"
                         "@%p1 bra L2;\n"
                         "bar.sync 1, 64;\n"
                         "L2: bar.sync 0;\n"));
    assert_int_equal(test_launch(&run, 1, 64, 0, memory, sizeof(memory), false),
                     VG_INTERP_FAULT);
    assert_int_equal(run.fault.kind, VG_INTERP_FAULT_DEADLOCK);
    test_close(&run);
}

static void
warp_barrier_meets_across_branches(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(&run, KERNEL(".shared .align 4 .b8 flag[4];\n"
                         "setp.lt.u32 %p1, %r2, 16;\n"
                         "@%p1 bra L2;\n"
                         "st.shared.u32 [flag], 6;\n"
                         "bar.warp.sync 0xffffffff;\n"
                         "bra L3;\n"
                         "L2: bar.warp.sync 0xffffffff;\n"
                         "L3: ld.shared.u32 %r5, [flag];\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], 6);
    }
    test_close(&run);
}

/* Lane 0 spins on what lane 1 writes later in the text. */
static void
lanes_may_wait_for_each_other(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(&run, KERNEL("setp.ne.u32 %p1, %r2, 0;\n"
                         "@%p1 bra L2;\n"
                         "L1: ld.volatile.global.u32 %r5, [%rd1+4];\n"
                         "setp.eq.u32 %p2, %r5, 0;\n"
                         "@%p2 bra L1;\n"
                         "bra L3;\n"
                         "L2: st.volatile.global.u32 [%rd2], 1;\n"
                         "L3: st.global.u32 [%rd2], 2;\n"));
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], 2);
    }
    test_close(&run);
}

/* Block 0 waits for the last block. */
static void
blocks_of_a_grid_wait_for_each_other(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[8] = { 0 };
    open_ok(&run, KERNEL("setp.eq.u32 %p1, %r3, 7;\n"
                         "@%p1 bra L2;\n"
                         "L1: ld.acquire.gpu.global.u32 %r5, [%rd1+28];\n"
                         "setp.eq.u32 %p2, %r5, 0;\n"
                         "@%p2 bra L1;\n"
                         "L2: st.global.u32 [%rd2], 4;\n"));
    assert_int_equal(test_launch(&run, 8, 1, 0, memory, sizeof(memory), true), 0);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(memory[i], 4);
    }
    test_close(&run);
}

/* What cooperative groups do: the workspace's address in %envreg1 and 2, its counter at
 * byte 4; all blocks arrive, then spin until the count is full. */
static void
grid_workspace_counts_blocks(void **state)
{
    (void)state;
    struct test_run run;
    struct vg_interp_needs needs;
    uint32_t memory[4] = { 0 };
    open_ok(&run, KERNEL("mov.u32 %r5, %envreg2;\n"
                         "mov.u32 %r6, %envreg1;\n"
                         "cvt.u64.u32 %rd3, %r5;\n"
                         "cvt.u64.u32 %rd4, %r6;\n"
                         "bfi.b64 %rd5, %rd4, %rd3, 32, 32;\n"
                         "add.s64 %rd6, %rd5, 4;\n"
                         "atom.add.release.gpu.u32 %r7, [%rd6], 1;\n"
                         "L1: ld.acquire.gpu.u32 %r8, [%rd6];\n"
                         "setp.lt.u32 %p1, %r8, 4;\n"
                         "@%p1 bra L1;\n"
                         "st.global.u32 [%rd2], %r8;\n"));
    vg_interp_kernel_needs(run.kernel, &needs);
    assert_true(needs.uses_grid_sync);
    assert_int_equal(test_launch(&run, 4, 1, 0, memory, sizeof(memory), true), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(memory[i], 4);
    }
    test_close(&run);
}

/* A function that calls itself, a different depth in each lane. */
static void
lanes_recurse_to_different_depths(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(&run, TEST_HEADER
            ".func (.param .b32 res) sum(.param .b32 n)\n{\n"
            ".reg .pred %p<2>;\n.reg .b32 %r<6>;\n"
            "ld.param.b32 %r1, [n];\nmov.u32 %r2, 0;\n"
            "setp.eq.u32 %p1, %r1, 0;\n@%p1 bra D;\n"
            "sub.u32 %r3, %r1, 1;\n{\n.param .b32 a;\n.param .b32 b;\n"
            "st.param.b32 [a], %r3;\ncall.uni (b), sum, (a);\nld.param.b32 %r4, [b];\n}\n"
            "add.u32 %r2, %r4, %r1;\n"
            "D: st.param.b32 [res], %r2;\nret;\n}\n" ENTRY REGS LOAD_POINTER MY_WORD
            "{\n.param .b32 a;\n.param .b32 b;\nst.param.b32 [a], %r2;\n"
            "call.uni (b), sum, (a);\nld.param.b32 %r5, [b];\n}\n"
            "st.global.u32 [%rd2], %r5;\nret;\n}\n");
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], i * (i + 1) / 2);
    }
    test_close(&run);
}

/* Each lane calls the function that its number says; the two have different results'
 * places, and one more function has another signature. */
static void
lanes_call_different_functions(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(
        &run, TEST_HEADER
        ".func (.param .b32 r) one(.param .b32 n)\n{\n.reg .b32 %r<3>;\n"
        "ld.param.b32 %r1, [n];\nadd.u32 %r1, %r1, 100;\nst.param.b32 [r], %r1;\nret;\n}\n"
        ".func (.param .b32 r) two(.param .b32 n)\n{\n.reg .b32 %r<3>;\n"
        "ld.param.b32 %r1, [n];\nmul.lo.u32 %r1, %r1, 7;\nst.param.b32 [r], %r1;\nret;\n}\n"
        ".func (.param .b64 r) far(.param .b64 n)\n{\nret;\n}\n" ENTRY REGS LOAD_POINTER
            MY_WORD "P: .callprototype (.param .b32 _) _ (.param .b32 _);\n"
        "and.b32 %r5, %r2, 1;\nsetp.eq.u32 %p1, %r5, 0;\n"
        "mov.u64 %rd3, one;\nmov.u64 %rd4, two;\n"
        "selp.b64 %rd5, %rd3, %rd4, %p1;\n"
        "{\n.param .b32 a;\n.param .b32 b;\nst.param.b32 [a], %r2;\n"
        "call (b), %rd5, (a), P;\nld.param.b32 %r6, [b];\n}\n"
        "st.global.u32 [%rd2], %r6;\nret;\n}\n");
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], i % 2 == 0 ? i + 100 : i * 7);
    }
    test_close(&run);
}

static void
endless_recursion_faults(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[1] = { 0 };
    open_ok(&run, TEST_HEADER ".func f()\n{\ncall.uni f;\nret;\n}\n" ENTRY
                              "call.uni f;\nret;\n}\n");
    assert_int_equal(test_launch(&run, 1, 1, 0, memory, sizeof(memory), false),
                     VG_INTERP_FAULT);
    assert_int_equal(run.fault.kind, VG_INTERP_FAULT_MEMORY);
    test_close(&run);
}

/* brx.idx: each lane takes its own way. */
static void
indexed_branches_split_lanes(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(&run, KERNEL("T: .branchtargets A, B, C;\n"
                         "rem.u32 %r5, %r2, 3;\n"
                         "brx.idx %r5, T;\n"
                         "A: mov.u32 %r6, 10;\nbra D;\n"
                         "B: mov.u32 %r6, 20;\nbra D;\n"
                         "C: mov.u32 %r6, 30;\n"
                         "D: st.global.u32 [%rd2], %r6;\n"));
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], 10 + 10 * (i % 3));
    }
    test_close(&run);
}

/* The mode of one instruction must not leak into the next, nor the caller's into ours. */
static void
rounding_modes_do_not_leak(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[4] = { 0 };
    open_ok(&run, KERNEL("mov.f32 %f1, 0f3F800000;\n"
                         "mov.f32 %f2, 0f30800000;\n"
                         "add.rm.f32 %f3, %f1, %f2;\n"
                         "add.rp.f32 %f4, %f1, %f2;\n"
                         "add.rn.f32 %f5, %f1, %f2;\n"
                         "st.global.f32 [%rd1], %f3;\n"
                         "st.global.f32 [%rd1+4], %f4;\n"
                         "st.global.f32 [%rd1+8], %f5;\n"));
    const int before = fegetround();
    fesetround(FE_UPWARD);
    const int r = test_launch(&run, 1, 1, 0, memory, sizeof(memory), false);
    const int after = fegetround();
    fesetround(before);
    assert_int_equal(r, 0);
    assert_int_equal(after, FE_UPWARD);
    assert_int_equal(memory[0], 0x3f800000);
    assert_int_equal(memory[1], 0x3f800001);
    assert_int_equal(memory[2], 0x3f800000);
    test_close(&run);
}

/* Twenty values alive at once around a loop: none may lose its row. */
static void
values_keep_their_rows_around_loops(void **state)
{
    (void)state;
    struct test_run run;
    char text[8192];
    uint32_t memory[32] = { 0 };
    int n = snprintf(text, sizeof(text), "%s",
                     TEST_HEADER ENTRY REGS ".reg .b32 %v<64>;\n" LOAD_POINTER MY_WORD);
    for (int i = 0; i < 20; i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, "add.u32 %%v%d, %%r2, %d;\n", i,
                      i);
    }
    n += snprintf(text + n, sizeof(text) - (size_t)n, "mov.u32 %%r20, 0;\nL1:\n");
    for (int i = 0; i < 20; i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "add.u32 %%v%d, %%v%d, 1;\nadd.u32 %%v%d, %%v%d, %%v%d;\n"
                      "sub.u32 %%v%d, %%v%d, %%v%d;\n",
                      20 + i, i, 40 + i, 20 + i, (i + 1) % 20, i, 40 + i, (i + 1) % 20);
    }
    n += snprintf(text + n, sizeof(text) - (size_t)n,
                  "add.u32 %%r20, %%r20, 1;\nsetp.lt.u32 %%p1, %%r20, %%r2;\n"
                  "@%%p1 bra L1;\nmov.u32 %%r21, 0;\n");
    for (int i = 0; i < 20; i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "add.u32 %%r21, %%r21, %%v%d;\n", i);
    }
    snprintf(text + n, sizeof(text) - (size_t)n,
             "st.global.u32 [%%rd2], %%r21;\nret;\n}\n");
    open_ok(&run, text);
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], 20 * (i + (i == 0 ? 1 : i)) + 190);
    }
    test_close(&run);
}

static void
bad_address_names_thread_and_line(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL("st.global.u32 [%rd2], 4;\n"));
    assert_int_equal(test_launch(&run, 1, 64, 0, memory, sizeof(memory) - 4, false),
                     VG_INTERP_FAULT);
    assert_int_equal(run.fault.kind, VG_INTERP_FAULT_ADDRESS);
    assert_int_equal(run.fault.thread[0], 63);
    assert_int_equal(run.fault.address, (uintptr_t)&memory[63]);
    assert_true(run.fault.line > 4);
    test_close(&run);
}

static void
misaligned_access_faults(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL("ld.global.u32 %r5, [%rd1+2];\n"));
    assert_int_equal(test_launch(&run, 1, 1, 0, memory, sizeof(memory), false),
                     VG_INTERP_FAULT);
    assert_int_equal(run.fault.kind, VG_INTERP_FAULT_MISALIGNED);
    test_close(&run);
}

static void
shared_access_outside_its_window_faults(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL(".shared .align 4 .b8 buf[16];\n"
                         "st.shared.u32 [buf+16], 1;\n"));
    assert_int_equal(test_launch(&run, 1, 1, 0, memory, sizeof(memory), false),
                     VG_INTERP_FAULT);
    assert_int_equal(run.fault.kind, VG_INTERP_FAULT_SPACE);
    test_close(&run);
}

static void
trap_faults(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[64] = { 0 };
    open_ok(&run, KERNEL("setp.eq.u32 %p1, %r2, 5;\n@%p1 trap;\n"));
    assert_int_equal(test_launch(&run, 1, 32, 0, memory, sizeof(memory), false),
                     VG_INTERP_FAULT);
    assert_int_equal(run.fault.kind, VG_INTERP_FAULT_TRAP);
    assert_int_equal(run.fault.thread[0], 5);
    test_close(&run);
}

static void
unknown_instruction_is_refused_by_name(void **state)
{
    (void)state;
    struct test_run run;
    assert_int_equal(test_open(&run, KERNEL("frobnicate.u32 %r1, %r2;\n")),
                     VG_INTERP_UNSUPPORTED);
    assert_non_null(strstr(run.why, "frobnicate.u32"));
    assert_non_null(strstr(run.why, "line"));
    test_close(&run);
}

static void
generic_addresses_reach_shared_memory(void **state)
{
    (void)state;
    struct test_run run;
    uint32_t memory[32] = { 0 };
    open_ok(&run, KERNEL(".extern .shared .align 16 .b8 dyn[];\n"
                         "mov.u64 %rd3, dyn;\n"
                         "cvta.shared.u64 %rd4, %rd3;\n"
                         "mul.wide.u32 %rd5, %r2, 4;\n"
                         "add.s64 %rd4, %rd4, %rd5;\n"
                         "st.u32 [%rd4], %r2;\n"
                         "cvta.to.shared.u64 %rd6, %rd4;\n"
                         "ld.shared.u32 %r5, [%rd6];\n"
                         "isspacep.shared %p1, %rd4;\n"
                         "@%p1 add.u32 %r5, %r5, 100;\n"
                         "isspacep.global %p1, %rd2;\n"
                         "@%p1 add.u32 %r5, %r5, 1000;\n"
                         "st.global.u32 [%rd2], %r5;\n"));
    assert_int_equal(test_launch(&run, 1, 32, 128, memory, sizeof(memory), false), 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], i + 1100);
    }
    test_close(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_to_every_word),
        cmocka_unit_test(lanes_loop_apart_and_meet),
        cmocka_unit_test(irreducible_graphs_run),
        cmocka_unit_test(barrier_orders_shared_memory),
        cmocka_unit_test(warps_leave_a_barrier_together),
        cmocka_unit_test(ended_threads_count_as_arrived),
        cmocka_unit_test(named_barrier_counts_threads),
        cmocka_unit_test(arrive_does_not_wait),
        cmocka_unit_test(barrier_reduces),
        cmocka_unit_test(missing_thread_is_a_deadlock),
        cmocka_unit_test(warp_barrier_meets_across_branches),
        cmocka_unit_test(lanes_may_wait_for_each_other),
        cmocka_unit_test(blocks_of_a_grid_wait_for_each_other),
        cmocka_unit_test(grid_workspace_counts_blocks),
        cmocka_unit_test(lanes_recurse_to_different_depths),
        cmocka_unit_test(lanes_call_different_functions),
        cmocka_unit_test(endless_recursion_faults),
        cmocka_unit_test(indexed_branches_split_lanes),
        cmocka_unit_test(rounding_modes_do_not_leak),
        cmocka_unit_test(values_keep_their_rows_around_loops),
        cmocka_unit_test(bad_address_names_thread_and_line),
        cmocka_unit_test(misaligned_access_faults),
        cmocka_unit_test(shared_access_outside_its_window_faults),
        cmocka_unit_test(trap_faults),
        cmocka_unit_test(unknown_instruction_is_refused_by_name),
        cmocka_unit_test(generic_addresses_reach_shared_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
