/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * lanes - the addresses of a memory instruction, for all lanes at once.
 *
 * In the decoded instruction: a is the row of addresses (e: VG_AT_* flags), imm the
 * offset, f the bytes of a whole access.
 */

#include "interp/alu.h"

enum {
    VG_AT_WIDE = 1,  /* the row is 64 bits */
    VG_AT_NONE = 2,  /* no row: imm alone */
    VG_AT_WRITE = 4, /* the access writes */
    VG_AT_SPACE = 8, /* times enum vg_ptx_space */
};

static inline uint8_t *
vg_host(uint64_t address)
{
    return (uint8_t *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
}

/* The space of an access: the one written, or that of the symbol. */
static inline enum vg_ptx_space
vg_access_space(const struct vg_ptx_insn *insn, const struct vg_dec_address *at)
{
    return insn->space != VG_PTX_GENERIC ? (enum vg_ptx_space)insn->space : at->space;
}

static inline void
vg_lanes_decode(struct vg_iop *op, const struct vg_dec_address *at,
                enum vg_ptx_space space, uint32_t bytes, bool is_write)
{
    op->a = at->slot == UINT32_MAX ? 0 : at->slot;
    op->imm = at->imm;
    op->f = bytes;
    op->e = (at->wide ? VG_AT_WIDE : 0u) | (at->slot == UINT32_MAX ? VG_AT_NONE : 0u) |
            (is_write ? VG_AT_WRITE : 0u) | (uint32_t)space * VG_AT_SPACE;
}

/**
 * vg_lanes_at() - host addresses of the lanes of @mask
 * @at: gets 32 addresses; those of other lanes are undefined
 *
 * Return: false with the fault filled when a lane's access is wrong.
 */
#define vg_lanes_at VG_ISA(vg_lanes_at_impl)
bool vg_lanes_at(struct vg_warp *w, const struct vg_iop *op, uint32_t mask,
                 uint64_t at[VG_LANES]);
