/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mma - D = A x B + C by one warp (PTX ISA, Matrix Fragments for mma.*).
 *
 * Nearly all shapes share one layout: four neighbouring lanes hold 16 bytes (32 for f64)
 * of one row of A, or of one column of B, and a further register holds the next piece of
 * k; register 2i+1 of a 16-row A has rows 8 to 15. The exception is m8n8k4 of f16, which
 * four pairs of quads work on apart; see quads().
 */

#include "interp/tensor.h"

#define N 8u

/* Where row @row of piece @piece starts: a_type of 64 bits lies in rows of 64. */
static const void *
piece_of(const struct vg_warp *w, const uint32_t *slots, unsigned rows, unsigned row,
         unsigned piece, bool wide)
{
    const uint32_t slot = slots[piece * (rows / 8) + row / 8];
    const unsigned lane = row % 8 * 4;
    return wide ? (const void *)(vg_row64(w, slot) + lane)
                : (const void *)(vg_row32(w, slot) + lane);
}

/* Row and column of element @i of the accumulators of @lane. */
static void
accumulator(unsigned lane, unsigned i, unsigned *row, unsigned *column)
{
    *row = lane / 4 + i / 2 * 8;
    *column = lane % 4 * 2 + i % 2;
}

static unsigned
per_piece(enum vg_ptx_type type)
{
    return type == VG_PTX_F64 ? 4 : 128 / vg_ptx_type_bits(type);
}

/* --- floats --- */

static void
floats_in(const struct vg_warp *w, const struct vg_mma *x, double a[16][VG_TENSOR_MAX_K],
          double b[VG_TENSOR_MAX_K][N])
{
    const unsigned na = per_piece(x->a_type);
    const unsigned nb = per_piece(x->b_type);
    double column[VG_TENSOR_MAX_K];

    for (unsigned row = 0; row < x->m; row++) {
        for (unsigned k = 0; k < x->k; k += na) {
            vg_tensor_floats(
                x->a_type, piece_of(w, x->a, x->m, row, k / na, x->a_type == VG_PTX_F64),
                na, &a[row][k]);
        }
    }
    for (unsigned n = 0; n < N; n++) {
        for (unsigned k = 0; k < x->k; k += nb) {
            vg_tensor_floats(x->b_type,
                             piece_of(w, x->b, 8, n, k / nb, x->b_type == VG_PTX_F64), nb,
                             &column[k]);
        }
        for (unsigned k = 0; k < x->k; k++) {
            b[k][n] = column[k];
        }
    }
}

static double
accumulator_in(const struct vg_warp *w, const struct vg_mma *x, unsigned lane, unsigned i)
{
    if (x->c_type == VG_PTX_F64) {
        return vg_bits_f64(vg_row64(w, x->c[i])[lane]);
    }
    if (x->c_type == VG_PTX_F32) {
        return (double)vg_bits_f32(vg_row32(w, x->c[i])[lane]);
    }
    return (double)vg_half_float(
        (uint16_t)(vg_row32(w, x->c[i / 2])[lane] >> i % 2 * 16));
}

static void
accumulators_out(const struct vg_warp *w, const struct vg_mma *x, double acc[16][N])
{
    unsigned row;
    unsigned column;

    for (unsigned i = 0; i < x->m / 4u; i++) {
        for (unsigned lane = 0; lane < VG_LANES; lane++) {
            accumulator(lane, i, &row, &column);
            if (x->d_type == VG_PTX_F64) {
                vg_row64(w, x->d[i])[lane] = vg_f64_bits(acc[row][column]);
            } else if (x->d_type == VG_PTX_F32) {
                vg_row32(w, x->d[i])[lane] = vg_tensor_f32(acc[row][column]);
            } else if (i % 2 == 0) {
                vg_row32(w, x->d[i / 2])[lane] =
                    vg_f64_to_half(acc[row][column]) |
                    (uint32_t)vg_f64_to_half(acc[row][column + 1]) << 16;
            }
        }
    }
}

static int
mma_float(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct vg_mma *x = op->ext;
    double a[16][VG_TENSOR_MAX_K];
    double b[VG_TENSOR_MAX_K][N];
    double acc[16][N];
    unsigned row;
    unsigned column;

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    floats_in(w, x, a, b);
    for (unsigned i = 0; i < x->m / 4u; i++) {
        for (unsigned lane = 0; lane < VG_LANES; lane++) {
            accumulator(lane, i, &row, &column);
            acc[row][column] = accumulator_in(w, x, lane, i);
        }
    }
    for (unsigned r = 0; r < x->m; r++) {
        for (unsigned k = 0; k < x->k; k++) {
            for (unsigned n = 0; n < N; n++) {
                /* read in above: decoding lets no empty shape through */
                acc[r][n] += a[r][k] * b[k][n]; /* NOLINT(clang-analyzer-core*) */
            }
        }
    }
    accumulators_out(w, x, acc);
    return VG_STEP_NEXT;
}

/* --- integers --- */

static int
mma_integer(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct vg_mma *x = op->ext;
    const unsigned na = per_piece(x->a_type);
    const unsigned nb = per_piece(x->b_type);
    int16_t a[16][VG_TENSOR_MAX_K];
    int16_t b[N][VG_TENSOR_MAX_K];
    int32_t sum[16][N];

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    for (unsigned row = 0; row < x->m; row++) {
        for (unsigned k = 0; k < x->k; k += na) {
            vg_tensor_integers(x->a_type, piece_of(w, x->a, x->m, row, k / na, false), na,
                               &a[row][k]);
        }
    }
    for (unsigned n = 0; n < N; n++) {
        for (unsigned k = 0; k < x->k; k += nb) {
            vg_tensor_integers(x->b_type, piece_of(w, x->b, 8, n, k / nb, false), nb,
                               &b[n][k]);
        }
    }
    for (unsigned r = 0; r < x->m; r++) {
        for (unsigned n = 0; n < N; n++) {
            int32_t dot = 0;
            for (unsigned k = 0; k < x->k; k++) {
                dot += a[r][k] * b[n][k];
            }
            sum[r][n] = dot;
        }
    }
    /* all of C is read before any of D is written: they may share registers */
    for (unsigned i = 0; i < x->m / 4u; i++) {
        for (unsigned lane = 0; lane < VG_LANES; lane++) {
            unsigned row;
            unsigned column;
            accumulator(lane, i, &row, &column);
            const int32_t c = (int32_t)vg_row32(w, x->c[i])[lane];
            sum[row][column] =
                (int32_t)vg_tensor_s32((int64_t)c + sum[row][column], x->saturate);
        }
    }
    for (unsigned i = 0; i < x->m / 4u; i++) {
        for (unsigned lane = 0; lane < VG_LANES; lane++) {
            unsigned row;
            unsigned column;
            accumulator(lane, i, &row, &column);
            vg_row32(w, x->d[i])[lane] = (uint32_t)sum[row][column];
        }
    }
    return VG_STEP_NEXT;
}

/* --- m8n8k4 of f16: quad q (lanes 4q..4q+3) works with quad q+4 --- */

static void
quad_accumulator(const struct vg_mma *x, enum vg_ptx_type type, unsigned lane, unsigned i,
                 unsigned *row, unsigned *column)
{
    const unsigned upper = lane < 16 ? 0 : 4;
    (void)x;
    if (type == VG_PTX_F16) {
        *row = lane % 4 + upper;
        *column = i;
    } else {
        *row = (lane & 1) + (i & 2) + upper;
        *column = (i & 4) + (lane & 2) + (i & 1);
    }
}

static double
quad_element(const struct vg_warp *w, const uint32_t *slots, unsigned lane, unsigned i)
{
    return (double)vg_half_float(
        (uint16_t)(vg_row32(w, slots[i / 2])[lane] >> i % 2 * 16));
}

static void
quad_pair(const struct vg_warp *w, const struct vg_mma *x, unsigned q, double out[8][N])
{
    double a[8][4];
    double b[4][N];
    unsigned row;
    unsigned column;

    for (unsigned j = 0; j < 8; j++) {
        const unsigned lane = q * 4 + j % 4 + j / 4 * 16;
        for (unsigned i = 0; i < 4; i++) {
            const double ea = quad_element(w, x->a, lane, i);
            const double eb = quad_element(w, x->b, lane, i);
            if (x->a_col) {
                a[i + j / 4 * 4][j % 4] = ea;
            } else {
                a[j][i] = ea;
            }
            if (x->b_row) {
                b[j % 4][i + j / 4 * 4] = eb;
            } else {
                b[i][j] = eb;
            }
        }
        for (unsigned i = 0; i < 8; i++) {
            quad_accumulator(x, x->c_type, lane, i, &row, &column);
            out[row][column] = accumulator_in(w, x, lane, i);
        }
    }
    for (unsigned r = 0; r < 8; r++) {
        for (unsigned k = 0; k < 4; k++) {
            for (unsigned n = 0; n < N; n++) {
                out[r][n] += a[r][k] * b[k][n];
            }
        }
    }
}

static int
mma_quads(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct vg_mma *x = op->ext;
    double acc[4][8][N];

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    for (unsigned q = 0; q < 4; q++) {
        quad_pair(w, x, q, acc[q]);
    }
    for (unsigned lane = 0; lane < VG_LANES; lane++) {
        for (unsigned i = 0; i < 8; i++) {
            unsigned row;
            unsigned column;
            quad_accumulator(x, x->d_type, lane, i, &row, &column);
            const double value = acc[lane / 4 % 4][row][column];
            if (x->d_type == VG_PTX_F32) {
                vg_row32(w, x->d[i])[lane] = vg_tensor_f32(value);
            } else if (i % 2 == 0) {
                vg_row32(w, x->d[i / 2])[lane] = vg_f64_to_half(value);
            } else {
                vg_row32(w, x->d[i / 2])[lane] |= (uint32_t)vg_f64_to_half(value) << 16;
            }
        }
    }
    return VG_STEP_NEXT;
}

/* --- decoding --- */

static bool
shape_of(const struct vg_ptx_insn *insn, struct vg_mma *x)
{
    static const struct {
        uint16_t mod;
        uint8_t m, k;
    } shapes[] = {
        { VG_PTX_MOD_M8N8K4, 8, 4 },     { VG_PTX_MOD_M8N8K16, 8, 16 },
        { VG_PTX_MOD_M8N8K32, 8, 32 },   { VG_PTX_MOD_M16N8K4, 16, 4 },
        { VG_PTX_MOD_M16N8K8, 16, 8 },   { VG_PTX_MOD_M16N8K16, 16, 16 },
        { VG_PTX_MOD_M16N8K32, 16, 32 }, { VG_PTX_MOD_M16N8K64, 16, 64 },
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (vg_ptx_has(insn, shapes[i].mod)) {
            x->m = shapes[i].m;
            x->k = shapes[i].k;
            return true;
        }
    }
    return false;
}

/* Only what is understood: sparse, scaled and bitwise forms are refused by name. */
static bool
suffixes_known(const struct vg_ptx_insn *insn, const struct vg_mma *x)
{
    for (unsigned i = 0; i < insn->n_suffixes; i++) {
        if (insn->suffixes[i] < VG_PTX_TYPE_COUNT) {
            continue;
        }
        switch (insn->suffixes[i] - VG_PTX_TYPE_COUNT) {
        case VG_PTX_MOD_SYNC:
        case VG_PTX_MOD_ALIGNED:
        case VG_PTX_MOD_ROW:
        case VG_PTX_MOD_COL:
        case VG_PTX_MOD_SATFINITE:
        case VG_PTX_MOD_M8N8K4:
        case VG_PTX_MOD_M8N8K16:
        case VG_PTX_MOD_M8N8K32:
        case VG_PTX_MOD_M16N8K4:
        case VG_PTX_MOD_M16N8K8:
        case VG_PTX_MOD_M16N8K16:
        case VG_PTX_MOD_M16N8K32:
        case VG_PTX_MOD_M16N8K64:
            break;
        default:
            return false;
        }
    }
    return insn->n_types == 4 && x->m != 0;
}

static bool
element_known(enum vg_ptx_type type)
{
    switch (type) {
    case VG_PTX_F16:
    case VG_PTX_BF16:
    case VG_PTX_TF32:
    case VG_PTX_F64:
    case VG_PTX_E4M3:
    case VG_PTX_E5M2:
    case VG_PTX_S8:
    case VG_PTX_U8:
    case VG_PTX_S4:
    case VG_PTX_U4:
        return true;
    default:
        return false;
    }
}

static bool
types_known(const struct vg_mma *x)
{
    const bool integer = vg_tensor_is_integer(x->a_type);
    if (!element_known(x->a_type) || !element_known(x->b_type) ||
        integer != vg_tensor_is_integer(x->b_type) ||
        vg_ptx_type_bits(x->a_type) != vg_ptx_type_bits(x->b_type)) {
        return false;
    }
    if (integer) {
        return x->c_type == VG_PTX_S32 && x->d_type == VG_PTX_S32;
    }
    if (x->a_type == VG_PTX_F64) {
        return x->c_type == VG_PTX_F64 && x->d_type == VG_PTX_F64;
    }
    return (x->c_type == VG_PTX_F32 || x->c_type == VG_PTX_F16) &&
           (x->d_type == VG_PTX_F32 || x->d_type == VG_PTX_F16);
}

/* Registers of an operand, in order; false unless there are exactly @want. */
static bool
slots_of(struct vg_dec *d, const struct vg_ptx_operand *o, unsigned want,
         enum vg_ptx_type type, bool is_result, uint32_t *out)
{
    const struct vg_ptx_operand *elems = o->kind == VG_PTX_OPERAND_VECTOR ? o->elems : o;
    if ((o->kind == VG_PTX_OPERAND_VECTOR ? o->count : 1u) != want || want > 8) {
        return false;
    }
    for (unsigned i = 0; i < want; i++) {
        out[i] =
            is_result ? vg_dec_dst(d, &elems[i], type) : vg_dec_src(d, &elems[i], type);
    }
    return true;
}

static unsigned
input_registers(unsigned rows, unsigned k, enum vg_ptx_type type)
{
    return rows / 8 * k / per_piece(type);
}

static unsigned
result_registers(const struct vg_mma *x, enum vg_ptx_type type)
{
    return type == VG_PTX_F16 ? x->m / 8u : x->m / 4u;
}

static int
decode_quads(struct vg_dec *d, const struct vg_ptx_insn *insn, struct vg_mma *x)
{
    x->a_col = insn->suffixes[3] == VG_PTX_TYPE_COUNT + VG_PTX_MOD_COL;
    x->b_row = insn->suffixes[4] == VG_PTX_TYPE_COUNT + VG_PTX_MOD_ROW;
    if (!slots_of(d, &insn->operands[1], 2, VG_PTX_B32, false, x->a) ||
        !slots_of(d, &insn->operands[2], 2, VG_PTX_B32, false, x->b) ||
        !slots_of(d, &insn->operands[3], x->c_type == VG_PTX_F16 ? 4 : 8, VG_PTX_B32,
                  false, x->c) ||
        !slots_of(d, &insn->operands[0], x->d_type == VG_PTX_F16 ? 4 : 8, VG_PTX_B32,
                  true, x->d)) {
        return vg_dec_refuse(d, "number of registers");
    }
    vg_dec_emit(d, mma_quads)->ext = x;
    return 0;
}

int
VG_ISA(vg_decode_mma)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    struct vg_mma *x = vg_dec_alloc(d, sizeof(*x));

    if (x == NULL || !shape_of(insn, x) || !suffixes_known(insn, x) ||
        insn->n_operands != 4) {
        return vg_dec_refuse(d, NULL);
    }
    x->d_type = (enum vg_ptx_type)insn->types[0];
    x->a_type = (enum vg_ptx_type)insn->types[1];
    x->b_type = (enum vg_ptx_type)insn->types[2];
    x->c_type = (enum vg_ptx_type)insn->types[3];
    x->saturate = vg_ptx_has(insn, VG_PTX_MOD_SATFINITE);
    if (!types_known(x)) {
        return vg_dec_refuse(d, NULL);
    }
    if (x->k == 4 && x->a_type == VG_PTX_F16) {
        return x->m == 8 && insn->n_suffixes >= 5 ? decode_quads(d, insn, x)
                                                  : vg_dec_refuse(d, NULL);
    }
    const bool wide = x->a_type == VG_PTX_F64;
    const enum vg_ptx_type word = wide ? VG_PTX_B64 : VG_PTX_B32;
    const unsigned n_a = input_registers(x->m, x->k, x->a_type);
    const unsigned n_b = input_registers(8, x->k, x->b_type);
    if (n_a == 0 || n_b == 0 ||
        !slots_of(d, &insn->operands[1], n_a, word, false, x->a) ||
        !slots_of(d, &insn->operands[2], n_b, word, false, x->b) ||
        !slots_of(d, &insn->operands[3], result_registers(x, x->c_type), word, false,
                  x->c) ||
        !slots_of(d, &insn->operands[0], result_registers(x, x->d_type), word, true,
                  x->d)) {
        return vg_dec_refuse(d, "number of registers");
    }
    vg_iop_fn *run = VG_ISA(vg_mma_fast)(x);
    if (run == NULL) {
        run = vg_tensor_is_integer(x->a_type) ? mma_integer : mma_float;
    }
    vg_dec_emit(d, run)->ext = x;
    return 0;
}
