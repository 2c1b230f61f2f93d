/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cubin - the symbols of a cubin. A kernel's code is in `.text.<kernel>`; its variables
 * are objects of the sections `.nv.global*` and `.nv.constant3*`.
 */
#include "soft/cubin.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_FLAG 0x10 /* of a symbol: the function is a kernel */

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

/* A section that holds strings, and a string in it or NULL. */
struct strings {
    const char *text;
    size_t size;
};

static bool
read_strings(const uint8_t *data, size_t size, const Elf64_Ehdr *header, unsigned index,
             struct strings *out)
{
    Elf64_Shdr section;
    if (index >= header->e_shnum) {
        return false;
    }
    read_section(data, header, index, &section);
    if (!fits(size, section.sh_offset, section.sh_size)) {
        return false;
    }
    *out = (struct strings){ (const char *)data + section.sh_offset, section.sh_size };
    return true;
}

static const char *
string_at(const struct strings *strings, uint64_t at)
{
    if (at >= strings->size ||
        memchr(strings->text + at, 0, strings->size - at) == NULL) {
        return NULL;
    }
    return strings->text + at;
}

unsigned
vg_cubin_arch(const void *image, size_t size)
{
    Elf64_Ehdr header;
    if (!read_header(image, size, &header) || header.e_machine != 190) {
        return 0;
    }
    return header.e_ident[EI_ABIVERSION] >= 8 ? header.e_flags >> 8 & 0xff
                                              : header.e_flags & 0xff;
}

static bool
is_identifier(const char *name)
{
    if (name[0] == '\0' || isdigit((unsigned char)name[0])) {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && *name != '_' && *name != '$') {
            return false;
        }
    }
    return true;
}

/* Writes the declaration that a symbol stands for, if it is one of ours. */
static void
outline_symbol(FILE *out, const Elf64_Sym *symbol, const char *name, const char *section)
{
    const unsigned type = ELF64_ST_TYPE(symbol->st_info);
    if (!is_identifier(name)) {
        return;
    }
    if (type == STT_FUNC && (symbol->st_other & ENTRY_FLAG) != 0 &&
        strncmp(section, ".text.", 6) == 0) {
        fprintf(out, ".visible .entry %s()\n{\n    ret;\n}\n", name);
    } else if (type == STT_OBJECT && symbol->st_size > 0 &&
               (strncmp(section, ".nv.global", 10) == 0 ||
                strncmp(section, ".nv.constant3", 13) == 0)) {
        fprintf(out, ".visible .global .align 16 .b8 %s[%llu];\n", name,
                (unsigned long long)symbol->st_size);
    }
}

static void
outline_table(FILE *out, const uint8_t *data, size_t size, const Elf64_Ehdr *header,
              const Elf64_Shdr *table)
{
    struct strings names, sections;
    if (!fits(size, table->sh_offset, table->sh_size) ||
        !read_strings(data, size, header, table->sh_link, &names) ||
        !read_strings(data, size, header, header->e_shstrndx, &sections)) {
        return;
    }
    for (uint64_t at = 0; table->sh_size - at >= sizeof(Elf64_Sym);
         at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        Elf64_Shdr section;
        memcpy(&symbol, data + table->sh_offset + at, sizeof symbol);
        if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= header->e_shnum) {
            continue;
        }
        read_section(data, header, symbol.st_shndx, &section);
        const char *name = string_at(&names, symbol.st_name);
        const char *where = string_at(&sections, section.sh_name);
        if (name != NULL && where != NULL) {
            outline_symbol(out, &symbol, name, where);
        }
    }
}

int
vg_cubin_outline(const void *image, size_t size, char **out_text, size_t *out_size)
{
    const uint8_t *data = image;
    const unsigned arch = vg_cubin_arch(image, size);
    Elf64_Ehdr header;
    char *text = NULL;
    if (arch == 0 || !read_header(data, size, &header)) {
        return -EINVAL;
    }
    FILE *out = open_memstream(&text, out_size);
    if (out == NULL) {
        return -ENOMEM;
    }
    fprintf(out, ".version 8.0\n.target sm_%u\n.address_size 64\n", arch);
    for (unsigned i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr section;
        read_section(data, &header, i, &section);
        if (section.sh_type == SHT_SYMTAB) {
            outline_table(out, data, size, &header, &section);
        }
    }
    if (fclose(out) != 0) {
        free(text);
        return -ENOMEM;
    }
    *out_text = text;
    return 0;
}
