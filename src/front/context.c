/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - the stack of contexts of each thread, and questions about a context.
 *
 * The stack holds handles only; whether one is still alive is asked of the driver. A
 * primary context may be current without being active: the runtime makes it current
 * first.
 */

#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_front.h"
#include "front/front_priv.h"
#include "front/storage.h"

static CUcontext *
stack_of(struct vg_front_thread *self)
{
    return self->room == 0 ? self->few : self->heap;
}

/* Makes room for one more. Return: false when memory has run out. */
static bool
grow(struct vg_front_thread *self)
{
    int room = self->room == 0 ? VG_STACK_INLINE : self->room;

    if (self->depth < room) {
        return true;
    }
    CUcontext *wider = calloc((size_t)room * 2, sizeof(CUcontext));
    if (wider == NULL) {
        return false;
    }
    memcpy(wider, stack_of(self), (size_t)self->depth * sizeof(CUcontext));
    free(self->heap);
    self->heap = wider;
    self->room = room * 2;
    return true;
}

CUcontext
vg_front_current(void)
{
    struct vg_front_thread *self = vg_front_self();

    return self->depth == 0 ? NULL : stack_of(self)[self->depth - 1];
}

CUresult
vg_front_push(CUcontext context)
{
    struct vg_front_thread *self = vg_front_self();

    vg_front_thread(); /* numbers the thread, so that its end frees the stack */
    if (!grow(self)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stack_of(self)[self->depth++] = context;
    return CUDA_SUCCESS;
}

void
vg_front_drop(CUcontext context)
{
    if (context != NULL && vg_front_current() == context) {
        vg_front_self()->depth--;
    }
}

CUresult
vg_front_context_facts(CUcontext context, struct vg_context_facts *out)
{
    if (context == NULL) {
        context = vg_front_current();
    }
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return vg_driver_context_facts(context, out);
}

int
vg_front_current_device(void)
{
    struct vg_context_facts facts;

    return vg_front_context_facts(NULL, &facts) == CUDA_SUCCESS ? facts.physical : -1;
}

void
vg_front_context_ended(CUcontext context)
{
    vg_storage_end(context);
}

CUresult
vg_front_cuCtxGetCurrent(CUcontext *context)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *context = vg_front_current();
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxSetCurrent(CUcontext context)
{
    struct vg_front_thread *self = vg_front_self();
    struct vg_context_facts facts;

    if (context == NULL) {
        self->depth -= self->depth > 0 ? 1 : 0;
        return CUDA_SUCCESS;
    }
    CUresult r = vg_driver_context_facts(context, &facts);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (self->depth == 0) {
        return vg_front_push(context);
    }
    stack_of(self)[self->depth - 1] = context;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxPushCurrent_v2(CUcontext context)
{
    struct vg_context_facts facts;

    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    CUresult r = vg_driver_context_facts(context, &facts);
    return r == CUDA_SUCCESS ? vg_front_push(context) : r;
}

CUresult
vg_front_cuCtxPopCurrent_v2(CUcontext *context)
{
    struct vg_front_thread *self = vg_front_self();

    if (self->depth == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (context != NULL) {
        *context = vg_front_current();
    }
    self->depth--;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxGetDevice_v2(CUdevice *device, CUcontext context)
{
    struct vg_context_facts facts;
    CUresult r = vg_front_context_facts(context, &facts);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (device == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = vg_front_ordinal(facts.physical);
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxGetDevice(CUdevice *device)
{
    return vg_front_cuCtxGetDevice_v2(device, NULL);
}

CUresult
vg_front_cuCtxGetFlags(unsigned int *flags)
{
    struct vg_context_facts facts;
    CUresult r = vg_front_context_facts(NULL, &facts);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (flags == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = facts.flags;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxGetId(CUcontext context, unsigned long long *id)
{
    struct vg_context_facts facts;
    CUresult r = vg_front_context_facts(context, &facts);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (id == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *id = facts.id;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxGetApiVersion(CUcontext context, unsigned int *version)
{
    struct vg_context_facts facts;
    CUresult r = vg_front_context_facts(context, &facts);

    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (version == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *version = facts.api_version;
    return CUDA_SUCCESS;
}

/* Six levels, as every device that has priorities reports; lower numbers come first. */
CUresult
vg_front_cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    const struct vg_device_sheet *sheet = vg_driver_device(vg_front_current_device());
    bool has = sheet != NULL &&
               sheet->attributes[CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED] != 0;

    if (least != NULL) {
        *least = 0;
    }
    if (greatest != NULL) {
        *greatest = has ? VG_PRIORITY_GREATEST : 0;
    }
    return CUDA_SUCCESS;
}

static bool
is_device(CUdevice device)
{
    return vg_front_physical(device) >= 0;
}

CUresult
vg_front_cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice dev)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return is_device(dev) ? vg_drv_cuDevicePrimaryCtxRetain(context, dev)
                          : CUDA_ERROR_INVALID_DEVICE;
}

CUresult
vg_front_cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
    return is_device(dev) ? vg_drv_cuDevicePrimaryCtxRelease_v2(dev)
                          : CUDA_ERROR_INVALID_DEVICE;
}

CUresult
vg_front_cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
    return is_device(dev) ? vg_drv_cuDevicePrimaryCtxReset_v2(dev)
                          : CUDA_ERROR_INVALID_DEVICE;
}

CUresult
vg_front_cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags)
{
    return is_device(dev) ? vg_drv_cuDevicePrimaryCtxSetFlags_v2(dev, flags)
                          : CUDA_ERROR_INVALID_DEVICE;
}

CUresult
vg_front_cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int *flags, int *active)
{
    if (flags == NULL || active == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return is_device(dev) ? vg_drv_cuDevicePrimaryCtxGetState(dev, flags, active)
                          : CUDA_ERROR_INVALID_DEVICE;
}

/* Return: @r, or what pushing the context that a successful call has made returned. */
static CUresult
push_created(CUresult r, const CUcontext *context)
{
    return r == CUDA_SUCCESS ? vg_front_push(*context) : r;
}

CUresult
vg_front_cuCtxCreate_v2(CUcontext *context, unsigned int flags, CUdevice dev)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_device(dev)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    return push_created(vg_drv_cuCtxCreate_v2(context, flags, dev), context);
}

CUresult
vg_front_cuCtxCreate_v3(CUcontext *context, CUexecAffinityParam *affinity,
                        int affinity_count, unsigned int flags, CUdevice dev)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_device(dev)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    return push_created(
        vg_drv_cuCtxCreate_v3(context, affinity, affinity_count, flags, dev), context);
}

CUresult
vg_front_cuCtxCreate_v4(CUcontext *context, CUctxCreateParams *params, unsigned int flags,
                        CUdevice dev)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!is_device(dev)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    return push_created(vg_drv_cuCtxCreate_v4(context, params, flags, dev), context);
}

CUresult
vg_front_cuCtxDestroy_v2(CUcontext context)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    CUresult r = vg_drv_cuCtxDestroy_v2(context);
    if (r == CUDA_SUCCESS) {
        vg_front_drop(context);
    }
    return r;
}

/* A context is used by whoever knows it; there are no counts to raise. */
CUresult
vg_front_cuCtxAttach(CUcontext *context, unsigned int flags)
{
    (void)context;
    (void)flags;
    return vg_front_not_carried(VG_CUDA_cuCtxAttach);
}

/* Nothing raises the count of users, so the first detach ends the context. */
CUresult
vg_front_cuCtxDetach(CUcontext context)
{
    return vg_front_cuCtxDestroy_v2(context);
}
