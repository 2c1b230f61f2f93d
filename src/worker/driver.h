/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * driver - the CUDA driver at a path: its public entry points, and nothing else of it.
 *
 * vg_cuda is filled once, before the first worker thread starts, and read only
 * afterwards. An entry that the driver lacks answers CUDA_ERROR_NOT_SUPPORTED.
 */

#include "cuda_loader.h"

/* Opens @path and fills vg_cuda. Return: 0, or -ENOENT and *out_error says why. */
int vg_driver_open(const char *path, const char **out_error);
