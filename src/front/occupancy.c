/* SPDX-License-Identifier: Apache-2.0 */
/*
 * occupancy - how many blocks of a kernel a multiprocessor holds at once.
 *
 * Computed from the kernel's attributes and the device's sheet by the rules that NVIDIA
 * documents for its devices: registers are handed out by warp in units of 256 to four
 * partitions, shared memory by block in units of 128 bytes (1 KiB of it reserved where
 * attribute 111 says so).
 */

#include "cuda_driver.h"
#include "cuda_front.h"
#include "front/front_priv.h"

#define REGISTER_UNIT 256
#define SHARED_UNIT   128
#define PARTITIONS    4

/* What decides about one kernel on the current device. */
struct kernel {
    int warp;
    int max_threads; /* of one block of this kernel */
    int registers;   /* of one thread */
    int static_shared;
    int max_dynamic_shared;
    int sm_threads;
    int sm_blocks;
    int sm_registers;
    int sm_shared;
    int reserved_shared; /* of one block */
};

static long
round_up(long value, long unit)
{
    return (value + unit - 1) / unit * unit;
}

static CUresult
load_kernel(CUfunction function, struct kernel *out)
{
    const struct vg_device_sheet *sheet = vg_driver_device(vg_front_current_device());
    struct {
        CUfunction_attribute attribute;
        int *value;
    } wanted[] = {
        { CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &out->max_threads },
        { CU_FUNC_ATTRIBUTE_NUM_REGS, &out->registers },
        { CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, &out->static_shared },
        { CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, &out->max_dynamic_shared },
    };

    if (sheet == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        CUresult r =
            vg_drv_cuFuncGetAttribute(wanted[i].value, wanted[i].attribute, function);
        if (r != CUDA_SUCCESS) {
            return r;
        }
    }
    const int32_t *a = sheet->attributes;
    out->warp = a[CU_DEVICE_ATTRIBUTE_WARP_SIZE];
    out->sm_threads = a[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR];
    out->sm_blocks = a[CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR];
    out->sm_registers = a[CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR];
    out->sm_shared = a[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR];
    out->reserved_shared = a[CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK];
    return out->warp > 0 ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

static long
smaller(long a, long b)
{
    return a < b ? a : b;
}

/* Return: blocks of @threads threads that fit, by everything but shared memory. */
static long
blocks_by_threads(const struct kernel *kernel, int threads)
{
    const long warps = (threads + kernel->warp - 1) / kernel->warp;
    long blocks = kernel->sm_threads / (warps * kernel->warp);

    if (kernel->sm_blocks > 0) {
        blocks = smaller(blocks, kernel->sm_blocks);
    }
    if (kernel->registers > 0 && kernel->sm_registers > 0) {
        const long unit = round_up((long)kernel->registers * kernel->warp, REGISTER_UNIT);
        const long partition = kernel->sm_registers / PARTITIONS / unit;
        blocks = smaller(blocks, partition * PARTITIONS / warps);
    }
    return blocks;
}

static long
blocks_that_fit(const struct kernel *kernel, int threads, size_t dynamic)
{
    if (threads > kernel->max_threads ||
        dynamic >
            (size_t)(kernel->max_dynamic_shared < 0 ? 0 : kernel->max_dynamic_shared)) {
        return 0;
    }
    const long shared =
        round_up((long)kernel->static_shared + (long)dynamic + kernel->reserved_shared,
                 SHARED_UNIT);
    const long blocks = blocks_by_threads(kernel, threads);

    return shared == 0 ? blocks : smaller(blocks, kernel->sm_shared / shared);
}

CUresult
vg_front_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks,
                                                              CUfunction function,
                                                              int block_size,
                                                              size_t dynamic_smem,
                                                              unsigned int flags)
{
    struct kernel kernel;

    if (blocks == NULL || block_size <= 0 || flags > 1) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r = load_kernel(function, &kernel);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *blocks = (int)blocks_that_fit(&kernel, block_size, dynamic_smem);
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function,
                                                     int block_size, size_t dynamic_smem)
{
    return vg_front_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        blocks, function, block_size, dynamic_smem, 0);
}

/* Tries every whole number of warps, large blocks first: the smallest grid wins a tie. */
CUresult
vg_front_cuOccupancyMaxPotentialBlockSizeWithFlags(int *min_grid, int *block_size,
                                                   CUfunction function,
                                                   CUoccupancyB2DSize smem_of,
                                                   size_t dynamic_smem, int block_limit,
                                                   unsigned int flags)
{
    struct kernel kernel;
    long best_threads = 0;

    if (min_grid == NULL || block_size == NULL || flags > 1) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r = load_kernel(function, &kernel);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    const struct vg_device_sheet *sheet = vg_driver_device(vg_front_current_device());
    int limit = kernel.max_threads;
    if (block_limit > 0 && block_limit < limit) {
        limit = block_limit;
    }
    *min_grid = 0;
    *block_size = 0;
    for (int top = (int)round_up(limit, kernel.warp); top > 0; top -= kernel.warp) {
        const int threads = top < limit ? top : limit;
        const size_t dynamic = smem_of != NULL ? smem_of(threads) : dynamic_smem;
        const long blocks = blocks_that_fit(&kernel, threads, dynamic);
        if (blocks * threads > best_threads) {
            best_threads = blocks * threads;
            *block_size = threads;
            *min_grid =
                (int)blocks * sheet->attributes[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT];
        }
    }
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuOccupancyMaxPotentialBlockSize(int *min_grid, int *block_size,
                                          CUfunction function, CUoccupancyB2DSize smem_of,
                                          size_t dynamic_smem, int block_limit)
{
    return vg_front_cuOccupancyMaxPotentialBlockSizeWithFlags(
        min_grid, block_size, function, smem_of, dynamic_smem, block_limit, 0);
}

CUresult
vg_front_cuOccupancyAvailableDynamicSMemPerBlock(size_t *smem, CUfunction function,
                                                 int blocks, int block_size)
{
    struct kernel kernel;

    if (smem == NULL || blocks <= 0 || block_size <= 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r = load_kernel(function, &kernel);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (block_size > kernel.max_threads ||
        blocks_by_threads(&kernel, block_size) < blocks) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    long share = kernel.sm_shared / blocks / SHARED_UNIT * SHARED_UNIT -
                 kernel.reserved_shared - kernel.static_shared;
    share = smaller(share, kernel.max_dynamic_shared);
    *smem = share < 0 ? 0 : (size_t)share;
    return CUDA_SUCCESS;
}
