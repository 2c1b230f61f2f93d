/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet - what a device is, from the sheet that CUDA answers from as well, so that both
 * say the same. What the sheet does not know is NOT_SUPPORTED, never a guess.
 */
#include <stdio.h>
#include <string.h>

#include "nvml/nvml_priv.h"

nvmlReturn_t
vg_nvml_nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
    DEVICE_OR_RETURN(d, device)
    return vg_nvml_text(name, length, d->name);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length)
{
    DEVICE_OR_RETURN(d, device)
    return vg_nvml_text(uuid, length, d->uuid_text);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
    DEVICE_OR_RETURN(d, device)
    *index = d->index;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *number)
{
    return vg_nvml_nvmlDeviceGetIndex(device, number);
}

static unsigned
board_of(const struct nvmlDevice_st *d)
{
    return (unsigned)d->attributes[VG_ATTRIBUTE_PCI_DOMAIN] << 16 |
           (unsigned)d->attributes[VG_ATTRIBUTE_PCI_BUS] << 8 |
           (unsigned)d->attributes[VG_ATTRIBUTE_PCI_DEVICE];
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetBoardId(nvmlDevice_t device, unsigned int *id)
{
    DEVICE_OR_RETURN(d, device)
    *id = board_of(d);
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMultiGpuBoard(nvmlDevice_t device, unsigned int *several)
{
    DEVICE_OR_RETURN(d, device)
    *several = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceOnSameBoard(nvmlDevice_t device, nvmlDevice_t other, int *same)
{
    DEVICE_OR_RETURN(d, device)
    DEVICE_OR_RETURN(o, other)
    *same = d == o;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetBrand(nvmlDevice_t device, nvmlBrandType_t *brand)
{
    DEVICE_OR_RETURN(d, device)
    *brand = NVML_BRAND_UNKNOWN;
    return NVML_SUCCESS;
}

/* The generation that the compute capability belongs to. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetArchitecture(nvmlDevice_t device, nvmlDeviceArchitecture_t *arch)
{
    DEVICE_OR_RETURN(d, device)
    const int cc =
        10 * d->attributes[VG_ATTRIBUTE_CC_MAJOR] + d->attributes[VG_ATTRIBUTE_CC_MINOR];

    switch (cc / 10) {
    case 5:
        *arch = NVML_DEVICE_ARCH_MAXWELL;
        break;
    case 6:
        *arch = NVML_DEVICE_ARCH_PASCAL;
        break;
    case 7:
        *arch = cc == 75 ? NVML_DEVICE_ARCH_TURING : NVML_DEVICE_ARCH_VOLTA;
        break;
    case 8:
        *arch = cc == 89 ? NVML_DEVICE_ARCH_ADA : NVML_DEVICE_ARCH_AMPERE;
        break;
    case 9:
        *arch = NVML_DEVICE_ARCH_HOPPER;
        break;
    case 10:
    case 11:
    case 12:
        *arch = NVML_DEVICE_ARCH_BLACKWELL;
        break;
    default:
        *arch = NVML_DEVICE_ARCH_UNKNOWN;
        break;
    }
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    DEVICE_OR_RETURN(d, device)
    *major = d->attributes[VG_ATTRIBUTE_CC_MAJOR];
    *minor = d->attributes[VG_ATTRIBUTE_CC_MINOR];
    return NVML_SUCCESS;
}

/* --- PCI --- */

/* Vendor and device id stay 0: no NVIDIA board is behind the address. */
static void
fill_pci(const struct nvmlDevice_st *d, nvmlPciInfo_t *out)
{
    memset(out, 0, sizeof(*out));
    out->domain = (unsigned)d->attributes[VG_ATTRIBUTE_PCI_DOMAIN];
    out->bus = (unsigned)d->attributes[VG_ATTRIBUTE_PCI_BUS];
    out->device = (unsigned)d->attributes[VG_ATTRIBUTE_PCI_DEVICE];
    snprintf(out->busIdLegacy, sizeof(out->busIdLegacy), "%04X:%02X:%02X.0",
             out->domain & 0xffff, out->bus & 0xff, out->device & 0xff);
    snprintf(out->busId, sizeof(out->busId), "%08X:%02X:%02X.0", out->domain, out->bus,
             out->device);
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    DEVICE_OR_RETURN(d, device)
    fill_pci(d, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_v2_t *pci)
{
    nvmlPciInfo_t full;
    DEVICE_OR_RETURN(d, device)

    fill_pci(d, &full);
    memset(pci, 0, sizeof(*pci));
    memcpy(pci->busId, full.busIdLegacy, sizeof(pci->busId));
    pci->domain = full.domain;
    pci->bus = full.bus;
    pci->device = full.device;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_v1_t *pci)
{
    nvmlPciInfo_t full;
    DEVICE_OR_RETURN(d, device)

    fill_pci(d, &full);
    memcpy(pci->busId, full.busIdLegacy, sizeof(pci->busId));
    pci->domain = full.domain;
    pci->bus = full.bus;
    pci->device = full.device;
    pci->pciDeviceId = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_v1_t *pci)
{
    nvmlPciInfo_t full;
    DEVICE_OR_RETURN(d, device)

    if (pci->version != (sizeof(*pci) | 1u << 24)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    fill_pci(d, &full);
    pci->domain = full.domain;
    pci->bus = full.bus;
    pci->device = full.device;
    pci->pciDeviceId = 0;
    pci->pciSubSystemId = 0;
    pci->baseClass = 0;
    pci->subClass = 0;
    memcpy(pci->busId, full.busId, sizeof(pci->busId));
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetBusType(nvmlDevice_t device, nvmlBusType_t *type)
{
    DEVICE_OR_RETURN(d, device)
    *type = NVML_BUS_TYPE_UNKNOWN;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMemoryBusWidth(nvmlDevice_t device, unsigned int *bits)
{
    DEVICE_OR_RETURN(d, device)
    if (d->attributes[VG_ATTRIBUTE_BUS_WIDTH] <= 0) {
        return NVML_ERROR_NOT_SUPPORTED;
    }
    *bits = (unsigned)d->attributes[VG_ATTRIBUTE_BUS_WIDTH];
    return NVML_SUCCESS;
}

/* Clock types: 0 graphics, 1 SM, 2 memory, 3 video. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type,
                                  unsigned int *mhz)
{
    DEVICE_OR_RETURN(d, device)
    const int32_t khz = type <= 1   ? d->attributes[VG_ATTRIBUTE_CLOCK_RATE]
                        : type == 2 ? d->attributes[VG_ATTRIBUTE_MEMORY_CLOCK]
                                    : 0;

    if (type > 3) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (khz <= 0) {
        return NVML_ERROR_NOT_SUPPORTED;
    }
    *mhz = (unsigned)khz / 1000;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device, nvmlDevice_t other,
                                            nvmlGpuTopologyLevel_t *level)
{
    DEVICE_OR_RETURN(d, device)
    DEVICE_OR_RETURN(o, other)
    if (d != o) {
        return NVML_ERROR_NOT_SUPPORTED; /* there is no bus that they hang on */
    }
    *level = NVML_TOPOLOGY_INTERNAL;
    return NVML_SUCCESS;
}

/* On no level is there another one near. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device,
                                         nvmlGpuTopologyLevel_t level,
                                         unsigned int *count, nvmlDevice_t *devices)
{
    DEVICE_OR_RETURN(d, device)
    (void)level;
    (void)devices;
    *count = 0;
    return NVML_SUCCESS;
}

/* --- how it is set up --- */

nvmlReturn_t
vg_nvml_nvmlDeviceGetComputeMode(nvmlDevice_t device, nvmlComputeMode_t *mode)
{
    DEVICE_OR_RETURN(d, device)
    *mode = NVML_COMPUTEMODE_DEFAULT;
    return NVML_SUCCESS;
}

/* No driver stays loaded without a client. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    DEVICE_OR_RETURN(d, device)
    *mode = NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetDisplayMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    DEVICE_OR_RETURN(d, device)
    *mode = NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetDisplayActive(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    return vg_nvml_nvmlDeviceGetDisplayMode(device, mode);
}

/* NVIDIA's ways to share a card; this device is none of them. */
nvmlReturn_t
vg_nvml_nvmlDeviceGetVirtualizationMode(nvmlDevice_t device,
                                        nvmlGpuVirtualizationMode_t *mode)
{
    DEVICE_OR_RETURN(d, device)
    *mode = NVML_GPU_VIRTUALIZATION_MODE_NONE;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig)
{
    DEVICE_OR_RETURN(d, device)
    *is_mig = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count)
{
    DEVICE_OR_RETURN(d, device)
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types)
{
    DEVICE_OR_RETURN(d, device)
    *types = 0;
    return NVML_SUCCESS;
}
