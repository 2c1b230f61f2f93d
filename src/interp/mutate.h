/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mutate - deliberate errors, for tests of the tests.
 *
 * Only in a build with -DVG_INTERP_MUTATE: while vg_interp_mutant is the number of a
 * mutant, instructions of its opcode and type, decoded earlier or later, are wrong: a
 * result has one bit flipped, what has no result (a store, a branch, a barrier) is left
 * out. Each mutant must make a test fail. Other builds have none of this.
 */

/* 0: none; else 1..vg_interp_mutant_count() */
extern int vg_interp_mutant;

unsigned vg_interp_mutant_count(void);
/* "add.s32: ..."; NULL when there is no such number */
const char *vg_interp_mutant_name(unsigned number);
