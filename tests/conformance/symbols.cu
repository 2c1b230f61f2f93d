/* SPDX-License-Identifier: Apache-2.0 */
/* symbols - constant and device globals: initial values, copies, addresses, pointers. */
#include "check.cuh"

__constant__ int table[256] = { 3, 1, 4, 1, 5 };
__constant__ float weights[4];
__device__ int counter = 41;
__device__ double matrix[4][4];
__device__ const char text[] = "device text";
__device__ int *pointer_to_counter = &counter;

__global__ void
use(int *out)
{
    out[0] = table[0] * 100 + table[2] * 10 + table[4];
    out[1] = (int)(weights[0] + weights[1] + weights[2] + weights[3]);
    out[2] = ++counter;
    out[3] = (int)matrix[2][3];
    out[4] = text[7];
    out[5] = *pointer_to_counter;
    matrix[1][1] = 6.5;
}

int
main()
{
    const float values[4] = { 1, 2, 4, 8 };
    const double row[4] = { 5, 6, 7, 8 };
    const int patch[2] = { 9, 8 };
    double back = 0;
    int *out, got[6], value;
    size_t size;
    void *address;

    CHECK(cudaMalloc(&out, sizeof(got)));
    CHECK(cudaMemcpyToSymbol(weights, values, sizeof(values)));
    CHECK(cudaMemcpyToSymbol(matrix, row, sizeof(row), 2 * sizeof(row)));
    use<<<1, 1>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(got[0] == 345 && got[1] == 15 && got[2] == 42);
    EXPECT(got[3] == 8 && got[4] == 't' && got[5] == 42);

    CHECK(cudaMemcpyFromSymbol(&back, matrix, sizeof(back), 5 * sizeof(back)));
    EXPECT(back == 6.5);
    CHECK(cudaMemcpyToSymbol(table, patch, sizeof(patch), 2 * sizeof(int)));
    value = 100;
    CHECK(cudaMemcpyToSymbol(counter, &value, sizeof(value)));
    use<<<1, 1>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(got[0] == 395 && got[2] == 101);

    CHECK(cudaGetSymbolSize(&size, matrix));
    EXPECT(size == sizeof(double) * 16);
    CHECK(cudaGetSymbolAddress(&address, counter));
    CHECK(cudaMemcpy(&value, address, sizeof(value), cudaMemcpyDeviceToHost));
    EXPECT(value == 101);
    CHECK(cudaFree(out));
    return pass();
}
