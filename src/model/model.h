// A model ready to compute: config, mapped weights and the settings that decide precision.
// Never changes after loading; any number of threads may use it.
#pragma once

#include <optional>

#include "base/result.h"
#include "model/config.h"
#include "model/settings.h"
#include "model/weights.h"
#include "tensor/pack_error.h"

namespace glimmer::model {

struct Model {
  Config config;
  Settings settings;
  KvCacheType kv_cache;   // settings.kv_cache, decided
  float norm_eps;         // of all RMSNorms but the next two
  float latent_norm_eps;  // of q_a_layernorm and kv_a_layernorm
  Weights weights;
  // Of packing lm_head; absent where it is multiplied as stored.
  std::optional<tensor::PackError> lm_head_error{};
};

// What the checkpoint announces for its cache (`kv_cache_scheme` of its quantization_config, or
// hf_quant_config.json), or nothing. Errors: kUnsupported for a format that glimmer does not have.
base::Result<std::optional<KvCacheType>> AnnouncedKvCache(const LoadedCheckpoint& checkpoint);

// `threads` pack lm_head where the settings ask for it; its values do not depend on their number.
// Errors: those of MapWeights, AnnouncedKvCache and PackLmHead.
base::Result<Model> LoadModel(const LoadedCheckpoint& checkpoint, const Settings& settings,
                              size_t threads = 1);

}  // namespace glimmer::model
