/* SPDX-License-Identifier: Apache-2.0 */
/* The client's own parts: handles, images, parameter layout, the window. No worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

#include "shim/conn.h"
#include "shim/ids.h"
#include "shim/kernel.h"
#include "wire/image.h"

/* --- handles --- */

static void
dropped_handle_is_dead_and_its_slot_gets_a_new_name(void **state)
{
    (void)state;
    const vg_id a = vg_client_ids_new(VG_ID_EVENT, 0);
    assert_true(vg_client_ids_alive(a, VG_ID_EVENT));
    assert_false(vg_client_ids_alive(a, VG_ID_STREAM));
    assert_false(vg_client_ids_was(a));
    vg_client_ids_drop(a);
    assert_false(vg_client_ids_alive(a, VG_ID_EVENT));
    assert_true(vg_client_ids_was(a));
    const vg_id b = vg_client_ids_new(VG_ID_EVENT, 0);
    assert_true(b != a && vg_id_index(b) == vg_id_index(a));
}

static void
garbage_is_no_handle(void **state)
{
    (void)state;
    assert_false(vg_client_ids_alive(0, VG_ID_EVENT));
    assert_false(vg_client_ids_alive(2, VG_ID_STREAM));
    assert_false(vg_client_ids_alive(UINT64_MAX, VG_ID_EVENT));
    assert_false(vg_client_ids_was((vg_id)(uintptr_t)&state));
}

static void
objects_die_with_their_context_and_parent(void **state)
{
    (void)state;
    const vg_id context = vg_client_ids_new(VG_ID_CTX, 0);
    const vg_id stream = vg_client_ids_new(VG_ID_STREAM, context);
    const vg_id module = vg_client_ids_new(VG_ID_MODULE, context);
    const vg_id function = vg_id_make(VG_ID_FUNC, true, 1, 7);

    assert_true(vg_id_index(context) >= VG_DEVICE_MAX);
    assert_true(vg_client_ids_learn(function, context, module));
    assert_true(vg_client_ids_parent(function) == module);
    vg_client_ids_drop(module);
    assert_false(vg_client_ids_alive(function, VG_ID_FUNC));
    vg_client_ids_drop_context(context);
    assert_false(vg_client_ids_alive(stream, VG_ID_STREAM));
    assert_true(vg_client_ids_alive(context, VG_ID_CTX));
}

static int destroyed;

static void
count_destroyed(void *data)
{
    (void)data;
    destroyed++;
}

static void
attached_data_goes_with_the_slot(void **state)
{
    int first, second;

    (void)state;
    const vg_id id = vg_client_ids_new(VG_ID_POOL, 0);
    assert_ptr_equal(vg_client_ids_attach(id, &first, count_destroyed), &first);
    assert_ptr_equal(vg_client_ids_attach(id, &second, count_destroyed), &first);
    assert_int_equal(destroyed, 1); /* the second one lost */
    assert_ptr_equal(vg_client_ids_data(id), &first);
    vg_client_ids_drop(id);
    assert_null(vg_client_ids_data(id));
    (void)vg_client_ids_new(VG_ID_POOL, 0); /* the slot's next owner */
    assert_int_equal(destroyed, 2);
}

/* --- images --- */

#define ENTRY_HEADER 64

static size_t
add_entry(uint8_t *at, uint16_t kind, const char *payload, size_t size)
{
    const uint32_t header = ENTRY_HEADER;
    const uint64_t payload_size = size;

    memset(at, 0, ENTRY_HEADER);
    memcpy(at, &kind, 2);
    memcpy(at + 4, &header, 4);
    memcpy(at + 8, &payload_size, 8);
    memcpy(at + ENTRY_HEADER, payload, size);
    return ENTRY_HEADER + size;
}

static size_t
make_container(uint8_t *out, bool with_ptx)
{
    const uint32_t magic = 0xba55ed50u;
    const uint16_t version = 1, header = 16;
    uint64_t body = add_entry(out + 16, 2, "machinecode-----", 16);

    if (with_ptx) {
        body += add_entry(out + 16 + body, 1, "ptxptxpt", 8);
        body += add_entry(out + 16 + body, 2, "more machinecode", 16);
    }
    memcpy(out, &magic, 4);
    memcpy(out + 4, &version, 2);
    memcpy(out + 6, &header, 2);
    memcpy(out + 8, &body, 8);
    return 16 + body;
}

static void
container_is_sent_without_what_the_device_cannot_read(void **state)
{
    uint8_t data[512];
    struct vg_image image;
    uint64_t body;

    (void)state;
    const size_t whole = make_container(data, true);
    assert_int_equal(vg_image_open(&image, data, false), 0);
    assert_int_equal(image.size, whole);
    vg_image_close(&image);

    assert_int_equal(vg_image_open(&image, data, true), 0);
    assert_int_equal(image.count, 2);
    assert_int_equal(image.size, 16 + ENTRY_HEADER + 8);
    memcpy(&body, (const uint8_t *)image.slices[0].data + 8, 8);
    assert_int_equal(body, ENTRY_HEADER + 8);
    assert_memory_equal((const uint8_t *)image.slices[1].data + ENTRY_HEADER, "ptxptxpt",
                        8);
    vg_image_close(&image);
}

static void
container_without_ptx_is_sent_whole(void **state)
{
    uint8_t data[512];
    struct vg_image image;

    (void)state;
    const size_t whole = make_container(data, false);
    assert_int_equal(vg_image_open(&image, data, true), 0);
    assert_int_equal(image.size, whole);
    vg_image_close(&image);
}

static void
wrapper_leads_to_its_container(void **state)
{
    uint8_t data[512];
    struct vg_image image;
    struct {
        uint32_t magic, version;
        const void *data, *names;
    } wrapper = { 0x466243b1u, 1, data, NULL };

    (void)state;
    const size_t whole = make_container(data, true);
    assert_int_equal(vg_image_open(&image, &wrapper, false), 0);
    assert_int_equal(image.size, whole);
    vg_image_close(&image);
    wrapper.data = NULL;
    assert_int_equal(vg_image_open(&image, &wrapper, false), -EINVAL);
}

static void
truncated_entry_does_not_lead_outside(void **state)
{
    uint8_t data[512];
    const uint64_t huge = UINT64_MAX - 10;
    struct vg_image image;

    (void)state;
    const size_t whole = make_container(data, true);
    memcpy(data + 16 + 8, &huge, 8); /* the first entry's size */
    assert_int_equal(vg_image_open(&image, data, true), 0);
    assert_int_equal(image.size, whole); /* no PTX found: the device shall complain */
    vg_image_close(&image);
}

static void
text_and_elf_have_their_sizes(void **state)
{
    Elf64_Ehdr head = {
        .e_machine = 190, .e_shoff = 200, .e_shnum = 0, .e_shentsize = 64
    };
    uint8_t data[256] = { 0 };
    struct vg_image image;

    (void)state;
    assert_int_equal(vg_image_open(&image, "\n .version 7.0", true), 0);
    assert_int_equal(image.size, 15);
    vg_image_close(&image);

    memcpy(head.e_ident, ELFMAG, SELFMAG);
    memcpy(data, &head, sizeof(head));
    assert_int_equal(vg_image_open(&image, data, true), 0);
    assert_int_equal(image.size, 200);
    vg_image_close(&image);

    head.e_machine = EM_X86_64; /* sizes that mean nothing here */
    memcpy(data, &head, sizeof(head));
    assert_int_equal(vg_image_open(&image, data, true), 0);
    assert_int_equal(image.size, sizeof(head));
    vg_image_close(&image);

    char *nothing = calloc(1, 1); /* one byte, and no more is read */
    assert_non_null(nothing);
    assert_int_equal(vg_image_open(&image, nothing, true), 0);
    assert_int_equal(image.size, 1);
    vg_image_close(&image);
    free(nothing);
}

static void
cut_files_are_not_whole(void **state)
{
    Elf64_Ehdr head = {
        .e_machine = 190, .e_shoff = 64, .e_shnum = 1, .e_shentsize = 64
    };
    uint8_t data[512] = { 0 };

    (void)state;
    const size_t whole = make_container(data, true);
    assert_true(vg_image_is_whole(data, whole));
    for (size_t size = 0; size < whole; size++) {
        assert_false(vg_image_is_whole(data, size));
    }
    memset(data, 0, sizeof(data));
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    memcpy(data, &head, sizeof(head));
    assert_true(vg_image_is_whole(data, 128));
    assert_false(vg_image_is_whole(data, 127));
    assert_true(vg_image_is_whole(".version 7.0", 12));
}

/* --- parameters --- */

static struct vg_kernel *
make_kernel(void)
{
    struct vg_kernel *kernel = calloc(1, sizeof(*kernel) + 3 * sizeof(kernel->params[0]));

    kernel->param_count = 3;
    kernel->params[0] = (struct vg_kernel_param){ 0, 1 };
    kernel->params[1] = (struct vg_kernel_param){ 8, 8 };
    kernel->params[2] = (struct vg_kernel_param){ 16, 4 };
    kernel->param_size = 20;
    return kernel;
}

static void
parameters_go_where_the_kernel_wants_them(void **state)
{
    struct vg_kernel *kernel = make_kernel();
    uint8_t a = 7, block[32];
    uint64_t b = 0x1122334455667788;
    uint32_t c = 0xcafe, size = 0;
    void *params[] = { &a, &b, &c };

    (void)state;
    memset(block, 0xee, sizeof(block));
    assert_int_equal(vg_kernel_pack(kernel, params, NULL, block, &size), CUDA_SUCCESS);
    assert_int_equal(size, 20);
    assert_int_equal(block[0], 7);
    assert_int_equal(block[1], 0); /* padding does not leak the stack */
    assert_memory_equal(block + 8, &b, 8);
    assert_memory_equal(block + 16, &c, 4);
    assert_int_equal(block[20], 0xee);

    params[1] = NULL;
    assert_int_equal(vg_kernel_pack(kernel, params, NULL, block, &size),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(vg_kernel_pack(kernel, NULL, NULL, block, &size),
                     CUDA_ERROR_INVALID_VALUE);
    free(kernel);
}

static void
packed_parameters_must_be_large_enough(void **state)
{
    struct vg_kernel *kernel = make_kernel();
    uint8_t given[20] = { 1, 2, 3 }, block[32];
    size_t given_size = sizeof(given);
    uint32_t size = 0;
    void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, given, CU_LAUNCH_PARAM_BUFFER_SIZE,
                      &given_size, CU_LAUNCH_PARAM_END };

    (void)state;
    assert_int_equal(vg_kernel_pack(kernel, NULL, extra, block, &size), CUDA_SUCCESS);
    assert_memory_equal(block, given, 20);
    given_size = 19;
    assert_int_equal(vg_kernel_pack(kernel, NULL, extra, block, &size),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(vg_kernel_pack(kernel, extra, extra, block, &size),
                     CUDA_ERROR_INVALID_VALUE);
    free(kernel);
}

/* --- window --- */

static void
window_gives_and_takes(void **state)
{
    struct vg_window_block block;

    (void)state;
    vg_conn.window_base = 0x300000000000;
    vg_conn.window_size = (uint64_t)VG_LANE_MAX * VG_STAGE_SIZE + 4 * 4096;
    assert_null(vg_window_alloc(0, 0));
    assert_null(vg_window_alloc(5 * 4096, 0));
    uint8_t *a = vg_window_alloc(4097, 1), *b = vg_window_alloc(1, 2);
    assert_ptr_equal(b, a + 8192);
    assert_true(vg_window_find((uint64_t)(uintptr_t)a + 4096, &block));
    assert_int_equal(block.size, 4097);
    assert_int_equal(block.flags, 1);
    assert_false(vg_window_find((uint64_t)(uintptr_t)a + 4097, &block));
    assert_null(vg_window_alloc(2 * 4096, 0));
    assert_int_equal(vg_window_free(a + 1), -ENOENT);
    assert_int_equal(vg_window_free(a), 0);
    assert_int_equal(vg_window_free(a), -ENOENT);
    assert_ptr_equal(vg_window_alloc(8192, 0), a); /* first fit */
    assert_int_equal(vg_window_free(a), 0);
    assert_int_equal(vg_window_free(b), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropped_handle_is_dead_and_its_slot_gets_a_new_name),
        cmocka_unit_test(garbage_is_no_handle),
        cmocka_unit_test(objects_die_with_their_context_and_parent),
        cmocka_unit_test(attached_data_goes_with_the_slot),
        cmocka_unit_test(container_is_sent_without_what_the_device_cannot_read),
        cmocka_unit_test(container_without_ptx_is_sent_whole),
        cmocka_unit_test(wrapper_leads_to_its_container),
        cmocka_unit_test(truncated_entry_does_not_lead_outside),
        cmocka_unit_test(text_and_elf_have_their_sizes),
        cmocka_unit_test(cut_files_are_not_whole),
        cmocka_unit_test(parameters_go_where_the_kernel_wants_them),
        cmocka_unit_test(packed_parameters_must_be_large_enough),
        cmocka_unit_test(window_gives_and_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
