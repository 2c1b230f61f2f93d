/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/alu.h"
int
VG_ISA(vg_decode_approx)(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    (void)insn;
    return vg_dec_refuse(d, NULL);
}
