#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The libraries do no harm: to programs without CUDA, and to CUDA programs that may do little.

    test_harmless.py BUILD PLAIN LINKED STATIC PROBE [UNITTEST...]
"""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DEADLINE = 60  # against a hang; nothing here takes long
SH = "echo out; echo err >&2; x=$(echo a | cat); echo $x $#; (exit 3) & wait $!; exit 5"


def find(*names):
    """The first of these programs that the machine has."""
    for name in names:
        path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        if path:
            return path
    raise unittest.SkipTest(f"{names[0]} is not installed")


def preload(folder=None):
    folder = folder or LIB
    return f"{folder}/libcuda.so.1:{folder}/libnvidia-ml.so.1"


def run(command, env=None, stdin=b"", **more):
    """Runs in a session of its own. Return: status, stdout, stderr."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True, **more)
    try:
        out, err = process.communicate(stdin, timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"{command} hangs: {out} {err}")
    return process.returncode, out, err


def marked(mark):
    """Processes with this mark in their environment (workers keep ours)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Base(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vgpu-harmless-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.mark = f"VGPU_HARMLESS={self.id()}-{os.getpid()}"

    def environment(self, **more):
        name, value = self.mark.split("=")
        keep = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "HOME": self.folder,
                "VGPU_ENDPOINT": "soft", "VGPU_SOFT_MEMORY": "1G", "VGPU_ACCOUNTS": self.folder,
                name: value}
        keep.update(more)
        return {k: v for k, v in keep.items() if v is not None}

    def nothing_left(self):
        until = time.monotonic() + 10
        while marked(self.mark.encode()):
            self.assertLess(time.monotonic(), until, f"left: {marked(self.mark.encode())}")
            time.sleep(0.02)

    def same(self, *command, stdin=b"", env=None, **more):
        """The same with the libraries as without. Return: what both gave."""
        env = self.environment() if env is None else env
        files = set(os.listdir(self.folder))
        without = run(command, env, stdin, **more)
        after = set(os.listdir(self.folder))
        self.assertNotIn(b"cannot be preloaded", without[2])
        self.assertEqual(run(command, dict(env, LD_PRELOAD=preload()), stdin, **more), without)
        self.assertEqual(set(os.listdir(self.folder)), after | files)
        self.nothing_left()
        return without


class Quiet(Base):
    """Programs that have nothing to do with CUDA."""

    def test_bash(self):
        self.assertEqual(self.same(find("bash"), "-c", SH)[0], 5)

    def test_bash_interactive(self):
        text = b"echo one\nfalse\necho $?\n(sleep 0 & wait)\nulimit -n 64\nexec 3>&1; echo x >&3\nexit 4\n"
        self.assertEqual(self.same(find("bash"), "--norc", "-i", stdin=text)[0], 4)

    def test_dash(self):
        self.assertEqual(self.same(find("dash"), "-c", SH)[0], 5)

    def test_coreutils(self):
        self.same(find("ls"), "/", "/nowhere")
        self.same(find("sort"), "-n", stdin=b"3\n1\n2\n")
        self.same(find("timeout"), "0.01", find("sleep"), "9")
        self.same(find("env"), "-i", find("true"))
        self.same(find("nohup"), find("echo"), "a")

    def test_python(self):
        text = ("import threading,os,subprocess;t=threading.Thread(target=print,args=('a',));"
                "t.start();t.join();print(subprocess.run(['true']).returncode,"
                "sorted(os.listdir('/proc/self/fd')),len(os.listdir('/proc/self/task')))")
        self.same(find("python3"), "-c", text)

    def test_perl(self):
        self.same(find("perl"), "-e", "if (fork) { wait; print $? >> 8, qq(\\n) } else { exit 6 }")

    def test_service_programs(self):
        tried = 0
        for name, *arguments in (("sshd", "-t"), ("sudo", "-n", "true"), ("cron", "-h"),
                                 ("systemd-analyze", "timespan", "90min"),
                                 ("systemctl", "--version"), ("su", "--help")):
            with self.subTest(name):
                try:
                    self.same(find(name), *arguments)
                    tried += 1
                except unittest.SkipTest as missing:
                    print("harmless:", missing)
        if tried == 0:
            self.skipTest("none of them is installed")

    def test_setuid(self):
        # the loader drops what a raised process may not preload, with no word to it
        program = find("passwd", "su", "mount")
        self.assertTrue(os.stat(program).st_mode & 0o4000, program)
        self.same(program, "--help")
        if os.geteuid() == 0:
            self.same(program, "--help", user=65534, group=65534)

    def test_supervisor(self):
        status, out, _ = self.same(PLAIN)
        self.assertEqual(status, 3)
        self.assertIn(b"reaped: 9\n", out)
        self.assertIn(b"signal: 15\n", out)

    def test_supervisor_linked(self):
        env = self.environment(LD_LIBRARY_PATH=LIB)
        for more in ({}, {"LD_BIND_NOW": "1"}):
            self.assertEqual(run([LINKED], dict(env, **more)), run([PLAIN], env))
        self.nothing_left()

    def test_static(self):
        self.assertEqual(self.same(STATIC)[0], 3)

    def test_32_bit(self):
        source, thing, program = (os.path.join(self.folder, n) for n in ("a.s", "a.o", "a"))
        with open(source, "w", encoding="ascii") as file:
            file.write(".globl _start\n_start: mov $4,%eax\nmov $1,%ebx\nmov $text,%ecx\n"
                       "mov $3,%edx\nint $0x80\nmov $1,%eax\nmov $7,%ebx\nint $0x80\n"
                       "text: .ascii \"32\\n\"\n")
        subprocess.run([find("as"), "--32", "-o", thing, source], check=True)
        subprocess.run([find("ld"), "-m", "elf_i386", "-o", program, thing], check=True)
        try:
            if run([program])[0] < 0:
                self.skipTest("this kernel runs no 32-bit programs")
        except OSError:
            self.skipTest("this kernel runs no 32-bit programs")
        self.assertEqual(self.same(program), (7, b"32\n", b""))

    def test_limits(self):
        for what, value in ((resource.RLIMIT_NOFILE, 8), (resource.RLIMIT_AS, 64 << 20),
                            (resource.RLIMIT_NPROC, 1), (resource.RLIMIT_FSIZE, 0)):
            with self.subTest(what):
                def lower(what=what, value=value):
                    resource.setrlimit(what, (value, value))
                # dash: bash tries again for 15 s when it may not fork
                self.same(find("dash"), "-c", "echo a; cat /nowhere; (exit 3); exit 2",
                          preexec_fn=lower)

    def test_closed_and_empty(self):
        self.same(find("bash"), "-c", "exec 0<&- 1>&- 2>&-; exec 5</dev/null; exit $(( $? + 3 ))")
        self.same(find("ls"), "/", env={})


class Scratch(Base):
    """A root that has a program, its libraries and ours, and nothing else."""

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder, "root")
        self.enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "-r", "chroot"]
        os.makedirs(self.root + "/opt/vgpu/lib")
        for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libvgpu-soft.so"):
            shutil.copy(os.path.join(LIB, name), self.root + "/opt/vgpu/lib")
        shutil.copy(os.path.join(BUILD, "vgpu-worker"), self.root + "/opt/vgpu")
        shutil.copy(PROBE, self.root + "/probe")
        for program in (find("bash"), find("ls"), PROBE, os.path.join(BUILD, "vgpu-worker"),
                        os.path.join(LIB, "libvgpu-soft.so")):
            self.copy_libraries(program)
        for name in ("bash", "ls"):
            shutil.copy(find(name), f"{self.root}/{name}")
        if run(self.enter + [self.root, "/bash", "-c", "exit 6"], self.environment())[0] != 6:
            self.skipTest("neither root nor user namespaces: no scratch root")

    def copy_libraries(self, program):
        text = subprocess.run(["ldd", program], stdout=subprocess.PIPE, check=True).stdout.decode()
        for path in re.findall(r"(/\S+) \(0x", text):
            if not path.startswith(BUILD):
                os.makedirs(self.root + os.path.dirname(path), exist_ok=True)
                shutil.copy(path, self.root + path)

    def inside(self, *command, **more):
        return run(self.enter + [self.root] + list(command),
                   self.environment(LD_LIBRARY_PATH="/opt/vgpu/lib", **more))

    def test_bare_root(self):
        for text in (SH.replace("cat", "while read l; do echo $l; done"), "/ls /; /ls /proc"):
            without = self.inside("/bash", "-c", text)
            inner = f"export LD_PRELOAD={preload('/opt/vgpu/lib')}; " + text
            self.assertEqual(self.inside("/bash", "-c", inner), without)

    def test_preload_file(self):
        without = self.inside("/bash", "-c", "/ls /opt; exit 4")
        os.makedirs(self.root + "/etc")
        with open(self.root + "/etc/ld.so.preload", "w", encoding="ascii") as file:
            file.write("/opt/vgpu/lib/libcuda.so.1\n/opt/vgpu/lib/libnvidia-ml.so.1\n")
        self.assertEqual(self.inside("/bash", "-c", "/ls /opt; exit 4"), without)
        os.remove(self.root + "/opt/vgpu/lib/libnvidia-ml.so.1")
        status, out, err = self.inside("/bash", "-c", "/ls /opt; exit 4")
        self.assertEqual((status, out), without[:2])  # the loader's own complaint is on stderr
        self.assertIn(b"cannot be preloaded", err)

    def test_cuda_in_bare_root(self):
        for more in ({}, {"HOME": None}, {"VGPU_ENDPOINT": None}, {"VGPU_ENDPOINT": "unix:/none"}):
            with self.subTest(more):
                status, out, err = self.inside("/probe", "init", **more)
                self.assertEqual((status, out), (0, b""), err)
                self.assertRegex(err, rb"^cuda=\d+ nvml=\d+\n$")
        self.nothing_left()

    def test_raised_privileges(self):
        if os.geteuid() != 0 or os.statvfs(self.root).f_flag & os.ST_NOSUID:
            self.skipTest("cannot make a setuid program here")
        os.makedirs(self.root + "/usr/lib", exist_ok=True)
        for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
            shutil.copy(os.path.join(LIB, name), self.root + "/usr/lib")
        os.chmod(self.folder, 0o755)
        os.chmod(self.root + "/probe", 0o4755)
        status, out, err = run(["chroot", "--userspec=65534:65534", self.root, "/probe", "init"],
                               self.environment(VGPU_LOG="debug"))
        self.assertEqual((status, out, err), (0, b"", b"cuda=100 nvml=9\n"))

    def test_read_only(self):
        script = ('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; '
                  'shift; exec "$@"')
        front = ["unshare"] + ([] if os.geteuid() == 0 else ["-r"]) + ["-m", "sh", "-c", script, "sh"]
        status, out, err = run(front + [self.root, "chroot", self.root, "/probe", "init"],
                               self.environment(LD_LIBRARY_PATH="/opt/vgpu/lib"))
        if status == 77 or b"unshare" in err:
            self.skipTest("no mount namespaces here")
        self.assertEqual((status, out), (0, b""), err)
        self.assertRegex(err, rb"^cuda=\d+ nvml=\d+\n$")
        self.nothing_left()


class Probe(Base):
    def probe(self, *arguments, **more):
        result = run([PROBE, *arguments], self.environment(LD_LIBRARY_PATH=LIB, **more))
        if result[0] == 77:
            self.skipTest("no seccomp filters here")
        self.nothing_left()
        return result

    def init(self, *conditions, **more):
        """Return: what cuInit and nvmlInit_v2 gave."""
        status, out, err = self.probe(*conditions, "init", **more)
        self.assertEqual((status, out), (0, b""), err)
        found = re.fullmatch(rb"cuda=(\d+) nvml=(\d+)\n", err)
        self.assertTrue(found, err)
        return int(found[1]), int(found[2])


class Scarce(Probe):
    """CUDA and NVML where little is allowed: well, or a clean error."""

    def test_load_under_a_filter_that_kills(self):
        self.assertEqual(self.probe("load"), (0, b"", b""))

    def test_plenty(self):
        self.assertEqual(self.init(), (0, 0))

    def test_no_endpoint(self):
        self.assertEqual(self.init(VGPU_ENDPOINT=None, HOME=None), (100, 9))

    def test_empty_environment(self):
        status, out, err = run([PROBE, "init"], {"LD_LIBRARY_PATH": LIB})
        self.assertEqual((status, out), (0, b""), err)

    def test_full_table(self):
        self.assertEqual(self.init("full"), (802, 9))

    def test_few_descriptors(self):
        self.assertEqual(self.init("nofile"), (0, 0))

    def test_little_address_space(self):
        self.assertIn(self.init("as")[0], (2, 802))

    def test_no_file_may_grow(self):
        self.assertIn(self.init("fsize")[0], (2, 802))

    def test_no_processes(self):
        if os.geteuid() == 0:
            self.skipTest("root is not held by this limit")
        self.assertEqual(self.init("nproc"), (802, 9))

    def test_closed_standard_files(self):
        self.assertEqual(self.init("closed"), (0, 0))

    def test_subreaper(self):
        self.assertEqual(self.init("subreaper"), (0, 0))

    def test_subreaper_without_cuda(self):
        self.assertEqual(self.init("subreaper", "deny=memfd")[0], 802)

    def test_child_signal_ignored(self):
        self.assertEqual(self.init("ignore"), (0, 0))

    def test_filters(self):
        for call in ("socketpair", "memfd", "clone", "pidfd", "execve", "ftruncate", "sendmsg"):
            with self.subTest(call):
                self.assertNotEqual(self.init(f"deny={call}")[0], 0)
        for call in ("socket", "eventfd", "prctl", "madvise"):
            with self.subTest(call):
                self.init(f"deny={call}")


class Life(Probe):
    """fork, exec, daemons, threads, signals."""

    def mode(self, name, status=0, **more):
        result = self.probe(name, **more)
        self.assertEqual(result[0], status, result)
        return result

    def test_fork(self):
        self.mode("fork")

    def test_fork_and_descriptors_reused(self):
        self.mode("fork-reuse")

    def test_fork_after_version(self):
        self.mode("fork-version")

    def test_descriptors_reused(self):
        self.mode("reuse")

    def test_daemon_before(self):
        self.mode("daemon-before")

    def test_daemon_after(self):
        self.mode("daemon-after")

    def test_exec(self):
        self.mode("exec")

    def test_holes(self):
        for i in range(6):
            with self.subTest(i):
                self.mode("hole", HOLE=str(i))

    def test_unloaded_with_work_in_flight(self):
        text = ("import ctypes as c, _ctypes\n"
                "l = c.CDLL('libcuda.so.1'); n = c.CDLL('libnvidia-ml.so.1')\n"
                "x = c.c_void_p(); m = c.c_ulonglong(); z = c.c_size_t(64 << 20)\n"
                "r = [n.nvmlInit_v2(), l.cuInit(0), l.cuDevicePrimaryCtxRetain(c.byref(x), 0),\n"
                "     l.cuCtxSetCurrent(x), l.cuMemAlloc_v2(c.byref(m), z),\n"
                "     l.cuMemsetD8Async(m, c.c_ubyte(1), z, None)]\n"
                "_ctypes.dlclose(l._handle); _ctypes.dlclose(n._handle)\n"
                "a = c.CDLL('libcuda.so.1'); print(r, a.cuCtxSynchronize())\n")
        result = run([find("python3"), "-c", text], self.environment(LD_LIBRARY_PATH=LIB))
        self.assertEqual(result, (0, b"[0, 0, 0, 0, 0, 0] 0\n", b""))
        self.nothing_left()

    def test_storm(self):
        self.mode("storm")

    def test_alarms(self):
        self.mode("alarms")

    def test_alarms_restart(self):
        self.mode("alarms-restart")

    def test_reaper(self):
        self.mode("reaper")

    def test_drop(self):
        result = self.mode("drop")
        os.rmdir(result[2].decode().strip())

    def test_exit_in_callback(self):
        self.mode("exit-in-callback")

    def test_bind_now(self):
        self.mode("work", LD_BIND_NOW="1")


if __name__ == "__main__":
    BUILD, PLAIN, LINKED, STATIC, PROBE = (os.path.abspath(a) for a in sys.argv[1:6])
    LIB = os.path.join(BUILD, "lib")
    unittest.main(argv=sys.argv[:1] + sys.argv[6:], verbosity=2)
