/* SPDX-License-Identifier: Apache-2.0 */

/*
 * main - runs every form test, one line per form that fails, and checks that each form of
 * required.txt has one: `test_forms required.txt [part of a form's name]`.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forms.h"
#include "machine.h"

#define MAX_REQUIRED 512

/* How much a required form matters: 2 traced in stock programs, 3 in their sm_80 code,
 * 4 in their code for other architectures. */
struct required {
    int level;
    char name[128];
    bool has_test;
    bool unsupported;
};

static struct required required[MAX_REQUIRED];
static size_t n_required;

static int
read_required(const char *path)
{
    char line[128];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        fprintf(stderr, "cannot open '%s': %s\n", path, strerror(errno));
        return -errno;
    }
    while (fgets(line, sizeof(line), file) != NULL && n_required < MAX_REQUIRED) {
        struct required *r = &required[n_required];
        line[strcspn(line, "\n")] = '\0';
        if (line[0] < '0' || line[0] > '9') {
            continue;
        }
        r->level = line[0] - '0';
        snprintf(r->name, sizeof(r->name), "%s", line + 2);
        n_required++;
    }
    fclose(file);
    return 0;
}

/* Whether @names (separated by line ends) holds @name. */
static bool
holds(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, length) == 0 &&
            (at[length] == '\0' || at[length] == '\n')) {
            return true;
        }
    }
    return false;
}

static bool
note_required(const struct vg_forms_item *item)
{
    bool found = false;

    for (size_t i = 0; i < n_required; i++) {
        if (holds(item->name, required[i].name)) {
            required[i].has_test = true;
            required[i].unsupported |= item->state == VG_FORM_UNSUPPORTED;
            found = true;
        }
    }
    return found;
}

/* Return: how many forms must be tested and are not. */
static unsigned
print_coverage(void)
{
    unsigned covered[5] = { 0 };
    unsigned total[5] = { 0 };
    unsigned missing = 0;

    for (size_t i = 0; i < n_required; i++) {
        const struct required *r = &required[i];
        total[r->level]++;
        covered[r->level] += r->has_test && !r->unsupported;
        if (!r->has_test || r->unsupported) {
            printf("%s: %s\n", r->has_test ? "unsupported" : "no test", r->name);
            missing += r->level == 2 || r->has_test;
        }
    }
    printf("covered %u of %u (traced %u of %u, sm_80 %u of %u, others %u of %u)\n",
           covered[2] + covered[3] + covered[4], total[2] + total[3] + total[4],
           covered[2], total[2], covered[2] + covered[3], total[2] + total[3], covered[4],
           total[4]);
    return missing;
}

static void
print_name(const char *names)
{
    for (; *names != '\0'; names++) {
        putchar(*names == '\n' ? '/' : *names);
    }
}

/* Runs the item with either build of the interpreter's handlers: any host's, and the one
 * that suits this host. Both must be right, to the same bit. */
static const struct vg_forms_item *
run_both(struct vg_forms *forms, size_t index)
{
    setenv("VGPU_INTERP_ISA", "base", 1);
    vg_machine_hash = 0;
    const struct vg_forms_item *item = vg_forms_run(forms, index);
    uint64_t hash = vg_machine_hash;

    if (item->state != VG_FORM_PASSED) {
        return item;
    }
    unsetenv("VGPU_INTERP_ISA");
    vg_machine_hash = 0;
    item = vg_forms_run(forms, index);
    if (item->state == VG_FORM_PASSED && vg_machine_hash != hash) {
        vg_forms_fail(forms, "the two builds of the handlers differ in some bit");
    }
    return item;
}

int
main(int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned optional = 0;
    const char *part = argc > 2 ? argv[2] : NULL;

    if (argc < 2 || read_required(argv[1]) != 0) {
        fprintf(stderr, "usage: %s required.txt [part of a form's name]\n", argv[0]);
        return 2;
    }
    struct vg_forms *forms = vg_forms_create(false);
    for (size_t i = 0; i < vg_forms_count(forms); i++) {
        if (part != NULL && strstr(vg_forms_item(forms, i)->name, part) == NULL) {
            continue;
        }
        const struct vg_forms_item *item = run_both(forms, i);
        bool needed = note_required(item);
        if (item->state == VG_FORM_PASSED) {
            passed++;
            continue;
        }
        bool skip = item->state == VG_FORM_UNSUPPORTED && !needed;
        optional += skip;
        failed += !skip;
        printf("%s ", skip ? "not carried:" : "FAIL");
        print_name(item->name);
        printf(": %s\n", item->message);
    }
    unsigned missing = part == NULL ? print_coverage() : 0;
    printf("[  PASSED  ] %u test(s).\n", passed);
    if (failed != 0) {
        printf("[  FAILED  ] %u test(s).\n", failed);
    }
    printf("%u tests of forms that nothing requires and the interpreter does not carry\n",
           optional);
    vg_forms_destroy(forms);
    return failed != 0 || missing != 0;
}
