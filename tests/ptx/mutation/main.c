/* SPDX-License-Identifier: Apache-2.0 */

/*
 * main - do the form tests notice a wrong interpreter?
 *
 * The interpreter is built with its table of mutants. Each mutant runs in a process of
 * its own through the form tests, those of its opcode first, until one fails; a crash or
 * an endless loop counts as noticed too. Prints the score; under 95 percent is a failure.
 * `test_mutation [part of a mutant's name]` runs some of them.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forms.h"
#include "interp/mutate.h"
#include "spoil.h"

#define PASS_PERCENT 95
#define JOBS         2
#define TIME_LIMIT   20 /* seconds of one mutant */

struct job {
    pid_t pid;
    unsigned mutant;
};

struct score {
    unsigned run, noticed;
};

/* Whether @item tests the opcode that @mutant begins with. */
static bool
same_opcode(const struct vg_forms_item *item, const char *mutant)
{
    size_t length = strcspn(mutant, ".: ");
    const char *names = item->name;

    while (names != NULL) {
        if (strncmp(names, mutant, length) == 0 &&
            strchr(".: \n", names[length]) != NULL) {
            return true;
        }
        names = strchr(names, '\n');
        names = names != NULL ? names + 1 : NULL;
    }
    return false;
}

/* Return: whether a test failed. @supported tells which items work unmutated. */
static bool
is_noticed(struct vg_forms *forms, const bool *supported, const char *name)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < vg_forms_count(forms); i++) {
            bool same = same_opcode(vg_forms_item(forms, i), name);
            if (!supported[i] || same != (pass == 0)) {
                continue;
            }
            if (vg_forms_run(forms, i)->state != VG_FORM_PASSED) {
                return true;
            }
        }
    }
    return false;
}

static void
reap(struct job *jobs, struct score *score)
{
    int status = 0;
    pid_t pid = wait(&status);

    for (unsigned j = 0; j < JOBS; j++) {
        if (jobs[j].pid != pid) {
            continue;
        }
        bool noticed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        score->run++;
        score->noticed += noticed;
        if (!noticed) {
            printf("not noticed: %s\n", vg_interp_mutant_name(jobs[j].mutant));
        }
        jobs[j].pid = 0;
    }
}

static struct job *
free_job(struct job *jobs, struct score *score)
{
    for (;;) {
        for (unsigned j = 0; j < JOBS; j++) {
            if (jobs[j].pid == 0) {
                return &jobs[j];
            }
        }
        reap(jobs, score);
    }
}

static struct score
run_mutants(struct vg_forms *forms, const bool *supported, const char *part)
{
    struct job jobs[JOBS] = { 0 };
    struct score score = { 0 };

    for (unsigned m = 1; m <= vg_interp_mutant_count(); m++) {
        const char *name = vg_interp_mutant_name(m);
        if (part != NULL && strstr(name, part) == NULL) {
            continue;
        }
        struct job *job = free_job(jobs, &score);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(TIME_LIMIT);
            vg_interp_mutant = (int)m;
            _exit(is_noticed(forms, supported, name) ? 1 : 0);
        }
        if (pid < 0) {
            perror("fork");
            exit(2);
        }
        *job = (struct job){ .pid = pid, .mutant = m };
    }
    for (unsigned j = 0; j < JOBS; j++) {
        if (jobs[j].pid != 0) {
            reap(jobs, &score);
        }
    }
    return score;
}

/* Return: whether the score is good enough. */
static bool
report(const char *what, unsigned run, unsigned noticed)
{
    unsigned percent = run == 0 ? 0 : noticed * 100 / run;

    printf("%u of %u %s noticed (%u %%)\n", noticed, run, what, percent);
    return run != 0 && percent >= PASS_PERCENT;
}

int
main(int argc, char **argv)
{
    struct vg_forms *forms = vg_forms_create(true);
    bool *supported = calloc(vg_forms_count(forms), sizeof(*supported));

    if (supported == NULL) {
        return 2;
    }
    vg_interp_mutant = 0;
    for (size_t i = 0; i < vg_forms_count(forms); i++) {
        supported[i] = vg_forms_run(forms, i)->state == VG_FORM_PASSED;
    }
    const char *part = argc > 1 ? argv[1] : NULL;
    struct score score = run_mutants(forms, supported, part);
    bool right = report("mutants", score.run, score.noticed);
    if (part == NULL) {
        struct vg_spoil_score spoilt = vg_spoil_rows(forms, supported);
        right &= report("nearly right instructions", spoilt.run, spoilt.noticed);
    }
    free(supported);
    vg_forms_destroy(forms);
    return right ? 0 : 1;
}
