/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * doctor - the patient, the checks, and what they say.
 *
 * A check looks at one thing and says one line for it, seldom more: ok, broken or
 * unknown, in plain words, and what to do. Checks change nothing. They run in the order
 * of the chain guest -> libraries -> link -> host -> driver -> device, then client and
 * process; a later one may use what an earlier one found.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/doctor/ask.h"

enum vg_finding_state {
    VG_FINDING_OK,
    VG_FINDING_BROKEN,
    VG_FINDING_UNKNOWN,
};

struct vg_finding {
    enum vg_finding_state state;
    const char *link, *check;
    char text[768];
    char remedy[512]; /* "" if there is nothing to do */
};

/* A file by the name libcuda.so.1 or libnvidia-ml.so.1. */
struct vg_candidate {
    char path[PATH_MAX]; /* as the loader finds it */
    char real[PATH_MAX]; /* where links lead; "" when they lead nowhere */
};

#define VG_CANDIDATE_MAX 32

struct vg_candidates {
    size_t count;
    struct vg_candidate at[VG_CANDIDATE_MAX];
};

struct vg_doctor {
    /* asked for */
    char root[PATH_MAX]; /* "" for the machine */
    pid_t pid;           /* 0 if none */
    bool is_json, for_ollama, is_quick, wants_real;
    unsigned budget_s; /* that a device may take to answer */

    /* the environment of whom we look for: its strings, NULL at the end */
    char **environment;
    const char *environment_of;

    /* found on the way */
    struct vg_candidates cuda, nvml;
    char endpoint[4200]; /* "" if none is set */
    struct vg_answer answer;
    bool was_asked;
    char client_program[PATH_MAX], client_lib[PATH_MAX]; /* "" if there is none */
    int generation; /* of Ollama's discovery, 0 if not known */

    /* said */
    const char *link, *check; /* of the check that runs */
    struct vg_finding *findings;
    size_t count;
};

struct vg_check {
    const char *link, *name;
    void (*run)(struct vg_doctor *d);
};

/* Lists of checks, each ended by an empty one. */
extern const struct vg_check vg_checks_guest[];
extern const struct vg_check vg_checks_libraries[];
extern const struct vg_check vg_checks_link[];
extern const struct vg_check vg_checks_device[];
extern const struct vg_check vg_checks_client[];
extern const struct vg_check vg_checks_process[];

/* --- say.c --- */

void vg_say_ok(struct vg_doctor *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* @remedy: what to do, or NULL. */
void vg_say_broken(struct vg_doctor *d, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void vg_say_unknown(struct vg_doctor *d, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints everything; @ms: how long it took. Return: the exit status. */
int vg_say_all(const struct vg_doctor *d, unsigned long ms);

/* --- environment.c --- */

/* Fills @d->environment: of the process, of the service or our own. */
void vg_environment_read(struct vg_doctor *d);
/* Return: the value, or NULL. */
const char *vg_environment_get(const struct vg_doctor *d, const char *name);

/* --- search.c --- */

/* Follows links below the root. Return: false when they lead nowhere. */
bool vg_search_resolve(const struct vg_doctor *d, const char *path, char out[PATH_MAX]);

/* Calls @visit with each folder in the loader's order, the root before it, until it says
 * true. */
bool vg_search_folders(const struct vg_doctor *d,
                       bool (*visit)(void *arg, const char *folder), void *arg);

/* All files of that name in the loader's order, each real file once. */
void vg_search_candidates(const struct vg_doctor *d, const char *name,
                          struct vg_candidates *out);

/* Is the library one of ours? It reads our setting. */
bool vg_search_is_ours(const char *real);
/* Does it stand in a folder of stubs, or call itself one by doing nothing? */
bool vg_search_is_stub(const char *real);

/* --- closure.c --- */

/*
 * What the loader would do with the library @path, as `ldd -r`. @first: a folder to
 * search before the others, or NULL. Says a line for each thing missing. Return: true if
 * all is there.
 */
bool vg_closure_check(struct vg_doctor *d, const char *path, const char *first);
