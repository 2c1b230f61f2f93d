// SPDX-License-Identifier: Apache-2.0
// Asks the model a question on the vGPU, streams the answer, then checks the vGPU against
// the client's own CPU backend.
//
//     node demo.mjs MODEL QUESTION REFERENCE TOKENS
//
// VGPU_SOFT_STATS names the file in which the software GPU counts. Exit status 0 if enough
// of the checked positions agree, 3 if not.
import fs from "node:fs";
import {NEEDED, allowance, compare} from "./compare.mjs";
import {total} from "./counters.mjs";
import {openModel, openSequence, promptTokens, walk} from "./model.mjs";

const [modelPath, question, referencePath, most] = process.argv.slice(2);
const counters = process.env.VGPU_SOFT_STATS;
const tty = process.stdout.isTTY;

/** Shows the launches so far until it is called off. Returns the calling off. */
function progress(text) {
    const began = performance.now();
    let shown = "";
    const show = () => {
        const seconds = Math.round((performance.now() - began) / 1000);
        const now = `${text}: ${total(counters, "launches")} launches so far, ${seconds} s`;
        if (now !== shown)
            process.stdout.write(tty ? `\r${now}` : `${now}\n`);
        shown = now;
    };
    const timer = setInterval(show, tty ? 500 : 5000);
    show();
    return () => {
        clearInterval(timer);
        if (tty)
            process.stdout.write(`\r${" ".repeat(shown.length)}\r`);
    };
}

async function answer(model) {
    const {context, sequence} = await openSequence(model);
    let stop = progress("the vGPU reads the question");
    let count = 0, began = 0, text = "";
    for await (const token of sequence.evaluate(promptTokens(model, question), {temperature: 0})) {
        if (model.isEogToken(token))
            break;
        if (count++ === 0) {
            stop();
            began = performance.now();
        }
        text += model.detokenize([token]);
        process.stdout.write(model.detokenize([token]));
        if (count >= Number(most))
            break;
    }
    if (count === 0)
        stop();
    const seconds = (performance.now() - began) / 1000;
    process.stdout.write("\n\n");
    await context.dispose();
    return {count, perSecond: count > 1 ? (count - 1) / seconds : 0};
}

const stop = progress("the client loads");
const {llama, model} = await openModel(modelPath, "cuda");
stop();
const names = await llama.getGpuDeviceNames();

console.log(`Q: ${question}\n`);
const {count, perSecond} = await answer(model);
console.log(`device    ${names.join(", ")}`);
console.log(`launches  ${total(counters, "launches")}`);
console.log(`speed     ${perSecond.toFixed(2)} tokens/s, ${count} tokens`);

const reference = JSON.parse(fs.readFileSync(referencePath, "utf8"));
const {context, sequence} = await openSequence(model);
const done = progress("check against the CPU");
const {rows} = await walk(sequence, promptTokens(model, reference.question), reference.tokens);
done();
await context.dispose();
const allowed = allowance(reference);
const {good, lines} = compare(reference, rows, allowed);
lines.forEach((line) => console.log(line));
console.log(`check     ${good}/${reference.tokens.length} tokens, five best probabilities ` +
    `within ${allowed.toFixed(3)} of the CPU's`);
await llama.dispose();
process.exitCode = good >= NEEDED ? 0 : 3;
