/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's answers over a host of the test's own: what is filled in below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvml/nvml_priv.h"

/* the exported functions, as programs declare them */
nvmlReturn_t nvmlInit_v2(void);
nvmlReturn_t nvmlShutdown(void);
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count);
nvmlReturn_t nvmlDeviceGetFanSpeed(nvmlDevice_t device, unsigned *speed);
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length);
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device);
nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *id, nvmlDevice_t *device);
nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_v1_t *pci);
nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_v2_t *pci);
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci);
nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned *arch);
nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, unsigned type, unsigned *mhz);
nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length);
nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length);
const char *nvmlErrorString(nvmlReturn_t result);

static nvmlReturn_t next_look;
static unsigned looks;

bool
vg_nvml_wants_far(void)
{
    return false;
}

/* Stands in for look.c. */
nvmlReturn_t
vg_nvml_look(struct vg_nvml_host *out)
{
    looks++;
    if (next_look != NVML_SUCCESS) {
        return next_look;
    }
    out->cuda_version = 13050;
    out->count = 2;
    for (unsigned i = 0; i < 2; i++) {
        struct nvmlDevice_st *device = &out->devices[i];
        device->index = i;
        snprintf(device->name, sizeof(device->name), "a device");
        snprintf(device->uuid_text, sizeof(device->uuid_text),
                 "GPU-00000000-0000-0000-0000-00000000000%c", i == 0 ? 'a' : 'b');
        device->uuid[15] = (uint8_t)(10 + i);
        device->total_memory = 1 << 30;
        device->attributes[VG_ATTRIBUTE_PCI_BUS] = (int32_t)(1 + i);
        device->attributes[VG_ATTRIBUTE_PCI_DOMAIN] = 0x12;
        device->attributes[VG_ATTRIBUTE_CC_MAJOR] = i == 0 ? 8 : 13;
        device->attributes[VG_ATTRIBUTE_CC_MINOR] = i == 0 ? 9 : 0;
        device->attributes[VG_ATTRIBUTE_CLOCK_RATE] = i == 0 ? 1500000 : 0;
    }
    return NVML_SUCCESS;
}

static void
init_is_counted_and_failure_is_not_kept(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_int_equal(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
    assert_int_equal(nvmlDeviceGetFanSpeed(NULL, NULL), NVML_ERROR_UNINITIALIZED);
    next_look = NVML_ERROR_TIMEOUT;
    assert_int_equal(nvmlInit_v2(), NVML_ERROR_TIMEOUT);
    assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
    next_look = NVML_SUCCESS;
    assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
    assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
    assert_int_equal(looks, 2);
    assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
    assert_int_equal(count, 2);
    assert_int_equal(nvmlDeviceGetCount_v2(NULL), NVML_ERROR_INVALID_ARGUMENT);
    assert_int_equal(nvmlDeviceGetFanSpeed(NULL, NULL), NVML_ERROR_NOT_SUPPORTED);
    assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
}

static int
start(void **state)
{
    (void)state;
    return nvmlInit_v2() != NVML_SUCCESS;
}

static int
stop(void **state)
{
    (void)state;
    return nvmlShutdown() != NVML_SUCCESS;
}

static void
texts_are_never_cut(void **state)
{
    nvmlDevice_t device = NULL;
    char text[16];

    (void)state;
    assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &device), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetName(device, text, 9), NVML_SUCCESS);
    assert_string_equal(text, "a device");
    assert_int_equal(nvmlDeviceGetName(device, text, 8), NVML_ERROR_INSUFFICIENT_SIZE);
    assert_int_equal(nvmlDeviceGetName(device, text, 0), NVML_ERROR_INSUFFICIENT_SIZE);
    assert_int_equal(nvmlSystemGetDriverVersion(text, sizeof(text)), NVML_SUCCESS);
    assert_string_equal(text, "615.71");
    assert_int_equal(nvmlSystemGetProcessName((unsigned)getpid(), text, 4), NVML_SUCCESS);
    assert_int_equal(strlen(text), 3);
    assert_int_equal(nvmlSystemGetProcessName(0x7fffffff, text, 4), NVML_ERROR_NOT_FOUND);
    assert_string_equal(nvmlErrorString(NVML_ERROR_NOT_FOUND), "Not Found");
    assert_string_equal(nvmlErrorString((nvmlReturn_t)500), "Unknown Error");
}

static void
pci_addresses_have_three_forms(void **state)
{
    nvmlDevice_t device = NULL, found = NULL;
    nvmlPciInfo_v1_t one;
    nvmlPciInfo_v2_t two;
    nvmlPciInfo_t three;
    static const char *const good[] = { "00000012:02:00.0", "0012:02:00.0", "12:02:00" };
    static const char *const bad[] = { "02:00.0", "0012:03:00.0", "0012:02:00.1", "",
                                       "x",       "0012:02:00.0x" };

    (void)state;
    assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &device), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetPciInfo(device, &one), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetPciInfo_v2(device, &two), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetPciInfo_v3(device, &three), NVML_SUCCESS);
    assert_string_equal(one.busId, "0012:02:00.0");
    assert_string_equal(two.busId, "0012:02:00.0");
    assert_string_equal(three.busIdLegacy, "0012:02:00.0");
    assert_string_equal(three.busId, "00000012:02:00.0");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        found = NULL;
        assert_int_equal(nvmlDeviceGetHandleByPciBusId_v2(good[i], &found), NVML_SUCCESS);
        assert_ptr_equal(found, device);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(nvmlDeviceGetHandleByPciBusId_v2(bad[i], &found),
                         NVML_ERROR_NOT_FOUND);
    }
}

static void
what_the_sheet_does_not_know_is_not_supported(void **state)
{
    nvmlDevice_t first = NULL, second = NULL;
    unsigned value = 0;

    (void)state;
    assert_int_equal(nvmlDeviceGetHandleByIndex_v2(0, &first), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &second), NVML_SUCCESS);
    assert_int_equal(nvmlDeviceGetMaxClockInfo(first, 1, &value), NVML_SUCCESS);
    assert_int_equal(value, 1500);
    assert_int_equal(nvmlDeviceGetMaxClockInfo(second, 1, &value),
                     NVML_ERROR_NOT_SUPPORTED);
    assert_int_equal(nvmlDeviceGetMaxClockInfo(first, 9, &value),
                     NVML_ERROR_INVALID_ARGUMENT);
    assert_int_equal(nvmlDeviceGetArchitecture(first, &value), NVML_SUCCESS);
    assert_int_equal(value, NVML_DEVICE_ARCH_ADA);
    assert_int_equal(nvmlDeviceGetArchitecture(second, &value), NVML_SUCCESS);
    assert_int_equal(value, NVML_DEVICE_ARCH_UNKNOWN);
    assert_int_equal(nvmlDeviceGetArchitecture((nvmlDevice_t)(uintptr_t)64, &value),
                     NVML_ERROR_INVALID_ARGUMENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_is_counted_and_failure_is_not_kept),
        cmocka_unit_test_setup_teardown(texts_are_never_cut, start, stop),
        cmocka_unit_test_setup_teardown(pci_addresses_have_three_forms, start, stop),
        cmocka_unit_test_setup_teardown(what_the_sheet_does_not_know_is_not_supported,
                                        start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
