/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files of tests/ptx/parse: those under good/ parse, print and parse again to the
 * same module; those under bad/ are refused as their first line says:
 *
 *   // error: LINE:COLUMN: MESSAGE
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "ptx/ptx.h"

#define MAX_TEXT (256u * 1024u)

static const char *corpus;

struct text {
    size_t size;
    char bytes[MAX_TEXT];
};

static struct text *
read_text(const char *path)
{
    struct text *text = calloc(1, sizeof(*text));
    FILE *file = fopen(path, "rb");

    assert_non_null(text);
    assert_non_null(file);
    text->size = fread(text->bytes, 1, MAX_TEXT - 1, file);
    assert_true(text->size < MAX_TEXT - 1);
    fclose(file);
    return text;
}

static int
parse(const struct text *text, struct vg_ptx_module **out, struct vg_ptx_diag *diag)
{
    struct vg_ptx_module *module;
    int r = vg_ptx_module_parse(text->bytes, text->size, &module, diag);

    if (r != 0) {
        return r;
    }
    for (uint32_t i = 0; i < module->n_funcs && r == 0; i++) {
        r = vg_ptx_func_parse(module, &module->funcs[i], diag);
    }
    if (r != 0) {
        vg_ptx_module_destroy(module);
        return r;
    }
    *out = module;
    return 0;
}

static int
append(void *user, const char *bytes, size_t size)
{
    struct text *text = user;

    assert_true(size < MAX_TEXT - text->size);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return 0;
}

static struct vg_ptx_module *
parse_good(const char *path, const struct text *text)
{
    struct vg_ptx_module *module = NULL;
    struct vg_ptx_diag diag = { 0 };
    char formatted[512];

    if (parse(text, &module, &diag) != 0) {
        vg_ptx_diag_format(&diag, formatted, sizeof(formatted));
        print_error("%s: %s", path, formatted);
        fail();
    }
    return module;
}

static void
check_good(const char *path)
{
    struct text *text = read_text(path);
    struct text *printed = calloc(1, sizeof(*printed));
    struct vg_ptx_module *first = parse_good(path, text);

    assert_non_null(printed);
    assert_int_equal(vg_ptx_module_print(first, append, printed), 0);
    struct vg_ptx_module *second = parse_good(path, printed);
    if (!vg_ptx_module_equal(first, second)) {
        print_error("%s: printed as\n%s", path, printed->bytes);
        fail();
    }
    vg_ptx_module_destroy(first);
    vg_ptx_module_destroy(second);
    free(text);
    free(printed);
}

static void
check_bad(const char *path)
{
    static const char intro[] = "// error: ";
    struct text *text = read_text(path);
    struct vg_ptx_module *module = NULL;
    struct vg_ptx_diag diag = { 0 };
    char got[512];
    size_t size;

    assert_memory_equal(text->bytes, intro, sizeof(intro) - 1);
    if (parse(text, &module, &diag) != VG_PTX_SYNTAX) {
        print_error("%s is not refused\n", path);
        fail();
    }
    snprintf(got, sizeof(got), "%u:%u: %s", diag.line, diag.column, diag.message);
    size = strcspn(text->bytes, "\n");
    text->bytes[size] = '\0';
    if (strcmp(text->bytes + sizeof(intro) - 1, got) != 0) {
        print_error("%s: got %s\n", path, got);
        fail();
    }
    free(text);
}

static void
check_all(const char *folder, void (*check)(const char *path))
{
    char pattern[4096];
    glob_t files;

    snprintf(pattern, sizeof(pattern), "%s/%s/*.ptx", corpus, folder);
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        check(files.gl_pathv[i]);
    }
    globfree(&files);
}

static void
good_files_survive_the_round_trip(void **state)
{
    (void)state;
    check_all("good", check_good);
}

static void
bad_files_are_refused_where_they_are_wrong(void **state)
{
    (void)state;
    check_all("bad", check_bad);
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_survive_the_round_trip),
        cmocka_unit_test(bad_files_are_refused_where_they_are_wrong),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: test_corpus FOLDER\n");
        return 2;
    }
    corpus = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
