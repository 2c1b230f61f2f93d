/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver - the software GPU seen as a device: version, start, and the device sheet.
 *
 * One device. Its name says that it is software. What a program may lean on (warp size,
 * limits, shared memory) is what the interpreter keeps; clocks and bus are 0 or nominal.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "front/driver.h"
#include "soft/account.h"
#include "soft/core.h"
#include "soft/memory.h"
#include "soft/settings.h"
#include "soft/stats.h"
#include "soft/stream.h"

#define DRIVER_VERSION 13050

static struct vg_device_sheet sheet;
static bool is_started;

static const struct {
    uint16_t attribute;
    int32_t value;
} fixed_attributes[] = {
    { CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64 },
    { CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647 },
    { CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535 },
    { CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535 },
    { CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152 },
    { CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 65536 },
    { CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32 },
    { CU_DEVICE_ATTRIBUTE_MAX_PITCH, 2147483647 },
    { CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536 },
    { CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000 },
    { CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, 512 },
    { CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1 },
    { CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT, 0 },
    { CU_DEVICE_ATTRIBUTE_INTEGRATED, 0 },
    { CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1 },
    { CU_DEVICE_ATTRIBUTE_COMPUTE_MODE, 0 },
    { CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, 512 },
    { CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1 },
    { CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 0 },
    { CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 1 },
    { CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000 },
    { CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 64 },
    { CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 4 << 20 },
    { CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048 },
    { CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 2 },
    { CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1 },
    { CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, 32 },
    { CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1 },
    { CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1 },
    { CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1 },
    { CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 102400 },
    { CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536 },
    { CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1 },
    { CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, 1 },
    { CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1 },
    { CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1 },
    { CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1 },
    { CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 101376 },
    { CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1 },
    { CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, 1 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32 },
    { CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1024 },
    { CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1 },
};

/* Textures and surfaces are not carried; programs still read their limits at start. */
static const struct {
    uint16_t attribute;
    int32_t value;
} texture_limits[] = {
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH, 131072 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH, 131072 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT, 65536 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH, 16384 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT, 16384 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH, 16384 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_WIDTH, 32768 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_HEIGHT, 32768 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_LAYERS, 2048 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_WIDTH, 32768 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_LAYERS, 2048 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LINEAR_WIDTH, 268435456 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_WIDTH, 131072 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_HEIGHT, 65000 },
    { CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_PITCH, 2097120 },
};

CUresult
vg_driver_version(int *out_version)
{
    *out_version = DRIVER_VERSION;
    return CUDA_SUCCESS;
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u; /* FNV-1a */
    }
    return hash;
}

/* The same for the same machine and settings, so that programs that keep it find the
 * device again. */
static void
fill_uuid(const struct vg_settings *settings)
{
    char machine[64] = "", text[128];
    FILE *file = fopen("/etc/machine-id", "re");
    if (file != NULL) {
        if (fgets(machine, sizeof machine, file) == NULL) {
            machine[0] = '\0';
        }
        fclose(file);
    }
    snprintf(text, sizeof text, "vgpu software %s %u.%u %u", machine, settings->cc_major,
             settings->cc_minor, settings->sms);
    uint64_t a = hash_text(0xcbf29ce484222325u, text);
    uint64_t b = hash_text(a, "second half");
    memcpy(sheet.uuid.bytes, &a, sizeof a);
    memcpy(sheet.uuid.bytes + 8, &b, sizeof b);
    sheet.uuid.bytes[6] = (char)((sheet.uuid.bytes[6] & 0x0f) | 0x40);
    sheet.uuid.bytes[8] = (char)((sheet.uuid.bytes[8] & 0x3f) | 0x80);
}

static void
fill_sheet(void)
{
    const struct vg_settings *settings = vg_settings_get();
    snprintf(sheet.name, sizeof sheet.name, "vGPU software (CC %u.%u, %u threads)",
             settings->cc_major, settings->cc_minor, settings->threads);
    fill_uuid(settings);
    sheet.total_memory = vg_soft_account_open(sheet.uuid.bytes);
    for (size_t i = 0; i < sizeof fixed_attributes / sizeof fixed_attributes[0]; i++) {
        sheet.attributes[fixed_attributes[i].attribute] = fixed_attributes[i].value;
    }
    for (size_t i = 0; i < sizeof texture_limits / sizeof texture_limits[0]; i++) {
        sheet.attributes[texture_limits[i].attribute] = texture_limits[i].value;
    }
    sheet.attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR] =
        (int32_t)settings->cc_major;
    sheet.attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR] =
        (int32_t)settings->cc_minor;
    sheet.attributes[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT] = (int32_t)settings->sms;
    sheet.attributes[CU_DEVICE_ATTRIBUTE_NUMA_ID] = -1;
    sheet.attributes[CU_DEVICE_ATTRIBUTE_HOST_NUMA_ID] = -1;
}

CUresult
vg_driver_init(void)
{
    if (is_started) {
        return CUDA_SUCCESS;
    }
    if (vg_settings_get()->memory == 0) {
        return CUDA_ERROR_NO_DEVICE;
    }
    fill_sheet();
    CUresult r = vg_memory_init(sheet.total_memory);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (vg_context_module_init() != 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_front_on_thread_exit(vg_stream_thread_ended);
    vg_stats_init(sheet.name);
    is_started = true;
    return CUDA_SUCCESS;
}

int
vg_driver_device_count(void)
{
    return is_started ? 1 : 0;
}

const struct vg_device_sheet *
vg_driver_device(int physical)
{
    return physical == 0 && is_started ? &sheet : NULL;
}
