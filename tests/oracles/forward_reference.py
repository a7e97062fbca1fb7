"""Runs the reference model over held-out text: BF16, NVFP4 weights, W4A4; and greedily.

Usage: forward_reference.py --export DIR [--text FILE]

DIR is the export of models/reference that reference_goldens.py --export keeps. FILE is
gsm8k.test.jsonl of github.com/openai/grade-school-math (MIT); with it, the token ids are made
anew. Writes tests/golden/forward/: reference_tokens.json (with --text), reference.json and
reference_logits.safetensors; tests/golden/README.md describes them.
"""

import argparse
import hashlib
import json
import math
import re
from pathlib import Path

import torch
from forward_setup import (
    FORWARD,
    REFERENCE,
    double_products,
    float_changes,
    greedy,
    json_text,
    load_model,
    save_tensors,
)
from forward_quantized import load_dequantized, load_w4a4
from transformers import AutoTokenizer

TEXT_SHA256 = "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14"
TEXT_ROWS = range(200, 260)
PROMPT_ROWS = range(260, 276)
WINDOW = 1024
TOKENS = FORWARD / "reference_tokens.json"
LOGIT_POSITIONS = [0, 1, 63, 64, 200, 511, 800, 1023]
GREEDY_PROMPTS, GREEDY_TOKENS = 3, 64
LATENT_EPS = {"1e-6": 1e-6, "1e-5": 1e-5}


def make_tokens(text):
    """Writes the windows of the evaluation text and the prompts."""
    content = text.read_bytes()
    assert hashlib.sha256(content).hexdigest() == TEXT_SHA256, text
    rows = [json.loads(line) for line in content.decode().splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(REFERENCE)

    def ids(row, with_answer):
        messages = [{"role": "user", "content": row["question"]}]
        if with_answer:
            answer = re.sub(r"<<[^>]*>>", "", row["answer"])
            messages.append({"role": "assistant", "content": answer})
        chat = tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=not with_answer,
            enable_thinking=False,
        )
        return tokenizer(chat).input_ids

    stream = [token for row in TEXT_ROWS for token in ids(rows[row], with_answer=True)]
    count = len(stream) // WINDOW
    tokens = {
        "window": WINDOW,
        "windows": [stream[i * WINDOW : (i + 1) * WINDOW] for i in range(count)],
        "flat": stream[: count * WINDOW],
        "prompts": [ids(rows[row], with_answer=False) for row in PROMPT_ROWS],
    }
    TOKENS.parent.mkdir(parents=True, exist_ok=True)
    TOKENS.write_text(json.dumps(tokens, separators=(",", ":")) + "\n")


def window_logits(model, windows):
    """Logits [1024, V] of each window, one at a time."""
    for window in windows:
        yield model(torch.tensor([window]), use_cache=False).logits[0]


def evaluate(logits, windows, base=None):
    """Mean NLL and perplexity over the predicted tokens; compared with the base's logits, the
    mean KL(base || model) in nats and the share of equal top tokens over the same positions."""
    nll, divergence, agreeing = [], 0.0, 0
    for number, rows in enumerate(logits):
        log_p = rows[:-1].double().log_softmax(-1)
        targets = torch.tensor(windows[number][1:]).unsqueeze(1)
        nll.append(-log_p.gather(1, targets).sum().item())
        if base is not None:
            base_log_p = base[number][:-1].double().log_softmax(-1)
            divergence += (base_log_p.exp() * (base_log_p - log_p)).sum().item()
            agreeing += (rows[:-1].argmax(-1) == base[number][:-1].argmax(-1)).sum().item()
    count = sum(len(window) - 1 for window in windows)
    result = {
        "predicted_tokens": count,
        "mean_nll": sum(nll) / count,
        "perplexity": math.exp(sum(nll) / count),
        "window_nll": [total / (WINDOW - 1) for total in nll],
    }
    if base is not None:
        result |= {"kl": divergence / count, "top1_agreement": agreeing / count}
    return result


def greedy_entry(models, prompt):
    """Greedy continuations with both eps, which are asserted to be equal."""
    found = [greedy(model, prompt, GREEDY_TOKENS) for model in models]
    assert found[0][0] == found[1][0]
    margin = min(margin for _, margin in found)
    return {"prompt": prompt, "continuation": found[0][0], "smallest_logit_margin": margin}


def main():
    """Writes the files, printing the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--text", type=Path)
    options = parser.parse_args()
    if options.text:
        make_tokens(options.text)
    tokens = json.loads(TOKENS.read_text())
    windows = tokens["windows"]

    results, models, first_rows = {}, [], {}
    for eps_name, eps in LATENT_EPS.items():
        model = load_model(REFERENCE, latent_eps=eps)
        models.append(model)
        base = list(window_logits(model, windows))
        first_rows[eps_name] = {"logits": base[0][LOGIT_POSITIONS]}
        entry = {"bf16": evaluate(base, windows)}
        if eps_name == "1e-6":
            with double_products():
                double = list(window_logits(model, windows))
            entry["bf16_float64_products"] = evaluate(double, windows, base)
            first_rows["float64"] = {"logits": double[0][LOGIT_POSITIONS]}
        quantized = load_dequantized(options.export, latent_eps=eps)
        entry["nvfp4_weights"] = evaluate(window_logits(quantized, windows), windows, base)
        quantized, _ = load_w4a4(options.export, latent_eps=eps)
        entry["nvfp4_w4a4"] = evaluate(window_logits(quantized, windows), windows, base)
        if eps_name == "1e-6":
            with double_products():
                double = window_logits(quantized, windows)
                entry["nvfp4_w4a4_float64_products"] = evaluate(double, windows, base)
        results[f"latent_eps_{eps_name}"] = entry
        print(json_text({key: value | {"window_nll": 0} for key, value in entry.items()}))

    changes = float_changes(first_rows["1e-6"], first_rows["float64"])
    eps_changes = float_changes(first_rows["1e-6"], first_rows["1e-5"])
    results["logits"] = {
        "positions": LOGIT_POSITIONS,
        "float64_products": changes["logits"],
        "change_with_latent_eps_1e-5": {
            key: eps_changes["logits"][key] for key in ("change_rms", "change_max")
        },
    }
    print(json_text(results["logits"]))
    tensors = first_rows["1e-6"] | {"positions": torch.tensor(LOGIT_POSITIONS, dtype=torch.int32)}
    save_tensors(FORWARD / "reference_logits.safetensors", tensors)

    prompts = tokens["prompts"][:GREEDY_PROMPTS]
    entries = [greedy_entry(models, prompt) for prompt in prompts]
    results["greedy"] = {str(number): entry for number, entry in enumerate(entries)}
    print("greedy margins", [entry["smallest_logit_margin"] for entry in entries])
    (FORWARD / "reference.json").write_text(json_text(results))


if __name__ == "__main__":
    main()
