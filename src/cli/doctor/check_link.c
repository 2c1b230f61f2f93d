/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_link - where the libraries send calls to, and who answers there: the endpoint,
 * and for the software GPU its worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/elf.h"
#include "cli/install.h"
#include "cli/paths.h"

/* The rules of the libraries: the variable, the user's file, the system's. */
static const char *
find_endpoint(struct vg_doctor *d, char where[PATH_MAX])
{
    const char *text = vg_environment_get(d, "VGPU_ENDPOINT");
    const char *base = vg_environment_get(d, "XDG_CONFIG_HOME");
    const char *home = vg_environment_get(d, "HOME");

    if (text != NULL && text[0] != '\0') {
        (void)snprintf(d->endpoint, sizeof(d->endpoint), "%s", text);
        return "VGPU_ENDPOINT";
    }
    where[0] = '\0';
    if (base != NULL && base[0] == '/') {
        (void)vg_path_print(where, "%s%s/vgpu/client.conf", d->root, base);
    } else if (home != NULL && home[0] == '/') {
        (void)vg_path_print(where, "%s%s/.config/vgpu/client.conf", d->root, home);
    }
    if (where[0] != '\0' &&
        vg_install_read_endpoint(where, d->endpoint, sizeof(d->endpoint))) {
        return where;
    }
    (void)vg_path_print(where, "%s%s", d->root, VG_CLIENT_CONF);
    return vg_install_read_endpoint(where, d->endpoint, sizeof(d->endpoint)) ? where
                                                                             : NULL;
}

/* Is there anybody at the socket? */
static void
check_socket(struct vg_doctor *d, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path)) {
        vg_say_broken(d, "use a path of at most 107 bytes",
                      "the socket's path '%.120s...' is too long", path);
        return;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        vg_say_ok(d, "somebody accepts connections at '%s'", path);
    } else if (errno == ENOENT) {
        vg_say_broken(d, "start 'vgpu-worker --listen PATH' there, or correct the path",
                      "there is no socket '%s'", path);
    } else if (errno == ECONNREFUSED) {
        vg_say_broken(d, "start 'vgpu-worker --listen PATH' again",
                      "nobody listens at '%s' any more (connection refused)", path);
    } else if (errno == EACCES || errno == EPERM) {
        vg_say_broken(d, "let this user write to the socket",
                      "no permission for the socket '%s'", path);
    } else {
        vg_say_broken(d, "look at who listens there", "cannot connect to '%s': %s", path,
                      strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void
check_endpoint(struct vg_doctor *d)
{
    char where[PATH_MAX];
    const char *source = find_endpoint(d, where);

    if (source == NULL) {
        vg_say_broken(d,
                      "'vgpu install --endpoint soft', VGPU_ENDPOINT=soft, or 'vgpu run'",
                      "no endpoint is set: programs see no device (CUDA error 100)");
    } else if (strcmp(d->endpoint, "soft") == 0) {
        vg_say_ok(d, "the endpoint is soft, the software GPU (from %s)", source);
    } else if (strncmp(d->endpoint, "unix:", 5) == 0 && d->endpoint[5] != '\0') {
        vg_say_ok(d, "the endpoint is %s (from %s)", d->endpoint, source);
    } else {
        vg_say_broken(d, "use soft or unix:/PATH",
                      "the endpoint '%s' (from %s) is not understood", d->endpoint,
                      source);
    }
}

static void
check_listener(struct vg_doctor *d)
{
    if (strncmp(d->endpoint, "unix:", 5) == 0 && d->endpoint[5] != '\0') {
        check_socket(d, d->endpoint + 5);
    }
}

/* Where libcuda looks for its worker. Return: true with the path in @out. */
static bool
find_worker(const struct vg_doctor *d, char out[PATH_MAX], bool *out_unusable)
{
    static const char *const places[] = {
        "../vgpu-worker",         "vgpu-worker",
        "../bin/vgpu-worker",     "../../bin/vgpu-worker",
        "../libexec/vgpu-worker", "../vgpu/vgpu-worker",
        "vgpu/vgpu-worker",       "../lib/vgpu/vgpu-worker"
    };
    const char *named = vg_environment_get(d, "VGPU_WORKER");
    char path[PATH_MAX];

    *out_unusable = false;
    if (named != NULL && named[0] != '\0') {
        (void)vg_path_print(out, "%s", named);
        *out_unusable = access(out, F_OK) == 0 && access(out, X_OK) != 0;
        return access(out, X_OK) == 0;
    }
    const char *slash = strrchr(d->cuda.at[0].real, '/');
    for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        (void)vg_path_print(path, "%.*s/%s", (int)(slash - d->cuda.at[0].real),
                            d->cuda.at[0].real, places[i]);
        if (access(path, F_OK) != 0) {
            continue;
        }
        (void)vg_path_print(out, "%s", path);
        struct stat info; /* root may execute nothing without a bit, either */
        *out_unusable = stat(path, &info) != 0 || (info.st_mode & 0111) == 0 ||
                        access(path, X_OK) != 0;
        return !*out_unusable;
    }
    (void)vg_path_print(out, "%s", "");
    return false;
}

static void
check_worker(struct vg_doctor *d)
{
    char path[PATH_MAX];
    bool is_unusable;

    if (strcmp(d->endpoint, "soft") != 0 || d->cuda.count == 0) {
        return;
    }
    if (find_worker(d, path, &is_unusable)) {
        vg_say_ok(d, "the worker is '%s'", path);
    } else if (is_unusable) {
        vg_say_broken(d, "chmod 755 it, or mount its folder without noexec",
                      "the worker '%s' is not executable", path);
    } else if (path[0] != '\0') {
        vg_say_broken(d, "correct VGPU_WORKER", "there is no worker '%s'", path);
    } else {
        vg_say_broken(d, "call 'vgpu install' again, or name it in VGPU_WORKER",
                      "the worker program is missing beside '%s'", d->cuda.at[0].real);
    }
}

/* The software GPU as the worker finds it: beside it, or in its lib folder. */
static void
check_driver(struct vg_doctor *d)
{
    static const char *const places[] = { "lib/libvgpu-soft.so", "libvgpu-soft.so",
                                          "../lib/vgpu/libvgpu-soft.so",
                                          "../lib/libvgpu-soft.so" };
    char worker[PATH_MAX], path[PATH_MAX];
    struct vg_elf elf;
    bool is_unusable;

    if (strcmp(d->endpoint, "soft") != 0 || d->cuda.count == 0 ||
        !find_worker(d, worker, &is_unusable)) {
        return;
    }
    *strrchr(worker, '/') = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(vg_path_print(path, "%s/%s", worker, places[i]), F_OK) != 0) {
            continue;
        }
        if (vg_elf_open(path, &elf) != 0) {
            vg_say_broken(d, "call 'vgpu install' again",
                          "the worker cannot load its driver: '%s' is no shared library",
                          path);
            return;
        }
        const bool is_readable = !elf.is_64 || elf.symbols.size > 0;
        const bool is_well = elf.is_64 && vg_elf_defines(&elf, "cuInit", NULL);
        vg_elf_close(&elf);
        if (is_well) {
            vg_say_ok(d, "the worker's driver is '%s'", path);
        } else if (!is_readable) {
            vg_say_unknown(d, "call 'vgpu install' again",
                           "the worker's driver '%s' has no list of its sections", path);
        } else {
            vg_say_broken(d, "call 'vgpu install' again",
                          "the worker cannot use its driver: '%s' is no CUDA driver",
                          path);
        }
        return;
    }
    vg_say_broken(d, "call 'vgpu install' again",
                  "the worker's driver, libvgpu-soft.so, is missing beside '%s'", worker);
}

const struct vg_check vg_checks_link[] = {
    { "link", "endpoint", check_endpoint },
    { "link", "listener", check_listener },
    { "host", "worker", check_worker },
    { "driver", "driver", check_driver },
    { NULL, NULL, NULL },
};
