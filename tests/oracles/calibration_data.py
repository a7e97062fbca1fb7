"""Records the token ids that modelopt's calibration loader makes of a few rows of each kind.

Usage: calibration_data.py [--model DIR] [--output FILE]

Defaults: models/reference, tests/golden/calibration_data.json. modelopt's own
get_dataset_dataloader runs, with the tokenizer of the model; only `datasets.load_dataset`, which
would download, is replaced by one that gives the rows below. Each case of the output:

  name, chat, seq_len
  files    [[rows], ...]: JSON objects as they stand in one JSONL file each
  samples  how many of each file
  ids      the sequences in order, without padding
"""

import argparse
import json
import sys
import tempfile
import types
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

ARTICLES = [
    {"article": "LONDON, England -- A storm passed.\nNobody was hurt, officials said.",
     "highlights": "A storm.", "id": "1"},
    {"article": "  Zürich: 12,5 % mehr Gäste – “rekord” 中文。\n\n" + "Numbers 1 2 3 and so on. " * 20,
     "highlights": "", "id": "2"},
    {"article": "Never read.", "highlights": "", "id": "3"},
]
CONVERSATIONS = {
    "stem": [{"messages": [{"role": "user", "content": "What is pH?"},
                           {"role": "assistant", "content": "-log10 of [H+].\n"}]}],
    "chat": [{"messages": [{"role": "system", "content": ""},
                           {"role": "user", "content": "Hi <|user|> there"},
                           {"role": "assistant", "content": "<think>\nok\n</think>\n Hello!"}]}],
    "math": [{"messages": [{"role": "user", "content": "Solve $x^2=4$."},
                           {"role": "assistant", "content": "x = ±2", "reasoning_content": "easy"},
                           {"role": "user", "content": "Sure?"},
                           {"role": "assistant", "content": "  Yes.  "}]}],
    "code": [{"messages": [{"role": "user", "content": "def f(x):\n\treturn x\n" * 9},
                           {"role": "assistant", "content": "Fine."}]},
             {"messages": [{"role": "user", "content": "Weather?"},
                           {"role": "assistant", "content": "", "tool_calls": [
                               {"type": "function", "function": {
                                   "name": "weather", "arguments": "{\"city\": \"Rom\"}"}}]},
                           {"role": "tool", "content": "sunny"},
                           {"role": "assistant", "content": "Sunny."}],
              "tools": [{"type": "function", "function": {
                  "name": "weather", "parameters": {"type": "object"}}}]}],
}
SHAREGPT = [{"conversations": [{"from": "human", "value": "Name a colour."},
                               {"from": "gpt", "value": "Blue\n"}]}]
DETECTED = {
    "text": [{"text": "Plain text.\r\nSecond line."}, {"text": " leading space, emoji 🙂"}],
    "prompt": [{"prompt": "Q: 1+1", "response": "A: 2"}, {"prompt": "Only a prompt"},
               {"prompt": "a", "completion": "b", "response": "c", "output": "d", "text": "no"}],
    "input": [{"input": "in", "output": "out"}, {"input": "alone", "output": None}],
}
DETECTED_CHAT = [CONVERSATIONS["stem"][0], CONVERSATIONS["code"][1], CONVERSATIONS["math"][0]]
NEMOTRON = [row for split in ("stem", "chat", "math", "code") for row in CONVERSATIONS[split]]

rows_of = {}  # (path, split) -> rows, for load_dataset


def load_dataset(path, split=None, data_files=None, **_):
    """Stands in for datasets.load_dataset(streaming=True)."""
    return iter(rows_of[data_files or path, split])


def replace_datasets():
    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset
    module.exceptions = types.ModuleType("datasets.exceptions")
    module.exceptions.DatasetGenerationError = type("DatasetGenerationError", (Exception,), {})
    sys.modules["datasets"] = module
    sys.modules["datasets.exceptions"] = module.exceptions


def sequences(loader):
    """The ids of each sample without the padding on the left."""
    for batch in loader:
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"]):
            yield [int(i) for i, keep in zip(ids, mask) if keep]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=PROJECT / "models/reference")
    parser.add_argument("--output", type=Path,
                        default=PROJECT / "tests/golden/calibration_data.json")
    arguments = parser.parse_args()

    replace_datasets()
    from modelopt.torch.utils.dataset_utils import get_dataset_dataloader
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    rows_of["abisee/cnn_dailymail", "train"] = ARTICLES
    for split, rows in CONVERSATIONS.items():
        rows_of["nvidia/Nemotron-Post-Training-Dataset-v2", split] = rows
    rows_of["Magpie-Align/Magpie-Pro-MT-300K-v0.1", "train"] = SHAREGPT

    cases = []

    def record(name, datasets, samples, files, chat, seq_len):
        loader = get_dataset_dataloader(datasets, tokenizer, num_samples=samples,
                                        max_sample_length=seq_len, apply_chat_template=chat)
        cases.append({"name": name, "chat": chat, "seq_len": seq_len, "files": files,
                      "samples": samples, "ids": list(sequences(loader))})

    default = ["cnn_dailymail", "nemotron-post-training-dataset-v2"]
    for chat in (False, True):
        for seq_len in (16, 2048):
            record("cnn_nemotron", default, [2, 5], [ARTICLES, NEMOTRON], chat, seq_len)
    record("sharegpt", ["magpie"], [1], [SHAREGPT], False, 2048)
    # modelopt finds out by itself what a local .jsonl file holds, and applies the chat template to
    # messages there whatever apply_chat_template says.
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in {**DETECTED, "messages": DETECTED_CHAT}.items():
            path = Path(folder) / f"{name}.jsonl"
            path.touch()
            rows_of[str(path), "train"] = rows
            record(name, [str(path)], [len(rows)], [rows], name == "messages", 2048)

    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    arguments.output.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{arguments.output}: {len(cases)} cases")


if __name__ == "__main__":
    main()
