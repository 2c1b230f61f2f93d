#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The work happens where we say: in the worker, not in the client.

    where_check.py build

Starts a CUDA program through `vgpu run` and looks at the two processes from outside: the
client maps our libcuda and no software GPU, the worker maps the software GPU, at least 90
percent of the CPU time of the two is the worker's, a stopped worker stalls the client and
a continued one lets it go on. Ends with `N passed, N failed`.
"""
import os
import select
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CLOCK_TICKS_WATCHED = 200
TICKS_BEFORE = 3
STALL_SECONDS = 3.0
DEADLINE = 120.0


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry))
    return found


def processes_named(name):
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.path.basename(os.readlink(f"/proc/{entry}/exe")) == name:
                    found.add(int(entry))
            except OSError:
                continue
    return found


def maps(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        return file.read()


def cpu_time(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


class Client:
    """The program under `vgpu run`, read line by line without blocking for ever."""

    def __init__(self, build):
        self.process = subprocess.Popen(
            [os.path.join(build, "vgpu"), "run", "--", sys.executable,
             os.path.join(HERE, "where_client.py")],
            stdout=subprocess.PIPE)
        self.buffer = b""

    def line(self, seconds):
        """The next line, or None when none came in time."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                raise RuntimeError(f"the client ended with {self.process.wait()}")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def ticks(self, count):
        for _ in range(count):
            if self.line(DEADLINE) is None:
                raise RuntimeError("the client makes no progress")

    def drain(self):
        while self.line(0.3) is not None:
            pass

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def watch(client, before):
    """Yields (name, verdict, detail)."""
    client.ticks(TICKS_BEFORE + 1)
    pid = children(client.process.pid)[0]
    workers = processes_named("vgpu-worker") - before
    yield "one worker for one client", len(workers) == 1, str(workers)
    worker = workers.pop()

    yield "the client maps libcuda", "libcuda.so.1" in maps(pid), ""
    yield "the client maps no software GPU", "libvgpu-soft" not in maps(pid), ""
    yield "the worker maps the software GPU", "libvgpu-soft" in maps(worker), ""

    # the kernel counts in hundredths of a second: watch until there are enough of them
    start = cpu_time(pid), cpu_time(worker)
    client_time = worker_time = 0
    while client_time + worker_time < CLOCK_TICKS_WATCHED:
        client.ticks(1)
        client_time, worker_time = cpu_time(pid) - start[0], cpu_time(worker) - start[1]
    share = worker_time / (client_time + worker_time)
    yield "the worker has 90 percent of the CPU time", share >= 0.9, f"{100 * share:.1f} %"

    os.kill(worker, signal.SIGSTOP)
    client.drain()
    yield "a stopped worker stalls the client", client.line(STALL_SECONDS) is None, ""
    os.kill(worker, signal.SIGCONT)
    yield "a continued worker lets it go on", client.line(DEADLINE) == "tick", ""


def main():
    before = processes_named("vgpu-worker")
    client = Client(sys.argv[1])
    passed = failed = 0
    try:
        for name, good, detail in watch(client, before):
            print(f"{'ok  ' if good else 'FAIL'} {name} {detail}", flush=True)
            passed += good
            failed += not good
    except (RuntimeError, OSError, IndexError, KeyError) as error:
        print(f"FAIL {error}")
        failed += 1
    finally:
        client.end()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
