/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage - memory in use, processes and utilisation, from the accounts of the device: true
 * for all processes of the machine at the moment of the question.
 *
 * Utilisation is the share of the last second in which work of any process ran. How much
 * of that time went to memory is not measured: that member is 0.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "account/account.h"
#include "nvml/nvml_priv.h"

#define NO_INSTANCE 0xffffffffu
#define ROOM        64

struct uses {
    struct vg_account_use *list;
    unsigned count;
};

/* The caller frees @out->list. */
static nvmlReturn_t
read_uses(const struct nvmlDevice_st *device, struct uses *out)
{
    size_t capacity = ROOM;

    for (;;) {
        out->list = malloc(capacity * sizeof(*out->list));
        if (out->list == NULL) {
            return NVML_ERROR_MEMORY;
        }
        const size_t count = vg_account_read(device->uuid, out->list, capacity);
        if (count <= capacity) {
            out->count = (unsigned)count;
            return NVML_SUCCESS;
        }
        free(out->list);
        capacity = count + ROOM;
    }
}

static nvmlReturn_t
read_memory(nvmlDevice_t device, nvmlMemory_t *out)
{
    struct uses uses;
    uint64_t used = 0;
    DEVICE_OR_RETURN(d, device)

    const nvmlReturn_t result = read_uses(d, &uses);
    if (result != NVML_SUCCESS) {
        return result;
    }
    for (unsigned i = 0; i < uses.count; i++) {
        used += uses.list[i].used;
    }
    free(uses.list);
    /* a process with a setting of its own may have more than this one is told of */
    used = used < d->total_memory ? used : d->total_memory;
    *out = (nvmlMemory_t){ .total = d->total_memory,
                           .used = used,
                           .free = d->total_memory - used };
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    return read_memory(device, memory);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    nvmlMemory_t facts;

    if (memory->version != (sizeof(*memory) | 2u << 24)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    const nvmlReturn_t result = read_memory(device, &facts);
    if (result == NVML_SUCCESS) {
        memory->total = facts.total;
        memory->reserved = 0;
        memory->used = facts.used;
        memory->free = facts.free;
    }
    return result;
}

static unsigned
percent(const struct vg_account_use *use)
{
    const uint64_t window = use->window_ns > 0 ? use->window_ns : 1;
    const uint64_t value = (use->busy_ns * 100 + window / 2) / window;

    return value < 100 ? (unsigned)value : 100;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
    struct uses uses;
    unsigned sum = 0;
    DEVICE_OR_RETURN(d, device)

    const nvmlReturn_t result = read_uses(d, &uses);
    if (result != NVML_SUCCESS) {
        return result;
    }
    for (unsigned i = 0; i < uses.count; i++) {
        sum += percent(&uses.list[i]);
    }
    free(uses.list);
    utilization->gpu = sum < 100 ? sum : 100;
    utilization->memory = 0;
    return NVML_SUCCESS;
}

/* --- processes --- */

/* Writes one use as element @index of a list of some version. */
typedef void put_use(void *infos, unsigned index, const struct vg_account_use *use);

static void
put_v1(void *infos, unsigned index, const struct vg_account_use *use)
{
    nvmlProcessInfo_v1_t *info = (nvmlProcessInfo_v1_t *)infos + index;

    info->pid = (unsigned)use->pid;
    info->usedGpuMemory = use->used;
}

static void
put_v2(void *infos, unsigned index, const struct vg_account_use *use)
{
    ((nvmlProcessInfo_v2_t *)infos)[index] =
        (nvmlProcessInfo_v2_t){ .pid = (unsigned)use->pid,
                                .usedGpuMemory = use->used,
                                .gpuInstanceId = NO_INSTANCE,
                                .computeInstanceId = NO_INSTANCE };
}

static void
put_detail(void *infos, unsigned index, const struct vg_account_use *use)
{
    ((nvmlProcessDetail_v1_t *)infos)[index] =
        (nvmlProcessDetail_v1_t){ .pid = (unsigned)use->pid,
                                  .usedGpuMemory = use->used,
                                  .gpuInstanceId = NO_INSTANCE,
                                  .computeInstanceId = NO_INSTANCE };
}

/* @count: the room in @infos, then how many there are. */
static nvmlReturn_t
list_uses(nvmlDevice_t device, unsigned *count, void *infos, put_use *put)
{
    struct uses uses;
    DEVICE_OR_RETURN(d, device)

    nvmlReturn_t result = read_uses(d, &uses);
    if (result != NVML_SUCCESS) {
        return result;
    }
    if (uses.count > 0 && (infos == NULL || *count < uses.count)) {
        result = NVML_ERROR_INSUFFICIENT_SIZE;
    }
    for (unsigned i = 0; result == NVML_SUCCESS && i < uses.count; i++) {
        put(infos, i, &uses.list[i]);
    }
    *count = uses.count;
    free(uses.list);
    return result;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device, unsigned int *count,
                                             nvmlProcessInfo_v1_t *infos)
{
    return list_uses(device, count, infos, put_v1);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned int *count,
                                                nvmlProcessInfo_v2_t *infos)
{
    return list_uses(device, count, infos, put_v2);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *count,
                                                nvmlProcessInfo_v2_t *infos)
{
    return list_uses(device, count, infos, put_v2);
}

/* Nobody draws on this device, and there is no MPS server. */
static nvmlReturn_t
list_none(nvmlDevice_t device, unsigned *count)
{
    DEVICE_OR_RETURN(d, device)
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device, unsigned int *count,
                                              nvmlProcessInfo_v1_t *infos)
{
    (void)infos;
    return list_none(device, count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetGraphicsRunningProcesses_v2(nvmlDevice_t device, unsigned int *count,
                                                 nvmlProcessInfo_v2_t *infos)
{
    (void)infos;
    return list_none(device, count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int *count,
                                                 nvmlProcessInfo_v2_t *infos)
{
    (void)infos;
    return list_none(device, count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMPSComputeRunningProcesses(nvmlDevice_t device, unsigned int *count,
                                                nvmlProcessInfo_v1_t *infos)
{
    (void)infos;
    return list_none(device, count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMPSComputeRunningProcesses_v2(nvmlDevice_t device,
                                                   unsigned int *count,
                                                   nvmlProcessInfo_v2_t *infos)
{
    (void)infos;
    return list_none(device, count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t device,
                                                   unsigned int *count,
                                                   nvmlProcessInfo_v2_t *infos)
{
    (void)infos;
    return list_none(device, count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device,
                                              nvmlProcessDetailList_v1_t *list)
{
    DEVICE_OR_RETURN(d, device)

    if (list->version != (sizeof(*list) | 1u << 24)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (list->mode > NVML_PROCESS_MODE_ALL) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (list->mode != NVML_PROCESS_MODE_COMPUTE && list->mode != NVML_PROCESS_MODE_ALL) {
        list->numProcArrayEntries = 0;
        return NVML_SUCCESS;
    }
    (void)d;
    return list_uses(device, &list->numProcArrayEntries, list->procArray, put_detail);
}

/* --- utilisation by process --- */

/* Keeps who was busy after @since (time of day, us) and within the last second. */
static nvmlReturn_t
read_busy(const struct nvmlDevice_st *device, uint64_t since, struct uses *out)
{
    unsigned kept = 0;

    const nvmlReturn_t result = read_uses(device, out);
    if (result != NVML_SUCCESS) {
        return result;
    }
    for (unsigned i = 0; i < out->count; i++) {
        if (out->list[i].busy_ns > 0 && out->list[i].last_us > since) {
            out->list[kept++] = out->list[i];
        }
    }
    out->count = kept;
    if (kept == 0) {
        free(out->list);
        out->list = NULL;
        return NVML_ERROR_NOT_FOUND;
    }
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetProcessUtilization(nvmlDevice_t device,
                                        nvmlProcessUtilizationSample_t *samples,
                                        unsigned int *count, unsigned long long since)
{
    struct uses uses;
    DEVICE_OR_RETURN(d, device)

    nvmlReturn_t result = read_busy(d, since, &uses);
    if (result != NVML_SUCCESS) {
        *count = 0;
        return result;
    }
    if (samples == NULL || *count < uses.count) {
        result = NVML_ERROR_INSUFFICIENT_SIZE;
    }
    for (unsigned i = 0; result == NVML_SUCCESS && i < uses.count; i++) {
        samples[i] = (nvmlProcessUtilizationSample_t){
            .pid = (unsigned)uses.list[i].pid,
            .timeStamp = uses.list[i].last_us,
            .smUtil = percent(&uses.list[i]),
        };
    }
    *count = uses.count;
    free(uses.list);
    return result;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t device,
                                              nvmlProcessesUtilizationInfo_v1_t *info)
{
    struct uses uses;
    DEVICE_OR_RETURN(d, device)

    if (info->version != (sizeof(*info) | 1u << 24)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    nvmlReturn_t result = read_busy(d, info->lastSeenTimeStamp, &uses);
    if (result != NVML_SUCCESS) {
        info->processSamplesCount = 0;
        return result;
    }
    if (info->procUtilArray == NULL || info->processSamplesCount < uses.count) {
        result = NVML_ERROR_INSUFFICIENT_SIZE;
    }
    for (unsigned i = 0; result == NVML_SUCCESS && i < uses.count; i++) {
        info->procUtilArray[i] = (nvmlProcessUtilizationInfo_v1_t){
            .pid = (unsigned)uses.list[i].pid,
            .timeStamp = uses.list[i].last_us,
            .smUtil = percent(&uses.list[i]),
        };
    }
    info->processSamplesCount = uses.count;
    free(uses.list);
    return result;
}
