/* SPDX-License-Identifier: Apache-2.0 */
/* check_device - asks the device as a program would, and looks at the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/doctor/doctor.h"

struct error_text {
    int code;
    const char *text, *remedy;
};

/* The driver's results that have a known cause, for people. */
static const struct error_text error_texts[] = {
    { 1, "invalid argument: an export table was refused",
      "use the libraries of one version" },
    { 3, "not initialised: the driver itself could not start", "VGPU_LOG=info says why" },
    { 34, "this is a stub library", "take the stubs folder out of the search" },
    { 35, "the driver is older than the runtime", "use a newer driver on the host" },
    { 36, "a function is missing in the driver", "use the libraries of one version" },
    { 100, "no device: none is there, or all are hidden",
      "look at the endpoint and at CUDA_VISIBLE_DEVICES" },
    { 101, "no such device", "look at CUDA_VISIBLE_DEVICES" },
    { 2, "out of memory: the host or a limit has none left",
      "look at ulimit -v, and at the host's memory" },
    { 103, "the integrity check failed", "use the libraries of one version" },
    { 500, "a name was not found", "use the libraries of one version" },
    { 800, "not permitted: the container lost its device", "restart the container" },
    { 801,
      "not supported by what is behind the worker; for a context, by the mode of the host's GPU",
      "enable unified memory on the host's profile; look at the worker's driver" },
    { 802,
      "the host's system is not ready: nobody answers, or the fabric manager is not running",
      "look at the endpoint; on an SXM machine, start the fabric manager on the host" },
    { 803, "the host's driver and its libraries are of different versions",
      "reboot the host, or reinstall its driver" },
    { 999, "unknown error: on the host, usually nvidia_uvm is not loaded",
      "modprobe nvidia_uvm on the host" },
};

static const struct error_text *
find_text(int code)
{
    static const struct error_text other = { 0, "see the list of CUDA's errors",
                                             "VGPU_LOG=info says why" };

    for (size_t i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++) {
        if (error_texts[i].code == code) {
            return &error_texts[i];
        }
    }
    return &other;
}

static void
check_answer(struct vg_doctor *d)
{
    static const char *const steps[] = { "loading libcuda",
                                         "cuDriverGetVersion",
                                         "cuInit",
                                         "the device's facts",
                                         "a context's memory",
                                         "NVML",
                                         "" };
    const struct vg_answer *a = &d->answer;

    if (d->is_quick || d->cuda.count == 0 || d->cuda.at[0].real[0] == '\0') {
        return;
    }
    vg_ask(d->cuda.at[0].real,
           d->nvml.count > 0 && d->nvml.at[0].real[0] != '\0' ? d->nvml.at[0].real : NULL,
           d->environment, d->endpoint, d->budget_s, &d->answer);
    if (a->timed_out) {
        vg_say_broken(d, "look at who listens at the endpoint, and at the host's load",
                      "the device is silent: no answer within %u s at %s", d->budget_s,
                      steps[a->step]);
    } else if (a->signal != 0) {
        vg_say_broken(d, "VGPU_LOG=debug shows the last call; please report it",
                      "asking the device ended the process with signal %d at %s",
                      a->signal, steps[a->step]);
    } else if (a->step == VG_ASK_LOAD) {
        vg_say_broken(d, "call 'vgpu install' again", "libcuda does not load: %s",
                      a->text);
    } else if (a->step != VG_ASK_DONE && a->status != 0) {
        const struct error_text *text = find_text(a->status);
        vg_say_broken(d, text->remedy, "%s failed with CUDA error %d%s%s: %s",
                      steps[a->step], a->status, a->text[0] != '\0' ? " at " : "",
                      a->text, text->text);
    } else if (a->count == 0) {
        vg_say_broken(d, "look at what the host's driver sees",
                      "cuInit succeeds, but there are 0 devices");
    } else {
        d->was_asked = true;
        vg_say_ok(d, "%s, compute capability %d.%d, %.3g GiB, %s, %s", a->name, a->major,
                  a->minor, (double)a->total / (1u << 30), a->uuid_text, a->pci);
    }
}

static void
check_kind(struct vg_doctor *d)
{
    if (!d->was_asked) {
        return;
    }
    const bool is_soft = strncmp(d->answer.name, "vGPU software", 13) == 0;
    if (is_soft && (d->wants_real || strcmp(d->endpoint, "soft") != 0)) {
        vg_say_broken(
            d,
            "name the host's endpoint: 'vgpu install --endpoint unix:/PATH', and "
            "start the worker there with --driver",
            "a real GPU was expected, but this is the software GPU (endpoint %s)",
            d->endpoint);
    } else if (is_soft) {
        vg_say_ok(d, "it is the software GPU, as the endpoint says: correct, but slow");
    } else {
        vg_say_ok(d, "it is a real GPU");
    }
}

static void
check_memory(struct vg_doctor *d)
{
    const struct vg_answer *a = &d->answer;

    if (!d->was_asked) {
        return;
    }
    if (a->total == 0 || a->context_total == 0) {
        vg_say_broken(d, "look at the quota (VGPU_SOFT_MEMORY)",
                      "the device says that it has no memory at all");
    } else if (a->free_bytes > a->context_total) {
        vg_say_broken(d, "use the libraries of one version",
                      "more memory is free (%llu) than there is (%llu)", a->free_bytes,
                      a->context_total);
    } else {
        vg_say_ok(d, "%llu of %llu MiB are free", a->free_bytes >> 20,
                  a->context_total >> 20);
    }
}

/* NVML counts what the driver keeps for itself; a share of free memory moves meanwhile.
 */
static bool
are_far_apart(unsigned long long a, unsigned long long b)
{
    return (a > b ? a - b : b - a) > b / 8;
}

static void
check_nvml_agrees(struct vg_doctor *d)
{
    const struct vg_answer *a = &d->answer;

    if (!d->was_asked || d->nvml.count == 0) {
        return;
    }
    if (!a->has_nvml) {
        vg_say_broken(d, "use the libraries of one version",
                      "NVML does not answer: result %d %s", a->nvml_status, a->text);
    } else if (strcasecmp(a->nvml_uuid, a->uuid_text) != 0) {
        vg_say_broken(d, "use libcuda and libnvidia-ml of one version and one endpoint",
                      "CUDA and NVML see different devices: %s and %s", a->uuid_text,
                      a->nvml_uuid);
    } else if (strlen(a->nvml_pci) < 12 || strlen(a->pci) < 12 ||
               strcasecmp(a->nvml_pci + strlen(a->nvml_pci) - 12,
                          a->pci + strlen(a->pci) - 12) != 0) {
        vg_say_broken(d, "use libcuda and libnvidia-ml of one version and one endpoint",
                      "CUDA and NVML give different PCI addresses: %s and %s", a->pci,
                      a->nvml_pci);
    } else if (are_far_apart(a->nvml_total, a->total)) {
        vg_say_unknown(
            d, "use libcuda and libnvidia-ml of one version",
            "CUDA and NVML give different amounts of memory: %llu and %llu MiB",
            a->total >> 20, a->nvml_total >> 20);
    } else {
        vg_say_ok(d, "NVML sees the same device; driver %s, CUDA %d.%d", a->nvml_driver,
                  a->version / 1000, a->version % 1000 / 10);
    }
}

static void
check_time(struct vg_doctor *d)
{
    const struct vg_answer *a = &d->answer;

    if (!d->was_asked) {
        return;
    }
    /* the budget is a discovery pass's; a look at the free memory gets a tenth */
    if (a->init_ms > d->budget_s * 1000ul / 3) {
        vg_say_broken(
            d,
            "look at the host's load; discovery starts up to 12 such processes in "
            "30 s",
            "cuInit took %lu ms", a->init_ms);
    } else if (a->refresh_ms > d->budget_s * 100ul) {
        vg_say_broken(d, "look at the host's load",
                      "asking for free memory took %lu ms; clients give it 3 s",
                      a->refresh_ms);
    } else {
        vg_say_ok(
            d,
            "cuInit took %lu ms (of 30 s that clients wait), free memory %lu ms (of 3 s)",
            a->init_ms, a->refresh_ms);
    }
}

/* Does the entry name the device with this UUID? A prefix that is long enough does. */
static bool
names_device(const char *entry, const struct vg_answer *a)
{
    char *end;
    const size_t length = strlen(entry);

    if (strncasecmp(entry, "GPU-", 4) == 0) {
        return length > 4 && strncasecmp(entry, a->uuid_text, length) == 0;
    }
    const long index = strtol(entry, &end, 10);
    return end != entry && *end == '\0' && index >= 0 && index < a->count;
}

static void
check_visible(struct vg_doctor *d)
{
    const char *value = vg_environment_get(d, "CUDA_VISIBLE_DEVICES");
    static const char remedy[] =
        "unset CUDA_VISIBLE_DEVICES, or name a device that is there";
    char first[128];

    if (value == NULL) {
        vg_say_ok(d, "CUDA_VISIBLE_DEVICES of %s is not set", d->environment_of);
        return;
    }
    (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(value, ","), value);
    if (first[0] == '\0') {
        vg_say_broken(d, remedy,
                      "CUDA_VISIBLE_DEVICES of %s is empty: it hides every device",
                      d->environment_of);
    } else if (first[0] == '-') {
        vg_say_broken(d, remedy, "CUDA_VISIBLE_DEVICES=%s of %s hides every device",
                      value, d->environment_of);
    } else if (!d->was_asked) {
        vg_say_unknown(d, NULL,
                       "CUDA_VISIBLE_DEVICES=%s of %s: the devices are not known", value,
                       d->environment_of);
    } else if (!names_device(first, &d->answer)) {
        vg_say_broken(
            d, remedy,
            "CUDA_VISIBLE_DEVICES=%s of %s names no device that is there (%d, the "
            "first %s)",
            value, d->environment_of, d->answer.count, d->answer.uuid_text);
    } else {
        vg_say_ok(d, "CUDA_VISIBLE_DEVICES=%s of %s names a device", value,
                  d->environment_of);
    }
}

const struct vg_check vg_checks_device[] = {
    { "device", "answer", check_answer },
    { "device", "kind", check_kind },
    { "device", "memory", check_memory },
    { "device", "nvml", check_nvml_agrees },
    { "device", "time", check_time },
    { "device", "visible", check_visible },
    { NULL, NULL, NULL },
};
