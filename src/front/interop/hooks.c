/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks - where tools would ask to be called around runtime calls. Nobody can.
 *
 * Slots 2 and 6 hand out arrays of flags, one word for each kind of call and of resource
 * event; the runtime checks only that they are long enough for all kinds it knows, and
 * newer runtimes know more: 567 and 14 in 13.5. The flags stay 0, so 1 and 5 never run.
 */

#include <stdint.h>

#include "front/driver.h"
#include "front/front_priv.h"
#include "front/interop/tables.h"

#define CALL_KINDS  4096
#define EVENT_KINDS 256

static uint32_t call_flags[CALL_KINDS];
static uint32_t event_flags[EVENT_KINDS];

static void
call_enabled(uint32_t **flags, size_t *count)
{
    *flags = call_flags;
    *count = CALL_KINDS;
}

static void
event_enabled(uint32_t **flags, size_t *count)
{
    *flags = event_flags;
    *count = EVENT_KINDS;
}

static CUresult
stream_number(CUcontext context, CUstream stream, unsigned long long *out)
{
    return vg_driver_stream_id(context, stream, out);
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

const union vg_word vg_table_hooks[VG_HOOKS_SLOTS] = {
    { .size = sizeof(vg_table_hooks) },
    VG_REFUSE,
    VG_SLOT(call_enabled),
    VG_SLOT(stream_number),
    VG_SLOT(context_number),
    VG_REFUSE,
    VG_SLOT(event_enabled),
};
