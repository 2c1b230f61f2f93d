/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/driver.h"

#include <dlfcn.h>
#include <errno.h>

#include "base/log.h"

static void
log_absent(const char *name)
{
    vg_log(VG_LOG_DEBUG, "worker: the driver has no %s", name);
}

int
vg_driver_open(const char *path, const char **out_error)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        *out_error = dlerror();
        return -ENOENT;
    }
    (void)vg_cuda_load(library, log_absent);
    return 0;
}
