/* SPDX-License-Identifier: Apache-2.0 */
/* smi_query - the command line of `vgpu smi` and its CSV output. */
#include "cli/smi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/error.h"

enum field {
    FIELD_INDEX,
    FIELD_COUNT,
    FIELD_NAME,
    FIELD_UUID,
    FIELD_BUS_ID,
    FIELD_DRIVER,
    FIELD_CAPABILITY,
    FIELD_TOTAL,
    FIELD_USED,
    FIELD_FREE,
    FIELD_RESERVED,
    FIELD_BUSY,
    FIELD_MEMORY_BUSY,
    FIELD_HEAT,
    FIELD_FAN,
    FIELD_POWER,
    FIELD_TIME,
    FIELD_PID,
    FIELD_PROCESS,
    FIELD_PROCESS_USED,
};

static const struct {
    const char *name;
    bool of_gpu, of_apps;
    enum field field;
    const char *title, *unit;
} fields[] = {
    { "index", true, false, FIELD_INDEX, "index", "" },
    { "count", true, false, FIELD_COUNT, "count", "" },
    { "name", true, false, FIELD_NAME, "name", "" },
    { "gpu_name", true, true, FIELD_NAME, "gpu_name", "" },
    { "uuid", true, false, FIELD_UUID, "uuid", "" },
    { "gpu_uuid", true, true, FIELD_UUID, "gpu_uuid", "" },
    { "pci.bus_id", true, false, FIELD_BUS_ID, "pci.bus_id", "" },
    { "gpu_bus_id", true, true, FIELD_BUS_ID, "gpu_bus_id", "" },
    { "driver_version", true, false, FIELD_DRIVER, "driver_version", "" },
    { "compute_cap", true, false, FIELD_CAPABILITY, "compute_cap", "" },
    { "memory.total", true, false, FIELD_TOTAL, "memory.total", "MiB" },
    { "memory.used", true, false, FIELD_USED, "memory.used", "MiB" },
    { "memory.free", true, false, FIELD_FREE, "memory.free", "MiB" },
    { "memory.reserved", true, false, FIELD_RESERVED, "memory.reserved", "MiB" },
    { "utilization.gpu", true, false, FIELD_BUSY, "utilization.gpu", "%" },
    { "utilization.memory", true, false, FIELD_MEMORY_BUSY, "utilization.memory", "%" },
    { "temperature.gpu", true, false, FIELD_HEAT, "temperature.gpu", "" },
    { "fan.speed", true, false, FIELD_FAN, "fan.speed", "%" },
    { "power.draw", true, false, FIELD_POWER, "power.draw", "W" },
    { "timestamp", true, true, FIELD_TIME, "timestamp", "" },
    { "pid", false, true, FIELD_PID, "pid", "" },
    { "process_name", false, true, FIELD_PROCESS, "process_name", "" },
    { "name", false, true, FIELD_PROCESS, "process_name", "" },
    { "used_memory", false, true, FIELD_PROCESS_USED, "used_gpu_memory", "MiB" },
    { "used_gpu_memory", false, true, FIELD_PROCESS_USED, "used_gpu_memory", "MiB" },
};
#define FIELD_COUNT_ALL (sizeof(fields) / sizeof(fields[0]))

/* Takes the next name off a list. Return: false at its end. */
static bool
next_name(const char **list, char *out, size_t size)
{
    *list += strspn(*list, ", ");
    const size_t length = strcspn(*list, ", ");

    if (length == 0) {
        return false;
    }
    (void)snprintf(out, size, "%.*s", (int)length, *list);
    *list += length;
    return true;
}

/* Return: index into fields, or FIELD_COUNT_ALL. */
static size_t
find_field(const char *name, bool of_apps)
{
    for (size_t i = 0; i < FIELD_COUNT_ALL; i++) {
        if ((of_apps ? fields[i].of_apps : fields[i].of_gpu) &&
            strcmp(fields[i].name, name) == 0) {
            return i;
        }
    }
    return FIELD_COUNT_ALL;
}

int
vg_smi_check_fields(const char *list, bool of_apps, struct vg_error *err)
{
    char name[64];
    bool is_empty = true;

    while (next_name(&list, name, sizeof(name))) {
        is_empty = false;
        if (find_field(name, of_apps) == FIELD_COUNT_ALL) {
            return vg_error_set(err, -EINVAL,
                                "Field \"%s\" is not a valid field to query.", name);
        }
    }
    return is_empty ? vg_error_set(err, -EINVAL, "a query names at least one field") : 0;
}

void
vg_smi_print_header(const struct vg_smi_request *request, bool of_apps)
{
    const char *list = request->fields;
    const char *gap = "";
    char name[64];

    while (next_name(&list, name, sizeof(name))) {
        const size_t i = find_field(name, of_apps);
        (void)printf("%s%s", gap, fields[i].title);
        if (fields[i].unit[0] != '\0') {
            (void)printf(" [%s]", fields[i].unit);
        }
        gap = ", ";
    }
    (void)printf("\n");
}

/* --- values --- */

static void
put_number(const struct vg_smi_request *request, size_t index, unsigned long long value,
           bool is_known)
{
    if (!is_known) {
        (void)printf("[N/A]");
    } else if (request->no_units || fields[index].unit[0] == '\0') {
        (void)printf("%llu", value);
    } else {
        (void)printf("%llu %s", value, fields[index].unit);
    }
}

static void
put_time(void)
{
    char text[64] = "";
    const time_t seconds = time(NULL);
    struct tm parts;

    if (localtime_r(&seconds, &parts) != NULL) {
        (void)strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S.000", &parts);
    }
    (void)printf("%s", text);
}

/* @process and @name: empty in a query of GPUs. */
static void
put_field(const struct vg_smi_request *request, size_t i, const struct vg_smi_gpu *gpu,
          const struct vg_smi_process *process, const char *name)
{
    switch (fields[i].field) {
    case FIELD_INDEX:
        put_number(request, i, gpu->index, true);
        break;
    case FIELD_COUNT:
        put_number(request, i, gpu->count, true);
        break;
    case FIELD_NAME:
        (void)printf("%s", gpu->name);
        break;
    case FIELD_UUID:
        (void)printf("%s", gpu->uuid);
        break;
    case FIELD_BUS_ID:
        (void)printf("%s", gpu->pci.bus_id);
        break;
    case FIELD_DRIVER:
        (void)printf("%s", gpu->driver);
        break;
    case FIELD_CAPABILITY:
        (void)printf("%d.%d", gpu->major, gpu->minor);
        break;
    case FIELD_TOTAL:
        put_number(request, i, gpu->memory.total >> 20, gpu->has_memory);
        break;
    case FIELD_USED:
        put_number(request, i, gpu->memory.used >> 20, gpu->has_memory);
        break;
    case FIELD_FREE:
        put_number(request, i, gpu->memory.free >> 20, gpu->has_memory);
        break;
    case FIELD_RESERVED:
        put_number(request, i, 0, gpu->has_memory);
        break;
    case FIELD_BUSY:
        put_number(request, i, gpu->utilization.gpu, gpu->has_utilization);
        break;
    case FIELD_MEMORY_BUSY:
        put_number(request, i, gpu->utilization.memory, gpu->has_utilization);
        break;
    case FIELD_HEAT:
        put_number(request, i, gpu->temperature, gpu->has_temperature);
        break;
    case FIELD_FAN:
        put_number(request, i, gpu->fan, gpu->has_fan);
        break;
    case FIELD_POWER:
        put_number(request, i, gpu->power / 1000, gpu->has_power);
        break;
    case FIELD_TIME:
        put_time();
        break;
    case FIELD_PID:
        put_number(request, i, process->pid, true);
        break;
    case FIELD_PROCESS:
        (void)printf("%s", name);
        break;
    case FIELD_PROCESS_USED:
        put_number(request, i, process->used >> 20, true);
        break;
    }
}

static void
print_row(const struct vg_smi_request *request, const struct vg_smi_gpu *gpu,
          const struct vg_smi_process *process, const char *process_name, bool of_apps)
{
    const char *list = request->fields;
    const char *gap = "";
    char name[64];

    while (next_name(&list, name, sizeof(name))) {
        (void)printf("%s", gap);
        put_field(request, find_field(name, of_apps), gpu, process, process_name);
        gap = ", ";
    }
    (void)printf("\n");
}

void
vg_smi_print_gpu(const struct vg_smi_request *request, const struct vg_smi_gpu *gpu)
{
    const struct vg_smi_process none = { 0 };

    print_row(request, gpu, &none, "", false);
}

void
vg_smi_print_app(const struct vg_smi_request *request, const struct vg_smi_gpu *gpu,
                 const struct vg_smi_process *process, const char *name)
{
    print_row(request, gpu, process, name, true);
}

/* --- command line --- */

static int
parse_format(const char *text, struct vg_smi_request *out, struct vg_error *err)
{
    char word[64];
    bool is_csv = false;

    while (next_name(&text, word, sizeof(word))) {
        if (strcmp(word, "csv") == 0) {
            is_csv = true;
        } else if (strcmp(word, "noheader") == 0) {
            out->no_header = true;
        } else if (strcmp(word, "nounits") == 0) {
            out->no_units = true;
        } else {
            return vg_error_set(err, -EINVAL, "'%s' is no format", word);
        }
    }
    return is_csv ? 0 : vg_error_set(err, -EINVAL, "the only format is csv");
}

/* The value of an option "--name=value". */
static const char *
value_of(const char *argument, const char *name)
{
    const size_t length = strlen(name);

    return strncmp(argument, name, length) == 0 && argument[length] == '='
               ? argument + length + 1
               : NULL;
}

static int
parse_one(const char *argument, struct vg_smi_request *out, bool *has_format,
          struct vg_error *err)
{
    const char *value;

    if (strcmp(argument, "-L") == 0 || strcmp(argument, "--list-gpus") == 0) {
        out->kind = VG_SMI_LIST;
    } else if (strcmp(argument, "-q") == 0 || strcmp(argument, "--query") == 0) {
        out->kind = VG_SMI_FULL;
    } else if ((value = value_of(argument, "--query-gpu")) != NULL) {
        out->kind = VG_SMI_QUERY_GPU;
        out->fields = value;
    } else if ((value = value_of(argument, "--query-compute-apps")) != NULL) {
        out->kind = VG_SMI_QUERY_APPS;
        out->fields = value;
    } else if ((value = value_of(argument, "--format")) != NULL) {
        *has_format = true;
        return parse_format(value, out, err);
    } else if ((value = value_of(argument, "--id")) != NULL) {
        out->id = value;
    } else {
        return vg_error_set(err, -EINVAL, "smi takes no argument '%s'", argument);
    }
    return 0;
}

int
vg_smi_parse(int argc, char **argv, struct vg_smi_request *out, struct vg_error *err)
{
    bool has_format = false;
    int r = 0;

    memset(out, 0, sizeof(*out));
    for (int i = 1; i < argc && r == 0; i++) {
        if (strcmp(argv[i], "-i") == 0 && i + 1 < argc) {
            out->id = argv[++i];
        } else {
            r = parse_one(argv[i], out, &has_format, err);
        }
    }
    if (r == 0 && out->fields != NULL && !has_format) {
        return vg_error_set(err, -EINVAL, "a query needs --format=csv");
    }
    return r;
}
