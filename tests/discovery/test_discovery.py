#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The three ways in which Ollama looks for a GPU, over installed libraries, and the list of what
they need, a test a line.

    test_discovery.py BUILD PROGRAMS LOOKUPS
    test_discovery.py facts LIBCUDA     prints what a driver says of itself, as JSON
    test_discovery.py nvml LIBNVML      the same of NVML
"""
import ctypes
import glob
import json
import os
import re
import select
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

DEADLINE = 10
MEMORY = 1 << 30
LIBRARIES = "usr/lib/x86_64-linux-gnu"
DIRECT = """cuDeviceGet cuDeviceGetAttribute cuGetErrorString cuMemAddressFree
    cuMemAddressReserve cuMemCreate cuMemGetAllocationGranularity cuMemMap cuMemRelease
    cuMemSetAccess cuMemUnmap""".split()
BY_NAME = """cuInit cuDriverGetVersion cuDeviceGetCount cuDeviceGet cuDeviceGetAttribute
    cuDeviceGetUuid cuDeviceGetName cuCtxCreate_v3 cuMemGetInfo_v2 cuCtxDestroy
    cuDeviceTotalMem_v2 cuDeviceTotalMem cuDeviceGetPCIBusId cuGetProcAddress
    cuGetProcAddress_v2 cuGetExportTable""".split()
NVML = """nvmlInit_v2 nvmlShutdown nvmlDeviceGetHandleByUUID nvmlDeviceGetMemoryInfo
    nvmlDeviceGetName nvmlErrorString nvmlSystemGetDriverVersion""".split()
ATTRIBUTES = [*range(1, 20), *range(21, 44), *range(45, 92), *range(95, 98), *range(99, 102), 106,
              108, 109, *range(111, 122), 125, 129]
TABLES = {"runtime": "6bd5fb6c5bf4e74a8987d93912fd9df9",
          "hooks": "a094798c2e742e7493f20800200c0a66",
          "threads": "42d85a8123f6cb478298f6e78a3aecdc",
          "contexts": "c693336e1121df11a8c368f355d89593",
          "integrity": "d4082055bde6704b8d34ba123c66e1f2",
          "checks": "263e88607cd2614392f6bbd5006dfa7e", "tools": "21318c60971432488ca641ff7324c8f2",
          "unknown": "00112233445566778899aabbccddeeff"}
SIZES = {"runtime": 96, "hooks": 56, "threads": 24, "integrity": 24, "checks": 40, "tools": 688}
# name, version, flags: what version 2 of the call answers (result, status, export)
LOOKUPS = [("", 0, 0, 0, 1, None), ("cuNoSuchCall", 12000, 0, 0, 1, None),
           ("cuMemAlloc_v2", 12000, 0, 0, 1, None), ("cuInit", 1000, 0, 0, 2, None),
           ("cuInit", 99000, 0, 0, 0, "cuInit"), ("cuInit", 12000, 1, 0, 0, "cuInit"),
           ("cuInit", 12000, 3, 0, 0, "cuInit"), ("cuInit", 12000, 4, 1, None, None),
           ("cuMemGetInfo", 2000, 0, 0, 0, "cuMemGetInfo"),
           ("cuMemGetInfo", 3020, 0, 0, 0, "cuMemGetInfo_v2"),
           ("cuCtxCreate", 2000, 0, 0, 0, "cuCtxCreate"),
           ("cuCtxCreate", 3020, 0, 0, 0, "cuCtxCreate_v2"),
           ("cuCtxCreate", 11030, 0, 0, 0, "cuCtxCreate_v2"),
           ("cuCtxCreate", 11040, 0, 0, 0, "cuCtxCreate_v3"),
           ("cuDeviceGetUuid", 11030, 0, 0, 0, "cuDeviceGetUuid"),
           ("cuDeviceGetUuid", 11040, 0, 0, 0, "cuDeviceGetUuid_v2"),
           ("cuStreamGetCaptureInfo", 12020, 0, 0, 0, "cuStreamGetCaptureInfo_v2"),
           ("cuGraphInstantiate", 11040, 0, 0, 0, "cuGraphInstantiate_v2"),
           ("cuGetProcAddress", 11080, 0, 0, 0, "cuGetProcAddress"),
           ("cuGetProcAddress", 12000, 0, 0, 0, "cuGetProcAddress_v2"),
           ("cuMemcpy", 7000, 2, 0, 0, "cuMemcpy_ptds"),
           ("cuMemcpyAsync", 7000, 2, 0, 0, "cuMemcpyAsync_ptsz"),
           ("cuMemcpyAsync", 6050, 2, 0, 2, None), ("cuInit", 12000, 2, 0, 0, "cuInit")]


# --- what runs in a process of its own

def uuid_text(raw):
    text = raw.hex()
    return "GPU-" + "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def number(call, *arguments, kind=ctypes.c_int):
    """(result, value) of a call whose first argument is the value."""
    value = kind(-1)
    result = call(ctypes.byref(value), *arguments)
    return result, value.value


class Driver:
    """A library whose missing calls give -1: each test shall fail for its own reason."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path, os.RTLD_NOW)

    def __getattr__(self, name):
        try:
            return getattr(self.library, name)
        except AttributeError:
            return lambda *_: -1

    def address(self, name):
        try:
            return ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        except AttributeError:
            return -1


def device_facts(cu):
    text, bus, old, new = (ctypes.create_string_buffer(n) for n in (256, 13, 16, 16))
    out = {"name_result": cu.cuDeviceGetName(text, 256, 0), "name": text.value.decode(),
           "pci_result": cu.cuDeviceGetPCIBusId(bus, 13, 0), "pci": bus.value.decode(),
           "uuid_results": [cu.cuDeviceGetUuid(old, 0), cu.cuDeviceGetUuid_v2(new, 0)],
           "uuids": [uuid_text(old.raw), uuid_text(new.raw)],
           "total": number(cu.cuDeviceTotalMem_v2, 0, kind=ctypes.c_size_t),
           "attributes": {a: number(cu.cuDeviceGetAttribute, a, 0)
                          for a in [*range(1, 144), 10000]},
           "mode": number(cu.cuModuleGetLoadingMode),
           "reserve": number(cu.cuMemAddressReserve, ctypes.c_size_t(1 << 21), ctypes.c_size_t(0),
                             ctypes.c_uint64(0), ctypes.c_uint64(0), kind=ctypes.c_uint64)[0]}
    prop = (ctypes.c_int * 8)(1, 0, 1, 0)  # pinned, no handle type, a device, number 0
    out["granularity"] = number(cu.cuMemGetAllocationGranularity, prop, 1, kind=ctypes.c_size_t)
    context, free, total = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t()
    out["primary"] = [cu.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0),
                      cu.cuCtxSetCurrent(context),
                      cu.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))]
    out["free"], out["total_info"] = free.value, total.value
    # G1's pair: version 3 makes the context, the call without version ends it
    out["old_pair"] = [cu.cuCtxCreate_v3(ctypes.byref(context), None, 0, 0, 0),
                       cu.cuCtxDestroy(context)]
    return out


def print_facts(path):
    cu = Driver(path)
    out = {"version": number(cu.cuDriverGetVersion), "tables": {}, "lookups": []}
    for name, table in TABLES.items():
        address = ctypes.c_void_p()
        result = cu.cuGetExportTable(ctypes.byref(address), bytes.fromhex(table))
        size = ctypes.c_size_t.from_address(address.value).value if address.value else 0
        out["tables"][name] = (result, bool(address.value), size)
    for name, version, flags, *_ in LOOKUPS:
        at, status = ctypes.c_void_p(), ctypes.c_int(-1)
        result = cu.cuGetProcAddress_v2(name.encode(), ctypes.byref(at), version,
                                        ctypes.c_uint64(flags), ctypes.byref(status))
        again = ctypes.c_void_p()
        same = cu.cuGetProcAddress_v2(name.encode(), ctypes.byref(again), version,
                                      ctypes.c_uint64(flags), None) == result
        out["lookups"].append((result, status.value, at.value or 0,
                               same and again.value == at.value))
    out["exports"] = {name: cu.address(name) for *_, name in LOOKUPS if name}
    untouched = ctypes.c_void_p(7)
    out["old_lookup"] = (cu.cuGetProcAddress(b"cuNoSuchCall", ctypes.byref(untouched), 11030,
                                             ctypes.c_uint64(0)), untouched.value)
    out["init"] = cu.cuInit(0)
    out["count"] = number(cu.cuDeviceGetCount)
    if out["init"] == 0 and out["count"][1] > 0:
        out.update(device_facts(cu))
    with open("/proc/self/maps", encoding="utf-8") as maps:
        out["maps"] = sorted({line.split()[-1] for line in maps if "libcuda" in line})
    print(json.dumps(out))


def print_nvml(path):
    ml = ctypes.CDLL(path)
    ml.nvmlErrorString.restype = ctypes.c_char_p
    handle, memory = ctypes.c_void_p(), (ctypes.c_ulonglong * 3)()
    name, version, bus = ctypes.create_string_buffer(96), ctypes.create_string_buffer(80), \
        ctypes.create_string_buffer(128)
    results = [ml.nvmlInit_v2(),
               ml.nvmlDeviceGetHandleByUUID(os.environ["DEVICE"].encode(), ctypes.byref(handle)),
               ml.nvmlDeviceGetMemoryInfo(handle, memory), ml.nvmlDeviceGetName(handle, name, 96),
               ml.nvmlSystemGetDriverVersion(version, 80), ml.nvmlDeviceGetPciInfo_v3(handle, bus),
               ml.nvmlShutdown()]
    print(json.dumps({"results": results, "total": memory[0], "free": memory[1],
                      "name": name.value.decode(), "version": version.value.decode(),
                      # after a short text and five numbers
                      "pci": bus.raw[36:68].split(b"\0")[0].decode(),
                      "text": ml.nvmlErrorString(9).decode()}))


if len(sys.argv) == 3 and sys.argv[1] in ("facts", "nvml"):
    (print_facts if sys.argv[1] == "facts" else print_nvml)(sys.argv[2])
    sys.exit(0)

LOOKUP_LIST = os.path.abspath(sys.argv.pop(3))
PROGRAMS = os.path.abspath(sys.argv.pop(2))
BUILD = os.path.abspath(sys.argv.pop(1))


def fields(line):
    """key=value pairs of a log line."""
    return dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)


class Scratch:
    """A root with installed libraries, a lib/ollama with our backend, accounts of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        home = os.path.realpath(self.folder.name)
        self.root, self.accounts, self.temporary = (os.path.join(home, name) for name in
                                                    ("root", "accounts", "tmp"))
        self.libraries = os.path.join(self.root, LIBRARIES)
        self.tree = os.path.join(self.root, "usr/local/lib/ollama")
        self.variant = os.path.join(self.tree, "cuda_v13")
        for folder in (self.accounts, self.temporary, self.variant, self.libraries,
                       os.path.join(self.root, "etc")):
            os.makedirs(folder)
        os.chmod(self.accounts, 0o700)
        self.backend = os.path.join(self.variant, "libggml-cuda.so")
        shutil.copy(os.path.join(PROGRAMS, "libggml-cuda.so"), self.backend)
        subprocess.run([os.path.join(BUILD, "vgpu"), "install", "--root", self.root],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, check=True)
        self.cuda = os.path.realpath(os.path.join(self.libraries, "libcuda.so.1"))

    def environment(self, **more):
        """As a service has it: nothing of the caller's shell."""
        out = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": self.libraries,
               "VGPU_ENDPOINT": "soft", "VGPU_SOFT_MEMORY": str(MEMORY),
               "VGPU_ACCOUNTS": self.accounts, "TMPDIR": self.temporary,
               "DISCOVERY_LOOKUPS": LOOKUP_LIST, "DISCOVERY_ROOT": self.root}
        out.update(more)
        return {name: value for name, value in out.items() if value is not None}

    def run(self, *command, **more):
        return subprocess.run(command, env=self.environment(**more), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=4 * DEADLINE)

    def program(self, name, *arguments, **more):
        return self.run(os.path.join(PROGRAMS, "discovery-" + name), *arguments, **more)

    def generations(self, **more):
        """The three programs by number, each with what it looks through."""
        return {"g1": self.program("g1", self.root, "3", **more),
                "g2": self.program("g2", self.tree, **more),
                "g3": self.program("g3", self.tree, **more)}

    def facts(self, library="libcuda.so.1", **more):
        done = self.run(sys.executable, os.path.abspath(__file__), "facts", library, **more)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def workers(self):
        """Living processes whose program lies in our root: known by that alone."""
        found = []
        for link in glob.glob("/proc/[0-9]*/exe"):
            try:
                if os.readlink(link).startswith(self.root + "/"):
                    found.append(int(link.split("/")[2]))
            except OSError:
                pass  # ended, or another user's
        return found

    def used(self):
        """MiB of the device that the accounts know of."""
        done = self.run(os.path.join(self.root, "usr/bin/vgpu"), "smi",
                        "--query-gpu=memory.used", "--format=csv,noheader,nounits")
        return int(done.stdout.strip())


def computes(done):
    return [fields(line) for line in done.stdout.splitlines() if "inference compute" in line]


class Discovery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch()
        cls.addClassCleanup(cls.scratch.folder.cleanup)
        cls.facts = cls.scratch.facts()
        began = time.monotonic()
        cls.done = cls.scratch.generations()
        cls.took = time.monotonic() - began

    def tool(self, *command, **more):
        if shutil.which(command[0]) is None:
            self.skipTest(f"there is no {command[0]} here")
        return self.scratch.run(*command, **more)

    def assert_found(self, done, library, count=1):
        found = computes(done)
        self.assertEqual([line["library"] for line in found], [library] * count,
                         done.stdout + done.stderr)
        return found

    # --- the list

    def test_01_the_loader_finds_libcuda(self):
        scratch = self.scratch
        self.assertEqual(self.facts["maps"], [scratch.cuda])
        candidates = glob.glob(os.path.join(scratch.root, "usr/**/libcuda.so*"), recursive=True)
        candidates += glob.glob(os.path.join(scratch.root, "opt/**/libcuda.so*"), recursive=True)
        self.assertGreaterEqual(len(candidates), 3)
        # one library; the other name of the same text is where vgpu keeps its own
        texts = set()
        for path in candidates:
            with open(path, "rb") as file:
                texts.add(file.read())
        self.assertEqual(len(texts), 1, candidates)
        self.assertEqual(os.path.realpath(os.path.join(scratch.libraries, "libcuda.so")),
                         scratch.cuda)

    def test_01_the_loaders_cache_knows_it(self):
        scratch = self.scratch
        if not os.path.exists("/sbin/ldconfig"):
            self.skipTest("there is no /sbin/ldconfig here")
        conf, cache = (os.path.join(scratch.temporary, name) for name in ("conf", "cache"))
        with open(conf, "w", encoding="utf-8") as file:
            file.write(scratch.libraries + "\n")
        command = ["/sbin/ldconfig", "-X", "-C", cache, "-f", conf]
        if os.getuid() == 0:  # what it keeps beside the cache is not ours to write
            with open(os.path.join(scratch.root, "etc/ld.so.conf"), "w", encoding="utf-8") as file:
                file.write(f"/{LIBRARIES}\n")
            command = ["/sbin/ldconfig", "-X", "-r", scratch.root]
            cache = os.path.join(scratch.root, "etc/ld.so.cache")
        done = scratch.run(*command)
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = scratch.run("/sbin/ldconfig", "-p", "-C", cache).stdout
        for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
            self.assertRegex(listed, rf"\t{re.escape(name)} \(libc6,x86-64\) => \S*/{LIBRARIES}/")

    def test_02_names_and_needs(self):
        for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
            path = os.path.join(self.scratch.libraries, name)
            self.assertIn(f"Library soname: [{name}]", self.tool("readelf", "-d", path).stdout)
            self.assertIn("NODELETE", self.tool("readelf", "-d", path).stdout)
            done = self.tool("ldd", "-r", path)
            self.assertNotRegex(done.stdout + done.stderr, "not found|undefined symbol")

    def test_03_exports(self):
        for name, wanted in (("libcuda.so.1", DIRECT + BY_NAME), ("libnvidia-ml.so.1", NVML)):
            done = self.tool("nm", "-D", "--defined-only",
                             os.path.join(self.scratch.libraries, name))
            there = {line.split()[-1] for line in done.stdout.splitlines()}
            self.assertEqual(set(wanted) - there, set())

    def test_04_the_backend_resolves(self):
        scratch = self.scratch
        search = f"{scratch.tree}:{scratch.variant}:{scratch.libraries}"
        done = self.tool("ldd", "-r", scratch.backend, LD_LIBRARY_PATH=search, LD_BIND_NOW="1")
        self.assertNotRegex(done.stdout + done.stderr, "not found|undefined symbol")
        self.assertIn(f"libcuda.so.1 => {scratch.libraries}/libcuda.so.1", done.stdout)
        imports = self.tool("nm", "-D", "--undefined-only", scratch.backend).stdout
        self.assertEqual(set(re.findall(r"\bcu[A-Z]\w+", imports)), set(DIRECT))

    def test_05_the_version_before_cuinit(self):
        result, version = self.facts["version"]
        self.assertEqual(result, 0)
        self.assertGreaterEqual(version, 13000)
        soft = glob.glob(os.path.join(self.scratch.root, "usr/**/libvgpu-soft.so"), recursive=True)
        self.assertEqual(self.scratch.facts(soft[0])["version"], [0, version])

    def test_06_cuinit(self):
        self.assertEqual((self.facts["init"], self.facts["count"]), (0, [0, 1]))

    def test_07_lookups(self):
        for row, got in zip(LOOKUPS, self.facts["lookups"]):
            name, version, flags, result, status, export = row
            with self.subTest(name=name, version=version, flags=flags):
                self.assertEqual(got[0], result)
                if status is not None:
                    self.assertEqual(got[1], status)
                    self.assertTrue(got[3], "differs without a place for the status")
                if result == 0:
                    self.assertEqual(got[2], self.facts["exports"][export] if export else 0)
        self.assertEqual(self.facts["old_lookup"], [500, 7])

    def test_08_private_tables(self):
        for name, (result, is_there, size) in self.facts["tables"].items():
            with self.subTest(name=name):
                if name == "unknown":
                    self.assertEqual((result, is_there), (1, False))
                    continue
                self.assertEqual((result, is_there), (0, True))
                if name in SIZES:
                    self.assertGreaterEqual(size, SIZES[name])
        # the backend's own start-up has called them, and believed the answer
        self.assert_found(self.done["g2"], "CUDA")

    def test_09_attributes(self):
        values = {int(a): value for a, value in self.facts["attributes"].items()}
        self.assertEqual(len(ATTRIBUTES), 111)
        self.assertEqual([a for a in ATTRIBUTES if values[a][0] != 0], [])
        self.assertEqual([a for a in range(1, 144) if values[a][0] not in (0, 1)], [])
        value = {a: pair[1] for a, pair in values.items()}
        self.assertEqual((value[75], value[76]), (8, 0))
        self.assertEqual((value[18], value[20]), (0, 0))
        domain, bus, device = value[50], value[33], value[34]
        self.assertEqual(self.facts["pci"], f"{domain:04x}:{bus:02x}:{device:02x}.0")
        # what it says of mapped memory is what it does
        self.assertEqual(self.facts["reserve"] == 0, value[102] == 1)
        for a in (16, 8, 81, 97):  # multiprocessors and shared memory: divisors in ggml
            self.assertGreater(value[a], 0, f"attribute {a}")
        self.assertLessEqual(value[8], value[81])

    def test_10_uuids_and_visible_devices(self):
        old, new = self.facts["uuids"]
        self.assertEqual(self.facts["uuid_results"], [0, 0])
        self.assertEqual(old, new)
        self.assertNotIn("00000000-0000", new)
        self.assertEqual(computes(self.done["g2"])[0]["id"], new)  # another process, the same
        for visible, expected in (("0", 0), (new, 0), (new[:12], 0), ("-1", 100), ("1", 100),
                                  ("", 100), ("GPU-ffffffff", 100), ("0,7", 0)):
            with self.subTest(visible=visible):
                facts = self.scratch.facts(CUDA_VISIBLE_DEVICES=visible)
                self.assertEqual(facts["init"], expected)
                if expected == 0:
                    self.assertEqual((facts["count"], facts["uuids"][1]), ([0, 1], new))

    def test_11_modules_are_loaded_lazily(self):
        self.assertEqual(self.facts["mode"], [0, 2])

    def test_12_primary_context_and_memory(self):
        facts = self.facts
        self.assertEqual(facts["primary"], [0, 0, 0])
        self.assertEqual(facts["total"], [0, MEMORY])
        self.assertEqual(facts["total_info"], MEMORY)
        self.assertTrue(0 < facts["free"] <= MEMORY)
        self.assertEqual(facts["old_pair"], [0, 0])
        result, granularity = facts["granularity"]
        if facts["attributes"]["102"][1]:
            self.assertEqual((result, granularity & (granularity - 1)), (0, 0))
            self.assertGreater(granularity, 0)
        else:
            self.assertEqual(result, 801)  # by name, no invented number

    def nvml(self):
        done = self.scratch.run(sys.executable, os.path.abspath(__file__), "nvml",
                                "libnvidia-ml.so.1", DEVICE=self.facts["uuids"][1])
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_13_nvml(self):
        nvml = self.nvml()
        self.assertEqual(nvml["results"], [0] * 7)
        self.assertEqual((nvml["total"], nvml["name"]), (MEMORY, self.facts["name"]))
        self.assertGreaterEqual(int(nvml["version"].split(".")[0]), 570)
        self.assertNotEqual(nvml["text"], "")
        # and the sequence of generation 2, closed after each question
        self.assertIn("utilizing NVML memory reporting", self.done["g2"].stderr)

    def test_14_children_answer(self):
        g3 = self.done["g3"].stdout
        probes = re.findall(r'^\{"device_id": "(.*?)", "compute_major": (\d+).*'
                            r'"nvidia_driver_major": (\d+)', g3, re.M)
        self.assertEqual(len(probes), 2, g3)
        for device, major, driver in probes:
            self.assertEqual((device, major), (self.facts["pci"], "8"))
            self.assertGreaterEqual(int(driver), 570)
        self.assertEqual(g3.count("child list: status 0"), 2)
        self.assertNotIn("system_info line not found", g3)
        self.assertEqual(self.done["g2"].stdout.count("bootstrap discovery took"), 2)

    def test_15_in_time(self):
        text = "".join(done.stdout for done in self.done.values())
        times = [int(ms) for ms in re.findall(r"\b(\d+) ?ms\b", text)]
        self.assertGreaterEqual(len(times), 3 + 2 + 6)
        self.assertLess(max(times), DEADLINE * 1000)
        print(f"\n    slowest step {max(times)} ms, the three generations "
              f"{self.took * 1000:.0f} ms")

    def test_16_settings_and_copies(self):
        scratch = self.scratch
        copies = glob.glob(os.path.join(scratch.tree, "**/libggml-cuda*"), recursive=True)
        self.assertEqual(copies, [scratch.backend])
        for name, generation in (("g2", "CUDA"), ("g3", "CUDA")):
            with self.subTest(name=name):
                done = scratch.program(name, scratch.tree, OLLAMA_LLM_LIBRARY="cuda_v13")
                self.assert_found(done, generation)
                done = scratch.program(name, scratch.tree, OLLAMA_LLM_LIBRARY="cuda")
                self.assertIn("skipping available library", done.stdout)
                self.assert_found(done, "cpu")
                done = scratch.program(name, scratch.tree, CUDA_VISIBLE_DEVICES="-1")
                self.assert_found(done, "cpu")
        # a copy in lib/ollama itself doubles the devices: seen, so that we know the trap
        copy = os.path.join(scratch.tree, "libggml-cuda.so")
        shutil.copy(scratch.backend, copy)
        try:
            done = scratch.program("g2", scratch.tree)
        finally:
            os.unlink(copy)
        self.assertIn("initial_count=2", done.stdout)

    def test_17_the_log_line(self):
        for line in self.assert_found(self.done["g1"], "cuda", 3):
            self.assertEqual((line["variant"], line["compute"]), ("v13", "8.0"))
        for name in ("g2", "g3"):
            self.assert_found(self.done[name], "CUDA")
        for done in self.done.values():
            print("\n" + next(line for line in done.stdout.splitlines()
                              if "inference compute" in line), end="")
        print()

    # --- generation by generation

    def test_all_tell_the_same(self):
        """CUDA by three ways, NVML, vgpu info and vgpu smi."""
        facts, nvml, scratch = self.facts, self.nvml(), self.scratch
        tool = os.path.join(scratch.root, "usr/bin/vgpu")
        info = dict(re.split(r":\s+", line, maxsplit=1)
                    for line in scratch.run(tool, "info").stdout.splitlines())
        smi = scratch.run(tool, "smi", "--query-gpu=uuid,pci.bus_id,name,memory.total,"
                          "driver_version,compute_cap", "--format=csv,noheader,nounits")
        smi = [word.strip() for word in re.split(r", (?![^(]*\))", smi.stdout)]
        driver = f"{facts['version'][1] // 1000}.{facts['version'][1] % 1000 // 10}"
        for done in self.done.values():
            for line in computes(done):
                self.assertIn(line["id"], (facts["uuids"][1], "0"))
                self.assertEqual(line.get("name" if line["library"] == "cuda" else "description"),
                                 facts["name"])
                self.assertEqual((line["compute"], line["driver"]), ("8.0", driver))
                self.assertEqual((line["total"], line["available"]), (str(MEMORY),) * 2)
                self.assertIn(line["pci_id"],
                              ("",) if line["library"] == "cuda" else (facts["pci"],))
        self.assertEqual((info["uuid"], info["pci"], info["device"]),
                         (facts["uuids"][1], facts["pci"], facts["name"]))
        self.assertEqual((info["driver"], info["compute"], info["memory"]),
                         ("CUDA " + driver, "8.0", "1.00 GiB"))
        # NVML and smi write the domain with eight digits
        self.assertEqual(nvml["pci"].lower()[-12:], facts["pci"])
        self.assertEqual(smi, [facts["uuids"][1], nvml["pci"].upper(), facts["name"],
                               str(MEMORY >> 20), nvml["version"], "8.0"])
        self.assertEqual(nvml["total"], MEMORY)

    def test_generation_1_leaves_the_same_behind_each_time(self):
        done = self.scratch.program("g1", self.scratch.root, "6")
        left = re.findall(r"threads (\d+), fds (\d+), mappings (\d+)", done.stdout)
        self.assertEqual(len(left), 6, done.stdout)
        self.assertEqual(len(set(left)), 1, left)
        # one thread: our own; the library stays mapped, it is linked so
        self.assertEqual(left[0][0], "1")
        self.assertGreater(int(left[0][2]), 0)

    def test_generation_1_takes_a_library_once(self):
        done = self.scratch.program("g1", self.scratch.root, "1")
        self.assertEqual(re.findall(r"^library (.*)$", done.stdout, re.M), [self.scratch.cuda])
        # without LD_LIBRARY_PATH it finds the installed place by itself
        done = self.scratch.program("g1", self.scratch.root, "1", LD_LIBRARY_PATH=None)
        self.assert_found(done, "cuda")

    def test_compute_capability_that_was_not_compiled(self):
        """8.7 is in no list: dropped by the second look, and by the third generation's list."""
        done = self.scratch.program("g2", self.scratch.tree, VGPU_SOFT_CC="8.7")
        self.assertIn("filtering device which didn't fully initialize", done.stdout)
        self.assert_found(done, "cpu")
        done = self.scratch.program("g3", self.scratch.tree, VGPU_SOFT_CC="8.7")
        self.assertIn("compute capability not in compiled architectures", done.stdout)
        self.assert_found(done, "cpu")

    def test_no_device(self):
        for name, done in self.scratch.generations(VGPU_ENDPOINT=None, HOME="/nonexistent").items():
            if os.path.exists("/etc/vgpu/client.conf"):
                self.skipTest("this machine has an endpoint of its own")
            with self.subTest(name=name):
                self.assertEqual({line["library"] for line in computes(done)}, {"cpu"})

    def broken(self, name):
        """Our libcuda, in a folder of its own with NVML, where one export is called otherwise."""
        scratch = self.scratch
        folder = tempfile.mkdtemp(dir=scratch.folder.name)
        with open(scratch.cuda, "rb") as file:
            text = file.read()
        self.assertIn(b"\0" + name + b"\0", text)
        with open(os.path.join(folder, "libcuda.so.1"), "wb") as file:
            file.write(text.replace(b"\0" + name + b"\0", b"\0" + name[:-1] + b"X\0"))
        os.symlink(os.path.join(scratch.libraries, "libnvidia-ml.so.1"),
                   os.path.join(folder, "libnvidia-ml.so.1"))
        worker = glob.glob(os.path.join(scratch.root, "usr/**/vgpu-worker"), recursive=True)
        return {name: scratch.program(name, where, *more, LD_LIBRARY_PATH=folder,
                                      VGPU_WORKER=worker[0])
                for name, where, *more in (("g1", folder, "1"), ("g2", scratch.tree),
                                           ("g3", scratch.tree))}

    def test_libcuda_without_a_name_of_generation_1(self):
        done = self.broken(b"cuCtxCreate_v3")
        self.assertIn("symbol lookup for cuCtxCreate_v3 failed", done["g1"].stdout)
        self.assert_found(done["g1"], "cpu")
        self.assert_found(done["g2"], "CUDA")
        self.assert_found(done["g3"], "CUDA")

    def test_libcuda_without_a_name_of_the_backend(self):
        done = self.broken(b"cuMemSetAccess")
        self.assert_found(done["g1"], "cuda")
        self.assertEqual(done["g2"].stderr, "")  # not a word, as it is
        self.assertIn("initial_count=0", done["g2"].stdout)
        self.assert_found(done["g2"], "cpu")
        self.assertIn("undefined symbol: cuMemSetAccess", done["g3"].stderr)
        self.assert_found(done["g3"], "cpu")


class Lifecycles(unittest.TestCase):
    """Processes that are killed in the middle of their life."""

    COUNT, BYTES = 12, 16 << 20

    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.folder.cleanup)
        self.shared = self.our_shared()
        self.fds = len(os.listdir("/proc/self/fd"))

    @staticmethod
    def our_shared():
        """What lies in /dev/shm under our name, but for accounts, which others may make."""
        return {name for name in os.listdir("/dev/shm") if name.startswith("vgpu") and
                not re.fullmatch(r"vgpu-[0-9a-f]{32}-\d+", name)}

    def start(self):
        return subprocess.Popen([os.path.join(PROGRAMS, "discovery-hold"), self.scratch.backend,
                                 str(self.BYTES)], env=self.scratch.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def ready(self, child, began):
        line = child.stdout.readline()
        took = time.monotonic() - began
        self.assertEqual(line, "ready\n", child.stderr.read() if line == "" else "")
        self.assertLess(took, DEADLINE)
        return took

    @staticmethod
    def kill(children):
        for child in children:
            child.send_signal(signal.SIGKILL)
        for child in children:
            child.communicate()

    def assert_gone(self):
        """A worker notices its client's end within a second; we wait for the deadline."""
        end = time.monotonic() + DEADLINE
        while self.scratch.workers() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.scratch.workers(), [])
        self.assertEqual(self.scratch.used(), 0)
        names = os.listdir(self.scratch.accounts)
        self.assertEqual(len(names), 1, names)
        self.assertRegex(names[0], r"^vgpu-[0-9a-f]{32}-\d+$")
        self.assertEqual(os.listdir(self.scratch.temporary), [])
        self.assertEqual(self.our_shared() - self.shared, set())
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.fds)

    @staticmethod
    def show(what, times):
        print(f"\n    {what}: median {statistics.median(times) * 1000:.0f} ms, "
              f"longest {max(times) * 1000:.0f} ms")

    def test_06_one_after_another(self):
        times = []
        for _ in range(self.COUNT):
            began = time.monotonic()
            child = self.start()
            try:
                times.append(self.ready(child, began))
            finally:
                self.kill([child])
        self.show(f"{self.COUNT} in turn", times)
        self.assert_gone()

    def test_06_side_by_side(self):
        began = time.monotonic()
        children = [self.start() for _ in range(self.COUNT)]
        try:
            times = [self.ready(child, began) for child in children]
            # all hold their memory now, and each has its worker
            self.assertGreaterEqual(self.scratch.used(), self.COUNT * self.BYTES >> 20)
            self.assertGreaterEqual(len(self.scratch.workers()), self.COUNT)
        finally:
            self.kill(children)
        self.show(f"{self.COUNT} at once", times)
        self.assert_gone()

    def test_killed_while_starting(self):
        """At whatever moment: a millisecond later each."""
        for wait in range(self.COUNT):
            child = self.start()
            select.select([child.stdout], [], [], wait / 1000)
            self.kill([child])
        self.assert_gone()


if __name__ == "__main__":
    unittest.main(verbosity=2)
