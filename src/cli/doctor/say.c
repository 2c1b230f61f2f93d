/* SPDX-License-Identifier: Apache-2.0 */
/* say - what the checks found: kept, then printed as lines or as JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/doctor.h"

static const char *const state_names[] = { "ok", "broken", "unknown" };

__attribute__((format(printf, 4, 0))) static void
say(struct vg_doctor *d, enum vg_finding_state state, const char *remedy,
    const char *format, va_list args)
{
    struct vg_finding *more = realloc(d->findings, (d->count + 1) * sizeof(*more));

    if (more == NULL) {
        abort(); /* a line lost could be the one that matters */
    }
    d->findings = more;
    struct vg_finding *f = &more[d->count++];
    f->state = state;
    f->link = d->link;
    f->check = d->check;
    (void)vsnprintf(f->text, sizeof(f->text), format, args);
    (void)snprintf(f->remedy, sizeof(f->remedy), "%s", remedy != NULL ? remedy : "");
}

void
vg_say_ok(struct vg_doctor *d, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(d, VG_FINDING_OK, NULL, format, args);
    va_end(args);
}

void
vg_say_broken(struct vg_doctor *d, const char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(d, VG_FINDING_BROKEN, remedy, format, args);
    va_end(args);
}

void
vg_say_unknown(struct vg_doctor *d, const char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(d, VG_FINDING_UNKNOWN, remedy, format, args);
    va_end(args);
}

static void
print_json_text(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            (void)printf("\\%c", c);
        } else if (c < 0x20) {
            (void)printf("\\u%04x", c);
        } else {
            (void)putchar(c);
        }
    }
    (void)putchar('"');
}

static void
print_json(const struct vg_doctor *d, int status, unsigned long ms)
{
    (void)printf("{\"status\":%d,\"milliseconds\":%lu,\"findings\":[", status, ms);
    for (size_t i = 0; i < d->count; i++) {
        const struct vg_finding *f = &d->findings[i];
        (void)printf("%s\n{\"state\":\"%s\",\"link\":\"%s\",\"check\":\"%s\",\"text\":",
                     i > 0 ? "," : "", state_names[f->state], f->link, f->check);
        print_json_text(f->text);
        (void)fputs(",\"remedy\":", stdout);
        print_json_text(f->remedy);
        (void)putchar('}');
    }
    (void)puts("\n]}");
}

static const struct vg_finding *
first_of(const struct vg_doctor *d, enum vg_finding_state state)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->findings[i].state == state) {
            return &d->findings[i];
        }
    }
    return NULL;
}

static void
print_lines(const struct vg_doctor *d, unsigned long ms)
{
    const struct vg_finding *broken = first_of(d, VG_FINDING_BROKEN);
    const struct vg_finding *unknown = first_of(d, VG_FINDING_UNKNOWN);
    const struct vg_finding *first = broken != NULL ? broken : unknown;

    for (size_t i = 0; i < d->count; i++) {
        const struct vg_finding *f = &d->findings[i];
        (void)printf("%-8s %-10s %s\n", state_names[f->state], f->link, f->text);
    }
    (void)printf("\n%zu lines in %lu.%lu s\n", d->count, ms / 1000, ms % 1000 / 100);
    if (first == NULL) {
        (void)puts("all is well");
        return;
    }
    (void)printf("%s: %s\n", broken != NULL ? "first broken link" : "could not tell",
                 first->text);
    if (first->remedy[0] != '\0') {
        (void)printf("what to do: %s\n", first->remedy);
    }
}

int
vg_say_all(const struct vg_doctor *d, unsigned long ms)
{
    int status = 0;

    if (first_of(d, VG_FINDING_BROKEN) != NULL) {
        status = 1;
    } else if (first_of(d, VG_FINDING_UNKNOWN) != NULL) {
        status = 2;
    }
    if (d->is_json) {
        print_json(d, status, ms);
    } else {
        print_lines(d, ms);
    }
    return status;
}
