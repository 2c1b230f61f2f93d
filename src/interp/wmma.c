/* SPDX-License-Identifier: Apache-2.0 */

/*
 * wmma - matrices in fragments whose layout is ours to choose (PTX ISA, Warp Level Matrix
 * Instructions: wmma.load, wmma.mma, wmma.store).
 *
 * The manual leaves open which lane holds which element, so: element e of a matrix with
 * 32p elements, counted along its rows, is element e % p of lane e / p. Registers beyond
 * that are not touched.
 */

#include "interp/lanes.h"
#include "interp/tensor.h"

#define MAX_SIDE 32

struct wmma {
    uint8_t m, n, k;
    uint8_t rows, columns; /* of the matrix that is loaded or stored */
    bool is_column_major;
    bool saturate;
    enum vg_ptx_type type, a_type, b_type, c_type, d_type;
    uint32_t stride; /* slot of the leading dimension, or UINT32_MAX */
    uint32_t regs[8], a[8], b[8], c[8], d[8];
};

/* --- elements in registers --- */

static uint64_t
element_get(const struct vg_warp *w, const uint32_t *slots, enum vg_ptx_type type,
            unsigned lane, unsigned i)
{
    const unsigned bits = vg_ptx_type_bits(type);
    if (bits == 64) {
        return vg_row64(w, slots[i])[lane];
    }
    const unsigned per = 32 / bits;
    const uint64_t word = vg_row32(w, slots[i / per])[lane];
    return word >> i % per * bits & ((1ull << bits) - 1);
}

static void
element_set(const struct vg_warp *w, const uint32_t *slots, enum vg_ptx_type type,
            unsigned lane, unsigned i, uint64_t value)
{
    const unsigned bits = vg_ptx_type_bits(type);
    if (bits == 64) {
        vg_row64(w, slots[i])[lane] = value;
        return;
    }
    const unsigned per = 32 / bits;
    const unsigned shift = i % per * bits;
    const uint32_t mask = (uint32_t)((1ull << bits) - 1) << shift;
    uint32_t *word = &vg_row32(w, slots[i / per])[lane];
    *word = (*word & ~mask) | ((uint32_t)value << shift & mask);
}

/* All elements are exact in f64, 32-bit integers included. */
static double
to_number(enum vg_ptx_type type, uint64_t bits)
{
    switch (type) {
    case VG_PTX_F16:
        return (double)vg_half_float((uint32_t)bits);
    case VG_PTX_BF16:
        return (double)vg_bf16_float((uint32_t)bits);
    case VG_PTX_TF32:
        return (double)vg_bits_f32((uint32_t)bits & 0xffffe000u);
    case VG_PTX_F32:
        return (double)vg_bits_f32((uint32_t)bits);
    case VG_PTX_F64:
        return vg_bits_f64(bits);
    case VG_PTX_S8:
        return (double)(int8_t)bits;
    case VG_PTX_S32:
        return (double)(int32_t)bits;
    default: /* u8 */
        return (double)bits;
    }
}

static uint64_t
from_number(const struct wmma *x, double value)
{
    switch (x->d_type) {
    case VG_PTX_F16:
        return vg_f64_to_half(value);
    case VG_PTX_F64:
        return vg_f64_bits(value);
    case VG_PTX_S32:
        return vg_tensor_s32((int64_t)value, x->saturate);
    default:
        return vg_tensor_f32(value);
    }
}

/* --- load and store --- */

static uint64_t
base_of(const struct vg_warp *w, const struct vg_iop *op, unsigned lane)
{
    if ((op->e & VG_AT_NONE) != 0) {
        return (uint64_t)op->imm;
    }
    if ((op->e & VG_AT_WIDE) != 0) {
        return vg_row64(w, op->a)[lane] + (uint64_t)op->imm;
    }
    return (uint32_t)(vg_row32(w, op->a)[lane] + (uint32_t)op->imm);
}

/* Host bytes of element @e in row order; NULL with the fault filled. */
static uint8_t *
element_at(struct vg_warp *w, const struct vg_iop *op, unsigned lane, uint64_t base,
           uint64_t stride, unsigned e)
{
    const struct wmma *x = op->ext;
    const enum vg_ptx_space space = op->e / VG_AT_SPACE;
    const uint64_t row = e / x->columns;
    const uint64_t column = e % x->columns;
    const uint64_t index =
        x->is_column_major ? column * stride + row : row * stride + column;
    const uint64_t address = base + index * op->size;

    if (space == VG_PTX_SHARED || space == VG_PTX_LOCAL) {
        return vg_mem_window(w, op, lane, space, address, op->size);
    }
    return vg_mem_at(w, op, lane, address, op->size, (op->e & VG_AT_WRITE) != 0);
}

static int
move_fragment(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct wmma *x = op->ext;
    const unsigned total = (unsigned)x->rows * x->columns;
    const unsigned per = total / VG_LANES;
    const bool is_store = (op->e & VG_AT_WRITE) != 0;

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    const unsigned first = (unsigned)__builtin_ctz(mask);
    const uint64_t base = base_of(w, op, first);
    const uint64_t stride = x->stride != UINT32_MAX ? vg_row32(w, x->stride)[first]
                            : x->is_column_major    ? x->rows
                                                    : x->columns;
    for (unsigned e = 0; e < total; e++) {
        uint8_t *p = element_at(w, op, e / per, base, stride, e);
        uint64_t value = 0;
        if (p == NULL) {
            return VG_STEP_FAULT;
        }
        if (is_store) {
            value = element_get(w, x->regs, x->type, e / per, e % per);
            memcpy(p, &value, op->size);
        } else {
            memcpy(&value, p, op->size);
            element_set(w, x->regs, x->type, e / per, e % per, value);
        }
    }
    return VG_STEP_NEXT;
}

/* --- multiply and add --- */

static void
fragment_in(const struct vg_warp *w, const uint32_t *slots, enum vg_ptx_type type,
            unsigned rows, unsigned columns, double out[MAX_SIDE][MAX_SIDE])
{
    const unsigned per = rows * columns / VG_LANES;
    for (unsigned e = 0; e < rows * columns; e++) {
        out[e / columns][e % columns] =
            to_number(type, element_get(w, slots, type, e / per, e % per));
    }
}

static int
multiply(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct wmma *x = op->ext;
    double a[MAX_SIDE][MAX_SIDE];
    double b[MAX_SIDE][MAX_SIDE];
    double acc[MAX_SIDE][MAX_SIDE];

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    fragment_in(w, x->a, x->a_type, x->m, x->k, a);
    fragment_in(w, x->b, x->b_type, x->k, x->n, b);
    fragment_in(w, x->c, x->c_type, x->m, x->n, acc);
    /* read in above: decoding lets no empty shape through */
    /* NOLINTBEGIN(clang-analyzer-core*) */
    for (unsigned r = 0; r < x->m; r++) {
        for (unsigned k = 0; k < x->k; k++) {
            for (unsigned n = 0; n < x->n; n++) {
                acc[r][n] += a[r][k] * b[k][n];
            }
        }
    }
    const unsigned per = (unsigned)x->m * x->n / VG_LANES;
    for (unsigned e = 0; e < (unsigned)x->m * x->n; e++) {
        element_set(w, x->d, x->d_type, e / per, e % per,
                    from_number(x, acc[e / x->n][e % x->n]));
    }
    /* NOLINTEND(clang-analyzer-core*) */
    return VG_STEP_NEXT;
}

/* --- decoding --- */

static bool
shape_of(const struct vg_ptx_insn *insn, struct wmma *x)
{
    static const struct {
        uint16_t mod;
        uint8_t m, n, k;
    } shapes[] = {
        { VG_PTX_MOD_M16N16K16, 16, 16, 16 }, { VG_PTX_MOD_M8N32K16, 8, 32, 16 },
        { VG_PTX_MOD_M32N8K16, 32, 8, 16 },   { VG_PTX_MOD_M16N16K8, 16, 16, 8 },
        { VG_PTX_MOD_M8N8K4, 8, 8, 4 },
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (vg_ptx_has(insn, shapes[i].mod)) {
            x->m = shapes[i].m;
            x->n = shapes[i].n;
            x->k = shapes[i].k;
            return true;
        }
    }
    return false;
}

static bool
type_known(enum vg_ptx_type type)
{
    switch (type) {
    case VG_PTX_F16:
    case VG_PTX_BF16:
    case VG_PTX_TF32:
    case VG_PTX_F32:
    case VG_PTX_F64:
    case VG_PTX_S8:
    case VG_PTX_U8:
    case VG_PTX_S32:
        return true;
    default:
        return false;
    }
}

/* The registers must hold @total elements of @type, 32nd parts each. */
static bool
slots_of(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type,
         unsigned total, bool is_result, uint32_t out[8])
{
    const struct vg_ptx_operand *elems = o->kind == VG_PTX_OPERAND_VECTOR ? o->elems : o;
    const unsigned count = o->kind == VG_PTX_OPERAND_VECTOR ? o->count : 1u;
    const unsigned bits = vg_ptx_type_bits(type);
    const unsigned per_register = bits == 64 ? 1 : 32 / bits;

    if (count > 8 || count * per_register < total / VG_LANES) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        const enum vg_ptx_type word = bits == 64 ? VG_PTX_B64 : VG_PTX_B32;
        out[i] =
            is_result ? vg_dec_dst(d, &elems[i], word) : vg_dec_src(d, &elems[i], word);
    }
    return true;
}

/* Two layouts may be written; the first is that of A, the last that of B. */
static bool
is_column_major(const struct vg_ptx_insn *insn)
{
    return vg_ptx_has(insn, VG_PTX_MOD_COL);
}

static void
matrix_of(const struct vg_ptx_insn *insn, struct wmma *x)
{
    x->rows = vg_ptx_has(insn, VG_PTX_MOD_B) ? x->k : x->m;
    x->columns = vg_ptx_has(insn, VG_PTX_MOD_A) ? x->k : x->n;
}

static int
decode_move(struct vg_dec *d, const struct vg_ptx_insn *insn, struct wmma *x,
            bool is_store)
{
    const struct vg_ptx_operand *address = &insn->operands[is_store ? 0 : 1];
    const struct vg_ptx_operand *regs = &insn->operands[is_store ? 1 : 0];
    struct vg_dec_address at;

    if (insn->n_operands < 2 || insn->n_operands > 3 || insn->n_types != 1) {
        return vg_dec_refuse(d, NULL);
    }
    matrix_of(insn, x);
    x->type = (enum vg_ptx_type)insn->types[0];
    x->is_column_major = is_column_major(insn);
    const int r = vg_dec_address(d, address, &at);
    if (r != 0) {
        return r;
    }
    if (!type_known(x->type) ||
        !slots_of(d, regs, x->type, (unsigned)x->rows * x->columns, !is_store, x->regs)) {
        return vg_dec_refuse(d, "fragment");
    }
    x->stride = insn->n_operands == 3 ? vg_dec_src(d, &insn->operands[2], VG_PTX_U32)
                                      : UINT32_MAX;
    struct vg_iop *op = vg_dec_emit(d, move_fragment);
    op->ext = x;
    op->size = (uint8_t)(vg_ptx_type_bits(x->type) / 8);
    vg_lanes_decode(op, &at, vg_access_space(insn, &at), op->size, is_store);
    return 0;
}

static int
decode_multiply(struct vg_dec *d, const struct vg_ptx_insn *insn, struct wmma *x)
{
    if (insn->n_operands != 4 || (insn->n_types != 2 && insn->n_types != 4)) {
        return vg_dec_refuse(d, NULL);
    }
    const bool is_short = insn->n_types == 2; /* .f16 inputs are not written */
    x->d_type = (enum vg_ptx_type)insn->types[0];
    x->a_type = is_short ? VG_PTX_F16 : (enum vg_ptx_type)insn->types[1];
    x->b_type = is_short ? VG_PTX_F16 : (enum vg_ptx_type)insn->types[2];
    x->c_type = (enum vg_ptx_type)insn->types[is_short ? 1 : 3];
    x->saturate = vg_ptx_has(insn, VG_PTX_MOD_SATFINITE);
    if (!type_known(x->a_type) || !type_known(x->b_type) || !type_known(x->c_type) ||
        !type_known(x->d_type) || vg_ptx_has(insn, VG_PTX_MOD_POPC) ||
        !slots_of(d, &insn->operands[1], x->a_type, (unsigned)x->m * x->k, false, x->a) ||
        !slots_of(d, &insn->operands[2], x->b_type, (unsigned)x->k * x->n, false, x->b) ||
        !slots_of(d, &insn->operands[3], x->c_type, (unsigned)x->m * x->n, false, x->c) ||
        !slots_of(d, &insn->operands[0], x->d_type, (unsigned)x->m * x->n, true, x->d)) {
        return vg_dec_refuse(d, "fragment");
    }
    vg_dec_emit(d, multiply)->ext = x;
    return 0;
}

int
VG_ISA(vg_decode_wmma)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    struct wmma *x = vg_dec_alloc(d, sizeof(*x));

    if (x == NULL || !shape_of(insn, x)) {
        return vg_dec_refuse(d, NULL);
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_LOAD)) {
        return decode_move(d, insn, x, false);
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_STORE)) {
        return decode_move(d, insn, x, true);
    }
    if (vg_ptx_has(insn, VG_PTX_MOD_MMA)) {
        return decode_multiply(d, insn, x);
    }
    return vg_dec_refuse(d, NULL);
}
