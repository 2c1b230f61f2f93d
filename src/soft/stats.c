/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats - the counters' table and the thread that writes them.
 *
 * Rows are never removed, so that a pointer to one stays good. The writer sleeps until
 * something changes, then writes at most ten times a second.
 */
#include "soft/stats.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "soft/op.h"
#include "soft/settings.h"

#define INTERVAL_NS 100000000L

enum row_kind {
    ROW_KERNEL,
    ROW_SASS_ONLY,
    ROW_UNSUPPORTED,
};

struct vg_stats_kernel {
    struct vg_stats_kernel *next;
    enum row_kind kind;
    uint64_t count;
    char *why;
    char name[];
};

static struct {
    pthread_mutex_t lock, write_lock;
    pthread_cond_t changed;
    struct vg_stats_kernel *first, **last;
    uint64_t launches;
    const char *path;
    char device[256];
    pid_t pid;
    bool is_dirty;
} stats = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .write_lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
    .last = &stats.first,
};

static struct vg_stats_kernel *
row(enum row_kind kind, const char *name)
{
    for (struct vg_stats_kernel *r = stats.first; r != NULL; r = r->next) {
        if (r->kind == kind && strcmp(r->name, name) == 0) {
            return r;
        }
    }
    size_t size = strlen(name) + 1;
    struct vg_stats_kernel *r = calloc(1, sizeof *r + size);
    if (r != NULL) {
        memcpy(r->name, name, size);
        r->kind = kind;
        *stats.last = r;
        stats.last = &r->next;
    }
    return r;
}

static void
mark_changed(void)
{
    if (!stats.is_dirty) {
        stats.is_dirty = true;
        pthread_cond_signal(&stats.changed);
    }
}

static bool
is_kept(void)
{
    return stats.path != NULL;
}

struct vg_stats_kernel *
vg_stats_kernel(const char *name)
{
    if (!is_kept()) {
        return NULL;
    }
    pthread_mutex_lock(&stats.lock);
    struct vg_stats_kernel *r = row(ROW_KERNEL, name);
    pthread_mutex_unlock(&stats.lock);
    return r;
}

void
vg_stats_launch(struct vg_stats_kernel *kernel)
{
    if (kernel == NULL) {
        return;
    }
    pthread_mutex_lock(&stats.lock);
    kernel->count++;
    stats.launches++;
    mark_changed();
    pthread_mutex_unlock(&stats.lock);
}

void
vg_stats_sass_only(const char *name)
{
    if (!is_kept()) {
        return;
    }
    pthread_mutex_lock(&stats.lock);
    struct vg_stats_kernel *r = row(ROW_SASS_ONLY, name);
    if (r != NULL) {
        r->count++;
    }
    mark_changed();
    pthread_mutex_unlock(&stats.lock);
}

void
vg_stats_unsupported(const char *name, const char *why)
{
    if (!is_kept()) {
        return;
    }
    pthread_mutex_lock(&stats.lock);
    struct vg_stats_kernel *r = row(ROW_UNSUPPORTED, name);
    if (r != NULL) {
        r->count++;
        if (r->why == NULL) {
            r->why = strdup(why);
        }
    }
    mark_changed();
    pthread_mutex_unlock(&stats.lock);
}

void
vg_stats_touch(void)
{
    if (!is_kept()) {
        return;
    }
    pthread_mutex_lock(&stats.lock);
    mark_changed();
    pthread_mutex_unlock(&stats.lock);
}

/* Lock held. */
static void
print_rows(FILE *file)
{
    for (const struct vg_stats_kernel *r = stats.first; r != NULL; r = r->next) {
        switch (r->kind) {
        case ROW_KERNEL:
            fprintf(file, "kernel\t%s\t%llu\n", r->name, (unsigned long long)r->count);
            break;
        case ROW_SASS_ONLY:
            fprintf(file, "sass_only\t%s\t%llu\n", r->name, (unsigned long long)r->count);
            break;
        case ROW_UNSUPPORTED:
            fprintf(file, "unsupported\t%s: %s\t%llu\n", r->name,
                    r->why != NULL ? r->why : "", (unsigned long long)r->count);
            break;
        }
    }
}

static void
write_file(bool running)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s.%d", stats.path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof path) {
        return;
    }
    pthread_mutex_lock(&stats.write_lock);
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        pthread_mutex_lock(&stats.lock);
        fprintf(file,
                "device\t%s\nrunning\t%d\nlaunches\t%llu\nwarp_instructions\t%llu\n",
                stats.device, running, (unsigned long long)stats.launches,
                (unsigned long long)vg_op_warp_instructions());
        print_rows(file);
        pthread_mutex_unlock(&stats.lock);
        if (fclose(file) != 0 || rename(path, stats.path) != 0) {
            unlink(path);
        }
    }
    pthread_mutex_unlock(&stats.write_lock);
}

static void *
writer_main(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&stats.lock);
        while (!stats.is_dirty) {
            pthread_cond_wait(&stats.changed, &stats.lock);
        }
        stats.is_dirty = false;
        pthread_mutex_unlock(&stats.lock);
        bool running = vg_op_engine_is_busy();
        write_file(running);
        struct timespec pause = { .tv_nsec = INTERVAL_NS };
        nanosleep(&pause, NULL);
        if (running) {
            vg_stats_touch(); /* instructions go on counting without a launch */
        }
    }
    return NULL;
}

void
vg_stats_init(const char *device_name)
{
    stats.path = vg_settings_get()->stats;
    if (!is_kept()) {
        return;
    }
    stats.pid = getpid();
    snprintf(stats.device, sizeof stats.device, "%s", device_name);
    write_file(false);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    if (pthread_create(&thread, NULL, writer_main, NULL) == 0) {
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

__attribute__((destructor)) static void
write_last(void)
{
    if (is_kept() && stats.pid == getpid()) {
        write_file(false);
    }
}
