/* SPDX-License-Identifier: Apache-2.0 */
/* find - handles: by index, UUID and PCI address. CUDA_VISIBLE_DEVICES means nothing
 * here.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/floor.h"
#include "nvml/nvml_priv.h"

const struct nvmlDevice_st *
vg_nvml_device(nvmlDevice_t device)
{
    for (unsigned i = 0; i < vg_nvml_host.count; i++) {
        if (device == &vg_nvml_host.devices[i]) {
            return device;
        }
    }
    return NULL;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetCount(unsigned int *count)
{
    *count = vg_nvml_host.count;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetCount_v2(unsigned int *count)
{
    return vg_nvml_nvmlDeviceGetCount(count);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *device)
{
    if (index >= vg_nvml_host.count) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    *device = &vg_nvml_host.devices[index];
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    return vg_nvml_nvmlDeviceGetHandleByIndex(index, device);
}

/* No board of ours has a serial number. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device)
{
    (void)serial;
    (void)device;
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    for (unsigned i = 0; i < vg_nvml_host.count; i++) {
        if (strcasecmp(uuid, vg_nvml_host.devices[i].uuid_text) == 0) {
            *device = &vg_nvml_host.devices[i];
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

/* Some callers leave the version 0, which the layout makes harmless. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleByUUIDV(const nvmlUUID_v1_t *uuid, nvmlDevice_t *device)
{
    char text[sizeof(uuid->value.str) + 1];

    if (uuid->version != 0 && uuid->version != (sizeof(*uuid) | 1u << 24)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (uuid->type == NVML_UUID_TYPE_ASCII) {
        memcpy(text, uuid->value.str, sizeof(uuid->value.str));
        text[sizeof(text) - 1] = '\0';
        return vg_nvml_nvmlDeviceGetHandleByUUID(text, device);
    }
    if (uuid->type != NVML_UUID_TYPE_BINARY) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    for (unsigned i = 0; i < vg_nvml_host.count; i++) {
        struct nvmlDevice_st *d = &vg_nvml_host.devices[i];
        if (memcmp(uuid->value.bytes, d->uuid, sizeof(d->uuid)) == 0) {
            *device = d;
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

/* Reads domain:bus:device.function, domain:bus:device and bus:device.function. */
static bool
parse_bus_id(const char *text, unsigned *domain, unsigned *bus, unsigned *device)
{
    unsigned function = 0;
    int end = 0;

    if (sscanf(text, "%8x:%2x:%2x.%1x%n", domain, bus, device, &function, &end) == 4 &&
        text[end] == '\0') {
        return function == 0;
    }
    end = 0;
    if (sscanf(text, "%8x:%2x:%2x%n", domain, bus, device, &end) == 3 &&
        text[end] == '\0') {
        return true;
    }
    end = 0;
    *domain = 0;
    return sscanf(text, "%2x:%2x.%1x%n", bus, device, &function, &end) == 3 &&
           text[end] == '\0' && function == 0;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleByPciBusId(const char *bus_id, nvmlDevice_t *device)
{
    unsigned domain = 0;
    unsigned bus = 0;
    unsigned number = 0;

    if (!parse_bus_id(bus_id, &domain, &bus, &number)) {
        return NVML_ERROR_NOT_FOUND;
    }
    for (unsigned i = 0; i < vg_nvml_host.count; i++) {
        const int32_t *a = vg_nvml_host.devices[i].attributes;
        if ((unsigned)a[VG_ATTRIBUTE_PCI_DOMAIN] == domain &&
            (unsigned)a[VG_ATTRIBUTE_PCI_BUS] == bus &&
            (unsigned)a[VG_ATTRIBUTE_PCI_DEVICE] == number) {
            *device = &vg_nvml_host.devices[i];
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *device)
{
    return vg_nvml_nvmlDeviceGetHandleByPciBusId(bus_id, device);
}
