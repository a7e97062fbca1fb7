// What SGLang 0.5.23 makes of a checkpoint. All rules were verified against the release's code.
// Those without a condition on the checkpoint state a fact and never fire.
#pragma once

#include "check/finding.h"

namespace glimmer::check {

inline constexpr Rule kSglangRules[] = {
    {"S01", Severity::kWarning, true,
     "config.json's quantization_config wins; hf_quant_config.json is read only without it, and "
     "the two are never compared",
     "write both with the same content"},
    {"S02", Severity::kRefuses, true,
     "quant_algo must be FP8, NVFP4, NVFP4_AWQ, W4A16_NVFP4 or MIXED_PRECISION in upper case, and "
     "quant_method modelopt or absent",
     "write quant_method modelopt and the exact name"},
    {"S03", Severity::kRefuses, true,
     "the nested form needs group_size, all of them equal; a null list is an error",
     "write group_size 16 and a list"},
    {"S04", Severity::kWrongValues, true,
     "weights-only builds labelled NVFP4 are not recognised: missing input scales stay 1.0 and "
     "activations are quantized with them",
     "label it W4A16_NVFP4"},
    {"S05", Severity::kRefuses, true,
     "with MIXED_PRECISION gate_up_proj is looked up by its own name only: listed by shards it is "
     "unquantized, KeyError",
     "list gate_up_proj too, or do not use MIXED_PRECISION"},
    {"S10", Severity::kRefuses, true,
     "an entry equal to a module's name, a dotted prefix or a dotted middle part unquantizes it; "
     "a name with experts in it also by standing inside an entry",
     "derive the list from the tensors written"},
    {"S11", Severity::kRefuses, true,
     "an entry is a pattern over the whole name or one component, with * as any run and other "
     "signs as in a regular expression",
     "put a dot before the *"},
    {"S12", Severity::kRefuses, true,
     "a joined linear (gate_up_proj, fused_qkv_a_proj_with_mqa) with some but not all shards "
     "listed is a ValueError; patterns do not reach shards",
     "list both shards by exact names"},
    {"S13", Severity::kRefuses, true,
     "an entry that ends in exactly q_b_proj, kv_b_proj or kv_a_proj_with_mqa unquantizes that "
     "module in every layer",
     "put a * behind it, or let all layers agree"},
    {"S14", Severity::kRefuses, true,
     "the block of experts is excluded by patterns only: model.layers.i.mlp without * excludes "
     "the linears and not the experts",
     "write mlp.experts* or mlp*"},
    {"S17", Severity::kRefuses, true,
     "the list and the tensors disagree: shape errors, or KeyError on the scales",
     "derive the list from the tensors written"},
    {"S20", Severity::kRefuses, true,
     "indexer.wk and indexer.weights_proj are copied into one BF16 parameter: packed tensors are a "
     "size error",
     "keep them BF16: glimmer convert --recipe nvfp4-serve"},
    {"S21", Severity::kRefuses, true,
     "a packed kv_b_proj is not dequantized when it is split: the first MLA product fails",
     "keep kv_b_proj BF16: glimmer convert --recipe nvfp4-serve"},
    {"S22", kFact, true, "q_a, kv_a, q_b, o_proj, MLPs and lm_head take NVFP4", ""},
    {"S23", Severity::kWrongValues, true,
     "of q_a and kv_a the loader keeps q_a's scalar scales and drops kv_a's",
     "give both equal bits"},
    {"S24", Severity::kWrongValues, true,
     "of a joined linear the largest weight_scale_2 and input_scale are used for all shards",
     "give the shards equal bits"},
    {"S25", Severity::kWrongValues, true,
     "back ends but TRT-LLM use gate's weight_scale_2 for an expert's gate and up, and one "
     "input_scale for both",
     "give both equal bits"},
    {"S26", Severity::kWrongValues, true,
     "a missing input_scale is 1.0, a missing weight_scale_2, weight_scale or weight is "
     "uninitialised memory; nothing is tested",
     "write all of them, finite and above 0"},
    {"S27", Severity::kWarning, true, "unexpected tensors are skipped with a warning",
     "write only the model's tensors"},
    {"S27", Severity::kRefuses, true,
     "a tensor of another shape is an error, an unexpected one with gate_proj or up_proj in its "
     "name a KeyError",
     "write only the model's tensors in the shapes of docs/formats.md"},
    {"S27", Severity::kWrongValues, true,
     "element types are not tested: copies convert, so a wrong type loads as wrong numbers",
     "write U8, F8_E4M3 and F32"},
    {"S28", Severity::kRefuses, true,
     "the router and its kind are built without quantization, and topk_method is read without "
     "default",
     "keep routers, eh_proj and embeddings BF16, and config.json as the source has it"},
    {"S29", Severity::kRefuses, true,
     "one shared expert beside 256 routed ones is joined to them unless an entry contains "
     "shared_expert: its tensors must then have the experts' format",
     "list mlp.shared_experts* for BF16 shared experts"},
    {"S30", kFact, true,
     "needs compute capability 8.0; dense NVFP4 linears below 10.0 need --fp4-gemm-backend marlin",
     ""},
    {"S31", Severity::kWarning, true,
     "only files that the index names are read, also for mtp.safetensors",
     "name its tensors in the index"},
    {"S31", Severity::kRefuses, true,
     "every file that the index names must be there and agree with it",
     "write the index from the shards"},
    {"S32", Severity::kWrongValues, true,
     "which layers own an indexer comes from indexer_types, else the pattern, else the frequency",
     "write all keys, consistent"},
    {"S40", Severity::kWarning, true,
     "the cache is bfloat16 or fp8_e4m3 by the GPU, whatever the checkpoint says", "announce FP8"},
    {"S41", Severity::kRefuses, true,
     "with NVFP4 the draft layer is built without quantization: a packed MTP layer is a shape "
     "error",
     "keep the MTP layer BF16"},
    {"S42", Severity::kWrongValues, true,
     "without any tensor of the MTP layer the draft model loads silently with random weights",
     "copy the MTP layer from the source"},
    {"S42", Severity::kWarning, true, "the draft model takes one MTP layer, no more",
     "serve without MTP"},
};

}  // namespace glimmer::check
