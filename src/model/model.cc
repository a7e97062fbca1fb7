#include "model/model.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/lm_head.h"
#include "model/loaded_checkpoint.h"

namespace glimmer::model {
namespace {

using base::JsonFields;
using base::JsonObject;
using base::Result;

KvCacheType DefaultKvCache(Activations activations) {
  const bool narrow = activations == Activations::kBf16 || activations == Activations::kInt8;
  return narrow ? KvCacheType::kBf16 : KvCacheType::kF32;
}

}  // namespace

Result<std::optional<KvCacheType>> AnnouncedKvCache(const LoadedCheckpoint& checkpoint) {
  const std::string where = base::Quoted(base::JoinPath(checkpoint.weights.folder(), kConfigName));
  JsonFields config(checkpoint.config_json, where);
  const JsonObject* quantization = config.ObjectOrNull("quantization_config");
  GLIMMER_TRY(config.status());
  if (quantization == nullptr) return std::optional<KvCacheType>();
  const std::string inner_where = where + ": quantization_config";
  JsonFields inner(*quantization, inner_where);
  const JsonObject* scheme = inner.ObjectOrNull("kv_cache_scheme");
  GLIMMER_TRY(inner.status());
  if (scheme == nullptr) return std::optional<KvCacheType>();
  JsonFields fields(*scheme, inner_where + ": kv_cache_scheme");
  const int64_t bits = fields.IntOr("num_bits", 1, 64, 0);
  const std::string type = fields.StringOr("type", "");
  GLIMMER_TRY(fields.status());
  if (bits == 8 && type == "float") return std::optional(KvCacheType::kFp8);
  return base::Unsupported(
      fmt::format("{}: kv_cache_scheme: expected num_bits 8 and type \"float\", found {} and {}; "
                  "choose the cache's format yourself to use another",
                  inner_where, bits, base::Quoted(type)));
}

Result<Model> LoadModel(const LoadedCheckpoint& checkpoint, const Settings& settings,
                        size_t threads) {
  std::optional<KvCacheType> kv_cache = settings.kv_cache;
  if (!kv_cache) {
    GLIMMER_ASSIGN(kv_cache, AnnouncedKvCache(checkpoint));
  }
  GLIMMER_ASSIGN(Weights weights, MapWeights(checkpoint, settings));
  auto lm_head_error = PackLmHead(settings.lm_head, threads, weights);
  if (!lm_head_error.ok()) {
    return std::move(lm_head_error).error().In(base::Quoted(checkpoint.weights.folder()));
  }
  const Config& config = checkpoint.config;
  return Model{
      .config = config,
      .settings = settings,
      .kv_cache = kv_cache.value_or(DefaultKvCache(settings.activations)),
      .norm_eps = static_cast<float>(config.rms_norm_eps),
      .latent_norm_eps = static_cast<float>(settings.latent_norm_eps.value_or(config.rms_norm_eps)),
      .weights = std::move(weights),
      .lm_head_error = lm_head_error.value()};
}

}  // namespace glimmer::model
