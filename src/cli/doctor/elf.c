/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct vg_elf_section
part(const struct vg_elf *elf, uint64_t offset, uint64_t size)
{
    const struct vg_elf_section none = { NULL, 0 };

    if (offset > elf->size || size > elf->size - offset) {
        return none;
    }
    return (struct vg_elf_section){ elf->bytes + offset, (size_t)size };
}

static bool
section_header(const struct vg_elf *elf, size_t index, Elf64_Shdr *out)
{
    Elf64_Ehdr head;

    memcpy(&head, elf->bytes, sizeof(head));
    if (head.e_shentsize != sizeof(*out) || index >= head.e_shnum) {
        return false;
    }
    const struct vg_elf_section at =
        part(elf, head.e_shoff + index * sizeof(*out), sizeof(*out));
    if (at.data == NULL) {
        return false;
    }
    memcpy(out, at.data, sizeof(*out));
    return true;
}

static struct vg_elf_section
content(const struct vg_elf *elf, const Elf64_Shdr *header)
{
    if (header->sh_type == SHT_NOBITS) {
        return (struct vg_elf_section){ NULL, 0 };
    }
    return part(elf, header->sh_offset, header->sh_size);
}

/* A text of a string table that ends inside it. */
static const char *
text_at(struct vg_elf_section strings, uint64_t offset)
{
    if (offset >= strings.size ||
        memchr(strings.data + offset, '\0', strings.size - offset) == NULL) {
        return NULL;
    }
    return (const char *)strings.data + offset;
}

static const char *
dynamic_text(const struct vg_elf *elf, int64_t tag, size_t index)
{
    Elf64_Dyn entry;

    for (size_t at = 0; at + sizeof(entry) <= elf->dynamic.size; at += sizeof(entry)) {
        memcpy(&entry, elf->dynamic.data + at, sizeof(entry));
        if (entry.d_tag == DT_NULL) {
            break;
        }
        if (entry.d_tag == tag && index-- == 0) {
            return text_at(elf->strings, entry.d_un.d_val);
        }
    }
    return NULL;
}

static void
read_build_id(struct vg_elf *elf, struct vg_elf_section note)
{
    Elf64_Nhdr head;

    if (note.size < sizeof(head)) {
        return;
    }
    memcpy(&head, note.data, sizeof(head));
    const size_t at = sizeof(head) + ((head.n_namesz + 3u) & ~(size_t)3);
    if (head.n_type != NT_GNU_BUILD_ID || head.n_namesz > 16 || head.n_descsz > 20 ||
        at + head.n_descsz > note.size) {
        return;
    }
    for (size_t i = 0; i < head.n_descsz; i++) {
        (void)snprintf(elf->build_id + 2 * i, 3, "%02x", note.data[at + i]);
    }
}

static void
read_sections(struct vg_elf *elf)
{
    Elf64_Shdr header, linked;

    for (size_t i = 0; section_header(elf, i, &header); i++) {
        switch (header.sh_type) {
        case SHT_DYNSYM:
            elf->symbols = content(elf, &header);
            if (section_header(elf, header.sh_link, &linked)) {
                elf->strings = content(elf, &linked);
            }
            break;
        case SHT_DYNAMIC:
            elf->dynamic = content(elf, &header);
            break;
        case SHT_GNU_versym:
            elf->versym = content(elf, &header);
            break;
        case SHT_GNU_verneed:
            elf->verneed = content(elf, &header);
            break;
        case SHT_GNU_verdef:
            elf->verdef = content(elf, &header);
            break;
        case SHT_NOTE:
            read_build_id(elf, content(elf, &header));
            break;
        default:
            break;
        }
    }
    elf->soname = dynamic_text(elf, DT_SONAME, 0);
    elf->search = dynamic_text(elf, DT_RUNPATH, 0);
    if (elf->search == NULL) {
        elf->search = dynamic_text(elf, DT_RPATH, 0);
    }
}

int
vg_elf_map(const char *path, struct vg_elf *out)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    memset(out, 0, sizeof(*out));
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
        (void)close(fd);
        return -ENOEXEC;
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (bytes == MAP_FAILED) {
        return -ENOMEM;
    }
    out->bytes = bytes;
    out->size = (size_t)info.st_size;
    return 0;
}

int
vg_elf_open(const char *path, struct vg_elf *out)
{
    const int r = vg_elf_map(path, out);

    if (r != 0) {
        return r;
    }
    if (out->size < sizeof(Elf64_Ehdr) || memcmp(out->bytes, ELFMAG, SELFMAG) != 0) {
        vg_elf_close(out);
        return -ENOEXEC;
    }
    out->is_64 = out->bytes[EI_CLASS] == ELFCLASS64;
    memcpy(&out->machine, out->bytes + offsetof(Elf64_Ehdr, e_machine),
           sizeof(out->machine));
    if (out->is_64) {
        read_sections(out);
    }
    return 0;
}

void
vg_elf_close(struct vg_elf *elf)
{
    if (elf->bytes != NULL) {
        (void)munmap((void *)(uintptr_t)elf->bytes, elf->size);
    }
    memset(elf, 0, sizeof(*elf));
}

const char *
vg_elf_needed(const struct vg_elf *elf, size_t index)
{
    return dynamic_text(elf, DT_NEEDED, index);
}

/* --- versions --- */

/* Calls @found for each needed version until it says true. */
static bool
walk_needed(const struct vg_elf *elf,
            bool (*found)(void *arg, uint16_t number, const char *library,
                          const char *version),
            void *arg)
{
    Elf64_Verneed need;
    Elf64_Vernaux aux;

    for (size_t at = 0; at + sizeof(need) <= elf->verneed.size; at += need.vn_next) {
        memcpy(&need, elf->verneed.data + at, sizeof(need));
        size_t one = at + need.vn_aux;
        for (unsigned i = 0; i < need.vn_cnt && one + sizeof(aux) <= elf->verneed.size;
             i++, one += aux.vna_next) {
            memcpy(&aux, elf->verneed.data + one, sizeof(aux));
            const char *library = text_at(elf->strings, need.vn_file);
            const char *version = text_at(elf->strings, aux.vna_name);
            if (library != NULL && version != NULL &&
                found(arg, aux.vna_other, library, version)) {
                return true;
            }
        }
        if (need.vn_next == 0) {
            break;
        }
    }
    return false;
}

struct version_query {
    uint16_t number;
    size_t index;
    const char *library, *version;
};

static bool
has_number(void *arg, uint16_t number, const char *library, const char *version)
{
    struct version_query *query = arg;

    query->library = library;
    query->version = version;
    return number == query->number;
}

static bool
has_index(void *arg, uint16_t number, const char *library, const char *version)
{
    struct version_query *query = arg;

    (void)number;
    query->library = library;
    query->version = version;
    return query->index-- == 0;
}

/* The name of the version that the file defines as @number, or of the @name itself. */
static const char *
defined_version(const struct vg_elf *elf, uint16_t number, const char *name)
{
    Elf64_Verdef def;
    Elf64_Verdaux aux;

    for (size_t at = 0; at + sizeof(def) <= elf->verdef.size; at += def.vd_next) {
        memcpy(&def, elf->verdef.data + at, sizeof(def));
        if (at + def.vd_aux + sizeof(aux) > elf->verdef.size) {
            break;
        }
        memcpy(&aux, elf->verdef.data + at + def.vd_aux, sizeof(aux));
        const char *text = text_at(elf->strings, aux.vda_name);
        if (text != NULL && (name != NULL ? strcmp(text, name) == 0
                                          : def.vd_ndx == number && number > 1)) {
            return text;
        }
        if (def.vd_next == 0) {
            break;
        }
    }
    return NULL;
}

bool
vg_elf_needed_version(const struct vg_elf *elf, size_t index, const char **out_library,
                      const char **out_version)
{
    struct version_query query = { .index = index };

    if (!walk_needed(elf, has_index, &query)) {
        return false;
    }
    *out_library = query.library;
    *out_version = query.version;
    return true;
}

bool
vg_elf_defines_version(const struct vg_elf *elf, const char *version)
{
    return defined_version(elf, 0, version) != NULL;
}

/* --- symbols --- */

bool
vg_elf_symbol(const struct vg_elf *elf, size_t index, struct vg_elf_symbol *out)
{
    struct version_query query = { 0 };
    Elf64_Sym symbol;
    uint16_t version = 0;

    if ((index + 1) * sizeof(symbol) > elf->symbols.size) {
        return false;
    }
    memcpy(&symbol, elf->symbols.data + index * sizeof(symbol), sizeof(symbol));
    out->name = text_at(elf->strings, symbol.st_name);
    if (out->name == NULL) {
        out->name = "";
    }
    out->is_defined = symbol.st_shndx != SHN_UNDEF;
    out->is_weak = ELF64_ST_BIND(symbol.st_info) == STB_WEAK;
    out->version = NULL;
    if ((index + 1) * sizeof(version) <= elf->versym.size) {
        memcpy(&version, elf->versym.data + index * sizeof(version), sizeof(version));
        version &= 0x7fff;
    }
    if (version > 1 && out->is_defined) {
        out->version = defined_version(elf, version, NULL);
    } else if (version > 1) {
        query.number = version;
        out->version = walk_needed(elf, has_number, &query) ? query.version : NULL;
    }
    return true;
}

bool
vg_elf_defines(const struct vg_elf *elf, const char *name, const char *version)
{
    Elf64_Sym symbol;
    struct vg_elf_symbol found;

    for (size_t i = 0; (i + 1) * sizeof(symbol) <= elf->symbols.size; i++) {
        memcpy(&symbol, elf->symbols.data + i * sizeof(symbol), sizeof(symbol));
        const char *text = text_at(elf->strings, symbol.st_name);
        if (symbol.st_shndx == SHN_UNDEF || text == NULL || strcmp(text, name) != 0) {
            continue;
        }
        if (version == NULL || elf->verdef.size == 0) {
            return true;
        }
        (void)vg_elf_symbol(elf, i, &found);
        if (found.version != NULL && strcmp(found.version, version) == 0) {
            return true;
        }
    }
    return false;
}

struct vg_elf_section
vg_elf_section(const struct vg_elf *elf, const char *name)
{
    Elf64_Ehdr head;
    Elf64_Shdr names, header;
    struct vg_elf_section none = { NULL, 0 };

    memcpy(&head, elf->bytes, sizeof(head));
    if (!elf->is_64 || !section_header(elf, head.e_shstrndx, &names)) {
        return none;
    }
    for (size_t i = 0; section_header(elf, i, &header); i++) {
        const char *text = text_at(content(elf, &names), header.sh_name);
        if (text != NULL && strcmp(text, name) == 0) {
            return content(elf, &header);
        }
    }
    return none;
}

bool
vg_elf_contains(const struct vg_elf *elf, const char *text)
{
    return memmem(elf->bytes, elf->size, text, strlen(text)) != NULL;
}
