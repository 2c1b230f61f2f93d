/* SPDX-License-Identifier: Apache-2.0 */
/* graphs - captured and built; host nodes and stack variables; updates and clones. */
#include "check.cuh"

__global__ void
scale(float *data, float factor, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        data[i] *= factor;
    }
}

__global__ void
add(float *data, float value, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        data[i] += value;
    }
}

#define N 1000

static void
count_call(void *data)
{
    ++*(int *)data;
}

/* Source, destination and counter of the graph are on the stack, and read at each launch.
 */
static void
captured_with_stack_variables(void)
{
    cudaStream_t a, b;
    cudaEvent_t fork, join;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    float in[N], out[N];
    float *data;
    int calls = 0;
    size_t nodes = 0;
    cudaStreamCaptureStatus status;

    CHECK(cudaStreamCreate(&a));
    CHECK(cudaStreamCreate(&b));
    CHECK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
    CHECK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
    CHECK(cudaMalloc(&data, sizeof(in)));

    CHECK(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal));
    CHECK(cudaStreamIsCapturing(a, &status));
    EXPECT(status == cudaStreamCaptureStatusActive);
    CHECK(cudaMemcpyAsync(data, in, sizeof(in), cudaMemcpyHostToDevice, a));
    CHECK(cudaEventRecord(fork, a));
    CHECK(cudaStreamWaitEvent(b, fork, 0));
    scale<<<2, 256, 0, a>>>(data, 3.0f, 500);
    scale<<<2, 256, 0, b>>>(data + 500, 5.0f, 500);
    CHECK(cudaEventRecord(join, b));
    CHECK(cudaStreamWaitEvent(a, join, 0));
    add<<<4, 256, 0, a>>>(data, 1.0f, N);
    CHECK(cudaMemcpyAsync(out, data, sizeof(out), cudaMemcpyDeviceToHost, a));
    CHECK(cudaLaunchHostFunc(a, count_call, &calls));
    CHECK(cudaStreamEndCapture(a, &graph));
    EXPECT(calls == 0);
    CHECK(cudaGraphGetNodes(graph, nullptr, &nodes));
    EXPECT(nodes == 6);
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    CHECK(cudaGraphDestroy(graph));
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < N; i++) {
            in[i] = (float)(i * round);
            out[i] = -1;
        }
        CHECK(cudaGraphLaunch(exec, a));
        CHECK(cudaStreamSynchronize(a));
        EXPECT(calls == round);
        for (int i = 0; i < N; i++) {
            EXPECT(out[i] == in[i] * (i < 500 ? 3.0f : 5.0f) + 1.0f);
        }
    }
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaFree(data));
    CHECK(cudaEventDestroy(fork));
    CHECK(cudaEventDestroy(join));
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaStreamDestroy(b));
}

static void
built_by_hand(void)
{
    cudaGraph_t graph, clone;
    cudaGraphExec_t exec;
    cudaGraphNode_t fill, first, second, copy, host;
    cudaStream_t stream;
    cudaKernelNodeParams kernel = {};
    cudaMemsetParams memset_params = {};
    cudaHostNodeParams host_params = {};
    float *data, out[N];
    float value = 2.5f, factor = 4.0f;
    int n = N, calls = 0;
    void *add_args[] = { &data, &value, &n };
    void *scale_args[] = { &data, &factor, &n };

    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMalloc(&data, sizeof(out)));
    CHECK(cudaGraphCreate(&graph, 0));
    memset_params.dst = data;
    memset_params.elementSize = 4;
    memset_params.width = N;
    memset_params.height = 1;
    memset_params.value = 0x3f800000; /* 1.0f */
    CHECK(cudaGraphAddMemsetNode(&fill, graph, nullptr, 0, &memset_params));
    kernel.func = (void *)add;
    kernel.gridDim = dim3((N + 127) / 128);
    kernel.blockDim = dim3(128);
    kernel.kernelParams = add_args;
    CHECK(cudaGraphAddKernelNode(&first, graph, &fill, 1, &kernel));
    kernel.func = (void *)scale;
    kernel.kernelParams = scale_args;
    CHECK(cudaGraphAddKernelNode(&second, graph, &first, 1, &kernel));
    CHECK(cudaGraphAddMemcpyNode1D(&copy, graph, &second, 1, out, data, sizeof(out),
                                   cudaMemcpyDeviceToHost));
    host_params.fn = count_call;
    host_params.userData = &calls;
    CHECK(cudaGraphAddHostNode(&host, graph, &copy, 1, &host_params));
    value = 1000; /* parameters were read when the node was made */
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(calls == 1 && out[0] == 14.0f && out[N - 1] == 14.0f);

    factor = 8.0f;
    kernel.kernelParams = scale_args;
    CHECK(cudaGraphExecKernelNodeSetParams(exec, second, &kernel));
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(calls == 2 && out[0] == 28.0f && out[N - 1] == 28.0f);

    CHECK(cudaGraphClone(&clone, graph));
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaGraphInstantiate(&exec, clone, 0));
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(calls == 3 && out[0] == 14.0f);
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(clone));
    CHECK(cudaFree(data));
    CHECK(cudaStreamDestroy(stream));
}

/* A capture of the same shape with other parameters updates the instantiated graph. */
static void
updated(void)
{
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t exec = nullptr;
    cudaGraphExecUpdateResultInfo info;
    float *data, out;

    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMalloc(&data, N * sizeof(float)));
    CHECK(cudaMemset(data, 0, N * sizeof(float)));
    for (int round = 1; round <= 3; round++) {
        CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
        add<<<4, 256, 0, stream>>>(data, (float)round, N);
        CHECK(cudaStreamEndCapture(stream, &graph));
        if (exec == nullptr) {
            CHECK(cudaGraphInstantiate(&exec, graph, 0));
        } else {
            CHECK(cudaGraphExecUpdate(exec, graph, &info));
            EXPECT(info.result == cudaGraphExecUpdateSuccess);
        }
        CHECK(cudaGraphDestroy(graph));
        CHECK(cudaGraphLaunch(exec, stream));
    }
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaMemcpy(&out, data + N - 1, sizeof(out), cudaMemcpyDeviceToHost));
    EXPECT(out == 6.0f);
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaFree(data));
    CHECK(cudaStreamDestroy(stream));
}

static void
forbidden_in_capture(void)
{
    cudaStream_t stream;
    cudaGraph_t graph = nullptr;
    void *pointer;

    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    EXPECT_ERROR(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT(graph == nullptr);
    CHECK(cudaMalloc(&pointer, 16)); /* all is well again */
    CHECK(cudaFree(pointer));
    CHECK(cudaStreamDestroy(stream));
}

int
main()
{
    captured_with_stack_variables();
    built_by_hand();
    updated();
    forbidden_in_capture();
    return pass();
}
