/* SPDX-License-Identifier: Apache-2.0 */

/*
 * compare - setp, set, selp, slct (PTX ISA, Comparison and Selection Instructions).
 *
 * A comparison makes a mask of 32 bits; op->e and op->mode combine it with another
 * predicate, and op->f gets the combination of its opposite where d|q is written.
 */

#include "interp/alu.h"
#include "interp/half.h"

enum {
    BOOL_NONE,
    BOOL_AND,
    BOOL_OR,
    BOOL_XOR,
    BOOL_OPS = 3,
    BOOL_PAIR = 4
};

static inline uint32_t
combine(unsigned mode, uint32_t bits, uint32_t with)
{
    switch (mode & BOOL_OPS) {
    case BOOL_AND:
        return bits & with;
    case BOOL_OR:
        return bits | with;
    case BOOL_XOR:
        return bits ^ with;
    default:
        return bits;
    }
}

static inline int
deliver(struct vg_warp *w, const struct vg_iop *op, uint32_t mask, uint32_t bits)
{
    if (__builtin_expect(op->mode != BOOL_NONE, 0)) {
        const uint32_t with = (op->mode & BOOL_OPS) != 0 ? *vg_pred(w, op->e) : 0;
        if ((op->mode & BOOL_PAIR) != 0) {
            vg_pred_set(w, op->f, mask, combine(op->mode, ~bits, with));
        }
        bits = combine(op->mode, bits, with);
    }
    vg_pred_set(w, op->d, mask, bits);
    return VG_STEP_NEXT;
}

#define COMPARE(name, R, T, SEEN, EXPR)                                        \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        const R *a = VG_ROW(R, w, op->a);                                      \
        const R *b = VG_ROW(R, w, op->b);                                      \
        uint32_t bits = 0;                                                     \
        for (uint32_t l = 0; l < VG_WALK; l++) {                               \
            const T x = SEEN(a[l]);                                            \
            const T y = SEEN(b[l]);                                            \
            bits |= (uint32_t)(EXPR) << l;                                     \
        }                                                                      \
        return deliver(w, op, mask, bits);                                     \
    }

#define U16(v)   ((uint16_t)(v))
#define S16(v)   ((int16_t)(v))
#define U32(v)   ((uint32_t)(v))
#define S32(v)   ((int32_t)(v))
#define U64(v)   ((uint64_t)(v))
#define S64(v)   ((int64_t)(v))
#define FLUSH(v) vg_bits_f32(vg_ftz(v))

#define ORDERED(id, R, T, SEEN)          \
    COMPARE(lt_##id, R, T, SEEN, x < y)  \
    COMPARE(le_##id, R, T, SEEN, x <= y) \
    COMPARE(gt_##id, R, T, SEEN, x > y)  \
    COMPARE(ge_##id, R, T, SEEN, x >= y)
#define EQUAL(id, R, T, SEEN)            \
    COMPARE(eq_##id, R, T, SEEN, x == y) \
    COMPARE(ne_##id, R, T, SEEN, x != y)

EQUAL(16, uint32_t, uint16_t, U16)
EQUAL(32, uint32_t, uint32_t, U32)
EQUAL(64, uint64_t, uint64_t, U64)
ORDERED(u16, uint32_t, uint16_t, U16)
ORDERED(u32, uint32_t, uint32_t, U32)
ORDERED(u64, uint64_t, uint64_t, U64)
ORDERED(s16, uint32_t, int16_t, S16)
ORDERED(s32, uint32_t, int32_t, S32)
ORDERED(s64, uint64_t, int64_t, S64)

/* The C operators are false for NaN, but for !=; the unordered forms are the opposites
 * of the opposite comparison. */
#define FLOATS(id, R, T, SEEN)                        \
    COMPARE(feq_##id, R, T, SEEN, x == y)             \
    COMPARE(fne_##id, R, T, SEEN, x<y || x> y)        \
    COMPARE(flt_##id, R, T, SEEN, x < y)              \
    COMPARE(fle_##id, R, T, SEEN, x <= y)             \
    COMPARE(fgt_##id, R, T, SEEN, x > y)              \
    COMPARE(fge_##id, R, T, SEEN, x >= y)             \
    COMPARE(fequ_##id, R, T, SEEN, !(x < y || x > y)) \
    COMPARE(fneu_##id, R, T, SEEN, x != y)            \
    COMPARE(fltu_##id, R, T, SEEN, !(x >= y))         \
    COMPARE(fleu_##id, R, T, SEEN, !(x > y))          \
    COMPARE(fgtu_##id, R, T, SEEN, !(x <= y))         \
    COMPARE(fgeu_##id, R, T, SEEN, !(x < y))          \
    COMPARE(fnum_##id, R, T, SEEN, x == x && y == y)  \
    COMPARE(fnan_##id, R, T, SEEN, x != x || y != y)

FLOATS(32, uint32_t, float, vg_bits_f32)
FLOATS(32f, uint32_t, float, FLUSH)
FLOATS(64, uint64_t, double, vg_bits_f64)
FLOATS(h, uint32_t, float, vg_half_float)
FLOATS(hf, uint32_t, float, vg_half_float_ftz)
FLOATS(bh, uint32_t, float, vg_bf16_float)

#define FLOAT_ROW(id)                                                                   \
    {                                                                                   \
        feq_##id, fne_##id, flt_##id, fle_##id, fgt_##id, fge_##id, fequ_##id,          \
            fneu_##id, fltu_##id, fleu_##id, fgtu_##id, fgeu_##id, fnum_##id, fnan_##id \
    }

enum {
    EQ,
    NE,
    LT,
    LE,
    GT,
    GE,
    EQU,
    NEU,
    LTU,
    LEU,
    GTU,
    GEU,
    NUM,
    IS_NAN,
    N_COMPARES
};

static const uint16_t compare_mods[N_COMPARES] = {
    VG_PTX_MOD_EQ,  VG_PTX_MOD_NE,  VG_PTX_MOD_LT,  VG_PTX_MOD_LE,  VG_PTX_MOD_GT,
    VG_PTX_MOD_GE,  VG_PTX_MOD_EQU, VG_PTX_MOD_NEU, VG_PTX_MOD_LTU, VG_PTX_MOD_LEU,
    VG_PTX_MOD_GTU, VG_PTX_MOD_GEU, VG_PTX_MOD_NUM, VG_PTX_MOD_NAN,
};

static unsigned
pick_compare(const struct vg_ptx_insn *insn, bool *is_unsigned)
{
    static const struct {
        uint16_t mod;
        uint8_t compare;
    } unsigned_mods[] = { { VG_PTX_MOD_LO, LT },
                          { VG_PTX_MOD_LS, LE },
                          { VG_PTX_MOD_HI, GT },
                          { VG_PTX_MOD_HS, GE } };
    for (unsigned i = 0; i < 4; i++) {
        if (vg_ptx_has(insn, unsigned_mods[i].mod)) {
            *is_unsigned = true;
            return unsigned_mods[i].compare;
        }
    }
    for (unsigned i = 0; i < N_COMPARES; i++) {
        if (vg_ptx_has(insn, compare_mods[i])) {
            return i;
        }
    }
    return N_COMPARES;
}

static vg_iop_fn *
pick_float(enum vg_ptx_type type, unsigned compare, bool ftz)
{
    static vg_iop_fn *const fns[6][N_COMPARES] = { FLOAT_ROW(32), FLOAT_ROW(32f),
                                                   FLOAT_ROW(64), FLOAT_ROW(h),
                                                   FLOAT_ROW(hf), FLOAT_ROW(bh) };
    switch (type) {
    case VG_PTX_F32:
        return fns[ftz ? 1 : 0][compare];
    case VG_PTX_F64:
        return fns[2][compare];
    case VG_PTX_F16:
        return fns[ftz ? 4 : 3][compare];
    case VG_PTX_BF16:
        return fns[5][compare];
    default:
        return NULL;
    }
}

static vg_iop_fn *
pick_integer(enum vg_ptx_type type, unsigned compare, bool is_unsigned)
{
    static vg_iop_fn *const equal[2][3] = { { eq_16, eq_32, eq_64 },
                                            { ne_16, ne_32, ne_64 } };
    static vg_iop_fn *const ordered[2][4][3] = {
        { { lt_u16, lt_u32, lt_u64 },
          { le_u16, le_u32, le_u64 },
          { gt_u16, gt_u32, gt_u64 },
          { ge_u16, ge_u32, ge_u64 } },
        { { lt_s16, lt_s32, lt_s64 },
          { le_s16, le_s32, le_s64 },
          { gt_s16, gt_s32, gt_s64 },
          { ge_s16, ge_s32, ge_s64 } },
    };
    if (compare <= NE) {
        return equal[compare][vg_width(type)];
    }
    if (compare > GE) {
        return NULL;
    }
    return ordered[vg_signed(type) && !is_unsigned][compare - LT][vg_width(type)];
}

static unsigned
pick_bool(const struct vg_ptx_insn *insn)
{
    return vg_ptx_has(insn, VG_PTX_MOD_AND)   ? BOOL_AND
           : vg_ptx_has(insn, VG_PTX_MOD_OR)  ? BOOL_OR
           : vg_ptx_has(insn, VG_PTX_MOD_XOR) ? BOOL_XOR
                                              : BOOL_NONE;
}

/* The comparison itself; @type is that of the sources, p and q the destinations. */
static int
emit_compare(struct vg_dec *d, const struct vg_ptx_insn *insn, enum vg_ptx_type type,
             uint32_t p, uint32_t q)
{
    bool is_unsigned = false;
    const unsigned compare = pick_compare(insn, &is_unsigned);
    const bool is_float = vg_ptx_type_class(type) == VG_PTX_FLOAT;
    const unsigned mode = pick_bool(insn);
    if (compare == N_COMPARES || insn->n_operands != (mode == BOOL_NONE ? 3 : 4) ||
        type == VG_PTX_PRED) {
        return vg_dec_refuse(d, NULL);
    }
    vg_iop_fn *run = is_float
                         ? pick_float(type, compare, vg_ptx_has(insn, VG_PTX_MOD_FTZ))
                         : pick_integer(type, compare, is_unsigned);
    if (run == NULL) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t slots[4] = { p, 0, 0, 0 };
    slots[1] = vg_dec_src(d, &insn->operands[1], type);
    slots[2] = vg_dec_src(d, &insn->operands[2], type);
    const uint32_t with = mode == BOOL_NONE ? 0 : vg_dec_pred(d, &insn->operands[3]);
    struct vg_iop *op = vg_dec_emit4(d, run, slots);
    op->e = with;
    op->f = q == UINT32_MAX ? 0 : q;
    op->mode = (uint8_t)(mode | (q == UINT32_MAX ? 0u : BOOL_PAIR));
    return 0;
}

static int
decode_setp(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const struct vg_ptx_operand *dst = &insn->operands[0];
    if (insn->types[0] == VG_PTX_F16X2 || insn->types[0] == VG_PTX_BF16X2) {
        return VG_ISA(vg_decode_half)(d, insn);
    }
    uint32_t q = UINT32_MAX;
    if (dst->kind == VG_PTX_OPERAND_PAIR) {
        q = vg_dec_dst(d, &dst->elems[1], VG_PTX_PRED);
        dst = &dst->elems[0];
    }
    return emit_compare(d, insn, insn->types[0], vg_dec_dst(d, dst, VG_PTX_PRED), q);
}

/* --- set: a predicate made a number --- */

static int
spread_32(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t p = *vg_pred(w, op->a);
    const uint32_t yes = (uint32_t)op->imm;
    uint32_t *d = vg_row32(w, op->d);
    VG_LANE_LOOP(mask, uint32_t, d, (p >> l & 1) != 0 ? yes : 0);
    return VG_STEP_NEXT;
}

static int
decode_set(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type to = insn->types[0];
    if (insn->n_types == 2 &&
        (insn->types[1] == VG_PTX_F16X2 || insn->types[1] == VG_PTX_BF16X2)) {
        return VG_ISA(vg_decode_half)(d, insn);
    }
    if (insn->n_types != 2 || vg_ptx_type_bits(to) > 32 || to == VG_PTX_F16X2 ||
        to == VG_PTX_BF16X2 || insn->types[1] == VG_PTX_F16X2 ||
        insn->types[1] == VG_PTX_BF16X2) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t p = vg_dec_temp(d, 1);
    const int r = emit_compare(d, insn, insn->types[1], p, UINT32_MAX);
    if (r != 0) {
        return r;
    }
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], to);
    struct vg_iop *op = vg_dec_emit(d, spread_32);
    op->d = dst;
    op->a = p;
    op->imm = to == VG_PTX_F32             ? 0x3f800000
              : to == VG_PTX_F16           ? 0x3c00
              : to == VG_PTX_BF16          ? 0x3f80
              : vg_ptx_type_bits(to) == 16 ? 0xffff
                                           : (int64_t)UINT32_MAX;
    return 0;
}

/* --- selections --- */

#define SELECT(name, R)                                                        \
    static int name(struct vg_warp *w, const struct vg_iop *op, uint32_t mask) \
    {                                                                          \
        R *d = VG_ROW(R, w, op->d);                                            \
        const R *a = VG_ROW(R, w, op->a);                                      \
        const R *b = VG_ROW(R, w, op->b);                                      \
        const uint32_t p = *vg_pred(w, op->c);                                 \
        VG_LANE_LOOP(mask, R, d, (p >> l & 1) != 0 ? a[l] : b[l]);             \
        return VG_STEP_NEXT;                                                   \
    }
SELECT(select_32, uint32_t)
SELECT(select_64, uint64_t)

static int
decode_selp(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type type = insn->types[0];
    if (insn->n_operands != 4) {
        return vg_dec_refuse(d, NULL);
    }
    uint32_t slots[4];
    slots[1] = vg_dec_src(d, &insn->operands[1], type);
    slots[2] = vg_dec_src(d, &insn->operands[2], type);
    slots[3] = vg_dec_pred(d, &insn->operands[3]);
    slots[0] = vg_dec_dst(d, &insn->operands[0], type);
    vg_dec_emit4(d, vg_width(type) == 2 ? select_64 : select_32, slots);
    return 0;
}

/* -0.0 and, with .ftz, negative subnormals count as zero; a NaN selects b */
#define PICK(name, R, TEST) \
    VG_HANDLER3(name, R, R, R, R, R, uint32_t, uint32_t, (TEST) ? x : y)
PICK(slct_s_32, uint32_t, (int32_t)z >= 0)
PICK(slct_s_64, uint64_t, (int32_t)z >= 0)
PICK(slct_f_32, uint32_t, vg_bits_f32(z) >= 0.0f)
PICK(slct_f_64, uint64_t, vg_bits_f32(z) >= 0.0f)
PICK(slct_ff_32, uint32_t, vg_bits_f32(vg_ftz(z)) >= 0.0f)
PICK(slct_ff_64, uint64_t, vg_bits_f32(vg_ftz(z)) >= 0.0f)

static int
decode_slct(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[3][2] = { { slct_s_32, slct_s_64 },
                                          { slct_f_32, slct_f_64 },
                                          { slct_ff_32, slct_ff_64 } };
    if (insn->n_types != 2 || insn->n_operands != 4) {
        return vg_dec_refuse(d, NULL);
    }
    const enum vg_ptx_type type = insn->types[0];
    const unsigned row = insn->types[1] != VG_PTX_F32       ? 0
                         : vg_ptx_has(insn, VG_PTX_MOD_FTZ) ? 2
                                                            : 1;
    uint32_t slots[4];
    slots[1] = vg_dec_src(d, &insn->operands[1], type);
    slots[2] = vg_dec_src(d, &insn->operands[2], type);
    slots[3] = vg_dec_src(d, &insn->operands[3], insn->types[1]);
    slots[0] = vg_dec_dst(d, &insn->operands[0], type);
    vg_dec_emit4(d, fns[row][vg_width(type) == 2], slots);
    return 0;
}

int
VG_ISA(vg_decode_compare)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    if (insn->n_types == 0) {
        return vg_dec_refuse(d, NULL);
    }
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_SETP:
        return decode_setp(d, insn);
    case VG_PTX_OP_SET:
        return decode_set(d, insn);
    case VG_PTX_OP_SELP:
        return decode_selp(d, insn);
    default:
        return decode_slct(d, insn);
    }
}
