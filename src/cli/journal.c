/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/error.h"
#include "cli/paths.h"
#include "cli/sum.h"

#define NEW_SUFFIX ".vgpu-new" /* what is being written, until it is renamed */

static void
full_path(char out[PATH_MAX], const char *root, const char *path)
{
    (void)vg_path_print(out, "%s%s", root, path);
}

static int
fail(struct vg_error *err, int code, const char *what, const char *path)
{
    return vg_error_set(err, code, "cannot %s '%s': %s", what, path, strerror(-code));
}

/* The name reached the disk, too. */
static void
sync_folder_of(const char *path)
{
    char folder[PATH_MAX];

    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        return;
    }
    slash[slash == folder] = '\0';
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* --- reading --- */

static int
read_text(const char *path, char **out)
{
    struct stat info;
    ssize_t n = -1;
    int r = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0) {
        return errno == ENOTDIR ? -ENOENT : -errno;
    }
    if (fstat(fd, &info) != 0) {
        r = -EIO;
    } else if ((*out = malloc((size_t)info.st_size + 1)) == NULL) {
        r = -ENOMEM;
    } else if ((n = read(fd, *out, (size_t)info.st_size)) < 0) {
        r = -EIO;
        free(*out);
        *out = NULL;
    } else {
        (*out)[n] = '\0';
    }
    (void)close(fd);
    return r;
}

static void
parse_line(char *line, struct vg_journal *journal)
{
    static char nothing[] = "";
    struct vg_journal_entry *entry = &journal->entries[journal->count];

    entry->verb = strsep(&line, "\t");
    entry->path = line != NULL ? strsep(&line, "\t") : nothing;
    entry->arg = line != NULL ? strsep(&line, "\t") : nothing;
    entry->sum = line != NULL ? line : nothing;
    if (strcmp(entry->verb, "done") == 0) {
        journal->state = VG_JOURNAL_DONE;
    } else if (strcmp(entry->verb, "undo") == 0) {
        journal->state = VG_JOURNAL_INTERRUPTED;
    } else {
        journal->count++;
    }
}

int
vg_journal_read(const char *root, struct vg_journal *out, struct vg_error *err)
{
    char path[PATH_MAX];
    size_t lines = 1;

    memset(out, 0, sizeof(*out));
    full_path(path, root, VG_JOURNAL_PATH);
    const int r = read_text(path, &out->text);
    if (r == -ENOENT) {
        return 0;
    }
    if (r != 0 || out->text == NULL) {
        return fail(err, r, "read", path);
    }
    for (const char *c = out->text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    out->entries = calloc(lines, sizeof(*out->entries));
    if (out->entries == NULL) {
        vg_journal_fini(out);
        return vg_error_set(err, -ENOMEM, "out of memory");
    }
    out->state = VG_JOURNAL_INTERRUPTED;
    char *at = out->text;
    char *end;
    /* a last line without its end was being written: its change did not begin */
    while ((end = strchr(at, '\n')) != NULL) {
        *end = '\0';
        parse_line(at, out);
        at = end + 1;
    }
    out->length = (size_t)(at - out->text);
    return 0;
}

void
vg_journal_fini(struct vg_journal *journal)
{
    free(journal->entries);
    free(journal->text);
    memset(journal, 0, sizeof(*journal));
}

/* --- undoing --- */

static int
undo_move(const struct vg_journal_entry *entry, const char *root, struct vg_error *err)
{
    char path[PATH_MAX], saved[PATH_MAX], sum[VG_SUM_SIZE];

    full_path(path, root, entry->path);
    full_path(saved, root, entry->arg);
    int r = vg_sum_path(saved, sum);
    if (r == -ENOENT || r == -ENOTDIR) {
        return 0; /* it was never moved, or is back already */
    }
    if (r != 0) {
        return fail(err, r, "read", saved);
    }
    if (strcmp(sum, entry->sum) != 0) {
        (void)vg_error_set(err, -EIO, "'%s' was changed since it was moved from '%s'",
                           saved, path);
        vg_error_hint(err, "move it back yourself, then call 'vgpu uninstall' again");
        return err->code;
    }
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        (void)vg_error_set(err, -EEXIST, "'%s' is somebody else's by now", path);
        vg_error_hint(err,
                      "what was there before is '%s': keep one of the two, then "
                      "call 'vgpu uninstall' again",
                      saved);
        return err->code;
    }
    if (rename(saved, path) != 0) {
        return fail(err, -errno, "put back", path);
    }
    sync_folder_of(path);
    return 0;
}

bool
vg_journal_is_intact(const struct vg_journal_entry *entry, const char *path)
{
    char target[PATH_MAX], sum[VG_SUM_SIZE];

    if (strcmp(entry->verb, "file") == 0) {
        return vg_sum_path(path, sum) == 0 && strcmp(sum, entry->arg) == 0;
    }
    const ssize_t n = readlink(path, target, sizeof(target) - 1);
    if (n < 0) {
        return false;
    }
    target[n] = '\0';
    return strcmp(target, entry->arg) == 0;
}

static int
undo_file(const struct vg_journal_entry *entry, const char *root, struct vg_error *err)
{
    char path[PATH_MAX], fresh[PATH_MAX + sizeof(NEW_SUFFIX)];
    struct stat info;

    full_path(path, root, entry->path);
    (void)snprintf(fresh, sizeof(fresh), "%s" NEW_SUFFIX, path);
    if (unlink(fresh) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return fail(err, -errno, "remove", fresh);
    }
    if (lstat(path, &info) != 0) {
        return 0;
    }
    if (!vg_journal_is_intact(entry, path)) {
        (void)fprintf(stderr, "vgpu: '%s' was changed since: it stays\n", path);
        return 0;
    }
    return unlink(path) == 0 ? 0 : fail(err, -errno, "remove", path);
}

static int
undo_entry(const struct vg_journal_entry *entry, const char *root, struct vg_error *err)
{
    char path[PATH_MAX];

    if (strcmp(entry->verb, "move") == 0) {
        return undo_move(entry, root, err);
    }
    if (strcmp(entry->verb, "mkdir") == 0) {
        full_path(path, root, entry->path);
        (void)rmdir(path); /* what somebody else put there keeps it */
        return 0;
    }
    if (strcmp(entry->verb, "file") == 0 || strcmp(entry->verb, "link") == 0) {
        return undo_file(entry, root, err);
    }
    (void)vg_error_set(err, -EINVAL, "the journal has a line '%s' that I do not know",
                       entry->verb);
    vg_error_hint(err, "it is of a newer vgpu: uninstall with that one");
    return err->code;
}

static int
append(int fd, const char *line, struct vg_error *err)
{
    const size_t size = strlen(line);

    if (write(fd, line, size) != (ssize_t)size || fdatasync(fd) != 0) {
        return vg_error_set(err, errno != 0 ? -errno : -EIO, "cannot write the journal");
    }
    return 0;
}

/* The journal's own folders are its first entries: they go when it is gone. */
static void
remove_journal(const char *root, const struct vg_journal *journal, const char *path)
{
    char folder[PATH_MAX];

    (void)unlink(path);
    full_path(folder, root, VG_JOURNAL_FOLDER);
    (void)rmdir(folder);
    for (size_t i = journal->count; i-- > 0;) {
        if (strcmp(journal->entries[i].verb, "mkdir") == 0) {
            full_path(folder, root, journal->entries[i].path);
            (void)rmdir(folder);
        }
    }
}

int
vg_journal_undo(const char *root, struct vg_error *err)
{
    struct vg_journal journal;
    char path[PATH_MAX];
    int r = vg_journal_read(root, &journal, err);

    if (r != 0 || journal.state == VG_JOURNAL_NONE) {
        full_path(path, root, VG_JOURNAL_FOLDER);
        (void)rmdir(path); /* left by a kill before its first line, or after its end */
        return r;
    }
    full_path(path, root, VG_JOURNAL_PATH);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)journal.length) != 0) {
        r = fail(err, -errno, "write", path);
    } else {
        r = append(fd, "undo\n", err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    for (size_t i = journal.count; r == 0 && i-- > 0;) {
        r = undo_entry(&journal.entries[i], root, err);
    }
    if (r == 0) {
        remove_journal(root, &journal, path);
    }
    vg_journal_fini(&journal);
    return r;
}

/* --- changing --- */

static int
note(struct vg_change *change, struct vg_error *err, const char *verb, const char *path,
     const char *arg, const char *sum)
{
    char line[3 * PATH_MAX];

    if (strpbrk(path, "\n\t") != NULL || strpbrk(arg, "\n\t") != NULL) {
        return vg_error_set(err, -EINVAL, "'%s' has a tab or an end of line in it", path);
    }
    const int n = snprintf(line, sizeof(line), "%s\t%s\t%s%s%s\n", verb, path, arg,
                           sum[0] != '\0' ? "\t" : "", sum);
    if (n < 0 || (size_t)n >= sizeof(line)) {
        return vg_error_set(err, -ENAMETOOLONG, "'%s' is too long", path);
    }
    return append(change->fd, line, err);
}

/* Makes one folder and, once there is a journal, writes it down first. */
static int
make_folder(struct vg_change *change, const char *path, struct vg_error *err)
{
    char full[PATH_MAX];
    struct stat info;
    int r = 0;

    full_path(full, change->root, path);
    if (stat(full, &info) == 0) {
        return S_ISDIR(info.st_mode) ? 0 : fail(err, -ENOTDIR, "use", full);
    }
    if (change->fd >= 0) {
        r = note(change, err, "mkdir", path, "", "");
    }
    if (r == 0 && mkdir(full, 0755) != 0 && errno != EEXIST) {
        r = fail(err, -errno, "make the folder", full);
    }
    return r;
}

int
vg_change_mkdir(struct vg_change *change, const char *path, struct vg_error *err)
{
    char part[PATH_MAX];

    if (change->dry) {
        full_path(part, change->root, path);
        if (access(part, F_OK) != 0) {
            (void)printf("folder %s\n", part);
        }
        return 0;
    }
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        const size_t length = slash != NULL ? (size_t)(slash - path) : strlen(path);

        (void)snprintf(part, sizeof(part), "%.*s", (int)length, path);
        const int r = make_folder(change, part, err);
        if (r != 0 || slash == NULL) {
            return r;
        }
    }
}

/* The folders above the journal that are not there yet, for its first lines. */
static size_t
missing_folders(const char *root, char text[PATH_MAX])
{
    static const char *const folders[] = { "/var", "/var/lib", VG_JOURNAL_FOLDER };
    char full[PATH_MAX];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        full_path(full, root, folders[i]);
        /* ours by its name: left by an interruption before the first line */
        if (i == 2 || access(full, F_OK) != 0) {
            n += (size_t)snprintf(text + n, PATH_MAX - n, "mkdir\t%s\t\n", folders[i]);
        }
    }
    return n;
}

int
vg_change_begin(struct vg_change *change, struct vg_error *err)
{
    char lines[PATH_MAX], path[PATH_MAX];

    change->fd = -1;
    (void)missing_folders(change->root, lines);
    int r = vg_change_mkdir(change, VG_JOURNAL_FOLDER, err);
    if (r != 0 || change->dry) {
        return r;
    }
    full_path(path, change->root, VG_JOURNAL_PATH);
    change->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (change->fd < 0) {
        return fail(err, -errno, "write", path);
    }
    sync_folder_of(path);
    return append(change->fd, lines, err);
}

int
vg_change_end(struct vg_change *change, struct vg_error *err)
{
    const int r = change->dry ? 0 : append(change->fd, "done\n", err);

    if (change->fd >= 0) {
        (void)close(change->fd);
        change->fd = -1;
    }
    return r;
}

int
vg_change_move(struct vg_change *change, const char *path, const char *saved,
               struct vg_error *err)
{
    char from[PATH_MAX], to[PATH_MAX], sum[VG_SUM_SIZE];

    full_path(from, change->root, path);
    full_path(to, change->root, saved);
    if (change->dry) {
        (void)printf("move   %s -> %s\n", from, to);
        return 0;
    }
    int r = vg_sum_path(from, sum);
    if (r != 0) {
        return fail(err, r, "read", from);
    }
    r = note(change, err, "move", path, saved, sum);
    if (r == 0 && rename(from, to) != 0) {
        r = fail(err, -errno, "move aside", from);
    }
    if (r == 0) {
        sync_folder_of(from);
        sync_folder_of(to);
    }
    return r;
}

/* Writes beside @path, then renames. */
static int
put_file(const char *path, const void *bytes, size_t size, mode_t mode,
         struct vg_error *err)
{
    char fresh[PATH_MAX + sizeof(NEW_SUFFIX)];
    size_t done = 0;
    int r = 0;

    (void)snprintf(fresh, sizeof(fresh), "%s" NEW_SUFFIX, path);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(err, -errno, "write", fresh);
    }
    while (r == 0 && done < size) {
        const ssize_t n = write(fd, (const char *)bytes + done, size - done);
        if (n <= 0) {
            r = fail(err, n < 0 ? -errno : -EIO, "write", fresh);
        } else {
            done += (size_t)n;
        }
    }
    if (r == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        r = fail(err, -errno, "write", fresh);
    }
    (void)close(fd);
    if (r == 0 && rename(fresh, path) != 0) {
        r = fail(err, -errno, "put in place", path);
    }
    if (r == 0) {
        sync_folder_of(path);
    }
    return r;
}

int
vg_change_write(struct vg_change *change, const char *path, const void *bytes,
                size_t size, mode_t mode, struct vg_error *err)
{
    char full[PATH_MAX], sum[VG_SUM_SIZE];

    full_path(full, change->root, path);
    if (change->dry) {
        (void)printf("file   %s\n", full);
        return 0;
    }
    vg_sum_bytes(bytes, size, sum);
    const int r = note(change, err, "file", path, sum, "");
    return r != 0 ? r : put_file(full, bytes, size, mode, err);
}

int
vg_change_copy(struct vg_change *change, const char *path, const char *source,
               mode_t mode, struct vg_error *err)
{
    struct stat info;
    const int fd = open(source, O_RDONLY | O_CLOEXEC);
    int r = 0;

    if (fd < 0 || fstat(fd, &info) != 0) {
        r = fail(err, -errno, "read", source);
        if (fd >= 0) {
            (void)close(fd);
        }
        return r;
    }
    char *bytes = malloc((size_t)info.st_size + 1);
    if (bytes == NULL) {
        r = vg_error_set(err, -ENOMEM, "out of memory");
    } else if (read(fd, bytes, (size_t)info.st_size) != info.st_size) {
        r = fail(err, -EIO, "read", source);
    } else {
        r = vg_change_write(change, path, bytes, (size_t)info.st_size, mode, err);
    }
    free(bytes);
    (void)close(fd);
    return r;
}

int
vg_change_link(struct vg_change *change, const char *path, const char *target,
               struct vg_error *err)
{
    char full[PATH_MAX], fresh[PATH_MAX + sizeof(NEW_SUFFIX)];

    full_path(full, change->root, path);
    if (change->dry) {
        (void)printf("link   %s -> %s\n", full, target);
        return 0;
    }
    int r = note(change, err, "link", path, target, "");
    (void)snprintf(fresh, sizeof(fresh), "%s" NEW_SUFFIX, full);
    (void)unlink(fresh);
    if (r == 0 && (symlink(target, fresh) != 0 || rename(fresh, full) != 0)) {
        r = fail(err, -errno, "make the link", full);
    }
    return r;
}
