/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write - the slot of this process.
 *
 * A slot is taken under a lock on the file, which the kernel drops with its holder. After
 * that only this process writes it, without a lock. Memory is claimed by publishing the
 * new sum first and adding all up afterwards: of two processes that want the same last
 * bytes none gets them twice.
 */
#include "account/account.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "account/file.h"
#include "base/log.h"

#define USES_MAX 512
/* how long a sum of the other processes may be used again when there is plenty of room */
#define FRESH_NS 20000000u

static struct {
    uint8_t uuid[16];
    uint64_t total;
    int fd;
    struct vg_account_file *file;         /* NULL: we count for ourselves */
    struct vg_account_slot *_Atomic slot; /* NULL: not joined */
    pid_t owner;
    _Atomic uint64_t others;    /* what the others used... */
    _Atomic uint64_t others_at; /* ...at that time, when we used... */
    _Atomic uint64_t used_at;   /* ...so much */
} account = { .fd = -1 };

static struct vg_account_file *
map_file(int fd)
{
    const off_t size = (off_t)sizeof(struct vg_account_file);

    /* all of its pages now: on a full file system a later store would be a SIGBUS */
    if (posix_fallocate(fd, 0, size) != 0) {
        return NULL;
    }
    void *at = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    return at;
}

/* Waits a second for the lock at most: nobody holds it for longer than a look. */
static bool
lock_file(void)
{
    for (int i = 0; i < 1000; i++) {
        if (flock(account.fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        const struct timespec pause = { .tv_nsec = 1000000 };
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool
has_users(void)
{
    for (int i = 0; i < VG_ACCOUNT_SLOTS; i++) {
        struct vg_account_slot *slot = &account.file->slots[i];
        if (slot->state == 1 && vg_account_slot_lives(slot, geteuid())) {
            return true;
        }
    }
    return false;
}

/* The default size follows the memory that is free just now. What one process took as the
 * device's size stays while somebody uses it, and while it is not far off. */
static void
agree(uint64_t *io_total)
{
    const uint64_t agreed = account.file->head.total;
    const uint64_t ours = *io_total;

    if (agreed != 0 && agreed <= 1ull << 46 &&
        ((ours / 2 <= agreed && agreed / 2 <= ours) || has_users())) {
        *io_total = agreed;
    } else {
        account.file->head.total = ours;
    }
}

void
vg_account_open(const uint8_t uuid[16], uint64_t *io_total, bool is_fixed)
{
    char folder[PATH_MAX], prefix[48], name[80];

    memcpy(account.uuid, uuid, sizeof(account.uuid));
    account.owner = getpid();
    if (vg_account_folder(folder, sizeof(folder))) {
        vg_account_prefix(uuid, prefix);
        snprintf(name, sizeof(name), "%s%u", prefix, (unsigned)geteuid());
        account.fd = vg_account_open_file(folder, name, geteuid(), true);
    }
    account.file = account.fd >= 0 ? map_file(account.fd) : NULL;
    if (account.file != NULL && lock_file()) {
        uint64_t none = 0;
        (void)atomic_compare_exchange_strong(&account.file->head.magic, &none,
                                             VG_ACCOUNT_MAGIC);
        if (!is_fixed) {
            agree(io_total);
        }
        flock(account.fd, LOCK_UN);
    }
    if (account.file == NULL || account.file->head.magic != VG_ACCOUNT_MAGIC) {
        vg_log(VG_LOG_INFO, "no accounts of the device: other processes do not see what "
                            "this one uses (VGPU_ACCOUNTS names a folder for them)");
        account.file = NULL;
    }
    account.total = *io_total;
}

static bool
take_slot(struct vg_account_slot *slot, pid_t client)
{
    uint64_t start = 0;

    if (!vg_account_process(account.owner, geteuid(), &start)) {
        return false;
    }
    slot->state = 0;
    slot->owner = account.owner;
    slot->client = client > 0 ? client : account.owner;
    slot->owner_start = start;
    start = 0;
    if (client > 0 && client != account.owner) {
        (void)vg_account_process(client, 0, &start);
    }
    slot->client_start = start;
    slot->space = vg_account_space();
    slot->used = 0;
    slot->started_ns = vg_account_now();
    slot->busy_since = 0;
    slot->last_us = 0;
    for (int i = 0; i < VG_ACCOUNT_BUCKETS; i++) {
        slot->bucket[i] = 0;
    }
    slot->state = 1;
    account.slot = slot;
    return true;
}

void
vg_account_join(pid_t client)
{
    bool is_full = true;

    if (account.owner != getpid()) { /* a child of who opened the accounts */
        account.owner = getpid();
        account.slot = NULL;
    }
    if (account.file == NULL || account.slot != NULL || !lock_file()) {
        return;
    }
    for (int i = 0; i < VG_ACCOUNT_SLOTS && is_full; i++) {
        struct vg_account_slot *slot = &account.file->slots[i];
        if (slot->state != 1 || !vg_account_slot_lives(slot, geteuid())) {
            is_full = false;
            (void)take_slot(slot, client);
        }
    }
    flock(account.fd, LOCK_UN);
    if (account.slot == NULL) {
        vg_log(VG_LOG_ERROR, "no account for this process: %s",
               is_full ? "too many processes use the device" : "is /proc mounted?");
    }
}

void
vg_account_leave(void)
{
    struct vg_account_slot *slot = atomic_exchange(&account.slot, NULL);

    if (slot != NULL && account.owner == getpid()) {
        slot->state = 0;
    }
}

/* The sum over all processes but this one. */
static uint64_t
sum_others(void)
{
    struct vg_account_use *uses = calloc(USES_MAX, sizeof(*uses));
    uint64_t sum = 0;

    if (uses == NULL) {
        return 0;
    }
    size_t count = vg_account_read(account.uuid, uses, USES_MAX);
    count = count < USES_MAX ? count : USES_MAX;
    for (size_t i = 0; i < count; i++) {
        sum += uses[i].used;
    }
    free(uses);
    /* our own slot is among them: nobody else writes it */
    const struct vg_account_slot *slot = account.slot;
    const uint64_t ours = slot != NULL ? slot->used : 0;
    return sum > ours ? sum - ours : 0;
}

uint64_t
vg_account_others(void)
{
    return account.file == NULL ? 0 : sum_others();
}

/* Adds up and remembers. */
static uint64_t
look_at_others(void)
{
    const struct vg_account_slot *slot = account.slot;
    const uint64_t others = sum_others();

    account.others = others;
    account.used_at = slot != NULL ? slot->used : 0;
    account.others_at = vg_account_now();
    return others;
}

uint64_t
vg_account_others_lately(void)
{
    if (account.file == NULL) {
        return 0;
    }
    return vg_account_now() - account.others_at < FRESH_NS ? account.others
                                                           : look_at_others();
}

/* Was there so much room a moment ago that a few processes that each grow by a little
 * since then cannot have filled it? */
static bool
has_plenty(uint64_t used)
{
    return vg_account_now() - account.others_at < FRESH_NS &&
           used <= account.used_at + account.total / 64 &&
           used + account.others <= account.total - account.total / 8;
}

bool
vg_account_set_used(uint64_t used)
{
    struct vg_account_slot *slot = account.slot;

    if (slot == NULL) {
        return true;
    }
    const uint64_t before = slot->used;
    slot->used = used;
    if (used <= before) {
        return true;
    }
    if (has_plenty(used)) {
        return true;
    }
    const uint64_t others = look_at_others();
    if (others <= account.total && used <= account.total - others) {
        return true;
    }
    slot->used = before;
    return false;
}

/* Adds [from, to) to the buckets. */
static void
book(struct vg_account_slot *slot, uint64_t from, uint64_t to)
{
    const uint64_t most = (uint64_t)(VG_ACCOUNT_BUCKETS - 1) << VG_ACCOUNT_SHIFT;

    if (to - from > most) {
        from = to - most;
    }
    while (from < to) {
        const uint64_t index = from >> VG_ACCOUNT_SHIFT;
        const uint64_t end = (index + 1) << VG_ACCOUNT_SHIFT;
        const uint64_t until = end < to ? end : to;
        _Atomic uint64_t *bucket = &slot->bucket[index % VG_ACCOUNT_BUCKETS];
        const uint64_t old = *bucket;
        const uint64_t kept =
            (uint32_t)(old >> 32) == (uint32_t)index ? (uint32_t)old : 0;
        *bucket = index << 32 | (kept + (until - from));
        from = until;
    }
}

void
vg_account_set_busy(bool is_busy)
{
    struct vg_account_slot *slot = account.slot;

    if (slot == NULL) {
        return;
    }
    const uint64_t now = vg_account_now();
    if (is_busy) {
        slot->busy_since = now;
        return;
    }
    const uint64_t since = slot->busy_since;
    slot->busy_since = 0;
    if (since != 0 && since < now) {
        book(slot, since, now);
        slot->last_us = vg_account_time();
    }
}
