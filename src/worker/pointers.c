/* SPDX-License-Identifier: Apache-2.0 */
/* pointers - attributes of device addresses. */
#include "cuda_dispatch.h"
#include "worker/driver.h"
#include "worker/session.h"

static int
physical_of(int device)
{
    for (int i = 0; i < vg_session.device_count; i++) {
        if (vg_session.devices[i] == device) {
            return i;
        }
    }
    return -1;
}

int
vg_dispatch_cuPointerGetAttribute(struct vg_worker_call *call)
{
    const CUpointer_attribute attribute = (CUpointer_attribute)vg_get_i32(&call->req);
    const uint64_t address = vg_get_u64(&call->req);
    union {
        void *handle;
        int number;
        uint64_t word;
    } value = { .word = 0 };

    int r = vg_worker_ready(call);
    if (r != 0) {
        return r;
    }
    /* the client has checked that the attribute takes at most eight bytes */
    if ((int)attribute < 1 || attribute > CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID ||
        attribute == CU_POINTER_ATTRIBUTE_P2P_TOKENS) {
        return VG_CLIENT_VIOLATION;
    }
    r = (int)vg_cuda.cuPointerGetAttribute(&value, attribute, address);
    if (r != 0) {
        return r;
    }
    switch ((int)attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        vg_worker_put_handle(call, VG_ID_CTX, value.handle);
        break;
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
        vg_worker_put_handle(call, VG_ID_POOL, value.handle);
        break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        vg_put_u64(&call->rep, (uint64_t)(int64_t)physical_of(value.number));
        break;
    default:
        vg_put_u64(&call->rep, value.word);
        break;
    }
    return 0;
}
