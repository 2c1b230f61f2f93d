#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a small random language model as a GGUF file.

The shape follows from the seed alone and is printed: head size 64 or 128, hidden size a
multiple of 256, grouped queries 1 to 4, weights Q8_0, Q4_1 or Q4_K. Weights are drawn in
their quantised form, with scales that keep activations near one; the output matrix is
scaled by --logits so that the best token is likely, but not certain.

    random_model.py SEED FILE [--logits S] [--alter]

--alter changes one weight block, for the test that must notice it.
"""
import argparse
import random
import struct

F32, Q4_1, Q8_0, Q4_K = 0, 3, 8, 12
TYPE_NAMES = {Q4_1: "Q4_1", Q8_0: "Q8_0", Q4_K: "Q4_K"}
U32, FLOAT, STRING, ARRAY, INT32 = 4, 6, 8, 9, 5
ALIGNMENT = 32


class Shape:
    """What the seed decides."""

    def __init__(self, seed):
        rng = random.Random(f"shape {seed}")
        self.head = rng.choice([64, 128])
        self.group = rng.choice([1, 2, 4])
        self.hidden = rng.choice([256, 512])
        if self.hidden // self.head < self.group:
            self.group = self.hidden // self.head
        self.heads = self.hidden // self.head
        self.kv_heads = self.heads // self.group
        self.ff = rng.choice([512, 768])
        self.layers = 2
        self.vocab = 512
        self.type = rng.choice([Q8_0, Q4_1, Q4_K])

    def __str__(self):
        return (f"hidden {self.hidden}, heads {self.heads} of {self.head}, "
                f"kv heads {self.kv_heads}, ff {self.ff}, {TYPE_NAMES[self.type]}")


def half(value):
    return struct.pack("<e", value)


def block_q8_0(rng, sigma):
    return half(sigma / 73.9) + rng.randbytes(32)


def block_q4_1(rng, sigma):
    scale = sigma / 4.61
    return half(scale) + half(-7.5 * scale) + rng.randbytes(16)


def block_q4_k(rng, sigma):
    """256 weights d*scale*q - dmin*min, eight 6-bit (scale, min) pairs packed in 12 bytes."""
    scales = [rng.randrange(24, 64) for _ in range(8)]
    d = sigma / 4.61 / 44.0
    packed = bytearray(12)
    for i in range(4):
        packed[i] = (scales[i] & 63) | ((scales[i + 4] >> 4) << 6)
        packed[i + 4] = (scales[i] & 63) | ((scales[i + 4] >> 4) << 6)
        packed[i + 8] = (scales[i + 4] & 15) | ((scales[i + 4] & 15) << 4)
    return half(d) + half(7.5 * d) + bytes(packed) + rng.randbytes(128)


BLOCKS = {Q8_0: (32, block_q8_0), Q4_1: (32, block_q4_1), Q4_K: (256, block_q4_k)}


def matrix(rng, kind, columns, rows, sigma):
    weights, make = BLOCKS[kind]
    return b"".join(make(rng, sigma) for _ in range(rows * columns // weights))


def ones(rng, count):
    return struct.pack(f"<{count}f", *(rng.uniform(0.8, 1.2) for _ in range(count)))


def tensors(shape, rng, logits):
    """(name, dims, type, bytes) of every tensor, in file order."""
    h, kind = shape.hidden, shape.type
    kv = shape.kv_heads * shape.head

    def weight(name, columns, rows, gain=1.0):
        return (name, [columns, rows], kind,
                matrix(rng, kind, columns, rows, gain / columns**0.5))

    yield weight("token_embd.weight", h, shape.vocab, h**0.5)
    for i in range(shape.layers):
        p = f"blk.{i}."
        yield (p + "attn_norm.weight", [h], F32, ones(rng, h))
        yield weight(p + "attn_q.weight", h, h, 1.5)
        yield weight(p + "attn_k.weight", h, kv, 1.5)
        yield weight(p + "attn_v.weight", h, kv)
        yield weight(p + "attn_output.weight", h, h)
        yield (p + "ffn_norm.weight", [h], F32, ones(rng, h))
        yield weight(p + "ffn_gate.weight", h, shape.ff)
        yield weight(p + "ffn_up.weight", h, shape.ff)
        yield weight(p + "ffn_down.weight", shape.ff, h)
    yield ("output_norm.weight", [h], F32, ones(rng, h))
    yield weight("output.weight", h, shape.vocab, logits)


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def pair(key, kind, value):
    out = text(key) + struct.pack("<I", kind)
    if kind == STRING:
        return out + text(value)
    if kind == ARRAY:
        element, values = value
        out += struct.pack("<IQ", element, len(values))
        if element == STRING:
            return out + b"".join(text(v) for v in values)
        return out + b"".join(struct.pack("<f" if element == FLOAT else "<i", v)
                              for v in values)
    return out + struct.pack("<f" if kind == FLOAT else "<I", value)


def metadata(shape):
    """The smallest sentence-piece vocabulary: three controls, 256 bytes, made-up words."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    types = [2, 3, 3] + [6] * 256
    while len(tokens) < shape.vocab:
        tokens.append(f"\u2581w{len(tokens)}")
        types.append(1)
    scores = [0.0] * 259 + [-float(i) for i in range(len(tokens) - 259)]
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "random"),
        ("llama.context_length", U32, 512),
        ("llama.embedding_length", U32, shape.hidden),
        ("llama.block_count", U32, shape.layers),
        ("llama.feed_forward_length", U32, shape.ff),
        ("llama.attention.head_count", U32, shape.heads),
        ("llama.attention.head_count_kv", U32, shape.kv_heads),
        ("llama.attention.layer_norm_rms_epsilon", FLOAT, 1e-5),
        ("llama.rope.dimension_count", U32, shape.head),
        ("llama.vocab_size", U32, shape.vocab),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ("tokenizer.ggml.scores", ARRAY, (FLOAT, scores)),
        ("tokenizer.ggml.token_type", ARRAY, (INT32, types)),
        ("tokenizer.ggml.bos_token_id", U32, 1),
        ("tokenizer.ggml.eos_token_id", U32, 2),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
    ]


def alter(entries):
    """Replaces 64 bytes in the middle of one weight matrix of the first layer."""
    for i, (name, dims, kind, data) in enumerate(entries):
        if name == "blk.0.ffn_down.weight":
            weights = BLOCKS[kind][0]
            size = len(data) // (dims[0] * dims[1] // weights)
            at = len(data) // size // 2 * size
            # a scale that is sixty times too large
            scale = struct.unpack("<e", data[at:at + 2])[0]
            data = data[:at] + half(scale * 60) + data[at + 2:]
            entries[i] = (name, dims, kind, data)
    return entries


def write(path, shape, entries):
    pairs = metadata(shape)
    out = struct.pack("<4sIQQ", b"GGUF", 3, len(entries), len(pairs))
    out += b"".join(pair(*p) for p in pairs)
    offset = 0
    for name, dims, kind, data in entries:
        out += text(name) + struct.pack("<I", len(dims))
        out += struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", kind, offset)
        offset += -(-len(data) // ALIGNMENT) * ALIGNMENT
    with open(path, "wb") as file:
        file.write(out + b"\0" * (-len(out) % ALIGNMENT))
        for _, _, _, data in entries:
            file.write(data + b"\0" * (-len(data) % ALIGNMENT))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("file")
    parser.add_argument("--logits", type=float, default=3.0)
    parser.add_argument("--alter", action="store_true")
    args = parser.parse_args()
    shape = Shape(args.seed)
    entries = list(tensors(shape, random.Random(args.seed + 1), args.logits))
    if args.alter:
        entries = alter(entries)
    write(args.file, shape, entries)
    print(f"seed {args.seed}: {shape}")


if __name__ == "__main__":
    main()
