/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

struct vg_text *
vg_text_clear(struct vg_text *text)
{
    text->length = 0;
    text->bytes[0] = '\0';
    return text;
}

void
vg_text_add(struct vg_text *text, const char *format, ...)
{
    size_t room = sizeof(text->bytes) - text->length;
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text->bytes + text->length, room, format, args);
    va_end(args);
    if (n > 0) {
        text->length += (size_t)n < room ? (size_t)n : room - 1;
    }
}
