"""Input scales that modelopt calibrates when the model is loaded in float32.

Usage: calibration_goldens.py

For each model in tests/golden/models: input_scales_f32.json, the float32 input_scale of every
quantized linear as a hexadecimal number, after one batch of calibration_ids.json with
NVFP4_DEFAULT_CFG. BF16 activations would depend on the order of every sum; float32 does not.
"""

import copy
import json
import tempfile
from pathlib import Path

import modelopt.torch.quantization as mtq
import torch
from forward_setup import PROJECT, load_model
from modelopt.torch.export import export_hf_checkpoint
from safetensors.torch import load_file

MODELS = PROJECT / "tests" / "golden" / "models"


def input_scales(folder):
    """{tensor name: input_scale} of modelopt's export of the model in float32."""
    model = load_model(folder / "source").eval()
    batch = torch.tensor(json.loads((folder / "calibration_ids.json").read_text()))
    mtq.quantize(
        model, copy.deepcopy(mtq.NVFP4_DEFAULT_CFG), lambda calibrated: calibrated(batch)
    )
    with tempfile.TemporaryDirectory() as scratch:
        export_hf_checkpoint(model, export_dir=scratch)
        tensors = load_file(Path(scratch) / "model.safetensors")
    return {
        name: float(tensor).hex()
        for name, tensor in sorted(tensors.items())
        if name.endswith(".input_scale")
    }


def main():
    for folder in sorted(path for path in MODELS.iterdir() if path.is_dir()):
        scales = input_scales(folder)
        assert len(scales) > 20, folder
        (folder / "input_scales_f32.json").write_text(json.dumps(scales, indent=1) + "\n")
        print(f"{folder.name}: {len(scales)} input scales")


if __name__ == "__main__":
    main()
