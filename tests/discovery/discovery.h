/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * discovery - what the stand-ins for Ollama's generations share.
 *
 * The programs know the driver only by names that they look up or import, as the
 * originals do. The backend is a shared object of its own, opened by path; its needs are
 * the loader's business.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_DEVICES 8
#define DEADLINE_MS 10000

/* What a discovery finds out about one device. */
struct found {
    char library[8];
    char id[48];
    char name[256];
    char pci[20];
    int major, minor;
    int driver; /* 13050 */
    size_t total, available;
};

/* --- the backend's exports, by these names --- */

/* The runtime's start-up, then what the backend asks of each device.
 * Return: how many devices; -1 when the driver refused (said on stderr). */
typedef int (*backend_devices_fn)(struct found *out, int capacity);
/* Memory through a primary context. Return: a CUresult. */
typedef int (*backend_memory_fn)(int index, size_t *out_free, size_t *out_total);
/* Memory of both kinds in a primary context, written. Return: a CUresult. */
typedef int (*backend_use_fn)(int index, size_t size);
/* Compute capabilities that it was built for, "750,800,...". */
typedef const char *(*backend_archs_fn)(void);

struct backend {
    void *library;
    backend_devices_fn devices;
    backend_memory_fn memory;
    backend_use_fn use;
    backend_archs_fn archs;
};

/* --- common.c --- */

/* Return: false when the library cannot be loaded or lacks a name; @is_silent or not. */
bool backend_open(const char *path, bool is_silent, struct backend *out);

/* dlsym into a function pointer. Return: false when there is no such name. */
bool find(void *library, const char *name, void *out_function);

/* "GPU-" and the usual groups, lower case. */
void uuid_text(const unsigned char uuid[16], char out[48]);

/* Folders of @tree that hold a CUDA library, at most @capacity, newest name last;
 * OLLAMA_LLM_LIBRARY picks one by its name. */
int library_folders(const char *tree, char (*out)[256], int capacity);
/* The backend in @folder. Return: false when there is none. */
bool backend_path(const char *folder, char *out, size_t size);

/* The line that the whole discovery is for; @extra as "name=CUDA0 ", with its blank. */
void print_compute(const struct found *device, const char *extra);

/* Starts @arguments with our environment and @settings ("NAME=value", NULL at the end);
 * what it writes to @target (1 or 2, 0: nothing) can be read from *out_fd. */
pid_t
start(char *const arguments[], const char *const settings[], int target, int *out_fd);
/* SIGKILL, and wait for it; nothing when there is no child (-1). */
void end(pid_t child);

/* Milliseconds of the monotonic clock. */
long now_ms(void);
/* A TCP port of 127.0.0.1 that was free a moment ago. */
int free_port(void);
/* Listens there. Return: fd or -1. */
int listen_at(int port);

/* --- startup.c, part of the backend --- */

/* What a CUDA runtime does with a driver before its first answer.
 * @library: receives the driver's handle
 * Return: 0 or the error that the runtime would give for ever. */
int
startup(void **library, int *out_driver, int *out_count, struct found *out, int capacity);
