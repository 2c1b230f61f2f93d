/* SPDX-License-Identifier: Apache-2.0 */
/* context - the stack of each thread, stale contexts, storage, streams, occupancy. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "front/interop/tables.h"
#include "front/storage.h"
#include "front/test_driver.h"
#include "front/test_front.h"

static CUcontext
current(void)
{
    CUcontext context = NULL;

    assert_int_equal(cuCtxGetCurrent(&context), CUDA_SUCCESS);
    return context;
}

static int
init(void **state)
{
    (void)state;
    return cuInit(0) == CUDA_SUCCESS ? 0 : -1;
}

static int
empty_stack(void **state)
{
    (void)state;
    while (current() != NULL) {
        cuCtxPopCurrent_v2(NULL);
    }
    return 0;
}

static void
create_pushes_and_destroy_pops(void **state)
{
    CUcontext a;
    CUcontext b;
    CUdevice device = -1;

    (void)state;
    assert_int_equal(cuCtxCreate_v2(&a, 0, 0), CUDA_SUCCESS);
    assert_int_equal(cuCtxCreate_v2(&b, 0, 1), CUDA_SUCCESS);
    assert_ptr_equal(current(), b);
    assert_int_equal(cuCtxGetDevice(&device), CUDA_SUCCESS);
    assert_int_equal(device, 1);
    assert_int_equal(cuCtxGetDevice_v2(&device, a), CUDA_SUCCESS);
    assert_int_equal(device, 0);
    assert_int_equal(cuCtxDestroy_v2(b), CUDA_SUCCESS);
    assert_ptr_equal(current(), a);
    assert_int_equal(cuCtxDestroy_v2(b), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxSetCurrent(b), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    assert_int_equal(cuCtxDestroy_v2(a), CUDA_SUCCESS);
    assert_null(current());
}

static void
set_replaces_the_top(void **state)
{
    CUcontext a;
    CUcontext popped = NULL;

    (void)state;
    assert_int_equal(cuCtxCreate_v2(&a, 0, 0), CUDA_SUCCESS);
    assert_int_equal(cuCtxPushCurrent_v2(a), CUDA_SUCCESS);
    assert_int_equal(cuCtxSetCurrent(vg_driver_primary_context(1)), CUDA_SUCCESS);
    assert_int_equal(cuCtxPopCurrent_v2(&popped), CUDA_SUCCESS);
    assert_ptr_equal(popped, vg_driver_primary_context(1));
    assert_ptr_equal(current(), a);
    assert_int_equal(cuCtxSetCurrent(NULL), CUDA_SUCCESS);
    assert_null(current());
    assert_int_equal(cuCtxSetCurrent(NULL), CUDA_SUCCESS);
    assert_int_equal(cuCtxPopCurrent_v2(&popped), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxSetCurrent((CUcontext)(void *)&popped),
                     CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxPushCurrent_v2(NULL), CUDA_ERROR_INVALID_CONTEXT);
}

static void
deep_stack_keeps_its_order(void **state)
{
    CUcontext context;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(cuCtxPushCurrent_v2(vg_driver_primary_context(i % 3 == 0)),
                         CUDA_SUCCESS);
    }
    for (int i = 99; i >= 0; i--) {
        assert_int_equal(cuCtxPopCurrent_v2(&context), CUDA_SUCCESS);
        assert_ptr_equal(context, vg_driver_primary_context(i % 3 == 0));
    }
    assert_null(current());
}

static void
calls_need_a_live_context(void **state)
{
    CUcontext context;
    unsigned long long id = 0;

    (void)state;
    assert_int_equal(cuCtxSynchronize(), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxGetId(NULL, &id), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxSetCurrent(vg_driver_primary_context(0)), CUDA_SUCCESS);
    assert_int_equal(cuCtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    assert_int_equal(cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    assert_ptr_equal(context, current());
    assert_int_equal(cuCtxSynchronize(), CUDA_SUCCESS);
    assert_int_equal(cuDevicePrimaryCtxReset_v2(0), CUDA_SUCCESS);
    assert_int_equal(cuCtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    assert_int_equal(cuDevicePrimaryCtxRetain(&context, 7), CUDA_ERROR_INVALID_DEVICE);
    /* carried by the front's generated default only */
    assert_int_equal(cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    assert_int_equal(cuMemAlloc_v2(NULL, 1), CUDA_ERROR_NOT_SUPPORTED);
}

static uint64_t ended_thread;

static void
note_end(uint64_t thread)
{
    ended_thread = thread;
}

static void *
other_thread(void *argument)
{
    uint64_t *number = argument;

    assert_null(current()); /* a stack of its own */
    assert_int_equal(cuCtxPushCurrent_v2(vg_driver_primary_context(1)), CUDA_SUCCESS);
    *number = vg_front_thread();
    return NULL;
}

static void
threads_have_their_own_stack_and_number(void **state)
{
    pthread_t thread;
    uint64_t number = 0;

    (void)state;
    vg_front_on_thread_exit(note_end);
    assert_int_equal(cuCtxPushCurrent_v2(vg_driver_primary_context(0)), CUDA_SUCCESS);
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &number), 0);
    pthread_join(thread, NULL);
    assert_true(number != 0 && number != vg_front_thread());
    assert_int_equal(ended_thread, number);
    assert_ptr_equal(current(), vg_driver_primary_context(0));
}

static int destroyed;

static void
count_destroyed(void *context, void *key, void *value)
{
    (void)context;
    (void)key;
    destroyed += *(int *)value;
}

static void
storage_lives_and_dies_with_its_context(void **state)
{
    int key_1;
    int key_2;
    int value_1 = 1;
    int value_2 = 20;
    CUcontext context;
    void *found = NULL;

    (void)state;
    assert_int_equal(cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
    assert_false(vg_storage_get(context, &key_1, &found));
    assert_true(vg_storage_put(context, &key_1, &value_2, count_destroyed));
    assert_true(vg_storage_put(context, &key_1, &value_1, count_destroyed));
    assert_true(vg_storage_put(context, &key_2, &value_2, count_destroyed));
    assert_true(vg_storage_put(&key_1, &key_1, &key_2, NULL));
    for (int i = 0; i < 2; i++) { /* the second time from the thread's memory */
        assert_true(vg_storage_get(context, &key_1, &found));
        assert_ptr_equal(found, &value_1);
    }
    assert_true(vg_storage_get(&key_1, &key_1, &found));
    assert_ptr_equal(found, &key_2);
    assert_true(vg_storage_remove(context, &key_2));
    assert_false(vg_storage_remove(context, &key_2));
    assert_int_equal(cuCtxDestroy_v2(context), CUDA_SUCCESS);
    assert_int_equal(destroyed, 1);
    assert_false(vg_storage_get(context, &key_1, &found));
    assert_true(vg_storage_remove(&key_1, &key_1));
}

static void
private_tables_have_their_shape(void **state)
{
    CUcontext context = NULL;
    uint32_t *flags = NULL;
    size_t count = 0;
    void *found = &found;
    CUresult (*primary)(CUcontext *, CUdevice);
    void (*enabled)(uint32_t **, size_t *);
    CUresult (*get)(void **, CUcontext, void *);

    (void)state;
    assert_int_equal(vg_table_cudart[0].size, 104);
    assert_int_equal(vg_table_hooks[0].size, 56);
    assert_int_equal(vg_table_tools[0].size, 96 * 8);
    primary = (CUresult(*)(CUcontext *, CUdevice))vg_table_cudart[2].call;
    assert_int_equal(primary(&context, 1), CUDA_SUCCESS);
    assert_ptr_equal(context, vg_driver_primary_context(1));
    assert_int_equal(primary(&context, 5), CUDA_ERROR_INVALID_DEVICE);
    assert_int_equal(((CUresult(*)(void))vg_table_cudart[12].call)(), CUDA_SUCCESS);
    enabled = (void (*)(uint32_t **, size_t *))vg_table_hooks[2].call;
    enabled(&flags, &count);
    assert_true(count >= 1024);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(flags[i], 0);
    }
    enabled = (void (*)(uint32_t **, size_t *))vg_table_hooks[6].call;
    enabled(&flags, &count);
    assert_true(count >= 14);
    get = (CUresult(*)(void **, CUcontext, void *))vg_table_storage[2].call;
    assert_int_equal(get(&found, NULL, &count), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(get(&found, vg_driver_primary_context(0), &count),
                     CUDA_ERROR_INVALID_HANDLE);
    assert_null(vg_table_storage[3].call);
}

static void
every_slot_can_be_called(void **state)
{
    static const struct {
        const union vg_word *table;
        int slots;
    } tables[] = {
        { vg_table_cudart, VG_CUDART_SLOTS },   { vg_table_hooks, VG_HOOKS_SLOTS },
        { vg_table_tls, VG_TLS_SLOTS },         { vg_table_checks, VG_CHECKS_SLOTS },
        { vg_table_tools, VG_TOOLS_SLOTS },     { vg_table_list, VG_LIST_SLOTS },
        { vg_table_modules, VG_MODULES_SLOTS },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        assert_int_equal(tables[i].table[0].size, (size_t)tables[i].slots * 8);
        for (int slot = 1; slot < tables[i].slots; slot++) {
            assert_non_null((void *)(uintptr_t)tables[i].table[slot].call);
        }
    }
}

static void
null_stream_follows_the_name(void **state)
{
    (void)state;
    assert_ptr_equal(vg_front_stream(NULL), CU_STREAM_LEGACY);
    assert_ptr_equal(vg_front_stream(CU_STREAM_PER_THREAD), CU_STREAM_PER_THREAD);
    assert_ptr_equal(vg_front_default_stream(), CU_STREAM_LEGACY);
}

static size_t
shared_by_thread(int threads)
{
    return (size_t)threads * 64;
}

/* Figures of NVIDIA's published occupancy table for compute capability 8.0. */
static void
occupancy_follows_the_tightest_limit(void **state)
{
    const CUfunction function = (CUfunction)(void *)&test_driver_function;
    int blocks = -1;
    int grid = 0;
    int threads = 0;

    (void)state;
    assert_int_equal(cuCtxSetCurrent(vg_driver_primary_context(0)), CUDA_SUCCESS);
    test_driver_function[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK] = 1024;
    test_driver_function[CU_FUNC_ATTRIBUTE_NUM_REGS] = 32;
    test_driver_function[CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES] = 49152;
    assert_int_equal(
        cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 0), 0);
    assert_int_equal(blocks, 8); /* threads */
    assert_int_equal(
        cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 32, 0), 0);
    assert_int_equal(blocks, 32); /* blocks */
    assert_int_equal(
        cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 40000), 0);
    assert_int_equal(blocks, 4); /* shared memory: 167936 / 41088 */
    assert_int_equal(
        cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 50000), 0);
    assert_int_equal(blocks, 0); /* more than the kernel may have */
    test_driver_function[CU_FUNC_ATTRIBUTE_NUM_REGS] = 128;
    assert_int_equal(
        cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 0), 0);
    assert_int_equal(blocks, 2); /* registers */
    assert_int_equal(
        cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 2048, 0), 0);
    assert_int_equal(blocks, 0);
    assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, NULL, 32, 0),
                     CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 0, 0),
                     CUDA_ERROR_INVALID_VALUE);
    test_driver_function[CU_FUNC_ATTRIBUTE_NUM_REGS] = 16;
    assert_int_equal(
        cuOccupancyMaxPotentialBlockSize(&grid, &threads, function, NULL, 0, 0), 0);
    assert_int_equal(threads, 1024);
    assert_int_equal(grid, 2 * 108);
    assert_int_equal(
        cuOccupancyMaxPotentialBlockSize(&grid, &threads, function, NULL, 0, 200), 0);
    assert_int_equal(threads, 128); /* 16 x 128; 192 gives 10 x 192, 200 gives 9 x 200 */
    assert_int_equal(cuOccupancyMaxPotentialBlockSize(&grid, &threads, function,
                                                      shared_by_thread, 0, 0),
                     0);
    assert_int_equal(threads, 512); /* 4 x 512; 640 gives 3 x 640, 768 gives 2 x 768 */
}

/* What is not refused reaches the driver, and this one carries none of it. */
static void
arguments_are_refused_at_once(void **state)
{
    const CUfunction function = (CUfunction)(void *)&test_driver_function;
    CUstream stream;
    CUevent event;

    (void)state;
    assert_int_equal(cuCtxSetCurrent(vg_driver_primary_context(0)), CUDA_SUCCESS);
    assert_int_equal(cuStreamCreate(&stream, 0x100), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamCreate(NULL, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamCreateWithPriority(&stream, 2, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamCreate(&stream, 1), CUDA_ERROR_NOT_SUPPORTED);
    assert_int_equal(cuEventCreate(&event, 8), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuEventCreate(&event, 4), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuEventCreate(&event, 6), CUDA_ERROR_NOT_SUPPORTED);
    test_driver_function[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK] = 1024;
    test_driver_function[CU_FUNC_ATTRIBUTE_NUM_REGS] = 16;
    assert_int_equal(
        cuLaunchCooperativeKernel(function, 108, 4, 1, 512, 1, 1, 0, NULL, NULL),
        CUDA_ERROR_NOT_SUPPORTED);
    assert_int_equal(
        cuLaunchCooperativeKernel(function, 433, 1, 1, 512, 1, 1, 0, NULL, NULL),
        CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(create_pushes_and_destroy_pops, empty_stack),
        cmocka_unit_test_teardown(set_replaces_the_top, empty_stack),
        cmocka_unit_test_teardown(deep_stack_keeps_its_order, empty_stack),
        cmocka_unit_test_teardown(calls_need_a_live_context, empty_stack),
        cmocka_unit_test_teardown(threads_have_their_own_stack_and_number, empty_stack),
        cmocka_unit_test_teardown(storage_lives_and_dies_with_its_context, empty_stack),
        cmocka_unit_test(private_tables_have_their_shape),
        cmocka_unit_test(every_slot_can_be_called),
        cmocka_unit_test(null_stream_follows_the_name),
        cmocka_unit_test_teardown(occupancy_follows_the_tightest_limit, empty_stack),
        cmocka_unit_test_teardown(arguments_are_refused_at_once, empty_stack),
    };

    unsetenv("CUDA_VISIBLE_DEVICES");
    unsetenv("CUDA_DEVICE_ORDER");
    return cmocka_run_group_tests(tests, init, NULL);
}
