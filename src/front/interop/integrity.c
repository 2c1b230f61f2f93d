/* SPDX-License-Identifier: Apache-2.0 */
/*
 * integrity - the table behind the runtime's handshake: collects the facts it covers.
 *
 * The facts are those that this library shows elsewhere: the version, the tables' own
 * addresses, and uuid and bus address of each visible device. See docs/interop.md.
 */

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "front/front_priv.h"
#include "front/interop/handshake.h"
#include "front/interop/tables.h"

static CUresult answer(uint32_t version, uint64_t seconds, void *out);

static CUresult
enable(int on)
{
    (void)on;
    return CUDA_SUCCESS;
}

const union vg_word vg_table_integrity[VG_INTEGRITY_SLOTS] = {
    { .size = sizeof(vg_table_integrity) },
    VG_SLOT(answer),
    VG_SLOT(enable),
};

static CUresult
answer(uint32_t version, uint64_t seconds, void *out)
{
    struct vg_handshake_device devices[VG_DEVICE_MAX];
    const int count = vg_front_visible_count();
    uint8_t digest[VG_MD2_SIZE];
    int driver_version;

    CUresult r = vg_driver_version(&driver_version);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    for (int i = 0; i < count; i++) {
        const struct vg_device_sheet *sheet = vg_front_sheet(i);
        memcpy(devices[i].uuid, sheet->uuid.bytes, sizeof(devices[i].uuid));
        devices[i].pci_domain = sheet->attributes[CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID];
        devices[i].pci_bus = sheet->attributes[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID];
        devices[i].pci_device = sheet->attributes[CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID];
    }
    const struct vg_handshake facts = {
        .driver_version = (uint32_t)driver_version,
        .version = version,
        .process = (uint32_t)getpid(),
        .thread = (uint32_t)pthread_self(),
        .cudart_table = (uint64_t)(uintptr_t)vg_table_cudart,
        .integrity_table = (uint64_t)(uintptr_t)vg_table_integrity,
        .function = (uint64_t)(uintptr_t)answer,
        .seconds = seconds,
    };
    vg_handshake_answer(&facts, devices, (size_t)count, digest);
    memcpy(out, digest, sizeof(digest));
    return CUDA_SUCCESS;
}
