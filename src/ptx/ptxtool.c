/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ptxtool - looks at PTX files with our parser.
 *
 *   ptxtool check FILE...   parse everything, print, parse again, compare
 *   ptxtool print FILE      the module as our printer writes it
 *   ptxtool forms FILE...   how often each instruction form occurs, as "count form"
 *
 * Exit status: 0; 1 when a file is refused or does not survive the round trip; 2 for
 * wrong use.
 */
#include "ptx/ptx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/arena.h"

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

static int
read_file(const char *path, struct text *out)
{
    char buffer[65536];
    FILE *file = fopen(path, "rb");
    size_t n;
    int r = 0;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -errno;
    }
    while (r == 0 && (n = fread(buffer, 1, sizeof(buffer), file)) > 0) {
        r = append(out, buffer, n);
    }
    fclose(file);
    return r;
}

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* What the check of some files took. */
struct totals {
    size_t bytes, funcs, insns, unknown, memory;
    double index_time, body_time;
};

static void
print_refusal(const char *path, int r, const struct vg_ptx_diag *diag)
{
    char text[1024];

    switch (r) {
    case VG_PTX_SYNTAX:
    case VG_PTX_LIMIT:
        vg_ptx_diag_format(diag, text, sizeof(text));
        fprintf(stderr, "%s: %s", path, text);
        break;
    case VG_PTX_NOT_PTX:
        fprintf(stderr, "%s: not PTX\n", path);
        break;
    default:
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        break;
    }
}

/* Parses a text with all its bodies. */
static int
parse_all(const char *path, const struct text *text, struct vg_ptx_module **out,
          struct totals *totals)
{
    struct vg_ptx_diag diag = { 0 };
    struct vg_ptx_module *module;
    double begin = now();
    int r = vg_ptx_module_parse(text->bytes, text->size, &module, &diag);

    if (r != 0) {
        print_refusal(path, r, &diag);
        return r;
    }
    totals->index_time += now() - begin;
    begin = now();
    for (uint32_t i = 0; i < module->n_funcs; i++) {
        struct vg_ptx_func *func = &module->funcs[i];
        r = vg_ptx_func_parse(module, func, &diag);
        if (r != 0) {
            print_refusal(path, r, &diag);
            vg_ptx_module_destroy(module);
            return r;
        }
        totals->funcs += !func->is_declaration;
        totals->insns += func->n_insns;
        for (uint32_t k = 0; k < func->n_insns; k++) {
            totals->unknown += func->insns[k].op == VG_PTX_OP_UNKNOWN;
        }
    }
    totals->body_time += now() - begin;
    totals->bytes += text->size;
    if (vg_arena_used(module->arena) > totals->memory) {
        totals->memory = vg_arena_used(module->arena);
    }
    *out = module;
    return 0;
}

static int
check_file(const char *path, struct totals *totals)
{
    struct text text = { 0 };
    struct text printed = { 0 };
    struct vg_ptx_module *first = NULL;
    struct vg_ptx_module *second = NULL;
    struct totals ignored = { 0 };
    int r = read_file(path, &text);

    if (r == 0) {
        r = parse_all(path, &text, &first, totals);
    }
    if (r == 0) {
        r = vg_ptx_module_print(first, append, &printed);
    }
    if (r == 0) {
        r = parse_all(path, &printed, &second, &ignored);
    }
    if (r == 0 && !vg_ptx_module_equal(first, second)) {
        fprintf(stderr, "%s: not equal after printing and parsing again\n", path);
        r = 1;
    }
    vg_ptx_module_destroy(first);
    vg_ptx_module_destroy(second);
    free(text.bytes);
    free(printed.bytes);
    return r;
}

static int
check(char **paths, int n_paths)
{
    struct totals totals = { 0 };
    struct rusage usage;
    int failed = 0;

    for (int i = 0; i < n_paths; i++) {
        failed += check_file(paths[i], &totals) != 0;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "%d files, %d failed: %zu bytes, %zu functions, %zu instructions (%zu unknown)\n"
        "index %.3f s, bodies %.3f s; largest module %zu MiB, process %ld MiB\n",
        n_paths, failed, totals.bytes, totals.funcs, totals.insns, totals.unknown,
        totals.index_time, totals.body_time, totals.memory >> 20, usage.ru_maxrss >> 10);
    return failed > 0 ? 1 : 0;
}

static int
write_out(void *user, const char *bytes, size_t size)
{
    return fwrite(bytes, 1, size, user) == size ? 0 : -EIO;
}

static int
print_file(const char *path)
{
    struct text text = { 0 };
    struct totals ignored = { 0 };
    struct vg_ptx_module *module = NULL;
    int r = read_file(path, &text);

    if (r == 0) {
        r = parse_all(path, &text, &module, &ignored);
    }
    if (r == 0) {
        r = vg_ptx_module_print(module, write_out, stdout);
    }
    vg_ptx_module_destroy(module);
    free(text.bytes);
    return r != 0;
}

/* Every form goes to one list of lines, which is then sorted and counted. */
static int
compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
count_lines(struct text *lines)
{
    size_t count = 0;
    size_t n = 0;
    const char **items;

    for (size_t i = 0; i < lines->size; i++) {
        count += lines->bytes[i] == '\0';
    }
    items = calloc(count + 1, sizeof(*items));
    if (items == NULL) {
        return -ENOMEM;
    }
    for (size_t at = 0; at < lines->size; at += strlen(lines->bytes + at) + 1) {
        items[n++] = lines->bytes + at;
    }
    qsort(items, count, sizeof(*items), compare_lines);
    for (size_t i = 0; i < count; i = n) {
        n = i;
        while (n < count && strcmp(items[n], items[i]) == 0) {
            n++;
        }
        printf("%zu %s\n", n - i, items[i]);
    }
    free(items);
    return 0;
}

static int
add_forms(const struct vg_ptx_module *module, struct text *lines)
{
    char form[512];
    int r = 0;

    for (uint32_t i = 0; i < module->n_funcs; i++) {
        for (uint32_t k = 0; k < module->funcs[i].n_insns && r == 0; k++) {
            vg_ptx_insn_form(&module->funcs[i].insns[k], form, sizeof(form));
            r = append(lines, form, strlen(form) + 1);
        }
    }
    return r;
}

static int
forms(char **paths, int n_paths)
{
    struct text lines = { 0 };
    struct totals ignored = { 0 };
    int r = 0;

    for (int i = 0; i < n_paths && r == 0; i++) {
        struct text text = { 0 };
        struct vg_ptx_module *module = NULL;
        r = read_file(paths[i], &text);
        if (r == 0) {
            r = parse_all(paths[i], &text, &module, &ignored);
        }
        if (r == 0) {
            r = add_forms(module, &lines);
        }
        vg_ptx_module_destroy(module);
        free(text.bytes);
    }
    if (r == 0) {
        r = count_lines(&lines);
    }
    free(lines.bytes);
    return r != 0;
}

int
main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "check") == 0) {
        return check(argv + 2, argc - 2);
    }
    if (argc == 3 && strcmp(argv[1], "print") == 0) {
        return print_file(argv[2]);
    }
    if (argc >= 3 && strcmp(argv[1], "forms") == 0) {
        return forms(argv + 2, argc - 2);
    }
    fprintf(stderr, "usage: ptxtool check|forms FILE...\n       ptxtool print FILE\n");
    return 2;
}
