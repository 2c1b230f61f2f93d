/* SPDX-License-Identifier: Apache-2.0 */
/* managed - memory that host and device share by the same address. */
#include "check.cuh"

__global__ void
accumulate(int *values, int *total, int n)
{
    int i = threadIdx.x;

    if (i < n) {
        values[i] += 1;
        atomicAdd(total, values[i]);
    }
}

int
main()
{
    const int n = 100;
    int managed = 0, want = 5;
    int *values, *total;

    CHECK(cudaDeviceGetAttribute(&managed, cudaDevAttrManagedMemory, 0));
    if (managed == 0) {
        printf("device has no managed memory\n");
        return pass();
    }
    CHECK(cudaMallocManaged(&values, n * sizeof(int)));
    CHECK(cudaMallocManaged(&total, sizeof(int)));
    *total = 5;
    for (int i = 0; i < n; i++) {
        values[i] = i * 3;
        want += i * 3 + 1;
    }
    accumulate<<<1, 128>>>(values, total, n);
    CHECK(cudaDeviceSynchronize());
    for (int i = 0; i < n; i++) {
        EXPECT(values[i] == i * 3 + 1);
    }
    EXPECT(*total == want);
    *total = 0; /* ours again after the synchronise */
    accumulate<<<1, 128>>>(values, total, n);
    CHECK(cudaDeviceSynchronize());
    EXPECT(*total == want - 5 + n);
    CHECK(cudaFree(values));
    CHECK(cudaFree(total));
    return pass();
}
