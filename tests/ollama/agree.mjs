// SPDX-License-Identifier: Apache-2.0
// The demo's rule of comparison over rows that another program collected.
//
//     node agree.mjs REFERENCE ROWS          both JSON; exit status 0 if enough agree, 3 if not
import fs from "node:fs";
import {NEEDED, allowance, compare} from "../../demo/compare.mjs";

const [reference, rows] = process.argv.slice(2)
    .map((path) => JSON.parse(fs.readFileSync(path, "utf8")));
const allowed = allowance(reference);
const {good, lines} = compare(reference, rows, allowed);
for (const line of lines)
    console.log(line);
console.log(`allowed difference ${allowed.toFixed(4)}`);
console.log(`${good}/${reference.rows.length} tokens`);
process.exitCode = good >= NEEDED ? 0 : 3;
