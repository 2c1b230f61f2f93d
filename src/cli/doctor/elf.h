/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * elf - what a shared library says of itself, read from its sections; nothing is loaded.
 *
 * A file is a claim: every offset is checked, a field that leads nowhere is as absent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_elf_section {
    const unsigned char *data;
    size_t size;
};

struct vg_elf {
    const unsigned char *bytes;
    size_t size;
    bool is_64;
    uint16_t machine;
    const char *soname;        /* NULL if none, as the next */
    const char *search;        /* DT_RUNPATH or DT_RPATH */
    char build_id[2 * 20 + 1]; /* "" if none */
    struct vg_elf_section dynamic, symbols, strings, versym, verneed, verdef;
};

/*
 * Return: 0, -ENOEXEC when it is no ELF library, or a negative errno code. A 32-bit file
 * is opened with nothing but its class and machine.
 */
int vg_elf_open(const char *path, struct vg_elf *out);
/* Only maps the bytes, of any kind of file. */
int vg_elf_map(const char *path, struct vg_elf *out);
void vg_elf_close(struct vg_elf *elf);

/* The @index-th name of DT_NEEDED, NULL after the last. */
const char *vg_elf_needed(const struct vg_elf *elf, size_t index);

struct vg_elf_symbol {
    const char *name;
    const char *version; /* NULL if it has none */
    bool is_defined, is_weak;
};

/* Return: false after the last symbol. */
bool vg_elf_symbol(const struct vg_elf *elf, size_t index, struct vg_elf_symbol *out);

/* @version may be NULL: any. A library without versions defines them all. */
bool vg_elf_defines(const struct vg_elf *elf, const char *name, const char *version);

/* The @index-th version that is needed, of which library; false after the last. */
bool vg_elf_needed_version(const struct vg_elf *elf, size_t index,
                           const char **out_library, const char **out_version);
bool vg_elf_defines_version(const struct vg_elf *elf, const char *version);

/* The section of this name; size 0 if there is none. */
struct vg_elf_section vg_elf_section(const struct vg_elf *elf, const char *name);

/* Does the text occur anywhere in the file? */
bool vg_elf_contains(const struct vg_elf *elf, const char *text);
