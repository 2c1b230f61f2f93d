/* SPDX-License-Identifier: Apache-2.0 */

/*
 * link - what a call costs: one that waits, one that is posted, a launch, copies.
 *
 *     link LIBCUDA
 *
 * Prints a line for each: name, a tab, and nanoseconds a call or bytes a second. Compare
 * two lines of the same run on the same machine; the numbers alone mean little.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLS  20000
#define BYTES  ((size_t)64 << 20)
#define COPIES 8

static struct {
    int (*init)(unsigned int flags);
    int (*device_get)(int *device, int ordinal);
    int (*retain)(void **context, int device);
    int (*set_current)(void *context);
    int (*synchronize)(void);
    int (*alloc)(unsigned long long *pointer, size_t size);
    int (*memset_8)(unsigned long long pointer, unsigned char value, size_t count);
    int (*copy_in)(unsigned long long to, const void *from, size_t size);
    int (*copy_out)(void *to, unsigned long long from, size_t size);
    int (*load)(void **module, const void *image);
    int (*function)(void **function, void *module, const char *name);
    int (*launch)(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                  unsigned by, unsigned bz, unsigned shared, void *stream, void **params,
                  void **extra);
} cu;

static const char ptx[] = ".version 7.0\n.target sm_80\n.address_size 64\n"
                          ".visible .entry empty()\n{\n\tret;\n}\n";

static void
find(void *library, const char *name, void *out_entry)
{
    void *entry = library != NULL ? dlsym(library, name) : NULL;

    if (entry == NULL) {
        fprintf(stderr, "link: %s\n", dlerror());
        exit(1);
    }
    memcpy(out_entry, &entry, sizeof(entry));
}

static void
check(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "link: %s: CUDA error %d\n", what, result);
        exit(1);
    }
}

#define CHECK(call) check(call, #call)

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
load_driver(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);

    find(library, "cuInit", &cu.init);
    find(library, "cuDeviceGet", &cu.device_get);
    find(library, "cuDevicePrimaryCtxRetain", &cu.retain);
    find(library, "cuCtxSetCurrent", &cu.set_current);
    find(library, "cuCtxSynchronize", &cu.synchronize);
    find(library, "cuMemAlloc_v2", &cu.alloc);
    find(library, "cuMemsetD8_v2", &cu.memset_8);
    find(library, "cuMemcpyHtoD_v2", &cu.copy_in);
    find(library, "cuMemcpyDtoH_v2", &cu.copy_out);
    find(library, "cuModuleLoadData", &cu.load);
    find(library, "cuModuleGetFunction", &cu.function);
    find(library, "cuLaunchKernel", &cu.launch);
}

static void *
prepare(unsigned long long *out_memory)
{
    void *context = NULL;
    void *module = NULL;
    void *function = NULL;
    int device = 0;

    CHECK(cu.init(0));
    CHECK(cu.device_get(&device, 0));
    CHECK(cu.retain(&context, device));
    CHECK(cu.set_current(context));
    CHECK(cu.alloc(out_memory, BYTES));
    CHECK(cu.load(&module, ptx));
    CHECK(cu.function(&function, module, "empty"));
    CHECK(cu.launch(function, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL));
    CHECK(cu.synchronize());
    return function;
}

static void
measure_calls(void *function, unsigned long long memory)
{
    double began = now();
    for (int i = 0; i < CALLS; i++) {
        CHECK(cu.synchronize());
    }
    printf("a call that waits\t%.0f ns\n", (now() - began) / CALLS * 1e9);

    began = now();
    for (int i = 0; i < CALLS; i++) {
        CHECK(cu.memset_8(memory, 0, 1));
    }
    CHECK(cu.synchronize());
    printf("a memset of a byte\t%.0f ns\n", (now() - began) / CALLS * 1e9);

    began = now();
    for (int i = 0; i < CALLS; i++) {
        CHECK(cu.launch(function, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL));
    }
    CHECK(cu.synchronize());
    printf("a launch of nothing\t%.0f ns\n", (now() - began) / CALLS * 1e9);
}

static void
measure_copies(unsigned long long memory)
{
    char *host = malloc(BYTES);

    if (host == NULL) {
        check(2, "malloc");
        return;
    }
    memset(host, 1, BYTES);
    double began = now();
    for (int i = 0; i < COPIES; i++) {
        CHECK(cu.copy_in(memory, host, BYTES));
    }
    CHECK(cu.synchronize());
    printf("copy to the device\t%.2f GB/s\n",
           (double)BYTES * COPIES / (now() - began) / 1e9);
    began = now();
    for (int i = 0; i < COPIES; i++) {
        CHECK(cu.copy_out(host, memory, BYTES));
    }
    printf("copy from the device\t%.2f GB/s\n",
           (double)BYTES * COPIES / (now() - began) / 1e9);
    free(host);
}

int
main(int argc, char **argv)
{
    unsigned long long memory = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s LIBCUDA\n", argv[0]);
        return 2;
    }
    load_driver(argv[1]);
    void *function = prepare(&memory);
    measure_calls(function, memory);
    measure_copies(memory);
    return 0;
}
