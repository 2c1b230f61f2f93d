/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module_api - the Driver API's calls on modules and functions.
 *
 * Loading happens before the driver lock is taken: it reads what the program owns and may
 * take long.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/memory.h"
#include "soft/module.h"

static CUresult
publish_module(struct vg_image *image, CUmodule *out)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        vg_soft_lock();
        vg_image_unref(image);
        return vg_soft_leave(r);
    }
    struct vg_module *module;
    r = vg_module_create(context, image, &module);
    vg_image_unref(image);
    if (r == CUDA_SUCCESS) {
        *out = vg_object_handle(&module->object);
    }
    return vg_soft_leave(r);
}

static CUresult
check_may_load(void)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    return r != CUDA_SUCCESS ? r : vg_soft_leave(vg_capture_check_unsafe());
}

CUresult
vg_drv_cuModuleLoadDataEx(CUmodule *module, const void *data, unsigned int count,
                          CUjit_option *options, void **values)
{
    if (module == NULL || data == NULL || (count != 0 && options == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r = check_may_load();
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_jit_log log;
    struct vg_image *image;
    vg_jit_log_init(&log, count, options, values);
    r = vg_image_load(data, SIZE_MAX, &log, &image);
    return r == CUDA_SUCCESS ? publish_module(image, module) : r;
}

CUresult
vg_drv_cuModuleLoadData(CUmodule *module, const void *data)
{
    return vg_drv_cuModuleLoadDataEx(module, data, 0, NULL, NULL);
}

CUresult
vg_drv_cuModuleLoadFatBinary(CUmodule *module, const void *data)
{
    return vg_drv_cuModuleLoadDataEx(module, data, 0, NULL, NULL);
}

CUresult
vg_driver_module_load(CUmodule *out_module, const void *image)
{
    return vg_drv_cuModuleLoadDataEx(out_module, image, 0, NULL, NULL);
}

CUresult
vg_drv_cuModuleLoad(CUmodule *module, const char *path)
{
    if (module == NULL || path == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r = check_may_load();
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_jit_log log = { 0 };
    struct vg_image *image;
    r = vg_image_load_file(path, &log, &image);
    return r == CUDA_SUCCESS ? publish_module(image, module) : r;
}

/* Lock held at entry and return. Functions first: each holds its module. */
static void
retire_module(struct vg_module *module)
{
    for (size_t i = 0; i < module->n_functions; i++) {
        vg_object_retire(&module->functions[i]->object);
    }
    module->n_functions = 0;
    vg_object_retire(&module->object);
}

CUresult
vg_drv_cuModuleUnload(CUmodule handle)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_module *module = vg_object_find(VG_OBJECT_MODULE, handle);
    if (module == NULL || module->library != NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    vg_object_ref(&module->object);
    r = vg_context_drain(module->context);
    if (module->object.handle != 0) {
        vg_object_ref(&module->object);
        retire_module(module);
        vg_object_unref(&module->object);
    }
    vg_object_unref(&module->object);
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuModuleGetFunction(CUfunction *out, CUmodule handle, const char *name)
{
    if (out == NULL || name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_module *module = vg_object_find(VG_OBJECT_MODULE, handle);
    struct vg_entry entry;
    struct vg_function *function;
    if (module == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    if (!vg_image_find_entry(module->image, name, &entry)) {
        return vg_soft_leave(CUDA_ERROR_NOT_FOUND);
    }
    r = vg_module_function(module, &entry, &function);
    if (r == CUDA_SUCCESS) {
        *out = vg_object_handle(&function->object);
    }
    return vg_soft_leave(r);
}

static CUresult
find_global(struct vg_module *module, const char *name, CUdeviceptr *address,
            size_t *size)
{
    for (size_t u = 0; u < module->image->n_units; u++) {
        const struct vg_ptx_module *ptx = module->image->units[u].ptx;
        const struct vg_ptx_var *var = vg_ptx_find_var(ptx, name);
        if (var == NULL || module->addresses[u][var - ptx->vars] == 0 ||
            var->linkage == VG_PTX_EXTERN) {
            continue;
        }
        if (address != NULL) {
            *address = module->addresses[u][var - ptx->vars];
        }
        if (size != NULL) {
            *size = var->size;
        }
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_NOT_FOUND;
}

CUresult
vg_drv_cuModuleGetGlobal_v2(CUdeviceptr *dptr, size_t *bytes, CUmodule handle,
                            const char *name)
{
    if (name == NULL || (dptr == NULL && bytes == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_module *module = vg_object_find(VG_OBJECT_MODULE, handle);
    r = module != NULL ? find_global(module, name, dptr, bytes)
                       : CUDA_ERROR_INVALID_HANDLE;
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuModuleGetFunctionCount(unsigned int *count, CUmodule handle)
{
    if (count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_module *module = vg_object_find(VG_OBJECT_MODULE, handle);
    if (module == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    *count = (unsigned)vg_image_count_entries(module->image);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuModuleEnumerateFunctions(CUfunction *functions, unsigned int count,
                                  CUmodule handle)
{
    if (functions == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_module *module = vg_object_find(VG_OBJECT_MODULE, handle);
    if (module == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    struct vg_entry entry;
    for (unsigned i = 0; i < count && vg_image_entry(module->image, i, &entry); i++) {
        struct vg_function *function;
        CUresult r = vg_module_function(module, &entry, &function);
        if (r != CUDA_SUCCESS) {
            return vg_soft_leave(r);
        }
        functions[i] = vg_object_handle(&function->object);
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

int
vg_driver_module_functions(CUmodule handle, int (*visit)(void *user, CUfunction f),
                           void *user)
{
    unsigned count = 0;
    if (vg_drv_cuModuleGetFunctionCount(&count, handle) != CUDA_SUCCESS) {
        return 0;
    }
    CUfunction *functions = calloc((size_t)count + 1, sizeof(CUfunction));
    int stopped = 0;
    if (functions != NULL &&
        vg_drv_cuModuleEnumerateFunctions(functions, count, handle) == CUDA_SUCCESS) {
        for (unsigned i = 0; i < count && stopped == 0; i++) {
            stopped = visit(user, functions[i]) == 0;
        }
    }
    free(functions);
    return stopped;
}

/* --- libraries --- */

static void
library_destroy(struct vg_object *object)
{
    struct vg_library *library = (struct vg_library *)object;
    for (struct vg_module *m = library->modules; m != NULL; m = m->next) {
        m->library = NULL;
    }
    vg_image_unref(library->image);
    free(library->kernels);
    free(library);
}

static CUresult
publish_library(struct vg_image *image, CUlibrary *out)
{
    struct vg_library *library = calloc(1, sizeof *library);
    vg_soft_lock();
    if (library == NULL) {
        vg_image_unref(image);
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    library->object.destroy = library_destroy;
    library->object.refs = 1;
    library->image = image;
    CUresult r = CUDA_SUCCESS;
    if (vg_object_publish(&library->object, VG_OBJECT_LIBRARY, NULL) != 0) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    } else {
        *out = vg_object_handle(&library->object);
    }
    vg_object_unref(&library->object);
    return vg_soft_leave(r);
}

/* The options say how the image is kept; we have copied what we need in every case. */
CUresult
vg_drv_cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jit_options,
                         void **jit_values, unsigned int jit_count,
                         CUlibraryOption *options, void **values, unsigned int count)
{
    (void)options;
    (void)values;
    (void)count;
    if (library == NULL || code == NULL || (jit_count != 0 && jit_options == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_jit_log log;
    struct vg_image *image;
    vg_jit_log_init(&log, jit_count, jit_options, jit_values);
    CUresult r = vg_image_load(code, SIZE_MAX, &log, &image);
    return r == CUDA_SUCCESS ? publish_library(image, library) : r;
}

CUresult
vg_drv_cuLibraryLoadFromFile(CUlibrary *library, const char *path,
                             CUjit_option *jit_options, void **jit_values,
                             unsigned int jit_count, CUlibraryOption *options,
                             void **values, unsigned int count)
{
    (void)options;
    (void)values;
    (void)count;
    if (library == NULL || path == NULL || (jit_count != 0 && jit_options == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_jit_log log;
    struct vg_image *image;
    vg_jit_log_init(&log, jit_count, jit_options, jit_values);
    CUresult r = vg_image_load_file(path, &log, &image);
    return r == CUDA_SUCCESS ? publish_library(image, library) : r;
}

CUresult
vg_drv_cuLibraryUnload(CUlibrary handle)
{
    vg_soft_lock();
    struct vg_library *library = vg_object_find(VG_OBJECT_LIBRARY, handle);
    if (library == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    while (library->modules != NULL) {
        struct vg_module *module = library->modules;
        library->modules = module->next;
        module->library = NULL;
        vg_object_ref(&module->object);
        if (module->object.handle != 0) {
            vg_context_drain(module->context);
            retire_module(module);
        }
        vg_object_unref(&module->object);
    }
    for (size_t i = 0; i < library->n_kernels; i++) {
        vg_object_retire(&library->kernels[i]->object);
    }
    library->n_kernels = 0;
    vg_object_retire(&library->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

static void
kernel_destroy(struct vg_object *object)
{
    struct vg_kernel *kernel = (struct vg_kernel *)object;
    vg_object_unref(&kernel->library->object);
    free(kernel);
}

static CUresult
library_kernel(struct vg_library *library, const struct vg_entry *entry,
               struct vg_kernel **out)
{
    for (size_t i = 0; i < library->n_kernels; i++) {
        if (library->kernels[i]->entry.func == entry->func) {
            *out = library->kernels[i];
            return CUDA_SUCCESS;
        }
    }
    if (library->n_kernels == library->capacity) {
        size_t capacity = library->capacity != 0 ? 2 * library->capacity : 16;
        void *grown = realloc(library->kernels, capacity * sizeof(struct vg_kernel *));
        if (grown == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        library->kernels = grown;
        library->capacity = capacity;
    }
    struct vg_kernel *kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    kernel->object.destroy = kernel_destroy;
    kernel->library = library;
    kernel->entry = *entry;
    kernel->max_dynamic_shared = -1;
    kernel->carveout = -1;
    if (vg_object_publish(&kernel->object, VG_OBJECT_KERNEL, NULL) != 0) {
        free(kernel);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_object_ref(&library->object);
    library->kernels[library->n_kernels++] = kernel;
    *out = kernel;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuLibraryGetKernel(CUkernel *out, CUlibrary handle, const char *name)
{
    if (out == NULL || name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_library *library = vg_object_find(VG_OBJECT_LIBRARY, handle);
    struct vg_entry entry;
    struct vg_kernel *kernel;
    if (library == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    if (!vg_image_find_entry(library->image, name, &entry)) {
        return vg_soft_leave(CUDA_ERROR_NOT_FOUND);
    }
    CUresult r = library_kernel(library, &entry, &kernel);
    if (r == CUDA_SUCCESS) {
        *out = vg_object_handle(&kernel->object);
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuLibraryGetKernelCount(unsigned int *count, CUlibrary handle)
{
    if (count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_library *library = vg_object_find(VG_OBJECT_LIBRARY, handle);
    if (library == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    *count = (unsigned)vg_image_count_entries(library->image);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuLibraryEnumerateKernels(CUkernel *kernels, unsigned int count, CUlibrary handle)
{
    if (kernels == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_library *library = vg_object_find(VG_OBJECT_LIBRARY, handle);
    if (library == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    struct vg_entry entry;
    for (unsigned i = 0; i < count && vg_image_entry(library->image, i, &entry); i++) {
        struct vg_kernel *kernel;
        CUresult r = library_kernel(library, &entry, &kernel);
        if (r != CUDA_SUCCESS) {
            return vg_soft_leave(r);
        }
        kernels[i] = vg_object_handle(&kernel->object);
    }
    return vg_soft_leave(CUDA_SUCCESS);
}

/* Lock taken on success only. */
static CUresult
enter_library(CUlibrary handle, struct vg_module **out)
{
    struct vg_context *context;
    CUresult r = vg_soft_enter(&context);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    struct vg_library *library = vg_object_find(VG_OBJECT_LIBRARY, handle);
    if (library == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    r = vg_library_module(library, context, out);
    return r == CUDA_SUCCESS ? r : vg_soft_leave(r);
}

CUresult
vg_drv_cuLibraryGetModule(CUmodule *out, CUlibrary handle)
{
    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_module *module;
    CUresult r = enter_library(handle, &module);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    *out = vg_object_handle(&module->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuLibraryGetGlobal(CUdeviceptr *dptr, size_t *bytes, CUlibrary handle,
                          const char *name)
{
    if (name == NULL || (dptr == NULL && bytes == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_module *module;
    CUresult r = enter_library(handle, &module);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    return vg_soft_leave(find_global(module, name, dptr, bytes));
}

/* A managed variable is in PTX a .global one: in process its address is good on both
 * sides. The runtime asks before there is a context. */
CUresult
vg_drv_cuLibraryGetManaged(CUdeviceptr *dptr, size_t *bytes, CUlibrary handle,
                           const char *name)
{
    if (name == NULL || (dptr == NULL && bytes == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    vg_soft_lock();
    struct vg_library *library = vg_object_find(VG_OBJECT_LIBRARY, handle);
    if (library == NULL) {
        return vg_soft_leave(CUDA_ERROR_INVALID_HANDLE);
    }
    struct vg_context *context = vg_context_find(vg_front_current());
    struct vg_module *module;
    CUresult r = vg_library_module(
        library, context != NULL ? context : vg_context_primary(), &module);
    if (r == CUDA_SUCCESS) {
        r = find_global(module, name, dptr, bytes);
    }
    return vg_soft_leave(r);
}
