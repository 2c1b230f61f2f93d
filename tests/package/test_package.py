#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package in a scratch root: installed, used, removed and purged by dpkg itself.

    test_package.py FILE.deb      ends with `N passed, N failed`
"""
import hashlib
import os
import subprocess
import sys
import tempfile

DEB = os.path.abspath(sys.argv[1])
LIBRARIES = "usr/lib/x86_64-linux-gnu"
results = {True: 0, False: 0}


def check(what, good, shown=None):
    results[bool(good)] += 1
    print(("ok      " if good else "FAILED  ") + what + ("" if good else f": {shown}"), flush=True)


def picture(root):
    """Every entry but dpkg's own tables, with mode and content."""
    out = {}
    for top, folders, files in os.walk(root):
        if top == os.path.join(root, "var/lib"):
            folders[:] = [name for name in folders if name != "dpkg"]
        for name in folders + files:
            path = os.path.join(top, name)
            what = os.readlink(path) if os.path.islink(path) else ""
            if not what and os.path.isfile(path):
                with open(path, "rb") as file:
                    what = hashlib.sha256(file.read()).hexdigest()
            out[os.path.relpath(path, root)] = (os.lstat(path).st_mode, what)
    return out


def run(*command, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VGPU_", "LD_"))}
    return subprocess.run(command, env=dict(env, **more), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)


def dpkg(root, *arguments):
    # the libraries it depends on are this machine's; the scratch root has none
    done = run("dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends",
               "--force-not-root", "--log=/dev/null", *arguments)
    check("dpkg " + " ".join(os.path.basename(each) for each in arguments),
          done.returncode == 0, done.stdout)
    return done.stdout


def use(root, accounts):
    vgpu = os.path.join(root, "usr/bin/vgpu")
    soft = {"VGPU_ENDPOINT": "soft", "VGPU_ACCOUNTS": accounts}
    done = run(vgpu, "version")
    check("vgpu version", done.returncode == 0 and done.stdout.startswith("vgpu "), done.stdout)
    done = run(vgpu, "info", **soft)
    check("vgpu info: the device", done.returncode == 0 and "vGPU software" in done.stdout,
          done.stdout)
    done = run(vgpu, "run", "--", vgpu, "doctor", **soft)
    check("vgpu doctor under vgpu run", done.returncode == 0, done.stdout)
    done = run(vgpu, "status", "--root", root)
    check("nothing of ours is where the loader looks", done.returncode == 1 and
          not os.path.lexists(os.path.join(root, LIBRARIES, "libcuda.so.1")), done.stdout)
    done = run(vgpu, "install", "--root", root)
    check("vgpu install refuses beside another driver", done.returncode != 0 and
          "libcuda.so.999" in done.stdout, done.stdout)
    done = run(vgpu, "install", "--divert", "--root", root)
    check("vgpu install --divert", done.returncode == 0 and
          os.path.realpath(os.path.join(root, LIBRARIES, "libcuda.so.1")).endswith("so.0.1.0"),
          done.stdout)
    done = run(vgpu, "status", "--root", root)
    check("vgpu status: whole", done.returncode == 0, done.stdout)


def main():
    with tempfile.TemporaryDirectory() as home:
        root, accounts = os.path.join(home, "root"), os.path.join(home, "accounts")
        os.mkdir(accounts)
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers",
                       LIBRARIES, "usr/bin", "usr/sbin", "usr/share/doc", "usr/share/man", "etc"):
            os.makedirs(os.path.join(root, folder))
        for name in ("status", "available"):
            with open(os.path.join(root, "var/lib/dpkg", name), "w", encoding="utf-8"):
                pass
        # somebody else's file in each shared folder, as on every machine: dpkg drops empty ones
        for folder in (LIBRARIES, "usr/bin", "usr/sbin", "usr/share/doc", "usr/share/man", "etc"):
            with open(os.path.join(root, folder, "other"), "w", encoding="utf-8") as file:
                file.write(folder)
        with open(os.path.join(root, LIBRARIES, "libcuda.so.999"), "w", encoding="utf-8") as file:
            file.write("another driver's")
        before = picture(root)
        dpkg(root, "--install", DEB)
        packaged = picture(root)
        use(root, accounts)
        dpkg(root, "--verify", "vgpu")
        text = dpkg(root, "--install", DEB)
        check("an upgrade says that the installed libraries are the former",
              "'vgpu install' replaces them" in text, text)
        dpkg(root, "--remove", "vgpu")
        dpkg(root, "--purge", "vgpu")
        left = sorted(each for each in set(before) | set(picture(root))
                      if before.get(each) != picture(root).get(each))
        check(f"{len(packaged) - len(before)} entries of the package, none left", left == [], left)
    print(f"{results[True]} passed, {results[False]} failed")
    return 1 if results[False] else 0


sys.exit(main())
