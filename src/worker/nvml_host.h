/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvml_host - what a generated function of nvml_host.c sees: a client's question about
 * the host's own NVML.
 *
 * What a client sends is a claim. A handle is a name that this worker gave out, else the
 * library is given NULL. A length is cut to what one packet holds, memory for results is
 * larger than the library can need, and a versioned struct must have the size that its
 * version says.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvml_calls.h"
#include "nvml_types.h"
#include "wire/wire.h"

struct vg_host_call {
    struct vg_dec req;
    struct vg_enc rep;
    void *rooms[8]; /* freed after the call */
    unsigned room_count;
    bool is_short; /* memory ran out */
};

typedef nvmlReturn_t (*vg_host_fn)(struct vg_host_call *call);

/* Generated: by call; NULL where a call does not travel. */
extern const vg_host_fn vg_host_table[VG_NVML_CALL_COUNT];
extern const unsigned vg_host_calls;

/* Answers a client's questions until it is gone; no CUDA driver is loaded. */
_Noreturn void vg_host_serve(int control, int client_pidfd, const char *driver_path);

bool vg_host_flag(struct vg_host_call *call);
nvmlDevice_t vg_host_handle(struct vg_host_call *call, unsigned kind);
const char *vg_host_string(struct vg_host_call *call);
/* Zeroed, and with room to spare behind @size. NULL: vg_host_begin() says so. */
void *vg_host_room(struct vg_host_call *call, size_t size);
/* How many of @count elements one answer can hold. */
unsigned vg_host_limit(unsigned count, size_t size);
/* A version of another size becomes one that no library knows: it refuses that in its own
 * order of checks, and cannot write more than was meant. */
unsigned vg_host_version(unsigned version, size_t size);

/* Ends the decoding; what was impossible in the question ends this process.
 * @out_function: a pointer to a function, of @size bytes. Return: SUCCESS,
 * LIBRARY_NOT_FOUND or FUNCTION_NOT_FOUND. */
nvmlReturn_t vg_host_find(struct vg_host_call *call, const char *name, void *out_function,
                          size_t size);

/* Around the library's function: one that does not return ends this process. */
bool vg_host_begin(struct vg_host_call *call);
void vg_host_end(struct vg_host_call *call);

/* The name of an object of the library; 0 for NULL. */
uint64_t vg_host_name(nvmlDevice_t object, unsigned kind);
/* The client of a process that is one of our workers; else the process. */
unsigned vg_host_process(unsigned pid);
