/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * entry - every exported function by name and version, for cuGetProcAddress.
 *
 * The table is generated. It is sorted by base name (strcmp), then the plain flavour
 * before the per-thread one, then version ascending: the entry to choose is the last of
 * a base name and flavour whose version is at most the one asked for.
 */

#include <stdbool.h>
#include <stddef.h>

struct vg_entry {
    const char *base; /* "cuMemAlloc" */
    const char *name; /* as exported: "cuMemAlloc_v2", "cuLaunchKernel_ptsz" */
    int version;      /* 3020: the first that has it */
    int call;         /* enum vg_cuda_call; not every call is carried */
    bool per_thread;  /* a _ptsz or _ptds name */
    void (*function)(void);
};

extern const struct vg_entry vg_entry_table[];
extern const size_t vg_entry_count;
