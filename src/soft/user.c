/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - user objects: a destructor of the program that runs when nobody, program or
 * graph, refers to the object any more. Nobody waits for it.
 */
#include <stdlib.h>

#include "cuda_driver.h"

#include "front/driver.h"
#include "soft/capture.h"
#include "soft/graph.h"
#include "soft/op.h"

static void
user_destroy(struct vg_object *object)
{
    free(object);
}

/* Lock held. */
static void
release(struct vg_user_object *user, unsigned count)
{
    user->count -= count;
    if (user->count != 0) {
        return;
    }
    struct vg_work work = {
        .kind = VG_WORK_CALL,
        .call = { .function = user->destructor, .data = user->data },
    };
    struct vg_op *op = vg_op_create(vg_context_primary(), &work);
    if (op != NULL) {
        vg_op_submit(op);
        vg_op_unref(op);
    }
    vg_object_retire(&user->object);
}

bool
vg_users_copy(struct vg_user_ref **out, size_t *n_out, const struct vg_user_ref *users,
              size_t n)
{
    struct vg_user_ref *copy = malloc((n + 1) * sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        copy[i] = (struct vg_user_ref){ .user = users[i].user, .count = 1 };
        copy[i].user->count++;
        vg_object_ref(&copy[i].user->object);
    }
    *out = copy;
    *n_out = n;
    return true;
}

void
vg_users_drop(struct vg_user_ref *users, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        release(users[i].user, users[i].count);
        vg_object_unref(&users[i].user->object);
    }
}

CUresult
vg_drv_cuUserObjectCreate(CUuserObject *out, void *pointer, CUhostFn destroy,
                          unsigned int count, unsigned int flags)
{
    if (out == NULL || destroy == NULL || count == 0 || count > INT32_MAX ||
        flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct vg_user_object *user = calloc(1, sizeof *user);
    if (user == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    user->object.destroy = user_destroy;
    user->count = count;
    user->destructor = destroy;
    user->data = pointer;
    vg_soft_lock();
    if (vg_object_publish(&user->object, VG_OBJECT_USER, NULL) != 0) {
        free(user);
        return vg_soft_leave(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *out = vg_object_handle(&user->object);
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuUserObjectRetain(CUuserObject handle, unsigned int count)
{
    vg_soft_lock();
    struct vg_user_object *user = vg_object_find(VG_OBJECT_USER, handle);
    if (user == NULL || count == 0 || count > INT32_MAX - user->count) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    user->count += count;
    return vg_soft_leave(CUDA_SUCCESS);
}

CUresult
vg_drv_cuUserObjectRelease(CUuserObject handle, unsigned int count)
{
    vg_soft_lock();
    struct vg_user_object *user = vg_object_find(VG_OBJECT_USER, handle);
    if (user == NULL || count == 0 || count > user->count) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    release(user, count);
    return vg_soft_leave(CUDA_SUCCESS);
}

/* Lock held. */
static CUresult
graph_retain(struct vg_graph *graph, struct vg_user_object *user, unsigned count)
{
    for (size_t i = 0; i < graph->n_users; i++) {
        if (graph->users[i].user == user) {
            graph->users[i].count += count;
            return CUDA_SUCCESS;
        }
    }
    struct vg_user_ref *grown =
        realloc(graph->users, (graph->n_users + 1) * sizeof *graph->users);
    if (grown == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    graph->users = grown;
    graph->users[graph->n_users++] = (struct vg_user_ref){ .user = user, .count = count };
    vg_object_ref(&user->object);
    return CUDA_SUCCESS;
}

CUresult
vg_drv_cuGraphRetainUserObject(CUgraph graph_handle, CUuserObject handle,
                               unsigned int count, unsigned int flags)
{
    vg_soft_lock();
    struct vg_graph *graph;
    struct vg_user_object *user = vg_object_find(VG_OBJECT_USER, handle);
    if (vg_graph_find(graph_handle, &graph) != CUDA_SUCCESS || user == NULL ||
        count == 0 || count > INT32_MAX - user->count ||
        flags > CU_GRAPH_USER_OBJECT_MOVE || (flags != 0 && user->count < count)) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    CUresult r = graph_retain(graph, user, count);
    if (r == CUDA_SUCCESS && flags == 0) { /* else: the caller's references move */
        user->count += count;
    }
    return vg_soft_leave(r);
}

CUresult
vg_drv_cuGraphReleaseUserObject(CUgraph graph_handle, CUuserObject handle,
                                unsigned int count)
{
    vg_soft_lock();
    struct vg_graph *graph;
    struct vg_user_object *user = vg_object_find(VG_OBJECT_USER, handle);
    if (vg_graph_find(graph_handle, &graph) != CUDA_SUCCESS || user == NULL ||
        count == 0) {
        return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
    }
    for (size_t i = 0; i < graph->n_users; i++) {
        struct vg_user_ref *ref = &graph->users[i];
        if (ref->user != user || ref->count < count) {
            continue;
        }
        ref->count -= count;
        bool last = ref->count == 0;
        if (last) {
            *ref = graph->users[--graph->n_users];
        }
        release(user, count);
        if (last) {
            vg_object_unref(&user->object);
        }
        return vg_soft_leave(CUDA_SUCCESS);
    }
    return vg_soft_leave(CUDA_ERROR_INVALID_VALUE);
}
