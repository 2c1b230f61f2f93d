/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * module - device code: images, modules, libraries, functions and kernels.
 *
 * An image is what was loaded, independent of contexts: PTX modules, indexed. A module is
 * an image in a context, with its variables in device memory. A library is an image whose
 * modules are made as contexts ask. A function is an entry of a module; a kernel is an
 * entry of a library and becomes a function when a context uses it.
 *
 * An entry is parsed and prepared at its first use, under the image's lock, which is
 * outside the driver lock: a long parse holds up nobody who does not need it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interp/interp.h"
#include "ptx/ptx.h"
#include "soft/core.h"

struct vg_stats_kernel;

/* One PTX module of an image: a container may hold several. */
struct vg_unit {
    struct vg_ptx_module *ptx;
    unsigned arch;        /* of the PTX */
    bool is_machine_code; /* the PTX only declares what a cubin has */
};

struct vg_image {
    unsigned refs; /* driver lock */
    pthread_mutex_t lock;
    struct vg_unit *units;
    size_t n_units;
    bool is_text; /* loaded as text, so that all of it was parsed at once */
};

/* Where an entry stands in an image. */
struct vg_entry {
    size_t unit;
    struct vg_ptx_func *func;
};

#define VG_FUNCTION_ATTRIBUTES 18

struct vg_function {
    struct vg_object object;
    struct vg_module *module; /* referenced */
    struct vg_entry entry;
    struct vg_interp_kernel *kernel; /* image lock to write; set before is_ready */
    struct vg_interp_needs needs;
    _Atomic bool is_ready;
    _Atomic bool is_refused; /* it will never be ready: @why says why */
    CUresult refusal;
    char why[256];
    int max_dynamic_shared, carveout;
    int cluster[3], cluster_policy;
    bool non_portable_cluster;
    struct vg_stats_kernel *stats; /* its row in the counters; made at the first launch */
};

struct vg_module {
    struct vg_object object;
    struct vg_image *image;     /* referenced */
    struct vg_library *library; /* whose it is, or NULL; compare and retire only */
    struct vg_module *next;     /* of the library */
    struct vg_context *context;
    unsigned generation;  /* the life of the context that it belongs to */
    uint64_t **addresses; /* by unit and variable; 0 for what is not .global or .const */
    struct vg_function **functions; /* made so far */
    size_t n_functions, capacity;
};

struct vg_kernel {
    struct vg_object object;
    struct vg_library *library; /* referenced */
    struct vg_entry entry;
    int max_dynamic_shared, carveout; /* what was set; -1: nothing */
    bool non_portable_cluster;
};

struct vg_library {
    struct vg_object object;
    struct vg_image *image;
    struct vg_module *modules; /* one a context */
    struct vg_kernel **kernels;
    size_t n_kernels, capacity;
};

/* Where the loader's messages go; made from JIT options. */
struct vg_jit_log {
    char *error, *info;
    size_t error_size, info_size;
    void **error_used, **info_used; /* option values to be updated, or NULL */
};

/* --- image.c; none of these needs the driver lock --- */

/* Loads what the pointer leads to: wrapper, container, text. @size: bytes, or SIZE_MAX
 * when only the headers know. Return: CUDA_SUCCESS, INVALID_IMAGE, NO_BINARY_FOR_GPU,
 * INVALID_PTX, UNSUPPORTED_PTX_VERSION, NOT_SUPPORTED or OUT_OF_MEMORY. */
CUresult vg_image_load(const void *data, size_t size, const struct vg_jit_log *log,
                       struct vg_image **out);
CUresult
vg_image_load_file(const char *path, const struct vg_jit_log *log, struct vg_image **out);
/* Driver lock held. NULL is a no-op. */
void vg_image_unref(struct vg_image *image);

size_t vg_image_count_entries(const struct vg_image *image);
bool vg_image_entry(const struct vg_image *image, size_t index, struct vg_entry *out);
bool
vg_image_find_entry(const struct vg_image *image, const char *name, struct vg_entry *out);

void vg_jit_log_init(struct vg_jit_log *log, unsigned count, const CUjit_option *options,
                     void **values);

/* --- module.c; driver lock held unless said otherwise --- */

/* Makes an image's module in @context: variables allocated and initialised. */
CUresult vg_module_create(struct vg_context *context, struct vg_image *image,
                          struct vg_module **out);
/* The function of an entry; made at first use. */
CUresult vg_module_function(struct vg_module *module, const struct vg_entry *entry,
                            struct vg_function **out);
/* The library's module in @context; made at first use. */
CUresult vg_library_module(struct vg_library *library, struct vg_context *context,
                           struct vg_module **out);

/* What a handle names in @context: a function, or a kernel made into one. Return: also
 * INVALID_HANDLE, INVALID_CONTEXT. */
CUresult
vg_function_find(struct vg_context *context, CUfunction handle, struct vg_function **out);

/* False when the context that the function belongs to has ended since. */
bool vg_function_is_live(const struct vg_function *function);

/* Parses and prepares; releases the driver lock meanwhile. The caller holds a reference.
 * Return: CUDA_SUCCESS, NOT_SUPPORTED, INVALID_PTX or OUT_OF_MEMORY, said once in the
 * log. */
CUresult vg_function_ready(struct vg_function *function);

/* No lock. */
const struct vg_interp_kernel *vg_function_kernel(const struct vg_function *function);
const char *vg_function_name(const struct vg_function *function);
int vg_function_max_threads(const struct vg_function *function);

/* What the runtime's cuFuncGetAttribute says. */
CUresult vg_function_attribute(struct vg_function *function, int attribute, int *out);
