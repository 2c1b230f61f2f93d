/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvml_priv - what the files of src/nvml share.
 *
 * The devices are filled by the first nvmlInit that reaches the host and never change or
 * move afterwards, not even after nvmlShutdown: a program may keep a handle.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvml_answers.h"

#define VG_NVML_DEVICES    16
#define VG_NVML_ATTRIBUTES 192

/* What a handle points to. */
struct nvmlDevice_st {
    unsigned index;
    char name[256];
    char uuid_text[48]; /* GPU-... */
    uint8_t uuid[16];
    uint64_t total_memory;
    int32_t attributes[VG_NVML_ATTRIBUTES]; /* by CUdevice_attribute */
};

struct vg_nvml_host {
    int cuda_version; /* 13050 */
    unsigned count;
    struct nvmlDevice_st devices[VG_NVML_DEVICES];
};

/* The host's answer; constant between a successful nvmlInit and the end. */
extern struct vg_nvml_host vg_nvml_host;

/* Asks the host who its devices are: no context, nothing counted as a use. */
nvmlReturn_t vg_nvml_look(struct vg_nvml_host *out);

/* The host is behind a socket, so its own NVML is asked. Read once, by nvmlInit. */
bool vg_nvml_wants_far(void);

/* NULL when @device is no handle of ours. */
const struct nvmlDevice_st *vg_nvml_device(nvmlDevice_t device);

/* Copies a text into a program's buffer. Return: SUCCESS or INSUFFICIENT_SIZE. */
nvmlReturn_t vg_nvml_text(char *out, unsigned length, const char *text);

/* Numbers of the public CUdevice_attribute enumeration. */
enum {
    VG_ATTRIBUTE_CLOCK_RATE = 13, /* kHz */
    VG_ATTRIBUTE_PCI_BUS = 33,
    VG_ATTRIBUTE_PCI_DEVICE = 34,
    VG_ATTRIBUTE_MEMORY_CLOCK = 36, /* kHz */
    VG_ATTRIBUTE_BUS_WIDTH = 37,
    VG_ATTRIBUTE_PCI_DOMAIN = 50,
    VG_ATTRIBUTE_CC_MAJOR = 75,
    VG_ATTRIBUTE_CC_MINOR = 76,
};

/* Looks a device up; returns from the caller when there is none. */
#define DEVICE_OR_RETURN(found, device)                         \
    const struct nvmlDevice_st *found = vg_nvml_device(device); \
    if ((found) == NULL) {                                      \
        return NVML_ERROR_INVALID_ARGUMENT;                     \
    }
