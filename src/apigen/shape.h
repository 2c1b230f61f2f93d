/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * shape - how a parameter or a struct's member travels: the one place that knows the
 * wire kinds, for the emitters of stubs, dispatch and tests.
 */

#include "emit.h"

/* How one value of a C type travels. */
struct vg_kind {
    const char *tail; /* "u64" of vg_put_u64(); NULL for a struct */
    const char *cast; /* type that put wants */
    int size;         /* bytes on the wire */
};

/* Wire kind of a type: a C number, enum, number, handle (u64) or struct. */
struct vg_kind vg_kind_of(const struct vg_api *api, const char *type);

/* Bytes of a struct on the wire. Pointers are not sent; a union sends its first member.
 */
int vg_struct_wire_size(const struct vg_api *api, const struct vg_member *members);

/* Calls @visit for every member that travels, nested ones included. @name is the whole
 * path behind @path: "params->location.id". */
enum vg_way {
    VG_WAY_ALL,
    VG_WAY_REQUEST, /* all but what the call only writes */
    VG_WAY_REPLY,   /* only that, where the struct marks it */
};
typedef void vg_leaf_fn(struct vg_out *out, const struct vg_api *api,
                        const struct vg_member *leaf, const char *name);
void vg_each_leaf(struct vg_out *out, const struct vg_api *api,
                  const struct vg_member *members, enum vg_way way, const char *path,
                  vg_leaf_fn *visit);

/* The struct marks members that the call only writes. */
bool vg_struct_has_out(const struct vg_type *type);

/* The declared type of a parameter that has one: a handle, a struct. */
const struct vg_type *
vg_param_type(const struct vg_param *param) __attribute__((returns_nonnull));

/* Which of a struct's members the reply holds. */
enum vg_way vg_reply_way(const struct vg_param *param);

/* Bytes of one element of a parameter, in the request or in the reply. */
int vg_param_wire_size(const struct vg_api *api, const struct vg_param *param,
                       enum vg_way way);

/* For a leaf that may be a device's number: the condition under which it is one. */
const char *vg_leaf_condition(const struct vg_member *leaf, const char *name);

/* A struct that holds handles or a device's number, or marks what is only written: it
 * travels member by member in the call's own code. */
bool vg_struct_has_handles(const struct vg_api *api, const char *type);

/* Some generated code sends it, by itself or within another. */
bool vg_struct_is_sent(const struct vg_api *api, const struct vg_type *type);

/* The members that travel: of a union the first alone. */
const struct vg_member *vg_sent_members(const struct vg_type *type);

/* The C type of a member, without const and name. */
const char *vg_member_type(const struct vg_member *member);

/* Elements of a member's array, or 0. */
int vg_member_count(const struct vg_api *api, const struct vg_member *member);

/* An array's length where the parameters are values, not pointers: without a leading *.
 */
const char *vg_length_of_values(const struct vg_param *param);

/* Travels in the reply, in the request. */
bool vg_shape_comes_back(enum vg_shape shape);
/* A pointer in the prototype. */
bool vg_shape_is_pointer(enum vg_shape shape);

bool vg_call_has_reply(const struct vg_call *call);

/* Of an API that one library answers alone: all parameters can go to the host's. */
bool vg_call_travels(const struct vg_call *call);

/* The call has a generated dispatch function. */
bool vg_call_dispatched(const struct vg_call *call);
/* The call has a generated stub: "vg_drv" for auto clients, "vg_send" for manual ones
 * whose server is auto; else NULL. */
const char *vg_call_stub(const struct vg_call *call);
