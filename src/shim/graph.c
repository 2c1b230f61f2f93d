/* SPDX-License-Identifier: Apache-2.0 */
/* graph - instantiation, update and launch: shadows of ordinary memory go with them. */
#include "cuda_calls.h"
#include "cuda_driver.h"
#include "cuda_send.h"
#include "shim/call.h"
#include "shim/shadow.h"

static CUresult
share(CUresult result, CUgraph graph, const CUgraphExec *exec)
{
    if (result == CUDA_SUCCESS) {
        vg_shadow_share(vg_id_from_handle(graph), vg_id_from_handle(*exec));
    }
    return result;
}

CUresult
vg_drv_cuGraphInstantiate(CUgraphExec *exec, CUgraph graph, CUgraphNode *error_node,
                          char *log, size_t log_size)
{
    return share(vg_send_cuGraphInstantiate(exec, graph, error_node, log, log_size),
                 graph, exec);
}

CUresult
vg_drv_cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph,
                                   unsigned long long flags)
{
    return share(vg_send_cuGraphInstantiateWithFlags(exec, graph, flags), graph, exec);
}

CUresult
vg_drv_cuGraphInstantiateWithParams(CUgraphExec *exec, CUgraph graph,
                                    CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    return share(vg_send_cuGraphInstantiateWithParams(exec, graph, params), graph, exec);
}

CUresult
vg_drv_cuGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphNode *error_node,
                         CUgraphExecUpdateResult *update)
{
    return share(vg_send_cuGraphExecUpdate(exec, graph, error_node, update), graph,
                 &exec);
}

CUresult
vg_drv_cuGraphExecUpdate_v2(CUgraphExec exec, CUgraph graph,
                            CUgraphExecUpdateResultInfo *info)
{
    return share(vg_send_cuGraphExecUpdate_v2(exec, graph, info), graph, &exec);
}

CUresult
vg_drv_cuGraphClone(CUgraph *clone, CUgraph original)
{
    const CUresult result = vg_send_cuGraphClone(clone, original);

    if (result == CUDA_SUCCESS) {
        vg_shadow_share(vg_id_from_handle(original), vg_id_from_handle(*clone));
    }
    return result;
}

CUresult
vg_drv_cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    const vg_id id = vg_id_from_handle(exec);
    CUresult result = vg_shadow_before_launch(id);

    if (result == CUDA_SUCCESS) {
        result = vg_post_cuGraphLaunch(exec, stream);
    }
    if (result == CUDA_SUCCESS) {
        vg_shadow_after_launch(id, stream);
    }
    return result;
}
