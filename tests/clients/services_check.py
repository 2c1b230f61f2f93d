#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real services with our libraries in /etc/ld.so.preload: sshd, cron, sudo, su, systemd --user.

    services_check.py --build BUILD

Nothing is installed: Debian's packages are unpacked into a tmpfs in namespaces of their own
(mounts, processes, network), and the services run there, with logins, jobs and raised privileges.
Each scenario runs without the libraries, with them, and with a missing one named beside them: status,
output, system log, descriptors, new files and processes left must be the same. What a process has
mapped shows that the libraries were there. Ends with `N passed, N failed`; 77 where it cannot run.
"""
import argparse
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE = 30  # against a hang; nothing here takes long
PACKAGES = ("openssh-server openssh-client cron sudo systemd libsystemd-shared libpam-modules "
            "libpam-modules-bin libpam-runtime login passwd util-linux bash dash coreutils "
            "grep").split()
OURS = "/opt/vgpu/lib/libcuda.so.1\n/opt/vgpu/lib/libnvidia-ml.so.1\n"
PRELOADS = (("with the libraries", OURS), ("with one missing", OURS + "/opt/none.so\n"))
LOADER = re.compile(rb"ERROR: ld\.so: object '/opt/none\.so' from /etc/ld\.so\.preload cannot be "
                    rb"preloaded \(cannot open shared object file\): ignored\.\r?\n")
USERS = (("root", 0, "/root", "/bin/bash"), ("sshd", 101, "/run/sshd", "/usr/sbin/nologin"),
         ("alice", 1000, "/home/alice", "/bin/bash"), ("bob", 1001, "/home/bob", "/bin/bash"))
UNIX = {"auth": "auth required pam_unix.so nodelay", "account": "account required pam_unix.so",
        "password": "password required pam_unix.so yescrypt nodelay",
        "session": "session required pam_unix.so", "session-noninteractive":
        "session required pam_unix.so"}
FILES = {
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n",
    "etc/sudoers": "root ALL=(ALL:ALL) NOPASSWD: ALL\nalice ALL=(ALL:ALL) NOPASSWD: ALL\n",
    "etc/login.defs": "FAIL_DELAY 0\nENCRYPT_METHOD SHA512\n",
    "etc/hosts": "127.0.0.1 localhost services\n",
    "etc/ssh/sshd_config": "UsePAM yes\nHostKey /etc/ssh/key\nPrintMotd no\n"
                           "Subsystem sftp internal-sftp\n",
    "etc/crontab": "MAILTO=\"\"\n@reboot root (id; echo err >&2; ls /proc/self/fd) >/out/system 2>&1; "
                   "grep -c opt/vgpu /proc/self/maps /proc/$PPID/maps >/out/maps; "
                   "mv /out/system /out/system.done\n",
    "usr/sbin/sendmail": "#!/bin/sh\ncat >/out/mail; mv /out/mail /out/mail.done\n",
    "bad.c": "#include <fcntl.h>\n#include <unistd.h>\n"
             "__attribute__((constructor)) static void f(void) { DOES; }\n",
}
BAD = {"speaks": 'if (write(2, "loud\\n", 5)) return',
       "leaves a file": 'close(open("/dev/shm/x", O_CREAT, 0666))',
       "keeps a descriptor": 'if (open("/dev/null", O_RDONLY)) return'}
results = {True: 0, False: 0}


def check(what, good, shown=None):
    results[bool(good)] += 1
    print(("ok      " if good else "FAILED  ") + what + ("" if good else f": {shown}"), flush=True)


def skip(why):
    print(why)
    sys.exit(77)


# --- outside: permission and packages


def outside(build):
    if os.geteuid() != 0:
        skip("the services need root")
    for program in ("apt-get", "dpkg-deb", "unshare"):
        if shutil.which(program) is None:
            skip(f"no {program} here")
    enter = ["unshare", "-m", "-p", "-n", "-u", "-f", "--kill-child", "--mount-proc"]
    if subprocess.run(enter + ["true"], stderr=subprocess.DEVNULL, check=False).returncode:
        skip("no namespaces here")
    with tempfile.TemporaryDirectory(prefix="vgpu-services-") as folder:
        os.mkdir(folder + "/deb")
        os.mkdir(folder + "/root")
        os.chmod(folder, 0o755)
        plan = subprocess.run(["apt-get", "-s", "--no-install-recommends", "install"] + PACKAGES,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout
        names = sorted(set(PACKAGES) | set(re.findall(r"^Inst (\S+)", plan, re.M)))
        done = subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download"] +
                              names, cwd=folder + "/deb", stderr=subprocess.PIPE, text=True,
                              timeout=600, check=False)
        if done.returncode:
            skip("the packages cannot be had: " + " ".join(done.stderr.split())[:200])
        return subprocess.run(
            enter + [sys.executable, os.path.abspath(__file__), "--build", build, "--inside",
                     folder], check=False).returncode


# --- inside: the root


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def copy_libraries(root):
    """What the programs of the root are linked against, from the machine where no package has it."""
    folders = [f"{root}/usr/{d}" for d in ("bin", "sbin", "lib/systemd", "libexec/sudo",
                                           "lib/x86_64-linux-gnu/security")]
    folders += [root + "/opt/vgpu/lib", root + "/opt/vgpu"]
    programs = [os.path.join(d, n) for d in folders if os.path.isdir(d) for n in os.listdir(d)]
    path = f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/x86_64-linux-gnu/systemd"
    text = subprocess.run(["ldd"] + [p for p in programs if os.path.isfile(p)],
                          env=dict(os.environ, LD_LIBRARY_PATH=path), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout
    for found in sorted(set(re.findall(r"(/\S+) \(0x", text))):
        if not found.startswith(root) and not os.path.exists(root + found):
            os.makedirs(root + os.path.dirname(found), exist_ok=True)
            shutil.copy(found, root + found)


def make_devices(root):
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        write(f"{root}/dev/{name}", "")
        subprocess.run(["mount", "--bind", f"/dev/{name}", f"{root}/dev/{name}"], check=True)
    os.mkdir(root + "/dev/shm", 0o1777)
    os.chmod(root + "/dev/shm", 0o1777)
    os.mkdir(root + "/proc")
    subprocess.run(["mount", "-t", "proc", "proc", root + "/proc"], check=True)
    os.symlink("/proc/self/fd", root + "/dev/fd")
    os.makedirs(root + "/sys/fs/cgroup")  # without, systemd only says so, each time the same
    subprocess.run(["mount", "-t", "cgroup2", "none", root + "/sys/fs/cgroup"],
                   stderr=subprocess.DEVNULL, check=False)


def make_users(root):
    write(root + "/etc/passwd", "".join(f"{n}:x:{i}:{i}::{h}:{s}\n" for n, i, h, s in USERS))
    write(root + "/etc/shadow", "".join(f"{n}:*:19000:0:99999:7:::\n" for n, *_ in USERS), 0o600)
    write(root + "/etc/group", "".join(f"{n}:x:{i}:\n" for n, i, *_ in USERS) +
          "tty:x:5:\nshadow:x:42:\ncrontab:x:104:\nutmp:x:43:\n")
    for _, number, home, _ in USERS:
        os.makedirs(root + home, exist_ok=True)
        os.chown(root + home, number, number)
    os.chown(root + "/run/sshd", 0, 0)


def make_root(root, folder, build):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", root], check=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(f"{root}/usr/{name}")
        os.symlink(f"usr/{name}", f"{root}/{name}")
    os.makedirs(root + "/var")
    os.symlink("../run", root + "/var/run")
    for name in sorted(os.listdir(folder + "/deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", f"{folder}/deb/{name}"],
                              stdout=subprocess.PIPE) as source:
            subprocess.run(["tar", "-x", "-p", "--keep-directory-symlink", "--exclude=./usr/share/doc",
                            "--exclude=./usr/share/man", "--exclude=./usr/share/locale", "-C", root],
                           stdin=source.stdout, check=True)
    make_users(root)
    make_devices(root)
    for name, text in FILES.items():
        write(f"{root}/{name}", text, 0o440 if name == "etc/sudoers" else
              0o755 if name.endswith("sendmail") else 0o644)
    for name, text in UNIX.items():
        write(f"{root}/etc/pam.d/common-{name}", text + "\n")
    for name in os.listdir(root + "/etc/pam.d"):  # not to be had in every container
        path = f"{root}/etc/pam.d/{name}"
        with open(path, encoding="utf-8") as file:
            kept = [line for line in file if "pam_loginuid" not in line]
        write(path, "".join(kept))
    for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libvgpu-soft.so"):
        os.makedirs(root + "/opt/vgpu/lib", exist_ok=True)
        shutil.copy(f"{build}/lib/{name}", root + "/opt/vgpu/lib")
    shutil.copy(build + "/vgpu-worker", root + "/opt/vgpu")
    copy_libraries(root)
    for name in ("out", "tmp"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
        os.chmod(f"{root}/{name}", 0o1777)


# --- inside: running in it


class World:
    """The root, a listener in place of the system log, and what a scenario left."""

    def __init__(self, root):
        self.root, self.log = root, []
        socket.sethostname("services")
        with socket.socket() as link:  # loopback goes up: IFF_UP | IFF_RUNNING
            fcntl.ioctl(link, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(root + "/dev/log")
        os.chmod(root + "/dev/log", 0o666)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.log.append(self.socket.recv(8192))

    def logged(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", self.root + "/dev/log")
        wait_for("end of the log", lambda: b"end" in self.log)
        return self.log[:-1]

    def start(self, command, user=0):
        def enter():
            os.chroot(self.root)
            os.chdir("/")
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        home = {number: home for _, number, home, _ in USERS}[user]
        env = {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C", "HOME": home, "VGPU_ENDPOINT": "soft",
               "VGPU_SOFT_MEMORY": "1G", "XDG_RUNTIME_DIR": "/tmp"}
        words = command.split(" ") if isinstance(command, str) else command
        return subprocess.Popen(words, env=env, preexec_fn=enter, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)

    def run(self, command, user=0, stdin=b""):
        process = self.start(command, user)
        try:
            out, err = process.communicate(stdin, timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return ("hangs", *process.communicate())
        return process.returncode, out, err

    def read(self, name):
        with open(f"{self.root}/out/{name}", "rb") as file:
            return file.read()

    def names(self):
        found = set()
        for folder, folders, files in os.walk(self.root):
            if folder == self.root:
                folders[:] = set(folders) - {"proc", "sys"}
            found.update(os.path.join(folder, name) for name in folders + files)
        return found

    @staticmethod
    def others():
        """Processes that run; who ended and waits for its parent counts no more."""
        found = set()
        for pid in os.listdir("/proc"):
            try:
                if pid.isdigit() and pid != "1":
                    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                        if file.read().rsplit(")", 1)[1].split()[0] != "Z":
                            found.add(pid)
            except OSError:
                pass
        return found

    def left(self):
        """Waits until only this process is there. Return: those that stay."""
        until = time.monotonic() + 10
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            pids = sorted(self.others())
            if not pids or time.monotonic() > until:
                return pids
            time.sleep(0.02)


def wait_for(what, condition):
    until = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"{what} does not come")
        time.sleep(0.02)


def listening():
    with open("/proc/self/net/tcp", encoding="ascii") as file:
        return any(line.split()[3] == "0A" for line in file.readlines()[1:])


def service_state(pid):
    """Descriptors of a service, and how often ours is mapped."""
    fds = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        fds[int(name)] = re.sub(r"\[\d+\]", "", os.readlink(f"/proc/{pid}/fd/{name}"))
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        return sorted(fds.items()), "opt/vgpu" in file.read()


# --- the scenarios. Return: what must be the same, and whether ours was mapped in each place

REMOTE = ("id; pwd; echo err >&2; ls /proc/self/fd; cat; "
          "grep -c opt/vgpu /proc/self/maps >/out/maps; exit 3")
SSH = ("/usr/bin/ssh -F none -i /root/key -o StrictHostKeyChecking=no -o LogLevel=ERROR "
       "-o UserKnownHostsFile=/dev/null -o BatchMode=yes").split()


def mapped(world):
    return [line.rsplit(b":", 1)[-1] != b"0" for line in world.read("maps").split()]


def sshd_settings(world):
    return [world.run("/usr/sbin/sshd -t"), world.run("/usr/sbin/sshd -T"),
            world.run("/usr/sbin/sshd -t -f /none")], []


def sshd_inetd(world):
    # ssh hangs up on the command, which ends a server in the middle of its last words
    hold = "/bin/sh -c \"trap '' HUP; /usr/sbin/sshd -i -e; :\""
    command = SSH + ["-o", "ProxyCommand=" + hold, "alice@services", REMOTE]
    return [world.run(command, 0, b"input\n")], mapped(world)


def sshd_daemon(world):
    daemon = world.start("/usr/sbin/sshd -D -e -p 2222")
    wait_for("sshd", listening)
    fds, ours = service_state(daemon.pid)
    done = [world.run(SSH + ["-p", "2222", "alice@127.0.0.1", REMOTE], 0, b"input\n")]
    wait_for("end of the login", lambda: world.others() == {str(daemon.pid)})
    done.append(world.run(SSH + ["-p", "2222", "bob@127.0.0.1", "id"]))  # has no key there
    wait_for("end of the refusal", lambda: world.others() == {str(daemon.pid)})
    daemon.terminate()
    out, err = daemon.communicate(timeout=DEADLINE)
    return done + [(daemon.returncode, out, err), fds], mapped(world) + [ours]


def cron(world):
    daemon = world.start("/usr/sbin/cron -f -L 15")
    for name in ("system.done", "mail.done"):
        wait_for(name, lambda name=name: os.path.exists(f"{world.root}/out/{name}"))
    fds, ours = service_state(daemon.pid)
    daemon.terminate()
    out, err = daemon.communicate(timeout=DEADLINE)
    return [(daemon.returncode, out, err), fds, world.read("system.done"),
            world.read("mail.done")], mapped(world) + [ours]


def sudo(world):
    shown = ("id; ls /proc/self/fd; grep -c opt/vgpu /proc/self/maps /proc/$PPID/maps >/out/maps; "
             "exit 4")
    return [world.run("/usr/bin/sudo -n -u alice id"), world.run("/usr/bin/sudo -n -l", 1000),
            world.run("/usr/bin/sudo -n id", 1001), world.run("/usr/bin/sudo -V", 1000),
            world.run("/usr/sbin/visudo -c"),
            world.run(["/usr/bin/sudo", "-n", "/bin/sh", "-c", shown], 1000)], mapped(world)


def su(world):
    shown = "id; grep -c opt/vgpu /proc/self/maps >/out/maps; exit 5"
    return [world.run("/usr/bin/su alice -c id"), world.run("/usr/bin/su - alice -c pwd"),
            world.run("/usr/sbin/runuser -u alice -- id"),
            world.run("/usr/bin/su alice -c id", 1001, b"wrong\n"),
            world.run(["/usr/bin/su", "alice", "-c", shown], 1001, b"secret-1\n")], mapped(world)


def passwd(world):
    return [world.run("/usr/bin/passwd -S alice"), world.run("/usr/bin/passwd -S", 1000),
            world.run("/usr/bin/passwd -S root", 1000), world.run("/usr/bin/chage -l alice", 1000),
            world.run("/usr/bin/passwd", 1000, b"wrong\nnew-secret-2\nnew-secret-2\n")], []


def shell(world):
    text = b"id; x=$(echo a | cat); echo $x >&2; ls /proc/self/fd\n" \
           b"grep -c opt/vgpu /proc/self/maps >/out/maps\nlogout 6\n"
    return [world.run("/bin/bash -l", 1000, text)], mapped(world)


def systemd(world):
    status, out, err = world.run("/lib/systemd/systemd --user --test --unit=basic.target", 1000)
    out = re.sub(rb"\w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+|\b[0-9a-f]{32}\b", b"N", out)
    return [status, sorted(out.splitlines()), err,  # in the order of a table with a random seed
            world.run("/usr/bin/systemd-analyze verify --man=no --user basic.target", 1000),
            world.run("/usr/bin/systemctl --user status", 1000)], []


def plain(value):
    """Without process numbers, ports, times, keys' and loader's words."""
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if not isinstance(value, bytes):
        return value
    value = LOADER.sub(b"", value)
    value = re.sub(rb"^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d ", rb"\1", value, flags=re.M)
    value = re.sub(rb"\[\d+\]|port \d{4,5}|pid \d+|\d+(\.\d+)?(us|ms|s)\b", b"N", value)
    return re.sub(rb"^Date: .*$", b"Date", value, flags=re.M)


def play(world, scenario, preload):
    """One scenario under one preload file. Return: what it gave, in full; ours mapped where."""
    path = world.root + "/etc/ld.so.preload"
    before = world.names()
    if preload:
        write(path, preload)
    world.log.clear()
    try:
        given, ours = scenario(world)
    finally:
        left = world.left()
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        if preload:
            os.remove(path)
    new = sorted(world.names() - before)
    for name in reversed(new):
        os.rmdir(name) if os.path.isdir(name) and not os.path.islink(name) else os.remove(name)
    with open("/proc/self/net/unix", encoding="ascii", errors="replace") as file:
        sockets = sorted(line.split()[7] for line in file.readlines()[1:] if len(line.split()) == 8)
    facts = {"given": plain(given), "log": sorted(plain(world.logged())), "new files": new,
             "processes left": left, "sockets": sockets}
    return facts, ours


def difference(one, other):
    return {k: (one[k], other[k]) for k in one if one[k] != other[k]}


def compare(world, name, scenario):
    try:
        without, ours = play(world, scenario, "")
        check(f"{name}: alone it leaves no process", not without["processes left"] and
              not any(ours), without)
        for title, preload in PRELOADS:
            got, ours = play(world, scenario, preload)
            check(f"{name}, {title}: the same", got == without, difference(without, got))
            if ours:
                check(f"{name}, {title}: they were there", all(ours), ours)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        check(f"{name}: ends well", False, (error, world.log))


def notices(world):
    """The comparison must tell libraries that are not harmless."""
    if shutil.which("cc") is None:
        print("left out: no compiler for a library that is not harmless")
        return
    for what, text in BAD.items():
        subprocess.run(["cc", "-w", "-shared", "-fPIC", f"-DDOES={text}", "-o",
                        world.root + "/opt/bad.so", world.root + "/bad.c"], check=True)
        for name, scenario in (("sshd for one login", sshd_inetd), ("sudo", sudo),
                               ("login shell", shell)):
            without, other = play(world, scenario, "")[0], play(world, scenario, "/opt/bad.so\n")[0]
            check(f"{name}: a library that {what} is noticed", without != other, without)


def inside(folder, build):
    root = folder + "/root"
    make_root(root, folder, build)
    world = World(root)
    for command, stdin in (("/usr/bin/ssh-keygen -q -t ed25519 -N  -f /etc/ssh/key", b""),
                           ("/usr/bin/ssh-keygen -q -t ed25519 -N  -f /root/key", b""),
                           ("/usr/sbin/chpasswd -c SHA512", b"alice:secret-1\n")):
        done = world.run(command, 0, stdin)
        check(f"prepared: {command.split()[0]}", done[0] == 0, done)
    with open(root + "/root/key.pub", encoding="ascii") as file:
        write(root + "/home/alice/.ssh/authorized_keys", file.read())
    write(root + "/var/spool/cron/crontabs/alice", "@reboot id; ls /proc/self/fd\n", 0o600)
    os.chown(root + "/var/spool/cron/crontabs/alice", 1000, 104)
    for name, scenario in (("sshd, settings", sshd_settings), ("sshd for one login", sshd_inetd),
                           ("sshd, daemon", sshd_daemon), ("cron", cron), ("sudo", sudo),
                           ("su", su), ("passwd", passwd), ("login shell", shell),
                           ("systemd --user", systemd)):
        compare(world, name, scenario)
    notices(world)
    print(f"{results[True]} passed, {results[False]} failed")
    return 1 if results[False] else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--inside")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    return inside(arguments.inside, build) if arguments.inside else outside(build)


sys.exit(main())
