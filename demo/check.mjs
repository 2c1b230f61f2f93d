// SPDX-License-Identifier: Apache-2.0
// Feeds the reference's tokens to the vGPU and compares at every position.
//
//     node check.mjs MODEL REFERENCE [cuda|cpu]     (cpu: does the check accept its own kind?)
//
// Ends with `N/16 tokens`; exit status 0 if enough agree, 3 if not.
import fs from "node:fs";
import {NEEDED, allowance, compare} from "./compare.mjs";
import {openModel, openSequence, promptTokens, walk} from "./model.mjs";

const [modelPath, referencePath, backend = "cuda"] = process.argv.slice(2);
const reference = JSON.parse(fs.readFileSync(referencePath, "utf8"));
const {llama, model} = await openModel(modelPath, backend);
const {sequence} = await openSequence(model);
const {rows} = await walk(sequence, promptTokens(model, reference.question), reference.tokens,
    (n) => process.stderr.isTTY && process.stderr.write(`\rposition ${n} `));

const allowed = allowance(reference);
const {good, lines} = compare(reference, rows, allowed);
for (const line of lines)
    console.log(line);
console.log(`allowed difference ${allowed.toFixed(4)}`);
console.log(`${good}/${reference.tokens.length} tokens`);
await llama.dispose();
process.exitCode = good >= NEEDED ? 0 : 3;
