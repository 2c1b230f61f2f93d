/* SPDX-License-Identifier: Apache-2.0 */

/* check - the rules a description must keep, one function a rule. */

#include "model.h"

#include <string.h>

const struct vg_type *
vg_api_type(const struct vg_api *api, const char *name)
{
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (strcmp(type->name, name) == 0) {
            return type->kind == VG_TYPE_ALIAS ? vg_api_type(api, type->text) : type;
        }
    }
    return NULL;
}

const struct vg_call *
vg_api_call(const struct vg_api *api, const char *name)
{
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (strcmp(call->name, name) == 0) {
            return call;
        }
    }
    return NULL;
}

static bool
is_c_type(const char *name)
{
    static const char *const names[] = {
        "int",           "unsigned int",   "size_t", "float", "unsigned long long",
        "unsigned char", "unsigned short", "char",   "bytes", "string"
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_types(const struct vg_api *api)
{
    for (const struct vg_type *type = api->types; type != NULL; type = type->next) {
        if (type->kind == VG_TYPE_ALIAS && vg_api_type(api, type->text) == NULL) {
            vg_die(type->place, "alias of unknown type '%s'", type->text);
        }
        for (const struct vg_type *other = type->next; other; other = other->next) {
            if (strcmp(type->name, other->name) == 0) {
                vg_die(other->place, "type '%s' is declared twice", type->name);
            }
        }
    }
}

static bool
word_is(const struct vg_param *param, const char *word)
{
    return param->word != NULL && strcmp(param->word, word) == 0;
}

static enum vg_shape
array_shape(const struct vg_param *param, bool handle)
{
    bool in = word_is(param, "in");

    if (!in && !word_is(param, "out")) {
        vg_die(param->place, "array '%s' must be 'in' or 'out'", param->name);
    }
    if (strcmp(param->type, "bytes") == 0) {
        return in ? VG_SHAPE_BYTES_IN : VG_SHAPE_BYTES_OUT;
    }
    if (strcmp(param->type, "string") == 0) {
        if (in) {
            vg_die(param->place, "string '%s' needs no length", param->name);
        }
        return VG_SHAPE_STRING_OUT;
    }
    if (handle) {
        return in ? VG_SHAPE_HANDLES_IN : VG_SHAPE_HANDLES_OUT;
    }
    return in ? VG_SHAPE_IN : VG_SHAPE_OUT_ARRAY;
}

static enum vg_shape
single_shape(const struct vg_param *param, bool handle)
{
    if (strcmp(param->type, "string") == 0) {
        if (param->word != NULL) {
            vg_die(param->place, "string '%s' needs a length", param->name);
        }
        return VG_SHAPE_STRING;
    }
    if (param->word == NULL) {
        return handle ? VG_SHAPE_HANDLE : VG_SHAPE_SCALAR;
    }
    if ((word_is(param, "new") || word_is(param, "drop")) && !handle) {
        vg_die(param->place, "'%s' is no handle", param->name);
    }
    if (word_is(param, "new")) {
        return VG_SHAPE_NEW;
    }
    if (word_is(param, "drop")) {
        return VG_SHAPE_DROP;
    }
    if (word_is(param, "in")) {
        return VG_SHAPE_IN;
    }
    if (word_is(param, "inout")) {
        return VG_SHAPE_INOUT;
    }
    return handle ? VG_SHAPE_HANDLE_OUT : VG_SHAPE_OUT;
}

static void
check_param(const struct vg_api *api, struct vg_param *param)
{
    bool handle;

    if (param->stars) {
        if (param->word != NULL || param->length != NULL) {
            vg_die(param->place, "'%s' is a raw pointer and has no direction",
                   param->name);
        }
        param->shape = VG_SHAPE_RAW;
        return;
    }
    param->resolved = vg_api_type(api, param->type);
    if (param->resolved == NULL && !is_c_type(param->type)) {
        vg_die(param->place, "unknown type '%s'", param->type);
    }
    if (param->resolved != NULL && param->resolved->kind == VG_TYPE_CALLBACK) {
        param->shape = VG_SHAPE_RAW;
        return;
    }
    handle = param->resolved != NULL &&
             (param->resolved->kind == VG_TYPE_HANDLE || param->resolved->id != NULL);
    param->shape =
        param->length != NULL ? array_shape(param, handle) : single_shape(param, handle);
    if (param->optional && param->shape == VG_SHAPE_SCALAR) {
        vg_die(param->place, "'%s' is no pointer and cannot be 'opt'", param->name);
    }
}

/* An array's length is an expression over other parameters of the call. */
static void
check_length(const struct vg_call *call, const struct vg_param *param)
{
    static const char gaps[] = " *+-()<>=!&|?:";
    const char *at = param->length;

    for (at += at != NULL ? strspn(at, gaps) : 0; at != NULL && *at != '\0';) {
        size_t word = strcspn(at, gaps);
        bool found = at[0] >= '0' && at[0] <= '9';

        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            found |= strncmp(p->name, at, word) == 0 && p->name[word] == '\0';
        }
        if (!found) {
            vg_die(param->place, "length of '%s' names no parameter: '%.*s'", param->name,
                   (int)word, at);
        }
        at += word;
        at += strspn(at, gaps);
    }
}

static void
check_raw(const struct vg_call *call, const struct vg_param *param)
{
    if (param->shape == VG_SHAPE_RAW &&
        (call->client == VG_WHO_AUTO || call->server == VG_WHO_AUTO)) {
        vg_die(param->place, "'%s' has no shape, so '%s' cannot be auto", param->name,
               call->name);
    }
}

/* A handle that travels has a kind on the wire; one that is made can be unmade. */
static void
check_handle(const struct vg_call *call, const struct vg_param *param)
{
    const struct vg_type *type = param->resolved;
    bool out = param->shape == VG_SHAPE_OUT || param->shape == VG_SHAPE_OUT_ARRAY ||
               param->shape == VG_SHAPE_INOUT || param->shape == VG_SHAPE_IN;

    if (type == NULL || call->server != VG_WHO_AUTO) {
        return;
    }
    if (type->kind == VG_TYPE_HANDLE && type->id == NULL) {
        vg_die(param->place, "'%s' has no id and cannot travel", type->name);
    }
    if (out && type->by != NULL) {
        vg_die(param->place, "'%s' travels in a special way only by value", param->name);
    }
    if (param->shape == VG_SHAPE_NEW && type->ends == NULL) {
        vg_die(param->place, "no call ends a '%s', so none can be new", type->name);
    }
}

/* Nothing that comes back may be posted. */
static void
check_posted(const struct vg_call *call, const struct vg_param *param)
{
    bool comes_back =
        param->shape == VG_SHAPE_OUT || param->shape == VG_SHAPE_INOUT ||
        param->shape == VG_SHAPE_HANDLE_OUT || param->shape == VG_SHAPE_OUT_ARRAY ||
        param->shape == VG_SHAPE_HANDLES_OUT || param->shape == VG_SHAPE_BYTES_OUT ||
        param->shape == VG_SHAPE_STRING_OUT;

    if (comes_back && call->class_ == VG_CLASS_POSTED) {
        vg_die(param->place, "'%s' returns data in '%s', so it cannot be posted",
               call->name, param->name);
    }
}

/* Of a union only the first member travels. */
static const struct vg_member *
first_if(bool is_union, const struct vg_member *members)
{
    struct vg_member *first = vg_must_alloc(sizeof(*first));

    *first = *members;
    first->next = NULL;
    return is_union ? first : members;
}

/* What travels as bytes must hold no handle. */
static void
check_flat(const struct vg_api *api, const struct vg_param *param,
           const struct vg_member *members)
{
    for (const struct vg_member *m = members; m != NULL; m = m->next) {
        const struct vg_type *type = m->type != NULL ? vg_api_type(api, m->type) : NULL;

        if (m->nested != NULL) {
            check_flat(api, param, first_if(strcmp(m->text, "union") == 0, m->nested));
        }
        if (type != NULL && type->kind == VG_TYPE_STRUCT) {
            check_flat(api, param, first_if(type->is_union, type->members));
        }
        if (type != NULL && (type->kind == VG_TYPE_CALLBACK ||
                             (type->kind == VG_TYPE_HANDLE &&
                              (type->id == NULL || param->length != NULL)))) {
            vg_die(param->place, "'%s' holds a handle in '%s' and cannot travel",
                   param->name, m->text);
        }
    }
}

static void
check_call(struct vg_api *api, struct vg_call *call)
{
    if (call->as_name != NULL) {
        call->as = vg_api_call(api, call->as_name);
        if (call->as == NULL || !call->as->carried || call->as->as_name != NULL) {
            vg_die(call->place, "'%s' is no carried call", call->as_name);
        }
        return;
    }
    for (struct vg_param *param = call->params; param != NULL; param = param->next) {
        check_param(api, param);
        check_length(call, param);
        check_raw(call, param);
        check_handle(call, param);
        check_posted(call, param);
        if (param->resolved != NULL && param->resolved->kind == VG_TYPE_STRUCT &&
            (call->client == VG_WHO_AUTO || call->server == VG_WHO_AUTO)) {
            check_flat(api, param,
                       first_if(param->resolved->is_union, param->resolved->members));
        }
    }
    if (call->thread != NULL && vg_api_call(api, call->thread) == NULL) {
        vg_die(call->place, "'%s' is no call", call->thread);
    }
    if (call->side == VG_SIDE_FRONT && call->server == VG_WHO_AUTO) {
        vg_die(call->place, "'%s' is answered in front, so nothing reaches a server",
               call->name);
    }
    if (call->client == VG_WHO_AUTO && call->class_ == VG_CLASS_CHOOSE) {
        vg_die(call->place, "'%s' chooses by argument, so its client is not auto",
               call->name);
    }
}

void
vg_check(struct vg_api *api)
{
    check_types(api);
    for (struct vg_call *call = api->calls; call != NULL; call = call->next) {
        for (struct vg_call *other = call->next; other != NULL; other = other->next) {
            if (strcmp(call->name, other->name) == 0) {
                vg_die(other->place, "'%s' is declared twice", call->name);
            }
        }
        check_call(api, call);
    }
}
