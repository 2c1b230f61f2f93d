/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/error.h"

#include <stdarg.h>
#include <stdio.h>

int
vg_error_set(struct vg_error *err, int code, const char *format, ...)
{
    va_list args;

    err->code = code;
    err->hint[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}

void
vg_error_hint(struct vg_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
}

void
vg_error_print(const struct vg_error *err)
{
    (void)fprintf(stderr, "vgpu: %s\n", err->text);
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "vgpu: %s\n", err->hint);
    }
}
