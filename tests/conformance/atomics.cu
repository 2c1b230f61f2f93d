/* SPDX-License-Identifier: Apache-2.0 */
/* atomics - every operation, on global and shared memory, old values included. */
#include "check.cuh"

struct results {
    int add, sub, max, min;
    unsigned inc, dec, umax, umin;
    unsigned and_, or_, xor_, exchanged;
    unsigned long long add64, max64;
    float addf;
    double addd;
    unsigned cas;
};

__global__ void
all(results *r, unsigned *old_seen)
{
    unsigned t = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned seen;

    atomicAdd(&r->add, (int)t - 5);
    atomicSub(&r->sub, 3);
    atomicMax(&r->max, (int)(t * 7919 % 1000) - 500);
    atomicMin(&r->min, (int)(t * 7919 % 1000) - 500);
    atomicMax(&r->umax, t * 2654435761u);
    atomicMin(&r->umin, t * 2654435761u + 1);
    atomicInc(&r->inc, 99);
    atomicDec(&r->dec, 99);
    atomicAnd(&r->and_, ~(1u << (t % 16)));
    atomicOr(&r->or_, 1u << (t % 20));
    atomicXor(&r->xor_, t);
    atomicExch(&r->exchanged, 77u);
    atomicAdd(&r->add64, (unsigned long long)t << 30);
    atomicMax(&r->max64, (unsigned long long)t << 33);
    atomicAdd(&r->addf, 0.5f);
    atomicAdd(&r->addd, 0.25);
    do { /* a lock-free increment by compare and swap */
        seen = *(volatile unsigned *)&r->cas;
    } while (atomicCAS(&r->cas, seen, seen + 2) != seen);
    old_seen[atomicAdd(old_seen + 4096, 1u)] = t;
}

__global__ void
histogram(const unsigned char *in, int n, unsigned *out)
{
    __shared__ unsigned bins[256];

    for (int i = threadIdx.x; i < 256; i += blockDim.x) {
        bins[i] = 0;
    }
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n;
         i += gridDim.x * blockDim.x) {
        atomicAdd(&bins[in[i]], 1u);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x) {
        atomicAdd(&out[i], bins[i]);
    }
}

static void
test_all(void)
{
    const unsigned n = 16 * 96;
    results r = {}, want = {}, *dr;
    static unsigned seen[4097], *dseen;
    static bool found[4096];

    r.max = -10000;
    r.min = 10000;
    r.umin = ~0u;
    r.and_ = ~0u;
    want = r;
    CHECK(cudaMalloc(&dr, sizeof(r)));
    CHECK(cudaMalloc(&dseen, sizeof(seen)));
    CHECK(cudaMemset(dseen, 0, sizeof(seen)));
    CHECK(cudaMemcpy(dr, &r, sizeof(r), cudaMemcpyHostToDevice));
    all<<<16, 96>>>(dr, dseen);
    CHECK(cudaMemcpy(&r, dr, sizeof(r), cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(seen, dseen, sizeof(seen), cudaMemcpyDeviceToHost));
    for (unsigned t = 0; t < n; t++) {
        int v = (int)(t * 7919 % 1000) - 500;
        want.add += (int)t - 5;
        want.sub -= 3;
        want.max = v > want.max ? v : want.max;
        want.min = v < want.min ? v : want.min;
        want.umax = t * 2654435761u > want.umax ? t * 2654435761u : want.umax;
        want.umin = t * 2654435761u + 1 < want.umin ? t * 2654435761u + 1 : want.umin;
        want.inc = want.inc >= 99 ? 0 : want.inc + 1;
        want.dec = want.dec == 0 || want.dec > 99 ? 99 : want.dec - 1;
        want.and_ &= ~(1u << (t % 16));
        want.or_ |= 1u << (t % 20);
        want.xor_ ^= t;
        want.add64 += (unsigned long long)t << 30;
        want.max64 = (unsigned long long)t << 33;
    }
    EXPECT(r.add == want.add && r.sub == want.sub && r.max == want.max &&
           r.min == want.min);
    EXPECT(r.umax == want.umax && r.umin == want.umin);
    EXPECT(r.inc == want.inc && r.dec == want.dec);
    EXPECT(r.and_ == want.and_ && r.or_ == want.or_ && r.xor_ == want.xor_);
    EXPECT(r.exchanged == 77 && r.add64 == want.add64 && r.max64 == want.max64);
    EXPECT(r.addf == 0.5f * n && r.addd == 0.25 * n && r.cas == 2 * n);
    EXPECT(seen[4096] == n);
    for (unsigned i = 0; i < n; i++) {
        EXPECT(seen[i] < n && !found[seen[i]]);
        found[seen[i]] = true;
    }
    CHECK(cudaFree(dr));
    CHECK(cudaFree(dseen));
}

static void
test_histogram(void)
{
    const int n = 50000;
    static unsigned char in[n];
    unsigned char *din;
    unsigned *dout, got[256], want[256] = {};

    for (int i = 0; i < n; i++) {
        in[i] = (unsigned char)((unsigned)i * (unsigned)i / 7u);
        want[in[i]]++;
    }
    CHECK(cudaMalloc(&din, n));
    CHECK(cudaMalloc(&dout, sizeof(got)));
    CHECK(cudaMemset(dout, 0, sizeof(got)));
    CHECK(cudaMemcpy(din, in, n, cudaMemcpyHostToDevice));
    histogram<<<8, 128>>>(din, n, dout);
    CHECK(cudaMemcpy(got, dout, sizeof(got), cudaMemcpyDeviceToHost));
    EXPECT(memcmp(got, want, sizeof(got)) == 0);
    CHECK(cudaFree(din));
    CHECK(cudaFree(dout));
}

int
main()
{
    test_all();
    test_histogram();
    return pass();
}
