/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * account - who uses how much of a device, for all processes of the machine, without a
 * daemon.
 *
 * Each user of the machine has one small file for each device, in /dev/shm (else in
 * XDG_RUNTIME_DIR; VGPU_ACCOUNTS names another folder, or `none`). A process that uses
 * the device owns one slot in its user's file and is the only one that writes it. A
 * reader adds up the files of all users and passes over the slots of processes that have
 * ended, so what a killed process used is free as soon as the kernel has taken its memory
 * back.
 *
 * Nobody can harm another user: a file is believed only when it belongs to the user in
 * its name, is a plain file with one link, and the process of a slot is that user's. The
 * files of others are read, never mapped. Within one user, processes trust each other.
 *
 * The process that holds the memory (the owner) may do so for another (the client). Slots
 * of another pid namespace are passed over: their numbers mean nothing here.
 *
 * Uses the C library only; loads with glibc 2.28. Writers: one per process, locked by its
 * caller. Readers: any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What one process uses. */
struct vg_account_use {
    pid_t pid;           /* the client */
    uint64_t used;       /* bytes of device memory */
    uint64_t busy_ns;    /* of the window before now */
    uint64_t window_ns;  /* about a second, less when it has only begun */
    uint64_t started_ns; /* CLOCK_MONOTONIC, when it began to use the device */
    uint64_t last_us;    /* time of day when it was last seen busy; 0: never */
};

/* Copies the uses of the device's living processes.
 * @out: may be NULL when @capacity is 0.
 * Return: how many there are, which may exceed @capacity. */
size_t
vg_account_read(const uint8_t uuid[16], struct vg_account_use *out, size_t capacity);

/* --- for the process that executes --- */

/* Opens the user's file, made when it does not exist; no slot is taken yet. Without a
 * folder to write to, this process counts for itself alone.
 * @io_total: the device's memory; becomes what the user's other processes agreed on,
 * unless @is_fixed. */
void vg_account_open(const uint8_t uuid[16], uint64_t *io_total, bool is_fixed);

/* This process uses the device from now on, for @client (0: for itself). */
void vg_account_join(pid_t client);
/* And no more. */
void vg_account_leave(void);

/* Publishes what this process uses. Return: false when that is more than what was
 * published and all processes together would use more than the device has; then nothing
 * has changed. */
bool vg_account_set_used(uint64_t used);

/* What all other processes use. */
uint64_t vg_account_others(void);
/* The same, at most 20 ms old. */
uint64_t vg_account_others_lately(void);

/* Work of this process begins or ends on the device. */
void vg_account_set_busy(bool is_busy);
