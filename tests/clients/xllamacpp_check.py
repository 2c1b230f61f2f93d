#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stock Python client for CUDA 12 on the vGPU, compared with its own CPU backend.

    xllamacpp_check.py --package DIR --model FILE --libraries A:B --run "build/vgpu run --"
                       [--backend gpu|cpu]

The CPU goes along the most likely tokens, once more without flash attention, and the vGPU
along the same tokens. At each position the most likely token must be the same (or one of
two that are close) and the five best probabilities within max(0.02, 4s), s being how far
the CPU differs from itself. Ends with `N/16 tokens`; status 3 if fewer than 14 agree.

The package forgot to say which libraries it needs, so they are preloaded. Its CPU runs get
them too, but no device.
"""
import argparse
import json
import math
import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT = "The capital of France is"
NEEDED = 14
BEST = 5
SMALLEST = 0.02
LARGEST = 0.25
PRELOAD = "libcudart.so.12 libcublas.so.12 libcuda.so.1"


def walk(args, out, device, attention, *forced):
    """Runs the client in a process of its own. Return: {tokens, rows of {token: p}}."""
    inner = [sys.executable, os.path.join(HERE, "xllamacpp_walk.py"), args.model, PROMPT, out,
             device, attention, *forced]
    environment = dict(os.environ, PYTHONPATH=args.package, LD_LIBRARY_PATH=args.libraries)
    # the program gets the preload, the tool that starts it does not
    command = [*shlex.split(args.run), "env", f"LD_PRELOAD={PRELOAD}"]
    if device == "cpu":
        command.append("CUDA_VISIBLE_DEVICES=-1")
    done = subprocess.run(command + inner, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=args.timeout, check=False)
    log = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{device} run ended with {done.returncode}:\n{log[-3000:]}")
    used = "CUDA0 model buffer size" in log or "CUDA0" in log
    if used != (device == "gpu"):
        raise RuntimeError(f"the {device} run {'used' if used else 'did not use'} the vGPU:\n"
                           + log[-3000:])
    with open(out, encoding="utf-8") as file:
        result = json.load(file)
    result["rows"] = [[(token, math.exp(p)) for token, p in row] for row in result["rows"]]
    return result


def spread(want, got):
    """The largest difference of the five best probabilities of @want in @got."""
    there = dict(got)
    return max(abs(p - there.get(token, 0.0)) for token, p in want[:BEST])


def allowed_difference(cpu, other):
    """From two runs of the CPU; one that would let anything pass is none."""
    allowed = max(SMALLEST, 4 * max(map(spread, cpu, other)))
    if allowed > LARGEST:
        raise RuntimeError(f"the CPU differs from itself, by {allowed / 4:.3f}")
    return allowed


def agrees(want, got, allowed):
    if not all(math.isfinite(p) for _, p in got):
        return False, math.inf
    close = want[0][1] - want[1][1] < allowed
    likely = got[0][0] == want[0][0] or (close and got[0][0] == want[1][0])
    return likely and spread(want, got) <= allowed, spread(want, got)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("package", "model", "libraries", "run"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--backend", default="gpu", choices=("gpu", "cpu"))
    parser.add_argument("--timeout", type=float, default=600)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        forced = os.path.join(folder, "cpu")
        cpu = walk(args, forced, "cpu", "flash")
        other = walk(args, os.path.join(folder, "plain"), "cpu", "plain", forced)
        gpu = walk(args, os.path.join(folder, "gpu"), args.backend, "flash", forced)

    allowed = allowed_difference(cpu["rows"], other["rows"])
    good = 0
    for position, (want, got) in enumerate(zip(cpu["rows"], gpu["rows"], strict=True), 1):
        fits, worst = agrees(want, got, allowed)
        good += fits
        if not fits:
            print(f"position {position}: token {got[0][0]} for {want[0][0]}, largest "
                  f"difference {worst:.4f}")
    print(f"allowed difference {allowed:.4f}")
    print(f"{good}/{len(cpu['rows'])} tokens")
    return 0 if good >= NEEDED else 3


if __name__ == "__main__":
    sys.exit(main())
