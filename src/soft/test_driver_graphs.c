/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_driver_graphs - captured and built graphs, updates and refusals.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "test_driver.h"

static CUstream
new_stream(void)
{
    CUstream stream;
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    return stream;
}

static CUgraphExec
instantiate(CUgraph graph)
{
    CUgraphExec exec;
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    return exec;
}

static CUDA_KERNEL_NODE_PARAMS
kernel_params(CUfunction function, void **params)
{
    return (CUDA_KERNEL_NODE_PARAMS){
        .func = function,
        .gridDimX = 1,
        .gridDimY = 1,
        .gridDimZ = 1,
        .blockDimX = 1,
        .blockDimY = 1,
        .blockDimZ = 1,
        .kernelParams = params,
    };
}

static void
captured_work_runs_at_each_launch(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream stream = new_stream();
    CUgraph graph;
    size_t count = 0;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(test_step(step, word, 1, stream));
    OK(test_step(step, word, 2, stream));
    OK(cuStreamEndCapture(stream, &graph));
    assert_int_equal(test_read(word), 1);
    OK(cuGraphGetNodes(graph, NULL, &count));
    assert_int_equal(count, 2);
    CUgraphExec exec = instantiate(graph);
    OK(cuGraphDestroy(graph));
    OK(cuGraphLaunch(exec, stream)); /* 4, 14 */
    OK(cuGraphLaunch(exec, stream)); /* 43, 131 */
    OK(cuStreamSynchronize(stream));
    assert_int_equal(test_read(word), 131);
    OK(cuGraphExecDestroy(exec));
}

static void
fork_and_join_are_captured(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr a = test_word(1), b = test_word(2);
    CUstream main_stream = new_stream(), side = new_stream();
    CUevent fork, join;
    CUgraph graph;
    size_t edges = 0;
    OK(cuEventCreate(&fork, CU_EVENT_DISABLE_TIMING));
    OK(cuEventCreate(&join, CU_EVENT_DISABLE_TIMING));
    OK(cuStreamBeginCapture_v2(main_stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    OK(test_step(step, a, 1, main_stream));
    OK(cuEventRecord(fork, main_stream));
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(test_step(step, b, 1, side));
    OK(test_step(step, a, 2, main_stream));
    OK(cuEventRecord(join, side));
    OK(cuStreamWaitEvent(main_stream, join, 0));
    OK(test_step(step, a, 3, main_stream));
    FAILS(cuEventQuery(join), CUDA_ERROR_CAPTURED_EVENT);
    OK(cuStreamEndCapture(main_stream, &graph));
    OK(cuGraphGetEdges(graph, NULL, NULL, &edges));
    assert_int_equal(edges, 4);
    OK(cuGraphLaunch(instantiate(graph), main_stream));
    OK(cuStreamSynchronize(main_stream));
    assert_int_equal(test_read(a), 45);
    assert_int_equal(test_read(b), 7);
}

static void
unjoined_stream_ends_the_capture_badly(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream main_stream = new_stream(), side = new_stream();
    CUevent fork;
    CUgraph graph = (CUgraph)1;
    OK(cuEventCreate(&fork, 0));
    OK(cuStreamBeginCapture_v2(main_stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(test_step(step, word, 1, main_stream));
    OK(cuEventRecord(fork, main_stream));
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(test_step(step, word, 1, side));
    FAILS(cuStreamEndCapture(main_stream, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    assert_null(graph);
    OK(test_step(step, word, 1, side));
    OK(cuStreamSynchronize(side));
    assert_int_equal(test_read(word), 4);
}

static void
forbidden_calls_invalidate(void **state)
{
    (void)state;
    CUstream stream = new_stream();
    CUgraph graph;
    CUdeviceptr block;
    CUstreamCaptureStatus status;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    FAILS(cuMemAlloc_v2(&block, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    OK(cuStreamIsCapturing(stream, &status));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    FAILS(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);

    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cuMemAlloc_v2(&block, 16));
    FAILS(cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    FAILS(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    FAILS(cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
    OK(cuStreamSynchronize(stream));
}

static void
legacy_stream_beside_a_blocking_capture_is_implicit(void **state)
{
    (void)state;
    CUstream stream;
    CUgraph graph;
    CUdeviceptr word = test_word(0);
    OK(cuStreamCreate(&stream, 0));
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    FAILS(cuMemsetD32Async(word, 1, 1, NULL), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    FAILS(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    FAILS(cuStreamBeginCapture_v2(NULL, CU_STREAM_CAPTURE_MODE_RELAXED),
          CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

static void
count_up(void *data)
{
    atomic_fetch_add((_Atomic int *)data, 1);
}

/* set -> kernel -> copy out -> host function, built by hand */
static void
built_graph_runs_all_kinds_of_nodes(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(0);
    _Atomic int calls = 0;
    uint32_t out = 0, five = 5;
    void *params[] = { &word, &five };
    CUgraph graph;
    CUgraphNode set, kernel, copy, host, empty;
    CUDA_MEMSET_NODE_PARAMS fill = {
        .dst = word, .value = 2, .elementSize = 4, .width = 1, .height = 1
    };
    CUDA_KERNEL_NODE_PARAMS run = kernel_params(step, params);
    CUDA_MEMCPY3D move = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcDevice = word,
        .dstMemoryType = CU_MEMORYTYPE_HOST,
        .dstHost = &out,
        .WidthInBytes = 4,
        .Height = 1,
        .Depth = 1,
    };
    CUDA_HOST_NODE_PARAMS call = { .fn = count_up, .userData = &calls };
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddMemsetNode(&set, graph, NULL, 0, &fill, NULL));
    OK(cuGraphAddKernelNode_v2(&kernel, graph, &set, 1, &run));
    OK(cuGraphAddMemcpyNode(&copy, graph, &kernel, 1, &move, NULL));
    OK(cuGraphAddHostNode(&host, graph, &copy, 1, &call));
    OK(cuGraphAddEmptyNode(&empty, graph, &host, 1));
    CUgraphExec exec = instantiate(graph);
    OK(cuGraphLaunch(exec, NULL));
    OK(cuCtxSynchronize());
    assert_int_equal(out, 11);
    assert_int_equal(calls, 1);

    five = 6;
    OK(cuGraphExecKernelNodeSetParams_v2(exec, kernel, &run));
    OK(cuGraphLaunch(exec, NULL));
    OK(cuCtxSynchronize());
    assert_int_equal(out, 12);
    OK(cuGraphNodeSetEnabled(exec, kernel, 0));
    OK(cuGraphLaunch(exec, NULL));
    OK(cuCtxSynchronize());
    assert_int_equal(out, 2);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
}

static void
kernel_node_may_name_only_a_kernel(void **state)
{
    (void)state;
    CUlibrary library;
    CUkernel kernel;
    CUdeviceptr word = test_word(1);
    uint32_t value = 4;
    void *params[] = { &word, &value };
    CUgraph graph;
    CUgraphNode node;
    OK(cuLibraryLoadData(&library, PTX_HEAD PTX_STEP, NULL, NULL, 0, NULL, NULL, 0));
    OK(cuLibraryGetKernel(&kernel, library, "step"));
    CUDA_KERNEL_NODE_PARAMS run = kernel_params(NULL, params);
    run.kern = kernel;
    run.ctx = test_context;
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddKernelNode_v2(&node, graph, NULL, 0, &run));
    OK(cuGraphLaunch(instantiate(graph), NULL));
    assert_int_equal(test_read(word), 7);
    CUDA_KERNEL_NODE_PARAMS got;
    OK(cuGraphKernelNodeGetParams_v2(node, &got));
    assert_ptr_equal(got.kern, kernel);
    assert_int_equal(*(uint32_t *)got.kernelParams[1], 4);
    OK(cuLibraryUnload(library));
}

static void
cycle_is_refused_with_node_and_text(void **state)
{
    (void)state;
    CUgraph graph;
    CUgraphNode a, b, bad = NULL;
    CUgraphExec exec;
    char log[64] = "untouched";
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddEmptyNode(&a, graph, NULL, 0));
    OK(cuGraphAddEmptyNode(&b, graph, &a, 1));
    FAILS(cuGraphAddDependencies(graph, &b, &a, 1), CUDA_ERROR_INVALID_VALUE);
    OK(cuGraphInstantiate(&exec, graph, &bad, log, sizeof log));
    assert_string_equal(log, "untouched");
    assert_null(bad);
    OK(cuGraphInstantiate(&exec, graph, &bad, log, 0));
}

static void
update_takes_new_parameters_and_refuses_new_shapes(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    CUstream stream = new_stream();
    CUgraph graphs[3];
    for (uint32_t i = 0; i < 3; i++) {
        OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
        OK(test_step(step, word, 10 * i, stream));
        if (i == 2) {
            OK(test_step(step, word, 1, stream));
        }
        OK(cuStreamEndCapture(stream, &graphs[i]));
    }
    CUgraphExec exec = instantiate(graphs[0]);
    CUgraphExecUpdateResultInfo info;
    OK(cuGraphExecUpdate_v2(exec, graphs[1], &info));
    OK(cuGraphLaunch(exec, stream));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(test_read(word), 13);
    FAILS(cuGraphExecUpdate_v2(exec, graphs[2], &info),
          CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
    assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED);
}

static void
child_graph_runs_between_its_neighbours(void **state)
{
    (void)state;
    CUfunction step = test_function(PTX_HEAD PTX_STEP, "step");
    CUdeviceptr word = test_word(1);
    uint32_t v[] = { 1, 2, 3 };
    void *params[3][2] = { { &word, &v[0] }, { &word, &v[1] }, { &word, &v[2] } };
    CUgraph outer, inner, clone;
    CUgraphNode first, child, last, in_child, found;
    CUDA_KERNEL_NODE_PARAMS run = kernel_params(step, params[1]);
    OK(cuGraphCreate(&inner, 0));
    OK(cuGraphAddKernelNode_v2(&in_child, inner, NULL, 0, &run));
    OK(cuGraphCreate(&outer, 0));
    run.kernelParams = params[0];
    OK(cuGraphAddKernelNode_v2(&first, outer, NULL, 0, &run));
    OK(cuGraphAddChildGraphNode(&child, outer, &first, 1, inner));
    OK(cuGraphDestroy(inner));
    run.kernelParams = params[2];
    OK(cuGraphAddKernelNode_v2(&last, outer, &child, 1, &run));
    OK(cuGraphClone(&clone, outer));
    OK(cuGraphNodeFindInClone(&found, last, clone));
    OK(cuGraphDestroy(outer));
    OK(cuGraphLaunch(instantiate(clone), NULL));
    assert_int_equal(test_read(word), 45);
    FAILS(cuGraphNodeFindInClone(&found, last, clone), CUDA_ERROR_INVALID_VALUE);
}

static void
user_object_dies_with_its_last_holder(void **state)
{
    (void)state;
    _Atomic int deaths = 0;
    CUuserObject object;
    CUgraph graph;
    OK(cuGraphCreate(&graph, 0));
    OK(cuUserObjectCreate(&object, &deaths, count_up, 1,
                          CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
    OK(cuGraphRetainUserObject(graph, object, 1, CU_GRAPH_USER_OBJECT_MOVE));
    CUgraphExec exec = instantiate(graph);
    OK(cuGraphDestroy(graph));
    assert_int_equal(deaths, 0);
    OK(cuGraphExecDestroy(exec));
    while (deaths == 0) { /* nobody waits for a destructor but this test */
    }
    assert_int_equal(deaths, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(captured_work_runs_at_each_launch),
        TEST(fork_and_join_are_captured),
        TEST(unjoined_stream_ends_the_capture_badly),
        TEST(forbidden_calls_invalidate),
        TEST(legacy_stream_beside_a_blocking_capture_is_implicit),
        TEST(built_graph_runs_all_kinds_of_nodes),
        TEST(kernel_node_may_name_only_a_kernel),
        TEST(cycle_is_refused_with_node_and_text),
        TEST(update_takes_new_parameters_and_refuses_new_shapes),
        TEST(child_graph_runs_between_its_neighbours),
        TEST(user_object_dies_with_its_last_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
