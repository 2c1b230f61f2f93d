/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * internal - our own calls, which stand for no entry of the CUDA Driver API.
 *
 * They share headers, tickets and lanes with the API's calls; numbers from
 * VG_CALL_INTERNAL. Bodies: docs/wire.md.
 */

#include "wire/wire.h"

enum vg_internal_call {
    VG_CALL_THREAD_END = VG_CALL_INTERNAL, /* posted: the client thread has ended */
    VG_CALL_STAGE_WAIT,    /* waits until a staging slot's copies are complete */
    VG_CALL_COPY,          /* between arena and window; posted, or waits for its end */
    VG_CALL_COPY_STAGED,   /* posted: a staging slot to device memory, on a stream */
    VG_CALL_COPY_OUT,      /* waits: device memory to inline reply bytes */
    VG_CALL_COPY_OUT_SLOT, /* waits: device memory to a staging slot */
    VG_CALL_COPY_BOX,      /* between boxes and arrays (wire/box.h); posted, or waits */
    VG_CALL_KERNEL_SHEET, /* waits: parameter layout, attributes and limits of a kernel */
    VG_CALL_HOST_ALLOC,   /* waits: registers a piece of the window with the driver */
    VG_CALL_HOST_FREE,    /* waits: gives it back */
    VG_CALL_INTERNAL_END,
};
