/* SPDX-License-Identifier: Apache-2.0 */

/* emit_calls - the numbers of the calls, their table, and the prototypes behind them. */

#include "emit.h"

void
vg_emit_calls(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "#pragma once\n\n"
           "/* The calls of the API by number, and what is true of each. */\n\n"
           "#include <stdbool.h>\n\n"
           "enum vg_%s_call {\n",
           api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        vg_put(out, "    VG_@U_%s,\n", call->name);
    }
    vg_put(
        out,
        "    VG_@U_CALL_COUNT,\n"
        "};\n\n"
        "enum vg_@L_class {\n    VG_@U_POSTED,\n    VG_@U_WAITING,\n"
        "    VG_@U_LOCAL,\n    VG_@U_CHOOSE,\n};\n\n"
        "enum vg_@L_needs {\n    VG_@U_NEEDS_NONE,\n    VG_@U_NEEDS_INIT,\n"
        "    VG_@U_NEEDS_CTX,\n};\n\n"
        "struct vg_@L_call_info {\n"
        "    const char *name;\n"
        "    enum vg_@L_class class_;\n"
        "    enum vg_@L_needs needs;\n"
        "    bool carried;\n"
        "    bool front;  /* answered by the front, perhaps with the driver's help */\n"
        "    bool driver; /* vg_drv_<target> exists */\n"
        "    int target;  /* the call that it is another name of, else itself */\n"
        "    int since;   /* 3020 */\n"
        "};\n\n"
        "/* By call number; VG_@U_CALL_COUNT entries. */\n"
        "extern const struct vg_@L_call_info vg_@L_call_table[VG_@U_CALL_COUNT];"
        "\n");
}

void
vg_emit_call_table(struct vg_out *out, const struct vg_api *api)
{
    static const char *const classes[] = { "POSTED", "WAITING", "LOCAL", "CHOOSE" };
    static const char *const needs[] = { "NONE", "INIT", "CTX" };

    vg_put(out, "#include \"%s_calls.h\"\n\n", api->name);
    vg_put(out, "const struct vg_@L_call_info vg_@L_call_table[VG_@U_CALL_COUNT] = "
                "{\n");
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        const struct vg_call *target = vg_call_target(call);

        vg_put(out, "    [VG_@U_%s] = { \"%s\", VG_@U_%s, VG_@U_NEEDS_%s, %s, %s, %s,",
               call->name, call->name, classes[target->class_],
               call->carried ? needs[target->needs] : "NONE",
               call->carried ? "true" : "false",
               call->carried && target->side != VG_SIDE_DRIVER ? "true" : "false",
               call->carried && target->side != VG_SIDE_FRONT ? "true" : "false");
        vg_put(out, " VG_@U_%s, %d },\n", target->name, call->since);
    }
    vg_put(out, "};\n");
}

static void
emit_prototypes(struct vg_out *out, const struct vg_api *api, const char *prefix,
                enum vg_side but)
{
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (!call->carried || call->as != NULL || call->side == but) {
            continue;
        }
        vg_put_wrapped(out, 4,
                       vg_must_print("%s %s_%s(%s);", api->result, prefix, call->name,
                                     vg_params_declaration(call)));
        vg_put(out, "\n");
    }
}

void
vg_emit_driver(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "#pragma once\n\n"
           "/* The calls that a driver behind the front answers. */\n\n"
           "#include \"%s_types.h\"\n\n",
           api->name);
    emit_prototypes(out, api, "vg_drv", VG_SIDE_FRONT);
}

void
vg_emit_front(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "#pragma once\n\n"
           "/* The calls that the front answers. */\n\n"
           "#include \"%s_types.h\"\n\n",
           api->name);
    emit_prototypes(out, api, "vg_front", VG_SIDE_DRIVER);
}
