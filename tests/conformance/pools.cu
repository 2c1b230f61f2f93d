/* SPDX-License-Identifier: Apache-2.0 */
/* pools - allocation in stream order. */
#include "check.cuh"

__global__ void
fill(int *data, int value, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        data[i] = value + i;
    }
}

int
main()
{
    const int n = 5000;
    static int got[n];
    cudaStream_t stream;
    cudaMemPool_t pool;
    int supported = 0;
    unsigned long long threshold = ~0ull, back = 0;

    CHECK(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, 0));
    if (supported == 0) {
        printf("device has no memory pools\n");
        return pass();
    }
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaDeviceGetDefaultMemPool(&pool, 0));
    CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
    CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &back));
    EXPECT(back == threshold);
    for (int round = 0; round < 50; round++) {
        int *data;
        CHECK(cudaMallocAsync(&data, n * sizeof(int), stream));
        fill<<<(n + 127) / 128, 128, 0, stream>>>(data, round, n);
        CHECK(cudaMemcpyAsync(got, data, sizeof(got), cudaMemcpyDeviceToHost, stream));
        CHECK(cudaFreeAsync(data, stream));
        CHECK(cudaStreamSynchronize(stream));
        EXPECT(got[0] == round && got[n - 1] == round + n - 1);
    }
    CHECK(cudaStreamDestroy(stream));
    return pass();
}
