/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * tables - the private tables that cuGetExportTable hands out, one file each.
 *
 * A table is an array of words: its size in bytes, then functions; a slot is named by its
 * index. Slots whose meaning is public are served; every other one refuses by name. The
 * tables never move: their addresses are part of the runtime's handshake.
 */

#include <stddef.h>

#include "cuda_types.h"

typedef void (*vg_slot)(void);

union vg_word {
    size_t size;
    vg_slot call;
};

#define VG_CUDART_SLOTS    13
#define VG_HOOKS_SLOTS     7
#define VG_TLS_SLOTS       4
#define VG_STORAGE_SLOTS   4 /* no size word; the last one is NULL */
#define VG_CHECKS_SLOTS    5
#define VG_INTEGRITY_SLOTS 3
#define VG_TOOLS_SLOTS     96
#define VG_LIST_SLOTS      8
#define VG_MODULES_SLOTS   12

extern const union vg_word vg_table_cudart[VG_CUDART_SLOTS];
extern const union vg_word vg_table_hooks[VG_HOOKS_SLOTS];
extern const union vg_word vg_table_tls[VG_TLS_SLOTS];
extern const union vg_word vg_table_storage[VG_STORAGE_SLOTS];
extern const union vg_word vg_table_checks[VG_CHECKS_SLOTS];
extern const union vg_word vg_table_integrity[VG_INTEGRITY_SLOTS];
extern const union vg_word vg_table_tools[VG_TOOLS_SLOTS];
extern const union vg_word vg_table_list[VG_LIST_SLOTS];
extern const union vg_word vg_table_modules[VG_MODULES_SLOTS];

/* The table with this id, or NULL. @id: 16 bytes. */
const union vg_word *vg_table_find(const void *id);

/* What an unknown slot does: says so once a process and fails. */
CUresult vg_table_refuse(void);

/* Initialisers: a function with its type put aside; runs of slots that refuse. */
#define VG_SLOT(function)           \
    {                               \
        .call = (vg_slot)(function) \
    }
#define VG_REFUSE    VG_SLOT(vg_table_refuse)
#define VG_REFUSE_4  VG_REFUSE, VG_REFUSE, VG_REFUSE, VG_REFUSE
#define VG_REFUSE_12 VG_REFUSE_4, VG_REFUSE_4, VG_REFUSE_4
