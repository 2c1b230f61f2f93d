/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * id - the number that stands for a driver object on the wire and in the client.
 *
 * 46 bits, so that it looks like a user-space pointer to a program and is never 0, 1 or
 * 2: space (1) | type (5) | generation (16) | index (20) | 0000. What the client creates,
 * it names (client space); what the driver makes on its own gets an id of the server
 * space. A generation is never 0; it makes a stale id differ from its slot's next owner.
 */

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t vg_id;

enum vg_id_type {
    VG_ID_NONE = 0,
    VG_ID_CTX,     /* CUcontext */
    VG_ID_STREAM,  /* CUstream */
    VG_ID_EVENT,   /* CUevent */
    VG_ID_MODULE,  /* CUmodule */
    VG_ID_FUNC,    /* CUfunction */
    VG_ID_LIB,     /* CUlibrary */
    VG_ID_KERN,    /* CUkernel */
    VG_ID_GRAPH,   /* CUgraph */
    VG_ID_GNODE,   /* CUgraphNode */
    VG_ID_GEXEC,   /* CUgraphExec */
    VG_ID_POOL,    /* CUmemoryPool */
    VG_ID_ARRAY,   /* CUarray */
    VG_ID_MARRAY,  /* CUmipmappedArray */
    VG_ID_TEXREF,  /* CUtexref */
    VG_ID_SURFREF, /* CUsurfref */
    VG_ID_TEXOBJ,  /* CUtexObject */
    VG_ID_SURFOBJ, /* CUsurfObject */
    VG_ID_LINK,    /* CUlinkState */
    VG_ID_UOBJ,    /* CUuserObject */
    VG_ID_EXTMEM,  /* CUexternalMemory */
    VG_ID_EXTSEM,  /* CUexternalSemaphore */
    VG_ID_VMM,     /* CUmemGenericAllocationHandle */
    VG_ID_GREEN,   /* CUgreenCtx */
    VG_ID_DEVRES,  /* CUdevResourceDesc */
    VG_ID_COUNT,
};

#define VG_ID_INDEX_MAX ((1u << 20) - 1)

_Static_assert(VG_ID_COUNT <= 32, "the type field has five bits");

static inline vg_id
vg_id_make(enum vg_id_type type, bool server, uint16_t generation, uint32_t index)
{
    return (uint64_t)server << 45 | (uint64_t)type << 40 | (uint64_t)generation << 24 |
           (uint64_t)index << 4;
}

static inline enum vg_id_type
vg_id_type_of(vg_id id)
{
    return id >> 46 != 0 || (id & 15) != 0 ? VG_ID_NONE
                                           : (enum vg_id_type)(id >> 40 & 31);
}

static inline bool
vg_id_is_server(vg_id id)
{
    return (id >> 45 & 1) != 0;
}

static inline uint16_t
vg_id_generation(vg_id id)
{
    return (uint16_t)(id >> 24);
}

static inline uint32_t
vg_id_index(vg_id id)
{
    return (uint32_t)(id >> 4) & VG_ID_INDEX_MAX;
}

static inline vg_id
vg_id_from_handle(const void *handle)
{
    return (vg_id)(uintptr_t)handle;
}

static inline void *
vg_id_to_handle(vg_id id)
{
    return (void *)(uintptr_t)id;
}
