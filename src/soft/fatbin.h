/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fatbin - the container in which a compiler ships device code: entries of PTX and of
 * machine code, packed or not. Layout as observed in public binaries (see fatbin.c).
 *
 * Everything read is a claim: sizes are checked against what is left before they are
 * used. Reads never go beyond @size; a caller who only has a pointer passes what the
 * header says (vg_fatbin_size).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VG_FATBIN_MAGIC         0xba55ed50u
#define VG_FATBIN_WRAPPER_MAGIC 0x466243b1u

enum vg_fatbin_condition {
    VG_FATBIN_OK = 0,
    VG_FATBIN_END,     /* no more entries */
    VG_FATBIN_DAMAGED, /* sizes that cannot be, a payload that does not unpack */
};

enum vg_fatbin_kind {
    VG_FATBIN_PTX = 1,
    VG_FATBIN_ELF = 2,
};

/* What a program hands over for its fatbin. */
struct vg_fatbin_wrapper {
    uint32_t magic;
    uint32_t version; /* 1, or 2: @more is a NULL-terminated array of containers */
    const void *data; /* a container */
    const void *more;
};

struct vg_fatbin_entry {
    unsigned kind;
    unsigned arch;         /* 80, 90 ... */
    unsigned major, minor; /* PTX: ISA version */
    uint64_t flags;
    const uint8_t *payload;
    size_t payload_size;  /* packed bytes, exact */
    size_t unpacked_size; /* equal when it is not packed */
};

struct vg_fatbin_reader {
    const uint8_t *data;
    size_t size, offset;
};

/* Whole size of the container at @data by its header, of which 16 bytes are read.
 * Return: 0 or VG_FATBIN_DAMAGED. */
int vg_fatbin_size(const void *data, size_t *out_size);

/* Return: 0 or VG_FATBIN_DAMAGED (magic, header, size beyond @size). */
int vg_fatbin_open(const void *data, size_t size, struct vg_fatbin_reader *out);
/* Return: 0, VG_FATBIN_END or VG_FATBIN_DAMAGED. */
int vg_fatbin_next(struct vg_fatbin_reader *reader, struct vg_fatbin_entry *out);

/* Unpacks into a new buffer with one NUL behind it, to be freed by the caller.
 * Return: 0, VG_FATBIN_DAMAGED or -ENOMEM. */
int vg_fatbin_unpack(const struct vg_fatbin_entry *entry, char **out, size_t *out_size);

/* True for PTX that a device of compute capability @cc (10 * major + minor) can run:
 * plain PTX up to its own number, architecture- and family-specific only where exact. */
bool vg_fatbin_ptx_suits(const struct vg_fatbin_entry *entry, unsigned cc);
