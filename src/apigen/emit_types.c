/* SPDX-License-Identifier: Apache-2.0 */

/* emit_types - the types as a C header, with the size of every struct asserted. */

#include "emit.h"

static void
emit_members(struct vg_out *out, const struct vg_member *members, int depth)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        if (m->nested == NULL) {
            vg_put(out, "%*s%s;\n", depth * 4, "", m->text);
            continue;
        }
        vg_put(out, "%*s%s {\n", depth * 4, "", m->text);
        emit_members(out, m->nested, depth + 1);
        vg_put(out, "%*s}%s%s;\n", depth * 4, "", m->name[0] != '\0' ? " " : "", m->name);
    }
}

static void
emit_type(struct vg_out *out, const struct vg_type *type)
{
    const char *word = type->is_union ? "union" : "struct";

    switch (type->kind) {
    case VG_TYPE_NUMBER:
    case VG_TYPE_ALIAS:
        vg_put(out, "typedef %s %s;\n", type->text, type->name);
        break;
    case VG_TYPE_HANDLE:
        vg_put(out, "typedef struct %s *%s;\n", type->text, type->name);
        break;
    case VG_TYPE_CONST:
        vg_put(out, "#define %s %s\n", type->name, type->text);
        break;
    case VG_TYPE_ENUM:
        vg_put(out, "\ntypedef enum %s {\n", type->name);
        for (const struct vg_value *v = type->values; v != NULL; v = v->next) {
            vg_put(out, "    %s = %s,\n", v->name, v->text);
        }
        vg_put(out, "} %s;\n", type->name);
        break;
    case VG_TYPE_CALLBACK:
        vg_put(out, "typedef %s (*%s)(%s);\n", type->text, type->name, type->params);
        break;
    case VG_TYPE_STRUCT:
        vg_put(out, "\ntypedef %s %s {\n", word, type->name);
        emit_members(out, type->members, 1);
        vg_put(out, "} %s;\n", type->name);
        vg_put(out, "_Static_assert(sizeof(%s) == %d, \"layout of %s\");\n", type->name,
               type->size, type->name);
        break;
    }
}

void
vg_emit_types(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out, "#pragma once\n\n/* The types of the API, x86-64 layout. */\n\n"
                "#include <stddef.h>\n\n");
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        emit_type(out, type);
    }
}
