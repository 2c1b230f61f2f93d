/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/decode.h"
int
vg_decode_call(struct vg_dec *d, const struct vg_ptx_insn *insn)
{
    (void)insn;
    return vg_dec_refuse(d, NULL);
}
