/* SPDX-License-Identifier: Apache-2.0 */

/*
 * version - `vgpu version`: one line.
 */

#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/error.h"

static int
run_version(int argc, char **argv, struct vg_error *err)
{
    if (argc > 1) {
        return vg_error_set(err, -EINVAL, "version takes no argument '%s'", argv[1]);
    }
    (void)printf("vgpu %s\n", VGPU_VERSION);
    return 0;
}

const struct vg_command vg_command_version = {
    .name = "version",
    .synopsis = "",
    .summary = "Print the version",
    .details = "",
    .run = run_version,
};
