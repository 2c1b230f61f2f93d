/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module - modules in contexts, their variables, and functions made ready to run.
 *
 * References: a function holds its module, a module its image, a launch its function; so
 * a module that is unloaded while a kernel of it runs goes when the kernel is done.
 */
#include "soft/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "soft/alter.h"
#include "soft/memory.h"
#include "soft/settings.h"
#include "soft/stats.h"

/* --- variables --- */

static bool
has_storage(const struct vg_ptx_var *var)
{
    return (var->space == VG_PTX_GLOBAL || var->space == VG_PTX_CONST) &&
           var->linkage != VG_PTX_EXTERN;
}

static CUresult
allocate_unit(struct vg_module *module, size_t unit)
{
    const struct vg_ptx_module *ptx = module->image->units[unit].ptx;
    uint64_t *addresses = calloc(ptx->n_vars + 1, sizeof *addresses);
    module->addresses[unit] = addresses;
    if (addresses == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < ptx->n_vars; i++) {
        const struct vg_ptx_var *var = &ptx->vars[i];
        if (!has_storage(var)) {
            continue;
        }
        enum vg_memory_kind kind =
            var->space == VG_PTX_CONST ? VG_MEMORY_CONSTANT : VG_MEMORY_GLOBAL;
        CUresult r = vg_memory_alloc(module->context, var->size != 0 ? var->size : 1,
                                     var->align, kind, &addresses[i]);
        if (r != CUDA_SUCCESS) {
            return r;
        }
    }
    return CUDA_SUCCESS;
}

/* An extern variable is the one of that name in another unit of the image. */
static void
resolve_externs(struct vg_module *module, size_t unit)
{
    const struct vg_ptx_module *ptx = module->image->units[unit].ptx;
    for (uint32_t i = 0; i < ptx->n_vars; i++) {
        const struct vg_ptx_var *var = &ptx->vars[i];
        if (var->linkage != VG_PTX_EXTERN || var->space == VG_PTX_SHARED) {
            continue;
        }
        for (size_t u = 0; u < module->image->n_units; u++) {
            const struct vg_ptx_module *other = module->image->units[u].ptx;
            const struct vg_ptx_var *found = vg_ptx_find_var(other, var->name);
            if (found != NULL && has_storage(found)) {
                module->addresses[unit][i] = module->addresses[u][found - other->vars];
                break;
            }
        }
    }
}

static void
initialise_unit(struct vg_module *module, size_t unit)
{
    const struct vg_ptx_module *ptx = module->image->units[unit].ptx;
    const uint64_t *addresses = module->addresses[unit];
    for (uint32_t i = 0; i < ptx->n_vars; i++) {
        const struct vg_ptx_var *var = &ptx->vars[i];
        if (!has_storage(var) || addresses[i] == 0) {
            continue;
        }
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        uint8_t *bytes = (uint8_t *)(uintptr_t)addresses[i];
        if (var->init != NULL) {
            memcpy(bytes, var->init, var->size);
        } else {
            memset(bytes, 0, var->size);
        }
        for (size_t k = 0; k < var->n_relocs; k++) {
            const struct vg_ptx_reloc *reloc = &var->relocs[k];
            uint64_t value = (uint64_t)reloc->addend;
            if (reloc->var != UINT32_MAX) {
                value += addresses[reloc->var];
            }
            if (reloc->func != UINT32_MAX) {
                value += vg_interp_func_address(reloc->func);
            }
            memcpy(bytes + reloc->offset, &value, reloc->size);
        }
    }
}

static uint64_t
link_address(void *user, const struct vg_ptx_var *var)
{
    const struct vg_function *function = user;
    const struct vg_module *module = function->module;
    size_t unit = function->entry.unit;
    return module->addresses[unit][var - module->image->units[unit].ptx->vars];
}

/* An ended context has freed its memory, and the addresses may be somebody else's. */
static bool
is_live(const struct vg_module *module)
{
    const struct vg_context *context = module->context;
    return module->generation == context->generation && !context->is_ending;
}

bool
vg_function_is_live(const struct vg_function *function)
{
    return is_live(function->module);
}

static void
free_variables(struct vg_module *module)
{
    for (size_t u = 0; module->addresses != NULL && u < module->image->n_units; u++) {
        const struct vg_ptx_module *ptx = module->image->units[u].ptx;
        uint64_t *addresses = module->addresses[u];
        for (uint32_t i = 0; addresses != NULL && i < ptx->n_vars; i++) {
            if (addresses[i] != 0 && has_storage(&ptx->vars[i]) && is_live(module)) {
                vg_memory_release(addresses[i]);
            }
        }
        free(addresses);
    }
    free(module->addresses);
}

/* --- modules --- */

static void
module_destroy(struct vg_object *object)
{
    struct vg_module *module = (struct vg_module *)object;
    if (module->library != NULL) {
        struct vg_module **link = &module->library->modules;
        while (*link != module) {
            link = &(*link)->next;
        }
        *link = module->next;
    }
    free_variables(module);
    vg_object_unref(&module->context->object);
    vg_image_unref(module->image);
    free(module->functions);
    free(module);
}

CUresult
vg_module_create(struct vg_context *context, struct vg_image *image,
                 struct vg_module **out)
{
    struct vg_module *module = calloc(1, sizeof *module);
    if (module == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    module->object.destroy = module_destroy;
    module->object.refs = 1;
    module->context = context;
    module->generation = context->generation;
    vg_object_ref(&context->object);
    module->image = image;
    image->refs++;
    module->addresses = calloc(image->n_units + 1, sizeof *module->addresses);
    CUresult r = module->addresses != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
    for (size_t u = 0; r == CUDA_SUCCESS && u < image->n_units; u++) {
        r = allocate_unit(module, u);
    }
    for (size_t u = 0; r == CUDA_SUCCESS && u < image->n_units; u++) {
        resolve_externs(module, u);
        initialise_unit(module, u);
    }
    if (r == CUDA_SUCCESS &&
        vg_object_publish(&module->object, VG_OBJECT_MODULE, context) != 0) {
        r = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r == CUDA_SUCCESS) {
        *out = module;
    }
    vg_object_unref(&module->object);
    return r;
}

CUresult
vg_library_module(struct vg_library *library, struct vg_context *context,
                  struct vg_module **out)
{
    for (struct vg_module *m = library->modules; m != NULL; m = m->next) {
        if (m->context == context && m->object.handle != 0) {
            *out = m;
            return CUDA_SUCCESS;
        }
    }
    CUresult r = vg_module_create(context, library->image, out);
    if (r == CUDA_SUCCESS) {
        (*out)->library = library;
        (*out)->next = library->modules;
        library->modules = *out;
    }
    return r;
}

/* --- functions --- */

static void
function_destroy(struct vg_object *object)
{
    struct vg_function *function = (struct vg_function *)object;
    vg_interp_kernel_destroy(function->kernel);
    vg_object_unref(&function->module->object);
    free(function);
}

CUresult
vg_module_function(struct vg_module *module, const struct vg_entry *entry,
                   struct vg_function **out)
{
    for (size_t i = 0; i < module->n_functions; i++) {
        if (module->functions[i]->entry.func == entry->func) {
            *out = module->functions[i];
            return CUDA_SUCCESS;
        }
    }
    if (module->n_functions == module->capacity) {
        size_t capacity = module->capacity != 0 ? 2 * module->capacity : 16;
        void *grown = realloc(module->functions, capacity * sizeof(struct vg_function *));
        if (grown == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        module->functions = grown;
        module->capacity = capacity;
    }
    struct vg_function *function = calloc(1, sizeof *function);
    if (function == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    function->object.destroy = function_destroy;
    function->module = module;
    function->entry = *entry;
    function->max_dynamic_shared = -1;
    function->carveout = -1;
    if (vg_object_publish(&function->object, VG_OBJECT_FUNCTION, module->context) != 0) {
        free(function);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    vg_object_ref(&module->object);
    module->functions[module->n_functions++] = function;
    *out = function;
    return CUDA_SUCCESS;
}

static CUresult
find_by_kernel(struct vg_context *context, struct vg_kernel *kernel,
               struct vg_function **out)
{
    struct vg_module *module;
    CUresult r = vg_library_module(kernel->library, context, &module);
    if (r == CUDA_SUCCESS) {
        r = vg_module_function(module, &kernel->entry, out);
    }
    if (r != CUDA_SUCCESS) {
        return r;
    }
    if (kernel->max_dynamic_shared >= 0) {
        (*out)->max_dynamic_shared = kernel->max_dynamic_shared;
    }
    (*out)->carveout = kernel->carveout;
    (*out)->non_portable_cluster = kernel->non_portable_cluster;
    return CUDA_SUCCESS;
}

CUresult
vg_function_find(struct vg_context *context, CUfunction handle, struct vg_function **out)
{
    struct vg_function *function = vg_object_find(VG_OBJECT_FUNCTION, handle);
    if (function != NULL) {
        if (context != NULL && function->module->context != context) {
            return CUDA_ERROR_INVALID_CONTEXT;
        }
        *out = function;
        return CUDA_SUCCESS;
    }
    struct vg_kernel *kernel = vg_object_find(VG_OBJECT_KERNEL, handle);
    if (kernel == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return find_by_kernel(context, kernel, out);
}

const struct vg_interp_kernel *
vg_function_kernel(const struct vg_function *function)
{
    return function->kernel;
}

const char *
vg_function_name(const struct vg_function *function)
{
    return function->entry.func->name;
}

/* Image lock held. */
static CUresult
prepare(struct vg_function *function)
{
    const struct vg_unit *unit = &function->module->image->units[function->entry.unit];
    struct vg_ptx_module *ptx = unit->ptx;
    struct vg_ptx_diag diag = { 0 };
    if (unit->is_machine_code) {
        snprintf(function->why, sizeof function->why,
                 "it came as machine code only; the software GPU runs PTX");
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    int r = vg_ptx_func_parse(ptx, function->entry.func, &diag);
    if (r < 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r > 0) {
        vg_ptx_diag_format(&diag, function->why, sizeof function->why);
        return CUDA_ERROR_INVALID_PTX;
    }
    vg_alter(function->entry.func);
    struct vg_interp_link link = { .address = link_address, .user = function };
    struct vg_interp_kernel *kernel = NULL;
    r = vg_interp_prepare(ptx, function->entry.func, &link, &kernel, function->why,
                          sizeof function->why);
    if (r < 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (r > 0) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    vg_interp_kernel_needs(kernel, &function->needs);
    function->kernel = kernel;
    return CUDA_SUCCESS;
}

CUresult
vg_function_ready(struct vg_function *function)
{
    if (atomic_load_explicit(&function->is_ready, memory_order_acquire)) {
        return CUDA_SUCCESS;
    }
    if (atomic_load_explicit(&function->is_refused, memory_order_acquire)) {
        return function->refusal;
    }
    pthread_mutex_t *lock = &function->module->image->lock;
    vg_soft_unlock();
    pthread_mutex_lock(lock);
    CUresult r = CUDA_SUCCESS;
    if (atomic_load_explicit(&function->is_refused, memory_order_acquire)) {
        r = function->refusal;
    } else if (!atomic_load_explicit(&function->is_ready, memory_order_acquire)) {
        r = prepare(function);
        if (r == CUDA_SUCCESS) {
            /* pairs with the acquire loads above: the kernel is whole before it is seen
             */
            atomic_store_explicit(&function->is_ready, true, memory_order_release);
        } else if (r != CUDA_ERROR_OUT_OF_MEMORY) {
            function->refusal = r;
            atomic_store_explicit(&function->is_refused, true, memory_order_release);
            vg_log(VG_LOG_ERROR, "kernel %s cannot run: %s", vg_function_name(function),
                   function->why);
        }
    }
    pthread_mutex_unlock(lock);
    vg_soft_lock();
    return r;
}

/* --- attributes --- */

int
vg_function_max_threads(const struct vg_function *function)
{
    const struct vg_ptx_func *func = function->entry.func;
    const uint32_t *dims = func->reqntid[0] != 0 ? func->reqntid : func->maxntid;
    if (dims[0] == 0) {
        return 1024;
    }
    uint64_t n =
        (uint64_t)dims[0] * (dims[1] != 0 ? dims[1] : 1) * (dims[2] != 0 ? dims[2] : 1);
    return n < 1024 ? (int)n : 1024;
}

/* Registers are host memory and never limit how many blocks fit, so no more is reported
 * than lets a multiprocessor be full. */
static int
reported_registers(const struct vg_function *function)
{
    uint32_t n = function->needs.registers;
    return n > 32 ? 32 : n < 8 ? 8 : (int)n;
}

CUresult
vg_function_attribute(struct vg_function *function, int attribute, int *out)
{
    const struct vg_settings *settings = vg_settings_get();
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
        *out = vg_function_max_threads(function);
        break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
        *out = (int)function->needs.static_shared;
        break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
        *out = 0;
        break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
        *out = (int)function->needs.local;
        break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
        *out = reported_registers(function);
        break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
        *out = (int)function->module->image->units[function->entry.unit].arch;
        break;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
        *out = (int)(settings->cc_major * 10 + settings->cc_minor);
        break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        *out = function->max_dynamic_shared >= 0
                   ? function->max_dynamic_shared
                   : 49152 - (int)function->needs.static_shared;
        *out = *out < 0 ? 0 : *out;
        break;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        *out = function->carveout;
        break;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
        *out = function->non_portable_cluster;
        break;
    default:
        if (attribute < 0 || attribute >= VG_FUNCTION_ATTRIBUTES) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *out = 0;
        break;
    }
    return CUDA_SUCCESS;
}
