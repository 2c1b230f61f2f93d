/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * alter - a test mode that spoils one instruction of one loaded kernel, or all kernels.
 *
 * A check that compares results must notice a wrong one. VGPU_SOFT_TEST_ALTER is
 *
 *   list             names in the log (info) each fma.f32 of each kernel that is prepared
 *   add:ENTRY:LINE   makes the fma of that PTX line an add of its first two sources
 *   trap:ENTRY:LINE  makes it a trap: a launch that fails shows that it was executed
 *   null             makes each kernel return at once: launches, and no results
 *
 * Unset, nothing happens. Image lock held.
 */

struct vg_ptx_func;

/* Looks at a parsed function before it is prepared. */
void vg_alter(struct vg_ptx_func *func);
