/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cubin - what an image of machine code declares. It is never run, but programs load
 * libraries of which they use other parts: its kernels can be found and asked about, its
 * variables have memory, and only a launch is refused. Bounds-checked; @size is SIZE_MAX
 * when only the header knows.
 */

#include <stddef.h>

/* Return: the architecture of an image (80), or 0 when it is none. */
unsigned vg_cubin_arch(const void *data, size_t size);

/* Writes the image's declarations as PTX: entries without parameters that do nothing, and
 * variables. The caller frees *@out_text.
 * Return: 0, -EINVAL for what is no such image, -ENOMEM. */
int vg_cubin_outline(const void *data, size_t size, char **out_text, size_t *out_size);
