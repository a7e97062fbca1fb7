// Hostile config.json and recipe texts: refused with a sentence or turned into a plan that holds
// together, never a crash.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "quant/plan.h"
#include "quant/recipe.h"

namespace {

// Large models are sound but slow to list; the fuzzer looks for crashes elsewhere.
bool Small(const glimmer::model::Config& config) {
  return config.total_layers() <= 8 && config.n_routed_experts <= 16;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes) {
  using namespace glimmer;
  const std::string text(reinterpret_cast<const char*>(data), size_bytes);
  (void)quant::ParseRecipe(text, "fuzz", "fuzz");
  const auto json = base::ParseJson(text, "fuzz");
  if (!json.ok() || !json.value().is_object()) return 0;
  (void)base::ParseJson(base::WithJsonMember(text, "q", 1), "again").value();
  const auto config = model::ParseConfig(json.value().get_object(), "fuzz");
  if (!config.ok() || !Small(config.value())) return 0;
  auto recipe = quant::LoadRecipe("nvfp4");
  const auto plan = quant::MakePlan(config.value(), model::ListTensors(config.value()),
                                    std::move(recipe).value(), {});
  if (plan.ok() && plan.value().totals.tensors_total() == 0) std::abort();
  return 0;
}
