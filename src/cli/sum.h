/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sum - the checksum of a file (SHA-256) or of a symbolic link (of where it leads).
 *
 * Reads the entry itself: a link is not followed, so what is moved aside and put back can
 * be told to be the same, byte for byte.
 */

#include <stddef.h>

#define VG_SUM_SIZE 72 /* "link:" or "file:", 64 digits, NUL; rounded up */

/* Return: 0 with text in @out, or a negative errno code. */
int vg_sum_path(const char *path, char out[VG_SUM_SIZE]);

/* The same of @size bytes in memory, as of a file. */
void vg_sum_bytes(const void *bytes, size_t size, char out[VG_SUM_SIZE]);
