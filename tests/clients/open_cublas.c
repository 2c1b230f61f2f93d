/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_cublas - a stock cuBLAS, opened by path: its start-up asks more of a driver than
 * any other library does.
 *
 *     open_cublas LIBCUBLAS
 *
 * cublasCreate, a stream, cublasDestroy. Prints PASS and exits 0, or says what failed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;

static void
load(const char *name, void *out_function)
{
    void *found = dlsym(library, name);

    if (found == NULL) {
        fprintf(stderr, "FAIL: %s\n", dlerror());
        exit(1);
    }
    memcpy(out_function, &found, sizeof(found));
}

static void
check(int status, const char *call)
{
    if (status != 0) {
        fprintf(stderr, "FAIL: %s: status %d\n", call, status);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*get_version)(void *handle, int *version);
    void *handle = NULL;
    int version = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s LIBCUBLAS\n", argv[0]);
        return 2;
    }
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "FAIL: %s\n", dlerror());
        return 1;
    }
    load("cublasCreate_v2", &create);
    load("cublasDestroy_v2", &destroy);
    load("cublasGetVersion_v2", &get_version);
    check(create(&handle), "cublasCreate");
    check(get_version(handle, &version), "cublasGetVersion");
    check(destroy(handle), "cublasDestroy");
    printf("PASS: cuBLAS %d\n", version);
    return 0;
}
