/* SPDX-License-Identifier: Apache-2.0 */

/*
 * atom - atomic operations on memory (PTX ISA: atom, red).
 *
 * Lanes act one after the other, in their order, each by a compare-and-swap of the host,
 * because other blocks run on other threads. Sequentially consistent, which is stronger
 * than any order and scope that can be written.
 */

#include "interp/alu.h"
#include "interp/half.h"
#include "interp/lanes.h"

#define NO_SLOT UINT32_MAX

enum atomic {
    ATOMIC_ADD,
    ATOMIC_MIN,
    ATOMIC_MAX,
    ATOMIC_AND,
    ATOMIC_OR,
    ATOMIC_XOR,
    ATOMIC_EXCH,
    ATOMIC_CAS,
    ATOMIC_INC,
    ATOMIC_DEC,
};

/* op: b and c the operands' slots, d the result's; mode enum atomic; ext the type */
struct atomic_op {
    enum vg_ptx_type type;
    uint32_t b, c;
    bool flush; /* f32 sums flush subnormals, except in shared memory */
};

/* --- new values --- */

static uint64_t
add_f32(const struct atomic_op *x, uint64_t old, uint64_t b)
{
    uint32_t p = (uint32_t)old;
    uint32_t q = (uint32_t)b;
    if (x->flush) {
        p = vg_ftz(p);
        q = vg_ftz(q);
    }
    const float sum = vg_bits_f32(p) + vg_bits_f32(q);
    const uint32_t bits = sum != sum ? 0x7fffffffu : vg_f32_bits(sum);
    return x->flush ? vg_ftz(bits) : bits;
}

static uint64_t
add_half(enum vg_ptx_type type, uint32_t old, uint32_t b)
{
    if (type == VG_PTX_BF16 || type == VG_PTX_BF16X2) {
        return vg_float_bf16(vg_bf16_float(old) + vg_bf16_float(b));
    }
    return vg_float_half(vg_half_float(old) + vg_half_float(b));
}

static uint64_t
new_sum(const struct atomic_op *x, uint64_t old, uint64_t b)
{
    switch (x->type) {
    case VG_PTX_F32:
        return add_f32(x, old, b);
    case VG_PTX_F64:
        return vg_f64_bits(vg_bits_f64(old) + vg_bits_f64(b));
    case VG_PTX_F16:
    case VG_PTX_BF16:
        return add_half(x->type, (uint32_t)old & 0xffffu, (uint32_t)b & 0xffffu);
    case VG_PTX_F16X2:
    case VG_PTX_BF16X2:
        return add_half(x->type, (uint32_t)old & 0xffffu, (uint32_t)b & 0xffffu) |
               add_half(x->type, (uint32_t)old >> 16, (uint32_t)b >> 16) << 16;
    default:
        return old + b;
    }
}

static bool
less(enum vg_ptx_type type, uint64_t x, uint64_t y)
{
    switch (type) {
    case VG_PTX_S32:
        return (int32_t)x < (int32_t)y;
    case VG_PTX_S64:
        return (int64_t)x < (int64_t)y;
    default:
        return x < y;
    }
}

static uint64_t
new_value(const struct atomic_op *x, enum atomic what, uint64_t old, uint64_t b,
          uint64_t c)
{
    switch (what) {
    case ATOMIC_ADD:
        return new_sum(x, old, b);
    case ATOMIC_MIN:
        return less(x->type, b, old) ? b : old;
    case ATOMIC_MAX:
        return less(x->type, old, b) ? b : old;
    case ATOMIC_AND:
        return old & b;
    case ATOMIC_OR:
        return old | b;
    case ATOMIC_XOR:
        return old ^ b;
    case ATOMIC_EXCH:
        return b;
    case ATOMIC_CAS:
        return old == b ? c : old;
    case ATOMIC_INC:
        return old >= b ? 0 : old + 1;
    case ATOMIC_DEC:
        return old == 0 || old > b ? b : old - 1;
    }
    return old;
}

/* --- the exchange --- */

/* pairs with every other atomic access to the same place, of any block's thread */
#define EXCHANGE(name, T)                                                              \
    static uint64_t name(const struct atomic_op *x, enum atomic what, void *at,        \
                         uint64_t b, uint64_t c)                                       \
    {                                                                                  \
        T *p = at;                                                                     \
        T old = __atomic_load_n(p, __ATOMIC_SEQ_CST);                                  \
        while (!__atomic_compare_exchange_n(p, &old, (T)new_value(x, what, old, b, c), \
                                            false, __ATOMIC_SEQ_CST,                   \
                                            __ATOMIC_SEQ_CST)) {                       \
        }                                                                              \
        return old;                                                                    \
    }

EXCHANGE(exchange_16, uint16_t)
EXCHANGE(exchange_32, uint32_t)
EXCHANGE(exchange_64, uint64_t)

static uint64_t
operand(const struct vg_warp *w, uint32_t slot, uint32_t size, uint32_t lane)
{
    if (slot == NO_SLOT) {
        return 0;
    }
    if (size == 8) {
        return vg_row64(w, slot)[lane];
    }
    const uint32_t value = vg_row32(w, slot)[lane];
    return size == 2 ? value & 0xffffu : value;
}

static int
atomic(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct atomic_op *x = op->ext;
    uint64_t at[VG_LANES];

    if (!vg_lanes_at(w, op, mask, at)) {
        return VG_STEP_FAULT;
    }
    VG_EACH_LANE(l, mask)
    {
        const uint64_t b = operand(w, x->b, op->size, l);
        const uint64_t c = operand(w, x->c, op->size, l);
        void *p = vg_host(at[l]);
        const enum atomic what = (enum atomic)op->mode;
        const uint64_t old = op->size == 8   ? exchange_64(x, what, p, b, c)
                             : op->size == 4 ? exchange_32(x, what, p, b, c)
                                             : exchange_16(x, what, p, b, c);
        if (op->d == NO_SLOT) {
            continue;
        }
        if (op->size == 8) {
            vg_row64(w, op->d)[l] = old;
        } else {
            vg_row32(w, op->d)[l] = (uint32_t)old;
        }
    }
    return VG_STEP_NEXT;
}

/* --- decoding --- */

static bool
which_operation(const struct vg_ptx_insn *insn, enum atomic *out)
{
    static const struct {
        uint16_t mod;
        uint8_t what;
    } table[] = {
        { VG_PTX_MOD_ADD, ATOMIC_ADD },   { VG_PTX_MOD_MIN, ATOMIC_MIN },
        { VG_PTX_MOD_MAX, ATOMIC_MAX },   { VG_PTX_MOD_AND, ATOMIC_AND },
        { VG_PTX_MOD_OR, ATOMIC_OR },     { VG_PTX_MOD_XOR, ATOMIC_XOR },
        { VG_PTX_MOD_EXCH, ATOMIC_EXCH }, { VG_PTX_MOD_CAS, ATOMIC_CAS },
        { VG_PTX_MOD_INC, ATOMIC_INC },   { VG_PTX_MOD_DEC, ATOMIC_DEC },
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (vg_ptx_has(insn, table[i].mod)) {
            *out = (enum atomic)table[i].what;
            return true;
        }
    }
    return false;
}

static bool
type_fits(enum atomic what, enum vg_ptx_type type)
{
    const unsigned bits = vg_ptx_type_bits(type);
    const enum vg_ptx_type_class class = vg_ptx_type_class(type);

    if (bits != 16 && bits != 32 && bits != 64) {
        return false;
    }
    switch (what) {
    case ATOMIC_ADD:
        return class != VG_PTX_BITS && (bits > 16 || class == VG_PTX_FLOAT);
    case ATOMIC_MIN:
    case ATOMIC_MAX:
        return bits > 16 && (class == VG_PTX_SIGNED || class == VG_PTX_UNSIGNED);
    case ATOMIC_INC:
    case ATOMIC_DEC:
        return type == VG_PTX_U32;
    case ATOMIC_AND:
    case ATOMIC_OR:
    case ATOMIC_XOR:
        return bits > 16 && class != VG_PTX_FLOAT;
    case ATOMIC_EXCH:
    case ATOMIC_CAS:
        return class != VG_PTX_FLOAT;
    }
    return false;
}

int
VG_ISA(vg_decode_atomic)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const bool is_red = insn->op == VG_PTX_OP_RED;
    const unsigned first = is_red ? 0 : 1; /* the address */
    struct atomic_op *x = vg_dec_alloc(d, sizeof(*x));
    struct vg_dec_address at;
    enum atomic what;

    if (x == NULL || insn->n_types != 1 || insn->vector > 1 ||
        vg_ptx_has(insn, VG_PTX_MOD_ASYNC) || !which_operation(insn, &what) ||
        !type_fits(what, (enum vg_ptx_type)insn->types[0]) ||
        insn->n_operands < first + (what == ATOMIC_CAS ? 3 : 2)) {
        return vg_dec_refuse(d, NULL);
    }
    x->type = (enum vg_ptx_type)insn->types[0];
    const int r = vg_dec_address(d, &insn->operands[first], &at);
    if (r != 0) {
        return r;
    }
    const enum vg_ptx_space space = vg_access_space(insn, &at);
    if (space == VG_PTX_PARAM || space == VG_PTX_CONST || space == VG_PTX_LOCAL) {
        return vg_dec_refuse(d, "state space");
    }
    x->flush = space != VG_PTX_SHARED;
    x->b = vg_dec_src(d, &insn->operands[first + 1], x->type);
    x->c =
        what == ATOMIC_CAS ? vg_dec_src(d, &insn->operands[first + 2], x->type) : NO_SLOT;
    const uint32_t result = is_red ? NO_SLOT : vg_dec_dst(d, &insn->operands[0], x->type);
    struct vg_iop *op = vg_dec_emit(d, atomic);
    op->ext = x;
    op->d = result;
    op->size = (uint8_t)(vg_ptx_type_bits(x->type) / 8);
    op->mode = (uint8_t)what;
    vg_lanes_decode(op, &at, space, op->size, true);
    return 0;
}
