/* SPDX-License-Identifier: Apache-2.0 */
/* warps - the golden kernels of warp and shared_memory. */
#include "drv.h"

static void
shuffles(CUmodule module)
{
    int got[8 * 32];
    CUdeviceptr out = reserve(sizeof(got));

    LAUNCH(get(module, "_Z8shufflesPi"), 1, 32, 0, NULL, &out);
    CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
    for (int lane = 0; lane < 32; lane++) {
        EXPECT(got[0 * 32 + lane] == 50);
        EXPECT(got[1 * 32 + lane] == (lane < 3 ? lane : lane - 3) * 10);
        EXPECT(got[2 * 32 + lane] == (lane > 28 ? lane : lane + 3) * 10);
        EXPECT(got[3 * 32 + lane] == (lane ^ 9) * 10);
        EXPECT(got[4 * 32 + lane] == (lane / 8 * 8 + lane * 7 % 8) * 10);
        EXPECT(got[5 * 32 + lane] == (lane % 4 == 0 ? lane : lane - 1) * 10);
        EXPECT(got[6 * 32 + lane] == (lane % 16 > 13 ? lane : lane + 2) * 10);
        EXPECT(got[7 * 32 + lane] == (lane ^ 1) * 4 + 1);
    }
    CHECK(cuMemFree_v2(out));
}

static void
votes(CUmodule module)
{
    unsigned got[8 * 32], thirds = 0, odd = 0, even = 0;
    CUdeviceptr out = reserve(sizeof(got));

    for (unsigned lane = 0; lane < 32; lane++) {
        thirds |= (unsigned)(lane % 3 == 0) << lane;
        odd |= (unsigned)(lane % 2 == 1 && lane > 10) << lane;
        even |= (unsigned)(lane % 2 == 0 && lane > 20) << lane;
    }
    LAUNCH(get(module, "_Z5votesPj"), 1, 32, 0, NULL, &out);
    CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
    for (int lane = 0; lane < 32; lane++) {
        EXPECT(got[0 * 32 + lane] == thirds);
        EXPECT(got[1 * 32 + lane] != 0 && got[2 * 32 + lane] == 0);
        EXPECT(got[3 * 32 + lane] != 0 && got[4 * 32 + lane] == 0);
        EXPECT(got[5 * 32 + lane] == 16);
        EXPECT(got[6 * 32 + lane] == (lane % 2 == 1 ? odd : even));
        EXPECT(got[7 * 32 + lane] == (lane % 2 == 1 ? 31u : 0u));
    }
    CHECK(cuMemFree_v2(out));
}

static void
matches(CUmodule module)
{
    unsigned got[4 * 32];
    CUdeviceptr out = reserve(sizeof(got));

    LAUNCH(get(module, "_Z7matchesPj"), 1, 32, 0, NULL, &out);
    CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
    for (int lane = 0; lane < 32; lane++) {
        unsigned same = 0;
        for (int other = 0; other < 32; other++) {
            same |= (unsigned)(other / 5 == lane / 5) << other;
        }
        EXPECT(got[0 * 32 + lane] == same);
        EXPECT(got[1 * 32 + lane] == 496 && got[2 * 32 + lane] == 31);
        EXPECT(got[3 * 32 + lane] == 0xf0u);
    }
    CHECK(cuMemFree_v2(out));
}

static void
dynamic_shared(CUmodule module)
{
    const int sizes[] = { 1, 31, 32, 33, 100, 1000, 1024 };
    static int in[4 * 1024], out[4 * 1024];
    CUfunction reverse = get(module, "_Z7reversePii");
    CUdeviceptr data = reserve(sizeof(in));

    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        int n = sizes[k];
        for (int i = 0; i < 4 * n; i++) {
            in[i] = i * i;
        }
        CHECK(cuMemcpyHtoD_v2(data, in, (size_t)(4 * n) * sizeof(int)));
        LAUNCH(reverse, 4, (unsigned)n, (unsigned)n * 4, NULL, &data, &n);
        CHECK(cuMemcpyDtoH_v2(out, data, (size_t)(4 * n) * sizeof(int)));
        for (int i = 0; i < 4 * n; i++) {
            EXPECT(out[i] == in[i / n * n + n - 1 - i % n]);
        }
    }
    CHECK(cuMemFree_v2(data));
}

static void
static_shared(CUmodule module)
{
    static int in[5000];
    long long total = 0, got = 0;
    int n = 5000;

    for (int i = 0; i < n; i++) {
        in[i] = i * 17 - 9000;
        total += in[i];
    }
    CUdeviceptr din = upload(in, sizeof(in));
    CUdeviceptr dout = reserve(sizeof(got));
    LAUNCH(get(module, "_Z3sumPKiPxi"), 1, 256, 0, NULL, &din, &dout, &n);
    CHECK(cuMemcpyDtoH_v2(&got, dout, sizeof(got)));
    EXPECT(got == total);
    CHECK(cuMemFree_v2(din));
    CHECK(cuMemFree_v2(dout));
}

/* More than 48 KiB of dynamic shared memory must be asked for. */
static void
large_shared(CUmodule module)
{
    CUfunction function = get(module, "_Z9last_wordPji");
    unsigned got[3];
    int most = 0;
    CUdeviceptr out = reserve(sizeof(got));

    CHECK(cuDeviceGetAttribute(&most,
                               CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 0));
    if (most > 49152) {
        int words = most / 4;
        void *args[] = { &out, &words };
        REFUSED(try_launch(function, 3, 64, (unsigned)most, NULL, args),
                CUDA_ERROR_INVALID_VALUE);
        REFUSED(cuFuncSetAttribute(
                    function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, most + 1),
                CUDA_ERROR_INVALID_VALUE);
        CHECK(cuFuncSetAttribute(function,
                                 CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, most));
        CHECK(try_launch(function, 3, 64, (unsigned)most, NULL, args));
        CHECK(cuMemcpyDtoH_v2(got, out, sizeof(got)));
        EXPECT(got[0] == 0x1234 && got[2] == 0x1236);
    }
    CHECK(cuMemFree_v2(out));
}

static void
barrier_votes(CUmodule module)
{
    int in[100], got[3], ones = 0;

    for (int i = 0; i < 100; i++) {
        in[i] = i % 7;
        ones += in[i] == 1;
    }
    CUdeviceptr din = upload(in, sizeof(in));
    CUdeviceptr dout = reserve(sizeof(got));
    LAUNCH(get(module, "_Z10count_onesPKiPi"), 1, 100, 0, NULL, &din, &dout);
    CHECK(cuMemcpyDtoH_v2(got, dout, sizeof(got)));
    EXPECT(got[0] == ones && got[1] == 0 && got[2] != 0);
    CHECK(cuMemFree_v2(din));
    CHECK(cuMemFree_v2(dout));
}

int
main(void)
{
    CUmodule module;

    begin();
    module = load("warp");
    shuffles(module);
    votes(module);
    matches(module);
    CHECK(cuModuleUnload(module));
    module = load("shared_memory");
    dynamic_shared(module);
    static_shared(module);
    large_shared(module);
    barrier_votes(module);
    CHECK(cuModuleUnload(module));
    return pass();
}
