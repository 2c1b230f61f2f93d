/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * error - what went wrong in a command, and what to do about it.
 *
 * Filled by whoever notices, passed up unchanged, printed once by main.
 */

struct vg_error {
    int code; /* negative errno code, 0 while nothing went wrong */
    char text[512];
    char hint[512]; /* may be empty */
};

/* Sets the message, forgets an older hint. Return: @code, for `return vg_error_set(...)`.
 */
int vg_error_set(struct vg_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the remedy. */
void vg_error_hint(struct vg_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "vgpu: text" and the remedy to stderr. */
void vg_error_print(const struct vg_error *err);
