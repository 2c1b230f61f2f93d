#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vgpu doctor --ollama` beside the real thing, whole and broken.

    doctor.py --tree FOLDER --model FILE --vgpu PROGRAM [--ollama1 PROGRAM]

A root of its own gets our libraries by `vgpu install`, the real Ollama, and what those need of
the system. Whole, doctor must be content. Then one thing after another is broken, and
doctor must name it; Ollama, started in the same state, must fall back to the CPU, so
that what doctor says is true. Last, doctor looks at processes that run.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from server import Checks, Ollama, environment

SYSTEM = os.path.join("usr", "lib", "x86_64-linux-gnu")
PLACE = os.path.join("usr", "local")


def doctor(args, *words, **more):
    done = subprocess.run([args.vgpu, "doctor", "--ollama", "--json", *words],
                          env=environment(**more), stdin=subprocess.DEVNULL, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    answer = json.loads(done.stdout)
    answer["exit"] = done.returncode
    return answer


def complaints(answer):
    return [f["text"] for f in answer["findings"] if f["state"] != "ok"]


def says(answer, check, pattern):
    return next((f["text"] for f in answer["findings"]
                 if f["check"] == check and re.search(pattern, f["text"])), None)


def make_root(args, root):
    os.makedirs(os.path.join(root, PLACE))
    subprocess.run([args.vgpu, "install", "--root", root], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, env=environment(), timeout=120, check=True)
    for part in ("bin", "lib"):
        shutil.copytree(os.path.join(args.tree, part), os.path.join(root, PLACE, part),
                        symlinks=True, copy_function=os.link)
    lib = os.path.join(root, PLACE, "lib", "ollama")
    needed = set()
    for name in ("llama-server", os.path.join("cuda_v13", "libggml-cuda.so"),
                 os.path.join("cuda_v13", "libcublasLt.so.13")):
        out = subprocess.run(["ldd", os.path.join(lib, name)], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=False).stdout.decode()
        needed.update(path for path in re.findall(r"(/\S+) \(0x", out)
                      if not path.startswith(root))
    for path in needed:
        shutil.copy(path, os.path.join(root, SYSTEM, os.path.basename(path)))
    return lib


def found(args, root, folder, **more):
    """What Ollama in @root finds; `vgpu run` stands for the loader's folders."""
    with Ollama(os.path.join(root, PLACE, "bin", "ollama"), folder,
                f"{args.vgpu} run --", **more) as server:
        return server.found()["library"]


def check_broken(checks, args, root, name, pattern, check="backends", **more):
    """One state: doctor's line for it, and what Ollama makes of it."""
    answer = doctor(args, "--root", root, **more)
    line = says(answer, check, pattern)
    with tempfile.TemporaryDirectory() as folder:
        library = found(args, root, folder, **more)
    checks.check(f"{name}: doctor names it, Ollama takes the CPU",
                 line and line in complaints(answer) and answer["exit"] == 1
                 and library == "cpu",
                 f"library={library}; " + (line or f"said {complaints(answer)}"))


def replace(root, path, other=None):
    """Takes @path away, or puts a link to @other's file there; undone by what it returns."""
    # not into its own folder, where Ollama would take it by any such name
    kept = os.path.join(root, "kept")
    os.rename(path, kept)
    if other is not None:
        os.link(other, path)

    def undo():
        os.replace(kept, path)
    return undo


def check_states(checks, args, root, lib):
    answer = doctor(args, "--root", root)
    checks.check("whole: doctor is content", answer["exit"] == 0 and not complaints(answer)
                 and says(answer, "backends", "finds all libraries, symbols and versions"),
                 complaints(answer) or f"{len(answer['findings'])} lines, all ok")
    checks.check("whole: it is generation 3", says(answer, "program", "generation 3"),
                 says(answer, "program", ""))
    cuda = os.path.join(lib, "cuda_v13")
    backend = os.path.join(cuda, "libggml-cuda.so")
    for name, path, other, pattern in (
            ("cuBLAS is gone", os.path.join(cuda, "libcublas.so.13"), None,
             r"needs libcublas\.so\.13, which the loader does not find"),
            ("another library under the runtime's name", os.path.join(cuda, "libcudart.so.13"),
             os.path.join(lib, "libggml-base.so"),
             r"needs the symbol version libcudart\.so\.13, which"),
            ("the CUDA library is gone", backend, None, "has no CUDA library")):
        undo = replace(root, path, other)
        check_broken(checks, args, root, name, pattern)
        undo()
    check_broken(checks, args, root, "a compute capability that is not compiled in",
                 "capability 8.7 is not in the list", VGPU_SOFT_CC="8.7")
    check_broken(checks, args, root, "OLLAMA_LLM_LIBRARY names no folder",
                 "OLLAMA_LLM_LIBRARY=cuda names no folder", check="llm-library",
                 OLLAMA_LLM_LIBRARY="cuda")
    check_broken(checks, args, root, "the devices are hidden", "CUDA_VISIBLE_DEVICES=-1",
                 check="visible", CUDA_VISIBLE_DEVICES="-1")



def named(pid, name):
    """The first process under @pid whose program has this name; Go starts from any thread."""
    for other in os.listdir("/proc"):
        try:
            with open(f"/proc/{other}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            if parent == pid and os.path.basename(os.readlink(f"/proc/{other}/exe")) == name:
                return int(other)
        except (OSError, ValueError, IndexError):
            continue
    return None


def check_processes(checks, args, folder):
    with Ollama(os.path.join(args.tree, "bin", "ollama"), folder,
                f"{args.vgpu} run --") as server:
        server.create(args.model)
        server.generate("Hello", 1)
        serve = named(server.process.pid, "ollama")
        runner = named(serve, "llama-server")
        answer = doctor(args, "--pid", str(serve))
        checks.check("running: 'ollama serve' is said to be the wrong process to look at",
                     complaints(answer) == [says(answer, "maps", "this is the wrong process")],
                     complaints(answer))
        answer = doctor(args, "--pid", str(runner))
        line = says(answer, "maps", r"has mapped '.*libcuda\.so.*' .* connected to a worker")
        checks.check("running: its llama-server has mapped libcuda and calls it", line,
                     line or complaints(answer))


def check_generation1(checks, args, folder):
    root = os.path.join(folder, "root1")
    os.makedirs(os.path.join(root, PLACE, "bin"))
    os.link(args.ollama1, os.path.join(root, PLACE, "bin", "ollama"))
    subprocess.run([args.vgpu, "install", "--root", root], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, env=environment(), timeout=120, check=True)
    answer = doctor(args, "--root", root)
    checks.check("generation 1 is known, and that it lacks its CUDA libraries",
                 says(answer, "program", r"generation 1 \(up to 0\.12\.3\)")
                 and says(answer, "backends", "there is no lib/ollama beside")
                 and len(complaints(answer)) == 1, complaints(answer))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("tree", "model", "vgpu"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--ollama1")
    args = parser.parse_args()
    args.tree, args.vgpu = os.path.realpath(args.tree), os.path.abspath(args.vgpu)
    checks = Checks()
    # beside the tree, so that 0.8 GB need not be copied
    with tempfile.TemporaryDirectory(dir=os.path.dirname(args.tree), prefix=".doctor-") as folder:
        root = os.path.join(folder, "root")
        check_states(checks, args, root, make_root(args, root))
        check_processes(checks, args, os.path.join(folder, "run"))
        if args.ollama1 and os.path.exists(args.ollama1):
            check_generation1(checks, args, folder)
    return checks.end()


sys.exit(main())
