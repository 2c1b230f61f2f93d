/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_api - the Driver API's calls on functions and kernels: attributes, names,
 * parameters.
 *
 * An attribute that depends on the body makes the function ready first. A kernel that
 * cannot run still answers: what a program asks about all its kernels at start must not
 * fail because of one it never launches.
 */
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/module.h"

/* Takes the lock and finds a function; makes it ready when @ready. On failure the lock is
 * not held. On success the caller drops a reference with leave_function(). */
static CUresult
enter_function(CUfunction handle, bool ready, struct vg_function **out)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_function_find(context, handle, out);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    vg_object_ref(&(*out)->object);
    if (ready) {
        r = vg_function_ready(*out);
        if (r == CUDA_ERROR_OUT_OF_MEMORY || r == CUDA_ERROR_INVALID_PTX) {
            vg_object_unref(&(*out)->object);
            return vg_soft_leave(r);
        }
    }
    return CUDA_SUCCESS;
}

static CUresult
leave_function(struct vg_function *function, CUresult r)
{
    vg_object_unref(&function->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuFuncGetAttribute(int *value, CUfunction_attribute attrib, CUfunction handle)
{
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_function *function;
    CUresult r = enter_function(handle, true, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function, vg_function_attribute(function, (int)attrib, value));
}

#define MAX_SHARED 101376

/* Lock held. */
static CUresult
set_attribute(struct vg_function *function, int attribute, int value)
{
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        if (value < 0 || value > MAX_SHARED - (int)function->needs.static_shared) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        function->max_dynamic_shared = value;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        if (value < -1 || value > 100) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        function->carveout = value;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
        function->non_portable_cluster = value != 0;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
        return value >= 0 && value <= 2 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult
vg_drv_cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attrib, int value)
{
    struct vg_function *function;
    CUresult r = enter_function(handle, true, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function, set_attribute(function, (int)attrib, value));
}

CUresult
vg_drv_cuFuncSetCacheConfig(CUfunction handle, CUfunc_cache config)
{
    struct vg_function *function;
    CUresult r = enter_function(handle, false, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function, (unsigned)config <= 3 ? CUDA_SUCCESS
                                                          : CUDA_ERROR_INVALID_VALUE);
}

CUresult
vg_drv_cuFuncSetSharedMemConfig(CUfunction handle, CUsharedconfig config)
{
    struct vg_function *function;
    CUresult r = enter_function(handle, false, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function, (unsigned)config <= 2 ? CUDA_SUCCESS
                                                          : CUDA_ERROR_INVALID_VALUE);
}

CUresult
vg_drv_cuFuncGetModule(CUmodule *module, CUfunction handle)
{
    struct vg_function *function;
    CUresult r = module != NULL ? enter_function(handle, false, &function)
                                : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *module = vg_object_handle(&function->module->object);
    return leave_function(function, CUDA_SUCCESS);
}

CUresult
vg_drv_cuFuncGetName(const char **name, CUfunction handle)
{
    struct vg_function *function;
    CUresult r = name != NULL ? enter_function(handle, false, &function)
                              : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *name = vg_function_name(function);
    return leave_function(function, CUDA_SUCCESS);
}

static CUresult
param_info(const struct vg_ptx_func *func, size_t index, size_t *offset, size_t *size)
{
    if (index >= func->n_params) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *offset = func->params[index].offset;
    if (size != NULL) {
        *size = func->params[index].size;
    }
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuFuncGetParamInfo(CUfunction handle, size_t index, size_t *offset, size_t *size)
{
    struct vg_function *function;
    CUresult r = offset != NULL ? enter_function(handle, false, &function)
                                : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function,
                          param_info(function->entry.func, index, offset, size));
}

CUresult
vg_drv_cuFuncGetParamCount(CUfunction handle, size_t *count)
{
    struct vg_function *function;
    CUresult r = count != NULL ? enter_function(handle, false, &function)
                               : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *count = function->entry.func->n_params;
    return leave_function(function, CUDA_SUCCESS);
}

CUresult
vg_drv_cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction handle)
{
    struct vg_function *function;
    CUresult r = state != NULL ? enter_function(handle, false, &function)
                               : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    bool ready = atomic_load_explicit(&function->is_ready, memory_order_acquire);
    *state =
        ready ? CU_FUNCTION_LOADING_STATE_LOADED : CU_FUNCTION_LOADING_STATE_UNLOADED;
    return leave_function(function, CUDA_SUCCESS);
}

CUresult
vg_drv_cuFuncLoad(CUfunction handle)
{
    struct vg_function *function;
    CUresult r = enter_function(handle, false, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function, vg_function_ready(function));
}

/* --- kernels: independent of contexts --- */

static CUresult
enter_kernel(CUkernel handle, struct vg_kernel **out)
{
    vg_soft_lock();
    *out = vg_object_find(VG_OBJECT_KERNEL, handle);
    return *out != NULL ? CUDA_SUCCESS : vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
}

CUresult
vg_drv_cuKernelGetFunction(CUfunction *out, CUkernel handle)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_function *function;
    if (vg_object_find(VG_OBJECT_KERNEL, handle) == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    r = vg_function_find(context, (CUfunction)handle, &function);
    if (r == CUDA_SUCCESS) {
        *out = vg_object_handle(&function->object);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuKernelGetLibrary(CUlibrary *out, CUkernel handle)
{
    struct vg_kernel *kernel;
    CUresult r = out != NULL ? enter_kernel(handle, &kernel) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *out = vg_object_handle(&kernel->library->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* A kernel's attributes are its function's in the current context, or, without one, in
 * the device's primary context. */
static CUresult
kernel_function(CUkernel handle, CUdevice device, struct vg_function **out)
{
    if (vg_front_physical(device) != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    struct vg_kernel *kernel;
    CUresult r = enter_kernel(handle, &kernel);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_context *context = vg_context_find(vg_front_current());
    r = vg_function_find(context != NULL ? context : vg_context_primary(),
                         (CUfunction)handle, out);
    if (r != CUDA_SUCCESS) {
        return vg_soft_leave(r);
    }
    vg_object_ref(&(*out)->object);
    r = vg_function_ready(*out);
    if (r == CUDA_ERROR_OUT_OF_MEMORY || r == CUDA_ERROR_INVALID_PTX) {
        return leave_function(*out, r);
    }
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuKernelGetAttribute(int *value, CUfunction_attribute attrib, CUkernel handle,
                            CUdevice device)
{
    struct vg_function *function;
    CUresult r = value != NULL ? kernel_function(handle, device, &function)
                               : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return leave_function(function, vg_function_attribute(function, (int)attrib, value));
}

CUresult
vg_drv_cuKernelSetAttribute(CUfunction_attribute attrib, int value, CUkernel handle,
                            CUdevice device)
{
    struct vg_function *function;
    CUresult r = kernel_function(handle, device, &function);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = set_attribute(function, (int)attrib, value);
    struct vg_kernel *kernel = vg_object_find(VG_OBJECT_KERNEL, handle);
    if (r == CUDA_SUCCESS && kernel != NULL) { /* for its functions in other contexts */
        kernel->max_dynamic_shared = function->max_dynamic_shared;
        kernel->carveout = function->carveout;
        kernel->non_portable_cluster = function->non_portable_cluster;
    }
    return leave_function(function, r);
}

CUresult
vg_drv_cuKernelSetCacheConfig(CUkernel handle, CUfunc_cache config, CUdevice device)
{
    struct vg_kernel *kernel;
    if (vg_front_physical(device) != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    CUresult r =
        (unsigned)config <= 3 ? enter_kernel(handle, &kernel) : CUDA_ERROR_INVALID_VALUE;
    return r != CUDA_SUCCESS ? r : vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuKernelGetName(const char **name, CUkernel handle)
{
    struct vg_kernel *kernel;
    CUresult r = name != NULL ? enter_kernel(handle, &kernel) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *name = kernel->entry.func->name;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuKernelGetParamInfo(CUkernel handle, size_t index, size_t *offset, size_t *size)
{
    struct vg_kernel *kernel;
    CUresult r =
        offset != NULL ? enter_kernel(handle, &kernel) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return vg_soft_leave(param_info(kernel->entry.func, index, offset, size));
}

CUresult
vg_drv_cuKernelGetParamCount(CUkernel handle, size_t *count)
{
    struct vg_kernel *kernel;
    CUresult r = count != NULL ? enter_kernel(handle, &kernel) : CUDA_ERROR_INVALID_VALUE;
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *count = kernel->entry.func->n_params;
    return vg_soft_leave(CUDA_SUCCESS);
}
