/* SPDX-License-Identifier: Apache-2.0 */

/* emit_exports - what a library of the API exports: functions, table, linker script. */

#include "emit.h"

#include <stdlib.h>
#include <string.h>

static void
emit_export(struct vg_out *out, const struct vg_api *api, const struct vg_call *call,
            const char *suffix)
{
    const struct vg_call *target = vg_call_target(call);
    const char *side = target->side == VG_SIDE_DRIVER ? "drv" : "front";
    const char *declaration =
        vg_must_print("%s%s%s(%s)", call->name, suffix[0] != '\0' ? "_" : "", suffix,
                      call->carried ? vg_params_declaration(target) : "void");

    vg_put(out, "\n");
    vg_put_wrapped(out, 4, vg_must_print("VG_EXPORT %s %s;", api->result, declaration));
    vg_put(out, "\n%s\n", api->result);
    vg_put_wrapped(out, 4, declaration);
    vg_put(out, "\n{\n");
    if (!call->carried) {
        vg_put(out, "    return vg_front_not_carried(VG_@U_%s);\n}\n", call->name);
        return;
    }
    vg_put(out, "    struct vg_front_call call_;\n");
    vg_put(out, "    %s r_ = vg_front_enter%s(&call_, VG_@U_%s);\n\n", api->result,
           suffix[0] != '\0' ? "_per_thread" : "", call->name);
    vg_put(out, "    if (r_ == %s) {\n        ", api->ok);
    vg_put_wrapped(
        out, 12,
        vg_must_print("r_ = vg_%s_%s(%s);", side, target->name, vg_params_names(target)));
    vg_put(out, "\n    }\n    return vg_front_leave(&call_, r_);\n}\n");
}

void
vg_emit_exports(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "/* The exported functions: checks, then the front or the driver. */\n\n"
        "#include \"front/call.h\"\n"
        "#include \"front/driver.h\"\n\n"
        "#include \"%s_calls.h\"\n#include \"%s_driver.h\"\n#include \"%s_front.h\"\n\n"
        "#define VG_EXPORT __attribute__((visibility(\"default\")))\n",
        api->name, api->name, api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        emit_export(out, api, call, "");
        if (call->suffix != NULL) {
            emit_export(out, api, call, call->suffix);
        }
    }
}

void
vg_emit_defaults(struct vg_out *out, const struct vg_api *api)
{
    vg_put(out,
           "/* What answers for a call that the driver behind the front lacks. */\n\n"
           "#include \"front/driver.h\"\n\n"
           "#include \"%s_calls.h\"\n#include \"%s_driver.h\"\n",
           api->name, api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (!call->carried || call->as != NULL || call->side == VG_SIDE_FRONT) {
            continue;
        }
        vg_put(out, "\n__attribute__((weak)) %s\n", api->result);
        vg_put_wrapped(
            out, 4,
            vg_must_print("vg_drv_%s(%s)", call->name, vg_params_declaration(call)));
        vg_put(out, "\n{\n");
        for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
            vg_put(out, "    (void)%s;\n", p->name);
        }
        vg_put(out, "    return vg_front_not_carried(VG_@U_%s);\n}\n", call->name);
    }
}

struct entry {
    const struct vg_call *call;
    const char *suffix; /* or NULL */
    int version;
};

static int
entry_compare(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = strcmp(x->call->base, y->call->base);

    if (order == 0) {
        order = (x->suffix != NULL) - (y->suffix != NULL);
    }
    if (order == 0) {
        order = (x->version > y->version) - (x->version < y->version);
    }
    return order != 0 ? order : strcmp(x->call->name, y->call->name);
}

static struct entry *
entries_sorted(const struct vg_api *api, size_t *out_count)
{
    struct entry *entries;
    size_t count = 0;

    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        count += call->suffix != NULL ? 2 : 1;
    }
    entries = vg_must_alloc((count + 1) * sizeof(*entries));
    count = 0;
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        entries[count++] = (struct entry){ call, NULL, call->since };
        if (call->suffix != NULL) {
            entries[count++] = (struct entry){ call, call->suffix, call->suffix_since };
        }
    }
    qsort(entries, count, sizeof(*entries), entry_compare);
    *out_count = count;
    return entries;
}

static const char *
entry_name(const struct entry *entry)
{
    return vg_must_print("%s%s%s", entry->call->name, entry->suffix != NULL ? "_" : "",
                         entry->suffix != NULL ? entry->suffix : "");
}

void
vg_emit_entry(struct vg_out *out, const struct vg_api *api)
{
    size_t count;
    struct entry *entries = entries_sorted(api, &count);

    vg_put(out,
           "/* Every exported function by base name, flavour and version, sorted. */\n\n"
           "#include \"front/entry.h\"\n\n"
           "#include \"%s_calls.h\"\n\n"
           "/* The real types do not matter here: only addresses are taken. Assembler\n"
           " * names keep these declarations apart from the real ones. */\n",
           api->name);
    for (size_t i = 0; i < count; i++) {
        vg_put(out, "void vg_entry_%zu(void) __asm__(\"%s\");\n", i,
               entry_name(&entries[i]));
    }
    vg_put(out, "\nconst struct vg_entry vg_entry_table[] = {\n");
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];

        vg_put(out, "    { \"%s\", \"%s\", %d, VG_@U_%s, %s, vg_entry_%zu },\n",
               e->call->base, entry_name(e), e->version, e->call->name,
               e->suffix != NULL ? "true" : "false", i);
    }
    vg_put(out, "};\n\nconst size_t vg_entry_count = %zu;\n", count);
}

void
vg_emit_map(struct vg_out *out, const struct vg_api *api)
{
    size_t count;
    struct entry *entries = entries_sorted(api, &count);

    vg_put(out, "{\nglobal:\n");
    for (size_t i = 0; i < count; i++) {
        vg_put(out, "    %s;\n", entry_name(&entries[i]));
    }
    vg_put(out, "local:\n    *;\n};\n");
}
