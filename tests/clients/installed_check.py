#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stock monitors and node-llama-cpp on a machine where `vgpu install` was run for real.

    installed_check.py --build BUILD --tools FOLDER --node NODE --modules FOLDER --model FILE
                       --libraries FOLDER:... [--nvtop PROGRAM]

The machine is this one behind a layer: /usr, /etc and /var are overlays in a mount namespace of
our own, so nothing real changes. The programs get no LD_* and no VGPU_* variable: what they find
they find by the loader's cache. After `vgpu uninstall` everything that the layer holds must equal
what lies below it. Ends with `N passed, N failed`; status 77 where namespaces are not to be had.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

from nvml_tools import on_terminal

MIB = 1 << 20
SIZE = 300 * MIB
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
LAYERED = ("usr", "etc", "var")
# the loader's own scratch: inode numbers and times, which no program reads
SCRATCH = {"var/cache/ldconfig", "var/cache/ldconfig/aux-cache"}
ASK = """
import json, pynvml as p
p.nvmlInit()
h = p.nvmlDeviceGetHandleByIndex(0)
m = p.nvmlDeviceGetMemoryInfo(h)
print(json.dumps({"name": p.nvmlDeviceGetName(h), "total": m.total, "used": m.used,
    "processes": {q.pid: q.usedGpuMemory for q in p.nvmlDeviceGetComputeRunningProcesses(h)}}))
"""
NVITOP = """
import json, nvitop
d = nvitop.Device(0)
print(json.dumps([d.name(), d.memory_total(), d.memory_used(), list(d.processes())]))
"""
results = {True: 0, False: 0}


def check(what, good, shown=None):
    results[bool(good)] += 1
    print(("ok      " if good else "FAILED  ") + what + ("" if good else f": {shown}"), flush=True)
    return bool(good)


def bare(**more):
    """The environment of a user who has set nothing."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("LD_", "VGPU_", "CUDA", "NVIDIA_", "XDG_"))}
    return {**env, "HOME": "/nonexistent", "TERM": "dumb", "COLUMNS": "120", **more}


def run(*command, **more):
    return subprocess.run(command, env=bare(**more), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)


def as_json(what, *command):
    done = run(*command)
    if not check(f"{what} runs", done.returncode == 0, done.stdout):
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


# --- the machine

def layer(folder):
    """Puts a writable layer over the machine's folders, and what is below it into
    FOLDER/below. Return: did it work, and why not."""
    done = run("mount", "-t", "tmpfs", "-o", "mode=755", "vgpu-layer", folder)
    for name in LAYERED:
        upper, work, real = (os.path.join(folder, kind, name)
                             for kind in ("upper", "work", "below"))
        if done.returncode == 0:
            for each in (upper, work, real):
                os.makedirs(each)
            done = run("mount", "--bind", f"/{name}", real)
        if done.returncode == 0:
            done = run("mount", "-t", "overlay", "vgpu-layer", "-o",
                       f"lowerdir=/{name},upperdir={upper},workdir={work}", f"/{name}")
    if done.returncode == 0 and not os.access(LIBRARIES, os.W_OK):
        return False, f"{LIBRARIES} belongs to a user that this namespace does not have"
    if done.returncode == 0:  # accounts of our own
        done = run("mount", "-t", "tmpfs", "-o", "mode=1777", "vgpu-shm", "/dev/shm")
    return done.returncode == 0, done.stdout.strip()


def put_runtime(folders):
    """CUDA's runtime libraries, where a distribution's packages put them."""
    for folder in folders.split(":"):
        for name in os.listdir(folder):
            if re.fullmatch(r"lib(cudart|cublas|cublasLt)\.so\.\d+", name):
                os.symlink(os.path.join(folder, name), os.path.join(LIBRARIES, name))


def hides_below(path):
    """A folder that was removed and made again covers the one below it."""
    names = [n for n in os.listxattr(path, follow_symlinks=False) if n.endswith("overlay.opaque")]
    return any(os.getxattr(path, name, follow_symlinks=False) == b"y" for name in names)


def entry_of(path):
    """Kind, mode, owner, and content or target; None where nothing is."""
    if not os.path.lexists(path):
        return None
    info, what = os.lstat(path), ""
    if stat.S_ISLNK(info.st_mode):
        what = os.readlink(path)
    elif stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            what = hashlib.sha256(file.read()).hexdigest()
    elif hides_below(path):
        what = "hides what was there"
    return (info.st_mode, info.st_uid, info.st_gid, what)


def picture(upper):
    """Each entry of the layer. What lies below the layer cannot have changed."""
    return {os.path.relpath(os.path.join(top, name), upper): entry_of(os.path.join(top, name))
            for top, folders, files in os.walk(upper) for name in folders + files}


def below(entry, folder):
    """The entry as it is without the layer; the folder holds bind mounts of that."""
    return entry_of(os.path.join(folder, "below", entry))


def differences(before, after, folder):
    """Entries whose seen state is not as before; a folder or file that was only copied up is
    compared with the one below it."""
    return sorted(entry for entry in set(before) | set(after) if entry not in SCRATCH and
                  before.get(entry, below(entry, folder)) !=
                  after.get(entry, below(entry, folder)))


# --- the programs

def ask(process, text):
    process.stdin.write(text + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def start_client():
    test = os.path.join(HERE, "..", "nvml", "test_nvml.py")
    process = subprocess.Popen([sys.executable, test, "client", "libcuda.so.1"], env=bare(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    return process


def check_monitors(tools, nvtop, pid, name):
    """Return: bytes in use, as all of them say."""
    python = os.path.join(tools, "python3")
    got = as_json("nvidia-ml-py", python, "-c", ASK)
    if got is None:
        return 0
    used = got["used"]
    check("nvidia-ml-py: the device is CUDA's", got["name"] == name, got)
    check("nvidia-ml-py: the other process's allocation shows",
          got["processes"].get(str(pid), 0) >= SIZE and used == sum(got["processes"].values()), got)
    gpustat = as_json("gpustat", "sh", "-c", '"$0" --json | tr -d "\\n"',
                      os.path.join(tools, "gpustat"))
    gpu = gpustat["gpus"][0] if gpustat else {}
    check("gpustat: the same figures",
          (gpu.get("name"), gpu.get("memory.used"), gpu.get("memory.total")) ==
          (name, used // MIB, got["total"] // MIB) and
          [p["pid"] for p in gpu.get("processes") or []] == [pid], gpu)
    done = run("/usr/bin/vgpu", "smi", "--query-gpu=name,memory.used,memory.total",
               "--format=csv,noheader,nounits")
    check("vgpu smi: the same figures", done.returncode == 0 and done.stdout.strip() ==
          f"{name}, {used // MIB}, {got['total'] // MIB}", done.stdout)
    seen = as_json("nvitop's library", python, "-c", NVITOP)
    check("nvitop: the same figures", seen == [name, got["total"], used, [pid]], seen)
    done = run(os.path.join(tools, "nvitop"), "--once", "--ascii")
    check("nvitop shows the process", done.returncode == 0 and str(pid) in done.stdout, done.stdout)
    if nvtop is None:
        print("left out: nvtop is not installed (Debian has it in contrib)")
    else:
        text = on_terminal(nvtop, bare(TERM="xterm", LINES="40", COLUMNS="150"), f"{used // MIB}MiB")
        check("nvtop: the same figures", name in text and f"{used // MIB}MiB" in text, text)
    return used


def check_absence(tools, when):
    """Nothing of ours, nor another driver, is found: the monitors say so."""
    done = run(os.path.join(tools, "python3"), "-c", ASK)
    check(f"{when}: nvidia-ml-py finds no library", done.returncode != 0 and
          "NVMLError_LibraryNotFound" in done.stdout, done.stdout)
    done = run(os.path.join(tools, "gpustat"))
    check(f"{when}: gpustat fails", done.returncode != 0, done.stdout)


def check_auto(arguments, others):
    """node-llama-cpp chooses by itself, with a client beside it that holds @others bytes."""
    errors = tempfile.TemporaryFile("w+")
    node = subprocess.Popen([arguments.node, os.path.join(HERE, "installed_auto.mjs"),
                             arguments.model], env=bare(NODE_LLAMA=arguments.modules),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    line = node.stdout.readline()
    while line and not line.startswith("{"):
        line = node.stdout.readline()
    if not check("node-llama-cpp, gpu auto: runs", line, open_text(errors)):
        node.wait()
        return
    got = json.loads(line)
    print(f"        {line.strip()}")
    check("gpu auto: chose CUDA", got["gpu"] == "cuda", got)
    check("gpu auto: all layers on it, and a token", got["layers"] > 0 and got["token"] is not None,
          got)
    nvml = as_json("nvidia-ml-py beside it",
                   os.path.join(arguments.tools, "python3"), "-c", ASK)
    if nvml:
        print(f"        NVML: {nvml}")
        check("gpu auto: NVML's device and figures", got["names"] == [nvml["name"]] and
              (got["total"], got["used"]) == (nvml["total"], nvml["used"]), (got, nvml))
        check("gpu auto: both processes are in it", nvml["used"] > others and
              str(node.pid) in nvml["processes"] and len(nvml["processes"]) == 2, nvml)
    node.stdin.close()
    check("gpu auto: ends well", node.wait(timeout=120) == 0, open_text(errors))


def open_text(file):
    file.seek(0)
    return file.read()


def inside(arguments, folder):
    vgpu = os.path.join(os.path.abspath(arguments.build), "vgpu")
    put_runtime(arguments.libraries)
    run("ldconfig")
    upper = os.path.join(folder, "upper")
    before = picture(upper)
    check_absence(arguments.tools, "before")
    done = run(vgpu, "install")
    check("vgpu install", done.returncode == 0, done.stdout)
    installed = differences(before, picture(upper), folder)
    check("the layer holds the libraries", "usr/lib/x86_64-linux-gnu/libcuda.so.1" in installed,
          installed)
    done = run("/usr/bin/vgpu", "status")
    check("vgpu status: installed and whole", done.returncode == 0, done.stdout)
    client = start_client()
    name = ask(client, "facts").split("|")[0]
    check("a client has its memory", ask(client, f"alloc {SIZE}") == "0")
    used = check_monitors(arguments.tools, arguments.nvtop, client.pid, name)
    check_auto(arguments, used)
    client.kill()
    client.communicate()
    done = run("/usr/bin/vgpu", "uninstall")
    check("vgpu uninstall", done.returncode == 0, done.stdout)
    check_absence(arguments.tools, "after")
    left = differences(before, picture(upper), folder)
    check(f"{len(installed)} entries changed by install, none after uninstall", left == [], left)


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "tools", "node", "modules", "model", "libraries"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--nvtop", default=shutil.which("nvtop"))
    parser.add_argument("--inside", help="of our own making: we are in the namespace")
    arguments = parser.parse_args()
    if arguments.inside is None:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # outside the layer
            unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
            if shutil.which("unshare") is None or run(*unshare, "true").returncode != 0:
                print("mount namespaces are not permitted here")
                return 77
            return subprocess.call([*unshare, sys.executable, os.path.abspath(__file__),
                                    *sys.argv[1:], "--inside", folder])
    good, why = layer(arguments.inside)
    if not good:
        print(f"no writable layer over this machine: {why}")
        return 77
    if "libcuda.so.1 " in run("ldconfig", "-p").stdout:
        print("another driver is installed on this machine")
        return 77
    inside(arguments, arguments.inside)
    print(f"{results[True]} passed, {results[False]} failed")
    return 1 if results[False] else 0


sys.exit(main())
