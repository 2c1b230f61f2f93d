/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * file - layout of an accounting file, and how it is found and held against attacks.
 * Private to src/account and its tests.
 *
 * An empty (all zero) file is a valid one. Every field of a slot is one atomic word, and
 * @state is written last, so that there is no moment at which a slot lies.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VG_ACCOUNT_MAGIC   0x3143434155504756u /* VGPUACC1 */
#define VG_ACCOUNT_SLOTS   128
#define VG_ACCOUNT_BUCKETS 16
/* a bucket of busy time is 2^27 ns, 134 ms; a window is 8 of them */
#define VG_ACCOUNT_SHIFT  27
#define VG_ACCOUNT_WINDOW 8

struct vg_account_head {
    _Atomic uint64_t magic;
    _Atomic uint64_t total; /* the device's memory, agreed; 0: not yet */
    uint64_t reserved[30];
};

struct vg_account_slot {
    _Atomic uint32_t state; /* 0 free, 1 in use */
    _Atomic int32_t owner;  /* process that holds the memory */
    _Atomic int32_t client;
    _Atomic uint32_t unused;
    _Atomic uint64_t owner_start; /* its start time: a pid is used again */
    _Atomic uint64_t space;       /* inode of its pid namespace */
    _Atomic uint64_t used;
    _Atomic uint64_t started_ns;
    _Atomic uint64_t busy_since; /* 0: idle */
    _Atomic uint64_t last_us;    /* CLOCK_REALTIME */
    /* number of the bucket << 32 | ns busy in it */
    _Atomic uint64_t bucket[VG_ACCOUNT_BUCKETS];
    _Atomic uint64_t client_start; /* 0: not known, so not asked */
    uint64_t reserved[7];
};

struct vg_account_file {
    struct vg_account_head head;
    struct vg_account_slot slots[VG_ACCOUNT_SLOTS];
};

_Static_assert(sizeof(struct vg_account_head) == 256, "layout");
_Static_assert(sizeof(struct vg_account_slot) == 256, "layout");

/* The folder of the files. Return: false when there is none. */
bool vg_account_folder(char *out, size_t size);

/* The text of a device's files before the user's number: "vgpu-<uuid>-". */
void vg_account_prefix(const uint8_t uuid[16], char out[48]);

/* Opens and checks a file of @user in @folder. Return: fd or -errno. */
int
vg_account_open_file(const char *folder, const char *name, uid_t user, bool is_writer);

/* Facts of a living process: its start time, and whether it is @user's (0: anybody's).
 * Return: false for one that has ended (a zombie too). */
bool vg_account_process(pid_t pid, uid_t user, uint64_t *out_start);

/* Are the slot's processes alive, and are they what the slot says? Without its client the
 * owner is about to end: giving its memory back takes it a while, with which nobody need
 * wait. */
bool vg_account_slot_lives(const struct vg_account_slot *slot, uid_t user);

/* Inode of our pid namespace; 0 when it cannot be known. */
uint64_t vg_account_space(void);

/* Monotonic nanoseconds; microseconds of the day's clock. */
uint64_t vg_account_now(void);
uint64_t vg_account_time(void);
