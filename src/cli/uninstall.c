/* SPDX-License-Identifier: Apache-2.0 */

/*
 * uninstall - `vgpu uninstall`: takes back what the journal says, to the byte.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/error.h"
#include "cli/install.h"
#include "cli/journal.h"

static int
run_uninstall(int argc, char **argv, struct vg_error *err)
{
    const char *given = "/";
    struct vg_journal journal;
    char root[PATH_MAX];

    for (int at = 1; at < argc; at++) {
        if (strcmp(argv[at], "--root") != 0 || at + 1 >= argc) {
            return vg_error_set(err, -EINVAL, "uninstall has no option '%s'", argv[at]);
        }
        given = argv[++at];
    }
    int r = vg_install_root(given, root, err);
    const int lock = r == 0 ? vg_install_lock(root, err) : r;
    if (lock < 0) {
        return lock;
    }
    r = vg_journal_read(root, &journal, err);
    const enum vg_journal_state state = journal.state;
    vg_journal_fini(&journal);
    if (r == 0 && state == VG_JOURNAL_NONE) {
        r = vg_journal_undo(root, err);
        (void)puts("vgpu: nothing is installed");
    } else if (r == 0) {
        r = vg_journal_undo(root, err);
        if (r == 0) {
            vg_install_ldconfig(root, false);
            (void)puts("vgpu: all is as it was before the installation");
        } else if (r == -EACCES || r == -EPERM) {
            vg_error_hint(err, "run it as root");
        }
    }
    (void)close(lock);
    return r;
}

const struct vg_command vg_command_uninstall = {
    .name = "uninstall",
    .synopsis = "[--root DIR]",
    .summary = "Take back what install did",
    .details = "\nWhat was moved aside comes back; what was changed since stays.\n",
    .run = run_uninstall,
};
