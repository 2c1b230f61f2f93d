# SPDX-License-Identifier: Apache-2.0
"""What the Ollama checks share: a server of one's own, its log, and vgpu's counters.

A server has its own home, models, port and counter files, all in a folder that the caller
gives. Nothing outside that folder is touched, and the server is gone when `with` ends.
"""
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

# against a hang, on a machine that has other things to do
START = 180
ANSWER = 900

# what a shell may have set and would change what is checked
NOT_INHERITED = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES",
                 "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "LD_PRELOAD", "GGML_BACKEND_PATH")


class Failed(Exception):
    """A check's own words for what is wrong."""


class Checks:
    """Counts, and says each check's outcome with what was seen."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, seen):
        self.passed += bool(good)
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {name}: {seen}", flush=True)
        return good

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.failed == 0 and self.passed > 0 else 1


def environment(**more):
    clean = {key: value for key, value in os.environ.items()
             if key not in NOT_INHERITED and not key.startswith(("OLLAMA_", "LLAMA_ARG_"))}
    # else it follows the memory that is free, from one process to the next
    clean["VGPU_SOFT_MEMORY"] = "8G"
    clean.update(more)
    return clean


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def device(run):
    """What `vgpu info` says, as the program that @run starts would see it."""
    words = shlex.split(run)
    done = subprocess.run([*words, words[0], "info"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env=environment(), timeout=120, check=True)
    return dict(re.findall(r"^(\w+): +(.*)$", done.stdout.decode(), re.MULTILINE))


def fields(line):
    """key=value and key="a value" of a line of Ollama's log."""
    return {key: value.strip('"') for key, value in
            re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)}


def counted(folder):
    """The software GPU's counters of all processes, names added up; kernels by name."""
    sums, kernels = {}, {}
    for name in os.listdir(folder):
        if not name.startswith("soft."):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                word = re.split(r"[\t ]", line.strip())
                if word[0] == "kernel":
                    kernels[word[1]] = kernels.get(word[1], 0) + int(word[2])
                elif len(word) == 2 and word[1].isdigit():
                    sums[word[0]] = sums.get(word[0], 0) + int(word[1])
    return sums, kernels


class Child:
    """A server process: started, watched, asked over HTTP, ended."""

    def __init__(self, command, folder, env):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.log_path = folder, os.path.join(folder, "log")
        self.port = None
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, cwd=folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, is_ready, what, seconds=START):
        end = time.monotonic() + seconds
        while not is_ready():
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}:\n"
                             + self.log()[-3000:])
            if time.monotonic() > end:
                raise Failed(f"{what} took more than {seconds} s:\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def ask(self, path, question=None, seconds=ANSWER):
        data = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data,
                                         headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=seconds) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{path}: {error.code} {error.read().decode(errors='replace')}\n"
                         + self.log()[-3000:]) from error

    def answers(self, path):
        try:
            self.ask(path, seconds=10)
            return True
        except (OSError, Failed, ValueError):
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Ollama(Child):
    """`ollama serve`, ready; @run is what stands before it ("" for none)."""

    def __init__(self, program, folder, run="", debug=2, **more):
        self.program = program
        os.makedirs(folder, exist_ok=True)
        port = free_port()
        self.env = environment(
            HOME=folder, OLLAMA_MODELS=os.path.join(folder, "models"),
            OLLAMA_HOST=f"127.0.0.1:{port}", OLLAMA_DEBUG=str(debug), OLLAMA_LOAD_TIMEOUT="15m",
            OLLAMA_NOPRUNE="1", VGPU_SOFT_STATS=os.path.join(folder, "soft.%p"),
            VGPU_STATS=os.path.join(folder, "shim.%p"), **more)
        super().__init__([*shlex.split(run), program, "serve"], folder, self.env)
        self.port = port
        try:
            self.wait_for(lambda: self.lines("inference compute") and
                          self.answers("/api/version"), "discovery")
        except Failed:
            self.stop()
            raise

    def lines(self, text):
        return [line for line in self.log().splitlines() if text in line]

    def found(self):
        """The fields of the line that says which device was found."""
        return fields(self.lines("inference compute")[0])

    def create(self, model):
        """Makes the model "smol" of a file."""
        path = os.path.join(self.folder, "Modelfile")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"FROM {model}\n")
        done = subprocess.run([self.program, "create", "smol", "-f", path], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300, check=False)
        if done.returncode != 0:
            raise Failed("ollama create: " + done.stdout.decode(errors="replace")[-1000:])

    def generate(self, prompt, tokens):
        return self.ask("/api/generate", {
            "model": "smol", "prompt": prompt, "stream": False,
            "options": {"temperature": 0, "seed": 1, "num_predict": tokens}})
