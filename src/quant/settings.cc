#include "quant/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "base/json.h"
#include "quant/version.h"

namespace glimmer::quant {

namespace {

constexpr uint64_t kSamples = 16, kSampleBytes = 4096;

// Of pieces spread evenly over the file, its end among them. Weights of another training run differ
// everywhere, at the same sizes and with the same header.
base::Result<std::string> HashOfSamples(const io::Shard& shard) {
  base::Hasher hasher;
  std::vector<std::byte> piece(std::min(kSampleBytes, shard.file_bytes));
  for (uint64_t i = 1; i <= kSamples; ++i) {
    const uint64_t offset = (shard.file_bytes - piece.size()) / kSamples * i;
    GLIMMER_TRY(shard.file.ReadAt(piece, offset));
    hasher.Add(piece);
  }
  return hasher.Hex();
}

}  // namespace

base::Result<base::JsonObject> ConversionSettings(const Plan& plan, const io::Checkpoint& source,
                                                  const std::string& config_text,
                                                  tensor::ScaleRule rule) {
  base::JsonObject settings = {
      {"glimmer version", kVersion},
      {"recipe", fmt::format("{} ({})", plan.recipe.name, base::HashOf(plan.recipe.text))},
      {"--scale-rule", rule == tensor::ScaleRule::kCpu ? "cpu" : "gpu"},
      {"--weights-only", plan.options.weights_only},
      {"--max-shard-size", plan.options.max_shard_bytes},
      {"source config.json", base::HashOf(config_text)},
  };
  for (const io::Shard& shard : source.shards()) {
    GLIMMER_ASSIGN(const std::string header, io::ReadSafetensorsHeaderText(shard.file));
    GLIMMER_ASSIGN(const std::string samples, HashOfSamples(shard));
    const std::string file = " of source file " + shard.name;
    settings["size" + file] = shard.file_bytes;
    settings["header" + file] = base::HashOf(header);
    settings["samples" + file] = samples;
  }
  return settings;
}

}  // namespace glimmer::quant
