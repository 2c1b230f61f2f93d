/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * spoil - instructions that are nearly right.
 *
 * Each row of the form tests is run with one suffix or the opcode replaced by a neighbour
 * (.rn by .rz, lt by le, .s32 by .u32, add by sub): its values must tell the two apart.
 */

#include "forms.h"

struct vg_spoil_score {
    unsigned run, noticed;
};

/* Prints what is not noticed. */
struct vg_spoil_score vg_spoil_rows(struct vg_forms *forms, const bool *supported);
