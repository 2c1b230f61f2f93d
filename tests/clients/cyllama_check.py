#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stock client cyllama (CUDA 12, PTX for 7.5) on the vGPU, compared with its own CPU.

    cyllama_check.py --package DIR --model FILE --libraries A:B --run "build/vgpu run --"
                     [--runs CC/flash,CC/plain,...]

The CPU goes along the most likely tokens, once more without flash attention; then the vGPU
along the same tokens, once for each of --runs: a compute capability that the vGPU has, and
attention. The rule of comparison is that of xllamacpp_check.py. A run counts only if the
client says that every layer is on the vGPU and the software GPU counted launches for each
layer and position. Each ends with `N/16 tokens`; status 3 if one has fewer than 14.
"""
import argparse
import json
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile

from xllamacpp_check import NEEDED, agrees, allowed_difference

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT = ("A cat is a small animal that lives with people. A dog is a larger animal that lives "
          "with people too. Both of them")
OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")


class Walker:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.forced = os.path.join(folder, "cpu")
        # whoever runs this check may want the counters too
        self.counters = os.environ.get("VGPU_SOFT_STATS") or os.path.join(folder, "counters")

    def run(self, name, device, attention, capability=None):
        """The client in a process of its own. Return: its rows, {token: p} each; its log."""
        out = os.path.join(self.folder, name)
        inner = [sys.executable, os.path.join(HERE, "cyllama_walk.py"), self.args.model, PROMPT,
                 out, device, attention]
        if os.path.exists(self.forced):
            inner.append(self.forced)
        environment = dict(os.environ, PYTHONPATH=self.args.package,
                           LD_LIBRARY_PATH=self.args.libraries, VGPU_SOFT_STATS=self.counters)
        if device == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = "-1"
        if capability is not None:
            environment["VGPU_SOFT_CC"] = capability
        if os.path.exists(self.counters):
            os.remove(self.counters)
        done = subprocess.run([*shlex.split(self.args.run), *inner], env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=self.args.timeout, check=False)
        log = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise RuntimeError(f"{name} ended with {done.returncode}:\n{log[-3000:]}")
        with open(out, encoding="utf-8") as file:
            result = json.load(file)
        result["rows"] = [[(token, math.exp(p)) for token, p in row] for row in result["rows"]]
        return result, log

    def launches(self):
        try:
            with open(self.counters, encoding="utf-8", errors="replace") as file:
                found = re.search(r"^launches\t(\d+)$", file.read(), re.MULTILINE)
        except FileNotFoundError:
            return 0
        return int(found.group(1)) if found else 0


def proof(log, launches, positions):
    """Why the run was not one on the vGPU; or None."""
    found = OFFLOADED.search(log)
    if found is None or found.group(1) != found.group(2):
        return "the client does not say that all layers are on the GPU"
    if "CUDA0 model buffer size" not in log:
        return "the client has no weights on the GPU"
    if launches < int(found.group(2)) * positions:
        return f"only {launches} launches were counted"
    return None


def compare(want, got, allowed):
    good = 0
    for position, (a, b) in enumerate(zip(want, got, strict=True), 1):
        if not b:
            print(f"position {position}: not all logits are numbers")
            continue
        fits, worst = agrees(a, b, allowed)
        good += fits
        if not fits:
            print(f"position {position}: token {b[0][0]} for {a[0][0]}, largest difference "
                  f"{worst:.4f}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("package", "model", "libraries", "run"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--runs", default="8.0/flash,7.5/flash,8.0/plain")
    parser.add_argument("--timeout", type=float, default=600)
    args = parser.parse_args()

    status = 0
    with tempfile.TemporaryDirectory() as folder:
        walker = Walker(args, folder)
        cpu, log = walker.run("cpu", "cpu", "flash")
        other, _ = walker.run("plain", "cpu", "plain")
        if "CUDA0" in log or walker.launches() != 0:
            print("the CPU run used the vGPU")
            return 1
        allowed = allowed_difference(cpu["rows"], other["rows"])
        print(f"allowed difference {allowed:.4f}")
        for name in args.runs.split(","):
            capability, attention = name.split("/")
            gpu, log = walker.run("gpu-" + capability + attention, "gpu", attention, capability)
            launches = walker.launches()
            why = proof(log, launches, len(cpu["rows"]))
            if why is not None:
                print(f"{name}: {why}:\n{log[-3000:]}")
                return 1
            good = compare(cpu["rows"], gpu["rows"], allowed)
            batch, steps = gpu["seconds"]
            print(f"compute capability {capability}, {attention} attention: {launches} launches, "
                  f"{gpu['prompt'] / batch:.1f} prompt tokens/s, "
                  f"{len(gpu['tokens']) / steps:.1f} tokens/s")
            print(f"{good}/{len(cpu['rows'])} tokens", flush=True)
            status = status if good >= NEEDED else 3
    return status


if __name__ == "__main__":
    sys.exit(main())
