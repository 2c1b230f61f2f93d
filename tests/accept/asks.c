/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asks - asks the same questions TIMES times, then launches LAUNCHES times: what a test
 * of the counters runs.
 *
 *     asks TIMES LAUNCHES
 */
#include <stdint.h>

#include "drv.h"

static const char text[] =
    ".version 7.0\n.target sm_80\n.address_size 64\n"
    ".visible .global .u32 counter;\n"
    ".visible .entry count(.param .u64 p)\n{\n"
    "    .reg .b32 %r<2>;\n    .reg .b64 %rd<2>;\n    ld.param.u64 %rd1, [p];\n"
    "    atom.global.add.u32 %r1, [%rd1], 1;\n    ret;\n}\n";

static void
ask_the_device(void)
{
    CUdriverProcAddressQueryResult status;
    char name[256];
    size_t total;
    CUuuid uuid;
    void *entry;
    int value;

    CHECK(cuDriverGetVersion(&value));
    CHECK(cuDeviceGetCount(&value));
    EXPECT(value == 1);
    for (int i = 1; i < 140; i++) {
        (void)cuDeviceGetAttribute(&value, (CUdevice_attribute)i, 0);
    }
    CHECK(cuDeviceGetName(name, sizeof(name), 0));
    EXPECT(name[0] != '\0');
    CHECK(cuDeviceTotalMem_v2(&total, 0));
    CHECK(cuDeviceGetUuid_v2(&uuid, 0));
    CHECK(cuDeviceGetPCIBusId(name, sizeof(name), 0));
    CHECK(cuGetProcAddress_v2("cuMemAlloc", &entry, 12000, 0, &status));
    EXPECT(entry != NULL);
    CHECK(cuGetProcAddress_v2("cuLaunchKernel", &entry, 12000,
                              CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM, &status));
    EXPECT(entry != NULL);
}

static void
ask_the_context(CUmodule module)
{
    const char *text_of_it;
    CUfunction function;
    CUdeviceptr global;
    CUcontext context;
    CUmodule owner;
    CUdevice device;
    unsigned version;
    size_t size;
    int value, lowest;

    CHECK(cuCtxGetCurrent(&context));
    CHECK(cuCtxGetDevice(&device));
    CHECK(cuCtxGetApiVersion(context, &version));
    CHECK(cuCtxGetStreamPriorityRange(&lowest, &value));
    CHECK(cuModuleGetFunction(&function, module, "count"));
    CHECK(cuFuncGetName(&text_of_it, function));
    EXPECT(strcmp(text_of_it, "count") == 0);
    CHECK(cuFuncGetModule(&owner, function));
    EXPECT(owner == module);
    for (int i = 0; i < 8; i++) {
        CHECK(cuFuncGetAttribute(&value, (CUfunction_attribute)i, function));
    }
    CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, function, 128, 0));
    CHECK(cuModuleGetGlobal_v2(&global, &size, module, "counter"));
    EXPECT(size == 4);
    CHECK(cuGetErrorName(CUDA_ERROR_INVALID_VALUE, &text_of_it));
    CHECK(cuGetErrorString(CUDA_ERROR_INVALID_VALUE, &text_of_it));
}

int
main(int argc, char **argv)
{
    const int times = argc > 1 ? atoi(argv[1]) : 1;
    const unsigned launches = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    unsigned got = 0;
    CUmodule module;

    begin();
    CHECK(cuModuleLoadData(&module, text));
    CUdeviceptr data = upload(&got, sizeof(got));
    for (int i = 0; i < times; i++) {
        ask_the_device();
        ask_the_context(module);
    }
    for (unsigned i = 0; i < launches; i++) {
        LAUNCH(get(module, "count"), 1, 1, 0, NULL, &data);
    }
    CHECK(cuMemcpyDtoH_v2(&got, data, sizeof(got)));
    EXPECT(got == launches);
    return pass();
}
