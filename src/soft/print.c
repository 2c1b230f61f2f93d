/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print - device printf.
 *
 * A format is a claim: each conversion is taken apart and handed to the C library with an
 * argument of the type that it names, never the format as a whole. Arguments lie one
 * after another as the compiler stores them: int 4 bytes, everything else 8, naturally
 * aligned. %n is printed as text. The buffer keeps at most what CU_LIMIT_PRINTF_FIFO_SIZE
 * says by default; a device drops what overflows it, we drop the newest.
 */
#include "soft/print.h"

#include <ctype.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soft/memory.h"

#define MAX_PENDING ((size_t)16 << 20)

struct vg_print {
    pthread_mutex_t lock;
    char *text;
    size_t size, capacity;
};

/* Where text goes, and where arguments come from. */
struct state {
    char *out;
    size_t out_size, length;
    const uint8_t *args;
    size_t args_size, offset;
};

/* One conversion, cut out of the format. */
struct spec {
    char text[48]; /* flags, width and precision, with '*' replaced */
    size_t length;
    bool is_long; /* 64-bit integer */
    char conversion;
};

struct vg_print *
vg_print_create(void)
{
    struct vg_print *print = calloc(1, sizeof *print);
    if (print != NULL) {
        pthread_mutex_init(&print->lock, NULL);
    }
    return print;
}

void
vg_print_destroy(struct vg_print *print)
{
    if (print != NULL) {
        pthread_mutex_destroy(&print->lock);
        free(print->text);
        free(print);
    }
}

static void
put(struct state *s, const char *text, size_t n)
{
    if (s->length < s->out_size) {
        size_t room = s->out_size - s->length;
        memcpy(s->out + s->length, text, n < room ? n : room);
    }
    s->length += n;
}

static uint64_t
take(struct state *s, size_t size)
{
    uint64_t value = 0;
    size_t at = (s->offset + size - 1) & ~(size - 1);
    if (at <= s->args_size && size <= s->args_size - at) {
        memcpy(&value, s->args + at, size);
    }
    s->offset = at + size;
    return value;
}

static void
add(struct spec *spec, char c)
{
    if (spec->length < sizeof spec->text - 8) {
        spec->text[spec->length++] = c;
    }
}

static void
add_number(struct spec *spec, int value)
{
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%d", value);
    for (int i = 0; i < n; i++) {
        add(spec, digits[i]);
    }
}

/* Return: behind the conversion character; spec->conversion is 0 at a NUL. */
static const char *
parse_spec(struct state *s, const char *p, struct spec *spec)
{
    *spec = (struct spec){ 0 };
    add(spec, '%');
    for (; *p != '\0' &&
           (strchr("-+ #0.", *p) != NULL || isdigit((unsigned char)*p) || *p == '*');
         p++) {
        if (*p == '*') {
            add_number(spec, (int)take(s, 4));
        } else {
            add(spec, *p);
        }
    }
    for (; *p != '\0' && strchr("hlLqjzt", *p) != NULL; p++) {
        spec->is_long |= *p != 'h' && *p != 'L';
    }
    spec->conversion = *p;
    return *p != '\0' ? p + 1 : p;
}

/* Pieces are formatted here; a width in a format may be larger than the buffer. */
static void
put_piece(struct state *s, int n, const char *piece, size_t size)
{
    if (n > 0) {
        put(s, piece, (size_t)n < size ? (size_t)n : size - 1);
    }
}

static void
put_string(struct state *s, const struct spec *spec, uint64_t address)
{
    uint64_t lo, hi;
    bool read_only;
    const char *text = "(null)";
    size_t size = strlen(text);
    if (address != 0 && vg_memory_resolve(address, &lo, &hi, &read_only)) {
        text = (const char *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
        size = strnlen(text, hi - address);
    }
    char copy[1024], format[64], piece[1200];
    snprintf(copy, sizeof copy, "%.*s", (int)(size < 1023 ? size : 1023), text);
    snprintf(format, sizeof format, "%.*ss", (int)spec->length, spec->text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    put_piece(s, snprintf(piece, sizeof piece, format, copy), piece, sizeof piece);
#pragma GCC diagnostic pop
}

static void
put_spec(struct state *s, const struct spec *spec)
{
    char format[64], piece[512];
    int prefix = (int)spec->length, n;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    switch (spec->conversion) {
    case 'd':
    case 'i': {
        int64_t value = spec->is_long ? (int64_t)take(s, 8) : (int32_t)take(s, 4);
        snprintf(format, sizeof format, "%.*slld", prefix, spec->text);
        n = snprintf(piece, sizeof piece, format, (long long)value);
        put_piece(s, n, piece, sizeof piece);
        break;
    }
    case 'u':
    case 'o':
    case 'x':
    case 'X': {
        uint64_t value = spec->is_long ? take(s, 8) : (uint32_t)take(s, 4);
        snprintf(format, sizeof format, "%.*sll%c", prefix, spec->text, spec->conversion);
        n = snprintf(piece, sizeof piece, format, (unsigned long long)value);
        put_piece(s, n, piece, sizeof piece);
        break;
    }
    case 'c':
        snprintf(format, sizeof format, "%.*sc", prefix, spec->text);
        n = snprintf(piece, sizeof piece, format, (int)take(s, 4));
        put_piece(s, n, piece, sizeof piece);
        break;
    case 'p': {
        snprintf(format, sizeof format, "%.*sp", prefix, spec->text);
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        n = snprintf(piece, sizeof piece, format, (void *)(uintptr_t)take(s, 8));
        put_piece(s, n, piece, sizeof piece);
        break;
    }
    case 's':
        put_string(s, spec, take(s, 8));
        break;
    default: {
        uint64_t bits = take(s, 8);
        double value;
        memcpy(&value, &bits, sizeof value);
        snprintf(format, sizeof format, "%.*s%c", prefix, spec->text, spec->conversion);
        n = snprintf(piece, sizeof piece, format, value);
        put_piece(s, n, piece, sizeof piece);
        break;
    }
    }
#pragma GCC diagnostic pop
}

size_t
vg_print_format(char *out, size_t out_size, const char *format, const void *args,
                size_t size)
{
    struct state s = {
        .out = out, .out_size = out_size, .args = args, .args_size = size
    };
    const char *p = format;
    while (*p != '\0') {
        size_t plain = strcspn(p, "%");
        put(&s, p, plain);
        p += plain;
        if (*p == '\0') {
            break;
        }
        if (p[1] == '%') {
            put(&s, "%", 1);
            p += 2;
            continue;
        }
        struct spec spec;
        const char *start = p;
        p = parse_spec(&s, p + 1, &spec);
        if (spec.conversion != '\0' && strchr("diuoxXcpsfFeEgGaA", spec.conversion)) {
            put_spec(&s, &spec);
        } else {
            put(&s, start, (size_t)(p - start));
        }
    }
    return s.length;
}

void
vg_print_add(struct vg_print *print, const char *format, const void *args, size_t size)
{
    char small[2048];
    size_t n = vg_print_format(small, sizeof small, format, args, size);
    char *text = small, *large = NULL;
    if (n > sizeof small && (large = malloc(n)) != NULL) {
        vg_print_format(large, n, format, args, size);
        text = large;
    } else if (n > sizeof small) {
        n = sizeof small;
    }
    pthread_mutex_lock(&print->lock);
    if (print->size + n > print->capacity && print->size + n <= MAX_PENDING) {
        size_t capacity = 2 * (print->size + n) + 4096;
        char *grown = realloc(print->text, capacity);
        if (grown != NULL) {
            print->text = grown;
            print->capacity = capacity;
        }
    }
    if (n <= print->capacity - print->size) {
        memcpy(print->text + print->size, text, n);
        print->size += n;
    }
    pthread_mutex_unlock(&print->lock);
    free(large);
}

bool
vg_print_has_text(struct vg_print *print)
{
    pthread_mutex_lock(&print->lock);
    bool any = print->size != 0;
    pthread_mutex_unlock(&print->lock);
    return any;
}

void
vg_print_flush(struct vg_print *print)
{
    pthread_mutex_lock(&print->lock);
    char *text = print->text;
    size_t size = print->size;
    print->text = NULL;
    print->size = 0;
    print->capacity = 0;
    pthread_mutex_unlock(&print->lock);
    if (size != 0) {
        fwrite(text, 1, size, stdout);
        fflush(stdout);
    }
    free(text);
}
