/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kernels_tensor - mma by the fragment tables of the PTX manual (9.7.14.5), element by
 * element in double or 64-bit integers. Small integers must come out exact; random
 * numbers within what the order of additions may cost.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "soft.h"
#include "text.h"

enum element {
    E_F16,
    E_BF16,
    E_TF32,
    E_F32,
    E_S8,
    E_U8,
    E_S4,
    E_U4,
    E_E4M3,
    E_E5M2,
    E_S32
};

/* Where element @i of a lane's fragment stands. */
typedef void place(int lane, int i, int *row, int *col);

struct mma {
    const char *form;
    int m, n, k;
    enum element a, b, c;
    place *at_a, *at_b, *at_c;
    int n_a, n_b, n_c; /* elements of a fragment */
    int parts;         /* independent products in a warp */
    bool saturates;    /* .satfinite */
};

#define GROUP (lane / 4)
#define IN    (lane % 4)

static void
a_16x16(int lane, int i, int *row, int *col)
{
    *row = GROUP + ((i & 2) != 0 ? 8 : 0);
    *col = IN * 2 + (i & 1) + (i >= 4 ? 8 : 0);
}

static void
b_16x8(int lane, int i, int *row, int *col)
{
    *row = IN * 2 + (i & 1) + (i >= 2 ? 8 : 0);
    *col = GROUP;
}

static void
c_16x8(int lane, int i, int *row, int *col)
{
    *row = GROUP + (i >= 2 ? 8 : 0);
    *col = IN * 2 + (i & 1);
}

static void
a_tf32_16x8(int lane, int i, int *row, int *col)
{
    *row = GROUP + ((i & 1) != 0 ? 8 : 0);
    *col = IN + (i >= 2 ? 4 : 0);
}

static void
b_tf32_8x8(int lane, int i, int *row, int *col)
{
    *row = IN + (i == 1 ? 4 : 0);
    *col = GROUP;
}

static void
a_s8_16x16(int lane, int i, int *row, int *col)
{
    *row = GROUP + (i >= 4 ? 8 : 0);
    *col = IN * 4 + (i & 3);
}

static void
a_s8_16x32(int lane, int i, int *row, int *col)
{
    *row = GROUP + ((i & 4) != 0 ? 8 : 0);
    *col = IN * 4 + (i & 3) + (i >= 8 ? 16 : 0);
}

static void
b_s8_32x8(int lane, int i, int *row, int *col)
{
    *row = IN * 4 + (i & 3) + (i >= 4 ? 16 : 0);
    *col = GROUP;
}

static void
a_s8_8x16(int lane, int i, int *row, int *col)
{
    *row = GROUP;
    *col = IN * 4 + i;
}

static void
a_s4_8x32(int lane, int i, int *row, int *col)
{
    *row = GROUP;
    *col = IN * 8 + i;
}

static void
a_s4_16x32(int lane, int i, int *row, int *col)
{
    *row = GROUP + (i >= 8 ? 8 : 0);
    *col = IN * 8 + (i & 7);
}

static void
a_s4_16x64(int lane, int i, int *row, int *col)
{
    *row = GROUP + ((i & 8) != 0 ? 8 : 0);
    *col = IN * 8 + (i & 7) + (i >= 16 ? 32 : 0);
}

static void
b_s4_64x8(int lane, int i, int *row, int *col)
{
    *row = IN * 8 + (i & 7) + (i >= 8 ? 32 : 0);
    *col = GROUP;
}

static void
quad_a_col(int lane, int i, int *row, int *col)
{
    *row = i + (lane >= 16 ? 4 : 0);
    *col = lane % 4;
}

static void
c_8x8(int lane, int i, int *row, int *col)
{
    *row = GROUP;
    *col = IN * 2 + i;
}

static void
quad_a_row(int lane, int i, int *row, int *col)
{
    *row = lane % 4 + (lane >= 16 ? 4 : 0);
    *col = i;
}

static void
quad_b_col(int lane, int i, int *row, int *col)
{
    *row = i;
    *col = lane % 4 + (lane >= 16 ? 4 : 0);
}

static void
quad_b_row(int lane, int i, int *row, int *col)
{
    *row = lane % 4;
    *col = i + (lane >= 16 ? 4 : 0);
}

static void
quad_c_f16(int lane, int i, int *row, int *col)
{
    *row = lane % 4 + (lane >= 16 ? 4 : 0);
    *col = i;
}

static void
quad_c_f32(int lane, int i, int *row, int *col)
{
    *row = (lane & 1) + (i & 2) + (lane >= 16 ? 4 : 0);
    *col = (i & 4) + (lane & 2) + (i & 1);
}

#define MMA "mma.sync.aligned."

static const struct mma mmas[] = {
    { MMA "m16n8k16.row.col.f32.f16.f16.f32", 16, 8, 16, E_F16, E_F16, E_F32, a_16x16,
      b_16x8, c_16x8, 8, 4, 4, 1 },
    { MMA "m16n8k16.row.col.f16.f16.f16.f16", 16, 8, 16, E_F16, E_F16, E_F16, a_16x16,
      b_16x8, c_16x8, 8, 4, 4, 1 },
    { MMA "m16n8k16.row.col.f32.bf16.bf16.f32", 16, 8, 16, E_BF16, E_BF16, E_F32, a_16x16,
      b_16x8, c_16x8, 8, 4, 4, 1 },
    { MMA "m16n8k8.row.col.f32.bf16.bf16.f32", 16, 8, 8, E_BF16, E_BF16, E_F32, a_16x16,
      b_16x8, c_16x8, 4, 2, 4, 1 },
    { MMA "m16n8k8.row.col.f32.f16.f16.f32", 16, 8, 8, E_F16, E_F16, E_F32, a_16x16,
      b_16x8, c_16x8, 4, 2, 4, 1 },
    { MMA "m16n8k8.row.col.f16.f16.f16.f16", 16, 8, 8, E_F16, E_F16, E_F16, a_16x16,
      b_16x8, c_16x8, 4, 2, 4, 1 },
    { MMA "m16n8k8.row.col.f32.tf32.tf32.f32", 16, 8, 8, E_TF32, E_TF32, E_F32,
      a_tf32_16x8, b_tf32_8x8, c_16x8, 4, 2, 4, 1 },
    { MMA "m16n8k4.row.col.f32.tf32.tf32.f32", 16, 8, 4, E_TF32, E_TF32, E_F32,
      a_tf32_16x8, b_tf32_8x8, c_16x8, 2, 1, 4, 1 },
    { MMA "m16n8k16.row.col.s32.s8.s8.s32", 16, 8, 16, E_S8, E_S8, E_S32, a_s8_16x16,
      b_s8_32x8, c_16x8, 8, 4, 4, 1 },
    { MMA "m16n8k16.row.col.s32.u8.s8.s32", 16, 8, 16, E_U8, E_S8, E_S32, a_s8_16x16,
      b_s8_32x8, c_16x8, 8, 4, 4, 1 },
    { MMA "m16n8k32.row.col.s32.s8.s8.s32", 16, 8, 32, E_S8, E_S8, E_S32, a_s8_16x32,
      b_s8_32x8, c_16x8, 16, 8, 4, 1 },
    { MMA "m16n8k32.row.col.s32.u8.u8.s32", 16, 8, 32, E_U8, E_U8, E_S32, a_s8_16x32,
      b_s8_32x8, c_16x8, 16, 8, 4, 1 },
    { MMA "m8n8k16.row.col.s32.s8.s8.s32", 8, 8, 16, E_S8, E_S8, E_S32, a_s8_8x16,
      b_s8_32x8, c_8x8, 4, 4, 2, 1 },
    { MMA "m8n8k4.row.col.f32.f16.f16.f32", 8, 8, 4, E_F16, E_F16, E_F32, quad_a_row,
      quad_b_col, quad_c_f32, 4, 4, 8, 4 },
    { MMA "m8n8k4.row.row.f16.f16.f16.f16", 8, 8, 4, E_F16, E_F16, E_F16, quad_a_row,
      quad_b_row, quad_c_f16, 4, 4, 8, 4 },
    { MMA "m8n8k4.col.row.f32.f16.f16.f32", 8, 8, 4, E_F16, E_F16, E_F32, quad_a_col,
      quad_b_row, quad_c_f32, 4, 4, 8, 4 },
    { MMA "m8n8k4.col.col.f16.f16.f16.f16", 8, 8, 4, E_F16, E_F16, E_F16, quad_a_col,
      quad_b_col, quad_c_f16, 4, 4, 8, 4 },
    { MMA "m8n8k16.row.col.s32.u8.s8.s32", 8, 8, 16, E_U8, E_S8, E_S32, a_s8_8x16,
      b_s8_32x8, c_8x8, 4, 4, 2, 1 },
    { MMA "m16n8k32.row.col.satfinite.s32.s8.s8.s32", 16, 8, 32, E_S8, E_S8, E_S32,
      a_s8_16x32, b_s8_32x8, c_16x8, 16, 8, 4, 1, true },
    { MMA "m8n8k32.row.col.s32.s4.s4.s32", 8, 8, 32, E_S4, E_S4, E_S32, a_s4_8x32,
      b_s4_64x8, c_8x8, 8, 8, 2, 1 },
    { MMA "m16n8k32.row.col.s32.u4.s4.s32", 16, 8, 32, E_U4, E_S4, E_S32, a_s4_16x32,
      b_s4_64x8, c_16x8, 16, 8, 4, 1 },
    { MMA "m16n8k64.row.col.s32.s4.u4.s32", 16, 8, 64, E_S4, E_U4, E_S32, a_s4_16x64,
      b_s4_64x8, c_16x8, 32, 16, 4, 1 },
    { MMA "m16n8k32.row.col.f32.e4m3.e4m3.f32", 16, 8, 32, E_E4M3, E_E4M3, E_F32,
      a_s8_16x32, b_s8_32x8, c_16x8, 16, 8, 4, 1 },
    { MMA "m16n8k32.row.col.f32.e5m2.e4m3.f32", 16, 8, 32, E_E5M2, E_E4M3, E_F32,
      a_s8_16x32, b_s8_32x8, c_16x8, 16, 8, 4, 1 },
};

static struct vg_text text;
static uint32_t mat_a[4][16][64], mat_b[4][64][16], mat_c[4][16][16];

static unsigned
bits_of(enum element e)
{
    switch (e) {
    case E_F16:
    case E_BF16:
        return 16;
    case E_S8:
    case E_U8:
    case E_E4M3:
    case E_E5M2:
        return 8;
    case E_S4:
    case E_U4:
        return 4;
    case E_TF32:
    case E_F32:
    case E_S32:
        break;
    }
    return 32;
}

static enum vg_soft_format
format_of(enum element e)
{
    return e == E_F16    ? VG_SOFT_F16
           : e == E_BF16 ? VG_SOFT_BF16
           : e == E_TF32 ? VG_SOFT_TF32
           : e == E_E4M3 ? VG_SOFT_E4M3
           : e == E_E5M2 ? VG_SOFT_E5M2
                         : VG_SOFT_F32;
}

static bool
is_int(enum element e)
{
    return e == E_S8 || e == E_U8 || e == E_S4 || e == E_U4 || e == E_S32;
}

static double
decode(enum element e, uint32_t bits)
{
    if (e == E_S8) {
        return (double)(int8_t)bits;
    }
    if (e == E_U8) {
        return (double)(bits & 255);
    }
    if (e == E_S4 || e == E_U4) {
        return (double)(bits & 15) - (e == E_S4 && (bits & 8) != 0 ? 16 : 0);
    }
    if (e == E_S32) {
        return (double)(int32_t)bits;
    }
    struct vg_soft v = vg_soft_unpack(format_of(e), bits);
    double magnitude = v.kind == VG_SOFT_NAN   ? (double)NAN
                       : v.kind == VG_SOFT_INF ? (double)INFINITY
                       : v.kind == VG_SOFT_ZERO
                           ? 0
                           : ldexp((double)(uint64_t)(v.sig >> 62), v.exp + 62);
    return v.negative ? -magnitude : magnitude;
}

enum mode {
    SMALL_INTEGERS,
    RANDOM,
    SPECIALS,
    N_MODES
};

static uint32_t
draw(enum element e, enum mode mode, uint64_t seed)
{
    uint64_t r = vg_random(seed);

    if (is_int(e)) {
        if (e == E_S32 && mode == SPECIALS) { /* sums that leave the range */
            return (uint32_t)(0x7fffff00 + (r & 0x1ff));
        }
        return (uint32_t)(r & (UINT64_MAX >> (64 - bits_of(e))));
    }
    struct vg_soft v = vg_soft_from_int((r & 1) != 0, r >> 8 & 3);
    if (mode == RANDOM || (mode == SPECIALS && r % 61 != 0)) {
        v = vg_soft_from_int((r & 1) != 0, r >> 8 & 0x1fffff);
        v.exp -= 20 + (int)(r >> 60 & 3);
    } else if (mode == SPECIALS) {
        v = (struct vg_soft){ (r >> 20 & 1) != 0 ? VG_SOFT_INF : VG_SOFT_NAN,
                              (r & 2) != 0, 0, 0 };
    }
    uint32_t bits = (uint32_t)vg_soft_pack(format_of(e), VG_SOFT_RN, v);
    /* the lower 13 bits of a tf32 are to be ignored */
    return e == E_TF32 && v.kind == VG_SOFT_FINITE ? bits | (uint32_t)(r >> 40 & 0x1fff)
                                                   : bits;
}

static void
draw_part(const struct mma *t, enum mode mode, int p, uint64_t seed)
{
    for (uint64_t r = 0; r < 64; r++) {
        for (uint64_t c = 0; c < 64; c++) {
            uint64_t s = seed + r * 64 + c;
            if (r < 16) {
                mat_a[p][r][c] = draw(t->a, mode, s);
            }
            if (c < 16) {
                mat_b[p][r][c] = draw(t->b, mode, s + 100000);
            }
            if (r < 16 && c < 16) {
                mat_c[p][r][c] = draw(t->c, mode, s + 200000);
            }
        }
    }
}

static void
draw_matrices(const struct mma *t, enum mode mode)
{
    for (int p = 0; p < t->parts; p++) {
        draw_part(t, mode, p, (uint64_t)p * 5000 + (uint64_t)mode * 20000);
    }
}

static int
part_of(const struct mma *t, int lane)
{
    return t->parts == 1 ? 0 : lane % 16 / 4;
}

static void
put(uint8_t *base, enum element e, int i, uint32_t value)
{
    size_t bytes = bits_of(e) / 8;

    if (bytes == 0) {
        uint8_t other = (i & 1) != 0 ? base[i / 2] & 15 : 0;
        base[i / 2] = (uint8_t)(other | (value & 15) << (4 * (i & 1)));
        return;
    }
    memcpy(base + (size_t)i * bytes, &value, bytes);
}

static void
scatter(const struct mma *t)
{
    for (int lane = 0; lane < 32; lane++) {
        uint8_t *base = vg_forms_in + (size_t)lane * 128;
        int p = part_of(t, lane);
        int row;
        int col;
        for (int i = 0; i < t->n_a; i++) {
            t->at_a(lane, i, &row, &col);
            put(base, t->a, i, mat_a[p][row][col]);
        }
        for (int i = 0; i < t->n_b; i++) {
            t->at_b(lane, i, &row, &col);
            put(base + 32, t->b, i, mat_b[p][row][col]);
        }
        for (int i = 0; i < t->n_c; i++) {
            t->at_c(lane, i, &row, &col);
            put(base + 64, t->c, i, mat_c[p][row][col]);
        }
    }
}

static void
add_registers(int first, int count)
{
    vg_text_add(&text, "{");
    for (int i = 0; i < count; i++) {
        vg_text_add(&text, "%s%%r%d", i == 0 ? "" : ", ", first + i);
    }
    vg_text_add(&text, "}");
}

static void
add_loads(int first, int count, int offset)
{
    for (int i = 0; i < count; i++) {
        vg_text_add(&text, "ld.global.u32 %%r%d, [%%myin+%d];\n", first + i,
                    offset + 4 * i);
    }
}

static int
words(int elements, enum element e)
{
    return elements * (int)bits_of(e) / 32;
}

static void
build(const struct mma *t)
{
    int n_a = words(t->n_a, t->a);
    int n_b = words(t->n_b, t->b);
    int n_c = words(t->n_c, t->c);

    vg_text_clear(&text);
    add_loads(10, n_a, 0);
    add_loads(20, n_b, 32);
    add_loads(30, n_c, 64);
    vg_text_add(&text, "%s ", t->form);
    add_registers(40, n_c);
    vg_text_add(&text, ", ");
    add_registers(10, n_a);
    vg_text_add(&text, ", ");
    add_registers(20, n_b);
    vg_text_add(&text, ", ");
    add_registers(30, n_c);
    vg_text_add(&text, ";\n");
    for (int i = 0; i < n_c; i++) {
        vg_text_add(&text, "st.global.u32 [%%myout+%d], %%r%d;\n", 4 * i, 40 + i);
    }
}

static bool
element_right(const struct mma *t, enum mode mode, int p, int row, int col, uint32_t got)
{
    double sum = decode(t->c, mat_c[p][row][col]);
    double size = fabs(sum);

    if (is_int(t->c)) {
        int64_t want = (int32_t)mat_c[p][row][col];
        for (int k = 0; k < t->k; k++) {
            want += (int64_t)(decode(t->a, mat_a[p][row][k]) *
                              decode(t->b, mat_b[p][k][col]));
        }
        if (t->saturates) {
            want = want > INT32_MAX ? INT32_MAX : want < INT32_MIN ? INT32_MIN : want;
        }
        return got == (uint32_t)want;
    }
    for (int k = 0; k < t->k; k++) {
        double product = decode(t->a, mat_a[p][row][k]) * decode(t->b, mat_b[p][k][col]);
        sum += product;
        size += fabs(product);
    }
    double value = decode(t->c, got);
    if (isnan(sum) || isnan(value)) {
        return isnan(sum) && isnan(value);
    }
    if (isinf(sum) || mode == SMALL_INTEGERS) {
        return value == sum;
    }
    return fabs(value - sum) <= size * (t->c == E_F16 ? 0x1p-9 : 0x1p-19);
}

static bool
check_lane(struct vg_forms *forms, const struct mma *t, enum mode mode, int lane)
{
    for (int i = 0; i < t->n_c; i++) {
        int row;
        int col;
        uint32_t got = 0;
        t->at_c(lane, i, &row, &col);
        memcpy(&got, vg_forms_out + lane * 128 + i * (int)bits_of(t->c) / 8,
               bits_of(t->c) / 8);
        if (!element_right(t, mode, part_of(t, lane), row, col, got)) {
            vg_forms_fail(forms, "mode %d: row %d column %d (lane %d): got %x", (int)mode,
                          row, col, lane, got);
            return false;
        }
    }
    return true;
}

static void
run_mma(struct vg_forms *forms, const struct vg_kernel_test *test)
{
    const struct mma *t = &mmas[test->arg];

    for (enum mode mode = SMALL_INTEGERS; mode < N_MODES; mode++) {
        draw_matrices(t, mode);
        scatter(t);
        build(t);
        struct vg_launch launch = { .body = text.bytes };
        if (vg_forms_launch(forms, &launch) != VG_LAUNCH_OK) {
            return;
        }
        for (int lane = 0; lane < 32; lane++) {
            if (!check_lane(forms, t, mode, lane)) {
                return;
            }
        }
    }
}

void
vg_kernels_tensor(struct vg_forms *forms)
{
    static struct vg_kernel_test tests[sizeof(mmas) / sizeof(mmas[0])];

    for (size_t i = 0; i < sizeof(mmas) / sizeof(mmas[0]); i++) {
        tests[i] = (struct vg_kernel_test){ mmas[i].form, run_mma, (int)i, NULL };
    }
    vg_forms_add_kernels(forms, tests, sizeof(mmas) / sizeof(mmas[0]));
}
