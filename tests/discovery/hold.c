/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold - a backend's process in the middle of its life: context made, memory in use.
 *
 *     hold BACKEND BYTES     says "ready" and waits to be killed
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "discovery.h"

int
main(int argc, char **argv)
{
    struct found found[MAX_DEVICES] = { 0 };
    struct backend backend;

    if (argc != 3 || !backend_open(argv[1], false, &backend)) {
        return 2;
    }
    const int count = backend.devices(found, MAX_DEVICES);
    const int r = count > 0 ? backend.use(0, strtoul(argv[2], NULL, 10)) : -1;
    if (r != 0) {
        fprintf(stderr, "hold: %d devices, error %d\n", count, r);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        (void)poll(NULL, 0, -1);
    }
}
