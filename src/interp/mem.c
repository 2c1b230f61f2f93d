/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mem - loads and stores (PTX ISA, Data Movement: ld, ldu, st).
 *
 * First the 32 addresses become 32 host addresses, checked as a whole where they lie in
 * one range and lane by lane where they do not; then the elements are moved. Relaxed,
 * acquire, release and volatile accesses are plain ones: the host's memory order is
 * stronger, and a handler never keeps a value.
 */

#include "interp/alu.h"
#include "interp/lanes.h"

/* --- moving elements --- */

#define LOAD(name, R, E, X)                                              \
    static void name(struct vg_warp *w, uint32_t slot, uint32_t mask,    \
                     const uint64_t *at, uint32_t offset, uint64_t keep) \
    {                                                                    \
        R *d = VG_ROW(R, w, slot);                                       \
        if (mask == VG_FULL) {                                           \
            for (uint32_t l = 0; l < VG_LANES; l++) {                    \
                E e;                                                     \
                memcpy(&e, vg_host(at[l] + offset), sizeof(e));          \
                d[l] = (R)(X)e & (R)keep;                                \
            }                                                            \
            return;                                                      \
        }                                                                \
        VG_EACH_LANE(l, mask)                                            \
        {                                                                \
            E e;                                                         \
            memcpy(&e, vg_host(at[l] + offset), sizeof(e));              \
            d[l] = (R)(X)e & (R)keep;                                    \
        }                                                                \
    }

/* row, element, the element as it is extended */
LOAD(load_u8_32, uint32_t, uint8_t, uint8_t)
LOAD(load_s8_32, uint32_t, int8_t, int32_t)
LOAD(load_u16_32, uint32_t, uint16_t, uint16_t)
LOAD(load_s16_32, uint32_t, int16_t, int32_t)
LOAD(load_32_32, uint32_t, uint32_t, uint32_t)
LOAD(load_u8_64, uint64_t, uint8_t, uint8_t)
LOAD(load_s8_64, uint64_t, int8_t, int64_t)
LOAD(load_u16_64, uint64_t, uint16_t, uint16_t)
LOAD(load_s16_64, uint64_t, int16_t, int64_t)
LOAD(load_u32_64, uint64_t, uint32_t, uint32_t)
LOAD(load_s32_64, uint64_t, int32_t, int64_t)
LOAD(load_64_64, uint64_t, uint64_t, uint64_t)

#define STORE(name, R, E)                                             \
    static void name(struct vg_warp *w, uint32_t slot, uint32_t mask, \
                     const uint64_t *at, uint32_t offset)             \
    {                                                                 \
        const R *s = VG_ROW(R, w, slot);                              \
        VG_EACH_LANE(l, mask)                                         \
        {                                                             \
            const E e = (E)s[l];                                      \
            memcpy(vg_host(at[l] + offset), &e, sizeof(e));           \
        }                                                             \
    }

STORE(store_8_32, uint32_t, uint8_t)
STORE(store_16_32, uint32_t, uint16_t)
STORE(store_32_32, uint32_t, uint32_t)
STORE(store_8_64, uint64_t, uint8_t)
STORE(store_16_64, uint64_t, uint16_t)
STORE(store_32_64, uint64_t, uint32_t)
STORE(store_64_64, uint64_t, uint64_t)

typedef void
load_fn(struct vg_warp *, uint32_t, uint32_t, const uint64_t *, uint32_t, uint64_t);
typedef void store_fn(struct vg_warp *, uint32_t, uint32_t, const uint64_t *, uint32_t);

struct element {
    uint32_t slot;
    union {
        load_fn *load;
        store_fn *store;
    } fn;
    uint64_t keep; /* bits of the register: 16-bit values stay zero-extended */
};

static load_fn *
pick_load(unsigned size, bool is_signed, bool wide)
{
    static load_fn *const fns[2][2][4] = {
        { { load_u8_32, load_u16_32, load_32_32, NULL },
          { load_s8_32, load_s16_32, load_32_32, NULL } },
        { { load_u8_64, load_u16_64, load_u32_64, load_64_64 },
          { load_s8_64, load_s16_64, load_s32_64, load_64_64 } },
    };
    return fns[wide][is_signed][__builtin_ctz(size)];
}

static store_fn *
pick_store(unsigned size, bool wide)
{
    static store_fn *const fns[2][4] = {
        { store_8_32, store_16_32, store_32_32, NULL },
        { store_8_64, store_16_64, store_32_64, store_64_64 },
    };
    return fns[wide][__builtin_ctz(size)];
}

/* --- loads --- */

static int
load_lanes(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct element *e = op->ext;
    uint64_t at[VG_LANES];
    if (!vg_lanes_at(w, op, mask, at)) {
        return VG_STEP_FAULT;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        e[i].fn.load(w, e[i].slot, mask, at, i * op->size, e[i].keep);
    }
    return VG_STEP_NEXT;
}

/* One 32-bit word a lane, the commonest load of all. */
static int
load_word(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint64_t at[VG_LANES];
    uint32_t *d = vg_row32(w, op->d);
    if (!vg_lanes_at(w, op, mask, at)) {
        return VG_STEP_FAULT;
    }
    if (mask != VG_FULL) {
        load_32_32(w, op->d, mask, at, 0, UINT32_MAX);
        return VG_STEP_NEXT;
    }
    uint64_t apart = 0;
    VG_VECTOR
    for (uint32_t l = 0; l < VG_LANES; l++) {
        apart |= at[l] ^ (at[0] + (uint64_t)l * 4);
    }
    if (apart == 0) {
        memcpy(d, vg_host(at[0]), sizeof(uint32_t) * VG_LANES);
    } else {
        load_32_32(w, op->d, mask, at, 0, UINT32_MAX);
    }
    return VG_STEP_NEXT;
}

/* A kernel parameter: the same bytes for every lane. */
static int
load_param(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct element *e = op->ext;
    uint64_t at[VG_LANES];
    const uint8_t *p = vg_mem_window(w, op, (uint32_t)__builtin_ctz(mask), VG_PTX_PARAM,
                                     (uint64_t)op->imm, op->size);
    if (p == NULL) {
        return VG_STEP_FAULT;
    }
    if (vg_mem_window(w, op, (uint32_t)__builtin_ctz(mask), VG_PTX_PARAM,
                      (uint64_t)op->imm + (op->count - 1u) * (uint64_t)op->size,
                      op->size) == NULL) {
        return VG_STEP_FAULT;
    }
    for (uint32_t l = 0; l < VG_LANES; l++) {
        at[l] = (uint64_t)(uintptr_t)p;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        e[i].fn.load(w, e[i].slot, mask, at, i * op->size, e[i].keep);
    }
    return VG_STEP_NEXT;
}

/* Each lane's copy of a .param variable of the frame. */
static void
own_lanes(const struct vg_warp *w, const struct vg_iop *op, uint64_t at[VG_LANES])
{
    const uint32_t stride = w->frame->code->params_size;

    for (uint32_t l = 0; l < VG_LANES; l++) {
        at[l] = (uint64_t)(uintptr_t)(w->frame->params + (size_t)l * stride) +
                (uint64_t)op->imm;
    }
}

/* A .param variable of a frame: arguments and results of functions. */
static int
load_own(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct element *e = op->ext;
    uint64_t at[VG_LANES];
    own_lanes(w, op, at);
    for (uint32_t i = 0; i < op->count; i++) {
        e[i].fn.load(w, e[i].slot, mask, at, i * op->size, e[i].keep);
    }
    return VG_STEP_NEXT;
}

static int
store_lanes(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct element *e = op->ext;
    uint64_t at[VG_LANES];
    if (!vg_lanes_at(w, op, mask, at)) {
        return VG_STEP_FAULT;
    }
    /* lane by lane in order where two lanes may write the same place: the last wins */
    for (uint32_t i = 0; i < op->count; i++) {
        e[i].fn.store(w, e[i].slot, mask, at, i * op->size);
    }
    return VG_STEP_NEXT;
}

static int
store_own(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const struct element *e = op->ext;
    uint64_t at[VG_LANES];
    own_lanes(w, op, at);
    for (uint32_t i = 0; i < op->count; i++) {
        e[i].fn.store(w, e[i].slot, mask, at, i * op->size);
    }
    return VG_STEP_NEXT;
}

/* --- decoding --- */

static bool
element_load(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type,
             struct element *out)
{
    const unsigned size = vg_ptx_type_bits(type) / 8;
    unsigned bits = vg_ptx_type_bits(type);
    if (o->kind == VG_PTX_OPERAND_SINK) {
        out->slot = vg_dec_temp(d, bits);
    } else if (o->kind == VG_PTX_OPERAND_REG) {
        bits = vg_dec_reg_bits(d, o->reg);
        out->slot = vg_dec_reg_slot(d, o->reg);
    } else {
        return false;
    }
    if (bits == 1 || bits < size * 8 || size == 0 || size > 8) {
        return false;
    }
    out->keep = bits == 64 ? ~0ull : (1ull << bits) - 1;
    out->fn.load = pick_load(size, vg_signed(type), bits == 64);
    return true;
}

static bool
element_store(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type,
              struct element *out)
{
    const unsigned bits = vg_ptx_type_bits(type);
    if (bits < 8 || bits > 64) {
        return false;
    }
    bool wide = bits == 64;
    if (o->kind == VG_PTX_OPERAND_REG) {
        const unsigned have = vg_dec_reg_bits(d, o->reg);
        if (have == 1 || have < bits) {
            return false;
        }
        wide = have == 64;
        out->slot = vg_dec_reg_slot(d, o->reg);
    } else {
        out->slot = vg_dec_src(d, o, type);
    }
    out->fn.store = pick_store(bits / 8, wide);
    return true;
}

static struct element *
decode_elements(struct vg_dec *d, const struct vg_ptx_insn *insn,
                const struct vg_ptx_operand *o, bool is_store)
{
    const struct vg_ptx_operand *elems = o;
    unsigned count = 1;
    if (o->kind == VG_PTX_OPERAND_VECTOR) {
        elems = o->elems;
        count = o->count;
    }
    struct element *e = vg_dec_alloc(d, sizeof(*e) * (count + 1u));
    if (e == NULL || insn->n_types == 0 ||
        count != (insn->vector == 0 ? 1u : insn->vector)) {
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        const bool ok = is_store ? element_store(d, &elems[i], insn->types[0], &e[i])
                                 : element_load(d, &elems[i], insn->types[0], &e[i]);
        if (!ok) {
            return NULL;
        }
    }
    return e;
}

static vg_iop_fn *
pick_access(const struct vg_dec_address *at, bool is_store, enum vg_ptx_space space)
{
    if (space == VG_PTX_PARAM) {
        if (at->is_own_param && at->slot == UINT32_MAX) {
            return is_store ? store_own : load_own;
        }
        if (is_store) {
            return NULL;
        }
        return at->slot == UINT32_MAX ? load_param : load_lanes;
    }
    return is_store ? store_lanes : load_lanes;
}

static int
decode_access(struct vg_dec *d, const struct vg_ptx_insn *insn, bool is_store)
{
    const struct vg_ptx_operand *address = &insn->operands[is_store ? 0 : 1];
    const struct vg_ptx_operand *data = &insn->operands[is_store ? 1 : 0];
    struct vg_dec_address at;

    if (insn->n_operands < 2 || insn->n_types == 0) {
        return vg_dec_refuse(d, NULL);
    }
    const int r = vg_dec_address(d, address, &at);
    if (r != 0) {
        return r;
    }
    struct element *e = decode_elements(d, insn, data, is_store);
    const enum vg_ptx_space space = vg_access_space(insn, &at);
    vg_iop_fn *run = pick_access(&at, is_store, space);
    if (e == NULL || run == NULL) {
        return vg_dec_refuse(d, "operand");
    }
    const unsigned size = vg_ptx_type_bits(insn->types[0]) / 8;
    const unsigned count = insn->vector == 0 ? 1 : insn->vector;
    if (run == load_lanes && count == 1 && e[0].fn.load == load_32_32) {
        run = load_word;
    }
    struct vg_iop *op = vg_dec_emit(d, run);
    op->d = e[0].slot;
    op->ext = e;
    op->size = (uint8_t)size;
    op->count = (uint8_t)count;
    vg_lanes_decode(op, &at, space, size * count, is_store);
    return 0;
}

static int
do_nothing(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    return VG_STEP_NEXT;
}

/* A cache policy is a number that nothing looks at. */
static int
make_policy(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint64_t *d = vg_row64(w, op->d);
    VG_LANE_LOOP(mask, uint64_t, d, 0);
    return VG_STEP_NEXT;
}

static int
decode_policy(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const uint32_t dst = vg_dec_dst(d, &insn->operands[0], VG_PTX_B64);
    vg_dec_emit(d, make_policy)->d = dst;
    return 0;
}

static int
fence_all(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    (void)w;
    (void)op;
    (void)mask;
    /* pairs with the same fence of another block's thread: stores before it are seen by
     * loads after the partner's */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return VG_STEP_NEXT;
}

int
VG_ISA(vg_decode_memory)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_LD:
    case VG_PTX_OP_LDU:
        return decode_access(d, insn, false);
    case VG_PTX_OP_ST:
        if (vg_ptx_has(insn, VG_PTX_MOD_ASYNC) || vg_ptx_has(insn, VG_PTX_MOD_BULK)) {
            return vg_dec_refuse(d, NULL);
        }
        return decode_access(d, insn, true);
    case VG_PTX_OP_MEMBAR:
    case VG_PTX_OP_FENCE:
        if (vg_ptx_has(insn, VG_PTX_MOD_PROXY)) {
            return vg_dec_refuse(d, NULL);
        }
        vg_dec_emit(d, fence_all);
        return 0;
    case VG_PTX_OP_PREFETCH:
    case VG_PTX_OP_PREFETCHU:
    case VG_PTX_OP_APPLYPRIORITY:
    case VG_PTX_OP_DISCARD:
        if (vg_ptx_has(insn, VG_PTX_MOD_TENSOR)) {
            return vg_dec_refuse(d, NULL);
        }
        vg_dec_emit(d, do_nothing);
        return 0;
    case VG_PTX_OP_CREATEPOLICY:
        return decode_policy(d, insn);
    case VG_PTX_OP_CP:
        return VG_ISA(vg_decode_copy)(d, insn);
    default:
        return VG_ISA(vg_decode_move)(d, insn);
    }
}
