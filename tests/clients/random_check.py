#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random small models: the vGPU against the client's own CPU backend.

For each seed a model is written (random_model.py), the same tokens are fed to the CPU
backend with and without flash attention and to the vGPU, and the log-probabilities of the
whole vocabulary are compared: their rms difference must stay within 5 percent of their
standard deviation. The CPU against itself must pass too, and a model with one altered
weight block must fail, or the test could not notice anything.

    random_check.py --node NODE --modules DIR --run "build/vgpu run --" [--seed N] [--count 3]

Ends with `N passed, N failed`.
"""
import argparse
import json
import math
import os
import random
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ALLOWED = 0.05


def evaluate(args, model, out, gpu, *flags):
    command = [args.node, os.path.join(HERE, "random_eval.mjs"), model, out, gpu, *flags]
    if gpu == "cuda":
        command = shlex.split(args.run) + command
    environment = dict(os.environ, NODE_LLAMA=os.path.abspath(args.modules))
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n"
                           + done.stdout.decode(errors="replace")[-2000:])
    with open(out, encoding="utf-8") as file:
        result = json.load(file)
    if gpu == "cuda" and result["device"] != "cuda":
        raise RuntimeError("the client did not use the vGPU")
    return result["rows"]


def difference(a, b):
    """rms difference of the log-probabilities, as a share of their deviation."""
    squares, values = 0.0, []
    for row_a, row_b in zip(a, b, strict=True):
        for x, y in zip(row_a, row_b, strict=True):
            if x is None or y is None:
                raise RuntimeError("a token has no probability")
            squares += (x - y) ** 2
            values.append(x)
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
    return math.sqrt(squares / len(values)) / deviation


def best_probability(rows):
    return sum(math.exp(max(row)) for row in rows) / len(rows)


def write_model(seed, path, logits, *flags):
    done = subprocess.run([sys.executable, os.path.join(HERE, "random_model.py"), str(seed),
                           path, "--logits", str(logits), *flags],
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


def calibrated(args, seed, folder):
    """A model whose best token has 0.2 to 0.9 on average. Return: path, scale, CPU rows."""
    path = os.path.join(folder, f"{seed}.gguf")
    for logits in (3.0, 4.0, 5.0, 6.0, 8.0):
        shape = write_model(seed, path, logits)
        rows = evaluate(args, path, path + ".cpu", "cpu")
        if 0.2 <= best_probability(rows) <= 0.9:
            print(f"{shape}, best token {best_probability(rows):.2f}", flush=True)
            return path, logits, rows
    raise RuntimeError(f"seed {seed}: no scale gives a likely best token")


def check_seed(args, seed, folder):
    path, logits, cpu = calibrated(args, seed, folder)
    other = evaluate(args, path, path + ".cpu2", "cpu", "--no-flash")
    gpu = evaluate(args, path, path + ".gpu", "cuda")
    altered = os.path.join(folder, f"{seed}-altered.gguf")
    write_model(seed, altered, logits, "--alter")
    wrong = evaluate(args, altered, altered + ".gpu", "cuda")

    results = [("CPU against CPU", difference(cpu, other), True),
               ("vGPU against CPU", difference(cpu, gpu), True),
               ("altered block", difference(cpu, wrong), False)]
    failed = 0
    for name, value, small in results:
        good = (value <= ALLOWED) == small
        failed += not good
        print(f"  {'ok  ' if good else 'FAIL'} {name}: {100 * value:.2f} % of the deviation",
              flush=True)
    return len(results) - failed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node", default="node")
    parser.add_argument("--modules", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1 << 20))
    parser.add_argument("--count", type=int, default=3)
    args = parser.parse_args()

    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seed, args.seed + args.count):
            try:
                good, bad = check_seed(args, seed, folder)
            except (RuntimeError, subprocess.SubprocessError) as error:
                print(f"  FAIL seed {seed}: {error}", flush=True)
                good, bad = 0, 1
            passed += good
            failed += bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
