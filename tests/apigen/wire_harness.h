/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * wire_harness - runs the generated stubs against the generated dispatch functions.
 *
 * It stands for the client's and the worker's hand-written parts (shim/call.h and
 * worker/dispatch.h), so that a stub's bytes reach the dispatch function at once, and a
 * generated driver function notes what arrives. The generated test_cuda_wire.c supplies
 * the calls; wire_harness.c the tests.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/call.h"
#include "worker/dispatch.h"

#define WIRE_COUNT_MAX 16

/* One call of a stub. */
struct wire_run {
    uint64_t seed;
    int index;           /* values taken so far */
    int fields;          /* values that the arguments took */
    int mutate;          /* the value to be different, or -1 */
    bool absent;         /* optional parameters are left out */
    struct vg_enc sent;  /* what the caller passed */
    struct vg_enc seen;  /* what the driver got */
    struct vg_enc given; /* what the driver returned */
    struct vg_enc got;   /* what the caller got */
    size_t request_size; /* that the description promises */
    uint8_t *request;    /* the bytes that were sent */
    size_t request_bytes;
    size_t reply_bytes;
    size_t reply_cut; /* bytes to take off the reply */
    vg_id named;      /* what the client named, and what the worker was told */
    vg_id worker_named;
    bool new_returned;
    int driver_calls;
    bool failing; /* the driver function fails, having returned all it returns */
};

struct wire_test {
    const char *name;
    CUresult (*run)(struct wire_run *run);
    vg_dispatch_fn dispatch;
    bool returns_array; /* of a length that the request claims */
    bool on_error;      /* results travel though the call failed */
};

/* Generated. */
extern const struct wire_test wire_tests[];
extern const size_t wire_test_count;
void wire_driver_load(void);

/* Values for arguments and results: a sequence from the seed, one of them altered. */
uint64_t wire_number(struct wire_run *run);
uint64_t wire_count(struct wire_run *run);
uint64_t wire_handle(struct wire_run *run, enum vg_id_type type);
const char *wire_string(struct wire_run *run);
void wire_fill(struct wire_run *run, void *out, size_t size);

/* A driver function was entered. */
struct wire_run *wire_driver_called(void);

/* What the driver function returns: 0, or 1 in a failing run. */
int wire_result(const struct wire_run *run);

/* The caller was handed this new object. */
void wire_new(struct wire_run *run, uint64_t handle);
