"""Quantizes the reference model with modelopt and records digests and errors of every linear.

Usage: reference_goldens.py [--model DIR] [--export DIR] [--output FILE]

Defaults: models/reference, a temporary directory, tests/golden/reference_nvfp4.json. The output
covers the main layers (transformers does not build the MTP layer):

  linears  {name: [sha256 of weight, sha256 of weight_scale, weight_scale_2 as hex float]}
  errors   {module type: sqrt(sum (w - dq)^2 / sum w^2)}, dq = modelopt's float32 dequantize
"""

import argparse
import hashlib
import json
import math
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import modelopt.torch.quantization as mtq
import torch
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from modelopt_export import quantize_and_export, random_token_ids
from safetensors import safe_open

PROJECT = Path(__file__).resolve().parents[2]


def sha256(tensor):
    """Digest of a tensor's bytes."""
    return hashlib.sha256(tensor.contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


def module_type(name):
    """Last parts of a linear's name; the MLP kinds are told apart."""
    parts = name.split(".")
    kind = parts[-1]
    if "indexer" in parts:
        return f"indexer.{kind}"
    if "mlp" in parts:
        owner = re.search(r"mlp\.(experts|shared_experts)\.", name)
        return f"{owner[1] if owner else 'dense'}.{kind}"
    return kind


def dequantize(weight, packed, scale, scale_2):
    """Modelopt's float32 values of a packed weight."""
    quantized = NVFP4QTensor(weight.shape, weight.dtype, packed)
    return quantized.dequantize(
        dtype=torch.float32, scale=scale, double_scale=scale_2, block_sizes={-1: 16}
    )


def describe(source, export):
    """Digests per linear and relative RMS error per module type."""
    linears = {}
    squared = defaultdict(lambda: [0.0, 0.0])
    suffix = ".weight_scale"
    for name in sorted(key.removesuffix(suffix) for key in export.keys() if key.endswith(suffix)):
        weight = source.get_tensor(f"{name}.weight")
        packed, scale, scale_2 = (
            export.get_tensor(f"{name}.{part}")
            for part in ("weight", "weight_scale", "weight_scale_2")
        )
        linears[name] = [sha256(packed), sha256(scale), float(scale_2).hex()]
        error = weight.double() - dequantize(weight, packed, scale, scale_2).double()
        sums = squared[module_type(name)]
        sums[0] += error.square().sum().item()
        sums[1] += weight.double().square().sum().item()
    errors = {kind: math.sqrt(error / total) for kind, (error, total) in sorted(squared.items())}
    return {"linears": linears, "errors": errors}


def compact_json(description):
    """JSON with one linear or error per line."""
    sections = []
    for title, entries in description.items():
        values = (json.dumps(value, separators=(",", ":")) for value in entries.values())
        lines = (f'"{key}":{value}' for key, value in zip(entries, values, strict=True))
        sections.append(f'"{title}":{{\n' + ",\n".join(lines) + "\n}")
    return "{" + ",\n".join(sections) + "}\n"


def main():
    """Exports the model, then describes the export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=PROJECT / "models" / "reference")
    parser.add_argument("--export", type=Path, help="keep the complete export here")
    parser.add_argument(
        "--output", type=Path, default=PROJECT / "tests" / "golden" / "reference_nvfp4.json"
    )
    options = parser.parse_args()

    vocab_size = json.loads((options.model / "config.json").read_text())["vocab_size"]
    ids = random_token_ids(vocab_size, sequences=4, length=128, seed=0)
    with tempfile.TemporaryDirectory() as scratch:
        export_dir = options.export or Path(scratch)
        quantize_and_export(options.model, ids, mtq.NVFP4_DEFAULT_CFG, export_dir)
        with (
            safe_open(options.model / "model.safetensors", "pt") as source,
            safe_open(export_dir / "model.safetensors", "pt") as export,
        ):
            options.output.write_text(compact_json(describe(source, export)))
    print(f"{options.output}: {options.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
