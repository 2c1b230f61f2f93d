/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - names and descriptions of results.
 *
 * Answered before cuInit, in a forked child and after shutdown alike. Descriptions are
 * our own words; a code that is not in the table is refused as CUDA refuses it.
 */

#include <stddef.h>

#include "cuda_front.h"
#include "front/front_priv.h"

static const struct {
    int code;
    const char *name;
    const char *text;
} rows[] = {
    { 0, "CUDA_SUCCESS", "no error" },
    { 1, "CUDA_ERROR_INVALID_VALUE",
      "an argument is outside the range that the call accepts" },
    { 2, "CUDA_ERROR_OUT_OF_MEMORY", "not enough memory is left" },
    { 3, "CUDA_ERROR_NOT_INITIALIZED",
      "the driver has not been initialized in this process" },
    { 4, "CUDA_ERROR_DEINITIALIZED", "the driver is shutting down" },
    { 5, "CUDA_ERROR_PROFILER_DISABLED", "the profiler is switched off for this run" },
    { 6, "CUDA_ERROR_PROFILER_NOT_INITIALIZED", "the profiler has not been initialized" },
    { 7, "CUDA_ERROR_PROFILER_ALREADY_STARTED", "the profiler is running already" },
    { 8, "CUDA_ERROR_PROFILER_ALREADY_STOPPED", "the profiler is not running" },
    { 34, "CUDA_ERROR_STUB_LIBRARY", "the loaded driver is a link-time stub" },
    { 36, "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", "this call needs a newer driver" },
    { 46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "the device cannot be used at the moment" },
    { 47, "CUDA_ERROR_MULTICAST_RESOURCE_FULL", "no multicast resource is left" },
    { 100, "CUDA_ERROR_NO_DEVICE", "no CUDA device was found" },
    { 101, "CUDA_ERROR_INVALID_DEVICE", "there is no device with this number" },
    { 102, "CUDA_ERROR_DEVICE_NOT_LICENSED", "the device has no licence" },
    { 200, "CUDA_ERROR_INVALID_IMAGE", "the device code is not a valid image" },
    { 201, "CUDA_ERROR_INVALID_CONTEXT",
      "no context is current, or the context is not valid" },
    { 202, "CUDA_ERROR_CONTEXT_ALREADY_CURRENT", "the context is current already" },
    { 205, "CUDA_ERROR_MAP_FAILED", "mapping has failed" },
    { 206, "CUDA_ERROR_UNMAP_FAILED", "unmapping has failed" },
    { 207, "CUDA_ERROR_ARRAY_IS_MAPPED", "the array is mapped and cannot be destroyed" },
    { 208, "CUDA_ERROR_ALREADY_MAPPED", "the resource is mapped already" },
    { 209, "CUDA_ERROR_NO_BINARY_FOR_GPU",
      "the image holds no code that this device can run" },
    { 210, "CUDA_ERROR_ALREADY_ACQUIRED", "the resource has been acquired already" },
    { 211, "CUDA_ERROR_NOT_MAPPED", "the resource is not mapped" },
    { 212, "CUDA_ERROR_NOT_MAPPED_AS_ARRAY", "the resource is not mapped as an array" },
    { 213, "CUDA_ERROR_NOT_MAPPED_AS_POINTER",
      "the resource is not mapped as a pointer" },
    { 214, "CUDA_ERROR_ECC_UNCORRECTABLE",
      "device memory has an uncorrectable ECC error" },
    { 215, "CUDA_ERROR_UNSUPPORTED_LIMIT", "the device does not have this limit" },
    { 216, "CUDA_ERROR_CONTEXT_ALREADY_IN_USE",
      "the context is in use by another thread" },
    { 217, "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED",
      "these devices cannot reach each other's memory" },
    { 218, "CUDA_ERROR_INVALID_PTX", "the PTX program could not be compiled" },
    { 219, "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT", "the graphics context is not valid" },
    { 220, "CUDA_ERROR_NVLINK_UNCORRECTABLE", "an NVLink error could not be corrected" },
    { 221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "no PTX compiler was found" },
    { 222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
      "the PTX version is newer than this driver knows" },
    { 223, "CUDA_ERROR_JIT_COMPILATION_DISABLED", "compilation of PTX is switched off" },
    { 224, "CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY",
      "the device does not have this kind of execution affinity" },
    { 225, "CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC",
      "the code synchronizes on the device in a way that is not supported" },
    { 226, "CUDA_ERROR_CONTAINED",
      "an error was contained; the process must be restarted" },
    { 227, "CUDA_ERROR_INSUFFICIENT_LOADER_VERSION",
      "the loader is too old for this image" },
    { 300, "CUDA_ERROR_INVALID_SOURCE", "the device kernel source is not valid" },
    { 301, "CUDA_ERROR_FILE_NOT_FOUND", "the file was not found" },
    { 302, "CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND",
      "a symbol of a shared library was not found" },
    { 303, "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED",
      "a shared library could not be initialized" },
    { 304, "CUDA_ERROR_OPERATING_SYSTEM", "a call to the operating system has failed" },
    { 400, "CUDA_ERROR_INVALID_HANDLE", "the handle is not valid" },
    { 401, "CUDA_ERROR_ILLEGAL_STATE", "the object is in the wrong state for this call" },
    { 402, "CUDA_ERROR_LOSSY_QUERY", "the answer would lose information" },
    { 500, "CUDA_ERROR_NOT_FOUND", "no symbol of this name was found" },
    { 600, "CUDA_ERROR_NOT_READY", "the work has not finished" },
    { 700, "CUDA_ERROR_ILLEGAL_ADDRESS",
      "a kernel has used an address that is not valid" },
    { 701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
      "the launch asks for more resources than the device has" },
    { 702, "CUDA_ERROR_LAUNCH_TIMEOUT", "a kernel has run for too long and was stopped" },
    { 703, "CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING",
      "the kernel uses an incompatible texturing mode" },
    { 704, "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED", "peer access is on already" },
    { 705, "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED", "peer access has not been switched on" },
    { 708, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE", "the primary context is active already" },
    { 709, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "the context has been destroyed" },
    { 710, "CUDA_ERROR_ASSERT", "an assertion in device code has failed" },
    { 711, "CUDA_ERROR_TOO_MANY_PEERS", "no more peers can be switched on" },
    { 712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
      "this host memory is registered already" },
    { 713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
      "this host memory is not registered" },
    { 714, "CUDA_ERROR_HARDWARE_STACK_ERROR", "the call stack of a kernel was damaged" },
    { 715, "CUDA_ERROR_ILLEGAL_INSTRUCTION",
      "a kernel has met an instruction that is not valid" },
    { 716, "CUDA_ERROR_MISALIGNED_ADDRESS",
      "a kernel has used an address that is not aligned" },
    { 717, "CUDA_ERROR_INVALID_ADDRESS_SPACE",
      "a kernel has used an address of the wrong memory space" },
    { 718, "CUDA_ERROR_INVALID_PC", "the program counter of a kernel has left its code" },
    { 719, "CUDA_ERROR_LAUNCH_FAILED", "a kernel has failed, or the device was lost" },
    { 720, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
      "the device cannot run so many blocks at once" },
    { 721, "CUDA_ERROR_TENSOR_MEMORY_LEAK",
      "a kernel has ended without releasing its tensor memory" },
    { 800, "CUDA_ERROR_NOT_PERMITTED", "the call is not permitted here" },
    { 801, "CUDA_ERROR_NOT_SUPPORTED", "the call is not supported" },
    { 802, "CUDA_ERROR_SYSTEM_NOT_READY", "the system is not ready for CUDA work yet" },
    { 803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
      "kernel driver and CUDA driver do not fit" },
    { 804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
      "forward compatibility does not cover this device" },
    { 805, "CUDA_ERROR_MPS_CONNECTION_FAILED", "the MPS server cannot be reached" },
    { 806, "CUDA_ERROR_MPS_RPC_FAILURE", "a call to the MPS server has failed" },
    { 807, "CUDA_ERROR_MPS_SERVER_NOT_READY", "the MPS server is not ready" },
    { 808, "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED", "the MPS server takes no more clients" },
    { 809, "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED",
      "the MPS server takes no more connections" },
    { 810, "CUDA_ERROR_MPS_CLIENT_TERMINATED", "the MPS server has ended this client" },
    { 811, "CUDA_ERROR_CDP_NOT_SUPPORTED",
      "launches from device code are not supported" },
    { 812, "CUDA_ERROR_CDP_VERSION_MISMATCH",
      "versions of launches from device code do not fit" },
    { 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "the call cannot be captured" },
    { 901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
      "an earlier error has made the capture invalid" },
    { 902, "CUDA_ERROR_STREAM_CAPTURE_MERGE", "the call would join two captures" },
    { 903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
      "the capture did not begin in this stream" },
    { 904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
      "the capture has work that was not joined to its first stream" },
    { 905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
      "the call depends on work outside the capture" },
    { 906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
      "the call depends on the legacy stream, which cannot be captured" },
    { 907, "CUDA_ERROR_CAPTURED_EVENT", "the event belongs to a capture" },
    { 908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
      "the capture was begun by another thread" },
    { 909, "CUDA_ERROR_TIMEOUT", "the wait has run out of time" },
    { 910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE",
      "the change does not fit the instantiated graph" },
    { 911, "CUDA_ERROR_EXTERNAL_DEVICE",
      "an error came from a device that is not CUDA's" },
    { 912, "CUDA_ERROR_INVALID_CLUSTER_SIZE",
      "the cluster size does not fit the launch" },
    { 913, "CUDA_ERROR_FUNCTION_NOT_LOADED", "the function has not been loaded" },
    { 914, "CUDA_ERROR_INVALID_RESOURCE_TYPE", "the resource type is not valid here" },
    { 915, "CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION",
      "the resource configuration is not valid" },
    { 916, "CUDA_ERROR_KEY_ROTATION", "the key was changed meanwhile" },
    { 917, "CUDA_ERROR_STREAM_DETACHED", "the stream has been detached" },
    { 918, "CUDA_ERROR_GRAPH_RECAPTURE_FAILURE",
      "the graph could not be captured again" },
    { 919, "CUDA_ERROR_FABRIC_NOT_READY", "the fabric is not ready" },
    { 999, "CUDA_ERROR_UNKNOWN", "an unknown error has occurred" },
};

#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

/* Return: index into rows, which is sorted by code, or -1. */
static int
find(int code)
{
    int low = 0;
    int high = ROWS;

    while (low < high) {
        int middle = low + (high - low) / 2;
        if (rows[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ROWS && rows[low].code == code ? low : -1;
}

const char *
vg_front_result_name(CUresult result)
{
    int row = find((int)result);

    return row < 0 ? NULL : rows[row].name;
}

CUresult
vg_front_cuGetErrorName(CUresult error, const char **out)
{
    int row = find((int)error);

    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *out = row < 0 ? NULL : rows[row].name;
    return row < 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult
vg_front_cuGetErrorString(CUresult error, const char **out)
{
    int row = find((int)error);

    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *out = row < 0 ? NULL : rows[row].text;
    return row < 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
