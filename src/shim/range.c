/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range - a small cache of the worker's address ranges.
 *
 * A range that is missing is asked for once. One that was freed behind the cache (with a
 * pool, a mapping, a context) may linger: then the driver refuses, later.
 */
#include "shim/range.h"

#include <pthread.h>

#include "cuda_driver.h"
#include "shim/conn.h"

#define RANGES 256u

struct range {
    uint64_t base;
    uint64_t size; /* 0: free */
};

static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static struct range ranges[RANGES];
static unsigned ranges_next;

static struct range
find(uint64_t address)
{
    struct range found = { 0, 0 };

    pthread_mutex_lock(&ranges_lock);
    for (unsigned i = 0; i < RANGES && found.size == 0; i++) {
        if (address - ranges[i].base < ranges[i].size) {
            found = ranges[i];
        }
    }
    pthread_mutex_unlock(&ranges_lock);
    return found;
}

static void
remember(struct range range)
{
    pthread_mutex_lock(&ranges_lock);
    ranges[ranges_next++ % RANGES] = range;
    pthread_mutex_unlock(&ranges_lock);
}

void
vg_range_forget(uint64_t address)
{
    pthread_mutex_lock(&ranges_lock);
    for (unsigned i = 0; i < RANGES; i++) {
        if (address == 0 || address - ranges[i].base < ranges[i].size) {
            ranges[i].size = 0;
        }
    }
    pthread_mutex_unlock(&ranges_lock);
}

static CUresult
check_window(uint64_t address, uint64_t size)
{
    struct vg_window_block block;

    return vg_window_find(address, &block) && size <= block.size - (address - block.base)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult
vg_range_check(uint64_t address, uint64_t size)
{
    if (vg_is_window_address(address)) {
        return check_window(address, size);
    }
    /* mappings that lie side by side count as one */
    for (;;) {
        if (!vg_is_device_address(address)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        struct range range = find(address);
        if (range.size == 0) {
            CUdeviceptr base = 0;
            size_t bytes = 0;
            const CUresult result =
                vg_drv_cuMemGetAddressRange_v2(&base, &bytes, address);
            if (result == CUDA_ERROR_NOT_FOUND || result == CUDA_ERROR_INVALID_VALUE) {
                return CUDA_ERROR_INVALID_VALUE;
            }
            if (result != CUDA_SUCCESS || address - base >= bytes) {
                return result;
            }
            range = (struct range){ base, bytes };
            remember(range);
        }
        const uint64_t left = range.size - (address - range.base);
        if (size <= left) {
            return CUDA_SUCCESS;
        }
        address += left;
        size -= left;
    }
}
