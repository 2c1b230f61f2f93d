/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * emit - writes one generated file each. Emitters switch over shapes and kinds and hold
 * no name of an API; equal input gives equal bytes.
 */

#include "model.h"

struct vg_out {
    FILE *file;
    const char *api_name;
    int depth; /* of the code around a struct's members */
};

/* Prints to the file that is being written. @L and @U in what is printed become the API's
 * name in lower and in upper case. */
void
vg_put(struct vg_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints @text, then breaks the list in it after commas to stay within 90 columns.
 * Continuation lines begin with @indent spaces. */
void vg_put_wrapped(struct vg_out *out, int indent, const char *text);

/* The C declaration of a parameter, without a name's trailing blank: "int *out". */
const char *vg_param_declaration(const struct vg_param *param);

/* "int a, int *b", or "void". */
const char *vg_params_declaration(const struct vg_call *call);

/* "a, b", or "". */
const char *vg_params_names(const struct vg_call *call);

/* The call whose implementation answers @call: itself, or what it is another name of. */
const struct vg_call *vg_call_target(const struct vg_call *call);

/* The name that a member declares; "" for an unnamed struct or union. */
const char *vg_member_name(const struct vg_member *member);

typedef void vg_emit_fn(struct vg_out *out, const struct vg_api *api);

vg_emit_fn vg_emit_types;
vg_emit_fn vg_emit_calls;
vg_emit_fn vg_emit_call_table;
vg_emit_fn vg_emit_driver;
vg_emit_fn vg_emit_front;
vg_emit_fn vg_emit_exports;
vg_emit_fn vg_emit_alone_answers;
vg_emit_fn vg_emit_alone_exports;
vg_emit_fn vg_emit_carry_h;
vg_emit_fn vg_emit_carry_c;
vg_emit_fn vg_emit_host_c;
vg_emit_fn vg_emit_defaults;
vg_emit_fn vg_emit_entry;
vg_emit_fn vg_emit_map;
vg_emit_fn vg_emit_facts;
vg_emit_fn vg_emit_wire_h;
vg_emit_fn vg_emit_wire_c;
vg_emit_fn vg_emit_send;
vg_emit_fn vg_emit_stubs_1;
vg_emit_fn vg_emit_stubs_2;
vg_emit_fn vg_emit_dispatch_h;
vg_emit_fn vg_emit_dispatch_table;
vg_emit_fn vg_emit_dispatch_1;
vg_emit_fn vg_emit_dispatch_2;
vg_emit_fn vg_emit_loader_h;
vg_emit_fn vg_emit_loader_c;
vg_emit_fn vg_emit_test;

/* What nm says of the archives; NULL where it is not known. */
struct vg_symbols {
    const char *shim;
    const char *worker;
    const char *soft;
};

void vg_emit_coverage(struct vg_out *out, const struct vg_api *api,
                      const struct vg_symbols *symbols);
