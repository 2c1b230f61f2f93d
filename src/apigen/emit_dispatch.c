/* SPDX-License-Identifier: Apache-2.0 */

/* emit_dispatch - the worker's side: decode, ask, call the driver, encode. */

#include "shape.h"

#include <string.h>

/* Decodes one value of @type into the lvalue @name. */
static void
emit_get_value(struct vg_out *out, const struct vg_api *api, const char *type,
               const char *name, int depth)
{
    struct vg_kind kind = vg_kind_of(api, type);

    if (kind.tail == NULL) {
        vg_put(out, "%*svg_wire_get_%s(&call->req, &%s);\n", depth * 4, "",
               vg_api_type(api, type)->name, name);
    } else {
        vg_put(out, "%*s%s = (%s)vg_get_%s(&call->req);\n", depth * 4, "", name, type,
               kind.tail);
    }
}

static void
get_leaf(struct vg_out *out, const struct vg_api *api, const struct vg_member *leaf,
         const char *name)
{
    const char *type_name = vg_member_type(leaf);
    const struct vg_type *type = vg_api_type(api, type_name);

    if (vg_member_count(api, leaf) != 0) {
        vg_put(out, "%*svg_get_copy(&call->req, %s, sizeof(%s));\n", out->depth * 4, "",
               name, name);
    } else if (type != NULL && type->by != NULL) {
        vg_put(out, "%*s%s = vg_worker_get_%s(call);\n", out->depth * 4, "", name,
               type->by);
    } else if (type != NULL && type->kind == VG_TYPE_HANDLE) {
        vg_put(out, "%*s%s = (%s)vg_worker_get_handle_or_null(call, VG_ID_%s);\n",
               out->depth * 4, "", name, type_name, type->id);
    } else {
        emit_get_value(out, api, type_name, name, out->depth);
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
        vg_put(out, "%*svg_put_bytes(&call->rep, %s, sizeof(%s));\n", out->depth * 4, "",
               name, name);
    } else if (type != NULL && type->kind == VG_TYPE_HANDLE) {
        vg_put(out, "%*svg_worker_put_handle(call, VG_ID_%s, %s);\n", out->depth * 4, "",
               type->id, name);
    } else {
        vg_put(out, "%*svg_put_%s(&call->rep, (%s)%s);\n", out->depth * 4, "", kind.tail,
               kind.cast, name);
    }
}

static void
emit_get_handle(struct vg_out *out, const struct vg_param *p)
{
    const char *cast = vg_param_type(p)->kind == VG_TYPE_HANDLE ? "" : "(uintptr_t)";

    switch (p->shape) {
    case VG_SHAPE_NEW:
        vg_put(out, "    const vg_id id_%s = vg_worker_get_new(call, VG_ID_%s);\n",
               p->name, vg_param_type(p)->id);
        break;
    case VG_SHAPE_DROP:
        vg_put(out, "    vg_id id_%s = 0;\n", p->name);
        vg_put(out, "    %s = (%s)%svg_worker_get_dead(call, VG_ID_%s, &id_%s);\n",
               p->name, p->type, cast, vg_param_type(p)->id, p->name);
        break;
    default:
        vg_put(out, "    %s = (%s)%svg_worker_get_handle%s(call, VG_ID_%s);\n", p->name,
               p->type, cast, p->optional ? "_or_null" : "", vg_param_type(p)->id);
        break;
    }
}

static void
emit_get_single(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    const char *by = p->resolved != NULL ? p->resolved->by : NULL;

    switch (p->shape) {
    case VG_SHAPE_SCALAR:
    case VG_SHAPE_HANDLE:
        if (by != NULL) {
            vg_put(out, "    %s = vg_worker_get_%s(call);\n", p->name, by);
        } else if (p->shape == VG_SHAPE_HANDLE) {
            emit_get_handle(out, p);
        } else if (vg_struct_has_handles(api, p->type)) {
            out->depth = 1;
            vg_each_leaf(out, api, vg_sent_members(p->resolved), VG_WAY_REQUEST,
                         vg_must_print("%s.", p->name), get_leaf);
        } else {
            emit_get_value(out, api, p->type, p->name, 1);
        }
        break;
    case VG_SHAPE_DROP:
    case VG_SHAPE_NEW:
        emit_get_handle(out, p);
        break;
    case VG_SHAPE_STRING:
        vg_put(out, "    %s = vg_worker_own(call, vg_get_string(&call->req));\n",
               p->name);
        if (!p->optional) {
            vg_put(out,
                   "    if (%s == NULL) {\n        vg_dec_fail(&call->req);\n    }\n",
                   p->name);
        }
        break;
    default:
        if (p->optional) {
            vg_put(out, "    const bool has_%s = vg_wire_get_flag(&call->req);\n",
                   p->name);
        }
        break;
    }
}

/* The declaration of the local variable that holds a parameter. */
static void
emit_local(struct vg_out *out, const struct vg_param *p)
{
    if (p->shape == VG_SHAPE_STRING) {
        vg_put(out, "    const char *%s;\n", p->name);
    } else if (p->shape == VG_SHAPE_BYTES_IN || p->shape == VG_SHAPE_BYTES_OUT) {
        vg_put(out, "    void *%s = NULL;\n", p->name);
    } else if (p->shape == VG_SHAPE_STRING_OUT) {
        vg_put(out, "    char *%s = NULL;\n", p->name);
    } else if (p->length != NULL) {
        vg_put(out, "    %s *%s = NULL;\n", p->type, p->name);
    } else {
        vg_put(out, "    %s %s = { 0 };\n", p->type, p->name);
    }
}

static void
emit_get_array(struct vg_out *out, const struct vg_api *api, const struct vg_param *p,
               int depth)
{
    int wire = vg_kind_of(api, p->type).size;
    const char *cast = p->resolved != NULL && vg_param_type(p)->kind == VG_TYPE_HANDLE
                           ? ""
                           : "(uintptr_t)";

    if (p->shape == VG_SHAPE_BYTES_IN) {
        /* a copy, since the message is not aligned */
        vg_put(out, "%*s%s = vg_dispatch_array(call, n_%s, 1, 1);\n", depth * 4, "",
               p->name, p->name);
        vg_put(out, "%*sif (%s != NULL) {\n", depth * 4, "", p->name);
        vg_put(out, "%*svg_get_copy(&call->req, %s, n_%s);\n", (depth + 1) * 4, "",
               p->name, p->name);
        vg_put(out, "%*s}\n", depth * 4, "");
        return;
    }
    vg_put(out, "%*s%s = vg_dispatch_array(call, n_%s, %d, sizeof(*%s));\n", depth * 4,
           "", p->name, p->name, wire, p->name);
    vg_put(out, "%*sfor (size_t i = 0; %s != NULL && i < n_%s; i++) {\n", depth * 4, "",
           p->name, p->name);
    if (p->shape == VG_SHAPE_HANDLES_IN) {
        vg_put(out, "%*s%s[i] = (%s)%svg_worker_get_handle(call, VG_ID_%s);\n",
               (depth + 1) * 4, "", p->name, p->type, cast, vg_param_type(p)->id);
    } else if (vg_struct_has_handles(api, p->type)) {
        out->depth = depth + 1;
        vg_each_leaf(out, api, vg_sent_members(p->resolved), VG_WAY_REQUEST,
                     vg_must_print("%s[i].", p->name), get_leaf);
    } else {
        emit_get_value(out, api, p->type, vg_must_print("%s[i]", p->name), depth + 1);
    }
    vg_put(out, "%*s}\n", depth * 4, "");
}

static void
emit_get_content(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    bool in = p->shape == VG_SHAPE_IN || p->shape == VG_SHAPE_INOUT ||
              p->shape == VG_SHAPE_HANDLES_IN || p->shape == VG_SHAPE_BYTES_IN;
    bool room = p->length != NULL && vg_shape_comes_back(p->shape);
    int depth = p->optional ? 2 : 1;

    if (!in && !room) {
        return;
    }
    if (p->optional) {
        vg_put(out, "    if (has_%s) {\n", p->name);
    }
    if (room) {
        bool bytes = p->shape == VG_SHAPE_BYTES_OUT || p->shape == VG_SHAPE_STRING_OUT;

        vg_put(out, "%*s%s = vg_dispatch_room(call, n_%s, %s);\n", depth * 4, "", p->name,
               p->name, bytes ? "1" : vg_must_print("sizeof(*%s)", p->name));
    } else if (p->length == NULL && vg_struct_has_handles(api, p->type)) {
        out->depth = depth;
        vg_each_leaf(out, api, vg_sent_members(p->resolved), VG_WAY_REQUEST,
                     vg_must_print("%s.", p->name), get_leaf);
    } else if (p->length != NULL) {
        emit_get_array(out, api, p, depth);
    } else {
        emit_get_value(out, api, p->type, p->name, depth);
    }
    if (p->optional) {
        vg_put(out, "    }\n");
    }
}

static const char *
arguments(const struct vg_call *call)
{
    const char *text = "";

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        bool address = vg_shape_is_pointer(p->shape) && p->length == NULL &&
                       p->shape != VG_SHAPE_STRING;
        const char *one = address ? vg_must_print("&%s", p->name) : p->name;

        if (address && p->optional) {
            one = vg_must_print("has_%s ? &%s : NULL", p->name, p->name);
        }
        text = vg_must_print("%s%s%s", text, text[0] != '\0' ? ", " : "", one);
    }
    return text;
}

static void
emit_put_value(struct vg_out *out, const struct vg_api *api, const struct vg_param *p,
               const char *name, int depth)
{
    struct vg_kind kind = vg_kind_of(api, p->type);

    if (p->shape == VG_SHAPE_HANDLE_OUT || p->shape == VG_SHAPE_HANDLES_OUT) {
        vg_put(out, "%*svg_worker_put_handle(call, VG_ID_%s, %s%s);\n", depth * 4, "",
               vg_param_type(p)->id,
               vg_param_type(p)->kind == VG_TYPE_HANDLE ? "" : "(void *)(uintptr_t)",
               name);
    } else if (kind.tail == NULL) {
        vg_put(out, "%*svg_wire_put_%s(&call->rep, &%s);\n", depth * 4, "",
               vg_param_type(p)->name, name);
    } else {
        vg_put(out, "%*svg_put_%s(&call->rep, (%s)%s);\n", depth * 4, "", kind.tail,
               kind.cast, name);
    }
}

static void
emit_put(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    int depth = p->optional ? 2 : 1;

    if (!vg_shape_comes_back(p->shape)) {
        return;
    }
    if (p->optional) {
        vg_put(out, "    if (has_%s) {\n", p->name);
    }
    if (p->shape == VG_SHAPE_BYTES_OUT || p->shape == VG_SHAPE_STRING_OUT) {
        vg_put(out, "%*svg_put_bytes(&call->rep, %s, n_%s);\n", depth * 4, "", p->name,
               p->name);
    } else if (p->length != NULL) {
        vg_put(out, "%*sfor (size_t i = 0; i < n_%s; i++) {\n", depth * 4, "", p->name);
        emit_put_value(out, api, p, vg_must_print("%s[i]", p->name), depth + 1);
        vg_put(out, "%*s}\n", depth * 4, "");
    } else if (vg_struct_has_handles(api, p->type)) {
        out->depth = depth;
        vg_each_leaf(out, api, vg_sent_members(p->resolved), vg_reply_way(p),
                     vg_must_print("%s.", p->name), put_leaf);
    } else {
        emit_put_value(out, api, p, p->name, depth);
    }
    if (p->optional) {
        vg_put(out, "    }\n");
    }
}

/* What happens to names once the driver has succeeded. */
static void
emit_names(struct vg_out *out, const struct vg_param *p)
{
    if (p->shape == VG_SHAPE_DROP) {
        vg_put(out, "    vg_worker_forget(call, id_%s);\n", p->name);
    } else if (p->shape == VG_SHAPE_NEW) {
        vg_put(out, "    r_ = vg_worker_name(call, id_%s, (void *)(uintptr_t)%s);\n",
               p->name, p->name);
        vg_put(out,
               "    if (r_ != 0) {\n        (void)vg_@L.%s(%s);\n        return r_;\n"
               "    }\n",
               vg_param_type(p)->ends, p->name);
    }
}

/* The results travel in any case; an object only if there is one. */
static void
emit_answer_on_error(struct vg_out *out, const struct vg_api *api,
                     const struct vg_call *call)
{
    vg_put(out, "\n    call->body_on_error = r_ > 0;\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_put(out, api, p);
    }
    vg_put(out, "    if (r_ != 0) {\n        return r_;\n    }\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_names(out, p);
    }
    vg_put(out, "    return 0;\n}\n");
}

static void
emit_dispatch(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    vg_put(out, "\n/* %s:%d */\nint\nvg_dispatch_%s(struct vg_worker_call *call)\n{\n",
           call->place.file, call->place.line, call->name);
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_local(out, p);
    }
    vg_put(out, "    int r_;\n\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_get_single(out, api, p);
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->shape == VG_SHAPE_INOUT ||
            (p->shape == VG_SHAPE_IN && p->length == NULL)) {
            emit_get_content(out, api, p);
        }
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length != NULL) {
            vg_put(out, "    const size_t n_%s = (size_t)(%s);\n", p->name,
                   vg_length_of_values(p));
            emit_get_content(out, api, p);
        }
    }
    vg_put(out,
           "    r_ = vg_worker_ready(call);\n    if (r_ != 0) {\n        return r_;\n"
           "    }\n    ");
    vg_put_wrapped(out, 8,
                   vg_must_print("r_ = (int)vg_@L.%s(%s);", call->name, arguments(call)));
    if (call->on_error) {
        emit_answer_on_error(out, api, call);
        return;
    }
    vg_put(out, "\n    if (r_ != 0) {\n        return r_;\n    }\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_names(out, p);
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_put(out, api, p);
    }
    vg_put(out, "    return 0;\n}\n");
}

static void
emit_helpers(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "\n/* Memory for what the call returns. The client has kept the limit. */\n"
        "static inline void *\n"
        "vg_dispatch_room(struct vg_worker_call *call, size_t count, size_t size)\n{\n"
        "    void *room;\n\n"
        "    if (count > VG_ARRAY_MAX) {\n        vg_dec_fail(&call->req);\n"
        "        return NULL;\n    }\n"
        "    if (count == 0 || vg_dec_failed(&call->req)) {\n        return NULL;\n    }\n"
        "    room = vg_worker_alloc(call, count * size);\n"
        "    if (room == NULL) {\n        call->stale = %s;\n    }\n"
        "    return room;\n}\n\n"
        "/* The same for elements that follow, @wire bytes each. */\n"
        "static inline void *\n"
        "vg_dispatch_array(struct vg_worker_call *call, size_t count, size_t wire,\n"
        "                  size_t size)\n{\n"
        "    if (count > vg_dec_left(&call->req) / wire) {\n"
        "        vg_dec_fail(&call->req);\n        return NULL;\n    }\n"
        "    return vg_dispatch_room(call, count, size);\n}\n",
        api->memory);
}

static void
emit_dispatches(struct vg_out *out, const struct vg_api *api, bool second)
{
    int count = 0;
    int at = 0;

    vg_put(
        out,
        "/* The worker's side of the calls. */\n\n"
        "#include \"worker/dispatch.h\"\n\n"
        "#include \"%s_dispatch.h\"\n#include \"%s_loader.h\"\n#include \"%s_wire.h\"\n",
        api->name, api->name, api->name);
    emit_helpers(out, api);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        count += vg_call_dispatched(call);
    }
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (vg_call_dispatched(call) && (at++ >= count / 2) == second) {
            emit_dispatch(out, api, call);
        }
    }
}

void
vg_emit_dispatch_1(struct vg_out *out, const struct vg_api *api)
{
    emit_dispatches(out, api, false);
}

void
vg_emit_dispatch_2(struct vg_out *out, const struct vg_api *api)
{
    emit_dispatches(out, api, true);
}

static bool
reaches_server(const struct vg_call *call)
{
    return call->carried && call->as == NULL &&
           (call->server == VG_WHO_AUTO || call->server == VG_WHO_MANUAL);
}

void
vg_emit_dispatch_h(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "#pragma once\n\n"
        "/*\n * The dispatch functions by call. Those of hand-written calls are weak here, so "
        "that\n * one that does not exist yet is NULL in the table.\n */\n\n"
        "#include \"worker/dispatch.h\"\n\n");
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (reaches_server(call)) {
            vg_put(out, "int vg_dispatch_%s(struct vg_worker_call *call)%s;\n",
                   call->name,
                   call->server == VG_WHO_MANUAL ? " __attribute__((weak))" : "");
        }
    }
}

void
vg_emit_dispatch_table(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out, "#include \"%s_calls.h\"\n#include \"%s_dispatch.h\"\n\n", api->name,
           api->name);
    vg_put(out, "const vg_dispatch_fn vg_dispatch_table[VG_@U_CALL_COUNT] = {\n");
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (reaches_server(call)) {
            vg_put(out, "    [VG_@U_%s] = vg_dispatch_%s,\n", call->name, call->name);
        }
    }
    vg_put(out, "};\n\nconst unsigned vg_dispatch_count = VG_@U_CALL_COUNT;\n");
}
