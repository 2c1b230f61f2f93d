# SPDX-License-Identifier: Apache-2.0
"""One run of the stock Python client along given tokens; writes what was likely at each.

    xllamacpp_walk.py MODEL PROMPT OUT gpu|cpu flash|plain [TOKENS.json]

Without tokens it goes along the most likely ones. The server of the client runs in this
process and is asked by function calls, one token a time; batches hold at most eight tokens
of the prompt, since longer ones call a library of machine code. Each question starts from
nothing: what this server keeps of the last one depends on how its threads were scheduled, and
gave two different answers on the CPU alone.
"""
import json
import sys

import xllamacpp

POSITIONS = 16
LISTED = 50


def parameters(model, gpu, flash):
    params = xllamacpp.CommonParams()
    params.model = model
    params.n_gpu_layers = 99 if gpu else 0
    params.n_ctx = 256
    params.n_batch = params.n_ubatch = 8
    params.n_parallel = 1
    params.flash_attn = flash
    params.warmup = False
    # its threads spin while they wait, and would take the CPUs from the vGPU
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    return params


def ask(server, prompt):
    """The most likely next tokens after @prompt: [[token, log-probability], ...]."""
    answers = []
    server.handle_completions(
        json.dumps({"prompt": prompt, "n_predict": 1, "n_probs": LISTED, "temperature": 0.0,
                    "cache_prompt": False}),
        answers.append, answers.append)
    answer = answers[0] if isinstance(answers[0], dict) else json.loads(answers[0])
    if "choices" not in answer:
        raise RuntimeError(f"no answer: {json.dumps(answer)[:500]}")
    listed = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    return [[entry["id"], entry["logprob"]] for entry in listed]


def main():
    model, prompt, out, device, attention = sys.argv[1:6]
    forced = None
    if len(sys.argv) > 6:
        with open(sys.argv[6], encoding="utf-8") as file:
            forced = json.load(file)["tokens"]
    server = xllamacpp.Server(parameters(model, device == "gpu", attention == "flash"))
    tokens, rows = [], []
    for position in range(POSITIONS):
        row = ask(server, [prompt, *tokens])
        rows.append(row)
        tokens.append(forced[position] if forced else row[0][0])
        print(f"position {position + 1}", file=sys.stderr, flush=True)
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"tokens": tokens, "rows": rows}, file)


main()
