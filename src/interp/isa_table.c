/* SPDX-License-Identifier: Apache-2.0 */

/*
 * isa_table - the decoders of one build.
 */

#include "interp/alu.h"

const struct vg_isa VG_ISA(vg_isa) = {
    .name = "base",
    .integer = VG_ISA(vg_decode_integer),
    .logic = VG_ISA(vg_decode_logic),
    .compare = VG_ISA(vg_decode_compare),
    .floating = VG_ISA(vg_decode_floating),
    .approx = VG_ISA(vg_decode_approx),
    .half = VG_ISA(vg_decode_half),
    .convert = VG_ISA(vg_decode_convert),
    .memory = VG_ISA(vg_decode_memory),
    .atomic = VG_ISA(vg_decode_atomic),
    .warp = VG_ISA(vg_decode_warp),
    .tensor = VG_ISA(vg_decode_tensor),
    .control = VG_ISA(vg_decode_control),
    .video = VG_ISA(vg_decode_video),
};
