/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * callbacks - records behind the functions that the driver calls. Private to src/worker.
 */

#include <stdbool.h>
#include <stdint.h>

#include "worker/dispatch.h"

#ifndef CUDA_CB
#define CUDA_CB
#endif

struct vg_callback {
    uint64_t function; /* addresses of the client */
    uint64_t user;
    vg_id stream; /* as the client shows it to a stream callback */
    bool kept;    /* runs more than once: never freed */
};

/* Reads function and user. NULL: no memory, and the call is stale. */
struct vg_callback *vg_callback_get(struct vg_worker_call *call);

/* A CUhostFn for the driver; its argument is a struct vg_callback. */
void CUDA_CB vg_callback_run(void *record);
