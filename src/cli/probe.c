/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/error.h"

/* What the child found; written to the pipe in one piece. */
struct answer {
    int status; /* CUDA's result, or -1: see text */
    struct vg_probe probe;
    char text[512]; /* what was asked when it failed */
};

/* Two numbers of the public CUdevice_attribute enumeration. */
enum {
    ATTRIBUTE_CC_MAJOR = 75,
    ATTRIBUTE_CC_MINOR = 76,
};

/* The part of the Driver API that a probe needs, by its exported names. */
struct driver {
    int (*init)(unsigned int flags);
    int (*driver_get_version)(int *version);
    int (*device_get_count)(int *count);
    int (*device_get)(int *device, int ordinal);
    int (*device_get_name)(char *name, int size, int device);
    int (*device_get_attribute)(int *value, int attribute, int device);
    int (*device_total_mem)(size_t *bytes, int device);
    int (*device_get_uuid)(unsigned char *uuid, int device);
    int (*device_get_pci)(char *id, int size, int device);
};

static const struct {
    const char *name;
    size_t offset;
} entries[] = {
    { "cuInit", offsetof(struct driver, init) },
    { "cuDriverGetVersion", offsetof(struct driver, driver_get_version) },
    { "cuDeviceGetCount", offsetof(struct driver, device_get_count) },
    { "cuDeviceGet", offsetof(struct driver, device_get) },
    { "cuDeviceGetName", offsetof(struct driver, device_get_name) },
    { "cuDeviceGetAttribute", offsetof(struct driver, device_get_attribute) },
    { "cuDeviceTotalMem_v2", offsetof(struct driver, device_total_mem) },
    { "cuDeviceGetUuid_v2", offsetof(struct driver, device_get_uuid) },
    { "cuDeviceGetPCIBusId", offsetof(struct driver, device_get_pci) },
};

static int
load_driver(const char *path, struct driver *driver, struct answer *answer)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)snprintf(answer->text, sizeof(answer->text), "%s", dlerror());
        return -1;
    }
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        void *entry = dlsym(library, entries[i].name);
        if (entry == NULL) {
            (void)snprintf(answer->text, sizeof(answer->text), "'%s' has no %s", path,
                           entries[i].name);
            return -1;
        }
        memcpy((char *)driver + entries[i].offset, &entry, sizeof(entry));
    }
    return 0;
}

static int
ask_device(const struct driver *driver, struct vg_probe *probe, const char **asked)
{
    int device = 0;
    size_t memory = 0;
    int r;

#define ASK(name, call)  \
    do {                 \
        *asked = (name); \
        r = (call);      \
        if (r != 0) {    \
            return r;    \
        }                \
    } while (0)
    ASK("cuDriverGetVersion", driver->driver_get_version(&probe->driver_version));
    ASK("cuInit", driver->init(0));
    ASK("cuDeviceGetCount", driver->device_get_count(&probe->device_count));
    ASK("cuDeviceGet", driver->device_get(&device, 0));
    ASK("cuDeviceGetName",
        driver->device_get_name(probe->name, (int)sizeof(probe->name), device));
    ASK("cuDeviceGetAttribute",
        driver->device_get_attribute(&probe->major, ATTRIBUTE_CC_MAJOR, device));
    ASK("cuDeviceGetAttribute",
        driver->device_get_attribute(&probe->minor, ATTRIBUTE_CC_MINOR, device));
    ASK("cuDeviceTotalMem", driver->device_total_mem(&memory, device));
    ASK("cuDeviceGetUuid", driver->device_get_uuid(probe->uuid, device));
    ASK("cuDeviceGetPCIBusId",
        driver->device_get_pci(probe->pci, (int)sizeof(probe->pci), device));
#undef ASK
    probe->memory = memory;
    return 0;
}

static void
answer_from_child(const char *path, int out)
{
    struct answer answer = { .status = -1 };
    struct driver driver;
    const char *asked = "";

    /* nobody asked for counters of a look */
    (void)unsetenv("VGPU_STATS");
    (void)unsetenv("VGPU_SOFT_STATS");
    if (load_driver(path, &driver, &answer) == 0) {
        answer.status = ask_device(&driver, &answer.probe, &asked);
        (void)snprintf(answer.text, sizeof(answer.text), "%s", asked);
    }
    (void)!write(out, &answer,
                 sizeof(answer)); /* a short answer is noticed by the reader */
    _exit(0);
}

static int
explain(const char *path, const struct answer *answer, struct vg_error *err)
{
    if (answer->status < 0) {
        return vg_error_set(err, -ENOENT, "cannot load a CUDA driver: %s", answer->text);
    }
    (void)vg_error_set(err, -ENODEV, "%s of '%s' failed with CUDA error %d", answer->text,
                       path, answer->status);
    vg_error_hint(err,
                  "VGPU_LOG=info says why; VGPU_ENDPOINT=soft asks for the software GPU");
    return err->code;
}

int
vg_probe_driver(const char *path, struct vg_probe *out_probe, struct vg_error *err)
{
    struct answer answer;
    int fds[2];
    int status = 0;

    if (pipe(fds) != 0) {
        return vg_error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
    }
    const pid_t child = fork();
    if (child < 0) {
        const int code = -errno;
        (void)close(fds[0]);
        (void)close(fds[1]);
        return vg_error_set(err, code, "cannot fork: %s", strerror(-code));
    }
    if (child == 0) {
        (void)close(fds[0]);
        answer_from_child(path, fds[1]);
    }
    (void)close(fds[1]);
    const ssize_t size = read(fds[0], &answer, sizeof(answer));
    (void)close(fds[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (size != (ssize_t)sizeof(answer)) {
        return vg_error_set(err, -EIO,
                            "'%s' ended the process that asked it (status %#x)", path,
                            (unsigned int)status);
    }
    if (answer.status != 0) {
        return explain(path, &answer, err);
    }
    *out_probe = answer.probe;
    return 0;
}
