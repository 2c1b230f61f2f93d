/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - the range of addresses that client and worker agree on.
 *
 * Device memory lies at its start and is PROT_NONE here, so that a device pointer is
 * never also a live host pointer; the window follows and is mapped at the same address on
 * both sides. Not in core dumps, not in a forked child.
 */
#include "shim/conn.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/log.h"

#define GIB         (1ull << 30)
#define ARENA_SIZE  (256 * GIB)
#define WINDOW_SIZE (84 * GIB)

int
vg_address_reserve(unsigned attempt)
{
    static const uint64_t bases[] = {
        0x550000000000, /* below every position-independent program */
        0x400000000000,
#ifndef __SANITIZE_THREAD__
        0x200000000000,
#endif
    };

    if (attempt >= sizeof(bases) / sizeof(bases[0])) {
        return -ENOENT;
    }
    void *base = (void *)(uintptr_t)bases[attempt];
    void *got =
        mmap(base, ARENA_SIZE + WINDOW_SIZE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED && errno == ENOMEM) {
        vg_log(VG_LOG_ERROR,
               "cannot reserve 340 GiB of addresses; is RLIMIT_AS (ulimit -v) set?");
        return -ENOMEM;
    }
    if (got != base) {
        if (got != MAP_FAILED) { /* a kernel before 4.17 ignores the flag */
            munmap(got, ARENA_SIZE + WINDOW_SIZE);
        }
        return 1;
    }
    (void)madvise(base, ARENA_SIZE, MADV_DONTDUMP);
    (void)madvise(base, ARENA_SIZE, MADV_DONTFORK);
    vg_conn.arena_base = bases[attempt];
    vg_conn.arena_size = ARENA_SIZE;
    vg_conn.window_base = bases[attempt] + ARENA_SIZE;
    vg_conn.window_size = WINDOW_SIZE;
    return 0;
}

void
vg_address_release(void)
{
    munmap((void *)(uintptr_t)vg_conn.arena_base, ARENA_SIZE + WINDOW_SIZE);
    vg_conn.arena_size = 0;
    vg_conn.window_size = 0;
}
