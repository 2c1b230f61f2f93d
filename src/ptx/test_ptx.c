/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unit tests of the parser: one behaviour each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ptx/limits.h"
#include "ptx/ptx.h"

#define HEAD  ".version 8.5\n.target sm_80\n.address_size 64\n"
#define ENTRY HEAD ".visible .entry k(.param .u64 a, .param .u32 n)\n"

static struct vg_ptx_module *
parse(const char *text)
{
    struct vg_ptx_module *module = NULL;
    struct vg_ptx_diag diag = { 0 };
    int r = vg_ptx_module_parse(text, strlen(text), &module, &diag);

    for (uint32_t i = 0; r == 0 && i < module->n_funcs; i++) {
        r = vg_ptx_func_parse(module, &module->funcs[i], &diag);
    }
    if (r != 0) {
        print_error("line %u: %s\n", diag.line, diag.message);
    }
    assert_int_equal(r, 0);
    return module;
}

/* Parses @body inside an entry k(a, n). */
static struct vg_ptx_module *
parse_body(const char *body)
{
    char text[8192];

    assert_true(snprintf(text, sizeof(text), ENTRY "{\n%s\n}\n", body) <
                (int)sizeof(text));
    return parse(text);
}

static int
refuse(const char *text, struct vg_ptx_diag *diag)
{
    struct vg_ptx_module *module = NULL;
    int r = vg_ptx_module_parse(text, strlen(text), &module, diag);

    for (uint32_t i = 0; r == 0 && i < module->n_funcs; i++) {
        r = vg_ptx_func_parse(module, &module->funcs[i], diag);
    }
    if (module != NULL) {
        vg_ptx_module_destroy(module);
    }
    return r;
}

static const struct vg_ptx_insn *
insn_at(const struct vg_ptx_module *module, uint32_t number)
{
    assert_true(number < module->funcs[0].n_insns);
    return &module->funcs[0].insns[number];
}

static void
assert_form(const struct vg_ptx_insn *insn, const char *expected)
{
    char form[256];

    vg_ptx_insn_form(insn, form, sizeof(form));
    assert_string_equal(form, expected);
}

static void
header_is_read(void **state)
{
    struct vg_ptx_module *module =
        parse(".version 9.9\n.target sm_90a, debug\n.address_size 64\n");

    (void)state;
    assert_int_equal(module->version_major, 9);
    assert_int_equal(module->version_minor, 9);
    assert_string_equal(module->target, "sm_90a");
    assert_int_equal(module->target_sm, 90);
    assert_int_equal(module->address_size, 64);
    vg_ptx_module_destroy(module);
}

static void
text_may_begin_with_blanks_and_comments(void **state)
{
    (void)state;
    vg_ptx_module_destroy(parse("\n\t /* .entry { */ // \"\n" HEAD));
}

static void
what_does_not_begin_with_version_is_not_ptx(void **state)
{
    static const char *const texts[] = {
        "", "\n", ".target sm_80\n", "\177ELF\2\1\1", "/* open", "hello", ".versions 1.0",
    };
    struct vg_ptx_diag diag;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(refuse(texts[i], &diag), VG_PTX_NOT_PTX);
    }
}

static void
text_ends_at_a_nul(void **state)
{
    static const char text[] = HEAD "\0garbage";
    struct vg_ptx_module *module;
    struct vg_ptx_diag diag;

    (void)state;
    assert_int_equal(vg_ptx_module_parse(text, sizeof(text), &module, &diag), 0);
    vg_ptx_module_destroy(module);
}

static void
params_get_their_places(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".entry k(.param .u8 a, .param .align 8 .b8 s[12], .param .u64 .ptr "
                   ".align 1 p, .param .u32 .ptr .global .align 16 q, .param .v4 .f32 v)"
                   "{ ret; }");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->n_params, 5);
    assert_int_equal(func->params[0].offset, 0);
    assert_int_equal(func->params[1].offset, 8);
    assert_int_equal(func->params[1].size, 12);
    assert_int_equal(func->params[2].offset, 24);
    assert_true(func->params[2].is_ptr);
    assert_string_equal(func->params[2].name, "p");
    assert_int_equal(func->params[3].offset, 32);
    assert_int_equal(func->params[4].offset, 48);
    assert_int_equal(func->param_size, 64);
    vg_ptx_module_destroy(module);
}

static void
directives_of_an_entry_are_read(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".entry k()\n.maxntid 128, 2\n.minnctapersm 3\n.maxnreg 64\n"
                   ".pragma \"nounroll\";\n.explicitcluster\n{ ret; }"
                   ".entry j .reqntid 32, 1, 4 { ret; }");

    (void)state;
    assert_int_equal(module->funcs[0].maxntid[0], 128);
    assert_int_equal(module->funcs[0].maxntid[1], 2);
    assert_int_equal(module->funcs[0].maxntid[2], 1);
    assert_int_equal(module->funcs[0].minnctapersm, 3);
    assert_int_equal(module->funcs[0].maxnreg, 64);
    assert_int_equal(module->funcs[1].reqntid[2], 4);
    vg_ptx_module_destroy(module);
}

static void
initialisers_become_bytes(void **state)
{
    static const uint8_t grid[] = { 1, 0, 2, 0, 3, 0, 0, 0, 255, 255, 0, 0 };
    struct vg_ptx_module *module =
        parse(HEAD ".global .u16 grid[2][3] = {{1, 2, 3}, {0, -1}};\n"
                   ".global .f64 n = -1.5;\n"
                   ".const .f32 f[] = {1e-3, 0f3F800000, -2, 0d4000000000000000};\n"
                   ".global .align 4 .b8 text[4] = {104, 0x69, 0};\n");
    double n;
    float f[4];

    (void)state;
    assert_int_equal(module->vars[0].size, 12);
    assert_memory_equal(module->vars[0].init, grid, sizeof(grid));
    memcpy(&n, module->vars[1].init, sizeof(n));
    assert_true(n == -1.5);
    assert_int_equal(module->vars[2].size, 16);
    memcpy(f, module->vars[2].init, sizeof(f));
    assert_true(f[0] == 1e-3f && f[1] == 1.0f && f[2] == -2.0f && f[3] == 2.0f);
    assert_string_equal((const char *)module->vars[3].init, "hi");
    vg_ptx_module_destroy(module);
}

static void
initialisers_hold_addresses(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".func f(.param .u32 a) { ret; }\n.global .u32 x = 7;\n"
                   ".global .u64 t[4] = {0, generic(x)+8, f, x+-4};\n");
    const struct vg_ptx_var *var = vg_ptx_find_var(module, "t");

    (void)state;
    assert_non_null(var);
    assert_int_equal(var->n_relocs, 3);
    assert_int_equal(var->relocs[0].offset, 8);
    assert_int_equal(var->relocs[0].var, 0);
    assert_int_equal(var->relocs[0].addend, 8);
    assert_true(var->relocs[0].generic);
    assert_int_equal(var->relocs[1].func, 0);
    assert_int_equal(var->relocs[1].var, UINT32_MAX);
    assert_int_equal(var->relocs[2].addend, -4);
    assert_int_equal(var->relocs[2].size, 8);
    vg_ptx_module_destroy(module);
}

static void
names_are_found(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".extern .shared .align 16 .b8 smem[];\n.global .u32 x;\n"
                   ".visible .entry k() { ret; }");

    (void)state;
    assert_ptr_equal(vg_ptx_find_var(module, "x"), &module->vars[1]);
    assert_ptr_equal(vg_ptx_find_func(module, "k"), &module->funcs[0]);
    assert_null(vg_ptx_find_var(module, "k"));
    assert_null(vg_ptx_find_func(module, "x"));
    assert_null(vg_ptx_find_func(module, ""));
    assert_true(module->vars[0].is_unsized);
    assert_int_equal(module->vars[0].align, 16);
    vg_ptx_module_destroy(module);
}

static void
constants_are_read(void **state)
{
    struct vg_ptx_module *module = parse_body(
        ".reg .f64 d; .reg .f32 f; .reg .b32 r; .reg .b64 x;\n"
        "mov.f64 d, -1.5; mov.f32 f, 0fBF800000; mov.f64 d, -0.0; mov.b32 r, -1;\n"
        "mov.b64 x, 0xFFFFFFFFFFFFFFFFU; mov.b32 r, 017; mov.b32 r, 0b101;\n"
        "mov.f64 d, -0d3FF0000000000000; mov.b32 r, WARP_SZ; mov.f64 d, 1e-3;");
    const uint64_t bits[] = {
        0xbff8000000000000, 0xbf800000, 0x8000000000000000, UINT64_MAX, UINT64_MAX, 15, 5,
        0xbff0000000000000, 32,         0x3f50624dd2f1a9fc,
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        assert_true(insn_at(module, i)->operands[1].bits == bits[i]);
    }
    assert_true(insn_at(module, 1)->operands[1].is_single);
    assert_int_equal(insn_at(module, 2)->operands[1].kind, VG_PTX_OPERAND_FLOAT);
    assert_int_equal(insn_at(module, 3)->operands[1].kind, VG_PTX_OPERAND_INT);
    vg_ptx_module_destroy(module);
}

static void
expressions_are_evaluated(void **state)
{
    static const int64_t expected[] = { 7, 9, 1, -8, 5, 4, -2, 256, 6, 1, 12 };
    struct vg_ptx_module *module = parse_body(
        ".reg .b64 x;\n"
        "mov.b64 x, 1+2*3; mov.b64 x, (1+2)*3; mov.b64 x, 7-4-2; mov.b64 x, -(2<<2);\n"
        "mov.b64 x, 1|4; mov.b64 x, 100/5/5; mov.b64 x, ~1; mov.b64 x, 1 << 2*4;\n"
        "mov.b64 x, (((6))); mov.b64 x, (!0); ld.b64 x, [x+4*2+4];");

    (void)state;
    for (uint32_t i = 0; i < 11; i++) {
        const struct vg_ptx_operand *operand = &insn_at(module, i)->operands[1];
        assert_int_equal(i < 10 ? (int64_t)operand->bits : operand->offset, expected[i]);
    }
    vg_ptx_module_destroy(module);
}

static void
mnemonics_are_decoded(void **state)
{
    struct vg_ptx_module *module =
        parse_body(".reg .b32 %r<9>; .reg .b64 %rd<9>; .reg .f32 %f<9>;\n"
                   "fma.rn.ftz.f32 %f1, %f2, %f3, %f4;\n"
                   "ld.global.nc.v4.f32 {%f1, %f2, _, %f4}, [%rd1+-16];\n"
                   "cp.async.cg.shared.global.L2::128B [%r1], [%rd2], 16;\n");
    const struct vg_ptx_insn *fma = insn_at(module, 0);
    const struct vg_ptx_insn *load = insn_at(module, 1);

    (void)state;
    assert_int_equal(fma->op, VG_PTX_OP_FMA);
    assert_int_equal(fma->n_types, 1);
    assert_int_equal(fma->types[0], VG_PTX_F32);
    assert_true(vg_ptx_has(fma, VG_PTX_MOD_RN));
    assert_true(vg_ptx_has(fma, VG_PTX_MOD_FTZ));
    assert_false(vg_ptx_has(fma, VG_PTX_MOD_SAT));
    assert_int_equal(load->space, VG_PTX_GLOBAL);
    assert_int_equal(load->vector, 4);
    assert_int_equal(load->operands[0].kind, VG_PTX_OPERAND_VECTOR);
    assert_int_equal(load->operands[0].count, 4);
    assert_int_equal(load->operands[0].elems[2].kind, VG_PTX_OPERAND_SINK);
    assert_int_equal(load->operands[1].kind, VG_PTX_OPERAND_ADDRESS);
    assert_int_equal(load->operands[1].offset, -16);
    assert_form(insn_at(module, 2), "cp.async.cg.shared.global.L2::128B");
    assert_int_equal(insn_at(module, 2)->space, VG_PTX_SHARED);
    vg_ptx_module_destroy(module);
}

static void
unknown_instructions_are_kept_by_name(void **state)
{
    struct vg_ptx_module *module =
        parse_body(".reg .b32 %r<3>;\nfrobnicate.x::y.b32 %r1, [%r2], {%r1, 3};\n"
                   "add.future.s32 %r1, %r2, 1;");

    (void)state;
    assert_int_equal(insn_at(module, 0)->op, VG_PTX_OP_UNKNOWN);
    assert_string_equal(insn_at(module, 0)->text, "frobnicate.x::y.b32");
    assert_int_equal(insn_at(module, 0)->n_operands, 3);
    assert_int_equal(insn_at(module, 1)->op, VG_PTX_OP_UNKNOWN);
    assert_form(insn_at(module, 1), "add.future.s32");
    vg_ptx_module_destroy(module);
}

static void
guards_and_labels_are_resolved(void **state)
{
    struct vg_ptx_module *module =
        parse_body(".reg .pred p, q;\nL: @p bra M;\n@!q bra.uni L;\nM:\n");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->n_insns, 2);
    assert_int_equal(func->n_labels, 2);
    assert_int_equal(func->insns[0].guard, 0);
    assert_false(func->insns[0].guard_negated);
    assert_int_equal(func->insns[0].operands[0].kind, VG_PTX_OPERAND_LABEL);
    assert_int_equal(func->insns[0].operands[0].target, 2);
    assert_int_equal(func->insns[1].guard, 1);
    assert_true(func->insns[1].guard_negated);
    assert_int_equal(func->insns[1].operands[0].target, 0);
    vg_ptx_module_destroy(module);
}

static void
labels_belong_to_their_scope(void **state)
{
    struct vg_ptx_module *module =
        parse_body("{ bra L; L: }\nL: bra L; { bra L; trap; { L: bra L; } }");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->insns[0].operands[0].target, 1);
    assert_int_equal(func->insns[1].operands[0].target, 1);
    assert_int_equal(func->insns[2].operands[0].target, 1);
    assert_int_equal(func->insns[4].operands[0].target, 4);
    assert_string_not_equal(func->labels[0].name, func->labels[1].name);
    assert_string_not_equal(func->labels[1].name, func->labels[2].name);
    vg_ptx_module_destroy(module);
}

static void
inner_registers_hide_outer_ones(void **state)
{
    struct vg_ptx_module *module =
        parse_body(".reg .pred %p<3>; .reg .b32 r;\n"
                   "mov.b32 r, 1;\n"
                   "{ .reg .b16 r; .reg .pred %p1; mov.b16 r, 2; mov.pred %p1, %p2; }\n"
                   "mov.b32 r, 3; mov.pred %p1, %p2;");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->n_regs, 6);
    assert_int_equal(func->insns[0].operands[0].reg, 3);
    assert_int_equal(func->insns[1].operands[0].reg, 4);
    assert_int_equal(func->regs[4].type, VG_PTX_B16);
    assert_string_not_equal(func->regs[4].name, "r");
    assert_int_equal(func->insns[2].operands[0].reg, 5);
    assert_int_equal(func->insns[2].operands[1].reg, 2);
    assert_int_equal(func->insns[3].operands[0].reg, 3);
    assert_int_equal(func->insns[4].operands[0].reg, 1);
    vg_ptx_module_destroy(module);
}

static void
registers_of_ended_scopes_are_used_again(void **state)
{
    struct vg_ptx_module *module =
        parse_body("{ .reg .f16 low, high; mov.b16 low, 1; }\n"
                   "{ .reg .f16 low, high; mov.b16 high, 2; }\n"
                   "{ .reg .b32 low; mov.b32 low, 3; }\n");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->n_regs, 3);
    assert_int_equal(func->insns[1].operands[0].reg, 1);
    assert_int_equal(func->insns[2].operands[0].reg, 2);
    vg_ptx_module_destroy(module);
}

static void
ranges_behind_a_digit_are_registers_of_their_own(void **state)
{
    struct vg_ptx_module *module =
        parse_body(".reg .b32 r<3>; .reg .b32 r1<3>;\nmov.b32 r2, r12;");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->n_regs, 6);
    assert_int_equal(func->insns[0].operands[0].reg, 2);
    assert_int_equal(func->insns[0].operands[1].reg, 5);
    vg_ptx_module_destroy(module);
}

static void
symbols_are_found_where_they_live(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".global .u32 g;\n.entry k(.param .u64 p) {\n"
                   ".shared .align 8 .b8 s[16]; .reg .b64 x; .reg .b32 r;\n"
                   "mov.u64 x, g; mov.u64 x, s+4; ld.param.u64 x, [p+0];\n"
                   "st.shared.u32 [s+8], r; ld.u32 r, [64]; mov.u32 r, %ctaid.y;\n"
                   "mov.u32 r, %envreg3; mov.b64 x, p; }");
    const struct vg_ptx_operand *at[8];

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        at[i] = &insn_at(module, i)->operands[i == 3 ? 0 : 1];
    }
    assert_int_equal(at[0]->kind, VG_PTX_OPERAND_VAR);
    assert_int_equal(at[0]->scope, VG_PTX_SCOPE_MODULE);
    assert_int_equal(at[1]->scope, VG_PTX_SCOPE_FUNC);
    assert_int_equal(at[1]->offset, 4);
    assert_int_equal(at[2]->base_kind, VG_PTX_BASE_VAR);
    assert_int_equal(at[2]->scope, VG_PTX_SCOPE_PARAM);
    assert_int_equal(at[3]->scope, VG_PTX_SCOPE_FUNC);
    assert_int_equal(at[3]->offset, 8);
    assert_int_equal(at[4]->base_kind, VG_PTX_BASE_INT);
    assert_int_equal(at[4]->offset, 64);
    assert_int_equal(at[5]->sreg, VG_PTX_SREG_CTAID);
    assert_int_equal(at[5]->component, 1);
    assert_int_equal(at[6]->sreg, VG_PTX_SREG_ENVREG);
    assert_int_equal(at[6]->component, 3);
    assert_int_equal(at[7]->scope, VG_PTX_SCOPE_PARAM);
    vg_ptx_module_destroy(module);
}

static void
calls_have_three_operands(void **state)
{
    struct vg_ptx_module *module = parse(
        HEAD ".entry k() {\n.reg .b32 r; .reg .b64 x;\n"
             "{ .param .b32 ret0; .param .b64 p0;\n"
             "call.uni (ret0), f, (p0);\nld.param.b32 r, [ret0]; }\n"
             "call g;\n"
             "proto: .callprototype (.param .b32 _) _ (.param .b64 _);\n"
             "{ .param .b32 ret0; .param .b64 p0;\ncall (ret0), x, (p0), proto; }\n}\n"
             ".extern .func (.param .b32 o) f(.param .b64 a);\n.func g() { ret; }\n");
    const struct vg_ptx_insn *direct = insn_at(module, 0);
    const struct vg_ptx_insn *plain = insn_at(module, 2);
    const struct vg_ptx_insn *indirect = insn_at(module, 3);

    (void)state;
    assert_int_equal(direct->n_operands, 3);
    assert_int_equal(direct->operands[0].kind, VG_PTX_OPERAND_LIST);
    assert_int_equal(direct->operands[0].count, 1);
    assert_int_equal(direct->operands[0].elems[0].scope, VG_PTX_SCOPE_FUNC);
    assert_int_equal(direct->operands[1].kind, VG_PTX_OPERAND_FUNC);
    assert_string_equal(module->funcs[direct->operands[1].func].name, "f");
    assert_int_equal(direct->operands[2].count, 1);
    assert_int_equal(plain->n_operands, 3);
    assert_int_equal(plain->operands[0].count, 0);
    assert_int_equal(plain->operands[2].count, 0);
    assert_int_equal(indirect->n_operands, 4);
    assert_int_equal(indirect->operands[1].kind, VG_PTX_OPERAND_REG);
    assert_int_equal(indirect->operands[3].kind, VG_PTX_OPERAND_PROTOTYPE);
    assert_true(module->funcs[1].is_declaration);
    vg_ptx_module_destroy(module);
}

static void
branch_tables_are_resolved(void **state)
{
    struct vg_ptx_module *module = parse_body(
        ".reg .b32 r;\nT: .branchtargets A, B;\nbrx.idx r, T;\nA: trap;\nB: ret;");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->n_targets, 1);
    assert_int_equal(func->targets[0].n_targets, 2);
    assert_int_equal(func->targets[0].targets[0], 1);
    assert_int_equal(func->targets[0].targets[1], 2);
    assert_int_equal(func->insns[0].operands[1].kind, VG_PTX_OPERAND_TARGETS);
    vg_ptx_module_destroy(module);
}

static void
reg_parameters_are_registers(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".func (.reg .b32 out) f(.reg .b32 a, .param .b32 b)\n"
                   "{ .reg .b32 t; ld.param.b32 t, [b]; add.s32 out, a, t; ret; }");
    const struct vg_ptx_func *func = &module->funcs[0];

    (void)state;
    assert_int_equal(func->returns[0].reg, 0);
    assert_int_equal(func->params[0].reg, 1);
    assert_int_equal(func->insns[1].operands[0].reg, 0);
    assert_int_equal(func->insns[1].operands[1].reg, 1);
    vg_ptx_module_destroy(module);
}

static void
debug_information_is_skipped(void **state)
{
    struct vg_ptx_module *module =
        parse(HEAD ".file 1 \"a\\ {.cu\", 12, 34\n.section .debug_str {\n.b8 1\n}\n"
                   ".entry k() {\n.loc 1 2 3, function_name $L, inlined_at 1 2 3\n"
                   ".pragma \"used_bytes_mask 15\";\nret;\n}\n");

    (void)state;
    assert_int_equal(module->funcs[0].n_insns, 1);
    assert_int_equal(module->funcs[0].insns[0].line, 11);
    vg_ptx_module_destroy(module);
}

static void
bodies_are_parsed_on_demand(void **state)
{
    static const char text[] = HEAD ".entry bad() { nonsense here }\n"
                                    ".entry good() { ret; }\n";
    struct vg_ptx_module *module;
    struct vg_ptx_diag diag;

    (void)state;
    assert_int_equal(vg_ptx_module_parse(text, sizeof(text) - 1, &module, &diag), 0);
    assert_int_equal(vg_ptx_func_parse(module, &module->funcs[1], &diag), 0);
    assert_true(module->funcs[1].is_parsed);
    assert_int_equal(vg_ptx_func_parse(module, &module->funcs[1], &diag), 0);
    assert_int_equal(vg_ptx_func_parse(module, &module->funcs[0], &diag), VG_PTX_SYNTAX);
    assert_false(module->funcs[0].is_parsed);
    vg_ptx_module_destroy(module);
}

static void
diagnosis_has_a_caret(void **state)
{
    struct vg_ptx_diag diag;
    char text[512];

    (void)state;
    assert_int_equal(refuse(ENTRY "{\n\tadd.s32 x, 1, 2;\n}\n", &diag), VG_PTX_SYNTAX);
    vg_ptx_diag_format(&diag, text, sizeof(text));
    assert_string_equal(text, "line 6, column 10: unknown name 'x'\n"
                              "   add.s32 x, 1, 2;\n"
                              "           ^\n");
}

static void
caret_stays_visible_in_long_lines(void **state)
{
    struct vg_ptx_diag diag;
    char text[4096];
    char formatted[512];

    (void)state;
    snprintf(text, sizeof(text), ENTRY "{ %1000soops.b32 x; }", "");
    assert_int_equal(refuse(text, &diag), VG_PTX_SYNTAX);
    assert_int_equal(diag.line, 5);
    assert_int_equal(diag.column, 1012);
    vg_ptx_diag_format(&diag, formatted, sizeof(formatted));
    const char *source = strchr(formatted, '\n') + 1;
    const char *caret = strchr(source, '^');
    assert_non_null(caret);
    const char *second = strchr(source, '\n') + 1;
    assert_int_equal(source[caret - second], 'x');
}

static void
depth_of_scopes_is_limited(void **state)
{
    struct vg_ptx_diag diag;
    char text[4096] = ENTRY;
    char *at = text + strlen(text);

    (void)state;
    memset(at, '{', VG_PTX_MAX_DEPTH + 1);
    memset(at + VG_PTX_MAX_DEPTH + 1, '}', VG_PTX_MAX_DEPTH + 1);
    assert_int_equal(refuse(text, &diag), VG_PTX_LIMIT);
}

static void
number_of_registers_is_limited(void **state)
{
    struct vg_ptx_diag diag;

    (void)state;
    assert_int_equal(refuse(ENTRY "{ .reg .b32 a<4000000>, b<4000000>; }", &diag),
                     VG_PTX_LIMIT);
}

static int
collect(void *user, const char *text, size_t size)
{
    char *at = user;

    assert_true(strlen(at) + size < 65536);
    strncat(at, text, size);
    return 0;
}

static int
stop(void *user, const char *text, size_t size)
{
    (void)text;
    (void)size;
    return *(int *)user;
}

static void
printing_stops_when_the_writer_does(void **state)
{
    struct vg_ptx_module *module = parse_body("ret;");
    int code = -5;

    (void)state;
    assert_int_equal(vg_ptx_module_print(module, stop, &code), -5);
    vg_ptx_module_destroy(module);
}

static void
equality_sees_a_changed_constant(void **state)
{
    struct vg_ptx_module *a = parse_body(".reg .b32 r; mov.b32 r, 1;");
    struct vg_ptx_module *b = parse_body(".reg .b32 q;\n\nmov.b32 q, 1;");
    struct vg_ptx_module *c = parse_body(".reg .b32 r; mov.b32 r, 2;");

    (void)state;
    assert_true(vg_ptx_module_equal(a, b));
    assert_false(vg_ptx_module_equal(a, c));
    vg_ptx_module_destroy(a);
    vg_ptx_module_destroy(b);
    vg_ptx_module_destroy(c);
}

static void
flattened_scopes_print_and_parse_again(void **state)
{
    struct vg_ptx_module *a = parse_body(
        ".reg .pred %p<3>; .reg .b32 r0, r1;\n"
        "{ .reg .pred %p<2>; .reg .b32 r1; mov.b32 r1, r0; mov.pred %p1, 0; }\n"
        "{ .param .b32 q; st.param.b32 [q], r1; }\n"
        "{ .param .b64 q; .reg .b64 r; st.param.b64 [q], r; L: bra L; }\n"
        "L: bra L;");
    char *text = calloc(1, 65536);

    (void)state;
    assert_non_null(text);
    assert_int_equal(vg_ptx_module_print(a, collect, text), 0);
    struct vg_ptx_module *b = parse(text);
    assert_true(vg_ptx_module_equal(a, b));
    vg_ptx_module_destroy(a);
    vg_ptx_module_destroy(b);
    free(text);
}

static void
tables_agree_with_each_other(void **state)
{
    (void)state;
    assert_string_equal(vg_ptx_op_name(VG_PTX_OP_UNKNOWN), "unknown");
    assert_string_equal(vg_ptx_op_name(VG_PTX_OP_XOR), "xor");
    assert_true(vg_ptx_op_flags(VG_PTX_OP_BRA) & VG_PTX_FLAG_BRANCH);
    assert_true(vg_ptx_op_flags(VG_PTX_OP_BAR) & VG_PTX_FLAG_CONVERGENT);
    assert_string_equal(vg_ptx_mod_name(VG_PTX_MOD_L2_64B), "L2::64B");
    assert_string_equal(vg_ptx_type_name(VG_PTX_E5M2X2), "e5m2x2");
    assert_int_equal(vg_ptx_type_bits(VG_PTX_BF16X2), 32);
    assert_int_equal(vg_ptx_type_class(VG_PTX_TF32), VG_PTX_FLOAT);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_read),
        cmocka_unit_test(text_may_begin_with_blanks_and_comments),
        cmocka_unit_test(what_does_not_begin_with_version_is_not_ptx),
        cmocka_unit_test(text_ends_at_a_nul),
        cmocka_unit_test(params_get_their_places),
        cmocka_unit_test(directives_of_an_entry_are_read),
        cmocka_unit_test(initialisers_become_bytes),
        cmocka_unit_test(initialisers_hold_addresses),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(constants_are_read),
        cmocka_unit_test(expressions_are_evaluated),
        cmocka_unit_test(mnemonics_are_decoded),
        cmocka_unit_test(unknown_instructions_are_kept_by_name),
        cmocka_unit_test(guards_and_labels_are_resolved),
        cmocka_unit_test(labels_belong_to_their_scope),
        cmocka_unit_test(inner_registers_hide_outer_ones),
        cmocka_unit_test(registers_of_ended_scopes_are_used_again),
        cmocka_unit_test(ranges_behind_a_digit_are_registers_of_their_own),
        cmocka_unit_test(symbols_are_found_where_they_live),
        cmocka_unit_test(calls_have_three_operands),
        cmocka_unit_test(branch_tables_are_resolved),
        cmocka_unit_test(reg_parameters_are_registers),
        cmocka_unit_test(debug_information_is_skipped),
        cmocka_unit_test(bodies_are_parsed_on_demand),
        cmocka_unit_test(diagnosis_has_a_caret),
        cmocka_unit_test(caret_stays_visible_in_long_lines),
        cmocka_unit_test(depth_of_scopes_is_limited),
        cmocka_unit_test(number_of_registers_is_limited),
        cmocka_unit_test(printing_stops_when_the_writer_does),
        cmocka_unit_test(equality_sees_a_changed_constant),
        cmocka_unit_test(flattened_scopes_print_and_parse_again),
        cmocka_unit_test(tables_agree_with_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
