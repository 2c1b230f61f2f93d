/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * copy - what linear and boxed copies share: where an address lies, and this lane's
 * staging. Private to src/shim; staging belongs to the thread that has the lane.
 */

#include "shim/conn.h"
#include "wire/box.h"

enum vg_place {
    VG_PLACE_DEVICE,
    VG_PLACE_WINDOW,
    VG_PLACE_ORDINARY,
};

enum vg_place vg_place_of(uint64_t address);

/* Goes on to a slot that no copy uses any more. Return: the result of the wait for it. */
CUresult vg_stage_next(struct vg_client_lane *lane);

/* @size bytes of the slot in use are taken by a copy that has been posted. */
void vg_stage_took(struct vg_client_lane *lane, uint32_t size);

/* Makes a box of a copy's description. A side that is ordinary memory leaves where its
 * first byte lies in *@out_host_dst or *@out_host_src, which are NULL otherwise. */
CUresult vg_box_fill(const CUDA_MEMCPY3D *c, struct vg_box *box, uint8_t **out_host_dst,
                     uint8_t **out_host_src);

/* Ordinary memory in a graph would have to be read at each launch: not carried.
 * Return: CUDA_SUCCESS when @stream is not captured. */
CUresult vg_copy_refuse_in_capture(CUstream stream, int number);
