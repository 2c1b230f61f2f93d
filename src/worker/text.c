/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - what kernels print.
 *
 * A driver prints to fd 1. Behind it lies a memfd, so that printing never blocks; each
 * reply takes what has come since. Consumed pages are given back.
 */
#include "worker/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* At most this much travels with one reply; the rest comes with the next. */
#define TEXT_MAX (16u << 20)

static pthread_mutex_t text_lock = PTHREAD_MUTEX_INITIALIZER;
static off_t text_taken;

int
vg_text_open(void)
{
    const int fd = memfd_create("vgpu-printf", MFD_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    /* O_APPEND: two threads of a driver must not overwrite each other */
    if (fcntl(fd, F_SETFL, O_APPEND) != 0 || dup2(fd, STDOUT_FILENO) < 0) {
        close(fd);
        return -errno;
    }
    vg_session.text = fd;
    return 0;
}

char *
vg_text_take(uint32_t *out_size)
{
    struct stat st;
    char *text = NULL;

    fflush(stdout); /* a driver in this process may use stdio */
    pthread_mutex_lock(&text_lock);
    if (fstat(vg_session.text, &st) == 0 && st.st_size > text_taken) {
        size_t size = (size_t)(st.st_size - text_taken);
        size = size < TEXT_MAX ? size : TEXT_MAX;
        text = malloc(size);
        const ssize_t n =
            text != NULL ? pread(vg_session.text, text, size, text_taken) : -1;
        if (n > 0) {
            *out_size = (uint32_t)n;
            (void)fallocate(vg_session.text, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            text_taken & ~(off_t)4095,
                            ((text_taken + n) & ~(off_t)4095) -
                                (text_taken & ~(off_t)4095));
            text_taken += n;
        } else {
            free(text);
            text = NULL;
        }
    }
    pthread_mutex_unlock(&text_lock);
    return text;
}
