/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mutate - see the header.
 */

#include "interp/mutate.h"
#include "interp/decode.h"

#if defined(VG_INTERP_MUTATE)
#error "written below"
#endif

void
vg_mutate_note(struct vg_dec *d, const struct vg_ptx_insn *insn, uint32_t first_op)
{
    (void)d;
    (void)insn;
    (void)first_op;
}
