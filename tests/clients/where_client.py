#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A CUDA program in Python's ctypes: launches a long kernel again and again.

Prints `tick` after each launch has finished, forever or --count times. It checks the
result of each launch, so that a device that computes nothing cannot tick.
"""
import argparse
import ctypes
import sys

PTX = b"""
.version 7.0
.target sm_70
.address_size 64
.visible .entry churn(.param .u64 out, .param .u32 rounds)
{
    .reg .pred %p;
    .reg .b32 %r<6>;
    .reg .b64 %rd<4>;
    ld.param.u64 %rd0, [out];
    ld.param.u32 %r0, [rounds];
    mov.u32 %r1, %tid.x;
    mov.u32 %r2, %r1;
    mov.u32 %r3, 0;
again:
    mad.lo.s32 %r2, %r2, 1664525, 1013904223;
    add.u32 %r3, %r3, 1;
    setp.lt.u32 %p, %r3, %r0;
    @%p bra again;
    mul.wide.u32 %rd1, %r1, 4;
    add.u64 %rd2, %rd0, %rd1;
    st.global.u32 [%rd2], %r2;
    ret;
}
"""
THREADS = 256


def expected(rounds):
    values = list(range(THREADS))
    for _ in range(rounds):
        values = [(v * 1664525 + 1013904223) & 0xFFFFFFFF for v in values]
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1 << 30)
    parser.add_argument("--rounds", type=int, default=20000)
    args = parser.parse_args()
    cuda = ctypes.CDLL("libcuda.so.1")

    def call(name, *arguments):
        result = getattr(cuda, name)(*arguments)
        if result != 0:
            sys.exit(f"{name} returned {result}")

    context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    memory = ctypes.c_uint64()
    call("cuInit", 0)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
    call("cuCtxSetCurrent", context)
    call("cuModuleLoadData", ctypes.byref(module), PTX)
    call("cuModuleGetFunction", ctypes.byref(function), module, b"churn")
    call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(THREADS * 4))
    rounds = ctypes.c_uint32(args.rounds)
    parameters = (ctypes.c_void_p * 2)(ctypes.addressof(memory), ctypes.addressof(rounds))
    wanted = expected(args.rounds)
    print("ready", flush=True)
    for _ in range(args.count):
        result = (ctypes.c_uint32 * THREADS)()
        call("cuLaunchKernel", function, 1, 1, 1, THREADS, 1, 1, 0, None, parameters, None)
        call("cuMemcpyDtoH_v2", result, memory, ctypes.c_size_t(THREADS * 4))
        if list(result) != wanted:
            sys.exit("the kernel's result is wrong")
        print("tick", flush=True)


if __name__ == "__main__":
    main()
