/* SPDX-License-Identifier: Apache-2.0 */

/*
 * doctor - `vgpu doctor`: what is wrong between a program and its GPU, in one command.
 *
 * Exit status: 0 all well, 1 broken, 2 could not tell.
 */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/doctor/ask.h"
#include "cli/error.h"
#include "cli/install.h"

static int
take_number(const char *option, const char *text, unsigned long *out,
            struct vg_error *err)
{
    char *end = NULL;

    errno = 0;
    *out = text != NULL ? strtoul(text, &end, 10) : 0;
    if (text == NULL || end == text || *end != '\0' || *out == 0 || *out > 0x7fffffff ||
        errno != 0) {
        return vg_error_set(err, -EINVAL, "'%s' needs a number", option);
    }
    return 0;
}

static int
parse(int argc, char **argv, struct vg_doctor *d, struct vg_error *err)
{
    const char *root = "/";
    unsigned long number = 0;

    for (int at = 1; at < argc; at++) {
        const char *option = argv[at];
        int r = 0;

        if (strcmp(option, "--json") == 0) {
            d->is_json = true;
        } else if (strcmp(option, "--ollama") == 0) {
            d->for_ollama = true;
        } else if (strcmp(option, "--quick") == 0) {
            d->is_quick = true;
        } else if (strcmp(option, "--real") == 0) {
            d->wants_real = true;
        } else if (strcmp(option, "--pid") == 0) {
            r = take_number(option, argv[++at], &number, err);
            d->pid = (pid_t)number;
        } else if (strcmp(option, "--timeout") == 0) {
            r = take_number(option, argv[++at], &number, err);
            d->budget_s = (unsigned)number;
        } else if (strcmp(option, "--root") == 0 && at + 1 < argc) {
            root = argv[++at];
        } else {
            r = vg_error_set(err, -EINVAL, "doctor has no option '%s'", option);
        }
        if (r != 0) {
            return r;
        }
    }
    return vg_install_root(root, d->root, err);
}

static void
run_checks(struct vg_doctor *d, const struct vg_check *checks)
{
    for (; checks->run != NULL; checks++) {
        d->link = checks->link;
        d->check = checks->name;
        checks->run(d);
    }
}

static void
free_all(struct vg_doctor *d)
{
    for (size_t i = 0; d->environment != NULL && d->environment[i] != NULL; i++) {
        free(d->environment[i]);
    }
    free(d->environment);
    free(d->findings);
    free(d);
}

static int
run_doctor(int argc, char **argv, struct vg_error *err)
{
    struct vg_doctor *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    d->budget_s = 30;
    int r = parse(argc, argv, d, err);
    if (r == 0) {
        const unsigned long start = vg_ask_now_ms();
        vg_environment_read(d);
        run_checks(d, vg_checks_guest);
        run_checks(d, vg_checks_libraries);
        run_checks(d, vg_checks_link);
        run_checks(d, vg_checks_device);
        if (d->for_ollama) {
            run_checks(d, vg_checks_client);
        }
        if (d->pid != 0) {
            run_checks(d, vg_checks_process);
        }
        r = vg_say_all(d, vg_ask_now_ms() - start);
    }
    free_all(d);
    return r;
}

const struct vg_command vg_command_doctor = {
    .name = "doctor",
    .synopsis = "[--json] [--quick] [--real] [--ollama] [--pid PID] [--root DIR] "
                "[--timeout SECONDS]",
    .summary = "Say what is wrong between a program and its GPU",
    .details =
        "\nWalks guest, libraries, link, host, driver, device: a line a check, and at the\n"
        "end the first broken link and what to do. It changes nothing.\n"
        "\n  --ollama      also Ollama: which, its libraries, its service's environment\n"
        "  --pid PID     also the process PID: its environment, what it has mapped\n"
        "  --real        a real GPU is expected, the software GPU is a fault\n"
        "  --quick       do not ask the device\n"
        "  --json        for machines\n"
        "  --root DIR    look into the tree DIR\n"
        "  --timeout N   seconds that the device has to answer (30)\n"
        "\nExit status: 0 all is well, 1 something is broken, 2 could not tell.\n",
    .run = run_doctor,
};
