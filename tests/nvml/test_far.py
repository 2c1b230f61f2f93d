#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host's own NVML behind a socket: every carried call answers byte by byte what the
library says that is asked directly; sensors, errors, a library that hangs or crashes; and
accounts that are the host's, in a mount namespace with a /dev/shm of its own.

    test_far.py BUILD API STANDIN
    test_far.py ask LIB API        prints what each call answers, for comparison
    test_far.py shell LIB          calls that standard input names
"""
import ctypes
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

MIB = 1 << 20
SUCCESS, UNINITIALIZED, INVALID, NOT_SUPPORTED, SMALL, NOT_LOADED = 0, 1, 2, 3, 7, 9
TIMEOUT, NO_LIBRARY, NO_FUNCTION, LOST, NO_DATA, VERSION, UNKNOWN = 10, 12, 13, 15, 21, 25, 999
HERE = os.path.dirname(os.path.abspath(__file__))


# --- every call, with good and bad arguments

def described(api):
    """Return: {name: [parameter, ...]} of the calls that travel, {struct: size}."""
    with open(os.path.join(api, "nvml.api"), encoding="utf-8") as file:
        text = re.sub(r"\s+", " ", re.sub(r"^#.*$", "", file.read(), flags=re.M))
    with open(os.path.join(api, "nvml-types.api"), encoding="utf-8") as file:
        types = file.read()
    calls = {m[1]: [p.strip() for p in m[2].split(",") if p.strip()] for m in
             re.finditer(r"call (nvml\w+)\(([^)]*)\) (?:none|init)( \"[^\"]*\")?;", text)
             if m[3] is None}
    return calls, {m[1]: int(m[2]) for m in re.finditer(r"^struct (\w+) size (\d+)", types, re.M)}


def variants(parameters, sizes):
    """Fills of the parameters that are tried: all good first, then one thing wrong each."""
    numbers = [0]
    structs = [s for p in parameters for s in sizes if re.search(rf"\binout {s}\b", p)]
    if any("[length]" in p for p in parameters):
        numbers = [96, 3, 0, 0xffffffff]
    elif any(re.search(r"\binout unsigned int count", p) for p in parameters):
        numbers = [64, 0, 1, 0xffffffff]
    elif any(re.match(r"(unsigned |nvml\w+_t (?!device|other))", p) for p in parameters):
        numbers = [0, 1, 99]
    versions = [0]
    if structs:
        size = sizes[structs[0]]
        versions = [size | 1 << 24, size | 2 << 24, size, 0, 0x5000 | 3 << 24, 0xffffffff]
    for number in numbers:
        for version in versions:
            for handle in ("good", "bad", "null"):
                yield number, version, handle, None
    for i, p in enumerate(parameters):
        if re.match(r"(opt )?(in|out|inout|string)\b", p):
            yield numbers[0], versions[0], "good", i


def one_call(lib, device, name, parameters, fill, sizes):
    number, version, handle, null = fill
    arguments, buffers = [], []
    for i, p in enumerate(parameters):
        if i == null:
            arguments.append(None)
        elif p.startswith("string"):
            arguments.append(b"0000:01:00.0" if "bus_id" in p else b"GPU-x")
        elif re.match(r"(opt )?(in|out|inout)\b", p):
            # padding within structs means nothing: the same on both sides
            is_struct = any(re.search(rf"\b{s}\b", p) for s in sizes)
            buffer = ctypes.create_string_buffer((b"\0" if is_struct else b"\xa5") * 8192, 8192)
            if p.startswith("inout unsigned"):
                ctypes.memmove(buffer, ctypes.byref(ctypes.c_uint(number)), 4)
            elif re.match(r"in(out)? nvml", p):
                ctypes.memset(buffer, 0, 64)
                ctypes.memmove(buffer, ctypes.byref(ctypes.c_uint(version)), 4)
            buffers.append((p, buffer))
            arguments.append(buffer)
        elif p.startswith("nvmlDevice_t"):
            arguments.append({"good": device, "bad": ctypes.c_void_p(0x1230),
                              "null": None}[handle])
        elif p.startswith("unsigned long long"):
            arguments.append(ctypes.c_ulonglong(0))
        else:
            arguments.append(ctypes.c_uint(os.getppid() if p == "unsigned int pid" else number))
    result = getattr(lib, name)(*arguments)
    shown = []
    for p, buffer in buffers:
        raw = buffer.raw
        if re.search(r"out nvmlDevice_t", p) and result == 0:
            index = ctypes.c_uint(77)
            found = ctypes.c_void_p.from_buffer_copy(raw)
            if "[" not in p:
                lib.nvmlDeviceGetIndex(found, ctypes.byref(index))
                raw = b"device %d" % index.value + raw[8:]
        shown.append(raw.rstrip(raw[-1:]).hex())
    print(name, *fill, result, *shown)


def ask(path, api):
    lib, device = ctypes.CDLL(path), ctypes.c_void_p()
    calls, sizes = described(api)
    assert lib.nvmlInit_v2() == 0
    assert lib.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
    for name, parameters in calls.items():
        for fill in variants(parameters, sizes):
            one_call(lib, device, name, parameters, fill, sizes)


# --- single calls

def shell(path):
    lib = ctypes.CDLL(path)
    devices = [ctypes.c_void_p() for _ in range(2)]

    def number(name, index, *before, kind=ctypes.c_uint):
        value = kind(7777)
        return getattr(lib, name)(devices[int(index)], *map(int, before),
                                  ctypes.byref(value)), value.value

    def init(flags=0):
        result = lib.nvmlInitWithFlags(int(flags))
        for i in range(2):
            lib.nvmlDeviceGetHandleByIndex_v2(i, ctypes.byref(devices[i]))
        return result

    def period(name):
        a, b = ctypes.c_uint(7), ctypes.c_uint(8)
        return getattr(lib, name)(devices[0], ctypes.byref(a), ctypes.byref(b))

    def driver(size=96):
        out = ctypes.create_string_buffer(96)
        return lib.nvmlSystemGetDriverVersion(out, int(size)), out.value.decode()

    def thermal(index, version=12 | 1 << 24):
        values = (ctypes.c_int * 3)(int(version), 0, 7777)
        return lib.nvmlDeviceGetTemperatureV(devices[int(index)], values), values[2]

    def clocks(index, room):
        count, mhz = ctypes.c_uint(int(room)), (ctypes.c_uint * 8)()
        result = lib.nvmlDeviceGetSupportedMemoryClocks(devices[int(index)],
                                                        ctypes.byref(count), mhz)
        return result, count.value, list(mhz)

    def processes():
        count, infos = ctypes.c_uint(64), (ctypes.c_ulonglong * 192)()
        result = lib.nvmlDeviceGetComputeRunningProcesses_v3(devices[0], ctypes.byref(count),
                                                             infos)
        return result, {infos[3 * i] & 0xffffffff: infos[3 * i + 1]
                        for i in range(count.value)} if result == 0 else {}

    def memory():
        out = (ctypes.c_ulonglong * 3)()
        return lib.nvmlDeviceGetMemoryInfo(devices[0], out), list(out)

    def details(room, version=24 | 1 << 24):
        """nvmlProcessDetailList_v1_t, which points to its list."""
        room, items = int(room), (ctypes.c_ulonglong * 64)()
        head = (ctypes.c_ulonglong * 3)(int(version), room,
                                        ctypes.addressof(items) if room else 0)
        result = lib.nvmlDeviceGetRunningProcessDetailList(devices[0], head)
        kept = head[2] == (ctypes.addressof(items) if room else 0)
        return result, head[1], kept, [items[0] & 0xffffffff, items[1]]

    def forked(name, index):
        pid = os.fork()
        if pid == 0:
            result, value = number(name, index)
            os._exit(value if result == 0 else 255)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def reused():
        """A program that closes what it does not know, and opens files of its own."""
        taken = []
        for fd in map(int, os.listdir("/proc/self/fd")):
            try:
                if os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
                    os.close(fd)
                    read, write = os.pipe()
                    if read != fd:
                        os.dup2(read, fd)
                    taken.append(fd)
                    os.set_blocking(read, False)
            except OSError:
                pass
        result = number("nvmlDeviceGetIndex", 1)
        for fd in taken:
            os.fstat(fd)  # still open, and still the program's
        return len(taken), result

    words = {"number": number, "init": init, "period": period, "driver": driver, "details": details,
             "thermal": thermal, "clocks": clocks, "processes": processes, "memory": memory,
             "forked": forked, "reused": reused, "shutdown": lib.nvmlShutdown,
             "long": lambda name, i: number(name, i, kind=ctypes.c_ulonglong),
             "bogus": lambda: lib.nvmlDeviceGetIndex(
                 ctypes.c_void_p((devices[0].value or 0) + 0x100000),
                 ctypes.byref(ctypes.c_uint()))}
    print("ready", flush=True)
    for line in sys.stdin:
        word, *arguments = line.split()
        print(repr(words[word](*arguments)), flush=True)


class Shell:
    def __init__(self, endpoint, prefix=(), **more):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, os.path.join(HERE, "test_far.py"), "shell",
             os.path.join(LIB, "libnvidia-ml.so.1")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, VGPU_ENDPOINT=endpoint, **more))
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the shell does not start")

    def __call__(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return eval(self.process.stdout.readline())  # pylint: disable=eval-used

    def close(self):
        self.process.kill()
        self.process.communicate()


def until(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        os.sched_yield()
    return True


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


class Listening(unittest.TestCase):
    options = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=FOLDER)
        self.path = os.path.join(self.folder, "worker")
        self.endpoint = "unix:" + self.path
        self.pids = os.path.join(self.folder, "pids")
        self.worker = subprocess.Popen(
            [os.path.join(BUILD, "vgpu-worker"), "--listen", self.path, *self.options],
            stdout=subprocess.PIPE, text=True, env=dict(os.environ, STANDIN_PIDS=self.pids))
        self.addCleanup(self.stop)
        self.assertIn("listening", self.worker.stdout.readline())
        self.shells = []

    def stop(self):
        for one in self.shells:
            one.close()
        self.worker.kill()
        self.worker.communicate()

    def shell(self, **more):
        one = Shell(more.pop("endpoint", self.endpoint), **more)
        self.shells.append(one)
        return one

    def client(self, **more):
        one = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "test_nvml.py"), "client",
             os.path.join(LIB, "libcuda.so.1")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, VGPU_ENDPOINT=self.endpoint, **more))
        self.addCleanup(one.communicate)
        self.addCleanup(one.kill)
        self.assertEqual(one.stdout.readline(), "ready\n")
        return one


class Ours(Listening):
    """The software GPU's NVML is the host's."""

    def answers(self, endpoint):
        out = subprocess.run([sys.executable, os.path.join(HERE, "test_far.py"), "ask",
                              os.path.join(LIB, "libnvidia-ml.so.1"), API],
                             stdout=subprocess.PIPE, text=True, check=True,
                             env=dict(os.environ, VGPU_ENDPOINT=endpoint)).stdout
        return out.splitlines()

    def test_every_answer_is_the_direct_one(self):
        one = self.client()
        one.stdin.write(f"alloc {48 * MIB}\n")
        one.stdin.flush()
        self.assertEqual(one.stdout.readline(), "0\n")
        direct, far = self.answers("soft"), self.answers(self.endpoint)
        self.assertGreater(len(direct), 400)
        self.assertGreater(sum(line.split()[5] == "0" for line in direct), 60)
        self.assertEqual(direct, far)

    def test_sensors_stay_absent(self):
        one = self.shell()
        self.assertEqual(one("init"), SUCCESS)
        self.assertEqual(one("number nvmlDeviceGetPowerUsage 0"), (NOT_SUPPORTED, 7777))

    def test_accounts_are_the_hosts(self):
        one = self.client()
        one.stdin.write(f"alloc {48 * MIB}\n")
        one.stdin.flush()
        self.assertEqual(one.stdout.readline(), "0\n")
        here, elsewhere = self.shell(), self.shell(VGPU_ACCOUNTS=tempfile.mkdtemp(dir=FOLDER))
        for asker in (here, elsewhere):
            self.assertEqual(asker("init"), SUCCESS)
            result, uses = asker("processes")
            self.assertEqual((result, set(uses)), (SUCCESS, {one.pid}))
            self.assertGreaterEqual(uses[one.pid], 48 * MIB)
            self.assertEqual(asker("details 4"), (SUCCESS, 1, True, [one.pid, uses[one.pid]]))
            self.assertEqual(asker("details 0"), (SMALL, 1, True, [0, 0]))
            self.assertEqual(asker("details 4 25"), (VERSION, 4, True, [0, 0]))
        self.assertEqual(here("memory"), elsewhere("memory"))

    def test_own_mount_namespace(self):
        # as a container has it: an empty /dev/shm
        prefix = ["unshare", "--mount", "sh", "-c",
                  "mount -t tmpfs none /dev/shm && exec \"$@\"", "sh"]
        if os.geteuid() != 0:
            prefix[1:1] = ["--user", "--map-root-user"]
        if subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("no mount namespace of one's own here")
        self.worker.kill()
        self.worker.communicate()
        plain = {k: v for k, v in os.environ.items() if k != "VGPU_ACCOUNTS"}
        self.worker = subprocess.Popen(
            [os.path.join(BUILD, "vgpu-worker"), "--listen", self.path],
            stdout=subprocess.PIPE, text=True, env=plain)
        self.assertIn("listening", self.worker.stdout.readline())
        os.environ.pop("VGPU_ACCOUNTS")
        try:
            one = self.client()
            one.stdin.write(f"alloc {48 * MIB}\n")
            one.stdin.flush()
            self.assertEqual(one.stdout.readline(), "0\n")
            outside, inside = self.shell(), self.shell(prefix=prefix)
        finally:
            os.environ["VGPU_ACCOUNTS"] = FOLDER
        # the namespace is effective: who looks there alone sees nobody
        blind = self.shell(endpoint="soft", prefix=prefix, VGPU_ACCOUNTS="/dev/shm")
        self.assertEqual((blind("init"), blind("processes")), (SUCCESS, (SUCCESS, {})))
        for asker in (outside, inside):
            self.assertEqual(asker("init"), SUCCESS)
            result, uses = asker("processes")
            self.assertEqual(result, SUCCESS)
            self.assertGreaterEqual(uses.get(one.pid, 0), 48 * MIB)

    def test_looking_is_no_use(self):
        one = self.shell()
        self.assertEqual(one("init"), SUCCESS)
        self.assertEqual(one("processes"), (SUCCESS, {}))


class StandIn(Listening):
    """Another library is the host's."""

    @property
    def options(self):
        return ("--nvml", STANDIN)

    def test_sensors(self):
        one = self.shell()
        self.assertEqual(one("number nvmlDeviceGetIndex 0"), (UNINITIALIZED, 7777))
        self.assertEqual(one("init"), SUCCESS)
        for i in range(2):
            self.assertEqual(one(f"number nvmlDeviceGetIndex {i}"), (SUCCESS, i))
            self.assertEqual(one(f"number nvmlDeviceGetTemperature {i} 2"), (SUCCESS, 241 + i))
            self.assertEqual(one(f"number nvmlDeviceGetPowerUsage {i}"), (SUCCESS, 12345 + i))
            self.assertEqual(one(f"long nvmlDeviceGetTotalEnergyConsumption {i}"),
                             (SUCCESS, 0x123456789abc + i))
            self.assertEqual(one(f"thermal {i}"), (SUCCESS, -7 - i))
            self.assertEqual(one(f"clocks {i} 8"),
                             (SUCCESS, 3, [1000 + i, 2000 + i, 3000 + i, 0, 0, 0, 0, 0]))
        self.assertEqual(one("clocks 1 2"), (SMALL, 3, [0] * 8))
        self.assertEqual(one("thermal 0 1"), (VERSION, 7777))
        # a later version, which that library has: its size is not what travels
        self.assertEqual(one(f"thermal 0 {0x40000 | 3 << 24}"), (VERSION, 7777))
        self.assertEqual(one("driver"), (SUCCESS, "555.55.01"))
        self.assertEqual(one("driver 4"), (SMALL, ""))
        self.assertEqual(one("number nvmlDeviceGetFanSpeed 0"), (NO_DATA, 7777))
        self.assertEqual(one("number nvmlDeviceGetPowerState 0"), (NO_FUNCTION, 7777))
        self.assertEqual(one("bogus"), INVALID)
        self.assertEqual(one("shutdown"), SUCCESS)
        self.assertEqual(one("shutdown"), UNINITIALIZED)

    def test_init_is_the_hosts(self):
        one = self.shell()
        self.assertEqual(one("init 77"), NO_DATA)
        self.assertEqual(one("number nvmlDeviceGetIndex 0"), (UNINITIALIZED, 7777))
        self.assertEqual(one("init 0"), SUCCESS)
        self.assertEqual(one("init 0"), SUCCESS)
        self.assertEqual(one("shutdown"), SUCCESS)
        self.assertEqual(one("number nvmlDeviceGetIndex 1"), (SUCCESS, 1))

    def test_the_worker_ends_with_its_client(self):
        one = self.shell()
        self.assertEqual(one("init"), SUCCESS)
        self.assertEqual(len(children(self.worker.pid)), 1)
        self.assertEqual(one("shutdown"), SUCCESS)
        self.assertTrue(until(10, lambda: not children(self.worker.pid)))
        self.assertEqual(one("init"), SUCCESS)
        one.close()
        self.assertTrue(until(10, lambda: not children(self.worker.pid)))

    def test_fork_and_reuse(self):
        one = self.shell()
        self.assertEqual(one("init"), SUCCESS)
        self.assertEqual(one("forked nvmlDeviceGetIndex 1"), 1)
        self.assertEqual(one("number nvmlDeviceGetIndex 1"), (SUCCESS, 1))
        taken, result = one("reused")
        self.assertGreaterEqual(taken, 1)
        self.assertEqual(result, (SUCCESS, 1))

    def test_crash(self):
        one, other = self.shell(), self.shell()
        for asker in (one, other):
            self.assertEqual(asker("init"), SUCCESS)
        self.assertEqual(one("period nvmlDeviceGetDecoderUtilization"), UNKNOWN)
        self.assertEqual(other("number nvmlDeviceGetPowerUsage 1"), (SUCCESS, 12346))
        self.assertEqual(one("number nvmlDeviceGetPowerUsage 1"), (SUCCESS, 12346))

    def test_hang(self):
        one, other = self.shell(), self.shell()
        for asker in (one, other):
            self.assertEqual(asker("init"), SUCCESS)
        begin = time.monotonic()
        one.process.stdin.write("period nvmlDeviceGetEncoderUtilization\n")
        one.process.stdin.flush()
        self.assertEqual(other("number nvmlDeviceGetPowerUsage 1"), (SUCCESS, 12346))
        self.assertEqual(int(one.process.stdout.readline()), TIMEOUT)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(one("number nvmlDeviceGetPowerUsage 0"), (SUCCESS, 12345))
        # the one that hangs has gone with its connection
        self.assertTrue(until(10, lambda: len(children(self.worker.pid)) == 2))

    def test_worker_goes_away(self):
        one = self.shell()
        self.assertEqual(one("init"), SUCCESS)
        for pid in [*children(self.worker.pid), self.worker.pid]:
            os.kill(pid, 9)
        self.worker.wait()
        self.assertEqual(one("number nvmlDeviceGetPowerUsage 0")[0], UNKNOWN)
        self.assertEqual(one("number nvmlDeviceGetPowerUsage 0")[0], LOST)

    def test_a_worker_is_its_client(self):
        user = self.client()
        one = self.shell()
        self.assertEqual(one("init"), SUCCESS)
        workers = children(self.worker.pid)
        with open(self.pids, "w", encoding="ascii") as file:
            file.write("".join(f"{pid}\n" for pid in [*workers, os.getpid()]))
        result, uses = one("processes")
        self.assertEqual(result, SUCCESS)
        self.assertEqual(set(uses), {user.pid, one.process.pid, os.getpid()})


class Garbage(unittest.TestCase):
    """What no honest client sends is answered or ends the connection; nothing crashes."""

    def serve(self):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        worker = subprocess.Popen([os.path.join(BUILD, "vgpu-worker"), "--fd",
                                   str(its.fileno())], pass_fds=[its.fileno()],
                                  stderr=subprocess.DEVNULL)
        its.close()
        ours.settimeout(60)
        ours.send(struct.pack("<IIIHHII", 9, 24, 0x31555047, 1, 0, COUNT, 0))
        self.assertEqual(struct.unpack("<IIiI", ours.recv(65536)), (10, 16, 0, 0))
        return worker, ours

    @staticmethod
    def question(ours, call, serial, body):
        """Return: the result, or None when the connection ends."""
        try:
            ours.send(struct.pack("<IIiI", 10, 16 + len(body), call, serial) + body)
            answer = ours.recv(65536)
        except OSError:
            return None
        if not answer:
            return None
        kind, size, result, got = struct.unpack("<IIiI", answer[:16])
        assert (kind, size, got) == (10, len(answer), serial)
        return result

    def test_random_questions(self):
        numbers, seed = random.Random(5), b"\0\1\2\x10\x40\x7f\x80\xff"
        worker, ours = self.serve()
        self.assertEqual(self.question(ours, 1, 1, b""), SUCCESS)
        answered = ended = 0
        for serial in range(2, 1200):
            body = bytes(numbers.choice(seed) for _ in range(numbers.choice(
                (0, 4, 8, 9, 12, 13, 16, 20, 40, 52, 3000))))
            if numbers.random() < 0.5:  # a true device in front
                body = struct.pack("<Q", 0x4e << 40 | 1 << 36 | 1 << 20) + body[8:]
            call = numbers.choice((numbers.randrange(COUNT), numbers.randrange(8, 60)))
            if self.question(ours, call, serial, body) is None:
                self.assertIn(worker.wait(60), (0, 1))
                ours.close()
                ended += 1
                if ended == 60:
                    break
                worker, ours = self.serve()
                self.question(ours, 1, 1, b"")
            else:
                answered += 1
        ours.close()
        self.assertIn(worker.wait(60), (0, 1))
        self.assertGreater(answered, 20)
        self.assertGreater(ended, 10)

    def test_another_library_version(self):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with subprocess.Popen([os.path.join(BUILD, "vgpu-worker"), "--fd", str(its.fileno())],
                              pass_fds=[its.fileno()], stderr=subprocess.DEVNULL):
            its.close()
            ours.settimeout(60)
            ours.send(struct.pack("<IIIHHII", 9, 24, 0x31555047, 1, 0, COUNT + 1, 0))
            self.assertEqual(struct.unpack("<I", ours.recv(65536)[:4]), (4,))
            ours.close()


class Without(Listening):
    options = ("--nvml", "/nonexistent/libnvidia-ml.so.1")

    def test_no_library(self):
        self.assertEqual(self.shell()("init"), NO_LIBRARY)


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        ask(*sys.argv[2:4])
        sys.exit(0)
    if sys.argv[1] == "shell":
        shell(sys.argv[2])
        sys.exit(0)
    BUILD, API, STANDIN = (os.path.abspath(a) for a in sys.argv[1:4])
    LIB = os.path.join(BUILD, "lib")
    with open(os.path.join(API, "nvml.api"), encoding="utf-8") as nvml:
        COUNT = len(re.findall(r"^(?:call|skip|hand) nvml", nvml.read(), re.M))
    with tempfile.TemporaryDirectory() as FOLDER:
        os.environ.update(VGPU_ACCOUNTS=FOLDER, VGPU_SOFT_MEMORY="1G", LD_LIBRARY_PATH=LIB)
        RESULT = unittest.main(argv=sys.argv[:1] + sys.argv[4:], exit=False, verbosity=2).result
    sys.exit(not RESULT.wasSuccessful())
