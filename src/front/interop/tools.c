/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools - numbers and devices of contexts and streams, as libraries ask for them.
 *
 * Slots 3 and 4 tell the device and the number of a context; 51 gives a token for a
 * stream and 39 the number behind a token. A token is the stream's number itself, which
 * is never 0, so that nothing has to be kept.
 */

#include <stdint.h>

#include "front/driver.h"
#include "front/front_priv.h"
#include "front/interop/tables.h"

static CUresult
context_device(CUcontext context, CUdevice *out)
{
    struct vg_context_facts facts;
    CUresult r = vg_front_context_facts(context, &facts);

    if (r == CUDA_SUCCESS) {
        *out = vg_front_ordinal(facts.physical);
    }
    return r;
}

static CUresult
context_number(CUcontext context, uint64_t *out)
{
    struct vg_context_facts facts;
    CUresult r = vg_front_context_facts(context, &facts);

    if (r == CUDA_SUCCESS) {
        *out = facts.id;
    }
    return r;
}

static CUresult
stream_token(CUcontext context, CUstream stream, uintptr_t *out)
{
    unsigned long long number;
    CUresult r = vg_driver_stream_id(context, stream, &number);

    if (r == CUDA_SUCCESS) {
        *out = (uintptr_t)number;
    }
    return r;
}

static CUresult
token_number(CUcontext context, uintptr_t token, uint64_t *out)
{
    (void)context;
    *out = token;
    return CUDA_SUCCESS;
}

const union vg_word vg_table_tools[VG_TOOLS_SLOTS] = {
    { .size = sizeof(vg_table_tools) },
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(context_device),
    VG_SLOT(context_number),
    /* 5..38 */
    VG_REFUSE_12,
    VG_REFUSE_12,
    VG_REFUSE_4,
    VG_REFUSE_4,
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(token_number), /* 39 */
    /* 40..50 */
    VG_REFUSE_4,
    VG_REFUSE_4,
    VG_REFUSE,
    VG_REFUSE,
    VG_REFUSE,
    VG_SLOT(stream_token), /* 51 */
    /* 52..95 */
    VG_REFUSE_12,
    VG_REFUSE_12,
    VG_REFUSE_12,
    VG_REFUSE_4,
    VG_REFUSE_4,
};

_Static_assert(5 + 34 + 1 + 11 + 1 + 44 == VG_TOOLS_SLOTS, "every slot is filled");
