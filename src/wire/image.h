/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * image - how large a program image is, and which of its parts are worth sending.
 *
 * A program hands over a bare pointer; the size is in the image. What the image says is
 * the program's own word about its own memory, as with CUDA.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes to send: slices of the program's memory, one after the other. */
struct vg_image_slice {
    const void *data;
    size_t size;
};

struct vg_image {
    uint8_t header[16]; /* of a rebuilt fatbin container; the first slice points to it */
    struct vg_image_slice *slices;
    size_t count;
    size_t size; /* of all slices */
};

/* @image: fatbin wrapper, fatbin container, ELF or text. With @only_ptx, a container that
 * has PTX is sent without its other entries.
 * Return: 0; -EINVAL when it is none of these; -ENOMEM. */
int vg_image_open(struct vg_image *out, const void *image, bool only_ptx);
void vg_image_close(struct vg_image *image);

/* Has the container behind @image PTX that a device of @arch (80) can use? True for what
 * is no container. */
bool vg_image_has_ptx(const void *image, unsigned arch);

/* Are the @size bytes at @image, of a file, all that the image says it has? */
bool vg_image_is_whole(const void *image, size_t size);
