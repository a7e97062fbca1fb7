#!/usr/bin/env python3
"""Copies the tokenizers and vectors of src/text's tests into tests/testdata, gzipped.

usage: copy_tokenizer_testdata.py SHARED_FOLDER      (the one with data/ and reference-model/)

Sources and licences of all files: tests/testdata/README.md.
"""
import gzip
import os
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOKENIZERS = {
    "data/glm/tokenizer/glm-4.6.reconstructed.tokenizer.json.gz": "glm46.tokenizer.json.gz",
    "data/tokenizers/deepseek_v3.tokenizer.json.gz": "deepseek_v3.tokenizer.json.gz",
    "data/tokenizers/qwen3.tokenizer.json.gz": "qwen3.tokenizer.json.gz",
    "data/tokenizers/gptoss.tokenizer.json.gz": "gptoss.tokenizer.json.gz",
    "data/tokenizers/gpt2.tokenizer.json": "gpt2.tokenizer.json.gz",
    "data/tokenizers/gpt_neox.tokenizer.json": "gpt_neox.tokenizer.json.gz",
    "data/tokenizers/modernbert.tokenizer.json": "modernbert.tokenizer.json.gz",
    "data/tokenizers/minimind.tokenizer.json": "minimind.tokenizer.json.gz",
    "data/tokenizers/cl100k_base.tiktoken": "cl100k_base.tiktoken.gz",
    "data/tokenizers/o200k_base.tiktoken": "o200k_base.tiktoken.gz",
    "data/tokenizers/p50k_base.tiktoken": "p50k_base.tiktoken.gz",
    "data/tokenizers/kimi_k2.tiktoken": "kimi_k2.tiktoken.gz",
    "data/tokenizers/qwen.tiktoken": "qwen.tiktoken.gz",
    "reference-model/tokenizer.json": "reference.tokenizer.json.gz",
}
VECTOR_FOLDERS = ("kitoken", "llama_cpp")
NO_TOKENIZER = ("llama33", "llama-bpe")


def copy(source, target):
    data = open(source, "rb").read()
    if not source.endswith(".gz"):
        data = gzip.compress(data, 9, mtime=0)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as out:
        out.write(data)
    return len(data)


def main():
    shared, out = sys.argv[1], os.path.join(HERE, "tests/testdata")
    total = 0
    for source, name in TOKENIZERS.items():
        total += copy(os.path.join(shared, source), os.path.join(out, "tokenizers", name))
    for folder in VECTOR_FOLDERS:
        path = os.path.join(shared, "data/vectors", folder)
        for name in sorted(os.listdir(path)):
            if not any(word in name for word in NO_TOKENIZER):
                total += copy(os.path.join(path, name),
                              os.path.join(out, "vectors", folder, name + ".gz"))
    print(f"{total:,} bytes")


if __name__ == "__main__":
    main()
