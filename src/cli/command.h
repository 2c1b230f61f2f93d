/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * command - the commands of `vgpu`, one file each, listed once in main.c.
 */

struct vg_error;

struct vg_command {
    const char *name;
    const char *synopsis; /* what follows the name */
    const char *summary;  /* one line of `vgpu --help` */
    const char *details;  /* the rest of `vgpu NAME --help`; whole lines */
    /*
     * argv[0] is the command's name. Return: the exit status, or a negative errno code
     * with @err filled.
     */
    int (*run)(int argc, char **argv, struct vg_error *err);
};

extern const struct vg_command vg_command_doctor;
extern const struct vg_command vg_command_info;
extern const struct vg_command vg_command_install;
extern const struct vg_command vg_command_smi;
extern const struct vg_command vg_command_run;
extern const struct vg_command vg_command_status;
extern const struct vg_command vg_command_uninstall;
extern const struct vg_command vg_command_version;
