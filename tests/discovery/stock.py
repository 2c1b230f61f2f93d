#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own runtime finds the device over installed libraries, by index and by UUID.

    stock.py BUILD PROGRAM RUNTIME      RUNTIME as `tools/fetch --shell` names its folder

PROGRAM is tests/clients/open_cudart. Prints PASS, or what differed and exits 1; without the
runtime it is skipped.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
NO_DEVICE = "100 (no CUDA-capable device is detected)"


def runtime(name):
    shell = subprocess.run([os.path.join(ROOT, "tools", "fetch"), "--shell"], text=True,
                           stdout=subprocess.PIPE, check=True, timeout=60).stdout
    found = re.search(rf"^(?:export )?{name}=(.*)$", shell, re.M)
    files = glob.glob(os.path.join(found.group(1).strip("'\""), "libcudart.so*")) if found else []
    if not files:
        print(f"{name} is not fetched: tools/setup clients")
        sys.exit(77)
    return files[0]


def main():
    build, program = (os.path.abspath(path) for path in sys.argv[1:3])
    library = runtime(sys.argv[3])
    wrong = 0
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([os.path.join(build, "vgpu"), "install", "--root", root],
                       stdout=subprocess.DEVNULL, check=True, timeout=60)
        environment = {"PATH": os.environ["PATH"], "VGPU_ENDPOINT": "soft",
                       "LD_LIBRARY_PATH": os.path.join(root, LIBRARIES), "VGPU_ACCOUNTS": "none"}
        info = subprocess.run([os.path.join(root, "usr/bin/vgpu"), "info"], env=environment,
                              stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
        uuid = re.search(r"^uuid:\s+(\S+)$", info, re.M).group(1)
        for visible, finds in ((None, True), ("0", True), (uuid, True), (uuid[:12], True),
                               ("-1", False), ("1", False), ("", False),
                               ("GPU-" + "f" * 8, False)):
            more = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
            done = subprocess.run([program, library], env={**environment, **more}, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                  timeout=60)
            good = (done.returncode == 0 and "PASS" in done.stdout if finds
                    else NO_DEVICE in done.stdout)
            wrong += not good
            print(f"{'ok' if good else 'FAILED'}  CUDA_VISIBLE_DEVICES={visible}: "
                  f"{done.stdout.strip()}")
    print("PASS" if wrong == 0 else f"{wrong} differ")
    sys.exit(wrong != 0)


main()
