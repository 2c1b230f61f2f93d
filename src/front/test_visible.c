/* SPDX-License-Identifier: Apache-2.0 */
/* visible - CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, value by value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "front/visible.h"

/* 0 and 1 share the first byte of their uuid; 2 has the lowest bus address. */
static const struct vg_visible_device devices[] = {
    { { 0xab, 0x01, 0x02, 0x03, 0x04, 0x05 }, 0, 0x40, 0 },
    { { 0xab, 0x11, 0x12, 0x13, 0x14, 0x15 }, 0, 0x60, 0 },
    { { 0xcd, 0x21, 0x22, 0x23, 0x24, 0x25 }, 0, 0x20, 3 },
};

static const struct {
    const char *list;
    const char *order;
    const char *expected; /* physical numbers */
} rows[] = {
    { NULL, NULL, "012" },
    { NULL, "FASTEST_FIRST", "012" },
    { NULL, "PCI_BUS_ID", "201" },
    { "", NULL, "" },
    { "0", NULL, "0" },
    { "2,0", NULL, "20" },
    { "1, 2", NULL, "12" },
    { " 1 ,0", NULL, "10" },
    { "-1", NULL, "" },
    { "1,-1,0", NULL, "1" },
    { "0,3,1", NULL, "0" },
    { "0,x,1", NULL, "0" },
    { "0,1x", NULL, "0" },
    { "0,,1", NULL, "0" },
    { "99999999999999999999", NULL, "" },
    { "0,1,1,2", NULL, "01" },
    { "0,1,2,0", NULL, "012" },
    { "0", "PCI_BUS_ID", "2" },
    { "1,0", "PCI_BUS_ID", "02" },
    { "GPU-cd212223-2425-0000-0000-000000000000", NULL, "2" },
    { "GPU-CD21", NULL, "2" },
    { "GPU-cd", NULL, "2" },
    { "GPU-ab", NULL, "" },
    { "GPU-ab01,GPU-ab11", NULL, "01" },
    { "GPU-ab01,1", NULL, "01" },
    { "GPU-", NULL, "" },
    { "GPU-cd212223-2425-0000-0000-0000000000000", NULL, "" },
    { "gpu-cd", NULL, "" },
    { "NoDevFiles", NULL, "" },
};

static void
list_gives_devices_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int out[3];
        char text[4] = "";
        int count = vg_visible_devices(devices, 3, rows[i].list, rows[i].order, out);

        for (int at = 0; at < count; at++) {
            text[at] = (char)('0' + out[at]);
        }
        if (strcmp(text, rows[i].expected) != 0) {
            fail_msg("\"%s\" gives \"%s\", not \"%s\"",
                     rows[i].list != NULL ? rows[i].list : "(none)", text,
                     rows[i].expected);
        }
    }
}

static void
no_devices_give_none(void **state)
{
    int out[1];

    (void)state;
    assert_int_equal(vg_visible_devices(devices, 0, NULL, NULL, out), 0);
    assert_int_equal(vg_visible_devices(devices, 0, "0", NULL, out), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_gives_devices_in_order),
        cmocka_unit_test(no_devices_give_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
