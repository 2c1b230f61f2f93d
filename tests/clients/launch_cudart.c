/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch_cudart - a kernel through a stock CUDA runtime, opened by path, without nvcc.
 *
 *     launch_cudart LIBCUDART VECTOR_ADD_PTX
 *
 * Wraps the PTX in a fatbin of its own making, registers it as compiled programs do, and
 * launches a vector addition. Prints PASS and exits 0, or says what failed and exits 1.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 10007

struct dim3 {
    unsigned x, y, z;
};

/* What the runtime is given of each compiled file. */
struct wrapper {
    uint32_t magic;
    uint32_t version;
    const void *data;
    const void *unused;
};

/* A fatbin: container header, then entries, each with its own header. */
struct container {
    uint32_t magic;
    uint16_t version;
    uint16_t header_size;
    uint64_t body_size;
};

struct entry {
    uint16_t kind; /* 1: PTX */
    uint16_t version;
    uint32_t header_size;
    uint64_t payload_size;
    uint32_t compressed_size;
    uint32_t options_offset;
    uint16_t minor;
    uint16_t major;
    uint32_t arch;
    uint32_t name_offset;
    uint32_t name_length;
    uint64_t flags;
    uint64_t reserved;
    uint64_t uncompressed_size;
};

_Static_assert(sizeof(struct entry) == 64, "an entry header has 64 bytes");

static struct {
    void **(*register_fatbin)(const void *wrapper);
    void (*register_end)(void **handle);
    void (*unregister)(void **handle);
    void (*register_function)(void **handle, const char *host, char *device,
                              const char *name, int limit, void *tid, void *bid,
                              void *block, void *grid, int *warp);
    int (*launch)(const void *host, struct dim3 grid, struct dim3 block, void **args,
                  size_t shared, void *stream);
    int (*get_version)(int *version);
    int (*allocate)(void **pointer, size_t size);
    int (*release)(void *pointer);
    int (*copy)(void *to, const void *from, size_t size, int kind);
    int (*synchronize)(void);
    const char *(*error_string)(int error);
} cuda;

/* Its address is how the program names the kernel. */
static char host_function;

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
load_all(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        fprintf(stderr, "FAIL: %s\n", dlerror());
        exit(1);
    }
    load(library, "__cudaRegisterFatBinary", &cuda.register_fatbin);
    load(library, "__cudaRegisterFatBinaryEnd", &cuda.register_end);
    load(library, "__cudaUnregisterFatBinary", &cuda.unregister);
    load(library, "__cudaRegisterFunction", &cuda.register_function);
    load(library, "cudaLaunchKernel", &cuda.launch);
    load(library, "cudaRuntimeGetVersion", &cuda.get_version);
    load(library, "cudaMalloc", &cuda.allocate);
    load(library, "cudaFree", &cuda.release);
    load(library, "cudaMemcpy", &cuda.copy);
    load(library, "cudaDeviceSynchronize", &cuda.synchronize);
    load(library, "cudaGetErrorString", &cuda.error_string);
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

/* Return: a fatbin with the PTX file as its only entry. */
static void *
make_fatbin(const char *path)
{
    FILE *file = fopen(path, "r");
    long size = 0;

    if (file != NULL) {
        fseek(file, 0, SEEK_END);
        size = ftell(file);
        rewind(file);
    }
    const size_t payload = ((size_t)size + 8) / 8 * 8; /* at least one NUL */
    char *fatbin = calloc(1, sizeof(struct container) + sizeof(struct entry) + payload);
    if (size <= 0 || fatbin == NULL) {
        fprintf(stderr, "FAIL: cannot read %s\n", path);
        exit(1);
    }
    struct container *container = (struct container *)(void *)fatbin;
    struct entry *entry = (struct entry *)(void *)(container + 1);
    *container = (struct container){ 0xba55ed50u, 1, sizeof(*container),
                                     sizeof(*entry) + payload };
    *entry = (struct entry){ .kind = 1,
                             .version = 0x0101,
                             .header_size = sizeof(*entry),
                             .payload_size = payload,
                             .minor = 5,
                             .major = 9,
                             .arch = 80,
                             .flags = 0x11 };
    if (fread(entry + 1, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "FAIL: cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return fatbin;
}

static int
add(void)
{
    static float a[N], b[N], c[N];
    void *da, *db, *dc;
    int n = N;
    void *args[] = { &da, &db, &dc, &n };

    for (int i = 0; i < N; i++) {
        a[i] = 0.5f * (float)i;
        b[i] = 3.0f - 0.25f * (float)i;
    }
    CHECK(cuda.allocate(&da, sizeof(a)));
    CHECK(cuda.allocate(&db, sizeof(b)));
    CHECK(cuda.allocate(&dc, sizeof(c)));
    CHECK(cuda.copy(da, a, sizeof(a), 1));
    CHECK(cuda.copy(db, b, sizeof(b), 1));
    CHECK(cuda.launch(&host_function, (struct dim3){ (N + 255) / 256, 1, 1 },
                      (struct dim3){ 256, 1, 1 }, args, 0, NULL));
    CHECK(cuda.synchronize());
    CHECK(cuda.copy(c, dc, sizeof(c), 2));
    CHECK(cuda.release(da));
    CHECK(cuda.release(db));
    CHECK(cuda.release(dc));
    for (int i = 0; i < N; i++) {
        if (c[i] != a[i] + b[i]) {
            fprintf(stderr, "FAIL: element %d is %g\n", i, (double)c[i]);
            return 1;
        }
    }
    return 0;
}

int
main(int argc, char **argv)
{
    static char device_name[] = "_Z10vector_addPKfS0_Pfi";
    int version = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: %s LIBCUDART VECTOR_ADD_PTX\n", argv[0]);
        return 2;
    }
    load_all(argv[1]);
    const struct wrapper wrapper = { 0x466243b1u, 1, make_fatbin(argv[2]), NULL };
    void **handle = cuda.register_fatbin(&wrapper);
    cuda.register_function(handle, &host_function, device_name, device_name, -1, NULL,
                           NULL, NULL, NULL, NULL);
    cuda.register_end(handle);
    CHECK(cuda.get_version(&version));
    if (add() != 0) {
        return 1;
    }
    cuda.unregister(handle);
    printf("PASS: runtime %d\n", version);
    return 0;
}
