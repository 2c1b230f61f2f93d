/* SPDX-License-Identifier: Apache-2.0 */
#include "soft/account.h"

#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "soft/settings.h"

static int contexts;

uint64_t
vg_soft_account_open(const char uuid[16])
{
    const struct vg_settings *settings = vg_settings_get();
    uint64_t total = settings->memory;
    uint8_t bytes[16];

    memcpy(bytes, uuid, sizeof bytes);
    vg_account_open(bytes, &total, settings->memory_is_set);
    if (settings->arena_size != 0 && total > settings->arena_size) {
        total = settings->arena_size;
    }
    return total;
}

/* For whom we work: a worker is told, a program of its own works for itself. */
static pid_t
client(void)
{
    const char *text = secure_getenv("VGPU_CLIENT_PID");
    const long pid = text != NULL ? strtol(text, NULL, 10) : 0;

    return pid > 0 && pid <= 1 << 22 ? (pid_t)pid : 0;
}

void
vg_soft_account_context(int change)
{
    contexts += change;
    if (contexts > 0) {
        vg_account_join(client());
    } else {
        vg_account_leave();
    }
}
