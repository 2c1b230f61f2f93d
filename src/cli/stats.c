/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_SHOWN 20u

static const char *const value_names[VG_STAT_COUNT] = {
    [VG_STAT_CALLS] = "calls",
    [VG_STAT_POSTED] = "posted",
    [VG_STAT_WAITED] = "waited",
    [VG_STAT_BYTES_OUT] = "bytes_out",
    [VG_STAT_BYTES_IN] = "bytes_in",
    [VG_STAT_LAUNCHES] = "launches",
    [VG_STAT_WARP_INSTRUCTIONS] = "warp_instructions",
};

static const char *const list_names[VG_STAT_LIST_COUNT] = {
    [VG_STAT_CALL] = "call",
    [VG_STAT_KERNEL] = "kernel",
    [VG_STAT_NOT_CARRIED] = "not_carried",
    [VG_STAT_SASS_ONLY] = "sass_only",
    [VG_STAT_UNSUPPORTED] = "unsupported",
};

static uint64_t
parse_number(const char *text)
{
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static struct vg_stat_item *
find_item(struct vg_stats *stats, enum vg_stat_list list, const char *name)
{
    const size_t count = stats->item_count[list];

    for (size_t i = 0; i < count; i++) {
        if (strcmp(stats->items[list][i].name, name) == 0) {
            return &stats->items[list][i];
        }
    }
    struct vg_stat_item *items =
        reallocarray(stats->items[list], count + 1, sizeof(*stats->items[list]));
    if (items == NULL) {
        return NULL;
    }
    stats->items[list] = items;
    items[count] = (struct vg_stat_item){ .name = strdup(name) };
    if (items[count].name == NULL) {
        return NULL;
    }
    stats->item_count[list]++;
    return &items[count];
}

/* Takes the next field off @rest. */
static char *
next_field(char **rest)
{
    return strsep(rest, "\t");
}

/* @rest holds a name and up to three numbers; a name alone counts once. */
static int
add_item(struct vg_stats *stats, enum vg_stat_list list, char *rest)
{
    const char *name = next_field(&rest);

    if (name[0] == '\0') {
        return 0;
    }
    struct vg_stat_item *item = find_item(stats, list, name);
    if (item == NULL) {
        return -ENOMEM;
    }
    item->count += rest == NULL ? 1 : parse_number(next_field(&rest));
    item->posted += parse_number(next_field(&rest));
    item->ns += parse_number(next_field(&rest));
    return 0;
}

static int
add_line(struct vg_stats *stats, char *line)
{
    char *rest = line;
    const char *key = next_field(&rest);

    if (rest == NULL) {
        return 0;
    }
    for (int i = 0; i < VG_STAT_COUNT; i++) {
        if (strcmp(key, value_names[i]) == 0) {
            stats->value[i] += parse_number(rest);
            return 0;
        }
    }
    for (int i = 0; i < VG_STAT_LIST_COUNT; i++) {
        if (strcmp(key, list_names[i]) == 0) {
            return add_item(stats, (enum vg_stat_list)i, rest);
        }
    }
    return 0;
}

int
vg_stats_read(struct vg_stats *stats, FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    int r = 0;

    while (r == 0 && (length = getline(&line, &size, file)) > 0) {
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
        }
        r = add_line(stats, line);
    }
    free(line);
    return r;
}

void
vg_stats_print_missing(const struct vg_stats *stats, FILE *out)
{
    static const struct {
        enum vg_stat_list list;
        const char *text;
    } kinds[] = {
        { VG_STAT_SASS_ONLY, "only machine code, no PTX, for kernel" },
        { VG_STAT_UNSUPPORTED, "the software GPU does not support" },
        { VG_STAT_NOT_CARRIED, "not carried over the link: call" },
    };

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (size_t i = 0; i < stats->item_count[kinds[k].list]; i++) {
            const struct vg_stat_item *item = &stats->items[kinds[k].list][i];
            (void)fprintf(out, "vgpu: %s %s", kinds[k].text, item->name);
            if (kinds[k].list != VG_STAT_NOT_CARRIED) { /* named once, not counted */
                (void)fprintf(out, " (%" PRIu64 "x)", item->count);
            }
            (void)fputc('\n', out);
        }
    }
}

static int
slower_first(const void *a, const void *b)
{
    const struct vg_stat_item *left = *(const struct vg_stat_item *const *)a;
    const struct vg_stat_item *right = *(const struct vg_stat_item *const *)b;

    if (left->ns != right->ns) {
        return left->ns < right->ns ? 1 : -1;
    }
    return strcmp(left->name, right->name);
}

static void
print_calls(const struct vg_stats *stats, FILE *out)
{
    const size_t count = stats->item_count[VG_STAT_CALL];
    const struct vg_stat_item **order = calloc(count + 1, sizeof(*order));

    if (order == NULL || count == 0) {
        free(order);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = &stats->items[VG_STAT_CALL][i];
    }
    qsort(order, count, sizeof(*order), slower_first);
    (void)fprintf(out, "vgpu: %12s %10s %10s  %s\n", "ms", "calls", "posted", "name");
    for (size_t i = 0; i < count && i < CALLS_SHOWN; i++) {
        (void)fprintf(out, "vgpu: %12.3f %10" PRIu64 " %10" PRIu64 "  %s\n",
                      (double)order[i]->ns / 1e6, order[i]->count, order[i]->posted,
                      order[i]->name);
    }
    if (count > CALLS_SHOWN) {
        (void)fprintf(out, "vgpu: and %zu more calls\n", count - CALLS_SHOWN);
    }
    free(order);
}

void
vg_stats_print(const struct vg_stats *stats, FILE *out)
{
    const uint64_t *value = stats->value;

    (void)fprintf(out,
                  "vgpu: %" PRIu64 " calls over the link, %" PRIu64 " posted, %" PRIu64
                  " waited for\n"
                  "vgpu: %" PRIu64 " bytes sent, %" PRIu64 " bytes received\n"
                  "vgpu: %" PRIu64 " launches, %" PRIu64 " warp instructions\n",
                  value[VG_STAT_CALLS], value[VG_STAT_POSTED], value[VG_STAT_WAITED],
                  value[VG_STAT_BYTES_OUT], value[VG_STAT_BYTES_IN],
                  value[VG_STAT_LAUNCHES], value[VG_STAT_WARP_INSTRUCTIONS]);
    print_calls(stats, out);
}

void
vg_stats_fini(struct vg_stats *stats)
{
    for (int list = 0; list < VG_STAT_LIST_COUNT; list++) {
        for (size_t i = 0; i < stats->item_count[list]; i++) {
            free(stats->items[list][i].name);
        }
        free(stats->items[list]);
    }
    memset(stats, 0, sizeof(*stats));
}
