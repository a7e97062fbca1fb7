"""Makes six small random GLM models and what transformers computes with them in float32.

Usage: forward_goldens.py [--search COUNT] [NAME ...], default: all models

Writes tests/golden/forward/NAME/: config.json, model.safetensors (BF16, hub names, router bias
F32), expected.safetensors and tolerance.json; tests/golden/README.md describes them.

--search tries the seeds 0..COUNT-1 without writing and prints those with the widest gaps between
the last chosen and the first rejected key or expert: SEEDS came from it.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
from forward_setup import (
    FORWARD,
    Mtp,
    describe_gaps,
    double_products,
    float_changes,
    json_text,
    load_model,
    record,
    save_tensors,
)
from model_goldens import GLM51_CONFIG, RandomTensors, source_tensors
from modelopt_export import random_token_ids
from safetensors.torch import save_file

BASE = GLM51_CONFIG | {"moe_intermediate_size": 16, "index_head_dim": 24, "index_n_heads": 8}

MODELS = {
    "dense": {"hidden_size": 48, "index_topk": 64},
    "sparse": {
        "hidden_size": 48,
        "index_topk": 8,
        "kv_lora_rank": 16,
        "num_attention_heads": 3,
        "num_key_value_heads": 3,
    },
    "groups": {
        "hidden_size": 32,
        "index_topk": 64,
        "intermediate_size": 80,
        "n_group": 4,
        "n_routed_experts": 16,
        "n_shared_experts": 2,
        "num_experts_per_tok": 3,
        "topk_group": 2,
        "v_head_dim": 32,
    },
    "shared": {
        "first_k_dense_replace": 2,
        "hidden_size": 48,
        "index_share_for_mtp_iteration": True,
        "index_skip_topk_offset": 2,
        "index_topk": 6,
        "index_topk_freq": 3,
        "index_topk_pattern": None,
        "indexer_types": ["full", "full", "shared", "shared", "full"],
        "mlp_layer_types": ["dense", "dense", "sparse", "sparse", "sparse"],
        "moe_router_dtype": "float32",
        "n_routed_experts": 4,
        "num_hidden_layers": 5,
        "rope_parameters": {"rope_theta": 8000000, "rope_type": "default"},
    },
    "odd": {
        "head_dim": 6,
        "hidden_size": 88,
        "index_head_dim": 10,
        "index_n_heads": 7,
        "index_topk": 7,
        "intermediate_size": 52,
        "kv_lora_rank": 14,
        "moe_intermediate_size": 24,
        "n_routed_experts": 7,
        "num_attention_heads": 3,
        "num_experts_per_tok": 3,
        "num_hidden_layers": 2,
        "num_key_value_heads": 3,
        "q_lora_rank": 20,
        "qk_head_dim": 18,
        "qk_nope_head_dim": 12,
        "qk_rope_head_dim": 6,
        "v_head_dim": 10,
        "vocab_size": 101,
    },
    "mtp": {
        "hidden_size": 48,
        "index_topk": 9,
        "num_hidden_layers": 2,
        "num_nextn_predict_layers": 1,
    },
}
LENGTHS = {"dense": 40, "sparse": 40, "groups": 36, "shared": 40, "odd": 37, "mtp": 32}
SEEDS = {"dense": 105, "sparse": 10, "groups": 3, "shared": 115, "odd": 210, "mtp": 224}


class ForwardTensors(RandomTensors):
    """Weights that keep activations near one, attention and routing decided, nothing degenerate."""

    def linear(self, rows, columns):
        return (1.3 * self.normal(rows, columns) * columns**-0.5).bfloat16()

    def plain(self, rows, columns):
        return (1.5 * self.normal(rows, columns) * columns**-0.5).bfloat16()


def random_model(config, seed):
    """All tensors under their hub names, the MTP layer's included."""
    random = ForwardTensors(seed)
    layers, hidden = config["num_hidden_layers"], config["hidden_size"]
    if not config["num_nextn_predict_layers"]:
        return source_tensors(config, random)
    tensors = source_tensors(config | {"num_hidden_layers": layers + 1}, random)
    prefix = f"model.layers.{layers}"
    tensors[f"{prefix}.eh_proj.weight"] = random.linear(hidden, 2 * hidden)
    for part in ("enorm", "hnorm", "shared_head.norm"):
        tensors[f"{prefix}.{part}.weight"] = random.norm(hidden)
    return tensors


def write_model(folder, config, seed):
    """The checkpoint, without expectations."""
    folder.mkdir(parents=True)
    save_file(random_model(config, seed), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def expectations(folder, config, ids):
    """The recorded pass of a written model, with the MTP layer's rows if it has one."""
    with_mtp = bool(config["num_nextn_predict_layers"])
    model = load_model(folder, with_mtp=with_mtp)
    mtp = Mtp(model, folder / "model.safetensors") if with_mtp else None
    return record(model, ids, mtp)


def make(folder, name, seed):
    """Writes a model to folder; its Recorder."""
    config = dict(sorted((BASE | MODELS[name]).items()))
    ids = random_token_ids(config["vocab_size"], sequences=1, length=LENGTHS[name], seed=seed)[0]
    write_model(folder, config, seed)
    return config, ids, expectations(folder, config, ids)


def search(name, count):
    """Prints the ten best seeds of a model."""
    found = []
    for seed in range(count):
        with tempfile.TemporaryDirectory() as scratch:
            gaps = describe_gaps(make(Path(scratch) / name, name, seed)[2])
        index_gap, router_gap = gaps["smallest_index_gap"], gaps["smallest_router_gap"]
        # Standard deviations of index scores, against choice scores of standard deviation 0.2.
        worst = 5 * router_gap if index_gap is None else min(index_gap, 5 * router_gap)
        found.append((worst, seed, index_gap, router_gap))
    for entry in sorted(found, key=lambda entry: entry[0], reverse=True)[:10]:
        print(name, *entry)


def write(name):
    """Writes one model and its expectations."""
    folder = FORWARD / name
    shutil.rmtree(folder, ignore_errors=True)
    config, ids, recorder = make(folder, name, SEEDS[name])
    with double_products():
        changes = float_changes(recorder.tensors, expectations(folder, config, ids).tensors)
    save_tensors(folder / "expected.safetensors", recorder.tensors)
    description = {"seed": SEEDS[name], "tensors": changes} | describe_gaps(recorder)
    (folder / "tolerance.json").write_text(json_text(description))
    size = sum(path.stat().st_size for path in folder.iterdir())
    logits = changes["logits"]
    print(
        f"{name}: {size} bytes, index gap {description['smallest_index_gap']}, router gap"
        f" {description['smallest_router_gap']:.2g}, bias {recorder.bias_shares},"
        f" logits RMS {logits['rms']:.3g}, change {logits['change_max']:.2g}"
    )


def main():
    """Writes or searches the named models."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--search", type=int, metavar="COUNT")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    for name in options.names or MODELS:
        if options.search:
            search(name, options.search)
        else:
            write(name)


if __name__ == "__main__":
    main()
