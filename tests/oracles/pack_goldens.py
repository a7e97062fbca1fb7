"""Packs small BF16 matrices with modelopt's NVFP4QTensor and stores inputs and outputs.

Usage: pack_goldens.py [OUTPUT], default tests/golden/nvfp4_pack.safetensors.

Each case C is stored as C.input (BF16 [out, in]), C.weight (U8 [out, in/2]), C.weight_scale
(F8_E4M3 [out, in/16]) and C.weight_scale_2 (F32 []). The prefix of the name tells how
weight_scale_2 came about:

  (none)    modelopt computed it from the tensor on the CPU: float32(amax) / 2688
  pinned_*  it was given, as for a member of a fusion group whose maximum lies in another tensor
  gpu_*     it was given as float32(amax) * float32(1 / 2688), which is what modelopt gets on a GPU

A tensor of zeros without a given scale is deliberately absent: modelopt writes weight_scale_2 = 0
and NaN block scales for it, glimmer writes weight_scale_2 = 2^-126.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import torch
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from safetensors.torch import save_file

BLOCK = 16
SCALE_DIVISOR = 6 * 448
SCALE_FACTOR = torch.tensor(1 / SCALE_DIVISOR, dtype=torch.float32)
E2M1_TIES = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
E4M3_VALUES = torch.arange(127, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
DEFAULT_OUTPUT = Path(__file__).resolve().parents[1] / "golden" / "nvfp4_pack.safetensors"

# BF16 values for which amax / 2688 and amax * float32(1 / 2688) differ, named by their mantissa.
AMAX_OF_MANTISSA = 1 + torch.arange(128) / 128
RULES_DIFFER = AMAX_OF_MANTISSA / SCALE_DIVISOR != AMAX_OF_MANTISSA * SCALE_FACTOR

# BF16 integers with the factors that put real quotients on ties, and some without them.
AMAXES_NEAR_TIES = [*range(133, 256, 7), 129, 159, 183, 201, 249, 131, 193, 251]

random = torch.Generator().manual_seed(20260401)


def normal(rows, columns, scale=0.02):
    """BF16 Gaussian matrix."""
    return (torch.randn(rows, columns, generator=random) * scale).bfloat16()


def uniform(*shape):
    """Float32 values in [-1, 1)."""
    return torch.rand(*shape, generator=random) * 2 - 1


def exact(values):
    """BF16 of values that BF16 can represent."""
    converted = values.bfloat16()
    assert torch.equal(converted.float(), values.float())
    return converted


def bf16_step(values, steps):
    """Moves positive BF16 values by a number of units in the last place."""
    return (values.view(torch.int16) + steps).view(torch.bfloat16)


def blocks_with_amax(amaxes, columns):
    """One block per amax, filled with random values below it; the amax stands at a random place."""
    blocks = (uniform(len(amaxes), BLOCK) * amaxes.float()[:, None]).bfloat16()
    places = torch.randint(BLOCK, (len(amaxes), 1), generator=random)
    signs = torch.randint(2, (len(amaxes), 1), generator=random) * 2 - 1
    blocks.scatter_(1, places, amaxes[:, None] * signs.bfloat16())
    return blocks.view(-1, columns)


def e2m1_ties(s2_exponent=-14):
    """For each E4M3 scale c one block with +-6 c s2 and all seven ties of both signs, exactly."""
    magnitudes = torch.cat([E2M1_TIES, torch.tensor([6.0])])
    signed = torch.cat([magnitudes, -magnitudes])
    blocks = signed * E4M3_VALUES[1:, None] * 2.0**s2_exponent
    return exact(blocks).view(21, 96)


def e2m1_tie_neighbours(s2_exponent=-9):
    """The BF16 values next to every tie, for each E4M3 scale; two blocks per scale."""
    scales = E4M3_VALUES[1:, None] * 2.0**s2_exponent
    ties = exact(E2M1_TIES * scales)
    neighbours = torch.stack([bf16_step(ties, -1), bf16_step(ties, 1)], dim=-1).flatten(1)
    maximum = exact(6 * scales).expand(-1, 2)
    half_block = torch.cat([neighbours, maximum], dim=1)
    return torch.cat([half_block, -half_block], dim=1).view(63, 64)


def e4m3_ties(s2_exponent=-11):
    """Block maxima on and next to the midpoint of each two neighbouring E4M3 scales."""
    midpoints = (E4M3_VALUES[:-1] + E4M3_VALUES[1:]) / 2
    maxima = exact(6 * midpoints * 2.0**s2_exponent)
    near = torch.stack([bf16_step(maxima, step) for step in range(-2, 3)], dim=-1).flatten()
    tensor_maximum = exact(torch.full((18,), SCALE_DIVISOR * 2.0**s2_exponent))
    return blocks_with_amax(torch.cat([near, tensor_maximum]), 288)


def rounded_ties(tensor_amax):
    """Values on ties of both grids in real arithmetic, which float32 rounding may move off the tie.

    The quotients amax_of_block * 448 / tensor_amax and weight * 2688 / (scale * tensor_amax) can
    be ties only if tensor_amax, or the scale, or the tie bring the factors 7 and 3 of 2688.
    """
    scales = E4M3_VALUES[64:72]
    midpoints = torch.cat([E4M3_VALUES[:8] + E4M3_VALUES[1:9], scales + E4M3_VALUES[65:73]]) / 2
    s2 = tensor_amax.double() / SCALE_DIVISOR
    on_scale_ties = blocks_with_amax((6 * midpoints * s2).bfloat16(), BLOCK)
    ties = torch.cat([E2M1_TIES, torch.tensor([6.0])])
    on_weight_ties = (torch.cat([ties, -ties]) * scales[:, None] * s2).bfloat16()
    maximum = blocks_with_amax(tensor_amax.bfloat16().view(1), BLOCK)
    return torch.cat([on_scale_ties, on_weight_ties, maximum]).view(5, 80)


def scale_sweep(tensor_amax):
    """Block maxima over every BF16 value of 20 binades up to the tensor's, past the scale clamp."""
    top = tensor_amax.bfloat16().view(torch.int16)
    maxima = (top - torch.arange(20 * 128, dtype=torch.int16)).view(torch.bfloat16)
    return blocks_with_amax(maxima, 640)


def with_outliers(rows, columns):
    """Gaussian matrix with one value in fifty enlarged up to 300 times."""
    matrix = normal(rows, columns).float()
    chosen = torch.rand(rows, columns, generator=random) < 0.02
    return torch.where(chosen, matrix * (150 + 150 * uniform(rows, columns)), matrix).bfloat16()


def with_zero_rows():
    """Gaussian matrix with zero first, last and inner rows."""
    matrix = normal(8, 64)
    matrix[[0, 3, 7]] = 0
    return matrix


def with_zero_blocks():
    """Gaussian matrix in which about half of the blocks are zero."""
    matrix = normal(17, 48).view(17, 3, BLOCK)
    matrix[torch.rand(17, 3, generator=random) < 0.5] = 0
    return matrix.view(17, 48)


def row_spread():
    """Rows whose scales go from 2^-20 to 2^20."""
    return (normal(41, 32, 1.0).float() * 2.0 ** torch.arange(-20, 21)[:, None]).bfloat16()


def tiny_rows():
    """One ordinary row, and rows so small that their block scales clamp to 2^-9."""
    matrix = normal(8, 64, 1.0).float()
    matrix[1:] *= 2.0 ** -torch.arange(12, 33, 3)[:, None]
    return matrix.bfloat16()


def minus_zeros():
    """-0.0 inputs, and negative values that round to minus zero."""
    matrix = normal(8, 64, 1.0)
    matrix[:, 0::4] = -0.0
    matrix[:, 1::4] = -(matrix[:, 1::4].float().abs() * 0.01).bfloat16()
    matrix[2] = -0.0
    return matrix


def largest_bf16():
    """The largest finite BF16 value, negative only, among values down to 2^-22 of it."""
    maximum = torch.finfo(torch.bfloat16).max
    matrix = (uniform(8, 64) * maximum * 2.0 ** (-3.0 * torch.arange(8))[:, None]).bfloat16()
    matrix[0, 5] = -maximum
    return matrix


def subnormal(largest_step):
    """BF16 subnormals only: multiples of 2^-133 up to largest_step."""
    steps = torch.randint(-largest_step, largest_step + 1, (8, 64), generator=random)
    steps[0, 0] = largest_step
    return exact(steps.float() * 2.0**-133)


def with_amax(amax, rows=2, columns=32):
    """Gaussian matrix whose largest magnitude is exactly amax."""
    matrix = normal(rows, columns, float(amax) / 4).clamp(-0.99 * amax, 0.99 * amax)
    matrix[0, 7] = -amax
    return matrix


def amax_of(weight):
    """Largest magnitude as float32."""
    return weight.float().abs().max()


def division_scale(weight):
    """weight_scale_2 of the CPU rule."""
    return amax_of(weight) / SCALE_DIVISOR


def reciprocal_scale(weight):
    """weight_scale_2 of the GPU rule: multiplication by a float32 reciprocal."""
    return amax_of(weight) * SCALE_FACTOR


def own_scale_cases():
    """Inputs whose weight_scale_2 modelopt computes."""
    cases = {
        "gaussian": normal(64, 256),
        "outliers": with_outliers(17, 48),
        "zero_rows": with_zero_rows(),
        "zero_blocks": with_zero_blocks(),
        "e2m1_ties": e2m1_ties(),
        "e2m1_tie_neighbours": e2m1_tie_neighbours(),
        "e4m3_ties": e4m3_ties(),
        "scale_sweep": scale_sweep(AMAX_OF_MANTISSA[RULES_DIFFER][13]),
        "row_spread": row_spread(),
        "tiny_rows": tiny_rows(),
        "minus_zeros": minus_zeros(),
        "largest_bf16": largest_bf16(),
        "subnormal": subnormal(127),
        "subnormal_small": subnormal(3),
        "subnormal_smallest": subnormal(1),
        "subnormal_and_normal": torch.cat([subnormal(127), normal(8, 64, 2.0**-122)]),
        "single_block": normal(1, BLOCK),
        "three_rows": normal(3, BLOCK),
        "one_row": normal(1, 512),
    }
    for mantissa in RULES_DIFFER.nonzero().flatten().tolist():
        cases[f"division_{mantissa}"] = with_amax(AMAX_OF_MANTISSA[mantissa])
    for amax in AMAXES_NEAR_TIES:
        cases[f"rounded_ties_{amax}"] = rounded_ties(torch.tensor(float(amax)))
    return cases


def pinned_cases():
    """Inputs with the weight_scale_2 of a larger fusion group."""
    gaussian, ties = normal(64, 128), e2m1_ties()
    return {
        "pinned_group": (gaussian, division_scale(gaussian.float() * 1.375)),
        "pinned_group_1000": (gaussian, division_scale(gaussian.float() * 1000)),
        "pinned_group_million": (normal(8, 64), torch.tensor(1e6 / SCALE_DIVISOR)),
        "pinned_ties_doubled": (ties, 2 * division_scale(ties)),
        "pinned_ties_odd": (ties, 1.421875 * division_scale(ties)),
        "pinned_zero_rows": (with_zero_rows(), torch.tensor(0.5 / SCALE_DIVISOR)),
        "pinned_outliers": (with_outliers(17, 48), torch.tensor(40.75 / SCALE_DIVISOR)),
        "pinned_subnormal": (subnormal(127), torch.tensor(0.25 / SCALE_DIVISOR)),
        "pinned_zero_tensor": (normal(3, 32) * 0, torch.tensor(0.25 / SCALE_DIVISOR)),
    }


def gpu_rule_cases():
    """Inputs packed with the weight_scale_2 that a GPU computes."""
    cases = {
        "gpu_gaussian": with_amax(AMAX_OF_MANTISSA[RULES_DIFFER][5], 64, 256),
        "gpu_outliers": with_outliers(17, 48),
        "gpu_row_spread": row_spread(),
        "gpu_largest_bf16": largest_bf16(),
        "gpu_subnormal": subnormal(127),
        "gpu_subnormal_smallest": subnormal(1),
    }
    for mantissa in RULES_DIFFER.nonzero().flatten().tolist():
        cases[f"gpu_division_{mantissa}"] = with_amax(AMAX_OF_MANTISSA[mantissa])
    for amax in AMAXES_NEAR_TIES:
        cases[f"gpu_rounded_ties_{amax}"] = rounded_ties(torch.tensor(float(amax)))
    return {name: (weight, reciprocal_scale(weight)) for name, weight in cases.items()}


def pack(weight, scale_2):
    """The four tensors of one case; scale_2 None lets modelopt compute it."""
    packed, scales, scale_2 = NVFP4QTensor.quantize(weight, BLOCK, weights_scaling_factor_2=scale_2)
    return {
        "input": weight,
        "weight": packed._quantized_data,
        "weight_scale": scales,
        "weight_scale_2": scale_2,
    }


def main():
    """Packs all cases into one file."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_OUTPUT
    cases = {name: (weight, None) for name, weight in own_scale_cases().items()}
    cases |= pinned_cases() | gpu_rule_cases()
    tensors = {
        f"{name}.{part}": tensor.contiguous().clone()
        for name, (weight, scale_2) in cases.items()
        for part, tensor in pack(weight, scale_2).items()
    }
    made_with = f"nvidia-modelopt {version('nvidia-modelopt')}, torch {version('torch')}"
    save_file(tensors, output, metadata={"made_with": made_with})
    print(f"{output}: {len(cases)} cases, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
