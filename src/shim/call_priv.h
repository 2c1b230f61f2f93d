/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * call_priv - what the hand-written calls of the shim share. Private to src/shim.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shim/call.h"

/* True while a stream capture is open anywhere in the process. */
bool vg_capture_is_open(void);

/* A capture has begun. */
void vg_capture_opened(void);

/* The capture mode of the calling thread. */
CUstreamCaptureMode vg_capture_mode(void);

/* Forgets all that was of @context in the client. */
void vg_context_forget(vg_id context);
