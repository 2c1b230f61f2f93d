/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * interp - the reference interpreter of PTX kernels: exact and simple.
 *
 * It runs 32 lanes at a time. A warp is a set of (program counter, lanes) groups, and the
 * group with the smallest counter runs, so that lanes meet again where the text does.
 * It is the oracle for every faster way to run PTX and stays so: no result depends on the
 * host's floating-point settings, on the number of host threads or on their timing,
 * except where the kernel itself races.
 *
 * Addresses are claims: each access is held against the ranges that the owner of the
 * memory resolves. A device address is the host address of its bytes (the owner maps the
 * arena where it says it is).
 *
 * Threads: a kernel is read-only once prepared; vg_interp_run_block() may be called for
 * different blocks of a launch from several threads at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_ptx_module;
struct vg_ptx_func;
struct vg_ptx_var;
struct vg_interp_kernel;

enum vg_interp_condition {
    VG_INTERP_OK = 0,
    VG_INTERP_UNSUPPORTED, /* an instruction or a feature; the text says which */
    VG_INTERP_FAULT,       /* the kernel went wrong; the fault says how */
    VG_INTERP_STOPPED,     /* launch->stop was set */
};

/* How a kernel finds the variables of its module. */
struct vg_interp_link {
    /* the device address of a module variable (.global, .const), or 0 */
    uint64_t (*address)(void *user, const struct vg_ptx_var *var);
    void *user;
};

/**
 * vg_interp_prepare() - decode a parsed function for execution
 * @module, @func: parsed; borrowed, must outlive the kernel
 * @link:          borrowed for the call
 * @out:           the kernel; untouched on failure
 * @why:           gets one line that names what is unsupported, with its PTX line
 *
 * Return: 0, VG_INTERP_UNSUPPORTED, or -ENOMEM.
 */
int vg_interp_prepare(struct vg_ptx_module *module, struct vg_ptx_func *func,
                      const struct vg_interp_link *link, struct vg_interp_kernel **out,
                      char *why, size_t why_size);
void vg_interp_kernel_destroy(struct vg_interp_kernel *kernel);

/* The value that stands for the address of module->funcs[index]: what an initialiser with
 * a relocation to a function holds, and what an indirect call takes. */
uint64_t vg_interp_func_address(uint32_t index);

/* What a launch needs to know of a kernel, in bytes. */
struct vg_interp_needs {
    uint32_t static_shared;
    uint32_t local;     /* per thread */
    uint32_t registers; /* virtual 32-bit registers per thread */
    bool uses_dynamic_shared;
    bool uses_barrier;
    bool uses_grid_sync; /* reads %envreg1/2 as cooperative groups do */
};
void vg_interp_kernel_needs(const struct vg_interp_kernel *kernel,
                            struct vg_interp_needs *out);

/* [lo, hi): memory that a kernel may read and write. */
struct vg_interp_range {
    uint64_t lo, hi;
    bool read_only;
};

enum vg_interp_fault_kind {
    VG_INTERP_FAULT_ADDRESS,    /* CUDA_ERROR_ILLEGAL_ADDRESS */
    VG_INTERP_FAULT_MISALIGNED, /* CUDA_ERROR_MISALIGNED_ADDRESS */
    VG_INTERP_FAULT_TRAP,       /* trap: CUDA_ERROR_LAUNCH_FAILED */
    VG_INTERP_FAULT_ASSERT,     /* __assertfail: CUDA_ERROR_ASSERT */
    VG_INTERP_FAULT_SPACE,      /* shared/local access outside its window:
                                   CUDA_ERROR_INVALID_ADDRESS_SPACE or ILLEGAL_ADDRESS */
    VG_INTERP_FAULT_DEADLOCK,   /* no warp of the block can go on */
    VG_INTERP_FAULT_MEMORY,     /* the host ran out of memory */
};

struct vg_interp_fault {
    enum vg_interp_fault_kind kind;
    uint32_t block[3], thread[3];
    uint32_t line; /* PTX line of the instruction */
    uint64_t address;
    char text[256]; /* one line for the log */
};

struct vg_interp_launch {
    const struct vg_interp_kernel *kernel;
    uint32_t grid[3];
    uint32_t block[3];
    uint32_t dynamic_shared;
    const void *params; /* the parameter block, kernel's param_size bytes */
    size_t param_size;
    uint64_t grid_id;
    uint32_t n_sm; /* what %nsmid says */

    /* finds the range that holds @address; false when none does. Any thread. The answer
     * is kept for the length of the launch. */
    bool (*resolve)(void *user, uint64_t address, struct vg_interp_range *out);
    /* device printf: a NUL-terminated format and the argument buffer of vprintf (both
     * copied out of device memory by the interpreter). Any thread. */
    void (*print)(void *user, const char *format, const void *args, size_t args_size);
    void *user;

    const _Atomic bool *stop;            /* may be NULL; looked at now and then */
    _Atomic uint64_t *warp_instructions; /* may be NULL; executed warp instructions */
};

/* Runs one block to its end. Return: 0, or a vg_interp_condition with @out_fault. */
int vg_interp_run_block(const struct vg_interp_launch *launch, const uint32_t block[3],
                        struct vg_interp_fault *out_fault);

/* Runs a whole grid in the calling thread with all blocks alive at once, so that blocks
 * may wait for each other (cooperative launches). */
int vg_interp_run_grid(const struct vg_interp_launch *launch,
                       struct vg_interp_fault *out_fault);
