/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * visible - which devices a program sees, and in which order.
 *
 * The list is a comma-separated mixture of ordinals and uuid prefixes ("GPU-" and hex
 * digits). It ends at the first entry that names no device ("-1" is the usual way to say
 * so) or names one a second time; an empty list shows nothing, no list shows everything.
 */

#include <stdint.h>

struct vg_visible_device {
    uint8_t uuid[16];
    int pci_domain;
    int pci_bus;
    int pci_device;
};

/**
 * vg_visible_devices() - apply CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER
 * @devices: the physical devices
 * @count:   how many
 * @list:    value of CUDA_VISIBLE_DEVICES, or NULL when it is not set
 * @order:   value of CUDA_DEVICE_ORDER, or NULL; PCI_BUS_ID sorts by bus address, all
 * else keeps the driver's order
 * @out:     room for @count entries: physical numbers by visible ordinal
 *
 * Return: how many are visible.
 */
int vg_visible_devices(const struct vg_visible_device *devices, int count,
                       const char *list, const char *order, int *out);
