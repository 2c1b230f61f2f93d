#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The built tool, shim and worker together: counters, start line, endpoints, what is left.

    accept.py BUILD ASKS CLIENT

BUILD holds vgpu and lib/; ASKS and CLIENT are test programs.
"""
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

CLIENT = os.path.abspath(sys.argv.pop())
ASKS = os.path.abspath(sys.argv.pop())
BUILD = os.path.abspath(sys.argv.pop())
VGPU = os.path.join(BUILD, "vgpu")
LIB = os.path.join(BUILD, "lib")


def clean(**more):
    kept = {k: v for k, v in os.environ.items()
            if k == "VGPU_ACCOUNTS" or not (k.startswith("VGPU_") or k == "LD_LIBRARY_PATH")}
    return {**kept, **more}


def run(*args, **environment):
    return subprocess.run(args, env=clean(**environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, check=False)


class Counters(unittest.TestCase):
    def counted(self, *args):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "stats")
            done = run(VGPU, "run", "--stats", "--", ASKS, *args, VGPU_STATS=path)
            self.assertEqual((done.returncode, done.stdout), (0, "PASS\n"), done.stderr)
            with open(path, encoding="utf-8") as file:
                lines = [line.split() for line in file]
        values = {line[0]: int(line[1]) for line in lines if line[0] in ("calls", "posted")}
        calls = {line[1]: (int(line[2]), int(line[3])) for line in lines if line[0] == "call"}
        return values, calls, done.stderr

    def test_asking_again_makes_no_call(self):
        once, once_calls, _ = self.counted("1", "1")
        often, often_calls, _ = self.counted("20", "1")
        self.assertEqual({k: v[0] for k, v in once_calls.items()},
                         {k: v[0] for k, v in often_calls.items()})
        self.assertEqual(once, often)

    def test_launches_are_posted(self):
        one, _, _ = self.counted("1", "1")
        many, calls, shown = self.counted("1", "25")
        self.assertEqual(calls["cuLaunchKernel"], (25, 25))
        self.assertEqual(many["calls"] - one["calls"], 24)
        self.assertEqual(many["posted"] - one["posted"], 24)
        self.assertRegex(shown, r"(?m)^vgpu: 25 launches, \d+ warp instructions$")
        self.assertRegex(shown, r"(?m)^vgpu: +[\d.]+ +25 +25  cuLaunchKernel$")


class Tool(unittest.TestCase):
    def test_start_line(self):
        done = run(VGPU, "run", "--", "true", VGPU_SOFT_MEMORY="1G")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"^vgpu: software GPU, CC 8\.0, 1 GiB, \d+ CPUs, "
                         r"runs PTX only\n$")

    def test_info(self):
        done = run(VGPU, "info")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^device: +vGPU software")
        self.assertRegex(done.stdout, r"(?m)^compute: +8\.0$")
        self.assertRegex(done.stdout, r"(?m)^driver: +CUDA 13\.5$")
        self.assertRegex(done.stdout, r"(?m)^endpoint: +soft$")

    def test_info_without_a_device_names_the_remedy(self):
        done = run(VGPU, "info", VGPU_ENDPOINT="unix:/nonexistent/socket")
        self.assertEqual(done.returncode, 1)
        self.assertIn("VGPU_ENDPOINT", done.stderr)

    def test_help_of_every_command(self):
        names = re.findall(r"(?m)^  (?!vgpu)(\w+) ", run(VGPU, "--help").stdout)
        self.assertTrue({"run", "info"} <= set(names))
        for name in names:
            done = run(VGPU, name, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"usage: vgpu {name}", done.stdout)

    def test_signal_reaches_the_program_and_is_its_status(self):
        with subprocess.Popen([VGPU, "run", "--", CLIENT, "hold"], env=clean(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as tool:
            self.assertEqual(tool.stdout.readline(), b"ready\n")
            tool.send_signal(signal.SIGTERM)
            self.assertEqual(tool.wait(timeout=60), 128 + signal.SIGTERM)

    def test_nothing_is_left(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run(VGPU, "run", "--stats", "--", ASKS, "1", "1", TMPDIR=folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.listdir(folder), [])


WANTS_MORE = r"""
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
text = (b".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry odd()\n{\n"
        b".reg .b32 %r<3>;\nfrobnicate.b32 %r1, %r2;\nret;\n}\n")
assert cuda.cuInit(0) == 0
assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
assert cuda.cuCtxSetCurrent(context) == 0
assert cuda.cuModuleGetTexRef(ctypes.byref(module), None, b"x") == 801
assert cuda.cuModuleGetTexRef(ctypes.byref(module), None, b"x") == 801
assert cuda.cuModuleLoadData(ctypes.byref(module), text) == 0
assert cuda.cuModuleGetFunction(ctypes.byref(function), module, b"odd") == 0
cuda.cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, None, None, None)
cuda.cuCtxSynchronize()
"""


class Said(unittest.TestCase):
    """What was wanted and not given is named."""

    def wants_more(self, **environment):
        done = run(VGPU, "run", "--", sys.executable, "-c", WANTS_MORE, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_at_the_end(self):
        shown = self.wants_more()
        self.assertRegex(shown, r"(?m)^vgpu: not carried over the link: call "
                         r"cuModuleGetTexRef")
        self.assertRegex(shown, r"(?m)^vgpu: the software GPU does not support odd: "
                         r"frobnicate\.b32 at line 7")
        self.assertEqual(len(shown.splitlines()), 3)

    def test_once_in_the_log(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log")
            self.wants_more(VGPU_LOG="info", VGPU_LOG_FILE=path)
            with open(path, encoding="utf-8") as file:
                text = file.read()
        self.assertEqual(text.count("cuModuleGetTexRef"), 1)
        self.assertEqual(text.count("frobnicate.b32 at line 7"), 1)
        self.assertIn("GPU at a private worker: 1 device, first 'vGPU software", text)

    def test_trace_has_call_result_and_time_debug_those_that_fail(self):
        text = self.wants_more(VGPU_LOG="trace")
        self.assertRegex(text, r"(?m)^vgpu: trace: cuInit = CUDA_SUCCESS \(0\), [\d.]+ us$")
        self.assertRegex(text, r"(?m)^vgpu: debug: cuCtxSynchronize = "
                         r"CUDA_ERROR_NOT_SUPPORTED \(801\), [\d.]+ us$")
        text = self.wants_more(VGPU_LOG="debug")
        self.assertIn("debug: cuCtxSynchronize = CUDA_ERROR_NOT_SUPPORTED", text)
        self.assertNotIn("CUDA_SUCCESS", text)


class Endpoint(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "socket")
        self.addCleanup(self.folder.cleanup)

    def init(self, endpoint, wanted, **more):
        return run(CLIENT, "init", str(wanted), LD_LIBRARY_PATH=LIB, VGPU_ENDPOINT=endpoint,
                   HOME="/nonexistent", VGPU_LOG="error", **more)

    def listen(self, answer):
        """Serves one client with answer(connection); the listener ends with the test."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.path)
        listener.listen(4)

        def serve():
            connection, _ = listener.accept()
            with connection:
                answer(connection)
        server = threading.Thread(target=serve)
        server.start()
        self.addCleanup(listener.close)
        self.addCleanup(server.join)

    def check(self, done, said):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(said, done.stderr)

    def test_silence_is_not_ready_after_two_seconds(self):
        def wait_for_its_end(connection):
            while connection.recv(65536):
                pass
        self.listen(wait_for_its_end)
        before = time.monotonic()
        self.check(self.init("unix:" + self.path, 802), "does not answer")
        took = time.monotonic() - before
        self.assertGreater(took, 1.9)
        self.assertLess(took, 10)

    def test_closing_at_once_is_not_ready(self):
        self.listen(lambda connection: connection.recv(65536))
        self.check(self.init("unix:" + self.path, 802), "does not answer")

    def test_rubbish_is_not_ready(self):
        def talk(connection):
            connection.recv(65536)
            connection.send(b"\x55" * 700)
            while connection.recv(65536):
                pass
        self.listen(talk)
        self.check(self.init("unix:" + self.path, 802), "does not answer: Protocol error")

    def test_nobody_there(self):
        self.check(self.init("unix:" + self.path, 802), "cannot reach the worker")
        with open(self.path, "wb"):
            pass
        self.check(self.init("unix:" + self.path, 802), "cannot reach the worker")

    def test_no_sense(self):
        self.check(self.init("nowhere", 802), "'nowhere' is not understood")

    def test_none_at_all(self):
        done = self.init("", 100, XDG_CONFIG_HOME=self.folder.name)
        self.check(done, "VGPU_ENDPOINT")

    def test_named_by_a_file(self):
        os.mkdir(os.path.join(self.folder.name, "vgpu"))
        with open(os.path.join(self.folder.name, "vgpu", "client.conf"), "w",
                  encoding="utf-8") as file:
            file.write("# the GPU\nendpoint = soft\n")
        done = self.init("", 0, XDG_CONFIG_HOME=self.folder.name)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_address_space_is_out_of_memory(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        done = subprocess.run([CLIENT, "hold"], preexec_fn=limit, stdin=subprocess.DEVNULL,
                              env=clean(LD_LIBRARY_PATH=LIB, VGPU_ENDPOINT="soft",
                                        VGPU_LOG="error", VGPU_SOFT_MEMORY="8G"),
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("RLIMIT_AS", done.stderr)


unittest.main()
