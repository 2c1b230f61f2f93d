/* SPDX-License-Identifier: Apache-2.0 */
/* graphs - captured and built: stack variables, host nodes, kernels by kernel handle. */
#include "drv.h"

#define N 1000

static CUfunction scale, add;

static void
count_call(void *data)
{
    ++*(int *)data;
}

static void
captured(void)
{
    CUstream a, b;
    CUevent fork_event, join_event;
    CUgraph graph;
    CUgraphExec exec;
    float in[N], out[N], three = 3.0f, five = 5.0f, one = 1.0f;
    int calls = 0, half = 500, all = N;
    size_t nodes = 0;
    CUstreamCaptureStatus status;
    CUdeviceptr data = reserve(sizeof(in));
    CUdeviceptr upper = data + 500 * sizeof(float);

    CHECK(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
    CHECK(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&fork_event, CU_EVENT_DISABLE_TIMING));
    CHECK(cuEventCreate(&join_event, CU_EVENT_DISABLE_TIMING));
    CHECK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CHECK(cuStreamIsCapturing(a, &status));
    EXPECT(status == CU_STREAM_CAPTURE_STATUS_ACTIVE);
    CHECK(cuMemcpyHtoDAsync_v2(data, in, sizeof(in), a));
    CHECK(cuEventRecord(fork_event, a));
    CHECK(cuStreamWaitEvent(b, fork_event, 0));
    LAUNCH(scale, 2, 256, 0, a, &data, &three, &half);
    LAUNCH(scale, 2, 256, 0, b, &upper, &five, &half);
    CHECK(cuEventRecord(join_event, b));
    CHECK(cuStreamWaitEvent(a, join_event, 0));
    LAUNCH(add, 4, 256, 0, a, &data, &one, &all);
    CHECK(cuMemcpyDtoHAsync_v2(out, data, sizeof(out), a));
    CHECK(cuLaunchHostFunc(a, count_call, &calls));
    CHECK(cuStreamEndCapture(a, &graph));
    EXPECT(calls == 0);
    CHECK(cuGraphGetNodes(graph, NULL, &nodes));
    EXPECT(nodes == 6);
    CHECK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK(cuGraphDestroy(graph));
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < N; i++) {
            in[i] = (float)(i * round);
            out[i] = -1;
        }
        CHECK(cuGraphLaunch(exec, a));
        CHECK(cuStreamSynchronize(a));
        EXPECT(calls == round);
        for (int i = 0; i < N; i++) {
            EXPECT(out[i] == in[i] * (i < 500 ? 3.0f : 5.0f) + 1.0f);
        }
    }
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuMemFree_v2(data));
    CHECK(cuEventDestroy_v2(fork_event));
    CHECK(cuEventDestroy_v2(join_event));
    CHECK(cuStreamDestroy_v2(a));
    CHECK(cuStreamDestroy_v2(b));
}

/* The kernel comes from a library and stands in the node as `kern` alone. */
static void
built(void)
{
    CUlibrary library;
    CUcontext context;
    CUgraph graph;
    CUgraphExec exec;
    CUgraphNode fill, kernel, host;
    CUstream stream;
    char *text = read_ptx("graphs");
    CUkernel kern;
    float value = 2.5f, got = 0;
    int n = N, calls = 0;
    CUdeviceptr data = reserve(N * sizeof(float));
    void *args[] = { &data, &value, &n };
    CUDA_MEMSET_NODE_PARAMS memset_node = { 0 };
    CUDA_KERNEL_NODE_PARAMS kernel_node = { 0 };
    CUDA_HOST_NODE_PARAMS host_node = { .fn = count_call, .userData = &calls };

    CHECK(cuCtxGetCurrent(&context));
    CHECK(cuStreamCreate(&stream, CU_STREAM_DEFAULT));
    CHECK(cuLibraryLoadData(&library, text, NULL, NULL, 0, NULL, NULL, 0));
    free(text);
    kern = get_kernel(library, "_Z3addPffi");
    CHECK(cuGraphCreate(&graph, 0));
    memset_node.dst = data;
    memset_node.elementSize = 4;
    memset_node.width = N;
    memset_node.height = 1;
    memset_node.value = 0x3f800000u;
    CHECK(cuGraphAddMemsetNode(&fill, graph, NULL, 0, &memset_node, context));
    kernel_node.kern = kern;
    kernel_node.ctx = context;
    kernel_node.gridDimX = 8;
    kernel_node.gridDimY = kernel_node.gridDimZ = 1;
    kernel_node.blockDimX = 128;
    kernel_node.blockDimY = kernel_node.blockDimZ = 1;
    kernel_node.kernelParams = args;
    CHECK(cuGraphAddKernelNode_v2(&kernel, graph, &fill, 1, &kernel_node));
    CHECK(cuGraphAddHostNode(&host, graph, &kernel, 1, &host_node));
    value = 1000; /* read when the node was made */
    CHECK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK(cuGraphLaunch(exec, stream));
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuMemcpyDtoH_v2(&got, data + (N - 1) * sizeof(float), sizeof(got)));
    EXPECT(got == 3.5f && calls == 1);
    value = 4.5f;
    CHECK(cuGraphExecKernelNodeSetParams_v2(exec, kernel, &kernel_node));
    CHECK(cuGraphLaunch(exec, stream));
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuMemcpyDtoH_v2(&got, data, sizeof(got)));
    EXPECT(got == 5.5f && calls == 2);
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
    CHECK(cuMemFree_v2(data));
    CHECK(cuStreamDestroy_v2(stream));
    CHECK(cuLibraryUnload(library));
}

static void
forbidden_in_capture(void)
{
    CUstream stream;
    CUgraph graph = NULL;

    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    REFUSED(cuStreamBeginCapture_v2(NULL, CU_STREAM_CAPTURE_MODE_RELAXED),
            CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CHECK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    REFUSED(cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    REFUSED(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    EXPECT(graph == NULL);
    REFUSED(cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuStreamDestroy_v2(stream));
}

int
main(void)
{
    CUmodule module;

    begin();
    module = load("graphs");
    scale = get(module, "_Z5scalePffi");
    add = get(module, "_Z3addPffi");
    captured();
    built();
    forbidden_in_capture();
    return pass();
}
