/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image - from a pointer to indexed PTX: what is there, which entry suits, unpack, index.
 *
 * Rules: of the PTX in a container the highest architecture that suits is taken. Machine
 * code for this device without PTX beside it is loaded as declarations, because programs
 * use libraries in part; a launch of it is NO_BINARY_FOR_GPU and named in the statistics.
 * Text need not begin with .version. Text that a program wrote is parsed whole, so
 * that a mistake shows where it was made; text that came out of a container was assembled
 * by a compiler and is parsed entry by entry.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "soft/cubin.h"
#include "soft/fatbin.h"
#include "soft/module.h"
#include "soft/settings.h"
#include "soft/stats.h"

#define MAX_CONTAINERS 65536

static unsigned
device_cc(void)
{
    const struct vg_settings *settings = vg_settings_get();
    return settings->cc_major * 10 + settings->cc_minor;
}

void
vg_jit_log_init(struct vg_jit_log *log, unsigned count, const CUjit_option *options,
                void **values)
{
    *log = (struct vg_jit_log){ 0 };
    if (options == NULL || values == NULL) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        switch ((int)options[i]) {
        case CU_JIT_ERROR_LOG_BUFFER:
            log->error = values[i];
            break;
        case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
            log->error_size = (uintptr_t)values[i] & 0xffffffffu;
            log->error_used = &values[i];
            break;
        case CU_JIT_INFO_LOG_BUFFER:
            log->info = values[i];
            break;
        case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
            log->info_size = (uintptr_t)values[i] & 0xffffffffu;
            log->info_used = &values[i];
            break;
        default:
            break;
        }
    }
    if (log->error != NULL && log->error_size > 0) {
        log->error[0] = '\0';
    }
    if (log->info != NULL && log->info_size > 0) {
        log->info[0] = '\0';
    }
}

/* The size options come back as what was written. */
static void
log_finish(const struct vg_jit_log *log, const char *text)
{
    size_t used = 0;
    if (log->error != NULL && log->error_size > 0 && text != NULL) {
        snprintf(log->error, log->error_size, "%s", text);
        used = strlen(log->error);
    }
    if (log->error_used != NULL) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        *log->error_used = (void *)(uintptr_t)used;
    }
    if (log->info_used != NULL) {
        *log->info_used = NULL;
    }
    if (text != NULL) {
        vg_log(VG_LOG_ERROR, "%s", text);
    }
}

static CUresult
report(const struct vg_jit_log *log, int condition, const struct vg_ptx_diag *diag)
{
    if (condition < 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    char text[768] = "the text is not PTX: no .version";
    if (condition != VG_PTX_NOT_PTX) {
        vg_ptx_diag_format(diag, text, sizeof text);
    }
    log_finish(log, text);
    return condition == VG_PTX_NOT_PTX ? CUDA_ERROR_INVALID_IMAGE
                                       : CUDA_ERROR_INVALID_PTX;
}

static CUresult
add_unit(struct vg_image *image, struct vg_ptx_module *ptx, unsigned arch)
{
    struct vg_unit *grown =
        realloc(image->units, (image->n_units + 1) * sizeof *image->units);
    if (grown == NULL) {
        vg_ptx_module_destroy(ptx);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    image->units = grown;
    image->units[image->n_units++] = (struct vg_unit){ .ptx = ptx, .arch = arch };
    return CUDA_SUCCESS;
}

static CUresult
index_text(struct vg_image *image, const char *text, size_t size,
           const struct vg_jit_log *log)
{
    struct vg_ptx_module *ptx = NULL;
    struct vg_ptx_diag diag = { 0 };
    int r = vg_ptx_module_parse(text, size, &ptx, &diag);
    if (r != 0) {
        return report(log, r, &diag);
    }
    if (ptx->target_sm > device_cc()) {
        char line[128];
        snprintf(line, sizeof line, "the PTX is for %s, the device is sm_%u", ptx->target,
                 device_cc());
        log_finish(log, line);
        vg_ptx_module_destroy(ptx);
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    return add_unit(image, ptx, ptx->target_sm);
}

static CUresult
parse_bodies(struct vg_image *image, const struct vg_jit_log *log)
{
    for (size_t u = 0; u < image->n_units; u++) {
        struct vg_ptx_module *ptx = image->units[u].ptx;
        for (uint32_t i = 0; i < ptx->n_funcs; i++) {
            struct vg_ptx_diag diag = { 0 };
            if (ptx->funcs[i].is_declaration) {
                continue;
            }
            int r = vg_ptx_func_parse(ptx, &ptx->funcs[i], &diag);
            if (r != 0) {
                return report(log, r, &diag);
            }
        }
    }
    return CUDA_SUCCESS;
}

static CUresult
load_text(struct vg_image *image, const char *text, size_t size,
          const struct vg_jit_log *log)
{
    image->is_text = true;
    size = size == SIZE_MAX ? strlen(text) : strnlen(text, size);
    CUresult r = index_text(image, text, size, log);
    return r == CUDA_SUCCESS ? parse_bodies(image, log) : r;
}

static CUresult
unpack_and_index(struct vg_image *image, const struct vg_fatbin_entry *entry,
                 const struct vg_jit_log *log)
{
    char *text;
    size_t size;
    int r = vg_fatbin_unpack(entry, &text, &size);
    if (r != 0) {
        return r < 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_IMAGE;
    }
    CUresult result = index_text(image, text, size, log);
    free(text);
    return result;
}

static bool
code_suits(unsigned arch)
{
    return arch / 10 == device_cc() / 10 && arch <= device_cc();
}

/* Adds what a cubin declares. Return: NO_BINARY_FOR_GPU when it is for other devices. */
static CUresult
index_machine_code(struct vg_image *image, const void *elf, size_t size,
                   const struct vg_jit_log *log)
{
    char *text;
    size_t text_size;
    if (!code_suits(vg_cubin_arch(elf, size))) {
        log_finish(log, "the image holds machine code for other devices only");
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    int r = vg_cubin_outline(elf, size, &text, &text_size);
    if (r != 0) {
        return r == -ENOMEM ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_IMAGE;
    }
    CUresult result = index_text(image, text, text_size, log);
    free(text);
    if (result == CUDA_SUCCESS) {
        image->units[image->n_units - 1].is_machine_code = true;
    }
    return result;
}

static CUresult
unpack_machine_code(struct vg_image *image, const struct vg_fatbin_entry *entry,
                    const struct vg_jit_log *log)
{
    char *elf;
    size_t size;
    int r = vg_fatbin_unpack(entry, &elf, &size);
    if (r != 0) {
        return r < 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_IMAGE;
    }
    CUresult result = index_machine_code(image, elf, size, log);
    free(elf);
    return result;
}

/* Return: NO_BINARY_FOR_GPU when nothing in the container suits. */
static CUresult
load_container(struct vg_image *image, const void *data, size_t size,
               const struct vg_jit_log *log)
{
    struct vg_fatbin_reader reader;
    struct vg_fatbin_entry entry, best = { 0 }, code = { 0 };
    if (vg_fatbin_open(data, size, &reader) != 0) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    int r;
    while ((r = vg_fatbin_next(&reader, &entry)) == 0) {
        if (vg_fatbin_ptx_suits(&entry, device_cc()) &&
            (best.kind == 0 || entry.arch > best.arch)) {
            best = entry;
        }
        if (entry.kind == VG_FATBIN_ELF && code_suits(entry.arch)) {
            code = entry;
        }
    }
    if (r != VG_FATBIN_END) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    if (best.kind != 0) {
        return unpack_and_index(image, &best, log);
    }
    return code.kind != 0 ? unpack_machine_code(image, &code, log)
                          : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

/* Containers one after another, as far as @size is known to reach. */
static CUresult
load_chain(struct vg_image *image, const uint8_t *data, size_t size,
           const struct vg_jit_log *log)
{
    CUresult result = CUDA_ERROR_NO_BINARY_FOR_GPU;
    bool is_bounded = size != SIZE_MAX;
    for (;;) {
        size_t one;
        if ((is_bounded && size < 16) || vg_fatbin_size(data, &one) != 0) {
            return CUDA_ERROR_INVALID_IMAGE;
        }
        CUresult r = load_container(image, data, is_bounded ? size : one, log);
        if (r != CUDA_SUCCESS && r != CUDA_ERROR_NO_BINARY_FOR_GPU) {
            return r;
        }
        result = r == CUDA_SUCCESS ? r : result;
        one = (one + 7) & ~(size_t)7;
        if (!is_bounded || one >= size || size - one < 16 ||
            memcmp(data + one, "\x50\xed\x55\xba", 4) != 0) {
            return result;
        }
        data += one;
        size -= one;
    }
}

/* Version 2 (relocatable device code): first what the device linker made, else the parts
 * with their PTX, each a unit of its own. */
static CUresult
load_wrapper(struct vg_image *image, const void *data, const struct vg_jit_log *log)
{
    struct vg_fatbin_wrapper wrapper;
    memcpy(&wrapper, data, sizeof wrapper);
    if (wrapper.data == NULL || (wrapper.version != 1 && wrapper.version != 2)) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    CUresult result = load_chain(image, wrapper.data, SIZE_MAX, log);
    if (result != CUDA_ERROR_NO_BINARY_FOR_GPU || wrapper.version != 2 ||
        wrapper.more == NULL) {
        return result;
    }
    const void *const *parts = wrapper.more;
    for (size_t i = 0; i < MAX_CONTAINERS && parts[i] != NULL; i++) {
        CUresult r = load_chain(image, parts[i], SIZE_MAX, log);
        if (r != CUDA_SUCCESS && r != CUDA_ERROR_NO_BINARY_FOR_GPU) {
            return r;
        }
        result = r == CUDA_SUCCESS ? r : result;
    }
    return result;
}

static CUresult
load_any(struct vg_image *image, const void *data, size_t size,
         const struct vg_jit_log *log)
{
    static const char tile[8] = "\x7fTileIR";
    uint32_t magic = 0;
    const char *p = data;
    /* no magic has a NUL in it, and a text may be shorter than one */
    if (size < 4 || (size == SIZE_MAX && strnlen(p, 4) < 4)) {
        return CUDA_ERROR_INVALID_IMAGE;
    }
    memcpy(&magic, data, sizeof magic);
    if (magic == VG_FATBIN_WRAPPER_MAGIC) {
        if (size < sizeof(struct vg_fatbin_wrapper)) {
            return CUDA_ERROR_INVALID_IMAGE;
        }
        return load_wrapper(image, data, log);
    }
    if (magic == VG_FATBIN_MAGIC) {
        return load_chain(image, data, size, log);
    }
    if (memcmp(p,
               "\x7f"
               "ELF",
               4) == 0) {
        return index_machine_code(image, data, size, log);
    }
    if (memcmp(p, tile, 4) == 0 && (size == SIZE_MAX || size >= sizeof tile) &&
        memcmp(p, tile, sizeof tile) == 0) {
        vg_stats_sass_only("(CUDA Tile IR image)");
        log_finish(log, "the image is CUDA Tile IR, which the software GPU does not run");
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    return load_text(image, data, size, log);
}

static void
image_destroy(struct vg_image *image)
{
    for (size_t i = 0; i < image->n_units; i++) {
        vg_ptx_module_destroy(image->units[i].ptx);
    }
    free(image->units);
    pthread_mutex_destroy(&image->lock);
    free(image);
}

CUresult
vg_image_load(const void *data, size_t size, const struct vg_jit_log *log,
              struct vg_image **out)
{
    struct vg_image *image = calloc(1, sizeof *image);
    if (image == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    image->refs = 1;
    pthread_mutex_init(&image->lock, NULL);
    CUresult r = load_any(image, data, size, log);
    if (r != CUDA_SUCCESS) {
        image_destroy(image);
        return r;
    }
    log_finish(log, NULL);
    *out = image;
    return CUDA_SUCCESS;
}

static CUresult
read_file(FILE *file, char **out, size_t *out_size)
{
    char *data = NULL;
    size_t size = 0, capacity = 0;
    for (;;) {
        if (capacity - size < 65536) {
            capacity = capacity != 0 ? 2 * capacity : 131072;
            char *grown = realloc(data, capacity);
            if (grown == NULL) {
                free(data);
                return CUDA_ERROR_OUT_OF_MEMORY;
            }
            data = grown;
        }
        size_t n = fread(data + size, 1, capacity - size - 1, file);
        if (n == 0) {
            break;
        }
        size += n;
    }
    if (ferror(file)) {
        free(data);
        return CUDA_ERROR_FILE_NOT_FOUND;
    }
    data[size] = '\0';
    *out = data;
    *out_size = size;
    return CUDA_SUCCESS;
}

CUresult
vg_image_load_file(const char *path, const struct vg_jit_log *log, struct vg_image **out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        vg_log(VG_LOG_ERROR, "cannot open '%s': %s", path, strerror(errno));
        return CUDA_ERROR_FILE_NOT_FOUND;
    }
    char *data;
    size_t size;
    CUresult r = read_file(file, &data, &size);
    fclose(file);
    if (r != CUDA_SUCCESS) {
        return r;
    }
    r = vg_image_load(data, size, log, out);
    free(data);
    return r;
}

void
vg_image_unref(struct vg_image *image)
{
    if (image != NULL && --image->refs == 0) {
        image_destroy(image);
    }
}

static bool
is_kernel(const struct vg_ptx_func *func)
{
    return func->is_entry && !func->is_declaration;
}

size_t
vg_image_count_entries(const struct vg_image *image)
{
    size_t n = 0;
    for (size_t u = 0; u < image->n_units; u++) {
        for (uint32_t i = 0; i < image->units[u].ptx->n_funcs; i++) {
            n += is_kernel(&image->units[u].ptx->funcs[i]);
        }
    }
    return n;
}

bool
vg_image_entry(const struct vg_image *image, size_t index, struct vg_entry *out)
{
    for (size_t u = 0; u < image->n_units; u++) {
        struct vg_ptx_module *ptx = image->units[u].ptx;
        for (uint32_t i = 0; i < ptx->n_funcs; i++) {
            if (is_kernel(&ptx->funcs[i]) && index-- == 0) {
                *out = (struct vg_entry){ .unit = u, .func = &ptx->funcs[i] };
                return true;
            }
        }
    }
    return false;
}

bool
vg_image_find_entry(const struct vg_image *image, const char *name, struct vg_entry *out)
{
    for (size_t u = 0; u < image->n_units; u++) {
        struct vg_ptx_func *func = vg_ptx_find_func(image->units[u].ptx, name);
        if (func != NULL && is_kernel(func)) {
            *out = (struct vg_entry){ .unit = u, .func = func };
            return true;
        }
    }
    return false;
}
