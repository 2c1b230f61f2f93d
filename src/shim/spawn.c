/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn - starts a private worker that the program never sees as its child.
 *
 * execve resets a process's exit signal, so a worker that were our child would be seen by
 * waitpid(-1). A middle process (clone with exit signal 0) starts the worker and exits;
 * we reap the middle with __WCLONE, which no plain wait does. If we are PID 1 or a
 * subreaper, the orphan would come back to us: then the middle stays as the worker's
 * parent.
 *
 * Until exec the children share our memory: they make raw system calls only, which touch
 * no errno, and read what was prepared before.
 */
#include "shim/conn.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

/* The same function as clone(), by the name that sanitizers do not intercept: they take
 * the child for a fork of its own and would mark this process's state. */
int __clone(int (*function)(void *), void *stack, int flags, void *arg, ...);

/* Nor may instrumented code run where two processes share one thread's state. */
#define UNSANITIZED __attribute__((no_sanitize("address", "thread", "undefined")))

#define STACK_SIZE  (64u << 10)
#define ENV_MAX     128
#define WORKER_FD   3
#define KERNEL_SIGS 64
#define REAP_MS     2000

struct plan {
    char program[PATH_MAX];
    char *arguments[4];
    char *environment[ENV_MAX];
    int socket; /* the worker's end */
    uint8_t *worker_stack_top;
    bool middle_stays;
    int error; /* of exec; written by the child */
};

/* A system call that does not touch errno: the caller's thread owns that. */
UNSANITIZED static long
raw(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
#else
#error "spawn.c: add this architecture's system call instruction"
#endif
}

/* Signals as a new process expects them; the table is ours alone (no CLONE_SIGHAND). */
UNSANITIZED static void
reset_signals(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } action = { 0 };
    const unsigned long none = 0;

    for (int i = 1; i <= KERNEL_SIGS; i++) {
        (void)raw(SYS_rt_sigaction, i, (long)&action, 0, sizeof(none));
    }
    (void)raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof(none));
}

UNSANITIZED static int
become_worker(void *arg)
{
    struct plan *plan = arg;

    (void)raw(SYS_setsid, 0, 0, 0, 0); /* the terminal's ^C is for the program */
    /* the socket has a higher number, so nothing that is needed is replaced */
    (void)raw(SYS_dup2, plan->socket, WORKER_FD, 0, 0);
    if (raw(SYS_close_range, WORKER_FD + 1, UINT_MAX, 0, 0) < 0) {
        for (long fd = WORKER_FD + 1; fd < 65536; fd++) { /* a kernel before 5.9 */
            (void)raw(SYS_close, fd, 0, 0, 0);
        }
    }
    /* only now: the program's table may have been full */
    long null = raw(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR, 0);
    if (null < 0) { /* a root without devices: an empty file of our own */
        null = raw(SYS_memfd_create, (long)"vgpu-null", 0, 0, 0);
    }
    (void)raw(SYS_dup2, null, 0, 0, 0);
    (void)raw(SYS_dup2, null, 1, 0, 0);
    if (raw(SYS_fcntl, 2, F_GETFD, 0, 0) < 0) {
        (void)raw(SYS_dup2, null, 2, 0, 0);
    }
    if (null > WORKER_FD) {
        (void)raw(SYS_close, null, 0, 0, 0);
    }
    reset_signals();
    const long r = raw(SYS_execve, (long)plan->program, (long)plan->arguments,
                       (long)plan->environment, 0);
    plan->error = (int)-r;
    raw(SYS_exit, 127, 0, 0, 0);
    return 0;
}

UNSANITIZED static int
be_middle(void *arg)
{
    struct plan *plan = arg;
    int status;

    const int pid =
        __clone(become_worker, plan->worker_stack_top, CLONE_VM | CLONE_VFORK, plan);
    if (pid < 0) {
        plan->error = EAGAIN;
    } else if (plan->middle_stays) {
        /* hold nothing of the program open while we wait */
        (void)raw(SYS_close_range, 0, UINT_MAX, 0, 0);
        while (raw(SYS_wait4, pid, (long)&status, __WALL, 0) == -EINTR) {
        }
    }
    raw(SYS_exit, 0, 0, 0, 0);
    return 0;
}

static int
find_self(struct dl_phdr_info *info, size_t size, void *arg)
{
    char *out = arg;
    const uintptr_t here = (uintptr_t)&find_self;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && here >= start &&
            here - start < info->dlpi_phdr[i].p_memsz) {
            /* realpath() and not the name: libcuda.so.1 may be a link elsewhere */
            if (realpath(info->dlpi_name, out) == NULL) {
                out[0] = '\0';
            }
            return 1;
        }
    }
    return 0;
}

/* The worker beside this library: in the build folder and as installed. */
static bool
find_program(char *out)
{
    static const char *const places[] = {
        "../vgpu-worker",         "vgpu-worker",
        "../bin/vgpu-worker",     "../../bin/vgpu-worker",
        "../libexec/vgpu-worker", "../vgpu/vgpu-worker",
        "vgpu/vgpu-worker",       "../lib/vgpu/vgpu-worker"
    };
    const char *named = secure_getenv("VGPU_WORKER");
    char self[PATH_MAX] = "", joined[PATH_MAX + 32];

    if (named != NULL && named[0] != '\0') {
        return realpath(named, out) != NULL;
    }
    (void)dl_iterate_phdr(find_self, self);
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(joined, sizeof(joined), "%s/%s", self, places[i]);
        if (access(joined, X_OK) == 0 && realpath(joined, out) != NULL) {
            return true;
        }
    }
    return false;
}

/* Ours, and what a program needs to find its files; nothing that loads code. */
static bool
is_kept(const char *entry)
{
    static const char *const kept[] = { "PATH=", "HOME=",           "TMPDIR=",
                                        "LANG=", "XDG_CACHE_HOME=", "XDG_RUNTIME_DIR=" };

    if (strncmp(entry, "VGPU_", 5) == 0) {
        return strncmp(entry, "VGPU_ENDPOINT=", 14) != 0;
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (strncmp(entry, kept[i], strlen(kept[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void
make_environment(struct plan *plan)
{
    static char marker[] = "VGPU_INSIDE_WORKER=1";
    size_t count = 0;

    plan->environment[count++] = marker;
    for (char **e = environ; e != NULL && *e != NULL && count < ENV_MAX - 1; e++) {
        if (is_kept(*e)) {
            plan->environment[count++] = *e;
        }
    }
    plan->environment[count] = NULL;
}

static bool
adopts_orphans(void)
{
    int subreaper = 0;

    (void)prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
    return getpid() == 1 || subreaper != 0;
}

/* The middle that stayed, and what it runs on. Under the callers' locks. */
static pid_t staying;
static void *staying_memory;
static size_t staying_size;

void
vg_worker_reap(void)
{
    const struct timespec moment = { .tv_nsec = 1000000 };

    for (int i = 0; staying > 0 && i < REAP_MS; i++) {
        const pid_t got = waitpid(staying, NULL, __WCLONE | WNOHANG);
        if (got == staying) {
            munmap(staying_memory, staying_size);
            staying = 0;
        } else if (got < 0 && errno != EINTR) {
            staying = 0; /* not ours (any more) */
        } else {
            nanosleep(&moment, NULL);
        }
    }
}

/* Runs the middle with all signals blocked. Return: 0 or -errno. */
static int
run_middle(struct plan *plan, uint8_t *middle_stack_top)
{
    sigset_t all, old;
    int flags = CLONE_VM;

    if (!plan->middle_stays) {
        flags |= CLONE_VFORK;
    }
    sigfillset(&all);
    /* a thread's own mask on Linux, and older than pthread_sigmask of glibc 2.32 */
    sigprocmask(SIG_BLOCK, &all, &old);
    const int pid = __clone(be_middle, middle_stack_top, flags, plan);
    const int error = errno;
    if (pid >= 0 && !plan->middle_stays) {
        while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR) {
        }
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (plan->middle_stays && pid > 0) {
        staying = pid;
    }
    return pid < 0 ? -error : 0;
}

/* Our end, and the worker's: with a number that become_worker() does not need. */
static int
open_pair(int *fds)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return -errno;
    }
    fds[0] = vg_fd_away(fds[0], 3);
    fds[1] = vg_fd_away(fds[1], WORKER_FD + 1);
    if (fds[0] < 0 || fds[1] < 0) {
        close(fds[0] >= 0 ? fds[0] : fds[1]);
        return -EMFILE;
    }
    return 0;
}

int
vg_worker_spawn(void)
{
    static char name[] = "vgpu-worker", option[] = "--fd", number[] = "3";
    const size_t size = 2 * STACK_SIZE + ((sizeof(struct plan) + 4095) & ~4095ul);
    int fds[2], r;

    if (secure_getenv("VGPU_INSIDE_WORKER") != NULL) {
        return -ELOOP; /* a worker that was made to load this library */
    }
    /* never freed when the middle stays: it lives on these stacks */
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        return -ENOMEM;
    }
    struct plan *plan = (struct plan *)(memory + 2 * STACK_SIZE);
    r = -ENOENT;
    if (!find_program(plan->program)) {
        vg_log(VG_LOG_ERROR, "cannot find vgpu-worker beside this library; set "
                             "VGPU_WORKER to its path");
        goto err_unmap;
    }
    r = open_pair(fds);
    if (r != 0) {
        goto err_unmap;
    }
    plan->arguments[0] = name;
    plan->arguments[1] = option;
    plan->arguments[2] = number;
    make_environment(plan);
    plan->socket = fds[1];
    plan->worker_stack_top = memory + STACK_SIZE;
    plan->middle_stays = adopts_orphans();
    staying_memory = memory;
    staying_size = size;
    r = run_middle(plan, memory + 2 * STACK_SIZE);
    if (r == 0 && plan->error != 0) {
        r = -plan->error;
    }
    if (r != 0) {
        vg_log(VG_LOG_ERROR, "cannot start '%s': %s", plan->program, strerror(-r));
        goto err_close;
    }
    close(fds[1]);
    if (!plan->middle_stays) {
        munmap(memory, size);
    }
    return fds[0];

err_close:
    close(fds[0]);
    close(fds[1]);
err_unmap:
    munmap(memory, size);
    return r;
}

int
vg_worker_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const size_t length = strlen(path);

    if (length >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, length + 1);
    const int fd = vg_fd_away(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), 3);
    int r;
    if (fd < 0) {
        return fd;
    }
    do { /* a full backlog makes it wait */
        r = connect(fd, (struct sockaddr *)&address, sizeof(address));
    } while (r != 0 && errno == EINTR);
    if (r != 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}
