"""Makes three tiny random GLM models and modelopt's NVFP4 exports of them.

Usage: model_goldens.py [OUTPUT], default tests/golden/models.

For each model NAME: source/ is the BF16 checkpoint with hub names, modelopt/ the export of
NVFP4_DEFAULT_CFG, calibration_ids.json the token ids given to the calibration. `basic` also has
modelopt_w4a16/, the configuration files and tensor names of W4A16_NVFP4_CFG, whose tensors are
asserted to be those of modelopt/ without the input scales.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import modelopt.torch.quantization as mtq
import torch
from modelopt_export import quantize_and_export, random_token_ids
from safetensors.torch import load_file, save_file
from transformers import GlmMoeDsaForCausalLM

DEFAULT_OUTPUT = Path(__file__).resolve().parents[1] / "golden" / "models"
BLOCK = 16

# The keys of zai-org/GLM-5.1's config.json; each model replaces the sizes.
GLM51_CONFIG = {
    "architectures": ["GlmMoeDsaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "dtype": "bfloat16",
    "eos_token_id": [1, 2, 3],
    "ep_size": 1,
    "first_k_dense_replace": 1,
    "hidden_act": "silu",
    "head_dim": 16,
    "hidden_size": 64,
    "index_head_dim": 32,
    "index_n_heads": 2,
    "index_topk": 8,
    "indexer_rope_interleave": True,
    "initializer_range": 0.02,
    "intermediate_size": 96,
    "kv_lora_rank": 32,
    "max_position_embeddings": 256,
    "moe_intermediate_size": 32,
    "moe_layer_freq": 1,
    "model_type": "glm_moe_dsa",
    "n_group": 1,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "norm_topk_prob": True,
    "num_attention_heads": 2,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "num_nextn_predict_layers": 0,
    "pad_token_id": 1,
    "pretraining_tp": 1,
    "q_lora_rank": 32,
    "qk_head_dim": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "rms_norm_eps": 1e-05,
    "rope_interleave": True,
    "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"},
    "routed_scaling_factor": 2.5,
    "scoring_func": "sigmoid",
    "tie_word_embeddings": False,
    "topk_group": 1,
    "topk_method": "noaux_tc",
    "transformers_version": "5.4.0",
    "use_cache": True,
    "v_head_dim": 16,
    "vocab_size": 96,
}

MODELS = {
    "basic": {},
    "groups": {
        "hidden_size": 80,
        "index_n_heads": 3,
        "intermediate_size": 112,
        "kv_lora_rank": 48,
        "moe_intermediate_size": 16,
        "n_group": 4,
        "n_routed_experts": 16,
        "n_shared_experts": 3,
        "num_attention_heads": 3,
        "num_experts_per_tok": 3,
        "num_hidden_layers": 2,
        "num_key_value_heads": 3,
        "q_lora_rank": 48,
        "qk_head_dim": 48,
        "qk_nope_head_dim": 32,
        "topk_group": 2,
        "vocab_size": 80,
    },
    "shared": {
        "first_k_dense_replace": 2,
        "head_dim": 32,
        "hidden_size": 48,
        "index_share_for_mtp_iteration": True,
        "index_skip_topk_offset": 2,
        "index_topk_freq": 3,
        "index_topk_pattern": None,
        "indexer_types": ["full", "full", "shared", "shared", "full"],
        "mlp_layer_types": ["dense", "dense", "sparse", "sparse", "sparse"],
        "moe_router_dtype": "float32",
        "n_routed_experts": 4,
        "num_hidden_layers": 5,
        "rope_parameters": {"rope_theta": 8000000, "rope_type": "default"},
    },
}


class RandomTensors:
    """Seeded source of weights with the features that a quantizer can get wrong."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator)

    def chosen(self, share, *shape):
        return torch.rand(*shape, generator=self.generator) < share

    def linear(self, rows, columns):
        """Rows of different scale, one value in 300 an outlier, some rows and blocks zero."""
        scale = columns**-0.5 * 2.0 ** (2 * self.normal(rows, 1)).clamp(-8, 4)
        matrix = self.normal(rows, columns) * scale
        matrix = torch.where(self.chosen(1 / 300, rows, columns), 12 * matrix, matrix)
        zero_block = self.chosen(0.03, rows, columns // BLOCK, 1).expand(-1, -1, BLOCK)
        zero_row = self.chosen(0.02, rows, 1)
        return matrix.masked_fill(zero_block.flatten(1) | zero_row, 0).bfloat16()

    def plain(self, rows, columns):
        """A matrix that stays BF16: embedding, head, router."""
        return (self.normal(rows, columns) * columns**-0.5).bfloat16()

    def norm(self, size):
        """Norm weights around one."""
        return (1 + 0.3 * self.normal(size)).bfloat16()

    def bias(self, size):
        """Small float32 values."""
        return 0.1 * self.normal(size)


def attention_tensors(config, random, has_indexer):
    """Tensors of one self_attn module."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    q_rank, kv_rank = config["q_lora_rank"], config["kv_lora_rank"]
    rope, nope, value = (
        config[key] for key in ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
    )
    tensors = {
        "q_a_proj.weight": random.linear(q_rank, hidden),
        "q_a_layernorm.weight": random.norm(q_rank),
        "q_b_proj.weight": random.linear(heads * (nope + rope), q_rank),
        "kv_a_proj_with_mqa.weight": random.linear(kv_rank + rope, hidden),
        "kv_a_layernorm.weight": random.norm(kv_rank),
        "kv_b_proj.weight": random.linear(heads * (nope + value), kv_rank),
        "o_proj.weight": random.linear(hidden, heads * value),
    }
    if has_indexer:
        index_heads, index_dim = config["index_n_heads"], config["index_head_dim"]
        tensors |= {
            "indexer.wq_b.weight": random.linear(index_heads * index_dim, q_rank),
            "indexer.wk.weight": random.linear(index_dim, hidden),
            "indexer.k_norm.weight": random.norm(index_dim),
            "indexer.k_norm.bias": random.bias(index_dim).bfloat16(),
            "indexer.weights_proj.weight": random.linear(index_heads, hidden),
        }
    return tensors


def mlp_tensors(random, hidden, intermediate):
    """Tensors of one gated MLP."""
    return {
        "gate_proj.weight": random.linear(intermediate, hidden),
        "up_proj.weight": random.linear(intermediate, hidden),
        "down_proj.weight": random.linear(hidden, intermediate),
    }


def moe_tensors(config, random):
    """Tensors of one MoE block, one MLP per expert."""
    hidden, experts = config["hidden_size"], config["n_routed_experts"]
    width = config["moe_intermediate_size"]
    tensors = {
        "gate.weight": random.plain(experts, hidden),
        "gate.e_score_correction_bias": random.bias(experts),
    }
    mlps = {f"experts.{expert}": width for expert in range(experts)}
    mlps["shared_experts"] = width * config["n_shared_experts"]
    for name, intermediate in mlps.items():
        for part, tensor in mlp_tensors(random, hidden, intermediate).items():
            tensors[f"{name}.{part}"] = tensor
    return tensors


def source_tensors(config, random):
    """All tensors of a model under their hub names."""
    hidden, vocab = config["hidden_size"], config["vocab_size"]
    tensors = {"model.embed_tokens.weight": random.plain(vocab, hidden)}
    for layer in range(config["num_hidden_layers"]):
        has_indexer = config.get("indexer_types", {layer: "full"})[layer] == "full"
        modules = {
            "self_attn": attention_tensors(config, random, has_indexer),
            "mlp": mlp_tensors(random, hidden, config["intermediate_size"])
            if layer < config["first_k_dense_replace"]
            else moe_tensors(config, random),
            "input_layernorm": {"weight": random.norm(hidden)},
            "post_attention_layernorm": {"weight": random.norm(hidden)},
        }
        for module, parts in modules.items():
            for part, tensor in parts.items():
                tensors[f"model.layers.{layer}.{module}.{part}"] = tensor
    tensors["model.norm.weight"] = random.norm(hidden)
    tensors["lm_head.weight"] = random.plain(vocab, hidden)
    return tensors


def write_source(folder, config, seed):
    """Writes the BF16 checkpoint and checks that transformers finds every tensor it expects."""
    folder.mkdir(parents=True)
    tensors = source_tensors(config, RandomTensors(seed))
    assert all(tensor.any() for tensor in tensors.values())
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    _, loading = GlmMoeDsaForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, output_loading_info=True
    )
    assert not any(loading.values()), loading


def export(source, calibration_ids, quantization_config, folder):
    """Exports with modelopt and keeps the tensors and the two configuration files."""
    with tempfile.TemporaryDirectory() as scratch:
        quantize_and_export(source, calibration_ids, quantization_config, scratch)
        folder.mkdir()
        for name in ("model.safetensors", "config.json", "hf_quant_config.json"):
            shutil.copyfile(Path(scratch) / name, folder / name)


def keep_names_of_weight_only_export(folder, default_export):
    """Replaces the tensors of a W4A16 export by their names, which must be the default's bytes."""
    tensors = load_file(folder / "model.safetensors")
    default = load_file(default_export / "model.safetensors")
    expected = {name for name in default if not name.endswith(".input_scale")}
    assert set(tensors) == expected
    for name, tensor in tensors.items():
        assert tensor.dtype == default[name].dtype
        assert tensor.view(-1).view(torch.uint8).equal(default[name].view(-1).view(torch.uint8))
    (folder / "tensor_names.json").write_text(json.dumps(sorted(tensors), indent=0) + "\n")
    (folder / "model.safetensors").unlink()


def main():
    """Writes all models."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_OUTPUT
    for seed, (name, sizes) in enumerate(MODELS.items()):
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        config = dict(sorted((GLM51_CONFIG | sizes).items()))
        write_source(folder / "source", config, seed)
        ids = random_token_ids(config["vocab_size"], sequences=4, length=24, seed=seed)
        (folder / "calibration_ids.json").write_text(json.dumps(ids) + "\n")
        export(folder / "source", ids, mtq.NVFP4_DEFAULT_CFG, folder / "modelopt")
        if name == "basic":
            weight_only = folder / "modelopt_w4a16"
            export(folder / "source", ids, mtq.W4A16_NVFP4_CFG, weight_only)
            keep_names_of_weight_only_export(weight_only, folder / "modelopt")
        print(f"{folder}: {sum(path.stat().st_size for path in folder.rglob('*.*'))} bytes")


if __name__ == "__main__":
    main()
