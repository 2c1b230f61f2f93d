/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module - loads of modules and libraries.
 *
 * Only the parts of an image that the worker's driver reads are sent. JIT options travel;
 * log buffers come back with the reply, that of a failed load too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cuda_calls.h"
#include "cuda_driver.h"
#include "shim/call_priv.h"
#include "shim/conn.h"
#include "wire/image.h"

/* The log buffers that a program gave, and the options that travel as they are. */
struct jit {
    char *buffers[2]; /* info, error */
    size_t sizes[2];
    int size_index[2]; /* option whose value is the size, in and out; -1 = none */
    CUjit_option plain[32];
    uint64_t values[32];
    uint32_t count;
};

static CUresult
read_options(struct jit *jit, unsigned count, const CUjit_option *options, void **values)
{
    *jit = (struct jit){ .size_index = { -1, -1 } };
    if (count != 0 && (options == NULL || values == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < count; i++) {
        switch ((int)options[i]) {
        case CU_JIT_INFO_LOG_BUFFER:
            jit->buffers[0] = values[i];
            break;
        case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
            jit->sizes[0] = (uint32_t)(uintptr_t)values[i];
            jit->size_index[0] = (int)i;
            break;
        case CU_JIT_ERROR_LOG_BUFFER:
            jit->buffers[1] = values[i];
            break;
        case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
            jit->sizes[1] = (uint32_t)(uintptr_t)values[i];
            jit->size_index[1] = (int)i;
            break;
        case CU_JIT_WALL_TIME: /* out: not measured, left as 0 */
            values[i] = NULL;
            break;
        case CU_JIT_GLOBAL_SYMBOL_NAMES:
        case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
        case CU_JIT_REFERENCED_KERNEL_NAMES:
        case CU_JIT_REFERENCED_VARIABLE_NAMES:
            vg_log(VG_LOG_ERROR, "JIT option %d is a list of addresses: not carried",
                   (int)options[i]);
            return CUDA_ERROR_NOT_SUPPORTED;
        default:
            if ((int)options[i] < 0 ||
                (int)options[i] > CU_JIT_BINARY_LOADER_THREAD_COUNT ||
                jit->count == sizeof(jit->plain) / sizeof(jit->plain[0])) {
                return CUDA_ERROR_INVALID_VALUE;
            }
            jit->plain[jit->count] = options[i];
            jit->values[jit->count++] = (uint64_t)(uintptr_t)values[i];
        }
    }
    return CUDA_SUCCESS;
}

static void
put_jit(struct vg_call *call, const struct jit *jit)
{
    vg_put_u32(&call->req, jit->count);
    for (uint32_t i = 0; i < jit->count; i++) {
        vg_put_i32(&call->req, (int32_t)jit->plain[i]);
        vg_put_u64(&call->req, jit->values[i]);
    }
    for (int i = 0; i < 2; i++) {
        const bool wanted = jit->buffers[i] != NULL && jit->sizes[i] != 0;
        const size_t size = wanted ? jit->sizes[i] : 0;
        vg_put_u32(&call->req, size < VG_STRING_MAX ? (uint32_t)size : VG_STRING_MAX);
    }
}

/* The body of the reply, successful or not: both logs. */
static void
get_logs(struct vg_call *call, const struct jit *jit, void **values)
{
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        const char *log = vg_get_blob(&call->rep, &size);
        if (jit->buffers[i] == NULL || jit->sizes[i] == 0) {
            continue;
        }
        if (size > jit->sizes[i] - 1) {
            size = jit->sizes[i] - 1;
        }
        if (log != NULL) {
            memcpy(jit->buffers[i], log, size);
        }
        jit->buffers[i][size] = '\0';
        if (jit->size_index[i] >= 0) {
            values[jit->size_index[i]] = (void *)(uintptr_t)size;
        }
    }
}

static void
put_image(struct vg_call *call, const struct vg_image *image)
{
    vg_put_u64(&call->req, image->size);
    for (size_t i = 0; i < image->count; i++) {
        vg_put_bytes(&call->req, image->slices[i].data, image->slices[i].size);
    }
}

static unsigned
device_arch(void)
{
    const int32_t *a = vg_conn.devices[0].attributes;

    return (unsigned)a[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR] * 10 +
           (unsigned)a[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR];
}

static CUresult
load(unsigned number, enum vg_id_type type, const void *data, void **out_handle,
     unsigned count, const CUjit_option *options, void **values)
{
    const bool only_ptx = (vg_conn.welcome_flags & VG_WELCOME_READS_SASS) == 0;
    struct vg_image image;
    struct vg_call call;
    struct jit jit;

    if (data == NULL || out_handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult bad = read_options(&jit, count, options, values);
    if (bad != CUDA_SUCCESS) {
        return bad;
    }
    /* machine code without PTX can be loaded, though not run: programs use libraries in
     * part */
    const int r =
        vg_image_open(&image, data, only_ptx && vg_image_has_ptx(data, device_arch()));
    if (r != 0) {
        return r == -ENOMEM ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_IMAGE;
    }

    vg_call_begin(&call, number);
    void *handle = vg_call_put_new(&call, type);
    put_jit(&call, &jit);
    put_image(&call, &image);
    const bool loaded = vg_call_wait_any(&call);
    if (vg_dec_left(&call.rep) != 0) {
        get_logs(&call, &jit, values);
    }
    if (loaded && vg_call_check(&call)) {
        *out_handle = handle;
    }
    vg_image_close(&image);
    return vg_call_end(&call);
}

CUresult
vg_drv_cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int count,
                          CUjit_option *options, void **values)
{
    return load(VG_CUDA_cuModuleLoadDataEx, VG_ID_MODULE, image, (void **)module, count,
                options, values);
}

CUresult
vg_drv_cuModuleLoadData(CUmodule *module, const void *image)
{
    return vg_drv_cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

CUresult
vg_drv_cuModuleLoadFatBinary(CUmodule *module, const void *image)
{
    return vg_drv_cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

CUresult
vg_driver_module_load(CUmodule *out_module, const void *image)
{
    return vg_drv_cuModuleLoadDataEx(out_module, image, 0, NULL, NULL);
}

CUresult
vg_drv_cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jit_options,
                         void **jit_values, unsigned int jit_count,
                         CUlibraryOption *options, void **values, unsigned int count)
{
    /* library options say how the driver may use the program's memory; it has a copy */
    (void)options;
    (void)values;
    (void)count;
    return load(VG_CUDA_cuLibraryLoadData, VG_ID_LIB, code, (void **)library, jit_count,
                jit_options, jit_values);
}

/* The file's bytes with a NUL behind them; a file that holds less than it says is no
 * image.
 */
static CUresult
read_image_file(const char *path, char **out_data)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *data = NULL;
    size_t size = 0;

    if (fd < 0) {
        return CUDA_ERROR_FILE_NOT_FOUND;
    }
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end > 0 && end <= (off_t)VG_MESSAGE_MAX) {
        data = malloc((size_t)end + 1);
    }
    while (data != NULL && size < (size_t)end) {
        const ssize_t n = pread(fd, data + size, (size_t)end - size, (off_t)size);
        if (n <= 0) {
            break;
        }
        size += (size_t)n;
    }
    close(fd);
    if (data == NULL) {
        return end > 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_IMAGE;
    }
    data[size] = '\0';
    if (!vg_image_is_whole(data, size)) {
        free(data);
        return CUDA_ERROR_INVALID_IMAGE;
    }
    *out_data = data;
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuModuleLoad(CUmodule *module, const char *path)
{
    if (module == NULL || path == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    char *image = NULL;
    CUresult result = read_image_file(path, &image);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = vg_drv_cuModuleLoadData(module, image);
    free(image);
    return result;
}

CUresult
vg_drv_cuLibraryLoadFromFile(CUlibrary *library, const char *path,
                             CUjit_option *jit_options, void **jit_values,
                             unsigned int jit_count, CUlibraryOption *options,
                             void **values, unsigned int count)
{
    if (library == NULL || path == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    char *image = NULL;
    CUresult result = read_image_file(path, &image);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = vg_drv_cuLibraryLoadData(library, image, jit_options, jit_values, jit_count,
                                      options, values, count);
    free(image);
    return result;
}

int
vg_driver_module_functions(CUmodule module, int (*visit)(void *user, CUfunction f),
                           void *user)
{
    unsigned count = 0;
    int stopped = 0;

    if (vg_drv_cuModuleGetFunctionCount(&count, module) != CUDA_SUCCESS || count == 0) {
        return 0;
    }
    CUfunction *functions = calloc(count, sizeof(CUfunction));
    if (functions != NULL &&
        vg_drv_cuModuleEnumerateFunctions(functions, count, module) == CUDA_SUCCESS) {
        for (unsigned i = 0; i < count && !stopped; i++) {
            stopped = visit(user, functions[i]) == 0;
        }
    }
    free(functions);
    return stopped;
}
