/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fatbin - for which compute capabilities a library was compiled, by the headers of the
 * GPU code in it.
 */

#include <stddef.h>

struct vg_elf;

#define VG_ARCH_MAX 32

struct vg_archs {
    size_t ptx_count, machine_count;
    unsigned ptx[VG_ARCH_MAX];     /* 80 for 8.0, rising */
    unsigned machine[VG_ARCH_MAX]; /* machine code (SASS) */
};

void vg_fatbin_read(const struct vg_elf *elf, struct vg_archs *out);

/* "50 52 75", or "none" */
void vg_fatbin_print(const unsigned *archs, size_t count, char *out, size_t size);
