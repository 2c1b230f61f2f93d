/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * machine - runs one PTX text on the interpreter over memory of its own.
 *
 * Two buffers are all the memory a kernel may touch, apart from the variables of its
 * module, which live here too. One machine per process; single threaded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interp/interp.h"

enum vg_machine_result {
    VG_MACHINE_OK,
    VG_MACHINE_SYNTAX,
    VG_MACHINE_UNSUPPORTED,
    VG_MACHINE_FAULT,
};

struct vg_machine_job {
    const char *text;           /* a module with one entry named k */
    uint32_t grid[3], block[3]; /* 0 counts as 1 */
    uint32_t dynamic_shared;
    bool whole_grid;
    const void *params;
    size_t param_size;
    uint8_t *in, *out; /* device memory */
    size_t in_size, out_size;
    size_t hash_size; /* bytes of @out that go into vg_machine_hash */
};

struct vg_machine_report {
    char why[480];
    struct vg_interp_fault fault;
    char printed[256]; /* what device printf was given: the format */
    uint8_t print_args[64];
    size_t print_args_size;
    struct vg_interp_needs needs;
};

/* Of all that successful runs left in the outputs since the last reset to 0. */
extern uint64_t vg_machine_hash;

enum vg_machine_result
vg_machine_run(const struct vg_machine_job *job, struct vg_machine_report *out);
