/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * front_priv - what the files of src/front share.
 *
 * Process state (cuInit, fork, visible devices) is written under the lock of state.c and
 * never changes once cuInit has succeeded; thread state belongs to its thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cuda_types.h"
#include "front/driver.h"

#define VG_PRIORITY_GREATEST (-5)

/* A context stack of this depth costs no allocation. */
#define VG_STACK_INLINE 8

struct vg_front_thread {
    uint64_t id;            /* 0: not numbered yet */
    unsigned callbacks;     /* host functions of ours that this thread is inside of */
    bool per_thread_stream; /* the call in progress has the suffix _ptsz or _ptds */
    int depth;
    int room; /* of @heap; 0: @few is in use */
    CUcontext few[VG_STACK_INLINE];
    CUcontext *heap;
};

/* State of the calling thread; never NULL. */
struct vg_front_thread *vg_front_self(void);

/* Visible devices; 0 before cuInit. */
int vg_front_visible_count(void);

/* The sheet of a visible device; NULL when @device is no ordinal. */
const struct vg_device_sheet *vg_front_sheet(CUdevice device);

/* Makes a context current on top of the calling thread's stack, or takes one off its top.
 * Pushing fails with OUT_OF_MEMORY only. */
CUresult vg_front_push(CUcontext context);
void vg_front_drop(CUcontext context);

/* Facts of @context, or of the current one when it is NULL. */
CUresult vg_front_context_facts(CUcontext context, struct vg_context_facts *out);

/* "CUDA_ERROR_INVALID_VALUE"; NULL for what is no result. */
const char *vg_front_result_name(CUresult result);

/* Names once in the log what a program asks for and we lack: an entry point or a table.
 */
void vg_front_lacks(const char *what);

/* True once cuInit has succeeded, in this process and not only in a parent. */
bool vg_front_is_ready(void);
