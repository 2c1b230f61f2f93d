# SPDX-License-Identifier: Apache-2.0
"""One run of the stock client mistralrs: writes what it answers to a number of prompts.

    mistralrs_walk.py MODEL OUT

Each prompt is asked alone and continued greedily by the least that the client generates, two
tokens. Its log-probabilities are no use: version 0.3.2 returns none that are below zero.
"""
import json
import os
import sys
import time

from mistralrs import CompletionRequest, ModelDType, Runner, Which

PROMPTS = (
    "The capital of France is", "The opposite of hot is", "The sun rises in the", "Once upon a",
    "One, two, three,", "Monday, Tuesday,", "The color of the sky is", "Roses are red, violets",
    "In the beginning God created the", "Ladies and", "To be or not to", "Thank you very")


def main():
    model, out = sys.argv[1:3]
    runner = Runner(which=Which.GGUF(quantized_model_id=os.path.dirname(model),
                                     quantized_filename=os.path.basename(model),
                                     dtype=ModelDType.F32),
                    max_seqs=1, prefix_cache_n=0, no_paged_attn=True)
    began = time.monotonic()
    answers, tokens = [], 0
    for prompt in PROMPTS:
        answer = runner.send_completion_request(
            CompletionRequest(prompt=prompt, model="model", max_tokens=1, temperature=0.0))
        answers.append(answer.choices[0].text)
        tokens += answer.usage.total_tokens
        print(f"{prompt} ... {answers[-1]!r}", file=sys.stderr, flush=True)
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"prompts": PROMPTS, "answers": answers, "tokens": tokens,
                   "seconds": time.monotonic() - began}, file)


main()
