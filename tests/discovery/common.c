/* SPDX-License-Identifier: Apache-2.0 */
/* common - backends, folders, children and sockets of the discovery programs. */
#include "discovery.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool
find(void *library, const char *name, void *out_function)
{
    void *found = dlsym(library, name);

    memcpy(out_function, &found, sizeof(found));
    return found != NULL;
}

bool
backend_open(const char *path, bool is_silent, struct backend *out)
{
    out->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (out->library == NULL) {
        if (!is_silent) {
            fprintf(stderr, "load_backend: failed to load %s: %s\n", path, dlerror());
        }
        return false;
    }
    return find(out->library, "backend_devices", &out->devices) &&
           find(out->library, "backend_memory", &out->memory) &&
           find(out->library, "backend_use", &out->use) &&
           find(out->library, "backend_archs", &out->archs);
}

void
uuid_text(const unsigned char uuid[16], char out[48])
{
    int at = sprintf(out, "GPU");

    for (int i = 0; i < 16; i++) {
        const bool is_start = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
        at += sprintf(out + at, is_start ? "-%02x" : "%02x", uuid[i]);
    }
}

bool
backend_path(const char *folder, char *out, size_t size)
{
    char pattern[512];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/libggml-*.so*", folder);
    const bool is_found = glob(pattern, 0, NULL, &found) == 0;
    if (is_found) {
        snprintf(out, size, "%s", found.gl_pathv[0]);
    }
    globfree(&found);
    return is_found;
}

int
library_folders(const char *tree, char (*out)[256], int capacity)
{
    const char *wanted = getenv("OLLAMA_LLM_LIBRARY");
    char pattern[512];
    glob_t found;
    int count = 0;

    snprintf(pattern, sizeof(pattern), "%s/*/*ggml-*", tree);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && count < capacity; i++) {
            char *path = found.gl_pathv[i];
            *strrchr(path, '/') = '\0';
            const char *name = strrchr(path, '/') + 1;
            if (wanted != NULL && wanted[0] != '\0' && strcmp(wanted, name) != 0) {
                printf("msg=\"skipping available library at user's request\" "
                       "requested=%s libDir=%s\n",
                       wanted, path);
            } else if (count == 0 || strcmp(out[count - 1], path) != 0) {
                snprintf(out[count++], sizeof(out[0]), "%s", path);
            }
        }
    }
    globfree(&found);
    return count;
}

void
print_compute(const struct found *device, const char *extra)
{
    printf("msg=\"inference compute\" id=%s library=%s %scompute=%d.%d driver=%d.%d "
           "%s=\"%s\" pci_id=%s total=%zu available=%zu\n",
           device->id, device->library, extra, device->major, device->minor,
           device->driver / 1000, device->driver % 1000 / 10,
           strcmp(device->library, "cuda") == 0 ? "name" : "description", device->name,
           device->pci[0] != '\0' ? device->pci : "\"\"", device->total,
           device->available);
}

pid_t
start(char *const arguments[], const char *const settings[], int target, int *out_fd)
{
    int fds[2] = { -1, -1 };

    fflush(stdout);
    if (target != 0 && pipe2(fds, O_CLOEXEC) != 0) {
        return -1;
    }
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; settings[i] != NULL; i++) {
            char *setting = strdup(settings[i]);
            if (setting == NULL || putenv(setting) != 0) {
                _exit(126);
            }
        }
        if (target != 0) {
            (void)dup2(fds[1], target);
        }
        (void)execv("/proc/self/exe", arguments);
        _exit(127);
    }
    if (target != 0) {
        close(fds[1]);
        *out_fd = fds[0];
    }
    return child;
}

void
end(pid_t child)
{
    if (child > 0) { /* never "all processes" */
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    }
}

long
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Return: a bound socket, its port in *io_port when that was 0; or -1. */
static int
bind_local(int *io_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)*io_port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(at);
    const int one = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        perror("127.0.0.1");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    *io_port = ntohs(at.sin_port);
    return fd;
}

int
free_port(void)
{
    int port = 0;
    const int fd = bind_local(&port);

    if (fd >= 0) {
        close(fd);
    }
    return port;
}

int
listen_at(int port)
{
    const int fd = bind_local(&port);

    if (fd >= 0 && listen(fd, 4) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}
