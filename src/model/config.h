// The model's config.json (`GlmMoeDsaForCausalLM`), read strictly: fields keep Hugging Face's
// names, every number is range-checked, and what glimmer would compute differently from what a
// field asks for is refused by name instead of ignored.
// Source: docs/model.md#config; transformers' GlmMoeDsaConfig.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json_types.h"
#include "base/result.h"

namespace glimmer::model {

enum class MlpKind { kDense, kSparse };     // one MLP, or router + routed and shared experts
enum class IndexerKind { kFull, kShared };  // own indexer, or the last full layer's selection

struct Config {
  uint64_t vocab_size = 0;
  uint64_t hidden_size = 0;
  uint64_t intermediate_size = 0;
  uint64_t moe_intermediate_size = 0;
  uint64_t num_hidden_layers = 0;
  uint64_t num_nextn_predict_layers = 0;  // MTP layers, stored behind the main ones
  uint64_t max_position_embeddings = 0;

  uint64_t num_attention_heads = 0;
  uint64_t q_lora_rank = 0;
  uint64_t kv_lora_rank = 0;
  uint64_t qk_nope_head_dim = 0;
  uint64_t qk_rope_head_dim = 0;
  uint64_t v_head_dim = 0;
  double rope_theta = 0;
  double rms_norm_eps = 0;

  uint64_t index_n_heads = 0;
  uint64_t index_head_dim = 0;
  uint64_t index_topk = 0;
  bool indexer_rope_interleave = true;

  uint64_t n_routed_experts = 0;
  uint64_t n_shared_experts = 0;
  uint64_t num_experts_per_tok = 0;
  uint64_t n_group = 0;
  uint64_t topk_group = 0;
  bool norm_topk_prob = true;
  double routed_scaling_factor = 1;

  std::vector<MlpKind> mlp_layer_types;    // one for each main layer
  std::vector<IndexerKind> indexer_types;  // one for each main layer
  std::vector<int64_t> eos_token_id;

  uint64_t qk_head_dim() const { return qk_nope_head_dim + qk_rope_head_dim; }
  // Main and MTP layers together.
  uint64_t total_layers() const { return num_hidden_layers + num_nextn_predict_layers; }
  bool IsMtpLayer(uint64_t layer) const { return layer >= num_hidden_layers; }
  // MTP layers are sparse and own their indexer.
  MlpKind mlp_kind(uint64_t layer) const {
    return IsMtpLayer(layer) ? MlpKind::kSparse : mlp_layer_types[layer];
  }
  IndexerKind indexer_kind(uint64_t layer) const {
    return IsMtpLayer(layer) ? IndexerKind::kFull : indexer_types[layer];
  }
  // Whether a layer uses the positions that an earlier one chose.
  bool shares_indexers() const {
    return std::find(indexer_types.begin(), indexer_types.end(), IndexerKind::kShared) !=
           indexer_types.end();
  }
};

inline constexpr char kConfigName[] = "config.json";
constexpr uint64_t kMaxConfigBytes = 16'000'000;

// How the weights beside a config.json are stored, as the config says.
enum class WeightFormat { kBf16, kModeloptNvfp4 };

// `where` is named in errors. Errors: kUnsupported for another model type or a setting that
// glimmer does not compute, kInvalid for fields that are missing, out of range or contradictory.
base::Result<Config> ParseConfig(const base::JsonObject& json, const std::string& where);

// What `quantization_config` and `dtype` announce. Errors: kUnsupported, saying in one sentence
// what the weights are, for everything but BF16 and modelopt's NVFP4.
base::Result<WeightFormat> AnnouncedFormat(const base::JsonObject& json, const std::string& where);

}  // namespace glimmer::model
