/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules - loads of modules and libraries.
 *
 * The image is a private copy in the message; the driver keeps none of it afterwards.
 * Both logs go back, those of a failed load above all.
 */
#include <stdlib.h>
#include <string.h>

#include "cuda_dispatch.h"
#include "wire/image.h"
#include "worker/driver.h"
#include "worker/session.h"

#define OPTIONS_MAX 36u

struct load {
    vg_id id;
    CUjit_option options[OPTIONS_MAX];
    void *values[OPTIONS_MAX];
    uint32_t count;
    char *logs[2];
    uint32_t log_sizes[2];
    const void *image;
};

/* An option whose value is an address, which a client cannot have in this process. */
static bool
is_address(CUjit_option option)
{
    switch ((int)option) {
    case CU_JIT_WALL_TIME:
    case CU_JIT_INFO_LOG_BUFFER:
    case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
    case CU_JIT_ERROR_LOG_BUFFER:
    case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
    case CU_JIT_GLOBAL_SYMBOL_NAMES:
    case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
    case CU_JIT_REFERENCED_KERNEL_NAMES:
    case CU_JIT_REFERENCED_VARIABLE_NAMES:
        return true;
    default:
        return (int)option < 0 || (int)option > CU_JIT_BINARY_LOADER_THREAD_COUNT;
    }
}

static void
add_option(struct load *load, CUjit_option option, void *value)
{
    load->options[load->count] = option;
    load->values[load->count++] = value;
}

/* The image needs a NUL behind it where it is text, and alignment where it is not. */
static const void *
get_image(struct vg_worker_call *call)
{
    size_t size = 0;
    const void *data = vg_get_blob(&call->req, &size);
    uint8_t *copy = data != NULL ? vg_worker_alloc(call, size + 16) : NULL;

    if (copy != NULL) {
        memcpy(copy, data, size);
        /* the driver gets a bare pointer and believes the sizes in the image; zeroes
         * behind the copy end a text. A wrapper would hold a pointer of the client's
         * choice. */
        if (size >= sizeof(uint32_t) && !vg_image_is_whole(copy, size)) {
            call->stale = CUDA_ERROR_INVALID_IMAGE;
        }
    } else if (data != NULL) {
        call->stale = CUDA_ERROR_OUT_OF_MEMORY;
    } else {
        vg_dec_fail(&call->req);
    }
    return copy;
}

static void
get_load(struct vg_worker_call *call, enum vg_id_type type, struct load *load)
{
    static const CUjit_option buffers[2][2] = {
        { CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES },
        { CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES },
    };

    *load = (struct load){ .id = vg_worker_get_new(call, type) };
    const uint32_t count = vg_get_count(&call->req, 12);
    if (count > OPTIONS_MAX - 4) {
        vg_dec_fail(&call->req);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const CUjit_option option = (CUjit_option)vg_get_i32(&call->req);
        if (is_address(option)) {
            vg_dec_fail(&call->req);
            return;
        }
        add_option(load, option, (void *)(uintptr_t)vg_get_u64(&call->req));
    }
    for (int i = 0; i < 2; i++) {
        load->log_sizes[i] = vg_get_u32(&call->req);
        if (load->log_sizes[i] > VG_STRING_MAX) {
            vg_dec_fail(&call->req);
            return;
        }
        if (load->log_sizes[i] == 0) {
            continue;
        }
        load->logs[i] = vg_worker_alloc(call, load->log_sizes[i]);
        if (load->logs[i] == NULL) {
            call->stale = CUDA_ERROR_OUT_OF_MEMORY;
            return;
        }
        add_option(load, buffers[i][0], load->logs[i]);
        add_option(load, buffers[i][1], (void *)(uintptr_t)load->log_sizes[i]);
    }
    load->image = get_image(call);
}

static void
put_logs(struct vg_worker_call *call, const struct load *load)
{
    call->body_on_error = true;
    for (int i = 0; i < 2; i++) {
        const size_t size =
            load->logs[i] != NULL ? strnlen(load->logs[i], load->log_sizes[i]) : 0;
        vg_put_blob(&call->rep, load->logs[i], size);
    }
}

int
vg_dispatch_cuModuleLoadDataEx(struct vg_worker_call *call)
{
    struct load load;
    CUmodule module = NULL;

    get_load(call, VG_ID_MODULE, &load);
    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    r = (int)vg_cuda.cuModuleLoadDataEx(&module, load.image, load.count, load.options,
                                        load.values);
    put_logs(call, &load);
    if (r != 0) {
        return r;
    }
    r = vg_worker_name(call, load.id, module);
    if (r != 0) {
        (void)vg_cuda.cuModuleUnload(module);
    }
    return r;
}

int
vg_dispatch_cuLibraryLoadData(struct vg_worker_call *call)
{
    struct load load;
    CUlibrary library = NULL;

    get_load(call, VG_ID_LIB, &load);
    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    r = (int)vg_cuda.cuLibraryLoadData(&library, load.image, load.options, load.values,
                                       load.count, NULL, NULL, 0);
    put_logs(call, &load);
    if (r != 0) {
        return r;
    }
    r = vg_worker_name(call, load.id, library);
    if (r != 0) {
        (void)vg_cuda.cuLibraryUnload(library);
    }
    return r;
}
