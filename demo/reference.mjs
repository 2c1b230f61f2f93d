// SPDX-License-Identifier: Apache-2.0
// The client's own CPU backend generates 16 tokens greedily, and once more along the same
// tokens without flash attention, which shows how far two right answers may differ.
//
//     node reference.mjs MODEL QUESTION OUT
import fs from "node:fs";
import {openModel, openSequence, promptTokens, walk} from "./model.mjs";

const [modelPath, question, out] = process.argv.slice(2);
const {llama, model} = await openModel(modelPath, "cpu");
const prompt = promptTokens(model, question);

const flash = await openSequence(model, true);
const {tokens, rows} = await walk(flash.sequence, prompt);
await flash.context.dispose();
const plain = await openSequence(model, false);
const other = await walk(plain.sequence, prompt, tokens);

const short = (row) => row.slice(0, 50);
fs.writeFileSync(out, JSON.stringify({
    question, tokens, text: model.detokenize(tokens), rows: rows.map(short),
    otherRows: other.rows.map(short)
}));
await llama.dispose();
