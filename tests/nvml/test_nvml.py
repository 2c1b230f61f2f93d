#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVML as programs use it, through ctypes: every export, what must be refused, agreement with
CUDA, and accounts over several processes.

    test_nvml.py BUILD API     BUILD/lib holds the libraries, API is the folder of nvml.api
    test_nvml.py client LIB    a CUDA client that does what its standard input says
    test_nvml.py probe LIB     prints what nvmlInit, nvmlDeviceGetCount and a handle give
"""
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

MIB = 1 << 20
SUCCESS, UNINITIALIZED, INVALID, NOT_SUPPORTED, NOT_FOUND, SMALL = 0, 1, 2, 3, 6, 7
NOT_LOADED, TIMEOUT, NO_FUNCTION, VERSION = 9, 10, 13, 25
# a kernel that counts to its parameter
LOOP = b"""
.version 7.0
.target sm_80
.address_size 64
.visible .entry spin(.param .u32 turns, .param .u64 out)
{
    .reg .pred %p;
    .reg .b32 %i, %n;
    .reg .b64 %a;
    ld.param.u32 %n, [turns];
    ld.param.u64 %a, [out];
    mov.u32 %i, 0;
again:
    add.u32 %i, %i, 1;
    setp.lt.u32 %p, %i, %n;
    @%p bra again;
    st.global.u32 [%a], %i;
    ret;
}
\0"""


class Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong),
                ("used", ctypes.c_ulonglong)]


class Memory2(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint), ("total", ctypes.c_ulonglong),
                ("reserved", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong),
                ("used", ctypes.c_ulonglong)]


class Process(ctypes.Structure):
    _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong),
                ("gi", ctypes.c_uint), ("ci", ctypes.c_uint)]


class Pci(ctypes.Structure):
    _fields_ = [("legacy", ctypes.c_char * 16), ("domain", ctypes.c_uint),
                ("bus", ctypes.c_uint), ("device", ctypes.c_uint), ("id", ctypes.c_uint),
                ("subsystem", ctypes.c_uint), ("bus_id", ctypes.c_char * 32)]


class Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class Sample(ctypes.Structure):
    _fields_ = [("pid", ctypes.c_uint), ("time", ctypes.c_ulonglong), ("sm", ctypes.c_uint),
                ("mem", ctypes.c_uint), ("enc", ctypes.c_uint), ("dec", ctypes.c_uint)]


# --- the client

class Cuda:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.context = ctypes.c_void_p()
        self.spin = None
        self.out = ctypes.c_uint64()
        self.call("cuInit", 0)
        self.call("cuCtxCreate_v2", ctypes.byref(self.context), 0, 0)
        self.last = ctypes.c_uint64()

    def call(self, name, *arguments):
        result = getattr(self.lib, name)(*arguments)
        if result != 0:
            raise RuntimeError(f"{name}: {result}")

    def alloc(self, size):
        return self.lib.cuMemAlloc_v2(ctypes.byref(self.last), ctypes.c_size_t(int(size)))

    def fill(self, size):
        """Memory that was written is slower to give back."""
        self.call("cuMemsetD8_v2", self.last, 1, ctypes.c_size_t(int(size)))
        return self.lib.cuCtxSynchronize()

    def free(self):
        return self.lib.cuMemFree_v2(self.last)

    def info(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return f"{free.value} {total.value}"

    def facts(self):
        name, bus, uuid = (ctypes.create_string_buffer(n) for n in (256, 16, 16))
        total, version = ctypes.c_size_t(), ctypes.c_int()
        self.call("cuDeviceGetName", name, 256, 0)
        self.call("cuDeviceGetPCIBusId", bus, 16, 0)
        self.call("cuDeviceGetUuid_v2", uuid, 0)
        self.call("cuDeviceTotalMem_v2", ctypes.byref(total), 0)
        self.call("cuDriverGetVersion", ctypes.byref(version))
        text = uuid.raw.hex()
        return "|".join((name.value.decode(), bus.value.decode(),
                         "GPU-" + "-".join((text[:8], text[8:12], text[12:16], text[16:20],
                                            text[20:])), str(total.value), str(version.value)))

    def turn(self, turns):
        """Runs the kernel to its end."""
        if self.spin is None:
            module, self.spin = ctypes.c_void_p(), ctypes.c_void_p()
            self.call("cuModuleLoadData", ctypes.byref(module), LOOP)
            self.call("cuModuleGetFunction", ctypes.byref(self.spin), module, b"spin")
            self.call("cuMemAlloc_v2", ctypes.byref(self.out), ctypes.c_size_t(256))
        count = ctypes.c_uint32(int(turns))
        parameters = (ctypes.c_void_p * 2)(ctypes.addressof(count),
                                           ctypes.addressof(self.out))
        self.call("cuLaunchKernel", self.spin, 1, 1, 1, 1, 1, 1, 0, None, parameters, None)
        self.call("cuCtxSynchronize")
        return 0

    def end(self):
        return self.lib.cuCtxDestroy_v2(self.context)


def client(path):
    cuda = Cuda(path)
    print("ready", flush=True)
    for line in sys.stdin:
        word, *arguments = line.split()
        print(getattr(cuda, word)(*arguments), flush=True)


def probe(path):
    lib, count, device = ctypes.CDLL(path), ctypes.c_uint(7), ctypes.c_void_p()
    print(lib.nvmlInit_v2(), lib.nvmlDeviceGetCount_v2(ctypes.byref(count)), count.value,
          lib.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)))


def in_fresh(**more):
    """What a new process learns: [init, count's result, count, handle's result]."""
    env = {k: v for k, v in dict(os.environ, **more).items() if v is not None}
    out = subprocess.run([sys.executable, __file__, "probe",
                          os.path.join(LIB, "libnvidia-ml.so.1")],
                         stdout=subprocess.PIPE, env=env, check=True).stdout
    return [int(word) for word in out.split()]


class Client:
    """A process of its own that uses the device."""

    def __init__(self, **more):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "client", os.path.join(LIB, "libcuda.so.1")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, **more))
        self.pid = self.process.pid
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the client does not start")

    def ask(self, text):
        self.send(text)
        return self.process.stdout.readline().strip()

    def send(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def workers():
    """The workers of this test: they have its folder in their environment."""
    mark = os.environ["VGPU_ACCOUNTS"].encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file, open(f"/proc/{pid}/comm") as name:
                if mark in file.read() and name.read().strip() == "vgpu-worker":
                    found.append(int(pid))
        except OSError:
            pass
    return found


# --- the tests

def library():
    lib = ctypes.CDLL(os.path.join(LIB, "libnvidia-ml.so.1"))
    lib.nvmlErrorString.restype = ctypes.c_char_p
    return lib


def in_child(function):
    """Runs a function in a forked process. Return: what it returned, a small number."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = function()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Started(unittest.TestCase):
    def setUp(self):
        self.lib = library()
        self.assertEqual(self.lib.nvmlInit_v2(), SUCCESS)
        self.addCleanup(self.lib.nvmlShutdown)
        self.device = ctypes.c_void_p()
        self.assertEqual(
            self.lib.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self.device)), SUCCESS)

    def memory(self):
        facts = Memory()
        self.assertEqual(self.lib.nvmlDeviceGetMemoryInfo(self.device, ctypes.byref(facts)), 0)
        self.assertEqual(facts.used + facts.free, facts.total)
        return facts

    def processes(self):
        count, infos = ctypes.c_uint(64), (Process * 64)()
        self.assertEqual(self.lib.nvmlDeviceGetComputeRunningProcesses_v3(
            self.device, ctypes.byref(count), infos), SUCCESS)
        return {p.pid: p.used for p in infos[:count.value]}

    def until(self, seconds, condition):
        """Return: the time it took; fails after @seconds."""
        begin = time.monotonic()
        while not condition():
            self.assertLess(time.monotonic() - begin, seconds)
            os.sched_yield()
        return time.monotonic() - begin


class Refusals(unittest.TestCase):
    def test_before_init(self):
        def child():
            lib = library()
            count = ctypes.c_uint()
            wrong = [lib.nvmlShutdown() != UNINITIALIZED,
                     lib.nvmlDeviceGetCount_v2(ctypes.byref(count)) != UNINITIALIZED,
                     lib.nvmlDeviceGetCount_v2(None) != UNINITIALIZED,
                     lib.nvmlDeviceGetFanSpeed(None, None) != UNINITIALIZED,
                     lib.nvmlErrorString(1) != b"Uninitialized",
                     lib.nvmlErrorString(12345) != b"Unknown Error"]
            return sum(wrong)
        self.assertEqual(in_child(child), 0)

    def test_without_endpoint(self):
        empty = os.environ["VGPU_ACCOUNTS"]
        self.assertEqual(in_fresh(VGPU_ENDPOINT=None, XDG_CONFIG_HOME=empty, HOME=empty)[:2],
                         [NOT_LOADED, UNINITIALIZED])

    def test_silent_endpoint(self):
        path = os.path.join(os.environ["VGPU_ACCOUNTS"], "silent")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.bind(path)
            server.listen(1)
            begin = time.monotonic()
            self.assertEqual(in_fresh(VGPU_ENDPOINT="unix:" + path)[:2],
                             [TIMEOUT, UNINITIALIZED])
            self.assertLess(time.monotonic() - begin, SLOW * 2 + 2)
        self.assertEqual(in_fresh(VGPU_ENDPOINT="unix:" + path)[0], NOT_LOADED)

    def test_no_device(self):
        self.assertEqual(in_fresh(VGPU_SOFT_MEMORY="0"), [SUCCESS, SUCCESS, 0, INVALID])


class Exports(Started):
    def names(self):
        with open(os.path.join(API, "nvml.api"), encoding="utf-8") as file:
            text = file.read()
        # a call with a reason is one that only a host's own NVML answers
        return [("skip" if reason else kind, name) for kind, name, reason in re.findall(
            r"^(call|skip|hand) (nvml\w+)(?:\([^)]*\)\s+\w+\s+(\"))?", text, re.M)]

    def test_all_are_there(self):
        names = self.names()
        self.assertGreater(len(names), 400)
        for _, name in names:
            self.assertTrue(hasattr(self.lib, name), name)

    def test_what_is_not_carried_says_so(self):
        buffers = [ctypes.create_string_buffer(65536) for _ in range(5)]
        skipped = [name for kind, name in self.names() if kind == "skip"]
        self.assertGreater(len(skipped), 280)
        for name in skipped:
            self.assertEqual(getattr(self.lib, name)(self.device, *buffers), NOT_SUPPORTED, name)
        for buffer in buffers:
            self.assertEqual(buffer.raw, bytes(65536))

    def test_carried_calls_refuse_null(self):
        nothing = [name for kind, name in self.names() if kind == "call" and "Get" in name]
        for name in nothing:
            result = getattr(self.lib, name)(None, None, None, None)
            self.assertEqual(result, INVALID, name)

    def test_export_table(self):
        table, uuid = ctypes.c_void_p(1), (ctypes.c_ubyte * 16)()
        self.assertEqual(self.lib.nvmlInternalGetExportTable(ctypes.byref(table), uuid),
                         NO_FUNCTION)
        self.assertIsNone(table.value)

    def test_init_is_counted(self):
        count = ctypes.c_uint()
        self.assertEqual(self.lib.nvmlInitWithFlags(0), SUCCESS)
        self.assertEqual(self.lib.nvmlShutdown(), SUCCESS)
        self.assertEqual(self.lib.nvmlDeviceGetCount_v2(ctypes.byref(count)), SUCCESS)
        self.assertEqual(count.value, 1)
        self.assertEqual(self.lib.nvmlShutdown(), SUCCESS)
        self.assertEqual(self.lib.nvmlDeviceGetCount_v2(ctypes.byref(count)), UNINITIALIZED)
        self.assertEqual(self.lib.nvmlShutdown(), UNINITIALIZED)
        self.assertEqual(self.lib.nvmlInit(), SUCCESS)
        name = ctypes.create_string_buffer(96)
        self.assertEqual(self.lib.nvmlDeviceGetName(self.device, name, 96), SUCCESS)

    def test_dlclose(self):
        close = ctypes.CDLL(None).dlclose
        close.argtypes = [ctypes.c_void_p]
        for _ in range(3):
            lib = library()
            self.assertEqual(lib.nvmlInit_v2(), SUCCESS)
            self.assertEqual(lib.nvmlShutdown(), SUCCESS)
            self.assertEqual(close(lib._handle), 0)

    def test_fork(self):
        def child():
            facts = Memory()
            cuda = Cuda(os.path.join(LIB, "libcuda.so.1"))
            return (self.lib.nvmlDeviceGetMemoryInfo(self.device, ctypes.byref(facts)) +
                    cuda.alloc(MIB))
        self.assertEqual(in_child(child), SUCCESS)


class Sheet(Started):
    def text(self, name, *before):
        out = ctypes.create_string_buffer(96)
        self.assertEqual(getattr(self.lib, name)(*before, out, 96), SUCCESS)
        self.assertEqual(getattr(self.lib, name)(*before, out, 2), SMALL)
        return out.value.decode()

    def test_agrees_with_cuda(self):
        cuda = Client()
        name, bus, uuid, total, version = cuda.ask("facts").split("|")
        cuda.close()
        pci, cuda_version = Pci(), ctypes.c_int()
        self.assertEqual(self.text("nvmlDeviceGetName", self.device), name)
        self.assertEqual(self.text("nvmlDeviceGetUUID", self.device), uuid)
        self.assertEqual(self.memory().total, int(total))
        self.assertEqual(self.lib.nvmlDeviceGetPciInfo_v3(self.device, ctypes.byref(pci)), 0)
        self.assertEqual(pci.legacy.decode(), bus)
        self.assertEqual(pci.bus_id.decode(), "0000" + bus)
        for call in ("nvmlSystemGetCudaDriverVersion", "nvmlSystemGetCudaDriverVersion_v2"):
            self.assertEqual(getattr(self.lib, call)(ctypes.byref(cuda_version)), SUCCESS)
            self.assertEqual(cuda_version.value, int(version))
        driver = self.text("nvmlSystemGetDriverVersion")
        self.assertGreaterEqual(int(driver.split(".")[0]), 570)
        self.assertEqual(self.text("nvmlSystemGetNVMLVersion"),
                         f"{int(version) // 1000}.{driver}")

    def test_handles(self):
        found, uuid, pci = ctypes.c_void_p(), self.text("nvmlDeviceGetUUID", self.device), Pci()
        self.lib.nvmlDeviceGetPciInfo_v3(self.device, ctypes.byref(pci))
        for call, argument in (("nvmlDeviceGetHandleByUUID", uuid.encode()),
                               ("nvmlDeviceGetHandleByPciBusId_v2", pci.bus_id),
                               ("nvmlDeviceGetHandleByPciBusId", pci.legacy)):
            found.value = 0
            self.assertEqual(getattr(self.lib, call)(argument, ctypes.byref(found)), SUCCESS)
            self.assertEqual(found.value, self.device.value)
        for call, argument, wanted in (("nvmlDeviceGetHandleByUUID", b"GPU-0", NOT_FOUND),
                                       ("nvmlDeviceGetHandleByPciBusId_v2", b"x", NOT_FOUND),
                                       ("nvmlDeviceGetHandleByIndex_v2", 1, INVALID)):
            self.assertEqual(getattr(self.lib, call)(argument, ctypes.byref(found)), wanted)
        self.assertEqual(self.lib.nvmlDeviceGetIndex(ctypes.c_void_p(8), ctypes.byref(found)),
                         INVALID)

    def test_memory_v2(self):
        facts = Memory2()
        self.assertEqual(
            self.lib.nvmlDeviceGetMemoryInfo_v2(self.device, ctypes.byref(facts)), VERSION)
        facts.version = ctypes.sizeof(facts) | 2 << 24
        self.assertEqual(
            self.lib.nvmlDeviceGetMemoryInfo_v2(self.device, ctypes.byref(facts)), SUCCESS)
        self.assertEqual(facts.reserved + facts.used + facts.free, facts.total)
        self.assertEqual(facts.total, self.memory().total)

    def test_visible_devices_mean_nothing(self):
        def child():
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
            count = ctypes.c_uint()
            self.lib.nvmlDeviceGetCount_v2(ctypes.byref(count))
            return count.value
        self.assertEqual(in_child(child), 1)

    def test_listening_worker(self):
        path = os.path.join(os.environ["VGPU_ACCOUNTS"], "worker")
        worker = subprocess.Popen([os.path.join(BUILD, "vgpu-worker"), "--listen", path])
        try:
            self.until(20, lambda: os.path.exists(path))

            self.until(20, lambda: in_fresh(VGPU_ENDPOINT="unix:" + path) ==
                       [SUCCESS, SUCCESS, 1, SUCCESS])
        finally:
            worker.kill()
            worker.wait()


class Smi(Started):
    def smi(self, *arguments, status=0):
        done = subprocess.run([os.path.join(BUILD, "vgpu"), "smi", *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_list(self):
        self.assertRegex(self.smi("-L"), r"^GPU 0: .+ \(UUID: GPU-[0-9a-f-]{36}\)\n$")

    def test_table(self):
        one = Client()
        self.assertEqual(one.ask(f"alloc {48 * MIB}"), "0")
        lines = self.smi().splitlines()[1:]
        self.assertEqual({len(line) for line in lines if line}, {91})
        row = [line for line in lines if f" {one.pid} " in line]
        self.assertEqual(len(row), 1)
        self.assertIn("python", row[0])
        self.assertRegex(row[0], r" (4[89]|50)MiB \|$")
        one.close()

    def test_full(self):
        text = self.smi("-q")
        self.assertRegex(text, r"Attached GPUs +: 1\n")
        self.assertRegex(text, r"Temperature +: N/A\n")
        self.assertRegex(text, r"FB Memory Total +: 1024 MiB\n")

    def test_queries(self):
        fields = "--query-gpu=index,memory.total,memory.used,power.draw"
        self.assertEqual(self.smi(fields, "--format=csv"),
                         "index, memory.total [MiB], memory.used [MiB], power.draw [W]\n"
                         "0, 1024 MiB, 0 MiB, [N/A]\n")
        self.assertEqual(self.smi(fields, "--format=csv,noheader,nounits", "-i", "0"),
                         "0, 1024, 0, [N/A]\n")
        self.assertEqual(self.smi("--query-gpu=nonsense", "--format=csv", status=2), "")
        self.assertEqual(self.smi(fields, status=2), "")
        one = Client()
        self.assertEqual(one.ask(f"alloc {48 * MIB}"), "0")
        text = self.smi("--query-compute-apps=pid,process_name,used_memory",
                        "--format=csv,noheader,nounits")
        pid, name, used = text.strip().split(", ")
        self.assertEqual(int(pid), one.pid)
        self.assertIn("python", name)
        self.assertIn(int(used), (48, 49, 50))
        one.close()


class Accounts(Started):
    def setUp(self):
        super().setUp()
        self.until(20, lambda: self.processes() == {})

    def test_looking_is_no_use(self):
        self.assertEqual(self.processes(), {})
        self.assertEqual(self.memory().used, 0)
        self.until(20, lambda: workers() == [])

    def test_many_lookers(self):
        """As programs do before each model: open, ask, close, and many of them at once."""
        code = ("import ctypes, sys\n"
                "lib = ctypes.CDLL(sys.argv[1])\n"
                "handle, facts = ctypes.c_void_p(), (ctypes.c_ulonglong * 3)()\n"
                "assert lib.nvmlInit_v2() == 0\n"
                "assert lib.nvmlDeviceGetHandleByUUID(sys.argv[2].encode(),"
                " ctypes.byref(handle)) == 0\n"
                "assert lib.nvmlDeviceGetMemoryInfo(handle, facts) == 0 and facts[2] == 0\n"
                "assert lib.nvmlShutdown() == 0\n"
                "print(facts[0], flush=True)\n"
                "sys.stdin.read()\n")
        uuid = ctypes.create_string_buffer(96)
        self.assertEqual(self.lib.nvmlDeviceGetUUID(self.device, uuid, 96), SUCCESS)
        begin = time.monotonic()
        many = [subprocess.Popen([sys.executable, "-c", code,
                                  os.path.join(LIB, "libnvidia-ml.so.1"), uuid.value.decode()],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                for _ in range(12)]
        for one in many:
            self.assertEqual(one.stdout.readline(), f"{self.memory().total}\n")
        print(f"12 at once: {time.monotonic() - begin:.2f} s")
        self.assertEqual(self.processes(), {})
        for one in many:
            one.kill()
            one.communicate()
        self.until(20, lambda: workers() == [])

    def test_workers_are_found(self):
        one = Client()
        self.assertEqual(len(workers()), 1)
        one.close()
        self.until(20, lambda: workers() == [])

    def test_another_process_shows(self):
        first, second = Client(), Client()
        self.assertEqual(first.ask(f"alloc {96 * MIB}"), "0")
        self.assertEqual(second.ask(f"alloc {32 * MIB}"), "0")
        uses = self.processes()
        self.assertEqual(set(uses), {first.pid, second.pid})
        self.assertGreaterEqual(uses[first.pid], 96 * MIB)
        self.assertGreaterEqual(uses[second.pid], 32 * MIB)
        facts = self.memory()
        self.assertEqual(facts.used, sum(uses.values()))
        for one in (first, second):
            self.assertEqual(one.ask("info"), f"{facts.free} {facts.total}")
        # v1 lists, too little room, nobody who draws
        count = ctypes.c_uint(0)
        self.assertEqual(self.lib.nvmlDeviceGetComputeRunningProcesses(
            self.device, ctypes.byref(count), None), SMALL)
        self.assertEqual(count.value, 2)
        self.assertEqual(self.lib.nvmlDeviceGetGraphicsRunningProcesses(
            self.device, ctypes.byref(count), None), SUCCESS)
        self.assertEqual(count.value, 0)
        self.assertEqual(first.ask("free"), "0")
        self.assertLess(self.processes()[first.pid], 96 * MIB)
        first.close()
        second.close()
        self.until(20, lambda: self.processes() == {})
        self.assertEqual(self.memory().used, 0)

    def test_context_ends(self):
        one = Client()
        self.assertEqual(list(self.processes()), [one.pid])
        self.assertEqual(one.ask("end"), "0")
        self.assertEqual(self.processes(), {})
        one.close()

    def test_kill(self):
        before = self.memory().free
        one, other = Client(), Client()
        self.assertEqual(one.ask(f"alloc {128 * MIB}"), "0")
        self.assertEqual(one.ask(f"fill {128 * MIB}"), "0")
        self.assertLess(self.memory().free, before)
        os.kill(one.pid, signal.SIGKILL)
        took = self.until(SLOW * 0.5, lambda: one.pid not in self.processes())
        self.assertEqual(self.memory().used, sum(self.processes().values()))
        print(f"killed: free again after {took * 1000:.0f} ms")
        self.assertEqual(other.ask("info").split()[0], str(self.memory().free))
        one.kill()
        other.close()

    def test_sum_is_the_limit(self):
        one, other = Client(), Client()
        self.assertEqual(one.ask(f"alloc {700 * MIB}"), "0")
        self.assertEqual(other.ask(f"alloc {500 * MIB}"), "2")
        self.assertEqual(self.memory().used, sum(self.processes().values()))
        self.assertLess(self.processes()[other.pid], 500 * MIB)
        self.assertEqual(other.ask(f"alloc {100 * MIB}"), "0")
        one.kill()
        self.until(20, lambda: one.pid not in self.processes())
        self.assertEqual(other.ask(f"alloc {500 * MIB}"), "0")
        other.close()

    def test_utilization(self):
        busy, idle = Utilization(), Client()
        self.assertEqual(
            self.lib.nvmlDeviceGetUtilizationRates(self.device, ctypes.byref(busy)), SUCCESS)
        self.assertEqual(busy.gpu, 0)
        count = ctypes.c_uint(0)
        ask = self.lib.nvmlDeviceGetProcessUtilization
        ask.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulonglong]
        self.assertEqual(ask(self.device, None, ctypes.byref(count), 0), NOT_FOUND)
        one = Client()
        one.send("turn 2000000000")

        def works():
            self.assertEqual(self.lib.nvmlDeviceGetUtilizationRates(
                self.device, ctypes.byref(busy)), SUCCESS)
            return busy.gpu >= 50
        self.until(30, works)
        self.assertLessEqual(busy.gpu, 100)
        samples, newest = (Sample * 8)(), 0
        for _ in range(3):
            count.value = 8
            self.assertEqual(ask(self.device, samples, ctypes.byref(count), newest), SUCCESS)
            self.assertEqual([s.pid for s in samples[:count.value]], [one.pid])
            self.assertGreater(samples[0].time, newest)
            self.assertLessEqual(samples[0].sm, 100)
            newest = samples[0].time
        one.kill()
        idle.close()
        self.until(20, lambda: self.processes() == {})
        self.assertEqual(ask(self.device, samples, ctypes.byref(count), 0), NOT_FOUND)

    def test_two_busy_clients(self):
        one, other = Client(), Client()
        for client in (one, other):
            client.send("turn 2000000000")
        samples, count = (Sample * 8)(), ctypes.c_uint()
        ask = self.lib.nvmlDeviceGetProcessUtilization
        ask.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulonglong]

        def both():
            count.value = 8
            return ask(self.device, samples, ctypes.byref(count), 0) == SUCCESS and \
                count.value == 2
        self.until(30, both)
        self.assertEqual({s.pid for s in samples[:2]}, {one.pid, other.pid})
        busy = Utilization()
        self.assertEqual(
            self.lib.nvmlDeviceGetUtilizationRates(self.device, ctypes.byref(busy)), SUCCESS)
        self.assertGreater(busy.gpu, 0)
        self.assertLessEqual(busy.gpu, 100)
        one.kill()
        other.kill()

    def test_planted_link(self):
        folder = tempfile.mkdtemp(dir=os.environ["VGPU_ACCOUNTS"])
        victim = os.path.join(folder, "victim")
        with open(victim, "wb") as file:
            file.write(b"precious")
        name = [n for n in os.listdir(os.environ["VGPU_ACCOUNTS"])
                if n.startswith("vgpu-")][0]
        os.symlink(victim, os.path.join(folder, name))
        one = Client(VGPU_ACCOUNTS=folder)
        self.assertEqual(one.ask(f"alloc {MIB}"), "0")
        one.close()
        with open(victim, "rb") as file:
            self.assertEqual(file.read(), b"precious")


if __name__ == "__main__":
    if sys.argv[1] == "client":
        client(sys.argv[2])
        sys.exit(0)
    if sys.argv[1] == "probe":
        probe(sys.argv[2])
        sys.exit(0)
    BUILD, API = (os.path.abspath(a) for a in sys.argv[1:3])
    LIB = os.path.join(BUILD, "lib")
    # a machine that is busy with other tests gets more time
    SLOW = 8 if os.getloadavg()[0] > 2 * os.cpu_count() else 2
    with tempfile.TemporaryDirectory() as accounts:
        os.environ.update(VGPU_ENDPOINT="soft", VGPU_ACCOUNTS=accounts, VGPU_SOFT_MEMORY="1G",
                          LD_LIBRARY_PATH=LIB)
        result = unittest.main(argv=sys.argv[:1] + sys.argv[3:], exit=False, verbosity=2).result
    sys.exit(not result.wasSuccessful())
