/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fuzz_ptx - whatever bytes come, the parser must neither crash nor leak, and what it
 * takes must survive the round trip through the printer.
 *
 * For libFuzzer: clang -DVG_FUZZER -fsanitize=fuzzer,address. Without it, main() replays
 * the files it is given: as they are, cut off at many places, and with bytes, words and
 * lines changed by a generator that begins the same each time.
 */
#include "ptx/ptx.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
    char *bytes;
    size_t size, room;
};

static int
append(void *user, const char *bytes, size_t size)
{
    struct text *text = user;

    if (size > text->room - text->size) {
        size_t room = 2 * text->room + size;
        char *grown = realloc(text->bytes, room);
        if (grown == NULL) {
            return -ENOMEM;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return 0;
}

static struct vg_ptx_module *
parse(const char *bytes, size_t size)
{
    struct vg_ptx_module *module;
    struct vg_ptx_diag diag;
    char formatted[1024];
    bool is_whole = true;

    if (vg_ptx_module_parse(bytes, size, &module, &diag) != 0) {
        return NULL;
    }
    /* all bodies, also behind one that is refused */
    for (uint32_t i = 0; i < module->n_funcs; i++) {
        if (vg_ptx_func_parse(module, &module->funcs[i], &diag) != 0) {
            vg_ptx_diag_format(&diag, formatted, sizeof(formatted));
            is_whole = false;
        }
    }
    if (!is_whole) {
        vg_ptx_module_destroy(module);
        return NULL;
    }
    return module;
}

int /* NOLINTNEXTLINE(readability-identifier-naming) */
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vg_ptx_module *first = parse((const char *)data, size);
    struct text text = { 0 };

    if (first == NULL) {
        return 0;
    }
    if (vg_ptx_module_print(first, append, &text) != 0) {
        abort();
    }
    struct vg_ptx_module *second = parse(text.bytes, text.size);
    if (second == NULL || !vg_ptx_module_equal(first, second)) {
        fprintf(stderr, "does not survive the round trip:\n%.*s\nprinted as:\n%.*s\n",
                (int)size, (const char *)data, (int)text.size, text.bytes);
        abort();
    }
    vg_ptx_module_destroy(first);
    vg_ptx_module_destroy(second);
    free(text.bytes);
    return 0;
}

#ifndef VG_FUZZER
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static size_t
random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % limit);
}

/* Runs a copy of exactly @size bytes, so that a sanitizer sees a read behind them. */
static void
run(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* Changes a few places of @bytes in one of several ways. */
static void
mutate(char *bytes, size_t size)
{
    static const char alphabet[] = "{}[]()<>.,;:%@!|+-_\"/*=0x9fdU \n\t$ar\x80";
    unsigned places = 1 + (unsigned)random_below(3);

    for (unsigned i = 0; i < places; i++) {
        size_t at = random_below(size);
        size_t from = random_below(size);
        size_t length = 1 + random_below(12);
        switch (random_below(4)) {
        case 0:
            bytes[at] = alphabet[random_below(sizeof(alphabet) - 1)];
            break;
        case 1: /* a word from elsewhere */
            length = length < size - at ? length : size - at;
            length = length < size - from ? length : size - from;
            memmove(bytes + at, bytes + from, length);
            break;
        case 2: /* a hole */
            length = length < size - at ? length : size - at;
            memset(bytes + at, ' ', length);
            break;
        default:
            bytes[at] = (char)(bytes[at] ^ 1 << random_below(8));
            break;
        }
    }
}

static int
replay(const char *path, unsigned rounds)
{
    static char bytes[1 << 20];
    static char changed[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    run(bytes, size);
    for (unsigned i = 0; i < rounds && size > 0; i++) {
        run(bytes, random_below(size));
        memcpy(changed, bytes, size);
        mutate(changed, size);
        run(changed, size);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    int failed = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: fuzz_ptx ROUNDS FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        failed |= replay(argv[i], (unsigned)strtoul(argv[1], NULL, 10));
    }
    return failed;
}
#endif
