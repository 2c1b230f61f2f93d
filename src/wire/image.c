/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WRAPPER_MAGIC   0x466243b1u
#define CONTAINER_MAGIC 0xba55ed50u
#define KIND_PTX        1
#define ELF_MAGIC       0x464c457fu
#define MACHINE_CUDA    190

struct wrapper {
    uint32_t magic;
    uint32_t version;
    const void *data;
    const void *names;
};

struct container {
    uint32_t magic;
    uint16_t version;
    uint16_t header_size;
    uint64_t body_size;
};

struct entry {
    uint16_t kind;
    uint16_t version;
    uint32_t header_size;
    uint64_t payload_size;
    uint32_t compressed_size;
    uint32_t options_offset;
    uint32_t isa;
    uint32_t arch;
    uint64_t name;
    uint64_t flags;
};

/* PTX with one of these is for that architecture or family only. */
#define FLAG_ARCH   0x100000u
#define FLAG_FAMILY 0x200000u

static int
add_slice(struct vg_image *image, const void *data, size_t size)
{
    struct vg_image_slice *wider =
        realloc(image->slices, (image->count + 1) * sizeof(*wider));

    if (wider == NULL) {
        return -ENOMEM;
    }
    image->slices = wider;
    image->slices[image->count++] = (struct vg_image_slice){ data, size };
    image->size += size;
    return 0;
}

/* Adds the PTX entries of a container. Return: 0 or -errno; none found leaves no slice.
 */
static int
add_ptx(struct vg_image *image, const uint8_t *body, uint64_t size)
{
    struct entry entry;
    uint64_t at = 0, kept = 0;
    int r = 0;

    while (r == 0 && size - at >= sizeof(entry)) {
        memcpy(&entry, body + at, sizeof(entry));
        if (entry.header_size < sizeof(entry) || entry.header_size > size - at ||
            entry.payload_size > size - at - entry.header_size) {
            break;
        }
        const uint64_t whole = entry.header_size + entry.payload_size;
        if (entry.kind == KIND_PTX) {
            if (image->count == 0) {
                r = add_slice(image, image->header, sizeof(image->header));
            }
            if (r == 0) {
                r = add_slice(image, body + at, whole);
            }
            kept += whole;
        }
        at += whole;
    }
    /* the rebuilt container's header: the same but for the size of the body */
    memcpy(image->header + 8, &kept, sizeof(kept));
    return r;
}

static int
open_container(struct vg_image *image, const uint8_t *data, bool only_ptx)
{
    struct container head;
    int r = 0;

    memcpy(&head, data, sizeof(head));
    if (head.header_size < sizeof(head)) {
        return -EINVAL;
    }
    if (only_ptx) {
        memcpy(image->header, &head, sizeof(head));
        image->header[6] = sizeof(head); /* header_size, low byte */
        image->header[7] = 0;
        r = add_ptx(image, data + head.header_size, head.body_size);
    }
    if (r == 0 && image->count == 0) {
        /* nothing that the device reads: it shall say so itself */
        r = add_slice(image, data, head.header_size + head.body_size);
    }
    return r;
}

static size_t
larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* 0 when the text is shorter than a magic, of which none has a NUL in it. */
static uint32_t
read_magic(const void *image)
{
    uint32_t magic = 0;

    if (strnlen(image, sizeof(magic)) == sizeof(magic)) {
        memcpy(&magic, image, sizeof(magic));
    }
    return magic;
}

/* No further than its head when it is not for a GPU: its sizes may mean anything. */
static size_t
elf_size(const uint8_t *data)
{
    Elf64_Ehdr head;
    Elf64_Shdr section;

    memcpy(&head, data, sizeof(head));
    size_t size = sizeof(head);
    if (head.e_machine != MACHINE_CUDA) {
        return size;
    }
    size = larger(size, head.e_shoff + (size_t)head.e_shnum * head.e_shentsize);
    size = larger(size, head.e_phoff + (size_t)head.e_phnum * head.e_phentsize);
    for (size_t i = 0; i < head.e_shnum && head.e_shentsize >= sizeof(section); i++) {
        memcpy(&section, data + head.e_shoff + i * head.e_shentsize, sizeof(section));
        if (section.sh_type != SHT_NOBITS) {
            size = larger(size, section.sh_offset + section.sh_size);
        }
    }
    return size;
}

int
vg_image_open(struct vg_image *out, const void *image, bool only_ptx)
{
    uint32_t magic = read_magic(image);
    int r;

    *out = (struct vg_image){ .count = 0 };
    if (magic == WRAPPER_MAGIC) {
        struct wrapper wrapper;
        memcpy(&wrapper, image, sizeof(wrapper));
        image = wrapper.data;
        if (image == NULL) {
            return -EINVAL;
        }
        magic = read_magic(image);
    }
    if (magic == CONTAINER_MAGIC) {
        r = open_container(out, image, only_ptx);
    } else if (magic == ELF_MAGIC) {
        r = add_slice(out, image, elf_size(image));
    } else {
        r = add_slice(out, image, strlen(image) + 1);
    }
    if (r != 0) {
        vg_image_close(out);
    }
    return r;
}

static bool
fits(size_t size, uint64_t offset, uint64_t length)
{
    return offset <= size && length <= size - offset;
}

static bool
is_whole_elf(const uint8_t *data, size_t size)
{
    Elf64_Ehdr head;
    Elf64_Shdr section;

    if (size < sizeof(head)) {
        return false;
    }
    memcpy(&head, data, sizeof(head));
    if (!fits(size, head.e_shoff, (uint64_t)head.e_shnum * head.e_shentsize) ||
        !fits(size, head.e_phoff, (uint64_t)head.e_phnum * head.e_phentsize)) {
        return false;
    }
    for (size_t i = 0; i < head.e_shnum && head.e_shentsize >= sizeof(section); i++) {
        memcpy(&section, data + head.e_shoff + i * head.e_shentsize, sizeof(section));
        if (section.sh_type != SHT_NOBITS &&
            !fits(size, section.sh_offset, section.sh_size)) {
            return false;
        }
    }
    return true;
}

bool
vg_image_is_whole(const void *image, size_t size)
{
    struct container head;
    uint32_t magic;

    if (size < sizeof(magic)) {
        return false;
    }
    memcpy(&magic, image, sizeof(magic));
    if (magic == WRAPPER_MAGIC) {
        return false; /* it holds a pointer */
    }
    if (magic == ELF_MAGIC) {
        return is_whole_elf(image, size);
    }
    if (magic != CONTAINER_MAGIC) {
        return true; /* text: it ends where it ends */
    }
    if (size < sizeof(head)) {
        return false;
    }
    memcpy(&head, image, sizeof(head));
    return fits(size, head.header_size, head.body_size);
}

static bool
suits(const struct entry *entry, unsigned arch)
{
    if (entry->kind != KIND_PTX || entry->arch > arch) {
        return false;
    }
    if ((entry->flags & FLAG_ARCH) != 0) {
        return entry->arch == arch;
    }
    return (entry->flags & FLAG_FAMILY) == 0 || entry->arch / 10 == arch / 10;
}

bool
vg_image_has_ptx(const void *image, unsigned arch)
{
    struct container head;
    struct wrapper wrapper;
    struct entry entry;

    head.magic = read_magic(image);
    if (head.magic == WRAPPER_MAGIC) {
        memcpy(&wrapper, image, sizeof(wrapper));
        image = wrapper.data;
        if (image == NULL) {
            return true;
        }
        head.magic = read_magic(image);
    }
    if (head.magic != CONTAINER_MAGIC) {
        return true;
    }
    memcpy(&head, image, sizeof(head));
    const uint8_t *body = (const uint8_t *)image + head.header_size;
    const uint64_t size = head.body_size;
    for (uint64_t at = 0; size - at >= sizeof(entry);) {
        memcpy(&entry, body + at, sizeof(entry));
        if (entry.header_size < sizeof(entry) || entry.header_size > size - at ||
            entry.payload_size > size - at - entry.header_size) {
            break;
        }
        if (suits(&entry, arch)) {
            return true;
        }
        at += entry.header_size + entry.payload_size;
    }
    return false;
}

void
vg_image_close(struct vg_image *image)
{
    free(image->slices);
    image->slices = NULL;
    image->count = 0;
}
