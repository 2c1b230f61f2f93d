/* SPDX-License-Identifier: Apache-2.0 */

/* emit_stubs - the client's side of each call: check, encode, post or wait, decode. */

#include "shape.h"

#include <string.h>

/* The number of an array's elements, taken before the call: a count may also be a result.
 */
static const char *
count_of(const struct vg_param *param)
{
    return vg_must_print("n_%s", param->name);
}

static void
refuse_when(struct vg_out *out, const struct vg_api *api, const char *when)
{
    vg_put(out, "    if (%s) {\n        return %s;\n    }\n", when, api->invalid);
}

static void
emit_refusals(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length == NULL && !p->optional && vg_shape_is_pointer(p->shape)) {
            refuse_when(out, api, vg_must_print("%s == NULL", p->name));
        }
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length == NULL) {
            continue;
        }
        vg_put(out, "    const size_t %s = (size_t)(%s);\n", count_of(p), p->length);
        refuse_when(out, api,
                    p->optional
                        ? vg_must_print("%s > VG_ARRAY_MAX", count_of(p))
                        : vg_must_print("%s > VG_ARRAY_MAX || (%s != 0 && %s == NULL)",
                                        count_of(p), count_of(p), p->name));
    }
    if (call->thread != NULL && call->client == VG_WHO_AUTO) {
        vg_put(out, "    if (vg_front_default_stream() != %s) {\n", api->legacy);
        vg_put(out, "        return vg_drv_%s(%s, vg_front_default_stream());\n    }\n",
               call->thread, vg_params_names(call));
    }
}

static void
put_leaf(struct vg_out *out, const struct vg_api *api, const struct vg_member *leaf,
         const char *name)
{
    const char *type_name = vg_member_type(leaf);
    const struct vg_type *type = vg_api_type(api, type_name);
    struct vg_kind kind = vg_kind_of(api, type_name);

    if (vg_member_count(api, leaf) != 0) {
        vg_put(out, "%*svg_put_bytes(&call_.req, %s, sizeof(%s));\n", out->depth * 4, "",
               name, name);
    } else if (leaf->when != NULL) {
        vg_put(out, "%*svg_put_%s(&call_.req, %s ? vg_front_physical(%s) : %s);\n",
               out->depth * 4, "", kind.tail, vg_leaf_condition(leaf, name), name, name);
    } else if (type != NULL && type->by != NULL) {
        vg_put(out, "%*svg_call_put_%s(&call_, %s);\n", out->depth * 4, "", type->by,
               name);
    } else if (type != NULL && type->kind == VG_TYPE_HANDLE) {
        vg_put(out, "%*svg_call_put_handle_or_null(&call_, VG_ID_%s, %s);\n",
               out->depth * 4, "", type->id, name);
    } else {
        vg_put(out, "%*svg_put_%s(&call_.req, (%s)%s);\n", out->depth * 4, "", kind.tail,
               kind.cast, name);
    }
}

static void
get_leaf(struct vg_out *out, const struct vg_api *api, const struct vg_member *leaf,
         const char *name)
{
    const char *type_name = vg_member_type(leaf);
    const struct vg_type *type = vg_api_type(api, type_name);
    struct vg_kind kind = vg_kind_of(api, type_name);

    if (vg_member_count(api, leaf) != 0) {
        vg_put(out, "%*svg_get_copy(&call_.rep, %s, sizeof(%s));\n", out->depth * 4, "",
               name, name);
    } else if (type != NULL && type->kind == VG_TYPE_HANDLE) {
        vg_put(out, "%*s%s = (%s)vg_call_get_handle(&call_, VG_ID_%s, 0);\n",
               out->depth * 4, "", name, type_name, type->id);
    } else {
        vg_put(out, "%*s%s = (%s)vg_get_%s(&call_.rep);\n", out->depth * 4, "", name,
               type_name, kind.tail);
    }
    if (leaf->when != NULL) {
        vg_put(out, "%*sif (%s) {\n", out->depth * 4, "", vg_leaf_condition(leaf, name));
        vg_put(out, "%*s%s = vg_front_ordinal(%s);\n", (out->depth + 1) * 4, "", name,
               name);
        vg_put(out, "%*s}\n", out->depth * 4, "");
    }
}

/* One value: @name is an lvalue of @type. */
static void
emit_put_value(struct vg_out *out, const struct vg_api *api, const char *type,
               const char *name, int depth)
{
    struct vg_kind kind = vg_kind_of(api, type);

    if (kind.tail == NULL) {
        bool pointed = strncmp(name, "(*", 2) == 0;

        vg_put(out, "%*svg_wire_put_%s(&call_.req, %s%.*s);\n", depth * 4, "",
               vg_api_type(api, type)->name, pointed ? "" : "&",
               (int)strlen(name) - (pointed ? 3 : 0), name + (pointed ? 2 : 0));
    } else {
        vg_put(out, "%*svg_put_%s(&call_.req, (%s)%s);\n", depth * 4, "", kind.tail,
               kind.cast, name);
    }
}

static void
emit_put_handle(struct vg_out *out, const struct vg_param *p, const char *name,
                const char *how, int depth)
{
    const char *cast =
        vg_param_type(p)->kind == VG_TYPE_HANDLE ? "" : "(const void *)(uintptr_t)";

    vg_put(out, "%*svg_call_put_%s(&call_, VG_ID_%s, %s%s);\n", depth * 4, "", how,
           vg_param_type(p)->id, cast, name);
}

static void
emit_put_single(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    const char *by = p->resolved != NULL ? p->resolved->by : NULL;

    switch (p->shape) {
    case VG_SHAPE_SCALAR:
    case VG_SHAPE_HANDLE:
        if (by != NULL) {
            vg_put(out, "    vg_call_put_%s(&call_, %s);\n", by, p->name);
        } else if (p->shape == VG_SHAPE_HANDLE) {
            emit_put_handle(out, p, p->name, p->optional ? "handle_or_null" : "handle",
                            1);
        } else if (vg_struct_has_handles(api, p->type)) {
            out->depth = 1;
            vg_each_leaf(out, api, vg_sent_members(p->resolved), VG_WAY_REQUEST,
                         vg_must_print("%s.", p->name), put_leaf);
        } else {
            emit_put_value(out, api, p->type, p->name, 1);
        }
        break;
    case VG_SHAPE_DROP:
        emit_put_handle(out, p, p->name, "dead", 1);
        break;
    case VG_SHAPE_NEW:
        vg_put(out, "    void *new_%s = vg_call_put_new(&call_, VG_ID_%s);\n", p->name,
               vg_param_type(p)->id);
        break;
    case VG_SHAPE_STRING:
        vg_put(out, "    vg_put_string(&call_.req, %s);\n", p->name);
        break;
    default:
        if (p->optional) {
            vg_put(out, "    vg_put_u8(&call_.req, %s != NULL);\n", p->name);
        }
        break;
    }
}

static void
emit_put_content(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    const char *element = vg_must_print("%s[i]", p->name);
    int depth = p->optional ? 2 : 1;

    if (p->shape != VG_SHAPE_IN && p->shape != VG_SHAPE_INOUT &&
        p->shape != VG_SHAPE_HANDLES_IN && p->shape != VG_SHAPE_BYTES_IN) {
        return;
    }
    if (p->optional) {
        vg_put(out, "    if (%s != NULL) {\n", p->name);
    }
    if (p->shape == VG_SHAPE_BYTES_IN) {
        vg_put(out, "%*svg_put_bytes(&call_.req, %s, %s);\n", depth * 4, "", p->name,
               count_of(p));
    } else if (p->length == NULL && vg_struct_has_handles(api, p->type)) {
        out->depth = depth;
        vg_each_leaf(out, api, vg_sent_members(p->resolved), VG_WAY_REQUEST,
                     vg_must_print("%s->", p->name), put_leaf);
    } else if (p->length == NULL) {
        emit_put_value(out, api, p->type, vg_must_print("(*%s)", p->name), depth);
    } else {
        vg_put(out, "%*sfor (size_t i = 0; i < %s; i++) {\n", depth * 4, "", count_of(p));
        if (p->shape == VG_SHAPE_HANDLES_IN) {
            emit_put_handle(out, p, element, "handle", depth + 1);
        } else if (vg_struct_has_handles(api, p->type)) {
            out->depth = depth + 1;
            vg_each_leaf(out, api, vg_sent_members(p->resolved), VG_WAY_REQUEST,
                         vg_must_print("%s.", element), put_leaf);
        } else {
            emit_put_value(out, api, p->type, element, depth + 1);
        }
        vg_put(out, "%*s}\n", depth * 4, "");
    }
    if (p->optional) {
        vg_put(out, "    }\n");
    }
}

/* The size of the reply as a C expression. */
static const char *
reply_size(const struct vg_api *api, const struct vg_call *call)
{
    const char *text = "";
    int fixed = 0;

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        int size =
            vg_shape_comes_back(p->shape) ? vg_param_wire_size(api, p, VG_WAY_REPLY) : 0;

        if (size == 0) {
            continue;
        }
        if (p->length != NULL) {
            const char *bytes = vg_must_print("%s * %d", count_of(p), size);

            text = p->optional
                       ? vg_must_print("%s + (%s != NULL ? %s : 0)", text, p->name, bytes)
                       : vg_must_print("%s + %s", text, bytes);
        } else if (p->optional) {
            text = vg_must_print("%s + (%s != NULL ? %dU : 0U)", text, p->name, size);
        } else {
            fixed += size;
        }
    }
    if (fixed == 0 && text[0] != '\0') {
        return text + 3;
    }
    return vg_must_print("%d%s", fixed, text);
}

static void
emit_get_value(struct vg_out *out, const struct vg_api *api, const struct vg_param *p,
               const char *name, int depth)
{
    struct vg_kind kind = vg_kind_of(api, p->type);

    if (p->shape == VG_SHAPE_HANDLE_OUT || p->shape == VG_SHAPE_HANDLES_OUT) {
        const char *parent =
            p->of != NULL ? vg_must_print("vg_id_from_handle(%s)", p->of) : "0";

        vg_put(out, "%*s%s = (%s)%svg_call_get_handle(&call_, VG_ID_%s, %s);\n",
               depth * 4, "", name, p->type,
               vg_param_type(p)->kind == VG_TYPE_HANDLE ? "" : "(uintptr_t)",
               vg_param_type(p)->id, parent);
    } else if (kind.tail == NULL) {
        vg_put(out, "%*svg_wire_get_%s(&call_.rep, %s%s);\n", depth * 4, "",
               vg_param_type(p)->name, name[0] == '*' ? "" : "&",
               name + (name[0] == '*'));
    } else {
        vg_put(out, "%*s%s = (%s)vg_get_%s(&call_.rep);\n", depth * 4, "", name, p->type,
               kind.tail);
    }
}

static void
emit_get(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    int depth = p->optional ? 3 : 2;

    if (p->shape == VG_SHAPE_NEW) {
        vg_put(out, "        *%s = (%s)%snew_%s;\n", p->name, p->type,
               vg_param_type(p)->kind == VG_TYPE_HANDLE ? "" : "(uintptr_t)", p->name);
        return;
    }
    if (!vg_shape_comes_back(p->shape)) {
        return;
    }
    if (p->optional) {
        vg_put(out, "        if (%s != NULL) {\n", p->name);
    }
    if (p->shape == VG_SHAPE_BYTES_OUT || p->shape == VG_SHAPE_STRING_OUT) {
        vg_put(out, "%*svg_get_copy(&call_.rep, %s, %s);\n", depth * 4, "", p->name,
               count_of(p));
    } else if (p->length != NULL) {
        vg_put(out, "%*sfor (size_t i = 0; i < %s; i++) {\n", depth * 4, "", count_of(p));
        emit_get_value(out, api, p, vg_must_print("%s[i]", p->name), depth + 1);
        vg_put(out, "%*s}\n", depth * 4, "");
    } else if (vg_struct_has_handles(api, p->type)) {
        if (p->shape == VG_SHAPE_OUT) {
            vg_put(out, "%*smemset(%s, 0, sizeof(*%s));\n", depth * 4, "", p->name,
                   p->name);
        }
        out->depth = depth;
        vg_each_leaf(out, api, vg_sent_members(p->resolved), vg_reply_way(p),
                     vg_must_print("%s->", p->name), get_leaf);
    } else {
        emit_get_value(out, api, p, vg_must_print("*%s", p->name), depth);
    }
    if (p->optional) {
        vg_put(out, "        }\n");
    }
}

/* A failed call whose reply has a body returned something all the same; but no object. */
static void
emit_wait_on_error(struct vg_out *out, const struct vg_api *api,
                   const struct vg_call *call)
{
    vg_put(out, "    const size_t size_ = %s;\n", reply_size(api, call));
    vg_put(out, "    const bool done_ = vg_call_wait(&call_, size_);\n\n");
    vg_put(out, "    if (done_ || (size_ != 0 && vg_dec_left(&call_.rep) == size_)) {\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->shape != VG_SHAPE_NEW) {
            emit_get(out, api, p);
        }
    }
    vg_put(out, "    }\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->shape == VG_SHAPE_NEW) {
            vg_put(out, "    if (done_) {\n");
            emit_get(out, api, p);
            vg_put(out, "    }\n");
        }
    }
    vg_put(out, "    return vg_call_end(&call_);\n}\n");
}

static void
emit_stub(struct vg_out *out, const struct vg_api *api, const struct vg_call *call,
          const char *prefix, bool post)
{
    bool has_new = false;

    vg_put(out, "\n/* %s:%d */\n%s\n", call->place.file, call->place.line, api->result);
    vg_put_wrapped(
        out, 4,
        vg_must_print("%s_%s(%s)", prefix, call->name, vg_params_declaration(call)));
    vg_put(out, "\n{\n    struct vg_call call_;\n\n");
    emit_refusals(out, api, call);
    vg_put(out, "    vg_call_begin(&call_, VG_@U_%s);\n", call->name);
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_put_single(out, api, p);
        has_new |= p->shape == VG_SHAPE_NEW;
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length == NULL) {
            emit_put_content(out, api, p);
        }
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length != NULL) {
            emit_put_content(out, api, p);
        }
    }
    if (post) {
        vg_put(out, "    vg_call_post(&call_);\n");
        if (has_new) {
            vg_put(out, "    if (call_.result == %s) {\n", api->ok);
        }
    } else if (call->on_error) {
        emit_wait_on_error(out, api, call);
        return;
    } else if (has_new || vg_call_has_reply(call)) {
        vg_put(out, "    if (vg_call_wait(&call_, %s)) {\n", reply_size(api, call));
    } else {
        vg_put(out, "    vg_call_wait(&call_, 0);\n");
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_get(out, api, p);
    }
    vg_put(out, "%s    return vg_call_end(&call_);\n}\n",
           has_new || vg_call_has_reply(call) ? "    }\n" : "");
}

static bool
can_post(const struct vg_call *call)
{
    return call->class_ == VG_CLASS_CHOOSE && !vg_call_has_reply(call);
}

static void
emit_stubs(struct vg_out *out, const struct vg_api *api, bool second)
{
    int count = 0;
    int at = 0;

    vg_put(out,
           "/* The client's side of the calls. */\n\n"
           "#include <string.h>\n\n"
           "#include \"front/driver.h\"\n#include \"shim/call.h\"\n\n"
           "#include \"%s_calls.h\"\n#include \"%s_driver.h\"\n#include \"%s_send.h\"\n"
           "#include \"%s_wire.h\"\n",
           api->name, api->name, api->name, api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        count += vg_call_stub(call) != NULL;
    }
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        const char *prefix = vg_call_stub(call);

        if (prefix == NULL || (at++ >= count / 2) != second) {
            continue;
        }
        emit_stub(out, api, call, prefix, call->class_ == VG_CLASS_POSTED);
        if (call->client == VG_WHO_MANUAL && can_post(call)) {
            emit_stub(out, api, call, "vg_post", true);
        }
    }
}

void
vg_emit_stubs_1(struct vg_out *out, const struct vg_api *api)
{
    emit_stubs(out, api, false);
}

void
vg_emit_stubs_2(struct vg_out *out, const struct vg_api *api)
{
    emit_stubs(out, api, true);
}

void
vg_emit_send(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "#pragma once\n\n"
           "/*\n * The plain remoted form of calls whose client side is hand-written:\n"
           " * vg_send_<call>() waits, vg_post_<call>() does not.\n */\n\n"
           "#include \"%s_types.h\"\n\n",
           api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        const char *prefix = vg_call_stub(call);

        if (prefix == NULL || strcmp(prefix, "vg_send") != 0) {
            continue;
        }
        vg_put_wrapped(out, 4,
                       vg_must_print("%s vg_send_%s(%s);", api->result, call->name,
                                     vg_params_declaration(call)));
        vg_put(out, "\n");
        if (can_post(call)) {
            vg_put_wrapped(out, 4,
                           vg_must_print("%s vg_post_%s(%s);", api->result, call->name,
                                         vg_params_declaration(call)));
            vg_put(out, "\n");
        }
    }
}
