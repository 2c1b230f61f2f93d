/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * model - what a description says, resolved: the only thing that emitters see.
 *
 * Parse fills it, check proves it, emitters read it. Lists keep the order of the files.
 */

#include "lex.h"

#include <stdbool.h>
#include <stdio.h>

enum vg_type_kind {
    VG_TYPE_NUMBER,   /* another name for a C number */
    VG_TYPE_HANDLE,   /* pointer to an opaque struct */
    VG_TYPE_ENUM,     /* 32 bits */
    VG_TYPE_STRUCT,   /* or union */
    VG_TYPE_CALLBACK, /* pointer to a function of the program */
    VG_TYPE_ALIAS,
    VG_TYPE_CONST, /* a macro, no type */
};

struct vg_value {
    struct vg_value *next;
    const char *name; /* whole, prefix included */
    const char *text; /* C expression */
};

/* One member of a struct, in C words; a nested struct's body is kept as its members. */
struct vg_member {
    struct vg_member *next;
    const char *text;         /* "unsigned int x", "struct", "union" */
    const char *name;         /* after a nested body; may be empty */
    struct vg_member *nested; /* for "struct" and "union" */
    const char *type;         /* first type name */
    bool pointer;
    bool out; /* written by the call, never read */
    /* The member is a device's number, which differs between client and worker, when the
     * member @when beside it has the value @is; else NULL. */
    const char *when;
    const char *is;
    /* A pointer to a list that the call writes; the member beside it is room and count.
     */
    const char *counted;
};

struct vg_type {
    struct vg_type *next;
    struct vg_place place;
    enum vg_type_kind kind;
    const char *name;
    const char *text;          /* number: C type; handle: tag; callback: result; alias */
    const char *params;        /* callback */
    struct vg_value *values;   /* enum */
    struct vg_member *members; /* struct */
    bool is_union;
    const char *id;   /* handles: VG_ID_<id>, or NULL: it cannot travel */
    const char *by;   /* special way to travel, or NULL */
    const char *ends; /* the call that ends such an object, or NULL */
    int size;         /* bytes, struct */
};

enum vg_shape {
    VG_SHAPE_SCALAR,     /* number, enum or plain struct by value */
    VG_SHAPE_HANDLE,     /* handle by value */
    VG_SHAPE_DROP,       /* handle by value that ends with the call */
    VG_SHAPE_NEW,        /* handle out; the client names it */
    VG_SHAPE_HANDLE_OUT, /* handle out; the driver made it: server id */
    VG_SHAPE_OUT,        /* number, enum or struct out */
    VG_SHAPE_INOUT,
    VG_SHAPE_IN,         /* struct or array in */
    VG_SHAPE_HANDLES_IN, /* array of handles in */
    VG_SHAPE_OUT_ARRAY,
    VG_SHAPE_HANDLES_OUT,
    VG_SHAPE_BYTES_IN,
    VG_SHAPE_BYTES_OUT,
    VG_SHAPE_STRING,
    VG_SHAPE_STRING_OUT,
    VG_SHAPE_RAW, /* meaning known only to hand-written code */
};

struct vg_param {
    struct vg_param *next;
    struct vg_place place;
    enum vg_shape shape;
    bool optional;
    bool plain;       /* declared without const though it is only read */
    const char *word; /* in, out, ... as written, or NULL */
    const char *type; /* element type without stars, or the whole raw type */
    const char *name;
    const char *length;             /* array length, a C expression, or NULL */
    const char *of;                 /* the handle it is forgotten with, or NULL */
    bool stars;                     /* the type has * */
    const struct vg_type *resolved; /* NULL for plain C numbers */
};

enum vg_class {
    VG_CLASS_POSTED,
    VG_CLASS_WAITING,
    VG_CLASS_LOCAL,
    VG_CLASS_CHOOSE
};
enum vg_needs {
    VG_NEEDS_NONE,
    VG_NEEDS_INIT,
    VG_NEEDS_CTX
};
enum vg_side {
    VG_SIDE_FRONT,
    VG_SIDE_DRIVER,
    VG_SIDE_BOTH
};
enum vg_who {
    VG_WHO_AUTO,
    VG_WHO_MANUAL,
    VG_WHO_LOCAL,
    VG_WHO_NONE
};

struct vg_call {
    struct vg_call *next;
    struct vg_place place;
    const char *name; /* without _ptsz, _ptds */
    const char *base; /* without _v2 too */
    const char *group;
    int since;          /* 3020 */
    const char *suffix; /* "ptsz", "ptds" or NULL */
    int suffix_since;
    bool carried;
    bool by_hand;        /* exported, written whole by hand */
    bool here;           /* alone: answered here though the host's library is asked */
    bool far;            /* alone: only the host's library has an answer */
    const char *as_name; /* NULL, or the call that this is another name of */
    const struct vg_call *as;
    const char *why; /* not carried */
    struct vg_param *params;
    enum vg_class class_;
    enum vg_needs needs;
    enum vg_side side;
    enum vg_who client;
    enum vg_who server;
    const char *client_why;
    const char *server_why;
    const char *thread; /* the call with a stream that does the same, for _ptds */
    bool on_error;      /* results travel though the call failed */
    const char *charge; /* "none" or an expression of bytes */
};

struct vg_group {
    struct vg_group *next;
    const char *name;
    const char *text;
};

struct vg_api {
    bool alone;          /* one library answers all of it: no front, no wire */
    const char *name;    /* "cuda" */
    const char *library; /* "libcuda.so.1" */
    const char *result;  /* "CUresult" */
    const char *ok;      /* "CUDA_SUCCESS" */
    const char *invalid; /* "CUDA_ERROR_INVALID_VALUE" */
    const char *absent;  /* "CUDA_ERROR_NOT_SUPPORTED" */
    const char *memory;  /* "CUDA_ERROR_OUT_OF_MEMORY" */
    const char *legacy;  /* "CU_STREAM_LEGACY" */
    struct vg_type *types;
    struct vg_group *groups;
    struct vg_call *calls;
};

const struct vg_type *vg_api_type(const struct vg_api *api, const char *name);
const struct vg_call *vg_api_call(const struct vg_api *api, const char *name);

/* parse.c: adds the file's stanzas. */
void vg_parse(struct vg_api *api, const char *path);

/* check.c: resolves names and shapes; ends the program at the first broken rule. */
void vg_check(struct vg_api *api);
