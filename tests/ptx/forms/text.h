/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* text - a buffer that PTX is written into; what does not fit is cut off. */

#include <stddef.h>

struct vg_text {
    char bytes[32768];
    size_t length;
};

/* Empties @text and hands it back. */
struct vg_text *vg_text_clear(struct vg_text *text);
__attribute__((format(printf, 2, 3))) void
vg_text_add(struct vg_text *text, const char *format, ...);
