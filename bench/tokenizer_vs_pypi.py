#!/usr/bin/env python3
"""Compares glimmer's tokenizer with PyPI `tokenizers`, one thread each, on the same files.

usage: tokenizer_vs_pypi.py TOKENIZER_SPEED TOKENIZER.json FILE... [--rounds N]

TOKENIZER_SPEED is the program of bench/tokenizer_speed.cc. In every round both encode every file
(glimmer's rounds run in one process, so the two alternate by whole passes), and the ids of both
must be equal. Prints the median MB/s with the lowest and highest, and the ratio of the medians.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402 (reads the environment)


def seconds(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def time_pypi(path, texts):
    load, tokenizer = seconds(lambda: tokenizers.Tokenizer.from_file(path))
    files = []
    for text in texts:
        encode, coded = seconds(lambda: tokenizer.encode(text, add_special_tokens=False))
        fast, _ = seconds(lambda: tokenizer.encode_batch_fast([text], add_special_tokens=False))
        ids = coded.ids
        decode, _ = seconds(lambda: tokenizer.decode(ids, skip_special_tokens=False))
        checksum = sum(x * (i % 1009 + 1) for i, x in enumerate(ids))
        files.append({"encode": encode, "fast": fast, "decode": decode, "sum": checksum})
    return load, files


def summary(values, size):
    speeds = sorted(size / value / 1e6 for value in values)
    return (f"{statistics.median(speeds):7.1f} ({speeds[0]:.1f}..{speeds[-1]:.1f})",
            statistics.median(speeds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("tokenizer")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    texts = [open(name, encoding="utf-8", newline="").read() for name in options.files]
    ours, theirs, our_loads, their_loads = [], [], [], []
    for _ in range(options.rounds):
        out = subprocess.run([options.program, options.tokenizer, "3", *options.files],
                             check=True, capture_output=True, text=True).stdout
        run = json.loads(out)
        ours.append(run["files"])
        our_loads += run["load"]
        load, files = time_pypi(options.tokenizer, texts)
        theirs.append(files)
        their_loads.append(load)
    print(f"tokenizers {tokenizers.__version__}; {options.rounds} rounds; "
          "MB/s: median (lowest..highest)")
    print(f"load: glimmer {statistics.median(our_loads) * 1e3:.0f} ms, "
          f"tokenizers {statistics.median(their_loads) * 1e3:.0f} ms")
    for i, name in enumerate(options.files):
        size = os.path.getsize(name)
        for step, rival in (("encode", "encode"), ("encode", "fast"), ("decode", "decode")):
            assert ours[0][i]["sum"] == theirs[0][i]["sum"], "other ids for " + name
            text, speed = summary([x for run in ours for x in run[i][step]], size)
            other, base = summary([run[i][rival] for run in theirs], size)
            print(f"{os.path.basename(name):32} {rival:6}  glimmer {text}  "
                  f"tokenizers {other}  {speed / base:5.1f}x")


if __name__ == "__main__":
    main()
