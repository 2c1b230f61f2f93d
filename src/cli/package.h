/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * package - which package of the distribution a file belongs to.
 *
 * Reads dpkg's own lists, so it works in a root that cannot run programs.
 */

#include <stdbool.h>
#include <stddef.h>

/* @path without the root. Return: true with the name in @out, false if no list has it. */
bool vg_package_owner(const char *root, const char *path, char *out, size_t size);
