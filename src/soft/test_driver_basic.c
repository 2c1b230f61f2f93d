/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_driver_basic - launches, copies, addresses and refusals over the exported calls.
 */
#include <stdio.h>
#include <stdlib.h>

#include "test_driver.h"

#define N 1000

static void
vectors_are_added(void **state)
{
    (void)state;
    CUfunction add = test_function(PTX_HEAD PTX_ADD, "add");
    float a[N], b[N], c[N];
    CUdeviceptr da, db, dc;
    for (int i = 0; i < N; i++) {
        a[i] = (float)i;
        b[i] = 0.5f * (float)i;
    }
    OK(cuMemAlloc_v2(&da, sizeof a));
    OK(cuMemAlloc_v2(&db, sizeof b));
    OK(cuMemAlloc_v2(&dc, sizeof c));
    OK(cuMemcpyHtoD_v2(da, a, sizeof a));
    OK(cuMemcpyHtoD_v2(db, b, sizeof b));
    int n = N;
    void *params[] = { &da, &db, &dc, &n };
    OK(cuLaunchKernel(add, 4, 1, 1, 256, 1, 1, 0, NULL, params, NULL));
    OK(cuMemcpyDtoH_v2(c, dc, sizeof c));
    for (int i = 0; i < N; i++) {
        assert_true(c[i] == a[i] + b[i]);
    }
}

static void
parameters_come_in_a_buffer_too(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    struct {
        CUdeviceptr p;
        uint32_t v;
    } buffer = { test_word(5), 7 };
    size_t size = sizeof buffer;
    void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &buffer,
                      CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END };
    OK(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
    assert_int_equal(test_read(buffer.p), 22);
}

static void
bad_launches_are_refused_and_not_sticky(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    uint32_t value = 1;
    void *params[] = { &word, &value };
    FAILS(cuLaunchKernel(step, 1, 1, 1, 1025, 1, 1, 0, NULL, params, NULL),
          CUDA_ERROR_INVALID_VALUE);
    FAILS(cuLaunchKernel(step, 0, 1, 1, 1, 1, 1, 0, NULL, params, NULL),
          CUDA_ERROR_INVALID_VALUE);
    FAILS(cuLaunchKernel(step, 1, 70000, 1, 1, 1, 1, 0, NULL, params, NULL),
          CUDA_ERROR_INVALID_VALUE);
    FAILS(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 50000, NULL, params, NULL),
          CUDA_ERROR_INVALID_VALUE);
    FAILS(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL),
          CUDA_ERROR_INVALID_HANDLE);
    FAILS(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
          CUDA_ERROR_INVALID_VALUE);
    FAILS(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, (CUstream)0x1234, params, NULL),
          CUDA_ERROR_INVALID_HANDLE);
    OK(cuFuncSetAttribute(step, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000));
    OK(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 50000, NULL, params, NULL));
    assert_int_equal(test_read(word), 4);
}

static void
trap_is_sticky_until_the_context_ends(void **state)
{
    (void)state;
    CUfunction trap = test_function(PTX_HEAD PTX_TRAP, "trap_now");
    CUdeviceptr word = test_word(1);
    OK(cuLaunchKernel(trap, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    FAILS(cuCtxSynchronize(), CUDA_ERROR_LAUNCH_FAILED);
    FAILS(cuMemAlloc_v2(&word, 16), CUDA_ERROR_LAUNCH_FAILED);
    OK(cuCtxDestroy_v2(test_context));
    OK(cuCtxCreate_v2(&test_context, 0, 0));
    assert_int_equal(test_read(test_word(9)), 9);
}

static void
wild_address_is_illegal_not_a_crash(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    OK(test_step(step, 0x1234560, 1, NULL));
    FAILS(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void
unknown_instruction_is_refused_by_the_launch(void **state)
{
    (void)state;
    CUfunction f =
        test_function(PTX_HEAD ".visible .entry odd()\n{\n    .reg .b32 %r<3>;\n"
                               "    frobnicate.b32 %r1, %r2;\n    ret;\n}\n",
                      "odd");
    FAILS(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
          CUDA_ERROR_NOT_SUPPORTED);
    OK(cuCtxSynchronize());
}

static void
syntax_error_shows_line_and_caret(void **state)
{
    (void)state;
    static const char bad[] = PTX_HEAD ".visible .entry f()\n{\n    add.u32 %r1, ;;\n}\n";
    char log[512];
    CUjit_option options[] = { CU_JIT_ERROR_LOG_BUFFER,
                               CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES };
    void *values[] = { log, (void *)(uintptr_t)sizeof log };
    CUmodule module;
    FAILS(cuModuleLoadDataEx(&module, bad, 2, options, values), CUDA_ERROR_INVALID_PTX);
    assert_non_null(strstr(log, "line 6"));
    assert_non_null(strstr(log, "^"));
    assert_int_equal((uintptr_t)values[1], strlen(log));
}

static void
what_is_no_image_is_named_as_cuda_does(void **state)
{
    (void)state;
    CUmodule module;
    FAILS(cuModuleLoadData(&module, "these are not the bytes of an image"),
          CUDA_ERROR_INVALID_IMAGE);
    FAILS(cuModuleLoadData(&module, ".target sm_80\n.version 7.0\n"),
          CUDA_ERROR_INVALID_IMAGE);
    OK(cuModuleLoadData(&module, "\n\n  /* a comment */ // and another\n" PTX_HEAD));
    OK(cuModuleUnload(module));
    FAILS(cuModuleLoadData(&module, ".version 7.0\n.target sm_90\n.address_size 64\n"),
          CUDA_ERROR_NO_BINARY_FOR_GPU);
    FAILS(cuModuleLoadData(&module,
                           "\x7f"
                           "ELF"
                           "\2\1\1\0\0\0\0\0\0\0\0\0 and some more bytes, with no "
                           "section at all in them, none"),
          CUDA_ERROR_NO_BINARY_FOR_GPU);
    FAILS(cuModuleLoad(&module, "/nonexistent/file"), CUDA_ERROR_FILE_NOT_FOUND);
    FAILS(cuModuleLoad(&module, "/dev/null"), CUDA_ERROR_INVALID_IMAGE);
}

static void
globals_have_their_values_and_addresses(void **state)
{
    (void)state;
    CUmodule module;
    CUdeviceptr words, pointer;
    size_t size;
    OK(cuModuleLoadData(&module, PTX_HEAD ".visible .global .u32 words[4] = {1, 2, 3};\n"
                                          ".visible .global .u64 pointer = words;\n"));
    OK(cuModuleGetGlobal_v2(&words, &size, module, "words"));
    assert_int_equal(size, 16);
    uint32_t got[4];
    OK(cuMemcpyDtoH_v2(got, words, sizeof got));
    assert_int_equal(got[2], 3);
    assert_int_equal(got[3], 0);
    uint64_t target;
    OK(cuModuleGetGlobal_v2(&pointer, NULL, module, "pointer"));
    OK(cuMemcpyDtoH_v2(&target, pointer, sizeof target));
    assert_int_equal(target, words);
    FAILS(cuModuleGetGlobal_v2(&words, NULL, module, "none"), CUDA_ERROR_NOT_FOUND);
}

#define PTX_TABLE                                                                      \
    ".func (.param .b32 r) twice(.param .b32 x)\n{\n    .reg .b32 %r<3>;\n"            \
    "    ld.param.u32 %r1, [x];\n    add.u32 %r2, %r1, %r1;\n"                         \
    "    st.param.b32 [r], %r2;\n    ret;\n}\n"                                        \
    ".func (.param .b32 r) square(.param .b32 x)\n{\n    .reg .b32 %r<3>;\n"           \
    "    ld.param.u32 %r1, [x];\n    mul.lo.u32 %r2, %r1, %r1;\n"                      \
    "    st.param.b32 [r], %r2;\n    ret;\n}\n"                                        \
    ".visible .global .u64 table[2] = {twice, square};\n"                              \
    ".visible .entry pick(.param .u64 p, .param .u32 which)\n"                         \
    "{\n    .reg .b32 %r<4>;\n    .reg .b64 %d<5>;\n"                                  \
    "    ld.param.u64 %d1, [p];\n    ld.param.u32 %r1, [which];\n"                     \
    "    mov.u64 %d2, table;\n    mul.wide.u32 %d3, %r1, 8;\n"                         \
    "    add.u64 %d2, %d2, %d3;\n    ld.global.u64 %d4, [%d2];\n    mov.u32 %r2, 7;\n" \
    "    {\n    .param .b32 a0;\n    st.param.b32 [a0], %r2;\n    .param .b32 r0;\n"   \
    "    proto: .callprototype (.param .b32 _) _ (.param .b32 _);\n"                   \
    "    call (r0), %d4, (a0), proto;\n    ld.param.b32 %r3, [r0];\n    }\n"           \
    "    st.global.u32 [%d1], %r3;\n    ret;\n}\n"

static void
tables_of_functions_can_be_called(void **state)
{
    (void)state;
    CUfunction pick = test_function(PTX_HEAD PTX_TABLE, "pick");
    CUdeviceptr out;
    uint32_t got[2] = { 0, 0 };
    OK(cuMemAlloc_v2(&out, 4));
    for (uint32_t which = 0; which < 2; which++) {
        void *params[] = { &out, &which };
        OK(cuLaunchKernel(pick, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
        OK(cuMemcpyDtoH_v2(&got[which], out, 4));
    }
    assert_int_equal(got[0], 14);
    assert_int_equal(got[1], 49);
    OK(cuMemFree_v2(out));
}

static void
memory_is_counted_exactly(void **state)
{
    (void)state;
    size_t before, during, after, total;
    CUdeviceptr block;
    OK(cuMemGetInfo_v2(&before, &total));
    OK(cuMemAlloc_v2(&block, 1000));
    OK(cuMemGetInfo_v2(&during, &total));
    assert_int_equal(before - during, 1024);
    FAILS(cuMemFree_v2(block + 4), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree_v2(block));
    FAILS(cuMemFree_v2(block), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree_v2(0));
    OK(cuMemGetInfo_v2(&after, &total));
    assert_int_equal(before, after);
    FAILS(cuMemAlloc_v2(&block, total + 1), CUDA_ERROR_OUT_OF_MEMORY);
}

static void
copies_outside_a_block_are_refused(void **state)
{
    (void)state;
    char bytes[300] = { 0 };
    CUdeviceptr block;
    OK(cuMemAlloc_v2(&block, 256));
    FAILS(cuMemcpyHtoD_v2(block, bytes, 257), CUDA_ERROR_INVALID_VALUE);
    FAILS(cuMemcpyDtoH_v2(bytes, block + 200, 100), CUDA_ERROR_INVALID_VALUE);
    FAILS(cuMemcpyHtoD_v2(0x1000, bytes, 4), CUDA_ERROR_INVALID_VALUE);
    FAILS(cuMemsetD8_v2(block, 1, 257), CUDA_ERROR_INVALID_VALUE);
    FAILS(cuMemsetD32_v2(block + 2, 1, 1), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemcpyHtoD_v2(block, bytes, 0));
}

static void
rectangles_are_copied(void **state)
{
    (void)state;
    uint8_t from[8][16], to[4][5];
    for (size_t i = 0; i < sizeof from; i++) {
        from[i / 16][i % 16] = (uint8_t)i;
    }
    CUdeviceptr block;
    size_t pitch;
    OK(cuMemAllocPitch_v2(&block, &pitch, 16, 8, 4));
    CUDA_MEMCPY2D in = {
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = from,
        .srcPitch = 16,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstDevice = block,
        .dstPitch = pitch,
        .WidthInBytes = 16,
        .Height = 8,
    };
    OK(cuMemcpy2D_v2(&in));
    CUDA_MEMCPY2D out = {
        .srcXInBytes = 3,
        .srcY = 2,
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcDevice = block,
        .srcPitch = pitch,
        .dstMemoryType = CU_MEMORYTYPE_HOST,
        .dstHost = to,
        .dstPitch = 5,
        .WidthInBytes = 5,
        .Height = 4,
    };
    OK(cuMemcpy2DUnaligned_v2(&out));
    for (int y = 0; y < 4; y++) {
        assert_memory_equal(to[y], &from[y + 2][3], 5);
    }
    out.dstPitch = 4;
    FAILS(cuMemcpy2D_v2(&out), CUDA_ERROR_INVALID_VALUE);
}

static void
pinned_memory_has_one_address(void **state)
{
    (void)state;
    void *host;
    CUdeviceptr device;
    unsigned flags;
    int type;
    OK(cuMemHostAlloc(&host, 100, 0));
    OK(cuMemHostGetDevicePointer_v2(&device, host, 0));
    assert_int_equal(device, (uintptr_t)host);
    OK(cuMemHostGetFlags(&flags, host));
    OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, device));
    assert_int_equal(type, CU_MEMORYTYPE_HOST);
    memset(host, 0, 100);
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    OK(test_step(step, device, 77, NULL));
    OK(cuCtxSynchronize());
    assert_int_equal(*(uint32_t *)host, 77);
    OK(cuMemFreeHost(host));
    FAILS(cuMemFreeHost(host), CUDA_ERROR_INVALID_VALUE);
}

static void
registered_memory_is_known_until_it_is_not(void **state)
{
    (void)state;
    uint32_t *words = calloc(64, sizeof *words);
    CUdeviceptr device;
    OK(cuMemHostRegister_v2(words, 256, 0));
    FAILS(cuMemHostRegister_v2(words + 8, 16, 0),
          CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    OK(cuMemHostGetDevicePointer_v2(&device, words, 0));
    OK(cuMemHostUnregister(words));
    FAILS(cuMemHostUnregister(words), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    FAILS(cuMemHostGetDevicePointer_v2(&device, words, 0), CUDA_ERROR_INVALID_VALUE);
    free(words);
}

static void
ended_handles_are_recognised(void **state)
{
    (void)state;
    CUstream stream;
    CUevent event;
    CUmodule module;
    CUfunction function;
    OK(cuStreamCreate(&stream, 0));
    OK(cuEventCreate(&event, 0));
    OK(cuModuleLoadData(&module, PTX_HEAD PTX_TRAP));
    OK(cuModuleGetFunction(&function, module, "trap_now"));
    OK(cuStreamDestroy_v2(stream));
    OK(cuEventDestroy_v2(event));
    OK(cuModuleUnload(module));
    FAILS(cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
    FAILS(cuEventQuery(event), CUDA_ERROR_INVALID_HANDLE);
    FAILS(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
    FAILS(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
          CUDA_ERROR_INVALID_HANDLE);
    CUcontext other;
    OK(cuCtxCreate_v2(&other, 0, 0));
    OK(cuCtxDestroy_v2(other));
    FAILS(cuCtxSetCurrent(other), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    OK(cuCtxSetCurrent(test_context));
}

static void
library_kernels_outlive_a_reset(void **state)
{
    (void)state;
    CUcontext primary;
    CUlibrary library;
    CUkernel kernel;
    OK(cuDevicePrimaryCtxRetain(&primary, 0));
    OK(cuCtxPushCurrent_v2(primary));
    OK(cuLibraryLoadData(&library, PTX_HEAD PTX_STEP, NULL, NULL, 0, NULL, NULL, 0));
    OK(cuLibraryGetKernel(&kernel, library, "step"));
    CUdeviceptr word = test_word(1);
    OK(test_step((CUfunction)kernel, word, 2, NULL));
    assert_int_equal(test_read(word), 5);
    OK(cuDevicePrimaryCtxReset_v2(0));
    CUcontext again;
    OK(cuDevicePrimaryCtxRetain(&again, 0));
    assert_ptr_equal(again, primary);
    word = test_word(2);
    OK(test_step((CUfunction)kernel, word, 2, NULL));
    assert_int_equal(test_read(word), 8);
    OK(cuLibraryUnload(library));
    OK(cuDevicePrimaryCtxRelease_v2(0));
    OK(cuCtxPopCurrent_v2(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vectors_are_added),
        TEST(parameters_come_in_a_buffer_too),
        TEST(bad_launches_are_refused_and_not_sticky),
        TEST(trap_is_sticky_until_the_context_ends),
        TEST(wild_address_is_illegal_not_a_crash),
        TEST(unknown_instruction_is_refused_by_the_launch),
        TEST(syntax_error_shows_line_and_caret),
        TEST(what_is_no_image_is_named_as_cuda_does),
        TEST(globals_have_their_values_and_addresses),
        TEST(tables_of_functions_can_be_called),
        TEST(memory_is_counted_exactly),
        TEST(copies_outside_a_block_are_refused),
        TEST(rectangles_are_copied),
        TEST(pinned_memory_has_one_address),
        TEST(registered_memory_is_known_until_it_is_not),
        TEST(ended_handles_are_recognised),
        TEST(library_kernels_outlive_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
