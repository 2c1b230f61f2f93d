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

void
vg_each_leaf(struct vg_out *out, const struct vg_api *api,
             const struct vg_member *members, enum vg_way way, const char *path,
             vg_leaf_fn *visit)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        const char *name = vg_must_print("%s%s", path, vg_member_name(m));
        const struct vg_type *type = m->type != NULL ? vg_api_type(api, m->type) : NULL;
        struct vg_member first;

        if (m->nested != NULL) {
            first = *m->nested;
            if (strcmp(m->text, "union") == 0) {
                first.next = NULL;
            }
            vg_each_leaf(out, api, &first, way,
                         m->name[0] != '\0' ? vg_must_print("%s.", name) : path, visit);
        } else if (m->pointer || (way == VG_WAY_REQUEST && m->out) ||
                   (way == VG_WAY_REPLY && !m->out)) {
            continue;
        } else if (type != NULL && type->kind == VG_TYPE_STRUCT &&
                   vg_member_count(api, m) == 0) {
            vg_each_leaf(out, api, vg_sent_members(type), VG_WAY_ALL,
                         vg_must_print("%s.", name), visit);
        } else {
            visit(out, api, m, name);
        }
    }
}

static bool
members_have_handles(const struct vg_api *api, const struct vg_member *members)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        const struct vg_type *type = m->type != NULL ? vg_api_type(api, m->type) : NULL;

        if (m->when != NULL) {
            return true;
        }
        if (m->nested != NULL) {
            struct vg_member first = *m->nested;

            if (strcmp(m->text, "union") == 0) {
                first.next = NULL;
            }
            if (members_have_handles(api, &first)) {
                return true;
            }
        } else if (m->pointer || type == NULL) {
            continue;
        } else if (type->kind == VG_TYPE_HANDLE ||
                   (type->kind == VG_TYPE_STRUCT &&
                    members_have_handles(api, vg_sent_members(type)))) {
            return true;
        }
    }
    return false;
}

bool
vg_struct_has_handles(const struct vg_api *api, const char *type)
{
    const struct vg_type *found = vg_api_type(api, type);

    return found != NULL && found->kind == VG_TYPE_STRUCT &&
           (vg_struct_has_out(found) ||
            members_have_handles(api, vg_sent_members(found)));
}

bool
vg_struct_has_out(const struct vg_type *type)
{
    for (const struct vg_member *m = type->members; m != NULL; m = m->next) {
        if (m->out) {
            return true;
        }
    }
    return false;
}

static int
members_wire_size(const struct vg_api *api, const struct vg_type *type, bool out)
{
    int size = 0;

    for (const struct vg_member *m = type->members; m != NULL; m = m->next) {
        struct vg_member alone = *m;

        alone.next = NULL;
        size += m->out == out ? vg_struct_wire_size(api, &alone) : 0;
    }
    return size;
}

int
vg_param_wire_size(const struct vg_api *api, const struct vg_param *param,
                   enum vg_way way)
{
    const struct vg_type *type = param->resolved;

    if (param->shape == VG_SHAPE_BYTES_IN || param->shape == VG_SHAPE_BYTES_OUT ||
        param->shape == VG_SHAPE_STRING_OUT) {
        return 1;
    }
    if (way != VG_WAY_ALL && type != NULL && type->kind == VG_TYPE_STRUCT &&
        vg_struct_has_out(type)) {
        return members_wire_size(api, type, way == VG_WAY_REPLY);
    }
    return vg_kind_of(api, param->type).size;
}

const struct vg_type *
vg_param_type(const struct vg_param *param)
{
    if (param->resolved == NULL) {
        vg_die(param->place, "'%s' has no declared type", param->name);
    }
    return param->resolved;
}

const char *
vg_leaf_condition(const struct vg_member *leaf, const char *name)
{
    size_t path = strlen(name);

    while (path > 0 && name[path - 1] != '.' && name[path - 1] != '>') {
        path--;
    }
    return vg_must_print("%.*s%s == %s", (int)path, name, leaf->when, leaf->is);
}

enum vg_way
vg_reply_way(const struct vg_param *param)
{
    const struct vg_type *type = param->resolved;

    return type != NULL && type->kind == VG_TYPE_STRUCT && vg_struct_has_out(type)
               ? VG_WAY_REPLY
               : VG_WAY_ALL;
}
