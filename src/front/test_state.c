/* SPDX-License-Identifier: Apache-2.0 */
/* state - before cuInit, fork, callbacks, errors, devices. Each test is a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "front/test_driver.h"
#include "front/test_front.h"

/* Runs @body in a child and returns its exit status; a child starts without CUDA. */
static int
in_child(int (*body)(void))
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(body());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Bodies return the first failure's line, or 0. */
#define CHECK(condition)                        \
    if (!(condition)) {                         \
        return __LINE__ > 255 ? 255 : __LINE__; \
    }

static int
before_init(void)
{
    int value = 0;
    CUcontext context;
    const char *text;

    CHECK(cuDeviceGetCount(&value) == CUDA_ERROR_NOT_INITIALIZED)
    CHECK(cuCtxGetCurrent(&context) == CUDA_ERROR_NOT_INITIALIZED)
    CHECK(cuMemAlloc_v2(NULL, 1) == CUDA_ERROR_NOT_INITIALIZED)
    CHECK(cuDriverGetVersion(&value) == CUDA_SUCCESS && value == 13050)
    CHECK(cuGetErrorName(CUDA_ERROR_NOT_READY, &text) == CUDA_SUCCESS)
    CHECK(test_driver_inits == 0)
    CHECK(cuInit(1) == CUDA_ERROR_INVALID_VALUE)
    CHECK(cuInit(0) == CUDA_SUCCESS && cuInit(0) == CUDA_SUCCESS)
    CHECK(test_driver_inits == 1)
    CHECK(cuDeviceGetCount(&value) == CUDA_SUCCESS && value == TEST_DEVICES)
    return 0;
}

static int
grandchild_of_user(void)
{
    int count;

    CHECK(cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED)
    CHECK(cuInit(0) == CUDA_ERROR_NOT_INITIALIZED)
    CHECK(cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED)
    CHECK(cuDriverGetVersion(&count) == CUDA_SUCCESS)
    return 0;
}

static int
user_forks(void)
{
    int count;

    CHECK(cuInit(0) == CUDA_SUCCESS)
    CHECK(in_child(grandchild_of_user) == 0)
    CHECK(cuDeviceGetCount(&count) == CUDA_SUCCESS)
    return 0;
}

static int
failed_init_then_fork(void)
{
    test_driver_init_result = CUDA_ERROR_NO_DEVICE;
    CHECK(cuInit(0) == CUDA_ERROR_NO_DEVICE)
    test_driver_init_result = CUDA_SUCCESS;
    CHECK(in_child(before_init) != 0) /* counts one init more than it expects */
    CHECK(cuInit(0) == CUDA_SUCCESS)
    return 0;
}

static int
inside_a_callback(void)
{
    int count;
    const char *text;

    CHECK(cuInit(0) == CUDA_SUCCESS)
    vg_front_callback_begin();
    CHECK(cuDeviceGetCount(&count) == CUDA_ERROR_NOT_PERMITTED)
    CHECK(cuInit(0) == CUDA_ERROR_NOT_PERMITTED)
    CHECK(cuGetErrorName(CUDA_SUCCESS, &text) == CUDA_SUCCESS)
    vg_front_callback_end();
    CHECK(cuDeviceGetCount(&count) == CUDA_SUCCESS)
    return 0;
}

static int
nothing_is_visible(void)
{
    int count;

    setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
    CHECK(cuInit(0) == CUDA_ERROR_NO_DEVICE)
    CHECK(cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED)
    setenv("CUDA_VISIBLE_DEVICES", "GPU-11111111-1111", 1); /* read at cuInit */
    CHECK(cuInit(0) == CUDA_SUCCESS)
    CHECK(cuDeviceGetCount(&count) == CUDA_SUCCESS && count == 1)
    CHECK(vg_front_physical(0) == 1 && vg_front_ordinal(1) == 0 &&
          vg_front_ordinal(0) < 0)
    return 0;
}

static int
device_questions(void)
{
    char text[64];
    int value = -1;
    unsigned bytes = 0;
    CUdevice device = -1;

    CHECK(cuInit(0) == CUDA_SUCCESS)
    CHECK(cuDeviceGet(&device, 1) == CUDA_SUCCESS && device == 1)
    CHECK(cuDeviceGet(&device, 2) == CUDA_ERROR_INVALID_DEVICE)
    CHECK(cuDeviceGet(&device, -1) == CUDA_ERROR_INVALID_DEVICE)
    CHECK(cuDeviceGetName(text, 5, 0) == CUDA_SUCCESS && strcmp(text, "test") == 0)
    CHECK(cuDeviceGetPCIBusId(text, 13, 0) == CUDA_SUCCESS)
    CHECK(strcmp(text, "0000:4B:00.0") == 0)
    CHECK(cuDeviceGetPCIBusId(text, 12, 0) == CUDA_ERROR_INVALID_VALUE)
    CHECK(cuDeviceGetByPCIBusId(&device, "0000:4a:00.0") == CUDA_SUCCESS && device == 1)
    CHECK(cuDeviceGetByPCIBusId(&device, "4b:00.0") == CUDA_SUCCESS && device == 0)
    CHECK(cuDeviceGetByPCIBusId(&device, "0:4b:0") == CUDA_SUCCESS)
    CHECK(cuDeviceGetByPCIBusId(&device, "0000:4a:00.0x") == CUDA_ERROR_INVALID_VALUE)
    CHECK(cuDeviceGetByPCIBusId(&device, "0000:01:00.0") == CUDA_ERROR_INVALID_DEVICE)
    CHECK(cuDeviceTotalMem(&bytes, 0) == CUDA_SUCCESS && bytes == UINT32_MAX)
    CHECK(cuDeviceGetAttribute(&value, (CUdevice_attribute)180, 0) == CUDA_SUCCESS)
    CHECK(value == 0)
    CHECK(cuDeviceGetAttribute(&value, (CUdevice_attribute)0, 0) ==
          CUDA_ERROR_INVALID_VALUE)
    CHECK(cuDeviceGetAttribute(&value, (CUdevice_attribute)5000, 0) ==
          CUDA_ERROR_INVALID_VALUE)
    return 0;
}

static int
error_texts(void)
{
    const char *text = "x";
    int found = 0;

    for (int code = 0; code <= 999; code++) {
        found += cuGetErrorName((CUresult)code, &text) == CUDA_SUCCESS ? 1 : 0;
    }
    CHECK(found == 106)
    CHECK(cuGetErrorName(CUDA_ERROR_INVALID_VALUE, &text) == CUDA_SUCCESS)
    CHECK(strcmp(text, "CUDA_ERROR_INVALID_VALUE") == 0)
    CHECK(cuGetErrorName(CUDA_SUCCESS, &text) == CUDA_SUCCESS)
    CHECK(strcmp(text, "CUDA_SUCCESS") == 0)
    CHECK(cuGetErrorString((CUresult)9, &text) == CUDA_ERROR_INVALID_VALUE &&
          text == NULL)
    CHECK(cuGetErrorString(CUDA_ERROR_UNKNOWN, &text) == CUDA_SUCCESS && text[0] != '\0')
    return 0;
}

static int
unknown_table(void)
{
    const CUuuid id = { { 0x7f } };
    const void *table = &id;

    CHECK(cuGetExportTable(&table, &id) == CUDA_ERROR_INVALID_VALUE && table == NULL)
    CHECK(cuGetExportTable(NULL, &id) == CUDA_ERROR_INVALID_VALUE)
    return 0;
}

#define IN_CHILD(name)                       \
    static void test_##name(void **state)    \
    {                                        \
        (void)state;                         \
        assert_int_equal(in_child(name), 0); \
    }

IN_CHILD(before_init)
IN_CHILD(user_forks)
IN_CHILD(failed_init_then_fork)
IN_CHILD(inside_a_callback)
IN_CHILD(nothing_is_visible)
IN_CHILD(device_questions)
IN_CHILD(error_texts)
IN_CHILD(unknown_table)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_init),
        cmocka_unit_test(test_user_forks),
        cmocka_unit_test(test_failed_init_then_fork),
        cmocka_unit_test(test_inside_a_callback),
        cmocka_unit_test(test_nothing_is_visible),
        cmocka_unit_test(test_device_questions),
        cmocka_unit_test(test_error_texts),
        cmocka_unit_test(test_unknown_table),
    };

    unsetenv("CUDA_VISIBLE_DEVICES");
    unsetenv("CUDA_DEVICE_ORDER");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
