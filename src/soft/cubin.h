/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cubin - the names of the kernels in an image of machine code, for the summary that says
 * what could not run. Bounds-checked; @size is SIZE_MAX when only the header knows.
 */

#include <stddef.h>

/* Calls @visit with the name of each `.text.` section. */
void vg_cubin_kernels(const void *data, size_t size, void (*visit)(const char *name));
