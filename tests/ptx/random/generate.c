/* SPDX-License-Identifier: Apache-2.0 */
#include "generate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * One operation in both languages. Shape: destination and sources by class (r 32 bits,
 * d 64 bits, f single, p predicate). In the texts $d is the destination, $a $b $c the
 * sources, $i a random number.
 */
struct operation {
    const char *shape;
    const char *ptx;
    const char *c;
};

static const struct operation operations[] = {
    { "rrr", "add.s32 $d, $a, $b;", "$d = $a + $b;" },
    { "rrr", "sub.s32 $d, $a, $b;", "$d = $a - $b;" },
    { "rrr", "mul.lo.s32 $d, $a, $b;", "$d = $a * $b;" },
    { "rrr", "mul.hi.s32 $d, $a, $b;", "$d = high_signed($a, $b);" },
    { "rrr", "mul.hi.u32 $d, $a, $b;", "$d = high_unsigned($a, $b);" },
    { "rrrr", "mad.lo.s32 $d, $a, $b, $c;", "$d = $a * $b + $c;" },
    { "rrr", "and.b32 $d, $a, $b;", "$d = $a & $b;" },
    { "rrr", "or.b32 $d, $a, $b;", "$d = $a | $b;" },
    { "rrr", "xor.b32 $d, $a, $b;", "$d = $a ^ $b;" },
    { "rr", "not.b32 $d, $a;", "$d = ~$a;" },
    { "rr", "neg.s32 $d, $a;", "$d = 0 - $a;" },
    { "rr", "abs.s32 $d, $a;", "$d = ($a >> 31) != 0 ? 0 - $a : $a;" },
    { "rrr", "shl.b32 $d, $a, $b;", "$d = shift_left($a, $b);" },
    { "rrr", "shr.u32 $d, $a, $b;", "$d = shift_right($a, $b);" },
    { "rrr", "shr.s32 $d, $a, $b;", "$d = shift_right_signed($a, $b);" },
    { "rr", "shl.b32 $d, $a, $i;", "$d = shift_left($a, $i);" },
    { "rr", "shr.s32 $d, $a, $i;", "$d = shift_right_signed($a, $i);" },
    { "rr", "add.s32 $d, $a, $i;", "$d = $a + $i;" },
    { "rr", "mul.lo.s32 $d, $a, $i;", "$d = $a * $i;" },
    { "rr", "xor.b32 $d, $a, $i;", "$d = $a ^ $i;" },
    { "r", "mov.u32 $d, $i;", "$d = $i;" },
    { "r", "mov.u32 $d, %tid.x;", "$d = s->tid;" },
    { "rrr", "min.u32 $d, $a, $b;", "$d = $a < $b ? $a : $b;" },
    { "rrr", "max.u32 $d, $a, $b;", "$d = $a > $b ? $a : $b;" },
    { "rrr", "min.s32 $d, $a, $b;", "$d = min_signed($a, $b);" },
    { "rrr", "max.s32 $d, $a, $b;", "$d = ~min_signed(~$a, ~$b);" },
    { "rrr", "or.b32 %t0, $b, 1;\ndiv.u32 $d, $a, %t0;", "$d = $a / ($b | 1);" },
    { "rrr", "or.b32 %t0, $b, 1;\nrem.u32 $d, $a, %t0;", "$d = $a % ($b | 1);" },
    { "rrr", "and.b32 %t0, $b, 0xffff;\nadd.s32 %t0, %t0, 1;\ndiv.s32 $d, $a, %t0;",
      "$d = (uint32_t)((int32_t)$a / (int32_t)(($b & 0xffff) + 1));" },
    { "rrr", "and.b32 %t0, $b, 0xffff;\nadd.s32 %t0, %t0, 1;\nrem.s32 $d, $a, %t0;",
      "$d = (uint32_t)((int32_t)$a % (int32_t)(($b & 0xffff) + 1));" },
    { "rrrr", "sad.s32 $d, $a, $b, $c;", "$d = difference($a, $b, $c);" },
    { "rr", "popc.b32 $d, $a;", "$d = (uint32_t)__builtin_popcount($a);" },
    { "rr", "clz.b32 $d, $a;", "$d = $a == 0 ? 32 : (uint32_t)__builtin_clz($a);" },
    { "rr", "brev.b32 $d, $a;", "$d = reverse($a);" },
    { "rrrr", "bfe.u32 $d, $a, $b, $c;", "$d = field($a, $b, $c);" },
    { "rrrr", "bfi.b32 $d, $a, $b, $c, 9;", "$d = insert($a, $b, $c, 9);" },
    { "rrrr", "prmt.b32 $d, $a, $b, $c;", "$d = permute($a, $b, $c);" },
    { "rrrr", "dp4a.s32.s32 $d, $a, $b, $c;", "$d = dot4($a, $b, $c);" },
    { "rrrp", "selp.b32 $d, $a, $b, $c;", "$d = $c ? $a : $b;" },
    { "rr", "cvt.u16.u32 %u0, $a;\ncvt.s32.s16 $d, %u0;",
      "$d = (uint32_t)(int32_t)(int16_t)$a;" },
    { "rrr",
      "cvt.u16.u32 %u0, $a;\ncvt.u16.u32 %u1, $b;\nmul.lo.s16 %u0, %u0, %u1;\n"
      "shr.s16 %u0, %u0, 3;\ncvt.u32.u16 $d, %u0;",
      "$d = (uint16_t)((int16_t)($a * $b) >> 3);" },
    { "rr", "cvt.s32.s8 $d, $a;", "$d = (uint32_t)(int32_t)(int8_t)$a;" },
    { "rrrr",
      "cvt.rn.f64.s32 %v0, $a;\ncvt.rn.f64.s32 %v1, $b;\ncvt.rn.f64.s32 %v2, $c;\n"
      "fma.rn.f64 %v0, %v0, %v1, %v2;\ncvt.rzi.s32.f64 $d, %v0;",
      "$d = d_fma_s32($a, $b, $c);" },
    { "ddd", "add.s64 $d, $a, $b;", "$d = $a + $b;" },
    { "ddd", "sub.s64 $d, $a, $b;", "$d = $a - $b;" },
    { "ddd", "mul.lo.s64 $d, $a, $b;", "$d = $a * $b;" },
    { "ddd", "mul.hi.u64 $d, $a, $b;",
      "$d = (uint64_t)((unsigned __int128)$a * $b >> 64);" },
    { "ddd", "xor.b64 $d, $a, $b;", "$d = $a ^ $b;" },
    { "ddd", "and.b64 $d, $a, $b;", "$d = $a & $b;" },
    { "ddr", "shl.b64 $d, $a, $b;", "$d = shift_left64($a, $b);" },
    { "ddr", "shr.u64 $d, $a, $b;", "$d = shift_right64($a, $b);" },
    { "ddr", "shr.s64 $d, $a, $b;", "$d = shift_right_signed64($a, $b);" },
    { "ddd", "or.b64 %v0, $b, 1;\ndiv.u64 $d, $a, %v0;", "$d = $a / ($b | 1);" },
    { "dr", "cvt.u64.u32 $d, $a;", "$d = $a;" },
    { "dr", "cvt.s64.s32 $d, $a;", "$d = (uint64_t)(int64_t)(int32_t)$a;" },
    { "rd", "cvt.u32.u64 $d, $a;", "$d = (uint32_t)$a;" },
    { "drr", "mul.wide.u32 $d, $a, $b;", "$d = (uint64_t)$a * $b;" },
    { "drr", "mul.wide.s32 $d, $a, $b;",
      "$d = (uint64_t)((int64_t)(int32_t)$a * (int32_t)$b);" },
    { "drrd", "mad.wide.u32 $d, $a, $b, $c;", "$d = (uint64_t)$a * $b + $c;" },
    { "drr", "mov.b64 $d, {$a, $b};", "$d = (uint64_t)$b << 32 | $a;" },
    { "rd", "mov.b64 {%t0, $d}, $a;", "$d = (uint32_t)($a >> 32);" },
    { "dddp", "selp.b64 $d, $a, $b, $c;", "$d = $c ? $a : $b;" },
    { "fff", "add.rn.f32 $d, $a, $b;", "$d = f_add($a, $b);" },
    { "fff", "sub.rn.f32 $d, $a, $b;", "$d = f_sub($a, $b);" },
    { "fff", "mul.rn.f32 $d, $a, $b;", "$d = f_mul($a, $b);" },
    { "ffff", "fma.rn.f32 $d, $a, $b, $c;", "$d = f_fma($a, $b, $c);" },
    { "fff", "add.ftz.f32 $d, $a, $b;", "$d = f_add_ftz($a, $b);" },
    { "fff", "mul.ftz.f32 $d, $a, $b;", "$d = f_mul_ftz($a, $b);" },
    { "fff", "div.rn.f32 $d, $a, $b;", "$d = f_div($a, $b);" },
    { "ff", "sqrt.rn.f32 $d, $a;", "$d = f_sqrt($a);" },
    { "fff", "min.f32 $d, $a, $b;", "$d = f_pick($a, $b, 0);" },
    { "fff", "max.f32 $d, $a, $b;", "$d = f_pick($a, $b, 1);" },
    { "fr", "cvt.rn.f32.s32 $d, $a;", "$d = f_from_s32($a);" },
    { "fr", "cvt.rn.f32.u32 $d, $a;", "$d = f_from_u32($a);" },
    { "rf", "cvt.rzi.s32.f32 $d, $a;", "$d = f_to_s32($a);" },
    { "rf", "cvt.rzi.u32.f32 $d, $a;", "$d = f_to_u32($a);" },
    { "rf", "mov.b32 $d, $a;", "$d = $a;" },
    { "fffp", "selp.f32 $d, $a, $b, $c;", "$d = $c ? $a : $b;" },
    { "prr", "setp.lt.s32 $d, $a, $b;", "$d = (int32_t)$a < (int32_t)$b;" },
    { "prr", "setp.ge.u32 $d, $a, $b;", "$d = $a >= $b;" },
    { "prr", "setp.eq.s32 $d, $a, $b;", "$d = $a == $b;" },
    { "pr", "and.b32 %t0, $a, 3;\nsetp.ne.s32 $d, %t0, 0;", "$d = ($a & 3) != 0;" },
    { "pr", "and.b32 %t0, $a, 4;\nsetp.eq.s32 $d, %t0, 0;", "$d = ($a & 4) == 0;" },
    { "prr", "setp.gt.s32 $d, $a, $i;", "$d = (int32_t)$a > (int32_t)$i;" },
    { "pdd", "setp.lt.u64 $d, $a, $b;", "$d = $a < $b;" },
    { "pff", "setp.lt.f32 $d, $a, $b;", "$d = f_order($a, $b) == -1;" },
    { "pff", "setp.geu.f32 $d, $a, $b;", "$d = f_order($a, $b) != -1;" },
    { "pff", "setp.neu.f32 $d, $a, $b;", "$d = f_order($a, $b) != 0;" },
    { "ppp", "and.pred $d, $a, $b;", "$d = $a & $b;" },
    { "ppp", "or.pred $d, $a, $b;", "$d = $a | $b;" },
    { "ppp", "xor.pred $d, $a, $b;", "$d = $a ^ $b;" },
    { "pp", "not.pred $d, $a;", "$d = !$a;" },
    { "rr",
      "and.b32 %t0, $a, 15;\nshl.b32 %t0, %t0, 2;\ncvt.u64.u32 %v0, %t0;\n"
      "add.s64 %v0, %v0, %loc;\nld.local.u32 $d, [%v0];",
      "$d = s->local[$a & 15];" },
    { "rrr",
      "and.b32 %t0, $a, 15;\nshl.b32 %t0, %t0, 2;\ncvt.u64.u32 %v0, %t0;\n"
      "add.s64 %v0, %v0, %loc;\nst.local.u32 [%v0], $b;\nmov.u32 $d, %t0;",
      "s->local[$a & 15] = $b; $d = ($a & 15) * 4;" },
    { "rr",
      "and.b32 %t0, $a, 2047;\nmul.wide.u32 %v0, %t0, 4;\nadd.s64 %v0, %v0, %in;\n"
      "ld.global.u32 $d, [%v0];",
      "$d = in[$a & 2047];" },
};

#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

struct generator {
    uint64_t random;
    unsigned number;
    struct vg_text *ptx, *c;
    unsigned labels;
    unsigned loop_depth;
    unsigned budget;   /* statements left */
    bool may_leave;    /* no collective operation follows: threads may end early */
    unsigned break_to; /* label number of the innermost loop, 0 when there is none */
};

static uint32_t
pick(struct generator *g, uint32_t n)
{
    g->random ^= g->random << 13;
    g->random ^= g->random >> 7;
    g->random ^= g->random << 17;
    return (uint32_t)(g->random >> 33) % n;
}

static unsigned
registers_of(char class)
{
    return class == 'r' ? 8 : 4;
}

static void
add_register(struct vg_text *text, bool is_c, char class, unsigned number)
{
    vg_text_add(text, is_c ? "s->%c[%u]" : "%%%c%u", class, number);
}

static void
add_template(struct vg_text *text, bool is_c, const struct operation *op,
             const unsigned *numbers, uint32_t immediate)
{
    for (const char *t = is_c ? op->c : op->ptx; *t != '\0'; t++) {
        if (*t != '$') {
            vg_text_add(text, "%c", *t);
            continue;
        }
        t++;
        if (*t == 'i') {
            vg_text_add(text, is_c ? "0x%xu" : "0x%x", immediate);
        } else {
            int k = *t == 'd' ? 0 : *t - 'a' + 1;
            add_register(text, is_c, op->shape[k], numbers[k]);
        }
    }
    vg_text_add(text, "\n");
}

static uint32_t
random_immediate(struct generator *g)
{
    static const uint32_t edges[] = {
        0, 1, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff, 5
    };

    return pick(g, 2) == 0 ? edges[pick(g, 8)] : pick(g, 1u << (1 + pick(g, 30)));
}

static void
operation(struct generator *g)
{
    const struct operation *op = &operations[pick(g, N_OPERATIONS)];
    unsigned numbers[4] = { 0 };
    bool guarded = strchr(op->ptx, ';')[1] == '\0' && pick(g, 5) == 0;
    unsigned guard = pick(g, 4);
    bool negated = pick(g, 2) == 0;

    for (size_t k = 0; k < strlen(op->shape); k++) {
        numbers[k] = pick(g, registers_of(op->shape[k]));
    }
    uint32_t immediate = random_immediate(g);
    if (guarded) {
        vg_text_add(g->ptx, "@%s%%p%u ", negated ? "!" : "", guard);
        vg_text_add(g->c, "if (%ss->p[%u]) ", negated ? "!" : "", guard);
    }
    add_template(g->ptx, false, op, numbers, immediate);
    vg_text_add(g->c, "{ ");
    add_template(g->c, true, op, numbers, immediate);
    vg_text_add(g->c, "}\n");
}

static void statements(struct generator *g, unsigned depth);

static void
if_else(struct generator *g, unsigned depth)
{
    unsigned label = ++g->labels;
    unsigned p = pick(g, 4);
    bool has_else = pick(g, 2) == 0;

    vg_text_add(g->ptx, "@!%%p%u bra L%u_else;\n", p, label);
    vg_text_add(g->c, "if (s->p[%u]) {\n", p);
    statements(g, depth + 1);
    if (has_else) {
        vg_text_add(g->ptx, "bra L%u_end;\nL%u_else:\n", label, label);
        vg_text_add(g->c, "} else {\n");
        statements(g, depth + 1);
        vg_text_add(g->ptx, "L%u_end:\n", label);
    } else {
        vg_text_add(g->ptx, "L%u_else:\n", label);
    }
    vg_text_add(g->c, "}\n");
}

/* Rounds by thread: (r & 3) + 1, or the same for all. */
static void
loop(struct generator *g, unsigned depth)
{
    unsigned label = ++g->labels;
    unsigned i = g->loop_depth;
    unsigned bound = pick(g, 8);
    unsigned outer = g->break_to;

    if (i == 3) {
        operation(g);
        return;
    }
    if (pick(g, 3) == 0) {
        vg_text_add(g->ptx, "mov.u32 %%i%u, 3;\n", i);
        vg_text_add(g->c, "s->i[%u] = 3;\n", i);
    } else {
        vg_text_add(g->ptx, "and.b32 %%i%u, %%r%u, 3;\nadd.u32 %%i%u, %%i%u, 1;\n", i,
                    bound, i, i);
        vg_text_add(g->c, "s->i[%u] = (s->r[%u] & 3) + 1;\n", i, bound);
    }
    g->loop_depth++;
    g->break_to = label;
    vg_text_add(g->ptx, "L%u_top:\n", label);
    vg_text_add(g->c, "do {\n");
    statements(g, depth + 1);
    vg_text_add(g->ptx,
                "L%u_next:\nsub.u32 %%i%u, %%i%u, 1;\nsetp.ne.s32 %%q, %%i%u, 0;\n"
                "@%%q bra L%u_top;\nL%u_break:\n",
                label, i, i, i, label, label);
    vg_text_add(g->c, "} while (--s->i[%u] != 0);\n", i);
    g->loop_depth--;
    g->break_to = outer;
}

static void
leave_loop(struct generator *g)
{
    unsigned p = pick(g, 4);
    bool next = pick(g, 2) == 0;

    if (g->break_to == 0) {
        return;
    }
    vg_text_add(g->ptx, "@%%p%u bra L%u_%s;\n", p, g->break_to, next ? "next" : "break");
    vg_text_add(g->c, "if (s->p[%u]) { %s; }\n", p, next ? "continue" : "break");
}

static void
leave_kernel(struct generator *g)
{
    unsigned p = pick(g, 4);

    if (g->may_leave) {
        vg_text_add(g->ptx, "@%%p%u bra STORE;\n", p);
        vg_text_add(g->c, "if (s->p[%u]) { return; }\n", p);
    }
}

/* Blocks that jump to each other in any order, until the fuel is used up. */
static void
jumps(struct generator *g, unsigned depth)
{
    unsigned label = ++g->labels;
    unsigned blocks = 2 + pick(g, 4);
    unsigned fuel = 4 + pick(g, 12);
    unsigned entry = pick(g, blocks);
    unsigned p = pick(g, 4);
    unsigned outer = g->break_to;

    g->break_to = 0; /* C's break would mean another loop's */
    vg_text_add(g->ptx, "mov.u32 %%fuel, %u;\n@%%p%u bra J%u_%u;\n", fuel, p, label,
                entry);
    vg_text_add(g->c, "s->fuel = %u;\nif (s->p[%u]) goto J%u_%u;\n", fuel, p, label,
                entry);
    for (unsigned b = 0; b < blocks; b++) {
        unsigned a = pick(g, blocks + 1);
        unsigned other = pick(g, blocks + 1);
        unsigned q = pick(g, 4);
        vg_text_add(g->ptx, "J%u_%u:\n", label, b);
        vg_text_add(g->c, "J%u_%u:;\n", label, b);
        unsigned n = 1 + pick(g, 4);
        for (unsigned i = 0; i < n; i++) {
            if (depth < 2 && pick(g, 4) == 0) {
                if_else(g, depth + 2);
            } else {
                operation(g);
            }
        }
        vg_text_add(g->ptx,
                    "sub.u32 %%fuel, %%fuel, 1;\nsetp.eq.s32 %%q, %%fuel, 0;\n"
                    "@%%q bra J%u_%u;\n@%%p%u bra J%u_%u;\nbra J%u_%u;\n",
                    label, blocks, q, label, a, label, other);
        vg_text_add(g->c,
                    "if (--s->fuel == 0) goto J%u_%u;\nif (s->p[%u]) goto J%u_%u;\n"
                    "goto J%u_%u;\n",
                    label, blocks, q, label, a, label, other);
    }
    vg_text_add(g->ptx, "J%u_%u:\n", label, blocks);
    vg_text_add(g->c, "J%u_%u:;\n", label, blocks);
    g->break_to = outer;
}

static void
statements(struct generator *g, unsigned depth)
{
    unsigned n = 1 + pick(g, depth == 0 ? 12 : 5);

    for (unsigned i = 0; i < n && g->budget > 0; i++) {
        uint32_t kind = depth < 3 ? pick(g, 20) : 19;
        g->budget--;
        switch (kind) {
        case 0:
        case 1:
            if_else(g, depth);
            break;
        case 2:
        case 3:
            loop(g, depth);
            break;
        case 4:
            if (g->loop_depth == 0) { /* one fuel tank */
                jumps(g, depth);
            }
            break;
        case 5:
            leave_loop(g);
            break;
        case 6:
            leave_kernel(g);
            break;
        default:
            operation(g);
            break;
        }
    }
}

/* Each thread's statements between two collective operations. */
static void
thread_part(struct generator *g, struct vg_text *driver)
{
    unsigned part = ++g->labels;

    vg_text_add(g->c,
                "static void\npart_%u_%u(struct state *s, const uint32_t *in)\n"
                "{\n(void)in;\n",
                g->number, part);
    statements(g, 0);
    vg_text_add(g->c, "}\n");
    vg_text_add(driver, "EACH part_%u_%u(&s[t], in);\n", g->number, part);
}

/* The thread's word, a barrier, a word of another thread, a barrier. */
static void
exchange(struct generator *g, struct vg_text *driver)
{
    unsigned value = pick(g, 8);
    unsigned index = pick(g, 8);
    unsigned result = pick(g, 8);

    vg_text_add(g->ptx,
                "st.shared.u32 [%%mine], %%r%u;\nbar.sync 0;\nand.b32 %%t0, %%r%u, 63;\n"
                "shl.b32 %%t0, %%t0, 2;\nadd.u32 %%t0, %%t0, %%sm;\n"
                "ld.shared.u32 %%r%u, [%%t0];\nbar.sync 0;\n",
                value, index, result);
    vg_text_add(driver,
                "EACH sm[t] = s[t].r[%u];\nEACH s[t].r[%u] = sm[s[t].r[%u] & 63];\n",
                value, result, index);
}

static void
shuffle(struct generator *g, struct vg_text *driver)
{
    unsigned value = pick(g, 8);
    unsigned result = pick(g, 8);
    unsigned step = pick(g, 32);

    switch (pick(g, 4)) {
    case 0:
        vg_text_add(g->ptx, "shfl.sync.bfly.b32 %%r%u, %%r%u, %u, 31, -1;\n", result,
                    value, step);
        vg_text_add(driver, "EACH sm[t] = s[t].r[%u];\nEACH s[t].r[%u] = sm[t ^ %u];\n",
                    value, result, step);
        break;
    case 1:
        vg_text_add(g->ptx, "shfl.sync.down.b32 %%r%u|%%p1, %%r%u, %u, 31, -1;\n", result,
                    value, step);
        vg_text_add(driver,
                    "EACH sm[t] = s[t].r[%u];\nEACH { s[t].p[1] = t %% 32 + %u < 32; "
                    "s[t].r[%u] = sm[s[t].p[1] ? t + %u : t]; }\n",
                    value, step, result, step);
        break;
    case 2:
        vg_text_add(g->ptx, "shfl.sync.idx.b32 %%r%u, %%r%u, %%r%u, 31, -1;\n", result,
                    value, (value + 1) % 8);
        vg_text_add(driver,
                    "EACH sm[t] = s[t].r[%u];\nEACH s[t].r[%u] = "
                    "sm[(t & 32) + (s[t].r[%u] & 31)];\n",
                    value, result, (value + 1) % 8);
        break;
    default:
        vg_text_add(g->ptx, "vote.sync.ballot.b32 %%r%u, %%p%u, -1;\n", result, step % 4);
        vg_text_add(
            driver,
            "sm[0] = sm[32] = 0;\nEACH sm[t & 32] |= (s[t].p[%u] & 1) << (t & 31);\n"
            "EACH s[t].r[%u] = sm[t & 32];\n",
            step % 4, result);
        break;
    }
}

static void
add_prologue(struct vg_text *ptx)
{
    vg_text_add(ptx,
                ".version 9.1\n.target sm_80\n.address_size 64\n"
                ".shared .align 4 .b8 shared[256];\n"
                ".visible .entry k(.param .u64 p_in, .param .u64 p_out)\n{\n"
                ".reg .pred %%p<4>, %%q;\n.reg .b16 %%u<4>;\n"
                ".reg .b32 %%r<8>, %%t<4>, %%i<4>, %%fuel, %%sm, %%mine, %%me;\n"
                ".reg .b64 %%d<4>, %%v<4>, %%in, %%out, %%loc, %%at;\n.reg .f32 %%f<4>;\n"
                ".local .align 4 .b8 local[64];\n"
                "ld.param.u64 %%in, [p_in];\nld.param.u64 %%out, [p_out];\n"
                "mov.u32 %%me, %%tid.x;\nmov.u32 %%sm, shared;\n"
                "mad.lo.u32 %%mine, %%me, 4, %%sm;\nmov.u64 %%loc, local;\n"
                "mul.wide.u32 %%at, %%me, 128;\nadd.s64 %%at, %%at, %%in;\n");
    for (int i = 0; i < 8; i++) {
        vg_text_add(ptx, "ld.global.u32 %%r%d, [%%at+%d];\n", i, i * 4);
    }
    for (int i = 0; i < 4; i++) {
        vg_text_add(ptx,
                    "ld.global.u64 %%d%d, [%%at+%d];\nld.global.f32 %%f%d, [%%at+%d];\n"
                    "ld.global.u32 %%t0, [%%at+%d];\nand.b32 %%t0, %%t0, 1;\n"
                    "setp.ne.s32 %%p%d, %%t0, 0;\n",
                    i, 32 + i * 8, i, 64 + i * 4, 80 + i * 4, i);
    }
    for (int i = 0; i < 16; i++) {
        vg_text_add(ptx, "mov.u32 %%t0, %d;\nst.local.u32 [%%loc+%d], %%t0;\n", i * 77,
                    i * 4);
    }
}

static void
add_epilogue(struct vg_text *ptx)
{
    vg_text_add(ptx,
                "STORE:\nmul.wide.u32 %%at, %%me, 128;\nadd.s64 %%at, %%at, %%out;\n");
    for (int i = 0; i < 8; i++) {
        vg_text_add(ptx, "st.global.u32 [%%at+%d], %%r%d;\n", i * 4, i);
    }
    for (int i = 0; i < 4; i++) {
        vg_text_add(ptx,
                    "st.global.u64 [%%at+%d], %%d%d;\nst.global.f32 [%%at+%d], %%f%d;\n"
                    "selp.u32 %%t0, 1, 0, %%p%d;\nst.global.u32 [%%at+%d], %%t0;\n",
                    32 + i * 8, i, 64 + i * 4, i, i, 80 + i * 4);
    }
    vg_text_add(
        ptx, "ld.local.u32 %%t0, [%%loc+20];\nst.global.u32 [%%at+96], %%t0;\nret;\n}\n");
}

void
vg_generate(uint64_t seed, unsigned number, struct vg_text *out_ptx,
            struct vg_text *out_c)
{
    static struct vg_text driver;
    unsigned rounds;
    struct generator g = {
        .random = seed | 1, .number = number, .ptx = out_ptx, .c = out_c, .budget = 45
    };

    for (int i = 0; i < 8; i++) {
        (void)pick(&g, 2);
    }
    unsigned parts = 1 + pick(&g, 4);
    bool looped = parts > 1 && pick(&g, 3) == 0; /* the same parts twice or thrice */
    g.may_leave = parts == 1;
    rounds = looped ? 2 + pick(&g, 2) : 1;
    vg_text_clear(out_ptx);
    vg_text_clear(out_c);
    vg_text_clear(&driver);
    add_prologue(out_ptx);
    vg_text_add(&driver, "for (int round = 0; round < %u; round++) {\n", rounds);
    if (looped) {
        vg_text_add(out_ptx, "mov.u32 %%i3, %u;\nROUND:\n", rounds);
    }
    for (unsigned part = 0; part < parts; part++) {
        if (part > 0) {
            if (pick(&g, 2) == 0) {
                exchange(&g, &driver);
            } else {
                shuffle(&g, &driver);
            }
        }
        thread_part(&g, &driver);
    }
    if (looped) {
        vg_text_add(out_ptx, "sub.u32 %%i3, %%i3, 1;\nsetp.ne.s32 %%q, %%i3, 0;\n"
                             "@%%q bra ROUND;\n");
    }
    add_epilogue(out_ptx);
    vg_text_add(&driver, "}\n");
    vg_text_add(out_c,
                "void\nkernel_%u(const uint32_t *in, uint32_t *out)\n{\n"
                "struct state s[THREADS];\nuint32_t sm[THREADS];\nstart(s, in);\n%s"
                "finish(s, out);\n}\n",
                number, driver.bytes);
}
