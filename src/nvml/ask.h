/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ask - one question to the host's own NVML: what the generated nvml_carry.c is built on.
 *
 *     begin, put the parameters into req, wait, get the results from rep, end.
 *
 * One question at a time for a process: wait takes the lock and end gives it back. A
 * broken or silent connection is an error of the question; the next one connects anew.
 */

#include <stdint.h>

#include "nvml_calls.h"
#include "nvml_types.h"
#include "wire/wire.h"

struct vg_nvml_ask {
    struct vg_enc req;
    struct vg_dec rep;
    nvmlReturn_t result;
    enum vg_nvml_call call;
    uint8_t first[512]; /* of the request, so that most need no heap */
};

void vg_nvml_ask_begin(struct vg_nvml_ask *ask, enum vg_nvml_call call);

/* Return: the host's result, or that of the way there: TIMEOUT when the host is silent,
 * UNKNOWN when the worker is gone, GPU_IS_LOST when none can be reached any more. */
nvmlReturn_t vg_nvml_ask_wait(struct vg_nvml_ask *ask);

/* Return: the result; LIB_RM_VERSION_MISMATCH when the answer was not of this form. */
nvmlReturn_t vg_nvml_ask_end(struct vg_nvml_ask *ask);

/* Results with a length of their own; the program's @capacity is kept. */
uint32_t vg_nvml_ask_count(struct vg_nvml_ask *ask, unsigned capacity);
void vg_nvml_ask_text(struct vg_nvml_ask *ask, char *out, unsigned capacity);

/* nvmlInit has succeeded: a new connection repeats it by itself. */
void vg_nvml_ask_started(void);
void vg_nvml_ask_close(void);
