/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * print - what kernels print. Text is formatted where the kernel runs and comes out on
 * stdout at the context's next synchronising call, as with CUDA. Own lock, innermost.
 */

#include <stdbool.h>
#include <stddef.h>

struct vg_print;

struct vg_print *vg_print_create(void);
void vg_print_destroy(struct vg_print *print); /* NULL is a no-op */

/* @args: the argument buffer of vprintf, each argument at its natural alignment. */
void
vg_print_add(struct vg_print *print, const char *format, const void *args, size_t size);

bool vg_print_has_text(struct vg_print *print);
/* Writes to stdout what has been added. No other lock held. */
void vg_print_flush(struct vg_print *print);

/* The text of one call, for tests. Return: its length as snprintf. */
size_t vg_print_format(char *out, size_t out_size, const char *format, const void *args,
                       size_t size);
