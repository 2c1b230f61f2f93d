/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name - names of functions and kernels: a string that lives as long as the handle.
 *
 * Kept for the life of the process, once for each different name.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call.h"
#include "shim/kernel.h"

struct name {
    struct name *next;
    char text[];
};

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static struct name *names[256];

static unsigned
bucket_of(const char *text)
{
    unsigned hash = 5381;

    for (; *text != '\0'; text++) {
        hash = hash * 33 + (unsigned char)*text;
    }
    return hash & 255;
}

/* Return: the one copy of @text, or NULL when memory has run out. */
static const char *
intern(const char *text)
{
    const unsigned bucket = bucket_of(text);
    const size_t size = strlen(text) + 1;

    pthread_mutex_lock(&names_lock);
    struct name *name = names[bucket];
    while (name != NULL && strcmp(name->text, text) != 0) {
        name = name->next;
    }
    if (name == NULL) {
        name = malloc(sizeof(*name) + size);
        if (name != NULL) {
            memcpy(name->text, text, size);
            name->next = names[bucket];
            names[bucket] = name;
        }
    }
    pthread_mutex_unlock(&names_lock);
    return name != NULL ? name->text : NULL;
}

static CUresult
get_name(unsigned number, enum vg_id_type type, const void *handle, const char **out)
{
    struct vg_kernel *kernel = NULL;
    struct vg_call call;

    if (out == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (vg_id_type_of(vg_id_from_handle(handle)) == type &&
        vg_kernel_get(handle, &kernel) == CUDA_SUCCESS) {
        /* pairs with the release below: the text is whole */
        *out = atomic_load_explicit(&kernel->name, memory_order_acquire);
        if (*out != NULL) {
            return CUDA_SUCCESS;
        }
    }
    vg_call_begin(&call, number);
    if (type == VG_ID_FUNC) {
        vg_call_put_function(&call, handle);
    } else {
        vg_call_put_handle(&call, type, handle);
    }
    if (vg_call_wait_any(&call)) {
        char *text = vg_get_string(&call.rep);
        if (vg_call_check(&call)) {
            *out = text != NULL ? intern(text) : NULL;
            if (kernel != NULL) {
                /* pairs with the acquire above */
                atomic_store_explicit(&kernel->name, *out, memory_order_release);
            }
        }
        free(text);
    }
    return vg_call_end(&call);
}

CUresult
vg_drv_cuFuncGetName(const char **name, CUfunction function)
{
    return get_name(VG_CUDA_cuFuncGetName, VG_ID_FUNC, function, name);
}

CUresult
vg_drv_cuKernelGetName(const char **name, CUkernel kernel)
{
    return get_name(VG_CUDA_cuKernelGetName, VG_ID_KERN, kernel, name);
}
