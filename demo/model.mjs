// SPDX-License-Identifier: Apache-2.0
// What the demo and the check share: opening the stock client on one backend, the prompt,
// and the probabilities of the next token at given positions.
//
// NODE_LLAMA names the node_modules folder that holds the client.
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import path from "node:path";

export const POSITIONS = 16;

// The client's own threads spin while they wait, and would take the CPUs from the vGPU.
const THREADS = 1;

/** Opens @modelPath on "cpu" or "cuda"; the caller disposes of `llama`. */
export async function openModel(modelPath, backend) {
    if (process.env.NODE_LLAMA === undefined)
        throw new Error("set NODE_LLAMA to the node_modules folder that holds the client");
    const require = createRequire(path.join(process.env.NODE_LLAMA, "x.js"));
    const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);
    const llama = await getLlama({
        gpu: backend === "cuda" ? "cuda" : false, build: "never", skipDownload: true,
        progressLogs: false, maxThreads: THREADS
    });
    if ((llama.gpu === "cuda") !== (backend === "cuda"))
        throw new Error(`asked for ${backend}, the client opened ${llama.gpu || "cpu"}`);
    const model = await llama.loadModel({
        modelPath, gpuLayers: backend === "cuda" ? "max" : 0
    });
    return {llama, model};
}

/** A context with one sequence; disposing of the context ends both. */
export async function openSequence(model, flashAttention = true) {
    const context = await model.createContext({contextSize: 256, batchSize: 64, flashAttention});
    return {context, sequence: context.getSequence()};
}

/** The question as this model was trained to see one. */
export function promptTokens(model, question) {
    return model.tokenize(
        `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`, true);
}

/** The next token's probabilities after the last of @input, most likely first. */
async function next(sequence, input) {
    const results = await sequence.controlledEvaluate(input);
    return [...results[input.length - 1].next.probabilities];
}

const ask = (token) => [token, {generateNext: {probabilities: true}}];

/**
 * Walks along @tokens (or, without them, along the most likely ones): the prompt as one
 * batch, then a token at a time. Returns {tokens, rows}: at each position what was taken and
 * what was likely, as [[token, probability], ...].
 */
export async function walk(sequence, prompt, tokens, onPosition = () => {}) {
    const taken = [], rows = [];
    let input = [...prompt.slice(0, -1), ask(prompt[prompt.length - 1])];
    for (let i = 0; i < POSITIONS; i++) {
        const row = await next(sequence, input);
        const token = tokens === undefined ? row[0][0] : tokens[i];
        rows.push(row);
        taken.push(token);
        onPosition(i + 1);
        input = [ask(token)];
    }
    return {tokens: taken, rows};
}
