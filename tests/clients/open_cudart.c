/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_cudart - a stock CUDA runtime, opened by path, over the libcuda that the loader
 * finds.
 *
 *     open_cudart LIBCUDART [DEVICES]
 *
 * Start-up, handshake, device questions, memory and copies, without a kernel and without
 * nvcc. Prints PASS and exits 0, or says which call failed and exits 1.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES (1 << 20)

/* The few runtime entry points in use; results are ints, 0 is success. */
static struct {
    int (*get_version)(int *version);
    int (*get_driver_version)(int *version);
    int (*get_count)(int *count);
    int (*get_attribute)(int *value, int attribute, int device);
    int (*allocate)(void **pointer, size_t size);
    int (*release)(void *pointer);
    int (*copy)(void *to, const void *from, size_t size, int kind);
    int (*set)(void *pointer, int value, size_t size);
    int (*synchronize)(void);
    const char *(*error_string)(int error);
} cuda;

static void
load(void *library, const char *name, void *out_function)
{
    void *found = dlsym(library, name);

    if (found == NULL) {
        fprintf(stderr, "FAIL: %s\n", dlerror());
        exit(1);
    }
    memcpy(out_function, &found, sizeof(found));
}

static void
check(int error, const char *call)
{
    if (error != 0) {
        fprintf(stderr, "FAIL: %s: %d (%s)\n", call, error, cuda.error_string(error));
        exit(1);
    }
}

#define CHECK(call) check(call, #call)

static void
load_all(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        fprintf(stderr, "FAIL: %s\n", dlerror());
        exit(1);
    }
    load(library, "cudaRuntimeGetVersion", &cuda.get_version);
    load(library, "cudaDriverGetVersion", &cuda.get_driver_version);
    load(library, "cudaGetDeviceCount", &cuda.get_count);
    load(library, "cudaDeviceGetAttribute", &cuda.get_attribute);
    load(library, "cudaMalloc", &cuda.allocate);
    load(library, "cudaFree", &cuda.release);
    load(library, "cudaMemcpy", &cuda.copy);
    load(library, "cudaMemset", &cuda.set);
    load(library, "cudaDeviceSynchronize", &cuda.synchronize);
    load(library, "cudaGetErrorString", &cuda.error_string);
}

/* Host to device to device to host, with one byte in the middle set on the device. */
static int
round_trip(void)
{
    static unsigned char from[BYTES], to[BYTES];
    void *a;
    void *b;
    int wrong = 0;

    for (int i = 0; i < BYTES; i++) {
        from[i] = (unsigned char)((i * 7 + i / 251) & 0xff);
    }
    CHECK(cuda.allocate(&a, BYTES));
    CHECK(cuda.allocate(&b, BYTES));
    CHECK(cuda.copy(a, from, BYTES, 1));
    CHECK(cuda.copy(b, a, BYTES, 3));
    CHECK(cuda.set((char *)b + BYTES / 2, 0x5a, 1));
    CHECK(cuda.synchronize());
    CHECK(cuda.copy(to, b, BYTES, 2));
    from[BYTES / 2] = 0x5a;
    wrong = memcmp(from, to, BYTES) != 0;
    CHECK(cuda.release(a));
    CHECK(cuda.release(b));
    CHECK(cuda.release(NULL));
    return wrong;
}

int
main(int argc, char **argv)
{
    const int wanted = argc > 2 ? atoi(argv[2]) : 1;
    int runtime = 0;
    int driver = 0;
    int count = -1;
    int major = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s LIBCUDART [DEVICES]\n", argv[0]);
        return 2;
    }
    load_all(argv[1]);
    CHECK(cuda.get_version(&runtime));
    CHECK(cuda.get_driver_version(&driver));
    CHECK(cuda.get_count(&count));
    if (count != wanted) {
        fprintf(stderr, "FAIL: %d devices, not %d\n", count, wanted);
        return 1;
    }
    CHECK(cuda.get_attribute(&major, 75, 0)); /* compute capability, major */
    if (round_trip() != 0) {
        fprintf(stderr, "FAIL: what came back differs\n");
        return 1;
    }
    printf("PASS: runtime %d over driver %d, compute capability %d.x\n", runtime, driver,
           major);
    return 0;
}
