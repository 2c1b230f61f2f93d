/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry - every look-up of ten runtimes gives the export that it must, and the corners.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cuda_types.h"
#include "front/entry.h"

CUresult
cuGetProcAddress(const char *symbol, void **function, int version, cuuint64_t flags);
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version,
                             cuuint64_t flags, CUdriverProcAddressQueryResult *status);

static void *
export_named(const char *name)
{
    void *address = NULL;

    for (size_t i = 0; i < vg_entry_count; i++) {
        if (strcmp(vg_entry_table[i].name, name) == 0) {
            memcpy(&address, &vg_entry_table[i].function, sizeof(address));
            return address;
        }
    }
    fail_msg("%s is not exported", name);
    return NULL;
}

static void
look_up(const char *base, int version, cuuint64_t flags, const char *expected)
{
    CUdriverProcAddressQueryResult status = (CUdriverProcAddressQueryResult)77;
    void *found = &status;

    assert_int_equal(cuGetProcAddress_v2(base, &found, version, flags, &status), 0);
    if (strcmp(expected, "-") == 0) {
        assert_null(found);
        assert_int_equal(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
        return;
    }
    if (found != export_named(expected)) {
        fail_msg("%s version %d flags %d: not %s", base, version, (int)flags, expected);
    }
    assert_int_equal(status, CU_GET_PROC_ADDRESS_SUCCESS);
}

static void
every_look_up_of_the_runtimes(void **state)
{
    char line[512];
    char expected[128];
    int count = 0;
    FILE *file = fopen(getenv("VG_TEST_LOOKUPS"), "r");

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *rest = strchr(line, ':');
        if (line[0] == '#' || rest == NULL) {
            continue;
        }
        *rest = '\0';
        const char *base = strcmp(line, "\"\"") == 0 ? "" : line;
        for (rest++; rest != NULL; rest = strchr(rest, ',')) {
            int version;
            int flags;
            rest += *rest == ',' ? 1 : 0;
            assert_int_equal(
                sscanf(rest, "%d %d %127[^, \n]", &version, &flags, expected), 3);
            look_up(base, version, (cuuint64_t)flags, expected);
            count++;
        }
    }
    fclose(file);
    assert_int_equal(count, 504);
}

static void
version_picks_the_signature(void **state)
{
    (void)state;
    look_up("cuCtxCreate", 2000, 0, "cuCtxCreate");
    look_up("cuCtxCreate", 11030, 0, "cuCtxCreate_v2");
    look_up("cuCtxCreate", 11040, 0, "cuCtxCreate_v3");
    look_up("cuCtxCreate", 13030, 0, "cuCtxCreate_v4");
    look_up("cuCtxGetDevice", 12090, 0, "cuCtxGetDevice");
    look_up("cuCtxGetDevice", 13000, 0, "cuCtxGetDevice_v2");
    look_up("cuMemGetInfo", 2000, 0, "cuMemGetInfo");
    look_up("cuMemGetInfo", 99000, 0, "cuMemGetInfo_v2");
    look_up("cuDeviceGetUuid", 11030, 0, "cuDeviceGetUuid");
    look_up("cuDeviceGetUuid", 11040, 0, "cuDeviceGetUuid_v2");
    look_up("cuStreamGetCaptureInfo", 12020, 0, "cuStreamGetCaptureInfo_v2");
    look_up("cuStreamGetCaptureInfo", 12030, 0, "cuStreamGetCaptureInfo_v3");
    look_up("cuGetProcAddress", 11080, 0, "cuGetProcAddress");
    look_up("cuGetProcAddress", 12000, 0, "cuGetProcAddress_v2");
}

static void
per_thread_flag_picks_the_twin(void **state)
{
    CUdriverProcAddressQueryResult status;
    void *found;

    (void)state;
    look_up("cuMemcpy", 7000, 2, "cuMemcpy_ptds");
    look_up("cuLaunchKernel", 13050, 2, "cuLaunchKernel_ptsz");
    look_up("cuLaunchKernel", 13050, 3, "cuLaunchKernel_ptsz");
    look_up("cuLaunchKernel", 13050, 1, "cuLaunchKernel");
    look_up("cuMemAlloc", 13050, 2, "cuMemAlloc_v2");
    assert_int_equal(cuGetProcAddress_v2("cuMemcpy", &found, 4000, 2, &status), 0);
    assert_null(found);
    assert_int_equal(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
}

static void
unknown_old_and_odd_requests(void **state)
{
    CUdriverProcAddressQueryResult status;
    void *found = &found;

    (void)state;
    assert_int_equal(cuGetProcAddress_v2("cuInit", &found, 1000, 0, &status), 0);
    assert_null(found);
    assert_int_equal(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
    look_up("cuMemAlloc_v2", 13050, 0, "-");
    look_up("cuNothing", 13050, 0, "-");
    look_up("cuMemAllo", 13050, 0, "-");
    assert_int_equal(cuGetProcAddress_v2("cuInit", &found, 2000, 4, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuGetProcAddress_v2("cuNothing", &found, 2000, 0, NULL), 0);
    assert_null(found);
    assert_int_equal(cuGetProcAddress_v2(NULL, &found, 2000, 0, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuGetProcAddress_v2("cuInit", NULL, 2000, 0, NULL),
                     CUDA_ERROR_INVALID_VALUE);
}

static void
first_form_reports_not_found_and_leaves_the_pointer(void **state)
{
    void *found = &found;

    (void)state;
    assert_int_equal(cuGetProcAddress("cuNothing", &found, 2000, 0),
                     CUDA_ERROR_NOT_FOUND);
    assert_ptr_equal(found, &found);
    assert_int_equal(cuGetProcAddress("cuGetProcAddress", &found, 11030, 0), 0);
    assert_ptr_equal(found, export_named("cuGetProcAddress"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_look_up_of_the_runtimes),
        cmocka_unit_test(version_picks_the_signature),
        cmocka_unit_test(per_thread_flag_picks_the_twin),
        cmocka_unit_test(unknown_old_and_odd_requests),
        cmocka_unit_test(first_form_reports_not_found_and_leaves_the_pointer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
