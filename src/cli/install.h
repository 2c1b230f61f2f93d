/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * install - what `vgpu install`, `uninstall` and `status` share.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct vg_error;

#define VG_CLIENT_CONF "/etc/vgpu/client.conf"

/*
 * Where the loader and every client look for libraries, below @root: the distribution's
 * folder for 64-bit libraries for the prefix /usr, PREFIX/lib for any other.
 */
void vg_install_library_folder(const char *root, const char *prefix, char out[PATH_MAX]);

/* Makes of --root what paths are put after: "" for the machine. Return: 0 or -errno. */
int vg_install_root(const char *given, char out[PATH_MAX], struct vg_error *err);

/*
 * One installer at a time in a root. Return: a descriptor that holds the lock until it is
 * closed, or a negative errno code with @err filled.
 */
int vg_install_lock(const char *root, struct vg_error *err);

/* "endpoint = VALUE" of the file. Return: true with the value in @out. */
bool vg_install_read_endpoint(const char *path, char *out, size_t size);

/* Tells the loader; only on the machine itself. */
void vg_install_ldconfig(const char *root, bool is_dry);
