// SPDX-License-Identifier: Apache-2.0
// What node-llama-cpp makes of the machine by itself: gpu "auto", every layer, one token.
//
//     node installed_auto.mjs MODEL      prints one line of JSON, then waits for its input's end
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.env.NODE_LLAMA, "x.js"));
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);
const llama = await getLlama({gpu: "auto", build: "never", skipDownload: true,
    progressLogs: false, maxThreads: 1});
const model = await llama.loadModel({modelPath: process.argv[2], gpuLayers: "max"});
const context = await model.createContext({contextSize: 256, batchSize: 64});
const sequence = context.getSequence();
let token = null;
for await (const next of sequence.evaluate(model.tokenize("What is"))) {
    token = next;
    break;
}
const {total, used, free} = await llama.getVramState();
console.log(JSON.stringify({gpu: llama.gpu, layers: model.gpuLayers, token,
    names: llama.gpu ? await llama.getGpuDeviceNames() : [], total, used, free}));
process.stdin.resume();
await new Promise((end) => process.stdin.on("end", end));
await llama.dispose();
