/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * range - is this device memory? Asked before something is posted that CUDA would refuse
 * at once.
 */

#include <stddef.h>
#include <stdint.h>

#include "cuda_types.h"

/* Return: CUDA_SUCCESS when [address, address + size) is allocated, as far as the client
 * knows; INVALID_VALUE when it is not. Any thread. */
CUresult vg_range_check(uint64_t address, uint64_t size);

/* The memory at @address has been freed. 0 forgets everything. */
void vg_range_forget(uint64_t address);
