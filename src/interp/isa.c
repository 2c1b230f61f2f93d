/* SPDX-License-Identifier: Apache-2.0 */

/*
 * isa - which decoder takes an opcode, and for which instruction set of the host.
 *
 * Handlers are compiled twice from the same text: for any x86-64 (or any host at all)
 * and for one with AVX2 and FMA. Both give the same bits.
 */

#include <stdlib.h>

#include "interp/decode.h"

const struct vg_isa *
vg_isa_pick(void)
{
#if defined(VG_INTERP_HAVE_V3)
    /* read at each preparation, which is rare, so that a test can compare both */
    const char *want = getenv("VGPU_INTERP_ISA"); /* NOLINT(concurrency-mt-unsafe) */
    if (want != NULL && strcmp(want, "base") == 0) {
        return &vg_isa_base;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
        return &vg_isa_v3;
    }
#endif
    return &vg_isa_base;
}

static bool
is_float(const struct vg_ptx_insn *insn)
{
    if (vg_ptx_has(insn, VG_PTX_MOD_F32X2)) {
        return false;
    }
    return insn->n_types > 0 && vg_ptx_type_class(insn->types[0]) == VG_PTX_FLOAT;
}

static bool
is_half(const struct vg_ptx_insn *insn)
{
    for (unsigned i = 0; i < insn->n_types; i++) {
        switch (insn->types[i]) {
        case VG_PTX_F16:
        case VG_PTX_F16X2:
        case VG_PTX_BF16:
        case VG_PTX_BF16X2:
            return true;
        default:
            break;
        }
    }
    return false;
}

/* One opcode for integers and floats of all widths. */
static vg_decode_fn *
by_type(const struct vg_isa *isa, const struct vg_ptx_insn *insn, vg_decode_fn *integer)
{
    if (is_half(insn)) {
        return isa->half;
    }
    return is_float(insn) ? isa->floating : integer;
}

static vg_decode_fn *
by_approx(const struct vg_isa *isa, const struct vg_ptx_insn *insn)
{
    if (is_half(insn)) {
        return isa->half;
    }
    return vg_ptx_has(insn, VG_PTX_MOD_APPROX) ? isa->approx : isa->floating;
}

/* Memory, lanes together, control and video. */
static vg_decode_fn *
by_opcode(const struct vg_isa *isa, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_MOV:
    case VG_PTX_OP_CVTA:
    case VG_PTX_OP_ISSPACEP:
    case VG_PTX_OP_LD:
    case VG_PTX_OP_LDU:
    case VG_PTX_OP_ST:
    case VG_PTX_OP_PREFETCH:
    case VG_PTX_OP_PREFETCHU:
    case VG_PTX_OP_CP:
    case VG_PTX_OP_CREATEPOLICY:
    case VG_PTX_OP_DISCARD:
    case VG_PTX_OP_APPLYPRIORITY:
    case VG_PTX_OP_MEMBAR:
    case VG_PTX_OP_FENCE:
        return isa->memory;
    case VG_PTX_OP_ATOM:
    case VG_PTX_OP_RED:
        return isa->atomic;
    case VG_PTX_OP_ACTIVEMASK:
    case VG_PTX_OP_ELECT:
    case VG_PTX_OP_MATCH:
    case VG_PTX_OP_REDUX:
    case VG_PTX_OP_SHFL:
    case VG_PTX_OP_VOTE:
        return isa->warp;
    case VG_PTX_OP_LDMATRIX:
    case VG_PTX_OP_STMATRIX:
    case VG_PTX_OP_MOVMATRIX:
    case VG_PTX_OP_MMA:
    case VG_PTX_OP_WMMA:
        return isa->tensor;
    case VG_PTX_OP_BAR:
    case VG_PTX_OP_BARRIER:
    case VG_PTX_OP_BRA:
    case VG_PTX_OP_BRX:
    case VG_PTX_OP_BRKPT:
    case VG_PTX_OP_CALL:
    case VG_PTX_OP_EXIT:
    case VG_PTX_OP_GRIDDEPCONTROL:
    case VG_PTX_OP_NANOSLEEP:
    case VG_PTX_OP_PMEVENT:
    case VG_PTX_OP_RET:
    case VG_PTX_OP_SETMAXNREG:
    case VG_PTX_OP_TRAP:
        return isa->control;
    case VG_PTX_OP_VABSDIFF:
    case VG_PTX_OP_VADD:
    case VG_PTX_OP_VMAX:
    case VG_PTX_OP_VMIN:
    case VG_PTX_OP_VSHL:
    case VG_PTX_OP_VSHR:
    case VG_PTX_OP_VSUB:
        return isa->video;
    default:
        /* textures, clusters, bulk copies and what the table does not know */
        return NULL;
    }
}

vg_decode_fn *
vg_isa_decoder(const struct vg_isa *isa, const struct vg_ptx_insn *insn)
{
    switch ((enum vg_ptx_op)insn->op) {
    case VG_PTX_OP_ABS:
    case VG_PTX_OP_ADD:
    case VG_PTX_OP_MAX:
    case VG_PTX_OP_MIN:
    case VG_PTX_OP_MUL:
    case VG_PTX_OP_NEG:
    case VG_PTX_OP_SUB:
    case VG_PTX_OP_MAD:
        return by_type(isa, insn, isa->integer);
    case VG_PTX_OP_FMA:
    case VG_PTX_OP_COPYSIGN:
    case VG_PTX_OP_TESTP:
        return by_type(isa, insn, NULL);
    case VG_PTX_OP_DIV:
        return by_type(isa, insn, isa->integer);
    case VG_PTX_OP_RCP:
    case VG_PTX_OP_RSQRT:
    case VG_PTX_OP_SQRT:
    case VG_PTX_OP_SIN:
    case VG_PTX_OP_COS:
    case VG_PTX_OP_LG2:
    case VG_PTX_OP_EX2:
    case VG_PTX_OP_TANH:
        return by_approx(isa, insn);
    case VG_PTX_OP_ADDC:
    case VG_PTX_OP_SUBC:
    case VG_PTX_OP_MADC:
    case VG_PTX_OP_MAD24:
    case VG_PTX_OP_MUL24:
    case VG_PTX_OP_REM:
    case VG_PTX_OP_SAD:
    case VG_PTX_OP_DP2A:
    case VG_PTX_OP_DP4A:
        return isa->integer;
    case VG_PTX_OP_AND:
    case VG_PTX_OP_OR:
    case VG_PTX_OP_XOR:
    case VG_PTX_OP_NOT:
    case VG_PTX_OP_CNOT:
    case VG_PTX_OP_LOP3:
    case VG_PTX_OP_SHF:
    case VG_PTX_OP_SHL:
    case VG_PTX_OP_SHR:
    case VG_PTX_OP_BFE:
    case VG_PTX_OP_BFI:
    case VG_PTX_OP_BFIND:
    case VG_PTX_OP_BMSK:
    case VG_PTX_OP_BREV:
    case VG_PTX_OP_CLZ:
    case VG_PTX_OP_FNS:
    case VG_PTX_OP_POPC:
    case VG_PTX_OP_PRMT:
    case VG_PTX_OP_SZEXT:
        return isa->logic;
    case VG_PTX_OP_SETP:
    case VG_PTX_OP_SET:
    case VG_PTX_OP_SELP:
    case VG_PTX_OP_SLCT:
        return isa->compare;
    case VG_PTX_OP_CVT:
        return isa->convert;
    default:
        return by_opcode(isa, insn);
    }
}
