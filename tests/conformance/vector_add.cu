/* SPDX-License-Identifier: Apache-2.0 */
/* vector_add - the smallest whole program: allocate, copy, launch, copy, compare. */
#include "check.cuh"

__global__ void
vector_add(const float *a, const float *b, float *c, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        c[i] = a[i] + b[i];
    }
}

int
main()
{
    const int n = 10007; /* the last block is not full */
    static float a[n], b[n], c[n];
    float *da, *db, *dc;

    for (int i = 0; i < n; i++) {
        a[i] = 0.5f * (float)i;
        b[i] = 3.0f - 0.25f * (float)i;
    }
    CHECK(cudaMalloc(&da, sizeof(a)));
    CHECK(cudaMalloc(&db, sizeof(b)));
    CHECK(cudaMalloc(&dc, sizeof(c)));
    CHECK(cudaMemcpy(da, a, sizeof(a), cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(db, b, sizeof(b), cudaMemcpyHostToDevice));
    vector_add<<<(n + 255) / 256, 256>>>(da, db, dc, n);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaMemcpy(c, dc, sizeof(c), cudaMemcpyDeviceToHost));
    for (int i = 0; i < n; i++) {
        EXPECT(c[i] == a[i] + b[i]);
    }
    CHECK(cudaFree(da));
    CHECK(cudaFree(db));
    CHECK(cudaFree(dc));
    CHECK(cudaDeviceReset());
    return pass();
}
