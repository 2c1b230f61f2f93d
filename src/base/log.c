/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define UNKNOWN (-1)

static const char *const level_names[] = {
    [VG_LOG_NONE] = "none",   [VG_LOG_ERROR] = "error", [VG_LOG_INFO] = "info",
    [VG_LOG_DEBUG] = "debug", [VG_LOG_TRACE] = "trace",
};

/* Both are written by the first message; racing threads compute the same values. */
static _Atomic int current_level = UNKNOWN;
static _Atomic int log_fd = STDERR_FILENO;

static int
read_settings(void)
{
    const char *text = secure_getenv("VGPU_LOG");
    const char *path = secure_getenv("VGPU_LOG_FILE");
    int level = VG_LOG_NONE;

    for (int i = 0; text != NULL && i <= VG_LOG_TRACE; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            level = i;
        }
    }
    if (level != VG_LOG_NONE && path != NULL) {
        const int fd =
            vg_fd_away(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), 3);
        if (fd >= 0) {
            atomic_store_explicit(&log_fd, fd, memory_order_relaxed);
        }
    }
    /* pairs with the acquire load in vg_log_enabled: the fd is set before the level */
    atomic_store_explicit(&current_level, level, memory_order_release);
    return level;
}

bool
vg_log_enabled(enum vg_log_level level)
{
    /* pairs with the release store in read_settings */
    int now = atomic_load_explicit(&current_level, memory_order_acquire);

    if (now == UNKNOWN) {
        now = read_settings();
    }
    return (int)level <= now;
}

void
vg_log(enum vg_log_level level, const char *format, ...)
{
    char line[1024];
    int used;
    va_list args;

    if (!vg_log_enabled(level)) {
        return;
    }
    used = snprintf(line, sizeof(line), "vgpu: %s: ", level_names[level]);
    va_start(args, format);
    int more = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
    va_end(args);

    size_t length = strlen(line);
    if (more < 0) {
        return;
    }
    line[length] = '\n';
    ssize_t written =
        write(atomic_load_explicit(&log_fd, memory_order_relaxed), line, length + 1);
    (void)written; /* a log that cannot be written must not disturb the program */
}
