"""NVFP4 models in float32: dequantized weights, and fake-quantized activations (W4A4).

Weights follow docs/formats.md#nvfp4 in float32: value(code) * (weight_scale * weight_scale_2).

Activations: the float32 input x of a quantized linear is cut into blocks of 16 along its last
dimension. In float32, with s the linear's input_scale:

  t    = (max |x| of the block / 6) / s
  sfx  = nearest E4M3 value of t, ties to the even code, saturating at 448; below 2^-10 it is 0
  step = sfx * s
  code = nearest E2M1 value of |x| / step, ties to the even code, saturating at 6; 0 if step is 0
  x'   = sign(x) * code * step

and the product is that of x' with the dequantized weight in float32. kv_b_proj keeps its input:
engines that absorb it multiply by its dequantized weight. Router, embedding and head are not
quantized. Everything else is, the indexer's linears included.
"""

import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from forward_setup import load_model, save_tensors
from nvfp4_formulas import BLOCK, E2M1, E4M3, nearest_even
from safetensors.torch import load_file

QUANTIZED_PARTS = (".weight_scale", ".weight_scale_2", ".input_scale")


def dequantize(packed, scale, scale_2):
    """Float32 weight [out, in] of a packed linear."""
    codes = packed.numpy()
    codes = np.stack((codes & 15, codes >> 4), axis=-1).reshape(len(codes), -1)
    values = np.concatenate((E2M1, -E2M1))[codes]
    block_scale = scale.float().numpy() * scale_2.numpy()
    return torch.from_numpy(values * np.repeat(block_scale, BLOCK, axis=-1))


def dequantized_tensors(tensors):
    """Tensors of an export with every packed linear in float32 and without the scales."""
    plain = {}
    for name, tensor in tensors.items():
        if name.endswith(QUANTIZED_PARTS):
            continue
        if f"{name}_scale" in tensors:
            tensor = dequantize(tensor, tensors[f"{name}_scale"], tensors[f"{name}_scale_2"])
        plain[name] = tensor
    return plain


def load_dequantized(export, latent_eps=None):
    """A modelopt export with float32 weights and unquantized activations (W4A16)."""
    tensors = load_file(export / "model.safetensors")
    config = json.loads((export / "config.json").read_text())
    del config["quantization_config"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_tensors(folder / "model.safetensors", dequantized_tensors(tensors))
        (folder / "config.json").write_text(json.dumps(config))
        return load_model(folder, latent_eps=latent_eps)


def distance_to_rounding(values, grid):
    """Smallest distance of values to a middle between neighbours of the grid."""
    middles = (grid[:-1] + grid[1:]) / np.float32(2)
    above = np.searchsorted(middles, values).clip(max=len(middles) - 1)
    below = (above - 1).clip(min=0)
    return np.minimum(np.abs(values - middles[above]), np.abs(values - middles[below]))


class ActivationQuantizer:
    """Fake-quantizes inputs; with measure, keeps the smallest margins of the rounding decisions:
    of block scales relative to the scale, of elements relative to the 6 of the grid's end."""

    def __init__(self, measure=False):
        self.measure = measure
        self.scale_margin = self.element_margin = float("inf")

    def quantize(self, x, input_scale):
        """x' of the module's description."""
        blocks = x.numpy().reshape(*x.shape[:-1], -1, BLOCK)
        scaled_amax = np.abs(blocks).max(axis=-1, keepdims=True) / np.float32(6) / input_scale
        scale = E4M3[nearest_even(scaled_amax, E4M3)]
        step = scale * input_scale
        magnitude = np.abs(blocks) / np.where(step == 0, np.float32(np.inf), step)
        if self.measure and blocks.size:
            distance = distance_to_rounding(scaled_amax, E4M3) / scaled_amax.clip(min=2.0**-9)
            self.scale_margin = min(self.scale_margin, distance.min().item())
            distance = distance_to_rounding(magnitude, E2M1) / 6
            self.element_margin = min(self.element_margin, distance.min().item())
        rounded = np.copysign(E2M1[nearest_even(magnitude, E2M1)] * step, blocks)
        return torch.from_numpy(rounded.reshape(x.shape))

    def experts_forward(self, module, gate_up_scale, down_scale, hidden, top_indices, top_weights):
        """GlmMoeDsaExperts.forward with quantized inputs."""
        hidden = self.quantize(hidden, gate_up_scale)
        output = torch.zeros_like(hidden)
        for expert in top_indices.unique().tolist():
            tokens, slots = torch.where(top_indices == expert)
            gate_up = torch.nn.functional.linear(hidden[tokens], module.gate_up_proj[expert])
            gate, up = gate_up.chunk(2, dim=-1)
            inner = self.quantize(torch.nn.functional.silu(gate) * up, down_scale)
            result = torch.nn.functional.linear(inner, module.down_proj[expert])
            output.index_add_(0, tokens, result * top_weights[tokens, slots, None])
        return output

    def install(self, model, tensors):
        """Quantizes the inputs of all linears of a dequantized model that have an input_scale."""
        scales = {
            name.removesuffix(".input_scale"): np.float32(tensor.item())
            for name, tensor in tensors.items()
            if name.endswith(".input_scale")
        }
        assert min(scales.values()) > 0
        for name, module in model.named_modules():
            if name.endswith(".experts"):
                parts = {"gate_proj": set(), "up_proj": set(), "down_proj": set()}
                for expert in range(module.num_experts):
                    for part, values in parts.items():
                        values.add(scales.pop(f"{name}.{expert}.{part}"))
                (gate_scale,), (up_scale,), (down_scale,) = parts.values()
                assert gate_scale == up_scale
                module.forward = partial(self.experts_forward, module, gate_scale, down_scale)
            elif name in scales:
                scale = scales.pop(name)
                if not name.endswith("kv_b_proj"):
                    module.register_forward_pre_hook(partial(self.quantize_argument, scale))
        assert not scales, scales

    def quantize_argument(self, scale, _, args):
        """Forward pre-hook of a linear."""
        return (self.quantize(args[0], scale),)


def load_w4a4(export, latent_eps=None, measure=False):
    """A modelopt export with quantized weights and activations, and its quantizer."""
    model = load_dequantized(export, latent_eps)
    quantizer = ActivationQuantizer(measure)
    quantizer.install(model, load_file(export / "model.safetensors"))
    return model, quantizer
