#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ollama's llama-server along the CPU's tokens; compared by the demo's rule.

    forced.py make  --tree FOLDER --model FILE --reference FILE
    forced.py check --tree FOLDER --model FILE --reference FILE --vgpu PROGRAM [--backend cpu]

`make` has the same server generate 16 tokens on the CPU, and once more along them without
flash attention and the prompt token by token, which is other code of the same backend: it shows
how far two right answers may differ. `check` feeds these tokens
to the server on the vGPU, one by one, and looks at the probabilities that it gives for the
next. Ends with `N/16 tokens`; exit status 3 if too few agree.
"""
import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile

from server import Child, Failed, environment, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
QUESTION = "What is a GPU?"
POSITIONS = 16
LISTED = 50


class LlamaServer(Child):
    def __init__(self, args, folder, backend, attention="on", batch="64"):
        lib = os.path.join(args.tree, "lib", "ollama")
        cuda = os.path.join(lib, "cuda_v13")
        port = free_port()
        command = [os.path.join(lib, "llama-server"), "--model", args.model, "--host",
                   "127.0.0.1", "--port", str(port), "--offline", "--no-webui", "--ctx-size",
                   "256", "--batch-size", "64", "--ubatch-size", batch, "--parallel", "1",
                   "--flash-attn", attention, "--no-warmup", "--verbose",
                   # its threads spin while they wait, and would take the CPUs from the vGPU
                   "--threads", "1"]
        more = {"HOME": folder, "LD_LIBRARY_PATH": f"{lib}:{cuda}"}
        if backend == "cuda":
            command = [args.vgpu, "run", "--", *command, "--gpu-layers", "99"]
            more["GGML_BACKEND_PATH"] = os.path.join(cuda, "libggml-cuda.so")
        super().__init__(command, folder, environment(**more))
        self.port = port
        try:
            self.wait_for(lambda: self.answers("/health"), "loading the model", 900)
            if (re.search(r"CUDA0 model buffer size", self.log()) is not None) != \
                    (backend == "cuda"):
                raise Failed(f"asked for {backend}, the server took another:\n"
                             + self.log()[-3000:])
        except Failed:
            self.stop()
            raise

    def prompt(self):
        """The question as this model was trained to see one."""
        return self.ask("/tokenize", {
            "content": f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n",
            "add_special": True, "parse_special": True})["tokens"]

    def next(self, tokens):
        """[[token, probability], ...] after @tokens, most likely first."""
        answer = self.ask("/completion", {
            "prompt": tokens, "n_predict": 1, "n_probs": LISTED, "temperature": 0,
            "cache_prompt": True, "ignore_eos": False})
        listed = answer["completion_probabilities"][0]["top_logprobs"]
        return [[entry["id"], math.exp(entry["logprob"]) if entry["logprob"] is not None
                 else math.nan] for entry in listed]

    def walk(self, forced=None):
        prompt, tokens, rows = self.prompt(), [], []
        for position in range(POSITIONS):
            rows.append(self.next(prompt + tokens))
            tokens.append(forced[position] if forced else rows[-1][0][0])
        return tokens, rows


def make(args, folder):
    with LlamaServer(args, os.path.join(folder, "flash"), "cpu") as server:
        tokens, rows = server.walk()
        text = server.ask("/detokenize", {"tokens": tokens})["content"]
    with LlamaServer(args, os.path.join(folder, "plain"), "cpu", "off", "1") as server:
        _, other = server.walk(tokens)
    with open(args.reference, "w", encoding="utf-8") as file:
        json.dump({"question": QUESTION, "tokens": tokens, "text": text, "rows": rows,
                   "otherRows": other}, file)
    print(f"the CPU says: {text!r}")
    return 0


def check(args, folder):
    with open(args.reference, encoding="utf-8") as file:
        reference = json.load(file)
    with LlamaServer(args, os.path.join(folder, "run"), args.backend) as server:
        _, rows = server.walk(reference["tokens"])
    path = os.path.join(folder, "rows")
    with open(path, "w", encoding="utf-8") as file:
        # what is no number is null in JSON, and never agrees
        json.dump([[[token, p if math.isfinite(p) else None] for token, p in row]
                   for row in rows], file)
    return subprocess.run([os.environ.get("NODE", "node"), os.path.join(HERE, "agree.mjs"),
                           args.reference, path], check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "check"))
    for name in ("tree", "model", "reference"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--vgpu")
    parser.add_argument("--backend", default="cuda", choices=("cuda", "cpu"))
    args = parser.parse_args()
    args.tree = os.path.abspath(args.tree)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return make(args, folder) if args.what == "make" else check(args, folder)
        except Failed as error:
            print(error)
            return 1


sys.exit(main())
