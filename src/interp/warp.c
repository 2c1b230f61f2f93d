/* SPDX-License-Identifier: Apache-2.0 */

/*
 * warp - values exchanged among lanes (PTX ISA: shfl, vote, match, redux, activemask,
 * elect).
 *
 * With .sync every lane names the lanes it waits for. The group waits until all of them
 * that are alive have come to this instruction; lanes that name different sets at the
 * same place form sets of their own.
 */

#include "interp/alu.h"

#define NO_SLOT UINT32_MAX

enum shuffle {
    SHUFFLE_UP,
    SHUFFLE_DOWN,
    SHUFFLE_BFLY,
    SHUFFLE_IDX
};
enum vote {
    VOTE_ALL,
    VOTE_ANY,
    VOTE_UNI,
    VOTE_BALLOT
};
enum redux {
    REDUX_ADD,
    REDUX_MIN,
    REDUX_MAX,
    REDUX_AND,
    REDUX_OR,
    REDUX_XOR
};

/* slots: d, a, b, c as written; e the member masks; f the predicate result */

static int
gather(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint32_t want = 0;

    if (op->e == NO_SLOT || mask == w->live) {
        return VG_STEP_NEXT;
    }
    const uint32_t *members = vg_row32(w, op->e);
    VG_EACH_LANE(l, mask)
    {
        want |= members[l];
    }
    if ((want & w->live & ~mask) == 0) {
        return VG_STEP_NEXT;
    }
    w->want = want | mask;
    return VG_STEP_GATHER;
}

/* The lanes of @mask that named the same members as @lane. */
static uint32_t
peers_of(const struct vg_warp *w, const struct vg_iop *op, uint32_t mask, uint32_t lane)
{
    uint32_t peers = 0;

    if (op->e == NO_SLOT) {
        return mask;
    }
    const uint32_t *members = vg_row32(w, op->e);
    VG_EACH_LANE(l, mask)
    {
        peers |= (uint32_t)(members[l] == members[lane]) << l;
    }
    return peers;
}

/* --- shfl --- */

/* Source lane of @lane; *in_range is the predicate result (PTX ISA, shfl, Semantics). */
static inline uint32_t
shuffle_source(enum shuffle mode, uint32_t lane, uint32_t b, uint32_t c, bool *in_range)
{
    const uint32_t segment = c >> 8 & 31;
    const uint32_t clamp = c & 31;
    const int32_t min = (int32_t)(lane & segment);
    const int32_t max = (int32_t)((lane & segment) | (clamp & ~segment));
    const int32_t by = (int32_t)(b & 31);
    int32_t j = (int32_t)lane;

    switch (mode) {
    case SHUFFLE_UP:
        j -= by;
        *in_range = j >= max;
        break;
    case SHUFFLE_DOWN:
        j += by;
        *in_range = j <= max;
        break;
    case SHUFFLE_BFLY:
        j ^= by;
        *in_range = j <= max;
        break;
    case SHUFFLE_IDX:
        j = min | (by & ~(int32_t)segment);
        *in_range = j <= max;
        break;
    }
    return *in_range ? (uint32_t)j & 31 : lane;
}

static int
shuffle(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint32_t out[VG_LANES];
    uint32_t valid = 0;

    const int step = gather(w, op, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    const uint32_t *a = vg_row32(w, op->a);
    const uint32_t *b = vg_row32(w, op->b);
    const uint32_t *c = vg_row32(w, op->c);
    for (uint32_t l = 0; l < VG_LANES; l++) {
        bool in_range = false;
        out[l] = a[shuffle_source((enum shuffle)op->mode, l, b[l], c[l], &in_range)];
        valid |= (uint32_t)in_range << l;
    }
    uint32_t *d = vg_row32(w, op->d);
    VG_LANE_LOOP(mask, uint32_t, d, out[l]);
    if (op->f != NO_SLOT) {
        vg_pred_set(w, op->f, mask, valid);
    }
    return VG_STEP_NEXT;
}

/* --- vote --- */

static uint32_t
vote_of(enum vote mode, uint32_t yes, uint32_t peers)
{
    switch (mode) {
    case VOTE_ALL:
        return (yes & peers) == peers ? VG_FULL : 0;
    case VOTE_ANY:
        return (yes & peers) != 0 ? VG_FULL : 0;
    case VOTE_UNI:
        return (yes & peers) == peers || (yes & peers) == 0 ? VG_FULL : 0;
    case VOTE_BALLOT:
        return yes & peers;
    }
    return 0;
}

static int
vote(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const int step = gather(w, op, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    const uint32_t yes = *vg_pred(w, op->a);
    uint32_t left = mask;
    while (left != 0) {
        const uint32_t peers = peers_of(w, op, mask, (uint32_t)__builtin_ctz(left));
        const uint32_t result = vote_of((enum vote)op->mode, yes, peers);
        left &= ~peers;
        if (op->mode != VOTE_BALLOT) {
            vg_pred_set(w, op->d, peers, result);
            continue;
        }
        uint32_t *d = vg_row32(w, op->d);
        VG_EACH_LANE(l, peers)
        {
            d[l] = result;
        }
    }
    return VG_STEP_NEXT;
}

/* --- match --- */

static inline uint64_t
match_value(const struct vg_warp *w, const struct vg_iop *op, uint32_t lane)
{
    return op->size == 8 ? vg_row64(w, op->a)[lane] : vg_row32(w, op->a)[lane];
}

static int
match(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const bool is_all = op->mode == VOTE_ALL;
    uint32_t out[VG_LANES] = { 0 };
    uint32_t all = 0;

    const int step = gather(w, op, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    VG_EACH_LANE(l, mask)
    {
        const uint32_t peers = peers_of(w, op, mask, l);
        uint32_t same = 0;
        for (uint32_t k = 0; k < VG_LANES; k++) {
            if ((peers >> k & 1) != 0 && match_value(w, op, k) == match_value(w, op, l)) {
                same |= 1u << k;
            }
        }
        out[l] = is_all && same != peers ? 0 : same;
        all |= (uint32_t)(same == peers) << l;
    }
    uint32_t *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] = out[l];
    }
    if (op->f != NO_SLOT) {
        vg_pred_set(w, op->f, mask, all);
    }
    return VG_STEP_NEXT;
}

/* --- redux --- */

static uint32_t
reduce(enum redux mode, bool is_signed, uint32_t x, uint32_t y)
{
    switch (mode) {
    case REDUX_ADD:
        return x + y;
    case REDUX_MIN:
        return is_signed ? ((int32_t)x < (int32_t)y ? x : y) : (x < y ? x : y);
    case REDUX_MAX:
        return is_signed ? ((int32_t)x > (int32_t)y ? x : y) : (x > y ? x : y);
    case REDUX_AND:
        return x & y;
    case REDUX_OR:
        return x | y;
    case REDUX_XOR:
        return x ^ y;
    }
    return 0;
}

static int
redux(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint32_t out[VG_LANES] = { 0 };

    const int step = gather(w, op, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    const uint32_t *a = vg_row32(w, op->a);
    uint32_t left = mask;
    while (left != 0) {
        const uint32_t first = (uint32_t)__builtin_ctz(left);
        const uint32_t peers = peers_of(w, op, mask, first);
        uint32_t value = a[first];
        VG_EACH_LANE(l, peers & ~(1u << first))
        {
            value = reduce((enum redux)op->mode, op->size != 0, value, a[l]);
        }
        VG_EACH_LANE(l, peers)
        {
            out[l] = value;
        }
        left &= ~peers;
    }
    uint32_t *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] = out[l];
    }
    return VG_STEP_NEXT;
}

/* --- activemask, elect --- */

static int
active_mask(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    uint32_t *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] = mask;
    }
    return VG_STEP_NEXT;
}

static int
elect(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const int step = gather(w, op, mask);
    if (step != VG_STEP_NEXT) {
        return step;
    }
    uint32_t *d = vg_row32(w, op->d);
    uint32_t left = mask;
    uint32_t leaders = 0;
    while (left != 0) {
        const uint32_t leader = (uint32_t)__builtin_ctz(left);
        const uint32_t peers = peers_of(w, op, mask, leader);
        VG_EACH_LANE(l, peers)
        {
            d[l] = leader;
        }
        leaders |= 1u << leader;
        left &= ~peers;
    }
    if (op->f != NO_SLOT) {
        vg_pred_set(w, op->f, mask, leaders);
    }
    return VG_STEP_NEXT;
}

/* --- decoding --- */

/* d|p: p may be missing, either may be a sink. */
static void
pair_slots(struct vg_dec *d, const struct vg_ptx_operand *o, uint32_t *out_value,
           uint32_t *out_pred)
{
    *out_pred = NO_SLOT;
    if (o->kind == VG_PTX_OPERAND_PAIR) {
        if (o->elems[1].kind != VG_PTX_OPERAND_SINK) {
            *out_pred = vg_dec_dst(d, &o->elems[1], VG_PTX_PRED);
        }
        o = &o->elems[0];
    }
    *out_value = vg_dec_dst(d, o, VG_PTX_B32);
}

static bool
is_sync(const struct vg_ptx_insn *insn)
{
    return vg_ptx_has(insn, VG_PTX_MOD_SYNC);
}

static int
decode_shuffle(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    uint32_t value;
    uint32_t pred;

    if (insn->n_operands != (is_sync(insn) ? 5 : 4)) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t a = vg_dec_src(d, &insn->operands[1], VG_PTX_B32);
    const uint32_t b = vg_dec_src(d, &insn->operands[2], VG_PTX_B32);
    const uint32_t c = vg_dec_src(d, &insn->operands[3], VG_PTX_B32);
    const uint32_t members =
        is_sync(insn) ? vg_dec_src(d, &insn->operands[4], VG_PTX_B32) : NO_SLOT;
    pair_slots(d, &insn->operands[0], &value, &pred);
    struct vg_iop *op = vg_dec_emit4(d, shuffle, (const uint32_t[4]){ value, a, b, c });
    op->e = members;
    op->f = pred;
    op->mode = vg_ptx_has(insn, VG_PTX_MOD_UP)     ? SHUFFLE_UP
               : vg_ptx_has(insn, VG_PTX_MOD_DOWN) ? SHUFFLE_DOWN
               : vg_ptx_has(insn, VG_PTX_MOD_BFLY) ? SHUFFLE_BFLY
                                                   : SHUFFLE_IDX;
    return 0;
}

static int
decode_vote(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    const bool ballot = vg_ptx_has(insn, VG_PTX_MOD_BALLOT);

    if (insn->n_operands != (is_sync(insn) ? 3 : 2)) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t a = vg_dec_pred(d, &insn->operands[1]);
    const uint32_t members =
        is_sync(insn) ? vg_dec_src(d, &insn->operands[2], VG_PTX_B32) : NO_SLOT;
    const uint32_t result =
        vg_dec_dst(d, &insn->operands[0], ballot ? VG_PTX_B32 : VG_PTX_PRED);
    struct vg_iop *op = vg_dec_emit4(d, vote, (const uint32_t[4]){ result, a, 0, 0 });
    op->e = members;
    op->mode = ballot                             ? VOTE_BALLOT
               : vg_ptx_has(insn, VG_PTX_MOD_ALL) ? VOTE_ALL
               : vg_ptx_has(insn, VG_PTX_MOD_ANY) ? VOTE_ANY
                                                  : VOTE_UNI;
    return 0;
}

static int
decode_match(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    uint32_t value;
    uint32_t pred;

    if (insn->n_operands != 3 || insn->n_types != 1) {
        return vg_dec_refuse(d, NULL);
    }
    const enum vg_ptx_type type = (enum vg_ptx_type)insn->types[0];
    const uint32_t a = vg_dec_src(d, &insn->operands[1], type);
    const uint32_t members = vg_dec_src(d, &insn->operands[2], VG_PTX_B32);
    pair_slots(d, &insn->operands[0], &value, &pred);
    struct vg_iop *op = vg_dec_emit4(d, match, (const uint32_t[4]){ value, a, 0, 0 });
    op->e = members;
    op->f = pred;
    op->size = (uint8_t)(vg_ptx_type_bits(type) / 8);
    op->mode = vg_ptx_has(insn, VG_PTX_MOD_ALL) ? VOTE_ALL : VOTE_ANY;
    return 0;
}

static int
decode_redux(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    static const struct {
        uint16_t mod;
        uint8_t mode;
    } modes[] = {
        { VG_PTX_MOD_ADD, REDUX_ADD }, { VG_PTX_MOD_MIN, REDUX_MIN },
        { VG_PTX_MOD_MAX, REDUX_MAX }, { VG_PTX_MOD_AND, REDUX_AND },
        { VG_PTX_MOD_OR, REDUX_OR },   { VG_PTX_MOD_XOR, REDUX_XOR },
    };
    if (insn->n_operands != 3 || insn->n_types != 1 || insn->types[0] == VG_PTX_F32) {
        return vg_dec_refuse(d, NULL);
    }
    const enum vg_ptx_type type = (enum vg_ptx_type)insn->types[0];
    const uint32_t a = vg_dec_src(d, &insn->operands[1], type);
    const uint32_t members = vg_dec_src(d, &insn->operands[2], VG_PTX_B32);
    const uint32_t result = vg_dec_dst(d, &insn->operands[0], type);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (vg_ptx_has(insn, modes[i].mod)) {
            struct vg_iop *op =
                vg_dec_emit4(d, redux, (const uint32_t[4]){ result, a, 0, 0 });
            op->e = members;
            op->mode = modes[i].mode;
            op->size = vg_signed(type) ? 1 : 0;
            return 0;
        }
    }
    return vg_dec_refuse(d, NULL);
}

static int
decode_elect(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    uint32_t value;
    uint32_t pred;

    if (insn->n_operands != 2) {
        return vg_dec_refuse(d, NULL);
    }
    const uint32_t members = vg_dec_src(d, &insn->operands[1], VG_PTX_B32);
    pair_slots(d, &insn->operands[0], &value, &pred);
    struct vg_iop *op = vg_dec_emit4(d, elect, (const uint32_t[4]){ value, 0, 0, 0 });
    op->e = members;
    op->f = pred;
    return 0;
}

int
VG_ISA(vg_decode_warp)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_SHFL:
        return decode_shuffle(d, insn);
    case VG_PTX_OP_VOTE:
        return decode_vote(d, insn);
    case VG_PTX_OP_MATCH:
        return decode_match(d, insn);
    case VG_PTX_OP_REDUX:
        return decode_redux(d, insn);
    case VG_PTX_OP_ELECT:
        return decode_elect(d, insn);
    case VG_PTX_OP_ACTIVEMASK:
        if (insn->n_operands != 1) {
            return vg_dec_refuse(d, NULL);
        }
        vg_dec_emit(d, active_mask)->d = vg_dec_dst(d, &insn->operands[0], VG_PTX_B32);
        return 0;
    default:
        return vg_dec_refuse(d, NULL);
    }
}
