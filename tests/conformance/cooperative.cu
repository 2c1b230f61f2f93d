/* SPDX-License-Identifier: Apache-2.0 */
/* cooperative - blocks that wait for each other; grids that do not fit are refused. */
#include <cooperative_groups.h>

#include "check.cuh"

namespace cg = cooperative_groups;

/* Every block needs what every other wrote in the round before. */
__global__ void
ripple(int *data, int blocks, int rounds)
{
    cg::grid_group grid = cg::this_grid();
    __shared__ int total;

    for (int round = 0; round < rounds; round++) {
        if (threadIdx.x == 0) {
            total = 0;
            for (int i = 0; i < blocks; i++) {
                total += ((volatile int *)data)[round * blocks + i];
            }
            data[(round + 1) * blocks + blockIdx.x] = total + (int)blockIdx.x;
        }
        grid.sync();
    }
}

int
main()
{
    const int rounds = 5;
    int blocks = 0, sms = 0;
    cudaDeviceProp properties;
    static int got[64 * 8], want[64 * 8];
    int *data;

    CHECK(cudaGetDeviceProperties(&properties, 0));
    EXPECT(properties.cooperativeLaunch != 0);
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, ripple, 64, 0));
    CHECK(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
    int most = blocks * sms;
    int n = most < 6 ? most : 6;
    EXPECT(n >= 2);
    CHECK(cudaMalloc(&data, sizeof(got)));
    for (int i = 0; i < n; i++) {
        want[i] = i + 1;
    }
    CHECK(cudaMemcpy(data, want, n * sizeof(int), cudaMemcpyHostToDevice));
    int count = rounds;
    void *args[] = { &data, &n, &count };
    CHECK(cudaLaunchCooperativeKernel((void *)ripple, dim3(n), dim3(64), args, 0, 0));
    CHECK(cudaDeviceSynchronize());
    for (int round = 0; round < rounds; round++) {
        int total = 0;
        for (int i = 0; i < n; i++) {
            total += want[round * n + i];
        }
        for (int i = 0; i < n; i++) {
            want[(round + 1) * n + i] = total + i;
        }
    }
    CHECK(cudaMemcpy(got, data, (rounds + 1) * n * sizeof(int), cudaMemcpyDeviceToHost));
    EXPECT(memcmp(got, want, (rounds + 1) * n * sizeof(int)) == 0);
    EXPECT_ERROR(
        cudaLaunchCooperativeKernel((void *)ripple, dim3(most + 1), dim3(64), args, 0, 0),
        cudaErrorCooperativeLaunchTooLarge);
    CHECK(cudaFree(data));
    return pass();
}
