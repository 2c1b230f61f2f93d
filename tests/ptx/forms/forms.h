/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * forms - one test per PTX instruction form, against a reference of its own.
 *
 * A plain form is a row: the instruction, the kinds of its operands and a C function that
 * says what one lane must get, written from the PTX manual. The runner builds a kernel
 * around the instruction, runs it over the operands' edge values and compares every lane
 * (plain, guarded, under divergence, with uniform operands, with an immediate, with the
 * destination equal to the first source). What a row cannot say (memory, control flow,
 * warp-wide operations) is a kernel test: a function with its own kernel.
 *
 * Nothing here shares code with the interpreter.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_form;

/*
 * What one lane must get. @in: the operands' bits, zero extended. @out: bits per output;
 * for kinds A x y U the bits of a double. Return: false when the manual leaves the result
 * open.
 */
typedef bool vg_form_ref(const struct vg_form *form, const uint64_t *in, uint64_t *out);

enum vg_form_flag {
    VG_FORM_SEVERAL = 1,      /* several instructions: no guard variant */
    VG_FORM_NO_IMMEDIATE = 2, /* the last operand must be a register */
    VG_FORM_LIGHT = 4,        /* fewer values */
};

#define VG_FORM_MAX_IN  5
#define VG_FORM_MAX_OUT 4

/*
 * Operand kinds of a shape such as "r=rr" (outputs first):
 *   p predicate, h r d: 16, 32, 64 bits; s: a shift amount, c: a position or length
 *   (32 bits), n: a prmt selector; H B F D: f16, bf16, f32, f64; P Q: f16x2, bf16x2;
 *   A, x, y, U (outputs): f32, f16, bf16 that may be off by form->ulp, and an f64 of
 * which only the upper word is there, off by as much in that word. Outputs of kinds H B F
 * D P Q A x y U compare NaN as a class.
 */
struct vg_form {
    char name[128]; /* the form that is covered; several: separated by '\n' */
    char text[400]; /* the instruction with %o0.. and %a0..; empty: built from the name */
    char shape[12];
    vg_form_ref *ref;
    int p[6]; /* parameters of ref */
    double ulp;
    unsigned flags;
};

struct vg_forms; /* one run of the tests */

/* Tells the run that the form under test is wrong; the first message is kept. */
__attribute__((format(printf, 2, 3))) void
vg_forms_fail(struct vg_forms *forms, const char *format, ...);

/* A kernel test runs one or more kernels and calls vg_forms_fail(). @arg is its own. */
struct vg_kernel_test {
    const char *forms; /* the forms covered, separated by '\n' */
    void (*run)(struct vg_forms *forms, const struct vg_kernel_test *test);
    int arg;
    const char *text;
};

#define VG_LAUNCH_BUFFER 65536

/*
 * A launch of hand-written PTX. @decls stands before the entry, @body inside it with
 * these at hand: parameters p_in, p_out (.u64), p_n (.u32), p_x (16 bytes, align 8, from
 * @extra); registers %in, %out (.b64, loaded), %me, %lane (.b32, loaded), %p<16>,
 * %h<16>, %r<64>, %d<32>, and %myin, %myout: %in and %out plus 128 bytes per thread.
 */
struct vg_launch {
    const char *decls;
    const char *body;
    unsigned blocks;                                   /* 0: 1 */
    unsigned threads;                                  /* 0: 32 */
    unsigned blocks_y, blocks_z, threads_y, threads_z; /* 0: 1 */
    unsigned dynamic_shared;
    bool whole_grid; /* all blocks alive at once */
    uint8_t extra[16];
};

enum vg_launch_result {
    VG_LAUNCH_OK,
    VG_LAUNCH_UNSUPPORTED, /* prepare refused it: the run has been told */
    VG_LAUNCH_FAILED,      /* parse error or fault: the run has been told */
    VG_LAUNCH_FAULT,       /* a fault that was asked for: see vg_forms_fault() */
};

/* The buffers that kernels see, VG_LAUNCH_BUFFER bytes each, aligned to 256. */
extern uint8_t *const vg_forms_in;
extern uint8_t *const vg_forms_out;

/* Runs it once; @out is not cleared. */
enum vg_launch_result
vg_forms_launch(struct vg_forms *forms, const struct vg_launch *launch);
/* The same, and a fault of @kind (enum vg_interp_fault_kind) must come. */
enum vg_launch_result
vg_forms_launch_fault(struct vg_forms *forms, const struct vg_launch *launch, int kind);

uint32_t vg_out32(size_t index);
uint64_t vg_out64(size_t index);
uint32_t vg_in32(size_t index);

/* Tables: each adds its rows. Implemented in table_*.c and kernels_*.c. */
void vg_forms_add(struct vg_forms *forms, const struct vg_form *form);
void vg_forms_add_kernels(struct vg_forms *forms, const struct vg_kernel_test *tests,
                          size_t count);
void vg_table_int(struct vg_forms *forms);
void vg_table_bits(struct vg_forms *forms);
void vg_table_compare(struct vg_forms *forms);
void vg_table_float(struct vg_forms *forms);
void vg_table_half(struct vg_forms *forms);
void vg_table_approx(struct vg_forms *forms);
void vg_table_cvt(struct vg_forms *forms);
void vg_table_move(struct vg_forms *forms);
void vg_table_video(struct vg_forms *forms);
void vg_kernels_memory(struct vg_forms *forms);
void vg_kernels_control(struct vg_forms *forms);
void vg_kernels_warp(struct vg_forms *forms);
void vg_kernels_tensor(struct vg_forms *forms);
void vg_kernels_matrix(struct vg_forms *forms);
void vg_kernels_wmma(struct vg_forms *forms);
void vg_kernels_atomic(struct vg_forms *forms);

/* Values for one operand kind: how many edges there are, and the i-th value, which is
 * pseudo-random from the number of edges on. */
size_t vg_values_edges(char kind);
uint64_t vg_value(char kind, uint64_t index);
uint64_t vg_random(uint64_t seed);

/* The run. */
enum vg_form_state {
    VG_FORM_PASSED,
    VG_FORM_FAILED,
    VG_FORM_UNSUPPORTED,
};

struct vg_forms_item {
    const char *name;
    const struct vg_form *form;          /* either this */
    const struct vg_kernel_test *kernel; /* or this */
    enum vg_form_state state;
    char message[512];
};

struct vg_forms *vg_forms_create(bool quick);
void vg_forms_destroy(struct vg_forms *forms);
size_t vg_forms_count(const struct vg_forms *forms);
/* Runs item @index; the answer stays valid until it is run again. */
const struct vg_forms_item *vg_forms_run(struct vg_forms *forms, size_t index);
/* Runs row @index with the first @from of its instruction's name replaced by @to, against
 * the row's own reference: a test of the test. False: there is no @from, or the changed
 * instruction does not exist; else @out_noticed tells whether the test failed. */
bool vg_forms_run_spoiled(struct vg_forms *forms, size_t index, const char *from,
                          const char *to, bool *out_noticed);
const struct vg_forms_item *vg_forms_item(const struct vg_forms *forms, size_t index);
