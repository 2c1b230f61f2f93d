/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look - asks the host for its device sheets: one packet there, one back.
 *
 * A worker of our own answers and ends, without a context or a slot in the accounts. A
 * host behind a socket is asked through ask.c instead.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "link/control.h"
#include "nvml/nvml_priv.h"
#include "shim/conn.h"
#include "wire/wire.h"

/* A private worker that we started ourselves loads a driver first. */
#define START_MS 60000

_Static_assert(VG_NVML_ATTRIBUTES == VG_CONTROL_ATTRIBUTES, "sheets are copied");

static void
write_uuid(const uint8_t u[16], char *out, size_t size)
{
    snprintf(out, size,
             "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
             u[12], u[13], u[14], u[15]);
}

static nvmlReturn_t
take_welcome(const uint8_t *packet, size_t size, struct vg_nvml_host *out)
{
    struct vg_control_welcome head;
    struct vg_control_device sheet;

    if (size < sizeof(head)) {
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
    memcpy(&head, packet, sizeof(head));
    if (head.major != VG_WIRE_MAJOR || head.device_count > VG_NVML_DEVICES ||
        size != sizeof(head) + head.device_count * sizeof(sheet)) {
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
    if ((head.flags & VG_WELCOME_READS_SASS) != 0) {
        vg_log(VG_LOG_ERROR,
               "nvml: VGPU_DRIVER is not the software GPU: ask its own NVML, "
               "or a worker that listens");
        return NVML_ERROR_LIBRARY_NOT_FOUND;
    }
    for (uint32_t i = 0; i < head.device_count; i++) {
        struct nvmlDevice_st *device = &out->devices[i];
        memcpy(&sheet, packet + sizeof(head) + i * sizeof(sheet), sizeof(sheet));
        memcpy(device->name, sheet.name, sizeof(device->name));
        device->name[sizeof(device->name) - 1] = '\0';
        memcpy(device->uuid, sheet.uuid, sizeof(device->uuid));
        write_uuid(device->uuid, device->uuid_text, sizeof(device->uuid_text));
        memcpy(device->attributes, sheet.attributes, sizeof(device->attributes));
        device->total_memory = sheet.total_memory;
        device->index = i;
    }
    out->cuda_version = head.driver_version;
    out->count = head.device_count;
    return NVML_SUCCESS;
}

/* A driver without a device is a driver all the same. */
static nvmlReturn_t
take_refusal(const uint8_t *packet, size_t size, struct vg_nvml_host *out)
{
    struct vg_control_refused refused;

    if (size != sizeof(refused)) {
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
    memcpy(&refused, packet, sizeof(refused));
    refused.text[sizeof(refused.text) - 1] = '\0';
    vg_log(VG_LOG_ERROR, "nvml: the worker refuses: %s (%d)", refused.text,
           (int)refused.code);
    if (refused.code == CUDA_ERROR_NO_DEVICE) {
        out->cuda_version = CUDA_VERSION;
        out->count = 0;
        return NVML_SUCCESS;
    }
    return NVML_ERROR_DRIVER_NOT_LOADED;
}

static nvmlReturn_t
ask(int fd, struct vg_nvml_host *out)
{
    static uint8_t packet[VG_CONTROL_MAX]; /* under the lock of state.c */
    const struct vg_control_look look = { .header = { VG_CONTROL_LOOK, sizeof(look) },
                                          .magic = VG_CONTROL_MAGIC,
                                          .major = VG_WIRE_MAJOR,
                                          .minor = VG_WIRE_MINOR };
    struct vg_control_header header;
    int fds[VG_CONTROL_FDS_MAX];

    const int sent = vg_control_send(fd, &look, sizeof(look), NULL, 0);
    const int size =
        sent != 0 ? sent : vg_control_recv(fd, packet, sizeof(packet), fds, START_MS);
    for (int i = 0; sent == 0 && i < VG_CONTROL_FDS_MAX; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (size <= 0) {
        vg_log(VG_LOG_ERROR, "nvml: the worker does not answer: %s",
               size == 0 ? "it has closed the connection" : strerror(-size));
        return size == -ETIMEDOUT ? NVML_ERROR_TIMEOUT : NVML_ERROR_DRIVER_NOT_LOADED;
    }
    memcpy(&header, packet, sizeof(header));
    switch (header.type) {
    case VG_CONTROL_WELCOME:
        return take_welcome(packet, (size_t)size, out);
    case VG_CONTROL_REFUSED:
        return take_refusal(packet, (size_t)size, out);
    default:
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
}

bool
vg_nvml_wants_far(void)
{
    struct vg_endpoint endpoint;

    vg_endpoint_read(&endpoint);
    return endpoint.kind == VG_ENDPOINT_UNIX;
}

/* Only the software GPU of this machine: its accounts lie here. */
nvmlReturn_t
vg_nvml_look(struct vg_nvml_host *out)
{
    struct vg_endpoint endpoint;

    vg_endpoint_read(&endpoint);
    if (endpoint.kind != VG_ENDPOINT_SOFT) {
        vg_log(VG_LOG_ERROR, "nvml: no endpoint: set VGPU_ENDPOINT, or use 'vgpu run'");
        return NVML_ERROR_DRIVER_NOT_LOADED;
    }
    const int fd = vg_worker_spawn();
    if (fd < 0) {
        vg_log(VG_LOG_ERROR, "nvml: cannot reach the worker: %s", strerror(-fd));
        return NVML_ERROR_DRIVER_NOT_LOADED;
    }
    const nvmlReturn_t result = ask(fd, out);
    close(fd);
    vg_worker_reap();
    return result;
}
