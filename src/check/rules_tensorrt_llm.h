// What TensorRT-LLM makes of a checkpoint. Read in stored copies of single files of unknown age;
// nothing was run, so no rule is verified.
#pragma once

#include "check/finding.h"

namespace glimmer::check {

inline constexpr Rule kTensorrtLlmRules[] = {
    {"T01", Severity::kWarning, false,
     "hf_quant_config.json wins when present, the reverse of vLLM and SGLang",
     "write both with the same content"},
    {"T02", Severity::kRefuses, false, "algorithm names are exact", "write NVFP4 or W4A16_NVFP4"},
    {"T03", Severity::kRefuses, false,
     "the list is matched as a shell pattern over the whole module name, nothing else; list and "
     "tensors must agree",
     "derive the list from the tensors written"},
    {"T04", Severity::kRefuses, false,
     "input_scale of packed q_a and kv_a must be equal (assertion)", "give both equal bits"},
    {"T04", Severity::kWarning, false,
     "unequal weight_scale_2 of q_a and kv_a are re-quantized to the larger one",
     "give both equal bits"},
    {"T05", Severity::kRefuses, false,
     "input_scale and weight_scale_2 of joined linears must be equal (assertion)",
     "give the shards equal bits"},
    {"T06", Severity::kRefuses, false, "the indexer's weights_proj is never quantized",
     "keep it BF16: glimmer convert --recipe nvfp4-serve"},
    {"T07", Severity::kRefuses, false,
     "the loader splits kv_b_proj for each head and knows BF16 and FP8 blocks only",
     "keep kv_b_proj BF16: glimmer convert --recipe nvfp4-serve"},
    {"T08", Severity::kRefuses, false,
     "an entry that matches the bare word kv_b_proj sends a BF16 kv_b_proj down the FP8 path",
     "list it by its full name"},
    {"T09", kFact, false,
     "inline configurations of kind nvfp4 get default excludes, modelopt's get none", ""},
    {"T10", Severity::kRefuses, false,
     "the MTP layer is built with the global configuration unless its names are excluded",
     "list model.layers.N*"},
    {"T12", Severity::kWarning, false,
     "the GLM-5 deployment guide does not support MTP with NVFP4; Blackwell only",
     "serve without MTP"},
    {"T20", Severity::kRefuses, false,
     "tensors that are missing, unknown or of another type or shape do not load",
     "write the checkpoint again"},
};

}  // namespace glimmer::check
