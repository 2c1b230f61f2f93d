/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor/ask.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Numbers of the public CUdevice_attribute enumeration. */
enum {
    INTEGRATED = 18,
    CC_MAJOR = 75,
    CC_MINOR = 76
};

struct cuda {
    int (*init)(unsigned flags);
    int (*version)(int *out);
    int (*count)(int *out);
    int (*get)(int *out, int ordinal);
    int (*name)(char *out, int size, int device);
    int (*attribute)(int *out, int attribute, int device);
    int (*total)(size_t *out, int device);
    int (*uuid)(unsigned char *out, int device);
    int (*pci)(char *out, int size, int device);
    int (*retain)(void **out, int device);
    int (*set_current)(void *context);
    int (*memory)(size_t *out_free, size_t *out_total);
    int (*release)(int device);
};

static const struct {
    const char *name;
    size_t offset;
} cuda_names[] = {
    { "cuInit", offsetof(struct cuda, init) },
    { "cuDriverGetVersion", offsetof(struct cuda, version) },
    { "cuDeviceGetCount", offsetof(struct cuda, count) },
    { "cuDeviceGet", offsetof(struct cuda, get) },
    { "cuDeviceGetName", offsetof(struct cuda, name) },
    { "cuDeviceGetAttribute", offsetof(struct cuda, attribute) },
    { "cuDeviceTotalMem_v2", offsetof(struct cuda, total) },
    { "cuDeviceGetUuid_v2", offsetof(struct cuda, uuid) },
    { "cuDeviceGetPCIBusId", offsetof(struct cuda, pci) },
    { "cuDevicePrimaryCtxRetain", offsetof(struct cuda, retain) },
    { "cuCtxSetCurrent", offsetof(struct cuda, set_current) },
    { "cuMemGetInfo_v2", offsetof(struct cuda, memory) },
    { "cuDevicePrimaryCtxRelease_v2", offsetof(struct cuda, release) },
};

unsigned long
vg_ask_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long)now.tv_sec * 1000u + (unsigned long)now.tv_nsec / 1000000u;
}

static void
print_uuid(const unsigned char *u, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                   "%02x%02x%02x%02x%02x%02x",
                   u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
                   u[11], u[12], u[13], u[14], u[15]);
}

static int
load_cuda(const char *path, struct cuda *cuda, struct vg_answer *a)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        (void)snprintf(a->text, sizeof(a->text), "%s", dlerror());
        return -1;
    }
    for (size_t i = 0; i < sizeof(cuda_names) / sizeof(cuda_names[0]); i++) {
        void *entry = dlsym(library, cuda_names[i].name);
        if (entry == NULL) {
            (void)snprintf(a->text, sizeof(a->text), "it has no %s", cuda_names[i].name);
            return -1;
        }
        memcpy((char *)cuda + cuda_names[i].offset, &entry, sizeof(entry));
    }
    return 0;
}

/* What a runtime reads at its start: one error there, and it gives up altogether. */
static int
ask_attributes(const struct cuda *cuda, struct vg_answer *a, int device)
{
    int value;

    for (int i = 1; i <= 143; i++) {
        const int r = cuda->attribute(&value, i, device);
        if (r != 0) {
            a->bad_attribute = i;
            (void)snprintf(a->text, sizeof(a->text), "attribute %d", i);
            return r;
        }
    }
    (void)cuda->attribute(&a->integrated, INTEGRATED, device);
    (void)cuda->attribute(&a->major, CC_MAJOR, device);
    return cuda->attribute(&a->minor, CC_MINOR, device);
}

static int
ask_device(const struct cuda *cuda, struct vg_answer *a, int *out_device)
{
    size_t total = 0;
    int r = cuda->count(&a->count);

    if (r != 0 || a->count == 0) {
        return r;
    }
    r = cuda->get(out_device, 0);
    r = r != 0 ? r : cuda->name(a->name, (int)sizeof(a->name), *out_device);
    r = r != 0 ? r : cuda->total(&total, *out_device);
    r = r != 0 ? r : cuda->uuid(a->uuid, *out_device);
    r = r != 0 ? r : cuda->pci(a->pci, (int)sizeof(a->pci), *out_device);
    a->total = total;
    print_uuid(a->uuid, a->uuid_text, sizeof(a->uuid_text));
    return r != 0 ? r : ask_attributes(cuda, a, *out_device);
}

static int
ask_context(const struct cuda *cuda, struct vg_answer *a, int device)
{
    void *context = NULL;
    size_t free_bytes = 0, total = 0;
    int r = cuda->retain(&context, device);

    r = r != 0 ? r : cuda->set_current(context);
    const unsigned long start = vg_ask_now_ms();
    r = r != 0 ? r : cuda->memory(&free_bytes, &total);
    a->refresh_ms = vg_ask_now_ms() - start;
    a->free_bytes = free_bytes;
    a->context_total = total;
    (void)cuda->release(device);
    return r;
}

struct nvml_memory {
    unsigned long long total, free, used;
};

struct nvml_pci {
    char legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

/* A missing function leaves its fact empty. */
static int
ask_nvml(const char *path, struct vg_answer *a)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct nvml_memory memory = { 0 };
    struct nvml_pci pci = { .bus_id = "" };
    void *device = NULL;
    int (*init)(void);
    int (*driver)(char *, unsigned);
    int (*by_index)(unsigned, void **);
    int (*uuid)(void *, char *, unsigned);
    int (*info)(void *, struct nvml_memory *);
    int (*pci_info)(void *, struct nvml_pci *);

    if (library == NULL) {
        (void)snprintf(a->text, sizeof(a->text), "%s", dlerror());
        return -1;
    }
#define TAKE(to, name) *(void **)&(to) = dlsym(library, name)
    TAKE(init, "nvmlInit_v2");
    TAKE(driver, "nvmlSystemGetDriverVersion");
    TAKE(by_index, "nvmlDeviceGetHandleByIndex_v2");
    TAKE(uuid, "nvmlDeviceGetUUID");
    TAKE(info, "nvmlDeviceGetMemoryInfo");
    TAKE(pci_info, "nvmlDeviceGetPciInfo_v3");
#undef TAKE
    if (init == NULL || driver == NULL || by_index == NULL || uuid == NULL ||
        info == NULL || pci_info == NULL) {
        (void)snprintf(a->text, sizeof(a->text), "functions are missing");
        return -1;
    }
    int r = init();
    r = r != 0 ? r : driver(a->nvml_driver, sizeof(a->nvml_driver));
    r = r != 0 ? r : by_index(0, &device);
    r = r != 0 ? r : uuid(device, a->nvml_uuid, sizeof(a->nvml_uuid));
    r = r != 0 ? r : info(device, &memory);
    r = r != 0 ? r : pci_info(device, &pci);
    a->nvml_total = memory.total;
    (void)snprintf(a->nvml_pci, sizeof(a->nvml_pci), "%.31s", pci.bus_id);
    return r;
}

static void
ask_all(const char *path, const char *nvml, struct vg_answer *a)
{
    struct cuda cuda;
    int device = 0;

    a->step = VG_ASK_LOAD;
    if ((a->status = load_cuda(path, &cuda, a)) != 0) {
        return;
    }
    a->step = VG_ASK_VERSION;
    if ((a->status = cuda.version(&a->version)) != 0) {
        return;
    }
    a->step = VG_ASK_INIT;
    const unsigned long start = vg_ask_now_ms();
    a->status = cuda.init(0);
    a->init_ms = vg_ask_now_ms() - start;
    if (a->status != 0) {
        return;
    }
    a->step = VG_ASK_DEVICE;
    a->status = ask_device(&cuda, a, &device);
    if (a->status != 0 || a->count == 0) {
        return;
    }
    a->step = VG_ASK_CONTEXT;
    if ((a->status = ask_context(&cuda, a, device)) != 0) {
        return;
    }
    if (nvml != NULL) {
        a->step = VG_ASK_NVML;
        a->nvml_status = ask_nvml(nvml, a);
        a->has_nvml = a->nvml_status == 0;
    }
    a->step = VG_ASK_DONE;
}

static void
be_child(const char *cuda, const char *nvml, char **environment, const char *endpoint,
         unsigned budget_s, struct vg_answer *answer)
{
    environ = environment;
    /* all devices, without counters of ours, for a look */
    (void)unsetenv("CUDA_VISIBLE_DEVICES");
    (void)unsetenv("VGPU_STATS");
    (void)unsetenv("VGPU_SOFT_STATS");
    (void)unsetenv("LD_PRELOAD");
    if (endpoint[0] != '\0') {
        (void)setenv("VGPU_ENDPOINT", endpoint, 1);
    }
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(budget_s);
    ask_all(cuda, nvml, answer);
    _exit(0);
}

void
vg_ask(const char *cuda, const char *nvml, char **environment, const char *endpoint,
       unsigned budget_s, struct vg_answer *out)
{
    int status = 0;

    memset(out, 0, sizeof(*out));
    struct vg_answer *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        out->status = -1;
        (void)snprintf(out->text, sizeof(out->text), "out of memory");
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        be_child(cuda, nvml, environment, endpoint, budget_s, shared);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    *out = *shared;
    (void)munmap(shared, sizeof(*shared));
    if (child < 0) {
        out->status = -1;
        (void)snprintf(out->text, sizeof(out->text), "cannot start a process");
    } else if (WIFSIGNALED(status)) {
        out->timed_out = WTERMSIG(status) == SIGALRM;
        out->signal = WTERMSIG(status);
    }
}
