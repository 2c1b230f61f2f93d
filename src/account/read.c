/* SPDX-License-Identifier: Apache-2.0 */
/* read - adds up the files of all users. */
#include "account/account.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/file.h"
#include "base/floor.h"

/* More users than that of one device are passed over. */
#define FILES_MAX 64

struct list {
    struct vg_account_use *out;
    size_t capacity;
    size_t count;
};

/* The busy time in the window before @now, from the closed buckets and what runs. */
static void
measure(const struct vg_account_slot *slot, uint64_t now, struct vg_account_use *use)
{
    const uint64_t index = now >> VG_ACCOUNT_SHIFT;
    const uint64_t first = index < VG_ACCOUNT_WINDOW ? 0 : index - VG_ACCOUNT_WINDOW + 1;
    uint64_t from = first << VG_ACCOUNT_SHIFT;
    uint64_t busy = 0;

    if (slot->started_ns > from && slot->started_ns < now) {
        from = slot->started_ns;
    }
    for (int i = 0; i < VG_ACCOUNT_BUCKETS; i++) {
        const uint64_t word = slot->bucket[i];
        const uint32_t age = (uint32_t)index - (uint32_t)(word >> 32);
        if (word != 0 && age < VG_ACCOUNT_WINDOW) {
            busy += (uint32_t)word;
        }
    }
    const uint64_t since = slot->busy_since;
    if (since != 0 && since < now) {
        busy += now - (since > from ? since : from);
        use->last_us = vg_account_time();
    } else {
        use->last_us = slot->last_us;
    }
    use->window_ns = now > from ? now - from : 1;
    use->busy_ns = busy < use->window_ns ? busy : use->window_ns;
    use->started_ns = slot->started_ns;
}

static void
add(struct list *list, const struct vg_account_slot *slot, uint64_t now)
{
    if (list->count < list->capacity) {
        struct vg_account_use *use = &list->out[list->count];
        use->pid = slot->client > 0 ? slot->client : slot->owner;
        use->used = slot->used;
        measure(slot, now, use);
    }
    list->count++;
}

static void
read_file(int fd, uid_t user, uint64_t space, struct vg_account_file *file,
          struct list *list)
{
    const ssize_t size = pread(fd, file, sizeof(*file), 0);

    if (size != (ssize_t)sizeof(*file) || file->head.magic != VG_ACCOUNT_MAGIC) {
        return;
    }
    for (int i = 0; i < VG_ACCOUNT_SLOTS; i++) {
        const struct vg_account_slot *slot = &file->slots[i];
        if (slot->state == 1 && slot->space == space && slot->used < 1ull << 62 &&
            vg_account_slot_lives(slot, user)) {
            add(list, slot, vg_account_now());
        }
    }
}

size_t
vg_account_read(const uint8_t uuid[16], struct vg_account_use *out, size_t capacity)
{
    struct list list = { .out = out, .capacity = capacity };
    char folder[PATH_MAX], prefix[48];
    const uint64_t space = vg_account_space();
    int files = 0;

    if (!vg_account_folder(folder, sizeof(folder))) {
        return 0;
    }
    vg_account_prefix(uuid, prefix);
    struct vg_account_file *file = malloc(sizeof(*file));
    DIR *dir = opendir(folder);
    if (file == NULL || dir == NULL) {
        free(file);
        if (dir != NULL) {
            closedir(dir);
        }
        return 0;
    }
    for (struct dirent *entry; files < FILES_MAX && (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(prefix);
        char *end;
        if (strncmp(entry->d_name, prefix, length) != 0) {
            continue;
        }
        const unsigned long user = strtoul(entry->d_name + length, &end, 10);
        if (end == entry->d_name + length || *end != '\0' || user >= UINT_MAX) {
            continue;
        }
        const int fd = vg_account_open_file(folder, entry->d_name, (uid_t)user, false);
        if (fd >= 0) {
            files++;
            read_file(fd, (uid_t)user, space, file, &list);
            close(fd);
        }
    }
    closedir(dir);
    free(file);
    return list.count;
}
