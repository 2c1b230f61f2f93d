#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stock client mistralrs-cuda on the vGPU, compared with the CPU package of its version.

    mistralrs_check.py --package DIR --cpu-package DIR --model FILE --libraries A:B
                       --run "build/vgpu run --"

It calls the driver itself, loads its kernels as PTX text, and computes with NVIDIA's cuBLAS.
The CUDA package cannot compute on the CPU, so another package of the same version does. Both
answer the same prompts; ends with `N/12 answers`, status 3 if fewer than 10 are the same. Two
may differ: the dot products of its Q4_1 kernels are in half precision.

The capability is 13.0: cuBLAS has PTX only for devices that it does not know.
"""
import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = 10
LAYERS = 30


def walk(args, package, out, command, **more):
    environment = dict(os.environ, PYTHONPATH=package, HF_HUB_OFFLINE="1", **more)
    done = subprocess.run([*command, sys.executable, os.path.join(HERE, "mistralrs_walk.py"),
                           args.model, out], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=args.timeout, check=False)
    if done.returncode != 0:
        text = done.stdout.decode(errors="replace")
        raise RuntimeError(f"{package}: status {done.returncode}:\n{text[-3000:]}")
    with open(out, encoding="utf-8") as file:
        return json.load(file)


def counted(path):
    """Return: launches, those of them that are cuBLAS's."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    found = re.search(r"^launches\t(\d+)$", text, re.MULTILINE)
    library = re.findall(r"^kernel\t\S*cublas\S*\t(\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else 0, sum(map(int, library))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("package", "cpu-package", "model", "libraries", "run"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--timeout", type=float, default=600)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        cpu = walk(args, args.cpu_package, os.path.join(folder, "cpu"), [])
        counters = os.environ.get("VGPU_SOFT_STATS") or os.path.join(folder, "counters")
        gpu = walk(args, args.package, os.path.join(folder, "gpu"), shlex.split(args.run),
                   VGPU_SOFT_CC="13.0", LD_LIBRARY_PATH=args.libraries, VGPU_SOFT_STATS=counters)
        launches, library = counted(counters)
    if launches < LAYERS * len(gpu["answers"]) or library == 0:
        print(f"only {launches} launches were counted, {library} of cuBLAS")
        return 1
    good = 0
    for prompt, want, got in zip(cpu["prompts"], cpu["answers"], gpu["answers"], strict=True):
        good += want == got
        if want != got:
            print(f"{prompt} ... {got!r} for {want!r}")
    print(f"{launches} launches, {library} of them cuBLAS's, "
          f"{gpu['tokens'] / gpu['seconds']:.1f} tokens/s, prompts included")
    print(f"{good}/{len(cpu['answers'])} answers")
    return 0 if good >= NEEDED and any(gpu["answers"]) else 3


if __name__ == "__main__":
    sys.exit(main())
