/* SPDX-License-Identifier: Apache-2.0 */
/* stream - questions about a stream that the driver's numbers answer. */

#include "cuda_front.h"
#include "front/front_priv.h"

/* Libraries ask it of ordinary streams: none belongs to a part of the device. */
CUresult
vg_front_cuStreamGetGreenCtx(CUstream stream, CUgreenCtx *context)
{
    unsigned long long number;

    if (context == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    CUresult r =
        vg_driver_stream_id(vg_front_current(), vg_front_stream(stream), &number);
    if (r == CUDA_SUCCESS) {
        *context = NULL;
    }
    return r;
}
