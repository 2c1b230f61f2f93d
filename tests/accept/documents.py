#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every folder of src/ says what it is, in 30 lines at most; no document points nowhere.

    documents.py SOURCE_FOLDER
"""
import os
import re
import sys

os.chdir(sys.argv[1])
bad = []
for name in sorted(os.listdir("src")):
    path = os.path.join("src", name, "README.md")
    if not os.path.isdir(os.path.join("src", name)):
        continue
    if not os.path.exists(path):
        bad.append(f"{path}: missing")
        continue
    with open(path, encoding="utf-8") as file:
        lines = len(file.readlines())
    if lines > 30:
        bad.append(f"{path}: {lines} lines, 30 at most")

pages = [name for name in os.listdir(".") if name.endswith(".md")]
for folder in ("docs", "src", "tests"):
    for top, _, names in os.walk(folder):
        pages += [os.path.join(top, name) for name in names if name.endswith(".md")]
for page in sorted(pages):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target and not os.path.exists(
                os.path.join(os.path.dirname(page), target)):
            bad.append(f"{page}: {target} is not there")

print("\n".join(bad) if bad else "PASS")
sys.exit(1 if bad else 0)
