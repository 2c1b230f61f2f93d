/* SPDX-License-Identifier: Apache-2.0 */
#include "front/visible.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define UUID_TEXT 36 /* 8-4-4-4-12 */
#define NONE      (-1)

static bool
bus_before(const struct vg_visible_device *a, const struct vg_visible_device *b)
{
    if (a->pci_domain != b->pci_domain) {
        return a->pci_domain < b->pci_domain;
    }
    if (a->pci_bus != b->pci_bus) {
        return a->pci_bus < b->pci_bus;
    }
    return a->pci_device < b->pci_device;
}

/* Fills @out with all devices in the order that ordinals of the list count in. */
static void
enumerate(const struct vg_visible_device *devices, int count, const char *order, int *out)
{
    bool by_bus = order != NULL && strcmp(order, "PCI_BUS_ID") == 0;

    for (int i = 0; i < count; i++) {
        int at = i;
        while (by_bus && at > 0 && bus_before(&devices[i], &devices[out[at - 1]])) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = i;
    }
}

static void
uuid_text(const uint8_t uuid[16], char out[UUID_TEXT + 1])
{
    static const char digits[] = "0123456789abcdef";
    int at = 0;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        out[at++] = digits[uuid[i] >> 4];
        out[at++] = digits[uuid[i] & 15];
    }
    out[at] = '\0';
}

/* Return: the only device whose uuid begins with the text, or NONE. */
static int
find_uuid(const struct vg_visible_device *devices, int count, const char *text,
          size_t length)
{
    int found = NONE;

    if (length == 0 || length > UUID_TEXT) {
        return NONE;
    }
    for (int i = 0; i < count; i++) {
        char uuid[UUID_TEXT + 1];
        uuid_text(devices[i].uuid, uuid);
        if (strncasecmp(uuid, text, length) != 0) {
            continue;
        }
        if (found != NONE) {
            return NONE; /* ambiguous */
        }
        found = i;
    }
    return found;
}

static int
find_ordinal(const int *order, int count, const char *text, size_t length)
{
    int value = 0;

    if (length == 0) {
        return NONE;
    }
    for (size_t i = 0; i < length; i++) {
        if (isdigit((unsigned char)text[i]) == 0) {
            return NONE;
        }
        value = value * 10 + (text[i] - '0');
        if (value >= count) {
            return NONE;
        }
    }
    return order[value];
}

static bool
contains(const int *list, int count, int value)
{
    for (int i = 0; i < count; i++) {
        if (list[i] == value) {
            return true;
        }
    }
    return false;
}

/* Moves @text past blanks and returns the length of the entry without trailing ones. */
static size_t
trim(const char **text, size_t length)
{
    while (length > 0 && isspace((unsigned char)**text) != 0) {
        (*text)++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)(*text)[length - 1]) != 0) {
        length--;
    }
    return length;
}

int
vg_visible_devices(const struct vg_visible_device *devices, int count, const char *list,
                   const char *order, int *out)
{
    int all[64];
    int visible = 0;

    if (count > (int)(sizeof(all) / sizeof(all[0]))) {
        count = (int)(sizeof(all) / sizeof(all[0]));
    }
    enumerate(devices, count, order, all);
    if (list == NULL) {
        memcpy(out, all, (size_t)count * sizeof(*out));
        return count;
    }
    while (visible < count) {
        size_t whole = strcspn(list, ",");
        const char *entry = list;
        size_t length = trim(&entry, whole);
        int device = strncmp(entry, "GPU-", 4) == 0 && length > 4
                         ? find_uuid(devices, count, entry + 4, length - 4)
                         : find_ordinal(all, count, entry, length);

        if (device == NONE || contains(out, visible, device)) {
            break;
        }
        out[visible++] = device;
        if (list[whole] == '\0') {
            break;
        }
        list += whole + 1;
    }
    return visible;
}
