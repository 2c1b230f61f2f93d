/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* run - what the runner's own files share. */

#include "forms.h"
#include "machine.h"

#define VG_FORMS_HEADER ".version 9.1\n.target sm_90\n.address_size 64\n"

struct vg_forms {
    struct vg_forms_item *items;
    size_t count, capacity;
    struct vg_forms_item *current;
    bool quick;                        /* fewer values: for the mutation test */
    const char *spoil_from, *spoil_to; /* in the instruction; or NULL */
};

/* what the last launch of a kernel test reported */
extern struct vg_machine_report vg_forms_report;

void vg_forms_unsupported(struct vg_forms *forms, const char *why);
void vg_forms_run_row(struct vg_forms *forms, const struct vg_form *form);
