/* SPDX-License-Identifier: Apache-2.0 */

/* run - the items of a run: rows and kernel tests, one name each. */

#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static _Alignas(256) uint8_t in_bytes[VG_LAUNCH_BUFFER];
static _Alignas(256) uint8_t out_bytes[VG_LAUNCH_BUFFER];
uint8_t *const vg_forms_in = in_bytes;
uint8_t *const vg_forms_out = out_bytes;

static const char preamble[] =
    "{\n.reg .pred %p<16>;\n.reg .b16 %h<64>;\n.reg .b32 %r<64>;\n.reg .b64 %d<32>;\n"
    ".reg .b64 %in, %out, %myin, %myout, %off;\n.reg .b32 %me, %lane, %c0, %c1;\n"
    "ld.param.u64 %in, [p_in];\nld.param.u64 %out, [p_out];\n"
    "mov.u32 %me, %tid.x;\nmov.u32 %c0, %ctaid.x;\nmov.u32 %c1, %ntid.x;\n"
    "mad.lo.s32 %me, %c0, %c1, %me;\nmov.u32 %lane, %laneid;\n"
    "mul.wide.u32 %off, %me, 128;\nadd.s64 %myin, %in, %off;\n"
    "add.s64 %myout, %out, %off;\n";

static void
add_item(struct vg_forms *forms, struct vg_forms_item item)
{
    if (forms->count == forms->capacity) {
        forms->capacity = forms->capacity == 0 ? 512 : forms->capacity * 2;
        forms->items =
            realloc(forms->items, forms->capacity * sizeof(struct vg_forms_item));
        if (forms->items == NULL) {
            abort();
        }
    }
    forms->items[forms->count++] = item;
}

void
vg_forms_add(struct vg_forms *forms, const struct vg_form *form)
{
    struct vg_form *copy = malloc(sizeof(*copy));

    if (copy == NULL) {
        abort();
    }
    *copy = *form;
    add_item(forms, (struct vg_forms_item){ .name = copy->name, .form = copy });
}

void
vg_forms_add_kernels(struct vg_forms *forms, const struct vg_kernel_test *tests,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_item(forms,
                 (struct vg_forms_item){ .name = tests[i].forms, .kernel = &tests[i] });
    }
}

struct vg_forms *
vg_forms_create(bool quick)
{
    struct vg_forms *forms = calloc(1, sizeof(*forms));

    if (forms == NULL) {
        abort();
    }
    forms->quick = quick;
    vg_table_int(forms);
    vg_table_bits(forms);
    vg_table_compare(forms);
    vg_table_float(forms);
    vg_table_half(forms);
    vg_table_approx(forms);
    vg_table_cvt(forms);
    vg_table_move(forms);
    vg_table_video(forms);
    vg_kernels_memory(forms);
    vg_kernels_control(forms);
    vg_kernels_warp(forms);
    vg_kernels_atomic(forms);
    vg_kernels_tensor(forms);
    vg_kernels_matrix(forms);
    vg_kernels_wmma(forms);
    return forms;
}

void
vg_forms_destroy(struct vg_forms *forms)
{
    for (size_t i = 0; i < forms->count; i++) {
        free((void *)(uintptr_t)forms->items[i].form);
    }
    free(forms->items);
    free(forms);
}

size_t
vg_forms_count(const struct vg_forms *forms)
{
    return forms->count;
}

const struct vg_forms_item *
vg_forms_item(const struct vg_forms *forms, size_t index)
{
    return &forms->items[index];
}

void
vg_forms_fail(struct vg_forms *forms, const char *format, ...)
{
    char message[sizeof(forms->current->message)];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (forms->current->state == VG_FORM_PASSED) {
        forms->current->state = VG_FORM_FAILED;
        memcpy(forms->current->message, message, sizeof(message));
    }
}

void
vg_forms_unsupported(struct vg_forms *forms, const char *why)
{
    if (forms->current->state == VG_FORM_PASSED) {
        forms->current->state = VG_FORM_UNSUPPORTED;
        snprintf(forms->current->message, sizeof(forms->current->message), "%s", why);
    }
}

const struct vg_forms_item *
vg_forms_run(struct vg_forms *forms, size_t index)
{
    struct vg_forms_item *item = &forms->items[index];

    forms->current = item;
    item->state = VG_FORM_PASSED;
    item->message[0] = '\0';
    if (item->form != NULL) {
        vg_forms_run_row(forms, item->form);
    } else {
        item->kernel->run(forms, item->kernel);
    }
    return item;
}

bool
vg_forms_run_spoiled(struct vg_forms *forms, size_t index, const char *from,
                     const char *to, bool *out_noticed)
{
    const struct vg_form *form = forms->items[index].form;

    if (form == NULL || form->text[0] != '\0' || strstr(form->name, from) == NULL) {
        return false;
    }
    forms->spoil_from = from;
    forms->spoil_to = to;
    enum vg_form_state state = vg_forms_run(forms, index)->state;
    forms->spoil_from = NULL;
    *out_noticed = state == VG_FORM_FAILED;
    return state != VG_FORM_UNSUPPORTED;
}

struct params {
    uint64_t in, out;
    uint32_t n, pad;
    uint8_t extra[16];
};

static enum vg_machine_result
launch(const struct vg_launch *l, struct vg_machine_report *report)
{
    static char text[65536];
    struct params params = {
        .in = (uint64_t)(uintptr_t)in_bytes,
        .out = (uint64_t)(uintptr_t)out_bytes,
        .n = l->threads != 0 ? l->threads : 32,
    };

    memcpy(params.extra, l->extra, sizeof(params.extra));
    int length = snprintf(
        text, sizeof(text),
        VG_FORMS_HEADER "%s\n.visible .entry k(.param .u64 p_in, .param .u64 p_out, "
                        ".param .u32 p_n, .param .align 8 .b8 p_x[16])\n%s%s\nret;\n}\n",
        l->decls != NULL ? l->decls : "", preamble, l->body);
    if (length < 0 || (size_t)length >= sizeof(text)) {
        snprintf(report->why, sizeof(report->why), "kernel text too long");
        return VG_MACHINE_SYNTAX;
    }
    struct vg_machine_job job = {
        .text = text,
        .grid = { l->blocks, l->blocks_y, l->blocks_z },
        .block = { params.n, l->threads_y, l->threads_z },
        .dynamic_shared = l->dynamic_shared,
        .whole_grid = l->whole_grid,
        .params = &params,
        .param_size = sizeof(params),
        .in = in_bytes,
        .in_size = sizeof(in_bytes),
        .out = out_bytes,
        .out_size = sizeof(out_bytes),
        .hash_size = sizeof(out_bytes),
    };
    return vg_machine_run(&job, report);
}

struct vg_machine_report vg_forms_report;

enum vg_launch_result
vg_forms_launch(struct vg_forms *forms, const struct vg_launch *l)
{
    switch (launch(l, &vg_forms_report)) {
    case VG_MACHINE_OK:
        return VG_LAUNCH_OK;
    case VG_MACHINE_UNSUPPORTED:
        vg_forms_unsupported(forms, vg_forms_report.why);
        return VG_LAUNCH_UNSUPPORTED;
    case VG_MACHINE_SYNTAX:
    case VG_MACHINE_FAULT:
        break;
    }
    vg_forms_fail(forms, "%s", vg_forms_report.why);
    return VG_LAUNCH_FAILED;
}

enum vg_launch_result
vg_forms_launch_fault(struct vg_forms *forms, const struct vg_launch *l, int kind)
{
    switch (launch(l, &vg_forms_report)) {
    case VG_MACHINE_FAULT:
        if ((int)vg_forms_report.fault.kind != kind) {
            vg_forms_fail(forms, "fault %d instead of %d: %s",
                          (int)vg_forms_report.fault.kind, kind, vg_forms_report.why);
            return VG_LAUNCH_FAILED;
        }
        return VG_LAUNCH_FAULT;
    case VG_MACHINE_UNSUPPORTED:
        vg_forms_unsupported(forms, vg_forms_report.why);
        return VG_LAUNCH_UNSUPPORTED;
    case VG_MACHINE_SYNTAX:
        vg_forms_fail(forms, "%s", vg_forms_report.why);
        return VG_LAUNCH_FAILED;
    case VG_MACHINE_OK:
        break;
    }
    vg_forms_fail(forms, "no fault");
    return VG_LAUNCH_FAILED;
}

static uint32_t
word(const uint8_t *bytes, size_t index)
{
    uint32_t value;

    memcpy(&value, bytes + index * 4, 4);
    return value;
}

uint32_t
vg_out32(size_t index)
{
    return word(out_bytes, index);
}

uint32_t
vg_in32(size_t index)
{
    return word(in_bytes, index);
}

uint64_t
vg_out64(size_t index)
{
    return word(out_bytes, 2 * index) | (uint64_t)word(out_bytes, 2 * index + 1) << 32;
}
