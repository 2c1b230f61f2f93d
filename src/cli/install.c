/* SPDX-License-Identifier: Apache-2.0 */

/*
 * install - `vgpu install`: libraries where the loader and programs look for them.
 *
 * Every change is written down first (journal.h). What somebody else put in the same
 * place is never overwritten: it is moved aside on request and comes back.
 */
#include "cli/install.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/error.h"
#include "cli/journal.h"
#include "cli/package.h"
#include "cli/paths.h"

struct install {
    char root[PATH_MAX];
    char prefix[PATH_MAX];
    char libraries[PATH_MAX]; /* the folder of libcuda.so.1, below the root */
    char own[PATH_MAX];       /* PREFIX/lib/vgpu: the worker and the software GPU */
    char *source;             /* the folder of our libraries on this machine */
    char kept_endpoint[4000]; /* of a configuration that stays */
    const char *given_root, *given_prefix, *endpoint, *cdi;
    bool is_dry, diverts, with_dropin, with_smi;
    unsigned saved_count;
    struct vg_change change;
};

static const char *const stems[] = { "libcuda.so", "libnvidia-ml.so" };
#define STEM_COUNT (sizeof(stems) / sizeof(stems[0]))

/* --- the command line --- */

static int
take_value(int argc, char **argv, int *at, const char **out, struct vg_error *err)
{
    if (*at + 1 >= argc) {
        return vg_error_set(err, -EINVAL, "'%s' needs a value", argv[*at]);
    }
    *out = argv[++*at];
    return 0;
}

static int
parse(int argc, char **argv, struct install *in, struct vg_error *err)
{
    const struct {
        const char *name;
        bool *flag;
        const char **value;
    } options[] = {
        { "--root", NULL, &in->given_root },
        { "--prefix", NULL, &in->given_prefix },
        { "--endpoint", NULL, &in->endpoint },
        { "--cdi", NULL, &in->cdi },
        { "--dry-run", &in->is_dry, NULL },
        { "--divert", &in->diverts, NULL },
        { "--nvidia-smi", &in->with_smi, NULL },
        { "--ollama-dropin", &in->with_dropin, NULL },
    };
    const size_t count = sizeof(options) / sizeof(options[0]);

    for (int at = 1; at < argc; at++) {
        size_t i = 0;
        while (i < count && strcmp(argv[at], options[i].name) != 0) {
            i++;
        }
        if (i == count) {
            return vg_error_set(err, -EINVAL, "install has no option '%s'", argv[at]);
        }
        if (options[i].flag != NULL) {
            *options[i].flag = true;
        } else if (take_value(argc, argv, &at, options[i].value, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

/* It goes into files of other formats, too: nothing that means something there. */
static bool
is_endpoint(const char *text)
{
    return strcmp(text, "soft") == 0 ||
           (strncmp(text, "unix:/", 6) == 0 && strpbrk(text, "\n\"\\%") == NULL);
}

static int
check_values(struct install *in, struct vg_error *err)
{
    if (in->endpoint != NULL && !is_endpoint(in->endpoint)) {
        return vg_error_set(err, -EINVAL,
                            "endpoint '%s' is not understood: use soft or unix:/PATH",
                            in->endpoint);
    }
    if (in->given_prefix[0] != '/' || strpbrk(in->given_prefix, "\n\t\"\\") != NULL) {
        return vg_error_set(err, -EINVAL, "the prefix '%s' must begin with '/'",
                            in->given_prefix);
    }
    if (in->cdi != NULL && (in->cdi[0] != '/' || strlen(in->cdi) > PATH_MAX - 64)) {
        return vg_error_set(err, -EINVAL, "the CDI file '%s' must begin with '/'",
                            in->cdi);
    }
    vg_path_print(in->prefix, "%s", in->given_prefix);
    for (size_t n = strlen(in->prefix); n > 1 && in->prefix[n - 1] == '/'; n--) {
        in->prefix[n - 1] = '\0';
    }
    int r = vg_install_root(in->given_root, in->root, err);
    if (r == 0) {
        vg_install_library_folder(in->root, in->prefix, in->libraries);
        vg_path_print(in->own, "%.*s/lib/vgpu", PATH_MAX - 32, in->prefix);
        r = vg_paths_lib(&in->source, err);
    }
    return r;
}

/* --- what is there already --- */

static bool
is_ours_by_name(const char *name)
{
    for (size_t i = 0; i < STEM_COUNT; i++) {
        const size_t length = strlen(stems[i]);
        if (strncmp(name, stems[i], length) == 0 &&
            (name[length] == '\0' || name[length] == '.')) {
            return true;
        }
    }
    return false;
}

static int
refuse(const struct install *in, const char *path, struct vg_error *err)
{
    char owner[256], full[PATH_MAX], target[PATH_MAX];
    const ssize_t n =
        readlink(vg_path_print(full, "%s%s", in->root, path), target, sizeof(target) - 1);

    target[n > 0 ? n : 0] = '\0';
    if (vg_package_owner(in->root, path, owner, sizeof(owner))) {
        (void)vg_error_set(err, -EEXIST, "'%s' is there already, of the package '%s'",
                           full, owner);
    } else {
        (void)vg_error_set(err, -EEXIST, "'%s' is there already%s%.200s, of no package",
                           full, n > 0 ? ", a link to " : "", target);
    }
    vg_error_hint(err, "remove that first, or use --divert: it is moved aside, and "
                       "'vgpu uninstall' puts it back");
    return err->code;
}

/* Moves aside, or refuses, what of others stands in @folder. @only_look: change nothing.
 */
static int
clear_folder(struct install *in, const char *folder, bool only_look, struct vg_error *err)
{
    char full[PATH_MAX], path[PATH_MAX], saved[PATH_MAX];
    struct dirent **names = NULL;
    int r = 0;

    const int count =
        scandir(vg_path_print(full, "%s%s", in->root, folder), &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (r == 0 && is_ours_by_name(name)) {
            vg_path_print(path, "%s/%s", folder, name);
            vg_path_print(saved, "%.*s/saved/%u-%s", PATH_MAX - 300, in->own,
                          in->saved_count, name);
            if (only_look) {
                r = in->diverts ? 0 : refuse(in, path, err);
            } else {
                in->saved_count++;
                r = vg_change_move(&in->change, path, saved, err);
            }
        }
        free(names[i]);
    }
    free(names);
    return r;
}

static int
clear_folders(struct install *in, bool only_look, struct vg_error *err)
{
    char current[PATH_MAX];
    int r = 0;

    if (!only_look && in->diverts) {
        r = vg_change_mkdir(&in->change,
                            vg_path_print(current, "%.*s/saved", PATH_MAX - 16, in->own),
                            err);
    }
    if (r == 0) {
        r = clear_folder(in, in->libraries, only_look, err);
    }
    vg_path_print(current, "%.*s/nvidia/current", PATH_MAX - 32, in->libraries);
    return r != 0 ? r : clear_folder(in, current, only_look, err);
}

/* A configuration of before is kept beside ours, where nothing reads it. */
static int
keep_old(struct install *in, const char *path, struct vg_error *err)
{
    char full[PATH_MAX], saved[PATH_MAX];
    struct stat info;

    if (lstat(vg_path_print(full, "%s%s", in->root, path), &info) != 0) {
        return 0;
    }
    return vg_change_move(&in->change, path, vg_path_print(saved, "%s.vgpu-saved", path),
                          err);
}

/* --- what we add --- */

static int
put_text(struct install *in, const char *path, mode_t mode, const char *text,
         struct vg_error *err)
{
    char folder[PATH_MAX];

    vg_path_print(folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    int r = folder[0] != '\0' ? vg_change_mkdir(&in->change, folder, err) : 0;
    if (r == 0) {
        r = keep_old(in, path, err);
    }
    return r != 0 ? r : vg_change_write(&in->change, path, text, strlen(text), mode, err);
}

static int
put_copy(struct install *in, const char *path, const char *source, mode_t mode,
         struct vg_error *err)
{
    const int r = keep_old(in, path, err);

    return r != 0 ? r : vg_change_copy(&in->change, path, source, mode, err);
}

/* LIBRARIES/stem.VERSION, and links by the names that are looked for. */
static int
put_library(struct install *in, const char *stem, struct vg_error *err)
{
    char path[PATH_MAX], source[PATH_MAX], name[128], soname[128], link[PATH_MAX];
    int r;

    (void)snprintf(name, sizeof(name), "%s." VGPU_VERSION, stem);
    (void)snprintf(soname, sizeof(soname), "%s.1", stem);
    vg_path_print(source, "%s/%s", in->source, soname);
    r = vg_change_copy(&in->change, vg_path_print(path, "%s/%s", in->libraries, name),
                       source, 0644, err);
    if (r == 0) {
        r = vg_change_link(
            &in->change, vg_path_print(path, "%s/%s", in->libraries, soname), name, err);
    }
    if (r == 0) {
        r = vg_change_link(&in->change, vg_path_print(path, "%s/%s", in->libraries, stem),
                           soname, err);
    }
    if (r == 0) { /* for `vgpu run` of the installed tool */
        vg_path_print(link, "../%s/%s", strrchr(in->libraries, '/') + 1, name);
        if (strcmp(in->libraries + strlen(in->libraries) - 4, "/lib") == 0) {
            vg_path_print(link, "../%s", name);
        } else if (strcmp(in->libraries, "/usr/lib64") == 0) {
            vg_path_print(link, "../../lib64/%s", name);
        }
        r = vg_change_link(&in->change, vg_path_print(path, "%s/%s", in->own, soname),
                           link, err);
    }
    return r;
}

/* The worker lies beside lib/ in a build folder, beside the libraries when installed. */
static void
find_worker(const struct install *in, char out[PATH_MAX])
{
    if (access(vg_path_print(out, "%s/../vgpu-worker", in->source), X_OK) != 0) {
        vg_path_print(out, "%s/vgpu-worker", in->source);
    }
}

/* Is it this very program, as a package put it there? Then it stays the package's. */
static bool
is_self(const struct install *in, const char *path)
{
    char full[PATH_MAX];
    struct stat self, there;

    return stat("/proc/self/exe", &self) == 0 &&
           stat(vg_path_print(full, "%s%s", in->root, path), &there) == 0 &&
           self.st_dev == there.st_dev && self.st_ino == there.st_ino;
}

static int
put_programs(struct install *in, struct vg_error *err)
{
    char path[PATH_MAX], source[PATH_MAX], text[PATH_MAX + 64];

    find_worker(in, source);
    vg_path_print(path, "%s/vgpu-worker", in->own);
    int r = put_copy(in, path, source, 0755, err);
    vg_path_print(path, "%s/libvgpu-soft.so", in->own);
    vg_path_print(source, "%s/libvgpu-soft.so", in->source);
    if (r == 0) {
        r = put_copy(in, path, source, 0644, err);
    }
    if (r == 0) {
        r = vg_change_mkdir(&in->change, vg_path_print(path, "%s/bin", in->prefix), err);
    }
    vg_path_print(path, "%s/bin/vgpu", in->prefix);
    if (r == 0 && !is_self(in, path)) {
        r = put_copy(in, path, "/proc/self/exe", 0755, err);
    }
    if (r == 0 && in->with_smi) {
        (void)snprintf(text, sizeof(text), "#!/bin/sh\nexec '%s' smi \"$@\"\n", path);
        vg_path_print(path, "%.*s/bin/nvidia-smi", PATH_MAX - 32, in->prefix);
        r = put_text(in, path, 0755, text, err);
    }
    return r;
}

/* What was asked for, else what the configuration that is there says, else soft. */
static const char *
chosen_endpoint(const struct install *in)
{
    if (in->endpoint != NULL) {
        return in->endpoint;
    }
    return in->kept_endpoint[0] != '\0' ? in->kept_endpoint : "soft";
}

static int
put_configuration(struct install *in, struct vg_error *err)
{
    char text[PATH_MAX + 128], path[PATH_MAX];
    const char *endpoint = chosen_endpoint(in);
    int r = 0;

    (void)snprintf(text, sizeof(text),
                   "# where the GPU is: soft, or unix:/PATH (written by vgpu install)\n"
                   "endpoint = %s\n",
                   endpoint);
    vg_path_print(path, "%s%s", in->root, VG_CLIENT_CONF);
    if (in->kept_endpoint[0] == '\0') {
        r = put_text(in, VG_CLIENT_CONF, 0644, text, err);
    }
    if (r == 0 && strcmp(in->prefix, "/usr") != 0) {
        (void)snprintf(text, sizeof(text), "%s\n", in->libraries);
        r = put_text(in, "/etc/ld.so.conf.d/vgpu.conf", 0644, text, err);
    }
    if (r == 0 && in->with_dropin) {
        (void)snprintf(text, sizeof(text),
                       "# written by vgpu install; 'vgpu uninstall' removes it\n"
                       "[Service]\nEnvironment=\"VGPU_ENDPOINT=%s\"\n",
                       endpoint);
        r = put_text(in, "/etc/systemd/system/ollama.service.d/vgpu.conf", 0644, text,
                     err);
    }
    return r;
}

/* For containers: the same files in the same places. */
static int
put_cdi(struct install *in, struct vg_error *err)
{
    static const char *const names[] = { "libcuda.so.1", "libcuda.so",
                                         "libnvidia-ml.so.1", "libnvidia-ml.so" };
    const char *l = in->libraries;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    (void)fprintf(out,
                  "{\n  \"cdiVersion\": \"0.5.0\",\n  \"kind\": \"vgpu.org/gpu\",\n"
                  "  \"devices\": [{ \"name\": \"all\", \"containerEdits\": {\n"
                  "    \"env\": [\"VGPU_ENDPOINT=%s\", \"VGPU_WORKER=%s/vgpu-worker\"],\n"
                  "    \"mounts\": [\n",
                  chosen_endpoint(in), in->own);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)fprintf(
            out,
            "      { \"hostPath\": \"%s/%s\", \"containerPath\": \"%s/%s\",\n"
            "        \"options\": [\"ro\", \"nosuid\", \"nodev\", \"bind\"] },\n",
            l, names[i], l, names[i]);
    }
    if (strncmp(chosen_endpoint(in), "unix:", 5) == 0) {
        (void)fprintf(out,
                      "      { \"hostPath\": \"%s\", \"containerPath\": \"%s\",\n"
                      "        \"options\": [\"bind\"] },\n",
                      chosen_endpoint(in) + 5, chosen_endpoint(in) + 5);
    }
    (void)fprintf(out,
                  "      { \"hostPath\": \"%s\", \"containerPath\": \"%s\",\n"
                  "        \"options\": [\"ro\", \"nosuid\", \"nodev\", \"rbind\"] }\n"
                  "    ]\n  } }]\n}\n",
                  in->own, in->own);
    int r = fclose(out) == 0 ? put_text(in, in->cdi, 0644, text, err)
                             : vg_error_set(err, -ENOMEM, "out of memory");
    free(text);
    return r;
}

static int
make_changes(struct install *in, struct vg_error *err)
{
    int r = vg_change_begin(&in->change, err);

    if (r == 0) {
        r = vg_change_mkdir(&in->change, in->libraries, err);
    }
    if (r == 0) {
        r = vg_change_mkdir(&in->change, in->own, err);
    }
    if (r == 0) {
        r = clear_folders(in, false, err);
    }
    if (r == 0) { /* before the libraries: they find everything once they are there */
        r = put_programs(in, err);
    }
    if (r == 0) {
        r = put_configuration(in, err);
    }
    for (size_t i = 0; r == 0 && i < STEM_COUNT; i++) {
        r = put_library(in, stems[i], err);
    }
    if (r == 0 && in->cdi != NULL) {
        r = put_cdi(in, err);
    }
    return r;
}

/* --- the whole --- */

static int
undo_former(struct install *in, struct vg_error *err)
{
    struct vg_journal journal;
    char own[PATH_MAX];
    int r = vg_journal_read(in->root, &journal, err);
    const enum vg_journal_state state = journal.state;

    if (r != 0) {
        return r;
    }
    vg_journal_fini(&journal);
    if (state == VG_JOURNAL_NONE) {
        return 0;
    }
    if (strcmp(vg_path_print(own, "%s%s", in->root, in->own), in->source) == 0) {
        (void)vg_error_set(err, -EEXIST, "this very vgpu is the one installed in '%s'",
                           in->root[0] != '\0' ? in->root : "/");
        vg_error_hint(err, "install from a build folder, or 'vgpu uninstall' first");
        return err->code;
    }
    (void)printf("%s%s\n", in->is_dry ? "undo   " : "vgpu: undoing ",
                 state == VG_JOURNAL_DONE ? "the former installation"
                                          : "an installation that was interrupted");
    return in->is_dry ? 0 : vg_journal_undo(in->root, err);
}

/* What of others is in the way, and must not be. */
static int
look_first(struct install *in, struct vg_error *err)
{
    char path[PATH_MAX], full[PATH_MAX];
    struct stat info;

    vg_path_print(path, "%s%s", in->root, VG_CLIENT_CONF);
    if (in->endpoint == NULL) {
        (void)vg_install_read_endpoint(path, in->kept_endpoint,
                                       sizeof(in->kept_endpoint));
    }
    if (in->kept_endpoint[0] != '\0' && !is_endpoint(in->kept_endpoint)) {
        (void)vg_error_set(err, -EEXIST,
                           "the endpoint '%.200s' in '%.200s' is not understood",
                           in->kept_endpoint, path);
        vg_error_hint(err, "correct it, or say --endpoint");
        return err->code;
    }
    if (in->diverts) {
        return 0;
    }
    vg_path_print(path, "%s/bin/nvidia-smi", in->prefix);
    if (in->with_smi && lstat(vg_path_print(full, "%s%s", in->root, path), &info) == 0) {
        return refuse(in, path, err);
    }
    return clear_folders(in, true, err);
}

static int
install(struct install *in, struct vg_error *err)
{
    struct vg_error ignored;
    int r = undo_former(in, err);

    if (r == 0) {
        r = look_first(in, err);
    }
    if (r != 0) {
        return r;
    }
    in->change = (struct vg_change){ .root = in->root, .fd = -1, .dry = in->is_dry };
    r = make_changes(in, err);
    if (r == 0) {
        vg_install_ldconfig(in->root, in->is_dry);
        r = vg_change_end(&in->change, err);
    }
    if (r != 0 && !in->is_dry) {
        if (in->change.fd >= 0) {
            (void)close(in->change.fd);
        }
        (void)vg_journal_undo(in->root, &ignored);
        if (r == -EACCES || r == -EPERM || r == -EROFS) {
            vg_error_hint(err, "nothing was changed; run it as root, or with --root DIR");
        }
    }
    return r;
}

static int
run_install(int argc, char **argv, struct vg_error *err)
{
    struct install *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    in->given_root = "/";
    in->given_prefix = "/usr";
    int r = parse(argc, argv, in, err);
    if (r == 0) {
        r = check_values(in, err);
    }
    const int lock = r == 0 ? vg_install_lock(in->root, err) : r;
    if (lock >= 0) {
        r = install(in, err);
        (void)close(lock);
    } else {
        r = lock;
    }
    if (r == 0 && !in->is_dry) {
        (void)printf("vgpu: installed in %s%s; 'vgpu doctor' checks it, 'vgpu uninstall' "
                     "takes it back\n",
                     in->root, in->libraries);
    }
    free(in->source);
    free(in);
    return r;
}

const struct vg_command vg_command_install = {
    .name = "install",
    .synopsis = "[--root DIR] [--prefix DIR] [--endpoint soft|unix:PATH] [--dry-run] "
                "[--divert] [--nvidia-smi] [--ollama-dropin] [--cdi FILE]",
    .summary = "Put the libraries where programs find them",
    .details =
        "\nRunning processes keep what they have open. 'vgpu uninstall' takes all back.\n"
        "\n  --root DIR       into the tree DIR, of an image or a test\n"
        "  --prefix DIR     instead of /usr\n"
        "  --endpoint E     where the GPU is: soft (unless given) or unix:/PATH\n"
        "  --dry-run        print each change, make none\n"
        "  --divert         move NVIDIA's libraries aside until 'vgpu uninstall'\n"
        "  --nvidia-smi     'vgpu smi' under this name, too\n"
        "  --ollama-dropin  the endpoint for ollama.service, in its drop-in folder\n"
        "  --cdi FILE       describe the GPU to container runtimes\n",
    .run = run_install,
};
