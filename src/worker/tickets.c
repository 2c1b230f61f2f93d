/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/tickets.h"

#include <pthread.h>
#include <stdlib.h>

/* Lives on the stack of a thread that waits for its turn. */
struct waiter {
    uint64_t ticket;
    pthread_cond_t turn;
    struct waiter *next;
};

struct vg_tickets {
    pthread_mutex_t lock;
    uint64_t next; /* whose turn it is */
    struct waiter *waiters;
};

struct vg_tickets *
vg_tickets_create(void)
{
    struct vg_tickets *tickets = calloc(1, sizeof(*tickets));

    if (tickets != NULL) {
        pthread_mutex_init(&tickets->lock, NULL);
        tickets->next = 1;
    }
    return tickets;
}

void
vg_tickets_destroy(struct vg_tickets *tickets)
{
    if (tickets != NULL) {
        pthread_mutex_destroy(&tickets->lock);
        free(tickets);
    }
}

static void
drop_waiter(struct vg_tickets *tickets, const struct waiter *waiter)
{
    struct waiter **link = &tickets->waiters;

    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
}

int
vg_tickets_enter(struct vg_tickets *tickets, uint64_t ticket)
{
    int r = 0;

    pthread_mutex_lock(&tickets->lock);
    if (ticket < tickets->next) {
        r = VG_TICKETS_USED;
    } else if (ticket > tickets->next) {
        struct waiter self = { .ticket = ticket, .next = tickets->waiters };
        pthread_cond_init(&self.turn, NULL);
        /* it leaves the list again before this function returns */
        tickets->waiters = &self; /* cppcheck-suppress autoVariables */
        while (tickets->next != ticket) {
            pthread_cond_wait(&self.turn, &tickets->lock);
        }
        drop_waiter(tickets, &self);
        pthread_cond_destroy(&self.turn);
    }
    pthread_mutex_unlock(&tickets->lock);
    return r;
}

void
vg_tickets_leave(struct vg_tickets *tickets)
{
    pthread_mutex_lock(&tickets->lock);
    tickets->next++;
    for (struct waiter *w = tickets->waiters; w != NULL; w = w->next) {
        if (w->ticket == tickets->next) {
            pthread_cond_signal(&w->turn);
            break;
        }
    }
    pthread_mutex_unlock(&tickets->lock);
}
