/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * object - handles. What a program hands in is a claim: a handle is a type, an index and
 * a generation, never an address, and it is looked up, never dereferenced. A handle that
 * has ended stays recognisable as such (its generation is past).
 *
 * Everything here is called with the driver lock held (core.h).
 */

#include <stdbool.h>
#include <stdint.h>

struct vg_context;

enum vg_object_type {
    VG_OBJECT_NONE,
    VG_OBJECT_CONTEXT,
    VG_OBJECT_STREAM,
    VG_OBJECT_EVENT,
    VG_OBJECT_MODULE,
    VG_OBJECT_LIBRARY,
    VG_OBJECT_FUNCTION,
    VG_OBJECT_KERNEL,
    VG_OBJECT_GRAPH,
    VG_OBJECT_NODE,
    VG_OBJECT_EXEC,
    VG_OBJECT_POOL,
    VG_OBJECT_USER,
};

/* First member of everything that has a handle. */
struct vg_object {
    uint64_t handle; /* 0 once retired */
    enum vg_object_type type;
    unsigned refs;                 /* the table holds one while the handle lives */
    struct vg_context *context;    /* whose end ends it, or NULL */
    struct vg_object *prev, *next; /* among the context's */
    void (*destroy)(struct vg_object *object);
};

/* Gives @object a handle and one reference; links it into @context's, which may be NULL.
 * Return: 0 or -ENOMEM. */
int vg_object_publish(struct vg_object *object, enum vg_object_type type,
                      struct vg_context *context);

/* Return: the live object of that type, or NULL. */
void *vg_object_find(enum vg_object_type type, const void *handle);

/* True when @handle is one that we gave out and that has ended. */
bool vg_object_has_ended(enum vg_object_type type, const void *handle);

static inline void *
vg_object_handle(const struct vg_object *object)
{
    return (void *)(uintptr_t)object->handle;
}

void vg_object_ref(struct vg_object *object);
/* Calls destroy with the last one. NULL is a no-op. */
void vg_object_unref(struct vg_object *object);

/* Ends the handle: unlinks the object and drops the table's reference. */
void vg_object_retire(struct vg_object *object);
