/* SPDX-License-Identifier: Apache-2.0 */
/* shared_memory - static, dynamic and large shared memory, barriers, odd block sizes. */
#include "check.cuh"

extern __shared__ int dynamic[];

__global__ void
reverse(int *data, int n)
{
    int t = threadIdx.x;

    if (t < n) {
        dynamic[t] = data[blockIdx.x * n + t];
    }
    __syncthreads();
    if (t < n) {
        data[blockIdx.x * n + t] = dynamic[n - 1 - t];
    }
}

__global__ void
sum(const int *in, long long *out, int n)
{
    __shared__ long long part[256];
    long long total = 0;

    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        total += in[i];
    }
    part[threadIdx.x] = total;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            part[threadIdx.x] += part[threadIdx.x + half];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        *out = part[0];
    }
}

/* Transposes one tile; the padding keeps rows in different banks. */
__global__ void
transpose(const float *in, float *out, int n)
{
    __shared__ float tile[16][17];
    int x = blockIdx.x * 16 + threadIdx.x;
    int y = blockIdx.y * 16 + threadIdx.y;

    if (x < n && y < n) {
        tile[threadIdx.y][threadIdx.x] = in[y * n + x];
    }
    __syncthreads();
    x = blockIdx.y * 16 + threadIdx.x;
    y = blockIdx.x * 16 + threadIdx.y;
    if (x < n && y < n) {
        out[y * n + x] = tile[threadIdx.x][threadIdx.y];
    }
}

__global__ void
last_word(unsigned *out, int words)
{
    dynamic[words - 1] = 0x1234 + blockIdx.x;
    __syncthreads();
    out[blockIdx.x] = dynamic[words - 1];
}

__global__ void
count_ones(const int *in, int *out)
{
    int n = __syncthreads_count(in[threadIdx.x] == 1);
    int any = __syncthreads_or(in[threadIdx.x] == 7);
    int all = __syncthreads_and(in[threadIdx.x] < 8);

    if (threadIdx.x == 0) {
        out[0] = n;
        out[1] = any;
        out[2] = all;
    }
}

static void
reversals(void)
{
    const int sizes[] = { 1, 31, 32, 33, 100, 1000, 1024 };
    static int in[4 * 1024], out[4 * 1024];
    int *data;

    CHECK(cudaMalloc(&data, sizeof(in)));
    for (int n : sizes) {
        for (int i = 0; i < 4 * n; i++) {
            in[i] = i * i;
        }
        CHECK(cudaMemcpy(data, in, 4 * n * sizeof(int), cudaMemcpyHostToDevice));
        reverse<<<4, n, n * sizeof(int)>>>(data, n);
        CHECK(cudaMemcpy(out, data, 4 * n * sizeof(int), cudaMemcpyDeviceToHost));
        for (int i = 0; i < 4 * n; i++) {
            EXPECT(out[i] == in[i / n * n + n - 1 - i % n]);
        }
    }
    CHECK(cudaFree(data));
}

static void
sums_and_tiles(void)
{
    const int n = 45;
    static int in[5000];
    static float a[n * n], b[n * n];
    int *din;
    float *da, *db;
    long long *dout, total = 0, got;

    for (int i = 0; i < 5000; i++) {
        in[i] = i * 17 - 9000;
        total += in[i];
    }
    CHECK(cudaMalloc(&din, sizeof(in)));
    CHECK(cudaMalloc(&dout, sizeof(got)));
    CHECK(cudaMemcpy(din, in, sizeof(in), cudaMemcpyHostToDevice));
    sum<<<1, 256>>>(din, dout, 5000);
    CHECK(cudaMemcpy(&got, dout, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(got == total);

    for (int i = 0; i < n * n; i++) {
        a[i] = (float)i;
    }
    CHECK(cudaMalloc(&da, sizeof(a)));
    CHECK(cudaMalloc(&db, sizeof(b)));
    CHECK(cudaMemcpy(da, a, sizeof(a), cudaMemcpyHostToDevice));
    transpose<<<dim3(3, 3), dim3(16, 16)>>>(da, db, n);
    CHECK(cudaMemcpy(b, db, sizeof(b), cudaMemcpyDeviceToHost));
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++) {
            EXPECT(b[y * n + x] == a[x * n + y]);
        }
    }
    CHECK(cudaFree(din));
    CHECK(cudaFree(dout));
    CHECK(cudaFree(da));
    CHECK(cudaFree(db));
}

/* More than 48 KiB has to be asked for. */
static void
large(void)
{
    unsigned *out, got[3];
    int most;

    CHECK(cudaMalloc(&out, sizeof(got)));
    CHECK(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
    if (most > 49152) {
        last_word<<<3, 64, most>>>(out, most / 4);
        EXPECT_ERROR(cudaGetLastError(), cudaErrorInvalidValue);
        CHECK(cudaFuncSetAttribute(last_word, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   most));
        last_word<<<3, 64, most>>>(out, most / 4);
        CHECK(cudaGetLastError());
        CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
        EXPECT(got[0] == 0x1234 && got[2] == 0x1236);
    }
    CHECK(cudaFree(out));
}

static void
barrier_votes(void)
{
    static int in[100];
    int *din, *dout, got[3], ones = 0;

    for (int i = 0; i < 100; i++) {
        in[i] = i % 7;
        ones += in[i] == 1;
    }
    CHECK(cudaMalloc(&din, sizeof(in)));
    CHECK(cudaMalloc(&dout, sizeof(got)));
    CHECK(cudaMemcpy(din, in, sizeof(in), cudaMemcpyHostToDevice));
    count_ones<<<1, 100>>>(din, dout);
    CHECK(cudaMemcpy(got, dout, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(got[0] == ones && got[1] == 0 && got[2] != 0);
    CHECK(cudaFree(din));
    CHECK(cudaFree(dout));
}

int
main()
{
    reversals();
    sums_and_tiles();
    large();
    barrier_votes();
    return pass();
}
