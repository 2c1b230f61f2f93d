/* SPDX-License-Identifier: Apache-2.0 */

/*
 * emit_coverage - the page that says for each call who answers it.
 *
 * What is hand-written is looked for in the symbols (nm) of the archives: a strong
 * vg_drv_<call> in the software GPU or the shim, a vg_dispatch_<call> in the worker. A
 * file that is not given leaves its column at what the description says.
 */

#include "shape.h"

#include <stdlib.h>
#include <string.h>

/* @letters: those of nm that mean defined: T, t where a linked program has made hidden
 * symbols local, W where a declaration is weak. */
static bool
has_symbol(const char *symbols, const char *letters, const char *prefix,
           const struct vg_call *call)
{
    for (; symbols != NULL && *letters != '\0'; letters++) {
        if (strstr(symbols, vg_must_print(" %c %s_%s\n", *letters, prefix, call->name))) {
            return true;
        }
    }
    return false;
}

static const char *
client_state(const struct vg_call *call, const struct vg_symbols *symbols)
{
    if (!call->carried) {
        return "-";
    }
    if (call->side == VG_SIDE_FRONT) {
        return "front";
    }
    if (call->client == VG_WHO_AUTO) {
        return "generated";
    }
    return symbols->shim == NULL || has_symbol(symbols->shim, "Tt", "vg_drv", call)
               ? "manual"
               : "missing";
}

static const char *
worker_state(const struct vg_call *call, const struct vg_symbols *symbols)
{
    if (!call->carried || call->server == VG_WHO_LOCAL || call->server == VG_WHO_NONE) {
        return "-";
    }
    if (call->server == VG_WHO_AUTO) {
        return "generated";
    }
    if (symbols->worker == NULL ||
        has_symbol(symbols->worker, "TtW", "vg_dispatch", call)) {
        return "manual";
    }
    /* the client's code then makes do with other calls */
    return strcmp(client_state(call, symbols), "manual") == 0 ? "by others" : "missing";
}

static const char *
soft_state(const struct vg_call *call, const struct vg_symbols *symbols)
{
    if (!call->carried) {
        return "-";
    }
    if (call->side == VG_SIDE_FRONT) {
        return "front";
    }
    if (symbols->soft == NULL) {
        return "?";
    }
    return has_symbol(symbols->soft, "Tt", "vg_drv", call) ? "yes" : "missing";
}

static const char *
remark(const struct vg_call *call)
{
    if (!call->carried) {
        return call->why;
    }
    if (call->as != NULL) {
        return vg_must_print("the same as %s", call->as->name);
    }
    return call->client_why != NULL ? call->client_why : "";
}

static void
emit_row(struct vg_out *out, const struct vg_call *call, const struct vg_symbols *symbols)
{
    static const char *const classes[] = { "posted", "waiting", "local", "choose" };
    const struct vg_call *target = vg_call_target(call);

    vg_put(out, "| %s%s%s | %d.%d | %s | %s | %s | %s | %s |\n", call->name,
           call->suffix != NULL ? " _" : "", call->suffix != NULL ? call->suffix : "",
           call->since / 1000, call->since % 1000 / 10,
           call->carried ? classes[target->class_] : "-", client_state(target, symbols),
           worker_state(target, symbols), soft_state(target, symbols), remark(call));
}

static void
emit_summary(struct vg_out *out, const struct vg_api *api,
             const struct vg_symbols *symbols)
{
    int exported = 0;
    int carried = 0;
    int remoted = 0;
    int soft = 0;

    for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
        const struct vg_call *target = vg_call_target(call);
        const char *here = soft_state(target, symbols);
        bool front = strcmp(here, "front") == 0;

        exported += call->suffix != NULL ? 2 : 1;
        carried += call->carried;
        soft += front || strcmp(here, "yes") == 0;
        remoted += front || (call->carried &&
                             strcmp(client_state(target, symbols), "missing") != 0 &&
                             strcmp(worker_state(target, symbols), "missing") != 0);
    }
    vg_put(out, "%d names exported, %d functions described as carried", exported,
           carried);
    if (symbols->shim != NULL && symbols->worker != NULL) {
        vg_put(out, ", %d of them through a worker", remoted);
    }
    if (symbols->soft != NULL) {
        vg_put(out, ", %d of them by the software GPU", soft);
    }
    vg_put(out, ". The rest says its name in the log and returns %s.\n", api->absent);
}

void
vg_emit_coverage(struct vg_out *out, const struct vg_api *api,
                 const struct vg_symbols *symbols)
{
    vg_put(
        out,
        "# Coverage of the %s API\n\nWritten by `apigen` from the description and from "
        "what the libraries hold; not edited by hand.\n\n",
        api->name);
    emit_summary(out, api, symbols);
    vg_put(
        out,
        "\nclient: how the shim answers (`front`: without the worker). worker: how the "
        "worker does. soft: the software GPU.\n");
    for (const struct vg_group *group = api->groups; group != NULL; group = group->next) {
        vg_put(
            out,
            "\n## %s: %s\n\n| call | since | class | client | worker | soft | remark |\n"
            "| --- | --- | --- | --- | --- | --- | --- |\n",
            group->name, group->text);
        for (const struct vg_call *call = api->calls; call != NULL; call = call->next) {
            if (strcmp(call->group, group->name) == 0) {
                emit_row(out, call, symbols);
            }
        }
    }
}
