/* SPDX-License-Identifier: Apache-2.0 */

/*
 * emit_facts - a program that prints every size, offset and value of the types; compiled
 * against our header and against a toolkit's, the two must print the same.
 */

#include "emit.h"

static void
emit_struct_facts(struct vg_out *out, const struct vg_type *type)
{
    vg_put(out, "    printf(\"sizeof %s %%zu\\n\", sizeof(%s));\n", type->name,
           type->name);
    for (const struct vg_member *m = type->members; m != NULL; m = m->next) {
        const char *name = vg_member_name(m);

        if (name[0] != '\0') {
            vg_put(out, "    MEMBER(%s, %s);\n", type->name, name);
        }
    }
}

/* After a toolkit's header these declare again: what differs does not compile. */
static void
emit_prototypes(struct vg_out *out, const struct vg_api *api)
{
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (!call->carried) {
            continue;
        }
        vg_put_wrapped(out, 4,
                       vg_must_print("%s %s(%s);", api->result, call->name,
                                     vg_params_declaration(vg_call_target(call))));
        vg_put(out, "\n");
    }
}

void
vg_emit_facts(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "#include <stddef.h>\n#include <stdio.h>\n\n#include FACTS_HEADER\n\n"
        "#define MEMBER(t, m)                                                      \\\n"
        "    printf(\"%%s.%%s %%zu %%zu\\n\", #t, #m, offsetof(t, m), sizeof(((t *)0)->m))\n\n");
    emit_prototypes(out, api);
    vg_put(out, "\nint\nmain(void)\n{\n");
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        switch (type->kind) {
        case VG_TYPE_STRUCT:
            emit_struct_facts(out, type);
            break;
        case VG_TYPE_ENUM:
            vg_put(out, "    printf(\"sizeof %s %%zu\\n\", sizeof(%s));\n", type->name,
                   type->name);
            for (const struct vg_value *v = type->values; v != NULL; v = v->next) {
                vg_put(out, "    printf(\"%s %%lld\\n\", (long long)%s);\n", v->name,
                       v->name);
            }
            break;
        case VG_TYPE_CONST:
            vg_put(out, "    printf(\"%s %%lld\\n\", (long long)%s);\n", type->name,
                   type->name);
            break;
        default:
            vg_put(out, "    printf(\"sizeof %s %%zu\\n\", sizeof(%s));\n", type->name,
                   type->name);
            break;
        }
    }
    vg_put(out, "    return 0;\n}\n");
}
