/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * lex - the words of a description file.
 *
 * Identifiers, numbers, strings without escapes, single punctuation characters and end
 * of file; `#` begins a comment. Tokens keep their place for messages. Every failure of
 * the generator's front end goes through vg_die(), which prints
 * `file:line:col: error: text` and ends the program.
 */

#include <stddef.h>

enum vg_token_kind {
    VG_TOKEN_END,
    VG_TOKEN_NAME,
    VG_TOKEN_NUMBER,
    VG_TOKEN_STRING,
    VG_TOKEN_PUNCT,
};

struct vg_place {
    const char *file;
    int line;
    int col;
};

struct vg_token {
    enum vg_token_kind kind;
    struct vg_place place;
    const char *text; /* NUL terminated; a string's without its quotes */
};

struct vg_lexer {
    const char *file;
    const char *at;
    int line;
    int col;
    struct vg_token token; /* the current one */
};

void *vg_must_alloc(size_t size);
char *vg_must_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void vg_die(struct vg_place place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A file's whole text; ends the program when it cannot be read. */
char *vg_read_whole(const char *path);

void vg_lexer_open(struct vg_lexer *lex, const char *path);

/* Steps to the next token. */
void vg_lexer_next(struct vg_lexer *lex);
