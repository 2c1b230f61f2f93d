/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - a CUDA program that first takes away from itself what the conditions say, then
 * does one thing.
 *
 *     probe [nofile|full|as|fsize|nproc|closed|deny=NAME|subreaper|ignore]... MODE
 *
 * Exit status 0: all was as it must be. "init" reports its results on a copy of stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuda_api.h"

#define FDS_MAX 1024
#define BYTES   (64u << 10)
#define THREADS 64

#define EXPECT(condition)                                                  \
    do {                                                                   \
        if (!(condition)) {                                                \
            dprintf(report, "probe: line %d: %s\n", __LINE__, #condition); \
            _exit(1);                                                      \
        }                                                                  \
    } while (0)

extern char **environ;
int nvmlInit_v2(void);
int nvmlShutdown(void);

static int report = 2;
static char *self;
static bool adopts;
static volatile sig_atomic_t ticks, strangers;
static pthread_barrier_t gate;

static int
count_fds(void)
{
    int count = 0;

    for (int fd = 0; fd < FDS_MAX; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* --- conditions --- */

static void
limit(int what, rlim_t value)
{
    struct rlimit r = { value, value };

    EXPECT(setrlimit((__rlimit_resource_t)what, &r) == 0);
}

static void
deny(const char *name)
{
    static const struct {
        const char *name;
        unsigned number;
    } calls[] = {
        { "socket", SYS_socket },      { "socketpair", SYS_socketpair },
        { "memfd", SYS_memfd_create }, { "clone", SYS_clone },
        { "pidfd", SYS_pidfd_open },   { "eventfd", SYS_eventfd2 },
        { "execve", SYS_execve },      { "ftruncate", SYS_ftruncate },
        { "sendmsg", SYS_sendmsg },    { "prctl", SYS_prctl },
        { "madvise", SYS_madvise },
    };
    unsigned number = ~0u;

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        number = strcmp(name, calls[i].name) == 0 ? calls[i].number : number;
    }
    EXPECT(number != ~0u);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { 4, code };
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(77);
    }
}

/* At exec, the next program's loader lives under this: what no load may do is its end. */
static void
kill_at_load(void)
{
    static const unsigned short never[] = {
        SYS_socket,   SYS_socketpair, SYS_connect,   SYS_memfd_create,
        SYS_clone,    SYS_clone3,     SYS_fork,      SYS_vfork,
        SYS_eventfd2, SYS_pidfd_open, SYS_ftruncate, SYS_prctl,
        SYS_kill,     SYS_madvise,    SYS_pipe2,     SYS_epoll_create1
    };
    enum {
        COUNT = sizeof(never) / sizeof(never[0])
    };
    struct sock_filter code[COUNT + 3];
    struct sock_fprog program = { COUNT + 3, code };

    code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++) {
        code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, never[i],
                                                   (unsigned char)(COUNT - i), 0);
    }
    code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[COUNT + 2] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(77);
    }
}

static void
take_away(const char *condition)
{
    if (strcmp(condition, "nofile") == 0) {
        limit(RLIMIT_NOFILE, 16); /* fewer than the worker's own numbers */
    } else if (strcmp(condition, "full") == 0) {
        limit(RLIMIT_NOFILE, 128);
        while (dup(report) >= 0) {
        }
    } else if (strcmp(condition, "as") == 0) {
        limit(RLIMIT_AS, 256u << 20);
    } else if (strcmp(condition, "fsize") == 0) {
        limit(RLIMIT_FSIZE, 0);
    } else if (strcmp(condition, "nproc") == 0) {
        limit(RLIMIT_NPROC, 1); /* means nothing to root */
    } else if (strcmp(condition, "closed") == 0) {
        for (int fd = 0; fd < 3; fd++) {
            close(fd);
        }
    } else if (strcmp(condition, "subreaper") == 0) {
        EXPECT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        adopts = true;
    } else if (strcmp(condition, "ignore") == 0) {
        signal(SIGCHLD, SIG_IGN);
    } else {
        EXPECT(strncmp(condition, "deny=", 5) == 0);
        deny(condition + 5);
    }
}

/* --- modes --- */

static int
init(void)
{
    const int before = count_fds();
    const int nvml = nvmlInit_v2();
    const int between = count_fds();
    const CUresult cuda = cuInit(0);
    const CUresult again = cuInit(0);

    dprintf(report, "cuda=%d nvml=%d\n", (int)cuda, nvml);
    EXPECT(cuda == again);
    EXPECT(between == before);
    EXPECT(cuda == CUDA_SUCCESS || count_fds() == before);
    for (int fd = 0; fd < 3 && cuda == CUDA_SUCCESS; fd++) {
        struct stat s;
        /* what a program closed does not come to life as something of ours */
        EXPECT(fstat(fd, &s) != 0 || !S_ISSOCK(s.st_mode));
    }
    EXPECT(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    if (!adopts || cuda != CUDA_SUCCESS) {
        EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD);
    }
    return 0;
}

/* One round trip through the device. */
static void
work(void)
{
    static _Thread_local unsigned char in[BYTES], out[BYTES];
    CUcontext context;
    CUdeviceptr memory;

    EXPECT(cuInit(0) == CUDA_SUCCESS);
    EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
    EXPECT(cuCtxSetCurrent(context) == CUDA_SUCCESS);
    memset(in, (int)(ticks & 0x7f) + 1, sizeof(in));
    EXPECT(cuMemAlloc_v2(&memory, BYTES) == CUDA_SUCCESS);
    EXPECT(cuMemcpyHtoD_v2(memory, in, BYTES) == CUDA_SUCCESS);
    EXPECT(cuMemcpyDtoH_v2(out, memory, BYTES) == CUDA_SUCCESS);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
    EXPECT(memcmp(in, out, BYTES) == 0);
    EXPECT(cuMemFree_v2(memory) == CUDA_SUCCESS);
}

static int
work_once(void)
{
    work();
    return 0;
}

static void
expect_child(pid_t child, int wanted)
{
    int status;

    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

/* The child is first, and is a client of its own. */
static int
fork_fresh(void)
{
    pid_t child = fork();

    if (child == 0) {
        work();
        exit(9);
    }
    expect_child(child, 9);
    work();
    child = fork();
    if (child == 0) {
        exit(8); /* uses nothing */
    }
    expect_child(child, 8);
    work();
    return 0;
}

/* Everything that the parent had open is something else in the child. */
static int
fork_reuse(void)
{
    work();
    const pid_t child = fork();
    if (child == 0) {
        for (int fd = 3; fd < FDS_MAX; fd++) {
            if (fd != report) {
                close(fd);
            }
        }
        while (open("/dev/null", O_RDWR) < FDS_MAX - 2) {
        }
        const int before = count_fds();
        EXPECT(cuInit(0) == CUDA_ERROR_NOT_INITIALIZED);
        EXPECT(cuCtxSynchronize() == CUDA_ERROR_NOT_INITIALIZED);
        EXPECT(nvmlInit_v2() != 99);
        EXPECT(count_fds() == before);
        exit(9);
    }
    expect_child(child, 9);
    work();
    return 0;
}

/* Files of the program's own under all low numbers stay what they are. */
static void
work_among_files(void)
{
    for (int fd = 3; fd < FDS_MAX; fd++) {
        if (fd != report) {
            close(fd);
        }
    }
    while (open("/dev/null", O_RDWR) < FDS_MAX - 100) {
    }
    const int before = count_fds();
    work();
    EXPECT(count_fds() >= before);
    for (int fd = 0; fd < FDS_MAX - 100; fd++) {
        EXPECT(fcntl(fd, F_GETFD) == 0);
    }
}

/* A parent that only asked for the version: its child is a client of its own, and closes
 * nothing that is the child's. */
static int
fork_version(void)
{
    int version;

    EXPECT(cuDriverGetVersion(&version) == CUDA_SUCCESS);
    const pid_t child = fork();
    if (child == 0) {
        work_among_files();
        exit(9);
    }
    expect_child(child, 9);
    work();
    return 0;
}

/* The same without a fork: the connection is lost, and nothing of the program's is
 * touched. */
static int
reuse(void)
{
    char path[] = P_tmpdir "/vgpu-harmless-XXXXXX";
    struct stat s;
    CUresult result;
    int tries = 0;

    const int file = mkstemp(path);
    EXPECT(file >= 0 && unlink(path) == 0);
    work();
    for (int fd = 3; fd < FDS_MAX; fd++) {
        if (fd != report && fd != file) {
            close(fd);
        }
    }
    while (dup(file) < FDS_MAX - 2) {
    }
    do {
        result = cuCtxSynchronize();
    } while (result == CUDA_SUCCESS && ++tries < 100000);
    EXPECT(result == CUDA_ERROR_LAUNCH_FAILED);
    EXPECT(fstat(file, &s) == 0 && s.st_size == 0);
    return 0;
}

static void
become_daemon(void)
{
    int pair[2];
    char byte = 1;

    EXPECT(pipe(pair) == 0);
    const pid_t child = fork();
    if (child != 0) {
        close(pair[1]);
        EXPECT(read(pair[0], &byte, 1) == 1 && byte == 0);
        expect_child(child, 0);
        exit(0);
    }
    EXPECT(setsid() == getpid());
    if (fork() != 0) {
        _exit(0);
    }
    EXPECT(chdir("/") == 0);
    umask(0);
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (fd != pair[1] && fd != report) {
            close(fd);
        }
    }
    report = pair[1]; /* the caller writes its verdict there */
}

static int
daemon_before(void)
{
    become_daemon();
    work();
    return (int)write(report, "", 1) - 1;
}

static int
daemon_after(void)
{
    work();
    become_daemon();
    EXPECT(cuInit(0) == CUDA_ERROR_NOT_INITIALIZED);
    return (int)write(report, "", 1) - 1;
}

static int
exec_in_between(void)
{
    static char verb[] = "work";
    char *const nothing[] = { self, NULL };
    char *const again[] = { self, verb, NULL };
    pid_t child;

    work();
    EXPECT(posix_spawn(&child, "/bin/true", NULL, NULL, nothing, environ) == 0);
    expect_child(child, 0);
    EXPECT(posix_spawn(&child, self, NULL, NULL, again, environ) == 0);
    expect_child(child, 0);
    child = vfork();
    if (child == 0) {
        execv("/bin/true", nothing);
        _exit(1);
    }
    expect_child(child, 0);
    work();
    execv(self, again);
    return 1;
}

static int
nothing(void)
{
    return 0;
}

static int
load(void)
{
    static char verb[] = "nothing";
    char *const arguments[] = { self, verb, NULL };

    kill_at_load();
    execv(self, arguments);
    return 1;
}

/* One descriptor of ours, the one that HOLE counts, is closed or becomes another file. */
static int
hole(void)
{
    const char *asked = getenv("HOLE");
    const int wanted = asked != NULL ? atoi(asked) : 0;
    const int null = open("/dev/null", O_RDWR);
    int at = -1, seen = 0;
    CUresult result = CUDA_SUCCESS;

    const int before = count_fds();
    work();
    EXPECT(wanted / 2 < count_fds() - before);
    for (int fd = null + 1; fd < FDS_MAX && at < 0; fd++) {
        if (fd != report && fcntl(fd, F_GETFD) >= 0 && seen++ == wanted / 2) {
            at = fd;
        }
    }
    EXPECT(at >= 0 && (wanted % 2 != 0 ? dup2(null, at) == at : close(at) == 0));
    for (int i = 0; i < 100 && result == CUDA_SUCCESS; i++) {
        result = cuCtxSynchronize();
    }
    EXPECT(result == CUDA_SUCCESS || result == CUDA_ERROR_LAUNCH_FAILED);
    return 0;
}

/* --- threads --- */

static pthread_key_t key;

/* Runs when the thread ends, before or after the library's own. */
static void
at_thread_end(void *context)
{
    EXPECT(cuCtxSetCurrent(context) == CUDA_SUCCESS);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
}

static void *
first(void *arg)
{
    pthread_barrier_wait(&gate);
    work();
    return arg;
}

static void *
later(void *arg)
{
    CUdevice device;

    EXPECT(pthread_setspecific(key, arg) == 0);
    EXPECT(cuDeviceGet(&device, 0) == CUDA_SUCCESS);
    EXPECT(cuCtxSetCurrent(arg) == CUDA_SUCCESS);
    EXPECT(cuCtxSynchronize() == CUDA_SUCCESS);
    return NULL;
}

static int
storm(void)
{
    pthread_t threads[THREADS];
    CUcontext context;

    pthread_key_create(&key, at_thread_end);
    pthread_barrier_init(&gate, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, first, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
    EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
    const int before = count_fds();
    for (int i = 0; i < 1000; i++) {
        EXPECT(pthread_create(&threads[0], NULL, later, context) == 0);
        EXPECT(pthread_join(threads[0], NULL) == 0);
    }
    EXPECT(count_fds() == before);
    return 0;
}

/* --- signals --- */

static void
tick(int signal_number)
{
    const int error = errno;

    (void)signal_number;
    ticks++;
    (void)!write(-1, "", 1);
    errno = error;
}

static int
alarms_with(int flags)
{
    const struct itimerval often = { { 0, 300 }, { 0, 300 } },
                           never = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_handler = tick, .sa_flags = flags };

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 200 || (ticks < 50 && i < 100000); i++) {
        work();
    }
    setitimer(ITIMER_REAL, &never, NULL);
    EXPECT(ticks >= 50);
    return 0;
}

static int
alarms(void)
{
    return alarms_with(0);
}

static int
alarms_restart(void)
{
    return alarms_with(SA_RESTART);
}

static void
reap(int signal_number)
{
    const int error = errno;

    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
        strangers++;
    }
    errno = error;
}

static int
reaper(void)
{
    signal(SIGCHLD, reap);
    EXPECT(nvmlInit_v2() == 0);
    work();
    EXPECT(strangers == 0);
    EXPECT(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
    EXPECT(nvmlShutdown() == 0);
    return 0;
}

/* --- other changes under way --- */

static int
drop(void)
{
    char path[] = P_tmpdir "/vgpu-harmless-XXXXXX";
    pthread_t thread;

    work();
    umask(0777);
    limit(RLIMIT_CORE, 0);
    EXPECT(mkdtemp(path) != NULL && chmod(path, 0755) == 0 && chdir(path) == 0);
    if (geteuid() == 0) {
        EXPECT(chroot(path) == 0);
        EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
    }
    pthread_barrier_init(&gate, NULL, 1);
    EXPECT(pthread_create(&thread, NULL, first, NULL) == 0); /* with a new lane */
    EXPECT(pthread_join(thread, NULL) == 0);
    work();
    dprintf(report, "%s\n", path);
    return 0;
}

static void
leave(void *status)
{
    exit(*(int *)status);
}

static int
exit_in_callback(void)
{
    static int status = 0;

    work();
    EXPECT(cuLaunchHostFunc(NULL, leave, &status) == CUDA_SUCCESS);
    (void)cuCtxSynchronize();
    for (;;) {
        pause();
    }
}

static const struct {
    const char *name;
    int (*run)(void);
} modes[] = {
    { "init", init },
    { "work", work_once },
    { "nothing", nothing },
    { "load", load },
    { "hole", hole },
    { "fork", fork_fresh },
    { "fork-reuse", fork_reuse },
    { "fork-version", fork_version },
    { "reuse", reuse },
    { "daemon-before", daemon_before },
    { "daemon-after", daemon_after },
    { "exec", exec_in_between },
    { "storm", storm },
    { "alarms", alarms },
    { "alarms-restart", alarms_restart },
    { "reaper", reaper },
    { "drop", drop },
    { "exit-in-callback", exit_in_callback },
};

int
main(int argc, char **argv)
{
    self = argv[0];
    report = fcntl(2, F_DUPFD, 10);
    EXPECT(argc > 1);
    for (int i = 1; i < argc - 1; i++) {
        take_away(argv[i]);
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[argc - 1], modes[i].name) == 0) {
            return modes[i].run();
        }
    }
    return 2;
}
