/* SPDX-License-Identifier: Apache-2.0 */
/* graph - launches of graphs. */
#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call.h"

CUresult
vg_drv_cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    return vg_post_cuGraphLaunch(exec, stream);
}
