/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cubin - section names of a cubin; a kernel's code is in `.text.<kernel>`.
 */
#include "soft/cubin.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool
fits(size_t size, uint64_t offset, uint64_t length)
{
    return offset <= size && length <= size - offset;
}

static bool
read_header(const uint8_t *data, size_t size, Elf64_Ehdr *out)
{
    if (size < sizeof *out) {
        return false;
    }
    memcpy(out, data, sizeof *out);
    return out->e_ident[EI_CLASS] == ELFCLASS64 &&
           out->e_shentsize == sizeof(Elf64_Shdr) && out->e_shstrndx < out->e_shnum &&
           fits(size, out->e_shoff, (uint64_t)out->e_shnum * sizeof(Elf64_Shdr));
}

static void
read_section(const uint8_t *data, const Elf64_Ehdr *header, unsigned index,
             Elf64_Shdr *out)
{
    memcpy(out, data + header->e_shoff + index * sizeof *out, sizeof *out);
}

void
vg_cubin_kernels(const void *image, size_t size, void (*visit)(const char *name))
{
    const uint8_t *data = image;
    Elf64_Ehdr header;
    Elf64_Shdr names, section;
    if (!read_header(data, size, &header)) {
        return;
    }
    read_section(data, &header, header.e_shstrndx, &names);
    if (!fits(size, names.sh_offset, names.sh_size)) {
        return;
    }
    const char *text = (const char *)data + names.sh_offset;
    for (unsigned i = 0; i < header.e_shnum; i++) {
        read_section(data, &header, i, &section);
        if (section.sh_name >= names.sh_size) {
            continue;
        }
        const char *name = text + section.sh_name;
        size_t room = names.sh_size - section.sh_name;
        if (strnlen(name, room) < room && strncmp(name, ".text.", 6) == 0) {
            visit(name + 6);
        }
    }
}
