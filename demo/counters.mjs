// SPDX-License-Identifier: Apache-2.0
// The software GPU's counter file (docs/settings.md): lines of the same name add up.
import fs from "node:fs";

/** What @name has reached in @file; 0 before there is anything. */
export function total(file, name) {
    let sum = 0;
    try {
        for (const line of fs.readFileSync(file, "utf8").split("\n")) {
            const [key, value] = line.split(/[\t ]/);
            if (key === name)
                sum += Number(value);
        }
    } catch (error) {
        if (error.code !== "ENOENT")
            throw error;
    }
    return sum;
}
