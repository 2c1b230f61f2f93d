/* SPDX-License-Identifier: Apache-2.0 */

/* shape - see shape.h. */

#include "shape.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *type;
    struct vg_kind kind;
} numbers[] = {
    { "int", { "i32", "int32_t", 4 } },
    { "unsigned int", { "u32", "uint32_t", 4 } },
    { "size_t", { "u64", "uint64_t", 8 } },
    { "unsigned long long", { "u64", "uint64_t", 8 } },
    { "long long", { "i64", "int64_t", 8 } },
    { "unsigned char", { "u8", "uint8_t", 1 } },
    { "char", { "u8", "uint8_t", 1 } },
    { "unsigned short", { "u16", "uint16_t", 2 } },
    { "float", { "f32", "float", 4 } },
};

const struct vg_member *
vg_sent_members(const struct vg_type *type)
{
    struct vg_member *first;

    if (!type->is_union) {
        return type->members;
    }
    first = vg_must_alloc(sizeof(*first));
    *first = *type->members;
    first->next = NULL;
    return first;
}

struct vg_kind
vg_kind_of(const struct vg_api *api, const char *type)
{
    const struct vg_type *found = vg_api_type(api, type);

    if (found != NULL) {
        switch (found->kind) {
        case VG_TYPE_NUMBER:
            return vg_kind_of(api, found->text);
        case VG_TYPE_ENUM:
            return (struct vg_kind){ "i32", "int32_t", 4 };
        case VG_TYPE_STRUCT:
            return (struct vg_kind){ NULL, NULL,
                                     vg_struct_wire_size(api, vg_sent_members(found)) };
        default:
            return (struct vg_kind){ "u64", "uint64_t", 8 };
        }
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(numbers[i].type, type) == 0) {
            return numbers[i].kind;
        }
    }
    return (struct vg_kind){ NULL, NULL, 0 };
}

const char *
vg_member_type(const struct vg_member *member)
{
    const char *name = vg_member_name(member);
    const char *text = member->text;
    const char *end;
    size_t length;

    if (strncmp(text, "const ", 6) == 0) {
        text += 6;
    }
    end = strstr(text, name);
    for (const char *at = end; at != NULL; at = strstr(at + 1, name)) {
        end = at;
    }
    length = (size_t)(end - text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '*')) {
        length--;
    }
    return vg_must_print("%.*s", (int)length, text);
}

int
vg_member_count(const struct vg_api *api, const struct vg_member *member)
{
    const char *open = strchr(member->text, '[');
    const char *text;

    if (member->nested != NULL || open == NULL) {
        return 0;
    }
    text = vg_must_print("%.*s", (int)strcspn(open + 1, "]"), open + 1);
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (type->kind == VG_TYPE_CONST && strcmp(type->name, text) == 0) {
            return atoi(type->text);
        }
    }
    return atoi(text);
}

int
vg_struct_wire_size(const struct vg_api *api, const struct vg_member *members)
{
    int size = 0;

    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        int count = vg_member_count(api, m);

        if (m->nested != NULL) {
            struct vg_member first = *m->nested;

            if (strcmp(m->text, "union") == 0) {
                first.next = NULL;
            }
            size += vg_struct_wire_size(api, &first);
        } else if (!m->pointer) {
            size += vg_kind_of(api, vg_member_type(m)).size * (count != 0 ? count : 1);
        }
    }
    return size;
}

const char *
vg_length_of_values(const struct vg_param *param)
{
    return param->length[0] == '*' ? param->length + 1 : param->length;
}

bool
vg_shape_is_array(enum vg_shape shape)
{
    return shape == VG_SHAPE_HANDLES_IN || shape == VG_SHAPE_HANDLES_OUT ||
           shape == VG_SHAPE_OUT_ARRAY || shape == VG_SHAPE_BYTES_IN ||
           shape == VG_SHAPE_BYTES_OUT || shape == VG_SHAPE_STRING_OUT;
}

bool
vg_shape_comes_back(enum vg_shape shape)
{
    return shape == VG_SHAPE_OUT || shape == VG_SHAPE_INOUT ||
           shape == VG_SHAPE_HANDLE_OUT || shape == VG_SHAPE_HANDLES_OUT ||
           shape == VG_SHAPE_OUT_ARRAY || shape == VG_SHAPE_BYTES_OUT ||
           shape == VG_SHAPE_STRING_OUT;
}

bool
vg_shape_is_pointer(enum vg_shape shape)
{
    return shape != VG_SHAPE_SCALAR && shape != VG_SHAPE_HANDLE && shape != VG_SHAPE_DROP;
}

bool
vg_call_is_shaped(const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->shape == VG_SHAPE_RAW) {
            return false;
        }
    }
    return true;
}

bool
vg_call_has_reply(const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (vg_shape_comes_back(p->shape)) {
            return true;
        }
    }
    return false;
}

bool
vg_call_dispatched(const struct vg_call *call)
{
    return call->carried && call->as == NULL && call->server == VG_WHO_AUTO;
}

const char *
vg_call_stub(const struct vg_call *call)
{
    if (!call->carried || call->as != NULL) {
        return NULL;
    }
    if (call->client == VG_WHO_AUTO) {
        return "vg_drv";
    }
    return call->server == VG_WHO_AUTO ? "vg_send" : NULL;
}
