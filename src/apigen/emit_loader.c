/* SPDX-License-Identifier: Apache-2.0 */

/* emit_loader - the entry points of a driver that was opened at run time. */

#include "emit.h"

static bool
is_loaded(const struct vg_call *call)
{
    return call->carried && call->as == NULL;
}

void
vg_emit_loader_h(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "#pragma once\n\n"
        "/*\n * The functions of the driver below. vg_%s_load() fills every member: one that "
        "the\n * driver lacks answers %s.\n */\n\n"
        "#include \"%s_types.h\"\n\n"
        "struct vg_%s_driver {\n",
        api->name, api->absent, api->name, api->name);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (is_loaded(call)) {
            vg_put(out, "    ");
            vg_put_wrapped(out, 8,
                           vg_must_print("%s (*%s)(%s);", api->result, call->name,
                                         vg_params_declaration(call)));
            vg_put(out, "\n");
        }
    }
    vg_put(
        out,
        "};\n\nextern struct vg_%s_driver vg_%s;\n\n"
        "/* Fills the members from @library, a handle of dlopen(). @absent (or NULL) hears "
        "of\n * each that is missing. Return: how many are missing. */\n"
        "int vg_%s_load(void *library, void (*absent)(const char *name));\n",
        api->name, api->name, api->name);
}

void
vg_emit_loader_c(struct vg_out *out, const struct vg_api *api)
{
    vg_put(
        out,
        "#include \"%s_loader.h\"\n\n#include <dlfcn.h>\n#include <stddef.h>\n"
        "#include <string.h>\n\nstruct vg_%s_driver vg_%s;\n\n"
        "static %s\nfunction_absent(void)\n{\n    return %s;\n}\n\n"
        "static const struct {\n    const char *name;\n    size_t offset;\n} members[] = {\n",
        api->name, api->name, api->name, api->result, api->absent);
    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        if (is_loaded(call)) {
            vg_put(out, "    { \"%s\", offsetof(struct vg_%s_driver, %s) },\n",
                   call->name, api->name, call->name);
        }
    }
    vg_put(
        out,
        "};\n\nint\nvg_%s_load(void *library, void (*absent)(const char *name))\n{\n"
        "    int missing = 0;\n\n"
        "    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {\n"
        "        void *found = dlsym(library, members[i].name);\n"
        "        %s (*stand_in)(void) = function_absent;\n"
        "        char *member = (char *)&vg_%s + members[i].offset;\n\n"
        "        if (found != NULL) {\n"
        "            memcpy(member, &found, sizeof(found));\n"
        "            continue;\n        }\n"
        "        /* a function without parameters may stand for any other on x86-64 */\n"
        "        memcpy(member, &stand_in, sizeof(stand_in));\n"
        "        missing++;\n"
        "        if (absent != NULL) {\n            absent(members[i].name);\n        }\n"
        "    }\n    return missing;\n}\n",
        api->name, api->result, api->name);
}
