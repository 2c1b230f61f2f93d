/* SPDX-License-Identifier: Apache-2.0 */
/* warp - shuffles and votes of whole and part warps, under divergence too. */
#include "check.cuh"

#define FULL 0xffffffffu

__global__ void
shuffles(int *out)
{
    int lane = threadIdx.x;
    int value = lane * 10;

    out[0 * 32 + lane] = __shfl_sync(FULL, value, 5);
    out[1 * 32 + lane] = __shfl_up_sync(FULL, value, 3);
    out[2 * 32 + lane] = __shfl_down_sync(FULL, value, 3);
    out[3 * 32 + lane] = __shfl_xor_sync(FULL, value, 9);
    out[4 * 32 + lane] = __shfl_sync(FULL, value, lane * 7, 8);
    out[5 * 32 + lane] = __shfl_up_sync(FULL, value, 1, 4);
    out[6 * 32 + lane] = __shfl_down_sync(FULL, value, 2, 16);
    out[7 * 32 + lane] =
        (int)__double2ll_rn(__shfl_xor_sync(FULL, (double)lane + 0.25, 1) * 4);
}

__global__ void
votes(unsigned *out)
{
    int lane = threadIdx.x;

    out[0 * 32 + lane] = __ballot_sync(FULL, lane % 3 == 0);
    out[1 * 32 + lane] = __all_sync(FULL, lane < 32);
    out[2 * 32 + lane] = __all_sync(FULL, lane < 31);
    out[3 * 32 + lane] = __any_sync(FULL, lane == 17);
    out[4 * 32 + lane] = __any_sync(FULL, lane == 33);
    out[5 * 32 + lane] = __popc(__ballot_sync(FULL, lane & 4));
    if (lane & 1) {
        out[6 * 32 + lane] = __ballot_sync(0xaaaaaaaau, lane > 10);
        out[7 * 32 + lane] = __shfl_sync(0xaaaaaaaau, lane, 31);
    } else {
        out[6 * 32 + lane] = __ballot_sync(0x55555555u, lane > 20);
        out[7 * 32 + lane] = __shfl_sync(0x55555555u, lane, 0);
    }
}

__global__ void
matches(unsigned *out)
{
    int lane = threadIdx.x;

    out[0 * 32 + lane] = __match_any_sync(FULL, lane / 5);
    out[1 * 32 + lane] = __reduce_add_sync(FULL, lane);
    out[2 * 32 + lane] = __reduce_max_sync(FULL, (unsigned)(lane * 37 % 32));
    out[3 * 32 + lane] = __reduce_and_sync(FULL, 0xf0u | lane);
}

__global__ void
warp_sums(const float *in, float *out, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float value = i < n ? in[i] : 0.0f;

    for (int offset = 16; offset > 0; offset /= 2) {
        value += __shfl_xor_sync(FULL, value, offset);
    }
    if (threadIdx.x % 32 == 0) {
        out[i / 32] = value;
    }
}

static void
test_shuffles(void)
{
    int *out, got[8 * 32];

    CHECK(cudaMalloc(&out, sizeof(got)));
    shuffles<<<1, 32>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
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
    CHECK(cudaFree(out));
}

static void
test_votes(void)
{
    unsigned *out, got[8 * 32], thirds = 0, odd = 0, even = 0;

    for (unsigned lane = 0; lane < 32; lane++) {
        thirds |= (lane % 3 == 0) << lane;
        odd |= (lane % 2 == 1 && lane > 10) << lane;
        even |= (lane % 2 == 0 && lane > 20) << lane;
    }
    CHECK(cudaMalloc(&out, sizeof(got)));
    votes<<<1, 32>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    for (int lane = 0; lane < 32; lane++) {
        EXPECT(got[0 * 32 + lane] == thirds);
        EXPECT(got[1 * 32 + lane] != 0 && got[2 * 32 + lane] == 0);
        EXPECT(got[3 * 32 + lane] != 0 && got[4 * 32 + lane] == 0);
        EXPECT(got[5 * 32 + lane] == 16);
        EXPECT(got[6 * 32 + lane] == (lane % 2 == 1 ? odd : even));
        EXPECT(got[7 * 32 + lane] == (lane % 2 == 1 ? 31u : 0u));
    }
    matches<<<1, 32>>>(out);
    CHECK(cudaMemcpy(got, out, sizeof(got), cudaMemcpyDeviceToHost));
    for (int lane = 0; lane < 32; lane++) {
        unsigned same = 0;
        for (int other = 0; other < 32; other++) {
            same |= (unsigned)(other / 5 == lane / 5) << other;
        }
        EXPECT(got[0 * 32 + lane] == same);
        EXPECT(got[1 * 32 + lane] == 496);
        EXPECT(got[2 * 32 + lane] == 31);
        EXPECT(got[3 * 32 + lane] == 0xf0u);
    }
    CHECK(cudaFree(out));
}

static void
test_sums(void)
{
    const int n = 1000;
    static float in[n], got[32];
    float *din, *dout;

    for (int i = 0; i < n; i++) {
        in[i] = (float)(i % 100);
    }
    CHECK(cudaMalloc(&din, sizeof(in)));
    CHECK(cudaMalloc(&dout, sizeof(got)));
    CHECK(cudaMemcpy(din, in, sizeof(in), cudaMemcpyHostToDevice));
    warp_sums<<<4, 256>>>(din, dout, n);
    CHECK(cudaMemcpy(got, dout, sizeof(got), cudaMemcpyDeviceToHost));
    for (int w = 0; w < 32; w++) {
        float total = 0;
        for (int i = w * 32; i < w * 32 + 32 && i < n; i++) {
            total += in[i];
        }
        EXPECT(got[w] == total);
    }
    CHECK(cudaFree(din));
    CHECK(cudaFree(dout));
}

int
main()
{
    test_shuffles();
    test_votes();
    test_sums();
    return pass();
}
