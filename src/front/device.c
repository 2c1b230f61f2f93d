/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device - what a program can learn of a device without a context.
 *
 * Everything comes from the driver's immutable sheet, so nothing here waits. An attribute
 * that the driver does not know is 0, not an error: the runtime gives up when one fails.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/floor.h"
#include "cuda_front.h"
#include "front/front_priv.h"

/* Looks a device up; returns from the caller when there is none. */
#define SHEET_OR_RETURN(sheet, dev)                            \
    const struct vg_device_sheet *sheet = vg_front_sheet(dev); \
    if ((sheet) == NULL) {                                     \
        return CUDA_ERROR_INVALID_DEVICE;                      \
    }

CUresult
vg_front_cuDeviceGetCount(int *count)
{
    if (count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *count = vg_front_visible_count();
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGet(CUdevice *device, int ordinal)
{
    if (device == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (vg_front_sheet(ordinal) == NULL) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *device = ordinal;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGetName(char *name, int len, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    if (name == NULL || len <= 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    snprintf(name, (size_t)len, "%s", sheet->name);
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    if (uuid == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *uuid = sheet->uuid;
    return CUDA_SUCCESS;
}

/* The second form differs only for slices of a device, which we do not have. */
CUresult
vg_front_cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
    return vg_front_cuDeviceGetUuid(uuid, dev);
}

/* A 32-bit size saturates, as a size that does not fit must not look small. */
CUresult
vg_front_cuDeviceTotalMem(unsigned int *bytes, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    if (bytes == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *bytes =
        sheet->total_memory > UINT32_MAX ? UINT32_MAX : (unsigned int)sheet->total_memory;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    if (bytes == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *bytes = sheet->total_memory;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGetAttribute(int *value, CUdevice_attribute attrib, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    if (value == NULL || (int)attrib < 1 || (int)attrib >= VG_DEVICE_ATTRIBUTE_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *value = sheet->attributes[attrib];
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceComputeCapability(int *major, int *minor, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    if (major == NULL || minor == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *major = sheet->attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR];
    *minor = sheet->attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR];
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGetProperties(CUdevprop *prop, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    const int32_t *a = sheet->attributes;

    if (prop == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *prop = (CUdevprop){
        .maxThreadsPerBlock = a[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK],
        .maxThreadsDim = { a[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X],
                           a[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y],
                           a[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z] },
        .maxGridSize = { a[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X],
                         a[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y],
                         a[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z] },
        .sharedMemPerBlock = a[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK],
        .totalConstantMemory = a[CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY],
        .SIMDWidth = a[CU_DEVICE_ATTRIBUTE_WARP_SIZE],
        .memPitch = a[CU_DEVICE_ATTRIBUTE_MAX_PITCH],
        .regsPerBlock = a[CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK],
        .clockRate = a[CU_DEVICE_ATTRIBUTE_CLOCK_RATE],
        .textureAlign = a[CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT],
    };
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGetPCIBusId(char *bus_id, int len, CUdevice dev)
{
    char text[32];
    SHEET_OR_RETURN(sheet, dev)
    const int32_t *a = sheet->attributes;

    int length = snprintf(text, sizeof(text), "%04X:%02X:%02X.0",
                          (unsigned)a[CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID],
                          (unsigned)a[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID],
                          (unsigned)a[CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID]);
    if (bus_id == NULL || len <= length) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(bus_id, text, (size_t)length + 1);
    return CUDA_SUCCESS;
}

/* Reads domain:bus:device.function, domain:bus:device and bus:device.function. */
static bool
parse_bus_id(const char *text, unsigned *domain, unsigned *bus, unsigned *device)
{
    unsigned function;
    int end = 0;

    if (sscanf(text, "%8x:%2x:%2x.%1x%n", domain, bus, device, &function, &end) == 4 &&
        text[end] == '\0') {
        return true;
    }
    end = 0;
    if (sscanf(text, "%8x:%2x:%2x%n", domain, bus, device, &end) == 3 &&
        text[end] == '\0') {
        return true;
    }
    end = 0;
    *domain = 0;
    return sscanf(text, "%2x:%2x.%1x%n", bus, device, &function, &end) == 3 &&
           text[end] == '\0';
}

CUresult
vg_front_cuDeviceGetByPCIBusId(CUdevice *dev, const char *bus_id)
{
    unsigned domain;
    unsigned bus;
    unsigned device;

    if (dev == NULL || bus_id == NULL || !parse_bus_id(bus_id, &domain, &bus, &device)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (int i = 0; i < vg_front_visible_count(); i++) {
        const int32_t *a = vg_front_sheet(i)->attributes;
        if ((unsigned)a[CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID] == domain &&
            (unsigned)a[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID] == bus &&
            (unsigned)a[CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID] == device) {
            *dev = i;
            return CUDA_SUCCESS;
        }
    }
    return CUDA_ERROR_INVALID_DEVICE;
}

CUresult
vg_front_cuDeviceGetExecAffinitySupport(int *value, CUexecAffinityType type, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    (void)sheet;
    (void)type;
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *value = 0;
    return CUDA_SUCCESS;
}

/* There are no LUIDs on Linux. */
CUresult
vg_front_cuDeviceGetLuid(char *luid, unsigned int *mask, CUdevice dev)
{
    (void)luid;
    (void)mask;
    return vg_front_sheet(dev) == NULL ? CUDA_ERROR_INVALID_DEVICE
                                       : CUDA_ERROR_NOT_SUPPORTED;
}

CUresult
vg_front_cuDeviceGetTexture1DLinearMaxWidth(size_t *width, CUarray_format format,
                                            unsigned int channels, CUdevice dev)
{
    SHEET_OR_RETURN(sheet, dev)
    const int32_t most =
        sheet->attributes[CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LINEAR_WIDTH];

    (void)format;
    if (width == NULL || channels == 0 || channels > 4 || channels == 3) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (most == 0) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    *width = (size_t)most;
    return CUDA_SUCCESS;
}

/* Lazy is what every driver since 12.2 does unless it is told otherwise. */
CUresult
vg_front_cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
    const char *text = getenv("CUDA_MODULE_LOADING");

    if (mode == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *mode = text != NULL && strcmp(text, "EAGER") == 0 ? CU_MODULE_EAGER_LOADING
                                                       : CU_MODULE_LAZY_LOADING;
    return CUDA_SUCCESS;
}
