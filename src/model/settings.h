// How exactly the model computes: choices that change results and that no config.json makes.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/cache_rows.h"

namespace glimmer::model {

// What the inputs of linears are rounded to. Sums are F32 in every mode; so are norms, softmax,
// router and residual stream.
enum class Activations : uint8_t {
  kF32,    // not at all: the reference
  kBf16,   // BF16
  kInt8,   // whole numbers of 8 bits with a scale for each block of 16 (of 128 for many rows)
           // where the weight is NVFP4, BF16 elsewhere and for kv_b_proj
  kNvfp4,  // NVFP4 with the linear's own input_scale where its weight is NVFP4 (W4A4, as on a
           // Blackwell GPU), not at all elsewhere; kv_b_proj keeps its input, as absorbing does
};

enum class KvCacheType : uint8_t {
  kF32,
  kBf16,
  kFp8,  // latent and rotated key as E4M3 with scale 1 ("fp8_cast"), index keys with own scales
};

// Whose input_scale a routed expert uses with Activations::kNvfp4.
enum class ExpertInputScale : uint8_t {
  kExpert,  // its own
  kLayer,   // the largest of its layer and projection, as kernels do that take one scale
};

// Both compute the same function; rounding differs.
enum class AttentionPath : uint8_t {
  kAuto,      // whichever takes fewer operations
  kAbsorbed,  // kv_b_proj multiplied into query and output; keys are the cached latents
  kExpanded,  // kv_b_proj applied to every cached latent, giving each head's keys and values
};

// What the output matrix is multiplied as. Packing it at load saves three quarters (NVFP4) or half
// (FP8) of the bytes that a token reads of it and loses what Model::lm_head_error tells.
enum class LmHead : uint8_t {
  kAsStored,
  kNvfp4,  // as modelopt packs a linear, without an input scale: its input is never NVFP4
  kFp8,    // E4M3 with a scale for each row
};

struct Settings {
  Activations activations = Activations::kBf16;
  // As the checkpoint announces, else by the activations: BF16 for kBf16 and kInt8, F32 otherwise.
  std::optional<KvCacheType> kv_cache{};
  ExpertInputScale expert_input_scale = ExpertInputScale::kExpert;
  AttentionPath attention = AttentionPath::kAuto;
  // eps of q_a_layernorm and kv_a_layernorm: that of the config when absent, as vLLM and SGLang
  // have it. transformers uses 1e-6. docs/model.md#norms
  std::optional<double> latent_norm_eps{};
  LmHead lm_head = LmHead::kAsStored;
};

}  // namespace glimmer::model
