/* SPDX-License-Identifier: Apache-2.0 */
/* memory - copies and fills of every kind, pageable and pinned, one and two dimensions.
 */
#include "check.cuh"

#define BYTES 100003

static unsigned char from[BYTES], to[BYTES];

static void
fill(void)
{
    for (int i = 0; i < BYTES; i++) {
        from[i] = (unsigned char)(i * 13 + i / 255);
    }
    memset(to, 0, sizeof(to));
}

static void
copies(void)
{
    unsigned char *a, *b, *pinned;
    cudaStream_t stream;

    fill();
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMalloc(&a, BYTES));
    CHECK(cudaMalloc(&b, BYTES));
    CHECK(cudaMallocHost(&pinned, BYTES));
    EXPECT(((size_t)a & 255) == 0 && ((size_t)b & 255) == 0);

    CHECK(cudaMemcpy(a, from, BYTES, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(b + 1, a, BYTES - 1, cudaMemcpyDeviceToDevice));
    CHECK(cudaMemcpy(to, b + 1, BYTES - 1, cudaMemcpyDefault));
    EXPECT(memcmp(from, to, BYTES - 1) == 0);

    memcpy(pinned, from, BYTES);
    CHECK(cudaMemsetAsync(b, 0, BYTES, stream));
    CHECK(cudaMemcpyAsync(b, pinned, BYTES, cudaMemcpyHostToDevice, stream));
    CHECK(cudaMemcpyAsync(a, b, BYTES, cudaMemcpyDeviceToDevice, stream));
    CHECK(cudaStreamSynchronize(stream));
    memset(pinned, 0, BYTES);
    CHECK(cudaMemcpyAsync(pinned, a, BYTES, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(memcmp(from, pinned, BYTES) == 0);

    /* a pageable source is the program's again when the call returns */
    CHECK(cudaMemcpyAsync(a, from, BYTES, cudaMemcpyHostToDevice, stream));
    memset(from, 0xee, BYTES);
    CHECK(cudaMemcpyAsync(to, a, BYTES, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(memcmp(to, pinned, BYTES) == 0);

    CHECK(cudaMemcpy(to, from, BYTES, cudaMemcpyHostToHost));
    EXPECT(memcmp(to, from, BYTES) == 0);
    CHECK(cudaFree(a));
    CHECK(cudaFree(b));
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaStreamDestroy(stream));
}

static void
fills(void)
{
    unsigned char *a;

    CHECK(cudaMalloc(&a, BYTES));
    CHECK(cudaMemset(a, 0x11, BYTES));
    CHECK(cudaMemset(a + 3, 0x22, 1000));
    CHECK(cudaMemset(a, 0x33, 0));
    CHECK(cudaMemcpy(to, a, BYTES, cudaMemcpyDeviceToHost));
    for (int i = 0; i < BYTES; i++) {
        EXPECT(to[i] == (i >= 3 && i < 1003 ? 0x22 : 0x11));
    }
    CHECK(cudaFree(a));
}

static void
two_dimensions(void)
{
    const size_t width = 100, height = 50;
    unsigned char *a;
    size_t pitch;

    fill();
    CHECK(cudaMallocPitch(&a, &pitch, width, height));
    EXPECT(pitch >= width && pitch % 32 == 0);
    CHECK(cudaMemset2D(a, pitch, 0x7e, width, height));
    CHECK(cudaMemcpy2D(a + 10, pitch, from, 77, 60, 40, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy2D(to, width, a, pitch, width, height, cudaMemcpyDeviceToHost));
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            const bool inside = y < 40 && x >= 10 && x < 70;
            EXPECT(to[y * width + x] == (inside ? from[y * 77 + x - 10] : 0x7e));
        }
    }
    CHECK(cudaFree(a));
}

static void
three_dimensions(void)
{
    const size_t w = 33, h = 7, d = 5;
    cudaExtent extent = make_cudaExtent(w, h, d);
    cudaMemcpy3DParms in = {}, out = {};
    cudaPitchedPtr box;

    fill();
    CHECK(cudaMalloc3D(&box, extent));
    in.srcPtr = make_cudaPitchedPtr(from, w, w, h);
    in.dstPtr = box;
    in.extent = extent;
    in.kind = cudaMemcpyHostToDevice;
    CHECK(cudaMemcpy3D(&in));
    out.srcPtr = box;
    out.dstPtr = make_cudaPitchedPtr(to, w, w, h);
    out.extent = extent;
    out.kind = cudaMemcpyDeviceToHost;
    CHECK(cudaMemcpy3D(&out));
    EXPECT(memcmp(from, to, w * h * d) == 0);
    CHECK(cudaFree(box.ptr));
}

static void
registered(void)
{
    static unsigned char pages[1 << 16] __attribute__((aligned(4096)));
    unsigned char *a, *seen;

    for (size_t i = 0; i < sizeof(pages); i++) {
        pages[i] = (unsigned char)(i * 31);
    }
    CHECK(cudaHostRegister(pages, sizeof(pages), cudaHostRegisterDefault));
    /* a driver in another process cannot reach these pages, and says so */
    const cudaError_t mapped = cudaHostGetDevicePointer(&seen, pages, 0);
    EXPECT(mapped == cudaSuccess || mapped == cudaErrorNotSupported);
    (void)cudaGetLastError();
    CHECK(cudaMalloc(&a, sizeof(pages)));
    CHECK(cudaMemcpy(a, pages, sizeof(pages), cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(to, a, sizeof(pages), cudaMemcpyDeviceToHost));
    EXPECT(memcmp(to, pages, sizeof(pages)) == 0);
    CHECK(cudaHostUnregister(pages));
    CHECK(cudaFree(a));
}

static void
questions(void)
{
    cudaPointerAttributes facts;
    size_t before, after, total;
    int on_stack;
    void *a, *pinned;

    CHECK(cudaMemGetInfo(&before, &total));
    CHECK(cudaMalloc(&a, 64 << 20));
    CHECK(cudaMemGetInfo(&after, &total));
    EXPECT(before - after >= 64 << 20 && before <= total);
    CHECK(cudaMallocHost(&pinned, 4096));
    CHECK(cudaPointerGetAttributes(&facts, (char *)a + 5));
    EXPECT(facts.type == cudaMemoryTypeDevice && facts.device == 0);
    CHECK(cudaPointerGetAttributes(&facts, pinned));
    EXPECT(facts.type == cudaMemoryTypeHost && facts.hostPointer == pinned);
    CHECK(cudaPointerGetAttributes(&facts, &on_stack));
    EXPECT(facts.type == cudaMemoryTypeUnregistered);
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaFree(a));
    CHECK(cudaFree(nullptr));
    CHECK(cudaMemGetInfo(&after, &total));
    EXPECT(after == before);
}

int
main()
{
    copies();
    fills();
    two_dimensions();
    three_dimensions();
    registered();
    questions();
    return pass();
}
