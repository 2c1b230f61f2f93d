/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * test_driver - the smallest driver that a front can stand on, for its unit tests.
 *
 * Two devices, their primary contexts, and contexts that cuCtxCreate makes. Nothing runs.
 */

#include "front/driver.h"

#define TEST_DEVICES 2

/* How often vg_driver_init() was called, and what it shall return. */
extern int test_driver_inits;
extern CUresult test_driver_init_result;

/* Attributes that every function of this driver has. */
extern int test_driver_function[32];
