/* SPDX-License-Identifier: Apache-2.0 */

/*
 * status - `vgpu status`: is it installed, where does it lead, is it as installed.
 *
 * Exit status: 0 installed and whole, 1 not installed or damaged.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/error.h"
#include "cli/install.h"
#include "cli/journal.h"
#include "cli/paths.h"

/* Return: true when it is as we put it. */
static bool
print_entry(const char *root, const struct vg_journal_entry *entry)
{
    char path[PATH_MAX], saved[PATH_MAX];

    (void)vg_path_print(path, "%s%s", root, entry->path);
    if (strcmp(entry->verb, "mkdir") == 0) {
        return true;
    }
    if (strcmp(entry->verb, "move") == 0) {
        (void)vg_path_print(saved, "%s%s", root, entry->arg);
        const bool is_there = faccessat(AT_FDCWD, saved, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        (void)printf("%-8s %s (was %s)\n", is_there ? "saved" : "lost", saved, path);
        return is_there;
    }
    const bool is_intact = vg_journal_is_intact(entry, path);
    (void)printf("%-8s %s\n",
                 is_intact                 ? "ok"
                 : access(path, F_OK) != 0 ? "missing"
                                           : "changed",
                 path);
    return is_intact;
}

static void
print_endpoint(const char *root)
{
    char path[PATH_MAX], endpoint[4300];

    (void)vg_path_print(path, "%s%s", root, VG_CLIENT_CONF);
    if (vg_install_read_endpoint(path, endpoint, sizeof(endpoint))) {
        (void)printf("endpoint %s\n", endpoint);
    } else {
        (void)printf("endpoint none in %s\n", path);
    }
}

static int
print_status(const char *root, const struct vg_journal *journal)
{
    bool is_whole = true;

    switch (journal->state) {
    case VG_JOURNAL_NONE:
        (void)puts("vgpu is not installed");
        return 1;
    case VG_JOURNAL_INTERRUPTED:
        (void)puts("an installation was interrupted: 'vgpu uninstall' undoes it, "
                   "'vgpu install' begins again");
        return 1;
    case VG_JOURNAL_DONE:
        break;
    }
    (void)puts("vgpu " VGPU_VERSION " is installed");
    print_endpoint(root);
    for (size_t i = 0; i < journal->count; i++) {
        is_whole &= print_entry(root, &journal->entries[i]);
    }
    if (!is_whole) {
        (void)puts(
            "not as installed: 'vgpu install' repairs it, 'vgpu doctor' says more");
    }
    return is_whole ? 0 : 1;
}

static int
run_status(int argc, char **argv, struct vg_error *err)
{
    const char *given = "/";
    struct vg_journal journal;
    char root[PATH_MAX];

    for (int at = 1; at < argc; at++) {
        if (strcmp(argv[at], "--root") != 0 || at + 1 >= argc) {
            return vg_error_set(err, -EINVAL, "status has no option '%s'", argv[at]);
        }
        given = argv[++at];
    }
    int r = vg_install_root(given, root, err);
    if (r == 0) {
        r = vg_journal_read(root, &journal, err);
    }
    if (r == 0) {
        r = print_status(root, &journal);
        vg_journal_fini(&journal);
    }
    return r;
}

const struct vg_command vg_command_status = {
    .name = "status",
    .synopsis = "[--root DIR]",
    .summary = "Show what is installed, and whether it is whole",
    .details = "\nExit status: 0 installed and whole, 1 not.\n",
    .run = run_status,
};
