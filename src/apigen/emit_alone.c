/* SPDX-License-Identifier: Apache-2.0 */

/*
 * emit_alone - an API that one library answers alone: what it exports, and the prototypes
 * of the hand-written answers behind that.
 *
 * An exported function asks vg_<api>_enter() whether it may be called now, refuses NULL
 * where a parameter is not optional, and hands over to vg_<api>_<call>().
 */

#include "shape.h"

#include <string.h>

void
vg_emit_alone_answers(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "#pragma once\n\n"
           "/* What answers behind the exported functions; written by hand. */\n\n"
           "#include \"%s_calls.h\"\n#include \"%s_carry.h\"\n#include \"%s_types.h\"\n\n"
           "/* Is the host's own library asked? */\nbool vg_@L_is_far(void);\n"
           "/* May @call be called now? */\n"
           "%s vg_@L_enter(enum vg_@L_call call);\n"
           "/* Return: @result; for the log. */\n"
           "%s vg_@L_leave(enum vg_@L_call call, %s result);\n"
           "/* What a call that is not carried answers, by name in the log. */\n"
           "%s vg_@L_absent(enum vg_@L_call call);\n\n",
           api->name, api->name, api->name, api->result, api->result, api->result,
           api->result);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (!call->carried || call->as != NULL || call->far) {
            continue;
        }
        vg_put_wrapped(out, 4,
                       vg_must_print("%s vg_@L_%s(%s);", api->result, call->name,
                                     vg_params_declaration(call)));
        vg_put(out, "\n");
    }
}

static bool
must_not_be_null(const struct vg_param *param)
{
    return !param->optional && param->shape != VG_SHAPE_SCALAR &&
           param->shape != VG_SHAPE_HANDLE && param->shape != VG_SHAPE_RAW;
}

static void
emit_null_checks(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    const char *names = "";

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (must_not_be_null(p)) {
            names = vg_must_print("%s%s%s == NULL", names, names[0] != '\0' ? " || " : "",
                                  p->name);
        }
    }
    if (names[0] != '\0') {
        vg_put(out, "    if (r_ == %s && (%s)) {\n        r_ = %s;\n    }\n", api->ok,
               names, api->invalid);
    }
}

static void
emit_export(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    const struct vg_call *target = vg_call_target(call);
    const char *declaration = vg_must_print(
        "%s(%s)", call->name, call->carried ? vg_params_declaration(target) : "void");

    vg_put(out, "\n");
    vg_put_wrapped(out, 4, vg_must_print("VG_EXPORT %s %s;", api->result, declaration));
    vg_put(out, "\n%s\n", api->result);
    vg_put_wrapped(out, 4, declaration);
    vg_put(out, "\n{\n");
    if (!call->carried) {
        vg_put(out, "    return vg_@L_absent(VG_@U_%s);\n}\n", call->name);
        return;
    }
    if (call->far) {
        vg_put(out, "    if (!vg_@L_is_far()) {\n");
        vg_put(out, "        return vg_@L_absent(VG_@U_%s);\n    }\n", call->name);
    }
    vg_put(out, "    %s r_ = vg_@L_enter(VG_@U_%s);\n\n", api->result, call->name);
    emit_null_checks(out, api, target);
    if (!call->here) {
        vg_put(out, "    if (r_ == %s && vg_@L_is_far()) {\n        ", api->ok);
        vg_put_wrapped(out, 12,
                       vg_call_travels(target)
                           ? vg_must_print("r_ = vg_@L_carry_%s(%s);", target->name,
                                           vg_params_names(target))
                           : vg_must_print("r_ = vg_@L_absent(VG_@U_%s);", call->name));
        vg_put(out, "\n        return vg_@L_leave(VG_@U_%s, r_);\n    }\n", call->name);
    }
    if (!call->far) {
        vg_put(out, "    if (r_ == %s) {\n        ", api->ok);
        vg_put_wrapped(
            out, 12,
            vg_must_print("r_ = vg_@L_%s(%s);", target->name, vg_params_names(target)));
        vg_put(out, "\n    }\n");
    }
    vg_put(out, "    return vg_@L_leave(VG_@U_%s, r_);\n}\n", call->name);
}

void
vg_emit_alone_exports(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "/* The exported functions: checks, then the answer. */\n\n"
           "#include <stddef.h>\n\n#include \"%s_answers.h\"\n\n"
           "#define VG_EXPORT __attribute__((visibility(\"default\")))\n",
           api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (!call->by_hand) {
            emit_export(out, api, call);
        }
    }
}
