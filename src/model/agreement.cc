#include "model/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_set>

#include "base/file.h"
#include "base/text.h"

namespace glimmer::model {
namespace {

using base::Corrupt;
using base::Quoted;
using base::Status;

bool BelongsToModel(const Config& config, const std::string& name) {
  const bool cache_scale = name.ends_with(".k_scale") || name.ends_with(".v_scale");
  if (cache_scale || IsOptionalMtpTensor(config, name)) return false;
  if (!name.starts_with("model.layers.")) return true;
  for (uint64_t layer = 0; layer < config.total_layers(); ++layer) {
    if (name.starts_with(LayerPrefix(layer))) return true;
  }
  return false;
}

}  // namespace

bool IsPacked(const LoadedCheckpoint& checkpoint, const TensorSpec& spec) {
  return checkpoint.weights.Find(PartName(spec.name, Part::kWeightScale)).info != nullptr;
}

Status CheckAnnouncement(const LoadedCheckpoint& checkpoint) {
  const bool packed =
      std::any_of(checkpoint.specs.begin(), checkpoint.specs.end(),
                  [&](const TensorSpec& spec) { return IsPacked(checkpoint, spec); });
  const std::string where = Quoted(base::JoinPath(checkpoint.weights.folder(), kConfigName));
  if (packed && checkpoint.format == WeightFormat::kBf16) {
    return Corrupt(where + ": has no quantization_config, but weights are NVFP4");
  }
  if (!packed && checkpoint.format != WeightFormat::kBf16) {
    return Corrupt(where + ": quantization_config: announces NVFP4, but no weight is");
  }
  return {};
}

Status CheckNothingElse(const LoadedCheckpoint& checkpoint) {
  std::unordered_set<std::string> known;
  for (const TensorSpec& spec : checkpoint.specs) {
    for (size_t part = 0; part < kParts; ++part) {
      known.insert(PartName(spec.name, static_cast<Part>(part)));
    }
  }
  for (const io::Shard& shard : checkpoint.weights.shards()) {
    for (const io::TensorInfo& info : shard.tensors) {
      if (known.contains(info.name) || !BelongsToModel(checkpoint.config, info.name)) continue;
      return Corrupt(fmt::format("{}: tensor {} is no part of the model that {} describes",
                                 Quoted(shard.file.path()), Quoted(info.name), kConfigName));
    }
  }
  return {};
}

}  // namespace glimmer::model
