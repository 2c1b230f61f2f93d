/* SPDX-License-Identifier: Apache-2.0 */

/*
 * decode - from checked PTX to handlers and slots, once for each kernel.
 *
 * Every operand becomes a slot: registers and special registers are rows of the warp,
 * immediates and addresses of variables rows of constants. What has no handler refuses
 * the kernel here, by its form and line, and never at run time.
 */

#include "interp/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "interp/kernel.h"
#include "interp/mutate.h"

static unsigned
row_class(unsigned bits)
{
    return bits == 1 ? 1 : bits <= 32 ? 32 : 64;
}

/* --- growing tables --- */

static bool
grow(struct vg_dec *d, void **array, uint32_t *cap, uint32_t need, size_t size)
{
    if (need <= *cap) {
        return true;
    }
    uint32_t next = *cap == 0 ? 256 : *cap * 2;
    while (next < need) {
        next *= 2;
    }
    void *p = realloc(*array, next * size);
    if (p == NULL) {
        d->failed = true;
        return false;
    }
    *array = p;
    *cap = next;
    return true;
}

struct vg_iop *
vg_dec_emit(struct vg_dec *d, vg_iop_fn *run)
{
    if (!grow(d, (void **)&d->ops, &d->ops_cap, d->n_ops + 1, sizeof(*d->ops))) {
        memset(&d->spill, 0, sizeof(d->spill));
        return &d->spill;
    }
    struct vg_iop *op = &d->ops[d->n_ops++];
    memset(op, 0, sizeof(*op));
    op->run = run;
    op->guard = d->guard;
    op->guard_kind = d->guard_kind;
    op->line = d->insn != NULL ? d->insn->line : d->func->line;
    return op;
}

struct vg_iop *
vg_dec_last(struct vg_dec *d)
{
    return d->n_ops == 0 ? &d->spill : &d->ops[d->n_ops - 1];
}

struct vg_iop *
vg_dec_emit4(struct vg_dec *d, vg_iop_fn *run, const uint32_t slots[4])
{
    struct vg_iop *op = vg_dec_emit(d, run);
    op->d = slots[0];
    op->a = slots[1];
    op->b = slots[2];
    op->c = slots[3];
    return op;
}

void
vg_dec_target(struct vg_dec *d, struct vg_iop *op, uint32_t insn)
{
    if (!grow(d, (void **)&d->fixups, &d->fixups_cap, d->n_fixups + 1,
              sizeof(*d->fixups))) {
        return;
    }
    d->fixups[d->n_fixups].op = (uint32_t)(op - d->ops);
    d->fixups[d->n_fixups].insn = insn;
    d->n_fixups++;
}

const uint32_t *
vg_dec_slots(struct vg_dec *d, const uint32_t *slots, size_t count)
{
    uint32_t *copy = vg_arena_array(d->kernel->arena, count + 1, sizeof(*copy));
    if (copy == NULL) {
        d->failed = true;
        return slots;
    }
    memcpy(copy, slots, count * sizeof(*copy));
    return copy;
}

void *
vg_dec_alloc(struct vg_dec *d, size_t size)
{
    void *p = vg_arena_alloc(d->kernel->arena, size);
    d->failed |= p == NULL;
    return p;
}

/* --- rows --- */

/* A row for good. */
static uint32_t
new_row(struct vg_dec *d, unsigned bits)
{
    const uint32_t size = row_class(bits) == 64 ? 256 : row_class(bits) == 32 ? 128 : 64;
    const uint32_t slot = d->regs_size;
    d->regs_size += size;
    return slot;
}

uint32_t
vg_dec_temp(struct vg_dec *d, unsigned bits)
{
    const unsigned class = row_class(bits);
    struct vg_dec_temps *t = &d->temps[class == 64 ? 2 : class == 32 ? 1 : 0];
    if (t->used == t->count) {
        if (!grow(d, (void **)&t->slots, &t->cap, t->count + 1, sizeof(*t->slots))) {
            return 0;
        }
        t->slots[t->count++] = new_row(d, bits);
    }
    return t->slots[t->used++];
}

uint32_t
vg_dec_carry(struct vg_dec *d)
{
    if (d->carry == UINT32_MAX) {
        d->carry = new_row(d, 1);
    }
    return d->carry;
}

static uint32_t
const_hash(uint64_t value, unsigned class)
{
    const uint64_t h = (value ^ class) * 0x9e3779b97f4a7c15ull;
    return (uint32_t)(h >> 40);
}

static void
const_rehash(struct vg_dec *d)
{
    const uint32_t size = d->hash_size == 0 ? 256 : d->hash_size * 2;
    uint32_t *hash = calloc(size, sizeof(*hash));
    if (hash == NULL) {
        d->failed = true;
        return;
    }
    for (uint32_t i = 0; i < d->n_keys; i++) {
        uint32_t at = const_hash(d->keys[i].value, d->keys[i].class) & (size - 1);
        while (hash[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        hash[at] = i + 1;
    }
    free(d->hash);
    d->hash = hash;
    d->hash_size = size;
}

static void
const_fill(struct vg_dec *d, const struct vg_dec_key *key)
{
    uint8_t *row = d->consts + (key->slot & ~1u);
    for (uint32_t l = 0; l < VG_LANES; l++) {
        if (key->class == 64) {
            memcpy(row + (size_t)l * 8, &key->value, 8);
        } else if (key->class == 32 || l == 0) {
            memcpy(row + (size_t)l * 4, &key->value, 4);
        }
    }
}

uint32_t
vg_dec_const(struct vg_dec *d, uint64_t value, unsigned bits)
{
    const unsigned class = row_class(bits);
    if (bits < 64) {
        value &= bits == 1 ? VG_FULL : (1ull << bits) - 1;
    }
    if (d->n_keys * 2 >= d->hash_size) {
        const_rehash(d);
    }
    if (d->failed) {
        return 1;
    }
    uint32_t at = const_hash(value, class) & (d->hash_size - 1);
    for (; d->hash[at] != 0; at = (at + 1) & (d->hash_size - 1)) {
        const struct vg_dec_key *key = &d->keys[d->hash[at] - 1];
        if (key->value == value && key->class == class) {
            return key->slot;
        }
    }
    const uint32_t size = class == 64 ? 256 : class == 32 ? 128 : 64;
    if (!grow(d, (void **)&d->keys, &d->keys_cap, d->n_keys + 1, sizeof(*d->keys)) ||
        !grow(d, (void **)&d->consts, &d->consts_cap, d->consts_size + size, 1)) {
        return 1;
    }
    struct vg_dec_key *key = &d->keys[d->n_keys++];
    key->value = value;
    key->class = class;
    key->slot = d->consts_size | 1;
    d->hash[at] = d->n_keys;
    d->consts_size += size;
    const_fill(d, key);
    return key->slot;
}

unsigned
vg_dec_reg_bits(const struct vg_dec *d, uint32_t reg)
{
    return vg_ptx_type_bits(d->func->regs[reg].type);
}

uint32_t
vg_dec_reg_slot(const struct vg_dec *d, uint32_t reg)
{
    return d->reg_slot[reg];
}

/* --- special registers --- */

static int
read_clock(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint64_t now = vg_sreg_now(w, op->mode);
    if (op->size == 8) {
        uint64_t *row = vg_row64(w, op->d);
        VG_EACH_LANE(l, mask)
        {
            row[l] = now;
        }
    } else {
        uint32_t *row = vg_row32(w, op->d);
        VG_EACH_LANE(l, mask)
        {
            row[l] = (uint32_t)now;
        }
    }
    return VG_STEP_NEXT;
}

uint32_t
vg_dec_sreg(struct vg_dec *d, enum vg_ptx_sreg sreg, uint8_t component, unsigned bits)
{
    const bool wide = row_class(bits) == 64;
    if (vg_sreg_is_clock(sreg)) {
        const uint32_t slot = vg_dec_temp(d, bits);
        struct vg_iop *op = vg_dec_emit(d, read_clock);
        op->d = slot;
        op->mode = (uint8_t)sreg;
        op->size = wide ? 8 : 4;
        return slot;
    }
    if (sreg == VG_PTX_SREG_ENVREG) {
        d->kernel->needs.uses_grid_sync |= component == 1 || component == 2;
    }
    for (uint32_t i = 0; i < d->n_sregs; i++) {
        const struct vg_sreg_row *s = &d->sregs[i];
        if (s->sreg == sreg && s->component == component && s->wide == wide) {
            return s->slot;
        }
    }
    if (!grow(d, (void **)&d->sregs, &d->sregs_cap, d->n_sregs + 1, sizeof(*d->sregs))) {
        return 0;
    }
    struct vg_sreg_row *s = &d->sregs[d->n_sregs++];
    s->slot = new_row(d, bits);
    s->sreg = (uint8_t)sreg;
    s->component = component;
    s->wide = wide;
    return s->slot;
}

/* --- operands --- */

static int
narrow(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint64_t *a = vg_row64(w, op->a);
    uint32_t *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] = (uint32_t)a[l];
    }
    return VG_STEP_NEXT;
}

static int
widen(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t *a = vg_row32(w, op->a);
    uint64_t *d = vg_row64(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] = a[l];
    }
    return VG_STEP_NEXT;
}

static int
invert(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    vg_pred_set(w, op->d, mask, ~*vg_pred(w, op->a));
    return VG_STEP_NEXT;
}

static int
add_base32(struct vg_warp *w, const struct vg_iop *op, uint32_t mask)
{
    const uint32_t *a = vg_row32(w, op->a);
    uint32_t *d = vg_row32(w, op->d);
    VG_EACH_LANE(l, mask)
    {
        d[l] = a[l] + (uint32_t)op->imm;
    }
    return VG_STEP_NEXT;
}

static uint32_t
convert_row(struct vg_dec *d, uint32_t slot, unsigned from, unsigned to)
{
    if (from == to) {
        return slot;
    }
    const uint32_t temp = vg_dec_temp(d, to);
    struct vg_iop *op = vg_dec_emit(d, to == 64 ? widen : narrow);
    op->d = temp;
    op->a = slot;
    return temp;
}

static uint32_t
symbol_row(struct vg_dec *d, const struct vg_ptx_operand *o, unsigned class)
{
    struct vg_dec_address at;
    if (vg_dec_symbol(d, o, &at) != 0) {
        d->refused = true;
        return 1;
    }
    if (at.slot == UINT32_MAX) {
        return vg_dec_const(d, (uint64_t)at.imm, class);
    }
    const uint32_t temp = vg_dec_temp(d, 32);
    struct vg_iop *op = vg_dec_emit(d, add_base32);
    op->d = temp;
    op->a = at.slot;
    op->imm = at.imm;
    return convert_row(d, temp, 32, class);
}

static uint64_t
float_bits(const struct vg_ptx_operand *o, enum vg_ptx_type type)
{
    double value;
    float single;
    uint64_t bits = o->bits;
    if (vg_ptx_type_bits(type) == 64) {
        if (!o->is_single) {
            return bits;
        }
        const uint32_t low = (uint32_t)bits;
        memcpy(&single, &low, 4);
        value = single;
        memcpy(&bits, &value, 8);
        return bits;
    }
    if (o->is_single) {
        return bits;
    }
    memcpy(&value, &bits, 8);
    single = (float)value;
    bits = 0;
    memcpy(&bits, &single, 4);
    return bits;
}

static uint64_t
int_bits(const struct vg_ptx_operand *o, enum vg_ptx_type type)
{
    if (type == VG_PTX_PRED) {
        return o->bits != 0 ? VG_FULL : 0;
    }
    if (type == VG_PTX_F32 || type == VG_PTX_F64) {
        /* an integer constant where a float is wanted stands for its value */
        struct vg_ptx_operand f = *o;
        const double value = (double)(int64_t)o->bits;
        memcpy(&f.bits, &value, 8);
        f.is_single = false;
        return float_bits(&f, type);
    }
    return o->bits;
}

static uint32_t
register_row(struct vg_dec *d, const struct vg_ptx_operand *o, unsigned class)
{
    const unsigned have = row_class(vg_dec_reg_bits(d, o->reg));
    if (have != 1 && class != 1) {
        return convert_row(d, d->reg_slot[o->reg], have, class);
    }
    if (have != class) {
        d->refused = true;
        return 1;
    }
    return o->negated ? vg_dec_pred(d, o) : d->reg_slot[o->reg];
}

uint32_t
vg_dec_src(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type)
{
    const unsigned bits = vg_ptx_type_bits(type);
    const unsigned class = row_class(bits);

    switch ((enum vg_ptx_operand_kind)o->kind) {
    case VG_PTX_OPERAND_REG:
        return register_row(d, o, class);
    case VG_PTX_OPERAND_INT:
        return vg_dec_const(d, int_bits(o, type), bits);
    case VG_PTX_OPERAND_FLOAT:
        return vg_dec_const(d, float_bits(o, type), bits);
    case VG_PTX_OPERAND_SREG:
        return vg_dec_sreg(d, o->sreg, o->component, bits);
    case VG_PTX_OPERAND_VAR:
        return symbol_row(d, o, class);
    case VG_PTX_OPERAND_FUNC:
        return vg_dec_const(d, VG_FUNC_TAG + o->func, class);
    case VG_PTX_OPERAND_NONE:
    case VG_PTX_OPERAND_SINK:
    case VG_PTX_OPERAND_ADDRESS:
    case VG_PTX_OPERAND_VECTOR:
    case VG_PTX_OPERAND_PAIR:
    case VG_PTX_OPERAND_LABEL:
    case VG_PTX_OPERAND_LIST:
    case VG_PTX_OPERAND_COMPONENT:
    case VG_PTX_OPERAND_TARGETS:
    case VG_PTX_OPERAND_PROTOTYPE:
        break;
    }
    d->refused = true;
    return 1;
}

uint32_t
vg_dec_pred(struct vg_dec *d, const struct vg_ptx_operand *o)
{
    if (o->kind != VG_PTX_OPERAND_REG) {
        const bool value = o->kind == VG_PTX_OPERAND_INT && (o->bits != 0) != o->negated;
        return vg_dec_const(d, value ? VG_FULL : 0, 1);
    }
    if (row_class(vg_dec_reg_bits(d, o->reg)) != 1) {
        d->refused = true;
        return 1;
    }
    if (!o->negated) {
        return d->reg_slot[o->reg];
    }
    const uint32_t temp = vg_dec_temp(d, 1);
    struct vg_iop *op = vg_dec_emit(d, invert);
    op->d = temp;
    op->a = d->reg_slot[o->reg];
    return temp;
}

uint32_t
vg_dec_dst(struct vg_dec *d, const struct vg_ptx_operand *o, enum vg_ptx_type type)
{
    const unsigned class = row_class(vg_ptx_type_bits(type));
    if (o->kind == VG_PTX_OPERAND_SINK) {
        return vg_dec_temp(d, class);
    }
    if (o->kind != VG_PTX_OPERAND_REG || row_class(vg_dec_reg_bits(d, o->reg)) != class) {
        d->refused = true;
        return 0;
    }
    return d->reg_slot[o->reg];
}

/* --- symbols and addresses --- */

uint32_t
vg_dec_param_offset(const struct vg_dec *d, uint8_t scope, uint32_t symbol)
{
    if (scope == VG_PTX_SCOPE_PARAM) {
        return d->func->is_entry ? (uint32_t)d->func->params[symbol].offset
                                 : d->code->param_offsets[symbol];
    }
    if (scope == VG_PTX_SCOPE_RETURN) {
        return d->code->return_offsets[symbol];
    }
    return d->var_offset[symbol];
}

static const struct vg_ptx_var *
symbol_var(const struct vg_dec *d, const struct vg_ptx_operand *o)
{
    switch ((enum vg_ptx_scope)o->scope) {
    case VG_PTX_SCOPE_MODULE:
        return &d->kernel->module->vars[o->symbol];
    case VG_PTX_SCOPE_FUNC:
        return &d->func->vars[o->symbol];
    case VG_PTX_SCOPE_PARAM:
        return &d->func->params[o->symbol];
    case VG_PTX_SCOPE_RETURN:
        break;
    }
    return &d->func->returns[o->symbol];
}

int
vg_dec_symbol(struct vg_dec *d, const struct vg_ptx_operand *o,
              struct vg_dec_address *out)
{
    const struct vg_ptx_var *var = symbol_var(d, o);
    *out = (struct vg_dec_address){ .slot = UINT32_MAX, .imm = o->offset };
    out->space = var->space;
    if (o->scope == VG_PTX_SCOPE_PARAM || o->scope == VG_PTX_SCOPE_RETURN ||
        var->space == VG_PTX_PARAM) {
        out->space = VG_PTX_PARAM;
        out->is_own_param = o->scope != VG_PTX_SCOPE_PARAM || !d->func->is_entry;
        out->imm += vg_dec_param_offset(d, o->scope, o->symbol);
        return 0;
    }
    switch (var->space) {
    case VG_PTX_SHARED:
        out->imm += vg_shared_offset(d->kernel, d->func, o->scope, o->symbol);
        return 0;
    case VG_PTX_LOCAL:
        if (d->local_row == UINT32_MAX) {
            d->local_row = new_row(d, 32);
        }
        out->slot = d->local_row;
        out->imm += d->var_offset[o->symbol];
        return 0;
    case VG_PTX_GLOBAL:
    case VG_PTX_CONST: {
        const uint64_t address =
            d->link->address == NULL ? 0 : d->link->address(d->link->user, var);
        if (address == 0) {
            return vg_dec_refuse(d, var->name);
        }
        out->imm += (int64_t)address;
        return 0;
    }
    case VG_PTX_GENERIC:
    case VG_PTX_REG:
    case VG_PTX_SREG:
    case VG_PTX_PARAM:
    default:
        return vg_dec_refuse(d, var->name);
    }
}

int
vg_dec_address(struct vg_dec *d, const struct vg_ptx_operand *o,
               struct vg_dec_address *out)
{
    if (o->kind == VG_PTX_OPERAND_VAR) {
        return vg_dec_symbol(d, o, out);
    }
    if (o->kind == VG_PTX_OPERAND_REG || o->kind == VG_PTX_OPERAND_INT) {
        struct vg_ptx_operand inner = *o;
        inner.kind = VG_PTX_OPERAND_ADDRESS;
        inner.base_kind =
            o->kind == VG_PTX_OPERAND_REG ? VG_PTX_BASE_REG : VG_PTX_BASE_INT;
        inner.offset = o->kind == VG_PTX_OPERAND_REG ? 0 : (int64_t)o->bits;
        return vg_dec_address(d, &inner, out);
    }
    if (o->kind != VG_PTX_OPERAND_ADDRESS) {
        return vg_dec_refuse(d, "address");
    }
    *out = (struct vg_dec_address){ .slot = UINT32_MAX, .imm = o->offset };
    switch ((enum vg_ptx_base_kind)o->base_kind) {
    case VG_PTX_BASE_VAR:
        return vg_dec_symbol(d, o, out);
    case VG_PTX_BASE_INT:
        out->wide = true;
        return 0;
    case VG_PTX_BASE_REG:
        break;
    }
    out->slot = d->reg_slot[o->reg];
    out->wide = row_class(vg_dec_reg_bits(d, o->reg)) == 64;
    return 0;
}

const struct vg_ptx_module *
vg_dec_module(const struct vg_dec *d)
{
    return d->kernel->module;
}

const struct vg_ptx_func *
vg_dec_func(const struct vg_dec *d)
{
    return d->func;
}

/* --- refusal --- */

int
vg_dec_refuse(struct vg_dec *d, const char *what)
{
    if (d->why[0] != '\0') {
        return VG_INTERP_UNSUPPORTED;
    }
    char form[128] = "function";
    uint32_t line = d->func->line;
    if (d->insn != NULL) {
        vg_ptx_insn_form(d->insn, form, sizeof(form));
        line = d->insn->line;
    }
    snprintf(d->why, d->why_size, "%s%s%s%s at line %u of %s is not supported", form,
             what != NULL ? " (" : "", what != NULL ? what : "", what != NULL ? ")" : "",
             line, d->func->name);
    return VG_INTERP_UNSUPPORTED;
}

/* --- one function --- */

static int
decode_insn(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    vg_decode_fn *decode = vg_isa_decoder(d->isa, insn);
    d->insn = insn;
    d->refused = false;
    d->guard_kind = VG_GUARD_NONE;
    for (unsigned i = 0; i < 3; i++) {
        d->temps[i].used = 0;
    }
    if (decode == NULL) {
        return vg_dec_refuse(d, NULL);
    }
    if (insn->guard >= 0) {
        d->guard = d->reg_slot[insn->guard];
        d->guard_kind = insn->guard_negated ? VG_GUARD_UNLESS : VG_GUARD_IF;
    }
    const uint32_t first = d->n_ops;
    int r = decode(d, insn);
    if (r == 0 && d->refused) {
        r = vg_dec_refuse(d, "operand");
    }
    if (r == 0) {
        vg_mutate_note(d, insn, first);
    }
    d->guard_kind = VG_GUARD_NONE;
    return r;
}

static int
finish_code(struct vg_dec *d)
{
    struct vg_code *code = d->code;
    for (uint32_t i = 0; i < d->n_fixups; i++) {
        d->ops[d->fixups[i].op].imm = d->insn_pc[d->fixups[i].insn];
    }
    struct vg_iop *ops = vg_arena_array(d->kernel->arena, d->n_ops, sizeof(*ops));
    struct vg_sreg_row *sregs =
        vg_arena_array(d->kernel->arena, d->n_sregs + 1, sizeof(*sregs));
    const size_t consts_size = ((size_t)d->consts_size + 127) & ~(size_t)63;
    uint8_t *consts = aligned_alloc(64, consts_size);
    if (ops == NULL || sregs == NULL || consts == NULL) {
        free(consts);
        return -ENOMEM;
    }
    memcpy(ops, d->ops, d->n_ops * sizeof(*ops));
    memset(consts, 0, consts_size);
    if (d->consts_size != 0) {
        memcpy(consts, d->consts, d->consts_size);
    }
    if (d->n_sregs != 0) {
        memcpy(sregs, d->sregs, d->n_sregs * sizeof(*sregs));
    }
    code->ops = ops;
    code->n_ops = d->n_ops;
    code->consts = consts;
    code->sregs = sregs;
    code->n_sregs = d->n_sregs;
    code->regs_size = (d->regs_size + 63) & ~63u;
    code->local_row = d->local_row;
    return 0;
}

static int
decode_body(struct vg_dec *d)
{
    const struct vg_ptx_func *func = d->func;
    for (uint32_t i = 0; i < func->n_insns; i++) {
        d->insn_pc[i] = d->n_ops;
        const int r = decode_insn(d, &func->insns[i]);
        if (r != 0) {
            return r;
        }
        if (d->failed) {
            return -ENOMEM;
        }
    }
    d->insn_pc[func->n_insns] = d->n_ops;
    d->insn = NULL;
    vg_dec_emit(d, vg_step_return);
    return d->failed ? -ENOMEM : finish_code(d);
}

static void
dec_fini(struct vg_dec *d)
{
    free(d->ops);
    free(d->fixups);
    free(d->keys);
    free(d->hash);
    free(d->consts);
    free(d->sregs);
    free(d->reg_slot);
    free(d->insn_pc);
    free(d->var_offset);
    for (unsigned i = 0; i < 3; i++) {
        free(d->temps[i].slots);
    }
}

int
vg_code_decode(struct vg_dec *parent, struct vg_code *code, struct vg_ptx_func *func)
{
    struct vg_dec d = { .kernel = parent->kernel,
                        .link = parent->link,
                        .isa = parent->isa,
                        .why = parent->why,
                        .why_size = parent->why_size,
                        .func = func,
                        .code = code,
                        .local_row = UINT32_MAX,
                        .carry = UINT32_MAX };
    d.reg_slot = calloc((size_t)func->n_regs + 1, sizeof(*d.reg_slot));
    d.insn_pc = calloc((size_t)func->n_insns + 1, sizeof(*d.insn_pc));
    d.var_offset = calloc((size_t)func->n_vars + 1, sizeof(*d.var_offset));
    int r = -ENOMEM;
    if (d.reg_slot != NULL && d.insn_pc != NULL && d.var_offset != NULL) {
        r = vg_layout_frame(&d);
    }
    if (r == 0) {
        r = vg_layout_registers(&d);
    }
    if (r == 0) {
        r = decode_body(&d);
    }
    dec_fini(&d);
    return r;
}

struct vg_code *
vg_dec_callee(struct vg_dec *d, uint32_t func_index)
{
    struct vg_interp_kernel *kernel = d->kernel;
    if (kernel->codes[func_index] != NULL) {
        return kernel->codes[func_index];
    }
    struct vg_code *code = vg_arena_alloc(kernel->arena, sizeof(*code));
    if (code == NULL) {
        d->failed = true;
        return NULL;
    }
    struct vg_ptx_func *func = &kernel->module->funcs[func_index];
    if (!func->is_parsed) {
        /* a syntax error in it: the layout has tried */
        return NULL;
    }
    code->func = func;
    kernel->codes[func_index] = code;
    const int r = vg_code_decode(d, code, func);
    if (r == -ENOMEM) {
        d->failed = true;
    }
    return r == 0 ? code : NULL;
}
