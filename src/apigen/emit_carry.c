/* SPDX-License-Identifier: Apache-2.0 */

/*
 * emit_carry - how the calls of an API that one library answers alone are carried to the
 * library of the same API on the host: the client's questions and the host's answers.
 *
 * A struct travels as it lies in memory. Of a failed call only what was given and may be
 * changed comes back (a needed count). Lengths are claims; the host's side has limits.
 */

#include "shape.h"

#include <string.h>

static bool
is_struct(const struct vg_param *p)
{
    return p->resolved != NULL && p->resolved->kind == VG_TYPE_STRUCT;
}

static bool
has_pointer(const struct vg_member *members)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        if ((m->pointer && m->counted == NULL) || has_pointer(m->nested)) {
            return true;
        }
    }
    return false;
}

/* The member that points to a list, or NULL. Its address never travels. */
static const struct vg_member *
list_of(const struct vg_param *p)
{
    if (!is_struct(p) || p->shape != VG_SHAPE_INOUT) {
        return NULL;
    }
    for (const struct vg_member *m = p->resolved->members; m != NULL; m = m->next) {
        if (m->counted != NULL) {
            return m;
        }
    }
    return NULL;
}

static bool
can_travel(const struct vg_param *p)
{
    if (is_struct(p) && has_pointer(p->resolved->members)) {
        return false;
    }
    switch (p->shape) {
    case VG_SHAPE_SCALAR:
    case VG_SHAPE_HANDLE:
    case VG_SHAPE_HANDLE_OUT:
    case VG_SHAPE_OUT:
    case VG_SHAPE_STRING:
    case VG_SHAPE_STRING_OUT:
    case VG_SHAPE_OUT_ARRAY:
    case VG_SHAPE_HANDLES_OUT:
        return true;
    case VG_SHAPE_IN:
    case VG_SHAPE_INOUT:
        return p->length == NULL;
    default:
        return false;
    }
}

bool
vg_call_travels(const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (!can_travel(p)) {
            return false;
        }
    }
    return call->carried && call->as == NULL;
}

void
vg_emit_carry_h(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "#pragma once\n\n/* The calls as questions to the host's library. */\n\n"
           "#include \"%s_types.h\"\n\n",
           api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (vg_call_travels(call)) {
            vg_put_wrapped(out, 4,
                           vg_must_print("%s vg_@L_carry_%s(%s);", api->result,
                                         call->name, vg_params_declaration(call)));
            vg_put(out, "\n");
        }
    }
}

/* --- the client's side --- */

static void
emit_question(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    const struct vg_kind kind = vg_kind_of(api, p->type);

    if (p->optional && vg_shape_is_pointer(p->shape)) {
        vg_put(out, "    vg_put_u8(&ask_.req, %s != NULL);\n", p->name);
    }
    switch (p->shape) {
    case VG_SHAPE_SCALAR:
        vg_put(out, "    vg_put_%s(&ask_.req, (%s)%s);\n", kind.tail, kind.cast, p->name);
        break;
    case VG_SHAPE_HANDLE:
        vg_put(out, "    vg_put_u64(&ask_.req, (uint64_t)(uintptr_t)%s);\n", p->name);
        break;
    case VG_SHAPE_STRING:
        vg_put(out, "    vg_put_string(&ask_.req, %s);\n", p->name);
        break;
    case VG_SHAPE_INOUT:
    case VG_SHAPE_IN:
        if (list_of(p) == NULL) {
            vg_put(out, "    vg_put_bytes(&ask_.req, %s, sizeof(*%s));\n", p->name,
                   p->name);
            break;
        }
        vg_put(out,
               "    %s sent_%s = *%s;\n    sent_%s.%s = NULL;\n"
               "    vg_put_bytes(&ask_.req, &sent_%s, sizeof(sent_%s));\n"
               "    vg_put_u8(&ask_.req, %s->%s != NULL);\n",
               p->type, p->name, p->name, p->name, vg_member_name(list_of(p)), p->name,
               p->name, p->name, vg_member_name(list_of(p)));
        break;
    default:
        break;
    }
}

/* A list behind a member: the struct comes back around the program's own pointer. */
static void
emit_take_list(struct vg_out *out, const struct vg_param *p)
{
    const struct vg_member *list = list_of(p);
    const char *name = vg_member_name(list);

    vg_put(out,
           "    if (vg_dec_left(&ask_.rep) != 0) {\n"
           "        const unsigned n_ = %s->%s;\n        %s *const list_ = %s->%s;\n"
           "        vg_get_copy(&ask_.rep, %s, sizeof(*%s));\n"
           "        %s->%s = list_;\n"
           "        if (r_ == 0 && list_ != NULL) {\n"
           "            const uint32_t m_ = vg_@L_ask_count(&ask_, n_);\n"
           "            vg_get_copy(&ask_.rep, list_, m_ * sizeof(*list_));\n"
           "        }\n    }\n",
           p->name, list->counted, list->type, p->name, name, p->name, p->name, p->name,
           name);
}

static void
emit_take(struct vg_out *out, const struct vg_param *p)
{
    const char *check =
        p->optional ? vg_must_print("%s != NULL && ", p->name) : (const char *)"";

    if (!vg_shape_comes_back(p->shape)) {
        return;
    }
    if (list_of(p) != NULL) {
        emit_take_list(out, p);
        return;
    }
    if (p->shape == VG_SHAPE_STRING_OUT) {
        vg_put(out, "    if (%sr_ == 0) {\n        vg_@L_ask_text(&ask_, %s, n_%s);\n",
               check, p->name, p->name);
    } else if (p->length != NULL && p->shape == VG_SHAPE_HANDLES_OUT) {
        vg_put(out, "    if (%sr_ == 0) {\n", check);
        vg_put(out, "        const uint32_t m_ = vg_@L_ask_count(&ask_, n_%s);\n",
               p->name);
        vg_put(out, "        for (uint32_t i = 0; i < m_; i++) {\n");
        vg_put(out,
               "            %s[i] = (%s)(uintptr_t)vg_get_u64(&ask_.rep);\n        }\n",
               p->name, p->type);
    } else if (p->length != NULL) {
        vg_put(out, "    if (%sr_ == 0) {\n", check);
        vg_put(out, "        const uint32_t m_ = vg_@L_ask_count(&ask_, n_%s);\n",
               p->name);
        vg_put(out, "        vg_get_copy(&ask_.rep, %s, m_ * sizeof(*%s));\n", p->name,
               p->name);
    } else if (p->shape == VG_SHAPE_HANDLE_OUT) {
        vg_put(out, "    if (%sr_ == 0) {\n", check);
        vg_put(out, "        *%s = (%s)(uintptr_t)vg_get_u64(&ask_.rep);\n", p->name,
               p->type);
    } else {
        vg_put(out, "    if (%s%s) {\n", check,
               p->shape == VG_SHAPE_INOUT ? "vg_dec_left(&ask_.rep) != 0" : "r_ == 0");
        vg_put(out, "        vg_get_copy(&ask_.rep, %s, sizeof(*%s));\n", p->name,
               p->name);
    }
    vg_put(out, "    }\n");
}

void
vg_emit_carry_c(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "/* The client's side: what was given travels, what was asked comes back. */\n\n"
        "#include \"%s/ask.h\"\n\n#include \"%s_carry.h\"\n",
        api->name, api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (!vg_call_travels(call)) {
            continue;
        }
        vg_put(out, "\n%s\n", api->result);
        vg_put_wrapped(
            out, 4,
            vg_must_print("vg_@L_carry_%s(%s)", call->name, vg_params_declaration(call)));
        vg_put(out, "\n{\n    struct vg_@L_ask ask_;\n");
        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            if (p->length != NULL) {
                vg_put(out, "    const unsigned n_%s = (unsigned)(%s);\n", p->name,
                       p->length);
            }
        }
        vg_put(out, "\n    vg_@L_ask_begin(&ask_, VG_@U_%s);\n", call->name);
        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            emit_question(out, api, p);
        }
        vg_put(out, "    const %s r_ = vg_@L_ask_wait(&ask_);\n    (void)r_;\n",
               api->result);
        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            if (p->length == NULL) {
                emit_take(out, p);
            }
        }
        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            if (p->length != NULL) {
                emit_take(out, p);
            }
        }
        vg_put(out, "    return vg_@L_ask_end(&ask_);\n}\n");
    }
}

/* --- the host's side --- */

static bool
is_versioned(const struct vg_param *p)
{
    return is_struct(p) && p->shape == VG_SHAPE_INOUT &&
           strcmp(vg_member_name(p->resolved->members), "version") == 0;
}

static int
handle_kind(const struct vg_api *api, const struct vg_param *p)
{
    int number = 1;

    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (type == p->resolved) {
            return number;
        }
        number += type->kind == VG_TYPE_HANDLE;
    }
    return 0;
}

static void
emit_host_local(struct vg_out *out, const struct vg_param *p)
{
    if (p->shape == VG_SHAPE_STRING) {
        vg_put(out, "    const char *%s;\n", p->name);
    } else if (p->shape == VG_SHAPE_STRING_OUT) {
        vg_put(out, "    char *%s;\n", p->name);
    } else if (p->length != NULL ||
               (vg_shape_is_pointer(p->shape) && p->shape != VG_SHAPE_HANDLE_OUT)) {
        vg_put(out, "    %s *%s;\n", p->type, p->name);
    } else {
        vg_put(out, "    %s %s = { 0 };\n", p->type, p->name);
    }
}

/* Room for a list behind a member. */
static void
emit_host_list(struct vg_out *out, const struct vg_param *p)
{
    const struct vg_member *list = list_of(p);

    vg_put(out,
           "    const unsigned asked_%s = %s->%s;\n"
           "    const unsigned n_%s = vg_host_limit(asked_%s, sizeof(*%s->%s));\n"
           "    %s->%s = n_%s;\n"
           "    %s->%s = vg_host_flag(call_)\n"
           "        ? vg_host_room(call_, n_%s * sizeof(*%s->%s)) : NULL;\n",
           p->name, p->name, list->counted, p->name, p->name, p->name,
           vg_member_name(list), p->name, list->counted, p->name, p->name,
           vg_member_name(list), p->name, p->name, vg_member_name(list));
}

static void
emit_host_get(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    const struct vg_kind kind = vg_kind_of(api, p->type);

    if (p->optional && vg_shape_is_pointer(p->shape)) {
        vg_put(out, "    const bool has_%s = vg_host_flag(call_);\n", p->name);
    }
    switch (p->shape) {
    case VG_SHAPE_SCALAR:
        vg_put(out, "    %s = (%s)vg_get_%s(&call_->req);\n", p->name, p->type,
               kind.tail);
        break;
    case VG_SHAPE_HANDLE:
        vg_put(out, "    %s = vg_host_handle(call_, %d);\n", p->name,
               handle_kind(api, p));
        break;
    case VG_SHAPE_STRING:
        vg_put(out, "    %s = vg_host_string(call_);\n", p->name);
        break;
    case VG_SHAPE_OUT:
    case VG_SHAPE_IN:
    case VG_SHAPE_INOUT:
        if (p->length != NULL) {
            break;
        }
        vg_put(out, "    %s = vg_host_room(call_, sizeof(*%s));\n", p->name, p->name);
        if (p->shape != VG_SHAPE_OUT) {
            vg_put(out, "    vg_get_copy(&call_->req, %s, sizeof(*%s));\n", p->name,
                   p->name);
        }
        if (list_of(p) != NULL) {
            emit_host_list(out, p);
        }
        if (is_versioned(p)) {
            vg_put(out,
                   "    const unsigned given_%s = %s->version;\n"
                   "    %s->version = vg_host_version(given_%s, sizeof(*%s));\n",
                   p->name, p->name, p->name, p->name, p->name);
        }
        break;
    default:
        break;
    }
}

static void
emit_host_rooms(struct vg_out *out, const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        const char *size =
            p->shape == VG_SHAPE_STRING_OUT ? "1" : vg_must_print("sizeof(*%s)", p->name);

        if (p->length == NULL) {
            continue;
        }
        if (p->length[0] == '*') {
            vg_put(out, "    const unsigned asked_%s = %s;\n", p->name, p->length);
        }
        vg_put(out, "    const unsigned n_%s = vg_host_limit(%s, %s);\n", p->name,
               p->length, size);
        vg_put(out, "    %s = n_%s;\n", p->length, p->name);
        vg_put(out, "    %s = vg_host_room(call_, n_%s * %s);\n", p->name, p->name, size);
    }
}

static const char *
host_arguments(const struct vg_call *call)
{
    const char *text = "";

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        const char *one =
            p->shape == VG_SHAPE_HANDLE_OUT ? vg_must_print("&%s", p->name) : p->name;

        if (p->optional && vg_shape_is_pointer(p->shape)) {
            one = vg_must_print("has_%s ? %s : NULL", p->name, one);
        }
        text = vg_must_print("%s%s%s", text, text[0] != '\0' ? ", " : "", one);
    }
    return text;
}

/* Numbers of the host's processes become those that the client's side goes by. */
static void
emit_processes(struct vg_out *out, const struct vg_api *api, const struct vg_param *p,
               const char *element, int depth)
{
    if (!is_struct(p)) {
        return;
    }
    for (const struct vg_member *m = p->resolved->members; m != NULL; m = m->next) {
        const struct vg_type *type = m->type != NULL ? vg_api_type(api, m->type) : NULL;

        if (type != NULL && type->kind == VG_TYPE_NUMBER && type->by != NULL) {
            vg_put(out, "%*s%s%s = vg_host_%s(%s%s);\n", depth * 4, "", element,
                   vg_member_name(m), type->by, element, vg_member_name(m));
        }
    }
}

/* The elements of a list behind a member; the struct before them holds no address. */
static void
emit_host_put_list(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    const struct vg_member *list = list_of(p);
    struct vg_param element = { .resolved = vg_api_type(api, list->type) };

    vg_put(out,
           "    if (r_ != 0 && %s->%s == n_%s) {\n        %s->%s = asked_%s;\n    }\n"
           "    %s *const list_ = %s->%s;\n    %s->%s = NULL;\n",
           p->name, list->counted, p->name, p->name, list->counted, p->name, list->type,
           p->name, vg_member_name(list), p->name, vg_member_name(list));
    if (is_versioned(p)) {
        vg_put(out, "    %s->version = given_%s;\n", p->name, p->name);
    }
    vg_put(out,
           "    vg_put_bytes(&call_->rep, %s, sizeof(*%s));\n"
           "    if (r_ == 0 && list_ != NULL) {\n"
           "        const unsigned m_ = %s->%s < n_%s ? %s->%s : n_%s;\n"
           "        vg_put_u32(&call_->rep, m_);\n"
           "        for (unsigned i = 0; i < m_; i++) {\n",
           p->name, p->name, p->name, list->counted, p->name, p->name, list->counted,
           p->name);
    emit_processes(out, api, &element, "list_[i].", 3);
    vg_put(out,
           "        }\n        vg_put_bytes(&call_->rep, list_, m_ * sizeof(*list_));\n"
           "    }\n");
}

static void
emit_host_put(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    if (list_of(p) != NULL) {
        emit_host_put_list(out, api, p);
        return;
    }
    const char *when = p->shape == VG_SHAPE_INOUT ? "" : "r_ == 0";

    if (!vg_shape_comes_back(p->shape)) {
        return;
    }
    if (p->optional) {
        when = vg_must_print("%s%shas_%s", when, when[0] != '\0' ? " && " : "", p->name);
    }
    vg_put(out, when[0] != '\0' ? "    if (%s) {\n" : "    {%s\n", when);
    if (p->shape == VG_SHAPE_STRING_OUT) {
        vg_put(out, "        vg_put_string(&call_->rep, %s);\n", p->name);
    } else if (p->length != NULL) {
        vg_put(out,
               "        const unsigned m_ = %s < n_%s ? %s : n_%s;\n"
               "        vg_put_u32(&call_->rep, m_);\n"
               "        for (unsigned i = 0; i < m_; i++) {\n",
               p->length, p->name, p->length, p->name);
        if (p->shape == VG_SHAPE_HANDLES_OUT) {
            vg_put(out, "            vg_put_u64(&call_->rep, vg_host_name(%s[i], %d));\n",
                   p->name, handle_kind(api, p));
        } else {
            emit_processes(out, api, p, vg_must_print("%s[i].", p->name), 3);
            vg_put(out, "            vg_put_bytes(&call_->rep, &%s[i], sizeof(%s[i]));\n",
                   p->name, p->name);
        }
        vg_put(out, "        }\n");
    } else if (p->shape == VG_SHAPE_HANDLE_OUT) {
        vg_put(out, "        vg_put_u64(&call_->rep, vg_host_name(%s, %d));\n", p->name,
               handle_kind(api, p));
    } else {
        emit_processes(out, api, p, vg_must_print("%s->", p->name), 2);
        if (is_versioned(p)) {
            vg_put(out, "        %s->version = given_%s;\n", p->name, p->name);
        }
        vg_put(out, "        vg_put_bytes(&call_->rep, %s, sizeof(*%s));\n", p->name,
               p->name);
    }
    vg_put(out, "    }\n");
}

static void
emit_host_call(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    vg_put(out, "\nstatic %s\nhost_%s(struct vg_host_call *call_)\n{\n", api->result,
           call->name);
    vg_put(out, "    ");
    vg_put_wrapped(out, 8,
                   vg_must_print("%s (*function_)(%s) = NULL;", api->result,
                                 vg_params_declaration(call)));
    vg_put(out, "\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_host_local(out, p);
    }
    vg_put(out, "\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_host_get(out, api, p);
    }
    vg_put(out,
           "    %s r_ = vg_host_find(call_, \"%s\", &function_, sizeof(function_));\n"
           "    if (r_ != 0) {\n        return r_;\n    }\n",
           api->result, call->name);
    emit_host_rooms(out, call);
    vg_put(out, "    if (!vg_host_begin(call_)) {\n        return %s;\n    }\n    ",
           api->memory);
    vg_put_wrapped(out, 8, vg_must_print("r_ = function_(%s);", host_arguments(call)));
    vg_put(out, "\n    vg_host_end(call_);\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length != NULL && p->length[0] == '*') {
            /* what the call left alone is what was given */
            vg_put(out,
                   "    if (r_ != 0 && %s == n_%s) {\n        %s = asked_%s;\n    }\n",
                   p->length, p->name, p->length, p->name);
        }
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length == NULL) {
            emit_host_put(out, api, p);
        }
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length != NULL) {
            emit_host_put(out, api, p);
        }
    }
    vg_put(out, "    return r_;\n}\n");
}

void
vg_emit_host_c(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "/* The host's side: decode, call the host's library, encode. */\n\n"
           "#include \"worker/%s_host.h\"\n",
           api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (vg_call_travels(call)) {
            emit_host_call(out, api, call);
        }
    }
    vg_put(out, "\nconst vg_host_fn vg_host_table[VG_@U_CALL_COUNT] = {\n");
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (vg_call_travels(call)) {
            vg_put(out, "    [VG_@U_%s] = host_%s,\n", call->name, call->name);
        }
    }
    vg_put(out, "};\n");
}
