#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace glimmer::model {
namespace {

using base::JsonFields;
using base::JsonObject;
using base::JsonValue;
using base::Quoted;
using base::Result;
using base::Status;
using base::Unsupported;

constexpr char kArchitecture[] = "GlmMoeDsaForCausalLM";
constexpr char kModelType[] = "glm_moe_dsa";
// Far above any model, far below what overflows the products of two dimensions.
constexpr int64_t kMaxDimension = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxExperts = 65536;

Status CheckArchitecture(const JsonObject& json, const std::string& where) {
  JsonFields fields(json, where);
  const std::string model_type = fields.StringOr("model_type", "");
  const std::vector<std::string> architectures = fields.Strings("architectures");
  GLIMMER_TRY(fields.status());
  const std::string found = architectures.empty() ? model_type : architectures[0];
  const bool right_type =
      model_type == kModelType || (model_type.empty() && found == kArchitecture);
  const bool right_class = architectures.empty() || found == kArchitecture;
  if (right_type && right_class) return {};
  if (found.empty()) {
    return base::Invalid(where + ": model_type: is missing; this is no model's config.json");
  }
  return Unsupported(
      fmt::format("{}: architectures: {} (model_type {}) is not supported: glimmer "
                  "handles {} (model_type {}) only",
                  where, Quoted(found), Quoted(model_type), kArchitecture, kModelType));
}

// A setting of which glimmer computes one value only.
template <typename T>
void Require(JsonFields& fields, std::optional<base::Error>& refusal, const std::string& where,
             std::string_view key, const T& found, const T& supported) {
  if (found == supported || refusal || !fields.status().ok()) return;
  refusal = Unsupported(
      fmt::format("{}: {}: {} is not supported, only {}", where, key, found, supported));
}

void ReadSizes(JsonFields& f, Config& c) {
  const auto size = [&](std::string_view key) {
    return static_cast<uint64_t>(f.Int(key, 1, kMaxDimension));
  };
  c.vocab_size = size("vocab_size");
  c.hidden_size = size("hidden_size");
  c.intermediate_size = size("intermediate_size");
  c.moe_intermediate_size = size("moe_intermediate_size");
  c.num_hidden_layers = static_cast<uint64_t>(f.Int("num_hidden_layers", 1, kMaxLayers));
  c.num_nextn_predict_layers =
      static_cast<uint64_t>(f.IntOr("num_nextn_predict_layers", 0, kMaxLayers, 0));
  c.max_position_embeddings =
      static_cast<uint64_t>(f.IntOr("max_position_embeddings", 1, int64_t{1} << 40, 202752));
  c.num_attention_heads = size("num_attention_heads");
  c.q_lora_rank = size("q_lora_rank");
  c.kv_lora_rank = size("kv_lora_rank");
  c.qk_nope_head_dim = size("qk_nope_head_dim");
  c.qk_rope_head_dim = size("qk_rope_head_dim");
  c.v_head_dim = size("v_head_dim");
  c.rms_norm_eps = f.NumberOr("rms_norm_eps", 0, 1, 1e-5);
  c.index_n_heads = size("index_n_heads");
  c.index_head_dim = size("index_head_dim");
  c.index_topk = size("index_topk");
  c.indexer_rope_interleave = f.BoolOr("indexer_rope_interleave", true);
}

void ReadExperts(JsonFields& f, Config& c) {
  const auto count = [&](std::string_view key, int64_t absent) {
    return static_cast<uint64_t>(f.IntOr(key, 1, kMaxExperts, absent));
  };
  c.n_routed_experts = static_cast<uint64_t>(f.Int("n_routed_experts", 1, kMaxExperts));
  c.num_experts_per_tok = static_cast<uint64_t>(f.Int("num_experts_per_tok", 1, kMaxExperts));
  c.n_shared_experts = count("n_shared_experts", 1);
  c.n_group = count("n_group", 1);
  c.topk_group = count("topk_group", 1);
  c.norm_topk_prob = f.BoolOr("norm_topk_prob", true);
  c.routed_scaling_factor = f.NumberOr("routed_scaling_factor", 0, 1e6, 2.5);

  if (c.num_experts_per_tok > c.n_routed_experts) {
    f.Fail("num_experts_per_tok", fmt::format("{} is more than n_routed_experts {}",
                                              c.num_experts_per_tok, c.n_routed_experts));
  }
  if (c.n_routed_experts % c.n_group != 0) {
    f.Fail("n_group",
           fmt::format("{} does not divide n_routed_experts {}", c.n_group, c.n_routed_experts));
  }
  if (c.topk_group > c.n_group) {
    f.Fail("topk_group", fmt::format("{} is more than n_group {}", c.topk_group, c.n_group));
  }
  if (c.num_experts_per_tok > c.topk_group * (c.n_routed_experts / c.n_group)) {
    f.Fail("num_experts_per_tok", fmt::format("{} is more than the experts in topk_group {} of "
                                              "n_group {} groups",
                                              c.num_experts_per_tok, c.topk_group, c.n_group));
  }
}

void ReadRope(JsonFields& f, Config& c, std::optional<base::Error>& refusal,
              const std::string& where) {
  const JsonObject* parameters = f.ObjectOrNull("rope_parameters");
  const double legacy_theta = f.NumberOr("rope_theta", 1, 1e12, 1e6);
  c.rope_theta = legacy_theta;
  if (parameters != nullptr) {
    const std::string inner_where = where + ": rope_parameters";
    JsonFields inner(*parameters, inner_where);
    c.rope_theta = inner.NumberOr("rope_theta", 1, 1e12, legacy_theta);
    const std::string type = inner.StringOr("rope_type", "default");
    if (!inner.status().ok() && !refusal) refusal = inner.status().error();
    Require<std::string>(inner, refusal, inner_where, "rope_type", type, "default");
  }
  if (const JsonObject* scaling = f.ObjectOrNull("rope_scaling"); scaling && !scaling->empty()) {
    JsonFields inner(*scaling, where);
    const std::string type = inner.StringOr("rope_type", inner.StringOr("type", "default"));
    Require<std::string>(f, refusal, where, "rope_scaling", type, "default");
  }
  if (c.qk_rope_head_dim % 2 != 0) f.Fail("qk_rope_head_dim", "must be even");
  if (c.index_head_dim < c.qk_rope_head_dim) {
    f.Fail("index_head_dim", fmt::format("{} is less than qk_rope_head_dim {}, which rotates its "
                                         "first dimensions",
                                         c.index_head_dim, c.qk_rope_head_dim));
  }
  const auto head_dim = static_cast<uint64_t>(
      f.IntOr("qk_head_dim", 1, kMaxDimension, static_cast<int64_t>(c.qk_head_dim())));
  if (head_dim != c.qk_head_dim()) {
    f.Fail("qk_head_dim", fmt::format("{} is not qk_nope_head_dim {} + qk_rope_head_dim {}",
                                      head_dim, c.qk_nope_head_dim, c.qk_rope_head_dim));
  }
}

// The value of an explicit list of one word for each layer, or nothing when the key is absent.
template <typename Kind>
std::vector<Kind> ReadKinds(JsonFields& f, std::string_view key, size_t layers,
                            std::string_view word_first, Kind first, std::string_view word_second,
                            Kind second) {
  std::vector<Kind> kinds;
  if (!f.Has(key)) return kinds;
  for (const std::string& word : f.Strings(key)) {
    if (word != word_first && word != word_second) {
      f.Fail(key, fmt::format("expected \"{}\" or \"{}\", found {}", word_first, word_second,
                              Quoted(word)));
    }
    kinds.push_back(word == word_first ? first : second);
  }
  if (kinds.size() != layers) {
    f.Fail(key, fmt::format("has {} entries, expected one for each of num_hidden_layers {}",
                            kinds.size(), layers));
  }
  return kinds;
}

void ReadMlpKinds(JsonFields& f, Config& c, std::optional<base::Error>& refusal,
                  const std::string& where) {
  const int64_t absent = std::min<int64_t>(3, static_cast<int64_t>(c.num_hidden_layers));
  const auto dense = static_cast<uint64_t>(f.IntOr("first_k_dense_replace", 0, kMaxLayers, absent));
  const int64_t frequency = f.IntOr("moe_layer_freq", 1, kMaxLayers, 1);
  c.mlp_layer_types = ReadKinds(f, "mlp_layer_types", c.num_hidden_layers, "dense", MlpKind::kDense,
                                "sparse", MlpKind::kSparse);
  if (!c.mlp_layer_types.empty()) return;
  Require<int64_t>(f, refusal, where, "moe_layer_freq", frequency, 1);
  if (dense > c.num_hidden_layers) {
    f.Fail("first_k_dense_replace",
           fmt::format("{} is more than num_hidden_layers {}", dense, c.num_hidden_layers));
  }
  for (uint64_t layer = 0; layer < c.num_hidden_layers; ++layer) {
    c.mlp_layer_types.push_back(layer < dense ? MlpKind::kDense : MlpKind::kSparse);
  }
}

// indexer_types wins, then the pattern of F and S, then the rule of frequency and offset.
void ReadIndexerKinds(JsonFields& f, Config& c) {
  const int64_t frequency = f.IntOr("index_topk_freq", 1, kMaxLayers, 1);
  const int64_t offset = f.IntOr("index_skip_topk_offset", 0, kMaxLayers, 2);
  const std::string pattern = f.StringOr("index_topk_pattern", "");
  c.indexer_types = ReadKinds(f, "indexer_types", c.num_hidden_layers, "full", IndexerKind::kFull,
                              "shared", IndexerKind::kShared);
  if (!c.indexer_types.empty()) {
    // given layer by layer
  } else if (!pattern.empty()) {
    if (pattern.size() < c.num_hidden_layers ||
        pattern.find_first_not_of("FS") != std::string::npos) {
      f.Fail("index_topk_pattern",
             fmt::format("expected F or S for each of num_hidden_layers {}, found {}",
                         c.num_hidden_layers, Quoted(pattern)));
    }
    for (const char letter : pattern.substr(0, c.num_hidden_layers)) {
      c.indexer_types.push_back(letter == 'F' ? IndexerKind::kFull : IndexerKind::kShared);
    }
  } else {
    for (int64_t layer = 0; layer < static_cast<int64_t>(c.num_hidden_layers); ++layer) {
      const bool full = std::max<int64_t>(layer - offset + 1, 0) % frequency == 0;
      c.indexer_types.push_back(full ? IndexerKind::kFull : IndexerKind::kShared);
    }
  }
  if (!c.indexer_types.empty() && c.indexer_types[0] == IndexerKind::kShared) {
    const char* field = f.Has("indexer_types")        ? "indexer_types"
                        : f.Has("index_topk_pattern") ? "index_topk_pattern"
                                                      : "index_skip_topk_offset";
    f.Fail(field, "makes layer 0 share an indexer, but none comes before it");
  }
}

void ReadEos(const JsonObject& json, JsonFields& f, Config& c) {
  const JsonValue* eos = json.if_contains("eos_token_id");
  if (eos == nullptr || eos->is_null()) return;
  const base::JsonArray one = {*eos};
  for (const JsonValue& id : eos->is_array() ? eos->get_array() : one) {
    const bool valid = id.is_int64() && id.get_int64() >= 0 &&
                       static_cast<uint64_t>(id.get_int64()) < c.vocab_size;
    if (!valid) {
      f.Fail("eos_token_id", fmt::format("expected ids below vocab_size {}, found {}", c.vocab_size,
                                         base::Shown(id)));
    }
    c.eos_token_id.push_back(valid ? id.get_int64() : 0);
  }
}

void RefuseOtherArithmetic(JsonFields& f, std::optional<base::Error>& refusal,
                           const std::string& where) {
  const auto text = [&](const char* key, const char* supported) {
    Require<std::string>(f, refusal, where, key, f.StringOr(key, supported), supported);
  };
  const auto flag = [&](const char* key, bool supported) {
    Require<bool>(f, refusal, where, key, f.BoolOr(key, supported), supported);
  };
  text("hidden_act", "silu");
  text("scoring_func", "sigmoid");
  text("topk_method", "noaux_tc");
  flag("attention_bias", false);
  flag("mlp_bias", false);
  flag("tie_word_embeddings", false);
  flag("rope_interleave", true);
}

std::string DescribeQuantization(const JsonObject& quantization) {
  JsonFields fields(quantization, "");
  const std::string method = fields.StringOr("quant_method", "");
  const std::string algorithm = fields.StringOr("quant_algo", "");
  if (method == "fp8" && quantization.contains("weight_block_size")) {
    const std::string block = base::Shown(quantization.at("weight_block_size"));
    return "quantized to FP8 in blocks of " + block;
  }
  if (!algorithm.empty()) return fmt::format("quantized to {} by {}", algorithm, method);
  return method.empty() ? "quantized" : fmt::format("quantized with the method {}", Quoted(method));
}

}  // namespace

Result<Config> ParseConfig(const JsonObject& json, const std::string& where) {
  GLIMMER_TRY(CheckArchitecture(json, where));
  JsonFields fields(json, where);
  std::optional<base::Error> refusal;
  Config config;
  ReadSizes(fields, config);
  ReadExperts(fields, config);
  ReadRope(fields, config, refusal, where);
  GLIMMER_TRY(fields.status());
  ReadMlpKinds(fields, config, refusal, where);
  ReadIndexerKinds(fields, config);
  ReadEos(json, fields, config);
  RefuseOtherArithmetic(fields, refusal, where);
  if (refusal) return *refusal;
  GLIMMER_TRY(fields.status());
  return config;
}

Result<WeightFormat> AnnouncedFormat(const JsonObject& json, const std::string& where) {
  JsonFields fields(json, where);
  const std::string dtype = fields.StringOr("dtype", fields.StringOr("torch_dtype", "bfloat16"));
  const JsonObject* quantization = fields.ObjectOrNull("quantization_config");
  GLIMMER_TRY(fields.status());
  if (quantization != nullptr) {
    JsonFields inner(*quantization, where + ": quantization_config");
    const std::string algorithm = inner.StringOr("quant_algo", "");
    const bool modelopt = inner.StringOr("quant_method", "").starts_with("modelopt");
    GLIMMER_TRY(inner.status());
    if (modelopt && (algorithm == "NVFP4" || algorithm == "W4A16_NVFP4")) {
      return WeightFormat::kModeloptNvfp4;
    }
    return Unsupported(fmt::format("{}: quantization_config: the weights are {}; expected BF16",
                                   where, DescribeQuantization(*quantization)));
  }
  if (dtype != "bfloat16") {
    return Unsupported(
        fmt::format("{}: dtype: the weights are {}; expected bfloat16", where, Quoted(dtype)));
  }
  return WeightFormat::kBf16;
}

}  // namespace glimmer::model
