/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/kernel.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call.h"
#include "shim/conn.h"
#include "shim/ids.h"
#include "wire/internal.h"

/* Has an attribute been set of a kernel that has more than one handle? */
static _Atomic bool two_handles_set;

/* Decodes a reply. Return: a sheet, or NULL and the decoder or memory failed. */
static struct vg_kernel *
read_sheet(struct vg_dec *rep)
{
    const uint32_t known = vg_get_u32(rep);
    int32_t attributes[VG_KERNEL_ATTRIBUTES];

    for (int i = 0; i < VG_KERNEL_ATTRIBUTES; i++) {
        attributes[i] = vg_get_i32(rep);
    }
    const uint32_t count = vg_get_count(rep, 8);
    struct vg_kernel *kernel =
        calloc(1, sizeof(*kernel) + count * sizeof(kernel->params[0]));
    if (kernel == NULL) {
        return NULL;
    }
    kernel->known = known;
    kernel->param_count = count;
    for (int i = 0; i < VG_KERNEL_ATTRIBUTES; i++) {
        atomic_init(&kernel->attributes[i], attributes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct vg_kernel_param *p = &kernel->params[i];
        p->offset = vg_get_u32(rep);
        p->size = vg_get_u32(rep);
        if (p->offset > VG_PARAMS_MAX || p->size > VG_PARAMS_MAX - p->offset) {
            vg_dec_fail(rep);
        } else if (p->offset + p->size > kernel->param_size) {
            kernel->param_size = p->offset + p->size;
        }
    }
    return kernel;
}

CUresult
vg_kernel_get(const void *function, struct vg_kernel **out)
{
    const vg_id id = vg_id_from_handle(function);
    struct vg_kernel *kernel = vg_client_ids_data(id);
    struct vg_call call;

    if (kernel != NULL) {
        *out = kernel;
        return CUDA_SUCCESS;
    }
    vg_call_begin(&call, VG_CALL_KERNEL_SHEET);
    call.relaxed = true; /* ours, not the program's */
    vg_call_put_function(&call, function);
    if (vg_call_wait_any(&call)) {
        kernel = read_sheet(&call.rep);
        if (kernel == NULL) {
            vg_call_fail(&call, CUDA_ERROR_OUT_OF_MEMORY);
        } else if (!vg_call_check(&call)) {
            free(kernel);
        } else {
            kernel = vg_client_ids_attach(id, kernel, free);
            if (kernel == NULL) { /* unloaded meanwhile by another thread */
                vg_call_fail(&call, CUDA_ERROR_INVALID_HANDLE);
            } else {
                *out = kernel;
            }
        }
    }
    return vg_call_end(&call);
}

/* A block of parameters that the program has packed itself. */
static CUresult
pack_extra(const struct vg_kernel *kernel, void **extra, uint8_t *out, uint32_t *out_size)
{
    const void *buffer = NULL;
    size_t size = 0;

    for (; extra[0] != CU_LAUNCH_PARAM_END; extra += 2) {
        if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
            buffer = extra[1];
        } else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE) {
            memcpy(&size, extra[1], sizeof(size));
        } else {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    if (size < kernel->param_size || (buffer == NULL && kernel->param_size != 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (kernel->param_size != 0) {
        memcpy(out, buffer, kernel->param_size);
    }
    *out_size = kernel->param_size;
    return CUDA_SUCCESS;
}

CUresult
vg_kernel_pack(const struct vg_kernel *kernel, void **params, void **extra, uint8_t *out,
               uint32_t *out_size)
{
    if (params != NULL && extra != NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (extra != NULL) {
        return pack_extra(kernel, extra, out, out_size);
    }
    if (params == NULL && kernel->param_count != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    memset(out, 0, kernel->param_size); /* padding must not leak the stack */
    for (uint32_t i = 0; i < kernel->param_count; i++) {
        if (params[i] == NULL) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        memcpy(out + kernel->params[i].offset, params[i], kernel->params[i].size);
    }
    *out_size = kernel->param_size;
    return CUDA_SUCCESS;
}

/* The sheet's value. What a program may set (those from the dynamic shared memory on) can
 * have been set through another handle of the same kernel: then the worker is asked. */
static bool
known_attribute(const void *function, CUfunction_attribute attrib, int *out)
{
    struct vg_kernel *kernel = NULL;

    if ((int)attrib < 0 || (int)attrib >= VG_KERNEL_ATTRIBUTES ||
        atomic_load_explicit(&vg_conn.lost, memory_order_relaxed) ||
        ((int)attrib >= CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES &&
         atomic_load_explicit(&two_handles_set, memory_order_relaxed)) ||
        vg_kernel_get(function, &kernel) != CUDA_SUCCESS || kernel == NULL ||
        (kernel->known >> (int)attrib & 1) == 0) {
        return false;
    }
    *out = atomic_load_explicit(&kernel->attributes[attrib], memory_order_relaxed);
    return true;
}

CUresult
vg_drv_cuFuncGetAttribute(int *value, CUfunction_attribute attrib, CUfunction function)
{
    if (value != NULL && known_attribute(function, attrib, value)) {
        return CUDA_SUCCESS;
    }
    return vg_send_cuFuncGetAttribute(value, attrib, function);
}

CUresult
vg_drv_cuKernelGetAttribute(int *value, CUfunction_attribute attrib, CUkernel kernel,
                            CUdevice dev)
{
    if (value != NULL && dev == 0 && vg_conn.device_count == 1 &&
        vg_id_type_of(vg_id_from_handle(kernel)) == VG_ID_KERN &&
        known_attribute(kernel, attrib, value)) {
        return CUDA_SUCCESS;
    }
    return vg_send_cuKernelGetAttribute(value, attrib, kernel, dev);
}

/* A module's function has one handle; a kernel, and its functions, have several. */
static void
note_set(const void *function)
{
    const vg_id owner = vg_client_ids_parent(vg_id_from_handle(function));

    if (vg_id_type_of(owner) != VG_ID_MODULE) {
        atomic_store_explicit(&two_handles_set, true, memory_order_relaxed);
    }
}

/* An attribute that already has the value costs no call; the others are posted. */
CUresult
vg_drv_cuFuncSetAttribute(CUfunction function, CUfunction_attribute attrib, int value)
{
    struct vg_kernel *kernel = NULL;

    const CUresult result = vg_kernel_get(function, &kernel);
    if (result != CUDA_SUCCESS || kernel == NULL) {
        return result;
    }
    if ((int)attrib < 0 || (int)attrib >= VG_KERNEL_ATTRIBUTES ||
        (kernel->known >> (int)attrib & 1) == 0) {
        return vg_send_cuFuncSetAttribute(function, attrib, value);
    }
    if (atomic_load_explicit(&kernel->attributes[attrib], memory_order_relaxed) ==
        value) {
        return CUDA_SUCCESS;
    }
    /* it may be refused, and the refusal belongs to this call */
    const CUresult sent = vg_send_cuFuncSetAttribute(function, attrib, value);
    if (sent == CUDA_SUCCESS) {
        note_set(function);
        atomic_store_explicit(&kernel->attributes[attrib], value, memory_order_relaxed);
    }
    return sent;
}

CUresult
vg_drv_cuKernelSetAttribute(CUfunction_attribute attrib, int value, CUkernel kernel,
                            CUdevice dev)
{
    struct vg_kernel *sheet = vg_client_ids_data(vg_id_from_handle(kernel));

    const CUresult result = vg_send_cuKernelSetAttribute(attrib, value, kernel, dev);
    note_set(kernel);
    if (result == CUDA_SUCCESS && sheet != NULL && (int)attrib >= 0 &&
        (int)attrib < VG_KERNEL_ATTRIBUTES) {
        atomic_store_explicit(&sheet->attributes[attrib], value, memory_order_relaxed);
    }
    return result;
}
