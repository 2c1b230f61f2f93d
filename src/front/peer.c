/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer - access from one device to the memory of another: there is none.
 *
 * Programs ask before they use it and copy through the host instead, so the honest answer
 * is enough.
 */

#include "cuda_front.h"
#include "front/front_priv.h"

CUresult
vg_front_cuDeviceCanAccessPeer(int *can, CUdevice dev, CUdevice peer)
{
    if (can == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (vg_front_sheet(dev) == NULL || vg_front_sheet(peer) == NULL) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *can = 0;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attrib, CUdevice src,
                                 CUdevice dst)
{
    (void)attrib;
    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (vg_front_sheet(src) == NULL || vg_front_sheet(dst) == NULL || src == dst) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *value = 0;
    return CUDA_SUCCESS;
}

CUresult
vg_front_cuCtxEnablePeerAccess(CUcontext peer, unsigned int flags)
{
    struct vg_context_facts facts;

    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (peer == NULL || peer == vg_front_current() ||
        vg_driver_context_facts(peer, &facts) != CUDA_SUCCESS) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
}

CUresult
vg_front_cuCtxDisablePeerAccess(CUcontext peer)
{
    struct vg_context_facts facts;

    if (peer == NULL || vg_driver_context_facts(peer, &facts) != CUDA_SUCCESS) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
}
