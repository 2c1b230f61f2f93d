/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * directed - arithmetic in the rounding modes that the host's default is not. Each call
 * sets the mode and puts it back, so that no mode leaks into another instruction.
 */

enum vg_direction {
    VG_NEAREST,
    VG_TO_ZERO,
    VG_DOWN,
    VG_UP
};

enum vg_directed_op {
    VG_DIRECTED_ADD,
    VG_DIRECTED_SUB,
    VG_DIRECTED_MUL,
    VG_DIRECTED_FMA,
    VG_DIRECTED_DIV,
    VG_DIRECTED_RCP,
    VG_DIRECTED_SQRT,
};

float vg_directed_f32(unsigned what, unsigned direction, float x, float y, float z);
double vg_directed_f64(unsigned what, unsigned direction, double x, double y, double z);

/* An integer to f64. */
double vg_directed_s64_f64(long long value, unsigned direction);
double vg_directed_u64_f64(unsigned long long value, unsigned direction);
