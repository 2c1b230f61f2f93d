/* SPDX-License-Identifier: Apache-2.0 */

/*
 * main - random programs on the interpreter and as C: bit for bit the same.
 *
 * `test_random HELPERS_DIR [seed [count]]`: without a seed a new one is drawn and
 * printed. All C goes through one run of the compiler (CC, or cc) in a folder of its own.
 */

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generate.h"
#include "machine.h"

#define WORDS     (VG_RANDOM_THREADS * 32)
#define MAX_SHOWN 2

struct kernel {
    char *ptx;
    char *c;
};

struct run {
    uint64_t seed;
    unsigned count;
    struct kernel *kernels;
    char folder[64];
};

static uint32_t in_words[WORDS], out_words[WORDS], want_words[WORDS];

static uint64_t
mixed(uint64_t seed, uint64_t number)
{
    uint64_t z = seed + (number + 1) * 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int
generate_all(struct run *run)
{
    static struct vg_text ptx, c;

    for (unsigned i = 0; i < run->count; i++) {
        vg_generate(mixed(run->seed, i), i, &ptx, &c);
        run->kernels[i].ptx = strdup(ptx.bytes);
        run->kernels[i].c = strdup(c.bytes);
        if (run->kernels[i].ptx == NULL || run->kernels[i].c == NULL) {
            return -ENOMEM;
        }
        if (ptx.length + 1 >= sizeof(ptx.bytes) || c.length + 1 >= sizeof(c.bytes)) {
            fprintf(stderr, "kernel %u is too long for its buffer\n", i);
            return -E2BIG;
        }
    }
    return 0;
}

static int
write_source(const struct run *run, const char *path)
{
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        return -errno;
    }
    fprintf(file, "#include \"helpers.h\"\n");
    for (unsigned i = 0; i < run->count; i++) {
        fprintf(file, "%s\n", run->kernels[i].c);
    }
    return fclose(file) == 0 ? 0 : -errno;
}

/* Compiles the C of all kernels. Return: the loaded library, or NULL. */
static void *
compile(struct run *run, const char *helpers)
{
    char source[96];
    char library[96];
    const char *cc = getenv("CC");

    snprintf(source, sizeof(source), "%s/random.c", run->folder);
    snprintf(library, sizeof(library), "%s/random.so", run->folder);
    if (write_source(run, source) != 0) {
        fprintf(stderr, "cannot write '%s': %s\n", source, strerror(errno));
        return NULL;
    }
    if (cc == NULL) {
        cc = "cc";
    }
    pid_t pid = fork();
    if (pid == 0) {
        execlp(cc, cc, "-O1", "-w", "-std=gnu17", "-ffp-contract=off", "-fPIC", "-shared",
               "-I", helpers, "-o", library, source, "-lm", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    void *handle = NULL;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "cannot compile '%s' with %s\n", source, cc);
    } else {
        handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            fprintf(stderr, "%s\n", dlerror());
        }
    }
    unlink(source);
    unlink(library);
    rmdir(run->folder);
    return handle;
}

static void
fill(uint64_t seed)
{
    static const uint32_t edges[] = { 0,          1,          0xffffffff, 0x80000000,
                                      0x7fffffff, 0x3f800000, 0x7f800000, 0x00000001,
                                      0x80000001, 0xbf800000, 31,         32 };

    for (uint64_t i = 0; i < WORDS; i++) {
        uint64_t r = mixed(seed, i);
        bool is_float = i % 32 >= 16 && i % 32 < 20;
        in_words[i] = (uint32_t)r;
        if ((r >> 40) % 4 == 0) {
            in_words[i] = edges[(r >> 44) % 12];
        } else if (is_float && (r >> 40) % 4 != 1) { /* near one: sums that interact */
            in_words[i] = (in_words[i] & 0x83ffffff) | 0x3c000000;
        }
    }
}

static bool
same(const struct vg_machine_job *job, unsigned number, const char *build)
{
    static struct vg_machine_report report;

    memset(out_words, 0xa5, sizeof(out_words));
    if (vg_machine_run(job, &report) != VG_MACHINE_OK) {
        printf("kernel %u%s: %s\n", number, build, report.why);
        return false;
    }
    for (unsigned i = 0; i < WORDS; i++) {
        if (out_words[i] != want_words[i]) {
            printf("kernel %u%s thread %u word %u: interpreter %08x, C %08x\n", number,
                   build, i / 32, i % 32, out_words[i], want_words[i]);
            return false;
        }
    }
    return true;
}

/* Runs both builds of the interpreter's handlers. */
static bool
run_one(const struct run *run, unsigned number, void *library)
{
    struct {
        uint64_t in, out;
    } params = { (uint64_t)(uintptr_t)in_words, (uint64_t)(uintptr_t)out_words };
    struct vg_machine_job job = {
        .text = run->kernels[number].ptx,
        .block = { VG_RANDOM_THREADS },
        .params = &params,
        .param_size = sizeof(params),
        .in = (uint8_t *)in_words,
        .in_size = sizeof(in_words),
        .out = (uint8_t *)out_words,
        .out_size = sizeof(out_words),
    };
    char name[32];
    void (*function)(const uint32_t *, uint32_t *);

    snprintf(name, sizeof(name), "kernel_%u", number);
    *(void **)&function = dlsym(library, name);
    if (function == NULL) {
        printf("kernel %u: no such function\n", number);
        return false;
    }
    fill(mixed(run->seed, number) + 17);
    memset(want_words, 0xa5, sizeof(want_words));
    function(in_words, want_words);
    unsetenv("VGPU_INTERP_ISA");
    if (!same(&job, number, "")) {
        return false;
    }
    setenv("VGPU_INTERP_ISA", "base", 1);
    return same(&job, number, " (base)");
}

static unsigned
run_all(const struct run *run, void *library)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < run->count; i++) {
        if (run_one(run, i, library)) {
            continue;
        }
        failed++;
        if (failed <= MAX_SHOWN) {
            printf("seed %" PRIu64 " kernel %u:\n%s\n%s\n", run->seed, i,
                   run->kernels[i].ptx, run->kernels[i].c);
        }
    }
    return failed;
}

/* Return: how many kernels failed, or -1 when nothing could be run. */
static int
run_program(struct run *run, const char *helpers)
{
    if (generate_all(run) != 0 || mkdtemp(run->folder) == NULL) {
        return -1;
    }
    void *library = compile(run, helpers);
    if (library == NULL) {
        return -1;
    }
    unsigned failed = run_all(run, library);
    printf("[  PASSED  ] %u test(s).\n", run->count - failed);
    if (failed != 0) {
        printf("[  FAILED  ] %u test(s).\n", failed);
    }
    dlclose(library);
    return (int)failed;
}

int
main(int argc, char **argv)
{
    struct run run = { .count = 500, .folder = P_tmpdir "/vgpu-random-XXXXXX" };

    if (argc < 2) {
        fprintf(stderr, "usage: %s helpers-folder [seed [count]]\n", argv[0]);
        return 2;
    }
    if (argc > 2) {
        run.seed = strtoull(argv[2], NULL, 0);
    } else if (getrandom(&run.seed, 4, 0) != 4) {
        return 2;
    }
    if (argc > 3) {
        run.count = (unsigned)strtoul(argv[3], NULL, 0);
    }
    printf("seed %" PRIu64 ", %u kernels\n", run.seed, run.count);
    fflush(stdout);
    run.kernels = calloc(run.count, sizeof(*run.kernels));
    if (run.kernels == NULL) {
        return 2;
    }
    int failed = run_program(&run, argv[1]);
    for (unsigned i = 0; i < run.count; i++) {
        free(run.kernels[i].ptx);
        free(run.kernels[i].c);
    }
    free(run.kernels);
    return failed != 0;
}
