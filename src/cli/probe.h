/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * probe - asks a CUDA driver library about its first device.
 *
 * The library is opened in a child process: what it maps, starts or breaks is gone with
 * that child.
 */

#include <stdint.h>

struct vg_error;

struct vg_probe {
    int driver_version; /* 13050 for 13.5 */
    int device_count;
    int major, minor; /* compute capability */
    uint64_t memory;  /* bytes */
    unsigned char uuid[16];
    char name[256];
    char pci[32];
};

/*
 * Opens @path (a name without a slash is searched as the loader would) and asks it.
 * Return: 0, or a negative errno code with @err filled.
 */
int vg_probe_driver(const char *path, struct vg_probe *out_probe, struct vg_error *err);
