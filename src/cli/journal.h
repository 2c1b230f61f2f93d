/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * journal - what `vgpu install` changed, written before each change, so that it can be
 * undone at any time: by `vgpu uninstall`, and at the next call after an interruption.
 *
 * A line a change, fields separated by tabs, paths below the root:
 *
 *     mkdir PATH              a folder that was not there
 *     file  PATH SUM          a file of ours
 *     link  PATH TARGET       a link of ours
 *     move  PATH SAVED SUM    somebody's file or link, moved to SAVED
 *     done                    the installation is complete
 *     undo                    an undoing began
 *
 * Undoing goes backwards and may itself be interrupted and repeated. Files are put in
 * place by rename: a process that has the old one open keeps it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vg_error;

#define VG_JOURNAL_FOLDER "/var/lib/vgpu"
#define VG_JOURNAL_PATH   VG_JOURNAL_FOLDER "/install.journal"

enum vg_journal_state {
    VG_JOURNAL_NONE,        /* nothing is installed */
    VG_JOURNAL_DONE,        /* a complete installation */
    VG_JOURNAL_INTERRUPTED, /* an installation or its undoing stopped half-way */
};

struct vg_journal_entry {
    const char *verb;
    const char *path; /* without the root */
    const char *arg;  /* SUM, TARGET or SAVED; "" if none */
    const char *sum;  /* of a move; "" otherwise */
};

/* Entries in order; the strings live in @text. */
struct vg_journal {
    char *text;
    struct vg_journal_entry *entries;
    size_t count;
    size_t length; /* bytes of whole lines in the file */
    enum vg_journal_state state;
};

/* Is @path, with the root, still what the entry says that we put there? */
bool vg_journal_is_intact(const struct vg_journal_entry *entry, const char *path);

/* @root is "" for the machine itself. Return: 0 or a negative errno code, @err filled. */
int vg_journal_read(const char *root, struct vg_journal *out, struct vg_error *err);
void vg_journal_fini(struct vg_journal *journal);

/* Takes back all entries and removes the journal; nothing to do is no error. */
int vg_journal_undo(const char *root, struct vg_error *err);

/*
 * The changes. Each writes its line, waits until it is on the disk, then changes.
 * @dry: only print. Return: 0 or a negative errno code, @err filled.
 */
struct vg_change {
    const char *root;
    int fd; /* of the journal, -1 before vg_change_begin */
    bool dry;
};

int vg_change_begin(struct vg_change *change, struct vg_error *err);
int vg_change_end(struct vg_change *change, struct vg_error *err);

/* The folder and those above it. */
int vg_change_mkdir(struct vg_change *change, const char *path, struct vg_error *err);
/* Somebody else's entry at @path goes to @saved. */
int vg_change_move(struct vg_change *change, const char *path, const char *saved,
                   struct vg_error *err);
int vg_change_write(struct vg_change *change, const char *path, const void *bytes,
                    size_t size, mode_t mode, struct vg_error *err);
/* Copies the file @source, a path of this machine. */
int vg_change_copy(struct vg_change *change, const char *path, const char *source,
                   mode_t mode, struct vg_error *err);
int vg_change_link(struct vg_change *change, const char *path, const char *target,
                   struct vg_error *err);
