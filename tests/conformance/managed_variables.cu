/* SPDX-License-Identifier: Apache-2.0 */
/*
 * managed_variables - variables that host and device share. Not carried by a remote
 * driver: cuLibraryGetManaged is refused there by name.
 */
#include "check.cuh"

__managed__ int total = 5;
__managed__ float table[100];

__global__ void
accumulate(int n)
{
    int i = threadIdx.x;

    if (i < n) {
        table[i] = (float)i / 2;
        atomicAdd(&total, i);
    }
}

int
main()
{
    const int n = 100;

    EXPECT(total == 5);
    accumulate<<<1, 128>>>(n);
    CHECK(cudaDeviceSynchronize());
    EXPECT(total == 5 + n * (n - 1) / 2 && table[n - 1] == (float)(n - 1) / 2);
    total = 1;
    accumulate<<<1, 128>>>(n);
    CHECK(cudaDeviceSynchronize());
    EXPECT(total == 1 + n * (n - 1) / 2);
    return pass();
}
