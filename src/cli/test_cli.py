#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `vgpu run` owes the program: environment, arguments, signals, exit status.

    test_cli.py VGPU

The tool is copied beside a stand-in library folder, so no GPU of ours is needed.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

VGPU = os.path.abspath(sys.argv.pop(1))


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = os.path.realpath(cls.folder.name)
        cls.vgpu = os.path.join(cls.home, "vgpu")
        cls.lib = os.path.join(cls.home, "lib")
        os.mkdir(cls.lib)
        open(os.path.join(cls.lib, "libcuda.so.1"), "wb").close()
        shutil.copy(VGPU, cls.vgpu)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def vgpu_(self, *args, **environment):
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith("VGPU_") and k != "LD_LIBRARY_PATH"}
        return subprocess.run([self.vgpu, *args], env={**clean, **environment}, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)

    def test_exit_status_is_kept(self):
        self.assertEqual(self.vgpu_("run", "--", "sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(self.vgpu_("run", "--", "true").returncode, 0)

    def test_death_by_signal_is_128_plus_n(self):
        self.assertEqual(self.vgpu_("run", "--", "sh", "-c", "kill -SEGV $$").returncode,
                         128 + signal.SIGSEGV)

    def test_arguments_arrive_unchanged(self):
        done = self.vgpu_("run", "--stats", "--", "printf", "%s|", "--stats", "a b", "")
        self.assertEqual(done.stdout, "--stats|a b||")

    def test_environment(self):
        script = 'echo "$LD_LIBRARY_PATH $VGPU_ENDPOINT"'
        self.assertEqual(self.vgpu_("run", "--", "sh", "-c", script).stdout,
                         f"{self.lib} soft\n")
        done = self.vgpu_("run", "--", "sh", "-c", script, LD_LIBRARY_PATH="/x",
                          VGPU_ENDPOINT="unix:/nowhere")
        self.assertEqual(done.stdout, f"{self.lib}:/x unix:/nowhere\n")
        self.assertIn("vgpu: GPU at unix:/nowhere\n", done.stderr)

    def test_signal_reaches_the_program(self):
        script = 'trap "exit 9" TERM; echo ready; read never'
        with subprocess.Popen([self.vgpu, "run", "--", "sh", "-c", script],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as run:
            self.assertEqual(run.stdout.readline(), b"ready\n")
            run.send_signal(signal.SIGTERM)
            self.assertEqual(run.wait(timeout=30), 9)

    def test_counters_of_several_processes_are_added(self):
        script = ("a=$(dirname $VGPU_STATS); b=$(dirname $VGPU_SOFT_STATS); "
                  "printf 'calls\\t2\\nposted\\t1\\n' > $a/shim.1; "
                  "printf 'calls\\t3\\nnot_carried\\tcuFoo\\n' > $a/shim.2; "
                  "printf 'launches\\t5\\nsass_only\\tk\\n' > $b/soft.1; echo $a")
        done = self.vgpu_("run", "--stats", "--", "sh", "-c", script, TMPDIR=self.home)
        self.assertIn("vgpu: 5 calls over the link, 1 posted", done.stderr)
        self.assertIn("vgpu: 5 launches", done.stderr)
        self.assertIn("cuFoo", done.stderr)
        self.assertIn("no PTX, for kernel k", done.stderr)
        self.assertFalse(os.path.exists(done.stdout.strip()), "the folder is left behind")

    def test_counter_file_of_the_user_stays(self):
        path = os.path.join(self.home, "mine")
        done = self.vgpu_("run", "--stats", "--", "sh", "-c",
                          "printf 'launches\\t5\\n' > $VGPU_SOFT_STATS", VGPU_SOFT_STATS=path)
        self.assertIn("vgpu: 5 launches", done.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "launches\t5\n")

    def test_a_worker_is_waited_for_and_nothing_else(self):
        worker = shutil.copy("/bin/sh", os.path.join(self.home, "vgpu-worker"))
        late = "read line; printf 'launches\\t7\\n' > $(dirname $VGPU_SOFT_STATS)/soft.9"
        script = (f"mkfifo {self.home}/gate; {worker} -c \"{late}\" < {self.home}/gate "
                  f"> /dev/null 2>&1 & exec 3> {self.home}/gate; echo go >&3")
        done = self.vgpu_("run", "--stats", "--", "sh", "-c", script)
        self.assertIn("vgpu: 7 launches", done.stderr)
        began = time.monotonic()
        self.assertEqual(self.vgpu_("run", "--", "sh", "-c", "sleep 30 >/dev/null 2>&1 & "
                                    f"echo $! > {self.home}/orphan").returncode, 0)
        self.assertLess(time.monotonic() - began, 15)
        with open(os.path.join(self.home, "orphan"), encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def test_errors_name_the_remedy(self):
        done = self.vgpu_("run", "--", "no-such-program")
        self.assertEqual(done.returncode, 127)
        self.assertIn("cannot run 'no-such-program'", done.stderr)
        self.assertIn("PATH", done.stderr)
        self.assertEqual(self.vgpu_("run", "--", self.lib).returncode, 126)
        done = self.vgpu_("run", "--wrong", "--", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--wrong", done.stderr)
        self.assertIn("usage: vgpu run", done.stderr)
        done = self.vgpu_("true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("vgpu run -- true", done.stderr)

    def test_help_and_version(self):
        self.assertIn("  run ", self.vgpu_("--help").stdout)
        self.assertIn("usage: vgpu run", self.vgpu_("run", "--help").stdout)
        self.assertRegex(self.vgpu_("--version").stdout, r"^vgpu \d+\.\d+\.\d+\n$")

    def test_info_names_another_libcuda(self):
        other = os.path.join(self.home, "other")
        os.mkdir(other)
        subprocess.run(["cc", "-shared", "-o", os.path.join(other, "libcuda.so.1"), "-x", "c",
                        "/dev/null"], check=True)
        done = self.vgpu_("info", LD_LIBRARY_PATH=other)
        self.assertIn(f"other:     {other}/libcuda.so.1", done.stdout)

    def test_missing_libraries_say_make(self):
        lonely = os.path.join(self.home, "lonely")
        os.mkdir(lonely)
        alone = shutil.copy(VGPU, lonely)
        done = subprocess.run([alone, "run", "--", "true"], stderr=subprocess.PIPE, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("run 'make'", done.stderr)


unittest.main()
