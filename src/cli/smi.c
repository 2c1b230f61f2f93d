/* SPDX-License-Identifier: Apache-2.0 */

/*
 * smi - `vgpu smi`: what monitors see, asked through our libnvidia-ml.so.1, in the forms
 * that people and scripts know. What the library does not know prints as N/A.
 */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/error.h"
#include "cli/paths.h"
#include "cli/smi.h"

static const struct {
    const char *name;
    size_t offset;
} entries[] = {
    { "nvmlInit_v2", offsetof(struct vg_smi_nvml, init) },
    { "nvmlErrorString", offsetof(struct vg_smi_nvml, error_string) },
    { "nvmlSystemGetDriverVersion", offsetof(struct vg_smi_nvml, driver_version) },
    { "nvmlSystemGetCudaDriverVersion_v2", offsetof(struct vg_smi_nvml, cuda_version) },
    { "nvmlSystemGetProcessName", offsetof(struct vg_smi_nvml, process_name) },
    { "nvmlDeviceGetCount_v2", offsetof(struct vg_smi_nvml, count) },
    { "nvmlDeviceGetHandleByIndex_v2", offsetof(struct vg_smi_nvml, by_index) },
    { "nvmlDeviceGetName", offsetof(struct vg_smi_nvml, name) },
    { "nvmlDeviceGetUUID", offsetof(struct vg_smi_nvml, uuid) },
    { "nvmlDeviceGetPciInfo_v3", offsetof(struct vg_smi_nvml, pci) },
    { "nvmlDeviceGetMemoryInfo", offsetof(struct vg_smi_nvml, memory) },
    { "nvmlDeviceGetUtilizationRates", offsetof(struct vg_smi_nvml, utilization) },
    { "nvmlDeviceGetComputeRunningProcesses_v3",
      offsetof(struct vg_smi_nvml, processes) },
    { "nvmlDeviceGetTemperature", offsetof(struct vg_smi_nvml, temperature) },
    { "nvmlDeviceGetFanSpeed", offsetof(struct vg_smi_nvml, fan) },
    { "nvmlDeviceGetPowerUsage", offsetof(struct vg_smi_nvml, power) },
    { "nvmlDeviceGetCudaComputeCapability", offsetof(struct vg_smi_nvml, capability) },
};

static int
load(struct vg_smi_nvml *nvml, struct vg_error *err)
{
    char path[PATH_MAX];
    char *lib = NULL;

    int r = vg_paths_lib(&lib, err);
    if (r != 0) {
        return r;
    }
    (void)snprintf(path, sizeof(path), "%s/libnvidia-ml.so.1", lib);
    free(lib);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)vg_error_set(err, -ENOENT, "cannot load NVML: %s", dlerror());
        return -ENOENT;
    }
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        void *entry = dlsym(library, entries[i].name);
        if (entry == NULL) {
            (void)vg_error_set(err, -ENOENT, "'%s' has no %s", path, entries[i].name);
            return -ENOENT;
        }
        memcpy((char *)nvml + entries[i].offset, &entry, sizeof(entry));
    }
    if (setenv("VGPU_ENDPOINT", "soft", 0) != 0) {
        (void)vg_error_set(err, -ENOMEM, "out of memory");
        return -ENOMEM;
    }
    r = nvml->init();
    if (r != 0) {
        (void)vg_error_set(err, -ENODEV, "NVML does not start: %s (%d)",
                           nvml->error_string(r), r);
        vg_error_hint(err, "VGPU_LOG=info says why; VGPU_ENDPOINT=soft asks for the "
                           "software GPU");
        return -ENODEV;
    }
    return 0;
}

/* --- facts --- */

static void
read_gpu(const struct vg_smi_nvml *nvml, unsigned index, struct vg_smi_gpu *out)
{
    void *device = NULL;

    memset(out, 0, sizeof(*out));
    out->index = index;
    if (nvml->by_index(index, &device) != 0) {
        return;
    }
    out->device = device;
    if (nvml->name(device, out->name, sizeof(out->name)) != 0) {
        (void)snprintf(out->name, sizeof(out->name), "N/A");
    }
    if (nvml->uuid(device, out->uuid, sizeof(out->uuid)) != 0) {
        (void)snprintf(out->uuid, sizeof(out->uuid), "N/A");
    }
    (void)nvml->pci(device, &out->pci);
    out->has_memory = nvml->memory(device, &out->memory) == 0;
    out->has_utilization = nvml->utilization(device, &out->utilization) == 0;
    out->has_temperature = nvml->temperature(device, 0, &out->temperature) == 0;
    out->has_fan = nvml->fan(device, &out->fan) == 0;
    out->has_power = nvml->power(device, &out->power) == 0;
    out->has_capability = nvml->capability(device, &out->major, &out->minor) == 0;
}

/* Return: processes of the device, the caller frees them. */
static struct vg_smi_process *
read_processes(const struct vg_smi_nvml *nvml, void *device, unsigned *out_count)
{
    unsigned count = 0;

    *out_count = 0;
    for (int tries = 0; tries < 8; tries++) {
        struct vg_smi_process *list = calloc(count + 8, sizeof(*list));
        if (list == NULL) {
            return NULL;
        }
        count += 8;
        if (nvml->processes(device, &count, list) == 0) {
            *out_count = count;
            return list;
        }
        free(list);
    }
    return NULL;
}

static void
read_process_name(const struct vg_smi_nvml *nvml, unsigned pid, char *out, unsigned size)
{
    if (nvml->process_name(pid, out, size) != 0) {
        (void)snprintf(out, size, "[Not Found]");
    }
}

static unsigned long long
mib(unsigned long long bytes)
{
    return bytes >> 20;
}

/* --- the table --- */

#define RULE \
    "+-----------------------------------------------------------------------------------------+"

static void
print_head(const struct vg_smi_nvml *nvml)
{
    char now[64] = "";
    char driver[80] = "N/A";
    char cuda[16];
    int version = 0;
    const time_t seconds = time(NULL);
    struct tm parts;

    if (localtime_r(&seconds, &parts) != NULL) {
        (void)strftime(now, sizeof(now), "%a %b %e %H:%M:%S %Y", &parts);
    }
    (void)nvml->driver_version(driver, sizeof(driver));
    (void)nvml->cuda_version(&version);
    (void)snprintf(cuda, sizeof(cuda), "%d.%d", version / 1000, version % 1000 / 10);
    (void)printf("%s\n" RULE "\n", now);
    (void)printf("| vgpu smi %-23s Driver Version: %-15s CUDA Version: %-8s |\n",
                 VGPU_VERSION, driver, cuda);
    (void)printf(
        "|-----------------------------------------+------------------------+------"
        "----------------+\n"
        "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | "
        "Volatile Uncorr. ECC |\n"
        "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | "
        "GPU-Util  Compute M. |\n"
        "|                                         |                        | "
        "              MIG M. |\n"
        "|=========================================+========================+======"
        "================|\n");
}

static void
print_gpu(const struct vg_smi_gpu *gpu)
{
    char fan[16] = "N/A";
    char heat[16] = "N/A";
    char power[24] = "N/A";
    char use[48] = "N/A";
    char busy[16] = "N/A";

    if (gpu->has_fan) {
        (void)snprintf(fan, sizeof(fan), "%u%%", gpu->fan);
    }
    if (gpu->has_temperature) {
        (void)snprintf(heat, sizeof(heat), "%uC", gpu->temperature);
    }
    if (gpu->has_power) {
        (void)snprintf(power, sizeof(power), "%uW", gpu->power / 1000);
    }
    if (gpu->has_memory) {
        (void)snprintf(use, sizeof(use), "%lluMiB / %6lluMiB", mib(gpu->memory.used),
                       mib(gpu->memory.total));
    }
    if (gpu->has_utilization) {
        (void)snprintf(busy, sizeof(busy), "%u%%", gpu->utilization.gpu);
    }
    (void)printf("| %3u  %-29.29s  Off | %-16s   Off | %20s |\n", gpu->index, gpu->name,
                 gpu->pci.bus_id, "N/A");
    (void)printf("| %3s  %4s   %4s %22s | %22s | %8s %11s |\n", fan, heat, "N/A", power,
                 use, busy, "Default");
    (void)printf("|%41s|%24s| %20s |\n", "", "", "N/A");
    (void)printf(
        "+-----------------------------------------+------------------------+------"
        "----------------+\n");
}

/* Return: how many lines it printed. */
static unsigned
print_gpu_processes(const struct vg_smi_nvml *nvml, const struct vg_smi_gpu *gpu)
{
    unsigned count = 0;
    struct vg_smi_process *list = read_processes(nvml, gpu->device, &count);

    for (unsigned i = 0; i < count; i++) {
        char name[1024];
        char use[24];
        read_process_name(nvml, list[i].pid, name, sizeof(name));
        const size_t length = strlen(name);
        const char *tail = length > 34 ? name + length - 34 : name;
        (void)snprintf(use, sizeof(use), "%lluMiB", mib(list[i].used));
        (void)printf("| %4u   N/A  N/A %14u      C   %-34s %12s |\n", gpu->index,
                     list[i].pid, tail, use);
    }
    free(list);
    return count;
}

static int
print_table(const struct vg_smi_nvml *nvml, unsigned count)
{
    struct vg_smi_gpu gpu;
    unsigned lines = 0;

    print_head(nvml);
    for (unsigned i = 0; i < count; i++) {
        read_gpu(nvml, i, &gpu);
        print_gpu(&gpu);
    }
    (void)printf(
        "\n" RULE "\n"
        "| Processes:                                                               "
        "               |\n"
        "|  GPU   GI   CI              PID   Type   Process name                     "
        "   GPU Memory |\n"
        "|        ID   ID                                                            "
        "   Usage      |\n"
        "|==========================================================================="
        "==============|\n");
    for (unsigned i = 0; i < count; i++) {
        read_gpu(nvml, i, &gpu);
        lines += print_gpu_processes(nvml, &gpu);
    }
    if (lines == 0) {
        (void)printf("|  %-86s |\n", "No running processes found");
    }
    (void)printf(RULE "\n");
    return 0;
}

/* --- -L and -q --- */

static int
print_list(const struct vg_smi_nvml *nvml, unsigned count)
{
    struct vg_smi_gpu gpu;

    for (unsigned i = 0; i < count; i++) {
        read_gpu(nvml, i, &gpu);
        (void)printf("GPU %u: %s (UUID: %s)\n", i, gpu.name, gpu.uuid);
    }
    return 0;
}

static void
print_fact(const char *name, const char *format, unsigned long long value, bool is_known)
{
    char text[64] = "N/A";

    if (is_known) {
        (void)snprintf(text, sizeof(text), "%llu%s", value, format);
    }
    (void)printf("    %-42s: %s\n", name, text);
}

static void
print_full_gpu(const struct vg_smi_nvml *nvml, const struct vg_smi_gpu *gpu)
{
    unsigned count = 0;
    struct vg_smi_process *list = read_processes(nvml, gpu->device, &count);

    (void)printf("\nGPU %s\n", gpu->pci.bus_id);
    (void)printf("    %-42s: %s\n", "Product Name", gpu->name);
    (void)printf("    %-42s: %s\n", "GPU UUID", gpu->uuid);
    print_fact("Minor Number", "", gpu->index, true);
    (void)printf("    %-42s: %d.%d\n", "Compute Capability", gpu->major, gpu->minor);
    (void)printf("    %-42s: %s\n", "PCI Bus Id", gpu->pci.bus_id);
    print_fact("Fan Speed", " %", gpu->fan, gpu->has_fan);
    print_fact("FB Memory Total", " MiB", mib(gpu->memory.total), gpu->has_memory);
    print_fact("FB Memory Reserved", " MiB", 0, gpu->has_memory);
    print_fact("FB Memory Used", " MiB", mib(gpu->memory.used), gpu->has_memory);
    print_fact("FB Memory Free", " MiB", mib(gpu->memory.free), gpu->has_memory);
    print_fact("GPU Utilization", " %", gpu->utilization.gpu, gpu->has_utilization);
    print_fact("Temperature", " C", gpu->temperature, gpu->has_temperature);
    print_fact("Power Draw", " mW", gpu->power, gpu->has_power);
    if (count == 0) {
        (void)printf("    %-42s: None\n", "Processes");
    }
    for (unsigned i = 0; i < count; i++) {
        char name[1024];
        read_process_name(nvml, list[i].pid, name, sizeof(name));
        (void)printf("    Process %u\n        %-38s: C\n        %-38s: %s\n"
                     "        %-38s: %llu MiB\n",
                     list[i].pid, "Type", "Name", name, "Used GPU Memory",
                     mib(list[i].used));
    }
    free(list);
}

static int
print_full(const struct vg_smi_nvml *nvml, unsigned count)
{
    char driver[80] = "N/A";
    int version = 0;
    struct vg_smi_gpu gpu;

    (void)nvml->driver_version(driver, sizeof(driver));
    (void)nvml->cuda_version(&version);
    (void)printf("%-46s: %s\n%-46s: %d.%d\n%-46s: %u\n", "Driver Version", driver,
                 "CUDA Version", version / 1000, version % 1000 / 10, "Attached GPUs",
                 count);
    for (unsigned i = 0; i < count; i++) {
        read_gpu(nvml, i, &gpu);
        print_full_gpu(nvml, &gpu);
    }
    return 0;
}

/* --- queries --- */

static int
query_gpus(const struct vg_smi_nvml *nvml, unsigned count,
           const struct vg_smi_request *request, struct vg_error *err)
{
    struct vg_smi_gpu gpu;
    char driver[80] = "N/A";

    (void)nvml->driver_version(driver, sizeof(driver));
    int r = vg_smi_check_fields(request->fields, false, err);
    if (r == 0 && !request->no_header) {
        vg_smi_print_header(request, false);
    }
    for (unsigned i = 0; r == 0 && i < count; i++) {
        if (request->id != NULL && strtoul(request->id, NULL, 10) != i) {
            continue;
        }
        read_gpu(nvml, i, &gpu);
        gpu.count = count;
        gpu.driver = driver;
        vg_smi_print_gpu(request, &gpu);
    }
    return r;
}

static int
query_apps(const struct vg_smi_nvml *nvml, unsigned count,
           const struct vg_smi_request *request, struct vg_error *err)
{
    int r = vg_smi_check_fields(request->fields, true, err);

    if (r == 0 && !request->no_header) {
        vg_smi_print_header(request, true);
    }
    for (unsigned i = 0; r == 0 && i < count; i++) {
        struct vg_smi_gpu gpu;
        unsigned n = 0;
        read_gpu(nvml, i, &gpu);
        struct vg_smi_process *list = read_processes(nvml, gpu.device, &n);
        for (unsigned k = 0; k < n; k++) {
            char name[1024];
            read_process_name(nvml, list[k].pid, name, sizeof(name));
            vg_smi_print_app(request, &gpu, &list[k], name);
        }
        free(list);
    }
    return r;
}

static int
run_smi(int argc, char **argv, struct vg_error *err)
{
    struct vg_smi_request request;
    struct vg_smi_nvml nvml = { 0 };
    unsigned count = 0;

    int r = vg_smi_parse(argc, argv, &request, err);
    if (r == 0) {
        r = load(&nvml, err);
    }
    if (r != 0) {
        return r;
    }
    (void)nvml.count(&count);
    switch (request.kind) {
    case VG_SMI_LIST:
        return print_list(&nvml, count);
    case VG_SMI_FULL:
        return print_full(&nvml, count);
    case VG_SMI_QUERY_GPU:
        return query_gpus(&nvml, count, &request, err);
    case VG_SMI_QUERY_APPS:
        return query_apps(&nvml, count, &request, err);
    case VG_SMI_TABLE:
    default:
        return print_table(&nvml, count);
    }
}

const struct vg_command vg_command_smi = {
    .name = "smi",
    .synopsis = "[-L | -q | --query-gpu=FIELD,... | --query-compute-apps=FIELD,...]\n"
                "                [--format=csv[,noheader][,nounits]] [-i NUMBER]",
    .summary = "Show memory, use and processes of the device, as monitors see them",
    .details =
        "\nThe forms are those of the tool that comes with NVIDIA's driver. What a software\n"
        "GPU has not (fans, clocks, power, ECC) is N/A. Fields of --query-gpu: index, count,\n"
        "name, uuid, pci.bus_id, driver_version, compute_cap, memory.total, memory.used,\n"
        "memory.free, memory.reserved, utilization.gpu, utilization.memory, temperature.gpu,\n"
        "fan.speed, power.draw, timestamp; of --query-compute-apps: pid, process_name,\n"
        "used_memory, gpu_uuid, gpu_name, gpu_bus_id.\n",
    .run = run_smi,
};
