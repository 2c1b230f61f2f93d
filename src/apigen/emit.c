/* SPDX-License-Identifier: Apache-2.0 */

/* emit - what all emitters share; see emit.h. */

#include "emit.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 90

static int
upper(char c)
{
    return toupper((unsigned char)c);
}

/* Writes @text with @L and @U replaced by the API's name. */
static void
put_text(struct vg_out *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (text[0] != '@' || (text[1] != 'L' && text[1] != 'U')) {
            fputc(*text, out->file);
            continue;
        }
        text++;
        for (const char *c = out->api_name; *c != '\0'; c++) {
            fputc(*text == 'U' ? upper(*c) : *c, out->file);
        }
    }
}

void
vg_put(struct vg_out *out, const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        fputs("apigen: out of memory\n", stderr);
        exit(1);
    }
    va_end(args);
    put_text(out, text);
    free(text);
}

void
vg_put_wrapped(struct vg_out *out, int indent, const char *text)
{
    int column = 0;

    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        int word;

        length += text[length] == ',' ? 1U : 0U;
        while (column > 0 && *text == ' ') {
            text++;
            length--;
        }
        word = (int)length;
        if (column > 0 && column + 1 + word > COLUMNS) {
            vg_put(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > 0) {
            vg_put(out, " ");
            column++;
        }
        vg_put(out, "%.*s", word, text);
        column += word;
        text += length;
    }
}

const char *
vg_param_declaration(const struct vg_param *param)
{
    bool array_or_in = param->shape == VG_SHAPE_IN || param->shape == VG_SHAPE_HANDLES_IN;

    switch (param->shape) {
    case VG_SHAPE_SCALAR:
    case VG_SHAPE_HANDLE:
    case VG_SHAPE_DROP:
        return vg_must_print("%s %s", param->type, param->name);
    case VG_SHAPE_RAW:
        return vg_must_print("%s%s%s", param->type, param->stars ? "" : " ", param->name);
    case VG_SHAPE_STRING:
        return vg_must_print("const char *%s", param->name);
    case VG_SHAPE_STRING_OUT:
        return vg_must_print("char *%s", param->name);
    case VG_SHAPE_BYTES_IN:
        return vg_must_print("%svoid *%s", param->plain ? "" : "const ", param->name);
    case VG_SHAPE_BYTES_OUT:
        return vg_must_print("void *%s", param->name);
    default:
        return vg_must_print("%s%s *%s", array_or_in && !param->plain ? "const " : "",
                             param->type, param->name);
    }
}

const char *
vg_params_declaration(const struct vg_call *call)
{
    const char *text = "";

    if (call->params == NULL) {
        return "void";
    }
    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        text = vg_must_print("%s%s%s", text, text[0] != '\0' ? ", " : "",
                             vg_param_declaration(p));
    }
    return text;
}

const char *
vg_params_names(const struct vg_call *call)
{
    const char *text = "";

    for (const struct vg_param *p = call->params; p != NULL; p = p->next) {
        text = vg_must_print("%s%s%s", text, text[0] != '\0' ? ", " : "", p->name);
    }
    return text;
}

const struct vg_call *
vg_call_target(const struct vg_call *call)
{
    return call->as != NULL ? call->as : call;
}

const char *
vg_member_name(const struct vg_member *member)
{
    const char *text = member->text;
    size_t end = strcspn(text, "[");
    size_t begin = end;

    if (member->nested != NULL) {
        return member->name;
    }
    while (begin > 0 && text[begin - 1] != ' ' && text[begin - 1] != '*') {
        begin--;
    }
    return vg_must_print("%.*s", (int)(end - begin), text + begin);
}
