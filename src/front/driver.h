/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * driver - what stands behind the front.
 *
 * The front (src/front) is what any libcuda is to the program above it: the exported
 * names, cuGetProcAddress, the runtime's private tables, the context stack of each
 * thread, device queries. It is linked into two libraries, and each of them supplies
 *
 *   - vg_drv_<call>() for the calls it carries, prototypes in the generated
 *     cuda_driver.h; one that is missing answers CUDA_ERROR_NOT_SUPPORTED by name
 *     (a weak default is generated), and
 *   - the functions below.
 *
 * The shim sends (src/shim), the software GPU does (src/soft).
 *
 * Path of a call: the exported function (generated) calls vg_front_enter(), which holds
 * the call's row against the state of the process (before cuInit? forked? no current
 * context?) and traces; then vg_front_<call>() for calls with `front` in the description,
 * else vg_drv_<call>(); then vg_front_leave(). For a name with the suffix _ptsz or _ptds
 * the export sets the thread's default stream to CU_STREAM_PER_THREAD for the length of
 * the call and calls the same function: the driver maps a stream argument of 0 with
 * vg_front_stream() and synchronous copies with vg_front_default_stream().
 *
 * A call marked `both` goes to vg_front_<call>(), which calls vg_drv_<call>(): a context
 * is made and ended behind the front, the stack of contexts is the front's alone. A
 * CUdevice that reaches the driver is the ordinal that the program uses: see
 * vg_front_physical().
 */

#include <stdbool.h>
#include <stdint.h>

#include "cuda_types.h"

#define VG_DEVICE_MAX           16
#define VG_DEVICE_ATTRIBUTE_MAX 192

/* All that a program can learn of a device without a context. Immutable. */
struct vg_device_sheet {
    char name[256];
    CUuuid uuid;
    uint64_t total_memory;                       /* bytes */
    int32_t attributes[VG_DEVICE_ATTRIBUTE_MAX]; /* by CUdevice_attribute; 0 = unknown */
};

/* --- supplied by the library behind the front --- */

/* The CUDA version of the driver, e.g. 13050. May be called before vg_driver_init(). */
CUresult vg_driver_version(int *out_version);

/* Connects or starts; called by cuInit until it has succeeded once in this process, under
 * the front's lock. CUDA_ERROR_NO_DEVICE when there is none. */
CUresult vg_driver_init(void);

/* In a forked child whose parent had not initialised CUDA, before anything else: forgets
 * what vg_driver_version() or a failed init had opened in the parent, and leaves it as it
 * is for the parent. Optional: the front has one that does nothing. */
void vg_driver_forked(void);

/* Physical devices, before CUDA_VISIBLE_DEVICES. Valid after vg_driver_init(). */
int vg_driver_device_count(void);
const struct vg_device_sheet *vg_driver_device(int physical);

/* The handle of the primary context of a physical device: the same for ever, whether the
 * context is active or not. Never activates it. */
CUcontext vg_driver_primary_context(int physical);

/* What the front must know of a context handle that a program hands in. */
struct vg_context_facts {
    int physical; /* device */
    bool is_primary;
    bool is_active; /* a primary context that is not retained: false */
    unsigned flags;
    uint64_t id; /* cuCtxGetId */
    unsigned api_version;
};
/* Return: CUDA_SUCCESS; CUDA_ERROR_INVALID_CONTEXT for what never was a context;
 * CUDA_ERROR_CONTEXT_IS_DESTROYED for one that has ended. Any thread; must be cheap. */
CUresult vg_driver_context_facts(CUcontext context, struct vg_context_facts *out);

/* Stream ids for the runtime's private tables and cuStreamGetId. */
CUresult vg_driver_stream_id(CUcontext context, CUstream stream, unsigned long long *out);

/* Loads a fatbin wrapper into the current context, as runtime 11.8 does through its
 * private table; the same as cuModuleLoadData for every other image. */
CUresult vg_driver_module_load(CUmodule *out_module, const void *image);

/* For a private table: calls @visit for each function of a module until it returns 0.
 * Return: 1 when @visit stopped it, else 0. */
int vg_driver_module_functions(CUmodule module, int (*visit)(void *user, CUfunction f),
                               void *user);

/* --- supplied by the front --- */

/* The current context of the calling thread, or NULL. */
CUcontext vg_front_current(void);

/* Physical device of the current context; -1 when there is none. */
int vg_front_current_device(void);

/* Visible ordinal -> physical device, or -1. And back. */
int vg_front_physical(CUdevice device);
CUdevice vg_front_ordinal(int physical);

/* Maps a stream argument: NULL becomes CU_STREAM_LEGACY or CU_STREAM_PER_THREAD as the
 * called name says; everything else is returned unchanged. */
CUstream vg_front_stream(CUstream stream);

/* The default stream of the call in progress: CU_STREAM_LEGACY or CU_STREAM_PER_THREAD.
 */
CUstream vg_front_default_stream(void);

/* A number for the calling thread, unique in the process and never used twice; 0 never.
 * @on_exit is called with it when the thread ends (set once, at driver init). */
uint64_t vg_front_thread(void);
void vg_front_on_thread_exit(void (*on_exit)(uint64_t thread));

/* The driver calls this when a context ends (destroyed or reset): runs the runtime's
 * context-local destructors on the calling thread. @context is not removed from stacks.
 */
void vg_front_context_ended(CUcontext context);

/* True on a thread that runs a host function of ours: calls there are NOT_PERMITTED.
 * A driver that runs host functions brackets them with these. */
void vg_front_callback_begin(void);
void vg_front_callback_end(void);

/* Names a call that is not carried, once a process, and returns NOT_SUPPORTED. */
CUresult vg_front_not_carried(int call);

/* Hears the same names; set once, at driver init. */
void vg_front_on_not_carried(void (*hear)(const char *name));
