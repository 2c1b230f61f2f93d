/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * lookup - what a module or library has under a name, kept from the first answer.
 *
 * An answer is good while the module or library is alive, and the handle in it. Any
 * thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "wire/id.h"

/* A handle's id, or an address and a size. */
struct vg_found {
    vg_id id;
    uint64_t address;
    uint64_t size;
};

/* @number: the call that asks. Return: false when it was not asked before. */
bool vg_lookup_find(unsigned number, const void *owner, const char *name,
                    struct vg_found *out);

/* Without memory nothing is kept. */
void vg_lookup_keep(unsigned number, const void *owner, const char *name,
                    const struct vg_found *found);
