#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where kernels are launched and do nothing, the checks of Ollama must fail.

    null_check.py --tree FOLDER --model FILE --vgpu PROGRAM --reference FILE

The software GPU's test mode (src/soft/alter.h) lets each kernel return at once. All that a
driver can say is as before: the device is found, the layers are in its memory, launches are
counted. The answer is what must give it away, and nothing else; and so must the tokens of
forced.py.
"""
import argparse
import os
import re
import subprocess
import sys

from server import Checks

HERE = os.path.dirname(os.path.abspath(__file__))
DIFFERS = 3


def run(script, *arguments):
    done = subprocess.run([sys.executable, os.path.join(HERE, script), *arguments],
                          env=dict(os.environ, VGPU_SOFT_TEST_ALTER="null"), timeout=900,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("tree", "model", "vgpu", "reference"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    same = ["--tree", args.tree, "--model", args.model, "--vgpu", args.vgpu]
    checks = Checks()
    status, out = run("generate.py", *same)
    wrong = re.findall(r"^FAILED (\w+):", out, re.MULTILINE)
    fine = re.findall(r"^ok +(\w+):", out, re.MULTILINE)
    checks.check("generate.py fails, by the text alone",
                 status == 1 and wrong == ["text"] and {"offload", "launches"} <= set(fine),
                 f"failed: {', '.join(wrong) or 'none'}; passed: {', '.join(fine)}; "
                 + " ".join(re.findall(r"vGPU: '.{0,40}", out)))
    status, out = run("forced.py", "check", *same, "--reference", args.reference)
    checks.check("forced.py finds a difference", status == DIFFERS,
                 f"status {status}, {(out.strip().splitlines() or [''])[-1]}")
    if checks.failed:
        print(out[-2000:])
    return checks.end()


sys.exit(main())
