"""NumPy restatement of modelopt's NVFP4 weight formulas, and a check of all goldens against it.

Usage: nvfp4_formulas.py [--golden DIR] [--reference DIR]

The first half is the specification in executable form, in float32. The second half recomputes
the goldens from their source weights and compares bytes; it uses neither torch nor safetensors.
"""

import argparse
import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

BLOCK = 16
SCALE_DIVISOR = np.float32(6 * 448)
SCALE_FACTOR = np.float32(1) / SCALE_DIVISOR
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
E4M3_SUBNORMALS = [mantissa * 2.0**-9 for mantissa in range(8)]
E4M3_NORMALS = [(8 + mantissa) * 2.0**power for power in range(-9, 6) for mantissa in range(8)]
E4M3 = np.array(E4M3_SUBNORMALS + E4M3_NORMALS[:-1], np.float32)  # the last code is NaN


def nearest_even(magnitude, grid):
    """Code of the nearest grid value, ties to the even code, saturating at the last one."""
    middles = (grid[:-1] + grid[1:]) / np.float32(2)
    code = np.searchsorted(middles, magnitude)
    tie = magnitude == np.append(middles, np.float32(np.inf))[code]
    return np.where(tie & (code % 2 == 1), code + 1, code).clip(max=len(grid) - 1).astype(np.uint8)


def global_scale(amax, gpu_rule=False):
    """weight_scale_2: a division on the CPU, a multiplication by the reciprocal on a GPU."""
    return amax * SCALE_FACTOR if gpu_rule else amax / SCALE_DIVISOR


def block_scales(weight, scale_2):
    """E4M3 codes of the block scales, one per 16 values of a row."""
    block_amax = np.abs(weight.reshape(*weight.shape[:-1], -1, BLOCK)).max(axis=-1)
    scale = block_amax / (np.float32(6) * scale_2)
    scale[scale == 0] = 1
    return nearest_even(scale.clip(np.float32(2.0**-9), np.float32(448)), E4M3)


def pack(weight, scale_codes, scale_2):
    """E2M1 codes of the scaled weights, two per byte, the even column in the low nibble."""
    block_scale = E4M3[scale_codes] * scale_2
    scaled = weight / np.repeat(block_scale, BLOCK, axis=-1)
    codes = nearest_even(np.abs(scaled), E2M1) | (scaled < 0).astype(np.uint8) << 3
    return codes[..., 0::2] | codes[..., 1::2] << 4


def quantize(weight, scale_2):
    """Bytes of weight and weight_scale for BF16 weights given as float32."""
    scale_codes = block_scales(weight, scale_2)
    return pack(weight, scale_codes, scale_2), scale_codes


def is_quantized(name, shape):
    """Whether a source tensor is the weight of a linear that modelopt's default quantizes."""
    excluded = r"(lm_head|model\.embed_tokens|mlp\.gate)\.weight$"
    return name.endswith(".weight") and len(shape) == 2 and not re.search(excluded, name)


def fusion_groups(linears):
    """Lists of linears that read the same input and so share the largest amax of their group."""
    shared_inputs = {
        "hidden": r"self_attn\.(q_a_proj|kv_a_proj_with_mqa|indexer\.wk|indexer\.weights_proj)$",
        "q_latent": r"self_attn\.(q_b_proj|indexer\.wq_b)$",
        "gate_up": r"(gate_proj|up_proj)$",
    }
    groups = defaultdict(list)
    for name in linears:
        matches = ((key, re.search(pattern, name)) for key, pattern in shared_inputs.items())
        shared = [(name[: match.start()], key) for key, match in matches if match]
        groups[shared[0] if shared else name].append(name)
    return groups.values()


# The check.


class Tensors:
    """Read-only safetensors file."""

    def __init__(self, path):
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        self.header = json.loads(content[8:start])
        self.header.pop("__metadata__", None)
        self.data = content[start:]

    def bytes(self, name):
        begin, end = self.header[name]["data_offsets"]
        return self.data[begin:end]

    def floats(self, name):
        """Values of a BF16 or F32 tensor."""
        values = np.frombuffer(self.bytes(name), np.uint8)
        if self.header[name]["dtype"] == "BF16":
            values = values.view(np.uint16).astype(np.uint32) << 16
        return values.view(np.float32).reshape(self.header[name]["shape"])


class Checker:
    """Counts comparisons and collects the names of what differs."""

    def __init__(self):
        self.compared = 0
        self.different = []

    def equal(self, name, expected, actual):
        """Compares two values, arrays by their bytes."""
        expected, actual = (
            value.tobytes() if hasattr(value, "tobytes") else value for value in (expected, actual)
        )
        self.compared += 1
        if expected != actual:
            self.different.append(name)


def check_pack(checker, path):
    """Compares every case of nvfp4_pack.safetensors."""
    tensors = Tensors(path)
    for case in sorted({name.split(".")[0] for name in tensors.header}):
        weight = tensors.floats(f"{case}.input")
        scale_2 = tensors.floats(f"{case}.weight_scale_2")[()]
        if not case.startswith("pinned_"):
            own_scale = global_scale(np.abs(weight).max(), gpu_rule=case.startswith("gpu_"))
            checker.equal(f"{case}.weight_scale_2", scale_2, own_scale)
        packed, scales = quantize(weight, scale_2)
        checker.equal(f"{case}.weight", tensors.bytes(f"{case}.weight"), packed)
        checker.equal(f"{case}.weight_scale", tensors.bytes(f"{case}.weight_scale"), scales)


def quantized_linears(source):
    """Yields (name, weight, weight_scale, weight_scale_2) of all linears of a source."""
    header = source.header.items()
    weights = [name for name, entry in header if is_quantized(name, entry["shape"])]
    for group in fusion_groups([name.removesuffix(".weight") for name in weights]):
        members = {name: source.floats(f"{name}.weight") for name in group}
        scale_2 = global_scale(max(np.abs(weight).max() for weight in members.values()))
        for name, weight in members.items():
            yield name, *quantize(weight, scale_2), scale_2


def check_model(checker, folder):
    """Compares one export with its source; of input_scale only the presence is checked."""
    source = Tensors(folder / "source" / "model.safetensors")
    export = Tensors(folder / "modelopt" / "model.safetensors")
    expected = {name: source.bytes(name) for name in source.header}
    for name, packed, scales, scale_2 in quantized_linears(source):
        expected[f"{name}.weight"] = packed
        expected[f"{name}.weight_scale"] = scales
        expected[f"{name}.weight_scale_2"] = scale_2
        expected[f"{name}.input_scale"] = export.bytes(f"{name}.input_scale")
    checker.equal("tensor names", set(expected), set(export.header))
    for name in sorted(set(expected) & set(export.header)):
        checker.equal(name, expected[name], export.bytes(name))


def check_reference(checker, path, model):
    """Compares the digests of reference_nvfp4.json with the reference model."""
    source = Tensors(model / "model.safetensors")
    layers = json.loads((model / "config.json").read_text())["num_hidden_layers"]
    source.header = {
        name: entry
        for name, entry in source.header.items()
        if not name.startswith(f"model.layers.{layers}.")
    }
    actual = {
        name: [
            hashlib.sha256(packed.tobytes()).hexdigest(),
            hashlib.sha256(scales.tobytes()).hexdigest(),
            float(scale_2).hex(),
        ]
        for name, packed, scales, scale_2 in quantized_linears(source)
    }
    expected = json.loads(path.read_text())["linears"]
    checker.equal("linear names", set(expected), set(actual))
    for name in sorted(set(expected) & set(actual)):
        checker.equal(name, expected[name], actual[name])


def check_cuda(checker, folder):
    """Compares the CUDA tables with the grids and the rounding used here, NaN apart."""
    case = np.dtype([("input", "<f4"), ("code", "<u4")])
    patterns = (np.arange(65536, dtype=np.uint32) << 16).view(np.float32)
    for name, grid, sign_bit, suffix in (("e2m1", E2M1, 8, ""), ("e4m3", E4M3, 128, "_satfinite")):
        table = np.fromfile(folder / f"bf16_to_{name}{suffix}.bin", np.uint8)
        cases = np.fromfile(folder / f"f32_to_{name}_cases.bin", case)
        for title, inputs, codes in (
            (f"bf16_to_{name}", patterns, table),
            (f"f32_to_{name}", cases["input"], cases["code"].astype(np.uint8)),
        ):
            known = ~np.isnan(inputs)
            inputs, codes = inputs[known], codes[known]
            rounded = nearest_even(np.abs(inputs), grid)
            rounded[np.signbit(inputs)] += sign_bit
            checker.equal(title, codes, rounded)
        decoded = np.fromfile(folder / f"{name}_to_f32.bin", np.float32).reshape(2, sign_bit)
        checker.equal(f"{name}_to_f32", decoded[:, : len(grid)], np.stack([grid, -grid]))


def main():
    """Runs all checks; fails if anything differs."""
    project = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--golden", type=Path, default=project / "tests" / "golden")
    parser.add_argument("--reference", type=Path, default=project / "models" / "reference")
    options = parser.parse_args()

    golden = options.golden
    checks = [("nvfp4_pack", check_pack, [golden / "nvfp4_pack.safetensors"])]
    for folder in sorted((golden / "models").iterdir()):
        checks.append((f"models/{folder.name}", check_model, [folder]))
    reference_files = [golden / "reference_nvfp4.json", options.reference]
    checks.append(("reference_nvfp4", check_reference, reference_files))
    checks.append(("cuda", check_cuda, [golden / "cuda"]))

    failed = False
    for title, check, arguments in checks:
        checker = Checker()
        check(checker, *arguments)
        failed |= bool(checker.different)
        print(f"{title}: {checker.compared} compared, {len(checker.different)} different")
        print("".join(f"  {name}\n" for name in checker.different[:20]), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
