/* SPDX-License-Identifier: Apache-2.0 */

/*
 * vgpu - the command line tool: finds the command, prints what it failed with.
 *
 * Exit status: the command's own; 2 when the command line is wrong, 1 for any other
 * failure.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/error.h"

static const struct vg_command *const commands[] = {
    &vg_command_run,       &vg_command_info,   &vg_command_smi,    &vg_command_install,
    &vg_command_uninstall, &vg_command_status, &vg_command_doctor, &vg_command_version,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct vg_command *
find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static void
print_help(FILE *out)
{
    (void)fputs("usage: vgpu COMMAND ...\n\n"
                "Runs unmodified CUDA programs where there is no NVIDIA driver.\n\n",
                out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fputs("\n'vgpu COMMAND --help' says more. For example:\n"
                "  vgpu run -- ./my-cuda-program\n",
                out);
}

static void
print_command_help(const struct vg_command *command)
{
    (void)printf("usage: vgpu %s %s\n\n%s.\n%s", command->name, command->synopsis,
                 command->summary, command->details);
}

/* An output that could not be written is a failure, too. */
static int
finish(int status)
{
    if (fflush(stdout) != 0 && status == 0) {
        perror("vgpu: cannot write the output");
        return 1;
    }
    return status;
}

static int
run_command(const struct vg_command *command, int argc, char **argv)
{
    struct vg_error err = { .code = 0 };

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_command_help(command);
        return finish(0);
    }
    const int r = command->run(argc, argv, &err);
    if (r >= 0) {
        return finish(r);
    }
    vg_error_print(&err);
    if (r == -EINVAL) {
        (void)fprintf(stderr, "usage: vgpu %s %s\n", command->name, command->synopsis);
        return 2;
    }
    return 1;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return finish(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        argv[1] += 2;
    }

    const struct vg_command *command = find_command(argv[1]);
    if (command == NULL) {
        (void)fprintf(stderr,
                      "vgpu: there is no command '%s'\n"
                      "vgpu: 'vgpu --help' lists them; a program is started by "
                      "'vgpu run -- %s'\n",
                      argv[1], argv[1]);
        return 2;
    }
    return run_command(command, argc - 1, argv + 1);
}
