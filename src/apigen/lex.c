/* SPDX-License-Identifier: Apache-2.0 */

/* lex - see lex.h. The generator lives for a second: what it allocates it keeps. */

#include "lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
vg_must_alloc(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        fputs("apigen: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

char *
vg_must_print(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        fputs("apigen: out of memory\n", stderr);
        exit(1);
    }
    return text;
}

void
vg_die(struct vg_place place, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d:%d: error: ", place.file, place.line, place.col);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

char *
vg_read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t used = 0;
    size_t room = 1U << 16;
    char *text = NULL;

    if (file == NULL) {
        fprintf(stderr, "apigen: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    for (;;) {
        size_t got;
        char *grown = realloc(text, room + 1);

        if (grown == NULL) {
            fputs("apigen: out of memory\n", stderr);
            exit(1);
        }
        text = grown;
        got = fread(text + used, 1, room - used, file);
        used += got;
        if (used < room) {
            break;
        }
        room *= 2;
    }
    text[used] = '\0';
    fclose(file);
    return text;
}

void
vg_lexer_open(struct vg_lexer *lex, const char *path)
{
    const char *slash = strrchr(path, '/');

    lex->file = slash != NULL ? slash + 1 : path;
    lex->at = vg_read_whole(path);
    lex->line = 1;
    lex->col = 1;
    vg_lexer_next(lex);
}

static void
skip_blank(struct vg_lexer *lex)
{
    for (;;) {
        if (*lex->at == '\n') {
            lex->line++;
            lex->col = 1;
            lex->at++;
        } else if (isspace((unsigned char)*lex->at)) {
            lex->col++;
            lex->at++;
        } else if (*lex->at == '#') {
            while (*lex->at != '\0' && *lex->at != '\n') {
                lex->at++;
            }
        } else {
            return;
        }
    }
}

static size_t
token_length(struct vg_lexer *lex, enum vg_token_kind *out_kind)
{
    const char *at = lex->at;
    size_t length = 1;

    if (*at == '\0') {
        *out_kind = VG_TOKEN_END;
        return 0;
    }
    if (isalnum((unsigned char)*at) || *at == '_') {
        *out_kind = isdigit((unsigned char)*at) ? VG_TOKEN_NUMBER : VG_TOKEN_NAME;
        while (isalnum((unsigned char)at[length]) || at[length] == '_' ||
               (*out_kind == VG_TOKEN_NUMBER && at[length] == '.')) {
            length++;
        }
        return length;
    }
    if (*at == '"') {
        *out_kind = VG_TOKEN_STRING;
        while (at[length] != '"') {
            if (at[length] == '\0' || at[length] == '\n') {
                vg_die(lex->token.place, "string without end");
            }
            length++;
        }
        return length + 1;
    }
    *out_kind = VG_TOKEN_PUNCT;
    return length;
}

void
vg_lexer_next(struct vg_lexer *lex)
{
    enum vg_token_kind kind;
    size_t length;
    char *text;

    skip_blank(lex);
    lex->token.place = (struct vg_place){ lex->file, lex->line, lex->col };
    length = token_length(lex, &kind);
    if (kind == VG_TOKEN_STRING) {
        text = vg_must_alloc(length - 1);
        memcpy(text, lex->at + 1, length - 2);
    } else if (kind == VG_TOKEN_END) {
        text = vg_must_print("end of file");
    } else {
        text = vg_must_alloc(length + 1);
        memcpy(text, lex->at, length);
    }
    lex->token.kind = kind;
    lex->token.text = text;
    lex->at += length;
    lex->col += (int)length;
}
