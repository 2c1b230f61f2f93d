/* SPDX-License-Identifier: Apache-2.0 */

/*
 * registers - gives virtual registers rows, few enough to stay in the host's cache.
 *
 * A compiler writes thousands of virtual registers, of which a few dozen live at a time.
 * Each gets one interval of instructions, from its first definition to its last use and
 * around the loops it lives through; intervals that do not meet share a row. Each lane
 * runs its own path through the text with its own part of the rows, so what holds for one
 * thread holds for a warp, whatever its lanes do.
 */

#include <errno.h>
#include <stdlib.h>

#include "interp/decode.h"
#include "interp/kernel.h"

#define NONE UINT32_MAX

enum {
    CLASS_PRED,
    CLASS_32,
    CLASS_64,
    N_CLASSES
};

struct block {
    uint32_t first, end; /* instructions [first, end) */
    uint32_t next[2];    /* successors, or NONE; more are in the targets of brx */
    const struct vg_ptx_targets *targets;
};

struct scan {
    const struct vg_ptx_func *func;
    struct block *blocks;
    uint32_t *block_of; /* by instruction; n_insns: the end of the body */
    uint32_t n_blocks;
    uint32_t *home;   /* by register: the one block it is used in; NONE - 1: several */
    uint32_t *global; /* by register: its number among those used in several blocks */
    uint32_t *global_reg;
    uint32_t n_global;
    size_t words; /* of one block's bit set */
    uint64_t *live_in, *use, *def;
    uint32_t *start, *stop; /* by register: its interval */
};

#define MANY (NONE - 1)

typedef void
visit_fn(struct scan *s, uint32_t at, uint32_t reg, bool is_def, bool is_use);

/* --- what an instruction reads and writes --- */

static bool
has_result(const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_ST:
    case VG_PTX_OP_RED:
    case VG_PTX_OP_BRA:
    case VG_PTX_OP_BRX:
    case VG_PTX_OP_CALL:
    case VG_PTX_OP_CP:
    case VG_PTX_OP_STMATRIX:
    case VG_PTX_OP_PREFETCH:
    case VG_PTX_OP_PREFETCHU:
    case VG_PTX_OP_NANOSLEEP:
    case VG_PTX_OP_DISCARD:
    case VG_PTX_OP_APPLYPRIORITY:
    case VG_PTX_OP_STACKRESTORE:
    case VG_PTX_OP_SETMAXNREG:
        return false;
    case VG_PTX_OP_BAR:
    case VG_PTX_OP_BARRIER:
        return vg_ptx_has(insn, VG_PTX_MOD_RED);
    case VG_PTX_OP_WMMA:
        return !vg_ptx_has(insn, VG_PTX_MOD_STORE);
    default:
        return true;
    }
}

static void
visit_reads(struct scan *s, uint32_t at, const struct vg_ptx_operand *o, visit_fn *visit)
{
    if (o->kind == VG_PTX_OPERAND_REG || o->kind == VG_PTX_OPERAND_COMPONENT ||
        (o->kind == VG_PTX_OPERAND_ADDRESS && o->base_kind == VG_PTX_BASE_REG)) {
        visit(s, at, o->reg, false, true);
    }
    for (unsigned i = 0; i < o->count && o->elems != NULL; i++) {
        visit_reads(s, at, &o->elems[i], visit);
    }
}

/* A guarded definition leaves the old value in some lanes: it reads too. */
static void
visit_writes(struct scan *s, uint32_t at, const struct vg_ptx_operand *o, bool guarded,
             visit_fn *visit)
{
    if (o->kind == VG_PTX_OPERAND_REG) {
        visit(s, at, o->reg, true, guarded);
    } else if (o->kind == VG_PTX_OPERAND_VECTOR || o->kind == VG_PTX_OPERAND_PAIR) {
        for (unsigned i = 0; i < o->count; i++) {
            visit_writes(s, at, &o->elems[i], guarded, visit);
        }
    } else {
        /* [address], a component, anything else */
        visit_reads(s, at, o, visit);
    }
}

/* Reads first, so that an instruction that reads and writes a register uses it. */
static void
visit_insn(struct scan *s, uint32_t at, visit_fn *visit)
{
    const struct vg_ptx_insn *insn = &s->func->insns[at];
    const bool writes = insn->n_operands > 0 && has_result(insn);

    if (insn->guard >= 0) {
        visit(s, at, (uint32_t)insn->guard, false, true);
    }
    for (unsigned i = writes ? 1 : 0; i < insn->n_operands; i++) {
        visit_reads(s, at, &insn->operands[i], visit);
    }
    if (writes) {
        visit_writes(s, at, &insn->operands[0], insn->guard >= 0, visit);
    }
}

/* --- blocks --- */

static void
mark_targets(struct scan *s, const struct vg_ptx_insn *insn)
{
    for (unsigned i = 0; i < insn->n_operands; i++) {
        const struct vg_ptx_operand *o = &insn->operands[i];
        if (o->kind == VG_PTX_OPERAND_LABEL) {
            s->block_of[o->target] = 1;
        } else if (o->kind == VG_PTX_OPERAND_TARGETS && insn->op == VG_PTX_OP_BRX) {
            const struct vg_ptx_targets *t = &s->func->targets[o->symbol];
            for (uint32_t k = 0; k < t->n_targets; k++) {
                s->block_of[t->targets[k]] = 1;
            }
        }
    }
}

static bool
ends_block(const struct vg_ptx_insn *insn)
{
    return (vg_ptx_op_flags(insn->op) & (VG_PTX_FLAG_BRANCH | VG_PTX_FLAG_ENDS)) != 0;
}

/* Successors of the block that ends with @insn. */
static void
link_block(struct scan *s, struct block *b)
{
    const struct vg_ptx_insn *insn = &s->func->insns[b->end - 1];
    const bool always =
        insn->guard < 0 && (insn->op == VG_PTX_OP_BRA ||
                            (vg_ptx_op_flags(insn->op) & VG_PTX_FLAG_ENDS) != 0);
    b->next[0] = b->next[1] = NONE;
    b->targets = NULL;
    if (!always && b->end < s->func->n_insns) {
        b->next[0] = s->block_of[b->end];
    }
    for (unsigned i = 0; i < insn->n_operands; i++) {
        const struct vg_ptx_operand *o = &insn->operands[i];
        if (o->kind == VG_PTX_OPERAND_LABEL && o->target < s->func->n_insns) {
            b->next[1] = s->block_of[o->target];
        } else if (o->kind == VG_PTX_OPERAND_TARGETS && insn->op == VG_PTX_OP_BRX) {
            b->targets = &s->func->targets[o->symbol];
        }
    }
}

static int
find_blocks(struct scan *s)
{
    const uint32_t n = s->func->n_insns;
    s->block_of = calloc((size_t)n + 1, sizeof(*s->block_of));
    if (s->block_of == NULL) {
        return -ENOMEM;
    }
    s->block_of[0] = 1;
    for (uint32_t i = 0; i < n; i++) {
        mark_targets(s, &s->func->insns[i]);
        if (ends_block(&s->func->insns[i])) {
            s->block_of[i + 1] = 1;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        s->n_blocks += s->block_of[i];
    }
    s->blocks = calloc((size_t)s->n_blocks + 1, sizeof(*s->blocks));
    if (s->blocks == NULL) {
        return -ENOMEM;
    }
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (s->block_of[i] != 0) {
            s->blocks[k++].first = i;
        }
        s->block_of[i] = k - 1;
        s->blocks[k - 1].end = i + 1;
    }
    for (uint32_t i = 0; i < s->n_blocks; i++) {
        link_block(s, &s->blocks[i]);
    }
    return 0;
}

/* --- liveness of the registers that several blocks use --- */

static void
note_home(struct scan *s, uint32_t at, uint32_t reg, bool is_def, bool is_use)
{
    (void)is_def;
    (void)is_use;
    const uint32_t block = s->block_of[at];
    if (s->home[reg] == NONE) {
        s->home[reg] = block;
    } else if (s->home[reg] != block) {
        s->home[reg] = MANY;
    }
}

/* A register of one block that is read before it is written there lives around a loop. */
static void
note_early_use(struct scan *s, uint32_t at, uint32_t reg, bool is_def, bool is_use)
{
    (void)at;
    if (is_use && s->start[reg] == NONE) {
        s->home[reg] = MANY;
    }
    if (is_def || is_use) {
        s->start[reg] = 0;
    }
}

static void
note_block_sets(struct scan *s, uint32_t at, uint32_t reg, bool is_def, bool is_use)
{
    const uint32_t g = s->global[reg];
    if (g == NONE) {
        return;
    }
    const size_t base = s->block_of[at] * s->words;
    const uint64_t bit = 1ull << (g % 64);
    if (is_use && (s->def[base + g / 64] & bit) == 0) {
        s->use[base + g / 64] |= bit;
    }
    if (is_def) {
        s->def[base + g / 64] |= bit;
    }
}

static void
visit_all(struct scan *s, visit_fn *visit)
{
    for (uint32_t i = 0; i < s->func->n_insns; i++) {
        visit_insn(s, i, visit);
    }
}

static int
find_globals(struct scan *s)
{
    const uint32_t n = s->func->n_regs;
    visit_all(s, note_home);
    visit_all(s, note_early_use);
    for (uint32_t i = 0; i < n; i++) {
        s->start[i] = NONE;
        s->global[i] = NONE;
        if (s->home[i] == MANY) {
            s->global[i] = s->n_global;
            s->global_reg[s->n_global++] = i;
        }
    }
    s->words = ((size_t)s->n_global + 63) / 64;
    const size_t all = s->words * s->n_blocks + 1;
    s->live_in = calloc(all, sizeof(uint64_t));
    s->use = calloc(all, sizeof(uint64_t));
    s->def = calloc(all, sizeof(uint64_t));
    if (s->live_in == NULL || s->use == NULL || s->def == NULL) {
        return -ENOMEM;
    }
    visit_all(s, note_block_sets);
    return 0;
}

static uint64_t
live_out(const struct scan *s, const struct block *b, size_t word)
{
    uint64_t out = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (b->next[i] != NONE) {
            out |= s->live_in[b->next[i] * s->words + word];
        }
    }
    for (uint32_t i = 0; b->targets != NULL && i < b->targets->n_targets; i++) {
        const uint32_t target = b->targets->targets[i];
        if (target < s->func->n_insns) {
            out |= s->live_in[s->block_of[target] * s->words + word];
        }
    }
    return out;
}

static void
solve(struct scan *s)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t i = s->n_blocks; i-- > 0;) {
            const size_t base = i * s->words;
            for (size_t k = 0; k < s->words; k++) {
                const uint64_t out = live_out(s, &s->blocks[i], k);
                const uint64_t in = s->use[base + k] | (out & ~s->def[base + k]);
                changed |= in != s->live_in[base + k];
                s->live_in[base + k] = in;
            }
        }
    }
}

/* --- intervals --- */

static void
stretch(struct scan *s, uint32_t reg, uint32_t at)
{
    s->start[reg] = s->start[reg] == NONE || at < s->start[reg] ? at : s->start[reg];
    s->stop[reg] = at > s->stop[reg] ? at : s->stop[reg];
}

static void
note_interval(struct scan *s, uint32_t at, uint32_t reg, bool is_def, bool is_use)
{
    (void)is_def;
    (void)is_use;
    stretch(s, reg, at);
}

static void
stretch_set(struct scan *s, uint64_t set, size_t word, uint32_t at)
{
    while (set != 0) {
        const uint32_t g = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(set);
        stretch(s, s->global_reg[g], at);
        set &= set - 1;
    }
}

/* .reg parameters and results live from the call to the return. */
static void
stretch_signature(struct scan *s, const struct vg_ptx_var *vars, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (vars[i].space == VG_PTX_REG && s->func->n_insns > 0) {
            stretch(s, vars[i].reg, 0);
            stretch(s, vars[i].reg, s->func->n_insns - 1);
        }
    }
}

static void
find_intervals(struct scan *s)
{
    visit_all(s, note_interval);
    stretch_signature(s, s->func->params, s->func->n_params);
    stretch_signature(s, s->func->returns, s->func->n_returns);
    for (uint32_t i = 0; i < s->n_blocks; i++) {
        const struct block *b = &s->blocks[i];
        for (size_t k = 0; k < s->words; k++) {
            stretch_set(s, s->live_in[i * s->words + k], k, b->first);
            stretch_set(s, live_out(s, b, k), k, b->end - 1);
        }
    }
}

/* --- rows --- */

static unsigned
class_of(const struct vg_ptx_func *func, uint32_t reg)
{
    const unsigned bits = vg_ptx_type_bits(func->regs[reg].type);
    return bits == 1 ? CLASS_PRED : bits <= 32 ? CLASS_32 : CLASS_64;
}

struct rows {
    uint32_t *free[N_CLASSES]; /* stacks of row numbers */
    uint32_t n_free[N_CLASSES];
    uint32_t n_rows[N_CLASSES];
    uint32_t *starts, *stops; /* by instruction: first register; chained by next_* */
    uint32_t *next_start, *next_stop;
};

static bool
rows_init(struct rows *r, const struct scan *s)
{
    const size_t n = (size_t)s->func->n_regs + 1;
    const size_t at = (size_t)s->func->n_insns + 1;
    for (unsigned c = 0; c < N_CLASSES; c++) {
        r->free[c] = calloc(n, sizeof(uint32_t));
    }
    r->starts = malloc(at * sizeof(uint32_t));
    r->stops = malloc(at * sizeof(uint32_t));
    r->next_start = calloc(n, sizeof(uint32_t));
    r->next_stop = calloc(n, sizeof(uint32_t));
    if (r->free[0] == NULL || r->free[1] == NULL || r->free[2] == NULL ||
        r->starts == NULL || r->stops == NULL || r->next_start == NULL ||
        r->next_stop == NULL) {
        return false;
    }
    memset(r->starts, 0xff, at * sizeof(uint32_t));
    memset(r->stops, 0xff, at * sizeof(uint32_t));
    for (uint32_t i = s->func->n_regs; i-- > 0;) {
        if (s->start[i] != NONE) {
            r->next_start[i] = r->starts[s->start[i]];
            r->starts[s->start[i]] = i;
            r->next_stop[i] = r->stops[s->stop[i]];
            r->stops[s->stop[i]] = i;
        }
    }
    return true;
}

static void
rows_fini(struct rows *r)
{
    for (unsigned c = 0; c < N_CLASSES; c++) {
        free(r->free[c]);
    }
    free(r->starts);
    free(r->stops);
    free(r->next_start);
    free(r->next_stop);
}

/* A register that ends where another begins does not share its row: handlers may write
 * before they have read everything. */
static void
assign(struct vg_dec *d, const struct scan *s, struct rows *r)
{
    for (uint32_t at = 0; at < s->func->n_insns; at++) {
        for (uint32_t i = r->starts[at]; i != NONE; i = r->next_start[i]) {
            const unsigned c = class_of(s->func, i);
            d->reg_slot[i] =
                r->n_free[c] > 0 ? r->free[c][--r->n_free[c]] : r->n_rows[c]++;
        }
        for (uint32_t i = r->stops[at]; i != NONE; i = r->next_stop[i]) {
            const unsigned c = class_of(s->func, i);
            r->free[c][r->n_free[c]++] = d->reg_slot[i];
        }
    }
}

/* Row numbers become slots: predicates first, packed, then rows on their cache lines. */
static void
place_rows(struct vg_dec *d, const struct scan *s, const struct rows *r)
{
    const uint32_t base32 = (r->n_rows[CLASS_PRED] * 4 + 4 + 63) & ~63u;
    const uint32_t base64 = base32 + r->n_rows[CLASS_32] * 128;
    for (uint32_t i = 0; i < s->func->n_regs; i++) {
        const unsigned c = class_of(s->func, i);
        const uint32_t row = s->start[i] == NONE ? 0 : d->reg_slot[i];
        d->reg_slot[i] = c == CLASS_PRED ? row * 4
                         : c == CLASS_32 ? base32 + row * 128
                                         : base64 + row * 256;
    }
    /* one row more of each class for registers that nothing uses */
    d->regs_size = base64 + r->n_rows[CLASS_64] * 256 + 256;
}

static uint32_t *
signature_slots(struct vg_dec *d, const struct vg_ptx_var *vars, uint32_t n)
{
    uint32_t *slots = vg_dec_alloc(d, sizeof(*slots) * (n + 1u));
    for (uint32_t i = 0; slots != NULL && i < n; i++) {
        slots[i] = vars[i].space == VG_PTX_REG ? d->reg_slot[vars[i].reg] : 0;
    }
    return slots;
}

static void
scan_fini(struct scan *s)
{
    free(s->blocks);
    free(s->block_of);
    free(s->home);
    free(s->global);
    free(s->global_reg);
    free(s->live_in);
    free(s->use);
    free(s->def);
    free(s->start);
    free(s->stop);
}

static int
scan_init(struct scan *s, const struct vg_ptx_func *func)
{
    const size_t n = (size_t)func->n_regs + 1;
    s->func = func;
    s->home = malloc(n * sizeof(uint32_t));
    s->global = malloc(n * sizeof(uint32_t));
    s->global_reg = calloc(n, sizeof(uint32_t));
    s->start = malloc(n * sizeof(uint32_t));
    s->stop = calloc(n, sizeof(uint32_t));
    if (s->home == NULL || s->global == NULL || s->global_reg == NULL ||
        s->start == NULL || s->stop == NULL) {
        return -ENOMEM;
    }
    memset(s->home, 0xff, n * sizeof(uint32_t));
    memset(s->start, 0xff, n * sizeof(uint32_t));
    return find_blocks(s);
}

int
vg_layout_registers(struct vg_dec *d)
{
    struct scan s = { 0 };
    struct rows rows = { 0 };
    int r = scan_init(&s, d->func);
    if (r == 0) {
        r = find_globals(&s);
    }
    if (r == 0) {
        solve(&s);
        find_intervals(&s);
        r = rows_init(&rows, &s) ? 0 : -ENOMEM;
    }
    if (r == 0) {
        assign(d, &s, &rows);
        place_rows(d, &s, &rows);
        d->code->param_slots = signature_slots(d, d->func->params, d->func->n_params);
        d->code->return_slots = signature_slots(d, d->func->returns, d->func->n_returns);
    }
    rows_fini(&rows);
    scan_fini(&s);
    return r;
}
