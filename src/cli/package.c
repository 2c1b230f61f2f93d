/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/package.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/paths.h"

/* Lists name a file as its package does: with /usr before /lib, or without. */
static bool
is_same(const char *line, const char *path)
{
    return strcmp(line, path) == 0 ||
           (strncmp(path, "/usr/lib", 8) == 0 && strcmp(line, path + 4) == 0) ||
           (strncmp(line, "/usr/lib", 8) == 0 && strcmp(line + 4, path) == 0);
}

static bool
list_has(const char *list, const char *path)
{
    char line[PATH_MAX];
    bool found = false;
    FILE *file = fopen(list, "re");

    if (file == NULL) {
        return false;
    }
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found = is_same(line, path);
    }
    (void)fclose(file);
    return found;
}

bool
vg_package_owner(const char *root, const char *path, char *out, size_t size)
{
    char folder[PATH_MAX], list[PATH_MAX + NAME_MAX + 2];
    const struct dirent *entry;
    bool found = false;

    (void)vg_path_print(folder, "%s/var/lib/dpkg/info", root);
    DIR *lists = opendir(folder);
    while (lists != NULL && !found && (entry = readdir(lists)) != NULL) {
        const size_t length = strlen(entry->d_name);

        if (length <= 5 || strcmp(entry->d_name + length - 5, ".list") != 0) {
            continue;
        }
        (void)snprintf(list, sizeof(list), "%s/%s", folder, entry->d_name);
        found = list_has(list, path);
        if (found) { /* "name:architecture.list", or without the architecture */
            (void)snprintf(out, size, "%.*s", (int)strcspn(entry->d_name, ":"),
                           entry->d_name);
            if (strchr(entry->d_name, ':') == NULL) {
                (void)snprintf(out, size, "%.*s", (int)(length - 5), entry->d_name);
            }
        }
    }
    if (lists != NULL) {
        (void)closedir(lists);
    }
    return found;
}
