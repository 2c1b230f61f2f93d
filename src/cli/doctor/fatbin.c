/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor/fatbin.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor/elf.h"

#define MAGIC 0xBA55ED50u

/* A container: magic, version, its header's size, the size of the entries after it. */
struct container {
    uint32_t magic;
    uint16_t version, header_size;
    uint64_t size;
};

/* An entry's first fields; what follows is not needed here. */
struct entry {
    uint16_t kind; /* 1 PTX, 2 machine code */
    uint16_t reserved;
    uint32_t header_size;
    uint64_t size;
    uint32_t more[3];
    uint32_t arch;
};

static void
insert(unsigned *archs, size_t *count, unsigned arch)
{
    size_t at = 0;

    while (at < *count && archs[at] < arch) {
        at++;
    }
    if (*count == VG_ARCH_MAX || (at < *count && archs[at] == arch)) {
        return;
    }
    memmove(archs + at + 1, archs + at, (*count - at) * sizeof(*archs));
    archs[at] = arch;
    (*count)++;
}

static void
read_entries(const unsigned char *at, size_t size, struct vg_archs *out)
{
    struct entry entry;

    while (size >= sizeof(entry)) {
        memcpy(&entry, at, sizeof(entry));
        if (entry.header_size < sizeof(entry) || entry.header_size > size ||
            entry.size > size - entry.header_size) {
            return;
        }
        if (entry.kind == 1) {
            insert(out->ptx, &out->ptx_count, entry.arch);
        } else if (entry.kind == 2) {
            insert(out->machine, &out->machine_count, entry.arch);
        }
        at += entry.header_size + entry.size;
        size -= entry.header_size + entry.size;
    }
}

void
vg_fatbin_read(const struct vg_elf *elf, struct vg_archs *out)
{
    const struct vg_elf_section code = vg_elf_section(elf, ".nv_fatbin");
    struct container head;
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    while (at + sizeof(head) <= code.size) {
        memcpy(&head, code.data + at, sizeof(head));
        if (head.magic != MAGIC || head.header_size < sizeof(head)) {
            at += 8; /* padding between containers */
            continue;
        }
        const size_t left = code.size - at;
        if (head.header_size > left || head.size > left - head.header_size) {
            return;
        }
        read_entries(code.data + at + head.header_size, (size_t)head.size, out);
        at += head.header_size + (size_t)head.size;
    }
}

void
vg_fatbin_print(const unsigned *archs, size_t count, char *out, size_t size)
{
    int n = 0;

    (void)snprintf(out, size, "none");
    for (size_t i = 0; i < count && n >= 0 && (size_t)n < size; i++) {
        n += snprintf(out + n, size - (size_t)n, "%s%u", i > 0 ? " " : "", archs[i]);
    }
}
