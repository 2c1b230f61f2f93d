/* SPDX-License-Identifier: Apache-2.0 */
/* launches - grids in three dimensions, large and packed parameters, attributes, sizes.
 */
#include "check.cuh"

struct packed {
    char c;
    double d;
    short s[3];
    float3 v;
};

struct big {
    int values[1000];
};

__global__ void
coordinates(unsigned *out)
{
    unsigned x = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned y = blockIdx.y * blockDim.y + threadIdx.y;
    unsigned z = blockIdx.z * blockDim.z + threadIdx.z;
    unsigned w = gridDim.x * blockDim.x, h = gridDim.y * blockDim.y;

    out[(z * h + y) * w + x] = x | y << 8 | z << 16;
}

__global__ void
parameters(char a, packed p, short b, double *out, unsigned char c, long long d)
{
    out[0] = a;
    out[1] = p.c;
    out[2] = p.d;
    out[3] = p.s[2];
    out[4] = p.v.z;
    out[5] = b;
    out[6] = c;
    out[7] = (double)d;
}

__global__ void
large_parameter(big b, int *out)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < 1000) {
        out[i] = b.values[999 - i];
    }
}

__global__ void
nothing(void)
{
}

__device__ int
fibonacci(int n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__global__ void
recursive(int *out)
{
    out[threadIdx.x] = fibonacci(threadIdx.x);
}

static void
grids(void)
{
    const unsigned w = 2 * 5, h = 3 * 7, d = 4 * 3;
    static unsigned got[w * h * d];
    unsigned *out;

    CHECK(cudaMalloc(&out, sizeof(got)));
    coordinates<<<dim3(2, 3, 4), dim3(5, 7, 3)>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    for (unsigned i = 0; i < w * h * d; i++) {
        EXPECT(got[i] == (i % w | i / w % h << 8 | i / w / h << 16));
    }
    CHECK(cudaFree(out));
}

static void
arguments(void)
{
    packed p = { 'p', 2.5, { 1, 2, -3 }, make_float3(1, 2, 7.5f) };
    double *out, got[8];
    static big b;
    int *ints;
    static int back[1000];

    CHECK(cudaMalloc(&out, sizeof(got)));
    parameters<<<1, 1>>>(-7, p, -300, out, 200, -(1ll << 40));
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(got[0] == -7 && got[1] == 'p' && got[2] == 2.5 && got[3] == -3);
    EXPECT(got[4] == 7.5 && got[5] == -300 && got[6] == 200);
    EXPECT(got[7] == -(double)(1ll << 40));
    for (int i = 0; i < 1000; i++) {
        b.values[i] = i * 3;
    }
    CHECK(cudaMalloc(&ints, sizeof(back)));
    large_parameter<<<8, 128>>>(b, ints);
    CHECK(cudaMemcpy(back, ints, sizeof(back), cudaMemcpyDeviceToHost));
    for (int i = 0; i < 1000; i++) {
        EXPECT(back[i] == (999 - i) * 3);
    }
    for (int i = 0; i < 2000; i++) {
        nothing<<<1, 32>>>();
    }
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaFree(out));
    CHECK(cudaFree(ints));
}

static void
attributes(void)
{
    cudaFuncAttributes facts;
    int grid, block, blocks;

    CHECK(cudaFuncGetAttributes(&facts, parameters));
    EXPECT(facts.maxThreadsPerBlock >= 256 && facts.maxThreadsPerBlock <= 1024);
    EXPECT(facts.sharedSizeBytes == 0 && facts.numRegs > 0 && facts.ptxVersion >= 50);
    CHECK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, coordinates, 0, 0));
    EXPECT(block >= 32 && block <= 1024 && grid >= 1);
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, coordinates, 128, 0));
    EXPECT(blocks >= 1);
}

static void
recursion(void)
{
    const int want[] = { 0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89 };
    int *out, got[12];

    CHECK(cudaMalloc(&out, sizeof(got)));
    recursive<<<1, 12>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(memcmp(got, want, sizeof(got)) == 0);
    CHECK(cudaFree(out));
}

int
main()
{
    grids();
    arguments();
    attributes();
    recursion();
    return pass();
}
