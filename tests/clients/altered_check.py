#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client's check must fail when one instruction that runs is wrong.

    altered_check.py -- COMMAND...      a check on the vGPU that exits 0, or 3 when results differ

Three kinds of runs, through the software GPU's test mode (src/soft/alter.h): the untouched
one passes and lists the fma instructions of the kernels that were used; with one of them
made a trap the client fails, which shows that it is executed; with that one made an add the
check must say 3. Most launched kernels come first.
"""
import os
import re
import subprocess
import sys
import tempfile

CANDIDATES = 8
DIFFERS = 3
LISTED = re.compile(r"alter: fma (\S+):(\d+)")


def run(command, mode, folder):
    """Return: exit status, output, log, launches by kernel."""
    log, counters = os.path.join(folder, "log"), os.path.join(folder, "counters")
    for path in (log, counters):
        if os.path.exists(path):
            os.remove(path)
    environment = dict(os.environ, VGPU_SOFT_TEST_ALTER=mode, VGPU_LOG="info",
                       VGPU_LOG_FILE=log, VGPU_SOFT_STATS=counters)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text, launches = "", {}
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
    if os.path.exists(counters):
        with open(counters, encoding="utf-8") as file:
            for line in file:
                word = line.rstrip("\n").split("\t")
                if word[0] == "kernel":
                    launches[word[1]] = int(word[2])
    return done.returncode, done.stdout.decode(errors="replace"), text, launches


def candidates(log, launches):
    """One fma of each kernel, in the middle of its text; most launched kernels first."""
    lines = {}
    for entry, line in LISTED.findall(log):
        lines.setdefault(entry, set()).add(int(line))
    middle = {entry: sorted(found)[len(found) // 2] for entry, found in lines.items()}
    order = sorted(middle, key=lambda entry: -launches.get(entry, 0))
    return [f"{entry}:{middle[entry]}" for entry in order if launches.get(entry, 0) > 0]


def main():
    command = sys.argv[sys.argv.index("--") + 1:]
    with tempfile.TemporaryDirectory() as folder:
        status, output, log, launches = run(command, "list", folder)
        if status != 0:
            print(output[-3000:])
            print(f"the untouched run ended with {status}")
            return 1
        for place in candidates(log, launches)[:CANDIDATES]:
            status, output, log, _ = run(command, f"trap:{place}", folder)
            if f"alter: spoilt {place}" not in log or status in (0, DIFFERS):
                print(f"{place} is not executed")
                continue
            status, output, log, _ = run(command, f"add:{place}", folder)
            print(output[-500:])
            print(f"fma at {place} is executed; as an add the check ends with {status}, "
                  f"{DIFFERS} is right")
            return 0 if status == DIFFERS else 1
    print("no fma that is executed was found")
    return 1


sys.exit(main())
