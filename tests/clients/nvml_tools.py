#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stock monitors on our NVML: nvidia-ml-py, gpustat, nvitop and nvtop, unmodified.

    nvml_tools.py --build BUILD --tools FOLDER [--nvtop PROGRAM]
        FOLDER has their programs and a python; nvtop is Debian's (contrib), asked when it is here

A CUDA client holds memory meanwhile; each monitor must name the device as CUDA does, show the
client's process, and the same figure. After kill -9 of the client all of them show the start
value. Without an endpoint they say what they say without a driver. Ends with `N passed, N failed`.
"""
import argparse
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
SIZE = 300 * MIB
# prints what the bindings give, as JSON
ASK = """
import json, pynvml as p
p.nvmlInit()
h = p.nvmlDeviceGetHandleByIndex(0)
m, m2 = p.nvmlDeviceGetMemoryInfo(h), p.nvmlDeviceGetMemoryInfo(h, p.nvmlMemory_v2)
def refused(call, *arguments):
    try:
        call(*arguments)
    except p.NVMLError as error:
        return error.value
    return 0
print(json.dumps({
    "count": p.nvmlDeviceGetCount(), "name": p.nvmlDeviceGetName(h),
    "uuid": p.nvmlDeviceGetUUID(h), "pci": p.nvmlDeviceGetPciInfo(h).busId,
    "driver": p.nvmlSystemGetDriverVersion(), "cuda": p.nvmlSystemGetCudaDriverVersion(),
    "memory": [m.total, m.used, m.free],
    "memory2": [m2.total, m2.used, m2.free, m2.reserved],
    "processes": {q.pid: q.usedGpuMemory for q in p.nvmlDeviceGetComputeRunningProcesses(h)},
    "detail": len(p.nvmlDeviceGetRunningProcessDetailList(h, p.nvmlProcessDetailList_v1, 0)),
    "utilization": p.nvmlDeviceGetUtilizationRates(h).gpu,
    "refused": [refused(p.nvmlDeviceGetTemperatureV, h, 0), refused(p.nvmlDeviceGetFanSpeed, h),
                refused(p.nvmlDeviceGetPowerUsage, h), refused(p.nvmlDeviceGetTotalEccErrors, h, 0, 0)],
}))
p.nvmlShutdown()
"""
# the same figures as nvitop's library sees them
NVITOP = """
import json, nvitop
d = nvitop.Device(0)
print(json.dumps({"name": d.name(), "uuid": d.uuid(), "used": d.memory_used(),
                  "total": d.memory_total(), "processes": list(d.processes())}))
"""
results = {True: 0, False: 0}


def check(what, good, shown=None):
    results[bool(good)] += 1
    print(("ok      " if good else "FAILED  ") + what + ("" if good else f": {shown}"), flush=True)


class Tools:
    def __init__(self, build, folder, accounts):
        self.folder, self.lib = folder, os.path.join(build, "lib")
        self.env = dict(os.environ, LD_LIBRARY_PATH=self.lib, VGPU_ENDPOINT="soft",
                        VGPU_ACCOUNTS=accounts, VGPU_SOFT_MEMORY="2G", TERM="dumb", COLUMNS="120")

    def run(self, program, *arguments, **more):
        env = {k: v for k, v in dict(self.env, **more).items() if v is not None}
        return subprocess.run([os.path.join(self.folder, program), *arguments], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, check=False)

    def bindings(self):
        done = self.run("python3", "-c", ASK)
        check("nvidia-ml-py runs", done.returncode == 0, done.stdout)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def client(self):
        test = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "nvml",
                            "test_nvml.py")
        process = subprocess.Popen(
            [sys.executable, test, "client", os.path.join(self.lib, "libcuda.so.1")],
            env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        return process


def ask(process, text):
    process.stdin.write(text + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def check_bindings(tools, pid, facts):
    """What nvidia-ml-py says, held against CUDA's own words. Return: bytes in use."""
    name, bus, uuid, total, version = facts.split("|")
    got = tools.bindings()
    if got is None:
        return 0
    check("one device, named as by CUDA", (got["count"], got["name"]) == (1, name), got)
    check("uuid and PCI address", (got["uuid"], got["pci"]) == (uuid, "0000" + bus), got)
    check("driver and CUDA version", got["cuda"] == int(version) and
          re.fullmatch(r"6\d\d\.\d+(\.\d+)?", got["driver"]), got)
    all_of_it, used, free = got["memory"]
    check("memory adds up", used + free == all_of_it == int(total), got)
    check("memory, second form", got["memory2"] == [all_of_it, used, free, 0], got)
    check("the client's process", got["processes"].get(str(pid), 0) >= SIZE, got)
    check("and no other", used == sum(got["processes"].values()) and got["detail"] == 1, got)
    check("no sensor is invented", set(got["refused"]) == {3}, got)
    return used


def check_gpustat(tools, pid, used):
    done = tools.run("gpustat", "--json")
    check("gpustat runs", done.returncode == 0, done.stdout)
    gpu = json.loads(done.stdout)["gpus"][0] if done.returncode == 0 else {}
    check("gpustat: memory", gpu.get("memory.used") == used // MIB, gpu)
    check("gpustat: process", [p["pid"] for p in gpu.get("processes") or []] == [pid], gpu)
    check("gpustat: unknown stays unknown", gpu.get("temperature.gpu") is None, gpu)


def check_nvitop(tools, pid, used, name):
    done = tools.run("nvitop", "--once", "--ascii")
    check("nvitop runs", done.returncode == 0, done.stdout)
    check("nvitop: shows the process", str(pid) in done.stdout, done.stdout)
    check("nvitop: shows the memory", f"{used / MIB:.1f}MiB" in done.stdout or
          f"{used // MIB}MiB" in done.stdout, done.stdout)
    done = tools.run("python3", "-c", NVITOP)
    got = json.loads(done.stdout) if done.returncode == 0 else {}
    check("nvitop's library: the same figures",
          (got.get("name"), got.get("used"), got.get("processes")) == (name, used, [pid]),
          done.stdout)


def on_terminal(program, env, until, seconds=20):
    """Runs a program on a terminal until a text is on it, then presses q. Return: what it
    drew, as plain words."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(program, [program], env)
    drawn, end, asked = b"", time.monotonic() + seconds, False
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:  # it has ended
                break
        if until.encode() in drawn and not asked:
            os.write(terminal, b"q")
            asked = True
    try:
        os.kill(child, 9)
    except ProcessLookupError:
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]", b" ", drawn)
    return re.sub(r"[ \t]+", " ", plain.decode("utf-8", "replace"))


def check_nvtop(tools, program, pid, used, name):
    if program is None:
        print("left out: nvtop is not installed (Debian has it in contrib)")
        return
    env = dict(tools.env, TERM="xterm", LINES="40", COLUMNS="150")
    text = on_terminal(program, env, f"{used // MIB}MiB")
    check("nvtop: names the device", f"[{name}]" in text, text)
    check("nvtop: shows the process and its memory",
          re.search(rf"\b{pid}\b.*\b{used // MIB}MiB", text), text)


def check_absence(tools):
    """No endpoint: the tools end as they do on a machine without a driver."""
    empty = tools.env["VGPU_ACCOUNTS"]
    none = dict(VGPU_ENDPOINT=None, HOME=empty, XDG_CONFIG_HOME=empty)
    done = tools.run("gpustat", **none)
    check("gpustat without an endpoint fails", done.returncode == 1 and
          "NVIDIA devices" in done.stdout, done.stdout)
    done = tools.run("nvitop", "-1", **none)
    check("nvitop without an endpoint fails", done.returncode != 0, done.stdout)
    code = ("import pynvml as p\ntry:\n    p.nvmlInit()\nexcept p.NVMLError as e:\n"
            "    print('error', e.value)")
    done = tools.run("python3", "-c", code, **none)
    check("nvidia-ml-py without an endpoint: driver not loaded", done.stdout == "error 9\n",
          done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--nvtop", default=shutil.which("nvtop"))
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    with tempfile.TemporaryDirectory() as accounts:
        tools = Tools(build, arguments.tools, accounts)
        client = tools.client()
        facts = ask(client, "facts")
        check("the client has its memory", ask(client, f"alloc {SIZE}") == "0")
        ask(client, f"fill {SIZE}")
        used = check_bindings(tools, client.pid, facts)
        check_gpustat(tools, client.pid, used)
        check_nvitop(tools, client.pid, used, facts.split("|")[0])
        check_nvtop(tools, arguments.nvtop, client.pid, used, facts.split("|")[0])
        client.kill()
        begin = time.monotonic()
        client.communicate()
        after = tools.bindings()
        check(f"free again {time.monotonic() - begin:.2f} s after kill -9, with the start of a "
              "monitor", after and after["memory"][1] == 0 and after["processes"] == {}, after)
        check_absence(tools)
    print(f"{results[True]} passed, {results[False]} failed")
    return 1 if results[False] else 0


if __name__ == "__main__":
    sys.exit(main())
