/* SPDX-License-Identifier: Apache-2.0 */

/*
 * lex - PTX text to tokens (PTX ISA 4).
 *
 * Tokens are ranges of the module's text; nothing is copied. The text ends with a NUL and
 * holds no other, so that the lexer looks one character ahead without asking.
 */
#include "ptx/priv.h"

#include <ctype.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define N CHAR_NAME
#define D (CHAR_NAME | CHAR_DIGIT)
#define B CHAR_BLANK
#define S CHAR_BRACE

const uint8_t vg_ptx_char_class[256] = {
    ['\0'] = S, ['\t'] = B, ['\n'] = B | S, ['\v'] = B, ['\f'] = B, ['\r'] = B, [' '] = B,
    ['"'] = S,  ['/'] = S,  ['{'] = S,      ['}'] = S,  ['$'] = N,  ['_'] = N,  ['0'] = D,
    ['1'] = D,  ['2'] = D,  ['3'] = D,      ['4'] = D,  ['5'] = D,  ['6'] = D,  ['7'] = D,
    ['8'] = D,  ['9'] = D,  ['A'] = N,      ['B'] = N,  ['C'] = N,  ['D'] = N,  ['E'] = N,
    ['F'] = N,  ['G'] = N,  ['H'] = N,      ['I'] = N,  ['J'] = N,  ['K'] = N,  ['L'] = N,
    ['M'] = N,  ['N'] = N,  ['O'] = N,      ['P'] = N,  ['Q'] = N,  ['R'] = N,  ['S'] = N,
    ['T'] = N,  ['U'] = N,  ['V'] = N,      ['W'] = N,  ['X'] = N,  ['Y'] = N,  ['Z'] = N,
    ['a'] = N,  ['b'] = N,  ['c'] = N,      ['d'] = N,  ['e'] = N,  ['f'] = N,  ['g'] = N,
    ['h'] = N,  ['i'] = N,  ['j'] = N,      ['k'] = N,  ['l'] = N,  ['m'] = N,  ['n'] = N,
    ['o'] = N,  ['p'] = N,  ['q'] = N,      ['r'] = N,  ['s'] = N,  ['t'] = N,  ['u'] = N,
    ['v'] = N,  ['w'] = N,  ['x'] = N,      ['y'] = N,  ['z'] = N,
};

#undef N
#undef D
#undef B
#undef S

/* Skips a comment at @at. Return: behind it; NULL when there is none or it never ends. */
static const char *
skip_comment(const char *at, uint32_t *line)
{
    if (at[1] == '/') {
        while (*at != '\n' && *at != '\0') {
            at++;
        }
        return at;
    }
    if (at[1] != '*') {
        return NULL;
    }
    for (at += 2; *at != '\0'; at++) {
        if (*at == '\n') {
            (*line)++;
        } else if (at[0] == '*' && at[1] == '/') {
            return at + 2;
        }
    }
    return NULL;
}

/* Goes to the first character of a token. Return: false at an open comment. */
static bool
skip_blanks(struct lexer *lexer)
{
    const char *at = lexer->at;

    for (;;) {
        while (char_is(*at, CHAR_BLANK)) {
            lexer->line += *at == '\n';
            at++;
        }
        lexer->at = at;
        if (at[0] != '/' || (at[1] != '/' && at[1] != '*')) {
            return true;
        }
        at = skip_comment(at, &lexer->line);
        if (at == NULL) {
            return false;
        }
    }
}

static const char *
skip_name(const char *at)
{
    while (char_is(*at, CHAR_NAME)) {
        at++;
    }
    return at;
}

/* Behind a number: digits, letters, one point, the sign of an exponent. */
static const char *
skip_number(const char *at)
{
    bool is_plain = !(at[0] == '0' && isalpha((unsigned char)at[1]));

    for (;;) {
        if (char_is(*at, CHAR_NAME)) {
            at++;
        } else if (is_plain && *at == '.' && char_is(at[1], CHAR_DIGIT)) {
            at++;
        } else if (is_plain && (*at == '+' || *at == '-') &&
                   (at[-1] == 'e' || at[-1] == 'E') && char_is(at[1], CHAR_DIGIT)) {
            at++;
        } else {
            return at;
        }
    }
}

/* Behind .word, .word::word */
static const char *
skip_dot_word(const char *at)
{
    at = skip_name(at + 1);
    while (at[0] == ':' && at[1] == ':' && char_is(at[2], CHAR_NAME)) {
        at = skip_name(at + 2);
    }
    return at;
}

/* Behind the quote that closes a string; NULL when none does on this line. ptxas knows no
 * escapes in strings, so a backslash is a character like others. */
static const char *
skip_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        if (*at == '\0' || *at == '\n') {
            return NULL;
        }
    }
    return at + 1;
}

void
vg_ptx_lex_next(struct lexer *lexer)
{
    struct token *token = &lexer->token;
    bool is_open = !skip_blanks(lexer);
    const char *at = lexer->at;
    const char *end = at + 1;

    token->text = at;
    token->line = lexer->line;
    if (is_open) {
        token->kind = TOKEN_INVALID;
    } else if (*at == '\0') {
        token->kind = TOKEN_END;
        end = at;
    } else if (char_is(*at, CHAR_DIGIT)) {
        token->kind = TOKEN_NUMBER;
        end = skip_number(at);
    } else if (char_is(*at, CHAR_NAME) || (*at == '%' && char_is(at[1], CHAR_NAME))) {
        token->kind = TOKEN_IDENT;
        end = skip_name(at + 1);
    } else if (*at == '.' && char_is(at[1], CHAR_NAME)) {
        token->kind = TOKEN_DOT;
        end = skip_dot_word(at);
    } else if (*at == '"') {
        end = skip_string(at);
        token->kind = end == NULL ? TOKEN_INVALID : TOKEN_STRING;
        end = end == NULL ? at + 1 : end;
    } else {
        token->kind =
            strchr(",;:{}[]()<>=+-*/|!@~&^?%", *at) != NULL ? TOKEN_PUNCT : TOKEN_INVALID;
    }
    token->size = (uint32_t)(end - at);
    lexer->at = end;
}

void
vg_ptx_lex_mnemonic(struct lexer *lexer)
{
    const char *at = lexer->at;

    while (at[0] == '.' && char_is(at[1], CHAR_NAME)) {
        at = skip_dot_word(at);
    }
    lexer->at = at;
    lexer->token.size = (uint32_t)(at - lexer->token.text);
}

bool
vg_ptx_lex_is_word(const struct lexer *lexer, const char *word)
{
    size_t size = strlen(word);

    return (lexer->token.kind == TOKEN_IDENT || lexer->token.kind == TOKEN_DOT) &&
           lexer->token.size == size && memcmp(lexer->token.text, word, size) == 0;
}

bool
vg_ptx_lex_skip_braces(struct lexer *lexer)
{
    const char *at = lexer->at;
    uint32_t line = lexer->line;
    size_t depth = 1;

    while (depth > 0) {
        while (!char_is(*at, CHAR_BRACE)) {
            at++;
        }
        const char *next = at + 1;
        switch (*at) {
        case '\0':
            return false;
        case '\n':
            line++;
            break;
        case '{':
            depth++;
            break;
        case '}':
            depth--;
            break;
        case '/':
            if (at[1] == '/' || at[1] == '*') {
                next = skip_comment(at, &line);
            }
            break;
        default: /* the quote */
            next = skip_string(at);
            break;
        }
        if (next == NULL) {
            return false;
        }
        at = next;
    }
    lexer->at = at;
    lexer->line = line;
    return true;
}

void
vg_ptx_lex_skip_line(struct lexer *lexer)
{
    /* the current token may be the last of its line */
    lexer->at = lexer->token.text;
    while (*lexer->at != '\n' && *lexer->at != '\0') {
        lexer->at++;
    }
    lexer->line = lexer->token.line;
    vg_ptx_lex_next(lexer);
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void
make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The program around us may have set a decimal comma. */
static double
parse_double(const char *text, char **end)
{
    pthread_once(&c_locale_once, make_c_locale);
    return c_locale != (locale_t)0 ? strtod_l(text, end, c_locale) : strtod(text, end);
}

static int
digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Digits in @base; a U may end them. */
static bool
parse_digits(const char *text, size_t size, unsigned base, uint64_t *out)
{
    uint64_t value = 0;

    if (size > 1 && (text[size - 1] == 'U' || text[size - 1] == 'u')) {
        size--;
    }
    if (size == 0) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)digit_value(text[i]);
        if (digit >= base || value > (UINT64_MAX - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    *out = value;
    return true;
}

static bool
parse_decimal_float(const struct token *token, struct number *out)
{
    char copy[128];
    char *end;
    double value;

    if (token->size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, token->text, token->size);
    copy[token->size] = '\0';
    value = parse_double(copy, &end);
    if (end != copy + token->size) {
        return false;
    }
    memcpy(&out->bits, &value, sizeof(value));
    out->is_float = true;
    return true;
}

bool
vg_ptx_lex_number(const struct token *token, struct number *out)
{
    const char *text = token->text;
    size_t size = token->size;

    *out = (struct number){ 0 };
    if (size < 2 || text[0] != '0') {
        bool is_integer = true;
        for (size_t i = 0; i < size; i++) {
            is_integer = is_integer && text[i] != '.' && text[i] != 'e' && text[i] != 'E';
        }
        return is_integer ? parse_digits(text, size, 10, &out->bits)
                          : parse_decimal_float(token, out);
    }
    switch (text[1]) {
    case 'x':
    case 'X':
        return parse_digits(text + 2, size - 2, 16, &out->bits);
    case 'b':
    case 'B':
        return parse_digits(text + 2, size - 2, 2, &out->bits);
    case 'f':
    case 'F':
    case 'd':
    case 'D':
        out->is_float = true;
        out->is_single = (text[1] | 0x20) == 'f';
        return size == (out->is_single ? 10u : 18u) &&
               parse_digits(text + 2, size - 2, 16, &out->bits);
    case '.':
    case 'e':
    case 'E':
        return parse_decimal_float(token, out);
    default:
        return parse_digits(text, size, 8, &out->bits);
    }
}
