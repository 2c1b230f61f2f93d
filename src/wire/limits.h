/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * limits - what either side may ask of the other. Part of the wire format: docs/wire.md.
 *
 * A value beyond a limit ends the session; nothing is clamped.
 */

/* Protocol version. Peers whose majors differ do not talk. */
#define VG_WIRE_MAJOR 1
#define VG_WIRE_MINOR 0

/* A whole message, header included. Larger than a ring: it then streams through. */
#define VG_MESSAGE_MAX (512u << 20)

/* Requests up to this size are built without an allocation. */
#define VG_MESSAGE_INLINE 1024u

/* One direction of a lane; a power of two. */
#define VG_RING_SIZE (256u << 10)

/* Lanes (client threads with a call in their life) of one session. */
#define VG_LANE_MAX 1024u

/* Each lane owns this piece of the window as staging, in VG_STAGE_SLOTS slots. */
#define VG_STAGE_SLOTS     4u
#define VG_STAGE_SLOT_SIZE (1u << 20)
#define VG_STAGE_SIZE      (VG_STAGE_SLOTS * VG_STAGE_SLOT_SIZE)

/* Strings and arrays in a message. */
#define VG_STRING_MAX (1u << 20)
#define VG_ARRAY_MAX  (1u << 20)

/* Bytes of kernel parameters (CUDA's own limit is 32764). */
#define VG_PARAMS_MAX 32764u
