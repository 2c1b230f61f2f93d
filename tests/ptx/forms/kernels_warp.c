/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_warp - operations among the lanes of a warp (PTX manual 9.7.9.6 shfl, 9.7.13
 * vote, match, redux, activemask, elect). Each runs several rounds on other values, with
 * all lanes and with some.
 */

#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "text.h"

#define ROUNDS 6

static struct vg_text text;

static const uint32_t member_masks[ROUNDS] = { 0xffffffff, 0xffffffff, 0x0f0f0f0f,
                                               0x80000001, 0x00ffff00, 0xaaaaaaaa };

static void
set_in32(size_t index, uint32_t value)
{
    memcpy(vg_forms_in + index * 4, &value, 4);
}

/* Runs @instruction for the lanes of @mask; @before prepares %r1.. from the lane's input
 * at %myin, @after leaves results at %myout. */
static bool
launch(struct vg_forms *forms, uint32_t mask, const char *before, const char *instruction,
       const char *after)
{
    struct vg_launch l = { 0 };

    memset(vg_forms_out, 0xa5, VG_LAUNCH_BUFFER);
    vg_text_clear(&text);
    vg_text_add(&text,
                "mov.u32 %%r20, 0x%x;\nmov.u32 %%r21, %%lanemask_eq;\n"
                "and.b32 %%r22, %%r20, %%r21;\nsetp.eq.s32 %%p8, %%r22, 0;\n%s"
                "@%%p8 bra OUT;\n%s\n%s\nOUT:\n",
                mask, before, instruction, after);
    l.body = text.bytes;
    return vg_forms_launch(forms, &l) == VG_LAUNCH_OK;
}

enum shuffle {
    UP,
    DOWN,
    BFLY,
    IDX
};

static const char *const shuffle_names[] = { "up", "down", "bfly", "idx" };

/* The source lane by the manual's pseudo code, and whether it is in range. */
static bool
shuffle_source(enum shuffle mode, int lane, uint32_t b, uint32_t c, int *out)
{
    int bval = (int)(b & 31);
    int cval = (int)(c & 31);
    int mask = (int)(c >> 8 & 31);
    int max = (lane & mask) | (cval & ~mask);
    int min = lane & mask;
    int j = lane;
    bool in_range = false;

    switch (mode) {
    case UP:
        j = lane - bval;
        in_range = j >= max;
        break;
    case DOWN:
        j = lane + bval;
        in_range = j <= max;
        break;
    case BFLY:
        j = lane ^ bval;
        in_range = j <= max;
        break;
    case IDX:
        j = min | (bval & ~mask);
        in_range = j <= max;
        break;
    }
    *out = in_range ? j : lane;
    return in_range;
}

static void
fill_shuffle(enum shuffle mode, int round)
{
    static const uint32_t clamps[] = { 31, 31, 0x1c1f, 0x1807, 0x101f, 31 };

    for (size_t lane = 0; lane < 32; lane++) {
        uint32_t c = clamps[round];
        if (mode == UP && (c & 31) != 7) {
            c &= ~31u;
        }
        uint64_t r = vg_random(lane + (size_t)round * 100);
        set_in32(lane * 32, (uint32_t)r);
        bool varying = round >= 4 || (round == 1 && mode == IDX);
        set_in32(lane * 32 + 1, varying ? (uint32_t)(r >> 40) : (uint32_t)round * 3 + 1);
        set_in32(lane * 32 + 2, c);
    }
}

static bool
check_shuffle(struct vg_forms *forms, enum shuffle mode, bool with_predicate, int round,
              int lane)
{
    size_t at = (size_t)lane * 32;
    uint32_t mask = member_masks[round];
    int source;

    if ((mask >> lane & 1) == 0) {
        if (vg_out32(at) != 0xa5a5a5a5) {
            vg_forms_fail(forms, "round %d: lane %d was not to run", round, lane);
        }
        return vg_out32(at) == 0xa5a5a5a5;
    }
    bool in_range = shuffle_source(mode, lane, vg_in32(at + 1), vg_in32(at + 2), &source);
    uint32_t want = vg_in32((size_t)source * 32);
    bool known = (mask >> source & 1) != 0;
    if (known && vg_out32(at) != want) {
        vg_forms_fail(forms, "round %d lane %d: got %x, want %x of lane %d", round, lane,
                      vg_out32(at), want, source);
        return false;
    }
    if (with_predicate && vg_out32(at + 1) != (uint32_t)in_range) {
        vg_forms_fail(forms, "round %d lane %d: predicate %u, want %u", round, lane,
                      vg_out32(at + 1), (unsigned)in_range);
        return false;
    }
    return true;
}

/* arg: mode * 2 + with predicate */
static void
run_shuffle(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    enum shuffle mode = (enum shuffle)(test->arg >> 1);
    bool with_predicate = (test->arg & 1) != 0;
    char instruction[160];

    snprintf(instruction, sizeof(instruction),
             "shfl.sync.%s.b32 %%r4%s, %%r1, %%r2, %%r3, %%r20;", shuffle_names[mode],
             with_predicate ? "|%p1" : "");
    for (int round = 0; round < ROUNDS; round++) {
        fill_shuffle(mode, round);
        if (!launch(forms, member_masks[round],
                    "setp.ne.s32 %p1, %r20, %r20;\nld.global.u32 %r1, [%myin];\n"
                    "ld.global.u32 %r2, [%myin+4];\nld.global.u32 %r3, [%myin+8];\n",
                    instruction,
                    "st.global.u32 [%myout], %r4;\nselp.u32 %r5, 1, 0, %p1;\n"
                    "st.global.u32 [%myout+4], %r5;\n")) {
            return;
        }
        for (int lane = 0; lane < 32; lane++) {
            if (!check_shuffle(forms, mode, with_predicate, round, lane)) {
                return;
            }
        }
    }
}

/* A shuffle whose b and c are constants in the text, as compilers write it. */
static void
run_shuffle_constant(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    static const int steps[] = { 16, 8, 1 };
    enum shuffle mode = (enum shuffle)test->arg;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint32_t c = mode == UP ? 0 : 31;
        char instruction[160];
        snprintf(instruction, sizeof(instruction),
                 "shfl.sync.%s.b32 %%r4|%%p1, %%r1, %d, %u, -1;", shuffle_names[mode],
                 steps[i], c);
        fill_shuffle(mode, 0);
        if (!launch(forms, 0xffffffff, "ld.global.u32 %r1, [%myin];\n", instruction,
                    "selp.u32 %r5, 1, 0, %p1;\nshl.b32 %r5, %r5, 16;\n"
                    "st.global.u32 [%myout], %r4;\nst.global.u32 [%myout+4], %r5;\n")) {
            return;
        }
        for (int lane = 0; lane < 32; lane++) {
            int source;
            bool in_range = shuffle_source(mode, lane, (uint32_t)steps[i], c, &source);
            if (vg_out32((size_t)lane * 32) != vg_in32((size_t)source * 32) ||
                vg_out32((size_t)lane * 32 + 1) != (uint32_t)in_range << 16) {
                vg_forms_fail(forms, "step %d lane %d: got %x", steps[i], lane,
                              vg_out32((size_t)lane * 32));
                return;
            }
        }
    }
}

/* Predicates of the lanes in a round: all, none, some. */
static uint32_t
predicates(int round)
{
    static const uint32_t all[ROUNDS] = { 0xffffffff, 0,          0x0f0f0f0f,
                                          0x00000001, 0x00f0ff0a, 0x12345678 };

    return all[round];
}

enum vote {
    VOTE_ALL,
    VOTE_ANY,
    VOTE_UNI,
    VOTE_BALLOT
};

static uint32_t
vote_result(enum vote vote, uint32_t mask, uint32_t bits)
{
    switch (vote) {
    case VOTE_ALL:
        return bits == mask;
    case VOTE_ANY:
        return bits != 0;
    case VOTE_UNI:
        return bits == mask || bits == 0;
    case VOTE_BALLOT:
        return bits;
    }
    return 0;
}

/* text: the instruction, predicate operand %p1 or !%p1; arg: vote * 2 + negated */
static void
run_vote(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    enum vote vote = (enum vote)(test->arg >> 1);
    bool negated = (test->arg & 1) != 0;

    for (int round = 0; round < ROUNDS; round++) {
        uint32_t mask = member_masks[round];
        for (size_t lane = 0; lane < 32; lane++) {
            set_in32(lane * 32, predicates(round) >> lane & 1);
        }
        if (!launch(forms, mask,
                    "ld.global.u32 %r1, [%myin];\nsetp.ne.s32 %p1, %r1, 0;\n", test->text,
                    vote == VOTE_BALLOT
                        ? "st.global.u32 [%myout], %r4;\n"
                        : "selp.u32 %r4, 1, 0, %p4;\nst.global.u32 [%myout], %r4;\n")) {
            return;
        }
        uint32_t bits = (negated ? ~predicates(round) : predicates(round)) & mask;
        for (size_t lane = 0; lane < 32; lane++) {
            uint32_t want =
                (mask >> lane & 1) != 0 ? vote_result(vote, mask, bits) : 0xa5a5a5a5;
            if (vg_out32(lane * 32) != want) {
                vg_forms_fail(forms, "round %d lane %zu: got %x, want %x", round, lane,
                              vg_out32(lane * 32), want);
                return;
            }
        }
    }
}

enum reduction {
    RED_ADD,
    RED_MIN_U,
    RED_MIN_S,
    RED_MAX_U,
    RED_MAX_S,
    RED_AND,
    RED_OR,
    RED_XOR
};

static uint32_t
reduce(enum reduction op, uint32_t a, uint32_t b)
{
    switch (op) {
    case RED_ADD:
        return a + b;
    case RED_MIN_U:
        return a < b ? a : b;
    case RED_MIN_S:
        return (a ^ 0x80000000) < (b ^ 0x80000000) ? a : b;
    case RED_MAX_U:
        return a > b ? a : b;
    case RED_MAX_S:
        return (a ^ 0x80000000) > (b ^ 0x80000000) ? a : b;
    case RED_AND:
        return a & b;
    case RED_OR:
        return a | b;
    case RED_XOR:
        return a ^ b;
    }
    return 0;
}

static void
run_redux(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t mask = member_masks[round];
        uint32_t want = 0;
        bool first = true;
        for (size_t lane = 0; lane < 32; lane++) {
            uint32_t v = (uint32_t)vg_random(lane + (size_t)round * 40);
            v = test->arg == RED_AND ? v | 0xfff0f : v & (round < 2 ? ~0u : 0x00ffffff);
            set_in32(lane * 32, v);
            if ((mask >> lane & 1) != 0) {
                want = first ? v : reduce((enum reduction)test->arg, want, v);
                first = false;
            }
        }
        if (!launch(forms, mask, "ld.global.u32 %r1, [%myin];\n", test->text,
                    "st.global.u32 [%myout], %r4;\n")) {
            return;
        }
        for (size_t lane = 0; lane < 32; lane++) {
            if ((mask >> lane & 1) != 0 && vg_out32(lane * 32) != want) {
                vg_forms_fail(forms, "round %d lane %zu: got %x, want %x", round, lane,
                              vg_out32(lane * 32), want);
                return;
            }
        }
    }
}

/* arg: 0 any, 1 all; + 2 for 64 bits */
static void
run_match(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    bool all = (test->arg & 1) != 0;

    for (int round = 0; round < ROUNDS; round++) {
        uint32_t mask = member_masks[round];
        for (size_t lane = 0; lane < 32; lane++) {
            uint32_t kind = round % 2 == 1 ? 0 : (uint32_t)vg_random(lane + 5) % 4;
            set_in32(lane * 32, 77);
            set_in32(lane * 32 + 1, kind);
            if (test->arg < 2) {
                set_in32(lane * 32, kind);
            }
        }
        if (!launch(forms, mask,
                    "setp.ne.s32 %p1, %r20, %r20;\nld.global.u32 %r1, [%myin];\n"
                    "ld.global.u64 %d1, [%myin];\n",
                    test->text,
                    "st.global.u32 [%myout], %r4;\nselp.u32 %r5, 1, 0, %p1;\n"
                    "st.global.u32 [%myout+4], %r5;\n")) {
            return;
        }
        for (size_t lane = 0; lane < 32; lane++) {
            uint32_t same = 0;
            if ((mask >> lane & 1) == 0) {
                continue;
            }
            for (size_t other = 0; other < 32; other++) {
                bool equal = vg_in32(lane * 32 + 1) == vg_in32(other * 32 + 1);
                same |= (uint32_t)equal << other;
            }
            same &= mask;
            uint32_t want = all && same != mask ? 0 : same;
            if (vg_out32(lane * 32) != want ||
                (all && vg_out32(lane * 32 + 1) != (uint32_t)(same == mask))) {
                vg_forms_fail(forms, "round %d lane %zu: got %x, want %x", round, lane,
                              vg_out32(lane * 32), want);
                return;
            }
        }
    }
}

/* arg: 0 activemask: the lanes that run here; 1 elect: the lowest of them */
static void
run_active(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t mask = member_masks[round];
        uint32_t lowest = 0;
        while ((mask >> lowest & 1) == 0) {
            lowest++;
        }
        if (!launch(forms, mask, "setp.ne.s32 %p1, %r20, %r20;\n", test->text,
                    "st.global.u32 [%myout], %r4;\nselp.u32 %r5, 1, 0, %p1;\n"
                    "st.global.u32 [%myout+4], %r5;\n")) {
            return;
        }
        for (uint32_t lane = 0; lane < 32; lane++) {
            uint32_t want = test->arg == 0 ? mask : lowest;
            bool right = vg_out32((size_t)lane * 32) == want &&
                         (test->arg == 0 ||
                          vg_out32((size_t)lane * 32 + 1) == (uint32_t)(lane == lowest));
            if ((mask >> lane & 1) != 0 && !right) {
                vg_forms_fail(forms, "round %d lane %u: got %x, want %x", round, lane,
                              vg_out32((size_t)lane * 32), want);
                return;
            }
        }
    }
}

static const struct vg_kernel_test tests[] = {
    { "shfl.sync.up.b32", run_shuffle, UP * 2, NULL },
    { "shfl.sync.up.b32 |p", run_shuffle, UP * 2 + 1, NULL },
    { "shfl.sync.down.b32", run_shuffle, DOWN * 2, NULL },
    { "shfl.sync.down.b32 |p", run_shuffle, DOWN * 2 + 1, NULL },
    { "shfl.sync.bfly.b32", run_shuffle, BFLY * 2, NULL },
    { "shfl.sync.bfly.b32 |p", run_shuffle, BFLY * 2 + 1, NULL },
    { "shfl.sync.idx.b32", run_shuffle, IDX * 2, NULL },
    { "shfl.sync.idx.b32 |p", run_shuffle, IDX * 2 + 1, NULL },
    { "shfl.sync.up.b32 |p", run_shuffle_constant, UP, NULL },
    { "shfl.sync.down.b32 |p", run_shuffle_constant, DOWN, NULL },
    { "shfl.sync.bfly.b32 |p", run_shuffle_constant, BFLY, NULL },
    { "shfl.sync.idx.b32 |p", run_shuffle_constant, IDX, NULL },
    { "vote.sync.all.pred", run_vote, VOTE_ALL * 2,
      "vote.sync.all.pred %p4, %p1, %r20;" },
    { "vote.sync.any.pred", run_vote, VOTE_ANY * 2,
      "vote.sync.any.pred %p4, %p1, %r20;" },
    { "vote.sync.uni.pred", run_vote, VOTE_UNI * 2,
      "vote.sync.uni.pred %p4, %p1, %r20;" },
    { "vote.sync.ballot.b32", run_vote, VOTE_BALLOT * 2,
      "vote.sync.ballot.b32 %r4, %p1, %r20;" },
    { "vote.ballot.sync.b32", run_vote, VOTE_BALLOT * 2,
      "vote.ballot.sync.b32 %r4, %p1, %r20;" },
    { "vote.sync.all.pred", run_vote, VOTE_ALL * 2 + 1,
      "vote.sync.all.pred %p4, !%p1, %r20;" },
    { "vote.sync.any.pred", run_vote, VOTE_ANY * 2 + 1,
      "vote.sync.any.pred %p4, !%p1, %r20;" },
    { "vote.sync.ballot.b32", run_vote, VOTE_BALLOT * 2 + 1,
      "vote.sync.ballot.b32 %r4, !%p1, %r20;" },
    { "redux.sync.add.s32", run_redux, RED_ADD, "redux.sync.add.s32 %r4, %r1, %r20;" },
    { "redux.sync.add.u32", run_redux, RED_ADD, "redux.sync.add.u32 %r4, %r1, %r20;" },
    { "redux.sync.min.s32", run_redux, RED_MIN_S, "redux.sync.min.s32 %r4, %r1, %r20;" },
    { "redux.sync.min.u32", run_redux, RED_MIN_U, "redux.sync.min.u32 %r4, %r1, %r20;" },
    { "redux.sync.max.s32", run_redux, RED_MAX_S, "redux.sync.max.s32 %r4, %r1, %r20;" },
    { "redux.sync.max.u32", run_redux, RED_MAX_U, "redux.sync.max.u32 %r4, %r1, %r20;" },
    { "redux.sync.and.b32", run_redux, RED_AND, "redux.sync.and.b32 %r4, %r1, %r20;" },
    { "redux.sync.or.b32", run_redux, RED_OR, "redux.sync.or.b32 %r4, %r1, %r20;" },
    { "redux.sync.xor.b32", run_redux, RED_XOR, "redux.sync.xor.b32 %r4, %r1, %r20;" },
    { "match.any.sync.b32", run_match, 0, "match.any.sync.b32 %r4, %r1, %r20;" },
    { "match.all.sync.b32 |p", run_match, 1, "match.all.sync.b32 %r4|%p1, %r1, %r20;" },
    { "match.any.sync.b64", run_match, 2, "match.any.sync.b64 %r4, %d1, %r20;" },
    { "match.all.sync.b64 |p", run_match, 3, "match.all.sync.b64 %r4|%p1, %d1, %r20;" },
    { "activemask.b32", run_active, 0, "activemask.b32 %r4;" },
    { "elect.sync", run_active, 1, "elect.sync %r4|%p1, %r20;" },
};

void
vg_kernels_warp(struct vg_forms *forms)
{
    vg_forms_add_kernels(forms, tests, sizeof(tests) / sizeof(tests[0]));
}
