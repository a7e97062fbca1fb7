#!/usr/bin/env python3
"""Writes a random GGUF file of a GlmMoeDsa model's shape, for llama.cpp and ik_llama.cpp.

Every matrix gets the type asked for, also embedding and output; norms, router and router bias are
F32, as llama.cpp's own quantizer leaves them. Where a row is no multiple of the type's block
(attn_k_b with q4_k and iq4_xs), the matrix is Q4_0, which has the same 4.5 bits. The MTP layer is
left out. Scales are chosen so that a weight's standard deviation is 0.02 to 0.03 (0.07 with nvfp4,
whose scale per block is no smaller in the normal range of E4M3) and its mean zero: logits are
finite and routers spread. There is no tokenizer: llama-bench needs none.

Beside OUT, OUT.json says what a token reads. It is written last, so a file without one is not
complete.
"""
import argparse
import json
import os
import sys
from pathlib import Path

import gguf
import numpy as np

ARCH = "glm-dsa"  # the name of GlmMoeDsaForCausalLM in both engines
WEIGHT_STD = 0.02
Q = gguf.GGMLQuantizationType

# Blocks as the engines store them: elements, and the fields in order. Sizes are checked against
# gguf's own table.
BLOCKS = {
    Q.NVFP4: (64, [("scales", "u1", 4), ("codes", "u1", 32)]),
    Q.MXFP4: (32, [("exponent", "u1"), ("codes", "u1", 16)]),
    Q.Q4_0: (32, [("scale", "<f2"), ("codes", "u1", 16)]),
    Q.Q4_K: (256, [("scale", "<f2"), ("minimum", "<f2"), ("scales", "u1", 12),
                   ("codes", "u1", 128)]),
    Q.IQ4_XS: (256, [("scale", "<f2"), ("scales_high", "<u2"), ("scales_low", "u1", 4),
                     ("codes", "u1", 128)]),
}
TYPES = {kind.name.lower(): kind for kind in BLOCKS}
FALLBACK = Q.Q4_0


def block_dtype(kind):
    elements, fields = BLOCKS[kind]
    dtype = np.dtype(fields)
    assert (elements, dtype.itemsize) == gguf.GGML_QUANT_SIZES[kind], kind
    return dtype


def random_blocks(kind, count, rng):
    """`count` valid blocks of `kind`, every bit of the codes random."""
    dtype = block_dtype(kind)
    words = rng.integers(0, 2**64, (count * dtype.itemsize + 7) // 8, dtype=np.uint64)
    blocks = words.view(np.uint8)[: count * dtype.itemsize].view(dtype)
    around_one = rng.uniform(0.5, 1.5, count)
    if kind == Q.NVFP4:  # E4M3 of 2^-6 to 1.875 * 2^-6
        blocks["scales"] = blocks["scales"] % 8 + 8
    elif kind == Q.MXFP4:  # E2M1 codes have a deviation of 2.9, times 2^-8 or 2^-7
        blocks["exponent"] = blocks["exponent"] % 2 + 119
    elif kind == Q.Q4_0:  # codes of -8 to 7: the sign of the scale makes their mean zero
        sign = np.where(rng.random(count) < 0.5, -1.0, 1.0)
        blocks["scale"] = around_one * sign * WEIGHT_STD / 4.6
    elif kind == Q.Q4_K:  # scale * s * code - minimum * m, s and m of 6 bits, independent
        blocks["scale"] = around_one * WEIGHT_STD / 4.6 / 37
        blocks["minimum"] = 7.5 * blocks["scale"]
    elif kind == Q.IQ4_XS:  # codes of -127 to 113, times scales of -32 to 31
        blocks["scale"] = around_one * WEIGHT_STD / 70 / 18.5
    return blocks


class Model:
    """Names, shapes (outermost first) and kinds of a config's tensors."""

    def __init__(self, config, kind):
        self.config = config
        self.kind = kind
        self.tensors = []  # name, shape, type, share of it that a token reads
        self.list_tensors()

    def matrix(self, name, shape, share=1.0):
        fits = shape[-1] % BLOCKS[self.kind][0] == 0
        self.tensors.append((name + ".weight", shape, self.kind if fits else FALLBACK, share))

    def f32(self, name, shape, share=1.0):
        self.tensors.append((name, shape, Q.F32, share))

    def list_tensors(self):
        c = self.config
        hidden, vocabulary = c["hidden_size"], c["vocab_size"]
        self.matrix("token_embd", (vocabulary, hidden), 1 / vocabulary)
        self.f32("output_norm.weight", (hidden,))
        self.matrix("output", (vocabulary, hidden))
        for layer in range(c["num_hidden_layers"]):
            prefix = f"blk.{layer}."
            self.list_attention(prefix)
            self.list_indexer(prefix + "indexer.")
            self.f32(prefix + "ffn_norm.weight", (hidden,))
            if layer < c["first_k_dense_replace"]:
                self.list_mlp(prefix, "", c["intermediate_size"])
            else:
                self.list_experts(prefix)

    def list_attention(self, prefix):
        c = self.config
        hidden, heads = c["hidden_size"], c["num_attention_heads"]
        q_rank, kv_rank = c["q_lora_rank"], c["kv_lora_rank"]
        nope, rope, value = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
        self.f32(prefix + "attn_norm.weight", (hidden,))
        self.f32(prefix + "attn_q_a_norm.weight", (q_rank,))
        self.f32(prefix + "attn_kv_a_norm.weight", (kv_rank,))
        self.matrix(prefix + "attn_q_a", (q_rank, hidden))
        self.matrix(prefix + "attn_q_b", (heads * (nope + rope), q_rank))
        self.matrix(prefix + "attn_kv_a_mqa", (kv_rank + rope, hidden))
        self.matrix(prefix + "attn_k_b", (heads, kv_rank, nope))
        self.matrix(prefix + "attn_v_b", (heads, value, kv_rank))
        self.matrix(prefix + "attn_output", (hidden, heads * value))

    def list_indexer(self, prefix):
        c = self.config
        heads, size = c["index_n_heads"], c["index_head_dim"]
        self.f32(prefix + "k_norm.weight", (size,))
        self.f32(prefix + "k_norm.bias", (size,))
        self.matrix(prefix + "proj", (heads, c["hidden_size"]))
        self.matrix(prefix + "attn_k", (size, c["hidden_size"]))
        self.matrix(prefix + "attn_q_b", (heads * size, c["q_lora_rank"]))

    def list_mlp(self, prefix, suffix, width):
        hidden = self.config["hidden_size"]
        self.matrix(f"{prefix}ffn_gate{suffix}", (width, hidden))
        self.matrix(f"{prefix}ffn_up{suffix}", (width, hidden))
        self.matrix(f"{prefix}ffn_down{suffix}", (hidden, width))

    def list_experts(self, prefix):
        c = self.config
        hidden, experts, width = c["hidden_size"], c["n_routed_experts"], c["moe_intermediate_size"]
        share = c["num_experts_per_tok"] / experts
        self.f32(prefix + "ffn_gate_inp.weight", (experts, hidden))
        self.f32(prefix + "exp_probs_b.bias", (experts,))
        self.matrix(prefix + "ffn_gate_exps", (experts, width, hidden), share)
        self.matrix(prefix + "ffn_up_exps", (experts, width, hidden), share)
        self.matrix(prefix + "ffn_down_exps", (experts, hidden, width), share)
        self.list_mlp(prefix, "_shexp", width * c["n_shared_experts"])


def tensor_bytes(shape, kind):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    return int(np.prod(shape)) // block * size


def random_tensor(name, shape, kind, rng):
    """Bytes of a quantized tensor, by row, or F32."""
    if kind != Q.F32:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        data = random_blocks(kind, int(np.prod(shape)) // block, rng).view(np.uint8)
        return data.reshape(*shape[:-1], shape[-1] // block * size)
    if name.endswith("norm.weight"):
        return np.ones(shape, np.float32)
    return rng.normal(0, WEIGHT_STD, shape).astype(np.float32)


def write_metadata(writer, config):
    rope, kv_rank = config["qk_rope_head_dim"], config["kv_lora_rank"]
    writer.add_name("random, to measure with")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_leading_dense_block_count(config["first_k_dense_replace"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(1)  # the latent, shared by all heads
    writer.add_q_lora_rank(config["q_lora_rank"])
    writer.add_kv_lora_rank(kv_rank)
    writer.add_key_length(kv_rank + rope)
    writer.add_value_length(kv_rank)
    writer.add_key_length_mla(config["qk_nope_head_dim"] + rope)
    writer.add_value_length_mla(config["v_head_dim"])
    writer.add_rope_dimension_count(rope)
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_indexer_head_count(config["index_n_heads"])
    writer.add_indexer_key_length(config["index_head_dim"])
    writer.add_indexer_top_k(config["index_topk"])
    writer.add_expert_count(config["n_routed_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_shared_count(config["n_shared_experts"])
    writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    writer.add_expert_weights_scale(config["routed_scaling_factor"])
    writer.add_expert_weights_norm(config["norm_topk_prob"])
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    writer.add_expert_group_count(config["n_group"])
    writer.add_expert_group_used_count(config["topk_group"])
    writer.add_tokenizer_model("none")


def write_file(model, path, seed):
    rng = np.random.Generator(np.random.SFC64(seed))
    writer = gguf.GGUFWriter(path, ARCH)
    write_metadata(writer, model.config)
    for name, shape, kind, _ in model.tensors:
        if kind == Q.F32:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), tensor_bytes(shape, kind))
        else:
            block, size = gguf.GGML_QUANT_SIZES[kind]
            row_bytes = shape[-1] // block * size
            writer.add_tensor_info(name, (*shape[:-1], row_bytes), np.dtype(np.uint8),
                                   tensor_bytes(shape, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, shape, kind, _ in model.tensors:
        writer.write_tensor_data(random_tensor(name, shape, kind, rng))
    writer.close()


def describe(model):
    """What OUT.json holds. A token reads a row of the embedding and the experts that it chose."""
    read, indexer, total, parameters = 0.0, 0, 0, 0
    for name, shape, kind, share in model.tensors:
        size = tensor_bytes(shape, kind)
        read += size * share
        indexer += size if ".indexer." in name else 0
        total += size
        parameters += int(np.prod(shape))
    return {"type": model.kind.name.lower(), "parameters": parameters, "bytes": total,
            "bytes_per_token": round(read), "indexer_bytes_per_token": indexer,
            "config": model.config}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Example:\n"
               "  make_gguf.py tests/testdata/configs/glm-5b.json random.gguf --type q4_0")
    parser.add_argument("config", type=Path, help="config.json of a GlmMoeDsaForCausalLM")
    parser.add_argument("out", type=Path, help="file to write; OUT.json describes it")
    parser.add_argument("--type", choices=TYPES, default="q4_0", help="of every matrix (q4_0)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes")
    options = parser.parse_args()
    try:
        config = json.loads(options.config.read_text())
        if config["model_type"] != "glm_moe_dsa":
            sys.exit(f"{options.config}: model_type is {config['model_type']!r}, not 'glm_moe_dsa'")
        model = Model(config, TYPES[options.type])
    except OSError as error:
        sys.exit(f"{options.config}: {error.strerror}")
    except (ValueError, TypeError):
        sys.exit(f"{options.config} is not the JSON of a config")
    except KeyError as error:
        sys.exit(f"{options.config}: there is no {error.args[0]}")
    description = Path(f"{options.out}.json")
    description.unlink(missing_ok=True)
    partial = Path(f"{options.out}.partial")
    write_file(model, partial, options.seed)
    os.replace(partial, options.out)
    about = describe(model)
    description.write_text(json.dumps(about, indent=1) + "\n")
    print(f"{options.out}: {about['parameters'] / 1e9:.2f} B parameters, "
          f"{about['bytes'] / 1e9:.2f} GB, {about['bytes_per_token'] / 1e9:.3f} GB a token")


if __name__ == "__main__":
    main()
