/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work - copying, dropping and doing work. Addresses were checked when it was made; a
 * stream keeps a block from being freed before work on it is done.
 */
#include "soft/work.h"

#include <stdlib.h>
#include <string.h>

#include "soft/graph.h"
#include "soft/memory.h"
#include "soft/module.h"
#include "soft/stream.h"

static void *
at(uint64_t address)
{
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static bool
copy_launch(struct vg_work *out, const struct vg_work *work)
{
    const struct vg_launch *launch = &work->launch;
    void *params = malloc(launch->param_size + 1);
    if (params == NULL) {
        return false;
    }
    if (launch->param_size > 0) {
        memcpy(params, launch->params, launch->param_size);
    }
    out->launch.params = params;
    vg_object_ref(&launch->function->object);
    return true;
}

static bool
copy_snapshot(struct vg_work *out, const struct vg_work *work)
{
    const struct vg_copy *copy = &work->copy;
    if (copy->snapshot == NULL) {
        return true;
    }
    size_t size = copy->width * copy->height * copy->depth;
    out->copy.snapshot = malloc(size + 1);
    if (out->copy.snapshot == NULL) {
        return false;
    }
    memcpy(out->copy.snapshot, copy->snapshot, size);
    return true;
}

bool
vg_work_copy(struct vg_work *out, const struct vg_work *work)
{
    bool ok = true;
    *out = *work;
    switch (work->kind) {
    case VG_WORK_KERNEL:
        ok = copy_launch(out, work);
        break;
    case VG_WORK_COPY:
        ok = copy_snapshot(out, work);
        break;
    case VG_WORK_RECORD:
    case VG_WORK_WAIT:
        if (work->event != NULL) {
            vg_object_ref(&work->event->object);
        }
        break;
    case VG_WORK_CHILD:
        out->child = vg_graph_copy(work->child);
        ok = out->child != NULL;
        break;
    case VG_WORK_EMPTY:
    case VG_WORK_FILL:
    case VG_WORK_CALL:
    case VG_WORK_FREE:
        break;
    }
    if (!ok) {
        out->kind = VG_WORK_EMPTY;
    }
    return ok;
}

void
vg_work_fini(struct vg_work *work)
{
    switch (work->kind) {
    case VG_WORK_KERNEL:
        free(work->launch.params);
        vg_object_unref(&work->launch.function->object);
        break;
    case VG_WORK_COPY:
        free(work->copy.snapshot);
        break;
    case VG_WORK_RECORD:
    case VG_WORK_WAIT:
        if (work->event != NULL) {
            vg_object_unref(&work->event->object);
        }
        break;
    case VG_WORK_CHILD:
        vg_graph_drop(work->child);
        break;
    case VG_WORK_EMPTY:
    case VG_WORK_FILL:
    case VG_WORK_CALL:
    case VG_WORK_FREE:
        break;
    }
    work->kind = VG_WORK_EMPTY;
}

static void
run_copy(const struct vg_copy *copy)
{
    if (copy->snapshot != NULL && copy->height == 1 && copy->depth == 1) {
        memcpy(at(copy->dst), copy->snapshot, copy->width);
        return;
    }
    const char *packed = copy->snapshot;
    for (size_t z = 0; z < copy->depth; z++) {
        for (size_t y = 0; y < copy->height; y++) {
            char *to = (char *)at(copy->dst) + z * copy->dst_slice + y * copy->dst_pitch;
            const char *from = packed;
            if (packed != NULL) {
                packed += copy->width;
            } else {
                from = (char *)at(copy->src) + z * copy->src_slice + y * copy->src_pitch;
            }
            memmove(to, from, copy->width);
        }
    }
}

static void
fill_row(char *row, const struct vg_fill *fill)
{
    if (fill->element == 1) {
        memset(row, (int)(fill->value & 0xff), fill->width);
        return;
    }
    for (size_t i = 0; i < fill->width; i++) {
        memcpy(row + i * fill->element, &fill->value, fill->element);
    }
}

static void
run_fill(const struct vg_fill *fill)
{
    for (size_t y = 0; y < fill->height; y++) {
        fill_row((char *)at(fill->dst) + y * fill->pitch, fill);
    }
}

void
vg_work_run(const struct vg_work *work)
{
    switch (work->kind) {
    case VG_WORK_COPY:
        run_copy(&work->copy);
        break;
    case VG_WORK_FILL:
        run_fill(&work->fill);
        break;
    case VG_WORK_FREE:
        vg_memory_release(work->address);
        break;
    case VG_WORK_EMPTY:
    case VG_WORK_KERNEL:
    case VG_WORK_CALL:
    case VG_WORK_RECORD:
    case VG_WORK_WAIT:
    case VG_WORK_CHILD:
        break;
    }
}
