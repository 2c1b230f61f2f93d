/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_gpu - a libcuda or (-DNVML) a libnvidia-ml of one device, which misbehaves as
 * FAKE_* says.
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME(n) __attribute__((visibility("default"))) int n

/* what the doctor knows our libraries by */
const char *fake_setting = "VGPU_ENDPOINT";

static long
number(const char *name, long otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

#ifdef NVML
struct memory {
    unsigned long long total, free, used;
};

NAME(nvmlInit_v2)(void)
{
    return (int)number("FAKE_NVML_INIT", 0);
}
NAME(nvmlShutdown)(void)
{
    return 0;
}
NAME(nvmlErrorString)(int r)
{
    return r;
}
NAME(nvmlDeviceGetHandleByUUID)(const char *u, void **d)
{
    (void)u;
    *d = NULL;
    return 0;
}
NAME(nvmlDeviceGetName)(void *d, char *o, unsigned n)
{
    (void)d;
    (void)snprintf(o, n, "fake");
    return 0;
}
NAME(nvmlSystemGetDriverVersion)(char *o, unsigned n)
{
    (void)snprintf(o, n, "%ld.10", number("FAKE_NVML_DRIVER", 580));
    return 0;
}
NAME(nvmlDeviceGetHandleByIndex_v2)(unsigned i, void **d)
{
    (void)i;
    *d = &fake_setting;
    return 0;
}
NAME(nvmlDeviceGetUUID)(void *d, char *o, unsigned n)
{
    (void)d;
    (void)snprintf(o, n, "GPU-07070707-0707-0707-0707-0707070707%02lx",
                   number("FAKE_NVML_UUID", 7));
    return 0;
}
NAME(nvmlDeviceGetMemoryInfo)(void *d, struct memory *o)
{
    (void)d;
    o->total = (unsigned long long)number("FAKE_NVML_TOTAL", 1l << 30);
    return 0;
}
NAME(nvmlDeviceGetPciInfo_v3)(void *d, char *o)
{
    (void)d;
    (void)snprintf(o + 36, 32, "00000000:%02lX:00.0", number("FAKE_NVML_BUS", 1));
    return 0;
}
#else
NAME(cuInit)(unsigned flags)
{
    (void)flags;
    while (number("FAKE_HANG", 0) != 0) {
        (void)pause();
    }
    if (number("FAKE_CRASH", 0) != 0) {
        (void)raise(SIGSEGV);
    }
    (void)usleep((unsigned)number("FAKE_SLOW", 0) * 1000u);
    return (int)number("FAKE_INIT", 0);
}
NAME(cuDriverGetVersion)(int *o)
{
    *o = (int)number("FAKE_VERSION", 13000);
    return 0;
}
NAME(cuDeviceGetCount)(int *o)
{
    *o = (int)number("FAKE_COUNT", 1);
    return 0;
}
NAME(cuDeviceGet)(int *o, int i)
{
    *o = i;
    return 0;
}
NAME(cuDeviceGetName)(char *o, int n, int d)
{
    (void)d;
    (void)snprintf(o, (size_t)n, "%s",
                   getenv("FAKE_NAME") != NULL ? getenv("FAKE_NAME") : "Fake");
    return 0;
}
NAME(cuDeviceGetAttribute)(int *o, int a, int d)
{
    (void)d;
    *o = a == 75   ? (int)number("FAKE_CC", 80) / 10
         : a == 76 ? (int)number("FAKE_CC", 80) % 10
         : a == 18 ? (int)number("FAKE_INTEGRATED", 0)
                   : 1;
    return a == number("FAKE_BAD_ATTRIBUTE", 0) ? 1 : 0;
}
NAME(cuDeviceTotalMem_v2)(size_t *o, int d)
{
    (void)d;
    *o = (size_t)number("FAKE_TOTAL", 1l << 30);
    return 0;
}
NAME(cuDeviceGetUuid_v2)(unsigned char *o, int d)
{
    (void)d;
    memset(o, 7, 16);
    return 0;
}
NAME(cuDeviceGetUuid)(unsigned char *o, int d)
{
    return cuDeviceGetUuid_v2(o, d);
}
NAME(cuDeviceGetPCIBusId)(char *o, int n, int d)
{
    (void)d;
    (void)snprintf(o, (size_t)n, "0000:01:00.0");
    return 0;
}
NAME(cuDevicePrimaryCtxRetain)(void **o, int d)
{
    (void)d;
    *o = &fake_setting;
    return (int)number("FAKE_RETAIN", 0);
}
NAME(cuDevicePrimaryCtxRelease_v2)(int d)
{
    (void)d;
    return 0;
}
NAME(cuCtxSetCurrent)(void *c)
{
    (void)c;
    return 0;
}
NAME(cuMemGetInfo_v2)(size_t *f, size_t *t)
{
    *f = *t = (size_t)number("FAKE_TOTAL", 1l << 30);
    return 0;
}
#define NOTHING(n)  \
    NAME(n)(void)   \
    {               \
        return 801; \
    }
#ifndef OLD
NOTHING(cuCtxCreate_v3)
#endif
NOTHING(cuCtxDestroy)
NOTHING(cuGetErrorString)
NOTHING(cuMemAddressFree)
NOTHING(cuMemAddressReserve)
NOTHING(cuMemCreate)
NOTHING(cuMemGetAllocationGranularity)
NOTHING(cuMemMap)
NOTHING(cuMemRelease)
NOTHING(cuMemSetAccess)
NOTHING(cuMemUnmap)
NOTHING(cuGetProcAddress)
NOTHING(cuGetProcAddress_v2)
NOTHING(cuGetExportTable)
#endif
