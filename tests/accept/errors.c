/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors - images that cannot be loaded, launches and allocations that cannot be served:
 * each the error that CUDA documents, and right work after it in the same process.
 */
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"

#define HEAD ".version 7.0\n.target sm_80\n.address_size 64\n"

static const char store_text[] =
    HEAD ".visible .entry store(.param .u64 p, .param .u32 v)\n{\n"
         "    .reg .b32 %r<2>;\n    .reg .b64 %rd<2>;\n"
         "    ld.param.u64 %rd1, [p];\n    ld.param.u32 %r1, [v];\n"
         "    st.global.u32 [%rd1], %r1;\n    ret;\n}\n"
         ".visible .entry bounded()\n.maxntid 64, 1, 1\n{\n    ret;\n}\n";

/* The process still computes. */
static void
right_work(void)
{
    static unsigned next = 1000;
    unsigned value = next++, got = 0;
    CUmodule module;
    CUdeviceptr data = reserve(64);

    CHECK(cuModuleLoadData(&module, store_text));
    LAUNCH(get(module, "store"), 1, 1, 0, NULL, &data, &value);
    CHECK(cuCtxSynchronize());
    CHECK(cuMemcpyDtoH_v2(&got, data, sizeof(got)));
    EXPECT(got == value);
    CHECK(cuMemFree_v2(data));
    CHECK(cuModuleUnload(module));
}

/* --- containers --- */

#define CONTAINER_HEAD 16
#define ENTRY_HEAD     64
enum {
    KIND_PTX = 1,
    KIND_ELF = 2
};

struct container {
    uint8_t bytes[8192];
    size_t size;
};

static void
put(struct container *c, size_t at, uint64_t value, size_t size)
{
    memcpy(c->bytes + at, &value, size);
}

/* A container with one entry, as a compiler writes it. */
static void
make_container(struct container *c, unsigned kind, unsigned arch, const void *payload,
               size_t size)
{
    const size_t padded = (size + 7) & ~(size_t)7;

    EXPECT(padded + CONTAINER_HEAD + ENTRY_HEAD <= sizeof(c->bytes));
    memset(c, 0, sizeof(*c));
    put(c, 0, 0xba55ed50u, 4);
    put(c, 4, 1, 2);
    put(c, 6, CONTAINER_HEAD, 2);
    put(c, 8, ENTRY_HEAD + padded, 8);
    put(c, 16, kind, 2);
    put(c, 18, 0x0101, 2);
    put(c, 20, ENTRY_HEAD, 4);
    put(c, 24, padded, 8);
    put(c, 42, 7, 2);
    put(c, 44, arch, 4);
    put(c, 56, 0x11, 8);
    memcpy(c->bytes + CONTAINER_HEAD + ENTRY_HEAD, payload, size);
    c->size = CONTAINER_HEAD + ENTRY_HEAD + padded;
}

static CUresult
load_file(const void *bytes, size_t size)
{
    char path[] = P_tmpdir "/accept-XXXXXX";
    const int fd = mkstemp(path);
    CUmodule module;
    CUlibrary library;

    EXPECT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
    const CUresult result = cuModuleLoad(&module, path);
    if (result == CUDA_SUCCESS) {
        CHECK(cuModuleUnload(module));
    }
    REFUSED(cuLibraryLoadFromFile(&library, path, NULL, NULL, 0, NULL, NULL, 0), result);
    if (result == CUDA_SUCCESS) {
        CHECK(cuLibraryUnload(library));
    }
    unlink(path);
    return result;
}

static int
truncated_container(void)
{
    struct container whole, cut;
    CUmodule module;
    CUlibrary library;

    begin();
    make_container(&whole, KIND_PTX, 80, store_text, sizeof(store_text));
    CHECK(cuModuleLoadData(&module, whole.bytes));
    CHECK(cuModuleUnload(module));
    EXPECT(load_file(whole.bytes, whole.size) == CUDA_SUCCESS);

    /* the container ends within its entry's head, and within its payload */
    const size_t bodies[] = { 8, ENTRY_HEAD - 1, ENTRY_HEAD + 8, ENTRY_HEAD + 200 };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        cut = whole;
        put(&cut, 8, bodies[i], 8);
        REFUSED(cuModuleLoadData(&module, cut.bytes), CUDA_ERROR_INVALID_IMAGE);
        REFUSED(cuModuleLoadFatBinary(&module, cut.bytes), CUDA_ERROR_INVALID_IMAGE);
        REFUSED(cuLibraryLoadData(&library, cut.bytes, NULL, NULL, 0, NULL, NULL, 0),
                CUDA_ERROR_INVALID_IMAGE);
    }
    right_work();

    /* a file that was cut, anywhere */
    for (size_t size = 0; size < whole.size; size += size < 200 ? 13 : 101) {
        EXPECT(load_file(whole.bytes, size) == CUDA_ERROR_INVALID_IMAGE);
    }
    right_work();
    return 0;
}

/* --- a mistake in the text --- */

#define BAD_LINE   7
#define BAD_COLUMN 28
static const char bad_text[] = HEAD ".visible .entry f()\n{\n    .reg .b32 %r<4>;\n"
                                    "    add.u32 %r1, %r2, %r3  %r4;\n    ret;\n}\n";

/* The message names the line, shows it, and the caret stands below the mistake. */
static void
check_message(const char *log)
{
    char line[32];

    snprintf(line, sizeof(line), "line %d", BAD_LINE);
    if (strstr(log, line) == NULL) {
        fprintf(stderr, "FAIL: no '%s' in: %s\n", line, log);
        exit(1);
    }
    const char *shown = strstr(log, "add.u32 %r1, %r2, %r3  %r4;");
    const char *caret = strrchr(log, '^');
    EXPECT(shown != NULL && caret != NULL && caret > shown);
    const char *row = shown, *below = caret;
    while (row > log && row[-1] != '\n') {
        row--;
    }
    while (below > log && below[-1] != '\n') {
        below--;
    }
    const char *mistake = strstr(shown, "%r4");
    EXPECT(mistake != NULL);
    if (caret - below != mistake - row) {
        fprintf(stderr, "FAIL: the caret is elsewhere:\n%s\n", log);
        exit(1);
    }
}

static CUresult
load_bad(int as_library, char *log, size_t size, void **values)
{
    CUjit_option options[] = { CU_JIT_ERROR_LOG_BUFFER,
                               CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES };
    CUmodule module;
    CUlibrary library;

    values[0] = log;
    values[1] = (void *)(uintptr_t)size;
    return as_library
               ? cuLibraryLoadData(&library, bad_text, options, values, 2, NULL, NULL, 0)
               : cuModuleLoadDataEx(&module, bad_text, 2, options, values);
}

static int
mistake_in_the_text(void)
{
    char log[1024], small[16];
    void *values[2];

    begin();
    for (int as_library = 0; as_library < 2; as_library++) {
        memset(log, 'x', sizeof(log));
        REFUSED(load_bad(as_library, log, sizeof(log), values), CUDA_ERROR_INVALID_PTX);
        EXPECT(memchr(log, '\0', sizeof(log)) != NULL);
        check_message(log);
        EXPECT((uintptr_t)values[1] == strlen(log));

        /* a buffer that is too small holds the beginning */
        memset(small, 'x', sizeof(small));
        REFUSED(load_bad(as_library, small, 8, values), CUDA_ERROR_INVALID_PTX);
        EXPECT(small[7] == '\0' && strncmp(small, log, 7) == 0 && small[8] == 'x');
        EXPECT((uintptr_t)values[1] == 7);
        REFUSED(load_bad(as_library, NULL, 0, values), CUDA_ERROR_INVALID_PTX);
    }
    right_work();
    return 0;
}

/* --- for another device --- */

static int
for_another_device(void)
{
    static const char newer[] = ".version 8.0\n.target sm_90\n.address_size 64\n"
                                ".visible .entry f()\n{\n    ret;\n}\n";
    /* an ELF head as a compiler for sm_90 writes it, and nothing behind it */
    uint8_t elf[64] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0x33, 7 };
    struct container c;
    CUmodule module;
    CUlibrary library;

    begin();
    elf[16] = 2;   /* executable */
    elf[18] = 190; /* CUDA */
    elf[20] = 1;
    elf[48] = 90; /* architecture */
    elf[52] = 64;
    REFUSED(cuModuleLoadData(&module, newer), CUDA_ERROR_NO_BINARY_FOR_GPU);
    make_container(&c, KIND_PTX, 90, newer, sizeof(newer));
    REFUSED(cuModuleLoadData(&module, c.bytes), CUDA_ERROR_NO_BINARY_FOR_GPU);
    REFUSED(cuLibraryLoadData(&library, c.bytes, NULL, NULL, 0, NULL, NULL, 0),
            CUDA_ERROR_NO_BINARY_FOR_GPU);
    EXPECT(load_file(c.bytes, c.size) == CUDA_ERROR_NO_BINARY_FOR_GPU);
    make_container(&c, KIND_ELF, 90, elf, sizeof(elf));
    REFUSED(cuModuleLoadData(&module, c.bytes), CUDA_ERROR_NO_BINARY_FOR_GPU);
    REFUSED(cuModuleLoadFatBinary(&module, c.bytes), CUDA_ERROR_NO_BINARY_FOR_GPU);
    REFUSED(cuLibraryLoadData(&library, c.bytes, NULL, NULL, 0, NULL, NULL, 0),
            CUDA_ERROR_NO_BINARY_FOR_GPU);
    REFUSED(cuModuleLoadData(&module, elf), CUDA_ERROR_NO_BINARY_FOR_GPU);
    right_work();
    return 0;
}

/* --- launches and memory --- */

static int
too_large(void)
{
    CUmodule module;
    CUfunction store, bounded;
    CUdeviceptr data, other;
    unsigned value = 5, got = 0;
    size_t free_before, free_after, total;
    void *host = NULL;

    begin();
    CHECK(cuModuleLoadData(&module, store_text));
    store = get(module, "store");
    bounded = get(module, "bounded");
    data = upload(&value, sizeof(value));
    void *args[] = { &data, &value };
    value = 6;
    REFUSED(try_launch(store, 1, 1025, 0, NULL, args), CUDA_ERROR_INVALID_VALUE);
    REFUSED(cuLaunchKernel(store, 1, 1, 1, 1, 1, 65, 0, NULL, args, NULL),
            CUDA_ERROR_INVALID_VALUE);
    REFUSED(cuLaunchKernel(store, 1, 1, 1, 64, 64, 1, 0, NULL, args, NULL),
            CUDA_ERROR_INVALID_VALUE);
    REFUSED(cuLaunchKernel(store, 1, 65536, 1, 1, 1, 1, 0, NULL, args, NULL),
            CUDA_ERROR_INVALID_VALUE);
    REFUSED(try_launch(store, 1, 1, (48 << 10) + 1, NULL, args),
            CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(bounded, 1, 65, 0, NULL, NULL) != CUDA_SUCCESS);
    CHECK(try_launch(bounded, 1, 64, 0, NULL, NULL));
    REFUSED(cuFuncSetAttribute(store, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                               1 << 20),
            CUDA_ERROR_INVALID_VALUE);
    CHECK(cuCtxSynchronize()); /* nothing of it was remembered */
    CHECK(cuMemcpyDtoH_v2(&got, data, sizeof(got)));
    EXPECT(got == 5);

    CHECK(cuMemGetInfo_v2(&free_before, &total));
    REFUSED(cuMemAlloc_v2(&other, total + 1), CUDA_ERROR_OUT_OF_MEMORY);
    REFUSED(cuMemAlloc_v2(&other, (size_t)1 << 62), CUDA_ERROR_OUT_OF_MEMORY);
    REFUSED(cuMemAlloc_v2(&other, SIZE_MAX), CUDA_ERROR_OUT_OF_MEMORY);
    REFUSED(cuMemAlloc_v2(&other, 0), CUDA_ERROR_INVALID_VALUE);
    REFUSED(cuMemAllocAsync(&other, total + 1, NULL), CUDA_ERROR_OUT_OF_MEMORY);
    REFUSED(cuMemAllocHost_v2(&host, (size_t)1 << 62), CUDA_ERROR_OUT_OF_MEMORY);
    CHECK(cuMemGetInfo_v2(&free_after, &total));
    EXPECT(free_before == free_after);
    CHECK(cuCtxSynchronize());
    right_work();
    return 0;
}

static int
unknown_instruction(void)
{
    static const char text[] = HEAD ".visible .entry odd()\n{\n    .reg .b32 %r<3>;\n"
                                    "    frobnicate.b32 %r1, %r2;\n    ret;\n}\n"
                                    ".visible .entry good()\n{\n    ret;\n}\n";
    char path[] = P_tmpdir "/accept-XXXXXX", log[4096] = "";
    const int fd = mkstemp(path);
    CUmodule module;

    EXPECT(fd >= 0);
    setenv("VGPU_LOG", "error", 1);
    setenv("VGPU_LOG_FILE", path, 1);
    begin();
    CHECK(cuModuleLoadData(&module, text));
    /* at once, or, where a launch is posted, by the next wait */
    CUresult result = try_launch(get(module, "odd"), 1, 1, 0, NULL, NULL);
    if (result == CUDA_SUCCESS) {
        result = cuCtxSynchronize();
    }
    EXPECT(result == CUDA_ERROR_NOT_SUPPORTED);
    CHECK(cuCtxSynchronize()); /* said once */
    CHECK(try_launch(get(module, "good"), 1, 1, 0, NULL, NULL));
    right_work();
    EXPECT(read(fd, log, sizeof(log) - 1) > 0);
    if (strstr(log, "frobnicate") == NULL || strstr(log, "odd") == NULL) {
        fprintf(stderr, "FAIL: the log names no instruction: %s\n", log);
        exit(1);
    }
    close(fd);
    unlink(path);
    return 0;
}

/* --- a bad address --- */

static int
bad_address(void)
{
    CUcontext bad, good;
    CUdeviceptr nowhere = 64, other;
    unsigned value = 1;
    CUmodule module;

    CHECK(cuInit(0));
    CHECK(cuCtxCreate_v2(&good, 0, 0));
    right_work();
    CHECK(cuCtxCreate_v2(&bad, 0, 0));
    CHECK(cuModuleLoadData(&module, store_text));
    LAUNCH(get(module, "store"), 1, 1, 0, NULL, &nowhere, &value);
    REFUSED(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    REFUSED(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    REFUSED(cuMemAlloc_v2(&other, 16), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuCtxSetCurrent(good));
    right_work();
    CHECK(cuCtxSetCurrent(bad));
    REFUSED(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuCtxDestroy_v2(bad));
    CHECK(cuCtxSetCurrent(good));
    right_work();
    CHECK(cuCtxCreate_v2(&bad, 0, 0)); /* another one begins clean */
    right_work();
    return 0;
}

static int
next_process(void)
{
    begin();
    right_work();
    return 0;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } cases[] = {
        { "truncated container", truncated_container },
        { "mistake in the text", mistake_in_the_text },
        { "for another device", for_another_device },
        { "too large", too_large },
        { "unknown instruction", unknown_instruction },
        { "bad address", bad_address },
        { "next process", next_process },
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = 0;
        if (argc > 1 && strcmp(argv[1], cases[i].name) != 0) {
            continue;
        }
        const pid_t pid = fork(); /* each spoils its process */
        if (pid == 0) {
            exit(cases[i].run());
        }
        EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "FAIL: %s: status %x\n", cases[i].name, (unsigned)status);
            failed = 1;
        }
    }
    return failed ? 1 : pass();
}
