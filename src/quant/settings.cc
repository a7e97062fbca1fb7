#include "quant/settings.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/json.h"
#include "quant/version.h"

namespace glimmer::quant {

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
    GLIMMER_ASSIGN(const int64_t modified_ns, shard.file.ModifiedNs());
    GLIMMER_ASSIGN(const std::string header, io::ReadSafetensorsHeaderText(shard.file));
    settings["source file " + shard.name] =
        fmt::format("{} bytes, changed at {} ns, header {}", shard.file_bytes, modified_ns,
                    base::HashOf(header));
  }
  return settings;
}

}  // namespace glimmer::quant
