/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_cublas - creates a handle of the stock cuBLAS, opened by path, and ends it.
 *
 *     open_cublas LIBCUBLAS
 *
 * Creating a handle is what every user of cuBLAS does first: it starts the runtime inside
 * cuBLAS, asks the device much and allocates on it. Prints PASS and exits 0, or says what
 * failed and exits 1.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void *
must_find(void *library, const char *name)
{
    void *found = library != NULL ? dlsym(library, name) : NULL;

    if (found == NULL) {
        fprintf(stderr, "FAIL: %s\n", dlerror());
    }
    return found;
}

int
main(int argc, char **argv)
{
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*get_version)(void *handle, int *version);
    void *handle = NULL;
    int version = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s LIBCUBLAS\n", argv[0]);
        return 2;
    }
    void *library = dlopen(argv[1], RTLD_NOW);
    void *found[] = { must_find(library, "cublasCreate_v2"),
                      must_find(library, "cublasDestroy_v2"),
                      must_find(library, "cublasGetVersion_v2") };
    if (found[0] == NULL || found[1] == NULL || found[2] == NULL) {
        return 1;
    }
    memcpy(&create, &found[0], sizeof(create));
    memcpy(&destroy, &found[1], sizeof(destroy));
    memcpy(&get_version, &found[2], sizeof(get_version));

    int r = create(&handle);
    if (r != 0 || handle == NULL) {
        fprintf(stderr, "FAIL: cublasCreate: %d\n", r);
        return 1;
    }
    r = get_version(handle, &version);
    if (r != 0 || version == 0) {
        fprintf(stderr, "FAIL: cublasGetVersion: %d\n", r);
        return 1;
    }
    r = destroy(handle);
    if (r != 0) {
        fprintf(stderr, "FAIL: cublasDestroy: %d\n", r);
        return 1;
    }
    printf("PASS\n");
    return 0;
}
