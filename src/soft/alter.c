/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alter - see alter.h. The altered instruction is an ordinary one, held against the op
 * table as any other when the kernel is prepared.
 */
#include "soft/alter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ptx/ptx.h"

static bool
is_fma(const struct vg_ptx_insn *insn)
{
    return insn->op == VG_PTX_OP_FMA && insn->n_types == 1 &&
           insn->types[0] == VG_PTX_F32 && insn->n_operands == 4;
}

static void
list(const struct vg_ptx_func *func)
{
    for (uint32_t i = 0; i < func->n_insns; i++) {
        if (is_fma(&func->insns[i])) {
            vg_log(VG_LOG_INFO, "alter: fma %s:%u", func->name, func->insns[i].line);
        }
    }
}

static void
become(struct vg_ptx_insn *insn, uint16_t op)
{
    insn->op = op;
    insn->n_operands = insn->n_types = insn->n_suffixes = 0;
    memset(insn->mods, 0, sizeof(insn->mods));
}

static void
do_nothing(struct vg_ptx_func *func)
{
    if (func->is_entry && func->n_insns > 0) {
        become(&func->insns[0], VG_PTX_OP_RET);
        func->insns[0].guard = -1;
    }
}

static void
spoil(struct vg_ptx_insn *insn, bool is_trap)
{
    if (is_trap) {
        become(insn, VG_PTX_OP_TRAP);
    } else {
        insn->op = VG_PTX_OP_ADD;
        insn->n_operands = 3;
    }
}

/* @place is ENTRY:LINE; the name of an entry holds no colon. */
static void
spoil_at(struct vg_ptx_func *func, const char *place, bool is_trap)
{
    const char *colon = strrchr(place, ':');
    if (colon == NULL || strlen(func->name) != (size_t)(colon - place) ||
        strncmp(func->name, place, (size_t)(colon - place)) != 0) {
        return;
    }
    const unsigned long line = strtoul(colon + 1, NULL, 10);
    for (uint32_t i = 0; i < func->n_insns; i++) {
        if (func->insns[i].line == line && is_fma(&func->insns[i])) {
            spoil(&func->insns[i], is_trap);
            vg_log(VG_LOG_INFO, "alter: spoilt %s:%lu", func->name, line);
        }
    }
}

void
vg_alter(struct vg_ptx_func *func)
{
    const char *mode = secure_getenv("VGPU_SOFT_TEST_ALTER");
    if (mode == NULL) {
        return;
    }
    if (strcmp(mode, "list") == 0) {
        list(func);
    } else if (strncmp(mode, "add:", 4) == 0) {
        spoil_at(func, mode + 4, false);
    } else if (strncmp(mode, "trap:", 5) == 0) {
        spoil_at(func, mode + 5, true);
    } else if (strcmp(mode, "null") == 0) {
        do_nothing(func);
    }
}
