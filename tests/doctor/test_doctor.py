#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vgpu doctor` before faults that are provoked in scratch roots: its line is asserted.

    test_doctor.py VGPU BUILD_LIB CC...

Stand-ins that misbehave on request take the place of the libraries, but for the tests of
a healthy set-up.
"""
import ctypes
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
VGPU, BUILD_LIB, *CC = sys.argv[1:]
del sys.argv[1:]
VGPU, BUILD_LIB = os.path.abspath(VGPU), os.path.abspath(BUILD_LIB)
LIBRARIES = "usr/lib/x86_64-linux-gnu"
CLEAN = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "VGPU_ACCOUNTS": "none",
         "VGPU_SOFT_MEMORY": "1G", "OLLAMA_FLASH_ATTENTION": "1"}
UUID = "GPU-07070707-0707-0707-0707-070707070707"


with open("/proc/self/maps", encoding="utf-8") as maps:
    LIBC = next(line.split()[-1] for line in maps if "/libc.so.6" in line or "/libc-2" in line)


def compile_library(out, source, *options, text=None):
    command = [*CC, "-shared", "-fPIC", "-w", "-o", out, *options]
    if text is not None:
        command += ["-x", "c", "-", "-x", "none"]
    subprocess.run([*command, *source], input=text, text=True, check=True, timeout=60)


def fatbin(*entries):
    """A section with the headers of GPU code: ("ptx" or "sass", architecture)."""
    body = b""
    for kind, arch in entries:
        body += struct.pack("<HHIQIIII", 1 if kind == "ptx" else 2, 0x101, 32, 8, 0, 0, 0,
                            arch) + b"\0" * 8
    head = struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body))
    numbers = ",".join(str(byte) for byte in head + body)
    return ('__attribute__((section(".nv_fatbin"), used)) '
            f"static const unsigned char code[] = {{{numbers}}};\n")


def forbid(number):
    """A seccomp filter that answers EPERM to one system call."""
    def step(code, yes, no, value):
        return struct.pack("<HBBI", code, yes, no, value)
    steps = (step(0x20, 0, 0, 0) + step(0x15, 0, 1, number) + step(0x06, 0, 0, 0x50001) +
             step(0x06, 0, 0, 0x7FFF0000))
    buffer = ctypes.create_string_buffer(steps)
    program = struct.pack("<HxxxxxxQ", 4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = os.path.realpath(cls.folder.name)
        cls.kit = os.path.join(cls.home, "kit")
        os.mkdir(cls.kit)
        fake = [os.path.join(HERE, "fake_gpu.c")]
        compile_library(cls.kit + "/cuda", fake, "-Wl,-soname,libcuda.so.1")
        compile_library(cls.kit + "/nvml", fake, "-DNVML", "-Wl,-soname,libnvidia-ml.so.1")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.root = tempfile.mkdtemp(dir=self.home)
        for name, source in (("libcuda.so", "cuda"), ("libnvidia-ml.so", "nvml")):
            self.copy(self.kit + "/" + source, f"{LIBRARIES}/{name}.0")
            self.link(name + ".0", f"{LIBRARIES}/{name}.1")
            self.link(name + ".1", f"{LIBRARIES}/{name}")
        self.put("usr/lib/vgpu/vgpu-worker", "#!/bin/sh\n", 0o755)
        self.copy(self.kit + "/cuda", "usr/lib/vgpu/libvgpu-soft.so")
        self.put("etc/vgpu/client.conf", "# where\nendpoint = soft\n")

    def tearDown(self):
        shutil.rmtree(self.root)

    def path(self, path):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def put(self, path, text, mode=0o644):
        data = text if isinstance(text, bytes) else text.encode()
        if os.path.lexists(self.path(path)):
            os.unlink(self.path(path))
        with open(self.path(path), "wb") as file:
            file.write(data)
        os.chmod(self.path(path), mode)

    def copy(self, source, path):
        if os.path.lexists(self.path(path)):
            os.unlink(self.path(path))
        shutil.copy(source, self.path(path))

    def link(self, target, path):
        if os.path.lexists(self.path(path)):
            os.unlink(self.path(path))
        os.symlink(target, self.path(path))

    def remove(self, path):
        os.unlink(self.path(path))

    def run_doctor(self, *args, more=None, **environment):
        return subprocess.run([VGPU, "doctor", "--root", self.root, *args],
                              env={**CLEAN, **environment}, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, **(more or {}))

    def doctor(self, *args, more=None, **environment):
        done = self.run_doctor("--json", *args, more=more, **environment)
        self.assertEqual(done.stderr, "")
        answer = json.loads(done.stdout)
        self.assertEqual(answer["status"], done.returncode)
        return answer

    def assert_says(self, state, check, text, *args, more=None, **environment):
        """The check says this line; a fault is also the exit status."""
        answer = self.doctor(*args, more=more, **environment)
        lines = [f for f in answer["findings"] if f["check"] == check]
        found = [f for f in lines if f["state"] == state and text in f["text"]]
        self.assertTrue(found, f"no '{text}' in " + json.dumps(answer, indent=1))
        if state == "broken":
            self.assertEqual(answer["status"], 1)
            self.assertTrue(found[0]["remedy"])
        return answer


class Healthy(Base):
    def test_stand_ins_are_well(self):
        answer = self.doctor()
        self.assertEqual([f for f in answer["findings"] if f["state"] != "ok"], [])
        self.assertEqual(answer["status"], 0)
        self.assertGreater(len(answer["findings"]), 20)

    def test_real_installation(self):
        shutil.rmtree(self.root)
        os.mkdir(self.root)
        stage = os.path.join(self.root, "stage")
        os.makedirs(stage + "/lib")
        for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libvgpu-soft.so"):
            shutil.copy(os.path.join(BUILD_LIB, name), stage + "/lib")
        shutil.copy(os.path.join(BUILD_LIB, "../vgpu-worker"), stage)
        shutil.copy(VGPU, stage)
        subprocess.run([stage + "/vgpu", "install", "--root", self.root], check=True,
                       stdout=subprocess.DEVNULL, timeout=60)
        start = time.monotonic()
        done = self.run_doctor()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "all is well")
        self.assertIn("ok       device     vGPU software", done.stdout)
        self.assertLess(time.monotonic() - start, 20)
        self.assert_says("ok", "installation", "vgpu is installed", "--quick")
        self.assert_says("broken", "kind", "a real GPU was expected", "--real")
        self.process_of_real()
        text = open(self.path("var/lib/vgpu/install.journal"), encoding="utf-8").read()
        self.put("var/lib/vgpu/install.journal", text.replace("done\n", ""))
        self.assert_says("broken", "installation", "interrupted half-way", "--quick")

    def test_build_folder_in_our_own_loader(self):
        """With the machine's C library and cache, as in `vgpu run -- vgpu doctor`."""
        self.root = "/"
        try:
            answer = self.doctor(LD_LIBRARY_PATH=BUILD_LIB, VGPU_ENDPOINT="soft")
        finally:
            self.root = tempfile.mkdtemp(dir=self.home)
        bad = [f["text"] for f in answer["findings"] if f["state"] != "ok"
               and f["check"] not in ("others", "preload")]
        self.assertEqual(bad, [])

    def test_listener_that_says_nothing(self):
        """Our own libraries, before somebody who accepts and is silent, or hangs up."""
        path = self.path("gpu.sock")
        environment = {"LD_LIBRARY_PATH": BUILD_LIB, "VGPU_ENDPOINT": "unix:" + path}
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen(8)
            self.assert_says("broken", "answer", "the device is silent: no answer within 1 s",
                             "--timeout", "1", **environment)

            def hang_up():
                while True:
                    try:
                        listener.accept()[0].close()
                    except OSError:
                        return
            thread = threading.Thread(target=hang_up)
            thread.start()
            try:
                self.assert_says("broken", "answer", "nobody answers", **environment)
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()

    def process_of_real(self):
        """Mapped and not called; then called."""
        script = ("import ctypes, sys\n"
                  f"cuda = ctypes.CDLL('{self.root}/{LIBRARIES}/libcuda.so.1')\n"
                  "print('mapped', flush=True)\nsys.stdin.readline()\n"
                  "print(cuda.cuInit(0), flush=True)\nsys.stdin.readline()\n")
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True,
                              env={**CLEAN, "VGPU_ENDPOINT": "soft"}) as child:
            self.assertEqual(child.stdout.readline(), "mapped\n")
            self.assert_says("broken", "maps", "has mapped libcuda", "--quick", "--pid",
                             str(child.pid))
            self.assert_says("broken", "maps", "never called cuInit", "--quick", "--pid",
                             str(child.pid))
            child.stdin.write("\n")
            child.stdin.flush()
            self.assertEqual(child.stdout.readline(), "0\n")
            self.assert_says("ok", "maps", "is connected to a worker", "--quick", "--pid",
                             str(child.pid))
            child.communicate("\n")

    def test_text_ends_with_the_first_broken_link(self):
        self.remove("etc/vgpu/client.conf")
        self.remove("usr/lib/vgpu/vgpu-worker")
        done = self.run_doctor()
        self.assertEqual(done.returncode, 1)
        last = done.stdout.splitlines()[-2:]
        self.assertEqual(last[0], "first broken link: no endpoint is set: programs see no "
                         "device (CUDA error 100)")
        self.assertTrue(last[1].startswith("what to do: "))

    def test_command_line(self):
        self.assertEqual(self.run_doctor("--pid", "x").returncode, 2)
        self.assertEqual(self.run_doctor("--pid").returncode, 2)
        self.assertEqual(self.run_doctor("--nonsense").returncode, 2)


class Guest(Base):
    def test_stale_preload(self):
        self.put("etc/ld.so.preload", "/opt/gone/libvgpu.so\n")
        self.assert_says("broken", "preload", "which is not there (a stale entry)", "--quick")

    def test_preload_of_ours(self):
        self.put("etc/ld.so.preload", f"/{LIBRARIES}/libcuda.so.1\n")
        self.assert_says("broken", "preload", "into every program", "--quick")

    def test_preload_variable(self):
        answer = self.doctor("--quick", "--ollama")
        self.put("etc/systemd/system/ollama.service",
                 "[Service]\nEnvironment=\"LD_PRELOAD=/opt/gone/libcuda.so.1\"\n")
        self.assert_says("broken", "preload", "LD_PRELOAD names '/opt/gone/libcuda.so.1'",
                         "--quick", "--ollama")
        self.assertNotIn("broken", [f["state"] for f in answer["findings"]])

    def test_library_path_mistakes(self):
        for value, text in (("/usr/local/cuda/lib64/stubs", "the stubs folder"),
                            ("/lib:", "an empty entry"),
                            ("/lib/libcuda.so.1", "has the file")):
            self.assert_says("broken", "library-path", text, "--quick",
                             LD_LIBRARY_PATH=value)
        self.assert_says("unknown", "library-path", "which is not there", "--quick",
                         LD_LIBRARY_PATH="/lib:/nowhere/lib")

    def test_address_space(self):
        size = 8 << 30
        self.assert_says("broken", "address-space", "limited to 8192 MiB", "--quick",
                         more={"preexec_fn": lambda: resource.setrlimit(
                             resource.RLIMIT_AS, (size, size))})

    def test_descriptors(self):
        self.assert_says("broken", "descriptors", "only 20 files", "--quick",
                         more={"preexec_fn": lambda: resource.setrlimit(
                             resource.RLIMIT_NOFILE, (20, 20))})

    def test_no_descriptors_left(self):
        def fill():
            resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))
            while True:
                try:
                    os.dup(0)
                except OSError:
                    os.close(8)
                    return
        done = self.run_doctor("--quick", more={"preexec_fn": fill, "close_fds": False})
        self.assertEqual(done.returncode, 1)
        self.assertIn("only 9 files", done.stdout)

    def test_shared_memory(self):
        self.assert_says("broken", "shared-memory", "cannot be written", "--quick",
                         VGPU_ACCOUNTS="/nowhere")


    def test_full_memory_folder(self):
        if os.getuid() != 0:
            self.skipTest("only root may write everywhere")
        self.assert_says("broken", "shared-memory", "is full", "--quick",
                         VGPU_ACCOUNTS="/proc")

    def test_sandbox(self):
        for number, text in ((53, "local sockets are forbidden"),
                             (319, "memory files are forbidden")):
            self.assert_says("broken", "system-calls", text, "--quick",
                             more={"preexec_fn": lambda n=number: forbid(n)})


class Libraries(Base):
    def test_missing(self):
        for name in ("libcuda.so", "libnvidia-ml.so"):
            for end in ("", ".0", ".1"):
                self.remove(f"{LIBRARIES}/{name}{end}")
        answer = self.assert_says("broken", "libcuda", "finds no libcuda.so.1")
        self.assertIn("vgpu install", [f for f in answer["findings"]
                                       if f["state"] == "broken"][0]["remedy"])
        self.assert_says("broken", "libnvidia-ml", "finds no libnvidia-ml.so.1")

    def test_link_to_nowhere(self):
        self.link("/opt/gone/libcuda.so.1", f"{LIBRARIES}/libcuda.so.1")
        self.assert_says("broken", "libcuda", "is a link that leads nowhere")

    def test_link_to_other_driver(self):
        compile_library(self.path("opt/nv/libcuda.so.550"), [], "-Wl,-soname,libcuda.so.1",
                        "-Wl,--build-id=0xabcdef01",
                        text='const char *maker = "NVIDIA"; int cuInit(void) { return 0; }')
        self.link("/opt/nv/libcuda.so.550", f"{LIBRARIES}/libcuda.so.1")
        self.put("var/lib/dpkg/info/libcuda1:amd64.list", "/opt/nv/libcuda.so.550\n")
        self.assert_says("broken", "libcuda",
                         "(build id abcdef01, package: libcuda1), NVIDIA's", "--quick")

    def test_plain_link_left_behind(self):
        self.copy(self.kit + "/cuda", "opt/nv/libcuda.so.550")
        self.link("/opt/nv/libcuda.so.550", f"{LIBRARIES}/libcuda.so")
        self.assert_says("broken", "links", "still leads to another file", "--quick")

    def test_wrong_class(self):
        self.put(f"{LIBRARIES}/libcuda.so.0", b"\x7fELF\x01\x01\x01" + b"\0" * 11 + b"\x03" +
                 b"\0" * 100)
        self.assert_says("broken", "libcuda", "wrong ELF class: it is a 32-bit library",
                         "--quick")

    def test_what_the_loader_passes_over(self):
        for folder in ("a", "b"):
            os.mkdir(self.path(folder))
        self.put("a/libcuda.so.1", b"\x7fELF\x01\x01\x01" + b"\0" * 200)
        self.link("/opt/gone", "b/libcuda.so.1")
        search = f"{self.path('a')}:{self.path('b')}"
        for text in ("/a/libcuda.so.1': it is for another", "/b/libcuda.so.1': it is a link"):
            answer = self.assert_says("unknown", "libcuda", text, "--quick",
                                      LD_LIBRARY_PATH=search)
            self.assertEqual(answer["status"], 2)

    def test_no_library_at_all(self):
        self.put(f"{LIBRARIES}/libcuda.so.0", "a text that is long enough for a header" * 4)
        self.assert_says("broken", "libcuda", "is no shared library", "--quick")

    def test_stub_first(self):
        self.copy(self.kit + "/cuda", "usr/local/cuda/lib64/stubs/libcuda.so.1")
        self.put("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
        self.put("etc/ld.so.conf.d/cuda.conf", "/usr/local/cuda/lib64/stubs\n")
        self.assert_says("broken", "libcuda", "takes a stub first", "--quick")

    def test_other_first_and_other_later(self):
        folder = os.path.dirname(self.path("opt/other/x"))
        compile_library(folder + "/libcuda.so.1", [], text="int cuInit(void) { return 0; }")
        self.assert_says("broken", "libcuda", "takes another libcuda.so.1 first", "--quick",
                         LD_LIBRARY_PATH=folder)
        shutil.move(folder + "/libcuda.so.1", self.path("usr/lib/libcuda.so.1"))
        self.assert_says("unknown", "others", "later in the loader's order", "--quick")

    def test_missing_name(self):
        compile_library(self.path(f"{LIBRARIES}/libcuda.so.0"),
                        [os.path.join(HERE, "fake_gpu.c")], "-DOLD",
                        "-Wl,-soname,libcuda.so.1")
        self.assert_says("broken", "cuda-names", "does not export cuCtxCreate_v3", "--quick")

    def test_older_libc(self):
        self.copy(LIBC, f"{LIBRARIES}/libc.so.6")
        self.assert_says("ok", "needs", "find all that they need", "--quick")
        self.put("map", "GLIBC_2.2 { global: x; };\n")
        compile_library(self.path(f"{LIBRARIES}/libc.so.6"), [], "-nostdlib",
                        f"-Wl,--version-script={self.path('map')}", text="int x;")
        self.assert_says("broken", "needs", "it needs the symbol version GLIBC_2.", "--quick")

    def test_cache_without_it(self):
        self.put("etc/ld.so.cache", "glibc-ld.so.cache1.1 libc.so.6")
        self.assert_says("broken", "cache", "does not know libcuda.so.1", "--quick")


class Link(Base):
    def test_no_endpoint(self):
        self.remove("etc/vgpu/client.conf")
        self.assert_says("broken", "endpoint", "no endpoint is set", "--quick")

    def test_wrong_endpoint(self):
        self.assert_says("broken", "endpoint", "is not understood", "--quick",
                         VGPU_ENDPOINT="tcp:localhost")

    def test_users_endpoint_comes_first(self):
        self.put("home/u/.config/vgpu/client.conf", "endpoint = unix:/run/x\n")
        self.assert_says("broken", "listener", "there is no socket '/run/x'", "--quick",
                         HOME="/home/u")

    def test_refused(self):
        path = self.path("gpu.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(path)
        listener.close()
        self.assert_says("broken", "listener", "connection refused", "--quick",
                         VGPU_ENDPOINT="unix:" + path)

    def test_accepted(self):
        path = self.path("gpu.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen(4)
            self.assert_says("ok", "listener", "accepts connections", "--quick",
                             VGPU_ENDPOINT="unix:" + path)

    def test_worker(self):
        self.put("usr/lib/vgpu/vgpu-worker", "", 0o644)
        self.assert_says("broken", "worker", "is not executable", "--quick")
        self.remove("usr/lib/vgpu/vgpu-worker")
        self.assert_says("broken", "worker", "is missing", "--quick")
        self.assert_says("broken", "worker", "there is no worker '/nowhere/w'", "--quick",
                         VGPU_WORKER="/nowhere/w")

    def test_driver(self):
        self.put("usr/lib/vgpu/libvgpu-soft.so", "rubbish")
        self.assert_says("broken", "driver", "is no shared library", "--quick")
        self.remove("usr/lib/vgpu/libvgpu-soft.so")
        self.assert_says("broken", "driver", "is missing", "--quick")
        compile_library(self.path("usr/lib/vgpu/libvgpu-soft.so"), [], text="int x;")
        self.assert_says("broken", "driver", "is no CUDA driver", "--quick")


class Device(Base):
    def test_silent(self):
        self.assert_says("broken", "answer", "no answer within 1 s at cuInit", "--timeout",
                         "1", FAKE_HANG="1")

    def test_slow(self):
        self.assert_says("broken", "time", "cuInit took", "--timeout", "1", FAKE_SLOW="400")

    def test_crash(self):
        self.assert_says("broken", "answer", "with signal 11 at cuInit", FAKE_CRASH="1")

    def test_errors(self):
        for code, text in ((3, "not initialised"), (35, "older than the runtime"),
                           (100, "no device"), (802, "fabric manager"),
                           (803, "different versions"), (999, "nvidia_uvm")):
            self.assert_says("broken", "answer", text, FAKE_INIT=str(code))

    def test_refused_attribute(self):
        self.assert_says("broken", "answer", "attribute 95", FAKE_BAD_ATTRIBUTE="95")

    def test_context_refused(self):
        self.assert_says("broken", "answer", "the mode of the host's GPU", FAKE_RETAIN="801")

    def test_no_device(self):
        self.assert_says("broken", "answer", "0 devices", FAKE_COUNT="0")

    def test_no_memory(self):
        self.assert_says("broken", "memory", "no memory at all", FAKE_TOTAL="0")

    def test_nvml_differs(self):
        self.assert_says("broken", "nvml", "different devices", FAKE_NVML_UUID="8")
        self.assert_says("broken", "nvml", "different PCI addresses", FAKE_NVML_BUS="2")
        self.assert_says("unknown", "nvml", "different amounts", FAKE_NVML_TOTAL="5")
        self.assert_says("broken", "nvml", "NVML does not answer: result 9",
                         FAKE_NVML_INIT="9")

    def test_software_instead_of_real(self):
        self.assert_says("broken", "kind", "a real GPU was expected", "--real",
                         FAKE_NAME="vGPU software (CC 8.0)")
        path = self.path("gpu.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen(4)
            self.assert_says("broken", "kind", "a real GPU was expected",
                             FAKE_NAME="vGPU software", VGPU_ENDPOINT="unix:" + path)

    def test_visible_devices(self):
        for value, text in (("-1", "hides every device"), ("", "is empty"),
                            ("GPU-1234", "names no device"), ("5", "names no device")):
            self.assert_says("broken", "visible", text, CUDA_VISIBLE_DEVICES=value)
        for value in ("0", UUID, UUID[:12]):
            self.assert_says("ok", "visible", "names a device", CUDA_VISIBLE_DEVICES=value)


class Ollama(Base):
    """A folder as Ollama's archive makes it, with stand-ins for its libraries."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        script = cls.kit + "/map"
        with open(script, "w", encoding="utf-8") as file:
            file.write("libcudart.so.12 { global: cudaMalloc; local: *; };\n")
        compile_library(cls.kit + "/cudart", [], "-Wl,-soname,libcudart.so.12",
                        f"-Wl,--version-script={script}",
                        text="int cudaMalloc(void) { return 0; }")
        cls.compile_backend(cls.kit + "/backend",
                            fatbin(("ptx", 50), ("sass", 80), ("ptx", 90)))

    def setUp(self):
        super().setUp()
        self.lib = "usr/local/lib/ollama"
        self.put("usr/local/bin/ollama", "#!/bin/sh\n# bootstrap discovery took\nread line\n",
                 0o755)
        self.copy(LIBC, f"{LIBRARIES}/libc.so.6")
        self.copy(self.kit + "/cudart", f"{self.lib}/cuda_v12/libcudart.so.12")
        self.copy(self.kit + "/backend", f"{self.lib}/cuda_v12/libggml-cuda.so")

    @classmethod
    def compile_backend(cls, out, more="", symbols=("cudaMalloc", "cuMemCreate")):
        calls = "".join(f"extern int {s}(void);\n" for s in symbols)
        body = " + ".join(f"{s}()" for s in symbols)
        compile_library(out, [cls.kit + "/cudart", cls.kit + "/cuda"], "-nostdlib",
                        "-Wl,--allow-shlib-undefined",
                        text=f"{more}{calls}int start(void) {{ return {body}; }}\n")

    def backend(self, *args, **more):
        self.compile_backend(self.path(f"{self.lib}/cuda_v12/libggml-cuda.so"), *args, **more)

    def test_well(self):
        answer = self.doctor("--ollama")
        self.assertEqual([f for f in answer["findings"] if f["state"] != "ok"], [])
        self.assert_says("ok", "program", "generation 2", "--ollama")
        self.assert_says("ok", "candidates", "in the loader's order: ", "--quick", "--ollama")

    def test_attention_on_the_software_gpu(self):
        self.assert_says("ok", "flash-attention", "=1: attention needs no cuBLAS", "--ollama",
                         OLLAMA_FLASH_ATTENTION="1")
        for value in ("", "0", "false"):
            self.assert_says("unknown", "flash-attention", "most models then need cuBLAS",
                             "--ollama", OLLAMA_FLASH_ATTENTION=value)
        for where in ({"VGPU_ENDPOINT": "unix:/run/x"}, {}):
            if not where:
                self.put(f"{self.lib}/llama-server", "", 0o755)
            answer = self.doctor("--quick", "--ollama", OLLAMA_FLASH_ATTENTION="0", **where)
            self.assertNotIn("flash-attention", [f["check"] for f in answer["findings"]])

    def test_generations(self):
        self.put(f"{self.lib}/llama-server", "", 0o755)
        self.assert_says("ok", "program", "generation 3", "--quick", "--ollama")
        self.remove(f"{self.lib}/llama-server")
        self.put("usr/local/bin/ollama", "gpu library search", 0o755)
        self.assert_says("ok", "program", "generation 1", "--quick", "--ollama")
        self.assert_says("ok", "absolute-search", "by its path", "--quick", "--ollama")
        self.assert_says("ok", "absolute-search", "in Ollama's order: ", "--quick", "--ollama")
        self.remove("usr/local/bin/ollama")
        self.assert_says("unknown", "program", "no ollama", "--quick", "--ollama")

    def test_generation_1_takes_another(self):
        self.put("usr/local/bin/ollama", "gpu library search", 0o755)
        compile_library(self.path("usr/local/cuda/lib64/libcuda.so"), [], text="int x;")
        self.copy(self.path("usr/local/cuda/lib64/libcuda.so"),
                  "usr/local/cuda-12/targets/x/lib/libcuda.so")
        self.assert_says("broken", "absolute-search", "cuda-12/targets/x/lib/libcuda.so' first",
                         "--quick", "--ollama")
        folder = self.path("usr/local/cuda/lib64")
        self.assert_says("broken", "absolute-search", "cuda/lib64/libcuda.so' first", "--quick",
                         "--ollama", LD_LIBRARY_PATH=folder)

    def test_note_1_wrong_process(self):
        """Links are right, but the server never maps the library: its children do."""
        with subprocess.Popen(["/bin/sh", self.path("usr/local/bin/ollama"), "serve"],
                              stdin=subprocess.PIPE, env=CLEAN) as server:
            answer = self.assert_says("unknown", "maps", "this is the wrong process to look at",
                                      "--ollama", "--pid", str(server.pid))
            server.communicate(b"\n")
        self.assertEqual(answer["status"], 2)
        self.assertEqual(["maps"], [f["check"] for f in answer["findings"]
                                    if f["state"] != "ok"])

    def test_note_2_symbol_version(self):
        """Everything is mapped, nothing called: one symbol version is missing."""
        folder = self.path(f"{self.lib}/cuda_v12")
        compile_library(folder + "/libcudart.so.12", [], "-Wl,-soname,libcudart.so.12",
                        text="int cudaMalloc(void) { return 0; }")
        self.assert_says("broken", "backends", "it needs the symbol version libcudart.so.12, "
                         "which", "--ollama")

    def test_missing_symbol(self):
        self.backend(symbols=("cudaMalloc", "cuNewerCall"))
        self.assert_says("broken", "backends", "the symbol cuNewerCall is nowhere", "--quick",
                         "--ollama")

    def test_missing_library(self):
        self.remove(f"{self.lib}/cuda_v12/libcudart.so.12")
        self.assert_says("broken", "backends", "needs libcudart.so.12, which the loader does "
                         "not find", "--quick", "--ollama")

    def test_missing_library_of_several_is_said_once(self):
        lost, folder = self.path("libother.so.1"), f"{self.lib}/cuda_v12"
        compile_library(lost, [], "-Wl,-soname,libother.so.1", text="int x;")
        compile_library(self.path(f"{folder}/libbetween.so"), [lost], "-Wl,--no-as-needed",
                        "-Wl,-soname,libbetween.so", text="int y;")
        compile_library(self.path(f"{folder}/libggml-cuda.so"),
                        [self.path(f"{folder}/libbetween.so"), lost], "-Wl,--no-as-needed",
                        text="int z;")
        os.remove(lost)
        answer = self.assert_says("broken", "backends", "needs libother.so.1, which", "--quick",
                                  "--ollama")
        self.assertEqual(1, len([f for f in answer["findings"] if "libother" in f["text"]]))

    def test_libcuda_not_in_the_services_loader(self):
        for end in ("", ".0", ".1"):
            self.remove(f"{LIBRARIES}/libcuda.so{end}")
        self.assert_says("broken", "backends", "needs libcuda.so.1", "--quick", "--ollama")

    def test_driver_older_than_runtime(self):
        self.assert_says("broken", "backends", "cuInit is never called, the error is 35",
                         "--ollama", FAKE_VERSION="11080")

    def test_compute_capability(self):
        self.assert_says("broken", "backends", "8.7 is not in the list", "--ollama",
                         FAKE_CC="87")
        self.backend(fatbin(("ptx", 90)))
        self.assert_says("broken", "backends", "8.0 is below all", "--ollama")

    def test_machine_code_only(self):
        self.backend(fatbin(("sass", 80)))
        self.assert_says("broken", "backends", "machine code only (80), no PTX", "--ollama")

    def test_cpu_build(self):
        self.remove(f"{self.lib}/cuda_v12/libggml-cuda.so")
        self.assert_says("broken", "backends", "has no CUDA library", "--quick", "--ollama")
        shutil.rmtree(self.path(self.lib))
        self.assert_says("broken", "backends", "there is no lib/ollama beside", "--quick",
                         "--ollama")

    def test_second_copy(self):
        self.copy(self.path(f"{self.lib}/cuda_v12/libggml-cuda.so"),
                  f"{self.lib}/libggml-cuda.so")
        self.assert_says("broken", "backends", "each device appears twice", "--quick",
                         "--ollama")

    def test_leftover_backend(self):
        real = f"{self.lib}/cuda_v12/libggml-cuda.so"
        self.put(f"{self.lib}/llama-server", "", 0o755)
        self.link("libggml-cuda.so", real + ".0")  # another name of it is none
        self.assertNotIn("leftover", str(self.doctor("--quick", "--ollama")))
        os.rename(self.path(real), self.path(real + ".kept"))
        self.assert_says("broken", "backends", "libggml-cuda.so.kept' is a leftover", "--quick",
                         "--ollama")

    def test_intruder(self):
        self.link(f"/{LIBRARIES}/libcuda.so.1", f"{self.lib}/libcuda.so.1")
        self.assert_says("broken", "intruders", "does not belong into lib/ollama", "--quick",
                         "--ollama")

    def service(self, line):
        self.put("etc/systemd/system/ollama.service.d/override.conf", f"[Service]\n{line}\n")

    def test_service_environment(self):
        self.service("Environment=OLLAMA_LLM_LIBRARY=cuda CUDA_VISIBLE_DEVICES=-1")
        self.assert_says("broken", "llm-library", "names no folder", "--quick", "--ollama")
        self.assert_says("broken", "visible", "CUDA_VISIBLE_DEVICES=-1 of ollama.service",
                         "--quick", "--ollama")
        self.service('Environment="OLLAMA_LLM_LIBRARY=cpu_avx2"')
        self.assert_says("broken", "llm-library", "asks for the CPU", "--quick", "--ollama")
        self.service("Environment=OLLAMA_LLM_LIBRARY=cuda_v12")
        self.assert_says("ok", "llm-library", "OLLAMA_LLM_LIBRARY=cuda_v12", "--quick",
                         "--ollama")
        self.service("Environment=HIP_VISIBLE_DEVICES=0")
        self.assert_says("unknown", "overrides", "HIP_VISIBLE_DEVICES=0", "--quick", "--ollama")

    def test_driver_too_old(self):
        self.assert_says("broken", "driver-age", "older than 550", "--ollama",
                         FAKE_NVML_DRIVER="535")

    def test_other_nvml_first(self):
        compile_library(self.path("usr/lib/wsl/lib/libnvidia-ml.so.1"), [], text="int x;")
        self.assert_says("broken", "driver-age", "before every other NVML", "--quick",
                         "--ollama")

    def test_integrated(self):
        self.assert_says("broken", "driver-age", "calls itself integrated", "--ollama",
                         FAKE_INTEGRATED="1")


class Process(Base):
    def test_other_libcuda_mapped(self):
        library = self.path("opt/other/libcuda.so.1")
        compile_library(library, [], text="int x;")
        script = (f"import ctypes, sys\nctypes.CDLL('{library}')\n"
                  "print('mapped', flush=True)\nsys.stdin.readline()\n")
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, env=CLEAN) as child:
            child.stdout.readline()
            self.assert_says("broken", "maps", "has mapped another libcuda", "--quick", "--pid",
                             str(child.pid))
            child.communicate("\n")

    def test_other_container(self):
        try:
            child = subprocess.Popen(["unshare", "-m", "cat"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            self.skipTest("no unshare here")
        with child:
            try:
                child.stdin.write(b"x\n")
                child.stdin.flush()
                echo = child.stdout.readline()
            except BrokenPipeError:
                echo = b""
            if echo == b"x\n":
                self.assert_says("unknown", "namespace", "lives in another container",
                                 "--quick", "--pid", str(child.pid))
            try:
                child.stdin.close()
            except BrokenPipeError:
                pass
        if echo != b"x\n":
            self.skipTest("mount namespaces are forbidden here")

    def test_gone(self):
        with subprocess.Popen(["true"]) as child:
            child.wait()
        self.assert_says("unknown", "maps", "cannot be read", "--quick", "--pid",
                         str(child.pid))


if __name__ == "__main__":
    unittest.main()
