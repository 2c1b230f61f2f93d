/* SPDX-License-Identifier: Apache-2.0 */
/* system - the driver, the host's processes, and what this host has none of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nvml/nvml_priv.h"

/* The driver that NVIDIA released with a CUDA version: programs hold one against the
 * other, so they must belong together. The newest at or below ours counts. */
static const struct {
    int cuda_version;
    const char *driver;
} releases[] = {
    { 13050, "615.71" },
    { 13000, "580.65.06" },
    { 12000, "550.54.14" },
};

static const char *
driver_text(void)
{
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        if (vg_nvml_host.cuda_version >= releases[i].cuda_version) {
            return releases[i].driver;
        }
    }
    return "525.60.13";
}

nvmlReturn_t
vg_nvml_text(char *out, unsigned length, const char *text)
{
    const size_t size = strlen(text) + 1;

    if (size > length) {
        return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    memcpy(out, text, size);
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    return vg_nvml_text(version, length, driver_text());
}

nvmlReturn_t
vg_nvml_nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
    char text[80];

    snprintf(text, sizeof(text), "%d.%s", vg_nvml_host.cuda_version / 1000,
             driver_text());
    return vg_nvml_text(version, length, text);
}

nvmlReturn_t
vg_nvml_nvmlSystemGetCudaDriverVersion(int *version)
{
    *version = vg_nvml_host.cuda_version;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    return vg_nvml_nvmlSystemGetCudaDriverVersion(version);
}

/* The program's name as it was called; a text that does not fit is cut, as NVML does. */
nvmlReturn_t
vg_nvml_nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length)
{
    char path[40], text[4096];

    if (length == 0) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == EACCES ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_NOT_FOUND;
    }
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0) {
        return NVML_ERROR_NOT_FOUND;
    }
    text[n] = '\0';
    snprintf(name, length, "%s", text);
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlUnitGetCount(unsigned int *count)
{
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlGetBlacklistDeviceCount(unsigned int *count)
{
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t
vg_nvml_nvmlGetExcludedDeviceCount(unsigned int *count)
{
    *count = 0;
    return NVML_SUCCESS;
}
