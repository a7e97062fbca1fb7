"""Quantizes a GlmMoeDsaForCausalLM checkpoint with modelopt and exports it, all on the CPU."""

import copy

import modelopt.torch.quantization as mtq
import torch
from modelopt.torch.export import export_hf_checkpoint
from transformers import GlmMoeDsaForCausalLM


def random_token_ids(vocab_size, sequences, length, seed):
    """Fixed random calibration ids, as nested lists."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocab_size, (sequences, length), generator=generator).tolist()


def quantize_and_export(source, calibration_ids, quantization_config, export_dir, **export_options):
    """Loads source in BF16, calibrates with one batch of ids and exports to export_dir."""
    model = GlmMoeDsaForCausalLM.from_pretrained(source, dtype=torch.bfloat16).eval()
    batch = torch.tensor(calibration_ids)
    mtq.quantize(model, copy.deepcopy(quantization_config), lambda calibrated: calibrated(batch))
    export_hf_checkpoint(model, export_dir=export_dir, **export_options)
