#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ollama of generation 1 finds the vGPU, and says what vgpu says about it.

    discovery.py --ollama PROGRAM --vgpu PROGRAM --model FILE

It opens libcuda by its path, in its own process, for moments, and closes it. Three ways: by
`vgpu run`; with the libraries that `vgpu install` puts into a tree; and with the device
hidden, when it must say that it has only the CPU.

This program comes without its CUDA libraries. It shows why a found device proves nothing: it
says that a model is in the device's memory, and computes on the CPU. The counters tell.
"""
import argparse
import datetime
import os
import subprocess
import sys
import tempfile

from server import Checks, Ollama, counted, device, environment, fields


def moment(line):
    return datetime.datetime.fromisoformat(fields(line)["time"].replace("Z", "+00:00"))


def check_found(checks, way, server, expected):
    line = server.lines("inference compute")[0]
    print(line)
    got = fields(line)
    gib = expected["memory"].split()[0]
    wanted = {"library": "cuda", "id": expected["uuid"], "name": expected["device"],
              "compute": expected["compute"], "driver": expected["driver"].split()[-1],
              "total": f"{float(gib):.1f} GiB"}
    differs = [f"{key} is '{got.get(key)}', vgpu says '{value}'"
               for key, value in wanted.items() if got.get(key) != value]
    checks.check(f"{way}, checklist 17: the device is vgpu's", not differs,
                 "; ".join(differs) or f"{got['name']}, {got['id']}, driver {got['driver']}")
    took = (moment(line) - moment(server.lines("looking for compatible GPUs")[0]))
    print(f"       {way}: found in {took.total_seconds() * 1000:.0f} ms")


def check_installed(checks, args, folder, expected):
    root = os.path.join(folder, "root")
    os.makedirs(root)
    subprocess.run([args.vgpu, "install", "--root", root], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, env=environment(), timeout=120, check=True)
    libraries = os.path.join(root, "usr", "lib", "x86_64-linux-gnu")
    with Ollama(args.ollama, os.path.join(folder, "installed"), debug=1, VGPU_ENDPOINT="soft",
                LD_LIBRARY_PATH=libraries) as server:
        check_found(checks, "installed", server, expected)
        opened = [line.split()[-1] for line in server.log().splitlines()
                  if line.startswith("initializing ")]
    checks.check("installed: it opened the file that was put there",
                 opened and all(os.path.realpath(path).startswith(os.path.realpath(root))
                                for path in opened), ", ".join(opened))


def check_trap(checks, args, server):
    server.create(args.model)
    answer = server.generate("The capital of France is", 4)
    used = server.ask("/api/ps")["models"][0]
    layers = [line for line in server.lines("offload") if "layers.offload=31" in line]
    launches = counted(server.folder)[0].get("launches", 0)
    print(f"       it says: size_vram {used['size_vram']}, layers.offload=31 "
          f"{'seen' if layers else 'not seen'}, {answer['response']!r}")
    checks.check("without its CUDA libraries it claims the device, and nothing is launched",
                 used["size_vram"] > 0 and layers and launches == 0
                 and not server.lines("CUDA0 model buffer size"), f"{launches} launches")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("ollama", "vgpu", "model"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    args.vgpu = os.path.abspath(args.vgpu)
    run = f"{args.vgpu} run --"
    expected = device(run)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        with Ollama(args.ollama, os.path.join(folder, "run"), run, debug=1) as server:
            check_found(checks, "run", server, expected)
            check_trap(checks, args, server)
        check_installed(checks, args, folder, expected)
        with Ollama(args.ollama, os.path.join(folder, "hidden"), run, debug=1,
                    CUDA_VISIBLE_DEVICES="-1") as server:
            found = server.found()
            checks.check("hidden: only the CPU is found", found["library"] == "cpu",
                         f"library={found['library']}")
    return checks.end()


sys.exit(main())
