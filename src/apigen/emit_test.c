/* SPDX-License-Identifier: Apache-2.0 */

/*
 * emit_test - for every call with a generated stub and a generated dispatch function: a
 * driver function that notes what it was given, and a run that calls the stub. The
 * harness (tests/apigen/wire_harness.h) puts the two together.
 */

#include "shape.h"

#include <string.h>

static bool
is_tested(const struct vg_call *call)
{
    return vg_call_stub(call) != NULL && vg_call_dispatched(call);
}

static bool
is_struct(const struct vg_api *api, const char *type)
{
    return vg_kind_of(api, type).tail == NULL;
}

static bool
is_float(const struct vg_api *api, const char *type)
{
    const char *tail = vg_kind_of(api, type).tail;

    return tail != NULL && tail[0] == 'f';
}

/* Notes one value in an encoder, in a form that has nothing to do with the wire's. */
static void
emit_note(struct vg_out *out, const struct vg_api *api, const char *type,
          const char *name, const char *enc, int depth)
{
    const struct vg_type *found = vg_api_type(api, type);

    if (is_struct(api, type)) {
        bool reply = strcmp(enc, "&t->given") == 0 || strcmp(enc, "&t->got") == 0;

        vg_put(out, "%*snote%s_%s(%s, &%s);\n", depth * 4, "",
               reply && vg_struct_has_out(found) ? "_out" : "", found->name, enc, name);
    } else if (is_float(api, type)) {
        vg_put(out, "%*svg_put_f32(%s, %s);\n", depth * 4, "", enc, name);
    } else {
        vg_put(out, "%*svg_put_u64(%s, (uint64_t)%s%s);\n", depth * 4, "", enc,
               found != NULL && found->kind == VG_TYPE_HANDLE ? "(uintptr_t)" : "", name);
    }
}

/* Gives one lvalue a value of the run's sequence. */
static void
emit_seed(struct vg_out *out, const struct vg_api *api, const char *type,
          const char *name, int depth)
{
    const struct vg_type *found = vg_api_type(api, type);

    if (is_struct(api, type)) {
        vg_put(out, "%*sseed_%s(t, &%s);\n", depth * 4, "", found->name, name);
    } else if (is_float(api, type)) {
        vg_put(out, "%*s%s = (%s)(wire_number(t) & 0xffff);\n", depth * 4, "", name,
               type);
    } else if (found != NULL && found->id != NULL) {
        vg_put(out, "%*s%s = (%s)(uintptr_t)wire_handle(t, VG_ID_%s);\n", depth * 4, "",
               name, type, found->id);
    } else {
        vg_put(out, "%*s%s = (%s)wire_number(t);\n", depth * 4, "", name, type);
    }
}

static void
emit_leaves(struct vg_out *out, const struct vg_api *api, const struct vg_member *members,
            enum vg_way way, const char *path, bool seed)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        const char *name = vg_must_print("v->%s%s", path, vg_member_name(m));
        struct vg_member first;

        if (m->nested != NULL) {
            first = *m->nested;
            if (strcmp(m->text, "union") == 0) {
                first.next = NULL;
            }
            emit_leaves(
                out, api, &first, way,
                vg_must_print("%s%s%s", path, m->name, m->name[0] != '\0' ? "." : ""),
                seed);
        } else if (m->pointer || (way == VG_WAY_REQUEST && m->out) ||
                   (way == VG_WAY_REPLY && !m->out)) {
            continue;
        } else if (vg_member_count(api, m) != 0) {
            vg_put(out, "    %s, %s, sizeof(%s));\n",
                   seed ? "wire_fill(t" : "vg_put_bytes(enc", name, name);
        } else if (seed) {
            emit_seed(out, api, vg_member_type(m), name, 1);
        } else {
            emit_note(out, api, vg_member_type(m), name, "enc", 1);
        }
    }
}

/* @tail: "" for what the caller passes, "_out" for what the call only writes. */
static void
emit_struct(struct vg_out *out, const struct vg_api *api, const struct vg_type *type,
            enum vg_way way, const char *tail)
{
    vg_put(out, "\nstatic void\nseed%s_%s(struct wire_run *t, %s *v)\n{\n", tail,
           type->name, type->name);
    if (way != VG_WAY_REPLY) {
        vg_put(out, "    memset(v, 0, sizeof(*v));\n");
    }
    emit_leaves(out, api, vg_sent_members(type), way, "", true);
    vg_put(out, "}\n\nstatic void\nnote%s_%s(struct vg_enc *enc, const %s *v)\n{\n", tail,
           type->name, type->name);
    emit_leaves(out, api, vg_sent_members(type), way, "", false);
    vg_put(out, "}\n");
}

static void
emit_structs(struct vg_out *out, const struct vg_api *api)
{
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (type->kind != VG_TYPE_STRUCT || !vg_struct_is_sent(api, type)) {
            continue;
        }
        emit_struct(out, api, type, VG_WAY_REQUEST, "");
        if (vg_struct_has_out(type)) {
            emit_struct(out, api, type, VG_WAY_REPLY, "_out");
        }
    }
}

/* The parameter is the length of another. */
static bool
is_length(const struct vg_call *call, const struct vg_param *param)
{
    size_t length = strlen(param->name);

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        const char *at = p->length;

        for (at = at != NULL ? strstr(at, param->name) : NULL; at != NULL;
             at = strstr(at + 1, param->name)) {
            if ((at == p->length || strchr(" *(", at[-1]) != NULL) &&
                strchr(" )", at[length]) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static bool
goes_in(const struct vg_param *p)
{
    return p->shape == VG_SHAPE_SCALAR || p->shape == VG_SHAPE_HANDLE ||
           p->shape == VG_SHAPE_DROP || p->shape == VG_SHAPE_IN ||
           p->shape == VG_SHAPE_INOUT || p->shape == VG_SHAPE_HANDLES_IN ||
           p->shape == VG_SHAPE_BYTES_IN || p->shape == VG_SHAPE_STRING;
}

/* Notes a parameter as its function sees it: @pointer for what the prototype points to.
 */
static void
emit_note_param(struct vg_out *out, const struct vg_api *api, const struct vg_param *p,
                const char *enc)
{
    bool bytes = p->shape == VG_SHAPE_BYTES_IN || p->shape == VG_SHAPE_BYTES_OUT ||
                 p->shape == VG_SHAPE_STRING_OUT;

    if (p->shape == VG_SHAPE_STRING) {
        vg_put(out, "    vg_put_string(%s, %s);\n", enc, p->name);
        return;
    }
    if (!vg_shape_is_pointer(p->shape)) {
        emit_note(out, api, p->type, p->name, enc, 1);
        return;
    }
    vg_put(out, "    if (%s != NULL) {\n", p->name);
    if (bytes) {
        vg_put(out, "        vg_put_bytes(%s, %s, n_%s);\n", enc, p->name, p->name);
    } else if (p->length != NULL) {
        vg_put(out, "        for (size_t i = 0; i < n_%s; i++) {\n", p->name);
        emit_note(out, api, p->type, vg_must_print("%s[i]", p->name), enc, 3);
        vg_put(out, "        }\n");
    } else {
        emit_note(out, api, p->type, vg_must_print("(*%s)", p->name), enc, 2);
    }
    vg_put(out, "    }\n");
}

/* The driver fills what it returns. */
static void
emit_fill_param(struct vg_out *out, const struct vg_api *api, const struct vg_param *p)
{
    bool bytes = p->shape == VG_SHAPE_BYTES_OUT || p->shape == VG_SHAPE_STRING_OUT;

    vg_put(out, "    if (%s != NULL) {\n", p->name);
    if (bytes) {
        vg_put(out, "        wire_fill(t, %s, n_%s);\n", p->name, p->name);
    } else if (p->length != NULL) {
        vg_put(out, "        for (size_t i = 0; i < n_%s; i++) {\n", p->name);
        emit_seed(out, api, p->type, vg_must_print("%s[i]", p->name), 3);
        vg_put(out, "        }\n");
    } else {
        if (vg_reply_way(p) == VG_WAY_REPLY) {
            vg_put(out, "        seed_out_%s(t, %s);\n", vg_param_type(p)->name, p->name);
        } else {
            emit_seed(out, api, p->type, vg_must_print("(*%s)", p->name), 2);
        }
    }
    vg_put(out, "    }\n");
}

/* Lengths, before anything changes. */
static void
emit_lengths(struct vg_out *out, const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length != NULL) {
            vg_put(out, "    const size_t n_%s = (size_t)(%s);\n", p->name, p->length);
        }
    }
}

static void
emit_driver(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    vg_put(out, "\nstatic %s\n", api->result);
    vg_put_wrapped(
        out, 4, vg_must_print("driver_%s(%s)", call->name, vg_params_declaration(call)));
    vg_put(out, "\n{\n    struct wire_run *t = wire_driver_called();\n");
    emit_lengths(out, call);
    vg_put(out, "\n");
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (goes_in(p)) {
            emit_note_param(out, api, p, "&t->seen");
        }
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (vg_shape_comes_back(p->shape)) {
            emit_fill_param(out, api, p);
            emit_note_param(out, api, p, "&t->given");
        } else if (p->shape == VG_SHAPE_NEW) {
            emit_seed(out, api, p->type, vg_must_print("(*%s)", p->name), 1);
        }
    }
    vg_put(out, "    return (%s)wire_result(t);\n}\n", api->result);
}

/* Declares and seeds what the stub is called with. */
static void
emit_argument(struct vg_out *out, const struct vg_api *api, const struct vg_call *call,
              const struct vg_param *p)
{
    bool bytes = p->shape == VG_SHAPE_BYTES_IN || p->shape == VG_SHAPE_BYTES_OUT ||
                 p->shape == VG_SHAPE_STRING_OUT;

    if (p->shape == VG_SHAPE_STRING) {
        vg_put(out, "    const char *%s = wire_string(t);\n", p->name);
        return;
    }
    if (!vg_shape_is_pointer(p->shape)) {
        vg_put(out, "    %s %s = { 0 };\n", p->type, p->name);
        if (is_length(call, p)) {
            vg_put(out, "    %s = (%s)wire_count(t);\n", p->name, p->type);
        } else if (p->optional) {
            vg_put(out, "    if (!t->absent) {\n");
            emit_seed(out, api, p->type, p->name, 2);
            vg_put(out, "    }\n");
        } else {
            emit_seed(out, api, p->type, p->name, 1);
        }
        return;
    }
    vg_put(out, "    %s room_%s[WIRE_COUNT_MAX];\n", bytes ? "unsigned char" : p->type,
           p->name);
    vg_put(out, "    memset(room_%s, 0, sizeof(room_%s));\n", p->name, p->name);
    vg_put(out, "    %s *%s = ", bytes ? "void" : p->type, p->name);
    vg_put(out, "%sroom_%s;\n", p->optional ? "t->absent ? NULL : " : "", p->name);
    if (is_length(call, p)) {
        vg_put(out, "    *%s = (%s)wire_count(t);\n", p->name, p->type);
    }
}

static void
emit_content(struct vg_out *out, const struct vg_api *api, const struct vg_call *call,
             const struct vg_param *p)
{
    if (!goes_in(p) || is_length(call, p) || !vg_shape_is_pointer(p->shape) ||
        p->shape == VG_SHAPE_STRING) {
        return;
    }
    vg_put(out, "    if (%s != NULL) {\n", p->name);
    if (p->shape == VG_SHAPE_BYTES_IN) {
        vg_put(out, "        wire_fill(t, room_%s, n_%s);\n", p->name, p->name);
    } else if (p->length != NULL) {
        vg_put(out, "        for (size_t i = 0; i < n_%s; i++) {\n", p->name);
        emit_seed(out, api, p->type, vg_must_print("room_%s[i]", p->name), 3);
        vg_put(out, "        }\n");
    } else {
        emit_seed(out, api, p->type, vg_must_print("room_%s[0]", p->name), 2);
    }
    vg_put(out, "    }\n");
}

/* Bytes of the request that the description promises. */
static void
emit_expected_size(struct vg_out *out, const struct vg_api *api,
                   const struct vg_call *call)
{
    int fixed = 0;

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        int size = vg_param_wire_size(api, p, VG_WAY_REQUEST);

        if (p->shape == VG_SHAPE_STRING) {
            vg_put(out, "    t->request_size += 4 + strlen(%s);\n", p->name);
        } else if (p->shape == VG_SHAPE_NEW || !vg_shape_is_pointer(p->shape)) {
            fixed += size;
        } else {
            fixed += p->optional ? 1 : 0;
            if (goes_in(p)) {
                vg_put(out,
                       "    t->request_size += %s != NULL ? %d * (size_t)(%s) : 0;\n",
                       p->name, size, p->length != NULL ? p->length : "1");
            }
        }
    }
    vg_put(out, "    t->request_size += %d;\n", fixed);
}

static void
emit_run(struct vg_out *out, const struct vg_api *api, const struct vg_call *call)
{
    vg_put(out, "\nstatic %s\nrun_%s(struct wire_run *t)\n{\n    %s r;\n", api->result,
           call->name, api->result);
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_argument(out, api, call, p);
    }
    emit_lengths(out, call);
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        emit_content(out, api, call, p);
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (goes_in(p)) {
            emit_note_param(out, api, p, "&t->sent");
        }
    }
    emit_expected_size(out, api, call);
    vg_put(out, "    t->fields = t->index;\n    ");
    vg_put_wrapped(out, 8,
                   vg_must_print("r = %s_%s(%s);", vg_call_stub(call), call->name,
                                 vg_params_names(call)));
    vg_put(out, "\n    if (r != %s && !t->failing) {\n        return r;\n    }\n",
           api->ok);
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (vg_shape_comes_back(p->shape)) {
            emit_note_param(out, api, p, "&t->got");
        } else if (p->shape == VG_SHAPE_NEW) {
            vg_put(out, "    wire_new(t, (uint64_t)%s*%s);\n",
                   vg_param_type(p)->kind == VG_TYPE_HANDLE ? "(uintptr_t)" : "",
                   p->name);
        }
    }
    vg_put(out, "    return r;\n}\n");
}

static bool
returns_array(const struct vg_call *call)
{
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        if (p->length != NULL && vg_shape_comes_back(p->shape)) {
            return true;
        }
    }
    return false;
}

/* What a generated stub may hand over to by hand-written code is not part of the test. */
static void
emit_stand_ins(struct vg_out *out, const struct vg_api *api)
{
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        const struct vg_call *target =
            call->thread != NULL ? vg_api_call(api, call->thread) : NULL;

        if (target == NULL || call->client != VG_WHO_AUTO ||
            target->client == VG_WHO_AUTO) {
            continue;
        }
        vg_put(out, "\n%s\n", api->result);
        vg_put_wrapped(
            out, 4,
            vg_must_print("vg_drv_%s(%s)", target->name, vg_params_declaration(target)));
        vg_put(out, "\n{\n");
        for (const struct vg_param *p = target->params; p != NULL; p = p->next) {
            vg_put(out, "    (void)%s;\n", p->name);
        }
        vg_put(out, "    return %s;\n}\n", api->absent);
    }
}

void
vg_emit_test(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "#include \"wire_harness.h\"\n\n#include <string.h>\n\n"
        "#include \"%s_calls.h\"\n#include \"%s_dispatch.h\"\n#include \"%s_driver.h\"\n"
        "#include \"%s_loader.h\"\n#include \"%s_send.h\"\n",
        api->name, api->name, api->name, api->name, api->name);
    emit_structs(out, api);
    emit_stand_ins(out, api);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (is_tested(call)) {
            emit_driver(out, api, call);
            emit_run(out, api, call);
        }
    }
    vg_put(out, "\nconst struct wire_test wire_tests[] = {\n");
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (is_tested(call)) {
            vg_put(out, "    { \"%s\", run_%s, vg_dispatch_%s, %s, %s },\n", call->name,
                   call->name, call->name, returns_array(call) ? "true" : "false",
                   call->on_error ? "true" : "false");
        }
    }
    vg_put(out, "};\n\nconst size_t wire_test_count = sizeof(wire_tests) / "
                "sizeof(wire_tests[0]);\n\nvoid\nwire_driver_load(void)\n{\n");
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (is_tested(call)) {
            vg_put(out, "    vg_%s.%s = driver_%s;\n", api->name, call->name, call->name);
        }
    }
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        const struct vg_call *ends =
            type->ends != NULL ? vg_api_call(api, type->ends) : NULL;

        if (ends != NULL && !is_tested(ends)) {
            vg_put(out, "    vg_%s.%s = NULL;\n", api->name, ends->name);
        }
    }
    vg_put(out, "}\n");
}
