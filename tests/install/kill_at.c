/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_at - preloaded into a program, ends it (SIGKILL) before its KILL_AT-th change of
 * the file system, counted from 1.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void
count(void)
{
    static long done;
    const char *text = getenv("KILL_AT");

    if (text != NULL && ++done == strtol(text, NULL, 10)) {
        (void)raise(SIGKILL);
    }
}

#define WRAP(name, parameters, arguments)          \
    EXPORT int name parameters                     \
    {                                              \
        int(*real) parameters;                     \
                                                   \
        count();                                   \
        *(void **)&real = dlsym(RTLD_NEXT, #name); \
        return real arguments;                     \
    }

WRAP(mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(rename, (const char *old, const char *new), (old, new))
WRAP(symlink, (const char *from, const char *to), (from, to))
WRAP(unlink, (const char *name), (name))
WRAP(rmdir, (const char *path), (path))
WRAP(fdatasync, (int fildes), (fildes))
