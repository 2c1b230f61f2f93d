/* SPDX-License-Identifier: Apache-2.0 */

/*
 * alu_float - f32 and f64 arithmetic that IEEE 754 defines (PTX ISA, Floating Point
 * Instructions).
 *
 * Nearest-even is the host's own arithmetic; other roundings go through directed.c. .ftz
 * flushes subnormal operands and results to zero of the same sign. A NaN result is the
 * canonical one, as the device's is: 7fffffff, fff8000000000000.
 */

#include "interp/alu.h"
#include "interp/directed.h"

#include <math.h>

typedef uint32_t u32;
typedef uint64_t u64;

static inline u32
canon(float v)
{
    return v == v ? vg_f32_bits(v) : 0x7fffffffu;
}

static inline u64
canon64(double v)
{
    return v == v ? vg_f64_bits(v) : 0xfff8000000000000ull;
}

/* NaN becomes 0 */
static inline float
sat(float v)
{
    v = v > 0.0f ? v : 0.0f;
    return v < 1.0f ? v : 1.0f;
}

#define F(bits) vg_bits_f32(bits)
#define Z(bits) vg_bits_f32(vg_ftz(bits))
#define D(bits) vg_bits_f64(bits)

/* plain, ftz, sat, ftz and sat */
#define FLOAT2(name, EXPR)                                                              \
    static inline float name##_x(float x, float y)                                      \
    {                                                                                   \
        return EXPR;                                                                    \
    }                                                                                   \
    VG_HANDLER2(name, u32, u32, u32, u32, u32, canon(name##_x(F(x), F(y))))             \
    VG_HANDLER2(name##_z, u32, u32, u32, u32, u32, vg_ftz(canon(name##_x(Z(x), Z(y))))) \
    VG_HANDLER2(name##_s, u32, u32, u32, u32, u32,                                      \
                vg_f32_bits(sat(name##_x(F(x), F(y)))))                                 \
    VG_HANDLER2(name##_zs, u32, u32, u32, u32, u32,                                     \
                vg_ftz(vg_f32_bits(sat(name##_x(Z(x), Z(y))))))
#define FLOAT3(name, EXPR)                                    \
    static inline float name##_x(float x, float y, float z)   \
    {                                                         \
        return EXPR;                                          \
    }                                                         \
    VG_HANDLER3(name, u32, u32, u32, u32, u32, u32, u32,      \
                canon(name##_x(F(x), F(y), F(z))))            \
    VG_HANDLER3(name##_z, u32, u32, u32, u32, u32, u32, u32,  \
                vg_ftz(canon(name##_x(Z(x), Z(y), Z(z)))))    \
    VG_HANDLER3(name##_s, u32, u32, u32, u32, u32, u32, u32,  \
                vg_f32_bits(sat(name##_x(F(x), F(y), F(z))))) \
    VG_HANDLER3(name##_zs, u32, u32, u32, u32, u32, u32, u32, \
                vg_ftz(vg_f32_bits(sat(name##_x(Z(x), Z(y), Z(z))))))

FLOAT2(add, x + y)
FLOAT2(sub, x - y)
FLOAT2(mul, x *y)
FLOAT2(div, x / y)
FLOAT3(fmadd, __builtin_fmaf(x, y, z))

VG_HANDLER2(add_d, u64, u64, u64, u64, u64, canon64(D(x) + D(y)))
VG_HANDLER2(sub_d, u64, u64, u64, u64, u64, canon64(D(x) - D(y)))
VG_HANDLER2(mul_d, u64, u64, u64, u64, u64, canon64(D(x) * D(y)))
VG_HANDLER2(div_d, u64, u64, u64, u64, u64, canon64(D(x) / D(y)))
VG_HANDLER3(fma_d, u64, u64, u64, u64, u64, u64, u64,
            canon64(__builtin_fma(D(x), D(y), D(z))))

VG_HANDLER1(rcp, u32, u32, u32, canon(1.0f / F(x)))
VG_HANDLER1(rcp_z, u32, u32, u32, vg_ftz(canon(1.0f / Z(x))))
VG_HANDLER1(sqrt_f, u32, u32, u32, canon(__builtin_sqrtf(F(x))))
VG_HANDLER1(sqrt_f_z, u32, u32, u32, canon(__builtin_sqrtf(Z(x))))
VG_HANDLER1(rcp_d, u64, u64, u64, canon64(1.0 / D(x)))
VG_HANDLER1(sqrt_d, u64, u64, u64, canon64(__builtin_sqrt(D(x))))

/* --- sign and order --- */

VG_HANDLER1(abs_f, u32, u32, u32, x & 0x7fffffffu)
VG_HANDLER1(abs_f_z, u32, u32, u32, vg_ftz(x) & 0x7fffffffu)
VG_HANDLER1(neg_f, u32, u32, u32, x ^ 0x80000000u)
VG_HANDLER1(neg_f_z, u32, u32, u32, vg_ftz(x) ^ 0x80000000u)
VG_HANDLER1(abs_d, u64, u64, u64, x & ~(1ull << 63))
VG_HANDLER1(neg_d, u64, u64, u64, x ^ 1ull << 63)
VG_HANDLER2(copysign_f, u32, u32, u32, u32, u32, (x & 0x80000000u) | (y & 0x7fffffffu))
VG_HANDLER2(copysign_d, u64, u64, u64, u64, u64, (x & 1ull << 63) | (y & ~(1ull << 63)))

/* A number wins over a NaN; -0 lies below +0. */
static inline u32
min_bits(u32 bx, u32 by)
{
    const float x = F(bx);
    const float y = F(by);
    const u32 equal = bx | by;
    u32 r = x < y ? bx : y < x ? by : equal;
    r = y != y ? bx : r;
    r = x != x ? by : r;
    return x != x && y != y ? 0x7fffffffu : r;
}

static inline u32
max_bits(u32 bx, u32 by)
{
    const float x = F(bx);
    const float y = F(by);
    const u32 equal = bx & by;
    u32 r = x > y ? bx : y > x ? by : equal;
    r = y != y ? bx : r;
    r = x != x ? by : r;
    return x != x && y != y ? 0x7fffffffu : r;
}

static inline u64
min_bits64(u64 bx, u64 by)
{
    const double x = D(bx);
    const double y = D(by);
    const u64 r = x < y ? bx : y < x ? by : x != x ? by : y != y ? bx : bx | by;
    return x != x && y != y ? 0xfff8000000000000ull : r;
}

static inline u64
max_bits64(u64 bx, u64 by)
{
    const double x = D(bx);
    const double y = D(by);
    const u64 r = x > y ? bx : y > x ? by : x != x ? by : y != y ? bx : bx & by;
    return x != x && y != y ? 0xfff8000000000000ull : r;
}

static inline u32
with_nan(u32 r, u32 bx, u32 by)
{
    return F(bx) != F(bx) || F(by) != F(by) ? 0x7fffffffu : r;
}

/* .xorsign.abs: order of the magnitudes, sign of the product */
static inline u32
signed_by(u32 r, u32 bx, u32 by)
{
    return (r & 0x7fffffffu) | ((bx ^ by) & 0x80000000u);
}

#define MAG(v) ((v)&0x7fffffffu)
#define ORDER(name, fn)                                                                 \
    VG_HANDLER2(name, u32, u32, u32, u32, u32, fn(x, y))                                \
    VG_HANDLER2(name##_z, u32, u32, u32, u32, u32, fn(vg_ftz(x), vg_ftz(y)))            \
    VG_HANDLER2(name##_n, u32, u32, u32, u32, u32, with_nan(fn(x, y), x, y))            \
    VG_HANDLER2(name##_zn, u32, u32, u32, u32, u32,                                     \
                with_nan(fn(vg_ftz(x), vg_ftz(y)), x, y))                               \
    VG_HANDLER2(name##_x, u32, u32, u32, u32, u32, signed_by(fn(MAG(x), MAG(y)), x, y)) \
    VG_HANDLER2(name##_zx, u32, u32, u32, u32, u32,                                     \
                signed_by(fn(MAG(vg_ftz(x)), MAG(vg_ftz(y))), x, y))                    \
    VG_HANDLER2(name##_nx, u32, u32, u32, u32, u32,                                     \
                with_nan(signed_by(fn(MAG(x), MAG(y)), x, y), x, y))                    \
    VG_HANDLER2(name##_znx, u32, u32, u32, u32, u32,                                    \
                with_nan(signed_by(fn(MAG(vg_ftz(x)), MAG(vg_ftz(y))), x, y), x, y))
ORDER(min, min_bits)
ORDER(max, max_bits)
VG_HANDLER2(min_d, u64, u64, u64, u64, u64, min_bits64(x, y))
VG_HANDLER2(max_d, u64, u64, u64, u64, u64, max_bits64(x, y))

/* --- testp --- */

enum {
    T_FINITE,
    T_INFINITE,
    T_NUMBER,
    T_NAN,
    T_NORMAL,
    T_SUBNORMAL
};

static inline bool
test_bits(u64 abs, u64 inf, u64 least_normal, unsigned what)
{
    switch (what) {
    case T_FINITE:
        return abs < inf;
    case T_INFINITE:
        return abs == inf;
    case T_NUMBER:
        return abs <= inf;
    case T_NAN:
        return abs > inf;
    case T_NORMAL:
        return abs >= least_normal && abs < inf;
    default:
        return abs != 0 && abs < least_normal;
    }
}

static int
testp(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u32 bits = 0;
    VG_EACH_LANE(l, mask)
    {
        bool yes;
        if (op->size == 8) {
            const u64 abs = vg_row64(w, op->a)[l] & ~(1ull << 63);
            yes = test_bits(abs, 0x7ff0000000000000ull, 0x0010000000000000ull, op->mode);
        } else {
            const u32 abs = vg_row32(w, op->a)[l] & 0x7fffffffu;
            yes = test_bits(abs, 0x7f800000u, 0x00800000u, op->mode);
        }
        bits |= (u32)yes << l;
    }
    vg_pred_set(w, op->d, mask, bits);
    return VG_STEP_NEXT;
}

static int
decode_testp(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static const uint16_t mods[6] = { VG_PTX_MOD_FINITE, VG_PTX_MOD_INFINITE,
                                      VG_PTX_MOD_NUMBER, VG_PTX_MOD_NOTANUMBER,
                                      VG_PTX_MOD_NORMAL, VG_PTX_MOD_SUBNORMAL };
    unsigned mode = 0;
    while (mode < 6 && !vg_ptx_has(insn, mods[mode])) {
        mode++;
    }
    if (mode == 6 || insn->n_operands != 2) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t a = vg_dec_src(d, &insn->operands[1], insn->types[0]);
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], VG_PTX_PRED);
    struct vg_iop *op = vg_dec_emit(d, testp);
    op->d = dst;
    op->a = a;
    op->mode = (uint8_t)mode;
    op->size = insn->types[0] == VG_PTX_F64 ? 8 : 4;
    return 0;
}

/* --- directed rounding --- */

static int
directed_32(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const bool ftz = (op->size & 1) != 0;
    u32 *d = vg_row32(w, op->d);
    const u32 *a = vg_row32(w, op->a);
    const u32 *b = vg_row32(w, op->b);
    const u32 *c = vg_row32(w, op->c);
    VG_EACH_LANE(l, mask)
    {
        const float r = vg_directed_f32(op->count, op->mode, ftz ? Z(a[l]) : F(a[l]),
                                        ftz ? Z(b[l]) : F(b[l]), ftz ? Z(c[l]) : F(c[l]));
        const u32 bits = (op->size & 2) != 0 ? vg_f32_bits(sat(r)) : canon(r);
        d[l] = ftz ? vg_ftz(bits) : bits;
    }
    return VG_STEP_NEXT;
}

static int
directed_64(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    u64 *d = vg_row64(w, op->d);
    const u64 *a = vg_row64(w, op->a);
    const u64 *b = vg_row64(w, op->b);
    const u64 *c = vg_row64(w, op->c);
    VG_EACH_LANE(l, mask)
    {
        d[l] = canon64(vg_directed_f64(op->count, op->mode, D(a[l]), D(b[l]), D(c[l])));
    }
    return VG_STEP_NEXT;
}

static enum vg_direction
direction(const struct vg_ptx_insn *insn)
{
    return vg_ptx_has(insn, VG_PTX_MOD_RZ)   ? VG_TO_ZERO
           : vg_ptx_has(insn, VG_PTX_MOD_RM) ? VG_DOWN
           : vg_ptx_has(insn, VG_PTX_MOD_RP) ? VG_UP
                                             : VG_NEAREST;
}

static int
decode_directed(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static const struct {
        uint16_t op;
        uint8_t what, sources;
    } table[] = {
        { VG_PTX_OP_ADD, VG_DIRECTED_ADD, 2 }, { VG_PTX_OP_SUB, VG_DIRECTED_SUB, 2 },
        { VG_PTX_OP_MUL, VG_DIRECTED_MUL, 2 }, { VG_PTX_OP_FMA, VG_DIRECTED_FMA, 3 },
        { VG_PTX_OP_MAD, VG_DIRECTED_FMA, 3 }, { VG_PTX_OP_DIV, VG_DIRECTED_DIV, 2 },
        { VG_PTX_OP_RCP, VG_DIRECTED_RCP, 1 }, { VG_PTX_OP_SQRT, VG_DIRECTED_SQRT, 1 },
    };
    const enum vg_ptx_type type = insn->types[0];
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].op != insn->op || insn->n_operands != table[i].sources + 1u) {
            continue;
        }
        const int r = vg_dec_plain(
            d, insn, type == VG_PTX_F64 ? directed_64 : directed_32, type, type);
        struct vg_iop *op = vg_dec_last(d);
        if (r == 0) {
            /* unused sources read a row that exists */
            op->b = table[i].sources < 2 ? op->a : op->b;
            op->c = table[i].sources < 3 ? op->a : op->c;
            op->count = table[i].what;
            op->mode = (uint8_t)direction(insn);
            op->size = (uint8_t)((vg_ptx_has(insn, VG_PTX_MOD_FTZ) ? 1 : 0) |
                                 (vg_ptx_has(insn, VG_PTX_MOD_SAT) ? 2 : 0));
        }
        return r;
    }
    return vg_dec_refuse(d, NULL);
}

/* --- picking --- */

#define FOUR(name)                          \
    {                                       \
        name, name##_z, name##_s, name##_zs \
    }

static vg_iop_fn *
pick_f32(const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[5][4] = { FOUR(add), FOUR(sub), FOUR(mul), FOUR(fmadd),
                                          FOUR(div) };
    const bool ftz = vg_ptx_has(insn, VG_PTX_MOD_FTZ);
    const unsigned how = (ftz ? 1 : 0) + (vg_ptx_has(insn, VG_PTX_MOD_SAT) ? 2 : 0);
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_ADD:
        return fns[0][how];
    case VG_PTX_OP_SUB:
        return fns[1][how];
    case VG_PTX_OP_MUL:
        return fns[2][how];
    case VG_PTX_OP_FMA:
    case VG_PTX_OP_MAD:
        return fns[3][how];
    case VG_PTX_OP_DIV:
        return fns[4][how];
    case VG_PTX_OP_RCP:
        return ftz ? rcp_z : rcp;
    case VG_PTX_OP_SQRT:
        return ftz ? sqrt_f_z : sqrt_f;
    case VG_PTX_OP_ABS:
        return ftz ? abs_f_z : abs_f;
    case VG_PTX_OP_NEG:
        return ftz ? neg_f_z : neg_f;
    case VG_PTX_OP_COPYSIGN:
        return copysign_f;
    default:
        return NULL;
    }
}

static vg_iop_fn *
pick_f64(const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_ADD:
        return add_d;
    case VG_PTX_OP_SUB:
        return sub_d;
    case VG_PTX_OP_MUL:
        return mul_d;
    case VG_PTX_OP_FMA:
    case VG_PTX_OP_MAD:
        return fma_d;
    case VG_PTX_OP_DIV:
        return div_d;
    case VG_PTX_OP_RCP:
        return rcp_d;
    case VG_PTX_OP_SQRT:
        return sqrt_d;
    case VG_PTX_OP_ABS:
        return abs_d;
    case VG_PTX_OP_NEG:
        return neg_d;
    case VG_PTX_OP_COPYSIGN:
        return copysign_d;
    case VG_PTX_OP_MIN:
        return min_d;
    case VG_PTX_OP_MAX:
        return max_d;
    default:
        return NULL;
    }
}

static vg_iop_fn *
pick_order(const struct vg_ptx_insn *insn)
{
    static vg_iop_fn *const fns[2][8] = {
        { min, min_z, min_n, min_zn, min_x, min_zx, min_nx, min_znx },
        { max, max_z, max_n, max_zn, max_x, max_zx, max_nx, max_znx },
    };
    const unsigned how = (vg_ptx_has(insn, VG_PTX_MOD_FTZ) ? 1 : 0) +
                         (vg_ptx_has(insn, VG_PTX_MOD_NAN_RESULT) ? 2 : 0) +
                         (vg_ptx_has(insn, VG_PTX_MOD_XORSIGN) ? 4 : 0);
    return fns[insn->op == VG_PTX_OP_MAX][how];
}

int
VG_ISA(vg_decode_floating)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const enum vg_ptx_type type = insn->types[0];
    if ((type != VG_PTX_F32 && type != VG_PTX_F64) || insn->n_types != 1 ||
        vg_ptx_has(insn, VG_PTX_MOD_RELU) || insn->n_operands < 2) {
        return vg_dec_refuse(d, NULL);
    }
    if (insn->op == VG_PTX_OP_TESTP) {
        return decode_testp(d, insn);
    }
    if (insn->op == VG_PTX_OP_DIV &&
        (vg_ptx_has(insn, VG_PTX_MOD_APPROX) || vg_ptx_has(insn, VG_PTX_MOD_FULL))) {
        return VG_ISA(vg_decode_approx)(d, insn);
    }
    if (direction(insn) != VG_NEAREST) {
        return decode_directed(d, insn);
    }
    vg_iop_fn *run;
    if (type == VG_PTX_F64) {
        run = pick_f64(insn);
    } else if (insn->op == VG_PTX_OP_MIN || insn->op == VG_PTX_OP_MAX) {
        run = pick_order(insn);
    } else {
        run = pick_f32(insn);
    }
    if (insn->op == VG_PTX_OP_MIN || insn->op == VG_PTX_OP_MAX) {
        if (insn->n_operands != 3) {
            return vg_dec_refuse(d, "three sources");
        }
    }
    return vg_dec_plain(d, insn, run, type, type);
}
