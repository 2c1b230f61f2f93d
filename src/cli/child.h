/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * child - runs one program and stands in for it: signals go down, the status comes up.
 *
 * One at a time, from a process with a single thread, which adopts what the program
 * leaves behind: so it can wait for a worker, which ends on its own soon after its
 * client. Signals that a terminal sends to the whole foreground group reach the program
 * without us and are not sent twice.
 */

struct vg_error;

/*
 * Runs argv[0], searched in PATH, with the current environment, and waits for it, then up
 * to two seconds for processes named @helper that it left.
 * Return: its exit status (128+n after signal n; 126 or 127 with @err filled when it
 * could not be started), or a negative errno code with @err filled.
 */
int vg_child_run(char **argv, const char *helper, struct vg_error *err);
