/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * tickets - driver calls in the order that the client took its tickets.
 *
 * A posted call leaves when the driver's function has returned, a waiting call before it
 * starts: so what finished before another call began takes effect before it, and a long
 * wait holds up nobody. Tickets begin at 1 and none is missing. Any thread.
 */

#include <stdint.h>

enum vg_tickets_condition {
    VG_TICKETS_OK = 0,
    VG_TICKETS_USED, /* that ticket has been used already */
};

struct vg_tickets;

struct vg_tickets *vg_tickets_create(void);
void vg_tickets_destroy(struct vg_tickets *tickets);

/* Waits for the turn of @ticket. Return: 0 or VG_TICKETS_USED. */
int vg_tickets_enter(struct vg_tickets *tickets, uint64_t ticket);

/* Ends the turn that enter() gave; the next one begins. */
void vg_tickets_leave(struct vg_tickets *tickets);
