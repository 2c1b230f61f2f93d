/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * smi - what the two files of `vgpu smi` share: NVML by its exported names, the facts of
 * a GPU, and queries (smi_query.c), which know nothing of NVML.
 */

#include <stdbool.h>
#include <stddef.h>

struct vg_error;

struct vg_smi_memory {
    unsigned long long total, free, used;
};

struct vg_smi_utilization {
    unsigned gpu, memory;
};

struct vg_smi_pci {
    char legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

struct vg_smi_process {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
};

struct vg_smi_nvml {
    int (*init)(void);
    const char *(*error_string)(int result);
    int (*driver_version)(char *out, unsigned size);
    int (*cuda_version)(int *out);
    int (*process_name)(unsigned pid, char *out, unsigned size);
    int (*count)(unsigned *out);
    int (*by_index)(unsigned index, void **out);
    int (*name)(void *device, char *out, unsigned size);
    int (*uuid)(void *device, char *out, unsigned size);
    int (*pci)(void *device, struct vg_smi_pci *out);
    int (*memory)(void *device, struct vg_smi_memory *out);
    int (*utilization)(void *device, struct vg_smi_utilization *out);
    int (*processes)(void *device, unsigned *count, struct vg_smi_process *out);
    int (*temperature)(void *device, unsigned sensor, unsigned *out);
    int (*fan)(void *device, unsigned *out);
    int (*power)(void *device, unsigned *out);
    int (*capability)(void *device, int *major, int *minor);
};

struct vg_smi_gpu {
    void *device;
    unsigned index;
    unsigned count; /* of all GPUs */
    const char *driver;
    char name[256];
    char uuid[96];
    struct vg_smi_pci pci;
    struct vg_smi_memory memory;
    struct vg_smi_utilization utilization;
    unsigned temperature, fan, power; /* degrees, percent, milliwatt */
    int major, minor;
    bool has_memory, has_utilization, has_temperature, has_fan, has_power, has_capability;
};

enum vg_smi_kind {
    VG_SMI_TABLE,
    VG_SMI_LIST,
    VG_SMI_FULL,
    VG_SMI_QUERY_GPU,
    VG_SMI_QUERY_APPS,
};

struct vg_smi_request {
    enum vg_smi_kind kind;
    const char *fields; /* of a query */
    const char *id;     /* -i, or NULL */
    bool no_header, no_units;
};

/* --- smi_query.c --- */

/* Reads the command line. Return: 0 or -EINVAL, with the reason in @err. */
int vg_smi_parse(int argc, char **argv, struct vg_smi_request *out, struct vg_error *err);

/* Return: 0, or -EINVAL naming the field that is none. */
int vg_smi_check_fields(const char *list, bool of_apps, struct vg_error *err);

void vg_smi_print_header(const struct vg_smi_request *request, bool of_apps);
void vg_smi_print_gpu(const struct vg_smi_request *request, const struct vg_smi_gpu *gpu);
void vg_smi_print_app(const struct vg_smi_request *request, const struct vg_smi_gpu *gpu,
                      const struct vg_smi_process *process, const char *name);
