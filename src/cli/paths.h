/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * paths - where the libraries of this very `vgpu` are.
 *
 * They lie in `lib` beside the program, as in the build folder, in `../LIBDIR/vgpu`,
 * where a package has them, or in `../lib/vgpu`, where `vgpu install` puts them.
 */

#include <limits.h>

struct vg_error;

/*
 * Finds the folder that holds our libcuda.so.1. Return: 0, with a string in @out_dir that
 * the caller frees, or -ENOENT or -ENOMEM with @err filled.
 */
int vg_paths_lib(char **out_dir, struct vg_error *err);

/*
 * Prints a path into @out; one that does not fit becomes "", which no file has.
 * Return: @out.
 */
char *vg_path_print(char out[PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
