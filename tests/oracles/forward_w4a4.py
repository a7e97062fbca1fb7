"""Fake-quantizes weights and activations of modelopt's exports (W4A4) and records the passes.

Usage: forward_w4a4.py [--search COUNT] [--export DIR]

Writes tests/golden/forward/w4a4/: for each model in tests/golden/models NAME.safetensors, the
tensors of one float32 pass of its modelopt/ export, and tolerance.json. forward_quantized.py
states the rounding rules. With --export, the export of models/reference that reference_goldens.py
keeps, also reference_input_scales.safetensors: its input_scale tensors.

--search tries the token ids of the seeds 0..COUNT-1 without writing and prints those whose
rounding decisions and choices are the farthest from flipping: SEEDS came from it.
"""

import argparse
import json
from pathlib import Path

from forward_setup import (
    FORWARD,
    PROJECT,
    describe_gaps,
    double_products,
    float_changes,
    json_text,
    record,
    save_tensors,
)
from forward_quantized import load_w4a4
from modelopt_export import random_token_ids
from safetensors.torch import load_file

MODELS = PROJECT / "tests" / "golden" / "models"
OUTPUT = FORWARD / "w4a4"
LENGTH = 10
SEEDS = {"basic": 49, "groups": 156, "shared": 99}


def token_ids(name, seed):
    """Token ids of a seed."""
    config = json.loads((MODELS / name / "modelopt" / "config.json").read_text())
    return random_token_ids(config["vocab_size"], sequences=1, length=LENGTH, seed=seed)[0]


def margins(quantizer, recorder):
    """What keeps the discrete decisions of a pass from flipping."""
    gaps = describe_gaps(recorder)
    return {
        "smallest_scale_margin": quantizer.scale_margin,
        "smallest_element_margin": quantizer.element_margin,
        "smallest_index_gap": gaps["smallest_index_gap"],
        "smallest_router_gap": gaps["smallest_router_gap"],
    }


def search(name, count):
    """Prints the ten best seeds of a model."""
    found = []
    model, quantizer = load_w4a4(MODELS / name / "modelopt", measure=True)
    for seed in range(count):
        quantizer.scale_margin = quantizer.element_margin = float("inf")
        measured = margins(quantizer, record(model, token_ids(name, seed)))
        found.append((min(measured.values()), seed, measured))
    for entry in sorted(found, key=lambda entry: entry[0], reverse=True)[:10]:
        print(name, *entry)


def write(name):
    """Writes the pass of a model; its tolerances."""
    model, quantizer = load_w4a4(MODELS / name / "modelopt", measure=True)
    ids = token_ids(name, SEEDS[name])
    recorder = record(model, ids)
    measured = margins(quantizer, recorder)
    with double_products():
        changes = float_changes(recorder.tensors, record(model, ids).tensors)
    save_tensors(OUTPUT / f"{name}.safetensors", recorder.tensors)
    print(f"{name}: {measured}, logits {changes['logits']}")
    return {"seed": SEEDS[name], "margins": measured, "tensors": changes}


def main():
    """Writes or searches all models."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--search", type=int, metavar="COUNT")
    parser.add_argument("--export", type=Path)
    options = parser.parse_args()
    if options.search:
        for name in SEEDS:
            search(name, options.search)
        return
    OUTPUT.mkdir(parents=True, exist_ok=True)
    tolerances = {name: write(name) for name in SEEDS}
    (OUTPUT / "tolerance.json").write_text(json_text(tolerances, depth=3))
    if options.export:
        tensors = load_file(options.export / "model.safetensors")
        scales = {name: tensors[name] for name in tensors if name.endswith(".input_scale")}
        save_tensors(OUTPUT / "reference_input_scales.safetensors", scales)


if __name__ == "__main__":
    main()
