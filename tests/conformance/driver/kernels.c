/* SPDX-License-Identifier: Apache-2.0 */
/* kernels - the golden kernels of vector_add, launches, symbols and atomics. */
#include "drv.h"

static void
vector_add(void)
{
    enum {
        N = 10007
    };
    static float a[N], b[N], c[N];
    CUmodule module = load("vector_add");
    int n = N;

    for (int i = 0; i < N; i++) {
        a[i] = 0.5f * (float)i;
        b[i] = 3.0f - 0.25f * (float)i;
    }
    CUdeviceptr da = upload(a, sizeof(a));
    CUdeviceptr db = upload(b, sizeof(b));
    CUdeviceptr dc = reserve(sizeof(c));
    LAUNCH(get(module, "_Z10vector_addPKfS0_Pfi"), (N + 255) / 256, 256, 0, NULL, &da,
           &db, &dc, &n);
    CHECK(cuMemcpyDtoH_v2(c, dc, sizeof(c)));
    for (int i = 0; i < N; i++) {
        EXPECT(c[i] == a[i] + b[i]);
    }
    CHECK(cuMemFree_v2(da));
    CHECK(cuMemFree_v2(db));
    CHECK(cuMemFree_v2(dc));
    CHECK(cuModuleUnload(module));
}

/* The same through a library: its kernel handle works as a function. */
static void
library(void)
{
    enum {
        N = 1000
    };
    static float a[N], c[N];
    CUlibrary loaded;
    CUkernel kernel;
    CUfunction function;
    char *text = read_ptx("vector_add");
    unsigned count = 0;
    size_t offset = 99, size = 0;
    int n = N, value = 0;

    for (int i = 0; i < N; i++) {
        a[i] = (float)i;
    }
    CHECK(cuLibraryLoadData(&loaded, text, NULL, NULL, 0, NULL, NULL, 0));
    free(text);
    CHECK(cuLibraryGetKernelCount(&count, loaded));
    EXPECT(count == 1);
    kernel = get_kernel(loaded, "_Z10vector_addPKfS0_Pfi");
    CHECK(cuKernelGetFunction(&function, kernel));
    CHECK(cuFuncGetParamInfo(function, 3, &offset, &size));
    EXPECT(offset == 24 && size == 4);
    REFUSED(cuFuncGetParamInfo(function, 4, &offset, &size), CUDA_ERROR_INVALID_VALUE);
    CHECK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, function));
    EXPECT(value == 1024);
    CUdeviceptr da = upload(a, sizeof(a));
    CUdeviceptr dc = reserve(sizeof(c));
    LAUNCH((CUfunction)(void *)kernel, 4, 256, 0, NULL, &da, &da, &dc, &n);
    CHECK(cuMemcpyDtoH_v2(c, dc, sizeof(c)));
    for (int i = 0; i < N; i++) {
        EXPECT(c[i] == 2 * a[i]);
    }
    CHECK(cuMemFree_v2(da));
    CHECK(cuMemFree_v2(dc));
    CHECK(cuLibraryUnload(loaded));
    REFUSED(cuModuleGetFunction(&function, (CUmodule)(void *)loaded, "x"),
            CUDA_ERROR_INVALID_HANDLE);
}

static void
grids(CUmodule module)
{
    enum {
        W = 10,
        H = 21,
        D = 12
    };
    static unsigned got[W * H * D];
    CUdeviceptr out = reserve(sizeof(got));
    void *args[] = { &out };

    CHECK(cuLaunchKernel(get(module, "_Z11coordinatesPj"), 2, 3, 4, 5, 7, 3, 0, NULL,
                         args, NULL));
    CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
    for (unsigned i = 0; i < W * H * D; i++) {
        EXPECT(got[i] == (i % W | i / W % H << 8 | i / W / H << 16));
    }
    CHECK(cuMemFree_v2(out));
}

/* Parameters as one block, as some programs pass them. */
static void
packed_arguments(CUmodule module)
{
    static struct {
        int values[1000];
        CUdeviceptr out;
    } block;
    static int back[1000];
    size_t size = sizeof(block);
    void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &block, CU_LAUNCH_PARAM_BUFFER_SIZE,
                      &size, CU_LAUNCH_PARAM_END };

    for (int i = 0; i < 1000; i++) {
        block.values[i] = i * 3;
    }
    block.out = reserve(sizeof(back));
    CHECK(cuLaunchKernel(get(module, "_Z15large_parameter3bigPi"), 8, 1, 1, 128, 1, 1, 0,
                         NULL, NULL, extra));
    CHECK(cuMemcpyDtoH_v2(back, block.out, sizeof(back)));
    for (int i = 0; i < 1000; i++) {
        EXPECT(back[i] == (999 - i) * 3);
    }
    CHECK(cuMemFree_v2(block.out));
}

static void
recursion(CUmodule module)
{
    const int want[] = { 0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89 };
    int got[12];
    CUdeviceptr out = reserve(sizeof(got));

    LAUNCH(get(module, "_Z9recursivePi"), 1, 12, 0, NULL, &out);
    CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
    EXPECT(memcmp(got, want, sizeof(got)) == 0);
    CHECK(cuMemFree_v2(out));
}

static void
symbols(void)
{
    const float weights[4] = { 1, 2, 4, 8 };
    CUmodule module = load("symbols");
    CUdeviceptr counter, table, other;
    size_t size;
    int got[6], value = 0;
    CUdeviceptr out = reserve(sizeof(got));

    CHECK(cuModuleGetGlobal_v2(&other, &size, module, "weights"));
    EXPECT(size == sizeof(weights));
    CHECK(cuMemcpyHtoD_v2(other, weights, sizeof(weights)));
    CHECK(cuModuleGetGlobal_v2(&counter, &size, module, "counter"));
    EXPECT(size == 4);
    CHECK(cuModuleGetGlobal_v2(&table, &size, module, "table"));
    EXPECT(size == 1024);
    REFUSED(cuModuleGetGlobal_v2(&other, &size, module, "nothing"), CUDA_ERROR_NOT_FOUND);
    LAUNCH(get(module, "_Z3usePi"), 1, 1, 0, NULL, &out);
    CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
    EXPECT(got[0] == 345 && got[1] == 15 && got[2] == 42 && got[4] == 't');
    EXPECT(got[5] == 42);
    CHECK(cuMemcpyDtoH_v2(&value, counter, sizeof(value)));
    EXPECT(value == 42);
    CHECK(cuMemFree_v2(out));
    CHECK(cuModuleUnload(module));
}

static void
atomics(void)
{
    enum {
        N = 50000
    };
    static unsigned char in[N];
    CUmodule module = load("atomics");
    unsigned got[256], want[256] = { 0 };
    int n = N;

    for (int i = 0; i < N; i++) {
        in[i] = (unsigned char)((unsigned)i * (unsigned)i / 7u);
        want[in[i]]++;
    }
    CUdeviceptr din = upload(in, sizeof(in));
    CUdeviceptr dout = reserve(sizeof(got));
    CHECK(cuMemsetD32_v2(dout, 0, 256));
    LAUNCH(get(module, "_Z9histogramPKhiPj"), 8, 128, 0, NULL, &din, &n, &dout);
    CHECK(cuMemcpyDtoH_v2(got, dout, sizeof(got)));
    EXPECT(memcmp(got, want, sizeof(got)) == 0);
    CHECK(cuMemFree_v2(din));
    CHECK(cuMemFree_v2(dout));
    CHECK(cuModuleUnload(module));
}

int
main(void)
{
    CUmodule launches;

    begin();
    vector_add();
    library();
    launches = load("launches");
    grids(launches);
    packed_arguments(launches);
    recursion(launches);
    CHECK(cuModuleUnload(launches));
    symbols();
    atomics();
    return pass();
}
