/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vgpu-worker - executes one client's CUDA calls on the driver at a path.
 *
 *     vgpu-worker --fd N [--driver PATH]       serves the client behind socket N
 *     vgpu-worker --listen PATH [--driver PATH] starts one worker for each connection
 *
 * --nvml PATH, or VGPU_NVML, names the driver's NVML when it does not lie beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/session.h"

#if defined(__SANITIZE_THREAD__)
/* A worker starts with a clean environment, so it has its options here: it ends within a
 * second of its client, and the sanitizer would wait that second for late races. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *
__tsan_default_options(void)
{
    return "atexit_sleep_ms=0";
}
#endif

/* The software GPU beside this program: in the build folder and as installed. */
static const char *
default_driver(char *buffer, size_t size)
{
    static const char *const places[] = {
        "lib/libvgpu-soft.so",
        "libvgpu-soft.so",
        "../lib/vgpu/libvgpu-soft.so",
        "../lib/libvgpu-soft.so",
    };
    char self[PATH_MAX];

    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0) {
        return "libvgpu-soft.so";
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(buffer, size, "%s/%s", self, places[i]);
        if (access(buffer, R_OK) == 0) {
            return buffer;
        }
    }
    return "libvgpu-soft.so";
}

static int
serve(int fd, const char *driver)
{
    /* nothing that a kernel prints may reach the client's terminal by itself */
    int r = vg_text_open();
    if (r == 0) {
        r = vg_session_open(fd, driver);
    }
    if (r != 0) {
        vg_log(VG_LOG_ERROR, "worker: no session: %s", strerror(-r));
        return 1;
    }
    vg_session_run();
}

/* One process for each client: a fresh exec, so that no state is shared. The client's
 * number is for others to read: a host's NVML knows the worker alone (nvml_host.c). */
static void
start_for(int connection, const char *driver)
{
    char number[16], client[16];
    struct ucred peer = { 0 };
    socklen_t size = sizeof(peer);

    (void)getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    snprintf(client, sizeof(client), "%d", (int)peer.pid);
    const pid_t pid = fork();
    if (pid != 0) {
        close(connection);
        return;
    }
    snprintf(number, sizeof(number), "%d", connection);
    (void)fcntl(connection, F_SETFD, 0);
    execl("/proc/self/exe", "vgpu-worker", "--fd", number, "--driver", driver, "--client",
          client, (char *)NULL);
    _exit(127);
}

static int
listen_on(const char *path, const char *driver)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const size_t length = strlen(path);

    if (length >= sizeof(address.sun_path)) {
        fprintf(stderr, "vgpu-worker: '%s' is too long for a socket's path\n", path);
        return 1;
    }
    memcpy(address.sun_path, path, length + 1);
    (void)unlink(path); /* left over from an earlier run */
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const mode_t old = umask(0077);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 16) != 0) {
        fprintf(stderr, "vgpu-worker: cannot listen on '%s': %s\n", path,
                strerror(errno));
        return 1;
    }
    umask(old);
    signal(SIGCHLD, SIG_IGN); /* nobody waits for the workers */
    printf("vgpu-worker: listening on %s\n", path);
    fflush(stdout);
    for (;;) {
        const int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (connection >= 0) {
            start_for(connection, driver);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return 1;
        }
    }
}

static const char usage[] =
    "usage: vgpu-worker --listen PATH [--driver DRIVER] [--nvml LIBRARY]\n\n"
    "Waits on the local socket PATH, and executes the CUDA calls of each program that\n"
    "connects in a process of its own. A program is sent there by VGPU_ENDPOINT=unix:PATH.\n"
    "\n  --driver DRIVER  the CUDA driver to load (a libcuda.so.1), the software GPU\n"
    "                   unless given\n"
    "  --nvml LIBRARY   what answers monitors: the libnvidia-ml.so.1 beside the driver\n"
    "                   unless given\n";

/* What the command line says. */
struct request {
    const char *listen;
    const char *driver;
    int fd; /* started by a client, or by the one that listens; else -1 */
    bool wants_help;
};

/* Return: 0, or -EINVAL after getopt's own message. */
static int
read_request(int argc, char **argv, struct request *out)
{
    static const struct option options[] = {
        { "fd", required_argument, NULL, 'f' },
        { "driver", required_argument, NULL, 'd' },
        { "listen", required_argument, NULL, 'l' },
        { "client", required_argument, NULL, 'c' }, /* for who reads our command line */
        { "nvml", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int option;

    *out = (struct request){ .driver = getenv("VGPU_DRIVER"), .fd = -1 };
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f':
            out->fd = atoi(optarg);
            break;
        case 'd':
            out->driver = optarg;
            break;
        case 'l':
            out->listen = optarg;
            break;
        case 'c':
            break;
        case 'n':
            (void)setenv("VGPU_NVML", optarg, 1);
            break;
        case 'h':
            out->wants_help = true;
            break;
        default:
            return -EINVAL;
        }
    }
    return 0;
}

int
main(int argc, char **argv)
{
    struct request request;
    char buffer[PATH_MAX + 64];

    if (read_request(argc, argv, &request) != 0) {
        return 2;
    }
    if (request.wants_help) {
        fputs(usage, stdout);
        return 0;
    }
    if (request.driver == NULL || request.driver[0] == '\0') {
        request.driver = default_driver(buffer, sizeof(buffer));
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* the client's limit is ours too: an error, no end */
    if (request.listen != NULL) {
        return listen_on(request.listen, request.driver);
    }
    if (request.fd < 0) {
        fprintf(stderr, "%sWith VGPU_ENDPOINT=soft programs start their own.\n", usage);
        return 2;
    }
    return serve(request.fd, request.driver);
}
