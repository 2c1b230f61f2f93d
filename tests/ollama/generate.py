#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ollama of generation 3 answers on the vGPU, and the vGPU is what computes.

    generate.py --tree FOLDER --model FILE --vgpu PROGRAM

FOLDER has bin/ollama and lib/ollama with a CUDA library. What is checked, and why each alone
proves nothing: the device that it says it found (a driver that can do nothing else passes);
the model's layers in that device's memory (so does one whose kernels never run); the answer,
whose first tokens are those of the same tree on the CPU; and the kernels that the worker
counted. Then what the two programs that look for devices say themselves.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

from server import Checks, Ollama, counted, device, environment

PROMPT = "The capital of France is"
TOKENS = 12
SAME = 3
BAD = re.compile(r"filtering device|failure during|runner crashed|CUDA error|\bSIG[A-Z]{2,}")


def tokens_of(answer):
    """What was generated; its last one, the end of the text, is not in the list."""
    return answer["context"][answer["prompt_eval_count"]:]


def check_found(checks, server, expected):
    line = server.lines("inference compute")[0]
    print(line)
    got = server.found()
    wanted = {"library": "CUDA", "name": "CUDA0", "description": expected["device"],
              "compute": expected["compute"], "driver": expected["driver"].split()[-1],
              "pci_id": expected["pci"], "type": "discrete",
              "total": f"{float(expected['memory'].split()[0]):.1f} GiB"}
    differs = [f"{key} is '{got.get(key)}', vgpu says '{value}'"
               for key, value in wanted.items() if got.get(key) != value]
    checks.check("checklist 17: discovery", not differs, "; ".join(differs) or
                 f"library={got['library']} pci_id={got['pci_id']} driver={got['driver']}")
    for line in server.lines("GPU bootstrap discovery took"):
        print("       discovery took " + re.search(r"duration=(\S+)", line).group(1))


def check_offload(checks, server):
    layers = server.lines("offloaded ")
    buffers = server.lines("CUDA0 model buffer size")
    bad = [line for line in server.log().splitlines() if BAD.search(line)]
    for line in layers + buffers:
        print(line)
    checks.check("offload", bool(layers) and all("offloaded 31/31 layers" in line
                                                 for line in layers) and buffers and not bad,
                 "; ".join(bad[:3]) or "31/31 layers, the model is in CUDA0's memory")


def check_text(checks, answer, cpu):
    got, wanted = tokens_of(answer), tokens_of(cpu)
    same = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b),
                min(len(got), len(wanted)))
    whole = answer["done"] and (answer["eval_count"] == TOKENS
                                or answer["done_reason"] == "stop")
    rate = answer["eval_count"] / (answer["eval_duration"] / 1e9)
    print(f"       vGPU: {answer['response']!r}, {rate:.1f} tokens a second")
    print(f"       CPU:  {cpu['response']!r}")
    checks.check("text", whole and "Paris" in answer["response"] and same >= SAME,
                 f"{'with' if 'Paris' in answer['response'] else 'without'} Paris; the first "
                 f"{same} of {len(wanted)} tokens are the CPU's")


def check_launches(checks, folder):
    sums, kernels = counted(folder)
    most = sorted(kernels, key=lambda name: -kernels[name])[:3]
    checks.check("launches", sums.get("launches", 0) > 0,
                 f"{sums.get('launches', 0)} launches, {sums.get('warp_instructions', 0)} warp "
                 f"instructions; most of {', '.join(name[:30] for name in most)}")


def look(args, command, **more):
    """Runs one of the programs that look for devices, as Ollama does."""
    lib = os.path.join(args.tree, "lib", "ollama")
    cuda = os.path.join(lib, "cuda_v13")
    # what it needs of its own comes before all; vgpu run puts our folder before that
    env = environment(LD_LIBRARY_PATH=f"{lib}:{cuda}", **more)
    done = subprocess.run([args.vgpu, "run", "--", *command], env=env, timeout=180,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), \
        done.stderr.decode(errors="replace")


def check_probe(checks, args, expected):
    lib = os.path.join(args.tree, "lib", "ollama")
    status, out, err = look(args, [os.path.join(args.tree, "bin", "ollama"), "gpu-discover",
                                   "--lib-dir", lib, "--lib-dir", os.path.join(lib, "cuda_v13")])
    print(out.strip() or err[-500:])
    try:
        found = json.loads(out)["devices"]
        one = found[0]
        good = (status == 0 and len(found) == 1 and one["library"] == "CUDA"
                and one["name"] == "CUDA0" and one["index_matches_backend"]
                and one["device_id"] == expected["pci"]
                and one["description"] == expected["device"]
                and f"{one['compute_major']}.{one.get('compute_minor', 0)}" == expected["compute"]
                and f"{one['cuda_driver_major']}.{one['cuda_driver_minor']}"
                == expected["driver"].split()[-1]
                and one["nvidia_driver_major"] >= 550 and one["total_memory"] > 0)
        seen = f"one device, driver {one['nvidia_driver_major']}, {one['device_id']}"
    except (ValueError, KeyError, IndexError) as error:
        good, seen = False, f"status {status}, {error!r}"
    checks.check("checklist 14: ollama gpu-discover", good, seen)


def check_list(checks, args, expected):
    lib = os.path.join(args.tree, "lib", "ollama")
    status, out, err = look(args, [os.path.join(lib, "llama-server"), "--list-devices",
                                   "--offline", "--verbose"],
                            GGML_BACKEND_PATH=os.path.join(lib, "cuda_v13", "libggml-cuda.so"))
    line = re.search(r"^ *(CUDA0: (.*) \((\d+) MiB, (\d+) MiB free\))$", out, re.MULTILINE)
    good = (status == 0 and line and line.group(2) == expected["device"]
            and int(line.group(3)) >= int(line.group(4)) > 0)
    checks.check("checklist 14: llama-server --list-devices", good,
                 line.group(1) if line else (out + err)[-500:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("tree", "model", "vgpu"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    args.vgpu = os.path.abspath(args.vgpu)
    program = os.path.join(args.tree, "bin", "ollama")
    expected = device(f"{args.vgpu} run --")
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        with Ollama(program, os.path.join(folder, "cpu"), CUDA_VISIBLE_DEVICES="-1") as server:
            server.create(args.model)
            cpu = server.generate(PROMPT, TOKENS)
            found = server.found()
        checks.check("the same tree without a GPU", found["library"] == "cpu",
                     f"library={found['library']}, {cpu['response']!r}")
        with Ollama(program, os.path.join(folder, "gpu"), f"{args.vgpu} run --") as server:
            check_found(checks, server, expected)
            server.create(args.model)
            answer = server.generate(PROMPT, TOKENS)
            check_offload(checks, server)
            used = server.ask("/api/ps")["models"][0]
            print(f"       /api/ps: size {used['size']}, size_vram {used['size_vram']}")
        check_text(checks, answer, cpu)
        check_launches(checks, os.path.join(folder, "gpu"))
    check_probe(checks, args, expected)
    check_list(checks, args, expected)
    return checks.end()


sys.exit(main())
