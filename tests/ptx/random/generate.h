/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * generate - one random program in two languages: a PTX kernel and a C function that does
 * the same to every thread in turn (helpers.h: struct state).
 *
 * What a program may hold: integer and exact float operations, guards, if/else, loops
 * with a bounded number of rounds, jumps among blocks in any order (with fuel, so that it
 * ends), local memory, and between those, at places that all threads reach, shared memory
 * with barriers, shuffles and votes.
 */

#include <stdint.h>

#include "text.h"

#define VG_RANDOM_THREADS   64
#define VG_RANDOM_IN_WORDS  32 /* per thread */
#define VG_RANDOM_OUT_WORDS 32

/* Writes the kernel named k and the C function kernel_<number>. */
void vg_generate(uint64_t seed, unsigned number, struct vg_text *out_ptx,
                 struct vg_text *out_c);
