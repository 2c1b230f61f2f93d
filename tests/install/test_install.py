#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vgpu install`, `uninstall` and `status` in scratch roots.

    test_install.py VGPU KILL_AT_SO BUILD_LIB

Small stand-ins take the place of the libraries, but for one test that asks the installed
tree for its device.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

BUILD_LIB = os.path.abspath(sys.argv.pop(3))
KILL_AT = os.path.abspath(sys.argv.pop(2))
VGPU = os.path.abspath(sys.argv.pop(1))
LIBRARIES = "usr/lib/x86_64-linux-gnu"
NAMES = ["libcuda.so.1", "libcuda.so", "libnvidia-ml.so.1", "libnvidia-ml.so"]


def picture(root):
    """Every entry of a tree: kind, mode, and content or target."""
    out = {}
    for top, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(top, name)
            mode = os.lstat(path).st_mode
            if os.path.islink(path):
                what = os.readlink(path)
            elif os.path.isdir(path):
                what = "folder"
            else:
                with open(path, "rb") as file:
                    what = hashlib.sha256(file.read()).hexdigest()
            out[os.path.relpath(path, root)] = (mode, what)
    return out


class Install(unittest.TestCase):
    def setUp(self):
        # in memory where programs may run there: the installer waits for the disk often
        memory = "/dev/shm"
        usable = (os.access(memory, os.W_OK) and
                  not os.statvfs(memory).f_flag & os.ST_NOEXEC)
        self.folder = tempfile.TemporaryDirectory(dir=memory if usable else None)
        home = os.path.realpath(self.folder.name)
        os.chmod(home, 0o755)
        self.stage, self.root = os.path.join(home, "stage"), os.path.join(home, "root")
        os.makedirs(os.path.join(self.stage, "lib"))
        for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libvgpu-soft.so"):
            self.write(os.path.join(self.stage, "lib", name), f"ours {name}")
        self.write(os.path.join(self.stage, "vgpu-worker"), "worker")
        os.chmod(os.path.join(self.stage, "vgpu-worker"), 0o755)
        shutil.copy(VGPU, os.path.join(self.stage, "vgpu"))
        for folder in ("usr/lib/x86_64-linux-gnu", "usr/bin", "etc", "var/lib/dpkg/info",
                       "usr/local/lib/ollama"):
            os.makedirs(os.path.join(self.root, folder))
        self.put("usr/lib/x86_64-linux-gnu/libc.so.6", "libc")
        self.before = picture(self.root)

    def tearDown(self):
        self.folder.cleanup()

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def put(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.write(path, text)
        self.before = picture(self.root)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def vgpu(self, command, *args, expect=0, kill_at=None, **more):
        environment = dict(os.environ)
        if kill_at is not None:
            environment.update(LD_PRELOAD=KILL_AT, KILL_AT=str(kill_at))
        done = subprocess.run([os.path.join(self.stage, "vgpu"), command, "--root",
                               self.root, *args], env=environment, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, **more)
        if expect is not None:
            self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def put_nvidia(self):
        """Libraries as a distribution's packages of the real driver leave them."""
        self.put(f"{LIBRARIES}/libcuda.so.550.163.01", "NVIDIA's libcuda")
        self.put(f"{LIBRARIES}/nvidia/current/libnvidia-ml.so.550.163.01", "NVIDIA's nvml")
        os.symlink("libcuda.so.550.163.01",
                   os.path.join(self.root, LIBRARIES, "libcuda.so.1"))
        os.symlink("/nowhere/libnvidia-ml.so.1",
                   os.path.join(self.root, LIBRARIES, "libnvidia-ml.so.1"))
        self.put("var/lib/dpkg/info/libcuda1:amd64.list",
                 "/.\n/usr/lib/x86_64-linux-gnu/libcuda.so.1\n"
                 "/usr/lib/x86_64-linux-gnu/libcuda.so.550.163.01\n")

    def assert_whole(self):
        for name in NAMES:
            path = os.path.join(self.root, LIBRARIES, name)
            self.assertTrue(os.path.islink(path))
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), "ours " + name.split(".so")[0] + ".so.1")
        self.assertTrue(os.access(os.path.join(self.root, "usr/lib/vgpu/vgpu-worker"),
                                  os.X_OK))
        self.assertEqual(self.vgpu("status").stdout.splitlines()[0],
                         "vgpu 0.1.0 is installed")

    def test_dry_run_prints_and_changes_nothing(self):
        done = self.vgpu("install", "--dry-run", "--nvidia-smi")
        self.assertIn(f"file   {self.root}/{LIBRARIES}/libcuda.so.0.1.0\n", done.stdout)
        self.assertIn(f"link   {self.root}/{LIBRARIES}/libcuda.so -> libcuda.so.1\n",
                      done.stdout)
        self.assertIn(f"file   {self.root}/usr/bin/nvidia-smi\n", done.stdout)
        self.assertEqual(picture(self.root), self.before)

    def test_install_and_uninstall(self):
        self.assertEqual(self.vgpu("status", expect=1).stdout, "vgpu is not installed\n")
        self.vgpu("install")
        self.assert_whole()
        self.assertIn("endpoint = soft\n", self.read("etc/vgpu/client.conf"))
        self.assertEqual(os.listdir(os.path.join(self.root, "usr/local/lib/ollama")), [])
        self.assertFalse(os.path.exists(os.path.join(self.root, "etc/ld.so.preload")))
        self.assertFalse(os.path.exists(os.path.join(self.root, "usr/bin/nvidia-smi")))
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)
        self.assertEqual(self.vgpu("uninstall").stdout, "vgpu: nothing is installed\n")

    def test_checksums_of_the_journal(self):
        for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):
            self.write(os.path.join(self.stage, "lib", "libcuda.so.1"), "x" * size)
            self.vgpu("install")
            files = [line.split("\t") for line in
                     self.read("var/lib/vgpu/install.journal").splitlines()]
            files = [line for line in files if line[0] == "file"]
            self.assertGreater(len(files), 4)
            for _, path, checksum in files:
                with open(self.root + path, "rb") as file:
                    self.assertEqual(checksum,
                                     "file:" + hashlib.sha256(file.read()).hexdigest())

    def test_installing_again_replaces(self):
        self.vgpu("install")
        kept = open(os.path.join(self.root, LIBRARIES, "libcuda.so.1"), encoding="utf-8")
        self.write(os.path.join(self.stage, "lib", "libcuda.so.1"), "newer")
        self.vgpu("install", "--endpoint", "unix:/run/vgpu.sock")
        with kept:  # who has the old file open keeps it
            self.assertEqual(kept.read(), "ours libcuda.so.1")
        self.assertEqual(self.read(f"{LIBRARIES}/libcuda.so"), "newer")
        self.assertIn("endpoint unix:/run/vgpu.sock\n", self.vgpu("status").stdout)
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)

    def test_options(self):
        self.put("etc/systemd/system/ollama.service.d/vgpu.conf", "[Service]\n")
        self.put("etc/vgpu/client.conf", "endpoint = unix:/old\n")
        self.vgpu("install", "--nvidia-smi", "--ollama-dropin", "--cdi", "/etc/cdi/v.json",
                  "--endpoint", "unix:/run/vgpu.sock")
        self.assertIn('Environment="VGPU_ENDPOINT=unix:/run/vgpu.sock"\n',
                      self.read("etc/systemd/system/ollama.service.d/vgpu.conf"))
        self.assertIn("exec '/usr/bin/vgpu' smi", self.read("usr/bin/nvidia-smi"))
        edits = json.loads(self.read("etc/cdi/v.json"))["devices"][0]["containerEdits"]
        self.assertIn("VGPU_ENDPOINT=unix:/run/vgpu.sock", edits["env"])
        self.assertIn("/usr/lib/x86_64-linux-gnu/libcuda.so.1",
                      [mount["containerPath"] for mount in edits["mounts"]])
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)

    def test_existing_configuration_is_kept(self):
        self.put("etc/vgpu/client.conf", "endpoint = unix:/mine\n")
        self.vgpu("install", "--ollama-dropin")
        self.assertEqual(self.read("etc/vgpu/client.conf"), "endpoint = unix:/mine\n")
        self.assertIn("VGPU_ENDPOINT=unix:/mine",
                      self.read("etc/systemd/system/ollama.service.d/vgpu.conf"))

    def test_existing_configuration_that_is_wrong(self):
        self.put("etc/vgpu/client.conf", "endpoint = tcp:1\n")
        self.assertIn("'tcp:1'", self.vgpu("install", expect=1).stderr)
        self.assertEqual(picture(self.root), self.before)
        self.vgpu("install", "--endpoint", "soft")
        self.assertIn("endpoint soft\n", self.vgpu("status").stdout)
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)

    def test_other_prefix(self):
        self.vgpu("install", "--prefix", "/opt/vgpu/")
        self.assertEqual(self.read("opt/vgpu/lib/libcuda.so"), "ours libcuda.so.1")
        self.assertEqual(self.read("opt/vgpu/lib/vgpu/libcuda.so.1"), "ours libcuda.so.1")
        self.assertEqual(self.read("etc/ld.so.conf.d/vgpu.conf"), "/opt/vgpu/lib\n")
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)

    def test_refuses_and_names_the_package(self):
        self.put_nvidia()
        before = picture(self.root)
        done = self.vgpu("install", expect=1)
        self.assertIn("libcuda.so.1' is there already, of the package 'libcuda1'",
                      done.stderr)
        self.assertIn("--divert", done.stderr)
        self.assertEqual(picture(self.root), before)

    def test_refuses_another_nvidia_smi(self):
        self.put("usr/bin/nvidia-smi", "NVIDIA's")
        done = self.vgpu("install", "--nvidia-smi", expect=1)
        self.assertIn("nvidia-smi' is there already, of no package", done.stderr)
        self.assertEqual(picture(self.root), self.before)
        self.vgpu("install", "--nvidia-smi", "--divert")
        self.assertIn("smi", self.read("usr/bin/nvidia-smi"))
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)

    def test_divert_and_restore(self):
        self.put_nvidia()
        before = picture(self.root)
        self.vgpu("install", "--divert")
        self.assert_whole()
        names = os.listdir(os.path.join(self.root, LIBRARIES))
        self.assertNotIn("libcuda.so.550.163.01", names)
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), before)

    def test_damaged_saved_file_is_not_restored(self):
        self.put_nvidia()
        self.vgpu("install", "--divert")
        saved = os.path.join(self.root, "usr/lib/vgpu/saved")
        for name in os.listdir(saved):
            if name.endswith("libcuda.so.550.163.01"):
                self.write(os.path.join(saved, name), "damaged")
        self.assertIn("was changed since it was moved", self.vgpu("uninstall", expect=1).stderr)

    def test_what_was_changed_since_stays(self):
        self.vgpu("install")
        path = os.path.join(self.root, LIBRARIES, "libcuda.so.1")
        os.unlink(path)
        self.write(path, "NVIDIA's")
        done = self.vgpu("status", expect=1)
        self.assertIn(f"changed  {path}\n", done.stdout)
        self.assertIn("was changed since: it stays", self.vgpu("uninstall").stderr)
        self.assertEqual(self.read(f"{LIBRARIES}/libcuda.so.1"), "NVIDIA's")

    def kill_each_step(self, command, *args):
        """Kills at the first, second, ... change until the command gets through."""
        for at in range(1, 500):
            if command == "uninstall":
                self.vgpu("install", *args)
                args_now = ()
            else:
                args_now = args
            done = self.vgpu(command, *args_now, expect=None, kill_at=at)
            if done.returncode == 0:
                return at
            self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
            yield at
        self.fail("it never ends")

    def test_killed_installs_are_rolled_back(self):
        self.put_nvidia()
        before = picture(self.root)
        steps = 0
        for at in self.kill_each_step("install", "--divert"):
            steps = at
            if at % 2:
                self.vgpu("uninstall")
                self.assertEqual(picture(self.root), before, f"killed at {at}")
            # else the next install starts from what is left
        self.assertGreater(steps, 40)
        self.assert_whole()
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), before)

    def test_killed_uninstalls_end_at_the_next_call(self):
        self.put_nvidia()
        before = picture(self.root)
        steps = 0
        for at in self.kill_each_step("uninstall", "--divert"):
            steps = at
            self.vgpu("uninstall")
            self.assertEqual(picture(self.root), before, f"killed at {at}")
        self.assertGreater(steps, 15)
        self.assertEqual(picture(self.root), before)

    def test_line_that_was_cut_off_is_not_believed(self):
        self.vgpu("install")
        journal = os.path.join(self.root, "var/lib/vgpu/install.journal")
        text = self.read("var/lib/vgpu/install.journal").replace("done\n", "")
        self.write(journal, text + "file\t/usr/lib/x86_64-linux-gnu/libc.so.6")
        self.assertIn("interrupted", self.vgpu("status", expect=1).stdout)
        self.vgpu("uninstall")
        self.assertEqual(picture(self.root), self.before)

    def test_wrong_command_lines(self):
        self.vgpu("install", "--endpoint", "tcp:1", expect=2)
        self.vgpu("install", "--prefix", "opt", expect=2)
        self.vgpu("install", "--force", expect=2)
        self.vgpu("uninstall", "--force", expect=2)
        self.assertEqual(picture(self.root), self.before)

    def test_unprivileged(self):
        if os.getuid() != 0:
            self.skipTest("every other test runs without privileges already")
        done = self.vgpu("install", expect=1, user=65534)
        self.assertIn("Permission denied", done.stderr)
        self.assertEqual(picture(self.root), self.before)
        for top, _, _ in os.walk(self.root):
            os.chown(top, 65534, 65534)
        self.vgpu("install", user=65534)
        self.vgpu("uninstall", user=65534)
        self.assertEqual(picture(self.root), self.before)

    def test_installed_tool_sees_the_device(self):
        for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libvgpu-soft.so"):
            shutil.copy(os.path.join(BUILD_LIB, name), os.path.join(self.stage, "lib"))
        shutil.copy(os.path.join(BUILD_LIB, "../vgpu-worker"), self.stage)
        self.vgpu("install")
        shutil.rmtree(self.stage)
        done = subprocess.run([os.path.join(self.root, "usr/bin/vgpu"), "info"], timeout=60,
                              env={"PATH": os.environ["PATH"], "VGPU_ENDPOINT": "soft"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("device:    vGPU software", done.stdout)


class WholeMachine(unittest.TestCase):
    """A small root of its own, entered: the loader's cache, no --root, the doctor."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = os.path.realpath(self.folder.name)
        for folder in ("proc", "dev", "tmp", "etc", "sbin", "opt/vgpu/lib", LIBRARIES, "lib64",
                       "var/lib", "usr/bin"):
            os.makedirs(os.path.join(self.root, folder))
        os.symlink("usr/lib", os.path.join(self.root, "lib"))
        with open(os.path.join(self.root, "etc/ld.so.conf"), "w", encoding="utf-8") as file:
            file.write(f"/{LIBRARIES}\n")
        stage = os.path.join(self.root, "opt/vgpu")
        files = [VGPU, os.path.join(BUILD_LIB, "../vgpu-worker")]
        libraries = [os.path.join(BUILD_LIB, name) for name in
                     ("libcuda.so.1", "libnvidia-ml.so.1", "libvgpu-soft.so")]
        for file in files:
            shutil.copy(file, stage)
        for file in libraries:
            shutil.copy(file, stage + "/lib")
        self.copy_needs(files + libraries)
        shutil.copy("/sbin/ldconfig", os.path.join(self.root, "sbin"))

    def tearDown(self):
        for folder in ("proc", "dev"):  # never clean up in what is not ours
            self.assertEqual(os.listdir(os.path.join(self.root, folder)), [])
        self.folder.cleanup()

    def copy_needs(self, files):
        done = subprocess.run(["ldd", *files], stdout=subprocess.PIPE, text=True, check=True,
                              timeout=60)
        for word in done.stdout.split():
            if not word.startswith("/") or word.endswith(":"):
                continue
            if "/ld-linux" in word:
                shutil.copy(word, os.path.join(self.root, "lib64"))
            shutil.copy(word, os.path.join(self.root, LIBRARIES))

    def enter(self, *command):
        script = ('mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && '
                  'exec chroot "$0" "$@"')
        return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c",
                               script, self.root, *command],
                              env={"PATH": os.environ["PATH"], "VGPU_ACCOUNTS": "none",
                                   "VGPU_SOFT_MEMORY": "1G"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=60)

    def test_install_doctor_uninstall(self):
        if shutil.which("unshare") is None or not os.path.exists("/sbin/ldconfig"):
            self.skipTest("no unshare or no ldconfig here")
        probe = self.enter("/opt/vgpu/vgpu", "version")
        if probe.returncode != 0:
            self.skipTest(f"a root of its own cannot be entered here: {probe.stdout}")
        before = picture(self.root)
        done = self.enter("/opt/vgpu/vgpu", "install")
        self.assertEqual(done.returncode, 0, done.stdout)
        done = self.enter("/usr/bin/vgpu", "doctor")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("the loader's cache knows libcuda.so.1", done.stdout)
        self.assertIn("vGPU software", done.stdout)
        done = self.enter("/usr/bin/vgpu", "uninstall")
        self.assertEqual(done.returncode, 0, done.stdout)
        after = picture(self.root)
        self.assertIsNotNone(after.pop("etc/ld.so.cache"))  # ldconfig's own
        self.assertEqual(after, before)


if __name__ == "__main__":
    unittest.main()
