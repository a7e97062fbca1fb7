"""Input scales that modelopt calibrates with NVFP4_DEFAULT_CFG, by tensor name, as hexadecimal
numbers, in tests/golden/calibration.

Usage: calibration_goldens.py

NAME_f32.json: the models of tests/golden/models and the reference model, loaded in float32.
reference_bf16.json: loaded in bfloat16, where an amax depends on the order of sums. Small random
models do so beyond measure, a trained one does not. The sequences of the reference model are as
long as its index_topk, as GLM-5.1's are when it is calibrated with 2,048 tokens.

Where the indexer's scores are equal, torch.topk chooses as it likes; here the first positions win,
as in glimmer.
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

GOLDEN = PROJECT / "tests" / "golden"
REFERENCE_TOKENS = 2048
REFERENCE_LENGTH = 64


def stable_topk(values, k, dim=-1, largest=True, sorted=True):
    """torch.topk with the lowest index first among equals."""
    assert largest
    ordered = torch.sort(values, dim=dim, descending=True, stable=True)
    return torch.return_types.topk(
        (ordered.values.narrow(dim, 0, k), ordered.indices.narrow(dim, 0, k))
    )


def input_scales(source, dtype, batch):
    """{tensor name: input_scale} of modelopt's export of the model in that dtype."""
    model = load_model(source).to(dtype).eval()
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


def write(name, source, dtype, batch):
    scales = input_scales(source, dtype, batch)
    assert len(scales) > 20, name
    (GOLDEN / "calibration" / f"{name}.json").write_text(json.dumps(scales, indent=1) + "\n")
    print(f"{name}: {len(scales)} input scales")


def main():
    torch.topk = stable_topk
    torch.Tensor.topk = stable_topk
    for folder in sorted(path for path in (GOLDEN / "models").iterdir() if path.is_dir()):
        batch = torch.tensor(json.loads((folder / "calibration_ids.json").read_text()))
        write(f"{folder.name}_f32", folder / "source", torch.float32, batch)
    flat = json.loads((GOLDEN / "forward" / "reference_tokens.json").read_text())["flat"]
    batch = torch.tensor(flat[:REFERENCE_TOKENS]).reshape(-1, REFERENCE_LENGTH)
    reference = PROJECT / "models" / "reference"
    write("reference_f32", reference, torch.float32, batch)
    write("reference_bf16", reference, torch.bfloat16, batch)


if __name__ == "__main__":
    main()
