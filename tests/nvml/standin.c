/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin - a host's NVML for tests: two devices, a few sensors with values that cannot
 * be mistaken, and calls that hang or crash. Nothing else is exported.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    INSUFFICIENT_SIZE = 7,
    NO_DATA = 21,
    MISMATCH = 25,
};

struct device {
    char mark[8];
    unsigned index;
};

struct process {
    unsigned pid;
    unsigned long long used;
    unsigned gpu;
    unsigned compute;
};

struct temperature {
    unsigned version;
    unsigned sensor;
    int celsius;
};

static struct device devices[2] = { { "zero", 0 }, { "one", 1 } };
static unsigned started;

/* NOLINTBEGIN(readability-identifier-naming): NVML's names */
EXPORT int nvmlInit_v2(void);
EXPORT int nvmlInitWithFlags(unsigned flags);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlSystemGetDriverVersion(char *out, unsigned length);
EXPORT int nvmlDeviceGetCount_v2(unsigned *count);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct device **device);
EXPORT int nvmlDeviceGetIndex(struct device *device, unsigned *index);
EXPORT int
nvmlDeviceGetTemperature(struct device *device, unsigned sensor, unsigned *out);
EXPORT int nvmlDeviceGetTemperatureV(struct device *device, struct temperature *out);
EXPORT int nvmlDeviceGetPowerUsage(struct device *device, unsigned *out);
EXPORT int
nvmlDeviceGetTotalEnergyConsumption(struct device *device, unsigned long long *out);
EXPORT int nvmlDeviceGetFanSpeed(struct device *device, unsigned *out);
EXPORT int
nvmlDeviceGetEncoderUtilization(struct device *device, unsigned *out, unsigned *period);
EXPORT int
nvmlDeviceGetDecoderUtilization(struct device *device, unsigned *out, unsigned *period);
EXPORT int
nvmlDeviceGetSupportedMemoryClocks(struct device *device, unsigned *count, unsigned *mhz);
EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(struct device *device, unsigned *count,
                                                   struct process *infos);

static int
check(const struct device *device)
{
    if (started == 0) {
        return UNINITIALIZED;
    }
    if (device == NULL) {
        return INVALID_ARGUMENT;
    }
    /* an address that is not ours would be a guest's: show it by ending */
    if (device != &devices[0] && device != &devices[1]) {
        abort();
    }
    return SUCCESS;
}

int
nvmlInit_v2(void)
{
    started++;
    return SUCCESS;
}

int
nvmlInitWithFlags(unsigned flags)
{
    return flags == 77 ? NO_DATA : nvmlInit_v2();
}

int
nvmlShutdown(void)
{
    started--;
    return SUCCESS;
}

int
nvmlSystemGetDriverVersion(char *out, unsigned length)
{
    static const char text[] = "555.55.01";

    if (length < sizeof(text)) {
        return INSUFFICIENT_SIZE;
    }
    memcpy(out, text, sizeof(text));
    return SUCCESS;
}

int
nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = 2;
    return SUCCESS;
}

int
nvmlDeviceGetHandleByIndex_v2(unsigned index, struct device **device)
{
    if (index > 1) {
        return INVALID_ARGUMENT;
    }
    *device = &devices[index];
    return SUCCESS;
}

int
nvmlDeviceGetIndex(struct device *device, unsigned *index)
{
    const int r = check(device);

    if (r == SUCCESS) {
        *index = device->index;
    }
    return r;
}

int
nvmlDeviceGetTemperature(struct device *device, unsigned sensor, unsigned *out)
{
    const int r = check(device);

    if (r == SUCCESS) {
        *out = 41 + device->index + 100 * sensor;
    }
    return r;
}

int
nvmlDeviceGetTemperatureV(struct device *device, struct temperature *out)
{
    const int r = check(device);

    if (out->version == (0x40000 | 3u << 24)) {
        memset(out, 0x77, 0x40000); /* a version that the client's side does not know */
        return r;
    }
    if (out->version != (sizeof(*out) | 1u << 24)) {
        return MISMATCH;
    }
    out->celsius = -7 - (int)device->index;
    return r;
}

int
nvmlDeviceGetPowerUsage(struct device *device, unsigned *out)
{
    const int r = check(device);

    *out = 12345 + device->index;
    return r;
}

int
nvmlDeviceGetTotalEnergyConsumption(struct device *device, unsigned long long *out)
{
    const int r = check(device);

    *out = 0x123456789abcull + device->index;
    return r;
}

/* A sensor that is broken today. */
int
nvmlDeviceGetFanSpeed(struct device *device, unsigned *out)
{
    (void)out;
    return check(device) == SUCCESS ? NO_DATA : UNINITIALIZED;
}

int
nvmlDeviceGetEncoderUtilization(struct device *device, unsigned *out, unsigned *period)
{
    (void)device;
    (void)out;
    (void)period;
    for (;;) {
        pause();
    }
}

int
nvmlDeviceGetDecoderUtilization(struct device *device, unsigned *out, unsigned *period)
{
    (void)device;
    (void)out;
    (void)period;
    abort();
}

int
nvmlDeviceGetSupportedMemoryClocks(struct device *device, unsigned *count, unsigned *mhz)
{
    const unsigned room = *count;
    const int r = check(device);

    *count = 3;
    if (room < 3) {
        return INSUFFICIENT_SIZE;
    }
    for (unsigned i = 0; i < 3; i++) {
        mhz[i] = 1000 * (i + 1) + device->index;
    }
    return r;
}

/* The processes that STANDIN_PIDS names: a driver knows its users, our workers. */
int
nvmlDeviceGetComputeRunningProcesses_v3(struct device *device, unsigned *count,
                                        struct process *infos)
{
    const char *text = getenv("STANDIN_PIDS");
    FILE *file = text != NULL ? fopen(text, "re") : NULL;
    unsigned pid, found = 0;
    const int r = check(device);

    while (file != NULL && fscanf(file, "%u", &pid) == 1) {
        if (found < *count) {
            infos[found] = (struct process){ .pid = pid, .used = 4096 };
        }
        found++;
    }
    if (file != NULL) {
        fclose(file);
    }
    const int result = found > *count ? INSUFFICIENT_SIZE : r;
    *count = found;
    return result;
}
/* NOLINTEND(readability-identifier-naming) */
