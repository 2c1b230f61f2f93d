/* SPDX-License-Identifier: Apache-2.0 */
/* memory - allocation, copies and fills of every kind, questions about pointers. */
#include "drv.h"

#define BYTES 100003

static unsigned char from[BYTES], to[BYTES];

static void
copies(void)
{
    unsigned char *pinned;
    CUdeviceptr a = reserve(BYTES), b = reserve(BYTES);
    CUstream stream;

    for (int i = 0; i < BYTES; i++) {
        from[i] = (unsigned char)(i * 13 + i / 255);
    }
    EXPECT((a & 255) == 0 && (b & 255) == 0);
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK(cuMemHostAlloc((void **)&pinned, BYTES, CU_MEMHOSTALLOC_PORTABLE));
    CHECK(cuMemcpyHtoD_v2(a, from, BYTES));
    CHECK(cuMemcpyDtoD_v2(b + 1, a, BYTES - 1));
    CHECK(cuMemcpy((CUdeviceptr)(size_t)to, b + 1, BYTES - 1));
    EXPECT(memcmp(from, to, BYTES - 1) == 0);
    CHECK(cuMemcpyHtoDAsync_v2(a, from, BYTES, stream));
    memset(from, 0xee, BYTES); /* a pageable source is ours again */
    CHECK(cuMemcpyDtoDAsync_v2(b, a, BYTES, stream));
    CHECK(cuMemcpyDtoHAsync_v2(pinned, b, BYTES, stream));
    CHECK(cuStreamSynchronize(stream));
    for (int i = 0; i < BYTES; i++) {
        EXPECT(pinned[i] == (unsigned char)(i * 13 + i / 255));
    }
    CHECK(cuMemFreeHost(pinned));
    CHECK(cuMemFree_v2(a));
    CHECK(cuMemFree_v2(b));
    CHECK(cuStreamDestroy_v2(stream));
}

static void
fills(void)
{
    CUdeviceptr a = reserve(4096);
    size_t pitch = 0;
    CUdeviceptr box;

    CHECK(cuMemsetD8_v2(a, 0x11, 4096));
    CHECK(cuMemsetD16_v2(a + 2, 0x2233, 3));
    CHECK(cuMemsetD32_v2(a + 8, 0x44556677u, 2));
    CHECK(cuMemcpyDtoH_v2(to, a, 4096));
    EXPECT(to[1] == 0x11 && to[2] == 0x33 && to[3] == 0x22 && to[7] == 0x22);
    EXPECT(to[8] == 0x77 && to[15] == 0x44 && to[16] == 0x11);
    REFUSED(cuMemsetD32_v2(a + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
    CHECK(cuMemAllocPitch_v2(&box, &pitch, 100, 10, 4));
    EXPECT(pitch >= 100);
    CHECK(cuMemsetD2D8_v2(box, pitch, 0x7e, 100, 10));
    CUDA_MEMCPY2D copy = { 0 };
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = box;
    copy.srcPitch = pitch;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = to;
    copy.dstPitch = 100;
    copy.WidthInBytes = 100;
    copy.Height = 10;
    CHECK(cuMemcpy2D_v2(&copy));
    for (int i = 0; i < 1000; i++) {
        EXPECT(to[i] == 0x7e);
    }
    CHECK(cuMemFree_v2(a));
    CHECK(cuMemFree_v2(box));
}

static void
questions(void)
{
    size_t before, after, total, size = 0;
    CUdeviceptr base = 0, a;
    unsigned type = 0;
    void *host = NULL, *pinned;

    CHECK(cuMemGetInfo_v2(&before, &total));
    a = reserve((size_t)64 << 20);
    CHECK(cuMemGetInfo_v2(&after, &total));
    EXPECT(before - after >= (size_t)64 << 20 && before <= total);
    CHECK(cuMemGetAddressRange_v2(&base, &size, a + 12345));
    EXPECT(base == a && size >= (size_t)64 << 20);
    CHECK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, a + 5));
    EXPECT(type == CU_MEMORYTYPE_DEVICE);
    CHECK(cuMemHostAlloc(&pinned, 4096, CU_MEMHOSTALLOC_DEVICEMAP));
    CHECK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                (CUdeviceptr)(size_t)pinned));
    EXPECT(type == CU_MEMORYTYPE_HOST);
    CHECK(cuPointerGetAttribute(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER,
                                (CUdeviceptr)(size_t)pinned));
    EXPECT(host == pinned);
    CHECK(cuMemFreeHost(pinned));
    REFUSED(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                  (CUdeviceptr)(size_t)&type),
            CUDA_ERROR_INVALID_VALUE);
    CHECK(cuMemFree_v2(a));
    REFUSED(cuMemFree_v2(a), CUDA_ERROR_INVALID_VALUE);
    CHECK(cuMemFree_v2(0));
    CHECK(cuMemGetInfo_v2(&after, &total));
    EXPECT(after == before);
    REFUSED(cuMemAlloc_v2(&a, 0), CUDA_ERROR_INVALID_VALUE);
    REFUSED(cuMemAlloc_v2(&a, (size_t)1 << 46), CUDA_ERROR_OUT_OF_MEMORY);
}

static void
registered(void)
{
    static unsigned char pages[1 << 16] __attribute__((aligned(4096)));
    CUdeviceptr seen, a = reserve(sizeof(pages));

    memset(pages, 0x3c, sizeof(pages));
    CHECK(cuMemHostRegister_v2(pages, sizeof(pages), 0));
    REFUSED(cuMemHostRegister_v2(pages, sizeof(pages), 0),
            CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    /* a driver in another process cannot reach these pages, and says so */
    const CUresult mapped = cuMemHostGetDevicePointer_v2(&seen, pages, 0);
    EXPECT(mapped == CUDA_SUCCESS || mapped == CUDA_ERROR_NOT_SUPPORTED);
    CHECK(cuMemcpyHtoD_v2(a, pages, sizeof(pages)));
    CHECK(cuMemcpyDtoH_v2(to, a, sizeof(pages)));
    EXPECT(memcmp(to, pages, sizeof(pages)) == 0);
    CHECK(cuMemHostUnregister(pages));
    REFUSED(cuMemHostUnregister(pages), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    CHECK(cuMemFree_v2(a));
}

int
main(void)
{
    begin();
    copies();
    fills();
    questions();
    registered();
    return pass();
}
