/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint - where the GPU is: VGPU_ENDPOINT, else the user's, else the system's
 * configuration file (a line "endpoint = soft" or "endpoint = unix:/path").
 */
#include "shim/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/log.h"

static void
parse(const char *text, struct vg_endpoint *out)
{
    const size_t length = strlen(text);

    out->kind = VG_ENDPOINT_BAD;
    if (strcmp(text, "soft") == 0) {
        out->kind = VG_ENDPOINT_SOFT;
    } else if (strncmp(text, "unix:", 5) == 0 && length > 5 &&
               length - 5 < sizeof(out->path)) {
        out->kind = VG_ENDPOINT_UNIX;
        memcpy(out->path, text + 5, length - 4); /* with the NUL */
    } else {
        vg_log(VG_LOG_ERROR,
               "endpoint '%s' is not understood: use 'soft' or 'unix:/path'", text);
    }
}

static char *
trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r\n", end[-1]) != NULL) {
        *--end = '\0';
    }
    return text + strspn(text, " \t");
}

/* Return: true when the file names an endpoint. */
static bool
read_file(const char *path, struct vg_endpoint *out)
{
    char line[4300];
    bool found = false;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return false;
    }
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char *equals = strchr(line, '=');
        if (equals == NULL || line[0] == '#') {
            continue;
        }
        *equals = '\0';
        if (strcmp(trim(line), "endpoint") == 0) {
            parse(trim(equals + 1), out);
            found = true;
        }
    }
    fclose(file);
    return found;
}

void
vg_endpoint_read(struct vg_endpoint *out)
{
    const char *text = secure_getenv("VGPU_ENDPOINT");
    const char *base = secure_getenv("XDG_CONFIG_HOME");
    const char *home = secure_getenv("HOME");
    char path[4096] = "";

    out->kind = VG_ENDPOINT_NONE;
    if (getauxval(AT_SECURE) != 0) {
        return; /* raised privileges: nothing of ours happens in such a process */
    }
    if (text != NULL && text[0] != '\0') {
        parse(text, out);
        return;
    }
    if (base != NULL && base[0] == '/') {
        snprintf(path, sizeof(path), "%s/vgpu/client.conf", base);
    } else if (home != NULL && home[0] == '/') {
        snprintf(path, sizeof(path), "%s/.config/vgpu/client.conf", home);
    }
    if (path[0] != '\0' && read_file(path, out)) {
        return;
    }
    (void)read_file("/etc/vgpu/client.conf", out);
}
