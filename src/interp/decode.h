/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * decode - what the decoder's own files share.
 */

#include "interp/priv.h"

/* Values that stand for functions: the tag plus the index into module->funcs. */
#define VG_FUNC_TAG 0x01f4000000000000ull

struct vg_dec_key {
    uint64_t value;
    unsigned class;
    uint32_t slot;
};

struct vg_dec_fixup {
    uint32_t op, insn;
};

struct vg_dec {
    struct vg_interp_kernel *kernel;
    const struct vg_interp_link *link;
    const struct vg_isa *isa;
    char *why;
    size_t why_size;
    const struct vg_ptx_func *func;
    struct vg_code *code;
    const struct vg_ptx_insn *insn;
    bool failed, refused;

    uint32_t guard;
    uint8_t guard_kind;

    struct vg_iop *ops, spill;
    uint32_t n_ops, ops_cap;
    struct vg_dec_fixup *fixups;
    uint32_t n_fixups, fixups_cap;
    struct vg_dec_key *keys;
    uint32_t n_keys, keys_cap;
    uint32_t *hash;
    uint32_t hash_size;
    uint8_t *consts;
    uint32_t consts_size, consts_cap;
    struct vg_sreg_row *sregs;
    uint32_t n_sregs, sregs_cap;

    uint32_t *reg_slot; /* by register */
    uint32_t *insn_pc;  /* by instruction */
    uint32_t *var_offset;
    uint32_t regs_size;
    struct vg_dec_temps {
        uint32_t *slots;
        uint32_t count, used, cap;
    } temps[3]; /* predicates, 32, 64 bits: used within one instruction */
    uint32_t local_row;
    uint32_t carry; /* slot, or UINT32_MAX: none yet */
};

/* Decodes @func into @code. Return: 0, VG_INTERP_UNSUPPORTED or -ENOMEM. */
int vg_code_decode(struct vg_dec *parent, struct vg_code *code, struct vg_ptx_func *func);

/* layout.c: offsets of .local and .param variables */
int vg_layout_frame(struct vg_dec *d);
/* registers.c: rows of registers */
int vg_layout_registers(struct vg_dec *d);
/* layout.c: collects the shared variables that @func and what it calls mention */
int vg_layout_shared(struct vg_interp_kernel *kernel, struct vg_ptx_func *func);
uint32_t vg_shared_offset(const struct vg_interp_kernel *kernel,
                          const struct vg_ptx_func *func, uint8_t scope, uint32_t symbol);

/* isa.c */
vg_decode_fn *vg_isa_decoder(const struct vg_isa *isa, const struct vg_ptx_insn *insn);

/* sreg.c */
bool vg_sreg_is_clock(enum vg_ptx_sreg sreg);
uint64_t vg_sreg_now(const struct vg_warp *w, unsigned sreg);
void vg_sreg_fill(struct vg_warp *w, const struct vg_code *code, uint8_t *regs);

/* exec.c */
vg_iop_fn vg_step_return;
/* call.c */
int vg_decode_call(struct vg_dec *d, const struct vg_ptx_insn *insn);

/* mutate.c; nothing unless VG_INTERP_MUTATE */
void vg_mutate_note(struct vg_dec *d, const struct vg_ptx_insn *insn, uint32_t first_op);
