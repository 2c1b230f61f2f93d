/* SPDX-License-Identifier: Apache-2.0 */

/*
 * matrix - 8x8 matrices of 16-bit elements between shared memory and registers
 * (PTX ISA, Warp Level Matrix Load/Store: ldmatrix, stmatrix, movmatrix).
 *
 * Lane 4r+c holds elements 2c and 2c+1 of row r. A row is 16 bytes, and the lanes 8i to
 * 8i+7 name the rows of matrix i.
 */

#include "interp/alu.h"
#include "interp/lanes.h"
#include "interp/tensor.h"

#define ROWS      8u
#define ROW_BYTES 16u

struct matrices {
    uint32_t slots[4];
};

/* A warp's instruction needs every living lane; the group waits for those elsewhere. */
int
VG_ISA(vg_tensor_together)(struct vg_warp *w, uint32_t mask)
{
    if (mask == w->live) {
        return VG_STEP_NEXT;
    }
    w->want = w->live;
    return VG_STEP_GATHER;
}

static void
transpose(uint16_t m[ROWS][ROWS])
{
    for (uint32_t r = 0; r < ROWS; r++) {
        for (uint32_t c = r + 1; c < ROWS; c++) {
            const uint16_t t = m[r][c];
            m[r][c] = m[c][r];
            m[c][r] = t;
        }
    }
}

static int
load_matrices(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct matrices *x = op->ext;
    const uint32_t named = op->count == 4 ? VG_FULL : (1u << (ROWS * op->count)) - 1;
    uint16_t m[4][ROWS][ROWS];
    uint64_t at[VG_LANES];

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    if (!vg_lanes_at(w, op, mask & named, at)) {
        return VG_STEP_FAULT;
    }
    memset(m, 0, sizeof(m));
    VG_EACH_LANE(l, mask & named)
    {
        memcpy(m[l / ROWS][l % ROWS], vg_host(at[l]), ROW_BYTES);
    }
    for (uint32_t i = 0; i < op->count; i++) {
        if (op->mode != 0) {
            transpose(m[i]);
        }
        memcpy(vg_row32(w, x->slots[i]), m[i], sizeof(m[i]));
    }
    return VG_STEP_NEXT;
}

static int
store_matrices(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct matrices *x = op->ext;
    const uint32_t named = op->count == 4 ? VG_FULL : (1u << (ROWS * op->count)) - 1;
    uint16_t m[4][ROWS][ROWS];
    uint64_t at[VG_LANES];

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    if (!vg_lanes_at(w, op, mask & named, at)) {
        return VG_STEP_FAULT;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        memcpy(m[i], vg_row32(w, x->slots[i]), sizeof(m[i]));
        if (op->mode != 0) {
            transpose(m[i]);
        }
    }
    VG_EACH_LANE(l, mask & named)
    {
        memcpy(vg_host(at[l]), m[l / ROWS][l % ROWS], ROW_BYTES);
    }
    return VG_STEP_NEXT;
}

static int
move_matrix(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint16_t m[ROWS][ROWS];

    const int step = VG_ISA(vg_tensor_together)(w, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    memcpy(m, vg_row32(w, op->a), sizeof(m));
    transpose(m);
    memcpy(vg_row32(w, op->d), m, sizeof(m));
    return VG_STEP_NEXT;
}

static unsigned
matrix_count(const struct vg_ptx_insn *insn)
{
    if (vg_ptx_has(insn, VG_PTX_MOD_X4)) {
        return 4;
    }
    return vg_ptx_has(insn, VG_PTX_MOD_X2) ? 2 : 1;
}

static int
decode_memory_matrix(struct vg_dec *d, const struct vg_ptx_insn *insn, bool is_store)
{
    const struct vg_ptx_operand *address = &insn->operands[is_store ? 0 : 1];
    const struct vg_ptx_operand *regs = &insn->operands[is_store ? 1 : 0];
    const unsigned count = matrix_count(insn);
    struct matrices *x = vg_dec_alloc(d, sizeof(*x));
    struct vg_dec_address at;

    if (x == NULL || insn->n_operands != 2 || insn->n_types != 1 ||
        insn->types[0] != VG_PTX_B16 || !vg_ptx_has(insn, VG_PTX_MOD_M8N8)) {
        return vg_dec_refuse(d, NULL);
    }
    const struct vg_ptx_operand *elems = regs;
    if (regs->kind == VG_PTX_OPERAND_VECTOR) {
        elems = regs->elems;
    }
    if ((regs->kind == VG_PTX_OPERAND_VECTOR ? regs->count : 1u) != count) {
        return vg_dec_refuse(d, "number of registers");
    }
    const int r = vg_dec_address(d, address, &at);
    if (r != 0) {
        return r;
    }
    for (unsigned i = 0; i < count; i++) {
        x->slots[i] = is_store ? vg_dec_src(d, &elems[i], VG_PTX_B32)
                               : vg_dec_dst(d, &elems[i], VG_PTX_B32);
    }
    struct vg_iop *op = vg_dec_emit(d, is_store ? store_matrices : load_matrices);
    op->ext = x;
    op->count = (uint8_t)count;
    op->mode = vg_ptx_has(insn, VG_PTX_MOD_TRANS) ? 1 : 0;
    vg_lanes_decode(op, &at, vg_access_space(insn, &at), ROW_BYTES, is_store);
    return 0;
}

int
VG_ISA(vg_decode_tensor)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_LDMATRIX:
        return decode_memory_matrix(d, insn, false);
    case VG_PTX_OP_STMATRIX:
        return decode_memory_matrix(d, insn, true);
    case VG_PTX_OP_MOVMATRIX:
        return vg_dec_plain(d, insn, move_matrix, VG_PTX_B32, VG_PTX_B32);
    case VG_PTX_OP_MMA:
        return VG_ISA(vg_decode_mma)(d, insn);
    case VG_PTX_OP_WMMA:
        return VG_ISA(vg_decode_wmma)(d, insn);
    default:
        return vg_dec_refuse(d, NULL);
    }
}
