# SPDX-License-Identifier: Apache-2.0
"""One run of the stock client cyllama along given tokens; writes what was likely at each.

    cyllama_walk.py MODEL PROMPT OUT gpu|cpu flash|plain [TOKENS.json]

The prompt goes in as batches of BATCH tokens, each of which gives one row, for its last token;
then one token a time, for each a row, along the given tokens or else the most likely ones. A
row is the 50 best of the softmax over all tokens. Batches and single tokens take different
kernels: matrix instructions on the one side, dot products of vectors on the other.
"""
import heapq
import json
import math
import sys
import time

import cyllama.llama.llama_cpp as cy

BATCH = 12
STEPS = 13
LISTED = 50


class Model(cy.LlamaModel):
    """With the attribute that the package's own get_logits() asks for and 0.2.18 lacks."""

    @property
    def n_vocab(self):
        return self.get_vocab().n_vocab


def open_context(path, gpu, flash):
    cy.ggml_backend_load_all()
    for index in range(cy.ggml_backend_dev_count()):
        print("device", cy.ggml_backend_dev_info()[index], file=sys.stderr)
    model_params = cy.LlamaModelParams()
    model_params.n_gpu_layers = 99 if gpu else 0
    model = Model(path, model_params, verbose=True)
    params = cy.LlamaContextParams()
    params.n_ctx = 256
    params.n_batch = params.n_ubatch = 32
    # its threads spin while they wait, and would take the CPUs from the vGPU
    params.n_threads = params.n_threads_batch = 1
    params.flash_attn_type = 1 if flash else 0
    return model, cy.LlamaContext(model, params, verbose=True)


def row(logits):
    """The most likely tokens: [[token, log-probability], ...]; [] if a logit is no number."""
    if not all(map(math.isfinite, logits)):
        return []
    top = max(logits)
    total = top + math.log(math.fsum(math.exp(value - top) for value in logits))
    best = heapq.nlargest(LISTED, range(len(logits)), key=logits.__getitem__)
    return [[token, logits[token] - total] for token in best]


def decode(context, tokens, position):
    # without marks a batch asks for its last token's logits only
    context.decode(cy.llama_batch_get_one(tokens, position))
    return row(context.get_logits())


def main():
    model_path, prompt, out, device, attention = sys.argv[1:6]
    forced = None
    if len(sys.argv) > 6:
        with open(sys.argv[6], encoding="utf-8") as file:
            forced = json.load(file)["tokens"]
    model, context = open_context(model_path, device == "gpu", attention == "flash")
    words = model.get_vocab().tokenize(prompt, True, True)
    began = time.monotonic()
    rows = []
    for at in range(0, len(words), BATCH):
        rows.append(decode(context, words[at:at + BATCH], at))
    middle, batches = time.monotonic(), len(rows)
    tokens = []
    for step in range(STEPS):
        tokens.append(forced[step] if forced else rows[-1][0][0])
        rows.append(decode(context, tokens[-1:], len(words) + step))
        print(f"step {step + 1}", file=sys.stderr, flush=True)
    text = model.get_vocab().detokenize(tokens)
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"batches": batches, "prompt": len(words), "tokens": tokens, "text": text,
                   "rows": rows, "seconds": [middle - began, time.monotonic() - middle]}, file)


main()
