/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - whose variables count: those of the process looked at, of the service's
 * unit, or our own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/paths.h"

extern char **environ;

#define ENTRY_MAX 1024

static void
add(struct vg_doctor *d, const char *entry)
{
    size_t count = 0;
    const size_t length = strcspn(entry, "=") + 1;

    while (d->environment[count] != NULL) {
        if (strncmp(d->environment[count], entry, length) == 0) {
            break;
        }
        count++;
    }
    if (count < ENTRY_MAX && entry[length - 1] == '=') {
        free(d->environment[count]);
        d->environment[count] = strdup(entry);
    }
}

static bool
read_process(struct vg_doctor *d)
{
    char path[64], *line = NULL;
    size_t size = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)d->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    while (getdelim(&line, &size, '\0', file) > 0) {
        add(d, line);
    }
    free(line);
    (void)fclose(file);
    return true;
}

/* Environment=A=1 "B=2 3" */
static void
read_assignments(struct vg_doctor *d, char *text)
{
    while (*(text += strspn(text, " \t")) != '\0') {
        const char quote = *text == '"' || *text == '\'' ? *text++ : '\0';
        const char ends[] = { quote != '\0' ? quote : ' ', quote != '\0' ? '\0' : '\t',
                              '\0' };
        char *end = text + strcspn(text, ends);
        const bool is_last = *end == '\0';

        *end = '\0';
        add(d, text);
        text = is_last ? end : end + 1;
    }
}

static bool
read_unit(struct vg_doctor *d, const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "Environment=", 12) == 0) {
            read_assignments(d, line + 12);
        }
    }
    (void)fclose(file);
    return true;
}

static int
is_conf(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);

    return length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static bool
read_service(struct vg_doctor *d)
{
    static const char *const folders[] = { "/usr/lib/systemd/system",
                                           "/lib/systemd/system", "/etc/systemd/system" };
    char path[PATH_MAX];
    struct dirent **names = NULL;
    bool found = false;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        found |=
            read_unit(d, vg_path_print(path, "%s%s/ollama.service", d->root, folders[i]));
        const int count =
            scandir(vg_path_print(path, "%s%s/ollama.service.d", d->root, folders[i]),
                    &names, is_conf, alphasort);
        for (int n = 0; n < count; n++) {
            found |= read_unit(d, vg_path_print(path, "%s%s/ollama.service.d/%s", d->root,
                                                folders[i], names[n]->d_name));
            free(names[n]);
        }
        if (count >= 0) {
            free(names);
        }
    }
    return found;
}

void
vg_environment_read(struct vg_doctor *d)
{
    d->environment = calloc(ENTRY_MAX + 1, sizeof(*d->environment));
    if (d->environment == NULL) {
        abort();
    }
    if (d->pid != 0) {
        d->environment_of =
            read_process(d) ? "the process" : "nobody (it cannot be read)";
        return;
    }
    if (d->for_ollama && read_service(d)) {
        d->environment_of = "ollama.service";
        return;
    }
    d->environment_of = "this shell";
    for (char **e = environ; *e != NULL; e++) {
        add(d, *e);
    }
}

const char *
vg_environment_get(const struct vg_doctor *d, const char *name)
{
    const size_t length = strlen(name);

    for (char **e = d->environment; *e != NULL; e++) {
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=') {
            return *e + length + 1;
        }
    }
    return NULL;
}
