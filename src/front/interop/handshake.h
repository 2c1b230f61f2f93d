/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * handshake - what the stock CUDA runtime asks of every driver before its first call.
 *
 * Sources, purpose and limits: docs/interop.md. Pure computation; the facts come from the
 * caller, and every one of them is covered by the answer.
 */

#include <stddef.h>
#include <stdint.h>

#define VG_MD2_SIZE 16

struct vg_handshake_device {
    uint8_t uuid[16];
    int32_t pci_domain;
    int32_t pci_bus;
    int32_t pci_device;
};

struct vg_handshake {
    uint32_t driver_version;
    uint32_t version; /* as the runtime passed it */
    uint32_t process;
    uint32_t thread;
    uint64_t cudart_table;
    uint64_t integrity_table;
    uint64_t function;
    uint64_t seconds;
};

/* Writes the answer to one question; @devices in the order that the program sees. */
void vg_handshake_answer(const struct vg_handshake *facts,
                         const struct vg_handshake_device *devices, size_t count,
                         uint8_t out[VG_MD2_SIZE]);

/* The message digest of RFC 1319, and RFC 2104 over it for keys of at most 16 bytes. */
void vg_md2(const void *data, size_t size, uint8_t out[VG_MD2_SIZE]);
void vg_hmac_md2(const void *key, size_t key_size, const void *data, size_t size,
                 uint8_t out[VG_MD2_SIZE]);
