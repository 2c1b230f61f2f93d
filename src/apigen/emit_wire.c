/* SPDX-License-Identifier: Apache-2.0 */

/* emit_wire - how structs travel: field by field, no padding, no pointers. */

#include "shape.h"

#include <string.h>

static void emit_fields(struct vg_out *out, const struct vg_api *api,
                        const struct vg_member *members, const char *path, bool get);

static void
emit_field(struct vg_out *out, const struct vg_api *api, const struct vg_member *m,
           const char *path, bool get)
{
    const char *name = vg_must_print("%s%s", path, vg_member_name(m));
    const char *type = vg_member_type(m);
    struct vg_kind kind = vg_kind_of(api, type);

    if (m->pointer) {
        return;
    }
    if (vg_member_count(api, m) != 0) {
        vg_put(out, "    %s(%s, v->%s, sizeof(v->%s));\n",
               get ? "vg_get_copy" : "vg_put_bytes", get ? "dec" : "enc", name, name);
    } else if (kind.tail == NULL) {
        vg_put(out, "    vg_wire_%s_%s(%s, &v->%s);\n", get ? "get" : "put", type,
               get ? "dec" : "enc", name);
    } else if (get) {
        vg_put(out, "    v->%s = (%s)vg_get_%s(dec);\n", name, type, kind.tail);
    } else {
        vg_put(out, "    vg_put_%s(enc, (%s)v->%s);\n", kind.tail, kind.cast, name);
    }
}

static void
emit_fields(struct vg_out *out, const struct vg_api *api, const struct vg_member *members,
            const char *path, bool get)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        struct vg_member first;

        if (m->nested == NULL) {
            emit_field(out, api, m, path, get);
            continue;
        }
        first = *m->nested;
        if (strcmp(m->text, "union") == 0) {
            first.next = NULL;
        }
        emit_fields(out, api, &first,
                    vg_must_print("%s%s%s", path, m->name, m->name[0] != '\0' ? "." : ""),
                    get);
    }
}

/* A struct with these members sends one of @type. */
static bool
members_send(const struct vg_api *api, const struct vg_member *members,
             const struct vg_type *type)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        struct vg_member first;

        if (m->type != NULL && !m->pointer && vg_api_type(api, m->type) == type) {
            return true;
        }
        if (m->nested == NULL) {
            continue;
        }
        first = *m->nested;
        if (strcmp(m->text, "union") == 0) {
            first.next = NULL;
        }
        if (members_send(api, &first, type)) {
            return true;
        }
    }
    return false;
}

bool
vg_struct_is_sent(const struct vg_api *api, const struct vg_type *type)
{
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (vg_call_stub(call) == NULL && !vg_call_dispatched(call)) {
            continue;
        }
        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            if (p->resolved == type) {
                return true;
            }
        }
    }
    for (const struct vg_type *outer = api->types; outer != NULL; outer = outer->next) {
        if (outer->kind == VG_TYPE_STRUCT &&
            members_send(api, vg_sent_members(outer), type) &&
            vg_struct_is_sent(api, outer)) {
            return true;
        }
    }
    return false;
}

/* Has encode and decode functions of its own. */
static bool
is_coded(const struct vg_api *api, const struct vg_type *type)
{
    return type->kind == VG_TYPE_STRUCT && vg_struct_is_sent(api, type) &&
           !vg_struct_has_handles(api, type->name);
}

void
vg_emit_wire_h(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "#pragma once\n\n"
        "/* How the structs of the API travel, and the sizes that they have there. */\n\n"
        "#include \"wire/wire.h\"\n\n#include \"%s_types.h\"\n\n"
        "/* A byte that is 0 or 1. */\n"
        "static inline bool\nvg_wire_get_flag(struct vg_dec *dec)\n{\n"
        "    uint8_t value = vg_get_u8(dec);\n\n"
        "    if (value > 1) {\n        vg_dec_fail(dec);\n    }\n"
        "    return value == 1 && !vg_dec_failed(dec);\n}\n\n",
        api->name);
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (!is_coded(api, type)) {
            continue;
        }
        vg_put(out, "#define VG_WIRE_%s_SIZE %d\n", type->name,
               vg_struct_wire_size(api, vg_sent_members(type)));
        vg_put(out, "void vg_wire_put_%s(struct vg_enc *enc, const %s *v);\n", type->name,
               type->name);
        vg_put(out, "void vg_wire_get_%s(struct vg_dec *dec, %s *v);\n\n", type->name,
               type->name);
    }
}

void
vg_emit_wire_c(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out, "#include \"%s_wire.h\"\n", api->name);
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (!is_coded(api, type)) {
            continue;
        }
        vg_put(out, "\nvoid\nvg_wire_put_%s(struct vg_enc *enc, const %s *v)\n{\n",
               type->name, type->name);
        emit_fields(out, api, vg_sent_members(type), "", false);
        vg_put(out, "}\n\nvoid\nvg_wire_get_%s(struct vg_dec *dec, %s *v)\n{\n",
               type->name, type->name);
        emit_fields(out, api, vg_sent_members(type), "", true);
        vg_put(out, "}\n");
    }
}
