/* SPDX-License-Identifier: Apache-2.0 */
/* driver - what the front asks of the library behind it: answered from the handshake. */
#include "front/driver.h"

#include "shim/call_priv.h"
#include "shim/conn.h"
#include "shim/stats.h"

/* cuInit is serialised by the front, cuDriverGetVersion is not. */
static pthread_mutex_t connect_lock = PTHREAD_MUTEX_INITIALIZER;

static CUresult
connect_once(void)
{
    CUresult result = CUDA_SUCCESS;

    pthread_mutex_lock(&connect_lock);
    if (!vg_conn_is_open()) {
        result = vg_conn_open();
        if (result == CUDA_SUCCESS) {
            vg_front_on_thread_exit(vg_client_thread_exit);
            vg_stats_open();
        }
    }
    pthread_mutex_unlock(&connect_lock);
    return result;
}

CUresult
vg_driver_version(int *out_version)
{
    if (!vg_conn_is_open()) {
        struct vg_endpoint endpoint;
        vg_endpoint_read(&endpoint);
        if (endpoint.kind == VG_ENDPOINT_SOFT || endpoint.kind == VG_ENDPOINT_UNIX) {
            /* the host decides which version it is: ask it */
            const CUresult result = connect_once();
            if (result != CUDA_SUCCESS) {
                return result;
            }
        }
    }
    *out_version = vg_conn_is_open() ? vg_conn.driver_version : CUDA_VERSION;
    return CUDA_SUCCESS;
}

CUresult
vg_driver_init(void)
{
    const CUresult result = connect_once();

    if (result == CUDA_SUCCESS && vg_conn.device_count == 0) {
        return CUDA_ERROR_NO_DEVICE;
    }
    return result;
}

int
vg_driver_device_count(void)
{
    return vg_conn.device_count;
}

const struct vg_device_sheet *
vg_driver_device(int physical)
{
    return physical >= 0 && physical < vg_conn.device_count ? &vg_conn.devices[physical]
                                                            : NULL;
}

CUcontext
vg_driver_primary_context(int physical)
{
    return vg_id_to_handle(vg_id_make(VG_ID_CTX, false, 1, (uint32_t)physical));
}
