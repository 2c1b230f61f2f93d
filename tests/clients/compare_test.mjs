// SPDX-License-Identifier: Apache-2.0
// The rule of demo/compare.mjs: what it accepts and what it must not.
import assert from "node:assert/strict";
import test from "node:test";
import {allowance, compare} from "../../demo/compare.mjs";

const row = (...p) => p.map((value, i) => [i + 1, value]);
const even = row(0.5, 0.2, 0.1, 0.05, 0.05, 0.1);
const reference = (rows, otherRows = rows) => ({rows, otherRows});

test("the same rows agree", () => {
    assert.equal(compare(reference([even, even]), [even, even], 0.02).good, 2);
});

test("the allowance is 0.02, or four times the CPU's own difference", () => {
    assert.equal(allowance(reference([even])), 0.02);
    const other = row(0.49, 0.21, 0.1, 0.05, 0.05, 0.1);
    assert.ok(Math.abs(allowance(reference([even], [other])) - 0.04) < 1e-9);
});

test("a CPU that differs from itself too much is no reference", () => {
    const other = row(0.38, 0.32, 0.1, 0.05, 0.05, 0.1);
    assert.throws(() => allowance(reference([even], [other])), /too much/);
    const nan = even.map(([t]) => [t, NaN]);
    assert.throws(() => allowance(reference([even], [nan])), /too much/);
});

test("another best token fails", () => {
    const got = [[2, 0.5], [1, 0.2], ...even.slice(2)];
    assert.equal(compare(reference([even]), [got], 1).good, 1);
    assert.equal(compare(reference([even]), [got], 0.02).good, 0);
});

test("either of two close ones counts", () => {
    const want = [[1, 0.40], [2, 0.39], [3, 0.1], [4, 0.05], [5, 0.05]];
    const got = [[2, 0.40], [1, 0.39], ...want.slice(2)];
    assert.equal(compare(reference([want]), [got], 0.02).good, 1);
});

test("a probability too far off fails", () => {
    const got = row(0.45, 0.25, 0.1, 0.05, 0.05, 0.1);
    assert.equal(compare(reference([even]), [got], 0.02).good, 0);
});

test("a token that is not listed counts as impossible", () => {
    assert.equal(compare(reference([even]), [even.slice(0, 2)], 0.02).good, 0);
});

test("rubbish fails", () => {
    const nan = even.map(([t]) => [t, NaN]);
    assert.equal(compare(reference([even, even, even]), [nan, [], undefined], 0.5).good, 0);
});
