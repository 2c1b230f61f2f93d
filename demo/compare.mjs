// SPDX-License-Identifier: Apache-2.0
// The rule by which two backends agree; no client and no GPU is needed to test it.

export const NEEDED = 14;
const SMALLEST = 0.02;
const LARGEST = 0.4;
const best = 5;

const among = (row, token) => (row.find(([t]) => t === token) ?? [token, 0])[1];

/** The largest difference of the five best probabilities of @a from @b, over all positions. */
export function spread(a, b) {
    return Math.max(...a.map((row, i) =>
        Math.max(...row.slice(0, best).map(([t, p]) => Math.abs(p - among(b[i], t))))));
}

/**
 * max(0.02, 4s): s is how far the CPU differs from itself, flash attention on and off. A CPU that
 * agrees with itself so little that anything would pass is an error.
 */
export function allowance(reference) {
    const allowed = Math.max(SMALLEST, 4 * spread(reference.rows, reference.otherRows));
    if (!(allowed <= LARGEST)) {
        throw new Error(`the CPU differs from itself by ${(allowed / 4).toFixed(4)}: too much ` +
            `to compare anything with it (at most ${LARGEST / 4})`);
    }
    return allowed;
}

/**
 * Compares @rows with the reference at every position. Returns {good, lines}: how many
 * agree, and what is wrong with the others.
 */
export function compare(reference, rows, allowed) {
    const lines = [];
    let good = 0;
    reference.rows.forEach((want, i) => {
        const got = rows[i];
        const finite = got !== undefined && got.length > 0 &&
            got.every(([, p]) => Number.isFinite(p));
        const worst = finite ? spread([want], [got]) : Infinity;
        const close = want[0][1] - want[1][1] < allowed;
        const likely = finite && (got[0][0] === want[0][0] || (close && got[0][0] === want[1][0]));
        if (likely && worst <= allowed) {
            good++;
            return;
        }
        lines.push(`position ${i + 1}: ` + (likely ? "" : "another token is most likely; ") +
            `largest difference ${worst.toFixed(4)}, allowed ${allowed.toFixed(4)}`);
    });
    return {good, lines};
}
