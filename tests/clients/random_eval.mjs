// SPDX-License-Identifier: Apache-2.0
// Feeds fixed tokens to a model and writes the log-probabilities of the whole vocabulary
// at every position as JSON: {device, rows: [[...], ...]}.
//
//     node random_eval.mjs MODEL OUT cpu|cuda [--no-flash]
//
// NODE_LLAMA names the node_modules folder that holds the client.
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import fs from "node:fs";
import path from "node:path";

const [modelPath, out, gpu, ...flags] = process.argv.slice(2);
if (process.env.NODE_LLAMA === undefined)
    throw new Error("set NODE_LLAMA to the node_modules folder that holds the client");
const require = createRequire(path.join(process.env.NODE_LLAMA, "x.js"));
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);

const llama = await getLlama({
    gpu: gpu === "cuda" ? "cuda" : false, build: "never", skipDownload: true,
    progressLogs: false
});
const model = await llama.loadModel({modelPath, gpuLayers: gpu === "cuda" ? "max" : 0});
const context = await model.createContext({
    contextSize: 256, batchSize: 64, flashAttention: !flags.includes("--no-flash")
});
const sequence = context.getSequence();
const vocabulary = 512;
const tokens = [1];
for (let i = 0; i < 19; i++)
    tokens.push(3 + (i * 97 + 31) % (vocabulary - 3));

const input = tokens.map((t) => [t, {generateNext: {probabilities: true}}]);
const results = await sequence.controlledEvaluate(input);
const rows = results.map((r) => {
    const row = new Array(vocabulary).fill(null);
    for (const [token, p] of r.next.probabilities)
        row[token] = Math.log(Math.max(p, 1e-30));
    return row;
});
fs.writeFileSync(out, JSON.stringify({device: llama.gpu, rows}));
await llama.dispose();
